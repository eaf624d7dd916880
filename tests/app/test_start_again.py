"""A start that fails does no harm to calls that wait for it in the media process: the next one goes on with them."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from tests.app.test_switch import call, gateway, running, settings  # noqa: F401  (fixtures)

from softswitch.app import store_wait
from softswitch.app.switch import Switch
from softswitch.call.errors import StartError
from softswitch.call.settings import Settings
from softswitch.store.errors import StoreAway, StoreError


async def crash(switch: Switch) -> None:
    """Everything it holds is let go, and nobody is told."""
    switch.edges.media.leave_calls()
    await switch._close_all()


async def test_a_start_that_fails_leaves_the_calls_to_the_next(
    settings: Settings,  # noqa: F811
    gateway: socket.socket,  # noqa: F811
) -> None:
    settings = replace(settings, media=replace(settings.media, workers=1))
    first = await Switch.start(settings)
    try:
        await call(gateway, first)
        pid = first.edges.media.clients[0].pid
        assert pid is not None
    except BaseException:
        await first.stop()
        raise
    await crash(first)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((settings.http_host, settings.http_port))
        taken.listen()
        with pytest.raises(StartError, match="it is taken"):
            await Switch.start(settings)
    os.kill(pid, 0)  # it is there
    async with running(settings) as again:
        assert again.edges.media.clients[0].pid == pid
        (leg,) = again.cores.calls.board.live_legs()
        assert leg.has_media
        assert leg.facts.restarted


async def test_calls_that_wait_let_a_start_wait_for_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_wait, "TRY_AGAIN_SECONDS", 0.02)
    directory = tmp_path / "database"
    directory.write_text("a file where a directory has to be: nothing can be opened in it")
    url = f"sqlite:///{directory}/line.db"
    with pytest.raises(StoreAway, match="cannot be opened"):
        await store_wait.opened(url, 0.05)
    waiting = asyncio.create_task(store_wait.opened(url, 20.0))
    await asyncio.sleep(0)
    directory.unlink()
    store = await waiting
    assert store.health().ok
    await store.close()


async def test_a_start_that_waits_for_the_database_can_be_stopped(tmp_path: Path) -> None:
    """SIGTERM was obeyed after the whole grace: the service manager would have killed the process before."""
    directory = tmp_path / "database"
    directory.write_text("a file where a directory has to be: nothing can be opened in it")
    stop = asyncio.Event()
    waiting = asyncio.create_task(store_wait.opened(f"sqlite:///{directory}/line.db", 3600.0, stop))
    await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(30):
        with pytest.raises(StoreError):
            await waiting
