"""A ring attempt that ends in unusual ways: whose fault it was decides what becomes of the agent."""

from __future__ import annotations

from tests.call.house import ANNA, FLOW, PSTN, House
from tests.call.house import offer as make_phone_offer

from softswitch.acd import messages as acd
from softswitch.ids import LegId
from softswitch.media import messages as media
from softswitch.sip import messages as sip


def test_a_fault_of_ours_does_not_suspend_her() -> None:
    house = House()
    house.register(ANNA)
    house.to_queue()
    (invite,) = house.ringing()
    house.post(media.MediaLegFailed(invite.leg, "socket error"))
    assert house.state(ANNA) is acd.AgentState.READY


def test_a_phone_that_answers_with_nothing_we_can_hear_suspends_her() -> None:
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.post(sip.InviteAnswered(invite.leg, None))
    assert invite.leg in house.ended_legs
    assert house.state(ANNA) is acd.AgentState.SUSPENDED
    house.bye(leg)
    house.assert_nothing_left()


def test_one_phone_answers_with_nothing_and_the_other_rings_on() -> None:
    house = House()
    house.register(ANNA, contacts=2)
    house.to_queue()
    deaf, good = house.ringing()
    house.post(sip.InviteAnswered(deaf.leg, b"nonsense"))
    house.answer(good)
    assert house.state(ANNA) is acd.AgentState.TALKING


def test_the_phone_gets_one_hop_less_than_the_caller_had() -> None:
    """So that a phone that forwards its calls to our own number does not ring in circles for ever."""
    house = House()
    house.register(ANNA)
    offer = sip.InviteReceived(
        LegId(77), sip.Origin(trunk=PSTN), "+3726310000", "+3725550001", "", make_phone_offer(), FLOW, hops=12
    )
    house.post(offer)
    house.press(LegId(77), "1")
    (invite,) = house.ringing()
    assert invite.hops == 11
