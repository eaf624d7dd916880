"""Breaks with limits, outbound work, earned rest, more time after a talk, and the supervisor who frees an agent."""

from __future__ import annotations

import pytest
from acd_line import ANNA, LI, MART, Line, queue

from softswitch.acd import messages as m
from softswitch.acd.floor import Rejection
from softswitch.acd.messages import AgentState, BreakRule, Choice, ReliefRule

LUNCH = BreakRule("lunch", 1800.0, then_ready=True)
COFFEE = BreakRule("coffee", 600.0)


# ------------------------------------------------------------------ limits


def test_a_break_ends_by_itself_where_its_rule_says_so() -> None:
    line = Line([ANNA], breaks=(LUNCH, COFFEE))
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 10.0)
    assert line.one(m.AgentStateChanged).deadline == 1810.0
    line.at(1809.9)
    assert line.state(ANNA) is AgentState.BREAK
    line.at(1810.0)
    assert line.state(ANNA) is AgentState.READY


def test_an_overrun_is_there_to_see_and_not_ended_behind_her_back() -> None:
    line = Line([ANNA], breaks=(LUNCH, COFFEE))
    line.send(m.AgentWentOnBreak(ANNA, "coffee"), 10.0)
    line.at(5000.0)
    (seen,) = line.engine.agents()
    assert (seen.state, seen.reason, seen.deadline) == (AgentState.BREAK, "coffee", 610.0)


def test_a_limit_of_its_own_comes_before_that_of_the_rule() -> None:
    line = Line([ANNA], breaks=(LUNCH,))
    line.send(m.AgentWentOnBreak(ANNA, "lunch", 60.0), 10.0)
    line.at(70.0)
    assert line.state(ANNA) is AgentState.READY
    line.send(m.AgentWentOnBreak(ANNA, "dentist", 60.0), 100.0)
    line.at(1000.0)
    assert line.engine.agents()[0].deadline == 160.0


def test_the_limit_counts_from_when_a_break_asked_for_in_a_talk_begins() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=30.0)], breaks=(LUNCH,))
    talk = line.talk(ANNA)
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 50.0)
    line.hang_up(talk, 100.0)
    line.at(130.0)
    assert line.one(m.AgentStateChanged).deadline == 1930.0


def test_a_restart_keeps_the_limit() -> None:
    line = Line([ANNA], breaks=(LUNCH,), ready=False)
    line.send(m.AgentRestored(ANNA, AgentState.BREAK, "lunch", -100.0, 200.0, True), 10.0)
    line.at(200.0)
    assert line.state(ANNA) is AgentState.READY


def test_a_break_that_began_again_has_its_own_end() -> None:
    line = Line([ANNA], breaks=(LUNCH,))
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 10.0)
    line.send(m.AgentWentReady(ANNA), 900.0)
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 1000.0)
    line.at(2000.0)
    assert line.state(ANNA) is AgentState.BREAK


# ------------------------------------------------------------------ outbound


def test_outbound_she_is_at_work_but_not_for_the_queues() -> None:
    line = Line([ANNA], [queue(overflow_when_nobody=True)])
    line.send(m.AgentWentOutbound(ANNA, "renewals"), 10.0)
    waits = line.call(11.0)
    assert line.all(m.RingAgent) == line.all(m.OverflowCaller) == []
    (seen,) = line.engine.queues(12.0)
    assert (seen.agents_logged_in, seen.estimate_seconds) == (1, None)
    line.send(m.AgentWentReady(ANNA), 20.0)
    assert line.one(m.RingAgent).interaction == waits


def test_outbound_after_the_present_talk_and_nobody_waits_for_her_meanwhile() -> None:
    line = Line([ANNA, MART], [queue(wrap_up_seconds=0.0)])
    talk = line.talk(ANNA)
    hers = line.call(10.0, previous=ANNA)
    line.send(m.ChoiceMade(hers, Choice.WAIT))
    line.send(m.AgentWentOutbound(ANNA, "renewals"), 20.0)
    assert line.rung() == MART
    again = line.call(21.0, previous=ANNA)
    assert line.engine.floor.entries[again].sticky == "gave_up: outbound"
    line.hang_up(talk, 30.0)
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.OUTBOUND, "renewals")


