"""The RTP stream that one phone hears: one SSRC with steady counters, whatever it is made of.

    UNUSED --bridged--> NATIVE (the peer's packets go through untouched)
    UNUSED, NATIVE --a prompt, or another peer--> OWN (for good)

A phone that has only ever heard one peer gets that peer's packets as they are. As soon as it hears a second source
(a prompt before the bridge, music on hold, another agent), it gets a stream of our own, into which prompts are
written and the peer's packets are moved: sequence number and timestamp keep the peer's steps (so loss and
reordering stay visible, RFC 3550 section 7.1), the SSRC is ours.
"""

from __future__ import annotations

import struct
from enum import Enum

from softswitch.media.codecs import PCMU

_HEADER = struct.Struct("!BBHII")
_COUNTERS = struct.Struct("!HII")
_unpack_counters = _COUNTERS.unpack_from
_pack_counters = _COUNTERS.pack_into
_pack_header = _HEADER.pack_into


class Mode(Enum):
    UNUSED = 0
    NATIVE = 1
    OWN = 2


class Outgoing:
    __slots__ = (
        "_sequence_offset",
        "_stopped_at",
        "_timestamp_offset",
        "mode",
        "native_peer",
        "sequence",
        "source",
        "ssrc",
        "step",
        "timestamp",
    )

    def __init__(self, ssrc: int, sequence: int, timestamp: int) -> None:
        self.ssrc = ssrc
        self.sequence = sequence  # of the last packet sent
        self.timestamp = timestamp
        self.mode = Mode.UNUSED
        self.native_peer = 0  # the leg whose packets go through untouched
        self.step = PCMU.step  # of the timestamp from frame to frame: the clock is that of the leg's codec
        self.source = -1  # SSRC of the peer whose counters the offsets belong to; -1: nobody yet
        self._sequence_offset = 0
        self._timestamp_offset = 0
        self._stopped_at = 0.0

    def interrupt(self, now: float) -> None:
        """What was sent until now ends here; the next packet begins a talk spurt."""
        self.source = -1
        self._stopped_at = now

    def adopt(self, sequence: int, timestamp: int, ssrc: int) -> None:
        """Go on with frames of our own after the native peer's last packet, which had these."""
        self.sequence, self.timestamp, self.ssrc = sequence, timestamp, ssrc
        self.mode = Mode.OWN

    def skip(self, now: float) -> None:
        """Go on with sequence numbers that are ahead of all that were sent, wherever in their circle those were."""
        self.sequence = (self.sequence + 0x8000) & 0xFFFF
        self.interrupt(now)

    def begin(self, now: float) -> None:
        """A new source starts: the timestamp moves on by the time that was silent (RFC 3551 section 4.1)."""
        if self._stopped_at:
            silent = max(int((now - self._stopped_at) * self.step * 50), self.step)
            self.timestamp = (self.timestamp + silent - self.step) & 0xFFFFFFFF
            self._stopped_at = 0.0

    def frame(self, packet: bytearray | memoryview, second: int) -> None:
        """Write the header of our next 20 ms frame into `packet`; `second` is marker and payload type."""
        self.sequence = sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = timestamp = (self.timestamp + self.step) & 0xFFFFFFFF
        _pack_header(packet, 0, 0x80, second, sequence, timestamp, self.ssrc)

    def insert(self, packet: bytearray | memoryview, second: int, timestamp: int) -> None:
        """Write the header of a packet of our own between the others, whoever sends these, into `packet`."""
        self.sequence = sequence = (self.sequence + 1) & 0xFFFF
        self._sequence_offset += 1
        _pack_header(packet, 0, 0x80, second, sequence, timestamp, self.ssrc)

    def withhold(self) -> None:
        """A packet of the peer is not moved: what follows closes the gap."""
        self._sequence_offset -= 1

    def move(self, packet: bytearray, now: float) -> None:
        """Move a peer's packet into this stream, in place."""
        sequence, timestamp, ssrc = _unpack_counters(packet, 2)
        if ssrc != self.source:
            self.begin(now)
            self.source = ssrc
            self._sequence_offset = self.sequence + 1 - sequence
            self._timestamp_offset = self.timestamp + self.step - timestamp
            packet[1] |= 0x80
        self.sequence = sequence = (sequence + self._sequence_offset) & 0xFFFF
        self.timestamp = timestamp = (timestamp + self._timestamp_offset) & 0xFFFFFFFF
        _pack_counters(packet, 2, sequence, timestamp, self.ssrc)
