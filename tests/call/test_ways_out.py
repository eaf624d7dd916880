"""Out of the line by a key, and every way into a call-back: what is said, what is kept, what crosses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from tests.call.house import ANNA, EVERYDAY, MART, House, make_settings, text

from softswitch.acd import messages as acd
from softswitch.call import records
from softswitch.call.settings import CALL_BACK, CallBackTexts, Hours, QueueWays, Settings
from softswitch.ids import FlowId, LegId, QueueId
from softswitch.ivr.messages import Flow, SayStep, Target
from softswitch.sip import messages as sip

LOANS = QueueId("loans")
TWO = "+3725550002"
SAYS = {
    "offer_call_back": "Called back? Press 1.",
    "call_back_offer": "To be called back, press 1.",
    "closed": "We are closed.",
    "full": "Very many wait.",
    "number_right": "Your number is {caller}? 1 or 2.",
    "number_other": "Enter a number.",
    "promised": "We call by {time}.",
    "promised_today": "We call today from {time}.",
    "promised_tomorrow": "We call tomorrow from {time}.",
    "promised_next_day": "We call on a working day from {time}.",
    "ask_customer": "To talk to us now: 1.",
    "customer_hold": "I connect you.",
    "nobody_after_all": "We call again.",
}


def line(ways: QueueWays, hours: Mapping[str, Hours] | None = None, **queue: Any) -> Settings:
    """The small line with ways out, a second queue (loans, Mart's alone) and a flow (leave)."""
    settings = make_settings(**queue)
    everyday = settings.acd.queues[0]
    loans = replace(everyday, id=LOANS, name="Loans", most_waiting=None)
    agents = tuple(
        replace(each, queues=(EVERYDAY, LOANS) if each.id == MART else each.queues) for each in settings.acd.agents
    )
    assert set(SAYS) == {field.name for field in fields(CallBackTexts)} - {"machine", "message"}
    texts = replace(
        settings.call.queue_texts[EVERYDAY],
        ways=ways,
        call_back_texts=CallBackTexts(**{name: text(said) for name, said in SAYS.items()}),
    )
    plain = replace(texts, ways=QueueWays())
    leave = Flow(FlowId("leave"), (SayStep("", text("Leave a message.")),))
    call = replace(
        settings.call,
        queue_texts={EVERYDAY: texts, LOANS: plain},
        flows={**settings.call.flows, leave.id: leave},
        hours=dict(hours or {}),
    )
    return replace(settings, acd=replace(settings.acd, queues=(everyday, loans), agents=agents), call=call)


def busy(house: House, caller: str = TWO) -> LegId:
    """Anna alone is there, and talks."""
    house.register(ANNA)
    leg = house.to_queue(caller)
    house.answer(house.ringing()[0])
    return leg


KEYS = QueueWays(
    keys={"0": Target(queue="loans", because="pressed 0"), "9": Target(flow="leave"), "8": Target(hang_up=True)}
)


def test_a_key_leads_into_another_queue_with_the_time_waited() -> None:
    house = House(line(KEYS))
    busy(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "coffee"))
    leg = house.to_queue()
    house.wait(30)
    house.press(leg, "0")
    first, second = house.of(records.InteractionQueued)[-2:]
    assert (first.queue, second.queue, second.because) == (EVERYDAY, LOANS, "pressed 0")
    (waiting,) = [each for each in house.engine.waiting() if each.queue == LOANS]
    assert house.engine.floor.entries[waiting.interaction].place[0] == pytest.approx(house.now - 30)
    ended = house.of(acd.InteractionEnded)[-1]
    assert ended.outcome is acd.Outcome.WENT_ON
    house.post(acd.AgentWentReady(MART))
    assert house.rung() == [MART]


def test_a_key_interrupts_what_he_hears_and_leads_into_a_flow() -> None:
    house = House(line(KEYS))
    busy(house)
    leg = house.to_queue()
    assert house.heard(leg)[-2:] == ["You are number", "one."] or "Please wait." in house.heard(leg)
    house.press(leg, "9")
    assert house.heard(leg)[-1] == "Leave a message."
    house.prompt_over(leg)
    assert house.of(sip.Hangup)[-1].leg == leg


def test_a_key_that_hangs_up_says_goodbye() -> None:
    house = House(line(KEYS))
    busy(house)
    leg = house.to_queue()
    house.press(leg, "8")
    assert house.heard(leg)[-1] == "goodbye"
    house.prompt_over(leg)
    assert house.of(sip.Hangup)[-1].leg == leg


