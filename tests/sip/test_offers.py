"""Offers in a call: hold by the peer, re-INVITE of ours, crossings, UPDATE."""

from __future__ import annotations

import pytest
from tests.sip.peer import (
    GATEWAY,
    OFFER,
    PHONE,
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
    AckReceived,
    Answer,
    AnswerOffer,
    EndedBy,
    Hangup,
    LegEnded,
    OfferAnswered,
    OfferReceived,
    SendOffer,
    Transmit,
)
from softswitch.sip.offer_messages import OfferDue

HOLD = OFFER + b"a=sendonly\r\n"
HELD = REPLY + b"a=recvonly\r\n"


def codes(out: list[object]) -> list[int]:
    return [status(data) for data in transmitted(out)]


def reinvite(ours: str, number: int = 2, body: bytes = HOLD) -> bytes:
    return request("INVITE", number, "c1", to_tag=ours, body=body)


def ack(ours: str, number: int, body: bytes = b"") -> bytes:
    return request("ACK", number, "c1", to_tag=ours, branch=f"ack{number}", body=body)


def offering() -> tuple[Peer, LegId, str, bytes]:
    """A call with our re-INVITE under way."""
    side = Peer()
    leg, ours = side.talk()
    sent = transmitted(side.do(SendOffer(leg, REPLY)))[0]
    return side, leg, ours, sent


def test_peer_holds() -> None:
    side = Peer()
    leg, ours = side.talk()
    out = side.packet(reinvite(ours))
    assert only(out, OfferReceived) == OfferReceived(leg, HOLD)
    assert codes(out) == [100]
    answer = transmitted(side.do(AnswerOffer(leg, 200, HELD)))[0]
    assert answer.endswith(HELD)
    assert header(answer, "Contact")
    assert transmitted(side.wait(0.5)) == [answer]
    assert side.packet(ack(ours, 2)) == []
    assert side.wait(40.0) == []


def test_peer_asks_for_an_offer() -> None:
    side = Peer()
    leg, ours = side.talk()
    assert only(side.packet(reinvite(ours, body=b"")), OfferReceived) == OfferReceived(leg, None)
    side.do(AnswerOffer(leg, 200, REPLY))
    assert side.packet(ack(ours, 2, OFFER)) == [AckReceived(leg, OFFER)]


def test_refused_offer_leaves_the_call() -> None:
    side = Peer()
    leg, ours = side.talk()
    side.packet(reinvite(ours))
    assert codes(side.do(AnswerOffer(leg, 488, None))) == [488]
    assert not side.told(LegEnded)
    assert codes(side.packet(reinvite(ours, 3))) == [100]


def test_lost_ack_of_a_reinvite_ends_the_call() -> None:
    side = Peer()
    leg, ours = side.talk()
    side.packet(reinvite(ours))
    side.do(AnswerOffer(leg, 200, HELD))
    assert only(side.wait(33.0), LegEnded) == LegEnded(leg, EndedBy.TIMEOUT, 408)


def test_second_offer_before_the_first_is_answered() -> None:
    side = Peer()
    _, ours = side.talk()
    side.packet(reinvite(ours))
    refusal = side.sent(reinvite(ours, 3))[0]
    assert status(refusal) == 500
    assert 0 <= int(header(refusal, "Retry-After")) <= 10


def test_offer_before_the_ack_of_the_answer() -> None:
    side = Peer()
    leg = side.ring()
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    assert codes(side.packet(reinvite(ours))) == [491]


def test_reinvite_is_cancelled() -> None:
    side = Peer()
    leg, ours = side.talk()
    side.packet(reinvite(ours))
    cancel = request("CANCEL", 2, "c1", to_tag=ours, branch="c1INVITE2")
    assert codes(side.packet(cancel)) == [200, 487]
    assert side.do(AnswerOffer(leg, 200, HELD)) == []
    assert not side.told(LegEnded)


def test_hang_up_with_an_offer_open() -> None:
    side = Peer()
    leg, ours = side.talk()
    side.packet(reinvite(ours))
    out = side.do(Hangup(leg))
    assert {start(data).split(" ")[0] for data in transmitted(out)} == {"BYE", "SIP/2.0"}
    assert 487 in codes(out)


def test_our_offer() -> None:
    side, leg, _, sent = offering()
    assert start(sent) == "INVITE sip:gw@192.0.2.10:5080 SIP/2.0"
    assert header(sent, "CSeq") == "1 INVITE"
    assert side.packet(response(100, sent)) == []
    out = side.packet(response(200, sent, body=HELD, contact="sip:gw@192.0.2.11:5099"))
    assert only(out, OfferAnswered) == OfferAnswered(leg, 200, HELD)
    first = only(out, Transmit)
    assert start(first.data) == "ACK sip:gw@192.0.2.11:5099 SIP/2.0"
    assert transmitted(side.packet(response(200, sent, body=HELD))) == [first.data]


def test_late_repeat_of_an_earlier_answer() -> None:
    """Its ACK names the earlier INVITE, and does not spoil that of the later one."""
    side, leg, _, first = offering()
    side.packet(response(200, first, body=HELD))
    second = transmitted(side.do(SendOffer(leg, REPLY)))[0]
    assert header(transmitted(side.packet(response(200, first, body=HELD)))[0], "CSeq") == "1 ACK"
    assert header(transmitted(side.packet(response(200, second, body=HELD)))[0], "CSeq") == "2 ACK"
    assert header(transmitted(side.packet(response(200, second, body=HELD)))[0], "CSeq") == "2 ACK"


@pytest.mark.parametrize("code", [488, 500, 415])
def test_our_offer_is_refused(code: int) -> None:
    side, leg, _, sent = offering()
    assert only(side.packet(response(code, sent)), OfferAnswered) == OfferAnswered(leg, code, None)
    assert not side.told(LegEnded)


