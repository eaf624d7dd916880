"""The inner loop without a process around it."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest
from tests.media.harness import free_range

from softswitch.ids import LegId
from softswitch.media import rtp
from softswitch.media.control import MediaEvent
from softswitch.media.messages import Bridge, MediaLegClosed, MediaLegFailed, OpenMediaLeg, SetRemote
from softswitch.media.worker.leg import CHECKS_AFTER_CONNECT
from softswitch.media.worker.pool import PortPool
from softswitch.media.worker.prompts import PromptLibrary
from softswitch.media.worker.relay import Clock, Relay
from softswitch.media.worker.switchboard import Switchboard

ONE, OTHER = LegId(1), LegId(2)
AUDIO = rtp.build(0, 1, 160, 7, b"a" * 160)


class Floor:
    """A switchboard with one bridged call, pumped by hand."""

    def __init__(self) -> None:
        self.clock = Clock(100.0)
        self.epoll = select.epoll()
        self.relay = Relay(self.clock)
        first = free_range(8)
        pool = PortPool("127.0.0.1", first, first + 7, 2.0)
        bits = iter(range(1000))
        self.board = Switchboard(self.epoll, self.relay, pool, PromptLibrary("/nowhere"), 30.0, lambda _: next(bits))
        self.phones: dict[LegId, socket.socket] = {}
        for leg, port in zip((ONE, OTHER), pool.refill(100.0, 10), strict=False):
            phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            phone.bind(("127.0.0.1", 0))
            phone.settimeout(20)
            self.phones[leg] = phone
            self.board.handle(OpenMediaLeg(leg, port))
            self.board.handle(SetRemote(leg, "127.0.0.1", phone.getsockname()[1], 0, 101))
        self.board.handle(Bridge(ONE, OTHER))

    def throw(self, leg: LegId, data: bytes) -> None:
        self.phones[leg].sendto(data, ("127.0.0.1", self.board.legs[leg].port))
        assert self.relay.pump(self.epoll.poll(5)) == []
        self.board.after_packets()

    def told(self) -> list[MediaEvent]:
        told = list(self.board.events)
        self.board.events.clear()
        return told


@pytest.fixture
def floor() -> Iterator[Floor]:
    one = Floor()
    yield one
    for phone in one.phones.values():
        phone.close()
    for leg in list(one.board.legs.values()):
        leg.sock.close()
    one.epoll.close()


def test_a_broken_invariant_ends_that_leg_and_nothing_else(floor: Floor) -> None:
    floor.throw(ONE, AUDIO)
    assert floor.phones[OTHER].recv(2048)[12:] == b"a" * 160

    def broken(size: int) -> None:
        raise AssertionError("broken")

    floor.board.legs[ONE].route.through = broken
    floor.throw(ONE, AUDIO)
    kinds = [type(event) for event in floor.told()]
    assert kinds == [MediaLegFailed, MediaLegClosed]
    assert list(floor.board.legs) == [OTHER]
    floor.throw(OTHER, AUDIO)
    assert floor.told() == []


def test_addresses_are_checked_until_the_queue_of_strangers_must_be_empty(floor: Floor) -> None:
    route = floor.board.legs[ONE].route
    sock = floor.board.legs[ONE].sock
    floor.throw(ONE, AUDIO)
    for _ in range(CHECKS_AFTER_CONNECT):
        assert route.receive != sock.recv_into
        floor.throw(ONE, AUDIO)
    assert route.receive == sock.recv_into
    assert route.count == 1 + CHECKS_AFTER_CONNECT


def test_the_receive_buffer_holds_fewer_datagrams_than_are_checked(floor: Floor) -> None:
    """The bound that `CHECKS_AFTER_CONNECT` relies on, on this kernel, with the smallest datagrams there are."""
    leg = floor.board.legs[ONE]
    for _ in range(1000):
        floor.phones[OTHER].sendto(b"", ("127.0.0.1", leg.port))
    queued = 0
    while True:
        try:
            leg.sock.recv(10)
        except BlockingIOError:
            break
        queued += 1
    assert 0 < queued < CHECKS_AFTER_CONNECT


def test_one_packet_of_each_leg_and_round(floor: Floor) -> None:
    for _ in range(10):
        floor.phones[ONE].sendto(AUDIO, ("127.0.0.1", floor.board.legs[ONE].port))
    floor.throw(OTHER, AUDIO)
    counts = [floor.board.legs[leg].route.count for leg in (ONE, OTHER)]
    assert counts == [1, 1]
