"""`softswitch fairness`."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.cli.fairness import jain, report


def row(agent: str, on_duty: float, calls: int, share: float | None) -> dict[str, Any]:
    return {
        "agent": agent, "name": agent.title(), "on_duty_seconds": on_duty, "calls": calls, "talk_share": share,
        "sticky_share": 0.5 if calls else None, "chats_served": 2,
    }  # fmt: skip


def test_evenness() -> None:
    assert jain([0.5, 0.5, 0.5]) == pytest.approx(1.0)
    assert jain([0.9, 0.0, 0.0]) == pytest.approx(1 / 3)
    assert jain([]) is None and jain([0.0]) is None


def test_each_agent_beside_the_mean() -> None:
    found = report([row("anna", 7200.0, 12, 0.6), row("mart", 3600.0, 2, 0.2), row("li", 5.0, 0, None)])
    assert [one["agent"] for one in found["agents"]] == ["anna", "mart"]
    assert [one["beside_mean_points"] for one in found["agents"]] == [20.0, -20.0]
    assert [one["calls_per_hour"] for one in found["agents"]] == [6.0, 2.0]
    assert found["not_counted"] == 1 and found["evenness"] == 0.8


async def test_the_command(cli: Any, url: str) -> None:
    done = await cli("fairness", "--url", url)
    assert done.status == 0, done
    assert "Evenness" in done.out and "occupied" in done.out
