"""Ring attempts: compare-and-set answers, and every way a ring can come to nothing."""

from __future__ import annotations

from acd_line import ANNA, MART, Line, queue

from softswitch.acd import messages as m
from softswitch.acd.floor import Rejection
from softswitch.acd.messages import AgentState, Outcome, RingEnd
from softswitch.ids import InteractionId, RingAttemptId


def test_the_way_of_a_call() -> None:
    line = Line([ANNA])
    line.call(10.0)
    assert line.last == [
        m.RingAgent(RingAttemptId(1000), InteractionId(1), ANNA, 30.0),
        m.AgentStateChanged(ANNA, AgentState.RINGING, "", 10.0),
    ]
    line.send(m.AgentAnswered(RingAttemptId(1000)), 14.0)
    assert line.last == [
        m.Connect(RingAttemptId(1000), InteractionId(1), ANNA),
        m.RingEnded(
            RingAttemptId(1000), InteractionId(1), line.settings.queues[0].id, ANNA, 10.0, 14.0, RingEnd.ANSWERED
        ),
        m.AgentStateChanged(ANNA, AgentState.TALKING, "", 14.0),
        m.InteractionEnded(InteractionId(1), line.settings.queues[0].id, Outcome.ANSWERED, ANNA, 10.0, 14.0),
    ]
    line.send(m.ConversationEnded(RingAttemptId(1000)), 100.0)
    assert line.last == [m.AgentStateChanged(ANNA, AgentState.WRAP_UP, "", 100.0, 130.0)]
    assert line.at(130.0) == [m.AgentStateChanged(ANNA, AgentState.READY, "", 130.0)]
    assert line.engine.next_deadline() is None


def test_a_second_answer_is_refused() -> None:
    line = Line([ANNA])
    line.call(10.0)
    attempt = line.answer(11.0).attempt
    assert line.send(m.AgentAnswered(attempt)) == [m.RefuseAnswer(attempt)]
    assert line.state(ANNA) is AgentState.TALKING


def test_an_answer_that_crosses_the_cancel_is_refused() -> None:
    line = Line([ANNA, MART])
    line.call(10.0)
    attempt = line.ring()
    line.at(30.0)
    assert line.send(m.AgentAnswered(attempt)) == [m.RefuseAnswer(attempt)]
    assert line.answer().agent == MART


def test_an_answer_for_nothing_is_refused() -> None:
    assert Line([ANNA]).send(m.AgentAnswered(RingAttemptId(5))) == [m.RefuseAnswer(RingAttemptId(5))]


def test_no_answer_suspends_her_and_the_caller_goes_on_at_once() -> None:
    line = Line([ANNA, MART])
    line.call(10.0)
    attempt = line.ring()
    line.at(30.0)
    assert line.last[0] == m.CancelRing(attempt, RingEnd.NO_ANSWER)
    assert line.one(m.RingEnded).end is RingEnd.NO_ANSWER
    assert line.rung() == MART
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.SUSPENDED, "no answer")


def test_suspension_only_after_so_many_in_a_row() -> None:
    line = Line([ANNA], suspend_after_no_answers=2)
    line.call(10.0)
    line.at(30.0)
    assert line.state(ANNA) is AgentState.READY
    line.call(31.0)
    line.answer(32.0)  # starts the count again
    line.send(m.ConversationEnded(RingAttemptId(1001)), 33.0)
    line.send(m.AgentWentReady(ANNA))
    line.at(125.0)
    assert line.state(ANNA) is AgentState.READY  # the first caller once more, let go by
    line.call(126.0)
    line.at(146.0)
    assert line.state(ANNA) is AgentState.SUSPENDED


def test_a_refusal_keeps_her_ready_and_passes_the_caller_on() -> None:
    line = Line([ANNA, MART])
    line.call(10.0)
    line.send(m.AgentRefused(line.ring()), 12.0)
    assert line.one(m.RingEnded).end is RingEnd.REJECTED
    assert line.rung() == MART
    assert line.state(ANNA) is AgentState.READY
    line.call(13.0)
    assert line.rung() == ANNA  # another caller is another matter


def test_the_same_agent_is_not_offered_the_same_caller_for_a_while() -> None:
    line = Line([ANNA], no_offer_seconds=60.0)
    number = line.call(10.0)
    line.send(m.AgentRefused(line.ring()), 12.0)
    assert line.one(m.AnnounceWaiting).interaction == number
    line.at(71.9)
    assert line.state(ANNA) is AgentState.READY
    line.at(72.0)
    assert line.rung() == ANNA and line.one(m.RingAgent).interaction == number


def test_unreachable_suspends_until_the_phone_registers() -> None:
    line = Line([ANNA, MART])
    line.call(10.0)
    line.send(m.AgentUnreachable(line.ring()), 11.0)
    assert line.one(m.RingEnded).end is RingEnd.UNREACHABLE
    assert line.rung() == MART
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.SUSPENDED, "phone not reachable")
    line.send(m.PhoneRegistered(ANNA), 20.0)
    assert line.state(ANNA) is AgentState.READY


def test_unreachable_because_the_phone_is_gone_is_offline() -> None:
    line = Line([ANNA])
    line.call(10.0)
    line.send(m.PhoneLost(ANNA))
    line.send(m.AgentUnreachable(line.ring()))
    assert line.state(ANNA) is AgentState.OFFLINE
    assert line.one(m.OverflowCaller).because == "nobody logged in"


def test_the_caller_leaves_while_ringing_and_she_keeps_her_idle_time() -> None:
    line = Line([ANNA, MART])
    number = line.call(10.0)
    line.send(m.CallerLeft(number), 15.0)
    assert line.one(m.CancelRing).end is RingEnd.CANCELLED
    assert line.ended().outcome is Outcome.ABANDONED
    assert line.state(ANNA) is AgentState.READY
    line.call(16.0)
    assert line.rung() == ANNA  # still the longest idle


def test_events_of_an_attempt_in_the_wrong_stage_are_counted_and_change_nothing() -> None:
    line = Line([ANNA])
    line.call(10.0)
    attempt = line.ring()
    for event in (m.ConversationEnded(attempt), m.CustomerReached(attempt), m.CustomerNotReached(attempt)):
        assert line.send(event) == []
    line.answer(11.0)
    for late in (m.AgentRefused(attempt), m.AgentUnreachable(attempt), m.CustomerReached(attempt)):
        assert line.send(late) == []
    assert line.engine.rejected[Rejection.STALE_ATTEMPT] == 6
    assert line.state(ANNA) is AgentState.TALKING


def test_wrap_up_of_the_queue_that_was_served() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=7.0)])
    line.hang_up(line.talk(ANNA), 10.0)
    assert line.one(m.AgentStateChanged).deadline == 17.0
