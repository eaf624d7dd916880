"""RFC 4733 keys: once each, whatever the network does to their packets."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.media.dtmf import EVENTS, LOST_END_SECONDS, Digit, DigitReceiver, EventPacket, press

SSRC = 7


def event(code: int, duration: int, *, end: bool = False) -> bytes:
    return struct.pack("!BBH", code, 0x80 if end else 0, duration)


def feed(receiver: DigitReceiver, packets: list[EventPacket], now: float = 0.0, ssrc: int = SSRC) -> list[Digit]:
    digits = (receiver.packet(packet.timestamp, ssrc, packet.payload, now) for packet in packets)
    return [digit for digit in digits if digit is not None]


@pytest.mark.parametrize("key", EVENTS)
def test_each_key_once_with_its_duration(key: str) -> None:
    assert feed(DigitReceiver(), press(key, 1000, duration_ms=120)) == [Digit(key, 120)]


def test_same_key_twice_is_two_digits() -> None:
    assert feed(DigitReceiver(), press("5", 1000) + press("5", 3000)) == [Digit("5", 100), Digit("5", 100)]


def test_two_of_three_ends_lost() -> None:
    assert feed(DigitReceiver(), press("5", 1000)[:-2]) == [Digit("5", 100)]


def test_only_one_end_packet_arrived_at_all() -> None:
    assert feed(DigitReceiver(), press("#", 1000)[-1:]) == [Digit("#", 100)]


def test_all_ends_lost_next_key_reports_it() -> None:
    receiver = DigitReceiver()
    assert feed(receiver, press("1", 1000)[:-3]) == []
    assert feed(receiver, press("2", 3000)) == [Digit("1", 80), Digit("2", 100)]


def test_all_ends_lost_and_silence_reports_it_after_a_while() -> None:
    receiver = DigitReceiver()
    feed(receiver, press("1", 1000)[:-3], now=5.0)
    assert receiver.pressed
    assert receiver.expire(5.0 + LOST_END_SECONDS / 2) is None
    assert receiver.expire(5.0 + LOST_END_SECONDS) == Digit("1", 80)
    assert receiver.expire(9.0) is None
    assert feed(receiver, press("1", 1000)[-3:], now=9.0) == []  # the ends come after all


def test_late_packets_of_earlier_keys_are_ignored() -> None:
    receiver = DigitReceiver()
    first, second = press("1", 1000), press("2", 3000)
    assert feed(receiver, [*first, *second[:2], *first, *second[2:], *first[:1]]) == [Digit("1", 100), Digit("2", 100)]


def test_events_above_fifteen_are_no_digits() -> None:
    receiver = DigitReceiver()
    for code in range(16, 256):
        assert receiver.packet(code * 1000, SSRC, event(code, 800, end=True), 0.0) is None
    assert not receiver.pressed


def test_a_hook_flash_does_not_end_a_key() -> None:
    receiver = DigitReceiver()
    feed(receiver, press("1", 1000)[:2])
    assert receiver.packet(1160, SSRC, event(16, 160), 0.0) is None
    assert feed(receiver, press("1", 1000)[2:]) == [Digit("1", 100)]


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x01\x80\x00"])
def test_short_payloads_are_ignored(payload: bytes) -> None:
    assert DigitReceiver().packet(1, SSRC, payload, 0.0) is None


def test_key_held_longer_than_the_duration_field() -> None:
    """RFC 4733 2.5.1.3: segments of 0xFFFF, each with a timestamp of its own."""
    receiver = DigitReceiver()
    assert receiver.packet(1000, SSRC, event(4, 0xFFFF), 0.0) is None
    assert receiver.packet(1000 + 0xFFFF, SSRC, event(4, 800), 0.0) is None
    assert receiver.packet(1000 + 0xFFFF, SSRC, event(4, 1600, end=True), 0.0) == Digit("4", (0xFFFF + 1600) // 8)


def test_source_that_restarts_its_clock_loses_no_key() -> None:
    receiver = DigitReceiver()
    assert feed(receiver, press("1", 4_000_000_000)) == [Digit("1", 100)]
    assert feed(receiver, press("2", 10)) == [Digit("2", 100)]  # jumped back, same SSRC
    assert feed(receiver, press("3", 10), ssrc=8) == [Digit("3", 100)]  # same timestamp, another SSRC


def test_new_ssrc_ends_the_key_of_the_old_one() -> None:
    receiver = DigitReceiver()
    feed(receiver, press("1", 1000)[:2])
    assert feed(receiver, press("2", 1000), ssrc=8) == [Digit("1", 40), Digit("2", 100)]


@pytest.mark.parametrize("ends", [1, 2])
def test_ends_that_are_repeated_by_another_source_are_the_same_press(ends: int) -> None:
    """A gateway, or a re-INVITE, changes the SSRC while the end of a key is being repeated."""
    receiver, packets = DigitReceiver(), press("1", 1000)
    cut = len(packets) - 3 + ends
    assert feed(receiver, packets[:cut], now=5.0) == [Digit("1", 100)]
    assert feed(receiver, packets[cut:], now=5.04, ssrc=8) == []
    assert feed(receiver, press("1", 3000), now=5.3, ssrc=8) == [Digit("1", 100)]


@pytest.mark.parametrize("before", range(1, 5))
def test_a_key_that_is_down_while_the_source_changes_is_one(before: int) -> None:
    receiver, packets = DigitReceiver(), press("9", 1000)
    assert feed(receiver, packets[:before], now=5.0) == []
    assert feed(receiver, packets[before:], now=5.02, ssrc=8) == [Digit("9", 100)]


def test_another_source_that_happens_to_have_the_same_time_later_is_another_press() -> None:
    """Machines that dial begin each stream at the same time."""
    receiver = DigitReceiver()
    assert feed(receiver, press("1", 1000), now=5.0) == [Digit("1", 100)]
    assert feed(receiver, press("1", 1000), now=6.0, ssrc=8) == [Digit("1", 100)]


@pytest.mark.parametrize("clock", [8000, 48000])
def test_forty_keys_a_second(clock: int) -> None:
    """Of 20 ms and no pause, each with one update and three ends in a row."""
    receiver, keys = DigitReceiver(clock), "".join(EVENTS[n % 16] for n in range(40))
    told = []
    for number, key in enumerate(keys):
        at = number * clock // 40
        told += feed(receiver, press(key, at, duration_ms=20, interval_ms=10, clock=clock), now=number / 40)
    assert told == [Digit(key, 20) for key in keys]


@given(
    st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(40, 400)), min_size=1, max_size=12),
    st.integers(0, 2**32 - 1),
    st.randoms(use_true_random=False),
)
def test_any_loss_doubling_and_local_reordering_keeps_the_keys(
    keys: list[tuple[str, int]], clock: int, chance: random.Random
) -> None:
    """At least one packet of each key arrives; packets are doubled and swapped within a key."""
    receiver = DigitReceiver()
    heard: list[Digit] = []
    for key, duration in keys:
        packets = press(key, clock & 0xFFFFFFFF, duration)
        kept = [packet for packet in packets if chance.random() < 0.6] or [chance.choice(packets)]
        kept += [packet for packet in kept if chance.random() < 0.3]
        chance.shuffle(kept)
        heard += feed(receiver, kept)
        clock += duration * 8 + 400
    last = receiver.expire(10.0)
    heard += [last] if last is not None else []
    assert "".join(digit.digit for digit in heard) == "".join(key for key, _ in keys)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 3), st.binary(max_size=8))))
def test_nothing_raises(packets: list[tuple[int, int, bytes]]) -> None:
    receiver = DigitReceiver()
    for timestamp, ssrc, payload in packets:
        digit = receiver.packet(timestamp, ssrc, payload, 0.0)
        assert digit is None or digit.digit in EVENTS
