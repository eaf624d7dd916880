"""Session timers (RFC 4028) in both roles: who refreshes, how, with which intervals, and what silence means."""

from __future__ import annotations

import pytest
from tests.sip.peer import (
    OFFER,
    PHONE,
    REPLY,
    Peer,
    from_agent,
    header,
    only,
    request,
    response,
    settings,
    start,
    status,
    tag,
    transmitted,
)

from softswitch.ids import LegId, TrunkId
from softswitch.sip.messages import (
    Answer,
    EndedBy,
    Hangup,
    InviteAnswered,
    LegEnded,
    OfferAnswered,
    SendOffer,
    TrunkSettings,
)

TIMER = "Supported: timer"
UPDATES = "Allow: INVITE, ACK, BYE, UPDATE"


def answered(side: Peer, *extra: str, call: str = "c1") -> tuple[LegId, bytes]:
    """An incoming call with these lines, up and acknowledged; our 200."""
    leg = side.ring(call, extra=extra)
    ok = transmitted(side.do(Answer(leg, REPLY)))[0]
    side.packet(request("ACK", 1, call, to_tag=tag(header(ok, "To")), branch="ack" + call))
    return leg, ok


def first(out: list[object]) -> bytes:
    return transmitted(out)[0]  # type: ignore[arg-type]


# ------------------------------------------------------------------ we are called


@pytest.mark.parametrize(
    ("extra", "expires", "require"),
    [
        ((), "", ""),
        ((TIMER,), "600;refresher=uas", "timer"),
        ((TIMER, "Session-Expires: 300"), "300;refresher=uac", "timer"),
        ((TIMER, "x: 300;refresher=uas"), "300;refresher=uas", "timer"),
        ((TIMER, "Session-Expires: 3600 ; refresher=UAC"), "600;refresher=uac", "timer"),
        ((TIMER, "Session-Expires: 3600", "Min-SE: 1800"), "1800;refresher=uac", "timer"),
        ((TIMER, "Min-SE: 1800"), "1800;refresher=uas", "timer"),
        (("Session-Expires: 300",), "300;refresher=uas", ""),
        (("Session-Expires: 30",), "", ""),
        (("Require: timer", "Session-Expires: 90"), "90;refresher=uac", "timer"),
    ],
)
def test_what_our_answer_says(extra: tuple[str, ...], expires: str, require: str) -> None:
    _, ok = answered(Peer(), *extra)
    assert (header(ok, "Session-Expires"), header(ok, "Require")) == (expires, require)
    assert header(ok, "Supported") == "timer, 100rel, replaces, norefersub"


def test_too_short_an_interval_is_422() -> None:
    side = Peer()
    reply = side.sent(request("INVITE", 1, "c1", body=OFFER, extra=(TIMER, "Session-Expires: 89")))[-1]
    assert status(reply) == 422
    assert header(reply, "Min-SE") == "90"
    assert not side.told(LegEnded)
    assert side.stack.counts()["sessions"] == 0


def test_malformed_interval_is_400() -> None:
    for line in ("Session-Expires: soon", "Min-SE: -1", "Session-Expires: 1e3"):
        assert status(Peer().sent(request("INVITE", 1, "c1", body=OFFER, extra=(TIMER, line)))[-1]) == 400


def test_peer_that_does_not_refresh_is_hung_up() -> None:
    side = Peer()
    leg, _ = answered(side, TIMER, "Session-Expires: 90;refresher=uac")
    assert side.wait(59.9) == []
    out = side.wait(0.2)
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.TIMEOUT, 408)
    assert start(first(out)).startswith("BYE ")


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_peer_that_refreshes_stays(method: str) -> None:
    side = Peer()
    leg, ok = answered(side, TIMER, "Session-Expires: 90;refresher=uac")
    ours = tag(header(ok, "To"))
    for number in range(2, 8):
        side.wait(45)
        again = request(method, number, "c1", to_tag=ours, extra=(TIMER, "Session-Expires: 90;refresher=uac"))
        if method == "UPDATE":
            reply = side.sent(again)[0]
        else:
            from softswitch.sip.messages import AnswerOffer

            side.packet(again)
            reply = first(side.do(AnswerOffer(leg, 200, REPLY)))
            side.packet(request("ACK", number, "c1", to_tag=ours, branch=f"ack{number}"))
        assert status(reply) == 200
        assert header(reply, "Session-Expires") == "90;refresher=uac"
    assert not side.told(LegEnded)
    side.wait(70)
    assert only(side.log, LegEnded).by is EndedBy.TIMEOUT


