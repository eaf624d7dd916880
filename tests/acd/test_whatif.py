"""Days that were otherwise, or never were."""

from __future__ import annotations

from math import exp, inf
from random import Random
from typing import Any

import pytest
from acd_line import ANNA, LI, MART, agent, queue

from softswitch.acd import journal
from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.erlang import average_speed_of_answer
from softswitch.acd.journal import JournalError, NotedIds, RecordedEngine, Segment
from softswitch.acd.whatif.compare import compared, runs, spread
from softswitch.acd.whatif.day import Day, Habits, Visit
from softswitch.acd.whatif.figures import Figures, quantile
from softswitch.acd.whatif.invented import CLOSE, OPEN, PATTERNS, arrivals, everybody, visits
from softswitch.acd.whatif.patience import Patience
from softswitch.acd.whatif.recorded import RecordedDay, duties_for, read, staffed
from softswitch.ids import IdSource, InteractionId, QueueId

BANK = m.AcdSettings(
    (queue(wrap_up_seconds=30.0), queue("cards", sticky=None, max_wait_seconds=120.0)),
    (agent(ANNA, ("everyday", "cards")), agent(MART), agent(LI, ("everyday", "cards"))),
    suspend_after_no_answers=2,
)


def caller(number: int, at: float, **known: Any) -> Visit:
    facts = {"queue": QueueId("everyday"), "previous_agent": None} | known.pop("facts", {})
    event = m.CallerEntered(InteractionId(number), caller="+372", customer=None, language="en", **facts)
    return Visit(at, event, **known)


# ------------------------------------------------------------------ patience


def test_patience_by_hand() -> None:
    """Hang-ups at 10 and 30; answered at 20 and 40: S falls to 3/4 at 10 and to 3/4 * 1/2 at 30."""
    patience = Patience([(10.0, True), (20.0, False), (30.0, True), (40.0, False)])
    assert [patience.survival(at) for at in (5.0, 10.0, 29.9, 30.0, 99.0)] == [1.0, 0.75, 0.75, 0.375, 0.375]
    assert patience.drawn(0.1) == 10.0 and patience.drawn(0.5) == 30.0
    assert patience.drawn(0.1, at_least=20.0) == 30.0, "somebody who has waited longer is not drawn shorter"
    assert patience.drawn(0.9, at_least=35.0) > 35.0
    assert patience.rate == 2 / 100


def test_nobody_hung_up_nobody_will() -> None:
    assert Patience([(100.0, False)] * 9).drawn(0.999) == inf
    assert Patience(()).drawn(0.5) == inf


def test_censored_patience_is_found_again() -> None:
    """Callers of mean patience 100 s, answered after a wait of mean 60 s: leaving out those who were answered would
    give a mean of 37 s."""
    random = Random(3)
    seen = []
    for _ in range(6000):
        patience, wait = random.expovariate(1 / 100), random.expovariate(1 / 60)
        seen.append((min(patience, wait), patience < wait))
    model = Patience(seen)
    for at in (30.0, 100.0, 200.0):
        assert model.survival(at) == pytest.approx(exp(-at / 100), abs=0.03)
    drawn = [model.drawn(random.random()) for _ in range(6000)]
    assert sum(drawn) / len(drawn) == pytest.approx(100.0, rel=0.06)
    rest = [model.drawn(random.random(), 80.0) for _ in range(3000)]
    assert min(rest) >= 80.0 and sum(rest) / len(rest) == pytest.approx(180.0, rel=0.08)


# ------------------------------------------------------------------ a day


def test_a_day_as_it_is_listed() -> None:
    settings = m.AcdSettings((queue(wrap_up_seconds=10.0),), (agent(ANNA),))
    listed = [
        caller(1, 100.0, talk=60.0, patience=inf, wrap_up=inf),
        caller(2, 110.0, talk=60.0, patience=20.0),
        caller(3, 120.0, talk=30.0, patience=inf, wrap_up=4.0),
        caller(4, 121.0, talk=30.0, patience=inf),
    ]
    habits = Habits(Patience(()), {}, answers_after=(5.0,))
    figures = Day(settings, listed, everybody(settings, 0.0), habits, Random(1)).run()
    assert sorted(figures.waits) == pytest.approx([5.0, 20.0, 60.0, 98.0])  # 175 + 5; 180 + 30 + 4 + 5
    values = figures.values()
    assert values["offered"] == 4 and values["answered"] == 3 and values["abandoned_percent"] == 25.0
    assert values["service_level_percent"] == 25.0 and values["wait_max_seconds"] == pytest.approx(98.0)
    assert values["asa_seconds"] == pytest.approx((5.0 + 60.0 + 98.0) / 3)
    assert values["promises_kept_percent"] is None


