"""Peers that let us make the offer (an INVITE or re-INVITE without SDP): their answer comes with the ACK."""

from __future__ import annotations

from tests.call.house import ANNA, FLOW, House, offer

from softswitch.media import messages as media
from softswitch.media.sdp import parse
from softswitch.sip import messages as sip


def test_late_hold_and_resume_in_a_conversation() -> None:
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.answer(invite)
    house.post(sip.OfferReceived(invite.leg, None))
    house.post(sip.AckReceived(invite.leg, offer().replace(b"a=sendrecv", b"a=inactive")))
    assert not house.of(media.SetRemote)[-1].send
    assert house.heard(leg)[-1] == "music:calm"
    house.post(sip.OfferReceived(invite.leg, None))
    house.post(sip.AckReceived(invite.leg, offer()))
    assert house.of(media.SetRemote)[-1].send
    assert house.of(media.StopPlay)[-1].leg == leg


def test_a_feature_code_dialled_with_a_late_offer_is_heard() -> None:
    house = House()
    house.register(ANNA)
    house.post(sip.InviteReceived(900, sip.Origin(agent=ANNA), "*13", "1000", "", None, FLOW))  # type: ignore[arg-type]
    house.post(sip.AckReceived(900, offer()))  # type: ignore[arg-type]
    assert [each.leg for each in house.of(media.SetRemote)] == [900]


def test_an_ack_without_the_answer_ends_the_call() -> None:
    """Nobody could hear anybody: the caller would wait for an agent who hears nothing."""
    house = House()
    leg = house.call(sdp=None)
    house.post(sip.AckReceived(leg, None))
    assert leg in house.ended_legs
    house.assert_nothing_left()


def test_a_description_that_nobody_asked_for_is_not_looked_at() -> None:
    house = House(acknowledges=False)
    leg = house.call()
    house.post(sip.AckReceived(leg, offer()))
    assert house.heard(leg) == ["Welcome."]


def test_our_offer_to_a_video_phone_keeps_its_video_refused() -> None:
    """RFC 3264 8: a later offer has as many streams as the one before, each in its place."""
    house = House()
    house.register(ANNA)
    leg = house.call(sdp=offer().replace(b"m=audio", b"m=video 4000 RTP/AVP 97\r\nm=audio"))
    house.post(sip.OfferReceived(leg, None))
    described = parse(house.of(sip.AnswerOffer)[-1].sdp or b"").media
    assert [(each.kind, each.port > 0) for each in described] == [("video", False), ("audio", True)]
    moved = offer().replace(b"m=audio 30000", b"m=video 0 RTP/AVP 97\r\nm=audio 31000")
    house.post(sip.AckReceived(leg, moved))
    assert house.of(media.SetRemote)[-1].port == 31000
    assert leg not in house.ended_legs
