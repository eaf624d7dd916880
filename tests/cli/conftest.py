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

from softswitch.ids import AgentId, CallId, InteractionId, PromiseId, QueueId
from softswitch.web.app import make_app
from softswitch.web.server import start_http
from softswitch.web.views import (
    AgentAction,
    AgentView,
    CallView,
    CountersView,
    HealthStatus,
    HealthView,
    PastError,
    PromiseView,
    QueueView,
    RegistrationView,
)

ANNA, EVERYDAY = AgentId("anna"), QueueId("everyday")


WHY: dict[str, Any] = {
    "interaction": "18", "at": "2026-11-21T14:03:10+02:00", "queue": "everyday", "state": "waiting", "position": 1,
    "in_line": 2, "waited_seconds": 75.0, "sticky": "", "waits_for": None, "eligible": 1, "serving": 1,
    "summary": "Number 1 of 2 in the line of everyday; 1 may take him (1 wrap-up).",
    "agents": [
        {"agent": "anna", "name": "Anna Tamm", "state": "wrap-up", "reasons": [
            {"reason": "wrap-up", "detail": "", "sentence": "She writes notes.", "ends_in_seconds": 12.0}]},
        {"agent": "mart", "name": "Mart Õun", "state": "offline", "reasons": [
            {"reason": "skill", "detail": "cards 2", "sentence": "She lacks a skill.", "ends_in_seconds": None},
            {"reason": "offline", "detail": "", "sentence": "She is not logged in.", "ends_in_seconds": None}]},
    ],
}  # fmt: skip
HISTORY = [{"at": "2026-11-21T14:02:00+02:00", "what": "rang", "agent": "anna", "because": "previous agent"}]
PROMISES = [
    PromiseView(
        PromiseId(1 << 60), InteractionId(18), QueueId("everyday"), AgentId("anna"), "+3725550001", state, because, 1,
        "2026-11-21T13:00:00+02:00", "2026-11-21T14:00:00+02:00", None, late, answered_by=who,
    )
    for state, because, late, who in (
        ("open", "", -90.0, ""), ("kept", "colleague", 30.0, "human"),
        ("broken", "customer not reached", 600.0, "machine"), ("withdrawn", "", None, "unknown"),
    )
]  # fmt: skip


@dataclass
class Floor:
    """What the switch shows, and the orders it was given."""

    orders: list[tuple[str, AgentAction, str]] = field(default_factory=list)
    moved: list[tuple[InteractionId, QueueId | None, str]] = field(default_factory=list)
    refusal: str | None = None
    caller: str = "+3725550001"
    asked: int = 0
    watched: asyncio.Event = field(default_factory=asyncio.Event)  # asked more than once

    def calls(self) -> list[CallView]:
        self.asked += 1
        if self.asked > 1:
            self.watched.set()
        call, number = CallId(1 << 60), InteractionId(18)
        return [CallView(call, number, "talking", self.caller, "8000", EVERYDAY, ANNA, 75.0, 3675.0, "direct")]

    def queues(self) -> list[QueueView]:
        return [
            QueueView(
                EVERYDAY, "Everyday", 2, 65.0, 3, 0, 4, 0, 0, 0, 0, 20.0, 80.0, 12, 8, 7, abandoned=3, abandoned_short=2
            )
        ]

    def agents(self) -> list[AgentView]:
        return [AgentView(ANNA, "Anna Tamm", "suspended", "did not answer", 5.0, True)]

    def registrations(self) -> list[RegistrationView]:
        uri, through = "sip:x@abc.invalid;transport=ws", "sip:edge.example;lr"
        return [RegistrationView(ANNA, uri, "wss", "[2001:db8::7]:5062", 280.0, "JsSIP", through, 2, False)]

    def health(self) -> HealthView:
        return HealthView(HealthStatus.OK)

    def counters(self) -> CountersView:
        return CountersView()

    def why(self, interaction: InteractionId, agent: AgentId | None) -> dict[str, Any] | None:
        if interaction != 18:
            return None
        return {**WHY, "agents": [row for row in WHY["agents"] if agent in (None, row["agent"])]}

    async def why_then(self, interaction: InteractionId, agent: AgentId | None, at: str) -> dict[str, Any]:
        if interaction != 18:
            raise PastError(f"The journal does not know the interaction {interaction}.")
        return {"interaction": "18", "at": f"2026-11-21T{at}+02:00", "history": HISTORY}

    async def promises(self, state: str | None, limit: int) -> list[PromiseView]:
        rows = [row for row in PROMISES if state in (None, row.state)]
        return rows[:limit]

    def set_agent(self, agent: AgentId, action: AgentAction, reason: str = "") -> str | None:
        self.orders.append((agent, action, reason))
        return self.refusal

    def move(self, interaction: InteractionId, queue: QueueId | None, by: str) -> str | None:
        self.moved.append((interaction, queue, by))
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
    server = await start_http(make_app(floor, floor, orders=floor), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.port}"
    await server.close()