def test_a_caller_who_is_passed_on_goes_where_he_went() -> None:
    first = caller(1, 10.0, facts={"queue": QueueId("gone")}, patience=inf)
    second = caller(2, 10.0, patience=inf, talk=5.0, follows=caller(2, 0.0, patience=inf, talk=5.0))
    settings = m.AcdSettings((queue(max_wait_seconds=30.0),), (agent(ANNA), agent(MART)))
    duties: list[tuple[float, m.Event]] = [(0.0, m.PhoneRegistered(ANNA)), (5.0, m.AgentWentOnBreak(ANNA))]
    duties.append((60.0, m.AgentWentReady(ANNA)))
    figures = Day(settings, [first, second], duties, Habits(Patience(()), {}), Random(1)).run()
    assert (figures.total.offered, figures.total.overflowed, figures.total.answered) == (2, 1, 1)


def test_call_backs_and_choices_of_a_day() -> None:
    talk = caller(1, 1.0, talk=100.0, patience=inf, facts={"previous_agent": ANNA})
    back = caller(2, 50.0, patience=inf, choice=m.Choice.CALL_BACK, facts={"previous_agent": ANNA})
    habits = Habits(Patience(()), {QueueId("everyday"): (40.0,)}, reached=1.0)
    figures = Day(BANK, [talk, back], everybody(BANK, 0.0), habits, Random(1)).run()
    assert (figures.promised, figures.kept, figures.broken) == (1, 1, 0)
    assert figures.values()["promises_kept_percent"] == 100.0


def test_the_same_seed_is_the_same_day() -> None:
    def figures(seed: int) -> dict[str, float | None]:
        lots = Random(seed)
        listed = visits(BANK, 150, PATTERNS["storm"], lots, 120.0, 60.0, 0.3, ("en", "et"))
        habits = Habits(Patience(()), {}, lets_ring=0.05, refuses=0.05)
        return Day(BANK, listed, everybody(BANK, OPEN), habits, lots).run().values()

    assert figures(1) == figures(1) != figures(2)


def test_against_erlang_c() -> None:
    """No impatience, exponential talks, no wrap-up: the mean wait is that of the formula."""
    agents, calls, talk = 6, 9000, 18.0
    settings = m.AcdSettings(
        (queue(wrap_up_seconds=0.0, sticky=None, max_wait_seconds=1e9),), tuple(agent(f"a{n}") for n in range(agents))
    )
    lots = Random(5)
    listed = visits(settings, calls, PATTERNS["even"], lots, talk, None, 0.0, ())
    figures = Day(settings, listed, everybody(settings, OPEN), Habits(Patience(()), {}, (0.0,)), lots).run()
    load = calls / (CLOSE - OPEN) * talk
    expected = average_speed_of_answer(load, agents, talk)
    assert figures.values()["asa_seconds"] == pytest.approx(expected, rel=0.15)
    assert figures.values()["occupancy_percent"] == pytest.approx(100.0 * load / agents, abs=2.0)


@pytest.mark.parametrize("name", PATTERNS)
def test_arrivals_follow_their_pattern(name: str) -> None:
    found = arrivals(4000, PATTERNS[name], Random(1))
    assert found == sorted(found) and found[0] >= OPEN and found[-1] <= CLOSE
    hours = [sum(OPEN + 3600 * n <= at < OPEN + 3600 * (n + 1) for at in found) for n in range(10)]
    most = {
        "even": max(hours) < 1.25 * min(hours),
        "morning": hours.index(max(hours)) in (1, 2),
        "storm": hours[3] > 2 * hours[5],
    }
    assert most[name]


def test_quantiles() -> None:
    assert quantile([], 0.5) is None and spread([]) is None and spread([None, 2.0]).mean == 2.0  # type: ignore[union-attr]
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5 and quantile([1.0], 0.9) == 1.0


# ------------------------------------------------------------------ a recorded day


def written(settings: m.AcdSettings, seed: int = 1, calls: int = 220, **habits: Any) -> list[Segment]:
    """A simulated day as a journal in two files, and a restart between them when asked for."""
    lines: list[Any] = []
    headers: list[bytes] = []

    def engine(settings: m.AcdSettings) -> Any:
        made = Engine(settings, NotedIds(IdSource(1 << 40), lines))
        headers.append(journal.header(made, 1000.0, "run", 1))
        return RecordedEngine(made, lines)

    lots = Random(seed)
    listed = visits(settings, calls, PATTERNS["morning"], lots, 150.0, 90.0, 0.3, ("en",))
    day = Day(settings, listed, everybody(settings, OPEN), Habits(Patience(()), {}, **habits), lots, engine)
    day.run()
    return [Segment(headers[0] + journal.group(lines, 1000.0) + journal.mark(day.engine))]


@pytest.fixture(scope="module")
def recorded() -> RecordedDay:
    return read(written(BANK, lets_ring=0.05, refuses=0.05))


