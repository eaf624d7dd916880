"""Reports (RTCP) of one leg whose audio and reports share a port, every five seconds, and what the peer's say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from softswitch.media import rtcp
from softswitch.media.rtp import FRAME_BYTES

if TYPE_CHECKING:
    from softswitch.media.worker.leg import Leg

EVERY_SECONDS: Final = 5.0  # RFC 3550 6.2: the recommended minimum


class Reports:
    __slots__ = ("_due_at", "_leg", "_reported", "_reported_at")

    def __init__(self, leg: Leg, now: float) -> None:
        self._leg = leg
        self._due_at = now + EVERY_SECONDS / 2
        self._reported = 0  # when the peer sent his last report, by his clock
        self._reported_at = 0.0  # and when it came, by ours

    def heard(self, data: bytes | bytearray | memoryview, now: float) -> bool:
        """The peer's report; False when it is none."""
        report = rtcp.read(data)
        if report is None:
            return False
        if report.sent_at is not None:
            self._reported, self._reported_at = report.sent_at, now
        for block in report.heard:
            seconds = rtcp.round_trip_seconds(block, now) if block.ssrc == self._leg.outgoing.ssrc else None
            if seconds is not None:
                self._leg.tally.reception.round_trip_ms = seconds * 1000
        return True

    def due(self, now: float) -> bytes | None:
        """Our next report, when it is time."""
        if now < self._due_at:
            return None
        self._due_at = now + EVERY_SECONDS
        leg = self._leg
        if leg.peer is not None:
            leg.peer.settle()
        outgoing, packets = leg.outgoing, leg.tally.out
        sent = None
        if packets:
            sent = rtcp.Sent(outgoing.ssrc, outgoing.timestamp, packets, packets * FRAME_BYTES & 0xFFFFFFFF)
        since = int((now - self._reported_at) * 65536) & 0xFFFFFFFF if self._reported else 0
        return rtcp.write(outgoing.ssrc, now, sent, leg.tally.reception.heard(self._reported, since))
