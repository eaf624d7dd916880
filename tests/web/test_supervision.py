"""Supervisors in talks, over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from softswitch.web.app import make_app
from softswitch.web.server import start_http
from softswitch.web.supervision import Refusal, WatchView

from .conftest import Floor

KADRI = WatchView("kadri", "anna", "whisper", "in talk", True, 100, str(2**60))


class Desk:
    def __init__(self) -> None:
        self.given: list[tuple[Any, ...]] = []
        self.refusal: Refusal | None = None

    def watches(self) -> tuple[WatchView, ...]:
        return (KADRI,)

    def begin(self, supervisor: str, agent: str, part: str, follow: bool, level: int) -> Refusal | None:
        self.given.append((supervisor, agent, part, follow, level))
        return self.refusal

    def change(self, supervisor: str, part: str | None, follow: bool | None, level: int | None) -> None:
        self.given.append((supervisor, part, follow, level))

    def end(self, supervisor: str) -> None:
        self.given.append((supervisor,))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def asked(floor: Floor, desk: Desk) -> AsyncIterator[Any]:
    server = await start_http(make_app(floor, floor, supervision=desk), "127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:

        async def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            data = json.dumps(body) if isinstance(body, dict) else body
            async with session.request(method, path, data=data) as answer:
                text = await answer.text()
                return answer.status, json.loads(text) if text.startswith("{") else text

        yield ask
    await server.close()


async def test_who_is_in_whose_talk(asked: Any) -> None:
    status, body = await asked("GET", "/api/v1/supervision")
    assert status == 200
    (row,) = body["supervision"]
    assert row == {
        "supervisor": "kadri",
        "agent": "anna",
        "part": "whisper",
        "state": "in talk",
        "follow": True,
        "level": 100,
        "interaction": str(2**60),
    }
    status, text = await asked("GET", "/metrics")
    assert 'softswitch_supervisions{part="whisper"} 1.0' in text
    assert 'softswitch_supervisions{part="barge"} 0.0' in text


async def test_begin_change_end(asked: Any, desk: Desk) -> None:
    status, body = await asked("POST", "/api/v1/supervision", {"supervisor": "li", "agent": "anna"})
    assert (status, body["part"]) == (200, "listen")
    await asked("POST", "/api/v1/supervision", {"supervisor": "li", "agent": "anna", "part": "barge", "level": 50})
    assert (await asked("PATCH", "/api/v1/supervision/kadri", {"part": "barge"}))[0] == 200
    assert (await asked("DELETE", "/api/v1/supervision/kadri"))[0] == 200
    assert desk.given == [
        ("li", "anna", "listen", False, 100),
        ("li", "anna", "barge", False, 50),
        ("kadri", "barge", None, None),
        ("kadri",),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "supervision", "[", 400),
        ("POST", "supervision", "[]", 400),
        ("POST", "supervision", {}, 400),
        ("POST", "supervision", {"supervisor": "li"}, 400),
        ("POST", "supervision", {"supervisor": "li", "agent": "anna", "part": "shout"}, 400),
        ("POST", "supervision", {"supervisor": "li", "agent": "anna", "level": 300}, 400),
        ("POST", "supervision", {"supervisor": "li", "agent": "anna", "level": True}, 400),
        ("POST", "supervision", {"supervisor": "li", "agent": ["anna"]}, 400),
        ("POST", "supervision", {"supervisor": "li", "agent": "anna", "who": "x"}, 400),
        ("PATCH", "supervision/li", {"part": "listen"}, 404),
        ("PATCH", "supervision/kadri", {"agent": "anna"}, 400),
        ("DELETE", "supervision/li", None, 404),
    ],
)
async def test_bad_orders(asked: Any, desk: Desk, method: str, path: str, body: Any, status: int) -> None:
    got, answer = await asked(method, f"/api/v1/{path}", body)
    assert got == status
    assert answer["error"].endswith(".")
    assert desk.given == []


async def test_what_is_refused_is_said(asked: Any, desk: Desk) -> None:
    desk.refusal = Refusal(403, "li may not.")
    body = {"supervisor": "li", "agent": "anna"}
    assert await asked("POST", "/api/v1/supervision", body) == (403, {"error": "li may not."})