def test_a_key_while_she_rings_stops_the_ring() -> None:
    house = House(line(KEYS))
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.press(leg, "9")
    assert invite.leg in house.ended_legs
    assert house.state(ANNA) is acd.AgentState.READY
    assert house.heard(leg)[-1] == "Leave a message."


def test_a_key_that_crosses_her_answer_does_not_tear_them_apart() -> None:
    """Both are in the queue together: he is connected, and his key means nothing any more."""
    house = House(line(KEYS))
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    session = house.session_of(leg)
    house.engine.handle(acd.AgentAnswered(next(iter(session.rings))), house.now)  # its Connect is under way
    house.press(leg, "0")
    assert house.of(acd.OverflowCaller) == []
    assert house.engine.waiting() == ()
    assert invite.leg not in house.ended_legs


def test_any_other_key_means_nothing() -> None:
    house = House(line(KEYS))
    busy(house)
    leg = house.to_queue()
    house.press(leg, "123456#*")
    assert len(house.engine.waiting()) == 1
    assert house.of(acd.OverflowCaller) == []


# ------------------------------------------------------------------ her own line


def waits_for_anna(house: House) -> tuple[LegId, LegId]:
    """A has talked to Anna, who talks to B; A chose to wait for her."""
    house.register(ANNA)
    a = house.to_queue()
    house.answer(house.ringing()[0])
    house.wait(30)
    house.bye(a)
    house.wait(11)
    b = house.to_queue(TWO)
    house.answer(house.ringing()[0])
    a = house.to_queue()
    house.press(a, "1")
    return a, b


def test_from_her_line_a_colleague_is_a_key_away() -> None:
    house = House(line(QueueWays()))
    a, _ = waits_for_anna(house)
    house.register(MART)
    assert house.rung() == []
    house.press(a, "2")
    assert house.rung() == [MART]


def test_from_her_line_a_call_back_is_a_key_away_and_hers() -> None:
    house = House(line(QueueWays()))
    a, b = waits_for_anna(house)
    house.press(a, "3")
    (promise,) = house.of(acd.SavePromise)
    assert promise.agent == ANNA
    assert "calls you by" in house.heard(a)
    house.prompt_over(a)
    house.bye(b)
    house.wait(10)
    assert house.rung() == [ANNA]


# ------------------------------------------------------------------ in the line


IN_LINE = QueueWays(keys={"1": CALL_BACK}, offer_call_back_seconds=60.0)


def test_the_call_back_is_offered_after_its_time_and_keeps_the_place() -> None:
    house = House(line(IN_LINE))
    b = busy(house)
    leg = house.to_queue()
    house.wait(59)
    assert "Called back? Press 1." not in house.heard(leg)
    house.wait(1)
    assert house.heard(leg)[-1] == "Called back? Press 1."
    house.prompt_over(leg)
    later = house.to_queue("+3725550003")
    house.press(leg, "1")
    assert any(said.startswith("We call by") for said in house.heard(leg))
    house.prompt_over(leg)
    assert leg in house.ended_legs
    house.bye(b)
    house.wait(10)
    assert house.rung() == [ANNA]
    house.answer(house.ringing()[0])
    (to_customer,) = house.ringing()
    assert to_customer.target == "sip:+3725550001@127.0.0.2:5080", "he came before the other one"
    house.answer(to_customer)
    assert house.of(acd.PromiseChanged)[-1].state is acd.PromiseState.KEPT
    assert later not in house.ended_legs


def test_any_colleague_keeps_a_promise_of_the_queue() -> None:
    house = House(line(IN_LINE))
    busy(house)
    leg = house.to_queue()
    house.press(leg, "1")
    house.prompt_over(leg)
    house.register(MART)
    assert house.rung() == [MART]


def test_a_store_that_cannot_save_leaves_him_in_the_line() -> None:
    house = House(line(IN_LINE))
    busy(house)
    leg = house.to_queue()
    house.store_answers = False
    house.press(leg, "1")
    house.post(acd.PromiseSaved(house.of(acd.SavePromise)[0].promise, False))
    assert leg not in house.ended_legs
    assert [each.stage for each in house.engine.waiting()] == ["waiting"]


