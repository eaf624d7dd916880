"""A recorded day replays to the same state."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from acd_line import ANNA, FIRST, MART, Line
from rich_line import rich
from simulation import Habits, Simulation, bank

from softswitch.acd import journal
from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.graph import SnapshotError, from_plain, to_plain
from softswitch.acd.journal import JournalError, NotedIds, RecordedEngine, Replay, Segment, replay
from softswitch.ids import IdSource, InteractionId


def test_replay_with_ticks() -> None:
    line = Line([ANNA, MART])
    line.call(10.0)
    line.at(30.0)  # not answered: on to Mart
    line.hang_up(line.answer(), 60.0)
    line.at(95.0)
    assert 30.0 in line.driven.lines
    assert replay(line.settings, IdSource(FIRST), line.driven.lines).digest() == line.engine.digest()
    half = replay(line.settings, IdSource(FIRST), line.driven.lines[:-1])
    assert half.digest() != line.engine.digest()


def test_a_recorded_engine_has_the_contract_of_an_engine() -> None:
    settings = Line([ANNA]).settings
    plain, recorded = Engine(settings, IdSource()), RecordedEngine(Engine(settings, IdSource()))
    for one in (plain, recorded):
        one.handle(m.PhoneRegistered(ANNA), 0.0)
        one.handle(m.CallerEntered(1, settings.queues[0].id, "", None, "en", None), 1.0)  # type: ignore[arg-type]
    assert recorded.next_deadline() == plain.next_deadline() == 21.0
    assert recorded.tick(21.0) == plain.tick(21.0)


# ------------------------------------------------------------------ on disk


class Day:
    """A recorded day: the engine's lines, and its digest after each of them."""

    def __init__(self, calls: int, seed: int = 1, agents: int = 9) -> None:
        settings = bank(agents=agents, seed=seed)
        self.simulation = Simulation(settings, Habits(calls_per_second=0.06), seed)
        engine = self.simulation.engine
        self.lines: list[Any] = []
        self.digests: list[str] = []
        engine.floor.ids = NotedIds(engine.floor.ids, self.lines)
        self.header = journal.header(engine, 1000.0, "run", 1)
        self.simulation.driven = Watched(engine, self)
        self.simulation.run(calls)

    def groups(self, size: int) -> list[list[Any]]:
        """The lines in groups, the ids with the line that drew them."""
        found: list[list[Any]] = []
        each = iter(self.lines)
        lines = 0
        for said in each:
            if type(said) is int:
                found[-1].append(said)
                continue
            if lines % size == 0:
                found.append([])
            lines += 1
            found[-1] += [said] if type(said) is float else [said, next(each)]
        return found


class Watched(RecordedEngine):
    def __init__(self, engine: Engine, day: Day) -> None:
        super().__init__(engine, day.lines)
        self.day = day

    def handle(self, event: m.Event, now: float) -> list[m.Command]:
        commands = super().handle(event, now)
        self.day.digests.append(self.engine.digest())
        return commands

    def tick(self, now: float) -> list[m.Command]:
        commands = super().tick(now)
        self.day.digests.append(self.engine.digest())
        return commands


@pytest.fixture(scope="module")
def day() -> Day:
    return Day(120)


def test_a_crash_after_any_event_replays_to_the_state_before_it(day: Day) -> None:
    """Each line a group of its own, the file cut after it: the replay has what the engine had."""
    data = day.header
    replayed = Replay(Segment(data + b"".join(journal.group(one, 1000.0) for one in day.groups(1))))
    seen = []
    for line in replayed.segment.lines:
        replayed.step(line)
        seen.append(replayed.engine.digest())
    assert seen == day.digests
    assert len(seen) > 700 and replayed.broken == 0


def test_a_crash_at_any_snapshot_goes_on_as_if_nothing_had_been(day: Day) -> None:
    """The state as a snapshot, read back and driven on by the rest of the day: equal to the end."""
    lines = list(Segment(day.header + journal.group(day.lines, 1000.0)).lines)
    first = Replay(Segment(day.header))
    for at, line in enumerate(lines):
        if at % 37 == 0:
            again = Replay(Segment(journal.header(first.engine, 1000.0, "run", 2)))
            assert again.engine.digest() == first.engine.digest()
            for later in lines[at : at + 120]:
                again.step(later)
            assert again.engine.digest() == day.digests[min(at + 120, len(lines)) - 1]
        first.step(line)


def test_a_torn_end_is_left_out_and_said(day: Day) -> None:
    groups = [journal.group(one, 1000.0) for one in day.groups(40)][:4]
    whole = day.header + b"".join(groups)
    for cut in range(1, len(groups[-1]) + 1, 7):
        segment = Segment(whole[:-cut])
        assert segment.torn_bytes == len(groups[-1]) - cut
        assert Replay(segment).run().digest() == Replay(Segment(day.header + b"".join(groups[:-1]))).run().digest()
    damaged = bytearray(whole)
    damaged[-9] ^= 1
    assert Segment(bytes(damaged)).torn_bytes == len(groups[-1])


def test_the_mark_of_an_orderly_end_is_what_the_replay_reaches(day: Day) -> None:
    segment = Segment(day.header + journal.group(day.lines, 1000.0) + journal.mark(day.simulation.engine))
    assert segment.digest == Replay(segment).run().digest()
    assert segment.settings() == day.simulation.settings
    assert segment.settings_hash == journal.settings_hash(day.simulation.settings)


@pytest.mark.parametrize("data", [b"", b"x" * 100, journal.frame({"journal": "other"}), journal.frame([1])])
def test_what_is_no_journal_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(JournalError, match="not a journal"):
        Segment(data)


