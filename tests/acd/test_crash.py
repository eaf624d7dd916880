"""The process dies after every single event of a recorded day, and nothing is lost: neither with a snapshot, nor with
the journal as far as it was written."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from random_day import FIRST, Day
from random_line import Step, random_day, random_line

from softswitch.acd import journal
from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.journal import NotedIds, RecordedEngine, Replay, Segment
from softswitch.ids import IdSource

SEEDS = (1, 3, 5)
STEPS = 150


class Recorded(Day):
    """A day whose engine writes a journal, and what it was after each line."""

    def __init__(self, settings: m.AcdSettings) -> None:
        super().__init__(settings)
        self.lines: list[Any] = []
        self.engine = Engine(settings, NotedIds(IdSource(FIRST), self.lines))
        self.invariants.engine = self.engine
        self.header = journal.header(self.engine, 0.0, "run", 1)
        self.written: list[tuple[int, str, bytes]] = []  # lines so far, digest, a snapshot of that moment
        driven = RecordedEngine(self.engine, self.lines)
        engine, self.engine = self.engine, Watched(driven, self)  # type: ignore[assignment]
        self.invariants.engine = engine

    def noted(self, engine: Engine) -> None:
        self.written.append((len(self.lines), engine.digest(), journal.header(engine, 0.0, "next", 1)))

    def restart(self) -> None:
        """It dies after every event here anyway."""


class Watched:
    """The engine of a day, with a look at it after every line."""

    def __init__(self, driven: RecordedEngine, day: Recorded) -> None:
        self._driven, self._day = driven, day

    def handle(self, event: m.Event, now: float) -> list[m.Command]:
        commands = self._driven.handle(event, now)
        self._day.noted(self._driven.engine)
        return commands

    def tick(self, now: float) -> list[m.Command]:
        commands = self._driven.tick(now)
        self._day.noted(self._driven.engine)
        return commands

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driven.engine, name)


def recorded(seed: int) -> Recorded:
    random = Random(seed)
    settings = random_line(random)
    script: list[Step] = list(random_day(random, settings, STEPS))
    day = Recorded(settings)
    day.play(script)
    return day


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crash_after_any_event_loses_nothing(seed: int) -> None:
    day = recorded(seed)
    assert len(day.written) > STEPS
    # The journal: what it leads to after each line is what the live engine was.
    segment = Segment(day.header + journal.group(day.lines, 0.0))
    replayed = Replay(segment)
    for line, (_, digest, _) in zip(segment.lines, day.written, strict=True):
        replayed.step(line)
        assert replayed.engine.digest() == digest
    # The snapshot: whoever starts from it does the same as the engine that never died.
    following = [*day.written[1:], None]
    for (at, digest, snapshot), then in zip(day.written, following, strict=True):
        after = journal.group(day.lines[at : then[0]], 0.0) if then is not None else b""
        segment = Segment(snapshot + after)
        again = Replay(segment)
        assert again.engine.digest() == digest
        if then is not None:
            assert again.run().digest() == then[1]


@pytest.mark.parametrize("seed", SEEDS[:1])
def test_whatever_part_of_the_journal_reached_the_disk_is_a_moment_of_the_day(seed: int) -> None:
    """Cut in the middle of a record: the day up to the last whole one, and not a bit more."""
    day = recorded(seed)
    groups = [journal.group(day.lines[a:b], 0.0) for a, b in zip([0, *_ends(day)], _ends(day), strict=False)]
    whole = day.header + b"".join(groups)
    at = len(day.header)
    for group, (_, digest, _) in list(zip(groups, day.written, strict=True))[::7]:
        at = whole.index(group, at)
        torn = Segment(whole[: at + len(group) + 5])
        assert Replay(torn).run().digest() == digest
        at += len(group)


def _ends(day: Recorded) -> list[int]:
    return [lines for lines, _, _ in day.written]
