"""The timer heap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.timers import Timers


def test_order_of_deadline_then_of_start() -> None:
    timers, fired = Timers(), []
    for name, deadline in (("c", 2.0), ("a", 1.0), ("b", 1.0)):
        timers.start(deadline, lambda name=name: fired.append(name))
    assert timers.next_deadline() == 1.0
    timers.run_due(1.5)
    assert fired == ["a", "b"]
    timers.run_due(2.0)
    assert fired == ["a", "b", "c"]
    assert timers.next_deadline() is None


def test_cancelled_timers_are_silent_and_swept() -> None:
    timers = Timers()
    started = [timers.start(float(number), lambda: None) for number in range(10_000)]
    for timer in started[:-1]:
        timers.cancel(timer)
        timers.cancel(timer)
    assert len(timers) == 1
    assert len(timers._heap) < 3000
    assert timers.next_deadline() == 9999.0
    timers.cancel(None)


def test_an_action_may_start_and_cancel() -> None:
    timers, fired = Timers(), []
    second = timers.start(1.0, lambda: fired.append("never"))

    def first() -> None:
        timers.cancel(second)
        timers.start(0.5, lambda: fired.append("at once"))

    timers.start(0.9, first)
    timers.run_due(1.0)
    assert fired == ["at once"]
    assert len(timers) == 0


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=200))
def test_fires_exactly_what_was_not_cancelled(plan: list[tuple[float, bool]]) -> None:
    timers = Timers()
    fired: list[float] = []
    started = [(timers.start(deadline, lambda d=deadline: fired.append(d)), drop) for deadline, drop in plan]
    for timer, drop in started:
        if drop:
            timers.cancel(timer)
    expected = sorted(deadline for deadline, drop in plan if not drop)
    assert len(timers) == len(expected)
    timers.run_due(100.0)
    assert fired == expected