@pytest.mark.parametrize("code", [408, 481])
def test_peer_has_forgotten_the_call(code: int) -> None:
    side, leg, _, sent = offering()
    out = side.packet(response(code, sent))
    assert only(out, OfferAnswered).status == code
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.TIMEOUT, code)
    assert any(start(data).startswith("BYE") for data in transmitted(out))


def test_nobody_answers_our_offer() -> None:
    side, leg, _, _ = offering()
    out = side.wait(33.0)
    assert only(out, OfferAnswered) == OfferAnswered(leg, 408, None)
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.TIMEOUT, 408)


def test_crossing_offers_491_and_glare_of_the_callee() -> None:
    side, leg, ours, sent = offering()
    assert codes(side.packet(reinvite(ours))) == [491]
    begin = side.now
    out = side.packet(response(491, sent))
    assert not side.told(OfferAnswered)
    again = transmitted(side.wait(2.01))
    assert start(again[-1]).startswith("INVITE")
    assert header(again[-1], "CSeq") == "2 INVITE"
    assert side.now - begin <= 2.02
    out = side.packet(response(200, again[-1], body=HELD))
    assert only(out, OfferAnswered) == OfferAnswered(leg, 200, HELD)


def test_his_offer_in_the_pause_of_a_glare_makes_ours_old() -> None:
    """The version of what we say only grows (RFC 3264 8): another one is asked for, when his has its ACK."""
    side, leg, ours, sent = offering()
    side.packet(response(491, sent))
    side.packet(reinvite(ours))
    side.do(AnswerOffer(leg, 200, HELD))
    out = side.wait(2.1)
    assert not [each for each in transmitted(out) if start(each).startswith("INVITE")], "his ACK comes first"
    out = side.packet(ack(ours, 2))
    assert only(out, OfferDue) == OfferDue(leg)
    assert transmitted(out) == []
    (again,) = transmitted(side.do(SendOffer(leg, OFFER)))
    assert again.endswith(OFFER)
    assert only(side.packet(response(200, again, body=HELD)), OfferAnswered) == OfferAnswered(leg, 200, HELD)


def test_glare_of_the_caller_waits_longer() -> None:
    side = Peer()
    side.dial_and_talk()
    sent = transmitted(side.do(SendOffer(LegId(900), OFFER)))[0]
    side.packet(response(491, sent), PHONE)
    assert transmitted(side.wait(2.09)) == []
    assert transmitted(side.wait(2.0))


def test_glare_without_end_is_given_up() -> None:
    side, leg, _, sent = offering()
    for _ in range(20):
        side.packet(response(491, sent))
        if side.told(OfferAnswered):
            break
        sent = transmitted(side.wait(2.01))[0]
    assert side.told(OfferAnswered) == [OfferAnswered(leg, 491, None)]


def test_our_offer_waits_for_the_open_one() -> None:
    side = Peer()
    leg, ours = side.talk()
    side.packet(reinvite(ours))
    assert side.do(SendOffer(leg, REPLY)) == []
    side.do(AnswerOffer(leg, 200, HELD))
    out = side.packet(ack(ours, 2))
    assert only(out, OfferDue) == OfferDue(leg), "it is older than what we have said since"
    assert start(transmitted(side.do(SendOffer(leg, OFFER)))[0]).startswith("INVITE")


def test_our_offer_waits_for_the_first_ack() -> None:
    side = Peer()
    leg = side.ring()
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    assert side.do(SendOffer(leg, REPLY)) == []
    out = side.packet(ack(ours, 1))
    assert only(out, AckReceived).leg == leg
    assert start(transmitted(out)[0]).startswith("INVITE")


def test_two_of_our_offers_at_once() -> None:
    side, leg, _, _ = offering()
    assert side.do(SendOffer(leg, OFFER)) == [OfferAnswered(leg, 491, None)]


def test_reinvite_of_the_called_phone() -> None:
    side = Peer()
    invite = side.dial_and_talk()
    out = side.packet(from_agent("INVITE", 7, invite, body=HOLD), PHONE)
    assert only(out, OfferReceived) == OfferReceived(LegId(900), HOLD)
    assert codes(side.do(AnswerOffer(LegId(900), 200, HELD))) == [200]


def test_update_without_offer_refreshes_the_target() -> None:
    side = Peer()
    leg, ours = side.talk()
    update = request("UPDATE", 2, "c1", to_tag=ours, contact="sip:gw@192.0.2.10:5099")
    assert codes(side.packet(update)) == [200]
    assert start(transmitted(side.do(Hangup(leg)))[0]) == "BYE sip:gw@192.0.2.10:5099 SIP/2.0"


def test_update_with_offer_is_answered_without_ack() -> None:
    side = Peer()
    leg, ours = side.talk()
    out = side.packet(request("UPDATE", 2, "c1", to_tag=ours, body=HOLD))
    assert out == [OfferReceived(leg, HOLD)]
    answer = transmitted(side.do(AnswerOffer(leg, 200, HELD)))[0]
    assert answer.endswith(HELD)
    assert side.wait(31.0) == []


def test_update_with_offer_before_the_answer() -> None:
    side = Peer()
    leg = side.ring()
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    assert codes(side.packet(request("UPDATE", 2, "c1", to_tag=ours, body=HOLD), GATEWAY)) == [491]


def test_unknown_body_in_a_reinvite() -> None:
    side = Peer()
    _, ours = side.talk()
    refusal = request("INVITE", 2, "c1", to_tag=ours, body=b"x", kind="text/plain")
    assert codes(side.packet(refusal)) == [415]