def test_outbound_comes_back_after_a_restart() -> None:
    line = Line([ANNA], ready=False)
    line.send(m.AgentRestored(ANNA, AgentState.OUTBOUND, "renewals", -100.0, None, True))
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.OUTBOUND, "renewals")


# ------------------------------------------------------------------ earned rest


def served(line: Line, at: float, seconds: float = 10.0) -> None:
    line.call(at)
    line.hang_up(line.answer(), at + seconds)


def test_rest_after_so_many_calls_without_a_pause() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=0.0)], relief=ReliefRule(120.0, after_calls=3))
    for number in range(3):
        served(line, 10.0 + 20 * number)
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.BREAK, "earned rest")
    line.at(60.0 + 119.9)
    assert line.state(ANNA) is AgentState.BREAK
    line.at(60.0 + 120.0)
    assert line.state(ANNA) is AgentState.READY
    served(line, 185.0)
    assert line.state(ANNA) is AgentState.READY  # it counts from the beginning again


def test_a_pause_as_long_as_the_rest_is_one() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=0.0)], relief=ReliefRule(120.0, after_calls=3))
    for at in (10.0, 30.0, 170.0, 190.0):
        served(line, at)
    assert line.state(ANNA) is AgentState.READY
    served(line, 210.0)
    assert line.state(ANNA) is AgentState.BREAK


def test_rest_after_a_hard_call_comes_after_its_wrap_up_and_can_be_declined() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=30.0)], relief=ReliefRule(60.0, after_talk_seconds=600.0))
    served(line, 10.0, 599.0)
    line.at(700.0)
    assert line.state(ANNA) is AgentState.READY
    served(line, 700.0, 600.0)
    assert line.state(ANNA) is AgentState.WRAP_UP
    line.at(1330.0)
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.BREAK, "earned rest")
    line.send(m.AgentWentReady(ANNA), 1340.0)
    assert line.state(ANNA) is AgentState.READY


def test_a_refused_ring_earns_no_rest() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=0.0)], relief=ReliefRule(60.0, after_calls=1))
    line.call(10.0)
    line.send(m.AgentRefused(line.ring()))
    assert line.state(ANNA) is AgentState.READY


# ------------------------------------------------------------------ more time


def test_wrap_up_gets_longer_as_often_as_the_queue_allows() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=30.0, more_time_seconds=20.0, more_time_at_most=2)])
    line.hang_up(line.talk(ANNA), 100.0)
    line.send(m.AgentNeedsTime(ANNA), 110.0)
    changed = line.one(m.AgentStateChanged)
    assert (changed.state, changed.since, changed.deadline) == (AgentState.WRAP_UP, 100.0, 150.0)
    line.send(m.AgentNeedsTime(ANNA), 149.0)
    assert line.one(m.AgentStateChanged).deadline == 170.0
    assert line.send(m.AgentNeedsTime(ANNA)) == []
    assert line.engine.rejected[Rejection.NOT_NOW] == 1
    line.at(169.9)
    assert line.state(ANNA) is AgentState.WRAP_UP
    line.at(170.0)
    assert line.state(ANNA) is AgentState.READY
    line.hang_up(line.talk(ANNA), 200.0)
    assert line.send(m.AgentNeedsTime(ANNA)) != []  # another wrap-up


def test_more_time_without_a_wrap_up_is_not_possible() -> None:
    line = Line([ANNA])
    assert line.send(m.AgentNeedsTime(ANNA)) == []
    assert line.engine.rejected[Rejection.NOT_NOW] == 1


# ------------------------------------------------------------------ no answer, queue by queue


@pytest.mark.parametrize(
    ("of_queue", "of_all", "rings", "suspended"),
    [(None, 1, 1, True), (0, 1, 5, False), (3, 1, 2, False), (2, 9, 2, True)],
)
def test_what_follows_from_no_answer_is_the_rule_of_the_queue(
    of_queue: int | None, of_all: int, rings: int, suspended: bool
) -> None:
    line = Line(
        [ANNA],
        [queue(suspend_after_no_answers=of_queue)],
        suspend_after_no_answers=of_all,
    )
    for number in range(rings):
        line.call(100.0 + 30.0 * number)
        line.at(125.0 + 30.0 * number)
    assert (line.state(ANNA) is AgentState.SUSPENDED) == suspended


# ------------------------------------------------------------------ freed


