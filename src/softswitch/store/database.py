"""Connections: SQLite in threads of its own, PostgreSQL through asyncpg; both run the same synchronous functions.

A function of the store takes a SQLAlchemy `Connection`, runs inside one transaction and returns plain values.

SQLite. One thread writes and one reads, each with a connection of its own (WAL lets them work side by side). Going
through aiosqlite would hop between threads for every single statement, a group of seven statements costs it several
times the processor time of one hop for the whole group (docs/database.md has the figures).
`synchronous=FULL`: in WAL mode NORMAL survives a crash of the process but leaves the last commits in the page cache,
and a power cut would take back a registration or a promise that was already acknowledged. Group commit shares the
one fsync that FULL costs among all records of a few milliseconds.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import StaticPool

from softswitch.store.errors import StoreError

T = TypeVar("T")

CONNECT_SECONDS = 5.0
BUSY_SECONDS = 2.0
START_SECONDS = 30.0  # that another switch, which starts at the same time, may take to bring the schema up to date
COMMAND_SECONDS = 10.0


class Database(Protocol):
    """One database, whichever it is."""

    name: str  # for the operator: where it is, without the password

    @property
    def dialect(self) -> Dialect: ...

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; when this returns, it is durable."""
        ...

    async def prepare(self, work: Callable[[Connection], T]) -> T:
        """The same at the start, when nobody waits for us yet: with more patience for another switch that writes."""
        ...

    async def read(self, work: Callable[[Connection], T]) -> T: ...

    async def close(self) -> None: ...


