"""How a call that goes on is written: its dataclasses as msgpack maps, by name.

By name, because a process of a newer version may read what an older one wrote: a field that is not known any more is
left out, one that was not known then has its default. What cannot be read is no call.
"""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from typing import Any

import msgpack

from softswitch.call.destination import Destination
from softswitch.call.known import Memory, QueuePlace
from softswitch.call.leg import LegFacts
from softswitch.call.live import LiveCall, LiveCaller, LiveLeg
from softswitch.call.talk import TalkFacts
from softswitch.ivr.messages import Target
from softswitch.media.negotiation import RemoteMedia
from softswitch.media.security import Dtls, Encryption, Sdes
from softswitch.sip.messages import Flow, Forwarded
from softswitch.sip.session_timer import TimerFacts
from softswitch.sip.stir_messages import CallerIdentity
from softswitch.sip.survivor import EstablishedLeg

_CLASSES: tuple[Any, ...] = (
    LiveCall, LiveCaller, LiveLeg, EstablishedLeg, TimerFacts, Flow, LegFacts, RemoteMedia, Sdes, Dtls, Forwarded,
    CallerIdentity, QueuePlace, Memory, TalkFacts, Destination, Target,
)  # fmt: skip
_CODES = {kind: kind.__name__ for kind in _CLASSES}
_KINDS = {name: kind for kind, name in _CODES.items()}
_WORDS = {Encryption.__name__: Encryption}


class UnreadableCall(Exception):
    """This is no call that this version knows."""


_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in _CLASSES}


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _CODES:
        plain = {name: getattr(value, name) for name in _NAMES[kind]}
        plain["_"] = _CODES[kind]
        return plain
    if isinstance(value, Enum):
        return {"_": kind.__name__, "value": value.value}
    raise TypeError(f"{kind.__name__} has no place in a call")


def _thing(plain: dict[Any, Any]) -> Any:
    name = plain.pop("_", None)
    if name is None:
        return plain
    word = _WORDS.get(name)
    if word is not None:
        return word(plain["value"])
    kind = _KINDS[name]
    known = _NAMES[kind]
    return kind(**{key: value for key, value in plain.items() if key in known})


def packed(call: LiveCall) -> bytes:
    data: bytes = msgpack.packb(call, default=_plain, unicode_errors="surrogateescape")
    return data


def unpacked(body: bytes) -> LiveCall:
    try:
        call = msgpack.unpackb(
            body, object_hook=_thing, use_list=False, unicode_errors="surrogateescape", strict_map_key=False
        )
    except (ValueError, TypeError, LookupError, msgpack.UnpackException) as error:
        raise UnreadableCall(str(error)) from error
    if not isinstance(call, LiveCall):
        raise UnreadableCall("something else")
    return call
