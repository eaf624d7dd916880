"""Databases for the tests: SQLite files, and a PostgreSQL server of our own on a Unix socket."""

from __future__ import annotations

import asyncio
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from softswitch.store import Store, StoreHealth, WriterSettings

NOW = 1_800_000_000.0


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


class PostgresServer:
    """A private cluster; it refuses to run as root, so then it runs as `postgres` or `nobody`."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self._binaries = binaries
        self._directory = directory
        self._as_user: list[str] = []
        self._numbers = itertools.count(1)
        if os.geteuid() == 0:
            user = next(entry for entry in pwd.getpwall() if entry.pw_name in ("postgres", "nobody"))
            os.chown(directory, user.pw_uid, user.pw_gid)
            ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            self._as_user = ["setpriv", *ids]
        self._run("initdb", "-D", "data", "-A", "trust", "-U", "softswitch", "--no-sync", "--locale=C", "-E", "UTF8")

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._binaries / program), *arguments]
        # The output goes to a file: the server would keep a pipe open and be waited for.
        with (self._directory / "log").open("ab") as log:
            subprocess.run(command, cwd=self._directory, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self) -> None:
        options = f"-c listen_addresses='' -k {self._directory} -c fsync=off -c max_connections=50"
        self._run("pg_ctl", "-D", "data", "-o", options, "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")

    def url(self, database: str) -> str:
        return f"postgresql://softswitch@/{database}?host={self._directory}"

    def new_database(self) -> str:
        name = f"line_{next(self._numbers)}"
        self._run("createdb", "-h", str(self._directory), "-U", "softswitch", name)
        return self.url(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server on this machine (initdb not found)")
    directory = Path(tempfile.mkdtemp(prefix="softswitch-pg-", dir="/tmp"))  # short: it holds a socket
    try:
        server = PostgresServer(binaries, directory)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'line.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


class HealthLog:
    """The changes of a store's health, to be waited for."""

    def __init__(self) -> None:
        self.seen: list[StoreHealth] = []
        self._news = asyncio.Event()

    def __call__(self, health: StoreHealth) -> None:
        self.seen.append(health)
        self._news.set()

    async def until(self, ok: bool) -> StoreHealth:
        async with asyncio.timeout(20):
            while not self.seen or self.seen[-1].ok is not ok:
                self._news.clear()
                await self._news.wait()
        return self.seen[-1]


OpenStore = Callable[..., Awaitable[Store]]


@pytest.fixture
async def open_store() -> AsyncIterator[OpenStore]:
    """Opens stores and closes them after the test."""
    async with AsyncExitStack() as stack:

        async def make(
            url: str, settings: WriterSettings | None = None, on_health: Callable[[StoreHealth], None] | None = None
        ) -> Store:
            store = Store(url, settings, wall_clock=lambda: NOW, on_health=on_health)
            await store.open()
            stack.push_async_callback(store.close)
            return store

        yield make


@pytest.fixture
async def store(database_url: str, open_store: OpenStore) -> Store:
    return await open_store(database_url)
