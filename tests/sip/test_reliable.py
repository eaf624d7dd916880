"""Reliable provisional responses, PRACK and UPDATE before the answer (RFC 3262, RFC 3311), both roles."""

from __future__ import annotations

import pytest
from tests.sip.peer import OFFER, PHONE, REPLY, Peer, from_agent, header, only, request, response, start, status, tag
from tests.sip.peer import transmitted as sent_of

from softswitch.ids import LegId
from softswitch.sip.messages import (
    Answer,
    AnswerOffer,
    EndedBy,
    Hangup,
    InviteAnswered,
    InviteProgressed,
    LegEnded,
    OfferReceived,
    RespondProvisional,
)

REQUIRED = ("Require: 100rel",)


def reliable(number: int) -> tuple[str, str]:
    return "Require: 100rel", f"RSeq: {number}"


def prack(rseq: str, ours: str, number: int = 2, **changes: object) -> bytes:
    return request("PRACK", number, "c1", to_tag=ours, extra=(f"RAck: {rseq} 1 INVITE",), **changes)  # type: ignore[arg-type]


# ------------------------------------------------------------------ we are called


def test_only_who_requires_it_gets_it() -> None:
    side = Peer()
    leg = side.ring(extra=("Supported: 100rel",))
    ringing = sent_of(side.do(RespondProvisional(leg, 180)))[0]
    assert not header(ringing, "RSeq")
    assert side.wait(10) == []


def test_ringing_answer() -> None:
    side = Peer()
    leg = side.ring(extra=REQUIRED)
    ringing = sent_of(side.do(RespondProvisional(leg, 180)))[0]
    assert header(ringing, "Require") == "100rel"
    rseq, ours = header(ringing, "RSeq"), tag(header(ringing, "To"))
    assert 1 <= int(rseq) < 2**31
    assert header(ringing, "Contact")
    assert sent_of(side.wait(3.6)) == [ringing] * 3  # 0.5, 1.5, 3.5
    assert status(side.sent(prack(rseq, ours))[0]) == 200
    assert side.wait(10) == []
    ok = sent_of(side.do(Answer(leg, REPLY)))[0]
    assert ok.endswith(REPLY)


def test_prack_that_matches_nothing_is_481() -> None:
    side = Peer()
    leg = side.ring(extra=REQUIRED)
    ringing = sent_of(side.do(RespondProvisional(leg, 180)))[0]
    rseq, ours = int(header(ringing, "RSeq")), tag(header(ringing, "To"))
    number = 2
    for text in (f"{rseq + 1} 1 INVITE", f"{rseq} 2 INVITE", f"{rseq} 1 UPDATE", "x", ""):
        wrong = request("PRACK", number, "c1", to_tag=ours, extra=(f"RAck: {text}",))
        assert status(side.sent(wrong)[0]) == 481, text
        number += 1
    assert status(side.sent(prack(str(rseq), ours, number))[0]) == 200
    assert status(side.sent(prack(str(rseq), ours, number + 1))[0]) == 481


def test_one_at_a_time() -> None:
    side = Peer()
    leg = side.ring(extra=REQUIRED)
    ringing = sent_of(side.do(RespondProvisional(leg, 180)))[0]
    assert side.do(RespondProvisional(leg, 183, REPLY)) == []
    out = side.sent(prack(header(ringing, "RSeq"), tag(header(ringing, "To"))))
    assert [status(data) for data in out] == [200, 183]
    assert int(header(out[1], "RSeq")) == int(header(ringing, "RSeq")) + 1


def test_the_answer_waits_for_the_prack_of_a_description() -> None:
    side = Peer()
    leg = side.ring(extra=REQUIRED)
    early = sent_of(side.do(RespondProvisional(leg, 183, REPLY)))[0]
    assert side.do(Answer(leg, REPLY)) == []
    out = side.sent(prack(header(early, "RSeq"), tag(header(early, "To"))))
    assert [status(data) for data in out] == [200, 200]
    assert header(out[1], "CSeq") == "1 INVITE"
    assert REPLY not in out[1], "the answer was given already"


