"""Looking at a running switch over its HTTP API: fetch, and show as a table that is readable on light and dark.

Colours only repeat what a word says already, are taken from the terminal's own palette (never yellow, blue, black or
white, which vanish on one background or the other), and go away with NO_COLOR or a pipe. Names and numbers come from
callers and phones: they are printed as plain text, without control characters and without markup.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

ANSWER_SECONDS = 5.0
REFRESH_SECONDS = 1.0


class FloorError(Exception):
    """The switch did not answer, or said no; `str()` is one sentence."""


class Floor:
    """The HTTP API of one switch."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        if urlsplit(self._url).scheme not in ("http", "https") or not urlsplit(self._url).netloc:
            raise FloorError(f"{url!r} is no address of a switch; write it like http://127.0.0.1:8060.")
        self._opener = build_opener(ProxyHandler({}))  # the switch is near: never through a proxy

    def get(self, name: str) -> dict[str, Any]:
        return self._ask(Request(f"{self._url}/api/v1/{name}"))

    def trace(self, call: str) -> dict[str, Any]:
        return self.get(f"calls/{quote(call, safe='')}/trace")

    def trace_file(self, call: str, file: Path) -> None:
        url = f"{self._url}/api/v1/calls/{quote(call, safe='')}/trace?format=pcapng"
        try:
            with self._opener.open(Request(url), timeout=ANSWER_SECONDS) as answer:
                file.write_bytes(answer.read())
        except HTTPError as error:
            raise FloorError(_refusal(error)) from None
        except (OSError, HTTPException) as error:
            raise FloorError(f"{file}: {getattr(error, 'strerror', None) or error}.") from None

    def free(self, source: str) -> None:
        self._ask(Request(f"{self._url}/api/v1/bans/{quote(source, safe='')}", method="DELETE"))

    def set_agent(self, agent: str, action: str, reason: str) -> None:
        body = json.dumps({"reason": reason}).encode() if reason else b""
        path = f"{self._url}/api/v1/agents/{quote(agent, safe='')}/{quote(action, safe='')}"
        self._ask(Request(path, data=body, headers={"Content-Type": "application/json"}, method="POST"))

    def move(self, call: str, to: str) -> None:
        body = json.dumps({"to": "front"} if to == "front" else {"queue": to}).encode()
        path = f"{self._url}/api/v1/calls/{quote(call, safe='')}/move"
        self._ask(Request(path, data=body, headers={"Content-Type": "application/json"}, method="POST"))

    def press(self, call: str, keys: str) -> None:
        body = json.dumps({"keys": keys}).encode()
        path = f"{self._url}/api/v1/calls/{quote(call, safe='')}/keys"
        self._ask(Request(path, data=body, headers={"Content-Type": "application/json"}, method="POST"))

    def order(self, path: str, method: str, body: dict[str, Any] | None = None) -> None:
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json"}
        self._ask(Request(f"{self._url}/api/v1/{path}", data=data, headers=headers, method=method))

    def _ask(self, request: Request) -> dict[str, Any]:
        try:
            with self._opener.open(request, timeout=ANSWER_SECONDS) as answer:
                document = json.load(answer)
        except HTTPError as error:
            raise FloorError(_refusal(error)) from None
        except (URLError, OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            why = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
            raise FloorError(f"No switch answers at {self._url} ({why}); is it running, is --url right?") from None
        except ValueError:
            raise FloorError(f"What answers at {self._url} is not a switch.") from None
        if not isinstance(document, dict):
            raise FloorError(f"What answers at {self._url} is not a switch.")
        return document


def _refusal(error: HTTPError) -> str:
    try:
        return plain(str(json.load(error)["error"]))
    except (ValueError, KeyError, TypeError, OSError):
        return f"The switch answered {error.code}."


def set_agents(floor: Floor, orders: Iterable[str]) -> None:
    for order in orders:
        agent, equals, action = order.partition("=")
        action, _, reason = action.partition(":")
        if not (agent and equals and action):
            raise FloorError(f"--set {order}: write it like anna=ready or anna=break:lunch.")
        floor.set_agent(agent, action, reason)


def move_callers(floor: Floor, orders: Iterable[str]) -> None:
    for order in orders:
        call, equals, to = order.partition("=")
        if not (call and equals and to):
            raise FloorError(f"--move {order}: write it like 1887436800000018=loans or 1887436800000018=front.")
        floor.move(call, to)


def press_keys(floor: Floor, orders: Iterable[str]) -> None:
    for order in orders:
        call, equals, keys = order.partition("=")
        if not (call and equals and keys):
            raise FloorError(f"--press {order}: write it like 1887436800000018=1,,23#.")
        floor.press(call, keys)


# ------------------------------------------------------------------ tables


def plain(text: str) -> str:
    """Without control characters: what a caller sends must not move the operator's cursor."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def duration(seconds: Any) -> str:
    whole = max(0, int(seconds or 0))
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
    return f"{whole // 60}:{whole % 60:02}"


_STYLES = {
    "ready": "green",
    "talking": "bold",
    "ringing": "magenta",
    "calling back": "magenta",
    "wrap-up": "cyan",
    "break": "cyan",
    "outbound": "cyan",
    "choosing": "cyan",
    "suspended": "bold red",
    "offline": "dim",
}

Cell = Callable[[dict[str, Any]], Any]
Column = tuple[str, str, Cell]  # heading, justification, what is in it


def _state(row: dict[str, Any]) -> Text:
    word = plain(str(row["state"]))
    return Text(word, style=_STYLES.get(word, ""))


def _service_level(row: dict[str, Any]) -> str:
    """As the trade writes it: 92 % (80/20) when 80 % within 20 seconds is promised."""
    level = row["service_level_percent"]
    promised = f"({row['service_level_goal_percent']:g}/{row['service_level_seconds']:g})"
    return f"- {promised}" if level is None else f"{level:g} % {promised}"


def _left(seconds: float | None) -> str:
    """Of a wrap-up or break; with a plus: over its limit."""
    if seconds is None:
        return ""
    return f"+{duration(-seconds)}" if seconds < 0 else duration(seconds)


def _trunk_state(row: dict[str, Any]) -> Text:
    return Text(plain(str(row["state"])), style={"up": "green", "down": "bold red"}.get(row["state"], "dim"))


def _per_second(row: dict[str, Any]) -> str:
    most = row["most_per_second"]
    return "-" if most is None else f"{row['calls_per_second']:g}/{most:g}"


def _audio(row: dict[str, Any]) -> Text:
    """The codec; or, louder than that, who should be heard and is not."""
    silent = plain(str(row.get("silent", "")))
    return Text(silent, style="bold red") if silent else Text(plain(str(row.get("audio", ""))))


_COLUMNS: dict[str, tuple[Column, ...]] = {
    "agents": (
        ("agent", "left", lambda row: row["agent"]),
        ("name", "left", lambda row: row["name"]),
        ("state", "left", _state),
        ("for", "right", lambda row: duration(row["state_seconds"])),
        ("left", "right", lambda row: _left(row["left_seconds"])),
        ("with", "left", lambda row: row["talking_to"]),
        ("phone", "left", lambda row: "registered" if row["registered"] else "-"),
        ("reason", "left", lambda row: row["reason"]),
    ),
    "queues": (
        ("queue", "left", lambda row: row["queue"]),
        ("waiting", "right", lambda row: row["waiting"]),
        ("longest", "right", lambda row: duration(row["longest_wait_seconds"])),
        ("ready", "right", lambda row: row["agents_ready"]),
        ("talking", "right", lambda row: row["agents_talking"]),
        ("offered", "right", lambda row: row["offered"]),
        ("answered", "right", lambda row: row["answered"]),
        ("abandoned", "right", lambda row: row["abandoned"]),
        ("level", "left", _service_level),
    ),
    "bans": (
        ("source", "left", lambda row: row["source"]),
        ("reason", "left", lambda row: row["reason"]),
        ("left", "right", lambda row: duration(row["left_seconds"])),
        ("of", "right", lambda row: duration(row["ban_seconds"])),
        ("dropped", "right", lambda row: row["dropped"]),
    ),
    "registrations": (
        ("agent", "left", lambda row: row["agent"]),
        ("by", "left", lambda row: row["transport"] + (f" x{row['flows']}" if row["flows"] > 1 else "")),
        ("from", "left", lambda row: row["remote"]),
        ("through", "left", lambda row: row["through"] or "-"),
        ("answers", "left", lambda row: "yes" if row["answering"] else Text("no", style="bold red")),
        ("left", "right", lambda row: duration(row["expires_seconds"])),
        ("phone", "left", lambda row: row["user_agent"]),
    ),
    "trunks": (
        ("trunk", "left", lambda row: row["trunk"]),
        ("state", "left", _trunk_state),
        ("calls", "right", lambda row: f"{row['calls']}/{row['max_calls']}"),
        ("per second", "right", _per_second),
        ("refused", "right", lambda row: row["refused"]),
        ("to", "left", lambda row: row["host"] or "-"),
        ("addresses", "left", lambda row: row["problem"] or " ".join(row["addresses"])),
        ("registration", "left", lambda row: row["registration"]),
    ),
    "supervision": (
        ("supervisor", "left", lambda row: row["supervisor"]),
        ("agent", "left", lambda row: row["agent"]),
        ("part", "left", lambda row: row["part"]),
        ("state", "left", _state),
        ("follow", "left", lambda row: "yes" if row["follow"] else "no"),
        ("level", "right", lambda row: f"{row['level']} %"),
    ),
    "calls": (
        ("call", "right", lambda row: row["call"]),
        ("caller", "left", lambda row: row["caller"]),
        ("dialled", "left", lambda row: row["dialled"]),
        ("state", "left", _state),
        ("for", "right", lambda row: duration(row["state_seconds"])),
        ("queue", "left", lambda row: row["queue"] or ""),
        ("agent", "left", lambda row: row["agent"] or ""),
        ("sticky", "left", lambda row: row["sticky"]),
        ("rec", "left", lambda row: row.get("recording", "")),  # a column when somebody is recorded
        ("audio", "left", _audio),
    ),
}


def _recorded(row: dict[str, Any]) -> bool:
    return bool(row.get("recording", "off") != "off")  # an older switch does not say it


_WHOLE = ("call", "caller", "dialled", "with")


def as_table(name: str, rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", caption_justify="left")
    columns = [each for each in _COLUMNS[name] if each[0] != "rec" or any(map(_recorded, rows))]
    for heading, justify, cell in columns:
        # Numbers are copied from here: they stay in one piece, unless somebody sends a monster.
        whole = heading in _WHOLE and all(len(str(cell(row))) <= 20 for row in rows)
        table.add_column(
            Text(heading),
            justify=justify,  # type: ignore[arg-type]
            overflow="fold",
            min_width=len(heading),
            no_wrap=whole,
        )
    for row in rows:
        cells = (cell(row) for _, _, cell in columns)
        table.add_row(*(one if isinstance(one, Text) else Text(plain(str(one))) for one in cells))
    if not rows:
        table.caption = f"no {name}"
    return table


def show(floor: Floor, name: str, as_json: bool, watch: bool) -> None:
    """Print it once, or keep it on the screen."""
    document = floor.get(name)
    if not watch:
        if as_json:
            print(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            Console().print(_table_of(name, document))
        return
    if as_json:
        while True:  # one document a line, for programs
            print(json.dumps(document, ensure_ascii=False), flush=True)
            time.sleep(REFRESH_SECONDS)
            document = floor.get(name)
    with Live(_table_of(name, document), auto_refresh=False, screen=False) as live:
        while True:
            time.sleep(REFRESH_SECONDS)
            try:
                live.update(_table_of(name, floor.get(name)), refresh=True)
            except FloorError as error:  # it is being restarted, perhaps
                live.update(Text(str(error)), refresh=True)


def _table_of(name: str, document: dict[str, Any]) -> Table:
    try:
        return as_table(name, document[name])
    except (KeyError, TypeError):
        raise FloorError("What answers there is not a switch of this version.") from None
