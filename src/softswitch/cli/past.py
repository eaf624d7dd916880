"""`softswitch why` and `softswitch promises`: from a running switch, or `why` from a journal alone."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from softswitch.acd.history import Historian
from softswitch.acd.journal import JournalError, Segment
from softswitch.cli.floor import Floor, FloorError, duration, plain
from softswitch.config.strategies import StrategyError, installed, load
from softswitch.ids import AgentId, InteractionId
from softswitch.runtime.journal import files_of
from softswitch.web.why import document

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_GOOD = ("rings", "calls")


# ------------------------------------------------------------------ reading a journal


def segments(path: Path) -> list[Segment]:
    """FloorError when there is none, or one cannot be read."""
    for name in installed():  # orders of other packages: a snapshot may name them
        try:
            load(name)
        except StrategyError:
            continue  # said when a snapshot needs it
    try:
        paths = files_of(path)
        found = []
        for one in paths:
            try:
                found.append(Segment(one.read_bytes()))
            except JournalError as error:
                if one != paths[-1]:  # the newest may just be beginning
                    raise FloorError(f"{one}: {error}") from None
    except OSError as error:
        raise FloorError(f"{path}: {error.strerror}.") from None
    if not found:
        raise FloorError(f"{path} holds no journal of the queues.")
    return found


def moment(text: str, zone: tzinfo | None, entered: float | None) -> float:
    """HH:MM[:SS] on the day it entered (or the next one), or an ISO date and time -> wall-clock seconds."""
    clock = _CLOCK.fullmatch(text.strip())
    if clock is None:
        try:
            found = datetime.fromisoformat(text.strip())
        except ValueError:
            raise FloorError(f"--at {text}: write it like 14:03:10 or 2026-11-21T14:03:10.") from None
        return (found if found.tzinfo is not None else local(found, zone)).timestamp()
    if entered is None:
        raise FloorError("The journal does not know this interaction.")
    day = datetime.fromtimestamp(entered, zone)
    hour, minute, second = (int(each or 0) for each in clock.groups())
    at = local(day.replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None), zone)
    if at.timestamp() < entered - 1.0:
        at = local(at.replace(tzinfo=None) + timedelta(days=1), zone)
    return at.timestamp()


def local(naive: datetime, zone: tzinfo | None) -> datetime:
    return naive.astimezone() if zone is None else naive.replace(tzinfo=zone)


def zone_of(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise FloorError(f"--timezone {name}: there is no such time zone; write it like Europe/Tallinn.") from None


def entered_at(found: list[Segment], interaction: InteractionId) -> float | None:
    """When the journal first speaks of it."""
    for segment in found:
        for line in segment.lines:
            if getattr(line.event, "interaction", None) == interaction:
                return line.now + line.wall_offset
    return None


def from_journal(
    path: Path, interaction: InteractionId, agent: AgentId | None, at: str | None, timezone: str | None
) -> dict[str, Any]:
    zone = zone_of(timezone)
    found = segments(path)
    try:
        until = None if at is None else moment(at, zone, entered_at(found, interaction))
        if agent is not None and not any(one.id == agent for one in found[-1].settings().agents):
            raise FloorError(f"There is no agent {agent!r} in this journal.")
        historian = Historian(interaction, until, agent)
        for segment in found:
            if not historian.read(segment):
                break
    except JournalError as error:
        raise FloorError(str(error)) from None
    past = historian.past
    if past.explanation is None and not past.happenings:
        raise FloorError(f"The journal does not know the interaction {interaction}.")
    shown = until if until is not None else past.at
    seen = past.explanation
    return document(
        interaction, seen, shown, past.wall_offset, lambda wall: datetime.fromtimestamp(wall, zone),
        past.happenings,
    )  # fmt: skip


# ------------------------------------------------------------------ showing it


def why(
    interaction: str, agent: str | None, at: str | None, journal: Path | None, timezone: str | None, url: str
) -> dict[str, Any]:
    if not (interaction.isascii() and interaction.isdecimal() and len(interaction) < 20):
        raise FloorError(f"{interaction!r} is no interaction; `softswitch calls --json` shows their numbers.")
    if journal is not None:
        her = None if agent is None else AgentId(agent)
        return from_journal(journal, InteractionId(int(interaction)), her, at, timezone)
    query = urlencode({key: value for key, value in (("agent", agent), ("at", at)) if value is not None})
    return Floor(url).get(f"interactions/{quote(interaction, safe='')}/why" + (f"?{query}" if query else ""))


def show_why(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    console = Console()
    if "summary" in found:
        console.print(Text(plain(f"{found['at']}: {found['summary']}"), style="bold"))
        console.print(Text(_facts(found)))
        console.print()
        console.print(_agents(found["agents"]))
    else:
        console.print(Text(plain(f"{found['at']}: it was in no queue then."), style="bold"))
    if found.get("history"):
        console.print()
        console.print(_history(found["history"]))


def _facts(found: dict[str, Any]) -> str:
    sticky = f", sticky: {found['sticky']}" if found["sticky"] else ""
    waited = duration(found["waited_seconds"])
    return plain(f"Waited {waited}; {found['eligible']} may take him, {found['serving']} at work{sticky}.")


def _table(*headings: str, whole: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(Text(heading), overflow="fold", no_wrap=heading in whole)
    return table


def _agents(rows: list[dict[str, Any]]) -> Table:
    table = _table("agent", "state", "reason", "in words")
    for row in rows:
        for number, one in enumerate(row["reasons"]):
            detail = f" ({one['detail']})" if one["detail"] else ""
            ends = f" For {duration(one['ends_in_seconds'])} more." if one["ends_in_seconds"] is not None else ""
            good = one["reason"].startswith(_GOOD)
            table.add_row(
                Text("" if number else plain(row["agent"])),
                Text("" if number else plain(row["state"])),
                Text(plain(one["reason"] + detail), style="bold green" if good else "magenta"),
                Text(plain(one["sentence"] + ends)),
            )
    return table


def _history(rows: list[dict[str, Any]]) -> Table:
    table = _table("at", "what happened", "agent", "because")
    for row in rows:
        table.add_row(
            Text(plain(row["at"][11:19])),
            Text(plain(row["what"]), style="bold green" if row["what"] == "rang" else ""),
            Text(plain(row["agent"] or "")),
            Text(plain(row["because"])),
        )
    return table


# ------------------------------------------------------------------ promises

_WHO = {"human": "a person answered", "machine": "a machine answered", "fax": "a fax answered"}
_STYLES = {"kept": "green", "broken": "bold red", "open": "magenta", "withdrawn": "dim"}


def show_promises(url: str, state: str | None, limit: int, as_json: bool) -> None:
    query = urlencode({"limit": limit} | ({"state": state} if state else {}))
    found = Floor(url).get(f"promises?{query}")
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    rows = found["promises"]
    whole = ("due", "state", "on time", *(("caller",) if all(len(row["caller"]) <= 20 for row in rows) else ()))
    table = _table("promised", "due", "queue", "agent", "caller", "state", "on time", "tries", "because", whole=whole)
    for row in rows:
        table.add_row(
            Text(plain(row["made_at"][5:16].replace("T", " "))),  # --json has the year
            Text(plain(row["due_at"][11:16])),
            *(Text(plain(str(row[name]))) for name in ("queue", "agent", "caller")),
            Text(plain(row["state"]), style=_STYLES.get(row["state"], "")),
            Text(_on_time(row)),
            Text(str(row["attempts"])),
            Text(plain(", ".join(filter(None, (_WHO.get(row.get("answered_by", "")), row["because"]))))),
        )
    console = Console()
    console.print(table)
    counted = ", ".join(f"{number} {name}" for name, number in found["counted"].items())
    percent = found["kept_percent"]
    kept = "" if percent is None else f"; {percent:g} % kept = {found['kept_formula']}"
    console.print(Text(plain(f"{counted}{kept}")))


def _on_time(row: dict[str, Any]) -> str:
    late = row["late_seconds"]
    if late is None:
        return ""
    if row["state"] == "open" and late < 0:
        return f"in {duration(-late)}"
    return f"{duration(late)} late" if late > 0 else f"{duration(-late)} early"
