"""Expected waits."""

from __future__ import annotations

import pytest
from acd_line import ANNA, MART, Line, queue

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
