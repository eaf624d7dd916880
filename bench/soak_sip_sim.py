"""Millions of dialogs through the simulated network of `tests/sip/storm.py`, one seed after the other on every core.

    make soak-sip-sim                        a million calls
    make soak-sip-sim ARGS="--calls 20000"   fewer
    make soak-sip-sim ARGS="--seed 4711 --weather stormy --calls 2000"   one seed again
    make soak-sip-sim ARGS="--switch --calls 20000"   with call core and queues between the stacks

Exit status 1 when a rule was broken; the line names the seed that repeats it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.sip.bank_storm import play_bank
from tests.sip.storm import WEATHERS, play

A_SEED = 2000  # calls of one seed
A_SEED_OF_THE_SWITCH = 200


def one(seed: int, weather: str, calls: int, switch: bool) -> tuple[str, Counter[str], str]:
    """What happened, and what went wrong ('' when nothing did)."""
    try:
        return weather, (play_bank if switch else play)(seed, weather, calls).seen, ""
    except AssertionError as problem:
        words = " --switch" if switch else ""
        return weather, Counter(), f"--seed {seed} --weather {weather} --calls {calls}{words}: {problem}"


def table(seen: dict[str, Counter[str]], seconds: float) -> Table:
    found = Table(title=f"{seconds:.0f} s")
    rows = {
        "dialogs": "InviteReceived", "answered": "InviteAnswered", "answered 487": "487", "glares": "491",
        "CANCEL": "CANC", "PRACK": "PRAC", "UPDATE": "UPDA", "connections reset": "reset",
        "ended by time-out": "TIMEOUT",
    }  # fmt: skip
    total = sum(seen.values(), Counter[str]())
    found.add_column("")
    for weather in (*seen, "all"):
        found.add_column(weather, justify="right")
    for name, key in rows.items():
        found.add_row(name, *(str(counts[key]) for counts in (*seen.values(), total)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1000, help="of the first run")
    parser.add_argument("--weather", choices=[*WEATHERS, "all"], default="all")
    parser.add_argument("--switch", action="store_true", help="the whole switch instead of the SIP room alone")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    weathers = list(WEATHERS) if args.weather == "all" else [args.weather]
    size = A_SEED_OF_THE_SWITCH if args.switch else A_SEED
    runs = [
        (args.seed + number // len(weathers), weathers[number % len(weathers)], min(size, args.calls), args.switch)
        for number in range(max(1, round(args.calls / size)))
    ]
    seen: dict[str, Counter[str]] = {name: Counter() for name in weathers}
    wrong: list[str] = []
    begin = time.monotonic()
    with Progress() as progress, ProcessPoolExecutor(args.jobs) as pool:
        task = progress.add_task("dialogs", total=len(runs))
        for done in as_completed([pool.submit(one, *run) for run in runs]):
            weather, counts, problem = done.result()
            seen[weather] += counts
            wrong += [problem] if problem else []
            progress.advance(task)
    console = Console()
    console.print(table(seen, time.monotonic() - begin))
    for problem in wrong:
        console.print(problem, markup=False)
    console.print("every rule held" if not wrong else f"{len(wrong)} runs broke a rule")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
