"""Orders of supervisors and of other programs about callers: move them, and say whose case they are.

PUT    /api/v1/calls/{call}/owner           {"agent": "anna"}: of this call only, as long as it lasts; DELETE
PUT    /api/v1/customers/{customer}/owner   {"agent": "anna"}: of this customer, kept in the database; GET, DELETE
PUT    /api/v1/callers/{number}/owner       the same for a number
POST   /api/v1/calls/{call}/move            {"queue": "loans"} into another queue, or {"to": "front"}; {"by": "kadri"}
POST   /api/v1/calls/{call}/keys            {"keys": "1,,23#"}: telephone keys for the machine at the other end
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

from softswitch.ids import AgentId, InteractionId, QueueId
from softswitch.web.views import PastError, SwitchView

MAX_LENGTH = 64
_KINDS = {"customers": "customer", "callers": "caller"}


class FloorOrders(Protocol):
    """The port to the running switch; the composition root implements it."""

    def move(self, interaction: InteractionId, queue: QueueId | None, by: str) -> str | None:
        """Into this queue, or (None) to the front of his own; or say in one sentence why not."""
        ...

    def press(self, interaction: InteractionId, keys: str) -> str | None:
        """Telephone keys for his line; or say in one sentence why not."""
        ...

    def own_call(self, interaction: InteractionId, agent: AgentId | None) -> str | None: ...

    async def owner(self, kind: str, who: str) -> AgentId | None:
        """`kind`: "customer" or "caller". Raises PastError when the database is away."""
        ...

    async def set_owner(self, kind: str, who: str, agent: AgentId | None) -> None:
        """Returns when it is on disk; else PastError."""
        ...


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


class _Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.answer = _error(status, text)


async def _words(request: web.Request, *names: str) -> dict[str, str]:
    shown = ", ".join(f'"{name}": "..."' for name in names)
    try:
        document = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        raise _Refused(400, "The body is not JSON.") from None
    if not isinstance(document, dict) or not document.keys() <= set(names):
        raise _Refused(400, f"The body must be {{{shown}}}.")
    for name, text in document.items():
        if not isinstance(text, str) or not 0 < len(text) <= MAX_LENGTH or not text.isprintable():
            raise _Refused(400, f"The {name} must be one line of 1 to {MAX_LENGTH} characters.")
    return document


def _interaction(view: SwitchView, request: web.Request) -> InteractionId:
    name = request.match_info["call"]
    found = next((each for each in view.calls() if name in (str(each.call), str(each.interaction))), None)
    if found is None or found.interaction is None:
        raise _Refused(404, f"There is no call {name[:MAX_LENGTH]!r}.")
    return found.interaction


def _add_keys(app: web.Application, view: SwitchView, orders: FloorOrders) -> None:
    async def press(request: web.Request) -> web.Response:
        number = _interaction(view, request)
        keys = (await _words(request, "keys")).get("keys", "")
        refusal = orders.press(number, keys)
        if refusal is not None:
            raise _Refused(409, refusal)
        return web.json_response({"call": request.match_info["call"], "pressed": len(keys)})

    app.router.add_post("/api/v1/calls/{call}/keys", _answering(press))


def add_floor_orders(app: web.Application, view: SwitchView, orders: FloorOrders) -> None:
    """The routes of this module."""

    async def agent(request: web.Request) -> AgentId:
        name = (await _words(request, "agent")).get("agent", "")
        if not any(each.agent == name for each in view.agents()):
            raise _Refused(404, f"There is no agent {name!r}.")
        return AgentId(name)

    def key(request: web.Request) -> tuple[str, str]:
        who = request.match_info["who"]
        if len(who) > MAX_LENGTH or not who.isprintable():
            raise _Refused(400, f"An id or a number has 1 to {MAX_LENGTH} characters.")
        return _KINDS[request.match_info["kind"]], who

    async def move(request: web.Request) -> web.Response:
        number = _interaction(view, request)
        words = await _words(request, "queue", "to", "by")
        queue, by = words.get("queue"), words.get("by", "a supervisor")
        if (queue is None) == (words.get("to") is None) or words.get("to", "front") != "front":
            raise _Refused(400, 'Name one of the two: "queue": "..." or "to": "front".')
        known = [each.queue for each in view.queues()]
        if queue is not None and queue not in known:
            raise _Refused(404, f"There is no queue {queue!r}; known are {', '.join(known)}.")
        refusal = orders.move(number, None if queue is None else QueueId(queue), by)
        if refusal is not None:
            raise _Refused(409, refusal)
        return web.json_response({"call": request.match_info["call"], **words})

    async def own_call(request: web.Request) -> web.Response:
        number = _interaction(view, request)
        owner = None if request.method == "DELETE" else await agent(request)
        refusal = orders.own_call(number, owner)
        if refusal is not None:
            raise _Refused(409, refusal)
        return web.json_response({"call": request.match_info["call"], "owner": owner})

    async def look(request: web.Request) -> web.Response:
        kind, who = key(request)
        return web.json_response({kind: who, "owner": await orders.owner(kind, who)})

    async def own(request: web.Request) -> web.Response:
        kind, who = key(request)
        owner = None if request.method == "DELETE" else await agent(request)
        await orders.set_owner(kind, who, owner)
        return web.json_response({kind: who, "owner": owner})

    app.router.add_post("/api/v1/calls/{call}/move", _answering(move))
    _add_keys(app, view, orders)
    for method in ("PUT", "DELETE"):
        app.router.add_route(method, "/api/v1/calls/{call}/owner", _answering(own_call))
        app.router.add_route(method, "/api/v1/{kind:customers|callers}/{who}/owner", _answering(own))
    app.router.add_get("/api/v1/{kind:customers|callers}/{who}/owner", _answering(look))


_Handler = Callable[[web.Request], Awaitable[web.Response]]


def _answering(handler: _Handler) -> _Handler:
    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except _Refused as refused:
            return refused.answer
        except PastError as error:
            return _error(503, str(error))

    return answer
