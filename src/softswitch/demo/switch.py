"""The switch under demonstration: a process of its own, on a copy of `configs/bank` with short times.

It is started as an operator starts it (`python -m softswitch run DIR ...`), watched through its HTTP interface and
its database, and can be stopped, killed and started again on the same ports and files.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from softswitch.call.settings import Settings
from softswitch.config import load
from softswitch.demo.edit import set_value
from softswitch.demo.gateway import HOST as GATEWAY_HOST
from softswitch.demo.ports import free_port, free_range
from softswitch.media.worker import door

HOST = "127.0.0.1"
_LOOK_SECONDS = 0.05
_START_SECONDS = 60.0  # the first start may have to render prompts
_STOP_SECONDS = 30.0

# What the demo changes in its copy of the bank: what a bank counts in minutes is counted in seconds here.
_CHANGES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("queues.yaml", ("queues", "everyday", "ring"), "4s"),
    ("queues.yaml", ("queues", "everyday", "wrap_up"), "3s"),
    ("queues.yaml", ("queues", "everyday", "sticky", "counts_as_previous", "talked_at_least"), "5s"),
)
TALKED_AT_LEAST = 5.0


class SwitchTrouble(Exception):
    """The switch did not start, stop or answer as it should."""


def bank_directory() -> Path:
    """`configs/bank`: beside this module in an installed package, at the top of a checkout otherwise."""
    here = Path(__file__).resolve()
    for candidate in (here.parent / "bank", here.parents[3] / "configs" / "bank"):
        if candidate.is_dir():
            return candidate
    raise SwitchTrouble("the demo's configuration (configs/bank) is neither in the package nor in a checkout")


@dataclass(slots=True)
class Ports:
    sip: int = field(default_factory=lambda: free_port(HOST))
    http: int = field(default_factory=lambda: free_port(HOST))
    tls: int = field(default_factory=lambda: free_port(HOST))
    gateway: int = field(default_factory=lambda: free_port(GATEWAY_HOST))
    rtp: tuple[int, int] = field(default_factory=lambda: free_range(200, HOST))


class Switch:
    """One switch process and its directory."""

    def __init__(self, directory: Path, ports: Ports) -> None:
        self.directory = directory
        self.ports = ports
        self.config = directory / "bank"
        self.database = directory / "line.db"
        self.log = directory / "switch.log"
        self.environment: dict[str, str] = {}
        self.more_listen: tuple[str, ...] = ()  # addresses beside those of `ports`
        self._process: asyncio.subprocess.Process | None = None
        self._groups: list[int] = []

    # ------------------------------------------------------------------ the configuration

    def prepare(self, passwords: dict[str, str]) -> None:
        """Copy the bank and change what a demo must: the gateway's address and the times. `passwords` are the
        environment variables that the configuration names."""
        shutil.copytree(bank_directory(), self.config)
        self.edit("line.yaml", ("trunks", "pstn", "to"), f"{GATEWAY_HOST}:{self.ports.gateway}")
        self.edit("line.yaml", ("media", "ports"), "{}..{}".format(*self.ports.rtp))
        self.edit("line.yaml", ("prompts", "cache"), json.dumps(str(self.directory / "prompts")))
        for file, path, value in _CHANGES:
            self.edit(file, path, value)
        self.environment = passwords

    def settings(self) -> Settings:
        """The same settings that the switch runs on."""
        return load(self.config, env={**os.environ, **self.environment})

    def edit(self, file: str, path: tuple[str, ...], value: str) -> None:
        target = self.config / file
        target.write_text(set_value(target.read_text(encoding="utf-8"), path, value), encoding="utf-8")

    # ------------------------------------------------------------------ the process

    @property
    def sip(self) -> str:
        return f"{HOST}:{self.ports.sip}"

    @property
    def http(self) -> str:
        return f"{HOST}:{self.ports.http}"

    async def start(self) -> float:
        """Start it and wait until it says that it is healthy; how long that took."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "softswitch", "run", str(self.config)),
                *("--listen", f"udp://{self.sip}", "--listen", f"tcp://{self.sip}", "--http", self.http),
                *(word for address in self.more_listen for word in ("--listen", address)),
                *("--database", f"sqlite:///{self.database}"),
                cwd=self.directory,
                env={**os.environ, **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._groups.append(self._process.pid)
        deadline = began + _START_SECONDS
        while await self._health() not in ("ok", "degraded"):
            if self._process.returncode is not None:
                raise SwitchTrouble(f"the switch ended with {self._process.returncode}: {self._last_words()}")
            if time.monotonic() > deadline:
                raise SwitchTrouble(f"the switch is not healthy after {_START_SECONDS:g} s: {self._last_words()}")
            await asyncio.sleep(_LOOK_SECONDS)
        return time.monotonic() - began

    @property
    def process_id(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def stop(self) -> tuple[int, float]:
        """SIGTERM; its exit status and how long it took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            status = await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            raise SwitchTrouble(f"the switch is still there {_STOP_SECONDS:g} s after SIGTERM") from None
        return status, time.monotonic() - began

    async def kill(self) -> None:
        """kill -9: the switch process alone, as the kernel's out-of-memory killer would."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def close(self) -> None:
        """Nothing that was started here outlives the demo, whatever happened."""
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(SwitchTrouble, ProcessLookupError):
                await self.stop()
        for group in self._groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        for path in (self.directory / "media").glob("worker-*"):  # it outlives a switch that was killed
            if path.is_socket():
                with contextlib.suppress(OSError, door.WrongDoor):
                    sock, media_process = door.connect(str(path))
                    sock.close()
                    os.kill(media_process, signal.SIGTERM)
        if process is not None:
            await process.wait()

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " / ".join(lines[-3:]) or "it said nothing"

    # ------------------------------------------------------------------ what it says of itself

    async def _health(self) -> str:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"http://{self.http}/healthz") as answer:
                return str((await answer.json())["status"])
        except (aiohttp.ClientError, OSError, ValueError):
            return "away"

    async def look(self, what: str) -> list[dict[str, Any]]:
        """`calls`, `queues`, `agents` or `registrations` of the API."""
        async with aiohttp.ClientSession() as session, session.get(f"http://{self.http}/api/v1/{what}") as answer:
            rows: list[dict[str, Any]] = (await answer.json())[what]
            return rows

    async def agent(self, agent: str) -> dict[str, Any]:
        return next(row for row in await self.look("agents") if row["agent"] == agent)

    async def wait_for(
        self, what: str, until: Callable[[list[dict[str, Any]]], object], seconds: float, wish: str
    ) -> list[dict[str, Any]]:
        """Look until it is so; `wish` says in words what is waited for."""
        deadline = time.monotonic() + seconds
        while True:
            rows = await self.look(what)
            if until(rows):
                return rows
            if time.monotonic() > deadline:
                raise SwitchTrouble(f"not {wish} within {seconds:g} s; {what}: {_short(rows)}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def wait_for_agent(self, agent: str, state: str, seconds: float) -> dict[str, Any]:
        def so(rows: list[dict[str, Any]]) -> bool:
            return any(row["agent"] == agent and row["state"] == state for row in rows)

        rows = await self.wait_for("agents", so, seconds, f"{agent} {state}")
        return next(row for row in rows if row["agent"] == agent)

    # ------------------------------------------------------------------ what it wrote down

    def rows(self, question: str, *values: Any) -> list[dict[str, Any]]:
        """Ask the database, reading only."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5.0)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(question, values)]

    async def wait_for_row(self, question: str, *values: Any, seconds: float, wish: str) -> dict[str, Any]:
        """The first row of the answer, as soon as there is one."""
        deadline = time.monotonic() + seconds
        while True:
            rows = self.rows(question, *values)
            if rows:
                return rows[0]
            if time.monotonic() > deadline:
                raise SwitchTrouble(f"the database has no {wish} within {seconds:g} s")
            await asyncio.sleep(_LOOK_SECONDS)


def _short(rows: list[dict[str, Any]]) -> str:
    words = [" ".join(str(row[key]) for key in ("agent", "queue", "state", "reason") if row.get(key)) for row in rows]
    return "; ".join(words) or "none"


def new_password() -> str:
    return secrets.token_urlsafe(12)
