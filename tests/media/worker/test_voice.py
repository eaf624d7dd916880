"""One party of a mix: order, loss, jitter, bursts and odd packets, and what is made up for what is missing."""

from __future__ import annotations

import random

import pytest
from tests.media.worker.tones import AMPLITUDE, jump, level, tone

from softswitch.media import rtp
from softswitch.media.codecs import PCMU
from softswitch.media.worker.voice import MOST, Jitter, Voice

FREQUENCY = 400.0  # eight periods in a frame
STEEP = 2200  # a tone of this frequency and amplitude steps by 1900 at most


def packet(number: int, payload: bytes = b"", ssrc: int = 7, kind: int = 0) -> bytearray:
    return bytearray(rtp.build(kind, number, number * 160, ssrc, payload or tone(FREQUENCY, number)))


def put(jitter: Jitter, *numbers: int) -> None:
    for number in numbers:
        one = packet(number, bytes([number & 0xFF]) * 160)
        jitter.put(one, len(one))


def taken(jitter: Jitter) -> int | None:
    payload = jitter.take()
    return None if payload is None else payload[0]


def test_packets_come_out_in_order_over_the_wrap() -> None:
    jitter = Jitter(0)
    put(jitter, 65534, 0, 65535, 1)
    assert [taken(jitter) for _ in range(5)] == [254, 255, 0, 1, None]
    assert (jitter.late, jitter.lost) == (0, 0)


def test_a_lost_packet_leaves_a_hole_of_one_turn() -> None:
    jitter = Jitter(0)
    put(jitter, 1, 2, 4, 5)
    assert [taken(jitter) for _ in range(5)] == [1, 2, None, 4, 5]
    assert jitter.lost == 1


def test_what_was_waited_for_in_vain_is_not_waited_for_again() -> None:
    jitter = Jitter(0)
    put(jitter, 1)
    assert [taken(jitter) for _ in range(3)] == [1, None, None]
    put(jitter, 4, 5)
    assert [taken(jitter) for _ in range(3)] == [4, 5, None]
    put(jitter, 3)
    assert (jitter.lost, jitter.late, len(jitter)) == (2, 1, 0)


def test_a_late_packet_makes_the_delay_longer_and_it_shrinks_again() -> None:
    jitter = Jitter(0)
    put(jitter, 1)
    assert [taken(jitter), taken(jitter)] == [1, None]
    number = 2
    put(jitter, number)
    lengths = []
    for _ in range(600):
        number += 1
        put(jitter, number)
        assert taken(jitter) is not None
        lengths.append(len(jitter))
    assert lengths[0] == 1 and lengths[-1] == 0
    assert jitter.lost == 0


def test_it_is_bounded_and_a_burst_starts_anew() -> None:
    jitter = Jitter(0)
    put(jitter, *range(1, 300))
    assert len(jitter) <= MOST
    assert taken(jitter) is not None


def test_a_counter_that_jumps_back_is_followed_after_half_a_second() -> None:
    jitter = Jitter(0)
    put(jitter, 5000)
    taken(jitter)
    for number in range(100, 160):
        put(jitter, number)
        taken(jitter)
    assert jitter.late == 25
    put(jitter, 160)
    assert taken(jitter) == 160


def test_another_source_is_followed_at_once() -> None:
    jitter = Jitter(0)
    put(jitter, 5000, 5001)
    one = packet(17, b"n" * 160, ssrc=8)
    jitter.put(one, len(one))
    assert taken(jitter) == ord("n") and taken(jitter) is None


def test_other_types_and_broken_headers_are_not_audio() -> None:
    jitter = Jitter(0)
    too_long = bytearray(packet(1))
    too_long[0], too_long[14:16] = 0x90, b"\xff\xff"
    for one in (packet(1, kind=101), bytearray(b"\x40\x00" + bytes(170)), too_long, packet(1)[:12]):
        jitter.put(one, len(one))
    assert len(jitter) == 0 and jitter.ssrc == -1


