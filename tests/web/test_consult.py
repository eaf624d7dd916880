"""An agent asks a colleague, over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from softswitch.web.app import make_app
from softswitch.web.consult import ConsultView
from softswitch.web.server import start_http
from softswitch.web.supervision import Refusal

from .conftest import Floor


class Desk:
    def __init__(self) -> None:
        self.given: list[tuple[str, ...]] = []

    def consults(self) -> tuple[ConsultView, ...]:
        return (ConsultView("anna", "mart", "asking", "17"),)

    def ask(self, agent: str, to: str) -> Refusal | None:
        self.given.append((agent, to))
        return Refusal(409, "anna talks with no caller now.") if agent == "anna" else None

    def go_on(self, agent: str, step: str) -> Refusal | None:
        self.given.append((agent, step))
        return None


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def asked(floor: Floor, desk: Desk) -> AsyncIterator[Any]:
    server = await start_http(make_app(floor, floor, consults=desk), "127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:

        async def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            data = json.dumps(body) if isinstance(body, dict) else body
            async with session.request(method, f"/api/v1/{path}", data=data) as answer:
                return answer.status, await answer.json()

        yield ask
    await server.close()


async def test_ask_and_go_on(asked: Any, desk: Desk) -> None:
    assert (await asked("POST", "consults", {"agent": "li", "to": "1002"})) == (200, {"agent": "li", "to": "1002"})
    assert await asked("POST", "consults/li/together") == (200, {"agent": "li", "step": "together"})
    assert desk.given == [("li", "1002"), ("li", "together")]
    row = {"agent": "anna", "to": "mart", "state": "asking", "interaction": "17"}
    assert await asked("GET", "consults") == (200, {"consults": [row]})
    assert (await asked("POST", "consults", {"agent": "anna", "to": "1"}))[0] == 409


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("consults", "{", 400),
        ("consults", "[]", 400),
        ("consults", {"agent": "li"}, 400),
        ("consults", {"agent": "li", "to": 7}, 400),
        ("consults", {"agent": "li", "to": "x" * 65}, 400),
        ("consults", {"agent": "li", "to": "a\nb"}, 400),
        ("consults/li/away", None, 404),
    ],
)
async def test_bad_orders(asked: Any, desk: Desk, path: str, body: Any, status: int) -> None:
    got, answer = await asked("POST", path, body)
    assert got == status and answer["error"].endswith(".")
    assert desk.given == []
