"""The bytes between the switch and the media process.

A frame is a 4-byte length and one msgpack array of messages; a message is an array `[tag, field, field, ...]` in
the order of its dataclass. Several messages that leave together share one frame. The codec is the same in both
directions. A peer that breaks the framing gets `ControlError`, which ends the connection.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final, TypeAlias

import msgpack

from softswitch.media.messages import (
    AdoptLegs,
    AllLegsFound,
    AnsweredBy,
    Bridge,
    Claim,
    Claimed,
    CloseMediaLeg,
    DigitReceived,
    DtlsOffered,
    Finish,
    FoundLeg,
    GreetingOver,
    LegsFound,
    ListenForKeys,
    MarkRecording,
    MaskRecording,
    MediaLegClosed,
    MediaLegFailed,
    MediaSaid,
    MediaSecured,
    OpenMediaLeg,
    PauseRecording,
    Ping,
    Play,
    PlaybackEnded,
    PlayMusic,
    Pong,
    PortsLeased,
    RecordingEnded,
    RecordingProblem,
    RtpHeard,
    RtpSilent,
    SendDigits,
    SetKeys,
    SetRemote,
    SetUpCoders,
    SetUpRecording,
    StartDtls,
    StartRecording,
    StopPlay,
    StopRecording,
    ToneHeard,
    Unbridge,
    WatchAnswer,
)
from softswitch.media.mix_messages import JoinMix, LeaveMix, PlayToMix, SetHearing

MediaCommand: TypeAlias = (
    OpenMediaLeg
    | SetRemote
    | Play
    | StopPlay
    | Bridge
    | Unbridge
    | CloseMediaLeg
    | SetKeys
    | StartDtls
    | SendDigits
    | ListenForKeys
    | WatchAnswer
    | JoinMix
    | SetHearing
    | LeaveMix
    | PlayToMix
    | PlayMusic
    | StartRecording
    | StopRecording
    | PauseRecording
    | MaskRecording
    | MarkRecording
)
LineCommand: TypeAlias = Claim | AdoptLegs | Finish | Ping | SetUpRecording | SetUpCoders  # of no leg
MediaEvent: TypeAlias = (
    PortsLeased
    | ToneHeard
    | AnsweredBy
    | GreetingOver
    | PlaybackEnded
    | DigitReceived
    | RtpSilent
    | MediaLegClosed
    | MediaLegFailed
    | DtlsOffered
    | MediaSecured
    | RtpHeard
    | Claimed
    | LegsFound
    | AllLegsFound
    | Pong
    | MediaSaid
    | RecordingEnded
    | RecordingProblem
)
MediaMessage: TypeAlias = MediaCommand | LineCommand | MediaEvent

MAX_FRAME_BYTES: Final = 1 << 20
_LENGTH = struct.Struct("!I")

# The tag of a message never changes its meaning; new messages get new tags at the end.
_TAGS: Final[tuple[tuple[int, type[Any], tuple[type[Any], ...]], ...]] = (
    (1, OpenMediaLeg, (int, int, bool)),
    (2, SetRemote, (int, str, int, int, int, bool, bool, str, int, int, int, int, int)),
    (3, Play, (int, int, tuple, int)),
    (4, StopPlay, (int,)),
    (5, Bridge, (int, int)),
    (6, Unbridge, (int,)),
    (7, CloseMediaLeg, (int,)),
    (8, SetKeys, (int, str, bytes, bytes)),
    (9, StartDtls, (int, bool, str, str, str, str, float, bool)),
    (10, SetUpCoders, (tuple,)),
    (17, SendDigits, (int, str, int, int, int)),
    (18, ListenForKeys, (int, bool)),
    (19, WatchAnswer, (int, str, bool, bool)),
    (22, SetUpRecording, (str, tuple, str, int, str)),
    (23, StartRecording, (int, int, int, str, str, str, str, str)),
    (24, StopRecording, (int, str, str)),
    (25, PauseRecording, (int, bool, str, str)),
    (26, MaskRecording, (int, bool, str, str, float, float)),
    (27, MarkRecording, (int, str, str)),
    (28, JoinMix, (int, int, tuple, tuple)),
    (29, SetHearing, (int, tuple, tuple)),
    (30, LeaveMix, (int,)),
    (31, PlayToMix, (int, int, tuple)),
    (34, Claim, (str,)),
    (35, AdoptLegs, (tuple, int, int)),
    (36, Finish, ()),
    (37, Ping, (int,)),
    (40, PlayMusic, (int, int, str, tuple)),
    (64, PortsLeased, (tuple,)),
    (65, PlaybackEnded, (int, int, bool)),
    (66, DigitReceived, (int, str, int, str)),
    (67, RtpSilent, (int, float)),
    (68, MediaLegClosed, (int, int, int, int, float, float, float, float, float)),
    (69, MediaLegFailed, (int, str)),
    (70, DtlsOffered, (str, int, int)),
    (71, MediaSecured, (int, str)),
    (76, RtpHeard, (int, float)),
    (79, ToneHeard, (int, str)),
    (80, AnsweredBy, (int, str, int)),
    (81, GreetingOver, (int, bool)),
    (84, RecordingEnded, (int, str)),
    (85, RecordingProblem, (int, str, str)),
    (96, Claimed, (bool,)),
    (97, LegsFound, (tuple,)),
    (98, AllLegsFound, (int, int)),
    (99, Pong, (int,)),
    (100, MediaSaid, (int, str)),
)
# what is inside the tuples
_ELEMENTS: Final[dict[type[Any], type[Any]]] = {
    Play: str,
    PlayMusic: str,
    PortsLeased: int,
    AdoptLegs: int,
    LegsFound: tuple,
    JoinMix: int,
    SetHearing: int,
    PlayToMix: str,
    SetUpRecording: str,
    SetUpCoders: str,
}
# rows inside a message, and what they hold
_ROWS: Final[dict[type[Any], tuple[type[Any], tuple[type[Any], ...]]]] = {
    LegsFound: (FoundLeg, (int, int, int, int, int, int, str, int, bool, bool, int)),
}
# The whole language in a few letters: both sides have to speak the same.
PROTOCOL: Final = hashlib.sha256(
    repr(([(tag, message.__name__, kinds) for tag, message, kinds in _TAGS], sorted(map(repr, _ROWS.items())))).encode()
).hexdigest()[:16]


class ControlError(Exception):
    """The peer sent what is no control frame."""


def _reader(message: type[Any]) -> Callable[[Any], Any]:
    names = [field.name for field in fields(message)]
    if not names:
        return lambda m: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda m: (get(m),)


_WRITE: Final = {message: (tag, _reader(message)) for tag, message, _ in _TAGS}
_READ: Final = {tag: (message, kinds, _ELEMENTS.get(message)) for tag, message, kinds in _TAGS}


def encode(messages: Iterable[MediaMessage]) -> bytes:
    """One frame with these messages, in order (several frames when they are too many for one)."""
    rows = []
    for message in messages:
        tag, read = _WRITE[type(message)]
        rows.append((tag, *read(message)))
    body: bytes = msgpack.packb(rows)
    if len(body) <= MAX_FRAME_BYTES:
        return _LENGTH.pack(len(body)) + body
    frames = []
    for row in rows:
        body = msgpack.packb([row])
        assert len(body) <= MAX_FRAME_BYTES, "a message larger than a frame"
        frames.append(_LENGTH.pack(len(body)) + body)
    return b"".join(frames)


class Decoder:
    """Bytes cut anywhere in, whole messages out."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> list[MediaMessage]:
        buffer = self._buffer
        buffer += data
        messages: list[MediaMessage] = []
        start = 0
        while len(buffer) - start >= 4:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > MAX_FRAME_BYTES:
                raise ControlError(f"frame of {length} bytes")
            end = start + 4 + length
            if len(buffer) < end:
                break
            messages += _decode_frame(bytes(buffer[start + 4 : end]))
            start = end
        if start:
            del buffer[:start]
        return messages


