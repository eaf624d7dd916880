"""Options as the rest of the switch wants them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.config import Overrides


def overrides(listen: Sequence[str], http: str | None, database: str | None, rtp_ports: str | None) -> Overrides:
    """What the command line says instead of the files; the configuration checks the values."""
    from softswitch.config import Overrides

    return Overrides(
        listen=tuple(listen) or None,
        http=http,
        database=database,
        rtp_ports=None if rtp_ports is None else port_range(rtp_ports),
    )


def port_range(text: str) -> tuple[int, int]:
    """20000..29999 -> (20000, 29999)."""
    first, dots, last = text.partition("..")
    if not (dots and first.isdecimal() and last.isdecimal() and 0 < int(first) < int(last) < 65536):
        raise ValueError(f"--rtp-ports: {text!r} is not a range of ports such as 20000..29999")
    return int(first), int(last)


def kind_of_file(name: str) -> str | None:
    """Which of the configuration's schemas describes this file."""
    path = PurePosixPath(name)
    if path.suffix != ".yaml":
        return None
    return "flow" if path.parent.name == "flows" else "line"


def progress_line() -> Callable[[int, int], None]:
    """Shows on one line of the terminal how many prompts are rendered; gone when all are."""

    def show(made: int, total: int) -> None:
        if total:
            text = f"Preparing spoken prompts: {made} of {total}" if made < total else ""
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    return show
