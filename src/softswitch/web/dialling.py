"""Who may dial what, over HTTP.

GET /api/v1/may-dial?agent=&number=    {"allowed": ..., "number": ..., "class": ..., "reason": ..., "rule": ...}
GET /api/v1/dialling                   {"accounts": [...]}: what has been dialled today
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from aiohttp import web

_MOST_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class VerdictView:
    allowed: bool
    number: str  # as it is dialled
    destination: str  # the class
    reason: str
    rule: str  # file:line
    per_minute: float


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account's calls of today."""

    account: str  # "agent anna", "call_backs", "house" ...
    calls_now: int
    minutes: float
    spent: float


class DialView(Protocol):
    """The port to the dial permission; the composition root implements it."""

    def may_dial(self, agent: str, number: str) -> VerdictView | None:
        """None: nobody is called so. `call_backs`, `api` and `callers` are accounts too."""
        ...

    def accounts(self) -> Sequence[AccountView]: ...


def add_dialling(app: web.Application, dialling: DialView) -> None:
    """The routes of this module."""

    async def may_dial(request: web.Request) -> web.Response:
        agent, number = (request.query.get(name, "")[:_MOST_CHARACTERS] for name in ("agent", "number"))
        if number.startswith(" "):  # a + that was not escaped in the address
            number = "+" + number[1:]
        verdict = dialling.may_dial(agent, number)
        if verdict is None:
            return web.json_response({"error": f"There is no agent {agent!r}."}, status=404)
        shown = asdict(verdict)
        shown["class"] = shown.pop("destination")
        return web.json_response(shown)

    async def accounts(_request: web.Request) -> web.Response:
        rows = [
            {**asdict(row), "minutes": round(row.minutes, 2), "spent": round(row.spent, 4)}
            for row in dialling.accounts()
        ]
        return web.json_response({"accounts": rows})

    app.router.add_get("/api/v1/may-dial", may_dial)
    app.router.add_get("/api/v1/dialling", accounts)
