"""The port pool, on real sockets and a clock of our own."""

from __future__ import annotations

import errno
import socket

import pytest
from tests.media.harness import free_range

from softswitch.media.worker import sockets as sockets_module
from softswitch.media.worker.pool import FOREIGN_SECONDS, LOW_WATER, STOCK, PortPool


def make(count: int = 4) -> PortPool:
    first = free_range(2 * count)
    return PortPool("127.0.0.1", first, first + 2 * count - 1, 2.0)


def test_leased_once_and_bound() -> None:
    pool = make()
    ports = pool.refill(0.0, 100)
    assert len(ports) == 4
    assert pool.refill(0.0, 100) == ()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, pytest.raises(OSError):
        probe.bind(("127.0.0.1", ports[0]))
    sock = pool.open(ports[0])
    assert sock is not None
    assert sock.getsockname() == ("127.0.0.1", ports[0])
    assert pool.open(ports[0]) is None
    sock.close()


def test_a_released_port_rests() -> None:
    pool = make(1)
    (port,) = pool.refill(0.0, 100)
    sock = pool.open(port)
    assert sock is not None
    pool.release(port, sock, 10.0)
    assert sock.fileno() == -1
    assert pool.refill(11.99, 100) == ()
    assert pool.refill(12.0, 100) == (port,)


def test_ports_of_others_are_tried_again_later() -> None:
    pool = make(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", pool._fresh[0]))
        assert pool.refill(0.0, 100) == ()
        assert pool.refill(FOREIGN_SECONDS - 1, 100) == ()
    assert len(pool.refill(FOREIGN_SECONDS, 100)) == 1


def test_the_stock_is_bounded_and_filled_below_low_water() -> None:
    pool = make(1000)
    first = list(pool.refill(0.0, 10_000))
    assert len(first) == STOCK
    opened = []
    while not pool.short:
        opened.append(pool.open(first.pop()))
    assert STOCK - len(opened) == LOW_WATER - 1
    assert len(pool.refill(0.0, 5)) == 5
    for sock in opened:
        assert sock is not None
        sock.close()


def test_out_of_descriptors_refuses_and_loses_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make(3)

    class NoSockets:
        def __getattr__(self, name: str) -> object:
            return getattr(socket, name)

        def socket(self, *_: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(sockets_module, "socket", NoSockets())
        assert pool.refill(0.0, 100) == ()
        assert pool.refill(1.0, 100) == ()
    assert len(pool.refill(2.0, 100)) == 3
