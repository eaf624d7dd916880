"""A recorded day replays to the same state."""

from __future__ import annotations

from acd_line import ANNA, FIRST, MART, Line

from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.journal import RecordedEngine, replay
from softswitch.ids import IdSource


def test_replay_with_ticks() -> None:
    line = Line([ANNA, MART])
    line.call(10.0)
    line.at(30.0)  # not answered: on to Mart
    line.hang_up(line.answer(), 60.0)
    line.at(95.0)
    assert (None, 30.0) in line.driven.lines
    assert replay(line.settings, IdSource(FIRST), line.driven.lines).digest() == line.engine.digest()
    half = replay(line.settings, IdSource(FIRST), line.driven.lines[:-1])
    assert half.digest() != line.engine.digest()


def test_a_recorded_engine_has_the_contract_of_an_engine() -> None:
    settings = Line([ANNA]).settings
    plain, recorded = Engine(settings, IdSource()), RecordedEngine(Engine(settings, IdSource()))
    for one in (plain, recorded):
        one.handle(m.PhoneRegistered(ANNA), 0.0)
        one.handle(m.CallerEntered(1, settings.queues[0].id, "", None, "en", None), 1.0)  # type: ignore[arg-type]
    assert recorded.next_deadline() == plain.next_deadline() == 21.0
    assert recorded.tick(21.0) == plain.tick(21.0)
