"""Session descriptions (RFC 8866) as far as a telephone switch needs them: strict, bounded, typed.

`parse` takes the bytes of a body and gives a `SessionDescription` or raises `SdpError`; what it does not know
(bandwidth, unknown attributes) it skips. `build` writes our own description with one audio stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple

MAX_BYTES = 16_384
MAX_LINES = 512
MAX_MEDIA = 16
MAX_FORMATS = 64
MAX_CONNECTION = 300  # a host name has 255 characters at most
MAX_REPEATED = 16  # of one attribute in one section; more are not looked at

# Attributes of encrypted audio that are kept as they are written; those of the session level hold for every stream.
INHERITED = frozenset({"fingerprint", "setup", "ice-ufrag", "ice-pwd", "ice-lite"})
KEPT = INHERITED | {"crypto", "mid", "rtcp-mux", "rtcp", "group"}


class SdpError(ValueError):
    """The body is no session description; `reason` names the line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Direction(Enum):
    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self is Direction.SENDRECV or self is Direction.SENDONLY

    @property
    def receives(self) -> bool:
        return self is Direction.SENDRECV or self is Direction.RECVONLY

    @staticmethod
    def of(*, sends: bool, receives: bool) -> Direction:
        if sends:
            return Direction.SENDRECV if receives else Direction.SENDONLY
        return Direction.RECVONLY if receives else Direction.INACTIVE


@dataclass(frozen=True, slots=True)
class Origin:
    """The o= line. The same session_id with a higher version is a changed description (RFC 3264 section 8)."""

    username: str
    session_id: int
    version: int
    host: str