def test_what_stands_around_the_audio_is_cut_away() -> None:
    """RFC 3550 5.1, 5.3.1: contributing sources, a header extension, padding."""
    plain = packet(1, b"a" * 160)
    header, audio = bytes(plain[1:12]), bytes(plain[12:])
    odd = (
        b"\x82" + header + bytes(8) + audio,
        b"\x90" + header + b"\xbe\xde\x00\x01" + bytes(4) + audio,
        b"\xa0" + header + audio + b"\x00\x00\x03",
    )
    for each in odd:
        jitter = Jitter(0)
        jitter.put(bytearray(each) + b"of the packet before", len(each))
        assert bytes(jitter.take() or b"") == audio


def run(voice: Voice, plan: list[list[int]]) -> list[int]:
    """Turn by turn: these packets come, then a frame is taken."""
    heard: list[int] = []
    for numbers in plan:
        for number in numbers:
            one = packet(number)
            voice.jitter.put(one, len(one))
        frame = voice.take()
        heard += memoryview(frame).cast("h") if frame else [0] * 160
    return heard


def test_a_tone_without_trouble_comes_through_exactly() -> None:
    heard = run(Voice(PCMU, 8000, 0), [[n] for n in range(20)])
    assert level(heard[320:], FREQUENCY) == pytest.approx(AMPLITUDE, rel=0.02)
    assert jump(heard) < STEEP


@pytest.mark.parametrize("hole", [1, 2, 3, 4, 10])
def test_a_hole_makes_no_click(hole: int) -> None:
    plan = [[n] for n in range(10)] + [[] for _ in range(hole)] + [[10 + hole + n] for n in range(10)]
    heard = run(Voice(PCMU, 8000, 0), plan)
    assert jump(heard) < STEEP
    silent = heard[12 * 160 + 160 : (10 + hole) * 160]
    if hole > 3:
        assert silent and max(map(abs, silent)) == 0  # nobody hears the same 20 ms for ever
    assert level(heard[-1280:], FREQUENCY) == pytest.approx(AMPLITUDE, rel=0.02)


def test_loss_and_jitter_make_no_click_and_no_drift() -> None:
    chance = random.Random(4)
    arrivals: dict[int, list[int]] = {}
    for number in range(300):
        if chance.random() > 0.05:
            arrivals.setdefault(number + chance.choice([0, 0, 0, 0, 1, 2]), []).append(number)
    voice = Voice(PCMU, 8000, 0)
    heard = run(voice, [arrivals.get(turn, []) for turn in range(300)])
    assert jump(heard) < STEEP + 400
    assert level(heard[1600:], FREQUENCY) > 0.5 * AMPLITUDE
    assert len(voice.jitter) <= 4


@pytest.mark.parametrize("milliseconds", [10, 30, 40, 60])
def test_packets_of_another_length(milliseconds: int) -> None:
    voice = Voice(PCMU, 8000, 0)
    size = 8 * milliseconds
    heard: list[int] = []
    sent = 0
    for turn in range(60):
        while sent * milliseconds <= turn * 20:
            one = bytearray(rtp.build(0, sent, sent * size, 7, tone(FREQUENCY, sent, size=size)))
            voice.jitter.put(one, len(one))
            sent += 1
        frame = voice.take()
        assert len(frame) in (0, 320)
        heard += memoryview(frame).cast("h") if frame else [0] * 160
    assert level(heard[640:], FREQUENCY) == pytest.approx(AMPLITUDE, rel=0.05)
    assert jump(heard) < STEEP


def test_going_on_after_what_was_heard_another_way() -> None:
    voice = Voice(PCMU, 8000, 0)
    for number in range(3):
        one = packet(number)
        voice.jitter.put(one, len(one))
    last = voice.drained()
    heard = list(memoryview(last).cast("h")) + run(voice, [[], [3], [4], [5]])
    assert jump(heard) < STEEP
    assert level(heard[-320:], FREQUENCY) == pytest.approx(AMPLITUDE, rel=0.02)
