"""Agents who call the line themselves: they are busy meanwhile, and are never rung for their own call."""

from __future__ import annotations

from tests.call.house import ANNA, FLOW, MART, House, offer

from softswitch.acd import messages as acd
from softswitch.ids import LegId
from softswitch.sip import messages as sip


def own_call(house: House, leg: int = 900, dialled: str = "+3726310000") -> LegId:
    house.post(sip.InviteReceived(LegId(leg), sip.Origin(agent=ANNA), dialled, "1000", "", offer(), FLOW))
    return LegId(leg)


def test_she_is_not_rung_for_her_own_call() -> None:
    house = House()
    house.register(ANNA, MART)
    leg = own_call(house)
    house.press(leg, "1")
    assert house.rung() == [MART]
    house.bye(leg)
    assert house.state(ANNA) is acd.AgentState.READY
    house.assert_nothing_left()


def test_she_is_not_rung_while_she_calls() -> None:
    house = House()
    house.register(ANNA)
    leg = own_call(house)
    house.to_queue()
    assert house.rung() == []
    house.bye(leg)
    assert house.rung() == [ANNA]


def test_the_last_of_two_calls_counts() -> None:
    house = House()
    house.register(ANNA)
    first, second = own_call(house), own_call(house, 901)
    house.to_queue()
    house.bye(first)
    assert house.rung() == []
    house.bye(second)
    assert house.rung() == [ANNA]


def test_she_logs_in_by_code_and_is_rung_when_her_phone_is_free_again() -> None:
    house = House()
    house.register(ANNA)
    house.post(acd.AgentWentOnBreak(ANNA))
    house.to_queue()
    leg = own_call(house, dialled="*13")
    assert house.rung() == []
    house.prompt_over(leg)
    assert house.rung() == [ANNA]


def test_a_call_of_hers_that_was_refused_leaves_her_ready() -> None:
    house = House()
    house.register(ANNA)
    own_call(house, dialled="+3729999999")
    assert house.state(ANNA) is acd.AgentState.READY


def test_ready_by_code_is_true_also_after_a_log_out_by_code() -> None:
    """She is told that she is ready: then she must be."""
    house = House()
    house.register(ANNA)
    house.post(acd.AgentLoggedOut(ANNA))
    leg = own_call(house, dialled="*13")
    assert house.heard(leg) == ["now_ready"]
    house.prompt_over(leg)
    assert house.state(ANNA) is acd.AgentState.READY
