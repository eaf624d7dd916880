"""The two ways an agent's state ends: she is free again, or she goes away. Both have consequences for callers, and
these are the only places where they are drawn."""

from __future__ import annotations

from softswitch.acd import matching, sticky
from softswitch.acd.agents import (
    BREAK,
    LOGGED_OUT,
    NOT_REGISTERED,
    OFFLINE,
    ON_OWN_CALL,
    READY,
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
        away(floor, agent, BREAK, reason, now)
    elif not duty.registered:
        away(floor, agent, OFFLINE, NOT_REGISTERED, now)
    elif duty.on_own_call:
        away(floor, agent, SUSPENDED, ON_OWN_CALL, now)
    else:
        if not keep_idle_time:
            agent.standing.idle_since = now
        was = agent.state
        change(floor.out, agent, READY, "", now)
        matching.agent_free(floor, agent, now)
        if floor.eligibility.relaxing and (was is OFFLINE or was is BREAK or was is SUSPENDED):
            matching.relax_unstaffed(floor, now)


def away(floor: Floor, agent: Agent, state: AgentState, reason: str, now: float) -> None:
    """Offline, break or suspended: nobody waits for her in vain."""
    change(floor.out, agent, state, reason, now)
    if state is OFFLINE:
        agent.duty.break_wanted = None
    if agent.line.live:
        why = state.value if state is not OFFLINE or not agent.duty.logged_out else LOGGED_OUT
        sticky.agent_gone(floor, agent, why, now)
    if floor.eligibility.relaxing:
        matching.relax_unstaffed(floor, now)
    if state is OFFLINE:
        matching.overflow_unstaffed(floor, agent.pools, now)
