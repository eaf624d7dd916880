"""The media process against its targets, one row each, with the machine's own limit and rtpengine in the same run.

    relay        CPU per relayed packet, as a multiple of a bare C loop that only receives and sends (`udprelay.c`), and
                 beside rtpengine in user space when it is installed
    capacity     G.711 calls on one core with so few late packets
    prompts      the gaps between the packets of a prompt while the switch's core is busy and pauses
    memory, browser legs, recording, transcoding, mixing: what each costs

The media process runs on core 0, the generator on core 1. The standard driver (its folder with acdbench.py, acdload.c
and udprelay.c) is needed for the first two; without it they are left out.

    python bench/media_report.py [--quick] [--driver FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

sys.path.insert(0, str(Path(__file__).resolve().parent))

import bench_media
import media_extras
from media_sheet import Report, Run, table

ROOT = Path(__file__).resolve().parent.parent
DRIVER = ROOT.parent / "shared" / "bench"
LATE_MS = 40.0
COMMAND = [sys.executable]


# ------------------------------------------------------------------ relay, beside the floor and rtpengine


@contextmanager
def rtpengine(run: Run) -> Iterator[tuple[int, str]]:
    """The peer in user space on core 0: its process and where it takes orders."""
    control = f"127.0.0.1:{bench_media.free_ports(1, ('127.0.0.1', '127.0.0.1'))[0][0]}"
    process = subprocess.Popen(
        [
            *("taskset", "-c", "0", "rtpengine", "--foreground", "--table=-1", "--interface=127.0.0.1"),
            *(f"--listen-ng={control}", "--port-min=32768", "--port-max=60000", "--log-level=1", "--log-stderr"),
            *("--pidfile", str(run.folder / "rtpengine.pid")),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.pid, control
    finally:
        process.kill()
        process.wait()


def peer(run: Run, calls: int) -> float | None:
    """µs of CPU per packet that rtpengine relays."""
    assert run.driver is not None
    if shutil.which("rtpengine") is None:
        return None
    legs = run.folder / "legs"
    with rtpengine(run) as (pid, control):
        setup = [sys.executable, str(run.driver / "rtprelay_legs.py"), "rtpengine", "--ng", control]
        for _ in range(20):  # until it takes orders; each try waits for an answer
            made = subprocess.run([*setup, "--calls", str(calls), "--out", str(legs)], capture_output=True, check=False)
            if made.returncode == 0:
                break
            time.sleep(0.25)
        else:
            return None
        out = bench_media.run_driver(run.driver, pid, legs, run.folder / "out.json", run.seconds, "rtpengine")
    return float(out["us_per_packet"])


def relay(run: Run, report: Report) -> None:
    if run.driver is None:
        report.add("relay", "not measured: the standard driver is not here")
        return
    figures = report.figures["relay"] = {}
    for calls in (400,) if run.quick else (400, 1000):
        floor = bench_media.measure_floor(calls, run.seconds, run.folder, run.driver)
        ours = bench_media.measure_driver(calls, run.seconds, run.folder, run.driver, COMMAND)
        theirs = peer(run, calls)
        figures[calls] = {"ours": ours, "floor_us": floor, "rtpengine_us": theirs}
        us, latency = ours["us_per_packet"], ours["latency_us"]
        if floor:
            value = f"{us:.2f} / {floor:.2f} = {us / floor:.2f}"
            report.add(f"relay, {calls} calls: µs per packet / C floor", value, "≤ 1.6", us / floor <= 1.6)
        if floor:
            # Asterisk took 20.5 µs where the floor took 4.9 (peers-figures)
            report.add(
                f"relay, {calls} calls: Asterisk's, a third of it",
                f"{us / floor:.2f} floors",
                "≤ 1.4",
                us <= 1.4 * floor,
            )
        if theirs:
            value = f"{us:.2f} / {theirs:.2f} = {us / theirs:.2f}"
            report.add(f"relay, {calls} calls: beside rtpengine", value, "≤ 1", us <= theirs)
        p50, p99 = latency["p50"] / 1000, latency["p99"] / 1000
        value = f"{p50:.1f} / {p99:.1f}"
        report.add(f"added latency, {calls} calls, p50 / p99, ms", value, "≤ 2 / 10", 0 <= p50 <= 2 and 0 <= p99 <= 10)


def capacity(run: Run, report: Report) -> None:
    if run.driver is None:
        return
    steps = (1500,) if run.quick else (1500, 1800)
    figures = report.figures["capacity"] = {}
    for calls in steps:
        one = bench_media.measure_driver(calls, run.seconds, run.folder, run.driver, COMMAND)
        figures[calls] = one
        latency = one["latency_us"]
        few = 0 <= latency["p999"] <= LATE_MS * 1000
        late = "< 0.1 %" if few else "< 1 %" if 0 <= latency["p99"] <= LATE_MS * 1000 else "≥ 1 %"
        busy = one["us_per_packet"] * calls * 100 / 1e4
        value = f"late > 40 ms {late}, lost {one['loss_pct']:.2f} %, core {busy:.0f} %"
        target = "late < 0.5 %" if calls == 1500 else ""
        report.add(f"{calls} calls on one core", value, target, few and one["loss_pct"] < 0.5 if target else None)


# ------------------------------------------------------------------ the rest

BUSY = """
import os, time
os.sched_setaffinity(0, {0})
began = time.monotonic()
second = 0
while time.monotonic() - began < float(SECONDS):
    now = time.monotonic()
    pause = int(now - began) > second
    second = int(now - began)
    until = now + (0.05 if pause else 0.006)
    while time.monotonic() < until:
        pass
    time.sleep(0.004)
