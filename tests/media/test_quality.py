"""Loss, jitter and the estimated opinion of a leg."""

from __future__ import annotations

import random

import pytest

from softswitch.media import rtp
from softswitch.media.codecs import CODECS, G722, OPUS, PCMU, Codec
from softswitch.media.quality import Quality, Reception, mos


def listened(
    packets: int, *, lost: float = 0.0, jitter: float = 0.0, first: int = 0, ssrc: int = 7, every: int = 250
) -> Quality:
    """A leg that sends 50 packets a second, of which 16 in a row are looked at in every 250."""
    chance, reception, count, before = random.Random(1), Reception(), 0, -9
    for n in range(packets):
        if chance.random() < lost:
            continue
        if n % every < 16:
            data = rtp.build(0, first + n, 160 * n, ssrc, b"")
            reception.sample(data, count, n * 0.02 + chance.random() * jitter, following=before == count - 1)
            before = count
        count += 1
    return reception.quality()


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_jitter_by_the_clock_of_the_codec(codec: Codec) -> None:
    even, shaking = Reception(), Reception()
    even.codec = shaking.codec = codec
    chance = random.Random(1)
    for n in range(400):
        data = rtp.build(0, n, 2**32 - 2000 + n * codec.step & 0xFFFFFFFF, 7, b"")
        even.sample(data, n, n * 0.02, following=n > 0)
        shaking.sample(data, n, n * 0.02 + 0.03 * chance.random(), following=n > 0)
    assert even.quality().jitter_ms == 0
    assert shaking.quality().jitter_ms == pytest.approx(10, rel=0.5)
    assert shaking.quality().mos < even.quality().mos > 4.3
    heard = shaking.heard(0, 0)
    assert heard is not None
    assert heard.jitter / codec.clock == pytest.approx(0.01, rel=0.5)


def test_the_time_that_coding_takes_counts() -> None:
    assert mos(0, 60, 200, PCMU) >= mos(0, 60, 200, G722) > mos(0, 60, 200, OPUS) > mos(0, 60, 220, PCMU)


def test_a_perfect_leg() -> None:
    assert listened(1000) == Quality(0.0, 0.0, 4.4)


def test_the_counters_may_wrap() -> None:
    assert listened(1000, first=65_000) == listened(1000)


@pytest.mark.parametrize("lost", [0.01, 0.05, 0.2])
def test_loss_is_found_between_the_looks(lost: float) -> None:
    assert listened(20_000, lost=lost).loss_percent == pytest.approx(100 * lost, rel=0.15)


def test_jitter_of_a_line_that_shakes() -> None:
    # evenly spread over 40 ms: the mean difference of two is a third of that
    assert listened(20_000, jitter=0.04).jitter_ms == pytest.approx(13.3, rel=0.6)
    assert listened(1000, jitter=0.04).mos < 4.4


def test_nothing_heard_is_no_opinion() -> None:
    assert listened(0) == listened(1) == Quality()


def test_a_source_that_begins_anew_is_no_loss() -> None:
    reception = Reception()
    for n, (sequence, ssrc) in enumerate([(5, 1), (6, 1), (40_000, 1), (40_001, 1), (7, 2), (8, 2)]):
        reception.sample(rtp.build(0, sequence, 160 * n, ssrc, b""), n, n * 0.02, following=True)
    assert reception.quality().loss_percent == 0


@pytest.mark.parametrize(
    ("loss", "jitter", "round_trip", "least", "most"),
    [
        (0, 0, 0, 4.3, 4.45),
        (1, 0, 0, 4.2, 4.4),
        (5, 5, 50, 3.5, 3.9),
        (20, 0, 0, 2.2, 2.7),
        (0, 0, 600, 3.0, 4.0),
        (100, 500, 9000, 1, 1),
    ],
)
def test_the_score(loss: float, jitter: float, round_trip: float, least: float, most: float) -> None:
    assert least <= mos(loss, jitter, round_trip) <= most


def test_the_score_falls_with_everything() -> None:
    assert mos(1, 0) > mos(2, 0) > mos(10, 0)
    assert mos(0, 5) > mos(0, 50)
    assert mos(0, 0, 100) > mos(0, 0, 500)


def test_the_fraction_of_a_report_is_of_the_time_since_the_one_before() -> None:
    """RFC 3550 6.4.1: a bad second long ago is in the sum only."""
    reception, count = Reception(), 0

    def hear(sequences: range, step: int = 1) -> None:
        nonlocal count
        for sequence in sequences[::step]:
            reception.sample(rtp.build(0, sequence, 160 * sequence, 7, b""), count, sequence * 0.02, following=False)
            count += 1

    assert reception.heard(0, 0) is None
    hear(range(1, 102), 2)
    bad = reception.heard(0, 0)
    hear(range(102, 202))
    good = reception.heard(0, 0)
    nothing_new = reception.heard(0, 0)
    assert bad is not None and good is not None and nothing_new is not None
    assert (bad.fraction_lost, bad.lost, bad.highest) == (128, 50, 101)
    assert (good.fraction_lost, good.lost, good.highest) == (0, 50, 201)
    assert (nothing_new.fraction_lost, nothing_new.lost) == (0, 50)
