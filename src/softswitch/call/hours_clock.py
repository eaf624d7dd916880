"""Tells the ACD when queues with hours open and close: a calendar turned into events.

The wall clock is looked at again at least every quarter of an hour, so that a correction of it, or the change to
summer time, moves an opening by no more than that.
"""

from __future__ import annotations

from softswitch.acd.messages import QueueHoursChanged
from softswitch.call.board import Board
from softswitch.call.hours import is_open, next_change
from softswitch.call.settings import Hours
from softswitch.ids import QueueId

_LOOK_AGAIN_SECONDS = 900.0


class HoursClock:
    """A session without a caller: only a deadline (see `call.core`)."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._hours: dict[QueueId, Hours] = {
            queue: board.call.hours[texts.ways.hours]
            for queue, texts in board.call.queue_texts.items()
            if texts.ways.hours in board.call.hours
        }
        self._told: dict[QueueId, QueueHoursChanged] = {}
        self._deadline: float | None = None

    def start(self, now: float) -> None:
        if self._hours and self._deadline is None:
            self._deadline = now
            self.tick(now)

    def next_deadline(self) -> float | None:
        return self._deadline

    def tick(self, now: float) -> None:
        if self._deadline is None or now < self._deadline:
            return
        due = now + _LOOK_AGAIN_SECONDS
        for queue, hours in self._hours.items():
            event = self._now(queue, hours, now)
            if self._told.get(queue) != event:
                self._told[queue] = event
                self._board.emit(event)
            if event.changes_at is not None:
                due = min(due, max(event.changes_at, now + 1.0))
        self._deadline = due

    def _now(self, queue: QueueId, hours: Hours, now: float) -> QueueHoursChanged:
        line = self._board.line
        wall = line.wall(now)
        local = line.local_time(wall)
        changes = next_change(hours, local)
        then = None if changes is None else next_change(hours, changes)
        return QueueHoursChanged(
            queue,
            is_open(hours, local),
            None if changes is None else round(now + changes.timestamp() - wall, 3),
            None if then is None else round(now + then.timestamp() - wall, 3),
        )
