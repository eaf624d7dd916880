"""More packets than one core can carry: what cannot be carried is dropped by the kernel, while it is young.

    KEEPS UP --no round with time to spare for a second--> OVERLOADED --none of that for 5 s--> KEEPS UP

A socket holds some 40 packets, as a machine that stands still for a moment needs it. In an overload these queues would
all be full for as long as it lasts, so that every packet that is relayed were a second old. So they are made as short
as the kernel allows: then what is relayed is a tenth of a second old at most, what cannot be relayed costs us nothing,
and each call gives up the same share, as epoll serves those first whom it has not served for longest.

A machine that stood still (a round that took far longer than rounds do: a suspended guest, another process) is not
overloaded: that time does not count, and there is as long again for what has piled up meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterable
from typing import Final

from softswitch.media.worker.leg import Leg
from softswitch.media.worker.sockets import RECEIVE_BUFFER_BYTES

STRAINED_SECONDS: Final = 1.0
STANDSTILL_SECONDS: Final = 0.25  # a round takes a few milliseconds, of 256 transcoded packets some tens
MOST_STANDSTILL_SECONDS: Final = 1.0  # by then the queues are full, whatever follows
HOLD_SECONDS: Final = 0.5  # housekeeping comes oftener while a key is down
CALM_SECONDS: Final = 5.0
SHORT_BUFFER_BYTES: Final = 1  # socket(7): the kernel takes the least that it allows, some three packets

log = logging.getLogger(__name__)


class Overload:
    """`rested_at`: when a round last had time to spare, or no packets."""

    __slots__ = ("_held_at", "_round_at", "_until", "rested_at")

    def __init__(self, now: float) -> None:
        self.rested_at = self._round_at = now
        self._held_at = 0.0
        self._until = 0.0  # it lasts so long, unless it goes on; 0: there is none

    @property
    def lasts(self) -> bool:
        return self._until > 0

    def round(self, now: float) -> None:
        """A round begins."""
        stood = now - self._round_at
        self._round_at = now
        if stood > STANDSTILL_SECONDS:
            self.rested_at = now + min(stood, MOST_STANDSTILL_SECONDS)

    def look(self, legs: Iterable[Leg], now: float) -> None:
        """Twice a second or oftener."""
        if now - self.rested_at > STRAINED_SECONDS:
            if not self.lasts:
                log.warning("overloaded: more audio than one core can carry, a part of each call's packets is dropped")
            self._until = now + CALM_SECONDS
            if now - self._held_at >= HOLD_SECONDS:
                self._held_at = now
                _hold(legs, SHORT_BUFFER_BYTES)  # and of those who came since
        elif self.lasts and now >= self._until:
            self._until = 0.0
            log.warning("no longer overloaded")
            _hold(legs, RECEIVE_BUFFER_BYTES)


def _hold(legs: Iterable[Leg], size: int) -> None:
    for leg in legs:
        with contextlib.suppress(OSError):
            leg.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
