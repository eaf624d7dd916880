"""The switch's end: start, orders, loss and restart of a real media process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.media.harness import free_range

from softswitch.ids import LegId, PlaybackId
from softswitch.media.messages import (
    AllLegsFound,
    CloseMediaLeg,
    MediaLegClosed,
    MediaLost,
    MediaSettings,
    OpenMediaLeg,
    Play,
    PlaybackEnded,
    PortsLeased,
    StopPlay,
)
from softswitch.media.ports import PortStock
from softswitch.runtime import media_client, media_connection
from softswitch.runtime.media_client import MediaClient, MediaStartError

T = TypeVar("T")
TIMEOUT = 10.0


class House:
    """A client and what it posted."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        first = free_range(100)
        self.events: asyncio.Queue[Any] = asyncio.Queue()
        chosen = {"port_first": first, "port_last": first + 99, **settings}
        self.client = MediaClient(MediaSettings(**chosen), str(directory), self.events.put_nowait)

    async def expect(self, kind: type[T]) -> T:
        async with asyncio.timeout(TIMEOUT):
            while True:
                event = await self.events.get()
                if isinstance(event, kind):
                    return event


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Callable[..., House]]:
    houses: list[House] = []

    def make(**settings: Any) -> House:
        houses.append(House(tmp_path, **settings))
        return houses[-1]

    yield make
    for one in houses:
        await one.client.stop()


def alive(pid: int) -> bool:
    """One that has ended and whose parent has not looked yet is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_ports_are_there_when_start_returns(house: Callable[..., House]) -> None:
    one = house()
    await one.client.start()
    assert isinstance(one.events.get_nowait(), AllLegsFound), "it has none, and says so first"
    leased = one.events.get_nowait()
    assert isinstance(leased, PortsLeased)
    assert len(leased.ports) > 30


async def test_orders_of_one_turn_arrive_in_order(house: Callable[..., House]) -> None:
    one = house()
    await one.client.start()
    ports = (await one.expect(PortsLeased)).ports
    for n in range(20):
        one.client.send(OpenMediaLeg(LegId(n), ports[n]))
        one.client.send(Play(LegId(n), PlaybackId(n), ("missing",)))
        one.client.send(CloseMediaLeg(LegId(n)))
    assert [(await one.expect(PlaybackEnded)).leg for _ in range(5)] == [0, 1, 2, 3, 4]
    for _ in range(15):
        await one.expect(MediaLegClosed)


async def test_a_killed_process_is_announced_and_started_again(house: Callable[..., House]) -> None:
    one = house()
    await one.client.start()
    stock = PortStock()
    stock.add((await one.expect(PortsLeased)).ports)
    first = one.client.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await one.expect(MediaLost)
    stock.clear()
    one.client.send(StopPlay(LegId(1)))  # while it is away: forgotten
    stock.add((await one.expect(PortsLeased)).ports)
    assert one.client.pid not in (None, first)
    port = stock.take()
    assert port is not None
    one.client.send(OpenMediaLeg(LegId(2), port))
    one.client.send(CloseMediaLeg(LegId(2)))
    assert (await one.expect(MediaLegClosed)).leg == 2


async def test_killed_again_and_again(house: Callable[..., House]) -> None:
    one = house()
    await one.client.start()
    for _ in range(3):
        await one.expect(PortsLeased)
        assert one.client.pid is not None
        os.kill(one.client.pid, signal.SIGKILL)
        await one.expect(MediaLost)
    await one.expect(PortsLeased)


async def test_a_process_that_hangs_is_replaced(house: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_connection, "MAX_UNSENT_BYTES", 10_000)
    monkeypatch.setattr(media_client, "STOP_SECONDS", 0.1)
    one = house()
    await one.client.start()
    await one.expect(PortsLeased)
    first = one.client.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    for _ in range(100):
        for n in range(1000):
            one.client.send(StopPlay(LegId(2**40 + n)))
        await asyncio.sleep(0)  # one turn of the loop: they leave
    await one.expect(MediaLost)
    await one.expect(PortsLeased)
    assert not alive(first)


async def test_stop_ends_the_process_without_events(house: Callable[..., House]) -> None:
    one = house()
    await one.client.start()
    pid = one.client.pid
    assert pid is not None
    await one.expect(PortsLeased)
    await one.client.stop()
    assert not alive(pid)
    assert one.client.pid is None
    assert one.events.empty()
    one.client.send(StopPlay(LegId(1)))
    await one.client.stop()  # again is nothing


async def test_a_foreign_address_is_one_sentence(house: Callable[..., House]) -> None:
    one = house(host="192.0.2.1")
    with pytest.raises(MediaStartError, match=r"media address 192\.0\.2\.1 cannot be used"):
        await one.client.start()
    assert one.client.pid is None


async def test_the_socket_is_nobody_elses(house: Callable[..., House], tmp_path: Path, monkeypatch: Any) -> None:
    """The control socket lives in a directory of mode 0700, and is gone once it is connected."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    one = house()
    await one.client.start()
    assert not [name for name in os.listdir(tmp_path) if name.startswith("softswitch-media-")]
