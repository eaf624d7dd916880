"""why and promises, as an operator types them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from softswitch.acd import journal
from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.journal import NotedIds, RecordedEngine
from softswitch.cli.floor import FloorError
from softswitch.cli.past import moment
from softswitch.ids import AgentId, IdSource, InteractionId, QueueId

ANNA, Q = AgentId("anna"), QueueId("everyday")
START = 1_795_000_000.0


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A caller who waits 40 seconds for Anna."""
    settings = m.AcdSettings((m.QueueSettings(Q, "Everyday"),), (m.AgentSettings(ANNA, "Anna", (Q,)),))
    lines: list[Any] = []
    engine = Engine(settings, NotedIds(IdSource(1), lines))
    header = journal.header(engine, START, "run", 1)
    driven = RecordedEngine(engine, lines)
    driven.handle(m.PhoneRegistered(ANNA), 0.0)
    for number in (11, 12):
        driven.handle(m.CallerEntered(InteractionId(number), Q, "+372", None, "en", None), 10.0)
    (first,) = engine.floor.attempts
    driven.handle(m.AgentAnswered(first), 12.0)
    driven.handle(m.ConversationEnded(first), 20.0)
    driven.tick(50.0)
    path = tmp_path / "journal" / "acd-1.journal"
    path.parent.mkdir()
    path.write_bytes(header + journal.group(lines, START) + b"torn")
    return path.parent


async def test_why_of_a_running_switch(cli: Any, url: str) -> None:
    seen = await cli("why", "18", "--url", url)
    assert (seen.status, seen.err) == (0, "")
    assert "Number 1 of 2" in seen.out and "Waited 1:15" in seen.out
    assert "skill (cards 2)" in seen.out and "For 0:12 more." in seen.out
    seen = await cli("why", "18", "--agent", "anna", "--url", url, "--json")
    assert [row["agent"] for row in json.loads(seen.out)["agents"]] == ["anna"]
    seen = await cli("why", "17", "--url", url)
    assert "in no queue now" in seen.sentence()
    seen = await cli("why", "her", "--url", url)
    assert "no interaction" in seen.sentence()


async def test_why_from_a_journal(cli: Any, recorded: Path) -> None:
    at = datetime.fromtimestamp(START + 30.0, UTC).strftime("%H:%M:%S")
    seen = await cli("why", "12", "--journal", recorded, "--at", at, "--timezone", "UTC", "--json")
    found = json.loads(seen.out)
    assert (found["state"], found["position"], found["waited_seconds"]) == ("waiting", 1, 20.0)
    assert [one["reason"] for one in found["agents"][0]["reasons"]] == ["wrap-up"]
    seen = await cli("why", "12", "--journal", recorded)
    assert seen.status == 0 and "she became ready" in " ".join(seen.out.split())
    seen = await cli("why", "99", "--journal", recorded)
    assert "does not know the interaction 99" in seen.sentence()
    seen = await cli("why", "12", "--journal", recorded / "nothing")
    assert "No such file" in seen.sentence()
    seen = await cli("why", "12", "--journal", recorded, "--agent", "ann")
    assert "no agent" in seen.sentence()


def test_moments() -> None:
    entered = datetime(2026, 11, 21, 23, 59, 0, tzinfo=UTC).timestamp()
    assert moment("23:59:30", UTC, entered) == entered + 30.0
    assert moment("0:01", UTC, entered) == entered + 120.0, "after midnight is the next day"
    assert moment("2026-11-21T23:59:10", UTC, None) == entered + 10.0
    assert moment("2026-11-22T01:59:10+02:00", UTC, None) == entered + 10.0
    for wrong in ("24:00", "noon", ""):
        with pytest.raises(FloorError, match="write it like"):
            moment(wrong, UTC, entered)


async def test_promises(cli: Any, url: str) -> None:
    seen = await cli("promises", "--url", url)
    assert seen.status == 0
    words = " ".join(seen.out.split())
    assert "0:30 late" in words and "in 1:30" in words and "11-21" in words, "nothing is cut in 80 columns"
    assert "colleague" in words and seen.out.count("person") == seen.out.count("machine") == 1
    assert "50 % kept = kept / (kept + broken)" in words
    seen = await cli("promises", "--url", url, "--state", "kept", "--json")
    assert [row["state"] for row in json.loads(seen.out)["promises"]] == ["kept"]
    seen = await cli("promises", "--url", url, "--state", "lost")
    assert "open, kept, broken, withdrawn" in seen.sentence()
