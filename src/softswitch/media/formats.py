"""The formats of one audio stream in a description: what a peer calls his codecs, and what we call ours.

A format is known by its encoding, as in a=rtpmap and in lower case ("opus/48000/2", "telephone-event/8000"); its
payload type is only a number that holds for one stream and one direction. Static numbers: RFC 3551 section 6; Opus:
RFC 7587 section 7; telephone events: RFC 4733 section 2.4; comfort noise: RFC 3389 section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from softswitch.media.codecs import CODECS, G711, OPUS, STATIC, Codec
from softswitch.media.sdp import Direction, Media

COMFORT: Final = "cn/8000"
COMFORT_TYPE: Final = 13
EVENTS: Final = "telephone-event/"  # and their clock
# The numbers of ours, where the peer has not given his own before: those that browsers and phones use most.
_DYNAMIC: Final = {OPUS.encoding: 111, f"{EVENTS}8000": 101, f"{EVENTS}48000": 110}
_KNOWN: Final = frozenset({COMFORT, *_DYNAMIC, *(codec.encoding for codec in CODECS.values())})
_STATIC: Final = {**{number: codec.encoding for number, codec in STATIC.items()}, COMFORT_TYPE: COMFORT}
_NUMBERS: Final = {encoding: number for number, encoding in _STATIC.items()}
_NAMES: Final = {
    **{codec.encoding: codec.encoding.replace(codec.name.lower(), codec.name) for codec in CODECS.values()},
    # RFC 7587 7: "The media subtype ("opus") goes in SDP "a=rtpmap" as the encoding name."
    OPUS.encoding: OPUS.encoding,
    COMFORT: "CN/8000",
}
_PARAMETERS: Final = {
    # RFC 7587 6.1, 7: one channel, and up to 16 kHz: more is never sent and is not heard; a lost packet may be mended
    # from the next one
    OPUS.encoding: "maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0;sprop-stereo=0;useinbandfec=1",
    # RFC 4733 2.4.1: events 0-15 are the DTMF keys
    f"{EVENTS}8000": "0-15",
    f"{EVENTS}48000": "0-15",
}
_LONGEST_MS: Final = 60  # packet of a peer whose codec could have longer ones

Formats = Mapping[str, int]  # encoding -> payload type, the most wanted first


def read(media: Media, ours: Formats | None = None) -> dict[str, int]:
    """The formats of a peer's stream that we know. `ours`: the numbers of our offer, which an answer may use without
    a word."""
    found: dict[str, int] = {}
    said = {number: encoding for encoding, number in ours.items()} if ours else {}
    for text in media.formats:
        if not (text.isascii() and text.isdecimal() and len(text) <= 3):
            continue
        number = int(text)
        mapped = media.rtpmap.get(text)
        # RFC 8866 6.6: the number of channels may be left out when it is one
        encoding = mapped.removesuffix("/1") if mapped is not None else _STATIC.get(number, said.get(number, ""))
        if encoding == "opus/48000":  # RFC 7587 7 has "/2", always; who leaves it out sends the same packets
            encoding = OPUS.encoding
        if encoding in _KNOWN and (_STATIC[number] == encoding if number in _STATIC else _is_dynamic(number)):
            found.setdefault(encoding, number)
    return found


def _is_dynamic(number: int) -> bool:
    # RFC 3551 6: 96-127 are dynamic; when they do not suffice, those that are not assigned (35-63, as RFC 5761 4 leaves
    # 64-95 to reports)
    return 96 <= number <= 127 or 35 <= number <= 63


def events(formats: Formats, codec: Codec) -> tuple[int, int]:
    """The payload type of telephone events beside this codec, and their clock. -1: there are none."""
    # RFC 4733 2.5.1.1: an event's timestamp is of the clock of the stream; so theirs is that of the codec ...
    number = formats.get(f"{EVENTS}{codec.clock}")
    if number is not None:
        return number, codec.clock
    # ... but there are phones that know Opus and have events at 8000 only
    return formats.get(f"{EVENTS}8000", -1), 8000


def comfort(formats: Formats, codec: Codec) -> int:
    """The payload type of comfort noise beside this codec; -1: none. Opus has its own."""
    return formats.get(COMFORT, -1) if codec.clock == 8000 else -1


def common(theirs: Formats, codecs: Sequence[Codec], using: str = "") -> Codec | None:
    """The peer's most wanted codec of ours. The one in use, where it is still wanted: a phone that is only put on hold
    names all that it knows again. Where ours begin with G.711 that goes before the others, whatever the peer likes
    best: the other side of the call has it as well, and nothing needs to be transcoded."""
    both = [codec for encoding in theirs for codec in codecs if codec.encoding == encoding]
    if any(codec.name == using for codec in both):
        return CODECS[using]
    if codecs and codecs[0].name in G711:
        both.sort(key=lambda codec: codec.name not in G711)
    return both[0] if both else None


def offered(codecs: Sequence[Codec], *, with_comfort: bool, in_use: Formats) -> dict[str, int]:
    """What we offer, with its numbers. `in_use`: numbers that were given before."""
    encodings = [codec.encoding for codec in codecs]
    if with_comfort:
        encodings.append(COMFORT)
    # each clock that a codec of ours has; 8000 always, for phones that have events at no other
    clocks = {codec.clock for codec in codecs}
    encodings += [f"{EVENTS}{clock}" for clock in (8000, 48000) if clock == 8000 or clock in clocks]
    # RFC 3264 8.3.2: "the mapping from a particular dynamic payload type number to a particular codec within that media
    # stream MUST NOT change for the duration of a session."
    taken = dict.fromkeys(in_use.values())
    found: dict[str, int] = {}
    for encoding in encodings:
        number = in_use.get(encoding, _NUMBERS.get(encoding, -1))
        if number < 0 or number in found.values():
            number = _DYNAMIC.get(encoding, 0)
            if number in taken:
                number = next(each for each in range(96, 128) if each not in taken)
        taken[number] = None
        found[encoding] = number
    return found


@lru_cache(maxsize=256)
def text(formats: tuple[tuple[str, int], ...], direction: Direction) -> str:
    """The m= section of a stream with these formats, from its formats on."""
    lines = []
    for encoding, number in formats:
        lines.append(f"a=rtpmap:{number} {_NAMES.get(encoding, encoding)}\r\n")
        if encoding in _PARAMETERS:
            lines.append(f"a=fmtp:{number} {_PARAMETERS[encoding]}\r\n")
    numbers = " ".join(str(number) for _, number in formats)
    # a relayed packet is as long as its sender made it; a prompt, and whatever is decoded here, has 20 ms
    lines.append("a=ptime:20\r\n")
    if any(encoding == OPUS.encoding for encoding, _ in formats):
        lines.append(f"a=maxptime:{_LONGEST_MS}\r\n")
    return f"{numbers}\r\n{''.join(lines)}a={direction.value}\r\n"
