"""Session descriptions: what phones send, what attackers send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.media import formats, sdp
from softswitch.media.codecs import CODECS
from softswitch.media.sdp import Direction, SdpError

PHONE = b"""v=0
o=alice 2890844526 2890844527 IN IP4 host.example.com
s=A call
i=some information
c=IN IP4 192.0.2.1
b=AS:64
t=0 0
a=tool:phone 1.0
m=audio 49170 RTP/AVP 8 0 96
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000/1
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-16
a=ptime:30
a=candidate:1 1 UDP 2130706431 10.0.1.1 8998 typ host
a=recvonly
a=junk
a=:
a=rtpmap:
a=rtpmap:x y
""".replace(b"\n", b"\r\n")

TWO_STREAMS = b"""v=0
o=- 1 2 IN IP6 ::1
s=-
t=0 0
a=inactive
m=video 5000/2 RTP/AVP 31
c=IN IP6 2001:db8::1
m=audio 5004 RTP/SAVP 0
c=IN IP4 192.000.2.9
a=sendonly
"""


def head(rest: bytes = b"") -> bytes:
    return b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" + rest


def test_a_phones_offer() -> None:
    session = sdp.parse(PHONE)
    assert session.origin == sdp.Origin("alice", 2890844526, 2890844527, "host.example.com")
    (audio,) = session.media
    assert (audio.kind, audio.port, audio.protocol, audio.formats) == ("audio", 49170, "RTP/AVP", ("8", "0", "96"))
    assert (audio.host, audio.direction, audio.ptime_ms) == ("192.0.2.1", Direction.RECVONLY, 30)
    assert audio.rtpmap["96"] == "telephone-event/8000"
    assert audio.fmtp["96"] == "0-16"


def test_streams_inherit_from_the_session_level_and_override_it() -> None:
    video, audio = sdp.parse(TWO_STREAMS).media
    assert (video.kind, video.port, video.host, video.direction) == ("video", 5000, "2001:db8::1", Direction.INACTIVE)
    assert (audio.port, audio.host, audio.direction) == (5004, "192.0.2.9", Direction.SENDONLY)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r\n\r\n", b""])
def test_line_endings(ending: bytes) -> None:
    assert sdp.parse(PHONE.rstrip() + ending) == sdp.parse(PHONE)


@pytest.mark.parametrize(
    "address",
    [
        b"IP4 224.2.36.42/127",
        b"IP4 239.1.1.1",
        b"IP4 255.255.255.255",
        b"IP4 phone.example.com",
        b"IP4 1.2.3",
        b"IP4 ::1",
        b"IP6 192.0.2.1",
        b"IP6 ff0e::1",
        b"IP6 fe80::1",
        b"IP6 2001:db8::1%eth0",
        b"IP6 ::ffff:192.0.2.1",
        b"IP6 2001:db8::g",
    ],
)
def test_addresses_that_no_media_is_sent_to(address: bytes) -> None:
    assert sdp.parse(head(b"m=audio 4 RTP/AVP 0\r\nc=IN " + address)).media[0].host == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n\r\n",
        b"v=1\r\n" + head()[5:],
        head()[5:],
        b" " + head(),
        b"v=0\r\ns=-\r\no=- 1 1 IN IP4 1.1.1.1\r\n",
        b"v=0\r\no=- 1 1 IN IP4\r\ns=-\r\n",
        b"v=0\r\no=- 1 1 XX IP4 1.1.1.1\r\ns=-\r\n",
        b"v=0\r\no=- x 1 IN IP4 1.1.1.1\r\ns=-\r\n",
        b"v=0\r\no=- -1 1 IN IP4 1.1.1.1\r\ns=-\r\n",
        b"v=0\r\no=- 1 " + b"9" * 21 + b" IN IP4 1.1.1.1\r\ns=-\r\n",
        "v=0\r\no=- ² 1 IN IP4 1.1.1.1\r\ns=-\r\n".encode("latin-1"),
        head(b"m=audio\r\n"),
        head(b"m=audio 4 RTP/AVP\r\n"),
        head(b"m=audio -4 RTP/AVP 0\r\n"),
        head(b"m=audio 65536 RTP/AVP 0\r\n"),
        head(b"m=audio 4/x RTP/AVP 0\r\n"),
        head(b"m=audio four RTP/AVP 0\r\n"),
        head(b"m=au\xe4dio 4 RTP/AVP 0\r\n"),
        head(b"m=au\x00dio 4 RTP/AVP 0\r\n"),
        head(b"m=audio 4 RTP/AVP" + b" 0" * 65 + b"\r\n"),
        head(b"m=audio 4 RTP/AVP 0\r\n" * 17),
        head(b"m=audio 4 RTP/AVP 0\r\nc=IN IP4\r\n"),
        head(b"m=audio 4 RTP/AVP 0\r\nc=IN IP9 1.1.1.1\r\n"),
        head(b"m=audio 4 RTP/AVP 0\r\nc=IN IP4 " + b"h" * 300),
        head(b"\r\nm=audio 4 RTP/AVP 0\r\n"),
        head(b"nonsense\r\n"),
        head(b"a=x\r\n" * 512),
        head(b"a=" + b"x" * sdp.MAX_BYTES),
        b"v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\ns=-\r\nt=0 0\r\nm=audio 4 RTP/AVP 0\r\n",
    ],
)
def test_refused_with_a_reason(body: bytes) -> None:
    with pytest.raises(SdpError) as refused:
        sdp.parse(body)
    assert refused.value.reason


@given(st.integers(0, len(PHONE)), st.integers(0, 60), st.binary(max_size=30))
def test_mutations_parse_or_are_refused(start: int, length: int, junk: bytes) -> None:
    for body in (PHONE[:start] + junk + PHONE[start + length :], head(junk), junk):
        try:
            session = sdp.parse(body)
        except SdpError:
            continue
        assert all(0 <= media.port <= 65535 and media.formats for media in session.media)


@given(
    st.integers(1, 65535),
    st.permutations(sorted(CODECS)),
    st.booleans(),
    st.sampled_from(Direction),
    st.integers(0, 2**63),
    st.sampled_from(["192.0.2.7", "2001:db8::7"]),
)
def test_what_is_built_parses(
    port: int, names: list[str], comfort: bool, direction: Direction, number: int, host: str
) -> None:
    ours = formats.offered([CODECS[name] for name in names], with_comfort=comfort, in_use={})
    text = formats.text(tuple(ours.items()), direction)
    session = sdp.parse(sdp.build(host, number, 3, sdp.audio_stream(port, "RTP/AVP", text)))
    assert session.origin == sdp.Origin("-", number, 3, host)
    (audio,) = session.media
    assert (audio.host, audio.port, audio.direction) == (host, port, direction)
    assert (audio.ptime_ms, audio.maxptime_ms) == (20, 60)
    assert formats.read(audio) == ours
    assert list(formats.read(audio))[:4] == [CODECS[name].encoding for name in names]


@pytest.mark.parametrize(("value", "read"), [("30", 30), ("x", None), ("-1", None), ("99999", None), ("", None)])
def test_packet_times(value: str, read: int | None) -> None:
    lines = f"m=audio 4 RTP/AVP 0\r\na=ptime:{value}\r\na=maxptime:{value}\r\n"
    (audio,) = sdp.parse(head(lines.encode())).media
    assert (audio.ptime_ms, audio.maxptime_ms) == (read, read)


def test_directions() -> None:
    for direction in Direction:
        assert Direction.of(sends=direction.sends, receives=direction.receives) is direction
