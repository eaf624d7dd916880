"""The journal: everything the engine was told, so that any moment of a day can be reached again.

An engine that is given the recorded events at the recorded times, with the ids it drew then, reaches the same state.
That is what makes a take-over possible, a fault report reproducible, and a question about yesterday answerable.

    segment = header, then groups of lines, then (after an orderly end) a mark with the engine's digest
    header    version, the settings with their hash, a snapshot of the state the segment begins with, the event
              classes with the names of their fields, and wall-clock minus monotonic seconds
    line      [class, monotonic seconds, field, ...]; a bare float is a tick at that second (older files have
              [0, second] for it). A bare integer is an id that the line above drew

Every part is a record `length, CRC-32, msgpack`: a part that was being written when the machine stopped is recognised
and left out. Events may gain fields with defaults; lines of older versions stay readable, as they name their own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from functools import cache
from hashlib import sha256
from struct import Struct
from typing import Any, Final, get_args
from zlib import crc32

import msgpack

from softswitch.acd import graph, quick
from softswitch.acd.engine import Engine
from softswitch.acd.floor import Floor
from softswitch.acd.messages import AcdSettings, AgentAnswered, CallerEntered, Command, ConversationEnded, Event
from softswitch.ids import IdSource

VERSION: Final = 2  # 2: a tick is its second alone
MAX_RECORD: Final = 256 * 1024 * 1024
_FRAME: Final = Struct("<II")
_SKIP: Final = {"Floor": ("ids", "out")}
_EVENTS: Final[tuple[type, ...]] = get_args(Event)


class JournalError(ValueError):
    """This cannot be read as a journal; `str()` is one sentence."""


# ------------------------------------------------------------------ recording


class NotedIds(IdSource):
    """The switch's ids, with a note of each number that the engine drew."""

    def __init__(self, ids: IdSource, noted: list[Any]) -> None:
        self._drawn = ids.number
        self._note = noted.append

    def number(self) -> int:
        number = self._drawn()
        self._note(number)
        return number


class RecordedEngine:
    """An engine that writes down what it is given. Same contract as `Engine`.

    `lines` takes an event and then its second, of a tick the second alone (a float), and after them, when the engine's
    ids are `NotedIds` over the same list, the numbers that were drawn. Writing down makes nothing new that would have
    to be kept and freed; everything else is done when a group is packed.
    """

    next_deadline: Callable[[], float | None]

    def __init__(self, engine: Engine, lines: list[Any] | None = None) -> None:
        self.engine = engine
        self.lines: list[Any] = [] if lines is None else lines
        self._note = self.lines.append

    @property
    def engine(self) -> Engine:
        return self._engine

    @engine.setter
    def engine(self, engine: Engine) -> None:
        self._engine = engine
        self.next_deadline = engine.next_deadline  # nothing is written down about it

    def handle(self, event: Event, now: float) -> list[Command]:
        note = self._note
        note(event)
        note(now)
        return self._engine.handle(event, now)

    def tick(self, now: float) -> list[Command]:
        self._note(now + 0.0)
        return self._engine.tick(now)


# ------------------------------------------------------------------ packing

# From a line to what is packed, with all fields. Of a caller most have a default and mostly are just that: his class is
# named a second time, with the others alone.
_NUMBERS: Final = {kind: number for number, kind in enumerate(_EVENTS, 1)}
_NAMES: Final = [[graph.qualified(kind), list(graph.field_names(kind))] for kind in _EVENTS]
_NAMES.append([graph.qualified(CallerEntered), list(quick.needed(CallerEntered))])
_rows: Final = quick.rows(_NUMBERS, (ConversationEnded, AgentAnswered), CallerEntered, len(_NAMES))


def _extension(value: Any) -> msgpack.ExtType:
    """Enums, and dataclasses inside events."""
    return _member(value) if isinstance(value, Enum) else _written(value)


def _written(value: Any) -> msgpack.ExtType:
    return msgpack.ExtType(1, msgpack.packb(graph.to_plain(value)))


_member: Final = cache(_written)  # as many as there are members


def _unpack_extension(code: int, data: bytes) -> Any:
    if code != 1:
        raise JournalError(f"The journal has a value of the unknown kind {code}.")
    return graph.from_plain(msgpack.unpackb(data, strict_map_key=False))


_pack: Final = msgpack.Packer(default=_extension).pack


def frame(document: Any) -> bytes:
    payload: bytes = _pack(document)
    return _FRAME.pack(len(payload), crc32(payload)) + payload


def settings_hash(settings: AcdSettings) -> str:
    return sha256(_pack(graph.to_plain(settings))).hexdigest()


def header(engine: Engine, wall_offset: float, boot: str, number: int) -> bytes:
    """How a segment begins. `boot` names the run of the switch, `number` counts its segments."""
    return frame(
        {
            "journal": "softswitch-acd",
            "version": VERSION,
            "boot": boot,
            "number": number,
            "wall_offset": wall_offset,
            "settings": settings_hash(engine.floor.settings),
            "events": _NAMES,
            "digest": engine.digest(),
            "state": graph.to_plain(engine.floor, _SKIP),
        }
    )


def group(lines: list[Any], wall_offset: float) -> bytes:
    """Lines as `RecordedEngine` wrote them down, as one record."""
    return frame({"wall_offset": wall_offset, "lines": _rows(lines)})


def mark(engine: Engine) -> bytes:
    """The end of a segment: replaying it must give this digest."""
    return frame({"digest": engine.digest()})


