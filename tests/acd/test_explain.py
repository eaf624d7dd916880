"""Why: every pair of caller and agent has a reason, at any moment of any day, and it is the engine's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from acd_line import ANNA, FIRST, LI, MART, Line, Q, agent, queue
from rich_line import rich
from simulation import Habits, Simulation, bank

from softswitch.acd import journal
from softswitch.acd import messages as m
from softswitch.acd.agents import READY
from softswitch.acd.explain import SENTENCES, Explanation, Reason, explain
from softswitch.acd.history import Historian
from softswitch.acd.journal import NotedIds, Segment
from softswitch.acd.messages import AgentState
from softswitch.ids import IdSource, InteractionId

OFFSET = 1_700_000_000.0


def seen(line: Line, number: InteractionId) -> Explanation:
    found = explain(line.engine.floor, number)
    assert found is not None
    return found


def reasons(line: Line, number: InteractionId, name: str) -> list[tuple[Reason, str]]:
    (pair,) = [pair for pair in seen(line, number).pairs if pair.agent == name]
    return [(one.reason, one.detail) for one in pair.reasons]


def test_who_may_not_take_him() -> None:
    cards = queue(skills=(("cards", 3),), overflow_when_nobody=False)
    line = Line(
        [
            agent(ANNA, skills=(("cards", 2),), languages=(("et", 5),)),
            agent(MART, queues=("other",), skills=(("cards", 5),)),
            agent(LI, skills=(("cards", 4),)),
        ],
        [cards, queue("other")],
    )
    line.talk(LI)
    number = line.call(10.0, skills=(("loans", 1),))
    assert reasons(line, number, ANNA) == [
        (Reason.SKILL, "cards 3"), (Reason.SKILL, "loans 1"), (Reason.LANGUAGE, "en")
    ]  # fmt: skip
    assert reasons(line, number, MART) == [(Reason.OTHER_QUEUE, "")]
    assert reasons(line, number, LI) == [(Reason.SKILL, "loans 1"), (Reason.TALKING, "")]


def test_what_agents_do_instead() -> None:
    line = Line([ANNA, MART, LI, "ann", "ben"], [queue(sticky=None)])
    line.send(m.AgentLoggedOut("ben"), 10.0)  # type: ignore[arg-type]
    line.send(m.AgentWentOnBreak(MART, "lunch"), 10.0)
    line.call(10.0)
    first = line.ring()
    line.at(30.0)  # not answered: suspended
    line.send(m.AgentAnswered(line.ring()), 31.0)
    line.call(32.0)
    number = line.call(33.0)
    found = {pair.agent: [(one.reason, one.detail) for one in pair.reasons] for pair in seen(line, number).pairs}
    assert found == {
        ANNA: [(Reason.SUSPENDED, "no answer")],
        MART: [(Reason.BREAK, "lunch")],
        LI: [(Reason.TALKING, "")],
        "ann": [(Reason.RINGING, "")],
        "ben": [(Reason.LOGGED_OUT, "logged out")],
    }
    assert first and seen(line, number).headline == (
        "Number 1 of 1 in the line of everyday; 5 may take him (1 ringing, 1 talking, 1 break, 1 suspended, 1 offline)."
    )


def test_whom_she_let_go_by() -> None:
    line = Line([ANNA, MART])
    line.send(m.AgentWentOnBreak(MART), 5.0)
    number = line.call(10.0)
    line.send(m.AgentRefused(line.ring()), 12.0)
    (pair,) = [pair for pair in seen(line, number).pairs if pair.agent == ANNA]
    assert [(one.reason, one.until) for one in pair.reasons] == [(Reason.PASSED_BY, 72.0)]
    assert pair.state is READY


def test_who_is_kept_for_her() -> None:
    line = Line([ANNA, MART])
    talk, other = line.talk(ANNA, 5.0), line.talk(MART, 6.0)
    number = line.call(10.0, previous=ANNA)
    assert reasons(line, number, MART) == [(Reason.TALKING, ""), (Reason.CHOOSING, ANNA)]
    assert seen(line, number).headline == "The caller is choosing, because anna, his previous agent, is busy."
    line.send(m.ChoiceMade(number, m.Choice.WAIT), 12.0)
    line.hang_up(other, 13.0)
    line.send(m.AgentWentReady(MART), 14.0)
    assert reasons(line, number, MART) == [(Reason.WAITS_FOR_ANOTHER, ANNA)]
    assert reasons(line, number, ANNA) == [(Reason.TALKING, "")]
    line.hang_up(talk, 20.0)
    line.send(m.AgentWentReady(ANNA), 21.0)
    assert reasons(line, number, ANNA) == [(Reason.RINGS_OWN_LINE, "")]
    assert reasons(line, number, MART) == [(Reason.RINGS_ANOTHER, ANNA)]


def test_a_call_back_on_its_way() -> None:
    line = Line([ANNA, MART])
    talk = line.talk(ANNA, 5.0)
    number = line.call(10.0, previous=ANNA)
    line.send(m.ChoiceMade(number, m.Choice.CALL_BACK), 12.0)
    assert reasons(line, number, MART) == [(Reason.SAVING, "")]
    line.send(m.PromiseSaved(line.one(m.SavePromise).promise, True), 12.1)
    assert reasons(line, number, MART) == [(Reason.PROMISED_BY_ANOTHER, ANNA)]
    assert "kept for anna" in seen(line, number).headline
    line.hang_up(talk, 20.0)
    line.send(m.AgentWentReady(ANNA), 21.0)
    assert reasons(line, number, ANNA) == [(Reason.RINGS_CALL_BACK, "")]
    line.answer(22.0)
    assert reasons(line, number, ANNA) == [(Reason.CALLS_CUSTOMER, "")]
    line.send(m.CustomerNotReached(line.engine.floor.agents[ANNA].attempt.id), 40.0)  # type: ignore[union-attr]
    assert reasons(line, number, ANNA) == [(Reason.PAUSED, "")]


def test_nobody_asked_for_is_in_no_queue() -> None:
    line = Line()
    assert explain(line.engine.floor, InteractionId(9)) is None
    line.talk(ANNA)
    line.send(m.AgentWentOnBreak(MART))
    line.send(m.AgentWentOnBreak(LI))
    number = line.call(5.0)
    (one,) = explain(line.engine.floor, number, MART).pairs  # type: ignore[union-attr]
    assert one.agent == MART
    assert explain(line.engine.floor, number, "nobody").pairs == ()  # type: ignore[arg-type,union-attr]


class Explained(journal.RecordedEngine):
    """Asks for every pair after every event."""

    def __init__(self, engine: journal.Engine) -> None:
        super().__init__(engine)
        self.asked = 0
        self.seen: dict[Reason, None] = {}

    def handle(self, event: m.Event, now: float) -> list[m.Command]:
        commands = self.engine.handle(event, now)
        self._ask()
        return commands

    def tick(self, now: float) -> list[m.Command]:
        commands = self.engine.tick(now)
        self._ask()
        return commands

    def _ask(self) -> None:
        floor = self.engine.floor
        for number, entry in floor.entries.items():
            found = explain(floor, number)
            assert found is not None and found.headline
            for pair in found.pairs:
                first = pair.reasons[0].reason
                self.asked += 1
                self.seen.update((one.reason, None) for one in pair.reasons)
                assert first is not Reason.UNEXPLAINED, (number, pair)
                attempt = floor.agents[pair.agent].attempt
                rings = attempt is not None and attempt.entry is entry
                assert rings == first.value.startswith(("rings: ", "calls")), (number, pair)
                allowed = Reason.OTHER_QUEUE, Reason.LANGUAGE, Reason.SKILL, Reason.NOT_YET_OPEN
                may = entry.pool in floor.agents[pair.agent].pools
                assert may or rings or first in allowed


@pytest.mark.parametrize("seed", range(2))
def test_every_pair_of_a_random_day_has_its_reason(seed: int) -> None:
    habits = Habits(calls_per_second=0.2, refuses=0.1, lets_ring=0.1, break_every_seconds=1200.0)
    simulation = Simulation(bank(agents=9, seed=seed), habits, seed)
    explained = simulation.driven = Explained(simulation.engine)
    simulation.run(70)
    assert explained.asked > 3_000
    assert len(explained.seen) >= 15, "the day had everything in it"


def test_every_pair_where_queues_relax_and_ring_several_together() -> None:
    simulation = Simulation(rich(), Habits(calls_per_second=0.25, refuses=0.1, lets_ring=0.1), 2)
    explained = simulation.driven = Explained(simulation.engine)
    simulation.run(70)
    assert Reason.NOT_YET_OPEN in explained.seen


def test_every_reason_has_its_sentence() -> None:
    page = (Path(__file__).parents[2] / "docs" / "explain.md").read_text(encoding="utf-8")
    for reason, text in SENTENCES.items():
        assert reason is Reason.UNEXPLAINED or f"| `{reason.value}` | {text} |" in page
    assert all(text.endswith(".") for text in SENTENCES.values())
    assert len({reason.value for reason in Reason}) == len(Reason)


# ------------------------------------------------------------------ from the journal


def recorded(line: Line) -> Segment:
    """What the line went through, as a file of the journal."""
    again = Line(line.settings.agents, line.settings.queues, ready=False)
    lines: list[object] = []
    again.engine.floor.ids = NotedIds(IdSource(FIRST), lines)
    header = journal.header(again.engine, OFFSET, "run", 1)
    driven = journal.RecordedEngine(again.engine, lines)
    said = iter(line.driven.lines)
    for event in said:
        if type(event) is float:
            driven.tick(event)
        else:
            driven.handle(event, next(said))
    return Segment(header + journal.group(lines, OFFSET))


def test_the_past_of_an_interaction() -> None:
    line = Line([ANNA, MART, LI])
    first = line.call(10.0)
    line.answer(12.0)
    line.talk(MART, 20.0)
    line.talk(LI, 21.0)
    number = line.call(30.0)
    line.at(80.0)
    line.hang_up(m.Connect(next(iter(line.engine.floor.attempts)), first, ANNA), 90.0)
    line.at(125.0)
    line.answer(126.0)
    segment = recorded(line)

    then = Historian(number, OFFSET + 50.0)
    assert not then.read(segment)
    assert then.past.explanation is not None and then.past.explanation.position == 1
    assert {pair.state for pair in then.past.explanation.pairs} == {AgentState.TALKING}
    assert [one.what.split(" ")[0] for one in then.past.happenings] == ["entered", "waits"]

    whole = Historian(number)
    whole.read(segment)
    story = [(one.what, one.agent, one.because) for one in whole.past.happenings if "place" not in one.what]
    assert story == [
        ("entered everyday in en", None, ""),
        ("rang", ANNA, "she became ready, and he was first of those she may take"),
        ("ring ended: answered", ANNA, ""),
        ("left the queue: answered", ANNA, ""),
    ]
    assert whole.past.explanation is not None, "the moment before it left"
    assert whole.past.explanation.pairs[0].reasons[0].reason is Reason.RINGS_ORDER

    chosen = Historian(first)
    chosen.read(segment)
    rang = [one for one in chosen.past.happenings if one.what == "rang"]
    assert [one.because for one in rang] == ["first by longest-idle of 3 ready: before mart, li"]

    late = Historian(first, OFFSET + 100.0)
    late.read(segment)
    assert late.past.explanation is None and late.past.happenings, "it had left by then"
    assert Historian(InteractionId(999)).read(segment)


def test_the_explanation_of_the_past_is_that_of_the_moment() -> None:
    line = Line([ANNA, MART])
    line.talk(ANNA, 5.0)
    line.talk(MART, 6.0)
    number = line.call(10.0, queue=Q)
    line.at(40.0)
    live = seen(line, number)
    line.at(70.0)
    then = Historian(number, OFFSET + 40.0)
    then.read(recorded(line))
    assert then.past.explanation == live
