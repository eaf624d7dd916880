"""Codecs in offer and answer: G.722, Opus, telephone events of both clocks, comfort noise, numbers that differ."""

from __future__ import annotations

import hashlib
from itertools import count, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.media import formats, sdp
from softswitch.media.codecs import CODECS, G711
from softswitch.media.negotiation import (
    Answered,
    NoCommonCodec,
    Offer,
    RemoteMedia,
    StreamRefused,
    Usage,
    accept,
    answer,
    make_offer,
)
from softswitch.media.sdp import Direction
from softswitch.media.security import Encryption, LegSecurity

ALL = ("OPUS", "G722", "PCMA", "PCMU")
CHROME = (
    "m=audio 9 RTP/AVP 111 63 9 0 8 13 110 126",
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:63 red/48000/2",
    "a=fmtp:63 111/111",
    "a=rtpmap:9 G722/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:13 CN/8000",
    "a=rtpmap:110 telephone-event/48000",
    "a=rtpmap:126 telephone-event/8000",
)


def body(*lines: str, host: str = "192.0.2.1") -> bytes:
    family = "IP6" if ":" in host else "IP4"
    return "\r\n".join(["v=0", "o=b 7 3 IN IP4 b", "s=-", f"c=IN {family} {host}", "t=0 0", *lines, ""]).encode()


def answered(
    *lines: str, codecs: tuple[str, ...] = ALL, usage: Usage | None = None, host: str = "192.0.2.1"
) -> Answered:
    ours = "2001:db8::5" if ":" in host else "203.0.113.5"
    return answer(body(*lines, host=host), ours, 20000, 5, 1, codecs, usage=usage or Usage())


def offer(*codecs: str, usage: Usage | None = None) -> Offer:
    return make_offer("203.0.113.5", 20000, 5, 1, codecs or ALL, usage=usage or Usage())


def stream_of(description: bytes) -> list[str]:
    text = description.decode()
    return text[text.index("m=audio") :].split("\r\n")[:-1]


# ------------------------------------------------------------------ what is said


def test_our_offer_of_everything() -> None:
    assert stream_of(offer().sdp) == [
        "m=audio 20000 RTP/AVP 111 9 8 0 101 110",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0;sprop-stereo=0;useinbandfec=1",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=rtpmap:110 telephone-event/48000",
        "a=fmtp:110 0-15",
        "a=ptime:20",
        "a=maxptime:60",
        "a=sendrecv",
    ]


def test_the_answer_to_a_browser_uses_its_numbers() -> None:
    done = answered(*CHROME)
    assert stream_of(done.sdp)[:4] == [
        "m=audio 20000 RTP/AVP 111 110",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0;sprop-stereo=0;useinbandfec=1",
        "a=rtpmap:110 telephone-event/48000",
    ]
    remote = done.remote
    assert (remote.codec, remote.payload_type, remote.dtmf_type, remote.dtmf_clock) == ("OPUS", 111, 110, 48000)
    assert remote.comfort_type == -1


@pytest.mark.parametrize(
    ("codecs", "codec", "formats_line"),
    [
        (("PCMU", "PCMA"), "PCMU", "m=audio 20000 RTP/AVP 0 13 126"),
        (("PCMA",), "PCMA", "m=audio 20000 RTP/AVP 8 13 126"),
        (("G722", "PCMA"), "G722", "m=audio 20000 RTP/AVP 9 13 126"),
        (("PCMA", "G722"), "PCMA", "m=audio 20000 RTP/AVP 8 13 126"),  # where ours begin with G.711
        (("PCMA", "G722", "PCMU"), "PCMU", "m=audio 20000 RTP/AVP 0 13 126"),  # of G.711 the peer's choice
    ],
)
def test_the_peers_most_wanted_of_ours(codecs: tuple[str, ...], codec: str, formats_line: str) -> None:
    done = answered(*CHROME, codecs=codecs)
    assert (done.remote.codec, done.remote.dtmf_clock, done.remote.comfort_type) == (codec, 8000, 13)
    assert stream_of(done.sdp)[0] == formats_line