def test_what_happened_is_counted_as_it_was(recorded: RecordedDay) -> None:
    lots = Random(1)
    listed = visits(BANK, 220, PATTERNS["morning"], lots, 150.0, 90.0, 0.3, ("en",))
    habits = Habits(Patience(()), {}, lets_ring=0.05, refuses=0.05)
    live = Day(BANK, listed, everybody(BANK, OPEN), habits, lots).run()
    happened, expected = recorded.happened.values(), live.values()
    happened.pop("occupancy_percent"), expected.pop("occupancy_percent")  # ends at another second
    assert happened == pytest.approx(expected)
    assert not recorded.differs and recorded.left_out == recorded.restarts == recorded.torn_bytes == 0


def test_what_is_known_of_each_caller(recorded: RecordedDay) -> None:
    assert len(recorded.visits) == 220
    hung_up = [visit for visit in recorded.visits if visit.patience is not None]
    assert len(hung_up) == recorded.happened.total.abandoned == recorded.habits.patience.hung_up
    talked = [visit for visit in recorded.visits if visit.talk is not None]
    assert len(talked) >= recorded.happened.total.answered
    assert all(visit.wrap_up in (inf, None) for visit in talked), "nobody ended her notes early"
    assert 0.0 < recorded.habits.lets_ring < 0.15 and 0.0 < recorded.habits.refuses < 0.15


def test_the_same_configuration_comes_near_what_happened(recorded: RecordedDay) -> None:
    same = runs(recorded, BANK, range(8), Random)
    rows = {row.name: row for row in compared(recorded.happened, same, same)}
    level = rows["service_level_percent"]
    assert level.same is not None and level.happened is not None
    assert level.same.mean == pytest.approx(level.happened, abs=6.0)
    assert rows["offered"].same.mean == 220  # type: ignore[union-attr]
    assert not level.sure and level.difference.mean == 0.0  # type: ignore[union-attr]


def test_more_agents_serve_sooner_and_that_is_sure(recorded: RecordedDay) -> None:
    more = staffed(BANK, 2)
    assert [one.id for one in more.agents[3:]] == ["extra-1", "extra-2"] and more.agents[3].queues == BANK.agents[
        0
    ].queues
    rows = {
        row.name: row
        for row in compared(
            recorded.happened, runs(recorded, BANK, range(6), Random), runs(recorded, more, range(6), Random)
        )
    }
    level, wait = rows["service_level_percent"], rows["wait_p90_seconds"]
    assert level.sure and level.difference is not None and level.difference.low > 0.0
    assert wait.sure and wait.difference is not None and wait.difference.high < 0.0
    fewer = staffed(BANK, -1)
    assert [one.id for one in fewer.agents] == [ANNA, MART]
    assert all(getattr(event, "agent", None) != LI for _, event in duties_for(recorded, fewer))


def test_breaks_and_shorter_notes_are_taken_as_recorded() -> None:
    settings = m.AcdSettings((queue(wrap_up_seconds=60.0, sticky=None),), (agent(ANNA),))
    lines: list[Any] = []
    engine = Engine(settings, NotedIds(IdSource(1), lines))
    header = journal.header(engine, 0.0, "run", 1)
    driven = RecordedEngine(engine, lines)
    driven.handle(m.PhoneRegistered(ANNA), 1.0)
    driven.handle(m.CallerEntered(InteractionId(5), settings.queues[0].id, "+1", None, "", None), 10.0)
    (attempt,) = engine.floor.attempts
    driven.handle(m.AgentAnswered(attempt), 14.0)
    driven.handle(m.ConversationEnded(attempt), 44.0)
    driven.handle(m.AgentWentReady(ANNA), 51.0)
    driven.handle(m.AgentWentOnBreak(ANNA, "tea"), 60.0)
    driven.handle(m.AgentWentReady(ANNA), 90.0)
    day = read([Segment(header + journal.group(lines, 0.0))])
    (visit,) = day.visits
    assert (visit.talk, visit.wrap_up, visit.patience, visit.waited) == (30.0, 7.0, None, 4.0)
    assert [(at, type(event).__name__) for at, event in day.duties] == [
        (1.0, "PhoneRegistered"), (60.0, "AgentWentOnBreak"), (90.0, "AgentWentReady"),
    ]  # fmt: skip
    figures = Figures(settings)
    assert figures.values()["service_level_percent"] is None
    assert day.happened.values()["occupancy_percent"] == pytest.approx(100 * (4 + 30 + 7) / (41 + 9 + 9))


def test_a_restart_in_the_record() -> None:
    (one,) = written(BANK, calls=60)
    (other,) = written(BANK, seed=2, calls=40)
    other.boot = "later"
    day = read([one, other])
    assert day.restarts == 1 and day.happened.total.offered == 100


def test_a_journal_without_callers_says_so() -> None:
    header = journal.header(Engine(BANK, IdSource()), 0.0, "run", 1)
    with pytest.raises(JournalError, match="No caller"):
        read([Segment(header)])