"""


def prompts(run: Run, report: Report) -> None:
    """500 callers hear music; on the same core the switch's part is played by a process that is 60 % busy and once a
    second does not leave the core for 50 ms."""
    legs, seconds = 500, max(run.seconds, 4.0)
    busy = subprocess.Popen([sys.executable, "-c", BUSY.replace("SECONDS", str(seconds + 10))])
    try:
        figures = bench_media.measure_pacing(legs, seconds, run.folder, COMMAND)
    finally:
        busy.kill()
        busy.wait()
    report.figures["prompts"] = figures
    p99 = figures["gap_ms"]["p99"]
    report.add("500 callers hear prompts, core 60 % busy: p99 gap, ms", f"{p99:.1f}", "≤ 24", p99 <= 24)
    report.add("a prompt's frame, µs of CPU", f"{figures['us_per_frame']:.2f}")


def memory(run: Run, report: Report) -> None:
    kinds = {"plain": "", "SDES": "sdes", "browser": "browser"}  # the browsers' own memory: `media_extras.browsers`
    found = {
        name: bench_media.measure_own(100, min(run.seconds, 4.0), run.folder, COMMAND, kind)
        for name, kind in kinds.items()
    }
    report.figures["own"] = found
    kb = {name: one["rss_kb_per_call"] for name, one in found.items()}
    value = f"{kb['plain']:.0f} / {kb['SDES']:.0f}"
    report.add("memory of a call: plain / SDES, kB", value, "≤ 40", max(kb["plain"], kb["SDES"]) <= 40)
    # of a browser's call half of the packets are received from and half sent to the encrypted leg
    share = found["browser"]["us_per_packet"] * 100 / 1e4
    report.add("a call with a browser (PCMU), % of a core", f"{share:.2f}", "≤ 1.2", share <= 1.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute: enough to see a trend")
    parser.add_argument("--driver", type=Path, default=DRIVER if DRIVER.is_dir() else None)
    parser.add_argument("--only", help="a part by its name: " + ", ".join(sorted(PARTS)))
    args = parser.parse_args()
    if args.only and args.only not in PARTS:
        parser.error(f"there is no part {args.only!r}; parts: {', '.join(sorted(PARTS))}")
    os.sched_setaffinity(0, {1 if (os.cpu_count() or 1) > 1 else 0})
    report = Report()
    parts = {args.only: PARTS[args.only]} if args.only else PARTS
    progress = Progress(
        TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True)
    )
    with tempfile.TemporaryDirectory() as name, progress:
        run = Run(3.0 if args.quick else 8.0, Path(name), args.driver, args.quick)
        bar = progress.add_task("", total=len(parts))
        for title, part in parts.items():
            progress.update(bar, description=title)
            part(run, report)
            progress.advance(bar)
    Console(width=None if sys.stdout.isatty() else 120).print(table(report))
    print(json.dumps(report.figures))


PARTS: dict[str, Callable[[Run, Report], None]] = {
    "relay": relay,
    "capacity": capacity,
    "prompts": prompts,
    "memory": memory,
    **media_extras.PARTS,
}

if __name__ == "__main__":
    main()
