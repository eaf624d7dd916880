"""Media processes that outlive a switch which is killed, hang, or are several: real processes, a real kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.media.harness import SOURCE, free_range
from tests.media.test_media_client import House, alive

from softswitch.ids import LegId
from softswitch.media.messages import (
    AdoptLegs,
    AllLegsFound,
    CloseMediaLeg,
    LegsFound,
    MediaLegClosed,
    MediaLost,
    MediaSettings,
    OpenMediaLeg,
    PortsLeased,
)
from softswitch.runtime import media_client, media_connection, media_house
from softswitch.runtime.media_client import MediaStartError
from softswitch.runtime.media_house import MediaHouse, directory_of

MakeSwitch = Callable[..., "Switch"]

KILLED = """
import asyncio, sys
from softswitch.ids import LegId
from softswitch.media.messages import MediaSettings, OpenMediaLeg, PortsLeased
from softswitch.runtime.media_house import MediaHouse

async def main(directory, prompts, first, silence):
    ports = []
    def post(event):
        if isinstance(event, PortsLeased):
            ports.extend(event.ports)
    settings = MediaSettings(port_first=first, port_last=first + 59, silence_seconds=silence)
    house = MediaHouse(settings, prompts, post, directory)
    await house.start()
    house.send(OpenMediaLeg(LegId(7), ports[0]))
    await asyncio.sleep(0)
    print(house.clients[0].pid, ports[0], flush=True)
    await asyncio.wait_for(asyncio.Event().wait(), 60)  # until it is killed

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
"""


class Switch(House):
    """What a switch has of them."""

    def __init__(self, directory: Path, prompts: Path, first: int, **settings: Any) -> None:
        self.events = asyncio.Queue()
        chosen = {"port_first": first, "port_last": first + 59, **settings}
        self.house = MediaHouse(MediaSettings(**chosen), str(prompts), self.events.put_nowait, str(directory))

    @property
    def pids(self) -> list[int]:
        return [client.pid or 0 for client in self.house.clients]


@pytest.fixture
async def switch(tmp_path: Path) -> AsyncIterator[MakeSwitch]:
    made: list[Switch] = []

    def make(directory: Path | None = None, first: int = 0, **settings: Any) -> Switch:
        made.append(Switch(directory or tmp_path / "media", tmp_path, first or free_range(60), **settings))
        return made[-1]

    yield make
    for one in made:
        await one.house.stop()


async def killed(tmp_path: Path, first: int, silence: float = 30.0) -> tuple[int, int]:
    """A switch with one leg was killed: the media process it leaves, and the port of the leg."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, str(tmp_path / "media"), str(tmp_path), str(first), str(silence)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )
    assert process.stdout is not None
    pid, port = map(int, (await process.stdout.readline()).split())
    process.kill()
    await process.wait()
    assert await process.stdout.read() == b"", "the media process holds a pipe of the switch"
    assert alive(pid)
    return pid, port


async def test_the_next_switch_goes_on_with_it(tmp_path: Path, switch: MakeSwitch) -> None:
    first = free_range(60)
    pid, port = await killed(tmp_path, first)
    one = switch(first=first)
    await one.house.start()
    assert one.pids == [pid]
    (found,) = (await one.expect(LegsFound)).legs
    assert (found.leg, found.port) == (7, port)
    everything = await one.expect(AllLegsFound)
    assert everything == AllLegsFound(first, first + 59)
    assert port not in (await one.expect(PortsLeased)).ports
    one.house.send(AdoptLegs((7,), everything.port_first, everything.port_last))
    assert one.house.legs == (1,)
    one.house.send(CloseMediaLeg(LegId(7)))
    assert (await one.expect(MediaLegClosed)).leg == 7
    os.kill(pid, signal.SIGKILL)  # no child of ours: its end is seen all the same
    await one.expect(MediaLost)
    await one.expect(PortsLeased)
    assert one.house.restarts == 1
    assert sorted(os.listdir(tmp_path / "media")) == [
        "lock",
        *sorted(each.name for each in (tmp_path / "media").glob("worker-*")),
    ]
    assert len(list((tmp_path / "media").glob("worker-*"))) == 2, "its socket and its last words, of the living one"


async def test_a_survivor_that_is_dead_and_buried_can_be_killed() -> None:
    """Whoever inherited it was faster than we."""
    process = await asyncio.create_subprocess_exec("sleep", "60")
    survivor = media_connection.Survivor(process.pid)
    process.kill()
    await process.wait()
    survivor.kill()
    async with asyncio.timeout(30):
        assert await survivor.wait() == ""


async def test_one_that_was_started_with_something_else_ends(tmp_path: Path, switch: MakeSwitch) -> None:
    first = free_range(60)
    pid, _ = await killed(tmp_path, first, 12.5)
    one = switch(first=first)
    await one.house.start()
    assert one.pids != [pid]
    assert not alive(pid)
    assert (await one.expect(AllLegsFound)).port_first == first


