"""What one party of a mix says: packets as they come in, a frame of samples every 20 ms out.

Jitter:  packet --in order--> kept (at most 200 ms) --its turn--> taken
                --its turn has passed--> dropped, late
         no packet is there: we wait; what comes next is taken, and what is delayed by that stays delayed until for
         seconds there was always a packet to spare: then one is left out
Voice:   taken --> decoded
         none  --> the last frame backwards (so that nothing jumps), then fading, then silence
         the first one after that is faded over
"""

from __future__ import annotations

import audioop
import struct
from collections.abc import Callable
from typing import Final, TypeAlias

from softswitch.media.codecs import PCMA, PCMU, Codec
from softswitch.media.mixing import CHANGE_SECONDS, continued, crossfade, ramped
from softswitch.media.rtp import HEADER_BYTES, parse
from softswitch.media.worker.coding import decoder

Payload: TypeAlias = bytes | bytearray | memoryview

MOST: Final = 10  # packets that wait
_LATE_IN_A_ROW: Final = 25  # within seconds: then it is the counter that has jumped
_LOOKS: Final = 250  # turns: 5 s
_SOON: Final = 50  # when there is much to spare
_unpack = struct.Struct("!HII").unpack_from
_FADES: Final = ((1.0, 1.0), (1.0, 0.5), (0.5, 0.0))  # of the frames that are made up


def _ulaw(payload: Payload) -> bytes:
    return audioop.ulaw2lin(payload, 2)


def _alaw(payload: Payload) -> bytes:
    return audioop.alaw2lin(payload, 2)


def decode_at(codec: Codec, rate: int) -> Callable[[Payload], bytes]:
    """How payloads become samples. What is missing is made up here, for all codecs alike: G.711 needs no memory."""
    if rate == 8000 and codec in (PCMU, PCMA):
        return _ulaw if codec is PCMU else _alaw
    return decoder(codec, rate).decode


class Jitter:
    """Packets in the order in which they were sent. `type` is that of audio; `timestamp` and `ssrc` are those of the
    packet that came last."""

    __slots__ = (
        "_late",
        "_looks",
        "_next",
        "_packets",
        "_spare",
        "_starved",
        "late",
        "lost",
        "skipped",
        "ssrc",
        "timestamp",
        "type",
    )

    def __init__(self, payload_type: int) -> None:
        self.type = payload_type
        self.ssrc = -1  # nothing came
        self.timestamp = 0
        self.late = 0
        self.lost = 0
        self.skipped = False  # a packet was left out before the one that was taken
        self._packets: dict[int, Payload] = {}
        self._next = 0
        self._starved = 0  # turns without any packet
        self._late = 0  # in a row
        self._looks = _LOOKS  # turns until we look whether there was always one to spare
        self._spare = MOST

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: bytearray | memoryview, size: int) -> None:
        """A tap of the leg: only packets of audio are taken."""
        if packet[1] & 0x7F != self.type:
            return
        begin = HEADER_BYTES
        if packet[0] != 0x80:
            parsed = parse(packet, size)
            if parsed is None:
                return
            begin, size = parsed.payload_start, parsed.payload_end
        if begin >= size:
            return
        sequence, timestamp, ssrc = _unpack(packet, 2)
        if ssrc != self.ssrc:
            self._restart(sequence)
            self.ssrc = ssrc
        ahead = sequence - self._next & 0xFFFF
        if ahead >= MOST:
            if ahead >= 0x8000 and self._late < _LATE_IN_A_ROW:
                self.late += 1
                self._late += 1
                return
            self._restart(sequence)
        self.timestamp = timestamp
        self._packets[sequence] = packet[begin:size]

    def _restart(self, sequence: int) -> None:
        self._packets.clear()
        self._next = sequence
        self._late = 0

    @property
    def newest(self) -> int:
        """The number of the last packet that came or was waited for in vain."""
        first = self._next
        return first - 1 + max((sequence - first + 1 & 0xFFFF for sequence in self._packets), default=0) & 0xFFFF

    def take(self) -> Payload | None:
        """The packet whose turn it is."""
        packets = self._packets
        payload = packets.pop(self._next, None)
        if payload is None:
            if not packets:
                self._starved += 1
                return None
            payload = self._over_a_gap()
            if payload is None:
                return None
        self._next = self._next + 1 & 0xFFFF
        self._starved = 0
        if len(packets) < self._spare:
            self._spare = len(packets)
        self._looks -= 1
        if not self._looks:
            self._look()
        return payload

    def _over_a_gap(self) -> Payload | None:
        if not self._starved:
            self.lost += 1
            self._next = self._next + 1 & 0xFFFF
            return None
        # what is missing would have come while there was nothing
        first = self._next
        self._next = min(self._packets, key=lambda sequence: sequence - first & 0xFFFF)
        self.lost += self._next - first & 0xFFFF
        return self._packets.pop(self._next)

    def _look(self) -> None:
        """Was there always one to spare? Then it is delayed for nothing."""
        if self._spare:
            self.skipped = self._packets.pop(self._next, None) is not None
            self._next = self._next + 1 & 0xFFFF
        self._late = 0
        self._looks = _SOON if self._spare > 1 else _LOOKS
        self._spare = MOST

    def drain(self) -> list[Payload]:
        """All that is there, in order; the next one is the one after it."""
        first = self._next
        order = sorted(self._packets, key=lambda sequence: sequence - first & 0xFFFF)
        if order:
            self._next = order[-1] + 1 & 0xFFFF
        payloads = [self._packets[each] for each in order]
        self._packets.clear()
        return payloads