def test_short_interval_in_a_refresh_is_422_and_changes_nothing() -> None:
    side = Peer()
    _, ok = answered(side, TIMER, "Session-Expires: 300")
    extra = (TIMER, "Session-Expires: 10")
    assert status(side.sent(request("UPDATE", 2, "c1", to_tag=tag(header(ok, "To")), extra=extra))[0]) == 422
    assert not side.told(LegEnded)


# ------------------------------------------------------------------ we call


def test_our_invite_asks_for_a_timer() -> None:
    invite = Peer().dial()
    assert header(invite, "Session-Expires") == "600"
    assert header(invite, "Min-SE") == "90"


def test_switched_off() -> None:
    side = Peer(settings(session_expires_seconds=0))
    invite = side.dial_and_talk()
    assert not header(invite, "Session-Expires")
    assert side.wait(10_000) == []


def test_422_is_answered_with_a_longer_interval() -> None:
    side = Peer()
    invite = side.dial()
    sent = side.sent(response(422, invite, extra=("Min-SE: 1800",)), PHONE)
    again = sent[-1]
    assert [start(data).partition(" ")[0] for data in sent] == ["ACK", "INVITE"]
    assert (header(again, "Session-Expires"), header(again, "Min-SE")) == ("1800", "1800")
    assert header(again, "Call-ID") == header(invite, "Call-ID")
    assert header(again, "From") == header(invite, "From")
    assert header(again, "CSeq") == "2 INVITE"
    assert again.endswith(OFFER)
    out = side.packet(response(200, again, body=REPLY, extra=("Session-Expires: 1800;refresher=uas",)), PHONE)
    assert only(out, InviteAnswered).sdp == REPLY
    assert header(first(out), "CSeq") == "2 ACK"


def test_422_again_and_again_ends_the_leg() -> None:
    side = Peer()
    invite = side.dial()
    for seconds in range(601, 700):
        out = side.packet(response(422, invite, extra=(f"Min-SE: {seconds}",)), PHONE)
        again = [data for data in transmitted(out) if data.startswith(b"INVITE")]
        if not again:
            break
        invite = again[0]
    assert seconds < 610
    assert only(out, LegEnded).status == 422


@pytest.mark.parametrize("extra", [(), ("Min-SE: 90",), ("Min-SE: x",), ("Min-SE: 999999999",)])
def test_422_that_helps_nobody_ends_the_leg(extra: tuple[str, ...]) -> None:
    side = Peer()
    assert only(side.packet(response(422, side.dial(), extra=extra), PHONE), LegEnded).status == 422


def talking(side: Peer, *extra: str) -> bytes:
    invite = side.dial()
    side.packet(response(200, invite, body=REPLY, extra=extra), PHONE)
    return invite


def test_phone_without_a_timer_is_asked_by_reinvite() -> None:
    side = Peer()
    talking(side)
    again = first(side.wait(300))
    assert start(again).startswith("INVITE ")
    assert again.endswith(OFFER)
    out = side.packet(response(200, again, body=REPLY), PHONE)
    assert header(first(out), "CSeq") == "2 ACK"
    assert not side.told(OfferAnswered), "the call room did not ask for it"
    assert start(first(side.wait(300))).startswith("INVITE ")


def test_phone_with_update_is_asked_by_update() -> None:
    side = Peer()
    talking(side, UPDATES, "Session-Expires: 200;refresher=uac")
    for number in range(2, 6):
        update = first(side.wait(100))
        assert start(update).startswith("UPDATE ")
        assert header(update, "CSeq") == f"{number} UPDATE"
        assert header(update, "Session-Expires") == "600;refresher=uac"
        assert b"\r\n\r\nv=0" not in update
        extra = ("Session-Expires: 200;refresher=uac",)
        assert side.packet(response(200, update, extra=extra), PHONE) == []