def test_nobody_acknowledges() -> None:
    side = Peer()
    leg = side.ring(extra=REQUIRED)
    side.do(RespondProvisional(leg, 180))
    out = side.wait(33)
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.TIMEOUT, 504)
    assert 504 in [status(data) for data in sent_of(out)]


def test_an_invite_without_an_offer_gets_it_with_the_answer() -> None:
    side = Peer()
    leg = side.ring(extra=REQUIRED, body=b"")
    assert side.do(RespondProvisional(leg, 180)) == []
    assert sent_of(side.do(Answer(leg, OFFER)))[0].endswith(OFFER)


@pytest.mark.parametrize("way", ["cancel", "bye", "hangup"])
def test_the_end_stops_the_repetitions(way: str) -> None:
    side = Peer()
    leg = side.ring(extra=REQUIRED)
    ringing = sent_of(side.do(RespondProvisional(leg, 180)))[0]
    if way == "hangup":
        side.do(Hangup(leg))
    elif way == "cancel":
        side.packet(request("CANCEL", 1, "c1", branch="c1INVITE1"))
    else:
        side.packet(request("BYE", 2, "c1", to_tag=tag(header(ringing, "To"))))
    assert ringing not in sent_of(side.wait(60))
    assert only(side.log, LegEnded)


def test_an_offer_in_a_prack_is_answered_in_its_response() -> None:
    side = Peer()
    leg = side.ring(extra=REQUIRED)
    early = sent_of(side.do(RespondProvisional(leg, 183, REPLY)))[0]
    out = side.packet(prack(header(early, "RSeq"), tag(header(early, "To")), body=OFFER))
    assert only(out, OfferReceived) == OfferReceived(leg, OFFER)
    ok = sent_of(side.do(AnswerOffer(leg, 200, REPLY)))[0]
    assert header(ok, "CSeq") == "2 PRACK"
    assert ok.endswith(REPLY)


def test_an_answer_waits_no_longer_when_the_prack_has_a_body_that_is_refused() -> None:
    side = Peer()
    leg = side.ring(extra=REQUIRED)
    early = sent_of(side.do(RespondProvisional(leg, 183, REPLY)))[0]
    side.do(Answer(leg, REPLY))
    out = side.packet(prack(header(early, "RSeq"), tag(header(early, "To")), body=b"?", kind="text/odd"))
    assert sorted(status(one) for one in sent_of(out)) == [200, 415]


def test_a_prack_does_not_push_an_update_aside() -> None:
    side = Peer()
    leg = side.ring(extra=REQUIRED)
    early = sent_of(side.do(RespondProvisional(leg, 183, REPLY)))[0]
    ours = tag(header(early, "To"))
    side.packet(prack(header(early, "RSeq"), ours))
    side.packet(request("UPDATE", 3, "c1", to_tag=ours, body=OFFER))
    ringing = sent_of(side.do(RespondProvisional(leg, 180)))[0]
    pracks = side.packet(prack(header(ringing, "RSeq"), ours, 4, body=OFFER))
    assert status(sent_of(pracks)[0]) in (491, 500)
    assert header(sent_of(side.do(AnswerOffer(leg, 200, REPLY)))[0], "CSeq") == "3 UPDATE"


# ------------------------------------------------------------------ UPDATE before the answer


def test_update_with_an_offer_before_ours_is_answered_is_500() -> None:
    side = Peer()
    leg = side.ring()
    ours = tag(header(sent_of(side.do(RespondProvisional(leg, 180)))[0], "To"))
    reply = side.sent(request("UPDATE", 2, "c1", to_tag=ours, body=OFFER))[0]
    assert status(reply) == 500
    assert 0 <= int(header(reply, "Retry-After")) <= 10
    assert status(side.sent(request("UPDATE", 3, "c1", to_tag=ours))[0]) == 200, "without an offer it is a refresh"


