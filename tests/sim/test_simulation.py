"""The line under a random day, the invariants checked after every event."""

from __future__ import annotations

import pytest
from simulation import FIRST_ID, Habits, Simulation, bank

from softswitch.acd.journal import replay
from softswitch.acd.messages import Outcome, PromiseState
from softswitch.ids import IdSource


@pytest.mark.slow
def test_two_hundred_thousand_calls_keep_every_rule() -> None:
    simulation = Simulation(bank(), Habits(), seed=2026)
    simulation.run(200_000)
    seen = simulation.invariants
    assert seen.offered >= 200_000
    assert sum(seen.outcomes.values()) + len(seen.callers) == seen.offered
    for outcome in Outcome:  # the day had everything in it
        assert seen.outcomes[outcome] > 100, outcome
    states = list(seen.promises.values())
    for state in PromiseState:
        assert state is PromiseState.OPEN or states.count(state.value) >= 10, state


@pytest.mark.parametrize("seed", range(4))
def test_replay_of_the_record_gives_the_live_state(seed: int) -> None:
    settings = bank(agents=12, seed=seed)
    simulation = Simulation(settings, Habits(calls_per_second=0.05), seed, record=True)
    driven = simulation.driven
    simulation.run(1500)
    assert replay(settings, IdSource(FIRST_ID), driven.lines).digest() == simulation.engine.digest()  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(6))
def test_an_overloaded_line_keeps_every_rule(seed: int) -> None:
    """Many more callers than agents: long lines, no-offer entries, wait limits and overflow all the time."""
    habits = Habits(
        calls_per_second=0.4, patience_seconds=500.0, refuses=0.15, lets_ring=0.1, break_every_seconds=900.0
    )
    simulation = Simulation(bank(agents=9, seed=seed), habits, seed)
    simulation.run(1500)
    assert simulation.invariants.outcomes[Outcome.OVERFLOWED] > 0


def test_the_same_seed_gives_the_same_day() -> None:
    digests = set()
    for _ in range(2):
        simulation = Simulation(bank(agents=10), Habits(), seed=5)
        simulation.run(800)
        digests.add(simulation.engine.digest())
    assert len(digests) == 1
