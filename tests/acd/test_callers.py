"""Entering, waiting, being told about it, giving up, and the queue giving up."""

from __future__ import annotations

from typing import Any

from acd_line import ANNA, MART, Line, agent, queue

from softswitch.acd import estimates
from softswitch.acd import messages as m
from softswitch.acd.floor import Rejection
from softswitch.acd.messages import AgentState, Outcome
from softswitch.ids import InteractionId


def busy(**changes: Any) -> Line:
    line = Line([ANNA], [queue(**changes)])
    line.talk(ANNA)
    return line


def test_told_to_wait_on_entry_when_nobody_is_free() -> None:
    line = busy(usual_talk_seconds=120.0, wrap_up_seconds=30.0)
    number = line.call(10.0)
    assert line.last == [m.AnnounceWaiting(number, 1, 150.0, None, "", *estimates.spread(150.0, 1))]
    second = line.call(11.0)
    assert line.last == [m.AnnounceWaiting(second, 2, 300.0, None, "", *estimates.spread(300.0, 2))]


def test_told_again_only_so_often() -> None:
    line = busy(say_position_every_seconds=45.0)
    first, second = line.call(10.0), line.call(11.0)
    assert line.send(m.CallerLeft(first), 20.0) == [line.ended()]  # the next one is not told at once
    line.at(56.0)
    told = line.one(m.AnnounceWaiting)
    assert (told.interaction, told.position, told.because) == (second, 1, "position")
    line.at(100.0)
    assert line.last == []
    line.at(101.0)
    assert line.last == []  # nothing has changed for him
    line.send(m.AgentLoggedOut(ANNA))
    third = line.call(120.0)
    line.send(m.CallerLeft(second), 140.0)
    line.at(165.0)
    assert (line.one(m.AnnounceWaiting).interaction, line.one(m.AnnounceWaiting).position) == (third, 1)


def test_never_told_again_when_that_is_switched_off() -> None:
    line = busy(say_position_every_seconds=0.0)
    line.call(10.0)
    assert line.at(500.0) == []


def test_hanging_up_while_waiting() -> None:
    line = busy()
    number = line.call(10.0)
    line.send(m.CallerLeft(number), 25.0)
    ended = line.ended()
    assert (ended.outcome, ended.agent, ended.entered_at, ended.ended_at) == (Outcome.ABANDONED, None, 10.0, 25.0)
    assert line.send(m.CallerLeft(number)) == []
    assert line.engine.rejected[Rejection.UNKNOWN_INTERACTION] == 1


def test_overflow_when_nobody_is_logged_in() -> None:
    line = Line([ANNA], ready=False)
    number = line.call(1.0)
    assert line.last[0] == m.OverflowCaller(number, "nobody logged in")
    assert line.ended().outcome is Outcome.OVERFLOWED


def test_a_break_is_not_nobody() -> None:
    line = Line([ANNA])
    line.send(m.AgentWentOnBreak(ANNA))
    line.call(1.0)
    assert line.one(m.AnnounceWaiting).estimate_seconds is None  # nobody serves: no nonsense


def test_waiting_callers_overflow_when_the_last_agent_logs_out() -> None:
    line = Line([ANNA, MART])
    line.send(m.AgentWentOnBreak(ANNA))
    line.send(m.AgentWentOnBreak(MART))
    waiting = [line.call(10.0), line.call(11.0)]
    line.send(m.AgentLoggedOut(ANNA))
    assert line.all(m.OverflowCaller) == []
    line.send(m.AgentLoggedOut(MART))
    assert [o.interaction for o in line.all(m.OverflowCaller)] == waiting


def test_a_caller_whom_nobody_logged_in_can_serve_overflows() -> None:
    line = Line([agent(ANNA, languages=(("et", 5),)), agent(MART, languages=(("it", 5),))])
    line.send(m.PhoneLost(MART))
    line.call(10.0, language="it")
    assert line.one(m.OverflowCaller).because == "nobody logged in"


def test_waiting_for_somebody_when_the_queue_says_so() -> None:
    line = Line([ANNA], [queue(overflow_when_nobody=False)], ready=False)
    number = line.call(1.0)
    assert line.one(m.AnnounceWaiting).interaction == number
    line.send(m.PhoneRegistered(ANNA), 30.0)
    assert line.one(m.RingAgent).interaction == number


def test_overflow_after_the_longest_wait() -> None:
    line = busy(max_wait_seconds=100.0, say_position_every_seconds=0.0)
    number = line.call(10.0)
    assert line.at(109.9) == []
    line.at(110.0)
    assert line.last[0] == m.OverflowCaller(number, "waited too long")


def test_a_ring_under_way_at_the_longest_wait_may_still_save_him() -> None:
    line = busy(max_wait_seconds=50.0, ring_seconds=20.0)
    line.call(10.0)
    line.hang_up(m.Connect(line.engine.floor.agents[ANNA].attempt.id, InteractionId(1), ANNA), 20.0)  # type: ignore[union-attr]
    line.at(50.0)
    assert line.state(ANNA) is AgentState.RINGING
    line.at(65.0)
    assert line.all(m.OverflowCaller) == []
    line.at(70.0)  # not answered
    assert line.one(m.OverflowCaller).because == "waited too long"


def test_the_longest_wait_counts_for_one_who_was_rung_for_at_once() -> None:
    line = Line([ANNA], [queue(max_wait_seconds=100.0)])
    line.call(10.0)
    line.send(m.AgentRefused(line.ring()), 12.0)
    line.send(m.AgentWentOnBreak(ANNA), 13.0)
    line.at(110.0)
    assert line.one(m.OverflowCaller).because == "waited too long"


def test_unknown_queue_and_double_entry() -> None:
    line = Line([ANNA])
    line.call(1.0, queue="nowhere")
    assert line.last == [m.OverflowCaller(InteractionId(1), "unknown queue")]  # never left in silence
    line.call(2.0)
    line.calls -= 1
    line.call(3.0)
    assert line.last == []
    assert line.engine.rejected[Rejection.UNKNOWN_QUEUE] == 1
    assert line.engine.rejected[Rejection.DUPLICATE] == 1
