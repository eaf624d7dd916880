"""What is due when: one heap for the whole engine.

An item is never removed before its time. Whoever handles it looks whether it still means anything (the attempt still
rings, the wrap-up still has this deadline); that costs less than finding it in the heap when it becomes void.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any, Final

# What is due. Small numbers, because they index the engine's table of handlers.
RING: Final = 0  # a ring attempt was not answered
WRAP_UP: Final = 1  # an agent's wrap-up is over
BOND: Final = 2  # a caller did not choose, or waited for his agent as long as he was told
MAX_WAIT: Final = 3  # a caller waited as long as the queue allows
SAY_POSITION: Final = 4  # time to tell a caller his place again
NO_OFFER: Final = 5  # an agent may be offered this caller again
SAVING: Final = 6  # the store did not say in time that a promise is durable
RETRY: Final = 7  # a customer who was not reached is called again
PROMISE_DUE: Final = 8  # the time told to the customer
PROMISE_LOST: Final = 9  # even colleagues could not keep it
RELAX: Final = 10  # less is asked of the agents for a caller who has waited for so long
BREAK_OVER: Final = 11  # an agent's break has lasted as long as it may
HIS_TURN: Final = 12  # who lets others go first has done so for as long as he was told
CHAT_OFFER: Final = 13  # an offered chat was not accepted
CHAT_WAIT: Final = 14  # a chat waited as long as the queue allows
CHAT_AGAIN: Final = 15  # an agent may be offered this chat again
CHAT_OVER: Final = 16  # nobody has closed a chat


class Deadlines:
    """A heap of (when, number, kind, subject); the number keeps the order of equal times."""

    __slots__ = ("_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, int, Any]] = []
        self._number = 0

    def add(self, when: float, kind: int, subject: object) -> None:
        self._number = number = self._number + 1
        heappush(self._heap, (when, number, kind, subject))

    def next(self) -> float | None:
        """When to call `tick`. Rings that were answered are let go here: nearly every call leaves one, and it should
        not wake anybody."""
        heap = self._heap
        while heap:
            item = heap[0]
            if item[2] != RING or not item[3].over:
                return item[0]
            heappop(heap)
        return None

    def pop_due(self, now: float) -> tuple[float, int, int, Any] | None:
        """The earliest item whose time has come."""
        if self._heap and self._heap[0][0] <= now:
            return heappop(self._heap)
        return None

    def __len__(self) -> int:
        return len(self._heap)
