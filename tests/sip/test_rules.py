"""Rules of RFC 3261 and its companions that have no other file; docs/sip-conformance.md says where each one is."""

from __future__ import annotations

import pytest
from tests.sip.peer import (
    GATEWAY,
    LOCAL,
    OFFER,
    PHONE,
    REALM,
    REPLY,
    Peer,
    from_agent,
    header,
    only,
    request,
    response,
    start,
    status,
    tag,
    transmitted,
)

from softswitch.ids import LegId
from softswitch.sip.messages import (
    Answer,
    EndedBy,
    Flow,
    InviteAnswered,
    InviteReceived,
    LegEnded,
    OfferAnswered,
    OfferReceived,
    Reject,
    SendOffer,
    StartInvite,
    StreamClosed,
    StreamReceived,
    Transmit,
)
from softswitch.sip.via import parse_via, stamp

LEG = LegId(900)
TCP = Flow("tcp", LOCAL, ("192.0.2.10", 41000), 7)


def methods(out: list[object]) -> list[str]:
    return [start(entry.data).split(" ")[0] for entry in out if isinstance(entry, Transmit)]


def codes(out: list[object]) -> list[int]:
    return [status(entry.data) for entry in out if isinstance(entry, Transmit)]


# ------------------------------------------------------------------ requests outside a dialog


def test_request_uri_too_long_is_414() -> None:
    side = Peer()
    assert codes(side.packet(request("OPTIONS", 1, "c1", uri=f"sip:{'8' * 3000}@{REALM}"))) == [414]


def test_timestamp_comes_back_in_the_100() -> None:
    side = Peer()
    trying = side.sent(request("INVITE", 1, "c1", body=OFFER, extra=("Timestamp: 54.2",)))[0]
    assert (status(trying), header(trying, "Timestamp")) == (100, "54.2")


def test_an_invite_that_expires_is_terminated() -> None:
    side = Peer()
    leg = side.ring(extra=("Expires: 20",))
    assert side.wait(19.9) == []
    out = side.wait(0.2)
    assert codes(out) == [487]
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.PEER, 487)
    side.packet(request("ACK", 1, "c1", branch="c1INVITE1", to_tag=tag(header(transmitted(out)[0], "To"))))
    side.wait(40)
    assert not any(side.stack.counts().values())


@pytest.mark.parametrize("order", ["answer", "reject", "bye", "cancel"])
def test_an_invite_that_got_its_answer_expires_no_more(order: str) -> None:
    side = Peer()
    leg = side.ring(extra=("Expires: 20",))
    ours = tag(header(transmitted(side.log)[0], "To"))
    if order == "answer":
        side.do(Answer(leg, REPLY))
        side.packet(request("ACK", 1, "c1", to_tag=ours, branch="a"))
    elif order == "reject":
        side.do(Reject(leg, 486))
    elif order == "bye":
        side.packet(request("BYE", 2, "c1", to_tag=ours))
    else:
        side.packet(request("CANCEL", 1, "c1", branch="c1INVITE1"))
    before = len(side.told(LegEnded))
    side.wait(25)
    assert len(side.told(LegEnded)) == before
    final = [data for data in transmitted(side.log) if status(data) >= 200 and header(data, "CSeq") == "1 INVITE"]
    assert {status(data) for data in final} == {{"answer": 200, "reject": 486}.get(order, 487)}


def test_max_forwards_goes_on_with_a_call_that_is_placed_for_another() -> None:
    side = Peer()
    data = request("INVITE", 1, "c1", body=OFFER).replace(b"Max-Forwards: 70", b"Max-Forwards: 9")
    assert only(side.packet(data), InviteReceived).hops == 9
    used_up = data.replace(b"Max-Forwards: 9", b"Max-Forwards: 1").replace(b"c1", b"c2")
    assert codes(side.packet(used_up)) == [483]
    order = StartInvite(LEG, "sip:1001@198.51.100.7:40000", PHONE, "1", "", OFFER, hops=8)
    invite = transmitted(side.do(order))[0]
    assert header(invite, "Max-Forwards") == "8"
    side.packet(response(180, invite), PHONE)
    side.packet(response(200, invite, body=REPLY), PHONE)
    reinvite = transmitted(side.do(SendOffer(LEG, OFFER)))[0]
    assert header(reinvite, "Max-Forwards") == "70"


