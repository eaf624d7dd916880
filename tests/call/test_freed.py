"""A supervisor frees an agent whose call hangs: her leg is released, and a caller who is still there is not lost."""

from __future__ import annotations

from tests.call.house import ANNA, MART, House

from softswitch.acd import messages as acd
from softswitch.sip import messages as sip


def test_the_caller_who_is_still_there_goes_back_into_the_line() -> None:
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.answer(invite)
    house.wait(300.0)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(ANNA, "dead line"))
    house.post(acd.AgentFreed(ANNA, "kadri", "dead line"))
    assert house.engine.floor.entries[house.interaction_of(leg)].place[0] == house.now, "the talk is no wait"
    assert invite.leg in {each.leg for each in house.of(sip.Hangup)}
    assert house.session_of(leg) is not None
    assert house.ringing() != []
    house.answer(house.ringing()[0])
    assert house.session_of(leg).talk is not None
    house.bye(leg)
    house.wait(60.0)
    house.assert_nothing_left()


def test_a_call_that_nobody_holds_any_more_leaves_nothing_behind() -> None:
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    house.answer(house.ringing()[0])
    house.post(acd.AgentFreed(ANNA, "kadri", "lost BYE"))
    house.bye(leg)
    house.wait(60.0)
    house.assert_nothing_left()
    assert house.state(ANNA) is acd.AgentState.READY
