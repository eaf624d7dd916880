"""Runs the benchmarks of the single rooms one after another: `make bench`. One table, then one JSON line.

Each benchmark is a program of its own in this folder that ends its output with one JSON object on a line. What it
prints besides goes to stderr here, so that this program's stdout can be read by another.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
BENCHMARKS = ("bench_sip.py", "bench_acd.py", "bench_journal.py", "bench_media.py", "bench_idle.py")


def last_object(output: str) -> dict[str, Any] | None:
    """The last line that is a JSON object."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                return found
    return None


def run(program: Path, options: list[str]) -> dict[str, Any]:
    done = subprocess.run([sys.executable, str(program), *options], stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", file=sys.stderr, flush=True)
    figures = last_object(done.stdout)
    if done.returncode or figures is None:
        return {"failed": f"exit status {done.returncode}"}
    return figures


def rows(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Every figure on a row, nested ones with their path."""
    found: list[tuple[str, str]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            found += rows(value, f"{prefix}{name}.")
        elif isinstance(value, float):
            found.append((prefix + name, f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"))
        elif isinstance(value, int) and not isinstance(value, bool):
            found.append((prefix + name, f"{value:,}"))
        elif isinstance(value, str):
            found.append((prefix + name, value))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="for example: acd sip")
    args = parser.parse_args()
    wanted = [HERE / name for name in BENCHMARKS if not args.only or name[6:-3] in args.only]
    if not wanted:
        raise SystemExit(f"known are: {', '.join(name[6:-3] for name in BENCHMARKS)}")
    results = {program.stem.removeprefix("bench_"): run(program, []) for program in wanted}
    table = Table(title="softswitch, room by room", title_justify="left")
    table.add_column("room")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for room, figures in results.items():
        for name, value in rows(figures):
            table.add_row(room, name, value)
        table.add_section()
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 110).print(table)
    print(json.dumps(results))
    raise SystemExit(any("failed" in figures for figures in results.values()))


if __name__ == "__main__":
    main()
