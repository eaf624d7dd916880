"""The whole switch under the standard call-queue workload, beside the C floor and the peers' figures.

    make bench-calls                    all of it, about eight minutes on an idle machine of two cores
    make bench-calls ARGS=--quick       a minute: enough to see whether a change helped
    make bench-calls ARGS="--only signalling"

The switch runs on core 0, generator and driver on core 1. Prints one JSON line, then a table; progress goes to stderr.
The raw results stay in bench/out. A figure comes from the whole process tree of the switch, media process included.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bank_of import Bank, write_bank
from peers import ROWS
from switch_under_test import BenchError, SwitchUnderTest, Workload

HERE = Path(__file__).resolve().parent
PHASES = ("signalling", "maxcps", "media", "floor")

Figures = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How long and how hard."""

    driver_options: tuple[str, ...]
    signalling: tuple[str, ...]
    maxcps: tuple[str, ...]
    media: tuple[str, ...]
    calls: int  # of the largest media step, also the floor's
    measure: str
    rate: int  # CPS of the signalling point that is quoted


FULL = Plan(
    driver_options=("--quiet-wait", "10", "--retries", "1", "--max-foreign", "10"),
    signalling=("signalling",),
    maxcps=("maxcps", "--start", "120"),
    media=("media", "--calls", "100,400", "--measure", "10", "--ramp-cps", "25"),
    calls=400,
    measure="10",
    rate=50,
)
QUICK = Plan(
    driver_options=("--quiet-wait", "2", "--retries", "0", "--max-foreign", "1000"),
    signalling=("signalling", "--rates", "50", "--no-prompt-rates", "50", "--duration", "5"),
    maxcps=("maxcps", "--start", "150", "--factor", "1.7", "--duration", "5", "--bisect", "0", "--limit", "260"),
    media=("media", "--calls", "100", "--measure", "4", "--ramp-cps", "50"),
    calls=100,
    measure="4",
    rate=50,
)


def p50(run: dict[str, Any], name: str) -> float | None:
    spread = run["gen"]["ms"][name]
    return None if spread is None else round(spread["p50"], 2)


def from_signalling(result: dict[str, Any], rate: int) -> Figures:
    figures: Figures = {"signalling": []}
    for run in result["runs"]:
        gen = run["gen"]
        figures["signalling"].append(
            {
                "did": run["did"],
                "cps": gen["actual_cps"],
                "ok": gen["ok"],
                "started": gen["started"],
                "cpu_ms_per_call": run.get("cpu_ms_per_call"),
                "queue_ms_p50": p50(run, "caller200_to_agent_invite"),
            }
        )
        if abs(gen["actual_cps"] - rate) > 0.1 * rate:
            continue
        if run["did"] == "8001":  # no prompt: from the 200 to the agent's INVITE is the queue alone
            figures["cpu_ms_per_call_8001"] = run.get("cpu_ms_per_call")
            figures["queue_to_agent_invite_p50_ms"] = p50(run, "caller200_to_agent_invite")
        else:
            figures["cpu_ms_per_call"] = run.get("cpu_ms_per_call")
            figures["cpu_ms_per_call_net_of_idle"] = run.get("cpu_ms_per_call_net_of_idle")
            figures["invite_to_200_p50_ms"] = p50(run, "invite_to_200")
            figures["bye_to_agent_bye_p50_ms"] = p50(run, "bye_to_agent_bye")
    return figures


def from_maxcps(result: dict[str, Any]) -> Figures:
    steps = [(run["gen"]["actual_cps"], run["gen"]["ok"], run["gen"]["started"], run) for run in result["runs"]]
    clean = [cps for cps, ok, started, _ in steps if ok == started]
    figures: Figures = {
        "max_cps": result.get("max_cps_under_1pct_failed"),
        "max_cps_none_failed": round(max(clean)) if clean else 0,
        "maxcps": [
            {
                "cps": cps,
                "ok": ok,
                "started": started,
                "cpu_pct": run["server"]["cpu_pct_of_core"],
                "rejected": run["gen"]["reject_codes"],
            }
            for cps, ok, started, run in steps
        ],
    }
    failed = [(cps, ok, started) for cps, ok, started, _ in steps if ok < started]
    if failed:
        cps, ok, started = max(failed)
        figures["overload_ok_pct"] = round(100 * ok / started, 1)
        figures["overload_cps"] = round(cps)
    return figures