def _decode_frame(body: bytes) -> list[MediaMessage]:
    try:
        rows = msgpack.unpackb(body, use_list=False)
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise ControlError("frame is no msgpack value") from error
    if type(rows) is not tuple:
        raise ControlError("frame is no array")
    return [_decode_row(row) for row in rows]


def _decode_row(row: Any) -> MediaMessage:
    if type(row) is not tuple or not row or type(row[0]) is not int:
        raise ControlError("message is no tagged array")
    known = _READ.get(row[0])
    if known is None:
        raise ControlError(f"unknown message tag {row[0]}")
    message, kinds, element = known
    if len(row) != len(kinds) + 1:
        raise ControlError(f"{message.__name__} with {len(row) - 1} fields")
    for value, kind in zip(row[1:], kinds, strict=True):
        if type(value) is not kind:
            raise ControlError(f"{message.__name__} with a {type(value).__name__} for a {kind.__name__}")
        if kind is tuple and any(type(item) is not element for item in value):
            raise ControlError(f"{message.__name__} with a wrong list")
    rows = _ROWS.get(message)
    decoded: MediaMessage = message(*row[1:]) if rows is None else message(_decode_rows(row[1], *rows))
    return decoded


def _decode_rows(found: tuple[Any, ...], made: type[Any], kinds: tuple[type[Any], ...]) -> tuple[Any, ...]:
    if any(tuple(map(type, each)) != kinds for each in found):
        raise ControlError(f"a wrong {made.__name__}")
    return tuple(made(*each) for each in found)