def test_a_ring_of_forwards_ends() -> None:
    side = Peer()
    out = side.do(StartInvite(LEG, "sip:1001@198.51.100.7:40000", PHONE, "1", "", OFFER, hops=0))
    assert out == [LegEnded(LEG, EndedBy.US, 483)]
    assert not any(side.stack.counts().values())


@pytest.mark.parametrize("sent_by", ["[2001:db8::9]", "[2001:DB8:0::9]", "[2001:0db8:0:0:0:0:0:9]"])
def test_an_ipv6_sender_is_recognised_in_every_spelling(sent_by: str) -> None:
    flow = Flow("udp", ("2001:db8::1", 5060), ("2001:db8::9", 5060))
    assert "received" not in stamp(parse_via(f"SIP/2.0/UDP {sent_by};branch=z9hG4bKa"), flow)
    other = Flow("udp", ("2001:db8::1", 5060), ("2001:db8::8", 5060))
    assert "received=2001:db8::8" in stamp(parse_via(f"SIP/2.0/UDP {sent_by};branch=z9hG4bKa"), other)


# ------------------------------------------------------------------ connections


def test_the_connection_is_gone_when_the_answer_is_ready() -> None:
    """RFC 3261 18.2.2: a new one to the source address and the port of sent-by."""
    side = Peer()
    data = request("INVITE", 1, "c1", body=OFFER, flow=TCP).replace(
        b"192.0.2.10:41000;branch", b"192.0.2.10:5070;branch"
    )
    leg = only(side.do(StreamReceived(TCP, data)), InviteReceived).leg
    side.do(StreamClosed(TCP))
    out = side.do(Answer(leg, REPLY))
    assert [entry.flow for entry in out if isinstance(entry, Transmit)] == [
        Flow("tcp", LOCAL, ("192.0.2.10", 5070), -1)
    ]


# ------------------------------------------------------------------ inside a dialog


def test_options_keep_the_order_of_cseq_and_may_be_repeated() -> None:
    side = Peer()
    _, ours = side.talk()
    assert codes(side.packet(request("OPTIONS", 5, "c1", to_tag=ours))) == [200]
    assert codes(side.packet(request("OPTIONS", 5, "c1", to_tag=ours))) == [200]
    assert codes(side.packet(request("OPTIONS", 4, "c1", to_tag=ours))) == [500]
    assert codes(side.packet(request("INFO", 5, "c1", to_tag=ours))) == [500]
    assert codes(side.packet(request("BYE", 6, "c1", to_tag=ours))) == [200]


def test_a_second_invite_before_the_first_is_answered_is_500() -> None:
    side = Peer()
    side.ring()
    ours = tag(header(transmitted(side.log)[0], "To"))
    refusal = side.sent(request("INVITE", 2, "c1", to_tag=ours, body=OFFER))[0]
    assert status(refusal) == 500
    assert 0 <= int(header(refusal, "Retry-After")) <= 10
    assert not side.told(OfferReceived)


def test_our_offer_comes_again_when_the_peer_says_when() -> None:
    side = Peer()
    leg, _ = side.talk()
    first = transmitted(side.do(SendOffer(leg, OFFER)))[0]
    side.packet(response(500, first, extra=("Retry-After: 3 (busy)",)))
    assert side.wait(2.9) == []
    again = transmitted(side.wait(0.2))
    assert [start(data).split(" ")[0] for data in again] == ["INVITE"]
    side.packet(response(200, again[0], body=REPLY))
    assert side.told(OfferAnswered) == [OfferAnswered(leg, 200, REPLY)]


