"""What phones watch of the queues: told at once when somebody begins to watch, then at each change, and never else."""

from __future__ import annotations

from typing import Any

from tests.call.house import ANNA, EVERYDAY, MART, House

from softswitch.acd import messages as acd
from softswitch.app.lamps import Lamps
from softswitch.ids import AgentId
from softswitch.sip.messages import LampLit, WatchChanged


class Floor(House):
    """A house in which the lamps hear everything that is sent and posted."""

    def __init__(self) -> None:
        self.lit: list[LampLit] = []
        self.lamps: Lamps | None = None
        super().__init__()
        self.lamps = Lamps(self.engine, self.lit.append)

    def _deliver(self, message: Any) -> None:
        super()._deliver(message)
        if self.lamps is not None and isinstance(message, Lamps.heard):
            self.lamps.hear(message)

    def watch(self, kind: str, name: str, watched: bool = True) -> None:
        assert self.lamps is not None
        self.lamps.hear(WatchChanged(kind, name, watched))


def test_presence() -> None:
    floor = Floor()
    floor.register(ANNA)
    assert floor.lit == [], "nobody watches"
    floor.watch("presence", "anna")
    assert floor.lit == [LampLit("presence", "anna", "ready", "")]
    floor.post(acd.AgentWentOnBreak(ANNA, "lunch"))
    assert floor.lit[-1] == LampLit("presence", "anna", "break", "lunch")
    floor.register(MART)
    assert {each.name for each in floor.lit} == {"anna"}
    floor.watch("presence", "anna", watched=False)
    seen = len(floor.lit)
    floor.post(acd.AgentWentReady(ANNA))
    assert len(floor.lit) == seen


def test_who_waits_in_a_queue() -> None:
    floor = Floor()
    floor.register(ANNA)
    floor.post(acd.AgentWentOnBreak(ANNA, "x"))
    floor.watch("queue", EVERYDAY)
    leg = floor.to_queue()
    other = floor.to_queue("+3725550002")
    assert [each.count for each in floor.lit] == [0, 1, 2]
    floor.bye(leg)
    floor.bye(other)
    assert [each.count for each in floor.lit][-2:] == [1, 0]


def test_call_backs_to_make() -> None:
    floor = Floor()
    floor.watch("message-summary", "anna")
    floor.register(ANNA)
    first = floor.to_queue()
    floor.answer(floor.ringing()[0])
    floor.wait(30)
    floor.bye(first)
    floor.wait(15)
    floor.to_queue("+3725550002")
    floor.answer(floor.ringing()[0])
    again = floor.to_queue()  # she talks; he chooses to be called back by her
    floor.press(again, "3")
    assert floor.of(acd.SavePromise)[0].agent == ANNA
    assert floor.lit[-1] == LampLit("message-summary", "anna", count=1)


def test_unknown_names_are_nothing() -> None:
    floor = Floor()
    floor.watch("presence", AgentId("nobody"))
    assert floor.lit == []


def test_many_lamps_are_told_of_what_has_changed_alone() -> None:
    floor = Floor()
    floor.register(ANNA)
    first = floor.to_queue()
    floor.answer(floor.ringing()[0])
    floor.wait(30)
    floor.bye(first)
    floor.wait(15)
    floor.to_queue("+3725550002")
    floor.answer(floor.ringing()[0])
    for name in ("anna", "mart", "li"):
        floor.watch("message-summary", name)
    seen = len(floor.lit)
    assert seen == 3
    again = floor.to_queue()
    floor.press(again, "3")
    assert floor.lit[seen:] == [LampLit("message-summary", "anna", count=1)]
    floor.watch("message-summary", "anna", watched=False)
    floor.watch("message-summary", "anna")
    assert floor.lit[-1] == LampLit("message-summary", "anna", count=1), "who watches anew is told"
