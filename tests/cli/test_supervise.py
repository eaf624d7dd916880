"""`softswitch supervise` against a running API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from softswitch.web.app import make_app
from softswitch.web.server import start_http
from softswitch.web.supervision import Refusal, WatchView


class Desk:
    def __init__(self) -> None:
        self.given: list[tuple[Any, ...]] = []
        self.there: list[WatchView] = []

    def watches(self) -> list[WatchView]:
        return self.there

    def begin(self, supervisor: str, agent: str, part: str, follow: bool, level: int) -> Refusal | None:
        if agent == "li":
            return Refusal(403, "kadri may not be in the talks of li.")
        self.given.append((supervisor, agent, part, follow, level))
        self.there = [WatchView(supervisor, agent, part, "ringing", follow, level, None)]
        return None

    def change(self, supervisor: str, part: str | None, follow: bool | None, level: int | None) -> None:
        raise AssertionError("the command has no such order")

    def end(self, supervisor: str) -> None:
        self.given.append((supervisor,))
        self.there = []


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def address(floor: Any, desk: Desk) -> AsyncIterator[str]:
    server = await start_http(make_app(floor, floor, supervision=desk), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.port}"
    await server.close()


async def test_into_a_talk_and_out(cli: Any, address: str, desk: Desk) -> None:
    seen = await cli("supervise", "kadri", "anna", "--part", "whisper", "--follow", "--url", address)
    assert seen.status == 0, seen.err
    assert seen.out.split()[-7:] == ["kadri", "anna", "whisper", "ringing", "yes", "100", "%"]
    seen = await cli("supervise", "kadri", "--stop", "--url", address)
    assert "no supervision" in seen.out
    assert desk.given == [("kadri", "anna", "whisper", True, 100), ("kadri",)]


async def test_what_it_says_no_to(cli: Any, address: str) -> None:
    seen = await cli("supervise", "kadri", "li", "--url", address)
    assert (seen.status, seen.err) == (2, "softswitch: kadri may not be in the talks of li.\n")
    assert (await cli("supervise", "kadri", "--url", address)).status == 2
    assert (await cli("supervise", "--stop", "--url", address)).status == 2
    assert "kadri" in (await cli("supervise", "kadri", "--stop", "--url", address)).err
