"""How well one leg is heard, from a few of its packets: loss, jitter, and what a person would say of it (MOS).

Looking at every packet would cost as much as relaying it. So every few seconds some packets in a row are looked at
(`Reception.sample`): their spacing gives the jitter (RFC 3550 section 6.4.1), and what was counted between two looks,
against what the sequence numbers promise, the loss.

The score is the E-model of ITU-T G.107, shortened to what changes here: R = 93.2 - Id - Ie,eff with the delay
impairment of G.107 B (straight lines with a knee at 177.3 ms) and for G.711 with loss concealment Ie = 0, Bpl = 25.1
(G.113 table I.3).

All codecs share this narrow-band scale, so that legs can be compared: on it G.722 at 64 kbit/s and Opus at the rates of
a call are no worse than G.711 (Ie = 0), and nothing is added for their wider band. For their loss G.113 has no figure
on this scale; they are taken to conceal it as well as G.711 does, which for Opus, whose packets may hold a copy of the
one before, is cautious. What differs is the delay of coding.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from softswitch.media.codecs import G722, OPUS, PCMU, Codec
from softswitch.media.rtcp import Heard
from softswitch.media.rtp import sequence_delta, timestamp_delta

_HEADER = struct.Struct("!HII")
_BEST_R = 93.2
_BPL = 25.1
_FRAME_MS = 20.0  # a packet of the sender
# before the coder can begin with it: G.722 needs 22 samples for its two bands; RFC 6716 2: Opus 6.5 ms for 20 ms frames
_AHEAD_MS = {G722: 1.4, OPUS: 6.5}
MAX_STEP = 5_000  # packets between two looks; more is a source that began anew


@dataclass(frozen=True, slots=True)
class Quality:
    """Of what a leg has sent us. `mos` 0: too little was heard to say."""

    loss_percent: float = 0.0
    jitter_ms: float = 0.0
    mos: float = 0.0


class Reception:
    """What is known of the packets of one leg."""

    __slots__ = (
        "_arrived",
        "_count",
        "_expected",
        "_highest",
        "_jitter",
        "_received",
        "_sequence",
        "_ssrc",
        "_timestamp",
        "_told",
        "codec",
        "round_trip_ms",
    )

    def __init__(self) -> None:
        self._ssrc = -1
        self._sequence = 0
        self._timestamp = 0
        self._arrived = 0.0
        self._count = 0
        self._jitter = 0.0, 0.0  # now, and at its worst
        self._expected = 0
        self._received = 0
        self._highest = 0
        self._told = 0, 0  # expected and lost, as of the last report to the peer
        self.codec = PCMU
        self.round_trip_ms = 0.0  # as the peer's reports tell

    def sample(self, packet: bytes | bytearray, count: int, now: float, *, following: bool) -> None:
        """The header of an audio packet, how many packets came before it, and whether the one before it was looked at
        as well."""
        sequence, timestamp, ssrc = _HEADER.unpack_from(packet, 2)
        step = sequence_delta(sequence, self._sequence)
        if ssrc == self._ssrc and 0 < step < MAX_STEP:
            self._expected += step
            self._highest += step
            self._received += min(count - self._count, step)
            if following:
                # RFC 3550 6.4.1: D(i,j) = (Rj - Ri) - (Sj - Si); J(i) = J(i-1) + (|D(i-1,i)| - J(i-1)) / 16
                apart = now - self._arrived - timestamp_delta(timestamp, self._timestamp) / self.codec.clock
                jitter, worst = self._jitter
                jitter += (min(abs(apart), 1.0) - jitter) / 16
                self._jitter = jitter, max(worst, jitter)
        else:
            self._highest = sequence
        self._ssrc, self._sequence, self._timestamp = ssrc, sequence, timestamp
        self._arrived, self._count = now, count

    def stream(self, now: float) -> tuple[int, int] | None:
        """The SSRC that is heard, and its timestamp now; None while nothing was looked at."""
        if self._ssrc < 0:
            return None
        return self._ssrc, self._timestamp + int((now - self._arrived) * self.codec.clock) & 0xFFFFFFFF

    def quality(self) -> Quality:
        if not self._expected:
            return Quality()
        loss = 100 * (1 - self._received / self._expected)
        jitter = self._jitter[1] * 1000
        return Quality(round(loss, 2), round(jitter, 1), mos(loss, jitter, self.round_trip_ms, self.codec))

    def heard(self, last_report: int, since_report: int) -> Heard | None:
        """What is reported to the peer of his stream, since the last report and in all."""
        if not self._expected:
            return None
        lost = self._expected - self._received
        jitter = int(self._jitter[0] * self.codec.clock)
        expected_before, lost_before = self._told
        self._told = self._expected, lost
        # RFC 3550 6.4.1: the fraction lost "since the previous SR or RR packet was sent"
        fraction = 256 * (lost - lost_before) // max(self._expected - expected_before, 1)
        return Heard(self._ssrc, min(fraction, 255), lost, self._highest, jitter, last_report, since_report)


def mos(loss_percent: float, jitter_ms: float, round_trip_ms: float = 0.0, codec: Codec = PCMU) -> float:
    """1 (bad) to 4.41 (as good as G.711 gets)."""
    # a phone's jitter buffer holds about twice the jitter
    delay = round_trip_ms / 2 + _FRAME_MS + _AHEAD_MS.get(codec, 0.0) + 2 * jitter_ms
    delay_impairment = 0.024 * delay + max(0.0, 0.11 * (delay - 177.3))
    loss_impairment = 95.0 * loss_percent / (loss_percent + _BPL) if loss_percent > 0 else 0.0
    r = min(max(_BEST_R - delay_impairment - loss_impairment, 0.0), 100.0)
    # G.107 B.4
    return round(max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6), 2)
