"""Any settings, any events in any order, at any times: every rule holds after every one of them, and a replay of the
record reaches the same state."""

from __future__ import annotations

from typing import Any

from acd_line import FIRST, Line
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from softswitch.acd import messages as m
from softswitch.acd.journal import replay
from softswitch.acd.messages import (
    AcdSettings,
    AgentSettings,
    AgentState,
    BreakRule,
    Choice,
    QueueSettings,
    RelaxStep,
    ReliefRule,
    StickyRule,
)
from softswitch.acd.strategy import ORDERS
from softswitch.ids import AgentId, IdSource, InteractionId, PromiseId, QueueId, RingAttemptId, SkillId

AGENTS = [AgentId(name) for name in ("anna", "mart", "li", "kadri", "nobody")]
QUEUES = [QueueId(name) for name in ("everyday", "fraud", "loans", "nowhere")]
SKILLS = [SkillId("cards"), SkillId("tax")]
LANGUAGES = ["en", "et"]

skills = st.lists(st.tuples(st.sampled_from(SKILLS), st.integers(1, 3)), max_size=2, unique_by=lambda s: s[0]).map(
    tuple
)
seconds = st.sampled_from([0.0, 0.5, 3.0, 10.0, 30.0, 90.0])


relaxations = st.lists(
    st.builds(
        RelaxStep,
        after_seconds=st.sampled_from([5.0, 10.0, 30.0]),
        lower_by=st.integers(0, 2),
        any_skill=st.sampled_from([False, False, True]),
        add_queue=st.none() | st.sampled_from(QUEUES[:3]),
    ),
    max_size=2,
)


@st.composite
def lines(draw: st.DrawFn) -> AcdSettings:
    rule = st.builds(
        StickyRule,
        offer=st.lists(st.sampled_from(Choice), min_size=1, unique=True).map(tuple),
        wait_at_most_seconds=st.sampled_from([5.0, 60.0, 300.0]),
        call_back_within_seconds=st.sampled_from([30.0, 900.0]),
        call_back_attempts=st.integers(1, 3),
        call_back_retry_seconds=st.sampled_from([1.0, 60.0]),
    )
    count = draw(st.integers(1, 3))
    queues = tuple(
        QueueSettings(
            QUEUES[number],
            QUEUES[number],
            skills=draw(skills) if number == 1 else (),
            order=draw(st.sampled_from(sorted(ORDERS))),
            wrap_up_seconds=draw(seconds),
            ring_seconds=draw(st.sampled_from([2.0, 20.0])),
            max_wait_seconds=draw(st.sampled_from([20.0, 200.0])),
            say_position_every_seconds=draw(st.sampled_from([0.0, 10.0, 45.0])),
            sticky=draw(st.none() | rule),
            overflow_when_nobody=draw(st.booleans()),
            usual_talk_seconds=draw(st.sampled_from([5.0, 120.0])),
            prefers=draw(st.sampled_from([(), ((SKILLS[0], 2.0),), ((SKILLS[1], 1.0), (SKILLS[0], 0.5))])),
            relax=tuple(step for step in draw(relaxations) if step.add_queue not in (QUEUES[number], *QUEUES[count:])),
            tier_after_seconds=draw(st.sampled_from([None, None, 10.0, 30.0])),
            weight=draw(st.sampled_from([1.0, 1.0, 2.5])),
            ring_at_once=draw(st.sampled_from([1, 1, 1, 2, 3, 0])),
            suspend_after_no_answers=draw(st.sampled_from([None, 0, 2])),
        )
        for number in range(count)
    )
    agents = tuple(
        AgentSettings(
            AGENTS[number],
            AGENTS[number],
            queues=tuple(draw(st.lists(st.sampled_from(QUEUES[:3]), unique=True, max_size=3))),
            skills=draw(skills),
            tiers=tuple(
                (name, draw(st.integers(1, 3))) for name in draw(st.sampled_from([[], QUEUES[:1], QUEUES[:3]]))
            ),
            languages=tuple((name, draw(st.integers(0, 2))) for name in draw(st.sampled_from([[], LANGUAGES]))),
        )
        for number in range(draw(st.integers(1, 4)))
    )
    return AcdSettings(
        queues,
        agents,
        suspend_after_no_answers=draw(st.integers(1, 2)),
        choice_seconds=draw(st.sampled_from([5.0, 60.0])),
        no_offer_seconds=draw(st.sampled_from([0.0, 15.0, 60.0])),
        breaks=(BreakRule("lunch", 20.0, True), BreakRule("coffee", 5.0)),
        relief=draw(st.sampled_from([None, ReliefRule(10.0, 2), ReliefRule(15.0, 0, 5.0)])),
    )