async def test_one_of_other_ports_ends_as_well(tmp_path: Path, switch: MakeSwitch) -> None:
    pid, _ = await killed(tmp_path, free_range(60))
    one = switch()
    await one.house.start()
    assert not alive(pid)


async def test_a_hanging_survivor_is_not_waited_for(
    tmp_path: Path, switch: MakeSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_client, "CLAIM_SECONDS", 0.2)
    first = free_range(60)
    pid, _ = await killed(tmp_path, first)
    os.kill(pid, signal.SIGSTOP)
    one = switch(first=first)
    await one.house.start()
    assert one.pids != [pid]
    assert not alive(pid)


async def test_a_directory_belongs_to_one_switch(switch: MakeSwitch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_house, "LOCK_SECONDS", 0.2)
    one, other = switch(), switch()
    await one.house.start()
    with pytest.raises(MediaStartError, match=f"is used by another switch .process {os.getpid()}."):
        await other.house.start()
    await one.house.stop()
    await other.house.start()


async def test_the_directory_is_ours_alone(tmp_path: Path, switch: MakeSwitch) -> None:
    wide = tmp_path / "wide"
    wide.mkdir(mode=0o755)
    await switch(wide).house.start()
    assert wide.stat().st_mode & 0o777 == 0o700
    (socket,) = [each for each in wide.iterdir() if each.is_socket()]
    assert socket.stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(wide)
    with pytest.raises(MediaStartError, match="is no directory"):
        await switch(tmp_path / "link").house.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
async def test_a_directory_of_somebody_else_is_refused(tmp_path: Path, switch: MakeSwitch) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    os.chown(foreign, 12345, 12345)
    with pytest.raises(MediaStartError, match=r"belongs to another user \(12345\)"):
        await switch(foreign).house.start()


async def test_a_path_may_be_longer_than_a_socket_address(tmp_path: Path, switch: MakeSwitch) -> None:
    one = switch(tmp_path / ("d" * 120))
    await one.house.start()
    await one.expect(PortsLeased)


async def test_a_process_that_hangs_without_orders_is_found(
    switch: MakeSwitch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(media_connection, "PING_SECONDS", 0.1)
    one = switch()
    await one.house.start()
    await one.expect(PortsLeased)
    (pid,) = one.pids
    os.kill(pid, signal.SIGSTOP)
    lost = await one.expect(MediaLost)
    assert (lost.port_first, lost.port_last) == one.house.clients[0].ports
    await one.expect(PortsLeased)
    assert not alive(pid)
    lines = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert lines[0] == "media process does not answer: it hangs"
    assert lines[1].startswith(f"media process {pid} (ports ")


async def test_several_share_the_ports_and_die_alone(switch: MakeSwitch) -> None:
    one = switch(workers=3)
    await one.house.start()
    ports: dict[int, int] = {}
    for _ in range(3):
        await one.expect(AllLegsFound)
        leased = (await one.expect(PortsLeased)).ports
        ports[next(n for n, client in enumerate(one.house.clients) if leased[0] <= client.ports[1])] = leased[0]
    assert len(set(one.pids)) == 3
    for n, port in ports.items():
        one.house.send(OpenMediaLeg(LegId(n), port))
    assert one.house.legs == (1, 1, 1)
    os.kill(one.pids[1], signal.SIGKILL)
    lost = await one.expect(MediaLost)
    assert (lost.port_first, lost.port_last) == one.house.clients[1].ports
    assert one.house.legs == (1, 0, 1)
    for n in (0, 2):
        one.house.send(CloseMediaLeg(LegId(n)))
        assert (await one.expect(MediaLegClosed)).leg == n
    assert one.house.restarts == 1


async def test_an_orderly_stop_leaves_nothing(tmp_path: Path, switch: MakeSwitch) -> None:
    one = switch(workers=2)
    await one.house.start()
    port = (await one.expect(PortsLeased)).ports[0]
    one.house.send(OpenMediaLeg(LegId(1), port))
    pids = one.pids
    await one.house.stop()
    assert not any(map(alive, pids))
    assert os.listdir(tmp_path / "media") == ["lock"]


@pytest.mark.parametrize(
    ("url", "directory"),
    [
        ("sqlite+aiosqlite:///var/line.db", "var/media"),
        ("sqlite+aiosqlite:////srv/bank/line.db", "/srv/bank/media"),
        ("sqlite+aiosqlite://", ""),
        ("sqlite+aiosqlite:///:memory:", ""),
        ("postgresql+asyncpg://bank@db/line", "var/media"),
    ],
)
def test_where_they_are_found(url: str, directory: str) -> None:
    assert directory_of(MediaSettings(), url) == directory
    assert directory_of(MediaSettings(grace_seconds=0.0), url) == ""