def altered(day: Day, change: Any) -> Segment:
    document = msgpack.unpackb(day.header[8:], strict_map_key=False)
    change(document)
    return Segment(journal.frame(document) + journal.group(day.groups(40)[0], 1000.0))


def test_a_journal_of_the_first_version_is_read(day: Day) -> None:
    """There a tick was a row of its own."""
    packed = journal.group(day.lines, 1000.0)
    document = msgpack.unpackb(packed[8:], strict_map_key=False, ext_hook=msgpack.ExtType)
    document["lines"] = [[0, row] if type(row) is float else row for row in document["lines"]]
    head = msgpack.unpackb(day.header[8:], strict_map_key=False, ext_hook=msgpack.ExtType)
    first = Segment(journal.frame({**head, "version": 1}) + journal.frame(document))
    now = Segment(day.header + packed)
    assert list(first.lines) == list(now.lines)
    assert sum(line.event is None for line in first.lines) > 50
    assert Replay(first).run().digest() == day.digests[-1]


def test_versions(day: Day) -> None:
    with pytest.raises(JournalError, match="version 99"):
        altered(day, lambda head: head.update(version=99))

    def older(head: Any) -> None:  # a field with a default did not exist then
        for row in head["events"]:
            if row[0].endswith("AgentWentOnBreak"):
                row[1].remove("reason")

    def foreign(head: Any) -> None:
        head["events"][0][1].append("mood")

    assert list(altered(day, older).lines)
    with pytest.raises(JournalError, match="differs in mood"):
        list(altered(day, foreign).lines)


@pytest.mark.parametrize(
    "name", ["os:system", "builtins:eval", "softswitch.acd.messages:Nothing", "softswitch.acd.x:y", "softswitch.acd"]
)
def test_a_snapshot_names_nothing_but_the_acd(name: str) -> None:
    with pytest.raises(SnapshotError):
        from_plain({"classes": [[name, []]], "objects": [[0]], "root": [3, 0]})
    with pytest.raises(SnapshotError):
        from_plain({"classes": [], "objects": [], "root": [5, name]})


def test_a_journal_of_another_version_is_refused_in_a_sentence(day: Day) -> None:
    def gone(head: Any) -> None:
        head["state"]["classes"][0][0] = "softswitch.acd.floor:Gone"

    def newer(head: Any) -> None:
        head["events"][0][0] = "softswitch.acd.messages:NotYetKnown"

    with pytest.raises(JournalError, match="does not know"):
        altered(day, gone).settings()
    with pytest.raises(JournalError, match="does not know"):
        list(altered(day, newer).lines)


def test_lines_of_events_that_hold_enums() -> None:
    """What the journal writes down comes back as it was, each kind of event."""
    restored = m.AgentRestored(ANNA, m.AgentState.WRAP_UP, "notes", 1.0, 9.5, True)
    chosen = m.ChoiceMade(InteractionId(7), m.Choice.CALL_BACK)
    left = m.CallerLeft(InteractionId(7), hung_up=False)
    header = journal.header(Line([ANNA]).engine, 0.0, "run", 1)
    group = journal.group([restored, 1.0, chosen, 2.0, 55, 56, 3.0, left, 4.0], 9.0)
    lines = list(Segment(header + group).lines)
    assert [(line.event, line.now, line.ids) for line in lines] == [
        (restored, 1.0, ()), (chosen, 2.0, (55, 56)), (None, 3.0, ()), (left, 4.0, ()),
    ]  # fmt: skip
    assert {line.wall_offset for line in lines} == {9.0}


def test_values_of_a_snapshot() -> None:
    rule = m.StickyRule(offer=(m.Choice.WAIT,))
    queue = m.QueueSettings("q", "Q", sticky=rule)  # type: ignore[arg-type]
    value = {"a": [1, 2.5, None, (True, "x")], "b": frozenset({1, 2}), "c": (queue, queue, rule)}
    found = from_plain(msgpack.unpackb(msgpack.packb(to_plain(value)), strict_map_key=False))
    assert found == value
    assert found["c"][0] is found["c"][1] and found["c"][0].sticky is found["c"][2]
    with pytest.raises(SnapshotError, match="cannot stand"):
        to_plain(object())
    plain = to_plain(rule)
    plain["classes"][0][1].remove("look_back_seconds")
    plain["objects"][0].pop(1)
    assert from_plain(plain) == rule, "what an older version did not know gets its default"


def test_snapshots_hold_whatever_a_queue_can_be_told() -> None:
    engine = Engine(rich(), IdSource(1 << 40))
    lines: list[Any] = []
    engine.floor.ids = NotedIds(engine.floor.ids, lines)
    simulation = Simulation(engine.floor.settings, Habits(calls_per_second=0.15), 4)
    simulation.engine, simulation.driven = engine, RecordedEngine(engine, lines)
    simulation.invariants.engine = engine
    header = journal.header(engine, 0.0, "run", 1)
    simulation.run(250)
    recorded = list(Segment(header + journal.group(lines, 0.0)).lines)
    first = Replay(Segment(header))
    for at, line in enumerate(recorded):
        if at % 151 == 0:
            again = Replay(Segment(journal.header(first.engine, 0.0, "run", 2)))
            assert again.engine.digest() == first.engine.digest()
            for later in recorded[at : at + 150]:
                again.step(later)
            reached = again.engine.digest()
        first.step(line)
        if at % 151 == 149:
            assert first.engine.digest() == reached
    assert first.engine.digest() == engine.digest()