def test_a_key_pressed_while_it_is_saved_was_not_obeyed_and_the_next_one_is() -> None:
    house = House(line(QueueWays(keys={"1": CALL_BACK, "0": Target(queue="loans")})))
    busy(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "coffee"))
    leg = house.to_queue()
    house.store_answers = False
    house.press(leg, "1")
    house.press(leg, "0")
    house.post(acd.PromiseSaved(house.of(acd.SavePromise)[0].promise, False))
    assert [each.queue for each in house.engine.waiting()] == [EVERYDAY]
    house.press(leg, "0")
    assert [each.queue for each in house.engine.waiting()] == [LOANS]


def test_a_caller_without_a_number_stays_in_the_line() -> None:
    house = House(line(IN_LINE))
    busy(house)
    leg = house.to_queue("anonymous")
    house.press(leg, "1")
    assert house.of(acd.SavePromise) == []
    assert [each.stage for each in house.engine.waiting()] == ["waiting"]


ASK = QueueWays(keys={"1": CALL_BACK}, ask_number=True, numbers=("+372", "5"))


def test_the_number_is_read_back_and_confirmed() -> None:
    house = House(line(ASK))
    busy(house)
    leg = house.to_queue()
    house.press(leg, "1")
    assert "Your number is" in house.heard(leg)
    assert house.of(acd.SavePromise) == []
    house.press(leg, "1")
    (promise,) = house.of(acd.SavePromise)
    assert promise.caller == "+3725550001"


def test_another_number_can_be_keyed_in() -> None:
    house = House(line(ASK))
    busy(house)
    leg = house.to_queue()
    house.press(leg, "12")
    assert house.heard(leg)[-1] == "Enter a number."
    house.press(leg, "5123456#")
    (promise,) = house.of(acd.SavePromise)
    assert promise.caller == "5123456"


def test_nobody_makes_us_dial_the_world() -> None:
    house = House(line(ASK))
    busy(house)
    leg = house.to_queue()
    house.press(leg, "12")
    house.press(leg, "0088213123456#")
    assert house.of(acd.SavePromise) == []
    assert [each.stage for each in house.engine.waiting()] == ["waiting"]
    assert house.heard(leg)[-1] == "music:calm"


def test_she_answers_while_he_is_asked_for_his_number() -> None:
    house = House(line(ASK))
    b = busy(house)
    leg = house.to_queue()
    house.press(leg, "1")
    house.bye(b)
    house.wait(10)
    (invite,) = house.ringing()
    house.press(leg, "1")  # the number is right: but she rings already
    assert house.of(acd.SavePromise) == []
    house.answer(invite)
    assert house.state(ANNA) is acd.AgentState.TALKING
    assert leg not in house.ended_legs


def test_the_choice_of_a_call_back_asks_for_the_number_too() -> None:
    house = House(line(replace(ASK, keys={})))
    a, _ = waits_for_anna(house)
    house.bye(a)
    c = house.to_queue()
    house.press(c, "3")
    assert "Your number is" in house.heard(c)
    assert house.of(acd.SavePromise) == []
    house.press(c, "1")
    (promise,) = house.of(acd.SavePromise)
    assert (promise.agent, promise.caller) == (ANNA, "+3725550001")


def test_who_wants_no_call_back_after_all_goes_to_a_colleague() -> None:
    house = House(line(replace(ASK, keys={})))
    a, _ = waits_for_anna(house)
    house.bye(a)
    house.register(MART)
    c = house.to_queue()
    house.press(c, "32")
    house.press(c, "0088213123456#")
    assert house.rung() == [MART]


# ------------------------------------------------------------------ nobody there, closed, full


def test_nobody_is_there_and_he_is_called_back() -> None:
    house = House(line(QueueWays(nobody=CALL_BACK)))
    leg = house.to_queue()
    assert house.heard(leg)[-1] == "Nobody is here."
    house.prompt_over(leg)
    assert house.heard(leg)[-1] == "To be called back, press 1."
    house.press(leg, "1")
    assert any(said.startswith("We call by") for said in house.heard(leg))
    house.prompt_over(leg)
    house.register(ANNA)
    assert house.rung() == [ANNA]
    house.answer(house.ringing()[0])
    house.answer(house.ringing()[0])
    assert house.of(acd.PromiseChanged)[-1].state is acd.PromiseState.KEPT


