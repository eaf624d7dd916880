"""The switch's stock of leased ports."""

from __future__ import annotations

from softswitch.media.ports import PortStock


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
