"""Offer and answer (RFC 3264) for one audio stream of G.711 with telephone events, plain or encrypted.

`make_offer` writes our offer, `accept` reads the peer's answer to it; `answer` answers the peer's offer. Both give
the `RemoteMedia` that the media process needs. What cannot be answered raises `NotAcceptable` (488) or `SdpError`
(the body is no SDP: 400 or 488, whichever the caller prefers).

Hold is understood in both styles: a=sendonly/inactive (RFC 3264 8.4) and c=0.0.0.0 (RFC 2543).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from softswitch.media import sdp
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
    "accept",
    "answer",
    "make_offer",
]

_STATIC = {"PCMU": 0, "PCMA": 8}
_ENCODINGS = {0: "pcmu/8000", 8: "pcma/8000"}
_ON_HOLD = "0.0.0.0"
OUR_DTMF_TYPE = 101


class NotAcceptable(Exception):
    """The description is well-formed, but there is no stream in it that we can talk on."""

    status = 488


class NoCommonCodec(NotAcceptable):
    """There is an RTP/AVP audio stream, but without a codec of ours."""


class StreamRefused(NotAcceptable):
    """No audio stream to an IPv4 host that we may have: none at all, port 0, keys that are none of ours, plain audio
    where encryption is demanded, only IPv6 or a host name."""


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

    @property
    def on_hold(self) -> bool:
        return not self.send


@dataclass(frozen=True, slots=True)
class Offer:
    """Our own offer: `sdp` goes out, the rest is for reading the answer."""

    sdp: bytes
    payload_types: tuple[int, ...]
    direction: Direction
    words: Words = PLAIN


@dataclass(frozen=True, slots=True)
class Answered:
    """Our answer to the peer's offer. `origin` is the peer's o= line: a later offer with an equal one changes
    nothing (RFC 3264 section 8)."""

    sdp: bytes
    remote: RemoteMedia
    origin: Origin
    direction: Direction


def make_offer(
    host: str,
    port: int,
    session_id: int,
    version: int,
    codecs: Sequence[str],
    direction: Direction = Direction.SENDRECV,
    security: LegSecurity | None = None,
) -> Offer:
    """An offer of `codecs` (most wanted first) and telephone events. `version` goes up by one whenever the
    description differs from the last one sent in this session, `session_id` stays (RFC 3264 section 8)."""
    payload_types = tuple(_STATIC[codec] for codec in codecs)
    words = security.offer(host, port) if security is not None else PLAIN
    stream = sdp.audio_stream(port, payload_types, OUR_DTMF_TYPE, direction, words.protocol, words.stream)
    return Offer(sdp.build(host, session_id, version, stream, words.session), payload_types, direction, words)


def answer(
    offer: bytes,
    host: str,
    port: int,
    session_id: int,
    version: int,
    codecs: Sequence[str],
    direction: Direction = Direction.SENDRECV,
    security: LegSecurity | None = None,
) -> Answered:
    """Our answer: the first audio stream that can be had (an encrypted one before a plain one), on the peer's most
    wanted codec of ours; every other stream is refused. `direction` is what we want; the answer gives at most what the
    offer allows. Without `security` only plain audio is understood."""
    described = sdp.parse(offer)
    ours = tuple(_STATIC[codec] for codec in codecs)
    chosen, payload_type, kind = _choose(described.media, ours, security)
    words, agreed_security = Words(chosen.protocol), None
    if security is not None:
        words, agreed_security = security.answer(chosen, kind, host, port, described.groups)
        if not _has_way(chosen, agreed_security):
            _no_stream()
    dtmf_type = _dtmf_type(chosen)
    # RFC 3264 6.1: an offer of sendonly is answered with recvonly or inactive, recvonly with sendonly or inactive
    agreed = Direction.of(
        sends=direction.sends and chosen.direction.receives,
        receives=direction.receives and chosen.direction.sends,
    )
    # RFC 3264 6: "for each "m=" line in the offer, there MUST be a corresponding "m=" line in the answer."
    streams = "".join(
        sdp.audio_stream(port, (payload_type,), dtmf_type, agreed, words.protocol, words.stream)
        if media is chosen
        else sdp.refused_stream(media)
        for media in described.media
    )
    return Answered(
        sdp.build(host, session_id, version, streams, words.session),
        _remote(chosen, payload_type, dtmf_type, agreed, agreed_security),
        described.origin,
        agreed,
    )


def accept(answer_sdp: bytes, offer: Offer, security: LegSecurity | None = None) -> RemoteMedia:
    """What the peer's answer to `offer` agreed on."""
    described = sdp.parse(answer_sdp)
    if security is None:
        chosen, payload_type, _ = _choose(described.media[:1], offer.payload_types, None)
        agreed_security = None
    else:
        chosen = next((media for media in described.media[:1] if _is_audio(media)), None) or _no_stream()
        try:
            agreed_security = security.read_answer(chosen, offer.words)
        except ValueError as problem:
            raise StreamRefused(str(problem)) from problem
        if not _has_way(chosen, agreed_security):
            _no_stream()
        found = _codec(chosen, offer.payload_types)
        if found is None:
            raise NoCommonCodec("no codec in common")
        payload_type = found
    agreed = Direction.of(
        sends=offer.direction.sends and chosen.direction.receives,
        receives=offer.direction.receives and chosen.direction.sends,
    )
    return _remote(chosen, payload_type, _dtmf_type(chosen), agreed, agreed_security)


