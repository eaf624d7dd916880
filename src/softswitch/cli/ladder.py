"""A traced call as a ladder: one column for each side that speaks, the switch among them, time downwards.

Arrows and words say everything; bold only marks what opens and ends a call, so it reads on light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from softswitch.cli.floor import plain

_WIDTH, _NARROWEST = 26, 18
_SWITCH = "softswitch"
_BOLD = ("INVITE", "BYE", "CANCEL")


def ladder(messages: Sequence[dict[str, Any]], room: int | None = None) -> Text:
    """`messages` as the API gives them. `room`: the columns of a terminal that it should fit into."""
    parties: list[str] = []
    for message in messages:
        if message["peer"] not in parties:
            parties.append(message["peer"])
    columns = [*parties[:1], _SWITCH, *parties[1:]]
    width = _WIDTH if room is None else max(_NARROWEST, min(_WIDTH, (room - 13) // len(columns)))
    text = Text(no_wrap=True)
    text.append(" " * 13 + "".join(f"{plain(name):^{width}}" for name in columns).rstrip() + "\n")
    middle = columns.index(_SWITCH)
    for message in messages:
        at = columns.index(message["peer"])
        rightwards = (at > middle) == message["outgoing"]
        label = plain(message["label"])
        style = "bold" if label.startswith(_BOLD) else ""
        text.append(f"{message['time'][11:23]} ")
        text.append(_line(len(columns), width, min(at, middle), max(at, middle), label, rightwards), style=style)
        text.append("\n")
    return text


def _line(columns: int, width: int, left: int, right: int, label: str, rightwards: bool) -> str:
    """Bars at every column, between two of them an arrow with its label."""
    half = width // 2
    cells = list(" " * (columns * width))
    for column in range(columns):
        cells[column * width + half] = "|"
    first, last = left * width + half + 1, right * width + half
    room = last - first - 2
    word = label if len(label) <= room else label[: room - 1] + "…"
    arrow = f"{word:-^{room}}"
    cells[first:last] = f"-{arrow}>" if rightwards else f"<{arrow}-"
    return "".join(cells).rstrip()
