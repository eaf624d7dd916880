"""The rules of RFC 5118 (IPv6 in SIP) in our own messages: what is answered, as a datagram and over a connection,
whole, byte by byte and pipelined, and an OPTIONS that is answered after each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.sip.peer import Peer, header, settings, status, tag, transmitted

from softswitch.ids import TrunkId
from softswitch.media import sdp
from softswitch.sip.messages import (
    Answer,
    Flow,
    InviteReceived,
    PacketReceived,
    StreamReceived,
    Transmit,
    TrunkSettings,
)

US, THEM = "2001:db8::10", "2001:db8::9:1"
LOCAL = (US, 5060)
UDP = Flow("udp", LOCAL, (THEM, 5060))
TCP = Flow("tcp", LOCAL, (THEM, 40001), 4)
OFFER6 = (
    f"v=0\r\no=- 1 1 IN IP6 {THEM}\r\ns=-\r\nc=IN IP6 {THEM}\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
)
MIXED = (
    f"v=0\r\no=- 1 1 IN IP6 {THEM}\r\ns=-\r\nc=IN IP6 {THEM}\r\nt=0 0\r\n"
    "m=audio 6000 RTP/AVP 0\r\nm=audio 6002 RTP/AVP 0\r\nc=IN IP4 192.0.2.44\r\n"
)
MAPPED = OFFER6.replace(THEM, "::ffff:192.0.2.44")
RINGS = 100
VIA = f"SIP/2.0/UDP [{THEM}];branch=z9hG4bKsix"


@dataclass(frozen=True)
class Row:
    """`section` of RFC 5118; `expected` is the first answer."""

    section: str
    data: bytes
    expected: int


def message(
    method: str = "OPTIONS",
    uri: str = f"sip:8000@[{US}]",
    *more: str,
    via: str = VIA,
    sender: str = f"<sip:a@[{THEM}]>;tag=81x2",
    to: str = f"<sip:8000@[{US}]>",
    body: str = "",
    contact: str = f"<sip:a@[{THEM}]>",
) -> bytes:
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via}",
        "Max-Forwards: 70",
        f"From: {sender}",
        f"To: {to}",
        f"Call-ID: six@[{THEM}]",
        f"CSeq: 7 {method}",
        f"Contact: {contact}",
        *more,
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


TABLE = {
    "a reference in every header": Row("4.1", message("REGISTER", f"sip:[{US}]", to=f"<sip:1001@[{US}]>"), 401),
    "an address without brackets": Row("4.2", message("REGISTER", f"sip:{US}"), 400),
    "an address without brackets, with user": Row("4.2", message(uri=f"sip:8000@{US}"), 400),
    "an address without brackets in Via": Row("4.2", message(via=f"SIP/2.0/UDP {THEM};branch=z9hG4bKsix"), 400),
    "a port within the brackets is part of the address": Row("4.3", message(uri="sip:8000@[2001:db8::10:5070]"), 200),
    "a port behind the brackets": Row("4.4", message(uri=f"sip:8000@[{US}]:5070"), 200),
    "a port behind the brackets that is none": Row("4.4", message(uri=f"sip:8000@[{US}]:70000"), 400),
    "received with brackets": Row("4.5", message(via=f"{VIA};received=[2001:db8::9:255]"), 200),
    "received without brackets": Row("4.5", message(via=f"{VIA};received=2001:db8::9:255"), 200),
    "received of a Via below": Row(
        "4.5", message(via=f"{VIA}\r\nVia: SIP/2.0/TCP [2001:db8::9:9];branch=z9hG4bKb;received=[2001:db8::9:255]"), 200
    ),
    "a description with an IPv6 address": Row("4.6", message("INVITE", body=OFFER6), RINGS),
    "addresses of both families in headers": Row(
        "4.7",
        message(
            "INVITE",
            f"sip:8000@[{US}]",
            via=f"{VIA}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKc;received=192.0.2.4",
            contact="<sip:a@192.0.2.1>",
            body=OFFER6,
        ),
        RINGS,
    ),
    "addresses of both families in a description": Row("4.8", message("INVITE", body=MIXED), RINGS),
    "IPv4-mapped addresses": Row(
        "4.9",
        message(
            "INVITE",
            contact="<sip:a@[::ffff:192.0.2.44]>",
            via="SIP/2.0/UDP [::ffff:192.0.2.44]:5062;branch=z9hG4bKm",
            body=MAPPED,
        ),
        RINGS,
    ),
    "three colons, which the first grammar allowed": Row("4.10", message(uri="sip:8000@[2001:db8:::192.0.2.1]"), 400),
    "two colons before a dotted quad": Row("4.10", message(uri="sip:8000@[2001:db8::192.0.2.1]"), 200),
    # The same rules where 5118 has no message of its own.
    "upper case": Row("4.1", message(uri=f"sip:8000@[{US.upper()}]", via=VIA.replace("db8", "DB8")), 200),
    "all digits written out": Row("4.1", message(uri="sip:8000@[2001:0db8:0000:0000:0000:0000:0000:0010]"), 200),
    "a zone": Row("4.2", message(uri="sip:8000@[fe80::1%25eth0]"), 400),
    "brackets that do not end": Row("4.2", message(uri=f"sip:8000@[{US}"), 400),
    "brackets around nothing": Row("4.2", message(uri="sip:8000@[]"), 400),
    "brackets around an IPv4 address": Row("4.2", message(uri="sip:8000@[192.0.2.1]"), 400),
    "nine groups": Row("4.2", message(uri="sip:8000@[1:2:3:4:5:6:7:8:9]"), 400),
    "a contact without brackets": Row("4.2", message("INVITE", contact=f"<sip:a@{THEM}>", body=OFFER6), 400),
    "maddr": Row("4.1", message(uri=f"sip:8000@[{US}];maddr=[2001:db8::66]"), 200),
}  # fmt: skip


def peer() -> Peer:
    return Peer(
        settings(
            domains=("bank.example", US),
            trunks=(TrunkSettings(TrunkId("six"), ("2001:db8::/64",)),),
            local_flows=(Flow("udp", LOCAL, ("", 0)), Flow("tcp", LOCAL, ("", 0))),
        )
    )


def answers(out: list[Any]) -> list[Transmit]:
    return [entry for entry in out if isinstance(entry, Transmit)]


PING = message(via=f"SIP/2.0/UDP [{THEM}];branch=z9hG4bKping").replace(b"Call-ID: six", b"Call-ID: ping")


def test_every_section_has_its_rows() -> None:
    assert {row.section for row in TABLE.values()} == {f"4.{number}" for number in range(1, 11)}


@pytest.mark.parametrize("name", TABLE)
def test_datagram(name: str) -> None:
    side = peer()
    row = TABLE[name]
    out = side.do(PacketReceived(UDP, row.data))
    assert [status(entry.data) for entry in answers(out)][:1] == [row.expected]
    # Always back to where it came from, whatever the message says of addresses.
    assert {entry.flow.remote[0] for entry in answers(out)} == {THEM}
    assert [status(data) for data in side.sent(PING, UDP)] == [200]


@pytest.mark.parametrize("name", TABLE)
def test_stream_whole_byte_by_byte_and_pipelined(name: str) -> None:
    whole, single = peer(), peer()
    row = TABLE[name]
    data = (row.data + PING).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
    at_once = [status(one) for one in transmitted(whole.do(StreamReceived(TCP, data)))]
    in_bytes = [status(one) for byte in data for one in transmitted(single.do(StreamReceived(TCP, bytes([byte]))))]
    assert at_once == in_bytes == [row.expected, 200]


@pytest.mark.parametrize("body", [OFFER6, MIXED, MAPPED])
def test_descriptions_are_read(body: str) -> None:
    session = sdp.parse(body.encode())
    assert [media.port for media in session.media] == ([6000, 6002] if body == MIXED else [6000])
    if body == MIXED:
        assert session.media[1].host == "192.0.2.44"


def test_a_call_over_ipv6_from_invite_to_bye() -> None:
    """RFC 5118 4.5 for our side: `received` is written without brackets, URIs and Via with them."""
    side = peer()
    invite = message("INVITE", via=f"SIP/2.0/UDP [{THEM}]:5070;branch=z9hG4bKa;rport", body=OFFER6)
    out = side.packet(invite, UDP)
    (leg,) = [entry.leg for entry in out if isinstance(entry, InviteReceived)]
    answer = transmitted(side.do(Answer(leg, OFFER6.encode())))[0]
    assert header(answer, "Via").endswith(f";received={THEM};rport=5060")
    assert header(answer, "Contact") == f"<sip:softswitch@[{US}]:5060>"
    ours = tag(header(answer, "To"))
    to = f"<sip:8000@[{US}]>;tag={ours}"
    uri = f"sip:softswitch@[{US}]:5060"
    side.packet(message("ACK", uri, via=f"{VIA}ack", to=to), UDP)
    bye = message("BYE", uri, via=f"{VIA}bye", to=to).replace(b"CSeq: 7", b"CSeq: 8")
    assert [status(data) for data in side.sent(bye, UDP)] == [200]
    side.wait(40)
    assert not any(side.stack.counts().values())
