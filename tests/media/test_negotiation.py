"""Offer and answer (RFC 3264)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.media import sdp
from softswitch.media.negotiation import (
    Answered,
    NoCommonCodec,
    NotAcceptable,
    Offer,
    RemoteMedia,
    SdpError,
    StreamRefused,
    Usage,
    accept,
    answer,
    make_offer,
)
from softswitch.media.sdp import Direction

BOTH = ("PCMU", "PCMA")
EVENTS = "a=rtpmap:101 telephone-event/8000"


def body(*streams: str, host: str = "192.0.2.1") -> bytes:
    lines = ["v=0", "o=bob 77 3 IN IP4 192.0.2.1", "s=-", f"c=IN IP4 {host}", "t=0 0", *streams]
    return "\r\n".join([*lines, ""]).encode()


def answered(*streams: str, host: str = "192.0.2.1", codecs: tuple[str, ...] = BOTH) -> Answered:
    return answer(body(*streams, host=host), "203.0.113.5", 20000, 5, 1, codecs)


def our_offer(direction: Direction = Direction.SENDRECV) -> Offer:
    return make_offer("203.0.113.5", 20000, 5, 1, BOTH, direction)


def test_the_answer_to_a_phone() -> None:
    done = answered("m=audio 4000 RTP/AVP 8 0 101", EVENTS, "a=fmtp:101 0-16")
    assert done.remote == RemoteMedia("192.0.2.1", 4000, 8, 101, True, True, codec="PCMA", rtcp_port=4001)
    assert done.origin == sdp.Origin("bob", 77, 3, "192.0.2.1")
    assert done.sdp == (
        b"v=0\r\no=- 5 1 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\nt=0 0\r\n"
        b"m=audio 20000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        b"a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )


@pytest.mark.parametrize(
    ("formats", "lines", "payload_type", "dtmf_type"),
    [
        ("0", [], 0, -1),
        ("18 8 0", [], 8, -1),
        ("0 96", ["a=rtpmap:96 telephone-event/8000"], 0, 96),
        ("0 96", ["a=rtpmap:96 Telephone-Event/8000/1"], 0, 96),
        ("0 96 97", ["a=rtpmap:96 telephone-event/48000", "a=rtpmap:97 telephone-event/8000"], 0, 97),
        ("0", ["a=rtpmap:101 telephone-event/8000"], 0, -1),  # mapped, but not offered
        ("0 13", ["a=rtpmap:13 telephone-event/8000"], 0, -1),  # not a dynamic number
        ("0 8", ["a=rtpmap:0 opus/48000/2"], 8, -1),  # number 0 is not what it says
    ],
)
def test_payload_types_as_offered(formats: str, lines: list[str], payload_type: int, dtmf_type: int) -> None:
    remote = answered(f"m=audio 4000 RTP/AVP {formats}", *lines).remote
    assert (remote.payload_type, remote.dtmf_type) == (payload_type, dtmf_type)


def test_every_other_stream_is_refused_in_its_place() -> None:
    done = answered(
        "m=video 5000 RTP/AVP 31",
        "m=audio 4000 RTP/SAVP 0",
        "m=audio 4002 RTP/AVP 0",
        "m=audio 4004 RTP/AVP 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    )
    assert done.remote.port == 4002
    ports = [(media.kind, media.port, media.protocol) for media in sdp.parse(done.sdp).media]
    assert ports == [
        ("video", 0, "RTP/AVP"),
        ("audio", 0, "RTP/SAVP"),
        ("audio", 20000, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"),
        ("application", 0, "UDP/DTLS/SCTP"),
    ]


@pytest.mark.parametrize(
    ("streams", "error"),
    [
        (["m=audio 4000 RTP/AVP 9 18"], NoCommonCodec),
        (["m=audio 4000 RTP/AVP 0"], NoCommonCodec),  # we only have PCMA here
        (["m=audio 0 RTP/AVP 8"], StreamRefused),
        (["m=video 4000 RTP/AVP 8"], StreamRefused),
        (["m=audio 4000 RTP/SAVP 8"], StreamRefused),
        (["m=audio 4000 RTP/SAVPF 8"], StreamRefused),
        (["m=audio 4000 UDP/TLS/RTP/SAVPF 8"], StreamRefused),
        (["m=audio 4000 RTP/AVP 8", "c=IN IP6 ::1"], StreamRefused),
        (["m=audio 4000 RTP/AVP 8", "c=IN IP4 224.1.1.1"], StreamRefused),
        ([], StreamRefused),
    ],
)
def test_not_acceptable(streams: list[str], error: type[NotAcceptable]) -> None:
    with pytest.raises(error) as refused:
        answered(*streams, codecs=("PCMA",))
    assert refused.value.status == 488


def test_malformed_is_not_the_same_as_not_acceptable() -> None:
    with pytest.raises(SdpError):
        answer(b"hello", "203.0.113.5", 20000, 5, 1, BOTH)


@pytest.mark.parametrize("theirs", Direction)
@pytest.mark.parametrize("ours", Direction)
def test_directions_of_an_answer(theirs: Direction, ours: Direction) -> None:
    offer = body("m=audio 4000 RTP/AVP 0", f"a={theirs.value}")
    done = answer(offer, "203.0.113.5", 20000, 5, 1, BOTH, ours)
    assert done.direction.sends == (ours.sends and theirs.receives)
    assert done.direction.receives == (ours.receives and theirs.sends)
    assert sdp.parse(done.sdp).media[0].direction is done.direction
    assert (done.remote.send, done.remote.receive) == (done.direction.sends, done.direction.receives)


@pytest.mark.parametrize(
    ("line", "host", "send", "receive"),
    [
        ("a=sendrecv", "192.0.2.1", True, True),
        ("a=sendonly", "192.0.2.1", False, True),
        ("a=inactive", "192.0.2.1", False, False),
        ("a=sendrecv", "0.0.0.0", False, True),
        ("a=sendonly", "0.0.0.0", False, True),
    ],
)
def test_hold_in_both_styles(line: str, host: str, send: bool, receive: bool) -> None:
    remote = answered("m=audio 4000 RTP/AVP 0", line, host=host).remote
    assert (remote.send, remote.receive, remote.on_hold) == (send, receive, not send)


def test_our_offer_and_its_answer() -> None:
    offer = our_offer()
    assert b"m=audio 20000 RTP/AVP 0 8 101\r\n" in offer.sdp
    remote = accept(body("m=audio 4000 RTP/AVP 8 101", EVENTS), offer)
    assert remote == RemoteMedia("192.0.2.1", 4000, 8, 101, True, True, codec="PCMA", rtcp_port=4001)


@pytest.mark.parametrize(
    ("streams", "error"),
    [
        (["m=audio 0 RTP/AVP 0"], StreamRefused),
        (["m=audio 4000 RTP/SAVP 0"], StreamRefused),
        (["m=audio 4000 RTP/AVP 18"], NoCommonCodec),
        (["m=video 4000 RTP/AVP 0", "m=audio 4000 RTP/AVP 0"], StreamRefused),  # our stream is the first one
        ([], StreamRefused),
    ],
)
def test_answers_that_are_none(streams: list[str], error: type[NotAcceptable]) -> None:
    with pytest.raises(error):
        accept(body(*streams), our_offer())


def test_putting_the_peer_on_hold() -> None:
    remote = accept(body("m=audio 4000 RTP/AVP 0", "a=recvonly"), our_offer(Direction.SENDONLY))
    assert (remote.send, remote.receive) == (True, False)
    remote = accept(body("m=audio 4000 RTP/AVP 0", "a=inactive"), our_offer(Direction.INACTIVE))
    assert (remote.send, remote.receive) == (False, False)


@given(
    st.sampled_from([("PCMU",), ("PCMA",), BOTH, ("PCMA", "PCMU")]),
    st.sampled_from([("PCMU",), ("PCMA",), BOTH]),
    st.sampled_from(Direction),
    st.sampled_from(Direction),
)
def test_two_of_us_agree(a: tuple[str, ...], b: tuple[str, ...], a_wants: Direction, b_wants: Direction) -> None:
    offer = make_offer("192.0.2.1", 4000, 1, 1, a, a_wants)
    if not set(a) & set(b):
        with pytest.raises(NoCommonCodec):
            answer(offer.sdp, "192.0.2.2", 5000, 2, 1, b, b_wants)
        return
    answerer = answer(offer.sdp, "192.0.2.2", 5000, 2, 1, b, b_wants)
    offerer = accept(answerer.sdp, offer)
    assert (offerer.host, offerer.port) == ("192.0.2.2", 5000)
    assert (answerer.remote.host, answerer.remote.port) == ("192.0.2.1", 4000)
    assert offerer.payload_type == answerer.remote.payload_type
    assert (offerer.send, offerer.receive) == (answerer.remote.receive, answerer.remote.send)


@given(st.binary(max_size=40), st.integers(0, 120), st.integers(0, 40))
def test_hostile_offers_never_raise_anything_else(junk: bytes, start: int, length: int) -> None:
    good = body("m=audio 4000 RTP/AVP 0 101", EVENTS)
    try:
        answer(good[:start] + junk + good[start + length :], "203.0.113.5", 20000, 5, 1, BOTH)
    except (SdpError, NotAcceptable):
        pass


def test_a_later_offer_has_every_stream_in_its_place() -> None:
    """RFC 3264 8: as many streams as before, in the same order; those that were refused stay so."""
    theirs = answered("m=image 4000 udptl t38", "m=audio 4002 RTP/AVP 8", "m=video 5000 RTP/AVP 31 34", "a=mid:v")
    beside = Usage(before=theirs.remote.before, after=theirs.remote.after)
    ours = make_offer("203.0.113.5", 20000, 5, 2, BOTH, usage=beside)
    streams = [(each.kind, each.port, each.attribute("mid")) for each in sdp.parse(ours.sdp).media]
    assert streams == [("image", 0, ""), ("audio", 20000, ""), ("video", 0, "v")]
    remote = accept(body("m=image 0 udptl t38", "m=audio 4004 RTP/AVP 8", "m=video 0 RTP/AVP 31"), ours)
    assert (remote.port, remote.before, remote.after) == (4004, theirs.remote.before, theirs.remote.after)
    with pytest.raises(StreamRefused):
        accept(body("m=audio 4004 RTP/AVP 8", "m=image 0 udptl t38", "m=video 0 RTP/AVP 31"), ours)