@pytest.mark.parametrize("wish", ["", "3600", "soon", "-1"])
def test_no_time_or_an_absurd_one_is_a_refusal(wish: str) -> None:
    side = Peer()
    leg, _ = side.talk()
    first = transmitted(side.do(SendOffer(leg, OFFER)))[0]
    side.packet(response(500, first, extra=(f"Retry-After: {wish}",) if wish else ()))
    assert side.told(OfferAnswered) == [OfferAnswered(leg, 500, None)]


def test_500_without_end_is_given_up() -> None:
    side = Peer()
    leg, _ = side.talk()
    sent = transmitted(side.do(SendOffer(leg, OFFER)))
    for _ in range(20):
        if not sent:
            break
        side.packet(response(500, sent[-1], extra=("Retry-After: 0",)))
        sent = transmitted(side.wait(0.1))
    assert side.told(OfferAnswered) == [OfferAnswered(leg, 500, None)]


# ------------------------------------------------------------------ answers that nearly fit


@pytest.mark.parametrize("routes", ["<sip:a;lr", "nonsense", ",".join(["<sip:192.0.2.11;lr>"] * 30)])
def test_an_answer_whose_route_set_cannot_be_read_is_hung_up(routes: str) -> None:
    """It would ring and talk for ever otherwise: the callee hears ACK and BYE, the caller that it failed."""
    side = Peer()
    invite = side.dial()
    out = side.packet(response(200, invite, body=REPLY, extra=(f"Record-Route: {routes}",)), PHONE)
    assert methods(out) == ["ACK", "BYE"]
    assert only(out, LegEnded) == LegEnded(LEG, EndedBy.PEER, 500)
    assert not side.told(InviteAnswered)
    side.packet(response(200, transmitted(out)[1]), PHONE)
    side.wait(40)
    assert not any(side.stack.counts().values())


def test_a_fork_whose_route_set_cannot_be_read_is_released_too() -> None:
    side = Peer()
    invite = side.dial()
    side.packet(response(200, invite, to_tag="one", body=REPLY), PHONE)
    out = side.packet(response(200, invite, to_tag="two", body=REPLY, extra=("Record-Route: nonsense",)), PHONE)
    assert methods(out) == ["ACK", "BYE"]
    assert not side.told(LegEnded)


def test_forks_count_their_requests_each_for_itself() -> None:
    """One phone that rang and lost had sent a high CSeq; the one that answered begins with a low one."""
    side = Peer()
    invite = side.dial()
    reliable = ("Require: 100rel", "RSeq: 1")
    for name in ("one", "two"):
        side.packet(response(183, invite, to_tag=name, body=REPLY, extra=reliable), PHONE)
    update = from_agent("UPDATE", 9000, invite, their_tag="one", branch="u1")
    assert codes(side.packet(update, PHONE)) == [200]
    assert codes(side.packet(from_agent("UPDATE", 8999, invite, their_tag="one", branch="u2"), PHONE)) == [500]
    side.packet(response(200, invite, to_tag="two"), PHONE)
    assert codes(side.packet(from_agent("BYE", 1, invite, their_tag="two"), PHONE)) == [200]
    assert only(side.log, LegEnded) == LegEnded(LEG, EndedBy.PEER, 200)


def test_the_phone_that_answered_goes_on_counting() -> None:
    side = Peer()
    invite = side.dial()
    side.packet(response(183, invite, body=REPLY, extra=("Require: 100rel", "RSeq: 1")), PHONE)
    assert codes(side.packet(from_agent("UPDATE", 5, invite), PHONE)) == [200]
    side.packet(response(200, invite), PHONE)
    assert codes(side.packet(from_agent("INFO", 4, invite), PHONE)) == [500]
    assert codes(side.packet(from_agent("BYE", 6, invite), PHONE)) == [200]


def test_another_gateway_cannot_end_a_call_without_its_tags() -> None:
    side = Peer()
    _, ours = side.talk()
    stolen = request("BYE", 9, "c1", to_tag=ours).replace(b"tag=fc1", b"tag=guess")
    assert codes(side.packet(stolen, GATEWAY)) == [481]
    assert not side.told(LegEnded)