def test_nobody_is_there_and_he_does_not_want_to_be_called_back() -> None:
    house = House(line(QueueWays(nobody=CALL_BACK)))
    leg = house.to_queue()
    house.press(leg, "2")
    assert house.heard(leg)[-1] == "goodbye"
    house.prompt_over(leg)
    assert leg in house.ended_legs
    house.assert_nothing_left()


def test_he_hangs_up_while_it_is_saved_and_is_called_back() -> None:
    house = House(line(QueueWays(nobody=CALL_BACK)))
    leg = house.to_queue()
    house.store_answers = False
    house.press(leg, "1")
    house.bye(leg)
    house.post(acd.PromiseSaved(house.of(acd.SavePromise)[0].promise, True))
    house.register(ANNA)
    assert house.rung() == [ANNA]


def test_a_promise_that_cannot_be_saved_is_not_told() -> None:
    house = House(line(QueueWays(nobody=CALL_BACK)))
    leg = house.to_queue()
    house.store_answers = False
    house.press(leg, "1")
    house.post(acd.PromiseSaved(house.of(acd.SavePromise)[0].promise, False))
    assert not any(said.startswith("We call by") for said in house.heard(leg))
    assert house.heard(leg)[-1] == "Nobody is here."
    house.prompt_over(leg)
    assert leg in house.ended_legs
    house.assert_nothing_left()


CALENDAR = {"office": Hours("office", (((9 * 60, 17 * 60),),) * 5 + ((), ()))}


def test_a_closed_queue_offers_to_call_back() -> None:
    house = House(
        line(QueueWays(hours="office", closed=CALL_BACK), {"office": replace(CALENDAR["office"], weekly=((),) * 7)})
    )
    house.register(ANNA)
    leg = house.to_queue()
    assert house.heard(leg)[-1] == "We are closed."
    assert house.rung() == []
    house.bye(leg)
    assert house.of(records.InteractionClosed)[-1].outcome == "menu"
    house.assert_nothing_left()


def test_a_closed_queue_leads_elsewhere() -> None:
    house = House(line(QueueWays(hours="office", closed=Target(queue="loans")), {"office": Hours("office", ((),) * 7)}))
    house.register(MART)
    house.to_queue()
    assert house.rung() == [MART]
    assert [each.queue for each in house.of(records.InteractionQueued)] == [LOANS]


def test_a_full_line_takes_nobody_more_but_offers_a_call_back() -> None:
    house = House(line(QueueWays(full=CALL_BACK), most_waiting=1))
    b = busy(house)
    first = house.to_queue()
    second = house.to_queue("+3725550003")
    assert house.heard(second)[-1] == "Very many wait."
    house.press(second, "1")
    house.prompt_over(second)
    assert second in house.ended_legs
    house.bye(b)
    house.wait(10)
    assert house.rung() == [ANNA]
    house.answer(house.ringing()[0])
    assert house.session_of(first).talk is not None


def test_two_closed_queues_that_lead_to_each_other_end() -> None:
    settings = line(QueueWays(hours="never", closed=Target(queue="loans")), {"never": Hours("never", ((),) * 7)})
    texts = dict(settings.call.queue_texts)
    texts[LOANS] = replace(texts[LOANS], ways=QueueWays(hours="never", closed=Target(queue="everyday")))
    house = House(replace(settings, call=replace(settings.call, queue_texts=texts)))
    leg = house.to_queue()
    assert house.heard(leg)[-1] == "Nobody is here."
    house.prompt_over(leg)
    assert leg in house.ended_legs
    house.assert_nothing_left()


def test_she_rings_while_he_gives_his_number_and_does_not_take_him() -> None:
    """He is still in the line, and must not hear for minutes that somebody is being rung."""
    house = House(line(QueueWays(keys={"1": CALL_BACK}, ask_number=True, numbers=("+372",))))
    other = busy(house)
    leg = house.to_queue()
    house.wait(5)
    house.press(leg, "1")
    assert house.heard(leg)[-1] == "1 or 2."
    house.bye(other)
    house.wait(10)
    (invite,) = house.ringing()
    house.press(leg, "1")
    house.refuse(invite)
    assert house.ringing() == []
    assert house.heard(leg)[-1] != "tone:ringback"
    assert house.session_of(leg).leg.playback is not None
    house.press(leg, "11")
    assert house.of(acd.ConfirmCallBack), "he can ask again"
