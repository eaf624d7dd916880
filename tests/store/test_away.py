"""The database goes away and comes back: calls never notice, nothing acknowledged is lost, memory is bounded."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from softswitch.call.records import CallDetail, FindPreviousAgent, InteractionClosed, InteractionQueued, PromiseOpened
from softswitch.ids import AgentId, InteractionId, LegId, PromiseId, QueueId
from softswitch.store import Store, StoreError, StoreHealth, WriterSettings
from softswitch.store.database import is_faulty_row
from softswitch.store.tables import call_detail, interaction, promise

NOW = 1_800_000_000.0
OpenStore = Callable[..., Awaitable[Store]]
SETTINGS = WriterSettings(max_queue=100, retry_first_seconds=0.01, retry_last_seconds=0.05)
PROMISE = PromiseOpened(
    PromiseId(5), InteractionId(6), QueueId("everyday"), AgentId("anna"), "+1", None, "en", NOW, NOW + 60
)


def detail(leg: int, caller: str = "+3725550001") -> CallDetail:
    return CallDetail(LegId(leg), None, "in", "pstn", caller, "8000", NOW, None, NOW, "peer", 487, 16)


async def legs(store: Store) -> list[int]:
    def read(connection: Connection) -> list[int]:
        return list(connection.execute(select(call_detail.c.leg).order_by(call_detail.c.leg)).scalars())

    return await store._database.read(read)


async def promises(store: Store) -> list[tuple[Any, ...]]:
    def read(connection: Connection) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.execute(select(promise.c.id, promise.c.state))]

    return await store._database.read(read)


class Outage(Protocol):
    url: str

    def begin(self) -> None: ...

    def end(self) -> None: ...


class LockedSqlite:
    """Somebody else holds the file."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}?timeout=0.02"
        self._path = path

    def begin(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


class StoppedPostgres:
    """The server is killed and started again."""

    def __init__(self, server: Any) -> None:
        self.url = server.new_database()
        self.begin, self.end = server.stop, server.start


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def outage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outage]:
    if request.param == "sqlite":
        yield LockedSqlite(tmp_path / "line.db")
        return
    shared = request.getfixturevalue("postgres")
    directory = Path(tempfile.mkdtemp(prefix="softswitch-pg-", dir="/tmp"))
    server = type(shared)(shared._binaries, directory)
    server.start()
    try:
        yield StoppedPostgres(server)
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


class Health:
    def __init__(self) -> None:
        self.now: asyncio.Queue[StoreHealth] = asyncio.Queue()

    async def next(self) -> StoreHealth:
        return await asyncio.wait_for(self.now.get(), 20)


async def test_away_and_back(outage: Outage, open_store: OpenStore) -> None:
    health = Health()
    store = await open_store(outage.url, SETTINGS, health.now.put_nowait)
    for leg in range(1, 11):
        await store.append_durable(detail(leg))
    outage.begin()
    store.append(detail(11))
    away = await health.next()
    assert not away.ok
    assert away.reason.startswith("The database is away: ")

    for leg in range(12, 312):  # three times what fits
        store.append(detail(leg))
    assert store.health().depth <= SETTINGS.max_queue
    started = asyncio.get_running_loop().time()
    with pytest.raises(StoreError, match="away"):
        await store.append_durable(PROMISE)
    found = await store.find_previous_agent(FindPreviousAgent(InteractionId(1), "+3725550001", None, 0.0, 0.0))
    assert found.agent is None
    assert asyncio.get_running_loop().time() - started < 0.5, "nobody waits for a database that is away"

    outage.end()
    back = await health.next()
    assert back.ok
    await store.flush()
    seen = await legs(store)
    assert seen[:10] == list(range(1, 11)), "what was acknowledged is there"
    assert seen[-90:] == list(range(222, 312)), "the newest stayed, in order"
    assert store.health().dropped == 311 - len(seen) > 0
    assert store.health().depth == 0
    assert await promises(store) == [], "what was refused does not turn up later"
    await store.append_durable(PROMISE)
    assert await promises(store) == [(5, "open")]


async def test_closing_does_not_wait_for_ever(tmp_path: Path, open_store: OpenStore) -> None:
    outage, health = LockedSqlite(tmp_path / "line.db"), Health()
    store = await open_store(outage.url, SETTINGS, health.now.put_nowait)
    outage.begin()
    store.append(detail(1))
    assert not (await health.next()).ok
    await asyncio.wait_for(store.close(within_seconds=0.1), 5)
    assert store.health().dropped == 1
    outage.end()


async def test_closing_writes_the_rest(database_url: str, open_store: OpenStore) -> None:
    store = await open_store(database_url)
    for leg in range(1, 5001):
        store.append(detail(leg))
    await store.close()
    assert len(await legs(await open_store(database_url))) == 5000


