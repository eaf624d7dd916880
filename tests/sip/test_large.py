"""Requests too long for a datagram (RFC 3261 18.1.1); STUN keep-alives on the SIP port (RFC 5626 4.4.2)."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from tests.sip.peer import GATEWAY, LOCAL, OFFER, PHONE, REPLY, Peer, header, response, settings, start

from softswitch.ids import LegId
from softswitch.sip.messages import (
    Flow,
    Hangup,
    InviteAnswered,
    PacketReceived,
    StartInvite,
    StreamReceived,
    Transmit,
    TransportFailed,
)
from softswitch.sip.stun import binding_response

LONG = OFFER + b"a=note:" + b"x" * 1200 + b"\r\n"
TO_TCP = Flow("tcp", LOCAL, PHONE.remote, -1)
MADE = Flow("tcp", ("192.0.2.1", 33333), PHONE.remote, 8)


def dialled(side: Peer, leg: int = 1, sdp: bytes = LONG) -> Transmit:
    out = side.do(StartInvite(LegId(leg), "sip:1001@198.51.100.7:40000", PHONE, "1", "", sdp))
    (sent,) = (each for each in out if isinstance(each, Transmit))
    return sent


def invites(out: list[Any]) -> list[Flow]:
    return [each.flow for each in out if isinstance(each, Transmit) and each.data.startswith(b"INVITE")]


def test_a_short_request_stays_with_udp() -> None:
    assert dialled(Peer(), sdp=OFFER).flow == PHONE


def test_a_long_one_goes_over_tcp_and_the_dialog_over_udp() -> None:
    side = Peer()
    sent = dialled(side)
    assert sent.flow == TO_TCP
    assert header(sent.data, "Via").startswith("SIP/2.0/TCP 192.0.2.1:5060;")
    side.do(StreamReceived(MADE, response(180, sent.data)))
    assert invites(side.wait(20)) == [], "it arrived: nothing is repeated"
    out = side.do(StreamReceived(MADE, response(200, sent.data, body=REPLY)))
    assert any(isinstance(each, InviteAnswered) for each in out)
    (ack,) = (each for each in out if isinstance(each, Transmit))
    assert (ack.flow, header(ack.data, "Via")[:12]) == (PHONE, "SIP/2.0/UDP ")
    bye = next(each for each in side.do(Hangup(LegId(1))) if isinstance(each, Transmit))
    assert bye.flow == PHONE


def test_a_refusal_over_tcp_is_acknowledged_there() -> None:
    side = Peer()
    sent = dialled(side)
    out = side.do(StreamReceived(MADE, response(486, sent.data)))
    (ack,) = (each for each in out if isinstance(each, Transmit))
    assert (ack.flow, start(ack.data)[:3], header(ack.data, "Via")) == (MADE, "ACK", header(sent.data, "Via"))


@pytest.mark.parametrize("how", ["refused", "silence"])
def test_without_tcp_there_it_goes_over_udp(how: str) -> None:
    side = Peer()
    sent = dialled(side)
    out = side.do(TransportFailed(TO_TCP)) if how == "refused" else side.wait(2.1)
    assert invites(out) == [PHONE]
    again = next(each for each in out if isinstance(each, Transmit))
    assert header(again.data, "Via") == header(sent.data, "Via").replace("TCP", "UDP")
    assert len(invites(side.wait(4))) == 3, "and is repeated as every datagram"
    side.packet(response(486, again.data), PHONE)
    assert dialled(side, 2).flow == PHONE, "it is remembered"
    side.wait(601 if how == "refused" else 86_401)
    assert dialled(side, 3).flow == TO_TCP, "for a while"


def test_to_a_phone_behind_a_nat_no_connection_is_tried() -> None:
    out = Peer().do(StartInvite(LegId(1), "sip:1001@10.0.0.7:5060", PHONE, "1", "", LONG))
    assert invites(out) == [PHONE]


def test_who_does_not_listen_on_tcp_sends_long_ones_over_udp() -> None:
    side = Peer(settings(local_flows=(Flow("udp", LOCAL, ("", 0)),)))
    assert dialled(side).flow == PHONE


# ------------------------------------------------------------------ STUN

TRANSACTION = bytes(range(12))
ASK = struct.pack("!HHI", 1, 0, 0x2112A442) + TRANSACTION


def proven(side: Peer) -> None:
    side.save(side.register())


def test_a_phone_that_logged_in_learns_its_address() -> None:
    side = Peer()
    assert side.sent(ASK, PHONE) == []
    proven(side)
    (answer,) = side.sent(ASK, PHONE)
    # RFC 8489 14.2, by hand: 40000 ^ 0x2112 and 198.51.100.7 ^ 2112A442.
    value = struct.pack("!BBH", 0, 1, 40000 ^ 0x2112) + bytes((198 ^ 0x21, 51 ^ 0x12, 100 ^ 0xA4, 7 ^ 0x42))
    assert answer == struct.pack("!HHI", 0x0101, 12, 0x2112A442) + TRANSACTION + struct.pack("!HH", 0x20, 8) + value
    assert side.sent(ASK, GATEWAY) == []


def test_the_vector_of_rfc_5769_over_ipv6() -> None:
    transaction = bytes.fromhex("b7e7a701bc34d686fa87dfae")
    ask = struct.pack("!HHI", 1, 0, 0x2112A442) + transaction
    answer = binding_response(ask, ("2001:db8:1234:5678:11:2233:4455:6677", 32853))
    assert answer is not None
    assert answer[24:].hex() == "0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        ASK[:19],
        ASK + b"\0",
        ASK + b"\0\0\0\0",
        b"\0\x11" + ASK[2:],
        ASK[:4] + b"\0\0\0\0" + TRANSACTION,
        b"\0\x01\0\x03" + ASK[4:] + b"abc",
    ],
)
def test_what_is_no_binding_request_is_left_alone(data: bytes) -> None:
    side = Peer()
    proven(side)
    assert side.sent(data, PHONE) == []


def test_on_a_websocket_there_is_no_stun() -> None:
    side = Peer()
    proven(side)
    flow = Flow("ws", ("192.0.2.1", 8080), PHONE.remote, 4)
    assert [each for each in side.do(PacketReceived(flow, ASK)) if isinstance(each, Transmit)] == []
