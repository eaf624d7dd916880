"""Offer and answer (RFC 3264) for one audio stream with telephone events and comfort noise, plain or encrypted.

`make_offer` writes our offer, `accept` reads the peer's answer to it; `answer` answers the peer's offer. Both give
the `RemoteMedia` that the media process needs. What cannot be answered raises `NotAcceptable` (488) or `SdpError`
(the body is no SDP: 400 or 488, whichever the caller prefers).

One codec is agreed on, by name; its number may be another one in each direction (`media.formats`). Packets are of
20 ms where we make them: a=ptime of the peer is a wish (RFC 8866 6.4), and what is relayed is as long as it came.

Hold is understood in both styles: a=sendonly/inactive (RFC 3264 8.4) and c=0.0.0.0 (RFC 2543).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from softswitch.media import formats, sdp
from softswitch.media.codecs import CODECS, Codec
from softswitch.media.formats import Formats
from softswitch.media.sdp import Direction, Media, Origin, SdpError
from softswitch.media.security import PLAIN, Dtls, Kind, LegSecurity, Security, Words

__all__ = [
    "Answered",
    "Direction",
    "NoCommonCodec",
    "NotAcceptable",
    "Offer",
    "RemoteMedia",
    "SdpError",
    "StreamRefused",
    "Usage",
    "accept",
    "answer",
    "make_offer",
]

NOWHERE = "0.0.0.0"
_NOWHERES = frozenset({NOWHERE, "::"})
_MUX = "a=rtcp-mux\r\n"


class NotAcceptable(Exception):
    """The description is well-formed, but there is no stream in it that we can talk on."""

    status = 488


class NoCommonCodec(NotAcceptable):
    """There is an RTP/AVP audio stream, but without a codec of ours."""


class StreamRefused(NotAcceptable):
    """No audio stream that we may have to a host that we can reach: none at all, port 0, keys that are none of ours,
    plain audio where encryption is demanded, a host name, or an address of the other IP."""


@dataclass(frozen=True, slots=True)
class RemoteMedia:
    """The peer's end: goes into `SetRemote`. `on_hold`: the peer does not want to hear us."""

    host: str
    port: int
    payload_type: int
    dtmf_type: int
    send: bool
    receive: bool
    security: Security | None = None
    protocol: str = "RTP/AVP"
    codec: str = ""  # a name of `media.codecs.CODECS`
    dtmf_clock: int = 8000
    comfort_type: int = -1
    rtcp_port: int = 0  # where he takes reports: `port` with rtcp-mux; 0: not known
    heard_type: int = -1  # by which he sends, where that is another number than the one he is sent to with
    heard_dtmf: int = -1
    before: tuple[str, ...] = ()  # streams that were refused, ahead of the audio in the description; and behind it
    after: tuple[str, ...] = ()

    @property
    def numbers(self) -> dict[str, int]:
        """The payload types by which we are sent to; they stay as long as the session."""
        codec = CODECS[self.codec]
        found = {codec.encoding: self.heard_type if self.heard_type >= 0 else self.payload_type}
        dtmf = self.heard_dtmf if self.heard_dtmf >= 0 else self.dtmf_type
        if dtmf >= 0:
            found[f"{formats.EVENTS}{self.dtmf_clock}"] = dtmf
        return found

    @property
    def mux(self) -> bool:
        """Audio and reports share a port."""
        return 0 < self.rtcp_port == self.port

    @property
    def on_hold(self) -> bool:
        return not self.send


@dataclass(frozen=True, slots=True)
class Offer:
    """Our own offer: `sdp` goes out, the rest is for reading the answer."""

    sdp: bytes
    formats: Mapping[str, int]
    direction: Direction
    words: Words = PLAIN
    host: str = ""
    mux: bool = False
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """Our answer to the peer's offer. `origin` is the peer's o= line: a later offer with an equal one changes
    nothing (RFC 3264 section 8)."""

    sdp: bytes
    remote: RemoteMedia
    origin: Origin
    direction: Direction


@dataclass(frozen=True, slots=True)
class Usage:
    """What an earlier description of the same session, or that of the other side of the call, has settled."""

    codec: str = ""  # in use: an offer that still has it does not change it
    numbers: Formats = field(default_factory=dict)  # payload types that have their meaning already
    comfort: bool = False  # the other side sends comfort noise
    mux: bool = False  # audio and reports share a port
    before: tuple[str, ...] = ()  # streams of this session that were refused, ahead of the audio; and behind it
    after: tuple[str, ...] = ()


_NEW = Usage()


def _codecs(names: Sequence[str]) -> list[Codec]:
    return [CODECS[name] for name in names]


