"""`softswitch simulate`: a day that never was, with the real engine and this configuration."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from softswitch.acd import journal
from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.whatif.day import Day, Habits
from softswitch.acd.whatif.figures import Figures, Period
from softswitch.acd.whatif.invented import OPEN, PATTERNS, everybody, visits
from softswitch.acd.whatif.patience import Patience
from softswitch.cli.floor import FloorError, duration
from softswitch.cli.plots import bar, table
from softswitch.config import ConfigProblems, load_without_secrets
from softswitch.config.kinds import Word
from softswitch.config.strategies import strategies
from softswitch.ids import IdSource

PROGRESS_FROM = 3_000  # calls
MONDAY = 4 * 86400.0  # 1970-01-05: a simulated day has no date

FORMULAS = {
    "service_level_percent": "answered within the queue's T / (offered - gone within 5 s)",
    "abandoned_percent": "hung up while waiting / offered",
    "asa_seconds": "mean wait of those answered",
    "wait_p50_seconds": "of everybody, up to answer, hang-up or overflow",
    "wait_p90_seconds": "of everybody, likewise",
    "wait_max_seconds": "of everybody, likewise",
    "promises_kept_percent": "kept / (kept + broken)",
    "occupancy_percent": "ringing, talking, wrap-up / the same + ready",
}
NAMES = {
    "service_level_percent": "service level",
    "abandoned_percent": "abandoned",
    "asa_seconds": "speed of answer (ASA)",
    "wait_p50_seconds": "wait, half within",
    "wait_p90_seconds": "wait, 90 % within",
    "wait_max_seconds": "wait, longest",
    "promises_kept_percent": "promises kept",
    "occupancy_percent": "occupancy",
}


def shown(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name.endswith("_percent"):
        return f"{value:.1f} %"
    return duration(value) if name.endswith("_seconds") else f"{value:.0f}"


def settings_of(directory: Path) -> tuple[m.AcdSettings, tuple[str, ...]]:
    try:
        settings = load_without_secrets(directory)
    except ConfigProblems as error:
        first = str(error.problems[0])
        raise FloorError(f"The configuration cannot be used: {first}") from None
    except OSError as error:
        raise FloorError(f"{directory}: {error.strerror}.") from None
    return settings.acd, settings.call.languages


def seconds_of(text: str | None, option: str) -> float | None:
    """3m, 90s, 1h30m or plain seconds."""
    if text is None:
        return None
    from softswitch.config.problems import Place, Report
    from softswitch.config.tree import Scalar
    from softswitch.config.values import duration as kind

    report = Report()
    word: Word[float] = kind(1, 86400)
    value = word.read(Scalar(Place(option, 0), text, True), report)
    if report.problems:
        raise FloorError(f"{option} {text}: write a time like 90s, 3m or 1h.")
    return value


def engine_for(settings: m.AcdSettings, ids: IdSource | None = None) -> Engine:
    """An engine that knows the orders of other packages as well."""
    orders = strategies(queue.order for queue in settings.queues)
    return Engine(settings, ids or IdSource(1 << 40), strategies=orders)


class Recording:
    """A journal of the simulated day, as the live switch would have written it."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.parts: list[bytes] = []

    def engine(self, settings: m.AcdSettings) -> Any:
        engine = engine_for(settings, journal.NotedIds(IdSource(1 << 40), self.lines))
        self.parts.append(journal.header(engine, MONDAY, "simulated", 1))
        return journal.RecordedEngine(engine, self.lines)

    def write(self, path: Path, engine: Engine) -> None:
        self.parts += [journal.group(self.lines, MONDAY), journal.mark(engine)]
        try:
            path.write_bytes(b"".join(self.parts))
        except OSError as error:
            raise FloorError(f"{path}: {error.strerror}.") from None


def simulate(
    directory: Path,
    calls: int,
    pattern: str,
    seed: int,
    talk: str | None,
    patience: str | None,
    returning: float,
    journal_file: Path | None,
) -> Figures:
    settings, languages = settings_of(directory)
    if pattern not in PATTERNS:
        raise FloorError(f"--pattern {pattern}: there are {', '.join(PATTERNS)}.")
    lots = Random(seed)
    callers = visits(
        settings, calls, PATTERNS[pattern], lots, seconds_of(talk, "--talk"),
        None if patience == "endless" else seconds_of(patience, "--patience"), returning / 100.0, languages,
    )  # fmt: skip
    habits = Habits(Patience(()), {}, answers_after=tuple(2.0 + 4.0 * lots.random() for _ in range(97)), lets_ring=0.02)
    recording = Recording() if journal_file is not None else None
    make: Callable[[m.AcdSettings], Any] = recording.engine if recording is not None else engine_for
    day = Day(settings, callers, everybody(settings, OPEN), habits, lots, make)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} of {task.total} calls"),
        TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        disable=calls < PROGRESS_FROM or not sys.stderr.isatty(),
    ) as progress:  # fmt: skip
        task = progress.add_task("Simulating", total=calls)
        figures = day.run(lambda: progress.advance(task))
    if recording is not None and journal_file is not None:
        recording.write(journal_file, day.engine)
    return figures


# ------------------------------------------------------------------ showing it


def hours(figures: Figures) -> list[tuple[str, Period]]:
    return [(f"{hour % 24:02}:00", period) for hour, period in sorted(figures.periods.items())]


def document(figures: Figures, facts: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {
            "hour": hour, "offered": one.offered, "answered": one.answered, "answered_within": one.within,
            "abandoned": one.abandoned, "overflowed": one.overflowed, "call_backs": one.offered - one.ended,
            "service_level_percent": None if one.level is None else round(one.level, 1),
            "mean_wait_seconds": round(one.waited / one.ended, 1) if one.ended else None,
        }
        for hour, one in hours(figures)
    ]  # fmt: skip
    values = {name: None if value is None else round(value, 2) for name, value in figures.values().items()}
    return {**facts, "figures": values, "formulas": FORMULAS, "hours": rows}


def show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    console = Console()
    most = max((row["offered"] for row in found["hours"]), default=0)
    rows = table(
        ("hour", "left"), ("calls", "right"), ("answered", "right"), ("hung up", "right"), ("passed on", "right"),
        ("call-back", "right"), ("level", "right"), ("wait", "right"), ("", "left"),
    )  # fmt: skip
    for row in found["hours"]:
        level = row["service_level_percent"]
        style = (
            "bold red" if level is not None and level < 60 else "magenta" if level is not None and level < 80 else ""
        )
        rows.add_row(
            *(
                Text(str(row[name]))
                for name in ("hour", "offered", "answered", "abandoned", "overflowed", "call_backs")
            ),
            Text(shown("_percent", level), style=style),
            Text(shown("_seconds", row["mean_wait_seconds"])),
            Text(bar(row["offered"], most, 14 if console.width >= 88 else 7)),
        )
    console.print(rows)
    console.print()
    console.print(totals(found["figures"]))


def totals(values: dict[str, float | None]) -> Any:
    rows = table(("", "left"), ("", "right"), ("", "left"))
    rows.show_header = False
    for name, title in NAMES.items():
        rows.add_row(Text(title), Text(shown(name, values[name]), style="bold"), Text(FORMULAS[name], style="dim"))
    return rows
