"""Not available, with a reason: breaks and their limits, outbound work, rest that is earned, more time after a talk;
and the supervisor who ends whatever an agent is stuck in.

    AgentWentOnBreak  --> BREAK ----- limit passed ---> READY, where the rule says so; else the overrun is there to see
    AgentWentOutbound --> OUTBOUND -- AgentWentReady -> READY
    a conversation    --> WRAP_UP --> BREAK "earned rest" when it was a long one, or one of many -- its end --> READY

While she talks or is in wrap-up, a break waits for the end of it. Every step is in the agent's journal.
"""

from __future__ import annotations

from softswitch.acd import attempts, duty, sticky
from softswitch.acd import deadlines as due
from softswitch.acd.agents import BREAK, OFFLINE, OUTBOUND, READY, RELIEF, RINGING, TALKING, WRAP_UP, Agent
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import (
    AgentFreed,
    AgentNeedsTime,
    AgentState,
    AgentStateChanged,
    AgentWentOnBreak,
    AgentWentOutbound,
    BreakRule,
    OrderAnswered,
    ReliefRule,
)
from softswitch.acd.shifts import known, note, wrap_up_over


def _rule(floor: Floor, reason: str) -> BreakRule | None:
    return next((rule for rule in floor.settings.breaks if rule.reason == reason), None)


def went_on_break(floor: Floor, event: AgentWentOnBreak, now: float) -> None:
    agent = known(floor, event.agent)
    if agent is not None:
        agent.duty.break_limit = event.limit_seconds
        _go(floor, agent, BREAK, event.reason, now)


def went_outbound(floor: Floor, event: AgentWentOutbound, now: float) -> None:
    agent = known(floor, event.agent)
    if agent is not None:
        can = agent.state is not OFFLINE
        _go(floor, agent, OUTBOUND, event.reason, now)
        if event.answer:
            floor.out.append(OrderAnswered(agent.id, can))


def _go(floor: Floor, agent: Agent, state: AgentState, reason: str, now: float) -> None:
    present = agent.state
    if present is OFFLINE:
        floor.reject(Rejection.NOT_NOW)
    elif present is TALKING or present is WRAP_UP:
        agent.duty.break_wanted, agent.duty.then = reason, state
        sticky.agent_gone(floor, agent, state.value, now)
    elif present is RINGING:
        agent.duty.break_wanted, agent.duty.then = reason, state
        attempts.withdraw(floor, agent, now)
    else:
        begin(floor, agent, state, reason, now)


def begin(floor: Floor, agent: Agent, state: AgentState, reason: str, now: float) -> None:
    """Now it takes effect."""
    deadline = None
    if state is BREAK:
        limit, agent.duty.break_limit = agent.duty.break_limit, None
        rule = _rule(floor, reason)
        if limit is None and rule is not None:
            limit = rule.limit_seconds
        deadline = now + limit if limit is not None else None
    duty.away(floor, agent, state, reason, now, deadline)


def break_over(floor: Floor, subject: object, when: float, now: float) -> None:
    """As long as it may be. An overrun is not ended behind her back, unless the rule says that it is."""
    assert isinstance(subject, Agent)
    if subject.state is BREAK and subject.deadline == when:
        rule = _rule(floor, subject.reason)
        if subject.reason == RELIEF or (rule is not None and rule.then_ready):
            duty.free(floor, subject, now)


def is_earned(rule: ReliefRule, agent: Agent) -> bool:
    tally = agent.duty.tally
    return 0 < rule.after_calls <= tally.in_a_row or 0.0 < rule.after_talk_seconds <= tally.just_talked


def talked(floor: Floor, agent: Agent, rung_at: float, seconds: float) -> None:
    """A conversation is over; it counts as one in a row when there was no pause before it."""
    tally = agent.duty.tally
    rule = floor.settings.relief
    if rule is not None and rung_at - agent.standing.idle_since >= rule.rest_seconds:
        tally.in_a_row = 0
    tally.in_a_row += 1
    tally.just_talked = seconds
    tally.talked_seconds += seconds


def needs_time(floor: Floor, event: AgentNeedsTime, now: float) -> None:
    agent = known(floor, event.agent)
    if agent is None:
        return
    granted = _more_time(floor, agent)
    if not granted:
        floor.reject(Rejection.NOT_NOW)
    if event.answer:
        floor.out.append(OrderAnswered(agent.id, granted))


def _more_time(floor: Floor, agent: Agent) -> bool:
    served = agent.duty.served
    if agent.state is not WRAP_UP or served is None or agent.deadline is None:
        return False
    settings = served.settings
    if agent.duty.extended >= settings.more_time_at_most:
        return False
    agent.duty.extended += 1
    agent.deadline += settings.more_time_seconds
    floor.deadlines.add(agent.deadline, due.WRAP_UP, agent)
    floor.out.append(
        AgentStateChanged(agent.id, WRAP_UP, agent.reason, agent.since, agent.deadline, agent.duty.logged_out)
    )
    return True


def freed(floor: Floor, event: AgentFreed, now: float) -> None:
    """The journal keeps who did it and why, in a line of its own before the change."""
    agent = known(floor, event.agent)
    if agent is None:
        return
    if agent.state is OFFLINE or agent.state is READY:
        floor.reject(Rejection.NOT_NOW)
        return
    note(floor, agent, f"freed by {event.by}: {event.reason}")
    agent.duty.break_wanted = None
    agent.duty.no_answers = 0
    agent.duty.on_own_call = False
    if agent.state is RINGING:
        attempts.withdraw(floor, agent, now)
    elif agent.state is TALKING:
        attempts.abort(floor, agent, now)
    else:
        wrap_up_over(agent, now)
        duty.free(floor, agent, now)
