"""What `make bench-acd` says of the engine."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import acd_report

GOOD: dict[str, Any] = {
    "calibration": 35.0, "calls_per_second": 45_000, "calls_per_second_best": 50_000, "decision_waiting": 5000,
    "decision_p50_ms": 0.01, "decision_p99_ms": 0.04, "growth_ratio": 1.4, "growth_allowed": 2.18,
    "journal_percent": 12.0, "live_calls": 400, "live_p50_ms": 0.3, "live_p99_ms": 1.2, "live_cpu_p99_ms": 0.7,
}  # fmt: skip


def missed(**changes: Any) -> list[str]:
    return [title for title, _, _, met in acd_report.rows(GOOD | changes) if met is False]


def test_each_target_is_met_or_missed() -> None:
    assert missed() == []
    assert len(missed(calls_per_second=39_999)) == 1
    assert len(missed(decision_p99_ms=1.1, growth_ratio=2.2, journal_percent=15.1, live_p99_ms=5.1)) == 4


def test_growth_is_drawn() -> None:
    costs = {50: 20.0, 500: 24.0, 5000: 30.0}
    lines = acd_report.plot(costs).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["50", "500", "5000"]
    assert lines[1].count("█") < lines[3].count("█") and all("|" in line for line in lines[1:])
    picture = ElementTree.fromstring(acd_report.svg(costs))
    assert len(picture.findall("{http://www.w3.org/2000/svg}polyline")) == 2


def test_the_engine_is_measured() -> None:
    figures = acd_report.decisions(agents=20, queues=4, waiting=60, steps=200)
    assert figures["decision_waiting"] >= 60 and figures["decisions"] > 50
    assert 0 <= figures["decision_p50_ms"] <= figures["decision_p99_ms"] <= figures["decision_max_ms"]
    growth = acd_report.growth((20, 40), rounds=1, calls=100)
    assert set(growth["growth_us_per_call"]) == {20, 40} and growth["growth_ratio"] > 0
    assert acd_report.calibration() > 0.1
