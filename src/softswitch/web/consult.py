"""An agent asks a colleague, over HTTP (docs/supervise.md).

GET    /api/v1/consults                  {"consults": [...]}: who asks whom
POST   /api/v1/consults                  {"agent": "anna", "to": "1002"}: an extension, or a number outside
POST   /api/v1/consults/{agent}/{step}   together | back | over
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from aiohttp import web

from softswitch.web.supervision import Refusal

STEPS = ("together", "back", "over")
_MOST_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class ConsultView:
    """`state`: "ringing", "asking", "together"."""

    agent: str
    to: str
    state: str
    interaction: str


class ConsultDesk(Protocol):
    """The port to the running switch; the composition root implements it."""

    def consults(self) -> Sequence[ConsultView]: ...

    def ask(self, agent: str, to: str) -> Refusal | None: ...

    def go_on(self, agent: str, step: str) -> Refusal | None: ...


def _answer(refusal: Refusal | None, **done: str) -> web.Response:
    if refusal is None:
        return web.json_response(done)
    return web.json_response({"error": refusal.text}, status=refusal.status)


def add_consults(app: web.Application, desk: ConsultDesk) -> None:
    """The routes of this module."""

    async def listed(_request: web.Request) -> web.Response:
        return web.json_response({"consults": [asdict(each) for each in desk.consults()]})

    async def ask(request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read() or b"{}")
        except (ValueError, RecursionError):
            return _answer(Refusal(400, "The body is not JSON."))
        if not isinstance(body, dict) or body.keys() != {"agent", "to"}:
            return _answer(Refusal(400, 'The body must be {"agent": "...", "to": "..."}.'))
        for name, text in body.items():
            if not isinstance(text, str) or not 0 < len(text) <= _MOST_CHARACTERS or not text.isprintable():
                return _answer(Refusal(400, f"The {name} must be one line of 1 to {_MOST_CHARACTERS} characters."))
        return _answer(desk.ask(body["agent"], body["to"]), **body)

    async def go_on(request: web.Request) -> web.Response:
        agent, step = request.match_info["agent"], request.match_info["step"]
        if step not in STEPS:
            return _answer(Refusal(404, f"There is no such step; there are {', '.join(STEPS)}."))
        return _answer(desk.go_on(agent, step), agent=agent, step=step)

    app.router.add_get("/api/v1/consults", listed)
    app.router.add_post("/api/v1/consults", ask)
    app.router.add_post("/api/v1/consults/{agent}/{step}", go_on)
