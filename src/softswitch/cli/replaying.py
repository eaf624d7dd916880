"""`softswitch replay`: a recorded day against another configuration or staffing, side by side, and how sure that is."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime, tzinfo
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from softswitch.acd import messages as m
from softswitch.acd.journal import JournalError, settings_hash
from softswitch.acd.whatif.compare import Row, compared, runs
from softswitch.acd.whatif.figures import PERIOD, Figures
from softswitch.acd.whatif.recorded import RecordedDay, read, staffed
from softswitch.cli.floor import FloorError
from softswitch.cli.past import segments, zone_of
from softswitch.cli.plots import pair_of_bars, table
from softswitch.cli.simulating import FORMULAS, NAMES, engine_for, settings_of, shown

SHORT = {
    "asa_seconds": "ASA",
    "wait_p50_seconds": "wait p50",
    "wait_p90_seconds": "wait p90",
    "wait_max_seconds": "wait max",
    "promises_kept_percent": "promises",
}
BETTER_WHEN_MORE = ("service_level_percent", "promises_kept_percent")


def replay(
    journal: Path, config: Path | None, agents: int, seeds: int, seed: int, timezone: str | None
) -> dict[str, Any]:
    zone = zone_of(timezone)
    try:
        day = read(segments(journal))
    except JournalError as error:
        raise FloorError(f"{journal}: {error}") from None
    other = staffed(day.settings if config is None else settings_of(config)[0], agents)
    if not other.agents:
        raise FloorError(f"--agents {agents}: nobody would be left.")
    changed = settings_hash(other) != settings_hash(day.settings)
    numbers = range(seed, seed + seeds)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} of {task.total} days"),
        TimeRemainingColumn(), console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    ) as progress:  # fmt: skip
        task = progress.add_task("Replaying", total=seeds * (2 if changed else 1))
        same = runs(day, day.settings, numbers, Random, lambda: progress.advance(task), engine_for)
        theirs = runs(day, other, numbers, Random, lambda: progress.advance(task), engine_for) if changed else same
    rows = compared(day.happened, same, theirs)
    return {
        "journal": str(journal),
        "against": _against(config, agents, changed),
        "seeds": seeds,
        "callers": len(day.visits),
        "agents": [len(day.settings.agents), len(other.agents)],
        "notes": _notes(day, other, same),
        "figures": [{**asdict(row), "sure": row.sure} for row in rows],
        "formulas": FORMULAS,
        "sentence": _sentence(rows, seeds, changed),
        "hours": _hours(day.happened, same, theirs, zone),
    }


def _against(config: Path | None, agents: int, changed: bool) -> str:
    if not changed:
        return "the same configuration"
    what = "the recorded configuration" if config is None else str(config)
    count = abs(agents)
    people = f"{count} agent{'s' if count != 1 else ''} {'more' if agents > 0 else 'fewer'}"
    return f"{what} with {people}" if agents else what


def _notes(day: RecordedDay, other: m.AcdSettings, same: list[Figures]) -> list[str]:
    """What a reader has to know before he believes it."""
    found = []
    if day.torn_bytes:
        found.append(f"The last {day.torn_bytes} bytes were not written to their end and are left out.")
    if day.differs:
        found.append("Replayed, the record does not reach the state that was noted: another version wrote it.")
    if day.left_out:
        who = "1 caller is" if day.left_out == 1 else f"{day.left_out} callers are"
        found.append(f"{who} left out: in the line when the record began or ended, or lost by a restart.")
    if day.restarts:
        found.append(f"The switch was started {day.restarts + 1} times.")
    gone = {visit.event.queue for visit in day.visits} - {queue.id for queue in other.queues}
    if gone:
        found.append(f"Their queue is not there: callers of {', '.join(sorted(gone))} are left out.")
    hung_up = day.habits.patience.hung_up
    if hung_up < 20:
        who = {0: "Nobody", 1: "Only one caller"}.get(hung_up, f"Only {hung_up} callers")
        found.append(f"{who} hung up: how long the others would have waited is little more than a guess.")
    model = same[0].values()["offered"] if same else None
    if model is not None and abs(model - day.happened.total.offered) > 0.02 * day.happened.total.offered:
        found.append("The simulated day has another number of callers than the recorded one.")
    return found


def _sentence(rows: list[Row], seeds: int, changed: bool) -> str:
    """The answer, and how sure it is."""
    (level,) = [row for row in rows if row.name == "service_level_percent"]
    if not changed:
        return f"The same configuration: the difference to what happened is the error of the model, over {seeds} seeds."
    if level.difference is None:
        return "Nothing can be said about the service level."
    way = "higher" if level.difference.mean > 0 else "lower"
    by = f"{abs(level.difference.mean):.1f} points {way}"
    between = f"between {level.difference.low:+.1f} and {level.difference.high:+.1f} on 90 of 100 such days"
    error = ""
    if level.happened is not None and level.same is not None:
        error = f" The model misses what happened by {abs(level.same.mean - level.happened):.1f} points."
    sure = "sure" if level.sure else "not sure"
    agree = round(level.agreeing * seeds)
    return f"Service level {by}, {between}; {sure}: {agree} of {seeds} seeds agree on the sign.{error}"


def _hours(happened: Figures, same: list[Figures], theirs: list[Figures], zone: tzinfo | None) -> list[dict[str, Any]]:
    found = []
    for hour, period in sorted(happened.periods.items()):
        found.append(
            {
                "hour": datetime.fromtimestamp(hour * PERIOD, zone).strftime("%H:%M"),
                "offered": period.offered,
                "mean_wait_seconds": _mean_wait([happened], hour),
                "same_mean_wait_seconds": _mean_wait(same, hour),
                "other_mean_wait_seconds": _mean_wait(theirs, hour),
            }
        )
    return found


def _mean_wait(figures: list[Figures], hour: int) -> float | None:
    periods = [one.periods[hour] for one in figures if hour in one.periods]
    ended = sum(period.ended for period in periods)
    return round(sum(period.waited for period in periods) / ended, 1) if ended else None


# ------------------------------------------------------------------ showing it


def show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    console = Console()
    console.print(
        Text(f"{found['callers']} callers; what happened, beside {found['against']}.", style="bold"), soft_wrap=True
    )
    console.print()
    rows = table(
        ("", "left"), ("happened", "right"), ("simulated", "right"), ("would be", "right"), ("90 of 100", "left"),
        ("change", "right"), ("", "left"),
    )  # fmt: skip
    for row in found["figures"]:
        name = row["name"]
        if name in NAMES:
            rows.add_row(*_cells(name, row))
    console.print(rows)
    console.print()
    for name, title in NAMES.items():
        console.print(Text(f"{SHORT.get(name, title)} = {FORMULAS[name]}", style="dim"), soft_wrap=True)
    console.print()
    console.print(Text(found["sentence"], style="bold"), soft_wrap=True)
    for note in found["notes"]:
        console.print(Text(note), soft_wrap=True)
    console.print()
    hours = [(row["hour"], row["mean_wait_seconds"], row["other_mean_wait_seconds"]) for row in found["hours"]]
    console.print(pair_of_bars(hours, "mean wait, seconds", ("happened", "would be")))


def _cells(name: str, row: dict[str, Any]) -> list[Text]:
    same, other, difference = row["same"], row["other"], row["difference"]
    change, style = "", ""
    if difference is not None and row["sure"]:
        good = (difference["mean"] > 0) == (name in BETTER_WHEN_MORE)
        style = "" if name == "occupancy_percent" else "bold green" if good else "bold red"
    if difference is not None:
        unit = "" if name.endswith("_percent") else " s"
        change = f"{difference['mean']:+.1f}{unit}"
    between = "" if other is None else f"{shown(name, other['low']).removesuffix(' %')}–{shown(name, other['high'])}"
    sure = "" if difference is None or difference["mean"] == 0 else "sure" if row["sure"] else "not sure"
    return [
        Text(SHORT.get(name, NAMES[name])),
        Text(shown(name, row["happened"])),
        Text(shown(name, same["mean"] if same else None), style="dim"),
        Text(shown(name, other["mean"] if other else None), style="bold"),
        Text(between),
        Text(change, style=style),
        Text(sure),
    ]
