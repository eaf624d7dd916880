"""Orders about callers over HTTP: moving them, and whose case they are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from softswitch.ids import AgentId, InteractionId, QueueId
from softswitch.web.app import make_app
from softswitch.web.server import start_http
from softswitch.web.views import PastError

from .conftest import LARGE, Floor


class Orders:
    def __init__(self) -> None:
        self.given: list[tuple[Any, ...]] = []
        self.refusal: str | None = None
        self.away = False
        self.owners: dict[tuple[str, str], AgentId | None] = {}

    def move(self, interaction: InteractionId, queue: QueueId | None, by: str) -> str | None:
        self.given.append((interaction, queue, by))
        return self.refusal

    def press(self, interaction: InteractionId, keys: str) -> str | None:
        self.given.append((interaction, keys))
        return self.refusal

    def own_call(self, interaction: InteractionId, agent: AgentId | None) -> str | None:
        self.given.append((interaction, agent))
        return self.refusal

    async def owner(self, kind: str, who: str) -> AgentId | None:
        return self.owners.get((kind, who))

    async def set_owner(self, kind: str, who: str, agent: AgentId | None) -> None:
        if self.away:
            raise PastError("The database is away.")
        self.owners[kind, who] = agent


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
async def asked(floor: Floor, orders: Orders) -> AsyncIterator[Any]:
    server = await start_http(make_app(floor, floor, orders=orders), "127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:

        async def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            data = json.dumps(body) if isinstance(body, dict) else body
            async with session.request(method, f"/api/v1/{path}", data=data) as answer:
                return answer.status, await answer.json()

        yield ask
    await server.close()


async def test_into_another_queue_or_to_the_front(asked: Any, orders: Orders) -> None:
    assert (await asked("POST", f"calls/{LARGE}/move", {"queue": "night", "by": "kadri"}))[0] == 200
    assert (await asked("POST", f"calls/{LARGE + 1}/move", {"to": "front"}))[0] == 200
    assert orders.given == [(LARGE + 1, "night", "kadri"), (LARGE + 1, None, "a supervisor")]


async def test_keys(asked: Any, orders: Orders) -> None:
    assert await asked("POST", f"calls/{LARGE}/keys", {"keys": "1,,2#"}) == (200, {"call": str(LARGE), "pressed": 5})
    assert orders.given == [(LARGE + 1, "1,,2#")]
    orders.refusal = "No."
    assert await asked("POST", f"calls/{LARGE}/keys", {"keys": "x"}) == (409, {"error": "No."})
    assert (await asked("POST", "calls/4711/keys", {"keys": "1"}))[0] == 404
    assert (await asked("POST", f"calls/{LARGE}/keys", {"key": "1"}))[0] == 400


@pytest.mark.parametrize(
    ("call", "body", "status"),
    [
        ("4711", {"to": "front"}, 404),
        (str(LARGE), {"queue": "nowhere"}, 404),
        (str(LARGE), {}, 400),
        (str(LARGE), {"queue": "night", "to": "front"}, 400),
        (str(LARGE), {"to": "back"}, 400),
        (str(LARGE), {"queue": "night", "by": "a\nb"}, 400),
        (str(LARGE), {"queue": "night", "by": "x" * 65}, 400),
        (str(LARGE), {"que": "night"}, 400),
        (str(LARGE), "[]", 400),
        (str(LARGE), "{", 400),
        (str(LARGE), "[" * 5000, 400),
    ],
)
async def test_what_cannot_be_moved(asked: Any, orders: Orders, call: str, body: Any, status: int) -> None:
    found, answer = await asked("POST", f"calls/{call}/move", body)
    assert (found, orders.given) == (status, [])
    assert answer["error"]


async def test_why_he_cannot_be_moved_is_told(asked: Any, orders: Orders) -> None:
    orders.refusal = "He does not wait."
    assert await asked("POST", f"calls/{LARGE}/move", {"to": "front"}) == (409, {"error": "He does not wait."})


@pytest.mark.parametrize(("path", "kind"), [("customers/10020030", "customer"), ("callers/+3725550001", "caller")])
async def test_an_owner_is_set_read_and_taken_away(asked: Any, orders: Orders, path: str, kind: str) -> None:
    who = path.partition("/")[2]
    assert await asked("GET", f"{path}/owner") == (200, {kind: who, "owner": None})
    assert await asked("PUT", f"{path}/owner", {"agent": "anna"}) == (200, {kind: who, "owner": "anna"})
    assert await asked("GET", f"{path}/owner") == (200, {kind: who, "owner": "anna"})
    assert (await asked("PUT", f"{path}/owner", {"agent": "nobody"}))[0] == 404
    assert (await asked("PUT", f"{path}/owner", {}))[0] == 404
    assert await asked("DELETE", f"{path}/owner") == (200, {kind: who, "owner": None})
    orders.away = True
    assert await asked("PUT", f"{path}/owner", {"agent": "anna"}) == (503, {"error": "The database is away."})


async def test_the_owner_of_one_call(asked: Any, orders: Orders) -> None:
    assert (await asked("PUT", f"calls/{LARGE}/owner", {"agent": "anna"}))[0] == 200
    assert (await asked("DELETE", f"calls/{LARGE}/owner"))[0] == 200
    assert (await asked("PUT", "calls/4711/owner", {"agent": "anna"}))[0] == 404
    assert orders.given == [(LARGE + 1, "anna"), (LARGE + 1, None)]


async def test_nobody_owns_with_an_id_of_any_length(asked: Any) -> None:
    assert (await asked("PUT", f"customers/{'1' * 65}/owner", {"agent": "anna"}))[0] == 400


async def test_a_question_to_a_colleague_and_back(asked: Any, floor: Any) -> None:
    assert (await asked("POST", f"calls/{LARGE}/pass", {"queue": "night", "note": "x", "come_back": True}))[0] == 200
    assert floor.passed == [(LARGE + 1, "night", "x and back")]
    assert (await asked("POST", f"calls/{LARGE}/pass", {"queue": "night", "come_back": "yes"}))[0] == 400