async def test_a_full_disk(tmp_path: Path, open_store: OpenStore) -> None:
    path, health = tmp_path / "line.db", Health()
    store = await open_store(f"sqlite:///{path}", SETTINGS, health.now.put_nowait)
    pages = await store._database.write(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar())
    await store._database.write(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages}").close())
    for leg in range(1, 101):
        store.append(detail(leg, "+" + "1" * 200))
    assert "full" in (await health.next()).reason
    await store._database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count=1000000").close())
    assert (await health.next()).ok
    await store.flush()
    assert await legs(store) == list(range(1, 101))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# ------------------------------------------------------------------ rows at fault


@pytest.mark.parametrize("bad", ["a\x00b", "a\ud800b"])
async def test_one_bad_row_harms_no_other(database_url: str, open_store: OpenStore, bad: str) -> None:
    store = await open_store(database_url)
    for leg in range(1, 4):
        store.append(detail(leg, bad if leg == 2 else "+3725550001"))
    await store.append_durable(detail(4, bad))
    assert await legs(store) == [1, 2, 3, 4]
    assert store.health() == StoreHealth(True, "", 0, 4, 1, 0, 0), "repaired together, in one transaction"


async def test_a_row_that_no_repair_helps_is_counted(database_url: str, open_store: OpenStore) -> None:
    store = await open_store(database_url)
    store.append(InteractionClosed(InteractionId(1), None, None, NOW, 0.0, ""))  # type: ignore[arg-type]
    store.append(CallDetail(LegId(1), None, "in", "pstn", "+1", None, NOW, None, NOW, "peer", 487, 16))  # type: ignore[arg-type]
    store.append("no record")  # type: ignore[arg-type]
    store.append(InteractionQueued(InteractionId(1), QueueId("q"), None, NOW, "", None, (), None))  # type: ignore[arg-type]
    store.append(detail(2, "a\x00b"))
    with pytest.raises(StoreError, match="refuses this record"):
        await store.append_durable(CallDetail(LegId(3), None, None, "p", "c", "d", NOW, None, NOW, "us", 487, 16))  # type: ignore[arg-type]
    assert await legs(store) == [2]
    assert (store.health().ok, store.health().refused) == (True, 4)

    def read(connection: Connection) -> int:
        return len(connection.execute(select(interaction.c.id)).all())

    assert await store._database.read(read) == 1


@pytest.mark.parametrize(
    ("error", "faulty"),
    [
        (UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates not allowed"), True),
        (sqlite3.IntegrityError("NOT NULL constraint failed"), True),
        (KeyError("no such record"), True),
        (sqlite3.OperationalError("database or disk is full"), False),
        (ConnectionResetError("gone"), False),
        (ssl.SSLCertVerificationError("expired"), False),  # a ValueError as well
        (TimeoutError(), False),
        (RuntimeError("whatever"), False),
    ],
)
def test_whose_fault_it_is(error: Exception, faulty: bool) -> None:
    assert is_faulty_row(error) is faulty
    wrapped = DBAPIError("INSERT", {}, error)
    assert is_faulty_row(wrapped) is faulty


# ------------------------------------------------------------------ commits whose fate is unclear


class Unclear:
    """The real database, whose answers can be lost or late."""

    def __init__(self, store: Store) -> None:
        self._real = store._database
        self.name, self.dialect = self._real.name, self._real.dialect
        self.read, self.close = self._real.read, self._real.close
        self.lose_answers = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        store._writer._database = self

    async def write(self, work: Callable[[Connection], Any]) -> Any:
        result = await self._real.write(work)
        await self.may_answer.wait()
        if self.lose_answers:
            self.lose_answers -= 1
            raise ConnectionResetError("the answer to COMMIT was lost")
        return result


async def test_a_group_written_twice_is_there_once(database_url: str, open_store: OpenStore) -> None:
    health = Health()
    store = await open_store(database_url, SETTINGS, health.now.put_nowait)
    Unclear(store).lose_answers = 2
    for leg in range(1, 21):
        store.append(detail(leg))
    assert [(await health.next()).ok, (await health.next()).ok] == [False, True]
    await store.flush()
    assert await legs(store) == list(range(1, 21))
    assert store.health().dropped == 0


async def test_a_refused_promise_that_was_written_is_withdrawn(database_url: str, open_store: OpenStore) -> None:
    health = Health()
    store = await open_store(database_url, SETTINGS, health.now.put_nowait)
    Unclear(store).lose_answers = 1
    with pytest.raises(StoreError, match="lost"):
        await store.append_durable(PROMISE)
    assert [(await health.next()).ok, (await health.next()).ok] == [False, True]
    await store.flush()
    assert await promises(store) == [(5, "withdrawn")]
    assert (await store.load_start_state(NOW)).promises == ()


async def test_a_promise_that_was_written_too_late_is_withdrawn(database_url: str, open_store: OpenStore) -> None:
    store = await open_store(database_url, WriterSettings(durable_seconds=0.5))
    slow = Unclear(store)
    slow.may_answer.clear()
    with pytest.raises(StoreError, match="within"):
        await store.append_durable(PROMISE)
    slow.may_answer.set()
    await store.flush()  # goes with the withdrawal into the next group
    assert await promises(store) == [(5, "withdrawn")]
