"""More packets than can be carried: every call gives up the same share of them, and what is carried is young."""

from __future__ import annotations

import logging
import random
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.media.harness import free_range

from softswitch.ids import LegId
from softswitch.media import rtp
from softswitch.media.messages import Bridge, OpenMediaLeg, SetRemote
from softswitch.media.worker import overload
from softswitch.media.worker.overload import CALM_SECONDS, Overload
from softswitch.media.worker.pool import PortPool
from softswitch.media.worker.prompts import PromptLibrary
from softswitch.media.worker.relay import Clock, Relay
from softswitch.media.worker.switchboard import Switchboard

LEGS = 20


class Hall:
    """Bridged legs and their phones, on a clock of our own; rounds as the loop makes them, but smaller ones."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock = Clock(100.0)
        self.epoll = select.epoll()
        self.relay = Relay(self.clock)
        first = free_range(2 * LEGS)
        pool = PortPool("127.0.0.1", first, first + 2 * LEGS - 1, 2.0)
        library = PromptLibrary(str(tmp_path))
        self.board = Switchboard(self.epoll, self.relay, pool, library, 30.0, random.Random(5).getrandbits)
        self.overload = Overload(self.clock.now)
        self.phones: list[socket.socket] = []
        for number, port in enumerate(pool.refill(100.0, LEGS)):
            phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            phone.setblocking(False)
            phone.bind(("127.0.0.1", 0))
            phone.connect(("127.0.0.1", port))
            self.phones.append(phone)
            self.board.handle(OpenMediaLeg(LegId(number), port))
            self.board.handle(SetRemote(LegId(number), "127.0.0.1", phone.getsockname()[1], 0, 101))
        for number in range(0, LEGS, 2):
            self.board.handle(Bridge(LegId(number), LegId(number + 1)))
        self.sent = 0

    def speak(self) -> None:
        """A packet of everybody."""
        self.sent += 1
        for number, phone in enumerate(self.phones):
            phone.send(rtp.build(0, self.sent, 160 * self.sent, number, bytes(160)))

    def round(self, most: int) -> None:
        self.relay.pump(self.epoll.poll(0, most))

    def drain(self) -> None:
        while ready := self.epoll.poll(0):
            self.relay.pump(ready)

    def heard(self) -> list[list[int]]:
        """By each phone: the numbers of the packets."""
        found: list[list[int]] = []
        for phone in self.phones:
            numbers: list[int] = []
            try:
                while True:
                    numbers.append(int.from_bytes(phone.recv(2048)[2:4], "big"))
            except BlockingIOError:
                found.append(numbers)
        return found

    def close(self) -> None:
        for each in [*self.phones, *(leg.sock for leg in self.board.legs.values())]:
            each.close()
        self.epoll.close()


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    one = Hall(tmp_path)
    yield one
    one.close()


def strained(hall: Hall, seconds: float) -> None:
    """No round with time to spare."""
    for _ in range(round(seconds / 0.05)):
        hall.clock.now += 0.05
        hall.overload.round(hall.clock.now)
    hall.overload.look(hall.board.legs.values(), hall.clock.now)


def stands_still(hall: Hall, seconds: float) -> None:
    """The machine, and the process with it."""
    hall.clock.now += seconds
    hall.overload.round(hall.clock.now)
    hall.overload.look(hall.board.legs.values(), hall.clock.now)


def calm(hall: Hall, seconds: float) -> None:
    hall.clock.now += seconds
    hall.overload.round(hall.clock.now)
    hall.overload.rested_at = hall.clock.now
    hall.overload.look(hall.board.legs.values(), hall.clock.now)


def queued(hall: Hall) -> list[int]:
    """Packets that wait when each was sent thirty and nobody looked."""
    before = [leg.route.count for leg in hall.board.legs.values()]
    for _ in range(30):
        hall.speak()
    hall.drain()
    return [leg.route.count - count for leg, count in zip(hall.board.legs.values(), before, strict=True)]


def test_the_queues_are_short_while_it_lasts(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    strained(hall, 0.9)
    assert queued(hall) == [30] * LEGS, "a moment in which much comes at once loses nothing"
    strained(hall, 0.2)
    assert max(queued(hall)) <= 6
    assert min(queued(hall)) >= 2
    for _ in range(3):
        strained(hall, 0.5)
    calm(hall, 0.5)
    assert hall.overload.lasts, "not on and off with every breath"
    assert max(queued(hall)) <= 6
    calm(hall, CALM_SECONDS)
    assert queued(hall) == [30] * LEGS
    assert [record.message.split(":")[0] for record in caplog.records] == ["overloaded", "no longer overloaded"]


@pytest.mark.parametrize("seconds", [0.3, 0.8, 20.0])
def test_a_machine_that_stood_still_is_not_overloaded(hall: Hall, seconds: float) -> None:
    """What piled up meanwhile is carried; only what goes on for long after it is more than can be carried."""
    calm(hall, 0.5)
    stands_still(hall, seconds)
    strained(hall, min(seconds, 0.9))
    assert not hall.overload.lasts
    assert queued(hall) == [30] * LEGS
    strained(hall, 2.0)
    assert hall.overload.lasts
    stands_still(hall, seconds)
    strained(hall, 2.5)
    assert hall.overload.lasts, "nor does it end because the machine stood still"


def test_a_pressed_key_does_not_make_an_overload_dearer(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Housekeeping comes every 50 ms while a key is down; the queues are gone through twice a second at most."""
    held: list[int] = []
    monkeypatch.setattr(overload, "_hold", lambda legs, size: held.append(size))
    strained(hall, 1.1)
    for _ in range(20):
        strained(hall, 0.05)
    assert 2 <= len(held) <= 3


def test_each_call_gives_up_the_same_share_and_the_rest_is_young(hall: Hall) -> None:
    """Twenty packets come, and there is time for fourteen; by then the oldest has waited for five others at most."""
    hall.speak()
    hall.drain()
    hall.heard()
    strained(hall, 1.1)
    share: list[int] = [0] * LEGS
    ages: list[int] = []
    for _ in range(100):
        hall.speak()
        hall.round(14)
        for number, packets in enumerate(hall.heard()):
            share[number] += len(packets)
            ages += [hall.sent - packet for packet in packets]
    assert sum(share) == 1400, "nothing of what could be carried is wasted"
    assert max(share) - min(share) <= 3
    assert max(ages) <= 8
