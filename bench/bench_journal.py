"""What the ACD's journal costs: the load of bench_acd with and without it, packing the groups included.

`percent` is CPU time of the journal over CPU time inside the engine; both runs are the same calls, the smallest of
several rounds counts. `header_ms` is the snapshot that each new file begins with.

    python bench/bench_journal.py [--calls 40000] [--agents 500] [--queues 8] [--rounds 5]
"""

from __future__ import annotations

import argparse
import gc
import json
from time import process_time
from typing import Any

import bench_acd
from softswitch.acd import journal

GROUP = 100  # callers between two groups: half a second at 200 calls a second


def run(args: argparse.Namespace, recorded: bool) -> tuple[float, int, bench_acd.Line]:
    """CPU seconds, bytes, and the line."""
    line = bench_acd.Line(args)
    lines: list[Any] = []
    if recorded:
        line.engine.floor.ids = journal.NotedIds(line.engine.floor.ids, lines)
        line.engine = journal.RecordedEngine(line.engine, lines)  # type: ignore[assignment]
    callers = line.prepare(args.calls)
    gc.collect()
    size = 0
    began = process_time()
    for at in range(0, len(callers), GROUP):
        line.run(callers[at : at + GROUP], measured=False)
        if lines:
            size += len(journal.group(lines, 0.0))
            lines.clear()
    return process_time() - began, size, line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=40_000)
    parser.add_argument("--agents", type=int, default=500)
    parser.add_argument("--queues", type=int, default=8)
    parser.add_argument("--occupancy", type=float, default=0.85)
    parser.add_argument("--sticky", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    pairs = [(run(args, False)[0], run(args, True)) for _ in range(args.rounds)]
    plain = min(one for one, _ in pairs)
    seconds, size, _ = min((one for _, one in pairs), key=lambda one: one[0])
    timed = bench_acd.Line(args)
    timed.run(timed.prepare(args.calls), measured=True)
    began = process_time()
    header = journal.header(timed.engine, 0.0, "bench", 1)
    print(
        json.dumps(
            {
                "bench": "journal",
                "calls": args.calls,
                "engine_us_per_call": round(timed.engine_ns / 1000 / args.calls, 2),
                "journal_us_per_call": round((seconds - plain) * 1e6 / args.calls, 2),
                "percent": round((seconds - plain) * 1e9 / timed.engine_ns * 100, 1),
                "bytes_per_call": round(size / args.calls),
                "header_ms": round((process_time() - began) * 1000, 1),
                "header_bytes": len(header),
            }
        )
    )


if __name__ == "__main__":
    main()