def make_offer(
    host: str,
    port: int,
    session_id: int,
    version: int,
    codecs: Sequence[str],
    direction: Direction = Direction.SENDRECV,
    security: LegSecurity | None = None,
    usage: Usage = _NEW,
) -> Offer:
    """An offer of `codecs` (most wanted first) and telephone events. `version` goes up by one whenever the
    description differs from the last one sent in this session, `session_id` stays (RFC 3264 section 8)."""
    ours = formats.offered(_codecs(codecs), with_comfort=usage.comfort, in_use=usage.numbers)
    words = security.offer(host, port) if security is not None else PLAIN
    # RFC 5761 5.1.1: who has agreed to it says so again
    mux = usage.mux and _MUX not in words.stream
    text = formats.text(tuple(ours.items()), direction)
    stream = sdp.audio_stream(port, words.protocol, text, words.stream + _MUX * mux)
    # RFC 3264 8: "the SDP MUST contain at least as many media streams as the previous SDP", each one in its place
    streams = "".join((*usage.before, stream, *usage.after))
    described = sdp.build(host, session_id, version, streams, words.session)
    return Offer(described, ours, direction, words, host, mux, usage.before, usage.after)


def answer(
    offer: bytes,
    host: str,
    port: int,
    session_id: int,
    version: int,
    codecs: Sequence[str],
    direction: Direction = Direction.SENDRECV,
    security: LegSecurity | None = None,
    usage: Usage = _NEW,
) -> Answered:
    """Our answer: the first audio stream that can be had (an encrypted one before a plain one), on the peer's most
    wanted codec of ours; every other stream is refused. `direction` is what we want; the answer gives at most what the
    offer allows. Without `security` only plain audio is understood."""
    described = sdp.parse(offer)
    chosen, codec, theirs, kind = _choose(described.media, host, codecs, usage.codec, security)
    words, agreed_security = Words(chosen.protocol), None
    if security is not None:
        words, agreed_security = security.answer(chosen, kind, host, port, described.groups)
        if not _has_way(chosen, host, agreed_security):
            _no_stream()
    # RFC 3264 6.1: an offer of sendonly is answered with recvonly or inactive, recvonly with sendonly or inactive
    agreed = Direction.of(
        sends=direction.sends and chosen.direction.receives,
        receives=direction.receives and chosen.direction.sends,
    )
    mux = not isinstance(agreed_security, Dtls) and "rtcp-mux" in chosen.attributes
    place = next(n for n, media in enumerate(described.media) if media is chosen)
    before = tuple(map(sdp.refused_stream, described.media[:place]))
    after = tuple(map(sdp.refused_stream, described.media[place + 1 :]))
    remote = _remote(chosen, codec, theirs, agreed, agreed_security, mux=mux, beside=(before, after))
    # RFC 3264 6.1: "if a particular codec was referenced with a specific payload type number in the offer, that same
    # payload type number SHOULD be used for that codec in the answer."
    agreed_formats = [(codec.encoding, remote.payload_type)]
    if remote.comfort_type >= 0:
        agreed_formats.append((formats.COMFORT, remote.comfort_type))
    if remote.dtmf_type >= 0:
        agreed_formats.append((f"{formats.EVENTS}{remote.dtmf_clock}", remote.dtmf_type))
    text = formats.text(tuple(agreed_formats), agreed)
    # RFC 3264 6: "for each "m=" line in the offer, there MUST be a corresponding "m=" line in the answer."
    stream = sdp.audio_stream(port, words.protocol, text, words.stream + _MUX * mux)
    streams = "".join((*before, stream, *after))
    return Answered(sdp.build(host, session_id, version, streams, words.session), remote, described.origin, agreed)


def accept(answer_sdp: bytes, offer: Offer, security: LegSecurity | None = None) -> RemoteMedia:
    """What the peer's answer to `offer` agreed on."""
    described = sdp.parse(answer_sdp)
    place = len(offer.before)
    chosen = next((media for media in described.media[place : place + 1] if _is_audio(media)), None) or _no_stream()
    agreed_security: Security | None = None
    if security is not None:
        try:
            agreed_security = security.read_answer(chosen, offer.words)
        except ValueError as problem:
            raise StreamRefused(str(problem)) from problem
    elif chosen.protocol != "RTP/AVP":
        _no_stream()
    if not _has_way(chosen, offer.host, agreed_security):
        _no_stream()
    theirs = formats.read(chosen, offer.formats)
    # RFC 3264 6.1: the answer's formats are in the order in which he prefers them
    codec = next((each for name in theirs for each in CODECS.values() if each.encoding == name in offer.formats), None)
    if codec is None:
        raise NoCommonCodec("no codec in common")
    agreed = Direction.of(
        sends=offer.direction.sends and chosen.direction.receives,
        receives=offer.direction.receives and chosen.direction.sends,
    )
    # RFC 5761 5.1.1: "If the answer does not contain an "a=rtcp-mux" attribute, the offerer MUST NOT multiplex"
    mux = offer.mux and not isinstance(agreed_security, Dtls) and "rtcp-mux" in chosen.attributes
    beside = offer.before, offer.after
    return _remote(chosen, codec, theirs, agreed, agreed_security, mux=mux, beside=beside, ours=offer.formats)