def test_update_with_an_offer_after_early_agreement() -> None:
    side = Peer()
    leg = side.ring(extra=REQUIRED)
    early = sent_of(side.do(RespondProvisional(leg, 183, REPLY)))[0]
    ours = tag(header(early, "To"))
    side.packet(prack(header(early, "RSeq"), ours))
    out = side.packet(request("UPDATE", 3, "c1", to_tag=ours, body=OFFER))
    assert only(out, OfferReceived).sdp == OFFER
    assert side.sent(request("UPDATE", 4, "c1", to_tag=ours, body=OFFER))[0].startswith(b"SIP/2.0 500")
    ok = sent_of(side.do(AnswerOffer(leg, 200, REPLY)))[0]
    assert header(ok, "CSeq") == "3 UPDATE"
    assert not header(ok, "Session-Expires"), "no session yet"
    assert not sent_of(side.do(Answer(leg, REPLY)))[0].endswith(REPLY)


def test_called_phone_updates_before_it_answers() -> None:
    side = Peer()
    invite = side.dial()
    side.packet(response(183, invite, body=REPLY, extra=reliable(7)), PHONE)
    out = side.packet(from_agent("UPDATE", 1, invite, body=OFFER), PHONE)
    assert only(out, OfferReceived).sdp == OFFER
    assert status(sent_of(side.do(AnswerOffer(LegId(900), 200, REPLY)))[0]) == 200
    stranger = from_agent("UPDATE", 2, invite, body=OFFER, their_tag="other")
    assert status(side.sent(stranger, PHONE)[0]) == 481


# ------------------------------------------------------------------ we call


def test_each_is_acknowledged_once() -> None:
    side = Peer()
    invite = side.dial()
    ringing = response(180, invite, extra=reliable(7))
    out = side.packet(ringing, PHONE)
    assert only(out, InviteProgressed).status == 180
    ack = sent_of(out)[0]
    assert start(ack).startswith("PRACK sip:1001@198.51.100.7:40000 ")
    assert header(ack, "RAck") == "7 1 INVITE"
    assert header(ack, "CSeq") == "2 PRACK"
    assert header(ack, "To").endswith(";tag=agent")
    assert side.packet(ringing, PHONE) == [], "a repetition"
    assert side.packet(response(183, invite, extra=reliable(9)), PHONE) == [], "8 is missing"
    side.packet(response(200, ack), PHONE)
    assert header(side.sent(response(183, invite, extra=reliable(8)), PHONE)[0], "RAck") == "8 1 INVITE"


def test_the_early_answer_is_the_answer() -> None:
    side = Peer()
    invite = side.dial()
    side.packet(response(183, invite, body=REPLY, extra=reliable(1)), PHONE)
    out = side.packet(response(200, invite), PHONE)
    assert only(out, InviteAnswered).sdp == REPLY
    assert header(sent_of(out)[0], "CSeq") == "1 ACK"
    bye = sent_of(side.do(Hangup(LegId(900))))[0]
    assert header(bye, "CSeq") == "3 BYE", "the PRACK was number 2"


def test_forks_count_for_themselves() -> None:
    side = Peer()
    invite = side.dial()
    for fork in ("one", "two"):
        ack = side.sent(response(180, invite, to_tag=fork, extra=reliable(5)), PHONE)[0]
        assert header(ack, "CSeq") == "2 PRACK"
        assert header(ack, "To").endswith(fork)
    for number in range(20):
        side.packet(response(180, invite, to_tag=f"t{number}", extra=reliable(1)), PHONE)
    assert side.stack.counts()["client_transactions"] == 9, "INVITE and at most eight"


@pytest.mark.parametrize("lines", [("RSeq: 5",), ("Require: 100rel",), ("Require: 100rel", "RSeq: x")])
def test_not_reliable_after_all(lines: tuple[str, ...]) -> None:
    side = Peer()
    out = side.packet(response(180, side.dial(), extra=lines), PHONE)
    assert sent_of(out) == []
    assert only(out, InviteProgressed).status == 180


def test_lost_prack_is_repeated_and_its_failure_hurts_nobody() -> None:
    side = Peer()
    invite = side.dial()
    ack = side.sent(response(180, invite, extra=reliable(5)), PHONE)[0]
    assert ack in sent_of(side.wait(40))
    assert not side.told(LegEnded)
    assert only(side.packet(response(200, invite, body=REPLY), PHONE), InviteAnswered)