def connect(url: str) -> Database:
    """The database of this URL; nothing is opened yet."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(
            "The database URL cannot be read; write sqlite:///path/to/line.db or postgresql://user@host/name."
        ) from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return SqliteDatabase(parsed)
    if kind in ("postgresql", "postgres"):
        return PostgresDatabase(parsed)
    raise StoreError(f"A database of kind {kind!r} is not supported; use sqlite:///... or postgresql://....")


class SqliteDatabase:
    def __init__(self, url: URL) -> None:
        path = url.database or ":memory:"
        in_memory = path == ":memory:"
        self.name = "sqlite in memory" if in_memory else f"sqlite {path}"
        self._path = None if in_memory else Path(path)
        plain = url.set(drivername="sqlite+pysqlite")
        self._writer, self._writer_thread = _sqlite_engine(plain), _thread("store-writer")
        if in_memory:  # there is only the one connection
            self._reader, self._reader_thread = self._writer, self._writer_thread
        else:
            self._reader, self._reader_thread = _sqlite_engine(plain), _thread("store-reader")

    @property
    def dialect(self) -> Dialect:
        return self._writer.dialect

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer_thread, self._in_transaction, work)

    async def prepare(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer_thread, self._patiently, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader_thread, self._outside, work)

    def _patiently(self, work: Callable[[Connection], T]) -> T:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                return self._in_transaction(work)
            except OperationalError as error:
                # it waited for `BUSY_SECONDS` inside
                busy = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
                if not busy or time.monotonic() >= until:
                    raise
                time.sleep(0.05)

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        if self._path is not None and not self._path.parent.exists():
            self._path.parent.mkdir(parents=True)
        with self._writer.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails here, not in the middle, when somebody else writes
            result = work(connection)
            connection.exec_driver_sql("COMMIT")
            return result  # after an error the pool rolls back as it takes the connection again

    def _outside(self, work: Callable[[Connection], T]) -> T:
        with self._reader.connect() as connection:
            return work(connection)

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        # The reader first: the last connection that closes folds the WAL back into the file.
        await loop.run_in_executor(self._reader_thread, self._reader.dispose)
        await loop.run_in_executor(self._writer_thread, self._writer.dispose)
        self._reader_thread.shutdown(wait=False)
        self._writer_thread.shutdown(wait=False)


class PostgresDatabase:
    def __init__(self, url: URL) -> None:
        try:
            import asyncpg  # noqa: F401
            from sqlalchemy.ext.asyncio import create_async_engine
        except ImportError:
            raise StoreError("PostgreSQL needs the driver asyncpg: pip install 'softswitch[postgresql]'.") from None
        url = url.set(drivername="postgresql+asyncpg")
        self.name = url.set(drivername="postgresql").render_as_string(hide_password=True)
        options: dict[str, Any] = {
            "max_overflow": 0,
            "pool_timeout": CONNECT_SECONDS,
            "connect_args": {
                "timeout": CONNECT_SECONDS,
                "command_timeout": COMMAND_SECONDS,
                "server_settings": {"application_name": "softswitch"},
            },
        }
        # Pools of their own: however many questions wait for a connection, the writer has one.
        self._writer = create_async_engine(url, pool_size=1, **options)
        # A question of one statement needs no BEGIN and ROLLBACK around it.
        self._reader = create_async_engine(url, pool_size=2, isolation_level="AUTOCOMMIT", **options)

    @property
    def dialect(self) -> Dialect:
        return self._writer.dialect

    async def write(self, work: Callable[[Connection], T]) -> T:
        async with self._writer.begin() as connection:
            return await connection.run_sync(work)

    async def prepare(self, work: Callable[[Connection], T]) -> T:
        return await self.write(work)  # the advisory lock waits for as long as a command may

    async def read(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._read(work)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return await self._read(work)  # the server was away since the last question: now on a new connection

    async def _read(self, work: Callable[[Connection], T]) -> T:
        async with self._reader.connect() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()


def _thread(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)


def _sqlite_engine(url: URL) -> Engine:
    """An engine that leaves BEGIN and COMMIT to us."""
    arguments: dict[str, Any] = {"check_same_thread": False}
    if "timeout" not in url.query:  # sqlite:///line.db?timeout=10
        arguments["timeout"] = BUSY_SECONDS
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT", "connect_args": arguments}
    if url.database in (None, "", ":memory:"):
        options["poolclass"] = StaticPool
    engine = create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def _opened(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


# ------------------------------------------------------------------ what an error means

# SQLSTATE classes: 22 data exception (a NUL in a text, a number out of range), 23 integrity.
_FAULTY_ROW_STATES = ("22", "23")
_FAULTY_ROW_ERRORS = (
    AttributeError,  # not a record at all
    LookupError,
    OverflowError,
    TypeError,
    ValueError,  # among them what UTF-8 cannot carry
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


def is_faulty_row(error: BaseException) -> bool:
    """True when a value of a row is at fault, so that trying again cannot help; everything else (no connection,
    disk full, locked, shutting down, ...) means that the database is away for now."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, OSError):
        state = getattr(seen, "sqlstate", None)
        if isinstance(state, str):
            return state[:2] in _FAULTY_ROW_STATES
        if isinstance(seen, _FAULTY_ROW_ERRORS):
            return True
        if type(seen).__module__.startswith("asyncpg") and type(seen).__name__ == "DataError":
            return True  # refused by the driver before it was sent
        seen = getattr(seen, "orig", None) or seen.__cause__
    return False


# SQLSTATE classes: 28 who we are is not accepted, 3D there is no such database, 42 we may not do that.
_SETTLED_STATES = ("28", "3D", "42")


def may_come_back(error: BaseException) -> bool:
    """False when waiting cannot help: the database is there, and does not want us."""
    seen: BaseException | None = error
    while seen is not None:
        state = getattr(seen, "sqlstate", None)
        if isinstance(state, str):
            return state[:2] not in _SETTLED_STATES
        seen = getattr(seen, "orig", None) or seen.__cause__
    return not isinstance(error, NoSuchModuleError | ArgumentError)


def sentence(error: BaseException) -> str:
    """The reason inside an exception of any of the layers, as half a sentence on one line."""
    if isinstance(error, NoSuchModuleError):
        return "its driver is not installed"
    inner: BaseException = error
    while isinstance(inner, DBAPIError) and inner.orig is not None:
        inner = inner.orig
    if isinstance(inner.__cause__, Exception) and type(inner.__cause__).__module__.startswith("asyncpg"):
        inner = inner.__cause__
    if isinstance(inner, TimeoutError) and not str(inner):
        return "it does not answer"
    if isinstance(inner, ConnectionRefusedError):
        return "connection refused"
    line = " ".join(str(inner).partition("(Background on this error")[0].split()) or type(inner).__name__
    return line.rstrip(".")[:300]