class Voice:
    """Frames of one party. `frame` empty: he is silent."""

    __slots__ = ("_broken", "_decode", "_last", "_made_up", "_rest", "_size", "codec", "jitter")

    def __init__(self, codec: Codec, rate: int, payload_type: int) -> None:
        self.codec = codec
        self.jitter = Jitter(payload_type)
        self._decode = decode_at(codec, rate)
        self._size = rate // 50 * 2
        self._last = b""
        self._rest = b""  # of packets that are no 20 ms
        self._made_up = len(_FADES)
        self._broken = True  # what comes next does not follow from what was last

    def take(self) -> bytes:
        """His next 20 ms."""
        if self._rest:
            return self._odd(b"")
        payload = self.jitter.take()
        if payload is None:
            return self._make_up()
        frame = self._decode(payload)
        if len(frame) != self._size:
            return self._odd(frame)
        if self._broken or self.jitter.skipped:
            return self._taken(frame)
        self._last = frame
        return frame

    def _taken(self, frame: bytes) -> bytes:
        """After something that it does not follow from."""
        self._broken = self.jitter.skipped = False
        before = self._continuation() or bytes(self._size)
        frame = crossfade(before, frame, int(self._size * 25 * CHANGE_SECONDS))
        self._made_up = 0
        self._last = frame
        return frame

    def _continuation(self) -> bytes:
        """What would come if nothing came."""
        if self._made_up >= len(_FADES):
            return b""
        begin, end = _FADES[self._made_up]
        frame = continued(self._last)
        return frame if begin == end == 1.0 else ramped(frame, begin, end)

    def _make_up(self) -> bytes:
        frame = self._continuation()
        if not frame:
            return b""
        # the level is that of `_FADES` each time anew: what is kept is not faded
        self._last = continued(self._last)
        self._made_up += 1
        self._broken = True
        return frame

    def _odd(self, samples: bytes) -> bytes:
        """Packets of 10, 30 or any other number of milliseconds."""
        rest = self._rest + samples
        while len(rest) < self._size:
            payload = self.jitter.take()
            if payload is None:
                break
            more = self._decode(payload)
            if not more:
                break
            rest += more
        self._rest = rest[self._size :]
        frame = rest[: self._size]
        if not frame:
            return self._make_up()
        if len(frame) < self._size:
            frame = crossfade(frame, bytes(self._size), len(frame) // 2)
            self._broken = True
        if self._broken or self.jitter.skipped:
            return self._taken(frame)
        self._last = frame
        return frame

    def drained(self) -> bytes:
        """Somebody has heard by another way all that came until now: the last of it, to go on from."""
        for payload in self.jitter.drain():
            samples = self._decode(payload)[-self._size :]
            if len(samples) == self._size:
                self._last = samples
                self._made_up, self._broken = 0, True
        self._rest = b""
        return self._last if self._made_up < len(_FADES) else b""
