"""The sheet that the parts of the media report write their rows on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table


@dataclass(frozen=True)
class Row:
    """`met` None: there is no target, or it was not measured."""

    name: str
    value: str
    target: str = ""
    met: bool | None = None


@dataclass
class Report:
    rows: list[Row] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=lambda: {"bench": "media-report"})

    def add(self, name: str, value: str, target: str = "", met: bool | None = None) -> None:
        self.rows.append(Row(name, value, target, met))


@dataclass(frozen=True)
class Run:
    seconds: float
    folder: Path
    driver: Path | None
    quick: bool


def table(report: Report) -> Table:
    made = Table(title="Media process", title_justify="left")
    for name, justify in (("figure", "left"), ("value", "right"), ("target", "right"), ("", "left")):
        made.add_column(name, justify=justify)  # type: ignore[arg-type]
    for row in report.rows:
        verdict = "" if row.met is None else "[green]met[/]" if row.met else "[red]missed[/]"
        made.add_row(row.name, row.value, row.target, verdict)
    return made
