"""From a reel to sound: the packets of both sides decoded, placed in time and put together in two channels.

Left is the caller, right is our side: agent, prompts and music. What was said while the recording was paused or masked
is silence, to the sample. The samples leave in blocks, a few seconds behind the newest packet.
"""

from __future__ import annotations

import audioop
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

import msgpack

from softswitch.media import rtp
from softswitch.media.codecs import CODECS, Codec
from softswitch.media.recording import reel
from softswitch.media.recording.timeline import LEAST_HOLE_SECONDS, Line, Sequence, Track
from softswitch.media.worker.coding import Decoder, decoder

WINDOW_SECONDS: Final = 3.0  # the newest audio may still change for so long
NARROW: Final = 8000
WIDE: Final = 16000
PAUSED: Final = "paused"
RESUMED: Final = "resumed"
MASKED: Final = "masked"
UNMASKED: Final = "unmasked"
_SILENT: Final = {PAUSED: RESUMED, MASKED: UNMASKED}
MOST_SECONDS: Final = 24 * 3600.0
MOST_SOURCES: Final = 64

Record = tuple[int, bytes]


@dataclass(slots=True)
class Told:
    """What the reel says beside its packets. Times are monotonic seconds."""

    opened: dict[str, Any] = field(default_factory=dict)
    marks: list[dict[str, Any]] = field(default_factory=list)
    codecs: dict[str, None] = field(default_factory=dict)
    closed_at: float = 0.0
    because: str = ""
    last_at: float = 0.0  # of whatever came last


def look(records: Iterable[Record]) -> Told:
    """Read a reel once for all that must be known before the first sample."""
    told = Told()
    seen: dict[tuple[Any, ...], None] = {}
    for kind, content in records:
        if kind == reel.BATCH:
            types, heard_at, _, sent_at, _ = msgpack.unpackb(content, strict_map_key=False)
            told.codecs |= dict.fromkeys(types.values())
            told.last_at = max(told.last_at, *heard_at[-1:], *sent_at[-1:])
            continue
        document = json.loads(content)
        told.last_at = max(told.last_at, document["at"])
        if kind == reel.OPEN and not told.opened:
            told.opened = document
        elif kind == reel.MARK:
            if _same(document) not in seen:  # a writer that replaces another is told all of them again
                seen[_same(document)] = None
                told.marks.append(document)
        elif kind == reel.CLOSE:
            told.closed_at, told.because = document["at"], document["because"]
    told.marks.sort(key=itemgetter("at"))
    return told


def _same(mark: dict[str, Any]) -> tuple[Any, ...]:
    return mark["at"], mark["mark"], mark["detail"], mark["by"], mark.get("until")


class Side:
    """One channel."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._line = Line(rate)
        self._decoders: dict[tuple[int, Codec], Decoder] = {}
        self.track = Track(rate)
        self.sequence = Sequence()
        self.packets = 0
        self.unheard = 0  # packets that nobody here can decode

    def batch(self, types: dict[int, str], times: list[float], packets: list[bytes], begin: float) -> None:
        placed: list[tuple[int, Decoder, bytes]] = []
        for at, data in zip(times, packets, strict=True):
            packet = rtp.parse(data)
            if packet is not None and packet.payload_start == packet.payload_end:  # of what is no audio
                self.sequence.packet(packet.sequence, packet.ssrc)
                continue
            codec = CODECS.get(types.get(data[1] & 0x7F, "")) if packet is not None else None
            if packet is None or codec is None:
                self.unheard += 1
                continue
            self.sequence.packet(packet.sequence, packet.ssrc)
            arrived = int((at - begin) * self._rate)
            position = self._line.place(arrived, packet.timestamp, packet.ssrc, codec.clock)
            payload = data[packet.payload_start : packet.payload_end]
            placed.append((position, self._decoder(packet.ssrc, codec), payload))
        placed.sort(key=itemgetter(0))  # decoders remember: in the order of speech
        for position, source, payload in placed:
            self.packets += 1
            self.track.put(position, source.decode(payload))

    def _decoder(self, ssrc: int, codec: Codec) -> Decoder:
        found = self._decoders.get((ssrc, codec))
        if found is None:
            if len(self._decoders) >= MOST_SOURCES:
                self._decoders.clear()
            found = self._decoders[ssrc, codec] = decoder(codec, self._rate)
        return found

    def silent(self, hidden: list[tuple[int, int]]) -> list[tuple[float, float]]:
        """Where nothing was heard although it was recorded, in seconds."""
        holes, least = self.track.holes, LEAST_HOLE_SECONDS * self._rate
        holes.close()
        shown = holes.listed
        for first, behind in hidden:
            shown = [part for a, b in shown for part in ((a, min(b, first)), (max(a, behind), b)) if part[0] < part[1]]
        return [(round(a / self._rate, 3), round(b / self._rate, 3)) for a, b in shown if b - a >= least]


class Renderer:
    """One recording. `blocks` gives its samples, two channels interleaved; the rest is known when they are over."""

    def __init__(self, told: Told) -> None:
        codecs = [CODECS[name] for name in told.codecs if name in CODECS]
        self.rate = WIDE if any(codec.rate > NARROW for codec in codecs) else NARROW
        self.begin = float(told.opened["at"])
        end = told.closed_at or told.last_at
        self.seconds = min(max(end - self.begin, 0.0), MOST_SECONDS)
        self.samples = int(self.seconds * self.rate)
        self.left = Side(self.rate)
        self.right = Side(self.rate)
        self.hidden = self._hidden(told)

    def _hidden(self, told: Told) -> list[tuple[int, int]]:
        """The stretches that are silence by order; what is never taken back lasts to the end."""
        stretches, since = [], dict.fromkeys(_SILENT, -1)
        for mark in told.marks:
            at = int((mark["at"] - self.begin) * self.rate)
            for begins, ends in _SILENT.items():
                if mark["mark"] == begins and since[begins] < 0:
                    since[begins] = at
                elif mark["mark"] == ends and since[begins] >= 0:
                    stretches.append((since[begins], at))
                    since[begins] = -1
        for_ever = int(2 * MOST_SECONDS * self.rate)
        stretches += [(begin, for_ever) for begin in since.values() if begin >= 0]
        return sorted(stretches)

    def blocks(self, records: Iterable[Record]) -> Iterator[bytes]:
        for kind, content in records:
            if kind != reel.BATCH:
                self.left.sequence.forget()
                self.right.sequence.forget()
                continue
            types, heard_at, heard, sent_at, sent = msgpack.unpackb(content, strict_map_key=False)
            self.left.batch(types, heard_at, heard, self.begin)
            self.right.batch(types, sent_at, sent, self.begin)
            newest = max((*heard_at[-1:], *sent_at[-1:]), default=self.begin)
            finished = int((newest - WINDOW_SECONDS - self.begin) * self.rate)
            yield self._stereo(min(finished, self.samples))
        # what came last ends a little after the recording does
        latest = max(self.left.track.end, self.right.track.end, self.samples)
        self.samples = min(latest, self.samples + int(WINDOW_SECONDS * self.rate))
        yield self._stereo(self.samples)

    def _stereo(self, until: int) -> bytes:
        begin = self.left.track.start
        left, right = bytearray(self.left.track.take(until)), bytearray(self.right.track.take(until))
        for first, behind in self.hidden:
            a, b = max(2 * (first - begin), 0), min(2 * (behind - begin), len(left))
            if a < b:
                left[a:b] = right[a:b] = bytes(b - a)
        return audioop.add(audioop.tostereo(bytes(left), 2, 1, 0), audioop.tostereo(bytes(right), 2, 0, 1), 2)
