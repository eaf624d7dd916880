"""Prompts as a phone hears them: byte-exact, in order, every 20 ms."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from tests.media.harness import Phone, Worker, free_range

from softswitch.media import g711, rtp
from softswitch.media.dtmf import press
from softswitch.media.messages import DigitReceived, Play, PlaybackEnded, RtpSilent, SetRemote, StopPlay

NewPhone = Callable[..., Phone]

WORDS = bytes(range(256)) * 4 + b"end"


@pytest.fixture(autouse=True)
def prompts(worker: Worker) -> None:
    files = {"numbers": WORDS, "tail": b"T" * 37, "calm": bytes(range(200)) * 2, "empty": b"", "second": b"s" * 8000}
    for key, data in files.items():
        (worker.prompts / f"{key}.ulaw").write_bytes(data)
    (worker.prompts / "en").mkdir(exist_ok=True)
    (worker.prompts / "en" / "hello.ulaw").write_bytes(b"h" * 160)


def listen(phone: Phone, frames: int) -> list[tuple[rtp.RtpPacket, bytes]]:
    return [phone.hear() for _ in range(frames)]


def test_prompts_follow_each_other_without_gap(worker: Worker, phone: NewPhone) -> None:
    a = phone()
    worker.send(Play(a.leg, 1, ("numbers", "tail", "empty", "en/hello")))
    expected = WORDS + b"T" * 37 + b"h" * 160
    heard = listen(a, -(-len(expected) // 160))
    assert b"".join(payload for _, payload in heard).rstrip(b"\xff") == expected
    assert all(len(payload) == 160 for _, payload in heard)
    assert worker.expect(PlaybackEnded) == PlaybackEnded(a.leg, 1, True)
    first = heard[0][0]
    for n, (packet, _) in enumerate(heard):
        assert packet.sequence == (first.sequence + n) & 0xFFFF
        assert packet.timestamp == (first.timestamp + 160 * n) & 0xFFFFFFFF
        assert (packet.ssrc, packet.payload_type, packet.marker) == (first.ssrc, 0, n == 0)


def test_alaw_phones_hear_alaw(worker: Worker, phone: NewPhone) -> None:
    a = phone(8)
    worker.send(Play(a.leg, 1, ("numbers",)))
    heard = listen(a, -(-len(WORDS) // 160))
    assert b"".join(payload for _, payload in heard).rstrip(b"\xd5") == g711.ulaw_to_alaw(WORDS).rstrip(b"\xd5")
    assert {packet.payload_type for packet, _ in heard} == {8}


def test_two_loops(worker: Worker, phone: NewPhone) -> None:
    a = phone()
    worker.send(Play(a.leg, 1, ("tail", "en/hello"), loops=2))
    heard = b"".join(payload for _, payload in listen(a, 3))
    assert heard.rstrip(b"\xff") == (b"T" * 37 + b"h" * 160) * 2
    assert worker.expect(PlaybackEnded).finished


def test_music_goes_round_until_it_is_stopped(worker: Worker, phone: NewPhone) -> None:
    a, b = phone(), phone()
    worker.send(Play(a.leg, 1, ("calm",), loops=0))
    one = b"".join(payload for _, payload in listen(a, 10))
    worker.send(Play(b.leg, 2, ("calm",), loops=0))  # has a position of its own
    other = b"".join(payload for _, payload in listen(b, 5))
    assert one == bytes(range(200)) * 8
    assert other == bytes(range(200)) * 4
    worker.send(StopPlay(a.leg), StopPlay(a.leg))
    assert worker.expect(PlaybackEnded) == PlaybackEnded(a.leg, 1, False)
    worker.settle()
    assert not [event for event in worker.queue if isinstance(event, PlaybackEnded)]


def test_a_new_prompt_replaces_the_old_one_within_a_frame(worker: Worker, phone: NewPhone) -> None:
    a = phone()
    worker.send(Play(a.leg, 1, ("second",)))
    listen(a, 3)
    worker.send(Play(a.leg, 2, ("en/hello",)))
    assert worker.expect(PlaybackEnded) == PlaybackEnded(a.leg, 1, False)
    while (payload := a.hear()[1]) == b"s" * 160:
        pass
    assert payload == b"h" * 160
    assert worker.expect(PlaybackEnded) == PlaybackEnded(a.leg, 2, True)


@pytest.mark.parametrize("key", ["missing", "../numbers", "/etc/passwd", "", "en//hello", "a\0b", "en", "x" * 5000])
def test_a_missing_prompt_ends_at_once(worker: Worker, phone: NewPhone, key: str) -> None:
    a = phone()
    worker.send(Play(a.leg, 1, ("en/hello", key)))
    assert worker.expect(PlaybackEnded) == PlaybackEnded(a.leg, 1, False)


def test_nothing_to_play_is_finished_also_as_music(worker: Worker, phone: NewPhone) -> None:
    a = phone()
    for number, keys in enumerate([(), ("empty",)]):
        for loops in (0, 1):
            worker.send(Play(a.leg, number, keys, loops))
            assert worker.expect(PlaybackEnded) == PlaybackEnded(a.leg, number, True)


def test_hanging_up_ends_the_prompt(worker: Worker, phone: NewPhone) -> None:
    a = phone()
    worker.send(Play(a.leg, 1, ("second",)))
    listen(a, 2)
    closed = a.hang_up()
    assert closed.packets_out >= 2
    assert worker.expect(PlaybackEnded) == PlaybackEnded(a.leg, 1, False)


def test_a_prompt_waits_for_the_remote_and_runs_on_during_hold(worker: Worker, phone: NewPhone) -> None:
    a = phone()
    a.remote(send=False)
    worker.send(Play(a.leg, 1, ("en/hello",)))
    assert worker.expect(PlaybackEnded).finished  # in its time, unheard
    a.remote()
    worker.send(Play(a.leg, 2, ("tail",)))
    assert a.hear()[1].rstrip(b"\xff") == b"T" * 37


def test_codec_change_in_mid_prompt(worker: Worker, phone: NewPhone) -> None:
    a = phone()
    worker.send(Play(a.leg, 1, ("second",)))
    listen(a, 2)
    worker.send(SetRemote(a.leg, "127.0.0.1", a.port, 8, 101))
    while (heard := a.hear())[0].payload_type == 0:
        assert heard[1] == b"s" * 160
    assert heard[1] == g711.ulaw_to_alaw(b"s" * 160)
    worker.send(StopPlay(a.leg))


def test_digits_are_reported_while_a_prompt_plays(worker: Worker, phone: NewPhone) -> None:
    a = phone()
    worker.send(Play(a.leg, 1, ("second",)))
    listen(a, 1)
    a.press(press("*", 800) + press("0", 2400))
    assert worker.expect(DigitReceived) == DigitReceived(a.leg, "*", 100)
    assert worker.expect(DigitReceived) == DigitReceived(a.leg, "0", 100)
    worker.send(StopPlay(a.leg))


def test_a_key_whose_ends_are_lost_is_reported_after_a_while(worker: Worker, phone: NewPhone) -> None:
    a = phone()
    a.press(press("9", 800)[:2])
    assert worker.expect(DigitReceived) == DigitReceived(a.leg, "9", 40)


def test_frames_come_every_20_ms(worker: Worker, phone: NewPhone) -> None:
    phones = [phone() for _ in range(10)]
    for number, one in enumerate(phones):
        worker.send(Play(one.leg, number, ("second",)))
    arrivals: list[float] = []
    for _ in range(50):
        phones[4].hear()
        arrivals.append(time.monotonic())
    # the whole must be right on any machine; single gaps are the benchmark's business
    assert 0.9 < arrivals[-1] - arrivals[0] < 1.1


def test_silence_is_reported_once_but_not_on_hold(start_worker: Callable[..., Worker]) -> None:
    first = free_range(100)
    worker = start_worker(first, first + 99, "--silence", "0.2")
    silent, held = Phone(worker), Phone(worker)
    held.remote(send=False)
    event = worker.expect(RtpSilent)
    assert event.leg == silent.leg
    assert event.seconds >= 0.2
    silent.talk(b"x" * 160)
    assert worker.expect(RtpSilent).leg == silent.leg  # again, after it had spoken
    assert not [event for event in worker.queue if isinstance(event, RtpSilent)]
    for one in (silent, held):
        one.hang_up()
