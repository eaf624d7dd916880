"""The switch's stock of leased ports."""

from __future__ import annotations

import pytest

from softswitch.media.messages import MediaSettings
from softswitch.media.ports import PortStock, shares_of


def test_each_port_once_in_order() -> None:
    stock = PortStock()
    stock.add((20000, 20002))
    stock.add((20004,))
    assert [stock.take() for _ in range(4)] == [20000, 20002, 20004, None]


def test_an_unused_port_comes_back_last() -> None:
    stock = PortStock()
    stock.add((20000, 20002))
    first = stock.take()
    assert first is not None
    stock.give_back(first)
    assert [stock.take(), stock.take(), stock.take()] == [20002, 20000, None]


def test_low_water_and_loss() -> None:
    stock = PortStock(low_water=2)
    assert stock.low
    stock.add((20000, 20002))
    assert not stock.low
    stock.take()
    assert stock.low
    assert len(stock) == 1
    stock.clear()
    assert stock.take() is None


@pytest.mark.parametrize(("first", "last"), [(20000, 20001), (20000, 20007), (20001, 20100), (20000, 29999)])
@pytest.mark.parametrize("workers", [1, 2, 3, 63])
def test_each_media_process_can_hold_a_call(first: int, last: int, workers: int) -> None:
    """Also on a machine with many cores (`workers: auto`), when there are few ports."""
    shares = shares_of(MediaSettings(port_first=first, port_last=last, workers=workers))
    even = [port for low, high in shares for port in range(low + low % 2, high + 1, 2)]
    assert even == list(range(first + first % 2, last + 1, 2)), "each port once"
    assert len(shares) == 1 or min(high - low for low, high in shares) >= 3
    assert len(shares) == workers or len(even) < 2 * workers
