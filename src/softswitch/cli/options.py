"""What several commands share: options, and how a command ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

CANNOT = 2
DEFAULT_URL = "http://127.0.0.1:8060"

Directory = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="The configuration directory.", show_default=False),
]
Url = Annotated[
    str,
    typer.Option("--url", envvar="SOFTSWITCH_URL", help="Where the switch answers."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Keep showing it, once a second, until Ctrl-C.")]


def fail(sentence: str, status: int = CANNOT) -> NoReturn:
    """One sentence on stderr, and the exit status."""
    print(f"softswitch: {sentence}", file=sys.stderr)
    raise typer.Exit(status)


def guarded(work: Callable[[], None]) -> None:
    """A `FloorError` is one sentence and status 2."""
    from softswitch.cli.floor import FloorError

    try:
        work()
    except FloorError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