@pytest.mark.parametrize(
    ("lines", "codec", "number"),
    [
        (["m=audio 4 RTP/AVP 96", "a=rtpmap:96 OPUS/48000/2"], "OPUS", 96),
        (["m=audio 4 RTP/AVP 40", "a=rtpmap:40 opus/48000/2"], "OPUS", 40),
        (["m=audio 4 RTP/AVP 9"], "G722", 9),
        (["m=audio 4 RTP/AVP 9", "a=rtpmap:9 G722/8000/1"], "G722", 9),
        (["m=audio 4 RTP/AVP 97 8", "a=rtpmap:97 PCMU/8000"], "PCMU", 97),
        (
            ["m=audio 4 RTP/AVP 96 8", "a=rtpmap:96 opus/48000"],
            "OPUS",
            96,
        ),  # RFC 7587 7 has /2; the packets are the same
        (["m=audio 4 RTP/AVP 96", "a=rtpmap:96 OPUS/48000/1"], "OPUS", 96),
        (["m=audio 4 RTP/AVP 96 8", "a=rtpmap:96 opus/16000/2"], "PCMA", 8),
        (["m=audio 4 RTP/AVP 9 8", "a=rtpmap:9 G722/16000"], "PCMA", 8),  # RFC 3551 4.5.2
        (["m=audio 4 RTP/AVP 70 8", "a=rtpmap:70 opus/48000/2"], "PCMA", 8),  # RFC 5761 4: would look like a report
        (["m=audio 4 RTP/AVP 111 8"], "PCMA", 8),  # a number without a name
        (["m=audio 4 RTP/AVP ٩ 0"], "PCMU", 0),
    ],
)
def test_how_codecs_are_known(lines: list[str], codec: str, number: int) -> None:
    text = "\n".join(lines).encode("latin-1", "replace").decode("latin-1").split("\n")
    remote = answered(*text).remote
    assert (remote.codec, remote.payload_type) == (codec, number)


def test_a_phone_with_opus_and_events_of_one_clock() -> None:
    lines = ["m=audio 4 RTP/AVP 96 101", "a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000"]
    remote = answered(*lines).remote
    assert (remote.codec, remote.dtmf_type, remote.dtmf_clock) == ("OPUS", 101, 8000)


# ------------------------------------------------------------------ numbers


