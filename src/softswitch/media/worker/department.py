"""What the switchboard does not do itself: recording, mixing, digits and the like, each in a module of its own.

A department obeys its own kinds of commands, is told of every leg that closes, and looks around twice a second. It
listens to a leg, or to what is sent to it, with a tap (`worker.taps`), and reports by `Switchboard.events`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from softswitch.media.worker.leg import Leg


class Department(Protocol):
    """One that also obeys commands about no leg has them in `house_orders`, by their kind."""

    @property
    def orders(self) -> Mapping[type, Callable[[Leg, Any], None]]:
        """Which commands it obeys, and how. An `OSError` or `ValueError` that comes out fails the leg."""

    def closing(self, leg: Leg) -> None:
        """This leg is about to be closed: it plays and is bridged still."""

    def tick(self, now: float) -> None:
        """Twice a second; `now` in monotonic seconds."""


class Departments:
    """All of them, and which obeys what."""

    __slots__ = ("_all", "_house_orders", "_orders")

    def __init__(self) -> None:
        self._all: list[Department] = []
        self._orders: dict[type, Callable[[Leg, Any], None]] = {}
        self._house_orders: dict[type, Callable[[Any], None]] = {}

    def join(self, department: Department) -> None:
        """From now on its orders are its own to obey."""
        twice = department.orders.keys() & self._orders.keys()
        assert not twice, f"two departments obey {twice}"
        self._all.append(department)
        self._orders |= department.orders
        self._house_orders |= getattr(department, "house_orders", {})

    def order(self, kind: type) -> Callable[[Leg, Any], None] | None:
        """Who obeys this kind of command; None: the switchboard itself."""
        return self._orders.get(kind)

    def house_order(self, kind: type) -> Callable[[Any], None] | None:
        """Who obeys this kind of command, which is about no leg."""
        return self._house_orders.get(kind)

    def closing(self, leg: Leg) -> None:
        for department in self._all:
            department.closing(leg)

    def tick(self, now: float) -> None:
        for department in self._all:
            department.tick(now)
