"""The two ways an agent's state ends: she is free again, or she goes away. Both have consequences for callers, and
these are the only places where they are drawn."""

from __future__ import annotations

from softswitch.acd import deadlines, matching, rest, sticky
from softswitch.acd.agents import (
    BREAK,
    LOGGED_OUT,
    NOT_REGISTERED,
    OFFLINE,
    ON_OWN_CALL,
    OUTBOUND,
    READY,
    RELIEF,
    SUSPENDED,
    Agent,
    change,
)
from softswitch.acd.floor import Floor
from softswitch.acd.messages import AgentState


def free(floor: Floor, agent: Agent, now: float, keep_idle_time: bool = False) -> None:
    """What she did is over. Ready, unless a log-out, a lost phone, a break or a call of her own says otherwise."""
    duty = agent.duty
    if duty.logged_out:
        away(floor, agent, OFFLINE, LOGGED_OUT, now)
    elif duty.break_wanted is not None:
        reason, duty.break_wanted = duty.break_wanted, None
        rest.begin(floor, agent, duty.then, reason, now)
    elif not duty.registered:
        away(floor, agent, OFFLINE, NOT_REGISTERED, now)
    elif duty.on_own_call:
        away(floor, agent, SUSPENDED, ON_OWN_CALL, now)
    elif duty.tally.just_talked and floor.settings.relief is not None and rest.is_earned(floor.settings.relief, agent):
        away(floor, agent, BREAK, RELIEF, now, now + floor.settings.relief.rest_seconds)
    else:
        if not keep_idle_time:
            agent.standing.idle_since = now
        was = agent.state
        change(floor.out, agent, READY, "", now)
        if floor.eligibility.relaxing and (was is OFFLINE or was is BREAK or was is SUSPENDED or was is OUTBOUND):
            moved = matching.relax_unstaffed(floor, now)
            matching.agent_free(floor, agent, now)
            matching.find_for(floor, moved, now)
        else:
            matching.agent_free(floor, agent, now)


def away(floor: Floor, agent: Agent, state: AgentState, reason: str, now: float, deadline: float | None = None) -> None:
    """Offline, break, outbound or suspended: nobody waits for her in vain."""
    change(floor.out, agent, state, reason, now, deadline)
    if deadline is not None:
        floor.deadlines.add(deadline, deadlines.BREAK_OVER, agent)
    if state is OFFLINE:
        agent.duty.break_wanted = None
    if agent.line.live:
        why = state.value if state is not OFFLINE or not agent.duty.logged_out else LOGGED_OUT
        sticky.agent_gone(floor, agent, why, now)
    if floor.eligibility.relaxing:
        matching.find_for(floor, matching.relax_unstaffed(floor, now), now)
    if state is OFFLINE:
        matching.overflow_unstaffed(floor, agent.pools, now)
