"""sips: URIs go over TLS alone (RFC 3261 26.2.2, RFC 5630), and what is set up with them stays so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.sip.peer import LOCAL, OFFER, REPLY, Peer, header, settings, status, text

from softswitch.ids import LegId
from softswitch.sip.messages import Answer, Flow, InviteReceived, PacketReceived, StartInvite, StreamReceived, Transmit

TLS_LOCAL = ("192.0.2.1", 5061)
TLS = Flow("tls", TLS_LOCAL, ("192.0.2.10", 40001), 7)
FLOWS = (Flow("udp", LOCAL, ("", 0)), Flow("tls", TLS_LOCAL, ("", 0)))


def peer() -> Peer:
    return Peer(settings(local_flows=FLOWS))


def invite(uri: str, contact: str, transport: str = "TLS") -> bytes:
    return text(
        [
            f"INVITE {uri} SIP/2.0",
            f"Via: SIP/2.0/{transport} 192.0.2.10:40001;branch=z9hG4bKsips",
            "From: <sip:+3725550001@192.0.2.10>;tag=g",
            "To: <sip:8000@192.0.2.1>",
            "Call-ID: sips",
            "CSeq: 1 INVITE",
            "Max-Forwards: 70",
            f"Contact: <{contact}>",
        ],
        OFFER,
    )


@pytest.mark.parametrize(
    ("flow", "uri", "contact", "wanted"),
    [
        (TLS, "sips:8000@192.0.2.1", "sips:gw@192.0.2.10", 200),
        (TLS, "sip:8000@192.0.2.1", "sip:gw@192.0.2.10;transport=tls", 200),
        (TLS, "sips:8000@192.0.2.1", "sip:gw@192.0.2.10", 400),
        (replace(TLS, transport="tcp"), "sips:8000@192.0.2.1", "sips:gw@192.0.2.10", 416),
        (replace(TLS, transport="tcp"), "sip:8000@192.0.2.1", "sips:gw@192.0.2.10", 400),
        (replace(TLS, transport="wss"), "sips:8000@192.0.2.1", "sips:gw@x.invalid", 200),
    ],
)
def test_a_call_by_sips(flow: Flow, uri: str, contact: str, wanted: int) -> None:
    side = peer()
    kind = PacketReceived if flow.transport == "wss" else StreamReceived
    out = side.do(kind(flow, invite(uri, contact, flow.transport.upper())))
    received = [each for each in out if isinstance(each, InviteReceived)]
    if wanted == 200:
        out = side.do(Answer(received[0].leg, REPLY))
    answer = [each for each in out if isinstance(each, Transmit)][-1].data
    assert status(answer) == wanted
    if wanted == 200:
        assert header(answer, "Contact").startswith("<sips:" if uri.startswith("sips") else "<sip:")


def test_a_call_out_by_sips_goes_over_tls_with_a_contact_of_sips() -> None:
    side = peer()
    out = side.do(StartInvite(LegId(1), "sips:100@192.0.2.77", None, "1", "", OFFER))
    (sent,) = (each for each in out if isinstance(each, Transmit))
    assert (sent.flow, sent.flow.server_name) == (Flow("tls", TLS_LOCAL, ("192.0.2.77", 5061), -1), "192.0.2.77")
    assert header(sent.data, "Contact").startswith("<sips:softswitch@192.0.2.1:5061")
    assert header(sent.data, "Via").startswith("SIP/2.0/TLS 192.0.2.1:5061")


def test_without_a_tls_address_there_is_no_such_call() -> None:
    side = Peer(settings(local_flows=FLOWS[:1]))
    out = side.do(StartInvite(LegId(1), "sips:100@192.0.2.77", None, "1", "", OFFER))
    assert not any(isinstance(each, Transmit) for each in out)
