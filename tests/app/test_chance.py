"""The switch's own randomness: as many bits as asked for, never the same ones twice."""

from __future__ import annotations

from softswitch.app.chance import Chance


def test_as_many_bits_as_asked_for() -> None:
    chance = Chance()
    for bits in (1, 7, 8, 31, 64, 256):
        drawn = [chance.getrandbits(bits) for _ in range(2000)]
        assert max(drawn) < 1 << bits
        assert max(drawn) >= 1 << (bits - 1)  # the topmost bit is drawn too: not once in 2000 is 2**-2000


def test_nothing_repeats_across_stocks() -> None:
    chance = Chance()
    drawn = [chance.getrandbits(64) for _ in range(20_000)]
    assert len(set(drawn)) == len(drawn)


def test_more_than_a_stock_at_once() -> None:
    assert Chance().getrandbits(80_000) >> 79_000 > 0