# ------------------------------------------------------------------ reading


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line as it was."""

    event: Event | None
    now: float
    ids: tuple[int, ...]
    wall_offset: float


class Segment:
    """One file of the journal, read as far as it is whole."""

    def __init__(self, data: bytes) -> None:
        records = list(_records(data))
        if not records or not isinstance(records[0], dict) or records[0].get("journal") != "softswitch-acd":
            raise JournalError("This is not a journal of the ACD, or its first part is incomplete.")
        first = records[0]
        if first["version"] > VERSION:
            raise JournalError(f"The journal is of version {first['version']}; this softswitch reads up to {VERSION}.")
        self.boot: str = first["boot"]
        self.number: int = first["number"]
        self.settings_hash: str = first["settings"]
        self.wall_offset: float = first["wall_offset"]
        self._first = first
        self._groups = [each for each in records[1:] if "lines" in each]
        self.digest: str | None = next((each["digest"] for each in records[1:] if "digest" in each), None)
        whole = sum(_FRAME.size + length for length in _lengths(data))
        self.torn_bytes = len(data) - whole  # of a part that was not written to its end

    @property
    def lines(self) -> Iterator[Recorded]:
        kinds = [_event_reader(name, names) for name, names in self._first["events"]]
        for each in self._groups:
            offset, rows = each["wall_offset"], each["lines"]
            at = 0
            while at < len(rows):
                row = rows[at]
                at = end = at + 1
                while end < len(rows) and type(rows[end]) is int:
                    end += 1
                number, now, *values = (0, row) if type(row) is float else row
                event = kinds[number - 1](values) if number else None
                yield Recorded(event, now, tuple(rows[at:end]), offset)
                at = end

    def engine(self, ids: ReplayedIds) -> Engine:
        """The engine as it was when the segment began."""
        floor = self._floor()
        floor.ids = ids
        floor.out = []
        return Engine.of(floor)

    def settings(self) -> AcdSettings:
        return self._floor().settings

    def _floor(self) -> Floor:
        try:
            floor: Floor = graph.from_plain(self._first["state"], _SKIP)
        except graph.SnapshotError as error:
            raise JournalError(str(error)) from None
        return floor


def _lengths(data: bytes) -> Iterator[int]:
    at = 0
    while at + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, at)
        payload = memoryview(data)[at + _FRAME.size : at + _FRAME.size + length]
        if length > MAX_RECORD or len(payload) < length or crc32(payload) != checksum:
            return
        yield length
        at += _FRAME.size + length


def _records(data: bytes) -> Iterator[Any]:
    at = 0
    for length in _lengths(data):
        payload = data[at + _FRAME.size : at + _FRAME.size + length]
        try:
            yield msgpack.unpackb(payload, ext_hook=_unpack_extension, strict_map_key=False)
        except graph.SnapshotError as error:
            raise JournalError(str(error)) from None
        except (ValueError, msgpack.exceptions.UnpackException):
            raise JournalError("The journal holds a part that is not msgpack.") from None
        at += _FRAME.size + length


def _event_reader(name: str, names: list[str]) -> Callable[[list[Any]], Event]:
    """From the fields as they were written to the event as it is now."""
    try:
        kind = graph.named(name)
    except graph.SnapshotError as error:
        raise JournalError(str(error)) from None
    known = graph.field_names(kind)
    unknown = [each for each in names if each not in known]
    lacking = [one.name for one in fields(kind) if one.name not in names]
    if unknown or any(one.default is MISSING for one in fields(kind) if one.name in lacking):
        wrong = (unknown or lacking)[0]
        raise JournalError(f"The journal's {kind.__name__} differs in {wrong}; it is of another version.")

    def read(values: list[Any]) -> Event:
        event: Event = kind(**dict(zip(names, map(_frozen, values), strict=True)))
        return event

    return read


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if type(value) is list else value


# ------------------------------------------------------------------ replay


class ReplayedIds(IdSource):
    """Hands out the ids that were drawn then. An engine of another version may draw more: these are below 0, so
    nothing that was recorded speaks of them. `invented` counts them."""

    def __init__(self) -> None:
        self._ids: deque[int] = deque()
        self.invented = 0

    def give(self, ids: Iterable[int]) -> None:
        self._ids.clear()  # a line that broke off may have left some
        self._ids.extend(ids)

    def number(self) -> int:
        if not self._ids:
            self.invented += 1
            return -self.invented
        return self._ids.popleft()


class Replay:
    """An engine on its way through a segment. `broken`: lines at which an invariant broke, then as now."""

    def __init__(self, segment: Segment) -> None:
        self._ids = ReplayedIds()
        self.segment = segment
        self.engine = segment.engine(self._ids)
        self.broken = 0

    def step(self, line: Recorded) -> list[Command]:
        self._ids.give(line.ids)
        try:
            if line.event is None:
                return self.engine.tick(line.now)
            return self.engine.handle(line.event, line.now)
        except AssertionError:  # the driver of the live switch went on as well
            self.broken += 1
            return []

    @property
    def diverged(self) -> bool:
        """This engine decides otherwise than the one that wrote the journal."""
        return self._ids.invented > 0

    def run(self) -> Engine:
        for line in self.segment.lines:
            self.step(line)
        return self.engine


def replay(settings: AcdSettings, ids: IdSource, lines: Iterable[Any]) -> Engine:
    """`lines` as `RecordedEngine` wrote them down; `ids` must start where those of the recorded engine started."""
    engine = Engine(settings, ids)
    each = iter(lines)
    for event in each:
        if type(event) is float:
            engine.tick(event)
        elif type(event) is not int:
            engine.handle(event, next(each))
    return engine


assert not any(issubclass(kind, Enum) for kind in _EVENTS)