@dataclass(frozen=True, slots=True)
class Media:
    """One m= section. `host` and `direction` are already inherited from the session level; `host` is empty when
    the address is well-formed, but none that media is sent to; with a colon it is an IPv6 address."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    host: str
    direction: Direction
    rtpmap: dict[str, str]  # format -> "pcmu/8000", lower case
    fmtp: dict[str, str]
    ptime_ms: int | None = None
    maxptime_ms: int | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # those of `KEPT`, by name

    def attribute(self, name: str) -> str:
        """The first value of an attribute, "" when there is none."""
        return self.attributes.get(name, ("",))[0]


@dataclass(frozen=True, slots=True)
class SessionDescription:
    origin: Origin
    media: tuple[Media, ...]
    groups: tuple[str, ...] = ()


_DIRECTIONS = {direction.value: direction for direction in Direction}


def parse(body: bytes) -> SessionDescription:
    if len(body) > MAX_BYTES:
        raise SdpError("body too large")
    # RFC 8866 5: "parsers SHOULD be tolerant and also accept records terminated with a single newline character."
    lines = body.decode("latin-1").replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(lines) > MAX_LINES:
        raise SdpError("too many lines")
    # RFC 8866 5: v= is the first line, o= and s= follow
    if len(lines) < 3 or lines[0] != "v=0":
        raise SdpError("first line is not v=0")
    if lines[1][:2] != "o=":
        raise SdpError("second line is not o=")
    origin = _origin(lines[1])
    first_media = next((n for n, line in enumerate(lines) if line[:2] == "m="), len(lines))
    session = _section(lines, 2, first_media, None, Direction.SENDRECV)
    media: list[Media] = []
    start = first_media
    while start < len(lines):
        end = start + 1
        while end < len(lines) and lines[end][:2] != "m=":
            end += 1
        if len(media) == MAX_MEDIA:
            raise SdpError("too many m= lines")
        media.append(_media(lines, start, end, session))
        start = end
    return SessionDescription(origin, tuple(media), session.attributes.get("group", ()))


def _origin(line: str) -> Origin:
    parts = line[2:].split(" ")
    if len(parts) != 6 or parts[3] != "IN" or parts[4] not in ("IP4", "IP6") or not parts[0] or not parts[5]:
        raise SdpError("malformed o=")
    return Origin(parts[0], _number(parts[1], 20, "o="), _number(parts[2], 20, "o="), parts[5])


def _number(text: str, digits: int, where: str) -> int:
    # str.isdecimal alone would let other scripts' digits pass
    if not text or len(text) > digits or not (text.isascii() and text.isdecimal()):
        raise SdpError(f"malformed number in {where}")
    return int(text)


class _Section(NamedTuple):
    """What matters here of the session level, or of one stream."""

    host: str | None
    direction: Direction
    rtpmap: dict[str, str]
    fmtp: dict[str, str]
    ptime: int | None
    maxptime: int | None
    attributes: Mapping[str, tuple[str, ...]]


def _media(lines: list[str], start: int, end: int, session: _Section) -> Media:
    parts = lines[start][2:].split()
    if not 4 <= len(parts) <= 3 + MAX_FORMATS:
        raise SdpError("malformed m=")
    # these words come back in our answer when the stream is refused
    if not (lines[start].isascii() and lines[start].isprintable()):
        raise SdpError("m= is no text")
    # RFC 8866 5.14: m=<media> <port>/<number of ports> <proto> <fmt> ...
    port_text, slash, count = parts[1].partition("/")
    if slash:
        _number(count, 5, "m=")
    port = _number(port_text, 5, "m=")
    if port > 65535:
        raise SdpError("port above 65535")
    own = _section(lines, start + 1, end, session.host, session.direction)
    if own.host is None and port:
        raise SdpError("no c= for a stream")
    attributes = own.attributes
    if session.attributes:
        inherited = {name: values for name, values in session.attributes.items() if name in INHERITED}
        attributes = {**inherited, **attributes}
    host, direction = own.host or "", own.direction
    times = own.ptime, own.maxptime
    return Media(parts[0], port, parts[2], tuple(parts[3:]), host, direction, own.rtpmap, own.fmtp, *times, attributes)


def _section(lines: list[str], start: int, end: int, host: str | None, direction: Direction) -> _Section:
    """The lines of the session level or of one stream that matter here."""
    kept: dict[str, tuple[str, ...]] = {}
    rtpmap: dict[str, str] = {}
    fmtp: dict[str, str] = {}
    ptime: int | None = None
    maxptime: int | None = None
    for line in lines[start:end]:
        kind = line[:2]
        if kind == "a=":
            name, _, value = line[2:].partition(":")
            if name == "rtpmap":
                number, _, encoding = value.partition(" ")
                rtpmap[number] = encoding.strip().lower()
            elif name == "fmtp":
                number, _, parameters = value.partition(" ")
                fmtp[number] = parameters
            elif name in _DIRECTIONS:
                direction = _DIRECTIONS[name]
            elif name == "ptime":
                ptime = _milliseconds(value)
            elif name == "maxptime":
                maxptime = _milliseconds(value)
            elif name in KEPT:
                values = kept.get(name, ())
                if len(values) < MAX_REPEATED:
                    kept[name] = (*values, value)
        elif kind == "c=":
            if len(line) > MAX_CONNECTION:
                raise SdpError("c= too long")
            host = _connection(line[2:])
        elif len(line) < 2 or line[1] != "=" or not line[0].isalpha():
            raise SdpError("a line that is not <letter>=<value>")
    return _Section(host, direction, rtpmap, fmtp, ptime, maxptime, kept)


def _milliseconds(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 5 else None


def wants_ip6(body: bytes | None, signalling: str) -> bool:
    """Which IP the audio of this peer takes: that of his description, where it names one alone, else that of his
    signalling."""
    lines = body or b""
    four, six = b"\nc=IN IP4 " in lines, b"\nc=IN IP6 " in lines
    return six if four != six else ":" in signalling


@lru_cache(maxsize=1024)
def _connection(value: str) -> str:
    """The address of a c= line: a literal that one host owns. A name is not resolved."""
    parts = value.split()
    if len(parts) != 3 or parts[0] != "IN" or parts[1] not in ("IP4", "IP6"):
        raise SdpError("malformed c=")
    if parts[1] == "IP6":
        return _ip6(parts[2])
    octets = parts[2].split(".")
    if len(octets) != 4 or not all(map(_is_octet, octets)):
        return ""
    # media goes to one host: neither to a multicast group nor to a broadcast address
    if int(octets[0]) >= 224:
        return ""
    return ".".join(str(int(octet)) for octet in octets)


def _ip6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        return ""
    # a link-local address says nothing without its link, and one that maps IPv4 is not of this network
    if "%" in text or address.is_multicast or address.is_link_local or address.ipv4_mapped is not None:
        return ""
    return str(address)


def _is_octet(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= 255


def audio_stream(port: int, protocol: str, formats: str, security: str = "") -> str:
    """The m= section of our audio: `formats` as `media.formats.text` writes them, `security` the attributes of its
    encryption."""
    return f"m=audio {port} {protocol} {formats}{security}"


def refused_stream(media: Media) -> str:
    # RFC 3264 6: "To reject an offered stream, the port number in the corresponding stream in the answer MUST be
    # set to zero. Any media formats listed are ignored. At least one MUST be present, as specified by SDP."
    mid = media.attribute("mid")
    named = f"a=mid:{mid}\r\n" if is_token(mid) else ""
    return f"m={media.kind} 0 {media.protocol} {media.formats[0]}\r\n{named}"


def is_token(text: str) -> bool:
    """RFC 8866 9: a word that may come back in our own description."""
    return (
        0 < len(text) <= 64 and text.isascii() and all(each.isalnum() or each in "!#$%&'*+-.^_`{|}~" for each in text)
    )


def build(host: str, session_id: int, version: int, streams: str, session: str = "") -> bytes:
    """`session`: attributes of the session level."""
    where = f"IN {'IP6' if ':' in host else 'IP4'} {host}"
    head = f"v=0\r\no=- {session_id} {version} {where}\r\ns=-\r\nc={where}\r\nt=0 0\r\n"
    return (head + session + streams).encode("latin-1")
