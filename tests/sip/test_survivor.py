"""Legs that outlive their process: whatever the peer sends in a dialog is answered after a restart as before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sip.owners import ownerless
from tests.sip.peer import (
    OFFER,
    PHONE,
    REPLY,
    Peer,
    from_agent,
    header,
    register,
    request,
    response,
    start,
    status,
    tag,
    transmitted,
)
from tests.sip.peer import settings as sip_settings

from softswitch.ids import AgentId, LegId, TrunkId
from softswitch.sip.messages import (
    AckReceived,
    Answer,
    AnswerOffer,
    EndedBy,
    Flow,
    Hangup,
    InfoDigitReceived,
    InviteReceived,
    LegEnded,
    OfferAnswered,
    OfferReceived,
    SendOffer,
    StartInvite,
    StreamReceived,
    Transmit,
    TrunkSettings,
)
from softswitch.sip.survivor import CSEQ_GAP, LegsRestored

ANNA = AgentId("anna")
TIMER = ("Supported: timer", "Session-Expires: 600;refresher=uas", "Allow: INVITE, ACK, BYE, UPDATE")
ROUTED = ("Record-Route: <sip:192.0.2.11;lr>, <sip:192.0.2.11:5070;lr>",)


def next_life(side: Peer, *legs: LegId, away: float = 5.0, **changes: Any) -> Peer:
    """Another process of the same switch, some seconds later, which knows what was kept of these legs."""
    other = Peer(replace(side.settings, **changes), seed=77)
    other.now = side.now + away
    kept = tuple(filter(None, (side.stack.established(leg) for leg in legs)))
    assert len(kept) == len(legs)
    other.do(LegsRestored(kept))
    return other


def called(side: Peer, *extra: str) -> tuple[LegId, str]:
    leg = side.ring("c1", extra=extra)
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    side.packet(request("ACK", 1, "c1", to_tag=ours, branch="ackc1"))
    return leg, ours


# ------------------------------------------------------------------ the same answers as before

METHODS = ("BYE", "INVITE", "INVITE late", "UPDATE", "UPDATE empty", "INFO", "OPTIONS", "REFER", "NOTIFY", "PRACK")
METHODS += ("ACK", "MESSAGE", "PUBLISH")
STEPS = st.lists(st.tuples(st.sampled_from(METHODS), st.integers(0, 3), st.booleans()), min_size=1, max_size=4)


def asked(step: tuple[str, int, bool], at: int, ours: str) -> bytes:
    """One request of the peer in the dialog; the last field of the step: with a wrong tag."""
    words, number, wrong = step
    method = words.split()[0]
    body, kind = b"", "application/sdp"
    if words in ("INVITE", "UPDATE"):
        body = OFFER.replace(b"- 1 1", f"- 1 {at}".encode())
    elif method == "INFO":
        body, kind = b"Signal=5\r\nDuration=160\r\n", "application/dtmf-relay"
    extra = ("Refer-To: <sip:1002@bank.example>",) if method == "REFER" else ("Event: x",)
    tagged = "0" if wrong else ours
    return request(method, 2 + number, "c1", to_tag=tagged, branch=f"s{at}", body=body, kind=kind, extra=extra)


def told(side: Peer, data: bytes) -> list[Any]:
    """What an answer and the call room are told by one request, with the call room's own answer to an offer."""
    out = side.packet(data)
    for offer in [each for each in out if isinstance(each, OfferReceived)]:
        out = out + side.do(AnswerOffer(offer.leg, 200, REPLY))
    room = [each for each in out if isinstance(each, OfferReceived | LegEnded | InfoDigitReceived | AckReceived)]
    return [*[(status(each), header(each, "To"), header(each, "CSeq")) for each in transmitted(out)], *room]


@settings(max_examples=60, deadline=None)
@given(STEPS, STEPS, st.sampled_from([(), TIMER, ROUTED]))
def test_any_request_in_the_dialog_is_answered_as_before(
    before: list[tuple[str, int, bool]], after: list[tuple[str, int, bool]], extra: tuple[str, ...]
) -> None:
    side = Peer()
    leg, ours = called(side, *extra)
    for at, step in enumerate(before):
        told(side, asked(step, at, ours))
        if step[0].startswith("INVITE"):  # an ACK, so that nothing is under way when it is looked at
            side.packet(request("ACK", 2 + step[1], "c1", to_tag=ours, branch=f"a{at}"))
    if side.stack.established(leg) is None:
        return
    other = next_life(side, leg, away=0.0)
    for at, step in enumerate(after, 50):
        data = asked(step, at, ours)
        assert told(other, data) == told(side, data)
    assert not ownerless(other.stack)


