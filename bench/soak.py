"""Calls for half an hour, and a look at what stays behind: memory, descriptors, open calls. `make soak`.

The standard workload runs in rounds of a minute. After each round the switch rests until its calls are over; then its
process tree is measured. Exit status 1 when memory grew by more than 10 % between the end of the second round (every
cache is warm) and the last, when descriptors were left behind, or when a call failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from bank_of import Bank, write_bank
from switch_under_test import BenchError, SwitchUnderTest, Workload, left_behind

HERE = Path(__file__).resolve().parent
SETTLE_SECONDS = 12.0  # an answered transaction is remembered for 64 * T1 at most; the last descriptors go much earlier
ALLOWED_GROWTH = 1.10
ALLOWED_DESCRIPTORS = 8


def verdict(rounds: list[dict[str, Any]]) -> list[str]:
    """What is wrong, in words; empty when nothing is."""
    if len(rounds) < 3:
        return ["fewer than three rounds say nothing"]
    warm, last = rounds[1], rounds[-1]
    wrong = []
    if last["rss_kb"] > warm["rss_kb"] * ALLOWED_GROWTH:
        wrong.append(f"memory grew from {warm['rss_kb']} to {last['rss_kb']} kB")
    if last["descriptors"] > warm["descriptors"] + ALLOWED_DESCRIPTORS:
        wrong.append(f"descriptors grew from {warm['descriptors']} to {last['descriptors']}")
    failed = sum(each["started"] - each["ok"] for each in rounds)
    if failed:
        wrong.append(f"{failed} calls failed")
    return wrong


def soak(args: argparse.Namespace, workload: Workload) -> list[dict[str, Any]]:
    bank = Bank(agents=200)
    write_bank(args.out / "bank", bank)
    options = ["--quiet-wait", "1", "--retries", "0", "--server", f"127.0.0.1:{bank.sip_port}", "--domain", "127.0.0.1"]
    load = ["cps", "--cps", str(args.cps), "--duration", str(args.round_seconds), "--hold-ms", "1000"]
    rounds: list[dict[str, Any]] = []
    end = time.monotonic() + args.minutes * 60
    with SwitchUnderTest(args.out / "bank", bank.http_port, 0, args.out / "switch-soak.log") as switch:
        while time.monotonic() < end:
            result = workload.run("soak", switch.pid, options, *load)
            time.sleep(SETTLE_SECONDS)
            gen = result["runs"][0]["gen"]
            rounds.append({"started": gen["started"], "ok": gen["ok"], **left_behind(switch.pid)})
            print(json.dumps(rounds[-1]), file=sys.stderr, flush=True)
    return rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", type=Path, default=HERE.parent.parent / "shared" / "bench")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--cps", type=int, default=40)
    parser.add_argument("--round-seconds", type=int, default=60)
    parser.add_argument("--out", type=Path, default=HERE / "out")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        rounds = soak(args, Workload(args.driver.resolve(), args.out, gen_core=1))
    except BenchError as problem:
        raise SystemExit(str(problem)) from None
    wrong = verdict(rounds)
    calls = sum(each["started"] for each in rounds)
    print(json.dumps({"calls": calls, "rounds": len(rounds), "first": rounds[0], "last": rounds[-1], "wrong": wrong}))
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
