"""The clock of all sessions: each tells its next deadline, one heap knows the earliest."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import Protocol


class Timed(Protocol):
    """A session with a clock of its own."""

    def next_deadline(self) -> float | None: ...
    def tick(self, now: float) -> None: ...


class Alarms:
    """The earliest deadline over all sessions: a heap whose stale entries are skipped."""

    __slots__ = ("_armed", "_heap", "_order")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._armed: dict[int, float] = {}  # id(session) -> its live entry
        self._order = count()

    def look(self, session: Timed) -> None:
        """The session may have another deadline now."""
        deadline = session.next_deadline()
        key = id(session)
        if deadline is None:
            self._armed.pop(key, None)
        elif self._armed.get(key) != deadline:
            self._armed[key] = deadline
            heappush(self._heap, (deadline, next(self._order), session))

    def _is_live(self, entry: tuple[float, int, Timed]) -> bool:
        return self._armed.get(id(entry[2])) == entry[0]

    def next(self) -> float | None:
        heap = self._heap
        while heap and not self._is_live(heap[0]):
            heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now: float) -> Timed | None:
        deadline = self.next()
        if deadline is None or deadline > now:
            return None
        session = heappop(self._heap)[2]
        del self._armed[id(session)]
        return session
