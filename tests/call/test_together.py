"""Several agents' phones ring for one caller: the first answer is connected, every other phone is released."""

from __future__ import annotations

import pytest
from tests.call.house import ANNA, LI, MART, House, make_settings, offer

from softswitch.acd import messages as acd
from softswitch.media import messages as media
from softswitch.sip import messages as sip


def together(at_once: int = 0, contacts: int = 1) -> House:
    house = House(make_settings(ring_at_once=at_once))
    house.register(ANNA, MART, LI, contacts=contacts)
    return house


def reasons(house: House) -> dict[int, str]:
    return {each.leg: each.reason or "" for each in house.of(sip.Hangup)}


def test_all_phones_ring_and_the_first_answer_wins() -> None:
    house = together(contacts=2)
    house.to_queue()
    invites = house.ringing()
    assert sorted(house.rung()) == sorted([ANNA, MART, LI] * 2)
    house.answer(invites[3])
    assert len(house.of(media.Bridge)) == 1
    assert house.state(MART) is acd.AgentState.TALKING
    gone = reasons(house)
    assert set(gone) == {each.leg for at, each in enumerate(invites) if at != 3}
    # RFC 3326: a call that was taken elsewhere is no missed call
    assert all("cause=200" in reason for reason in gone.values())
    assert house.state(ANNA) is house.state(LI) is acd.AgentState.READY


@pytest.mark.parametrize("winner", range(3))
def test_two_answers_cross_and_one_is_connected(winner: int) -> None:
    """Both 200s are there before the switch has said anything to anybody."""
    house = together()
    leg = house.to_queue()
    invites = house.ringing()
    other = (winner + 1) % 3
    house.ended_legs.add(invites[other].leg)  # its CANCEL crosses its 200
    for each in (invites[winner], invites[other]):
        house._queue.append(sip.InviteAnswered(each.leg, offer()))
    house.wait(0.0)
    house.post(media.PortsLeased(()))
    assert len(house.of(media.Bridge)) == 1
    assert [each.attempt for each in house.of(acd.RefuseAnswer)] != []
    assert invites[other].leg in reasons(house)
    house.post(sip.LegEnded(invites[other].leg, sip.EndedBy.US, 200))
    house.bye(leg)
    house.wait(120.0)
    house.assert_nothing_left()


def test_the_caller_hangs_up_and_every_phone_stops() -> None:
    house = together(contacts=2)
    leg = house.to_queue()
    invites = house.ringing()
    house.bye(leg)
    assert set(reasons(house)) == {each.leg for each in invites}
    assert house.calls.sessions == {}
    house.assert_nothing_left()


def test_a_refusal_of_one_does_not_stop_the_others() -> None:
    house = together()
    house.to_queue()
    anna, mart, li = house.ringing()
    house.refuse(anna)
    house.refuse(mart, 480)
    assert house.rung() == [LI]
    house.answer(li)
    assert house.state(LI) is acd.AgentState.TALKING


def test_the_winner_hangs_up_at_once_and_the_caller_goes_back_into_the_line() -> None:
    house = together()
    leg = house.to_queue()
    anna, _, _ = house.ringing()
    house._queue.append(sip.InviteAnswered(anna.leg, offer()))
    house._queue.append(sip.LegEnded(anna.leg, sip.EndedBy.PEER, 200))
    house.ended_legs.add(anna.leg)
    house.post(media.PortsLeased(()))
    assert sorted(house.rung()) == sorted([MART, LI])
    house.answer(house.ringing()[0])
    assert house.session_of(leg).talk is not None
