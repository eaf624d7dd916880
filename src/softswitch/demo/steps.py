"""Steps of a demo: what is expected, what was seen, how long it took; run, counted and shown.

A step is a coroutine that drives phones and returns in words what it saw; it raises `Differs` (or a `PhoneTrouble`)
when that is not what was expected. Everything heard and signalled on the way is noted as evidence, with its time.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from softswitch.demo.phones import PhoneTrouble

Scene = TypeVar("Scene")

_COLUMN_WIDTH = 26


class Differs(Exception):
    """Something else was seen than expected; the text says what."""


def ensure(condition: object, seen: str) -> None:
    """What was seen instead, when the condition does not hold."""
    if not condition:
        raise Differs(seen)


@dataclass(frozen=True, slots=True)
class Note:
    """One line of evidence: who saw or heard what, when (CLOCK_MONOTONIC)."""

    at: float
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Step(Generic[Scene]):
    title: str
    expected: str
    act: Callable[[Scene], Awaitable[str]]
    vital: bool = False  # without it nothing else can be shown


@dataclass(frozen=True, slots=True)
class Result:
    step: str
    expected: str
    seen: str
    seconds: float
    ok: bool
    evidence: tuple[Note, ...] = ()


@dataclass(slots=True)
class Report:
    """All results of a run."""

    began: float
    results: list[Result] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return bool(self.results) and all(result.ok for result in self.results)

    @property
    def seconds(self) -> float:
        return sum(result.seconds for result in self.results)

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 1),
            "steps": [
                {
                    "step": result.step,
                    "expected": result.expected,
                    "seen": result.seen,
                    "seconds": round(result.seconds, 2),
                    "ok": result.ok,
                    "evidence": [
                        {"at": round(note.at - self.began, 2), "who": note.who, "what": note.what}
                        for note in result.evidence
                    ],
                }
                for result in self.results
            ],
        }

    def table(self) -> RenderableType:
        """Step, expected, seen, time. Only bold and the two plain ANSI colours: readable on dark and on light."""
        table = Table(title="The bank line at work", title_style="bold", show_lines=True, expand=False)
        table.add_column("", justify="right")
        table.add_column("step", ratio=3)
        table.add_column("expected", ratio=4)
        table.add_column("seen", ratio=5)
        table.add_column("time", justify="right", no_wrap=True)
        for number, result in enumerate(self.results, 1):
            sign = "[green]✓[/]" if result.ok else "[bold red]✗[/]"
            style = "" if result.ok else "bold red"
            words = (Text(word, style) for word in (result.step, result.expected, result.seen))
            table.add_row(f"{number} {sign}", *words, f"{result.seconds:.1f} s")
        return table

    def ladder(self, width: int) -> RenderableType:
        """Everything that was heard and signalled, in the order of time: one column per party where there is room
        for it, one line per event otherwise."""
        notes = sorted((note for result in self.results for note in result.evidence), key=lambda note: note.at)
        parties = list(dict.fromkeys(note.who for note in notes))
        table = Table(title="What was heard and signalled", title_style="bold", box=None, padding=(0, 1))
        table.add_column("s", justify="right", no_wrap=True)
        wide = width >= _COLUMN_WIDTH * len(parties)
        for column in parties if wide else ("who", "what"):
            table.add_column(column, ratio=1 if wide else None)
        for note in notes:
            cells = [note.what if party == note.who else "│" for party in parties] if wide else [note.who, note.what]
            table.add_row(f"{note.at - self.began:.2f}", *map(Text, cells))
        return table


async def run_steps(
    steps: Sequence[Step[Scene]],
    scene: Scene,
    notes: list[Note],
    tidy_up: Callable[[], Awaitable[None]],
    console: Console,
) -> Report:
    """Run the steps in order. After one that differs, the scene is tidied up and the next is tried all the same:
    a demo that shows one fault should still show everything else."""
    report = Report(time.monotonic())
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        bar = progress.add_task("", total=len(steps))
        for step in steps:
            progress.update(bar, description=step.title)
            notes.clear()
            began = time.monotonic()
            try:
                seen, ok = await step.act(scene), True
            except (Differs, PhoneTrouble) as error:
                seen, ok = str(error), False
            except Exception as error:
                seen, ok = f"{type(error).__name__}: {error}", False
            result = Result(step.title, step.expected, seen, time.monotonic() - began, ok, tuple(notes))
            report.results.append(result)
            progress.advance(bar)
            if ok:
                continue
            if step.vital:
                break
            await tidy_up()
    return report
