"""Timers of the SIP room: one heap, cancelled lazily.

Most transactions finish long before their timers are due, so cancelling is one assignment; the dead entry is
dropped when it reaches the top, or in one sweep when the dead outnumber the living.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

_SWEEP_AT_LEAST = 1024


class Timer:
    """One entry: `action` is None once it fired or was cancelled."""

    __slots__ = ("action", "deadline", "number")

    def __init__(self, deadline: float, number: int, action: Callable[[], None]) -> None:
        self.deadline = deadline
        self.number = number
        self.action: Callable[[], None] | None = action


class Timers:
    """Start and cancel timers; `run_due` fires them in order of deadline, then of start."""

    __slots__ = ("_dead", "_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._number = 0
        self._dead = 0

    def __len__(self) -> int:
        return len(self._heap) - self._dead

    def start(self, deadline: float, action: Callable[[], None]) -> Timer:
        number = self._number = self._number + 1
        timer = Timer(deadline, number, action)
        heappush(self._heap, (deadline, number, timer))
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Idempotent; also after it fired."""
        if timer is None or timer.action is None:
            return
        timer.action = None
        self._dead += 1
        if self._dead > _SWEEP_AT_LEAST and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].action is not None]
            heapify(self._heap)
            self._dead = 0

    def next_deadline(self) -> float | None:
        heap = self._heap
        while heap and heap[0][2].action is None:
            heappop(heap)
            self._dead -= 1
        return heap[0][0] if heap else None

    def run_due(self, now: float) -> None:
        """Fire everything due at `now`. A timer started by an action for `now` or earlier fires too."""
        while True:
            deadline = self.next_deadline()
            if deadline is None or deadline > now:
                return
            timer = heappop(self._heap)[2]
            action = timer.action
            assert action is not None
            timer.action = None
            action()