agent = st.sampled_from(AGENTS)
pick = st.integers(0, 5)  # which of the things there are
actions = st.one_of(
    st.tuples(st.just("call"), st.sampled_from(QUEUES), st.none() | agent, st.sampled_from(["", *LANGUAGES]), skills),
    st.tuples(st.just("call"), st.sampled_from(QUEUES[:1]), agent, st.just("en"), st.just(())),
    st.tuples(st.just("leave"), pick),
    st.tuples(st.just("choose"), pick, st.sampled_from(Choice)),
    st.tuples(st.just("go on"), pick),
    st.tuples(st.just("request"), pick, st.sampled_from(QUEUES), st.booleans()),
    st.tuples(st.just("save"), pick, st.booleans()),
    st.tuples(st.just("attempt"), st.sampled_from([m.AgentAnswered] * 4 + [m.AgentRefused, m.AgentUnreachable]), pick),
    st.tuples(
        st.just("attempt"), st.sampled_from([m.ConversationEnded, m.CustomerReached, m.CustomerNotReached]), pick
    ),
    st.tuples(
        st.just("agent"),
        st.sampled_from([m.PhoneRegistered, m.PhoneLost, m.AgentLoggedIn, m.AgentLoggedOut, m.AgentWentReady]),
        agent,
    ),
    st.tuples(st.just("agent"), st.sampled_from([m.PhoneRegistered, m.AgentWentReady, m.AgentWentOnBreak]), agent),
    st.tuples(st.just("agent"), st.sampled_from([m.OwnCallBegan, m.OwnCallEnded, m.OwnCallEnded]), agent),
    st.tuples(st.just("agent"), st.sampled_from([m.AgentWentOutbound, m.AgentNeedsTime]), agent),
    st.tuples(st.just("rest"), agent, st.sampled_from(["lunch", "coffee", "x"]), st.none() | seconds),
    st.tuples(st.just("free"), agent),
    st.tuples(st.just("restore"), agent, st.sampled_from(AgentState), st.booleans(), st.booleans()),
    st.tuples(st.just("promise"), st.sampled_from(QUEUES), agent, seconds),
)
steps = st.lists(st.tuples(seconds, actions), min_size=1, max_size=80)


def nth(things: list[Any], number: int, otherwise: Any) -> Any:
    return things[-1 - number] if number < len(things) else otherwise


def take(line: Line, action: tuple[Any, ...]) -> None:
    floor = line.engine.floor
    kind, *facts = action
    if kind == "call":
        line.call(queue=facts[0], previous=facts[1], language=facts[2], skills=facts[3])
    elif kind == "leave":
        line.send(m.CallerLeft(nth(list(floor.entries), facts[0], InteractionId(-1))))
    elif kind == "choose":
        choosing = [entry.id for entry in floor.entries.values() if entry.stage.value in ("choosing", "personal")]
        line.send(m.ChoiceMade(nth(choosing, facts[0], InteractionId(1)), facts[1]))
    elif kind == "go on":
        line.send(m.CallerWentOn(nth(list(floor.entries), facts[0], InteractionId(-1)), "key 9"))
    elif kind == "request":
        number = nth(list(floor.entries), facts[0], InteractionId(-1))
        if facts[2]:
            line.calls += 1
            number = InteractionId(line.calls)
        line.send(m.CallBackRequested(number, facts[1], "+3725", None, "en", facts[2]))
    elif kind == "save":
        waiting = [promise.id for promise in floor.promises.values() if not promise.saved]
        line.send(m.PromiseSaved(nth(waiting, facts[0], PromiseId(2)), facts[1]))
    elif kind == "attempt":
        line.send(facts[0](nth(list(floor.attempts), facts[1], RingAttemptId(FIRST + facts[1]))))
    elif kind == "agent":
        line.send(facts[0](facts[1]))
    elif kind == "rest":
        line.send(m.AgentWentOnBreak(*facts))
    elif kind == "free":
        line.send(m.AgentFreed(facts[0], "kadri", "stuck"))
    elif kind == "restore":
        name, state, registered, logged_out = facts
        known = floor.agents.get(name)
        if known is None or known.state is AgentState.OFFLINE:  # only at a start
            deadline = line.now + 7.0 if state is AgentState.WRAP_UP else None
            line.send(m.AgentRestored(name, state, "", line.now - 9.0, deadline, registered, logged_out))
    else:
        line.calls += 1
        number = line.calls
        due_at = line.now + facts[2]
        line.send(
            m.PromiseRestored(
                PromiseId(-number), InteractionId(number), facts[0], facts[1], "", None, "en", line.now, due_at, 0
            )
        )


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(lines(), st.booleans(), steps)
def test_any_events_in_any_order_keep_every_rule(acd: AcdSettings, ready: bool, events: list[Any]) -> None:
    line = Line(acd.agents, acd.queues, ready=ready, **_rest(acd))
    for later, action in events:
        line.at(line.now + later)
        take(line, action)
    line.invariants.check_all(line.now)
    assert replay(line.settings, IdSource(FIRST), line.driven.lines).digest() == line.engine.digest()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(lines(), steps)
def test_whatever_happened_the_line_empties(acd: AcdSettings, events: list[Any]) -> None:
    """Liveness: with nothing more going in, every interaction leaves the queue in bounded time."""
    line = Line(acd.agents, acd.queues, **_rest(acd))
    for later, action in events:
        line.at(line.now + later)
        take(line, action)
    for _ in range(400):
        for attempt in list(line.engine.floor.attempts):
            line.send(m.ConversationEnded(attempt))
        if not line.engine.floor.entries:
            break
        line.at(line.now + 60.0)
    assert line.engine.floor.entries == {}
    line.at(line.now + 1000.0)
    assert line.engine.next_deadline() is None
    assert all(state not in ("pending", "open") for state in line.invariants.promises.values())


def _rest(acd: AcdSettings) -> dict[str, Any]:
    return {
        "suspend_after_no_answers": acd.suspend_after_no_answers,
        "choice_seconds": acd.choice_seconds,
        "no_offer_seconds": acd.no_offer_seconds,
        "breaks": acd.breaks,
        "relief": acd.relief,
    }
