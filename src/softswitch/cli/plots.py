"""Small plots for the terminal: bars of block characters, which need no colour to be read."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(value: float, most: float, width: int) -> str:
    """`value` of `most` as a bar of so many characters, to an eighth of one."""
    if most <= 0 or value <= 0:
        return ""
    eighths = round(min(value / most, 1.0) * width * 8)
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def table(*headings: tuple[str, str]) -> Table:
    found = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading, justify in headings:
        found.add_column(Text(heading), justify=justify, overflow="fold")  # type: ignore[arg-type]
    return found


def pair_of_bars(rows: Sequence[tuple[str, float | None, float | None]], unit: str, names: tuple[str, str]) -> Table:
    """Two bars below each other for every row: what happened, and what would have."""
    most = max((value for _, *both in rows for value in both if value is not None), default=0.0)
    found = table(("", "left"), ("", "left"), (unit, "left"))
    for label, *values in rows:
        for number, value in enumerate(values):
            shown = "" if value is None else f" {value:.0f}"
            style = "" if number == 0 else "magenta"
            name = Text(names[number], style=style)
            line = Text(bar(value or 0.0, most, 40) + shown, style=style)
            found.add_row(Text("" if number else label), name, line)
    return found
