"""A conversation whose audio stops."""

from __future__ import annotations

from tests.call.house import ANNA, House, offer

from softswitch.media import messages as media
from softswitch.sip import messages as sip


def test_a_customer_whose_line_dies_on_hold_does_not_hold_her_for_ever() -> None:
    """The media process tells the silence of a leg once: when she resumes, nobody would tell it again."""
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.answer(invite)
    house.post(sip.OfferReceived(invite.leg, offer().replace(b"a=sendrecv", b"a=sendonly")))
    house.wait(30)
    house.post(media.RtpSilent(leg, 30.0))
    assert leg in house.ended_legs
    assert invite.leg in house.ended_legs


def test_she_answers_a_customer_who_has_put_us_on_hold_and_hears_that_he_has() -> None:
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.post(sip.OfferReceived(leg, offer().replace(b"a=sendrecv", b"a=sendonly")))
    house.answer(invite)
    assert house.heard(invite.leg) == ["music:calm"]
    house.post(sip.OfferReceived(leg, offer()))
    assert house.of(media.StopPlay)[-1].leg == invite.leg