def test_numbers_that_differ_by_direction() -> None:
    lines = ["m=audio 4 RTP/AVP 96 97", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/48000"]
    remote = accept(body(*lines), offer())
    assert (remote.payload_type, remote.heard_type) == (96, 111)  # we send by his number, he by ours
    assert (remote.dtmf_type, remote.heard_dtmf, remote.dtmf_clock) == (97, 110, 48000)
    same = accept(body("m=audio 4 RTP/AVP 111", "a=rtpmap:111 opus/48000/2"), offer())
    assert (same.payload_type, same.heard_type, same.dtmf_type) == (111, -1, -1)


def test_an_answer_may_use_our_numbers_without_a_word() -> None:
    assert accept(body("m=audio 4 RTP/AVP 111 110"), offer()).codec == "OPUS"


def test_numbers_stay_for_the_whole_session() -> None:
    # the peer has 101 for Opus, which would be our number of events
    lines = ["m=audio 4 RTP/AVP 101 100", "a=rtpmap:101 opus/48000/2", "a=rtpmap:100 telephone-event/48000"]
    remote = answered(*lines).remote
    later = offer(usage=Usage(numbers=remote.numbers))
    assert later.formats["opus/48000/2"] == 101
    assert later.formats["telephone-event/48000"] == 100
    assert later.formats["telephone-event/8000"] not in (100, 101)
    assert len(set(later.formats.values())) == len(later.formats)


def test_numbers_of_an_offer_whose_answer_has_others_stay_as_well() -> None:
    lines = ["m=audio 4 RTP/AVP 96 97", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/48000"]
    remote = accept(body(*lines), offer())
    assert offer(usage=Usage(numbers=remote.numbers)).formats == offer().formats


@given(st.dictionaries(st.sampled_from(sorted(offer().formats)), st.integers(96, 127)), st.permutations(ALL))
def test_every_format_has_a_number_of_its_own(in_use: dict[str, int], names: list[str]) -> None:
    if len(set(in_use.values())) < len(in_use):
        return
    ours = formats.offered([CODECS[name] for name in names], with_comfort=True, in_use=in_use)
    assert len(set(ours.values())) == len(ours) == 7
    assert all(ours[encoding] == number for encoding, number in in_use.items())


# ------------------------------------------------------------------ the codec in use, comfort noise, reports


def test_a_hold_does_not_change_the_codec() -> None:
    usage = Usage(codec="PCMA")
    assert answered(*CHROME, "a=sendonly", usage=usage).remote.codec == "PCMA"
    # but who takes it away gets another one
    assert answered("m=audio 4 RTP/AVP 9 0", usage=usage).remote.codec == "G722"


def test_comfort_noise_is_offered_where_the_other_side_has_it() -> None:
    assert "cn/8000" not in offer().formats
    with_it = offer(usage=Usage(comfort=True))
    assert accept(body("m=audio 4 RTP/AVP 0 13"), with_it).comfort_type == 13
    assert accept(body("m=audio 4 RTP/AVP 0"), with_it).comfort_type == -1
    assert accept(body("m=audio 4 RTP/AVP 0 13"), offer()).comfort_type == -1  # nobody asked for it


@pytest.mark.parametrize(
    ("lines", "port"),
    [
        ([], 4001),
        (["a=rtcp:4044"], 4044),
        (["a=rtcp:4044 IN IP4 192.0.2.1"], 4044),
        (["a=rtcp:4044 IN IP4 198.51.100.1"], 0),  # to nobody else's address
        (["a=rtcp:x"], 0),
        (["a=rtcp:70000"], 0),
        (["a=rtcp-mux"], 4000),
        (["a=rtcp-mux", "a=rtcp:4001"], 4000),
    ],
)
def test_where_reports_go(lines: list[str], port: int) -> None:
    done = answered("m=audio 4000 RTP/AVP 0", *lines)
    assert done.remote.rtcp_port == port
    # RFC 5761 5.1.1: the answer has it where the offer has it, and nowhere else
    assert ("a=rtcp-mux" in stream_of(done.sdp)) == ("a=rtcp-mux" in lines)
    assert done.remote.mux == ("a=rtcp-mux" in lines)


def test_who_agreed_to_one_port_says_so_again() -> None:
    later = offer(usage=Usage(mux=True))
    assert "a=rtcp-mux" in stream_of(later.sdp)
    assert accept(body("m=audio 4000 RTP/AVP 0", "a=rtcp-mux"), later).mux
    assert not accept(body("m=audio 4000 RTP/AVP 0"), later).mux
    assert not accept(body("m=audio 4000 RTP/AVP 0", "a=rtcp-mux"), offer()).mux


# ------------------------------------------------------------------ IPv6


def test_ipv6() -> None:
    done = answered("m=audio 4000 RTP/AVP 0", host="2001:DB8:0::1")
    assert done.remote.host == "2001:db8::1"
    assert b"c=IN IP6 2001:db8::5\r\n" in done.sdp
    assert b"IN IP6 2001:db8::5\r\ns=-" in done.sdp


def test_the_other_ip_is_not_reached() -> None:
    with pytest.raises(StreamRefused):
        answer(body("m=audio 4000 RTP/AVP 0", host="2001:db8::1"), "203.0.113.5", 20000, 5, 1, ALL)
    with pytest.raises(StreamRefused):
        answer(body("m=audio 4000 RTP/AVP 0"), "2001:db8::5", 20000, 5, 1, ALL)
    with pytest.raises(StreamRefused):
        accept(body("m=audio 4000 RTP/AVP 0", host="2001:db8::1"), offer())
    held = answered("m=audio 4000 RTP/AVP 0", host="::").remote
    assert held.on_hold


# ------------------------------------------------------------------ every combination


class End:
    """One side, of some kind of transport."""

    def __init__(self, transport: Encryption, seed: int) -> None:
        numbers = count(seed)
        random = lambda size: (hashlib.sha512(str(next(numbers)).encode()).digest() * 2)[:size]  # noqa: E731
        self.security = LegSecurity(transport, random, "sha-256 " + ":".join(["AB"] * 32))


def agree(
    transport: Encryption, theirs: Direction, ours: Direction, a: tuple[str, ...], b: tuple[str, ...], six: bool
) -> tuple[RemoteMedia, RemoteMedia, bytes]:
    hosts = ("2001:db8::1", "2001:db8::2") if six else ("192.0.2.1", "192.0.2.2")
    peer, us = End(transport, 1), End(transport, 1000)
    said = make_offer(hosts[0], 4000, 1, 1, a, theirs, peer.security, Usage(comfort=True, mux=True))
    # browsers are no lite agents, as we are
    heard = said.sdp.replace(b"a=ice-lite\r\n", b"")
    done = answer(heard, hosts[1], 5000, 2, 1, b, ours, us.security)
    return accept(done.sdp.replace(b"a=ice-lite\r\n", b""), said, peer.security), done.remote, done.sdp


def check(
    transport: Encryption, theirs: Direction, ours: Direction, a: tuple[str, ...], b: tuple[str, ...], six: bool
) -> None:
    if not set(a) & set(b):
        with pytest.raises(NoCommonCodec):
            agree(transport, theirs, ours, a, b, six)
        return
    peer, us, description = agree(transport, theirs, ours, a, b, six)
    both = [name for name in a if name in b]
    codec = min(both, key=lambda name: b[0] in G711 and name not in G711)
    assert peer.codec == us.codec == codec
    assert (peer.payload_type, peer.heard_type) == (us.payload_type, us.heard_type)
    assert (peer.dtmf_type, peer.dtmf_clock) == (us.dtmf_type, us.dtmf_clock)
    assert us.dtmf_clock == CODECS[codec].clock
    assert (peer.send, peer.receive) == (us.receive, us.send)
    assert us.send == (ours.sends and theirs.receives)
    assert us.receive == (ours.receives and theirs.sends)
    assert (peer.security is None) == (us.security is None) == (transport is Encryption.NONE)
    with_ice = transport is Encryption.BROWSER
    assert us.comfort_type == peer.comfort_type == (13 if CODECS[codec].clock == 8000 and not with_ice else -1)
    assert us.mux == peer.mux == (transport not in (Encryption.DTLS, Encryption.BROWSER))
    # our answer is the same again when it is heard by ourselves: it parses, and says one codec
    (stream,) = sdp.parse(description).media
    assert [each for each in formats.read(stream) if each in {c.encoding for c in CODECS.values()}] == [
        CODECS[codec].encoding
    ]


@pytest.mark.parametrize("transport", Encryption)
def test_every_codec_transport_and_direction(transport: Encryption) -> None:
    for codec, theirs, ours, six in product(ALL, Direction, Direction, (False, True)):
        check(transport, theirs, ours, (codec,), ALL, six)


names = st.lists(st.sampled_from(ALL), min_size=1, max_size=4, unique=True).map(tuple)


@settings(max_examples=60)
@given(
    *(st.sampled_from(Encryption), st.sampled_from(Direction), st.sampled_from(Direction)),
    *(names, names, st.booleans()),
)
def test_any_order_of_codecs(
    transport: Encryption, theirs: Direction, ours: Direction, a: tuple[str, ...], b: tuple[str, ...], six: bool
) -> None:
    check(transport, theirs, ours, a, b, six)