def from_media(result: dict[str, Any]) -> Figures:
    figures: Figures = {"media": []}
    fresh = result["runs"][0]["rss_idle_kb"] if result["runs"] else 0
    for run in result["runs"]:
        rtp, bridged = run["gen"]["rtp"], run.get("bridged_at_measure") or 0
        point = {
            "calls": run["gen"]["started"],
            "bridged": bridged,
            "us_per_packet": run.get("cpu_us_per_relayed_packet"),
            "cpu_pct": run["server"]["cpu_pct_of_core"],
            "loss_pct": rtp["loss_pct"],
            "latency_p50_us": rtp["latency_us"]["p50"],
            "latency_p99_us": rtp["latency_us"]["p99"],
            "crossed": rtp["crossed"],
            # against the process as it was before its first call: memory kept from an earlier step counts
            "rss_kb_per_call": round((run["rss_loaded_kb"] - fresh) / bridged, 1) if bridged else None,
        }
        figures["media"].append(point)
        if point["calls"] == 100:
            figures["us_per_packet_100"] = point["us_per_packet"]
    if figures["media"]:
        last = figures["media"][-1]
        figures["media_calls"] = last["calls"]
        for key in ("us_per_packet", "rss_kb_per_call", "latency_p99_us", "loss_pct"):
            figures[key] = last[key]
    return figures


@dataclass(frozen=True)
class Bench:
    """One go at it: what is measured, with what, on which core."""

    plan: Plan
    workload: Workload
    bank: Bank
    out: Path
    core: int

    def phase(self, name: str) -> Figures:
        plan, bank = self.plan, self.bank
        options = [*plan.driver_options, "--server", f"127.0.0.1:{bank.sip_port}", "--domain", "127.0.0.1"]
        if name == "floor":
            result = self.workload.floor(self.core, plan.calls, options, plan.measure)
            return {"floor_us_per_packet": result["runs"][0]["cpu_us_per_relayed_packet"]}
        words = {"signalling": plan.signalling, "maxcps": plan.maxcps, "media": plan.media}[name]
        agents = "200" if name == "signalling" else str(bank.agents)
        with SwitchUnderTest(self.out / "bank", bank.http_port, self.core, self.out / f"switch-{name}.log") as switch:
            result = self.workload.run(name, switch.pid, [*options, "--agents", agents], *words)
        if name == "signalling":
            return from_signalling(result, plan.rate)
        return from_maxcps(result) if name == "maxcps" else from_media(result)

    def run(self, phases: tuple[str, ...]) -> Figures:
        """All phases; one that could not be measured is named, and does not cost the figures of the others."""
        figures: Figures = {}
        for name in phases:
            try:
                figures |= self.phase(name)
            except BenchError as problem:
                print(f"{name}: {problem}", file=sys.stderr)
                figures.setdefault("not_measured", []).append(name)
        return figures


def table(figures: Figures) -> Table:
    made = Table(title="softswitch and its peers, one core", title_justify="left")
    for name in ("figure", "softswitch", "target", "Asterisk 22", "FreeSWITCH 1.10", "other"):
        made.add_column(name, justify="left" if name == "figure" else "right")
    for row in ROWS:
        ours = figures.get(row.key)
        shown = "-" if ours is None else f"{ours:g}" if isinstance(ours, int | float) else str(ours)
        if row.key == "overload_ok_pct" and ours is not None:
            shown += f" at {figures['overload_cps']} CPS"
        if row.key in ("us_per_packet", "floor_us_per_packet") and figures.get("media_calls", 400) != 400:
            shown += f" (at {figures['media_calls']} calls)"
        made.add_row(row.title, shown, row.target, row.asterisk or "-", row.freeswitch or "-", row.other or "")
    return made


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", type=Path, default=HERE.parent.parent / "shared" / "bench", help="its folder")
    parser.add_argument("--quick", action="store_true", help="about a minute, 100 calls")
    parser.add_argument("--only", choices=PHASES, action="append", help="this phase alone (may be repeated)")
    parser.add_argument("--agents", type=int, default=450)
    parser.add_argument("--out", type=Path, default=HERE / "out")
    parser.add_argument("--core", type=int, default=0, help="of the switch")
    parser.add_argument("--gen-core", type=int, default=1, help="of generator and driver")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        workload = Workload(args.driver.resolve(), args.out, args.gen_core)
    except BenchError as problem:
        raise SystemExit(str(problem)) from None
    bank = Bank(agents=args.agents)
    write_bank(args.out / "bank", bank)
    phases = tuple(args.only or PHASES)
    figures = Bench(QUICK if args.quick else FULL, workload, bank, args.out, args.core).run(phases)
    figures["date"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")  # noqa: TID251  a report's date
    figures["machine"] = f"{platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}"
    figures["quick"] = args.quick
    line = json.dumps(figures)
    (args.out / "calls.json").write_text(line + "\n")
    print(line)
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 140).print(table(figures))
    raise SystemExit("not_measured" in figures)


if __name__ == "__main__":
    main()
