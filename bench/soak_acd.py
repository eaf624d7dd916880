"""A long run of the ACD engine on random lines under random days: 100 million events, every rule after every event.

Each day is a line of its own with 700 random steps and a restart now and then (`tests/sim/random_line.py`); days are
numbered by their seed, so a failing one can be repeated. What fails is shrunk to the fewest steps and printed. Memory
is bounded: a day is forgotten when it is over.

    python bench/soak_acd.py [--events 100000000] [--seed 0] [--jobs 2]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic, process_time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "sim"))

from random_day import Day, report
from random_line import random_day, random_line

STEPS = 700
DAYS = 40  # in one part of the work; a worker tells what it found after each
LEAST = 10_000


@dataclass
class Found:
    """What so many days had in them."""

    days: int = 0
    events: int = 0
    callers: int = 0
    promises: int = 0
    restarts: int = 0
    cpu_seconds: float = 0.0
    rss_kb: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Found) -> None:
        self.days += other.days
        self.events += other.events
        self.callers += other.callers
        self.promises += other.promises
        self.restarts += other.restarts
        self.cpu_seconds += other.cpu_seconds
        self.rss_kb = max(self.rss_kb, other.rss_kb)
        self.failed += other.failed


def days(first: int) -> Found:
    """The days from this seed on."""
    found, began = Found(), process_time()
    for seed in range(first, first + DAYS):
        random = Random(seed)
        settings = random_line(random)
        script = list(random_day(random, settings, STEPS))
        day = Day(settings)
        try:
            day.play(script)
        except Exception:
            found.failed.append((seed, report(settings, script)))
        found.days += 1
        found.events += day.events
        found.callers += day.invariants.offered
        found.promises += len(day.invariants.promises)
        found.restarts += day.restarts
    found.cpu_seconds = process_time() - began
    found.rss_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found


def run(events: int, seed: int, jobs: int, progress: Progress) -> Found:
    """Until there were so many events, or a day has failed."""
    total = Found()
    bar = progress.add_task("events", total=events)
    seeds = iter(range(seed, sys.maxsize, DAYS))
    with ProcessPoolExecutor(jobs) as pool:
        running: set[Future[Found]] = {pool.submit(days, first) for first in _next(seeds, jobs * 2)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                total.add(one.result())
            progress.update(bar, completed=min(total.events, events))
            if total.events < events and not total.failed:
                running |= {pool.submit(days, first) for first in _next(seeds, len(done))}
    return total


def _next(seeds: Iterator[int], count: int) -> list[int]:
    return [next(seeds) for _ in range(count)]


def table(found: Found, seconds: float) -> Table:
    made = Table(title="ACD soak", title_justify="left")
    made.add_column("figure")
    made.add_column("value", justify="right")
    for name, value in (
        ("events, each checked", f"{found.events:,}"),
        ("days, each on a line of its own", f"{found.days:,}"),
        ("callers", f"{found.callers:,}"),
        ("promises of a call-back", f"{found.promises:,}"),
        ("restarts from a snapshot", f"{found.restarts:,}"),
        ("events per second", f"{found.events / max(seconds, 1e-9):,.0f}"),
        ("CPU per event with its checks, µs", f"{found.cpu_seconds / max(found.events, 1) * 1e6:.1f}"),
        ("largest process, MB", f"{found.rss_kb / 1024:.0f}"),
        ("days that failed", str(len(found.failed))),
    ):
        made.add_row(name, value)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first day")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    if args.events < LEAST or args.jobs < 1:
        parser.error(f"at least {LEAST} events and 1 job")
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
    )
    began = monotonic()
    with progress:
        found = run(args.events, args.seed, args.jobs, progress)
    seconds = monotonic() - began
    Console(width=None if sys.stdout.isatty() else 100).print(table(found, seconds))
    for seed, text in found.failed:
        print(f"\nThe day of seed {seed} fails:\n{text}")
    figures = {"bench": "soak-acd", "events": found.events, "days": found.days, "seconds": round(seconds, 1)}
    print(json.dumps({**figures, "rss_kb": found.rss_kb, "failed": [seed for seed, _ in found.failed]}))
    raise SystemExit(bool(found.failed))


if __name__ == "__main__":
    main()
