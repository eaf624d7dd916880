"""A switch behind the real HTTP API, and the command line as a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from softswitch.ids import AgentId, CallId, QueueId
from softswitch.web.app import make_app
from softswitch.web.server import start_http
from softswitch.web.views import (
    AgentAction,
    AgentView,
    CallView,
    CountersView,
    HealthStatus,
    HealthView,
    QueueView,
    RegistrationView,
)

ANNA, EVERYDAY = AgentId("anna"), QueueId("everyday")


@dataclass
class Floor:
    """What the switch shows, and the orders it was given."""

    orders: list[tuple[str, AgentAction, str]] = field(default_factory=list)
    refusal: str | None = None
    caller: str = "+3725550001"
    asked: int = 0
    watched: asyncio.Event = field(default_factory=asyncio.Event)  # asked more than once

    def calls(self) -> list[CallView]:
        self.asked += 1
        if self.asked > 1:
            self.watched.set()
        return [CallView(CallId(1 << 60), None, "talking", self.caller, "8000", EVERYDAY, ANNA, 75.0, 3675.0, "direct")]

    def queues(self) -> list[QueueView]:
        return [
            QueueView(
                EVERYDAY, "Everyday", 2, 65.0, 3, 0, 4, 0, 0, 0, 0, 20.0, 80.0, 12, 8, 7, abandoned=3, abandoned_short=2
            )
        ]

    def agents(self) -> list[AgentView]:
        return [AgentView(ANNA, "Anna Tamm", "suspended", "did not answer", 5.0, True)]

    def registrations(self) -> list[RegistrationView]:
        return []

    def health(self) -> HealthView:
        return HealthView(HealthStatus.OK)

    def counters(self) -> CountersView:
        return CountersView()

    def set_agent(self, agent: AgentId, action: AgentAction, reason: str = "") -> str | None:
        self.orders.append((agent, action, reason))
        return self.refusal


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    def sentence(self) -> str:
        """The one line on stderr of a command that could not do it."""
        assert self.status != 0
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("softswitch: ")
        assert "Traceback" not in line
        return line.removeprefix("softswitch: ")


Cli = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    async def run(*arguments: object, **env: str) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "softswitch", *map(str, arguments)),
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80", **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())

    return run


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.fixture
async def url(floor: Any) -> AsyncIterator[str]:
    server = await start_http(make_app(floor, floor), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.port}"
    await server.close()
