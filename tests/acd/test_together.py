"""Several agents rung together for one caller: the first answer wins, by compare-and-set on the attempt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from acd_line import ANNA, LI, MART, Line, queue

from softswitch.acd import messages as m
from softswitch.acd.messages import AgentState, Outcome, RelaxStep, RingEnd
from softswitch.ids import RingAttemptId

ALL = (ANNA, MART, LI)


def together(at_once: int = 0, agents: Sequence[str] = ALL, **changes: Any) -> Line:
    changes.setdefault("wrap_up_seconds", 0.0)
    return Line(agents, [queue(ring_at_once=at_once, **changes)])


def rung(line: Line) -> list[str]:
    return [ring.agent for ring in line.all(m.RingAgent)]


@pytest.mark.parametrize(("at_once", "expected"), [(0, [ANNA, MART, LI]), (1, [ANNA]), (2, [ANNA, MART])])
def test_as_many_as_the_queue_says(at_once: int, expected: list[str]) -> None:
    line = together(at_once)
    line.call(10.0)
    assert rung(line) == expected


def test_the_first_answer_connects_and_the_others_are_told_that_it_is_taken() -> None:
    line = together()
    line.call(10.0)
    anna, mart, li = (ring.attempt for ring in line.all(m.RingAgent))
    line.send(m.AgentAnswered(mart), 12.0)
    assert line.one(m.Connect).agent == MART
    assert line.all(m.CancelRing) == [
        m.CancelRing(anna, RingEnd.CANCELLED, taken=True),
        m.CancelRing(li, RingEnd.CANCELLED, taken=True),
    ]
    assert [end.end for end in line.all(m.RingEnded)] == [RingEnd.ANSWERED, RingEnd.CANCELLED, RingEnd.CANCELLED]
    assert line.ended().outcome is Outcome.ANSWERED
    assert [line.state(one).value for one in ALL] == ["ready", "talking", "ready"]


def test_answers_that_cross_are_refused_whatever_their_order() -> None:
    for winner in range(3):
        line = together()
        line.call(10.0)
        attempts = [ring.attempt for ring in line.all(m.RingAgent)]
        line.send(m.AgentAnswered(attempts[winner]))
        for late in attempts[:winner] + attempts[winner + 1 :]:
            assert line.send(m.AgentAnswered(late)) == [m.RefuseAnswer(late)]
            assert line.send(m.AgentRefused(late)) == []
        assert line.send(m.AgentAnswered(attempts[winner])) == [m.RefuseAnswer(attempts[winner])]


def test_those_who_were_rung_in_vain_keep_their_idle_time() -> None:
    line = together()
    line.call(10.0)
    line.send(m.AgentAnswered(line.ring(LI)), 12.0)
    line.call(13.0)
    assert rung(line) == [ANNA, MART]  # in their order from before


def test_who_refuses_stops_ringing_and_the_others_go_on() -> None:
    line = together()
    line.call(10.0)
    line.send(m.AgentRefused(line.ring(ANNA)))
    assert (line.all(m.CancelRing), rung(line)) == ([], [])
    line.send(m.AgentUnreachable(line.ring(MART)))
    line.send(m.AgentAnswered(line.ring(LI)))
    assert line.one(m.Connect).agent == LI


def test_when_the_last_one_fails_the_caller_waits_and_is_rung_again_for() -> None:
    line = together(0, [ANNA, MART])
    caller = line.call(10.0)
    line.send(m.AgentRefused(line.ring(ANNA)))
    line.send(m.AgentRefused(line.ring(MART)))
    assert line.one(m.AnnounceWaiting).interaction == caller
    line.at(70.0)
    assert line.engine.floor.entries[caller].attempt is not None


def test_no_answer_of_anybody_suspends_as_the_rule_says() -> None:
    line = together(2, ALL)
    line.call(10.0)
    line.at(30.0)
    assert line.state(LI) is AgentState.RINGING  # joined when the first deadline passed
    assert line.state(ANNA) is line.state(MART) is AgentState.SUSPENDED


def test_another_one_is_rung_for_each_who_fails() -> None:
    line = together(2)
    line.call(10.0)
    line.send(m.AgentRefused(line.ring(ANNA)))
    assert rung(line) == [LI]


def test_who_becomes_ready_joins_those_who_ring() -> None:
    line = together()
    line.talk(LI)
    talk = line.engine.floor.agents[LI].attempt
    assert talk is not None
    line.call(10.0)
    assert rung(line) == [ANNA, MART]
    line.send(m.ConversationEnded(talk.id), 12.0)
    assert rung(line) == [LI]


def test_a_second_caller_gets_those_who_were_rung_in_vain() -> None:
    line = together()
    line.call(10.0)
    second = line.call(11.0)
    assert rung(line) == []
    line.send(m.AgentAnswered(line.ring(MART)), 12.0)
    assert [(ring.interaction, ring.agent) for ring in line.all(m.RingAgent)] == [(second, ANNA), (second, LI)]


def test_the_caller_hangs_up_and_every_phone_stops() -> None:
    line = together()
    caller = line.call(10.0)
    line.send(m.CallerLeft(caller), 12.0)
    assert [cancel.taken for cancel in line.all(m.CancelRing)] == [False] * 3
    assert line.ended().outcome is Outcome.ABANDONED
    assert [line.state(one) for one in ALL] == [AgentState.READY] * 3


def test_an_agent_who_takes_a_break_while_several_ring() -> None:
    line = together()
    line.call(10.0)
    line.send(m.AgentWentOnBreak(ANNA, "lunch"))
    assert [cancel.attempt for cancel in line.all(m.CancelRing)] == [RingAttemptId(1000)]
    assert line.state(ANNA) is AgentState.BREAK
    line.send(m.AgentAnswered(line.ring(MART)))
    assert line.one(m.Connect).agent == MART


def test_the_previous_agent_is_rung_alone() -> None:
    line = together()
    line.call(10.0, previous=MART)
    assert rung(line) == [MART]
    line.send(m.AgentRefused(line.ring(MART)))
    assert rung(line) == [ANNA, LI]


def test_relaxation_rings_more_while_some_ring() -> None:
    line = Line(
        [ANNA, m.AgentSettings(MART, "Mart", (queue("help").id,))],
        [queue(ring_at_once=0, ring_seconds=60.0, relax=(RelaxStep(30.0, add_queue=queue("help").id),)), queue("help")],
    )
    line.call(10.0)
    assert rung(line) == [ANNA]
    line.at(40.0)
    assert rung(line) == [MART]
    line.send(m.AgentAnswered(line.ring(ANNA)))
    assert line.state(MART) is AgentState.READY


def test_rings_that_begin_again_and_again_end_with_the_longest_wait() -> None:
    line = Line(
        [ANNA, MART],
        [queue(ring_at_once=2, ring_seconds=2.0, max_wait_seconds=21.0, suspend_after_no_answers=0)],
        no_offer_seconds=0.0,
    )
    caller = line.call(10.0)
    line.at(11.0)
    line.send(m.AgentRefused(line.ring(MART)))  # from now on they ring in turn
    line.at(40.0)
    assert caller not in line.engine.floor.entries
