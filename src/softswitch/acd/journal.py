"""Replay: an engine that is given the recorded events at the recorded times reaches the same state.

That is what makes a take-over possible, and a fault report reproducible: the log of a day replays in minutes.
"""

from __future__ import annotations

from collections.abc import Iterable

from softswitch.acd.engine import Engine
from softswitch.acd.messages import AcdSettings, Command, Event
from softswitch.ids import IdSource

Line = tuple[Event | None, float]  # what was handled, and when; None: a tick


class RecordedEngine:
    """An engine that writes down what it is given. Same contract as `Engine`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.lines: list[Line] = []

    def handle(self, event: Event, now: float) -> list[Command]:
        self.lines.append((event, now))
        return self.engine.handle(event, now)

    def tick(self, now: float) -> list[Command]:
        self.lines.append((None, now))
        return self.engine.tick(now)

    def next_deadline(self) -> float | None:
        return self.engine.next_deadline()


def replay(settings: AcdSettings, ids: IdSource, lines: Iterable[Line]) -> Engine:
    """`ids` must start where those of the recorded engine started."""
    engine = Engine(settings, ids)
    for event, now in lines:
        if event is None:
            engine.tick(now)
        else:
            engine.handle(event, now)
    return engine
