"""What agents and their phones do: log in and out, go ready, lose the phone."""

from __future__ import annotations

from softswitch.acd import attempts, duty, matching, sticky
from softswitch.acd.agents import (
    BREAK,
    LOGGED_OUT,
    NOT_REACHABLE,
    NOT_REGISTERED,
    OFFLINE,
    ON_OWN_CALL,
    OUTBOUND,
    PHONE_SILENT,
    READY,
    RINGING,
    SUSPENDED,
    TALKING,
    WRAP_UP,
    Agent,
    change,
)
from softswitch.acd.deadlines import BREAK_OVER
from softswitch.acd.deadlines import WRAP_UP as WRAP_UP_DUE
from softswitch.acd.estimates import measured_wrap_up
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentRestored,
    AgentStateChanged,
    AgentWentReady,
    OwnCallBegan,
    OwnCallEnded,
    PhoneLost,
    PhoneRegistered,
)
from softswitch.ids import AgentId


def known(floor: Floor, agent: AgentId) -> Agent | None:
    found = floor.agents.get(agent)
    if found is None:
        floor.reject(Rejection.UNKNOWN_AGENT)
    return found


def phone_registered(floor: Floor, event: PhoneRegistered, now: float) -> None:
    agent = known(floor, event.agent)
    if agent is None:
        return
    agent.duty.registered = True
    if (agent.state is OFFLINE and not agent.duty.logged_out) or (
        agent.state is SUSPENDED and agent.reason in (NOT_REACHABLE, PHONE_SILENT)
    ):
        duty.free(floor, agent, now)


def phone_lost(floor: Floor, event: PhoneLost, now: float) -> None:
    agent = known(floor, event.agent)
    if agent is None:
        return
    agent.duty.registered = False
    if agent.state is READY and event.silent:
        duty.away(floor, agent, SUSPENDED, PHONE_SILENT, now)
    elif agent.state is READY or (agent.state is SUSPENDED and agent.reason == PHONE_SILENT and not event.silent):
        duty.away(floor, agent, OFFLINE, NOT_REGISTERED, now)


def logged_in(floor: Floor, event: AgentLoggedIn, now: float) -> None:
    agent = known(floor, event.agent)
    if agent is None:
        return
    was_out, agent.duty.logged_out = agent.duty.logged_out, False
    if agent.state is OFFLINE and agent.duty.registered:
        agent.duty.no_answers = 0
        duty.free(floor, agent, now)
    elif was_out:
        note(floor, agent, NOT_REGISTERED if agent.state is OFFLINE else agent.reason)


def logged_out(floor: Floor, event: AgentLoggedOut, now: float) -> None:
    agent = known(floor, event.agent)
    if agent is None:
        return
    was_out, agent.duty.logged_out = agent.duty.logged_out, True
    if agent.state is TALKING:  # after the conversation and its wrap-up
        if not was_out:
            note(floor, agent, agent.reason)
            sticky.agent_gone(floor, agent, LOGGED_OUT, now)
    elif agent.state is RINGING:
        attempts.withdraw(floor, agent, now)
    elif agent.state is not OFFLINE:
        wrap_up_over(agent, now)
        duty.away(floor, agent, OFFLINE, LOGGED_OUT, now)
    elif not was_out:
        note(floor, agent, LOGGED_OUT)


def note(floor: Floor, agent: Agent, reason: str) -> None:
    """The same state with another log-out mark or reason: for the journal."""
    agent.reason = reason
    floor.out.append(
        AgentStateChanged(agent.id, agent.state, reason, agent.since, agent.deadline, agent.duty.logged_out)
    )


def went_ready(floor: Floor, event: AgentWentReady, now: float) -> None:
    agent = known(floor, event.agent)
    if agent is None:
        return
    agent.duty.break_wanted = None
    if agent.state in (WRAP_UP, BREAK, SUSPENDED, OUTBOUND):
        agent.duty.no_answers = 0
        wrap_up_over(agent, now)
        duty.free(floor, agent, now)
    elif agent.state is OFFLINE:
        floor.reject(Rejection.NOT_NOW)


def own_call_began(floor: Floor, event: OwnCallBegan, now: float) -> None:
    """Her phone is busy: nobody is offered to her, least of all she to herself."""
    agent = known(floor, event.agent)
    if agent is None:
        return
    agent.duty.on_own_call = True
    if agent.state is READY:
        duty.away(floor, agent, SUSPENDED, ON_OWN_CALL, now)


def own_call_ended(floor: Floor, event: OwnCallEnded, now: float) -> None:
    agent = known(floor, event.agent)
    if agent is None:
        return
    agent.duty.on_own_call = False
    if agent.state is SUSPENDED and agent.reason == ON_OWN_CALL:
        duty.free(floor, agent, now)


def wrap_up_due(floor: Floor, subject: object, when: float, now: float) -> None:
    assert isinstance(subject, Agent)
    if subject.state is WRAP_UP and subject.deadline == when:
        wrap_up_over(subject, now)
        duty.free(floor, subject, now)


def wrap_up_over(agent: Agent, now: float) -> None:
    if agent.state is WRAP_UP and agent.duty.served is not None:
        measured_wrap_up(agent.duty.served, now - agent.since)


def restored(floor: Floor, event: AgentRestored, now: float) -> None:
    """At start: the state the journal remembered, as far as it can still be true."""
    agent = known(floor, event.agent)
    if agent is None:
        return
    if agent.attempt is not None:
        floor.reject(Rejection.NOT_NOW)
        return
    agent.duty.registered = event.registered
    agent.duty.logged_out = event.logged_out
    state = event.state
    holds = event.reason != ON_OWN_CALL  # no call of hers survived
    if state is BREAK or state is OUTBOUND or (state is SUSPENDED and holds):
        _restore(floor, agent, event, now)
    elif state is WRAP_UP and event.deadline is not None and event.deadline > now:
        _restore(floor, agent, event, now)
        floor.deadlines.add(event.deadline, WRAP_UP_DUE, agent)
    elif state is READY and event.registered and not event.logged_out:
        agent.standing.idle_since = min(event.since, now)
        duty.free(floor, agent, now, keep_idle_time=True)
    elif event.registered and not event.logged_out:
        duty.free(floor, agent, now)
    else:
        change(floor.out, agent, OFFLINE, LOGGED_OUT if event.logged_out else NOT_REGISTERED, now)


def _restore(floor: Floor, agent: Agent, event: AgentRestored, now: float) -> None:
    change(floor.out, agent, event.state, event.reason, event.since, event.deadline)
    if event.state is BREAK and event.deadline is not None:
        floor.deadlines.add(event.deadline, BREAK_OVER, agent)
    if floor.eligibility.relaxing:  # she is at work, or no longer
        matching.find_for(floor, matching.relax_unstaffed(floor, now), now)