def test_what_is_kept_is_all_there_is() -> None:
    """Kept again in the next life, a leg is what it was, but for the gap in our numbers."""
    side = Peer()
    leg, _ = called(side, *ROUTED, *TIMER)
    kept = side.stack.established(leg)
    other = next_life(side, leg)
    assert kept is not None
    assert other.stack.established(leg) == replace(kept, local_seq=kept.local_seq + CSEQ_GAP)
    assert other.stack.call_id(leg) == "c1@gw.example"


# ------------------------------------------------------------------ an incoming leg


def test_bye_of_the_caller_ends_it() -> None:
    side = Peer()
    leg, ours = called(side)
    other = next_life(side, leg)
    assert other.stack.counts()["sessions"] == 1
    answers = other.sent(request("BYE", 2, "c1", to_tag=ours))
    assert [status(each) for each in answers] == [200]
    assert other.told(LegEnded) == [LegEnded(leg, EndedBy.PEER, 200)]
    assert other.stack.counts()["sessions"] == 0
    other.wait(64)
    assert other.stack.counts()["timers"] == 0


def test_our_bye_takes_the_route_and_a_higher_number() -> None:
    side = Peer()
    leg, ours = called(side, *ROUTED)
    other = next_life(side, leg)
    (bye,) = transmitted(other.do(Hangup(leg)))
    assert start(bye).startswith("BYE sip:gw@192.0.2.10:5080")
    assert header(bye, "Route") == "<sip:192.0.2.11;lr>"
    assert tag(header(bye, "From")) == ours
    assert int(header(bye, "CSeq").split()[0]) > CSEQ_GAP


def test_hold_and_our_own_offer() -> None:
    side = Peer()
    leg, ours = called(side)
    other = next_life(side, leg)
    other.packet(request("INVITE", 2, "c1", to_tag=ours, body=OFFER))
    assert other.told(OfferReceived) == [OfferReceived(leg, OFFER)]
    other.do(AnswerOffer(leg, 200, REPLY))
    other.packet(request("ACK", 2, "c1", to_tag=ours, branch="a2"))
    (invite,) = transmitted(other.do(SendOffer(leg, REPLY)))
    assert start(invite).startswith("INVITE sip:gw@192.0.2.10:5080")
    other.packet(response(200, invite, body=OFFER, contact="sip:gw@192.0.2.10:5080"))
    assert other.told(OfferAnswered) == [OfferAnswered(leg, 200, OFFER)]


def test_a_late_copy_of_its_invite_opens_no_second_call() -> None:
    side = Peer()
    leg, _ = called(side)
    other = next_life(side, leg)
    assert [status(each) for each in other.sent(request("INVITE", 1, "c1", body=OFFER))] == [482]
    assert not other.told(InviteReceived)


@pytest.mark.parametrize("first", ["ACK", "BYE", "silence", "hang up"])
def test_200_that_was_not_acknowledged(first: str) -> None:
    side = Peer(sip_settings(session_expires_seconds=0))
    leg = side.ring()
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    other = next_life(side, leg)
    if first == "ACK":
        other.packet(request("ACK", 1, "c1", to_tag=ours, branch="ack"))
        assert other.told(AckReceived) == [AckReceived(leg, None)]
        other.wait(100)
        assert not other.told(LegEnded)
    elif first == "BYE":
        other.packet(request("BYE", 2, "c1", to_tag=ours))
        assert other.told(LegEnded) == [LegEnded(leg, EndedBy.PEER, 200)]
    elif first == "silence":
        other.wait(31)
        assert not other.told(LegEnded)
        other.wait(2)
        assert other.told(LegEnded) == [LegEnded(leg, EndedBy.TIMEOUT, 408)]
    else:
        assert not transmitted(other.do(Hangup(leg))), "no BYE before the ACK"
        assert start(other.sent(request("ACK", 1, "c1", to_tag=ours, branch="ack"))[0]).startswith("BYE ")
    assert not ownerless(other.stack)


# ------------------------------------------------------------------ an outgoing leg


def test_the_phone_that_we_called_goes_on() -> None:
    side = Peer()
    invite = side.dial_and_talk()
    other = next_life(side, LegId(900))
    again = transmitted(other.packet(response(200, invite, body=REPLY), PHONE))
    assert [start(each).split()[0] for each in again] == ["ACK"], "its 2xx comes again: our ACK was lost"
    assert header(again[0], "CSeq") == "1 ACK"
    assert not other.sent(response(200, invite, body=REPLY, to_tag="somebody"), PHONE)
    digits = from_agent("INFO", 5, invite, body=b"Signal=9\r\n", kind="application/dtmf-relay")
    assert [status(each) for each in other.sent(digits, PHONE)] == [200]
    assert other.told(InfoDigitReceived) == [InfoDigitReceived(LegId(900), "9")]
    assert [status(each) for each in other.sent(from_agent("BYE", 5, invite, branch="b"), PHONE)] == [500]
    assert [status(each) for each in other.sent(from_agent("BYE", 6, invite), PHONE)] == [200]
    assert other.told(LegEnded) == [LegEnded(LegId(900), EndedBy.PEER, 200)]


