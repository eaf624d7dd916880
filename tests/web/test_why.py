"""Why, and what was promised, over HTTP."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from softswitch.acd.explain import Because, Explanation, Pair, Reason
from softswitch.acd.messages import AgentState
from softswitch.acd.waiting import Stage
from softswitch.ids import AgentId, InteractionId, QueueId
from softswitch.web.why import document


async def get(client: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with client.get(path) as answer:
        return answer.status, await answer.json()


async def test_why_now_and_then(client: aiohttp.ClientSession) -> None:
    status, found = await get(client, "/api/v1/interactions/18/why")
    assert status == 200 and [row["agent"] for row in found["agents"]] == ["anna", "mart"]
    status, found = await get(client, "/api/v1/interactions/18/why?agent=anna")
    assert status == 200 and [row["agent"] for row in found["agents"]] == ["anna"]
    status, found = await get(client, "/api/v1/interactions/18/why?at=14:03:10")
    assert status == 200 and found["at"] == "2026-11-21T14:03:10+02:00"


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("interactions/17/why", 404, "in no queue now"),
        ("interactions/anna/why", 400, "a number"),
        ("interactions/18/why?agent=nobody", 404, "no agent"),
        ("interactions/17/why?at=14:00:00", 409, "does not know"),
        ("promises?state=lost", 400, "open, kept, broken, withdrawn"),
        ("promises?limit=0", 400, "limit"),
        ("promises?limit=many", 400, "limit"),
    ],
)
async def test_what_cannot_be_answered(client: aiohttp.ClientSession, path: str, status: int, says: str) -> None:
    seen, found = await get(client, f"/api/v1/{path}")
    assert seen == status and says in found["error"]


async def test_promises(client: aiohttp.ClientSession) -> None:
    _, found = await get(client, "/api/v1/promises")
    assert found["counted"] == {"open": 1, "kept": 1, "broken": 1, "withdrawn": 1}
    assert (found["kept_percent"], found["kept_formula"]) == (50.0, "kept / (kept + broken)")
    assert found["promises"][0]["promise"] == str(1 << 60)
    _, found = await get(client, "/api/v1/promises?state=kept&limit=5")
    assert [(row["state"], row["late_seconds"]) for row in found["promises"]] == [("kept", 30.0)]


def test_the_document() -> None:
    from datetime import UTC, datetime

    reasons = (Because(Reason.WRAP_UP, "", 120.0), Because(Reason.PASSED_BY))
    pair = Pair(AgentId("anna"), "Anna", AgentState.WRAP_UP, reasons)
    seen = Explanation(InteractionId(7), QueueId("q"), Stage.WAITING, 40.0, 1, 3, "", None, 1, 1, (pair,))
    found = document(InteractionId(7), seen, 1100.0, 1000.0, lambda wall: datetime.fromtimestamp(wall, UTC))
    assert found["at"] == "1970-01-01T00:18:20+00:00" and found["waited_seconds"] == 60.0
    assert [one["ends_in_seconds"] for one in found["agents"][0]["reasons"]] == [20.0, None]
    assert found["summary"] == "Number 1 of 3 in the line of q; 1 may take him (1 wrap-up)."
