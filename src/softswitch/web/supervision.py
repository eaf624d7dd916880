"""Supervisors in talks, over HTTP (docs/supervise.md).

GET    /api/v1/supervision                 {"supervision": [...]}: who is in whose talk
POST   /api/v1/supervision                 {"supervisor": "kadri", "agent": "anna", "part": "listen", "follow": true,
                                           "level": 100}: his phone rings, and he is in her talk
PATCH  /api/v1/supervision/{supervisor}    {"part": "whisper", "follow": false, "level": 150}: any of them
DELETE /api/v1/supervision/{supervisor}    he leaves
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from aiohttp import web
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PARTS = ("listen", "whisper", "barge")
LEVELS = (25, 200)
_MOST_CHARACTERS = 64
_KEYS: dict[str, type] = {"supervisor": str, "agent": str, "part": str, "follow": bool, "level": int}
_WORDS: dict[type, str] = {str: "text", bool: "true or false", int: "a whole number"}


@dataclass(frozen=True, slots=True)
class WatchView:
    """A supervisor with an agent. `state`: "ringing", "in talk", "waiting" (for her next one)."""

    supervisor: str
    agent: str
    part: str
    state: str
    follow: bool
    level: int
    interaction: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """`status`: 403, 404 or 409."""

    status: int
    text: str


class SupervisionDesk(Protocol):
    """The port to the running switch; the composition root implements it."""

    def watches(self) -> Sequence[WatchView]: ...

    def begin(self, supervisor: str, agent: str, part: str, follow: bool, level: int) -> Refusal | None: ...

    def change(self, supervisor: str, part: str | None, follow: bool | None, level: int | None) -> None: ...

    def end(self, supervisor: str) -> None: ...


class SupervisionCollector(Collector):
    def __init__(self, desk: SupervisionDesk) -> None:
        self._desk = desk

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("softswitch_supervisions", "Supervisors in talks, or on their way", labels=["part"])
        parts = [watch.part for watch in self._desk.watches()]
        for part in PARTS:
            family.add_metric([part], float(parts.count(part)))
        yield family


class _Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


async def _body(request: web.Request, *allowed: str) -> dict[str, Any]:
    try:
        document = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        raise _Refused(400, "The body is not JSON.") from None
    if not isinstance(document, dict) or not document.keys() <= set(allowed):
        raise _Refused(400, f"The body must have these keys: {', '.join(allowed)}.")
    for name, value in document.items():
        if type(value) is not _KEYS[name]:
            raise _Refused(400, f"The {name} must be {_WORDS[_KEYS[name]]}.")
    if document.get("part", PARTS[0]) not in PARTS:
        raise _Refused(400, f"The part must be one of {', '.join(PARTS)}.")
    if not LEVELS[0] <= document.get("level", 100) <= LEVELS[1]:
        raise _Refused(400, f"The level must be {LEVELS[0]} to {LEVELS[1]} percent.")
    return document


def add_supervision(app: web.Application, desk: SupervisionDesk) -> None:
    """The routes of this module."""

    def known(request: web.Request) -> str:
        name = request.match_info["supervisor"]
        if not any(watch.supervisor == name for watch in desk.watches()):
            raise _Refused(404, f"{name[:_MOST_CHARACTERS]!r} is in no talk.")
        return name

    async def listed(request: web.Request) -> web.Response:
        return web.json_response({"supervision": [asdict(watch) for watch in desk.watches()]})

    async def begin(request: web.Request) -> web.Response:
        body = await _body(request, *_KEYS)
        missing = [name for name in ("supervisor", "agent") if name not in body]
        if missing:
            raise _Refused(400, f"The body needs {' and '.join(missing)}.")
        order = {"part": "listen", "follow": False, "level": 100, **body}
        refusal = desk.begin(**order)
        if refusal is not None:
            raise _Refused(refusal.status, refusal.text)
        return web.json_response(order)

    async def change(request: web.Request) -> web.Response:
        supervisor = known(request)
        body = await _body(request, "part", "follow", "level")
        desk.change(supervisor, body.get("part"), body.get("follow"), body.get("level"))
        return web.json_response({"supervisor": supervisor, **body})

    async def end(request: web.Request) -> web.Response:
        supervisor = known(request)
        desk.end(supervisor)
        return web.json_response({"supervisor": supervisor})

    app.router.add_get("/api/v1/supervision", listed)
    app.router.add_post("/api/v1/supervision", _answering(begin))
    app.router.add_patch("/api/v1/supervision/{supervisor}", _answering(change))
    app.router.add_delete("/api/v1/supervision/{supervisor}", _answering(end))


_Handler = Callable[[web.Request], Awaitable[web.Response]]


def _answering(handler: _Handler) -> _Handler:
    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except _Refused as refused:
            return web.json_response({"error": str(refused)}, status=refused.status)

    return answer