def test_who_is_gone_is_noticed_by_the_refresh() -> None:
    side = Peer()
    side.dial_and_talk()
    other = next_life(side, LegId(900))
    refreshes = [each for each in transmitted(other.wait(13)) if start(each).startswith("INVITE")]
    assert refreshes, "the refresh is ours: it comes soon after the start"
    other.packet(response(481, refreshes[0]), PHONE)
    assert other.told(LegEnded) == [LegEnded(LegId(900), EndedBy.TIMEOUT, 481)]


def test_the_refresh_of_the_peer_is_waited_for_as_long_as_was_agreed() -> None:
    side = Peer()
    leg, _ = called(side, "Supported: timer", "Session-Expires: 300;refresher=uac")
    other = next_life(side, leg)
    other.wait(260)
    assert not other.told(LegEnded)
    other.wait(30)
    assert other.told(LegEnded) == [LegEnded(leg, EndedBy.TIMEOUT, 408)]


# ------------------------------------------------------------------ the rest


def test_a_call_that_rings_or_is_over_is_not_kept() -> None:
    side = Peer()
    leg = side.ring()
    assert side.stack.established(leg) is None
    side.do(Answer(leg, REPLY))
    assert side.stack.established(leg) is not None
    side.do(Hangup(leg))
    assert side.stack.established(leg) is None


def test_keys_are_not_kept() -> None:
    side = Peer()
    leg = side.ring()
    side.do(Answer(leg, REPLY + b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n"))
    kept = side.stack.established(leg)
    assert kept is not None
    assert kept.described == b""


def test_the_trunk_counts_what_it_carries_and_may_be_gone() -> None:
    side = Peer()
    leg, ours = called(side)
    other = next_life(side, leg)
    assert other.stack.load.calls(TrunkId("pstn")) == 1
    without = (TrunkSettings(TrunkId("other"), ("192.0.2.77/32",), host="192.0.2.77"),)
    third = next_life(side, leg, trunks=without)
    assert [status(each) for each in third.sent(request("BYE", 2, "c1", to_tag=ours))] == [200]


def test_a_connection_is_made_anew_or_comes_again() -> None:
    tcp = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.10", 41000), 7)
    side = Peer()
    data = request("INVITE", 1, "c1", flow=tcp, body=OFFER, contact="sip:gw@192.0.2.10:5080;transport=tcp")
    side.do(StreamReceived(tcp, data))
    leg = side.told(InviteReceived)[0].leg
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    side.do(StreamReceived(tcp, request("ACK", 1, "c1", flow=tcp, to_tag=ours, branch="ack")))
    other = next_life(side, leg)
    out = other.do(SendOffer(leg, REPLY))
    assert out[0].flow == Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.10", 5080), -1)
    back = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.10", 52000), 3)
    other.do(StreamReceived(back, request("BYE", 2, "c1", flow=back, to_tag=ours)))
    assert other.told(LegEnded) == [LegEnded(leg, EndedBy.PEER, 200)]


def test_a_phone_that_has_come_back_over_another_connection_is_found_by_its_registration() -> None:
    """Behind a NAT, or in a browser: we cannot connect to it."""
    wss = Flow("wss", ("192.0.2.1", 8443), ("198.51.100.7", 41000), 7)
    side = Peer()
    side.do(StartInvite(LegId(900), "sip:x@df7jal.invalid;transport=ws", wss, "79123456789", "", OFFER, agent=ANNA))
    invite = side.log[-1].data
    side.packet(response(200, invite, body=REPLY, contact="sip:x@df7jal.invalid;transport=ws"), wss)
    other = next_life(side, LegId(900))
    (gone,) = [each for each in other.do(Hangup(LegId(900))) if isinstance(each, Transmit)]
    assert gone.flow.connection == -1, "nobody is there yet"
    back = replace(wss, remote=("198.51.100.7", 52000), connection=3)
    other = next_life(side, LegId(900))
    challenge = other.sent(register(1, transport="WSS"), back)[0]
    saved = other.packet(register(2, transport="WSS", proof=other.proof(challenge)), back)
    other.save(saved)
    byes = [each for each in other.do(Hangup(LegId(900))) if isinstance(each, Transmit)]
    assert [(start(each.data).split()[0], each.flow) for each in byes] == [("BYE", back)]
