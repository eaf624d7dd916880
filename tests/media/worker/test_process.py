"""The media process itself: ports, stray orders, its start and its end."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

import pytest
from tests.media.harness import NOBODY, Phone, Worker, free_range

from softswitch.media.messages import (
    Bridge,
    CloseMediaLeg,
    MediaLegClosed,
    MediaLegFailed,
    OpenMediaLeg,
    Play,
    PlaybackEnded,
    PortsLeased,
    SetRemote,
    StopPlay,
    Unbridge,
)

StartWorker = Callable[..., Worker]


def test_only_even_ports_of_the_range_that_are_free(start_worker: StartWorker) -> None:
    first = free_range(12)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", first + 4))
        worker = start_worker(first - 1, first + 11)
        worker.expect(PortsLeased)
        assert set(worker.leased) == {first, first + 2, first + 6, first + 8, first + 10}


def test_used_up_then_returned_after_their_rest(start_worker: StartWorker) -> None:
    first = free_range(6)
    worker = start_worker(first, first + 3, "--quarantine", "0.3")
    a, b = Phone(worker), Phone(worker)
    worker.settle()
    worker.queue.clear()
    assert worker.leased == []  # nothing more to lease
    port = a.server[1]
    a.hang_up()
    # while the port rests its socket is closed: nobody takes the late packets of the old call
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", port))
    assert worker.expect(PortsLeased) == PortsLeased((port,))
    Phone(worker).hang_up()
    b.hang_up()


def test_an_empty_range_is_reported_as_an_empty_lease(start_worker: StartWorker) -> None:
    port = free_range(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        worker = start_worker(port, port)
        assert worker.expect(PortsLeased) == PortsLeased(())


def test_the_stock_is_filled_as_ports_are_opened(worker: Worker) -> None:
    before = len(worker.leased)
    phones = [Phone(worker) for _ in range(100)]
    worker.expect(PortsLeased)
    assert len({phone.server[1] for phone in phones}) == 100
    assert len(worker.leased) > before - 100
    for phone in phones:
        phone.hang_up()


@pytest.mark.parametrize(
    "command",
    [
        SetRemote(NOBODY, "127.0.0.1", 4000, 0, 101),
        Play(NOBODY, 1, ("x",)),
        StopPlay(NOBODY),
        Bridge(NOBODY, NOBODY),
        Unbridge(NOBODY),
        OpenMediaLeg(NOBODY, 1),
    ],
)
def test_orders_for_nobody_fail_that_leg_only(worker: Worker, command: StopPlay) -> None:
    worker.send(command)
    assert worker.expect(MediaLegFailed).leg == NOBODY


def test_a_leg_opens_once_and_closes_once(worker: Worker) -> None:
    a = Phone(worker)
    worker.send(OpenMediaLeg(a.leg, worker.port()))
    assert worker.expect(MediaLegFailed).leg == a.leg
    a.hang_up()
    worker.send(CloseMediaLeg(a.leg), CloseMediaLeg(NOBODY))
    worker.settle()
    assert not [event for event in worker.queue if isinstance(event, MediaLegClosed | MediaLegFailed)]


def test_a_port_serves_one_leg(worker: Worker) -> None:
    a = Phone(worker)
    worker.send(OpenMediaLeg(NOBODY, a.server[1]))
    assert worker.expect(MediaLegFailed).leg == NOBODY
    a.hang_up()


@pytest.mark.parametrize(
    ("host", "port", "payload_type", "dtmf_type"),
    [
        ("", 4000, 0, 101),
        ("localhost", 4000, 0, 101),  # names are not asked for
        ("999.1.1.1", 4000, 0, 101),
        ("::1", 4000, 0, 101),
        ("127.0.0.1", 70000, 0, 101),
        ("127.0.0.1", -1, 0, 101),
        ("127.0.0.1", 4000, 18, 101),
        ("127.0.0.1", 4000, 300, 101),
        ("127.0.0.1", 4000, 0, 128),
    ],
)
def test_a_remote_that_cannot_be_fails_its_leg(
    worker: Worker, host: str, port: int, payload_type: int, dtmf_type: int
) -> None:
    a = Phone(worker)
    worker.send(SetRemote(a.leg, host, port, payload_type, dtmf_type), StopPlay(a.leg))
    assert worker.expect(MediaLegFailed).leg == a.leg
    assert worker.expect(MediaLegClosed).leg == a.leg


def test_port_zero_and_an_unreachable_host_lose_packets_only(worker: Worker) -> None:
    (worker.prompts / "beep.ulaw").write_bytes(b"b" * 800)
    for host, port in (("127.0.0.1", 0), ("255.255.255.255", 9), ("240.0.0.1", 9)):
        a = Phone(worker)
        worker.send(SetRemote(a.leg, host, port, 0, 101), Play(a.leg, 1, ("beep",)))
        assert worker.expect(PlaybackEnded).finished
        assert a.hang_up().packets_dropped == 5


def test_it_ends_with_the_connection(start_worker: StartWorker) -> None:
    first = free_range(20)
    worker = start_worker(first, first + 19)
    worker.process.send_signal(signal.SIGINT)
    worker.process.send_signal(signal.SIGTERM)
    worker.settle()  # the switch decides when audio ends
    assert worker.close() == 0


def test_nonsense_on_the_connection_ends_it(start_worker: StartWorker) -> None:
    first = free_range(20)
    worker = start_worker(first, first + 19)
    worker.send_bytes(b"\xff" * 64)
    assert worker.process.wait(5) == 0


def test_an_address_that_is_not_ours_is_one_sentence(tmp_path, start_worker: StartWorker) -> None:  # type: ignore[no-untyped-def]
    first = free_range(20)
    worker = start_worker(first, first + 19, "--host", "192.0.2.1")
    assert worker.said.startswith("media address 192.0.2.1 cannot be used")
    assert worker.process.wait(5) == 2
