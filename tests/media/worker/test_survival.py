"""A media process whose switch is gone: audio goes on, within its grace, and is taken over by the next switch."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.media.harness import Phone, Worker, free_range

from softswitch.ids import LegId
from softswitch.media.control import Decoder, encode
from softswitch.media.dtmf import press
from softswitch.media.messages import (
    AdoptLegs,
    AllLegsFound,
    Bridge,
    Claim,
    Claimed,
    DigitReceived,
    Finish,
    FoundLeg,
    LegsFound,
    MediaLegClosed,
    MediaSaid,
    OpenMediaLeg,
    Ping,
    Play,
    PlaybackEnded,
    Pong,
    StopPlay,
)
from softswitch.media.worker.line import MOST_KEPT_OF_LEG

StartWorker = Callable[..., Worker]
AUDIO = bytes(range(160))


@pytest.fixture
def survivor(start_worker: StartWorker) -> Callable[..., Worker]:
    def start(grace: float = 30.0) -> Worker:
        first = free_range(60)
        return start_worker(first, first + 59, "--grace", str(grace), "--fingerprint", "f")

    return start


def talk(one: Phone, other: Phone) -> None:
    """Each hears the other."""
    for speaker, listener in ((one, other), (other, one)):
        speaker.talk(AUDIO)
        assert listener.hear()[1] == AUDIO


def pair(worker: Worker) -> tuple[Phone, Phone]:
    one, other = Phone(worker), Phone(worker)
    worker.send(Bridge(one.leg, other.leg))
    worker.settle()
    talk(one, other)
    return one, other


def found(worker: Worker) -> dict[int, FoundLeg]:
    """What the worker says of itself; `AllLegsFound` is the end of it."""
    worker.expect(AllLegsFound)
    batches = [event for event in worker.queue if isinstance(event, LegsFound)]
    return {leg.leg: leg for batch in batches for leg in batch.legs}


def test_audio_goes_on_and_is_taken_over(survivor: Callable[..., Worker]) -> None:
    worker = survivor()
    assert found(worker) == {}
    one, other = pair(worker)
    leased = set(worker.leased)
    worker.cut()
    talk(one, other)
    talk(one, other)
    worker.connect("f")
    legs = found(worker)
    assert legs[one.leg] == FoundLeg(one.leg, one.server[1], other.leg, 0, 3, 3, "127.0.0.1", one.port, True, True, 0)
    assert legs[other.leg].peer == one.leg
    worker.send(AdoptLegs((one.leg, other.leg)))
    worker.settle()
    assert set(worker.leased) == leased, "what the last switch had in stock is the next one's"
    talk(one, other)
    third = Phone(worker)
    worker.send(Bridge(one.leg, third.leg))
    worker.settle()
    talk(one, third)
    assert one.hang_up().packets_in == 5


def test_the_next_switch_is_there_before_the_end_of_the_last_is_seen(survivor: Callable[..., Worker]) -> None:
    """What the last one ordered counts, and the next one is not sent away."""
    worker = survivor()
    found(worker)
    os.kill(worker.process.pid, signal.SIGSTOP)
    port = worker.port()
    worker.send(Ping(1), OpenMediaLeg(LegId(7), port), Ping(2))
    worker.cut()
    threading.Timer(0.2, os.kill, (worker.process.pid, signal.SIGCONT)).start()
    worker.connect("f")
    assert worker.claimed
    assert set(found(worker)) == {7}


def test_what_is_not_adopted_is_closed_and_nothing_else(survivor: Callable[..., Worker]) -> None:
    worker = survivor()
    one, other = pair(worker)
    worker.cut()
    worker.connect("f")
    assert len(found(worker)) == 2
    new = Phone(worker)  # of the new switch: no leg of the old one
    worker.send(AdoptLegs((one.leg,)))
    assert worker.expect(MediaLegClosed).leg == other.leg
    one.talk(AUDIO)
    new.talk(AUDIO)
    assert one.hang_up().packets_in == 2
    assert new.hang_up().packets_in == 1


def test_it_ends_with_its_grace(survivor: Callable[..., Worker]) -> None:
    worker = survivor(0.6)
    one, other = pair(worker)
    worker.cut()
    talk(one, other)
    assert worker.process.wait(20) == 0
    assert not Path(worker.path).exists()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(one.server)


def test_without_a_leg_there_is_nothing_to_wait_for(survivor: Callable[..., Worker]) -> None:
    worker = survivor()
    pair(worker)[0].hang_up()
    worker.cut()
    worker.connect("f")
    found(worker)
    worker.send(AdoptLegs(()))
    worker.expect(MediaLegClosed)
    worker.cut()
    assert worker.process.wait(20) == 0


def test_music_goes_on_and_what_was_pressed_is_told(survivor: Callable[..., Worker]) -> None:
    worker = survivor()
    (worker.prompts / "music.ulaw").write_bytes(b"m" * 1600)
    (worker.prompts / "short.ulaw").write_bytes(b"s" * 320)
    (worker.prompts / "longer.ulaw").write_bytes(b"l" * 6400)  # it ends while nobody is connected, and not before
    waits, listens, goes = Phone(worker), Phone(worker), Phone(worker)
    worker.send(Play(waits.leg, 7, ("music",), 0), Play(listens.leg, 8, ("short",)))
    worker.expect(PlaybackEnded, lambda event: event.playback == 8)
    worker.settle()
    waits.hear()
    worker.send(Play(listens.leg, 9, ("longer",)))
    worker.settle()
    worker.cut()
    for digit in "12":
        listens.press(list(press(digit, listens.timestamp)))
        listens.timestamp += 8000
    for _ in range(70):
        goes.press([list(press("3", goes.timestamp))[-1]])
        goes.timestamp += 8000
        assert waits.hear()[1] == b"m" * 160, "20 ms later"
    worker.connect("f")
    assert {leg.leg: leg.playback for leg in found(worker).values()} == {waits.leg: 7, listens.leg: 0, goes.leg: 0}
    worker.send(AdoptLegs((waits.leg, listens.leg, goes.leg)))
    assert worker.expect(PlaybackEnded) == PlaybackEnded(listens.leg, 9, True)
    hers = [worker.expect(DigitReceived, lambda event: event.leg == listens.leg) for _ in range(2)]
    assert [event.digit for event in hers] == ["1", "2"]
    worker.send(StopPlay(waits.leg))
    assert worker.expect(PlaybackEnded).leg == waits.leg
    pressed = [event for event in worker.queue if isinstance(event, DigitReceived)]
    assert [(each.leg, each.digit) for each in pressed] == [(goes.leg, "3")] * MOST_KEPT_OF_LEG


def test_one_switch_at_a_time(survivor: Callable[..., Worker]) -> None:
    worker = survivor()
    one, other = pair(worker)
    with socket.socket(socket.AF_UNIX) as second:
        second.settimeout(20)
        second.connect(worker.path)
        second.sendall(encode([Claim("f")]))
        try:
            assert second.recv(100) == b""
        except ConnectionResetError:
            pass
    worker.settle()
    talk(one, other)
    assert "which has a switch" in worker.expect(MediaSaid).text


def test_nobody_who_says_something_else_gets_it(survivor: Callable[..., Worker]) -> None:
    worker = survivor()
    one, other = pair(worker)
    worker.cut()
    for first in (encode([Finish()]), encode([AdoptLegs(())]), b"\xff" * 10):
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.settimeout(20)
            stranger.connect(worker.path)
            stranger.sendall(first)
            assert stranger.recv(100) == b""
    talk(one, other)
    worker.connect("f")
    assert len(found(worker)) == 2


def test_another_configuration_or_version_ends_it(survivor: Callable[..., Worker]) -> None:
    worker = survivor()
    pair(worker)
    worker.cut()
    with socket.socket(socket.AF_UNIX) as other:
        other.settimeout(20)
        other.connect(worker.path)
        other.sendall(encode([Claim("something else")]))
        assert Decoder().feed(other.recv(100)) == [Claimed(False)]
    assert worker.process.wait(20) == 0


def test_an_orderly_end_needs_no_grace(survivor: Callable[..., Worker]) -> None:
    worker = survivor()
    pair(worker)
    worker.send(Ping(5))
    assert worker.expect(Pong).number == 5
    worker.send(Finish())
    assert worker.process.wait(20) == 0


def test_a_signal_ends_it_only_when_it_is_alone(survivor: Callable[..., Worker]) -> None:
    worker = survivor()
    one, other = pair(worker)
    worker.process.send_signal(signal.SIGHUP)
    worker.cut()
    worker.connect("f")
    found(worker)
    worker.send(AdoptLegs((one.leg, other.leg)))
    worker.settle()
    worker.cut()
    talk(one, other)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(20) == 0
