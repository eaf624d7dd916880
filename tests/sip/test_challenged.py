"""A carrier that challenges BYE, re-INVITE and UPDATE: answered with its trunk's credentials and for its realm only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.sip.peer import OFFER, PHONE, REPLY, Peer, header, only, request, response, settings, start, tag, transmitted
from tests.sip.test_carrier import CARRIER, MD5, SHA, call, good, side

from softswitch.ids import LegId
from softswitch.sip.messages import Answer, Hangup, LegEnded, OfferAnswered, SendOffer

LEG = LegId(900)
FOREIGN = MD5.replace("carrier.example", "evil.example")


def talking(peer: Peer, extra: tuple[str, ...] = ()) -> bytes:
    """An answered call over the carrier; the INVITE."""
    invite = call(peer)
    answer = response(200, invite, body=REPLY, contact="sip:gw@192.0.2.10:5080", extra=extra)
    peer.packet(answer, CARRIER)
    return invite


def method(data: bytes) -> str:
    return start(data).split(" ")[0]


def asked(peer: Peer, data: bytes, line: str, code: int = 401) -> list[bytes]:
    return transmitted(peer.packet(response(code, data, extra=(line,)), CARRIER))


@pytest.mark.parametrize(
    ("line", "code", "name"),
    [
        (MD5, 401, "Authorization"),
        (SHA, 401, "Authorization"),
        (MD5.replace("WWW", "Proxy"), 407, "Proxy-Authorization"),
    ],
)
def test_bye(line: str, code: int, name: str) -> None:
    peer = side()
    talking(peer)
    (bye,) = transmitted(peer.do(Hangup(LEG)))
    again = [data for data in asked(peer, bye, line, code) if method(data) == "BYE"]
    assert len(again) == 1
    assert int(header(again[0], "CSeq").split()[0]) == int(header(bye, "CSeq").split()[0]) + 1
    assert header(again[0], "Via") != header(bye, "Via")
    assert good(header(again[0], name), "BYE", "sip:gw@192.0.2.10:5080")
    assert asked(peer, again[0], line, code) == [], "answered once"
    assert len(peer.told(LegEnded)) == 1


def test_re_invite() -> None:
    peer = side()
    talking(peer)
    (offer,) = transmitted(peer.do(SendOffer(LEG, OFFER)))
    again = next(data for data in asked(peer, offer, MD5) if method(data) == "INVITE")
    assert again.endswith(OFFER)
    assert good(header(again, "Authorization"), "INVITE", "sip:gw@192.0.2.10:5080")
    peer.packet(response(200, again, body=REPLY, contact="sip:gw@192.0.2.10:5080"), CARRIER)
    assert only(peer.log, OfferAnswered).status == 200


def test_a_refresh_by_update() -> None:
    peer = side()
    talking(peer, ("Allow: INVITE, UPDATE", "Session-Expires: 600;refresher=uac", "Supported: timer"))
    update = next(data for data in transmitted(peer.wait(301)) if method(data) == "UPDATE")
    again = next(data for data in asked(peer, update, MD5) if method(data) == "UPDATE")
    assert good(header(again, "Authorization"), "UPDATE", "sip:gw@192.0.2.10:5080")
    peer.packet(response(200, again, extra=("Session-Expires: 600;refresher=uac",)), CARRIER)
    peer.wait(250)
    assert not peer.told(LegEnded)


def test_a_refresh_by_re_invite() -> None:
    peer = side()
    talking(peer, ("Allow: INVITE", "Session-Expires: 600;refresher=uac", "Supported: timer"))
    refresh = next(data for data in transmitted(peer.wait(301)) if method(data) == "INVITE")
    again = next(data for data in asked(peer, refresh, MD5) if method(data) == "INVITE")
    assert header(again, "Authorization")
    peer.packet(response(200, again, body=REPLY, extra=("Session-Expires: 600;refresher=uac",)), CARRIER)
    assert not peer.told(LegEnded) and not peer.told(OfferAnswered)


@pytest.mark.parametrize("line", [FOREIGN, "WWW-Authenticate: Basic realm=x", "WWW-Authenticate: nonsense"])
def test_another_realm_gets_nothing(line: str) -> None:
    peer = side()
    talking(peer)
    (offer,) = transmitted(peer.do(SendOffer(LEG, OFFER)))
    assert [method(data) for data in asked(peer, offer, line)] == ["ACK"]
    assert only(peer.log, OfferAnswered).status == 401
    (bye,) = transmitted(peer.do(Hangup(LEG)))
    assert asked(peer, bye, line) == []


def test_a_call_that_came_in_over_the_trunk() -> None:
    peer = side()
    leg = peer.ring("c1", flow=CARRIER)
    ours = tag(header(transmitted(peer.do(Answer(leg, REPLY)))[0], "To"))
    peer.packet(request("ACK", 1, "c1", to_tag=ours, branch="ack", flow=CARRIER), CARRIER)
    (bye,) = transmitted(peer.do(Hangup(leg)))
    again = next(data for data in asked(peer, bye, MD5) if method(data) == "BYE")
    assert header(again, "Authorization")


@pytest.mark.parametrize("who", ["phone", "trunk without a login"])
def test_nobody_else_gets_an_answer(who: str) -> None:
    peer = side() if who == "phone" else Peer(settings())
    if who == "phone":
        peer.dial_and_talk()
        flow: Any = PHONE
    else:
        talking(peer)
        flow = replace(CARRIER)
    (bye,) = transmitted(peer.do(Hangup(LEG)))
    assert transmitted(peer.packet(response(401, bye, extra=(MD5,)), flow)) == []
