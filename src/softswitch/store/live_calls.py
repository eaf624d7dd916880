"""How a call that goes on is written: its dataclasses as msgpack arrays, with the names of their fields kept apart.

    live_call  id > 0  the number of the words it is written in, and the values
               id < 0  those words: for each class the names of its fields; a process writes its own once, at its start

A newer version reads what an older one wrote by those names: a field that it does not know any more is left out, one
that was not known then has its default. What cannot be read is no call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache
from math import isfinite
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from zlib import crc32

import msgpack

from softswitch.call.destination import Destination
from softswitch.call.known import Memory, QueuePlace
from softswitch.call.leg import LegFacts
from softswitch.call.live import LiveCall, LiveCaller, LiveLeg
from softswitch.call.recording import Recorded
from softswitch.call.talk import TalkFacts
from softswitch.ivr.messages import Target
from softswitch.media.negotiation import RemoteMedia
from softswitch.media.security import Dtls, Encryption, Sdes
from softswitch.sip.messages import Flow, Forwarded
from softswitch.sip.session_timer import TimerFacts
from softswitch.sip.stir_messages import CallerIdentity
from softswitch.sip.survivor import EstablishedLeg

# A class keeps its number; a new one gets the next.
_CLASSES: tuple[Any, ...] = (
    LiveCall, LiveCaller, LiveLeg, EstablishedLeg, TimerFacts, Flow, LegFacts, RemoteMedia, Sdes, Dtls, Forwarded,
    CallerIdentity, QueuePlace, Memory, TalkFacts, Destination, Target, Recorded,
)  # fmt: skip
_ENUMERATIONS: tuple[type[Enum], ...] = (Encryption,)
_ENUMERATION = 100  # and the number of one

Words = Mapping[int, tuple[str, ...]]  # the names of the fields, by the number of the class

WORDS: Words = {number: tuple(field.name for field in fields(kind)) for number, kind in enumerate(_CLASSES)}
WRITTEN_WORDS: bytes = msgpack.packb([[number, *names] for number, names in WORDS.items()])
WORDS_NUMBER = crc32(WRITTEN_WORDS) + 1


class UnreadableCall(Exception):
    """This is no call that this version knows."""


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A call as it is written; `body` None: it is over."""

    key: int
    at: float
    body: bytes | None


def _writer(number: int, *names: str) -> Callable[[Any], tuple[Any, ...]]:
    mark = msgpack.ExtType(number, b"")
    if len(names) == 1:
        return lambda thing: (mark, getattr(thing, names[0]))
    values = attrgetter(*names)
    return lambda thing: (mark, *values(thing))


_WRITE: dict[Any, Callable[[Any], tuple[Any, ...]]] = {
    **{kind: _writer(number, *WORDS[number]) for number, kind in enumerate(_CLASSES)},
    **{kind: _writer(_ENUMERATION + number, "value") for number, kind in enumerate(_ENUMERATIONS)},
}


def _plain(value: Any) -> tuple[Any, ...]:
    return _WRITE[type(value)](value)


def packed(call: LiveCall) -> bytes:
    """KeyError when there is something in it that has no place in a call."""
    data: bytes = msgpack.packb((WORDS_NUMBER, call), default=_plain, unicode_errors="surrogateescape")
    return data


class _Mark:
    """In front of the values of a class."""

    __slots__ = ("number",)

    def __init__(self, number: int, data: bytes) -> None:
        self.number = number


def _thing(plain: list[Any], words: Words) -> Any:
    if not plain or type(plain[0]) is not _Mark:
        return tuple(plain)
    number, values = plain[0].number, plain[1:]
    if number >= _ENUMERATION:
        return _ENUMERATIONS[number - _ENUMERATION](values[0])
    kind, known = _CLASSES[number], WORDS[number]
    return kind(**{name: value for name, value in zip(words[number], values, strict=True) if name in known})


def words_of(body: bytes) -> Words:
    """What an older process wrote of its classes."""
    try:
        return {number: names for number, *names in msgpack.unpackb(body)}
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise UnreadableCall(str(error)) from error


def unpacked(body: bytes, words: Mapping[int, Words] | None = None) -> LiveCall:
    """`words`: of older processes, by their number."""
    by_number = {WORDS_NUMBER: WORDS, **(words or {})}
    number = 0

    def array(plain: list[Any]) -> Any:
        return _thing(plain, by_number[number])

    try:
        unpacker = msgpack.Unpacker(
            list_hook=array, ext_hook=_Mark, unicode_errors="surrogateescape", strict_map_key=False
        )
        unpacker.feed(body)
        if unpacker.read_array_header() != 2:
            raise UnreadableCall("not two things")
        number = unpacker.unpack()
        call = unpacker.unpack()
    except (ValueError, TypeError, LookupError, msgpack.UnpackException) as error:
        raise UnreadableCall(f"{type(error).__name__}: {error}") from error
    if not isinstance(call, LiveCall):
        raise UnreadableCall("something else")
    if not _fits(call, LiveCall) or not call.legs:
        raise UnreadableCall("it is damaged")
    return call


# -------------------------------------------------------------- is it what it says?


@cache
def _hints(number: int) -> dict[str, Any]:
    return get_type_hints(_CLASSES[number])


def _fits(value: Any, hint: Any) -> bool:
    """Is this value what the field of a call is declared to be? A row that was damaged must not break the others."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if kind is None:
        plain = getattr(hint, "__supertype__", hint)
        if plain in (float, int, bool):
            return type(value) in (float, int, bool) and isfinite(value)
        if type(value) is not plain:
            return value is None and plain is NoneType
        fields_of = _hints(_CLASSES.index(plain)) if plain in _CLASSES else {}
        return all(_fits(getattr(value, name), each) for name, each in fields_of.items())
    if kind is list or inner[1:] == (Ellipsis,):  # a list is read as a tuple
        return isinstance(value, tuple) and all(_fits(each, inner[0]) for each in value)
    if kind is tuple:
        return isinstance(value, tuple) and len(value) == len(inner) and all(map(_fits, value, inner))
    return isinstance(value, Mapping) and all(_fits(k, inner[0]) and _fits(v, inner[1]) for k, v in value.items())
