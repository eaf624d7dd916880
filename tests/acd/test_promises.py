"""Call-backs: durable before they are told, kept at their place in the line, and honest when they are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from acd_line import ANNA, LI, MART, Line, Q, queue
from acd_line import agent as agent_settings

from softswitch.acd import messages as m
from softswitch.acd.floor import Rejection
from softswitch.acd.messages import AgentState, Choice, Outcome, PromiseState, StickyRule
from softswitch.ids import AgentId, InteractionId, PromiseId, QueueId


def promised(
    agents: tuple[str, ...] = (ANNA, MART), **changes: Any
) -> tuple[Line, InteractionId, m.SavePromise, m.Connect]:
    """Anna talks since 1; the caller of 10 has chosen to be called back within 900 s."""
    rule = StickyRule(call_back_within_seconds=900.0, call_back_attempts=2, call_back_retry_seconds=60.0)
    changes = {"wrap_up_seconds": 0.0, "max_wait_seconds": 300.0, "sticky": rule, **changes}
    line = Line(agents, [queue(**changes)])
    talk = line.talk(ANNA)
    number = line.call(10.0, previous=ANNA)
    line.send(m.ChoiceMade(number, Choice.CALL_BACK), 12.0)
    return line, number, line.one(m.SavePromise), talk


def saved(agents: tuple[str, ...] = (ANNA, MART), **changes: Any) -> tuple[Line, InteractionId, PromiseId, m.Connect]:
    line, number, asked, talk = promised(agents, **changes)
    line.send(m.PromiseSaved(asked.promise, True), 12.1)
    return line, number, asked.promise, talk


def test_saved_first_then_told() -> None:
    line, number, asked, _ = promised()
    assert line.last == [asked]
    assert (asked.agent, asked.made_at, asked.due_at) == (ANNA, 12.0, 910.0)
    line.send(m.PromiseSaved(asked.promise, True), 12.1)
    assert line.last == [m.ConfirmCallBack(number, asked.promise, ANNA, 910.0)]
    assert line.send(m.CallerLeft(number), 20.0) == []  # he hangs up as expected


def test_kept() -> None:
    line, number, promise, talk = saved()
    line.send(m.CallerLeft(number), 20.0)
    line.hang_up(talk, 60.0)
    ring = line.one(m.RingAgent)
    assert (ring.agent, ring.interaction, ring.call_back, ring.sticky) == (ANNA, number, True, True)
    connected = line.answer(62.0)
    assert connected.call_back
    assert line.all(m.InteractionEnded) == []
    line.send(m.CustomerReached(connected.attempt), 70.0)
    assert line.one(m.PromiseChanged) == m.PromiseChanged(promise, PromiseState.KEPT, 0, 70.0)
    ended = line.ended()
    assert (ended.outcome, ended.agent, ended.entered_at, ended.sticky) == (
        Outcome.CALLED_BACK,
        ANNA,
        10.0,
        "call_back",
    )
    line.hang_up(connected, 100.0)
    assert line.state(ANNA) is AgentState.READY


def test_it_competes_by_its_place() -> None:
    line, number, _, talk = saved((ANNA,))
    younger = line.call(30.0)
    line.hang_up(talk, 60.0)
    assert line.one(m.RingAgent).interaction == number
    connected = line.answer()
    line.send(m.CustomerReached(connected.attempt), 65.0)
    line.hang_up(connected, 70.0)
    assert line.one(m.RingAgent).interaction == younger


def test_a_live_caller_of_her_own_goes_first_and_an_older_one_of_the_pool_too() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=0.0)])
    talk = line.talk(ANNA)
    older = line.call(5.0)
    promised_to = line.call(10.0, previous=ANNA)
    line.send(m.ChoiceMade(promised_to, Choice.CALL_BACK))
    line.send(m.PromiseSaved(line.one(m.SavePromise).promise, True))
    hers = line.call(20.0, previous=ANNA)
    line.send(m.ChoiceMade(hers, Choice.WAIT))
    order = []
    for at in (30.0, 40.0, 50.0):
        line.hang_up(talk, at)
        order.append(line.one(m.RingAgent).interaction)
        talk = line.answer()
        if talk.call_back:
            line.send(m.CustomerReached(talk.attempt))
    assert order == [hers, older, promised_to]


def test_customer_not_reached_is_tried_again_without_wrap_up() -> None:
    line, number, promise, talk = saved(wrap_up_seconds=30.0)
    line.hang_up(talk, 60.0)
    line.at(90.0)
    attempt = line.answer(91.0).attempt
    line.send(m.CustomerNotReached(attempt), 120.0)
    assert line.one(m.PromiseChanged) == m.PromiseChanged(promise, PromiseState.OPEN, 1, 120.0, "customer not reached")
    assert line.state(ANNA) is AgentState.READY
    line.at(179.0)
    assert line.last == []
    line.at(180.0)
    assert line.one(m.RingAgent).interaction == number
    line.send(m.CustomerNotReached(line.answer(181.0).attempt), 200.0)
    assert line.one(m.PromiseChanged).state is PromiseState.BROKEN
    assert line.ended().outcome is Outcome.CALL_BACK_FAILED


def test_the_agent_hangs_up_before_the_customer_is_there() -> None:
    line, _, _, talk = saved()
    line.hang_up(talk, 60.0)
    connected = line.answer(61.0)
    line.hang_up(connected, 65.0)
    assert line.one(m.PromiseChanged).attempts == 0  # he was not even tried
    assert line.state(ANNA) is AgentState.READY


def test_a_retry_while_she_is_busy_waits_for_her() -> None:
    line, number, _, talk = saved((ANNA,))
    line.hang_up(talk, 60.0)
    line.send(m.CustomerNotReached(line.answer(61.0).attempt), 70.0)
    line.call(80.0)
    talk = line.answer(81.0)
    line.at(140.0)
    line.hang_up(talk, 150.0)
    assert line.one(m.RingAgent).interaction == number


def test_she_does_not_answer_the_ring_of_a_call_back() -> None:
    line, number, _, talk = saved((ANNA,))
    line.hang_up(talk, 60.0)
    line.at(80.0)
    assert line.state(ANNA) is AgentState.SUSPENDED
    line.send(m.AgentWentReady(ANNA), 90.0)
    assert line.all(m.RingAgent) == []  # the same caller not so soon
    line.at(140.0)
    assert line.one(m.RingAgent).interaction == number


def test_a_colleague_keeps_it_when_it_is_due() -> None:
    line, number, promise, talk = saved()
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 20.0)
    line.hang_up(talk, 60.0)
    line.at(909.0)
    assert line.all(m.RingAgent) == []
    line.at(910.0)
    assert line.one(m.PromiseChanged) == m.PromiseChanged(promise, PromiseState.OPEN, 0, 910.0, "deadline")
    ring = line.one(m.RingAgent)
    assert (ring.agent, ring.interaction, ring.call_back, ring.sticky) == (MART, number, True, False)
    line.send(m.CustomerReached(line.answer().attempt), 920.0)
    assert line.one(m.PromiseChanged) == m.PromiseChanged(promise, PromiseState.KEPT, 0, 920.0, "colleague")


def test_a_call_that_is_under_way_when_it_falls_due_and_fails_is_shown_to_the_supervisor() -> None:
    line, number, promise, talk = saved()
    line.hang_up(talk, 890.0)
    connected = line.answer(895.0)
    assert line.all(m.PromiseEscalated) == []
    line.at(915.0)
    assert line.all(m.PromiseEscalated) == [], "it may still be kept"
    line.send(m.CustomerNotReached(connected.attempt), 930.0)
    (told,) = line.all(m.PromiseEscalated)
    assert (told.promise, told.interaction, told.at) == (promise, number, 930.0)
    line.at(991.0)
    again = line.answer()
    line.send(m.CustomerReached(again.attempt), 999.0)
    assert line.all(m.PromiseEscalated) == []


def test_broken_when_even_colleagues_are_not_able() -> None:
    line, _, promise, _ = saved((ANNA,), overflow_when_nobody=True)
    line.at(1209.0)
    line.at(1210.0)
    assert line.one(m.PromiseChanged) == m.PromiseChanged(
        promise, PromiseState.BROKEN, 0, 1210.0, "nobody was free in time"
    )
    assert line.ended().outcome is Outcome.CALL_BACK_FAILED


def test_a_call_under_way_at_the_end_may_still_keep_it() -> None:
    line, _, _, talk = saved((ANNA,))
    line.hang_up(talk, 1200.0)
    connected = line.answer(1205.0)
    line.at(1215.0)
    assert line.all(m.PromiseChanged) == []
    line.send(m.CustomerReached(connected.attempt), 1216.0)
    assert line.one(m.PromiseChanged).state is PromiseState.KEPT


@pytest.mark.parametrize("answered", [True, False])
def test_a_call_under_way_at_the_end_that_fails_breaks_it(answered: bool) -> None:
    line, _, _, talk = saved((ANNA,))
    line.hang_up(talk, 1200.0)
    if answered:
        line.send(m.CustomerNotReached(line.answer(1205.0).attempt), 1215.0)
    else:
        line.at(1220.0)
    assert line.one(m.PromiseChanged).state is PromiseState.BROKEN


def test_not_saved_he_gets_a_colleague() -> None:
    line, _, asked, _ = promised()
    line.send(m.PromiseSaved(asked.promise, False), 12.1)
    assert line.rung() == MART and not line.one(m.RingAgent).call_back
    line.answer()
    assert line.ended().sticky == "gave_up: call-back not saved"


def test_a_late_store_does_not_keep_him_waiting_and_a_late_promise_is_withdrawn() -> None:
    line, _, asked, _ = promised()
    line.at(17.0)
    assert line.rung() == MART
    line.send(m.PromiseSaved(asked.promise, True), 20.0)
    assert line.one(m.PromiseChanged) == m.PromiseChanged(
        asked.promise, PromiseState.WITHDRAWN, 0, 20.0, "saved too late"
    )
    line.send(m.PromiseSaved(asked.promise, True))
    assert line.engine.rejected[Rejection.UNKNOWN_PROMISE] == 1


def test_he_hangs_up_before_it_is_saved_and_is_called_all_the_same() -> None:
    line, number, asked, talk = promised()
    line.send(m.CallerLeft(number), 12.05)
    assert line.send(m.PromiseSaved(asked.promise, True), 12.1) == []
    line.hang_up(talk, 60.0)
    assert line.one(m.RingAgent).interaction == number


def test_he_hangs_up_and_it_cannot_be_saved() -> None:
    line, number, asked, _ = promised()
    line.send(m.CallerLeft(number), 12.05)
    line.send(m.PromiseSaved(asked.promise, False), 12.1)
    assert line.ended().outcome is Outcome.ABANDONED


def test_saved_twice() -> None:
    line, _, promise, _ = saved()
    assert line.send(m.PromiseSaved(promise, True)) == []
    assert line.engine.rejected[Rejection.DUPLICATE] == 1


# ------------------------------------------------------------------ after a restart


def restored(line: Line, agent: str = ANNA, due_at: float = 500.0, queue: QueueId = Q) -> m.PromiseRestored:
    return m.PromiseRestored(
        PromiseId(7), InteractionId(70), queue, AgentId(agent), "+37255", None, "en", -40.0, due_at, 1
    )


def test_a_promise_survives_the_restart_with_its_place_and_attempts() -> None:
    line = Line([ANNA], [queue(sticky=StickyRule(call_back_attempts=2))], ready=False)
    line.send(restored(line))
    line.send(m.PhoneRegistered(ANNA), 5.0)
    ring = line.one(m.RingAgent)
    assert (ring.interaction, ring.call_back) == (70, True)
    line.send(m.CustomerNotReached(line.answer(6.0).attempt), 30.0)
    assert line.one(m.PromiseChanged).state is PromiseState.BROKEN  # the second of two attempts
    assert line.ended().entered_at == -40.0


def test_after_a_restart_he_stands_where_he_came_not_where_he_was_promised_a_call() -> None:
    """He had waited for 100 s when he asked for it; who came meanwhile does not come before him."""
    line = Line([ANNA], [queue(wrap_up_seconds=0.0)], ready=False)
    line.send(replace(restored(line, agent=""), entered_at=-140.0))
    line.send(replace(restored(line, agent=""), promise=PromiseId(8), interaction=InteractionId(80), made_at=-90.0))
    line.send(m.PhoneRegistered(ANNA), 5.0)
    assert line.one(m.RingAgent).interaction == 70
    line.send(m.CustomerReached(line.answer(6.0).attempt), 7.0)
    assert line.ended().entered_at == -140.0


def test_a_promise_that_fell_due_meanwhile() -> None:
    line = Line([ANNA, MART], ready=False)
    line.send(restored(line, due_at=-5.0))
    line.at(0.0)
    assert line.one(m.PromiseChanged).because == "deadline"
    line.send(m.PhoneRegistered(MART), 5.0)
    assert line.one(m.RingAgent).call_back


@pytest.mark.parametrize("agent", ["somebody who left", LI])
def test_a_promise_of_somebody_who_is_no_longer_there(agent: str) -> None:
    line = Line([MART, agent_settings(LI, queues=())])
    line.send(restored(line, agent=agent))
    assert line.one(m.PromiseChanged).because == "agent gone"
    assert line.rung() == MART


def test_a_promise_of_an_unknown_queue_or_a_known_one_twice() -> None:
    line = Line([ANNA])
    line.send(restored(line, queue=QueueId("gone")))
    assert line.last == [m.PromiseChanged(PromiseId(7), PromiseState.BROKEN, 1, line.now, "queue gone")]
    line.send(restored(line))
    assert line.send(restored(line)) == []
    assert line.engine.rejected[Rejection.UNKNOWN_QUEUE] == 1
    assert line.engine.rejected[Rejection.DUPLICATE] == 1
