"""Where the packets of one side of a call belong on the timeline of its recording, and what was never heard.

A packet is placed by its RTP timestamp, counted from an anchor: a packet of the same source whose place was taken from
the clock of the wall, when it arrived. While both agree within `TOLERANCE_SECONDS`, packets that come late, twice or in
another order land exactly where they belong, and what is lost or was never sent (RFC 3551 4.1: silence) leaves a hole.
Where they do not agree (a new source, a jump of the timestamp, a phone whose timestamp stood still on hold) the packet
becomes an anchor of its own. The clocks of phone and switch drift apart: when even the promptest packets of a while are
off by more than `DRIFT_SECONDS`, the anchor follows.
"""

from __future__ import annotations

from typing import Final

from softswitch.media.rtp import timestamp_delta

TOLERANCE_SECONDS: Final = 1.0
DRIFT_SECONDS: Final = 0.06
DRIFT_PACKETS: Final = 512  # a while: ten seconds
MOST_ANCHORS: Final = 8  # late packets of a source that went away still find theirs
LEAST_HOLE_SECONDS: Final = 0.2  # shorter ones are counted alone
MOST_HOLES: Final = 1000


class _Anchor:
    __slots__ = ("clock", "least", "seen", "source", "ticks", "timestamp")

    def __init__(self, source: int, clock: int, timestamp: int, ticks: int) -> None:
        self.source = source
        self.clock = clock
        self.timestamp = timestamp  # of the newest packet, which lies at `ticks` of this clock
        self.ticks = ticks
        self.seen = 0
        self.least = 0  # how late the promptest packet of this while was, in samples; below 0: early


class Line:
    """The places of one side. Positions are samples, at `rate` a second, since the recording began."""

    __slots__ = ("_anchors", "_rate", "anchored")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._anchors: list[_Anchor] = []  # the newest first
        self.anchored = 0  # how often a packet had to be placed by its arrival

    def place(self, arrived: int, timestamp: int, source: int, clock: int) -> int:
        """The position of the first sample of this packet."""
        rate = self._rate
        for anchor in self._anchors:
            if anchor.source != source or anchor.clock != clock:
                continue
            ahead = timestamp_delta(timestamp, anchor.timestamp)
            position = (anchor.ticks + ahead) * rate // clock
            late = arrived - position
            if abs(late) <= TOLERANCE_SECONDS * rate:
                if ahead > 0:
                    anchor.ticks += ahead
                    anchor.timestamp = timestamp
                self._follow(anchor, late)
                return position
        self.anchored += 1
        self._anchors.insert(0, _Anchor(source, clock, timestamp, arrived * clock // rate))
        del self._anchors[MOST_ANCHORS:]
        return arrived

    def _follow(self, anchor: _Anchor, late: int) -> None:
        anchor.least = late if anchor.seen == 0 else min(anchor.least, late)
        anchor.seen += 1
        if anchor.seen >= DRIFT_PACKETS:
            if abs(anchor.least) > DRIFT_SECONDS * self._rate:
                anchor.ticks += anchor.least * anchor.clock // self._rate
            anchor.seen = 0


class Holes:
    """The stretches in which a side was not heard, the long ones listed."""

    __slots__ = ("_begin", "_end", "_least", "listed", "more", "samples")

    def __init__(self, rate: int) -> None:
        self._least = int(LEAST_HOLE_SECONDS * rate)
        self._begin = self._end = -1
        self.listed: list[tuple[int, int]] = []
        self.more = 0  # long ones that did not fit in the list
        self.samples = 0

    def add(self, begin: int, end: int) -> None:
        """In order; one that goes on where the last one ended is the same."""
        self.samples += end - begin
        if begin == self._end:
            self._end = end
            return
        self.close()
        self._begin, self._end = begin, end

    def close(self) -> None:
        if self._end - self._begin >= self._least:
            if len(self.listed) < MOST_HOLES:
                self.listed.append((self._begin, self._end))
            else:
                self.more += 1
        self._begin = self._end = -1


class Track:
    """The samples (16 bit) of one side that may still change. What is taken leaves; nothing put there: silence."""

    __slots__ = ("_data", "_put", "holes", "late", "start")

    def __init__(self, rate: int) -> None:
        self.start = 0  # of what is here
        self.late = 0  # samples that came after their stretch had been taken
        self.holes = Holes(rate)
        self._data = bytearray()
        self._put: list[tuple[int, int]] = []

    @property
    def end(self) -> int:
        """Behind the last sample that was put."""
        return self.start + len(self._data) // 2

    def put(self, position: int, samples: bytes) -> None:
        count = len(samples) // 2
        if position < self.start:
            gone = min(self.start - position, count)
            self.late += gone
            samples, position, count = samples[2 * gone :], position + gone, count - gone
        if not count:
            return
        data, begin = self._data, 2 * (position - self.start)
        if len(data) < begin:
            data.extend(bytes(begin - len(data)))
        data[begin : begin + 2 * count] = samples
        self._put.append((position, position + count))

    def take(self, until: int) -> bytes:
        """Everything from `start` up to `until`."""
        if until <= self.start:
            return b""
        at, kept = self.start, []
        for begin, end in sorted(self._put):
            if begin > at and at < until:
                self.holes.add(at, min(begin, until))
            at = max(at, end)
            if end > until:
                kept.append((max(begin, until), end))
        if at < until:
            self.holes.add(at, until)
        self._put = kept
        size = 2 * (until - self.start)
        taken = bytes(self._data[:size])
        del self._data[:size]
        self.start = until
        return taken + bytes(size - len(taken))


class Sequence:
    """How many packets of one side were lost, over all of its sources."""

    __slots__ = ("_highest", "_source", "lost")

    def __init__(self) -> None:
        self._source = -1
        self._highest = 0
        self.lost = 0

    def forget(self) -> None:
        """What is missing now was not recorded on purpose, or is a gap of ours."""
        self._source = -1

    def packet(self, sequence: int, source: int) -> None:
        if source != self._source:
            self._source, self._highest = source, sequence
            return
        # RFC 3550 A.1: a jump of more than 3000 is no loss but a sender that began anew
        ahead = (sequence - self._highest) & 0xFFFF
        if 0 < ahead < 3000:
            self.lost += ahead - 1
            self._highest = sequence
        elif ahead >= 0x10000 - 3000:
            self.lost -= self.lost > 0 and ahead != 0  # it came after all
        elif ahead:
            self._highest = sequence
