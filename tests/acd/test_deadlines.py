"""The heap of what is due."""

from __future__ import annotations

from acd_line import ANNA, Line

from softswitch.acd import deadlines
from softswitch.acd.deadlines import Deadlines


def test_in_order_of_time_then_of_entry() -> None:
    heap = Deadlines()
    for when, subject in ((5.0, "b"), (3.0, "a"), (5.0, "c")):
        heap.add(when, deadlines.WRAP_UP, subject)
    assert heap.next() == 3.0 and len(heap) == 3
    assert [item[3] for item in iter(lambda: heap.pop_due(5.0), None)] == ["a", "b", "c"]
    assert heap.pop_due(9.0) is None and heap.next() is None


def test_nothing_before_its_time() -> None:
    heap = Deadlines()
    heap.add(5.0, deadlines.WRAP_UP, "a")
    assert heap.pop_due(4.999) is None
    assert heap.pop_due(5.0) is not None


def test_an_answered_ring_wakes_nobody() -> None:
    line = Line([ANNA])
    line.call(10.0)
    assert line.engine.next_deadline() == 30.0
    line.answer(12.0)
    assert line.engine.next_deadline() is None
