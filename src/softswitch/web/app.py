"""The HTTP application: health, metrics, the floor as JSON, and the agents' states.

    GET  /healthz                          200 ok or degraded, 503 starting or stopping
    GET  /metrics                          Prometheus text
    GET  /api/v1/calls                     {"calls": [...]}
    GET  /api/v1/queues                    {"queues": [...], "service_level_formula": "..."}
    GET  /api/v1/agents                    {"agents": [...]}
    GET  /api/v1/escalations               {"escalations": [...]}: call-backs not kept in time
    GET  /api/v1/registrations             {"registrations": [...]}
    GET  /api/v1/promises?state=&limit=    {"promises": [...], ...}
    GET  /api/v1/interactions/{id}/why?agent=&at=    web.why.document, now or from the journal
    POST /api/v1/calls/{id}/pass           {"queue": "...", "note": "...", "come_back": true}: to another department
    POST /api/v1/agents/{id}/{action}      ready | break | login | logout | outbound | extend | free; {"reason": "..."}
    (the SIP edge: see `web.edge`; supervisors: `web.supervision`; who may dial what: `web.dialling`; typed chats:
    `web.chats`)

Ids are strings in JSON (a browser's numbers end at 2**53); errors are {"error": "one sentence"}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from enum import Enum
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from softswitch.acd.messages import PromiseState
from softswitch.ids import AgentId, InteractionId, QueueId
from softswitch.web.chats import ChatCollector, ChatDeskView, add_chats
from softswitch.web.consult import ConsultDesk, add_consults
from softswitch.web.dialling import DialView, add_dialling
from softswitch.web.edge import EdgeCollector, EdgeView, add_edge
from softswitch.web.floor_orders import FloorOrders, add_floor_orders
from softswitch.web.guard import guard
from softswitch.web.metrics import registry
from softswitch.web.recordings import RecordingCollector, RecordingView, add_recordings
from softswitch.web.supervision import SupervisionCollector, SupervisionDesk, add_supervision
from softswitch.web.views import (
    PROMISES_KEPT_FORMULA,
    SERVICE_LEVEL_FORMULA,
    AgentAction,
    HealthStatus,
    PastError,
    SwitchControl,
    SwitchView,
)

log = structlog.get_logger("softswitch.web")

MAX_BODY_BYTES = 16 * 1024
MAX_REASON_LENGTH = 200
MAX_PROMISES = 10_000

_VIEW = web.AppKey("view", SwitchView)
_CONTROL = web.AppKey("control", SwitchControl)


def make_app(
    view: SwitchView,
    control: SwitchControl,
    more_hosts: Collection[str] = (),
    edge: EdgeView | None = None,
    dialling: DialView | None = None,
    orders: FloorOrders | None = None,
    chats: ChatDeskView | None = None,
    recordings: RecordingView | None = None,
    supervision: SupervisionDesk | None = None,
    consults: ConsultDesk | None = None,
) -> web.Application:
    """The application over a running switch. `more_hosts`: names beyond loopback that may be in the Host header."""
    app = web.Application(middlewares=[_errors_as_json, guard(more_hosts)], client_max_size=MAX_BODY_BYTES)
    app[_VIEW], app[_CONTROL] = view, control
    app.on_response_prepare.append(_without_version)
    own_registry = registry(view)
    if edge is not None:
        own_registry.register(EdgeCollector(edge))
        add_edge(app, edge)
    if orders is not None:
        add_floor_orders(app, view, orders)
    if supervision is not None:
        own_registry.register(SupervisionCollector(supervision))
        add_supervision(app, supervision)
    if consults is not None:
        add_consults(app, consults)
    if dialling is not None:
        add_dialling(app, dialling)
    if recordings is not None:
        own_registry.register(RecordingCollector(recordings))
        add_recordings(app, view, recordings)
    if chats is not None:
        own_registry.register(ChatCollector(chats))
        add_chats(app, chats, _words, _error)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(own_registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/healthz", _health)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/api/v1/calls", _listing("calls", lambda: view.calls()))
    app.router.add_get("/api/v1/queues", _queues)
    app.router.add_get("/api/v1/agents", _listing("agents", lambda: view.agents()))
    app.router.add_get("/api/v1/escalations", _listing("escalations", lambda: view.escalations()))
    app.router.add_get("/api/v1/registrations", _listing("registrations", lambda: view.registrations()))
    app.router.add_get("/api/v1/promises", _promises)
    app.router.add_get("/api/v1/interactions/{interaction}/why", _why)
    app.router.add_post("/api/v1/agents/{agent}/{action}", _set_agent)
    app.router.add_post("/api/v1/calls/{call}/pass", _pass_call)
    return app


# ------------------------------------------------------------------ answers

_IDS = frozenset({"call", "interaction", "promise"})  # numbers inside, strings outside


def as_json(picture: Any) -> dict[str, Any]:
    """A view as JSON: its own field names, ids as strings, seconds to the millisecond."""
    shown: dict[str, Any] = {}
    for one in fields(picture):
        value = getattr(picture, one.name)
        if isinstance(value, Enum):
            value = value.value
        elif isinstance(value, float):
            value = round(value, 3)
        elif one.name in _IDS and value is not None:
            value = str(value)
        shown[one.name] = value
    return shown


def _listing(name: str, rows: Callable[[], Sequence[Any]]) -> Handler:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response({name: [as_json(row) for row in rows()]})

    return answer


async def _queues(request: web.Request) -> web.Response:
    rows = []
    for queue in request.app[_VIEW].queues():
        level = queue.service_level_percent
        rows.append({**as_json(queue), "service_level_percent": None if level is None else round(level, 1)})
    return web.json_response({"queues": rows, "service_level_formula": SERVICE_LEVEL_FORMULA})


async def _promises(request: web.Request) -> web.Response:
    state = request.query.get("state") or None
    known = [one.value for one in PromiseState]
    if state is not None and state not in known:
        return _error(400, f"There is no such state; known are {', '.join(known)}.")
    limit = request.query.get("limit", "100")
    if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit) <= MAX_PROMISES):
        return _error(400, f"limit is a number from 1 to {MAX_PROMISES}.")
    try:
        rows = await request.app[_VIEW].promises(state, int(limit))
    except PastError as error:
        return _error(503, str(error))
    counted = {one: sum(row.state == one for row in rows) for one in known}
    settled = counted["kept"] + counted["broken"]
    percent = round(100.0 * counted["kept"] / settled, 1) if settled else None
    summary = {"counted": counted, "kept_percent": percent, "kept_formula": PROMISES_KEPT_FORMULA}
    return web.json_response({"promises": [as_json(row) for row in rows], **summary})


async def _why(request: web.Request) -> web.Response:
    number = request.match_info["interaction"]
    if not (number.isascii() and number.isdecimal() and len(number) < 20):
        return _error(400, "An interaction is a number, as /api/v1/calls shows it.")
    view, agent = request.app[_VIEW], request.query.get("agent") or None
    if agent is not None and not any(one.agent == agent for one in view.agents()):
        return _error(404, f"There is no agent {agent!r}.")
    her, at = None if agent is None else AgentId(agent), request.query.get("at")
    if at:
        try:
            return web.json_response(await view.why_then(InteractionId(int(number)), her, at))
        except PastError as error:
            return _error(409, str(error))
    found = view.why(InteractionId(int(number)), her)
    if found is None:
        return _error(404, f"Interaction {number} is in no queue now; at=HH:MM:SS asks the journal for that time.")
    return web.json_response(found)


async def _health(request: web.Request) -> web.Response:
    health = request.app[_VIEW].health()
    serving = health.status in (HealthStatus.OK, HealthStatus.DEGRADED)
    return web.json_response(as_json(health), status=200 if serving else 503)


# ------------------------------------------------------------------ orders


async def _set_agent(request: web.Request) -> web.Response:
    name = request.match_info["agent"]
    try:
        action = AgentAction(request.match_info["action"])
    except ValueError:
        known = ", ".join(one.value for one in AgentAction)
        return _error(404, f"There is no such action; known are {known}.")
    if not any(agent.agent == name for agent in request.app[_VIEW].agents()):
        return _error(404, f"There is no agent {name!r}.")
    try:
        reason = await _reason(request)
    except ValueError as error:
        return _error(400, str(error))
    refusal = request.app[_CONTROL].set_agent(AgentId(name), action, reason)
    if refusal is not None:
        return _error(409, refusal)
    return web.json_response({"agent": name, "action": action.value})


async def _pass_call(request: web.Request) -> web.Response:
    name = request.match_info["call"]
    view = request.app[_VIEW]
    call = next((each for each in view.calls() if name in (str(each.call), str(each.interaction))), None)
    if call is None or call.interaction is None:
        return _error(404, f"There is no call {name!r}.")
    try:
        words = await _words(request, "queue", "note", "come_back")
    except ValueError as error:
        return _error(400, str(error))
    come_back = bool(words.pop("come_back", False))
    queue = words.get("queue", "")
    known = [each.queue for each in view.queues()]
    if queue not in known:
        return _error(404, f"There is no queue {queue!r}; known are {', '.join(known)}.")
    refusal = request.app[_CONTROL].pass_call(call.interaction, QueueId(queue), words.get("note", ""), come_back)
    if refusal is not None:
        return _error(409, refusal)
    return web.json_response({"call": name, "queue": queue})


async def _reason(request: web.Request) -> str:
    return (await _words(request, "reason")).get("reason", "")


async def _words(request: web.Request, *names: str) -> dict[str, str]:
    """The body: nothing, or short texts of these names."""
    body = await request.read()
    if not body:
        return {}
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("The body is not JSON.") from None
    if not isinstance(document, dict) or not document.keys() <= set(names):
        shown = ", ".join(f'"{name}": "..."' for name in names)
        raise ValueError(f"The body must be {{{shown}}} or empty.")
    for name, text in document.items():
        if name == "come_back":
            if not isinstance(text, bool):
                raise ValueError("come_back is true or false.")
            continue
        if not isinstance(text, str) or len(text) > MAX_REASON_LENGTH or not text.isprintable():
            raise ValueError(f"The {name} must be one line of at most {MAX_REASON_LENGTH} characters.")
    return document


async def _without_version(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)


# ------------------------------------------------------------------ errors


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The body is too large.",
}


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        answer = _error(error.status, _SENTENCES.get(error.status, error.reason))
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
    except Exception:
        log.exception("request_failed", path=request.path)
        return _error(500, "The switch could not answer this; its log says why.")
