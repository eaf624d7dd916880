"""Department to department: what stays with the caller, what the agent does next, and when it is enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.call.house import ANNA, EVERYDAY, LI, MART, House, offer
from tests.call.test_ways_out import LOANS, busy, line

from softswitch.acd import messages as acd
from softswitch.call import records
from softswitch.call.orders import PassCaller
from softswitch.call.settings import CALL_BACK, Customer, QueueWays
from softswitch.ids import CustomerId
from softswitch.ivr.messages import Target
from softswitch.media import messages as media
from softswitch.sip import messages as sip


def served(ways: QueueWays | None = None, **queue: Any) -> tuple[House, int]:
    """Anna talks with a caller who has entered 1234 and waited 30 seconds."""
    house = House(line(ways or QueueWays(), **queue))
    house.register(ANNA)
    other = house.to_queue("+3725550009")
    house.answer(house.ringing()[0])
    leg = house.call()
    house.press(leg, "212341")
    house.wait(20)
    house.bye(other)
    house.wait(10)
    house.answer(house.ringing()[0])
    house.wait(60)
    return house, leg


def pass_on(house: House, leg: int, queue: str = LOANS, note: str = "a loan") -> None:
    house.post(PassCaller(house.interaction_of(leg), queue, note))  # type: ignore[arg-type]


def test_he_keeps_his_context_and_his_wait_and_she_goes_into_wrap_up() -> None:
    house, leg = served()
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    entered_before = house.now
    pass_on(house, leg)
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    queued = house.of(records.InteractionQueued)[-1]
    assert (queued.queue, queued.customer, queued.entered) == (LOANS, "1234", {"number": "1234"})
    assert queued.because == "passed on by anna: a loan"
    entry = house.engine.floor.entries[house.interaction_of(leg)]
    assert entry.place[0] == entered_before - 30.0, "the talk is no wait"
    assert entry.facts.passes == 1
    assert house.session_of(leg).waiting.notes[-1] == "passed on by anna: a loan (pass 1)"
    assert leg not in house.ended_legs
    assert house.of(media.Unbridge)
    (talk,) = [each for each in house.of(records.TalkRecord) if each.customer == "1234"]
    assert (talk.agent, talk.seconds) == (ANNA, 60.0)


def test_the_colleague_takes_him_and_both_talk() -> None:
    house, leg = served()
    house.register(MART)
    pass_on(house, leg)
    (invite,) = house.ringing()
    assert house.rung() == [MART]
    house.answer(invite)
    assert house.of(media.Bridge)[-1] == media.Bridge(leg, invite.leg)
    house.wait(20)
    house.bye(leg)
    assert house.state(MART) is acd.AgentState.WRAP_UP
    house.wait(60)
    house.assert_nothing_left()


def test_he_is_not_led_back_to_who_passed_him_on() -> None:
    house, leg = served()
    house.register(LI)
    pass_on(house, leg, EVERYDAY)
    assert house.rung() == [LI]
    assert house.of(acd.OfferChoice) == []


def test_after_too_many_passes_a_supervisor_gets_him() -> None:
    ways = QueueWays(most_passes=1, after_passes=Target(queue="loans", because="too often"))
    house, leg = served(ways)
    house.register(LI)
    pass_on(house, leg, EVERYDAY)
    house.answer(house.ringing()[0])
    house.wait(5)
    house.register(MART)
    pass_on(house, leg, EVERYDAY)
    assert house.rung() == [MART]
    assert house.of(records.InteractionQueued)[-1].queue == LOANS


def test_a_flow_can_be_the_end_of_passing() -> None:
    house, leg = served(QueueWays(most_passes=1, after_passes=Target(flow="leave")))
    house.register(LI)
    pass_on(house, leg, EVERYDAY)
    house.answer(house.ringing()[0])
    pass_on(house, leg, EVERYDAY)
    assert house.heard(leg)[-1] == "Leave a message."


def test_who_is_not_talked_with_cannot_be_passed_on() -> None:
    house, leg = served()
    waiting = house.to_queue("+3725550007")
    pass_on(house, waiting)
    assert [each.queue for each in house.engine.waiting()] == [EVERYDAY]
    house.bye(leg)
    house.post(PassCaller(7, LOANS, ""))  # type: ignore[arg-type]


def test_he_hangs_up_while_he_waits_for_the_next_department() -> None:
    house, leg = served(sticky=None)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    pass_on(house, leg)
    house.bye(leg)
    assert house.of(acd.InteractionEnded)[-1].outcome is acd.Outcome.ABANDONED
    house.wait(100)
    house.assert_nothing_left()


def test_after_her_wrap_up_she_is_rung_for_others() -> None:
    house, leg = served(sticky=None)
    house.register(MART)
    pass_on(house, leg)
    next_one = house.to_queue("+3725550008")
    assert house.rung() == [MART], "she has her wrap-up first"
    house.wait(10)
    assert ANNA in house.rung()
    assert next_one not in house.ended_legs


def test_his_banker_who_passed_him_on_is_not_asked_for_again() -> None:
    rule = acd.StickyRule(talked_at_least_seconds=5.0, named_banker=True)
    settings = line(QueueWays(), sticky=rule)
    customers = {CustomerId("1234"): Customer(banker=ANNA)}
    house = House(replace(settings, call=replace(settings.call, customers=customers)))
    house.register(ANNA)
    leg = house.call()
    house.press(leg, "212341")
    house.answer(house.ringing()[0])
    house.wait(60)
    house.register(LI)
    pass_on(house, leg, EVERYDAY)
    assert house.of(acd.OfferChoice) == []
    assert house.rung() == [LI]


def test_a_question_that_her_answer_cut_short_is_not_answered_by_the_next_flow() -> None:
    """He is being asked for his number when Anna takes him; later she passes him on, into a flow."""
    ways = QueueWays(
        keys={"1": CALL_BACK}, ask_number=True, numbers=("+372",), most_passes=0, after_passes=Target(flow="leave")
    )
    house = House(line(ways))
    other = busy(house)
    leg = house.to_queue()
    house.wait(30)
    house.press(leg, "1")
    assert house.heard(leg)[-1] == "1 or 2."
    house.bye(other)
    house.wait(10)
    house.answer(house.ringing()[0])
    house.wait(60)
    pass_on(house, leg)
    assert house.heard(leg)[-1] == "Leave a message."
    house.prompt_over(leg)
    assert house.heard(leg)[-1] == "Leave a message."
    assert house.of(sip.Hangup)[-1].leg == leg
    house.wait(60)
    house.assert_nothing_left()


def test_a_key_that_crossed_her_answer_leads_nowhere_later() -> None:
    house = House(line(QueueWays(keys={"9": Target(flow="leave")})))
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house._queue.append(sip.InviteAnswered(invite.leg, offer()))
    house.press(leg, "9")
    assert house.state(ANNA) is acd.AgentState.TALKING
    house.post(acd.AgentWentOnBreak(ANNA, "dead line"))
    house.post(acd.AgentFreed(ANNA, "kadri", "dead line"))
    house.press(leg, "9")
    assert house.heard(leg)[-1] == "Leave a message."
