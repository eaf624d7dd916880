"""The commands that look at the SIP edge of a running switch: bans, trace."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from softswitch.cli.options import DEFAULT_URL, AsJson, Url, Watch, guarded

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


@app.command()
def phones(url: Url = DEFAULT_URL, as_json: AsJson = False, watch: Watch = False) -> None:
    """Show the phones that are registered at a running switch: by which transport, from where, through which proxy."""
    from softswitch.cli.floor import Floor, show

    guarded(lambda: show(Floor(url), "registrations", as_json, watch))


@app.command()
def trunks(url: Url = DEFAULT_URL, as_json: AsJson = False, watch: Watch = False) -> None:
    """Show the trunks of a running switch: up or down, channels and calls per second in use, where their names lead."""
    from softswitch.cli.floor import Floor, show

    guarded(lambda: show(Floor(url), "trunks", as_json, watch))


@app.command()
def trace(
    call: Annotated[
        str, typer.Argument(metavar="CALL", help="Its number, as `softswitch calls` shows it, or a SIP Call-ID.")
    ],
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
    pcapng: Annotated[
        Path | None, typer.Option("--pcapng", metavar="FILE", help="Write a file for Wireshark instead.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Print the whole messages below the ladder.")] = False,
) -> None:
    """Show the SIP messages of a call of the last minutes, both legs; secrets are masked."""
    guarded(lambda: _trace(call, url, as_json, pcapng, full))


def _trace(call: str, url: str, as_json: bool, pcapng: Path | None, full: bool) -> None:
    import json

    from rich.console import Console

    from softswitch.cli.floor import Floor, plain
    from softswitch.cli.ladder import ladder

    floor = Floor(url)
    if pcapng is not None:
        floor.trace_file(call, pcapng)
        return
    document = floor.trace(call)
    if as_json:
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(ladder(document["messages"], console.width if console.is_terminal else None), end="")
    for message in document["messages"] if full else ():
        console.print(f"\n{message['time']} {'to' if message['outgoing'] else 'from'} {plain(message['peer'])}")
        for line in message["text"].splitlines():
            console.print("    " + plain(line))
