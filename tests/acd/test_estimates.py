"""Expected waits."""

from __future__ import annotations

import pytest
from acd_line import ANNA, MART, Line, Q, queue

from softswitch.acd import estimates
from softswitch.acd import messages as m
from softswitch.acd.eligibility import Queue


def test_measured_times_move_the_mean_slowly() -> None:
    mine = Queue(queue(usual_talk_seconds=100.0, wrap_up_seconds=30.0))
    estimates.measured_talk(mine, 200.0)
    assert mine.talk_seconds == pytest.approx(110.0)
    estimates.measured_wrap_up(mine, 10.0)
    assert mine.wrap_up_seconds == pytest.approx(28.0)
    assert estimates.handle_seconds(mine) == pytest.approx(138.0)


@pytest.mark.parametrize(("now", "expected"), [(1.0, 120.0), (51.0, 70.0), (76.0, 45.0), (900.0, 45.0)])
def test_rest_of_a_conversation(now: float, expected: float) -> None:
    """100 s are usual; never less than a quarter of them; 20 s wrap-up follow."""
    line = Line([ANNA, MART], [queue(usual_talk_seconds=100.0, wrap_up_seconds=20.0)])
    line.talk(ANNA)  # at 1
    assert estimates.until_free(line.engine.floor.agents[ANNA], now) == pytest.approx(expected)


def test_rest_of_the_wrap_up_and_nothing_when_ready() -> None:
    line = Line([ANNA])
    anna = line.engine.floor.agents[ANNA]
    assert estimates.until_free(anna, 5.0) == 0.0
    line.hang_up(line.talk(ANNA), 10.0)
    assert estimates.until_free(anna, 25.0) == 15.0


def test_wrap_up_is_measured_as_it_was_not_as_it_is_configured() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=30.0)])
    line.hang_up(line.talk(ANNA), 10.0)
    line.send(m.AgentWentReady(ANNA), 20.0)
    assert line.engine.queues(20.0)[0].wrap_up_seconds == pytest.approx(28.0)


def test_the_range_is_that_of_a_gamma_distribution() -> None:
    """10 % and 90 % points of chi-square with 2, 8 and 40 degrees of freedom, halved: sums of `position` times."""
    for position, low, high in ((1, 0.105, 2.303), (4, 1.745, 6.681), (20, 14.525, 25.903)):
        found = estimates.spread(float(position), position)
        assert found == pytest.approx((low, high), rel=0.07, abs=0.02)
    assert estimates.spread(0.0, 1) == (0.0, 0.0)


def test_what_was_told_is_held_against_what_came() -> None:
    line = Line([ANNA], [queue(usual_talk_seconds=100.0, wrap_up_seconds=0.0)])
    talk = line.talk(ANNA, 10.0)
    first, second = line.call(20.0), line.call(21.0)
    shot = line.engine.queues(21.0)[0]
    assert shot.estimates_measured == 0 and shot.estimate_error_seconds is None
    assert shot.estimate_seconds == 300.0 and shot.estimate_low_seconds < 300.0 < shot.estimate_high_seconds  # type: ignore[operator]
    line.hang_up(talk, 80.0)
    line.answer(90.0)  # told 100, waited 70
    line.send(m.CallerLeft(second), 100.0)  # has no measured wait
    shot = line.engine.queues(100.0)[0]
    assert shot.estimates_measured == 1 and first != second
    assert (shot.estimate_error_seconds, shot.estimate_bias_seconds) == (30.0, -30.0)
    assert shot.estimate_within_percent == 100.0
    assert not line.engine.floor.queues[Q].accuracy.open


def test_the_range_for_her_own_line_keeps_within_the_limit_told() -> None:
    line = Line([ANNA, MART], [queue(usual_talk_seconds=100.0, wrap_up_seconds=20.0)])
    line.talk(ANNA, 10.0)
    number = line.call(20.0, previous=ANNA)
    offered = line.one(m.OfferChoice)
    assert offered.low_seconds is not None and offered.high_seconds is not None
    assert offered.low_seconds < offered.wait_seconds < offered.high_seconds
    line.send(m.ChoiceMade(number, m.Choice.WAIT), 25.0)
    told = line.one(m.AnnounceWaiting)
    assert told.high_seconds is not None and told.high_seconds <= 235.0


def test_who_leaves_is_counted_apart_because_his_wait_is_known_only_so_far() -> None:
    line = Line([ANNA], [queue(usual_talk_seconds=100.0, max_wait_seconds=900.0)])
    line.talk(ANNA)
    early, late = line.call(10.0), line.call(11.0)
    line.send(m.CallerLeft(early), 12.0)
    line.send(m.CallerLeft(late), 800.0)
    accuracy = line.engine.floor.queues[Q].accuracy
    assert (accuracy.left, accuracy.left_late, accuracy.measured) == (2, 1, 0)
    shot = line.engine.queues(line.now)[0]
    assert (shot.estimates_left, shot.estimates_left_late, shot.estimate_error_seconds) == (2, 1, None)
