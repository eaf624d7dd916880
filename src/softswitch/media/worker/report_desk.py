"""Reports (RTCP) of phones and trunks, plain or with SDES: on the port of the audio, or on the next one.

Every five seconds a report is sent to each leg whose peer takes some. The socket of the next port is bound when the
first one is due, so a short call costs none; there are `MOST_SOCKETS` at most, and a leg without one goes without
reports. What comes is read twice in five seconds, and the kernel tells when it came (SO_TIMESTAMPNS): nobody is woken
for it, and a flood fills a small buffer and nothing else.
"""

from __future__ import annotations

import errno
import logging
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from softswitch.ids import LegId
from softswitch.media import rtcp
from softswitch.media.worker.guard import Guard
from softswitch.media.worker.leg import Leg
from softswitch.media.worker.pool import PortPool
from softswitch.media.worker.relay import Clock
from softswitch.media.worker.reports import EVERY_SECONDS, Reports

MOST_SOCKETS: Final = 4096
READ_AT_ONCE: Final = 4  # of one leg; whoever sends more is no phone
_READ_EVERY = EVERY_SECONDS / 2
_TIMESTAMPNS: Final = 35  # SO_TIMESTAMPNS and SCM_TIMESTAMPNS of <asm-generic/socket.h>
_TIMESPEC = struct.Struct("@qq")

log = logging.getLogger(__name__)


class _Desk:
    """Of one leg."""

    __slots__ = ("leg", "look_at", "sock", "tried")

    def __init__(self, leg: Leg, now: float) -> None:
        self.leg = leg
        self.sock: socket.socket | None = None  # of the next port
        self.tried = False
        self.look_at = now + _READ_EVERY


class ReportDesk:
    """A department of the media process."""

    def __init__(self, legs: Mapping[LegId, Leg], pool: PortPool, clock: Clock) -> None:
        self._legs = legs
        self._pool = pool
        self._clock = clock
        self._desks: dict[LegId, _Desk] = {}
        self._sockets = 0

    @property
    def orders(self) -> Mapping[type, Callable[[Leg, Any], None]]:
        return {}

    def closing(self, leg: Leg) -> None:
        desk = self._desks.pop(leg.id, None)
        if desk is not None:
            self._close(desk)

    def tick(self, now: float) -> None:
        for leg in self._legs.values():
            remote = leg.remote
            if remote is None or not remote.rtcp_port:
                continue
            desk = self._desks.get(leg.id)
            if desk is None:
                self._desks[leg.id] = desk = _Desk(leg, now)
                leg.tally.reports = leg.tally.reports or Reports(leg, now)  # a browser's guard has some of its own
            elif now >= desk.look_at:
                desk.look_at = now + _READ_EVERY
                self._look(desk, now)

    def _look(self, desk: _Desk, now: float) -> None:
        leg = desk.leg
        remote, reports = leg.remote, leg.tally.reports
        if remote is None or reports is None or (leg.guard is not None and type(leg.guard) is not Guard):
            return
        if remote.rtcp_port != remote.port and desk.sock is None:
            self._open(desk)
        if desk.sock is not None:
            self._read(desk, desk.sock, reports, now)
        report = reports.due(now)
        if report is not None and remote.send:
            self._send(desk, report)

    def _open(self, desk: _Desk) -> None:
        if desk.tried or self._sockets >= MOST_SOCKETS:
            return
        desk.tried = True
        leg = desk.leg
        try:
            sock = self._pool.reports(leg.port, ip6=leg.sock.family == socket.AF_INET6)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                log.warning("leg %d: no socket for reports: %s", leg.id, problem.strerror)
            return
        sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        desk.sock = sock
        self._sockets += 1

    def _close(self, desk: _Desk) -> None:
        if desk.sock is not None:
            desk.sock.close()
            desk.sock = None
            self._sockets -= 1

    def _read(self, desk: _Desk, sock: socket.socket, reports: Reports, now: float) -> None:
        source, guard, remote = desk.leg.source, desk.leg.guard, desk.leg.remote
        assert remote is not None
        # as the audio: from where it comes, or else from where his description says
        host = source.address[0] if source.address is not None else source.host
        wall = time.time()
        for _ in range(READ_AT_ONCE):
            try:
                data, ancillary, _, address = sock.recvmsg(rtcp.MAX_BYTES, 64)
            except OSError:
                return  # nothing more, or an ICMP error of what we sent
            if address[0] != host:
                desk.leg.tally.dropped += 1
                continue
            if guard is not None:
                opened = guard.open_control(data)
                if opened is None:
                    continue
                data = opened
            if reports.heard(data, now - _age(ancillary, wall)):
                # RFC 4961: where his come from is where ours go, should there be a NAT
                desk.leg.tally.rtcp_from = address[1]

    def _send(self, desk: _Desk, report: bytes) -> None:
        leg = desk.leg
        remote, address = leg.remote, leg.source.address
        assert remote is not None
        sealed: bytes | memoryview = report
        if leg.guard is not None:
            if leg.guard.outbound is None or (protected := leg.guard.outbound.control(report)) is None:
                return
            sealed = protected
        try:
            if remote.rtcp_port == remote.port:
                if address is not None:
                    leg.sock.send(sealed)
                else:
                    leg.sock.sendto(sealed, (remote.host, remote.port))
            elif desk.sock is not None:
                host = address[0] if address is not None else remote.host
                desk.sock.sendto(sealed, (host, leg.tally.rtcp_from or remote.rtcp_port))
        except OSError:
            leg.tally.dropped += 1


def _age(ancillary: list[tuple[int, int, bytes]], wall: float) -> float:
    """For how long it has waited for us, in seconds."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            age: float = wall - seconds - nanoseconds / 1e9
            return min(max(age, 0.0), EVERY_SECONDS)
    return 0.0
