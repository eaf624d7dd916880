"""Erlang's formulas against published numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.acd.erlang import average_speed_of_answer, erlang_b, erlang_c, service_level

TABLE = [
    # load, handle seconds, agents, C, service level within 20 s, average speed of answer
    (10, 180, 13, 0.2853, 0.7956, 17.12),
    (10, 180, 14, 0.1741, 0.8884, 7.84),
    (48, 240, 54, 0.3013, 0.8172, 12.05),
]


@pytest.mark.parametrize(("load", "handle_seconds", "agents", "waiting", "level", "speed"), TABLE)
def test_table(load: float, handle_seconds: float, agents: int, waiting: float, level: float, speed: float) -> None:
    assert erlang_c(load, agents) == pytest.approx(waiting, abs=5e-5)
    assert service_level(load, agents, handle_seconds, 20) == pytest.approx(level, abs=5e-5)
    assert average_speed_of_answer(load, agents, handle_seconds) == pytest.approx(speed, abs=5e-3)


def test_erlang_b_of_one_agent_is_the_share_of_time_busy() -> None:
    assert erlang_b(1.0, 1) == pytest.approx(0.5)
    assert erlang_b(3.0, 0) == 1.0


def test_a_line_that_never_catches_up() -> None:
    assert erlang_c(14, 13) == 1.0
    assert service_level(13, 13, 180, 20) == 0.0
    assert average_speed_of_answer(13, 13, 180) == float("inf")


def test_negative_load_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        erlang_b(-1, 3)


@given(st.floats(0.1, 200), st.integers(1, 300))
def test_one_more_agent_never_hurts(load: float, agents: int) -> None:
    assert 0.0 <= erlang_b(load, agents) <= 1.0
    assert 0.0 <= erlang_c(load, agents) <= 1.0
    assert erlang_b(load, agents + 1) <= erlang_b(load, agents)
    assert erlang_c(load, agents + 1) <= erlang_c(load, agents)
    assert erlang_b(load, agents) <= erlang_c(load, agents) + 1e-12
