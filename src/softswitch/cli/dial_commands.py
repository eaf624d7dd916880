"""`softswitch may-dial`: would this call go out, and which line of the configuration says so?"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from softswitch.cli.options import DEFAULT_URL, AsJson, Url, fail, guarded

if TYPE_CHECKING:
    from softswitch.call.settings import CallSettings

app = typer.Typer()


@app.command(name="may-dial")
def may_dial(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="An agent, or call_backs, callers, api.")],
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="As it is dialled.")],
    url: Url = DEFAULT_URL,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="DIR", help="Ask these files, as of now, and no running switch.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether somebody may dial a number, and by which rule. Exit status 1: no."""
    found: dict[str, Any] = {}
    if config is not None:
        found = _by_files(config, agent, number)
    else:
        guarded(partial(_by_switch, found, url, agent, number))
    if as_json:
        import json

        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        from softswitch.cli.floor import plain

        word = "allowed" if found["allowed"] else "refused"
        shown = f"{found['number']} ({found['class']})" if found["number"] else number
        rule = f" [{found['rule']}]" if found["rule"] else ""
        print(plain(f"{word}: {shown}: {found['reason']}{rule}"))
    if not found["allowed"]:
        raise typer.Exit(1)


def _by_switch(found: dict[str, Any], url: str, agent: str, number: str) -> None:
    from urllib.parse import urlencode

    from softswitch.cli.floor import Floor

    found.update(Floor(url).get(f"may-dial?{urlencode({'agent': agent, 'number': number})}"))


def _by_files(directory: Path, agent: str, number: str) -> dict[str, Any]:
    from softswitch.call.dial_permission import DialPermission
    from softswitch.call.dial_settings import dialler_named
    from softswitch.call.routes import Routes
    from softswitch.config import ConfigProblems
    from softswitch.config.loader import load_without_secrets

    try:
        settings = load_without_secrets(directory)
    except ConfigProblems as error:
        fail(f"The configuration cannot be used: {error.problems[0]}")
    dialler = dialler_named(agent, settings.call.agents)
    if dialler is None:
        fail(f"There is no agent {agent!r}.")
    local = _local_time(settings.call)
    permission = DialPermission(settings.call.dialling, settings.call.hours.get, lambda _: local)
    verdict = permission.would_dial(dialler, number, 0.0, Routes(settings).trunks_for(dialler))
    return {
        "allowed": verdict.allowed,
        "number": verdict.number,
        "class": verdict.kind,
        "reason": verdict.reason,
        "rule": verdict.rule,
        "per_minute": verdict.per_minute,
    }


def _local_time(call: CallSettings) -> Any:
    import time
    from datetime import datetime
    from zoneinfo import ZoneInfo

    return datetime.fromtimestamp(time.time(), ZoneInfo(call.timezone))
