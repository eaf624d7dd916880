"""Offer and answer (RFC 3264) for one audio stream of G.711 with telephone events.

`make_offer` writes our offer, `accept` reads the peer's answer to it; `answer` answers the peer's offer. Both give
the `RemoteMedia` that the media process needs. What cannot be answered raises `NotAcceptable` (488) or `SdpError`
(the body is no SDP: 400 or 488, whichever the caller prefers).

Hold is understood in both styles: a=sendonly/inactive (RFC 3264 8.4) and c=0.0.0.0 (RFC 2543).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from softswitch.media import sdp
from softswitch.media.sdp import Direction, Media, Origin, SdpError

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
    """No plain RTP audio stream to an IPv4 host: none at all, port 0, only SRTP, only IPv6 or a host name."""


@dataclass(frozen=True, slots=True)
class RemoteMedia:
    """The peer's end: goes into `SetRemote`. `on_hold`: the peer does not want to hear us."""

    host: str
    port: int
    payload_type: int
    dtmf_type: int
    send: bool
    receive: bool

    @property
    def on_hold(self) -> bool:
        return not self.send


@dataclass(frozen=True, slots=True)
class Offer:
    """Our own offer: `sdp` goes out, the rest is for reading the answer."""

    sdp: bytes
    payload_types: tuple[int, ...]
    direction: Direction


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
) -> Offer:
    """An offer of `codecs` (most wanted first) and telephone events. `version` goes up by one whenever the
    description differs from the last one sent in this session, `session_id` stays (RFC 3264 section 8)."""
    payload_types = tuple(_STATIC[codec] for codec in codecs)
    stream = sdp.audio_stream(port, payload_types, OUR_DTMF_TYPE, direction)
    return Offer(sdp.build(host, session_id, version, stream), payload_types, direction)


def answer(
    offer: bytes,
    host: str,
    port: int,
    session_id: int,
    version: int,
    codecs: Sequence[str],
    direction: Direction = Direction.SENDRECV,
) -> Answered:
    """Our answer: the first audio stream that can be had, on the peer's most wanted codec of ours; every other
    stream is refused. `direction` is what we want; the answer gives at most what the offer allows."""
    described = sdp.parse(offer)
    ours = tuple(_STATIC[codec] for codec in codecs)
    chosen, payload_type = _choose(described.media, ours)
    dtmf_type = _dtmf_type(chosen)
    # RFC 3264 6.1: an offer of sendonly is answered with recvonly or inactive, recvonly with sendonly or inactive
    agreed = Direction.of(
        sends=direction.sends and chosen.direction.receives,
        receives=direction.receives and chosen.direction.sends,
    )
    # RFC 3264 6: "for each "m=" line in the offer, there MUST be a corresponding "m=" line in the answer."
    streams = "".join(
        sdp.audio_stream(port, (payload_type,), dtmf_type, agreed) if media is chosen else sdp.refused_stream(media)
        for media in described.media
    )
    return Answered(
        sdp.build(host, session_id, version, streams),
        _remote(chosen, payload_type, dtmf_type, agreed),
        described.origin,
        agreed,
    )


def accept(answer_sdp: bytes, offer: Offer) -> RemoteMedia:
    """What the peer's answer to `offer` agreed on."""
    described = sdp.parse(answer_sdp)
    chosen, payload_type = _choose(described.media[:1], offer.payload_types)
    agreed = Direction.of(
        sends=offer.direction.sends and chosen.direction.receives,
        receives=offer.direction.receives and chosen.direction.sends,
    )
    return _remote(chosen, payload_type, _dtmf_type(chosen), agreed)


def _choose(streams: tuple[Media, ...], ours: tuple[int, ...]) -> tuple[Media, int]:
    plain_audio = False
    for media in streams:
        # RFC 3264 5.1: port zero in an offer: the stream is not wanted. Anything but plain RTP (SAVP, DTLS) is
        # refused and never answered as if it were plain.
        if media.kind != "audio" or media.port == 0 or media.protocol != "RTP/AVP" or not media.host:
            continue
        plain_audio = True
        for text in media.formats:
            payload_type = {"0": 0, "8": 8}.get(text)
            if payload_type is None or payload_type not in ours:
                continue
            encoding = media.rtpmap.get(text)
            if encoding is None or encoding in (_ENCODINGS[payload_type], _ENCODINGS[payload_type] + "/1"):
                return media, payload_type
    if plain_audio:
        raise NoCommonCodec("no codec in common")
    raise StreamRefused("no plain RTP audio stream")


def _dtmf_type(media: Media) -> int:
    for text, encoding in media.rtpmap.items():
        if encoding not in ("telephone-event/8000", "telephone-event/8000/1") or text not in media.formats:
            continue
        # RFC 3551 6: 96-127 are dynamic; others have a meaning of their own
        if text.isascii() and text.isdecimal() and len(text) <= 3 and 96 <= int(text) <= 127:
            return int(text)
    return -1


def _remote(media: Media, payload_type: int, dtmf_type: int, agreed: Direction) -> RemoteMedia:
    # RFC 3264 8.4: "c=0.0.0.0 ... to put a stream on hold, is no longer recommended", but it is still sent
    reachable = media.host != _ON_HOLD
    return RemoteMedia(media.host, media.port, payload_type, dtmf_type, agreed.sends and reachable, agreed.receives)
