"""Grouping, order, and what a record costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import Connection, select

from softswitch.call.records import AgentRecord, CallDetail, FindPreviousAgent, StoredContact
from softswitch.ids import AgentId, InteractionId, LegId
from softswitch.store import Store, WriterSettings
from softswitch.store.tables import agent_event

NOW = 1_800_000_000.0
OpenStore = Callable[..., Awaitable[Store]]


def line(agent: str, reason: str) -> AgentRecord:
    return AgentRecord(AgentId(agent), "break", reason, NOW, None, False)


async def test_waiters_share_commits(store: Store) -> None:
    before = store.health().groups
    await asyncio.gather(*(store.append_durable(line(f"agent{number}", "")) for number in range(500)))
    assert store.health().committed == 500
    assert store.health().groups - before <= 5


async def test_the_journal_keeps_the_order_of_appending(store: Store) -> None:
    for number in range(3000):  # more than one group
        store.append(line("anna", str(number)))
    await store.flush()

    def read(connection: Connection) -> list[str]:
        return list(connection.execute(select(agent_event.c.reason).order_by(agent_event.c.id)).scalars())

    assert await store._database.read(read) == [str(number) for number in range(3000)]


async def test_the_last_contact_list_of_a_group_counts(store: Store) -> None:
    def contact(number: int) -> StoredContact:
        return StoredContact(
            AgentId("anna"), f"sip:{number}@h", "udp", ("::1", 5060), ("h", 1), "c", number, NOW + 60, 1.0, ""
        )

    await asyncio.gather(*(store.save_contacts(AgentId("anna"), (contact(number),)) for number in range(20)))
    assert (await store.load_start_state(NOW)).contacts == (contact(19),)


async def test_questions_are_answered_while_much_is_written(store: Store) -> None:
    question = FindPreviousAgent(InteractionId(1), "+1", None, 0.0, 0.0)
    for number in range(20_000):
        store.append(CallDetail(LegId(number), None, "in", "pstn", "+1", "8000", NOW, None, NOW, "peer", 487, 16))
    waiting = []
    for _ in range(20):
        assert (await asyncio.wait_for(store.find_previous_agent(question), 20.0)).agent is None
        waiting.append(store.health().depth)
    assert waiting[0] > 0, "the question did not wait for what was to be written before it"
    await asyncio.gather(*(store.append_durable(line("anna", str(number))) for number in range(50)))
    assert store.health().depth == 0
    assert store.health().committed == 20_050


async def test_a_waiter_that_gives_up_harms_nobody(store: Store) -> None:
    waiting = asyncio.create_task(store.append_durable(line("anna", "first")))
    await asyncio.sleep(0)
    waiting.cancel()
    await store.append_durable(line("anna", "second"))
    assert [one.reason for one in (await store.load_start_state(NOW)).agents] == ["second"]
    assert store.health().ok


async def test_appending_costs_the_call_path_next_to_nothing(open_store: OpenStore) -> None:
    store = await open_store("sqlite://", WriterSettings(max_queue=1_000_000))
    detail = CallDetail(LegId(1), None, "in", "pstn", "+1", "8000", NOW, None, NOW, "peer", 487, 16)
    took = []
    for _ in range(4):
        started = time.process_time()
        for _ in range(5_000):
            store.append(detail)
        took.append(time.process_time() - started)
    assert min(took) / 5_000 < 20e-6


async def test_sqlite_writes_through_to_the_disk(tmp_path: Path, open_store: OpenStore) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'line.db'}")

    def ask(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert await store._database.write(ask) == ["wal", 2, 1]  # 2: FULL
