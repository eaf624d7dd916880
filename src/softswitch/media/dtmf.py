"""Telephone keys as RTP events (RFC 4733): a receiver that reports each key press once, and a sender.

    idle --event packet, new timestamp--> pressed --E bit--> idle          (digit reported)
                                          pressed --other timestamp-->     (digit reported, next one pressed)
                                          pressed --nothing for 0.2 s-->   (digit reported: all ends were lost)

A key press is known by its RTP timestamp: packets repeated, reordered or doubled carry the same one. The last few
timestamps are remembered as values, not as an order, so that a source that restarts its clock loses no digit. A source
that takes over from another in the middle of a press, at the same timestamp, goes on with it.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

EVENTS = "0123456789*#ABCD"
CLOCK = 8000
LONGEST_PRESS_MS = 1000  # that we send: at 48000 Hz the duration field holds 1365 ms
LOST_END_SECONDS = 0.2
_REMEMBERED = 16
_SEGMENT_FULL = 0xFFFF
_EVENT = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class Digit:
    digit: str
    duration_ms: int


class DigitReceiver:
    """The keys of one RTP source."""

    __slots__ = ("_duration", "_event", "_heard_at", "_recent", "_ssrc", "_start", "_timestamp", "_told_of", "clock")

    def __init__(self, clock: int = CLOCK) -> None:
        self.clock = clock  # of the timestamps
        self._event = -1  # the key that is down, or -1
        self._told_of = -1  # the one that was heard of last
        self._timestamp = 0
        self._start = 0  # duration of earlier segments of the same key press
        self._duration = 0
        self._heard_at = 0.0
        self._ssrc = -1
        self._recent: deque[int] = deque(maxlen=_REMEMBERED)

    @property
    def pressed(self) -> bool:
        return self._event >= 0

    def packet(self, timestamp: int, ssrc: int, payload: bytes | bytearray | memoryview, now: float) -> Digit | None:
        """One telephone-event packet; the digit that is complete by it, if any."""
        if len(payload) < _EVENT.size:
            return None
        event, flags, duration = _EVENT.unpack_from(payload)
        # RFC 4733 3.2: events 0-15 are the DTMF keys; hook flash and the tones above them are no digits
        if event > 15:
            return None
        done: Digit | None = None
        if ssrc != self._ssrc:
            if not self._goes_on(event, timestamp, now):
                done = self._finish()
                self._recent.clear()
            self._ssrc = ssrc
        if self._event < 0 or timestamp != self._timestamp:
            if timestamp in self._recent:
                return done
            if self._continues(event, timestamp):
                self._start += self._duration
            else:
                # RFC 4733 2.5.2.2: a new event ends the one whose end packets were all lost
                done = self._finish() or done
                self._event = event
                self._start = 0
            self._timestamp = timestamp
            self._duration = 0
            self._recent.append(timestamp)
        self._duration = max(self._duration, duration)
        self._told_of = event
        self._heard_at = now
        if flags & 0x80 and done is None:
            return self._finish()
        return done

    def expire(self, now: float) -> Digit | None:
        """The key that is down and was not heard of for LOST_END_SECONDS."""
        if self._event >= 0 and now - self._heard_at >= LOST_END_SECONDS:
            return self._finish()
        return None

    def _goes_on(self, event: int, timestamp: int, now: float) -> bool:
        """Another source in the middle of a key press, or while its end is being repeated: the same key at the same
        time."""
        same = event == self._told_of and timestamp == self._timestamp
        return same and now - self._heard_at < LOST_END_SECONDS

    def _continues(self, event: int, timestamp: int) -> bool:
        # RFC 4733 2.5.1.3: an event longer than the duration field goes on as a new segment, whose timestamp is
        # that of the previous one plus its full duration
        return (
            event == self._event
            and self._duration == _SEGMENT_FULL
            and timestamp == (self._timestamp + _SEGMENT_FULL) & 0xFFFFFFFF
        )

    def _finish(self) -> Digit | None:
        if self._event < 0:
            return None
        digit = Digit(EVENTS[self._event], (self._start + self._duration) * 1000 // self.clock)
        self._event = -1
        return digit


@dataclass(frozen=True, slots=True)
class EventPacket:
    """What a sender puts into one packet: all packets of a key press share `timestamp`."""

    marker: bool
    timestamp: int
    payload: bytes


def press(
    digit: str, timestamp: int, duration_ms: int = 100, interval_ms: int = 20, clock: int = CLOCK
) -> list[EventPacket]:
    """The packets of one key press: updates every `interval_ms`, the end three times (RFC 4733 2.5.1.4)."""
    event, per_ms = EVENTS.index(digit), clock // 1000
    packets = [
        EventPacket(elapsed == interval_ms, timestamp, _EVENT.pack(event, 10, elapsed * per_ms))
        for elapsed in range(interval_ms, duration_ms, interval_ms)
    ]
    whole = min(duration_ms * per_ms, _SEGMENT_FULL)
    end = EventPacket(not packets, timestamp, _EVENT.pack(event, 0x80 | 10, whole))
    return [
        *packets,
        end,
        EventPacket(False, end.timestamp, end.payload),
        EventPacket(False, end.timestamp, end.payload),
    ]


def to_clock(payload: bytearray | memoryview, theirs: int, ours: int) -> None:
    """Write the duration of an event of one clock in units of another, in place."""
    duration = int.from_bytes(payload[2:4], "big") * ours // theirs
    payload[2:4] = min(duration, _SEGMENT_FULL).to_bytes(2, "big")
