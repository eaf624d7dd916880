"""Between two legs without a common codec: packets of one in, frames of 20 ms into the other's own stream.

    packet in order          decoded, cut into frames, encoded
    a few are missing        concealed (Opus: from the copy in the packet after them), at most 60 ms
    the sender paused        the stream pauses as long: its timestamp moves on, the next packet begins a talk spurt
    late, or a second time   passed over
    another source           begins anew

The frames leave when the packet comes: nothing waits here, the jitter buffer is the phone's business. Events and
comfort noise get the timestamp that belongs to theirs, whatever the two clocks are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from softswitch.media.codecs import Codec
from softswitch.media.rtp import HEADER_BYTES, MAX_PACKET_BYTES, sequence_delta, timestamp_delta
from softswitch.media.worker.coding import decoder, encoder
from softswitch.media.worker.outgoing import Outgoing

if TYPE_CHECKING:
    from softswitch.media.worker.leg import Route
    from softswitch.media.worker.relay import Clock

_unpack = struct.Struct("!HII").unpack_from
_CONCEALED_SECONDS: Final = 0.06
_LATE: Final = 100  # packets; one that is older is a source that began anew
_MUCH_LOST: Final = 8  # of 256, 3 %
_FORGET: Final = 0.6  # with each report, which come every five seconds
_LONGEST_PAUSE: Final = 30  # seconds; a longer one is a jump of the counter

Send = Callable[[bytearray | memoryview], int]


class Transcoder:
    """From one leg to the other. Callable as `Route.send`."""

    __slots__ = (
        "_clock",
        "_coders",
        "_loss",
        "_outgoing",
        "_packet",
        "_pair",
        "_payload_type",
        "_pending",
        "_place",
        "_route",
        "_send",
        "_unit",
    )

    def __init__(self, route: Route, outgoing: Outgoing, pair: tuple[Codec, Codec], clock: Clock) -> None:
        theirs, ours = pair
        rate = min(theirs.rate, ours.rate)
        self._pair = pair
        self._payload_type = 0
        self._route = route
        self._outgoing = outgoing
        self._clock = clock
        self._coders = decoder(theirs, rate), encoder(ours, rate)
        self._unit = theirs.clock, rate, ours.clock
        self._loss = 0.0  # of 256, as the peer reports; it fades
        self._pending = b""  # samples that are no whole frame yet
        self._place = _Place()
        self._packet = memoryview(bytearray(MAX_PACKET_BYTES))
        self._send: Send = len

    def serves(self, outgoing: Outgoing, pair: tuple[Codec, Codec]) -> bool:
        """It goes on, whatever else has changed."""
        return self._outgoing is outgoing and self._pair == pair

    def lead(self, send: Send, payload_type: int) -> None:
        """Where to, and as what, from now on."""
        self._send = send
        self._payload_type = payload_type

    def reported(self, fraction_lost: int) -> None:
        """What the peer loses of our packets, of 256. Opus can protect them; it does so until some reports are good."""
        self._loss = max(float(fraction_lost), self._loss * _FORGET)
        protect = getattr(self._coders[1], "protect", None)
        if protect is not None and not 1 <= self._loss < _MUCH_LOST:
            protect(self._loss >= _MUCH_LOST)

    # -------------------------------------------------------------- audio

    def __call__(self, packet: bytearray | memoryview) -> int:
        place, outgoing = self._place, self._outgoing
        sequence, timestamp, ssrc = _unpack(packet, 2)
        payload = packet[HEADER_BYTES:]
        sent = outgoing.sequence
        try:
            if ssrc != place.ssrc or outgoing.source != ssrc:
                self._begin(ssrc, timestamp)
            elif timestamp != place.next and not self._bridge(sequence, timestamp, payload):
                return 0
            clock, rate, _ = self._unit
            samples = self._coders[0].decode(payload) or self._coders[0].conceal(rate // 50)
            place.sequence = sequence
            place.heard_at = self._clock.now
            place.next = timestamp + len(samples) // 2 * clock // rate & 0xFFFFFFFF
            self._encode(self._pending + samples)
        finally:
            # whoever counts takes every packet that comes for one that is sent
            self._route.forwarded += 1 - (outgoing.sequence - sent & 0xFFFF)
        return len(packet)

    def _begin(self, ssrc: int, timestamp: int) -> None:
        """A source that we have not heard until now, or that was interrupted by a prompt."""
        place, outgoing = self._place, self._outgoing
        if outgoing.source == place.ssrc and place.ssrc >= 0:
            outgoing.interrupt(place.heard_at)
        outgoing.begin(self._clock.now)
        outgoing.source = place.ssrc = ssrc
        place.next = timestamp
        place.marker = 0x80
        self._pending = b""

    def _bridge(self, sequence: int, timestamp: int, payload: bytearray | memoryview) -> bool:
        """A packet that is not the next one. False: it is late, its time has been played."""
        place = self._place
        clock, rate, _ = self._unit
        ahead = timestamp_delta(timestamp, place.next)
        packets = sequence_delta(sequence, place.sequence)
        if -_LATE < packets <= 0:
            return False
        if ahead < 0 or packets < 0 or ahead > _LONGEST_PAUSE * clock:
            self._begin(place.ssrc, timestamp)  # its counters jumped
            return True
        missing = ahead * rate // clock
        if packets > 1 and missing <= _CONCEALED_SECONDS * rate:
            self._encode(self._pending + self._coders[0].conceal(missing, payload))
        elif missing < rate // 50:
            self._pending += bytes(2 * missing)
        else:
            self._pause(missing)
        return True

    def _pause(self, missing: int) -> None:
        """Nothing is sent for so many samples. What is no whole frame yet becomes one."""
        _, rate, ours = self._unit
        if self._pending:
            filled = rate // 50 - len(self._pending) // 2
            self._encode(self._pending + bytes(2 * filled))
            missing -= filled
        outgoing = self._outgoing
        outgoing.timestamp = outgoing.timestamp + max(missing, 0) * ours // rate & 0xFFFFFFFF
        self._place.marker = 0x80

    def _encode(self, samples: bytes) -> None:
        """All whole frames of these, on their way."""
        frame = self._unit[1] // 25
        packet, outgoing, place = self._packet, self._outgoing, self._place
        encode = self._coders[1].encode
        end = len(samples) - len(samples) % frame
        self._pending = samples[end:]
        for start in range(0, end, frame):
            payload = encode(samples[start : start + frame])
            size = HEADER_BYTES + len(payload)
            packet[HEADER_BYTES:size] = payload
            outgoing.frame(packet, self._payload_type | place.marker)
            place.marker = 0
            self._send(packet[:size])

    # -------------------------------------------------------------- beside the audio

    def beside(self, packet: memoryview, payload_type: int) -> None:
        """An event or comfort noise, whose payload is right already, at its time in the other stream."""
        place, outgoing = self._place, self._outgoing
        sequence, timestamp, ssrc = _unpack(packet, 2)
        if ssrc != place.ssrc or outgoing.source != ssrc:
            self._begin(ssrc, timestamp)
        if timestamp != place.beside:
            place.beside, place.there = timestamp, self._there(timestamp)
        place.sequence = sequence
        size = len(packet)
        made = self._packet[:size]
        made[HEADER_BYTES:] = packet[HEADER_BYTES:]
        outgoing.insert(made, payload_type | packet[1] & 0x80, place.there)
        self._send(made)

    def _there(self, timestamp: int) -> int:
        """The time in their stream that is this one in the stream we hear."""
        theirs, rate, ours = self._unit
        outgoing = self._outgoing
        begun = outgoing.timestamp + outgoing.step + len(self._pending) // 2 * ours // rate
        return begun + timestamp_delta(timestamp, self._place.next) * ours // theirs & 0xFFFFFFFF


class _Place:
    """Where the source is."""

    __slots__ = ("beside", "heard_at", "marker", "next", "sequence", "ssrc", "there")

    def __init__(self) -> None:
        self.ssrc = -1
        self.sequence = 0  # of the last packet
        self.next = 0  # the timestamp that follows it
        self.heard_at = 0.0
        self.marker = 0  # of the next packet that is sent
        self.beside = -1  # the timestamp of the event that is passed on, all its packets have it,
        self.there = 0  # and what it is in their stream
