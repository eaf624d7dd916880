"""The command of supervisors: be in an agent's talk."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from softswitch.cli.options import DEFAULT_URL, AsJson, Url, fail, guarded

app = typer.Typer()


@app.command()
def supervise(
    supervisor: Annotated[str | None, typer.Argument(metavar="SUPERVISOR", help="Whose phone rings.")] = None,
    agent: Annotated[str | None, typer.Argument(metavar="AGENT", help="Whose talk.")] = None,
    part: Annotated[str, typer.Option("--part", help="listen, whisper (she hears him) or barge (both do).")] = "listen",
    follow: Annotated[bool, typer.Option("--follow", help="Also in her next talks.")] = False,
    level: Annotated[int, typer.Option("--level", metavar="PERCENT", help="How loud he is to them.")] = 100,
    stop: Annotated[bool, typer.Option("--stop", help="SUPERVISOR leaves.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Be in an agent's talk, or show who is in whose."""
    from softswitch.cli.floor import Floor, show

    if stop:
        if supervisor is None:
            fail("Who leaves? Write it like: softswitch supervise kadri --stop")
        guarded(lambda: Floor(url).order(f"supervision/{quote(supervisor, safe='')}", "DELETE"))
    elif supervisor is not None:
        if agent is None:
            fail("In whose talk? Write it like: softswitch supervise kadri anna")
        body = {"supervisor": supervisor, "agent": agent, "part": part, "follow": follow, "level": level}
        guarded(lambda: Floor(url).order("supervision", "POST", body))
    guarded(lambda: show(Floor(url), "supervision", as_json, False))
