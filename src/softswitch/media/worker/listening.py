"""A look at some packets of each leg, every few seconds, for the figures of its quality.

Between the looks a packet takes its usual way, and nothing of this is there. A look puts itself before the leg's way of
receiving for a few packets and goes away again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from softswitch.media.worker.leg import Leg
from softswitch.media.worker.relay import Clock

EVERY_SECONDS: Final = 5.0
PACKETS: Final = 16  # in a row


class Look:
    """Callable as `Route.receive`."""

    __slots__ = ("_clock", "_inner", "_left", "_leg", "_seen")

    def __init__(self, leg: Leg, clock: Clock) -> None:
        self._leg = leg
        self._clock = clock
        self._inner: Callable[[bytearray], int] = leg.route.receive
        self._left = PACKETS
        self._seen = False

    def __call__(self, buffer: bytearray) -> int:
        size = self._inner(buffer)
        leg = self._leg
        route = leg.route
        if size > 12 and buffer[0] == 0x80 and buffer[1] & 0x7F == route.payload_type:
            leg.tally.reception.sample(buffer, route.count, self._clock.now, following=self._seen)
            self._seen = True
        self._left -= 1
        if route.receive is self and self._left <= 0:
            route.receive = self._inner
        return size


def look_if_due(leg: Leg, clock: Clock) -> None:
    """Twice a second for each leg."""
    tally = leg.tally
    if clock.now >= tally.look_at:
        tally.look_at = clock.now + EVERY_SECONDS
        if type(leg.route.receive) is not Look:
            leg.route.receive = Look(leg, clock)
