"""Random lines under random days: more than a million events in one run of the tests, every rule after every event.

A failing day is shrunk to the fewest steps that still fail, and printed so that it can be pasted into a test."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from random_day import Day, failure, report, shrunk
from random_line import Step, random_day, random_line

from softswitch.acd import matching
from softswitch.acd import messages as m
from softswitch.acd.eligibility import Pool
from softswitch.acd.strategy import STRATEGIES
from softswitch.acd.waiting import Place

PARTS = 20
EVENTS = 50_000  # of each part, and the rest of a day; together more than a million
STEPS = 700


def day(seed: int) -> tuple[m.AcdSettings, list[Step]]:
    random = Random(seed)
    settings = random_line(random)
    return settings, list(random_day(random, settings, STEPS))


@pytest.mark.parametrize("part", range(PARTS))
def test_a_million_events_on_random_lines_keep_every_rule(part: int) -> None:
    events, seed = 0, part * 10_000
    while events < EVENTS:
        settings, script = day(seed)
        played = Day(settings)
        try:
            played.play(script)
        except Exception as error:
            pytest.fail(f"seed {seed}: {error!r}; shrunk:\n{report(settings, script)}")
        events += played.events
        seed += 1


def test_the_lines_use_everything_a_queue_can_be_told() -> None:
    found: dict[str, int] = {}

    def note(name: str, here: bool) -> None:
        found[name] = found.get(name, 0) + here

    for seed in range(200):
        settings = random_line(Random(seed))
        note("deputy", any(agent.deputy for agent in settings.agents))
        note("relief", settings.relief is not None)
        for queue in settings.queues:
            for order in STRATEGIES:
                note(order, queue.order == order)
            for at_once in (0, 2, 3):
                note(f"rings {at_once}", queue.ring_at_once == at_once)
            note("relaxes", bool(queue.relax))
            note("tiers", queue.tier_after_seconds is not None)
            note("prefers", bool(queue.prefers))
            note("weight", queue.weight != 1.0)
            note("full", queue.most_waiting is not None)
            note("calls back", queue.call_back is not None)
            note("calls the lost back", queue.call_back_lost)
            note("guards", queue.sticky is not None and queue.sticky.line_in_a_row is not None)
    assert min(found.values()) >= 10, found


def test_the_days_have_everything_in_them() -> None:
    """Each kind of command, outcome, end of a ring and of a promise comes about, and restarts on the way."""
    seen: dict[Any, int] = dict.fromkeys([*m.Outcome, *m.RingEnd, *m.AgentState], 0)
    promises: dict[str, int] = {}
    restarts = 0
    for seed in range(90):
        settings, script = day(seed)
        played = Day(settings)
        witness(played, seen)
        played.play(script)
        restarts += played.restarts
        for state in played.invariants.promises.values():
            promises[state] = promises.get(state, 0) + 1
    assert restarts > 5
    assert min(seen.values()) > 0, seen
    assert min(promises[state] for state in ("kept", "broken", "withdrawn", "late")) > 0, promises


def witness(played: Day, seen: dict[Any, int]) -> None:
    """Counts what comes out of the engine."""
    judge = played.rules.seen

    def watching(engine: Any, commands: list[m.Command], now: float) -> None:
        for command in commands:
            word: Any = None
            if isinstance(command, m.InteractionEnded):
                word = command.outcome
            elif isinstance(command, m.RingEnded):
                word = command.end
            elif isinstance(command, m.AgentStateChanged):
                word = command.state
            if word is not None:
                seen[word] += 1
        judge(engine, commands, now)

    played.rules.seen = watching  # type: ignore[method-assign]


def test_a_fault_is_found_and_shrunk_to_a_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that serves the youngest first is caught, and what is printed fails by itself."""

    def youngest(floor: Any, line: list[Place], agent: Any) -> Place | None:
        return line[-1] if line else None

    monkeypatch.setattr(matching, "_first_for", youngest)
    seed = next(seed for seed in range(200) if "overtaken" in failure(*day(seed)))
    settings, script = day(seed)
    short = shrunk(settings, script)
    assert len(short) <= 8 < len(script)
    assert "overtaken" in failure(settings, short)
    told: dict[str, Any] = {}
    exec(report(settings, script).split("\n", 1)[1], {name: getattr(m, name) for name in m.__all__}, told)
    assert "overtaken" in failure(told["settings"], told["script"])
    monkeypatch.undo()
    assert failure(settings, script) == ""


def test_a_pool_that_is_forgotten_too_early_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pool, "count", lambda pool, state, by: None)
    assert any(failure(*day(seed)) for seed in range(5))
