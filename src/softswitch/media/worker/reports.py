"""Reports (RTCP) of one leg, every five seconds, and what the peer's say. How they travel is somebody else's business:
on the port of the audio (browsers, RFC 5761), or on one of their own (`worker.report_desk`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from softswitch.media import rtcp
from softswitch.media.rtp import FRAME_BYTES
from softswitch.media.worker.outgoing import Mode

if TYPE_CHECKING:
    from softswitch.media.worker.leg import Leg

EVERY_SECONDS: Final = 5.0  # RFC 3550 6.2: the recommended minimum
_FRESH_SECONDS: Final = 7.5  # a report is as old as that at most, when its sender is there


class Reports:
    __slots__ = (
        "_due_at",
        "_heard_at",
        "_leg",
        "_lost",
        "_peer_packets",
        "_peer_rests",
        "_reported",
        "_reported_at",
        "_said_of",
    )

    def __init__(self, leg: Leg, now: float) -> None:
        self._leg = leg
        self._due_at = now + EVERY_SECONDS / 2
        self._reported = 0  # when the peer sent his last report, by his clock
        self._reported_at = 0.0  # and when it came, by ours
        self._heard_at = 0.0
        self._peer_packets = -1  # that he had sent by then
        self._peer_rests = False  # he sent none between two reports
        self._said_of = -1  # the stream of ours that we reported last
        self._lost = 0, 0  # of 256 in each of his reports, together; and how many there were

    @property
    def peer_loss_percent(self) -> float:
        """Of what we sent, as the peer says."""
        lost, times = self._lost
        return round(100 * lost / (256 * times), 2) if times else 0.0

    def rests(self, now: float) -> bool:
        """The peer has just said that he sends nothing: his silence is no fault."""
        return self._peer_rests and now - self._heard_at < _FRESH_SECONDS

    def heard(self, data: bytes | bytearray | memoryview, now: float) -> bool:
        """The peer's report; False when it is none."""
        report = rtcp.read(data)
        if report is None:
            return False
        self._heard_at = now
        if report.sent_at is not None:
            self._reported, self._reported_at = report.sent_at, now
        if report.of_stream:
            # RFC 3550 6.4: a receiver report comes from who has sent nothing since his last but one
            self._peer_rests = report.sent_at is None or report.packets == self._peer_packets
            self._peer_packets = report.packets
        for block in report.heard:
            if block.ssrc not in (self._leg.outgoing.ssrc, self._said_of):
                continue
            lost, times = self._lost
            self._lost = lost + block.fraction_lost, times + 1
            sender = self._leg.peer.route.transcoder if self._leg.peer is not None else None
            if sender is not None:
                sender.reported(block.fraction_lost)
            seconds = rtcp.round_trip_seconds(block, now)
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
        (ssrc, timestamp), packets = self._stream(now), leg.tally.out
        sent = None
        if packets:
            sent = rtcp.Sent(ssrc, timestamp, packets, packets * FRAME_BYTES & 0xFFFFFFFF)
            self._said_of = ssrc
        since = int((now - self._reported_at) * 65536) & 0xFFFFFFFF if self._reported else 0
        return rtcp.write(ssrc, now, sent, leg.tally.reception.heard(self._reported, since))

    def _stream(self, now: float) -> tuple[int, int]:
        """SSRC and timestamp of what the peer hears: a stream of our own, or that of the other side as it is."""
        leg = self._leg
        if leg.outgoing.mode is Mode.NATIVE and leg.peer is not None:
            source = leg.peer.tally.reception.stream(now)
            if source is not None:
                return source
        return leg.outgoing.ssrc, leg.outgoing.timestamp
