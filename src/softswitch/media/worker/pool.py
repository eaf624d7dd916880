"""The RTP ports of the media process: bound ahead, leased to the switch, rested after use.

    fresh/rested --lease--> bound --open--> in a leg --release--> resting (quarantine) --> rested
    fresh/rested --bind fails--> foreign (another program's) --10 s--> tried again

A released socket is closed at once and its port rests, so that late packets of the old call, which may be on their
way for seconds, are not heard by the next caller. Only even ports are used (RFC 3550 section 11), the odd ones are
those of reports.

Every port is bound on the IPv4 address. A leg that needs IPv6 gets a socket of the same port there when it is opened.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from contextlib import suppress

from softswitch.media.worker import sockets

STOCK = 256
LOW_WATER = 192
FOREIGN_SECONDS = 10.0
LEASE_AT_ONCE = 64  # binding costs 10 us each: never more than a tick's worth while calls are up


class PortPool:
    __slots__ = ("_bound", "_dscp", "_foreign", "_fresh", "_host", "_host6", "_quarantine", "_resting")

    def __init__(
        self, host: str, first: int, last: int, quarantine_seconds: float, dscp: int = 0, host6: str = ""
    ) -> None:
        self._host = host
        self._host6 = host6
        self._dscp = dscp
        self._fresh = deque(range(first + first % 2, last + 1, 2))
        self._resting: deque[tuple[float, int]] = deque()
        self._foreign: deque[tuple[float, int]] = deque()
        self._bound: dict[int, socket.socket] = {}
        self._quarantine = quarantine_seconds

    def refill(self, now: float, at_most: int) -> tuple[int, ...]:
        """Bind and lease more ports when the stock is low; the ports are the switch's to use, once each."""
        if not self.short:
            return ()
        leased: list[int] = []
        while len(self._bound) < STOCK and len(leased) < at_most:
            port = self._next(now)
            if port is None:
                break
            try:
                self._bound[port] = sockets.bound(self._host, port, self._dscp)
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._fresh.append(port)  # out of descriptors: refuse, do not spin
                    break
                self._foreign.append((now + FOREIGN_SECONDS, port))
                continue
            leased.append(port)
        return tuple(leased)

    @property
    def short(self) -> bool:
        """Below the low water: `refill` should be tried again soon."""
        return len(self._bound) < LOW_WATER

    @property
    def leased(self) -> tuple[int, ...]:
        """All that are bound and in no leg."""
        return tuple(self._bound)

    def open(self, port: int, *, ip6: bool = False) -> socket.socket | None:
        """The bound socket of a leased port; None when it was not leased, or cannot be had on IPv6."""
        sock = self._bound.pop(port, None)
        if sock is None or not ip6:
            return sock
        sock.close()
        with suppress(OSError):
            if self._host6:
                return sockets.bound(self._host6, port, self._dscp)
        self._fresh.append(port)
        return None

    def reports(self, port: int, *, ip6: bool) -> socket.socket:
        """A socket for the reports (RTCP) of the leg that has this port, one above it. OSError when it is taken."""
        return sockets.bound(self._host6 if ip6 and self._host6 else self._host, port + 1, self._dscp)

    def release(self, port: int, sock: socket.socket, now: float) -> None:
        sock.close()
        self._resting.append((now + self._quarantine, port))

    def _next(self, now: float) -> int | None:
        if self._fresh:
            return self._fresh.popleft()
        for waiting in (self._resting, self._foreign):
            if waiting and waiting[0][0] <= now:
                return waiting.popleft()[1]
        return None
