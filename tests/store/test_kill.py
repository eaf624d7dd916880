"""kill -9 in the middle of writing: every acknowledged record is there, and the database is sound."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing

from sqlalchemy import Connection, select

from softswitch.store import Store
from softswitch.store.tables import agent_event, call_detail

OpenStore = Callable[..., Awaitable[Store]]
ACKNOWLEDGED = 300

# Four tasks write durably, each after a few plain records; a line on stdout is the acknowledgement.
WRITER = """
import asyncio, sys
from softswitch.call.records import AgentRecord, CallDetail
from softswitch.store import Store

async def write(store, task):
    leg = task * 1_000_000
    while True:
        for leg in range(leg + 1, leg + 4):
            store.append(CallDetail(leg, None, "in", "pstn", "+1", "8000", 1.0, None, 2.0, "peer", 487, 16))
        await store.append_durable(AgentRecord(f"agent{task}", "ready", str(leg), 1.0, None, False))
        print(task, leg, flush=True)

async def main():
    store = Store(sys.argv[1])
    await store.open()
    await asyncio.gather(*(write(store, task) for task in range(1, 5)))

asyncio.run(main())
"""


async def kill_after(lines: int, url: str) -> list[tuple[int, int]]:
    """Let the writer run until it acknowledged that many, kill it, and return all it acknowledged."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, url, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    seen = [await process.stdout.readline() for _ in range(lines)]
    process.kill()
    seen += (await process.stdout.read()).splitlines(keepends=True)
    assert await process.wait() == -9
    pairs = [line.split() for line in seen if line.endswith(b"\n")]
    return [(int(task), int(leg)) for task, leg in pairs]


async def test_every_acknowledged_record_survives_sigkill(database_url: str, open_store: OpenStore) -> None:
    acknowledged = await kill_after(ACKNOWLEDGED, database_url)
    assert len(acknowledged) >= ACKNOWLEDGED
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store = await open_store(database_url)

    def read(connection: Connection) -> tuple[set[int], set[tuple[str, str]]]:
        events = connection.execute(select(agent_event.c.agent, agent_event.c.reason))
        return set(connection.execute(select(call_detail.c.leg)).scalars()), {(row.agent, row.reason) for row in events}

    legs, events = await store._database.read(read)
    for task, leg in acknowledged:
        assert (f"agent{task}", str(leg)) in events
        # What was appended before it is there as well: records keep their order.
        assert {leg - 2, leg - 1, leg} <= legs


async def test_the_switch_starts_on_what_sigkill_left(database_url: str, open_store: OpenStore) -> None:
    acknowledged = await kill_after(1, database_url)
    store = await open_store(database_url)
    agents = {line.agent for line in (await store.load_start_state(0.0)).agents}
    assert {f"agent{task}" for task, _ in acknowledged} <= agents
    await store.flush()
    assert store.health().ok
