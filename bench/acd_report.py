"""The ACD engine against its targets: `make bench-acd`. A table, a plot, one JSON line.

    calibration        a fixed loop of pure Python, in this very run: compare figures of two machines by it
    calls per second   500 agents, 8 queues, skills, languages and sticky routing; per second of CPU
    journal            the CPU that recording adds to the engine's own, packing included
    decision           1 000 agents, 50 queues, 5 000 waiting: from an event to its commands
    growth             cost of an event from 50 to 5 000 agents, beside the logarithm

All times are CPU time of this process, medians of rounds in turns, so other work on the machine does not count as
ours (its effect on caches and clock speed does). The plot is written to bench/out/acd-growth.svg as well.

    python bench/acd_report.py [--quick] [--live]
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable
from math import log2
from pathlib import Path
from random import Random
from statistics import median
from time import process_time, thread_time_ns
from typing import Any

from rich.console import Console
from rich.table import Table

import bench_acd
import bench_journal
from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.ids import IdSource

OUT = Path(__file__).resolve().parent / "out"
SIZES = (50, 100, 200, 500, 1000, 2000, 5000)
CALLS, DECISION_MS, JOURNAL_PERCENT, LIVE_MS = 40_000, 1.0, 15.0, 5.0

Figures = dict[str, Any]


def calibration() -> float:
    """Million rounds of a fixed loop per CPU second."""
    began, total = process_time(), 0
    for number in range(1_000_000):
        total += number & 7
    assert total
    return round(1.0 / (process_time() - began), 2)


def options(**changes: Any) -> argparse.Namespace:
    told = {"agents": 500, "queues": 8, "occupancy": 0.85, "sticky": 0.2, "seed": 1, "calls": 10_000}
    return argparse.Namespace(**(told | changes))


# ------------------------------------------------------------------ throughput and journal


def throughput(rounds: int, calls: int) -> Figures:
    """The same calls in every round. The journal is the difference of two large numbers: the best rounds count."""
    args = options(calls=calls)
    plain, recorded, inside, speeds = [], [], [], []
    for _ in range(rounds):
        speeds.append(calibration())
        took, _, line = bench_journal.run(args, recorded=False)
        plain.append(took)
        took, size, _ = bench_journal.run(args, recorded=True)
        recorded.append(took)
        inside.append(_inside(args))
    return {
        "calibration": round(median(speeds), 2),
        "calls_per_second": round(line.ended / median(plain)),
        "calls_per_second_best": round(line.ended / min(plain)),
        "journal_percent": round((min(recorded) - min(plain)) / min(inside) * 100, 1),
        "journal_bytes_per_call": round(size / calls),
    }


def _inside(args: argparse.Namespace) -> float:
    """CPU seconds inside the engine alone, for the same calls."""
    line = bench_acd.Line(args)
    callers = line.prepare(args.calls)
    gc.collect()
    spent = [0]
    line.engine = Timed(line.engine, spent)  # type: ignore[assignment]
    line.run(callers, measured=False)
    return spent[0] / 1e9


class Timed:
    """An engine with the CPU time of each entry into it, less what measuring takes."""

    def __init__(self, engine: Engine, spent: list[int], each: list[int] | None = None) -> None:
        self._engine, self._spent, self._each = engine, spent, each
        self.next_deadline = engine.next_deadline
        self._empty = min(_nothing() for _ in range(1000))

    def handle(self, event: m.Event, now: float) -> list[m.Command]:
        return self._timed(lambda: self._engine.handle(event, now))

    def tick(self, now: float) -> list[m.Command]:
        return self._timed(lambda: self._engine.tick(now))

    def _timed(self, call: Callable[[], list[m.Command]]) -> list[m.Command]:
        began = thread_time_ns()
        commands = call()
        took = max(thread_time_ns() - began - self._empty, 0)
        self._spent[0] += took
        if self._each is not None:
            self._each.append(took)
        return commands


def _nothing() -> int:
    began = thread_time_ns()
    return thread_time_ns() - began


# ------------------------------------------------------------------ decisions under load


def decisions(agents: int = 1000, queues: int = 50, waiting: int = 5000, steps: int = 20_000) -> Figures:
    """Every agent talks and so many wait: an agent is free, the next one is rung, he answers, another one comes."""
    random = Random(7)
    settings = bench_acd.settings(agents, queues, random)
    engine = Engine(settings, IdSource(1 << 40))
    line = bench_acd.Line(options(agents=agents, queues=queues))
    line.engine, line.settings = engine, settings
    for agent in settings.agents:
        engine.handle(m.PhoneRegistered(agent.id), 0.0)
    now, talks = 0.0, []
    number = 0

    def enter() -> None:
        nonlocal number
        number += 1
        facts = line.caller(number)
        obey(engine.handle(facts, now))

    def obey(commands: list[m.Command]) -> None:
        for command in commands:
            if isinstance(command, m.RingAgent):
                obey(engine.handle(m.AgentAnswered(command.attempt), now))
                talks.append(command.attempt)
            elif isinstance(command, m.OfferChoice):
                obey(engine.handle(m.ChoiceMade(command.interaction, m.Choice.COLLEAGUE), now))

    while len(engine.floor.entries) < waiting:
        enter()
        now += 0.001
    spent: list[int] = [0]
    each: list[int] = []
    inner, engine = engine, Timed(engine, spent, each)  # type: ignore[assignment]
    gc.collect()
    gc.freeze()
    for _ in range(steps // 4):
        now += 0.05
        if talks:  # else all write notes
            engine.handle(m.ConversationEnded(talks.pop(random.randrange(len(talks)))), now)
        while (due := inner.next_deadline()) is not None and due <= now:
            obey(engine.tick(due))
        enter()
    gc.unfreeze()
    times = sorted(each)
    return {
        "decision_waiting": len(inner.floor.entries),
        "decision_p50_ms": round(times[len(times) // 2] / 1e6, 4),
        "decision_p99_ms": round(times[len(times) * 99 // 100] / 1e6, 4),
        "decision_max_ms": round(times[-1] / 1e6, 4),
        "decisions": len(times),
    }


# ------------------------------------------------------------------ growth


def growth(sizes: tuple[int, ...], rounds: int, calls: int) -> Figures:
    """µs of CPU inside the engine per call, for each number of agents, the sizes in turns."""
    found: dict[int, list[float]] = {size: [] for size in sizes}
    for number in range(rounds):
        for size in sizes:
            args = options(agents=size, calls=calls, seed=number + 1)
            warm = bench_acd.Line(args)
            warm.run(warm.prepare(size * 2), measured=False)
            callers = warm.prepare(calls)
            spent = [0]
            warm.engine = Timed(warm.engine, spent)  # type: ignore[assignment]
            gc.collect()
            warm.run(callers, measured=False)
            found[size].append(spent[0] / 1000 / calls)
    costs = {size: round(median(took), 2) for size, took in found.items()}
    first, last = sizes[0], sizes[-1]
    return {
        "growth_us_per_call": costs,
        "growth_ratio": round(costs[last] / costs[first], 2),
        "growth_allowed": round(log2(last) / log2(first), 2),
    }


def plot(costs: dict[int, float], width: int = 44) -> str:
    """Bars, and a mark where the logarithm would be."""
    sizes = list(costs)
    log = {size: costs[sizes[0]] * log2(size) / log2(sizes[0]) for size in sizes}
    most = max(*costs.values(), *log.values())
    lines = ["µs of CPU per call by number of agents (| is what log n would allow)"]
    for size, cost in costs.items():
        bar = list("█" * max(round(cost / most * width), 1) + " " * width)[: width + 1]
        bar[min(round(log[size] / most * width), width)] = "|"
        lines.append(f"{size:>6} {''.join(bar)} {cost:.1f}")
    return "\n".join(lines)


def svg(costs: dict[int, float]) -> str:
    """The same as a picture: agents on a logarithmic axis."""
    sizes = list(costs)
    allowed = [costs[sizes[0]] * log2(size) / log2(sizes[0]) for size in sizes]
    most = max(*costs.values(), *allowed) * 1.1
    xs = [60 + 500 * (log2(size) - log2(sizes[0])) / (log2(sizes[-1]) - log2(sizes[0])) for size in sizes]

    def path(values: list[float]) -> str:
        return " ".join(f"{x:.0f},{300 - 260 * value / most:.0f}" for x, value in zip(xs, values, strict=True))

    labels = "".join(
        f'<text x="{x:.0f}" y="318" text-anchor="middle">{s}</text>' for x, s in zip(xs, sizes, strict=True)
    )
    steps = "".join(
        f'<text x="52" y="{304 - 260 * part / 4:.0f}" text-anchor="end">{most * part / 4:.0f}</text>'
        for part in range(5)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 340" font-family="sans-serif" font-size="12">'
        '<rect width="600" height="340" fill="white"/><path d="M60 40V300H570" fill="none" stroke="black"/>'
        f'<text x="60" y="24">CPU per call inside the engine, µs, by number of agents</text>{labels}{steps}'
        f'<polyline points="{path(allowed)}" fill="none" stroke="gray" stroke-dasharray="5 4"/>'
        f'<polyline points="{path(list(costs.values()))}" fill="none" stroke="#06c" stroke-width="2"/>'
        '<text x="400" y="60" fill="gray">dashed: log n</text></svg>\n'
    )


def _text(x: float, y: float, anchor: str, word: int) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{word}</text>'


# ------------------------------------------------------------------ the report


def rows(figures: Figures) -> list[tuple[str, str, str, bool | None]]:
    """Title, value, target, whether it is met."""
    found = [
        ("calibration, million loops per CPU s", f"{figures['calibration']:.1f}", "", None),
        (
            "simulated calls per CPU s, 500 agents, skills, sticky",
            f"{figures['calls_per_second']:,} (best {figures['calls_per_second_best']:,})",
            f"≥ {CALLS:,}",
            figures["calls_per_second"] >= CALLS,
        ),
        (
            f"decision p50 / p99, 1 000 agents, {figures['decision_waiting']:,} waiting, ms",
            f"{figures['decision_p50_ms']:.3f} / {figures['decision_p99_ms']:.3f}",
            f"≤ {DECISION_MS:g}",
            figures["decision_p99_ms"] <= DECISION_MS,
        ),
        (
            "cost of a call, 5 000 beside 50 agents",
            f"{figures['growth_ratio']:.2f} times",
            f"≤ {figures['growth_allowed']:.2f} (log n)",
            figures["growth_ratio"] <= figures["growth_allowed"],
        ),
        (
            "journal, % of the engine's CPU",
            f"{figures['journal_percent']:.1f}",
            f"≤ {JOURNAL_PERCENT:g}",
            figures["journal_percent"] <= JOURNAL_PERCENT if figures["journal_percent"] > 0 else None,
        ),
    ]
    if "live_p99_ms" in figures:
        found.append(
            (
                f"live: agent free → INVITE sent, p50 / p99 of {figures['live_calls']}, ms",
                f"{figures['live_p50_ms']:.2f} / {figures['live_p99_ms']:.2f} (CPU {figures['live_cpu_p99_ms']:.2f})",
                f"≤ {LIVE_MS:g}",
                figures["live_p99_ms"] <= LIVE_MS,
            )
        )
    return found


def table(figures: Figures) -> Table:
    made = Table(title="ACD engine", title_justify="left")
    for name in ("figure", "value", "target", ""):
        made.add_column(name, justify="left" if name == "figure" else "right")
    for title, value, target, met in rows(figures):
        made.add_row(title, value, target, "" if met is None else "met" if met else "missed")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="some ten seconds: enough to see a trend")
    parser.add_argument("--live", action="store_true", help="a running switch too: from an agent's ready to her INVITE")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    rounds, calls = (1, 4000) if args.quick else (5, 20_000)
    gc.set_threshold(20_000, 20, 50)  # as `softswitch run` does
    figures: Figures = {"bench": "acd-report"}
    figures |= throughput(rounds, calls)
    figures |= decisions(steps=4000 if args.quick else 20_000)
    figures |= growth(SIZES[::3] if args.quick else SIZES, rounds=1 if args.quick else 3, calls=calls // 4)
    if args.live:
        import acd_live

        figures |= acd_live.measured(args.out, 50 if args.quick else 400)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "acd-growth.svg").write_text(svg(figures["growth_us_per_call"]))
    print(plot(figures["growth_us_per_call"]))
    Console(width=110).print(table(figures))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