def free(line: Line, at: float | None = None) -> None:
    line.send(m.AgentFreed(ANNA, "kadri", "line is dead"), at)


def test_a_conversation_that_hangs_is_ended_and_who_did_it_is_in_the_journal() -> None:
    line = Line([ANNA, MART])
    talk = line.talk(ANNA)
    free(line, 5000.0)
    assert line.one(m.EndConversation).attempt == talk.attempt
    first, second = line.all(m.AgentStateChanged)
    assert (first.state, first.reason) == (AgentState.TALKING, "freed by kadri: line is dead")
    assert (second.state, second.reason) == (AgentState.READY, "")
    assert line.send(m.ConversationEnded(talk.attempt)) == []  # the lost BYE after all
    line.call(5001.0, previous=ANNA)
    assert line.rung() == ANNA


@pytest.mark.parametrize("stuck", ["break", "suspended", "wrap-up", "outbound", "ringing"])
def test_whatever_she_is_stuck_in(stuck: str) -> None:
    line = Line([ANNA])
    if stuck == "break":
        line.send(m.AgentWentOnBreak(ANNA, "lunch"))
    elif stuck == "outbound":
        line.send(m.AgentWentOutbound(ANNA, "renewals"))
    elif stuck == "wrap-up":
        line.hang_up(line.talk(ANNA), 10.0)
    else:
        line.call(10.0)
        if stuck == "suspended":
            line.at(40.0)
    assert line.state(ANNA).value == stuck
    free(line)
    caller_rings_again = stuck in ("suspended", "ringing")
    assert line.state(ANNA) is (
        AgentState.RINGING if caller_rings_again and line.all(m.RingAgent) else AgentState.READY
    )
    assert any(one.reason.startswith("freed by kadri") for one in line.all(m.AgentStateChanged))


def test_who_is_not_stuck_is_not_freed() -> None:
    line = Line([ANNA])
    free(line)
    line.send(m.AgentLoggedOut(ANNA))
    free(line)
    assert line.engine.rejected[Rejection.NOT_NOW] == 2


def test_freed_while_the_customer_is_called_back() -> None:
    line = Line([ANNA, MART])
    talk = line.talk(ANNA)
    promised = line.call(10.0, previous=ANNA)
    line.send(m.ChoiceMade(promised, Choice.CALL_BACK))
    line.send(m.PromiseSaved(line.one(m.SavePromise).promise, True))
    line.send(m.CallerLeft(promised))
    line.hang_up(talk, 20.0)
    line.send(m.AgentWentReady(ANNA))
    line.answer()
    free(line, 30.0)
    assert line.state(ANNA) is AgentState.READY
    line.at(200.0)
    assert promised in line.engine.floor.entries  # it is tried again


def test_freed_without_a_phone_she_is_offline() -> None:
    line = Line([ANNA])
    line.talk(ANNA)
    line.send(m.PhoneLost(ANNA))
    free(line)
    assert line.state(ANNA) is AgentState.OFFLINE


# ------------------------------------------------------------------ fairness


def test_what_each_has_done_is_counted() -> None:
    line = Line([ANNA, MART, LI], [queue(wrap_up_seconds=0.0)])
    line.hang_up(line.talk(ANNA, 100.0), 160.0)
    line.call(200.0)  # Mart, longest idle
    line.hang_up(line.answer(), 220.0)
    line.send(m.AgentLoggedOut(LI), 302.0)
    anna, mart, li = line.engine.agents()
    assert (anna.calls, anna.sticky_calls, anna.talked_seconds) == (1, 1, 60.0)
    assert (mart.calls, mart.sticky_calls, mart.talked_seconds) == (1, 0, 20.0)
    assert (li.calls, li.on_duty_seconds, li.on_duty_since) == (0, 300.0, None)
    assert (anna.on_duty_seconds, anna.on_duty_since) == (0.0, 0.0)


def test_a_caller_who_came_back_to_her_is_not_told_that_she_logged_out_when_she_was_freed() -> None:
    line = Line([ANNA, MART], [queue(sticky=m.StickyRule())])
    line.call(10.0, previous=ANNA)
    assert line.rung() == ANNA
    line.send(m.AgentFreed(ANNA, "kadri", "the phone hangs"), 12.0)
    (note,) = line.all(m.CallerNoted)
    assert note.note == "a supervisor took Anna out of the ring"
    assert line.rung() == MART