@pytest.mark.parametrize("code", [408, 481])
@pytest.mark.parametrize("lines", [(), (UPDATES,)])
def test_the_phone_no_longer_knows_the_call(code: int, lines: tuple[str, ...]) -> None:
    side = Peer()
    talking(side, *lines)
    out = side.packet(response(code, first(side.wait(300))), PHONE)
    assert only(out, LegEnded) == LegEnded(LegId(900), EndedBy.TIMEOUT, code)
    assert [start(data).partition(" ")[0] for data in transmitted(out)][-1] == "BYE"


@pytest.mark.parametrize("lines", [(), (UPDATES,), (UPDATES, "Session-Expires: 90;refresher=uac")])
def test_the_phone_is_gone(lines: tuple[str, ...]) -> None:
    side = Peer()
    talking(side, *lines)
    out = side.wait(600)
    assert only(out, LegEnded).by is EndedBy.TIMEOUT
    assert sum(side.stack.counts().values()) == 0


def test_other_refusals_say_that_it_is_there() -> None:
    side = Peer()
    talking(side)
    side.packet(response(488, first(side.wait(300))), PHONE)
    assert start(first(side.wait(300))).startswith("INVITE ")
    assert not side.told(LegEnded)


def test_update_that_is_not_taken_after_all_becomes_a_reinvite() -> None:
    side = Peer()
    talking(side, UPDATES, "Session-Expires: 200;refresher=uac")
    side.packet(response(405, first(side.wait(100))), PHONE)
    assert start(first(side.wait(5))).startswith("INVITE ")


def test_refused_refresh_of_a_peer_with_a_timer_is_tried_again_until_the_end() -> None:
    side = Peer()
    talking(side, UPDATES, "Session-Expires: 90;refresher=uac")
    tries = 0
    out = side.wait(45)
    while not side.told(LegEnded):
        tries += 1
        side.packet(response(500, first(out)), PHONE)
        out = side.wait(5)
    assert tries == 3


def test_phone_that_promised_to_refresh_and_does_not() -> None:
    side = Peer()
    invite = talking(side, "Session-Expires: 300;refresher=uas")
    side.wait(200)
    update = from_agent("UPDATE", 1, invite, extra=(TIMER, "Session-Expires: 300;refresher=uac"))
    assert header(side.sent(update, PHONE)[0], "Session-Expires") == "300;refresher=uac"
    assert side.wait(267) == []
    assert only(side.wait(2), LegEnded).by is EndedBy.TIMEOUT


def test_offer_of_ours_waits_for_the_refresh_under_way() -> None:
    side = Peer()
    talking(side)
    again = first(side.wait(300))
    assert side.do(SendOffer(LegId(900), b"v=0 new")) == []
    out = side.packet(response(200, again, body=REPLY), PHONE)
    sent = transmitted(out)
    assert [start(data).partition(" ")[0] for data in sent] == ["ACK", "INVITE"]
    assert sent[1].endswith(b"v=0 new")
    assert only(side.packet(response(200, sent[1], body=REPLY), PHONE), OfferAnswered).status == 200


def test_hang_up_stops_the_clock() -> None:
    side = Peer()
    talking(side)
    side.packet(response(200, first(side.do(Hangup(LegId(900))))), PHONE)
    assert side.wait(10_000) == []
    assert sum(side.stack.counts().values()) == 0


def test_trunk_that_must_know_the_timer() -> None:
    trunk = TrunkSettings(TrunkId("pstn"), ("192.0.2.10/32",), demands=("timer",))
    side = Peer(settings(trunks=(trunk,)))
    reply = side.sent(request("INVITE", 1, "c1", body=OFFER))[-1]
    assert (status(reply), header(reply, "Require")) == (421, "timer")
    side.ring("c2", extra=("k: 100rel, TIMER",))