def _is_audio(media: Media) -> bool:
    # RFC 3264 5.1: port zero in an offer: the stream is not wanted
    return media.kind == "audio" and media.port != 0


def _has_way(media: Media, security: Security | None) -> bool:
    """There is an address to send to, or ICE will find one."""
    return bool(media.host) or (isinstance(security, Dtls) and bool(security.ufrag))


def _no_stream() -> NoReturn:
    raise StreamRefused("no audio stream that can be had")


def _kind(media: Media, security: LegSecurity | None) -> Kind | None:
    """How this stream can be had; None: not at all. What is encrypted is never answered as if it were plain."""
    if not _is_audio(media):
        return None
    if security is None:
        return Kind.PLAIN if media.protocol == "RTP/AVP" and media.host else None
    kind = security.kind(media)
    return kind if media.host or (kind is Kind.DTLS and media.attribute("ice-ufrag")) else None


def _choose(streams: tuple[Media, ...], ours: tuple[int, ...], security: LegSecurity | None) -> tuple[Media, int, Kind]:
    kinds = [(media, kind) for media in streams if (kind := _kind(media, security)) is not None]
    # phones that can do both offer two streams, one encrypted and one not
    kinds.sort(key=lambda pair: pair[1] is Kind.PLAIN)
    for media, kind in kinds:
        payload_type = _codec(media, ours)
        if payload_type is not None:
            return media, payload_type, kind
    if kinds:
        raise NoCommonCodec("no codec in common")
    _no_stream()


def _codec(media: Media, ours: tuple[int, ...]) -> int | None:
    """The peer's most wanted codec of ours."""
    for text in media.formats:
        payload_type = {"0": 0, "8": 8}.get(text)
        if payload_type is None or payload_type not in ours:
            continue
        encoding = media.rtpmap.get(text)
        if encoding is None or encoding in (_ENCODINGS[payload_type], _ENCODINGS[payload_type] + "/1"):
            return payload_type
    return None


def _dtmf_type(media: Media) -> int:
    for text, encoding in media.rtpmap.items():
        if encoding not in ("telephone-event/8000", "telephone-event/8000/1") or text not in media.formats:
            continue
        # RFC 3551 6: 96-127 are dynamic; others have a meaning of their own
        if text.isascii() and text.isdecimal() and len(text) <= 3 and 96 <= int(text) <= 127:
            return int(text)
    return -1


def _remote(
    media: Media, payload_type: int, dtmf_type: int, agreed: Direction, security: Security | None = None
) -> RemoteMedia:
    if isinstance(security, Dtls) and security.ufrag:
        # the address is found by ICE, whatever the c= line says
        return RemoteMedia(
            _ON_HOLD, 0, payload_type, dtmf_type, agreed.sends, agreed.receives, security, media.protocol
        )
    # RFC 3264 8.4: "c=0.0.0.0 ... to put a stream on hold, is no longer recommended", but it is still sent
    sends = agreed.sends and media.host != _ON_HOLD
    return RemoteMedia(
        media.host, media.port, payload_type, dtmf_type, sends, agreed.receives, security, media.protocol
    )
