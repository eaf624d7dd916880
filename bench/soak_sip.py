"""Calls beside a flood for ten minutes: nobody who calls may notice, and nothing may grow. `make soak-sip`.

    make soak-sip                                       10 minutes, 30 calls and 5 000 hostile packets a second
    make soak-sip ARGS="--minutes 1 --cps 10"           shorter

The flood is REGISTER without a login, OPTIONS, a scanner's name and garbage, from 200 addresses over UDP; beside it one
scanner a second connects over TCP, each from an address of its own. Exit status 1 when 0.1 % of the calls failed, when
memory grew by more than a tenth in the second half (every table is full by then), when setting up took longer than a
second for one call in twenty, or when an address was banned for a datagram that may have been forged.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import socket
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.table import Table

from bank_of import Bank, write_bank
from bench_flood import cpu_seconds, hostile
from sip_parties import Gateway, Phones, Tally
from switch_under_test import BenchError, SwitchUnderTest, left_behind

HERE = Path(__file__).resolve().parent
ALLOWED_FAILURES = 0.001
ALLOWED_GROWTH = 1.10
SLOWEST_P95_MS = 1000.0
MOST_BANS = 10_000  # of `sip.guard`
AGENTS = 120
HOLD_SECONDS = 1.0
_BANS = re.compile(r'^softswitch_bans(?:\{reason="([a-z]+)"\})? ([0-9.]+)$', re.MULTILINE)


@dataclass(frozen=True)
class Sample:
    seconds: float
    rss_kb: int
    descriptors: int
    bans: int
    cpu_seconds: float


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def bans(http_port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/metrics", timeout=5) as answer:
        return int(sum(float(number) for _, number in _BANS.findall(answer.read().decode())))


async def scanners(port: int) -> int:
    """One TCP connection a second, each from another address, until it is cancelled. Returns how many."""
    number = 0
    while True:
        number += 1
        host = f"127.2.{number >> 8 & 255}.{number & 255}"
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
            writer.write(hostile("scanner", number, host))
            await writer.drain()
            writer.close()
        await asyncio.sleep(1.0)


async def calls(gateway: Gateway, cps: float) -> None:
    running: set[asyncio.Task[None]] = set()
    begin, number = time.monotonic(), 0
    try:
        while True:
            number += 1
            task = asyncio.create_task(gateway.call(number, HOLD_SECONDS))
            running.add(task)
            task.add_done_callback(running.discard)
            await asyncio.sleep(max(0.0, begin + number / cps - time.monotonic()))
    except asyncio.CancelledError:
        await asyncio.gather(*running)  # those that have begun end in their own time
        raise


async def watch(args: argparse.Namespace, bank: Bank, pid: int, tally: Tally) -> list[Sample]:
    samples: list[Sample] = []
    begin, spent = time.monotonic(), cpu_seconds(pid)
    seconds = args.minutes * 60
    with Progress(*Progress.get_default_columns(), TextColumn("{task.fields[note]}")) as progress:
        task = progress.add_task("calls under fire", total=seconds, note="")
        while (passed := time.monotonic() - begin) < seconds:
            await asyncio.sleep(min(args.every, seconds - passed) + 0.01)
            passed = time.monotonic() - begin
            left = left_behind(pid)
            now = await asyncio.to_thread(bans, bank.http_port)
            samples.append(Sample(passed, left["rss_kb"], left["descriptors"], now, cpu_seconds(pid) - spent))
            failed = sum(tally.wrong.values())
            note = f"{tally.started} calls, {failed} failed, {left['rss_kb'] // 1024} MB, {now} bans"
            progress.update(task, completed=passed, note=note)
    return samples


async def soak(args: argparse.Namespace, bank: Bank, pid: int, tally: Tally) -> tuple[list[Sample], int]:
    switch = ("127.0.0.1", bank.sip_port)
    phones = Phones(switch, range(1001, 1001 + bank.agents))
    gateway = Gateway(switch, phones, tally)
    await phones.open()
    await gateway.open()
    await phones.register()
    words = ["--flood", "--kind", "mixed", "--rate", str(args.rate), "--sources", "200", "--port", str(bank.sip_port)]
    command = [sys.executable, str(HERE / "bench_flood.py"), *words, "--seconds", str(args.minutes * 60)]
    attacker = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    tasks = [asyncio.create_task(calls(gateway, args.cps)), asyncio.create_task(scanners(bank.sip_port))]
    try:
        samples = await watch(args, bank, pid, tally)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        sent = int((await asyncio.wait_for(attacker.communicate(), 30.0))[0] or 0)
        phones.close()
        gateway.close()
    return samples, sent


def p95(times: list[float]) -> float:
    return sorted(times)[int(0.95 * (len(times) - 1))] if times else float("inf")


def verdict(tally: Tally, samples: list[Sample]) -> list[str]:
    """What is wrong, in words; empty when nothing is."""
    wrong = []
    failed = tally.started - tally.good
    if not tally.started or failed >= ALLOWED_FAILURES * tally.started:
        wrong.append(f"{failed} of {tally.started} calls failed: {tally.wrong}")
    if p95(tally.setups) > SLOWEST_P95_MS:
        wrong.append(f"setting up took {p95(tally.setups):.0f} ms for one call in twenty")
    if len(samples) < 3:
        return [*wrong, "fewer than three samples say nothing of memory"]
    warm, last = samples[len(samples) // 2], samples[-1]
    if last.rss_kb > warm.rss_kb * ALLOWED_GROWTH:
        wrong.append(f"memory grew from {warm.rss_kb} to {last.rss_kb} kB")
    # One connected scanner a second; a ban more than that was for a datagram.
    if last.bans > min(MOST_BANS, last.seconds + 5):
        wrong.append(f"{last.bans} bans after {last.seconds:.0f} s")
    return wrong


def table(tally: Tally, samples: list[Sample], sent: int) -> Table:
    last = samples[-1]
    found = Table(title="calls under fire")
    found.add_column("")
    found.add_column("", justify="right")
    found.add_row("hostile packets a second", f"{sent / last.seconds:.0f}")
    found.add_row("calls", str(tally.started))
    found.add_row("failed", f"{tally.started - tally.good}")
    found.add_row(
        "set-up, median and p95", f"{sorted(tally.setups)[len(tally.setups) // 2]:.1f} ms, {p95(tally.setups):.1f} ms"
    )
    found.add_row("CPU", f"{100 * last.cpu_seconds / last.seconds:.0f} % of a core")
    found.add_row(
        "memory, half-way and at the end", f"{samples[len(samples) // 2].rss_kb // 1024} MB, {last.rss_kb // 1024} MB"
    )
    found.add_row("descriptors", str(last.descriptors))
    found.add_row("bans", str(last.bans))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--cps", type=float, default=30.0)
    parser.add_argument("--rate", type=int, default=5000, help="hostile packets a second")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two looks at memory")
    parser.add_argument("--core", type=int, default=0, help="of the switch")
    parser.add_argument("--out", type=Path, default=HERE / "out")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    bank = Bank(AGENTS, free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM), 21000, 23999)
    directory = args.out / "fire"
    write_bank(directory, bank)
    line = directory / "line.yaml"
    both = f"listen: [udp://127.0.0.1:{bank.sip_port}, tcp://127.0.0.1:{bank.sip_port}]"
    text = re.sub(r"^listen: .*$", both, line.read_text(), flags=re.MULTILINE)
    line.write_text(text + "defence: { never_ban: [127.0.0.1] }   # the attackers have loopback addresses too\n")
    tally = Tally()
    try:
        with SwitchUnderTest(directory, bank.http_port, args.core, args.out / "fire.log") as switch:
            samples, sent = asyncio.run(soak(args, bank, switch.pid, tally))
    except BenchError as problem:
        raise SystemExit(str(problem)) from None
    (args.out / "fire.json").write_text(json.dumps([asdict(sample) for sample in samples]))
    console = Console()
    console.print(table(tally, samples, sent))
    wrong = verdict(tally, samples)
    console.print("; ".join(wrong) if wrong else "every limit held", markup=False)
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
