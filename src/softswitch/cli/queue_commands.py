"""The commands that look into the queues: why, promises, replay, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from softswitch.cli.options import DEFAULT_URL, AsJson, Url, guarded

app = typer.Typer()


@app.command()
def why(
    interaction: Annotated[str, typer.Argument(help="Its number, as `softswitch calls --json` shows it.")],
    agent: Annotated[str | None, typer.Option("--agent", metavar="AGENT", help="Only this agent.")] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="HH:MM:SS", help="At this time instead of now; also 2026-11-21T14:03:10."),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option("--journal", metavar="PATH", help="Read this journal (file or directory); no switch is asked."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="Of the times, with --journal.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Why does this interaction wait, why did an agent not ring for it, why this one?"""
    from softswitch.cli import past

    guarded(lambda: past.show_why(past.why(interaction, agent, at, journal, timezone, url), as_json))


@app.command()
def promises(
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only open, kept, broken or withdrawn ones.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, the newest.")] = 100,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Every promised call-back: its state, and how late or early it was kept."""
    from softswitch.cli import past

    guarded(lambda: past.show_promises(url, state, limit, as_json))
