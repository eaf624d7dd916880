"""The schema is brought up to date at start, and never down; what cannot be opened is said in one sentence."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import softswitch.store
from softswitch.store import Store, StoreError
from softswitch.store.migrate import newest
from softswitch.store.tables import metadata

OpenStore = Callable[..., Awaitable[Store]]


def is_one_sentence(error: StoreError) -> bool:
    message = str(error)
    return "\n" not in message and message.endswith(".") and len(message) < 400 and "Traceback" not in message


async def test_the_migrations_make_the_tables_of_the_code(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    assert await store._database.read(differences) == []


async def test_newest_is_what_alembic_calls_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(softswitch.store.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [newest()]


async def test_opening_again_changes_nothing(database_url: str, open_store: OpenStore) -> None:
    await (await open_store(database_url)).close()
    assert (await open_store(database_url)).health().ok


async def test_two_switches_starting_at_once(database_url: str, open_store: OpenStore) -> None:
    stores = await asyncio.gather(open_store(database_url), open_store(database_url))
    assert all(store.health().ok for store in stores)


async def test_a_switch_that_starts_waits_for_another_that_writes(tmp_path: Path, open_store: OpenStore) -> None:
    """Longer than a write of the running switch would wait."""
    path = tmp_path / "line.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("BEGIN IMMEDIATE")
    opening = asyncio.create_task(open_store(f"sqlite:///{path}?timeout=0.05"))
    done, _ = await asyncio.wait({opening}, timeout=0.5)
    assert not done, "it waits"
    other.execute("COMMIT")
    other.close()
    assert (await opening).health().ok


async def test_a_database_of_a_newer_version_is_refused(database_url: str, open_store: OpenStore) -> None:
    store = await open_store(database_url)
    await store._database.write(
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9001'")) and None
    )
    await store.close()
    with pytest.raises(StoreError, match="migration 9001, which is newer than this version") as refused:
        await Store(database_url).open()
    assert is_one_sentence(refused.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://nobody:geheim@127.0.0.1:1/line", "refused"),
        ("postgresql://nobody@/line?host=/nonexistent", "cannot be opened"),
        ("sqlite:////proc/line.db", "cannot be opened"),
        ("mysql://line", "not supported"),
        ("line.db", "cannot be read"),
    ],
)
async def test_what_cannot_be_opened_is_said_in_one_sentence(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says) as refused:
        await Store(url).open()
    assert is_one_sentence(refused.value)
    assert "geheim" not in str(refused.value)


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "line.db").write_text("these are not the rows you are looking for" * 100)
    with pytest.raises(StoreError, match="not a database") as refused:
        await Store(f"sqlite:///{tmp_path / 'line.db'}").open()
    assert is_one_sentence(refused.value)


async def test_a_missing_directory_is_made(tmp_path: Path, open_store: OpenStore) -> None:
    await open_store(f"sqlite:///{tmp_path}/var/lib/line.db")
    assert (tmp_path / "var/lib/line.db").exists()


@pytest.mark.postgresql
async def test_an_unknown_postgresql_database(postgres: object) -> None:
    with pytest.raises(StoreError, match="does not exist") as refused:
        await Store(postgres.url("never_made")).open()  # type: ignore[attr-defined]
    assert is_one_sentence(refused.value)