def _is_audio(media: Media) -> bool:
    # RFC 3264 5.1: port zero in an offer: the stream is not wanted
    return media.kind == "audio" and media.port != 0


def _reaches(host: str, ours: str) -> bool:
    """Our address and the peer's are of the same IP; nowhere is nowhere in both."""
    return bool(host) and (host in _NOWHERES or (":" in host) == (":" in ours))


def _has_way(media: Media, ours: str, security: Security | None) -> bool:
    """There is an address to send to, or ICE will find one."""
    return _reaches(media.host, ours) or (isinstance(security, Dtls) and bool(security.ufrag))


def _no_stream() -> NoReturn:
    raise StreamRefused("no audio stream that can be had")


def _kind(media: Media, ours: str, security: LegSecurity | None) -> Kind | None:
    """How this stream can be had; None: not at all. What is encrypted is never answered as if it were plain."""
    if not _is_audio(media):
        return None
    reached = _reaches(media.host, ours)
    if security is None:
        return Kind.PLAIN if media.protocol == "RTP/AVP" and reached else None
    kind = security.kind(media)
    return kind if reached or (kind is Kind.DTLS and media.attribute("ice-ufrag")) else None


def _choose(
    streams: tuple[Media, ...], host: str, names: Sequence[str], using: str, security: LegSecurity | None
) -> tuple[Media, Codec, Formats, Kind]:
    kinds = [(media, kind) for media in streams if (kind := _kind(media, host, security)) is not None]
    # phones that can do both offer two streams, one encrypted and one not
    kinds.sort(key=lambda pair: pair[1] is Kind.PLAIN)
    codecs = _codecs(names)
    for media, kind in kinds:
        theirs = formats.read(media)
        codec = formats.common(theirs, codecs, using)
        if codec is not None:
            return media, codec, theirs, kind
    if kinds:
        raise NoCommonCodec("no codec in common")
    _no_stream()


def _reports_to(media: Media, *, mux: bool) -> int:
    """The port for reports (RTCP) of a peer; 0: none that is known."""
    if mux:
        return media.port
    # RFC 3605 2.1: a=rtcp:53020, or with an address of its own, which is not followed
    words = media.attribute("rtcp").split()
    if words:
        number = int(words[0]) if words[0].isascii() and words[0].isdecimal() and len(words[0]) <= 5 else 0
        elsewhere = len(words) > 1 and words[-1] != media.host
        return 0 if elsewhere or number > 65535 else number
    # RFC 3550 11: "RTP SHOULD use an even destination port number and the corresponding RTCP stream SHOULD use the next
    # higher (odd) destination port number."
    return media.port + 1 if media.port < 65535 else 0


def _remote(
    media: Media,
    codec: Codec,
    theirs: Formats,
    agreed: Direction,
    security: Security | None,
    *,
    mux: bool,
    beside: tuple[tuple[str, ...], tuple[str, ...]],
    ours: Formats | None = None,
) -> RemoteMedia:
    """`beside`: the streams that were refused. `ours`: the numbers of our offer, when this is the answer to it."""
    payload_type = theirs[codec.encoding]
    dtmf_type, dtmf_clock = formats.events(theirs, codec)
    with_ice = isinstance(security, Dtls) and bool(security.ufrag)
    heard = heard_dtmf = -1
    if ours is not None:
        heard = ours[codec.encoding] if ours[codec.encoding] != payload_type else -1
        our_dtmf = ours.get(f"{formats.EVENTS}{dtmf_clock}", -1)
        if our_dtmf < 0:
            dtmf_type, dtmf_clock = -1, 8000
        elif dtmf_type >= 0 and our_dtmf != dtmf_type:
            heard_dtmf = our_dtmf
    # a browser has silence suppressed as soon as comfort noise is agreed on, and gains nothing by it
    comfort_type = (
        -1 if with_ice or (ours is not None and formats.COMFORT not in ours) else formats.comfort(theirs, codec)
    )
    # RFC 3264 8.4: "c=0.0.0.0 ... to put a stream on hold, is no longer recommended", but it is still sent
    sends = agreed.sends and (with_ice or media.host not in _NOWHERES)
    return RemoteMedia(
        # with ICE the address is found, whatever the c= line says
        *((NOWHERE, 0) if with_ice else (media.host, media.port)),
        payload_type,
        dtmf_type,
        sends,
        agreed.receives,
        security,
        media.protocol,
        codec.name,
        dtmf_clock,
        comfort_type,
        0 if isinstance(security, Dtls) else _reports_to(media, mux=mux),
        heard,
        heard_dtmf,
        *beside,
    )
