"""A switch in mid-day, as the HTTP API sees it, and a server over it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from softswitch.ids import AgentId, CallId, InteractionId, PromiseId, QueueId
from softswitch.web.app import make_app
from softswitch.web.server import HttpServer, start_http
from softswitch.web.views import (
    AgentAction,
    AgentView,
    CallView,
    CountersView,
    EscalationView,
    HealthStatus,
    HealthView,
    PastError,
    PromiseView,
    QueueView,
    RegistrationView,
)

ANNA, MART = AgentId("anna"), AgentId("mart")
LARGE = 1_887_436_800_000_017  # ids are this large


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
        "2026-11-21T13:00:00+02:00", "2026-11-21T14:00:00+02:00", None, late,
    )
    for state, because, late in (
        ("open", "", -90.0), ("kept", "colleague", 30.0), ("broken", "customer not reached", 600.0),
        ("withdrawn", "", None),
    )
]  # fmt: skip


@dataclass
class Floor:
    """The views of a switch, and the orders it was given."""

    health_now: HealthView = field(default_factory=lambda: HealthView(HealthStatus.OK, (), 12.5))
    orders: list[tuple[str, AgentAction, str]] = field(default_factory=list)
    passed: list[tuple[InteractionId, QueueId, str]] = field(default_factory=list)
    refusal: str | None = None
    fault: Exception | None = None

    def calls(self) -> list[CallView]:
        if self.fault is not None:
            raise self.fault
        return [
            CallView(
                CallId(LARGE), InteractionId(LARGE + 1), "talking", "+3725550001", "8000", QueueId("everyday"), ANNA,
                12.3456, 40.0, "direct",
            ),
            CallView(CallId(LARGE + 5), None, "in menu", "<b>\\u0007'", "8000", None, None, 1.0, 1.0),
        ]  # fmt: skip

    def queues(self) -> list[QueueView]:
        return [
            QueueView(
                QueueId("everyday"), "Everyday banking", 2, 17.5, 0, 1, 1, 0, 1, 0, 1, 20.0, 80.0,
                offered=12, answered=8, answered_within=7, abandoned=3, abandoned_short=2, overflowed=1, called_back=0,
            ),
            QueueView(QueueId("night"), "Night", 0, 0.0, 0, 0, 0, 0, 0, 0, 0, 30.0, 90.0),
        ]  # fmt: skip

    def agents(self) -> list[AgentView]:
        return [
            AgentView(ANNA, "Anna Tamm", "talking", "", 12.0, True, "+3725550001", (QueueId("everyday"),)),
            AgentView(MART, "Mart Õun", "suspended", "did not answer", 3.0, False),
        ]

    def escalations(self) -> list[EscalationView]:
        promise = PromiseId(LARGE + 9)
        return [EscalationView(promise, InteractionId(LARGE + 1), QueueId("everyday"), ANNA, "not kept in time", 5.0)]

    def registrations(self) -> list[RegistrationView]:
        return [RegistrationView(ANNA, "sip:anna@192.0.2.7:5062", "udp", "192.0.2.7:5062", 280.0, "a phone")]

    def health(self) -> HealthView:
        return self.health_now

    def counters(self) -> CountersView:
        return CountersView(
            calls_active=2,
            legs_active=3,
            calls_total=40,
            calls_refused={503: 1},
            outcomes={"answered": 8, "abandoned": 3},
            rings={"no_answer": 1},
            promises={"kept": 1},
            security={"auth_failed": 5},
            sip_received=400,
            sip_sent=380,
            sip_transactions=4,
            media_ports_used=6,
            media_ports_total=100,
            store_depth=1,
            store_committed=99,
        )

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

    def pass_call(
        self, interaction: InteractionId, queue: QueueId, note: str = "", come_back: bool = False
    ) -> str | None:
        self.passed.append((interaction, queue, f"{note} and back" if come_back else note))
        return self.refusal

    def set_agent(self, agent: AgentId, action: AgentAction, reason: str = "") -> str | None:
        self.orders.append((agent, action, reason))
        return self.refusal


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.fixture
async def server(floor: Floor) -> AsyncIterator[HttpServer]:
    running = await start_http(make_app(floor, floor), "127.0.0.1", 0)
    yield running
    await running.close()


@pytest.fixture
async def client(server: HttpServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        yield session
