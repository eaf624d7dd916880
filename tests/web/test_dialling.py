"""Who may dial what, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from softswitch.web.app import make_app
from softswitch.web.dialling import AccountView, VerdictView
from softswitch.web.server import start_http


class Desk:
    def may_dial(self, agent: str, number: str) -> VerdictView | None:
        if agent != "anna":
            return None
        return VerdictView(number == "+3726311111", number, "national", "because", "line.yaml:3", 0.02)

    def accounts(self) -> list[AccountView]:
        return [AccountView("agent anna", 1, 12.3456, 0.24691)]


@pytest.fixture
async def client(floor: Any) -> AsyncIterator[aiohttp.ClientSession]:
    running = await start_http(make_app(floor, floor, dialling=Desk()), "127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{running.port}") as session:
        yield session
    await running.close()


async def test_a_verdict(client: aiohttp.ClientSession) -> None:
    for number in ("%2B3726311111", "+3726311111"):  # a bare + is a space in an address
        answer = await client.get(f"/api/v1/may-dial?agent=anna&number={number}")
        assert await answer.json() == {
            "allowed": True,
            "number": "+3726311111",
            "class": "national",
            "reason": "because",
            "rule": "line.yaml:3",
            "per_minute": 0.02,
        }
    assert (await client.get("/api/v1/may-dial?agent=eve&number=1")).status == 404


async def test_accounts(client: aiohttp.ClientSession) -> None:
    answer = await (await client.get("/api/v1/dialling")).json()
    assert answer == {"accounts": [{"account": "agent anna", "calls_now": 1, "minutes": 12.35, "spent": 0.2469}]}
