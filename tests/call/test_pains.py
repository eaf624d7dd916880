"""What users of other switches suffer in their calls, each as a test that ours does not do it to them."""

from __future__ import annotations

import pytest
from tests.call.house import ANNA, EVERYDAY, MART, House, make_settings

from softswitch.acd import messages as acd
from softswitch.call import records
from softswitch.call.orders import PassCaller
from softswitch.media import messages as media
from softswitch.sip import messages as sip


def test_pain_07_no_announcement_delays_a_connect() -> None:
    """In the step of her answer: what he hears is stopped, and the two are bridged."""
    house = House()
    house.register(ANNA)
    house.post(acd.AgentWentOnBreak(ANNA))
    leg = house.to_queue()
    assert house.heard(leg)[0] == "Welcome." and "Please wait." in house.heard(leg)
    house.post(acd.AgentWentReady(ANNA))
    (ring,) = house.ringing()
    before, now = len(house.sent), house.now
    house.answer(ring)
    kinds = [type(each) for each in house.sent[before:]]
    assert kinds.index(media.StopPlay) < kinds.index(media.Bridge)
    assert house.now == now


def test_pain_11_nobody_is_in_a_call_for_ever_after_a_lost_bye() -> None:
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    house.answer(house.ringing()[0])
    house.wait(30)
    house.post(media.RtpSilent(leg, 30.0))  # his BYE was lost: no audio comes any more
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    assert any("cause=41" in (each.reason or "") for each in house.of(sip.Hangup))
    house.wait(10)
    assert house.state(ANNA) is acd.AgentState.READY
    house.assert_nothing_left()


@pytest.mark.parametrize("status", [486, 480, 503, 603])
def test_pain_13_an_agent_who_rejects_is_not_rung_again_at_once_and_he_stays(status: int) -> None:
    house = House()
    house.register(ANNA, MART)
    leg = house.to_queue()
    first = house.rung()
    house.refuse(house.ringing()[0], status)
    assert house.rung() != first and leg not in house.ended_legs


def test_pain_14_no_phone_rings_after_its_caller_has_left() -> None:
    house = House(make_settings(ring_at_once=0))
    house.register(ANNA, contacts=2)
    house.register(MART)
    leg = house.to_queue()
    assert len(house.ringing()) == 3
    house.bye(leg)
    assert house.ringing() == []
    house.assert_nothing_left()


def test_pain_09_every_bridge_is_a_row_also_through_a_pass() -> None:
    house = House()
    house.register(ANNA, MART)
    leg = house.to_queue()
    for _ in range(2):
        house.answer(house.ringing()[0])
        house.wait(20)
        house.post(PassCaller(house.interaction_of(leg), EVERYDAY))
    house.bye(leg)
    talks = house.of(records.TalkRecord)
    assert [each.seconds for each in talks] == [20.0, 20.0] and len({each.attempt for each in talks}) == 2
    assert house.of(acd.InteractionEnded)[-1].outcome is acd.Outcome.ABANDONED, "he hung up while he waited again"


def test_pain_19_a_call_back_is_the_same_entry_and_loses_no_place() -> None:
    house = House(make_settings(call_back=acd.CallBackRule(customer_first=True, ask_customer=False)))
    house.register(ANNA)
    house.to_queue("+3725550009")
    house.answer(house.ringing()[0])
    his = house.to_queue("+3725550001")
    interaction = house.interaction_of(his)
    place = house.engine.floor.entries[interaction].place
    house.post(acd.CallBackRequested(interaction, EVERYDAY, "+3725550001", None, "en"))
    house.wait(5)
    house.to_queue("+3725550002")
    assert house.engine.floor.entries[interaction].place == place
    assert house.engine.floor.queues[EVERYDAY].line[0] == place


def test_pain_22_a_key_that_comes_both_ways_is_one_key() -> None:
    """RFC 4733 and INFO from the same phone: what one way has told does not count again."""
    house = House()
    house.register(ANNA)
    leg = house.call()
    house.post(media.DigitReceived(leg, "2", 100))
    house.post(sip.InfoDigitReceived(leg, "2"))
    for digit in "1234":
        house.post(media.DigitReceived(leg, digit, 100))
        house.post(sip.InfoDigitReceived(leg, digit))
    house.press(leg, "1")
    assert house.of(records.InteractionQueued)[-1].customer == "1234"
