"""The commands that look at the SIP edge of a running switch: bans."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from softswitch.cli.options import DEFAULT_URL, AsJson, Url, guarded

app = typer.Typer()


@app.command()
def bans(
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
    free: Annotated[
        list[str] | None, typer.Option("--free", metavar="IP", help="Lift the ban of this address. May be repeated.")
    ] = None,
) -> None:
    """Show the addresses that a running switch does not listen to, and let one in again."""
    from softswitch.cli.floor import Floor, show

    for source in free or ():
        guarded(partial(Floor(url).free, source))
    guarded(lambda: show(Floor(url), "bans", as_json, False))
