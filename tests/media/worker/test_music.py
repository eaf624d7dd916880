"""Music as a phone hears it: piece after piece without a gap, and on from where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.media.harness import Phone, Worker

from softswitch.media.codecs import PCMA, PCMU
from softswitch.media.companding import ULAW_TO_ALAW
from softswitch.media.messages import Play, PlaybackEnded, PlayMusic, StopPlay
from softswitch.media.worker.music import Pieces
from softswitch.media.worker.prompts import PromptLibrary

NewPhone = Callable[..., Phone]
ONE, TWO = bytes([1]) * 480, bytes([2]) * 320  # three frames and two


@pytest.fixture(autouse=True)
def pieces(worker: Worker) -> None:
    for key, data in {"piece-one": ONE, "piece-two": TWO, "a-word": b"w" * 320}.items():
        (worker.prompts / f"{key}.ulaw").write_bytes(data)


def hear(phone: Phone, frames: int) -> list[int]:
    return [phone.hear()[1][0] for _ in range(frames)]


def until_music(phone: Phone) -> int:
    while (first := phone.hear()[1][0]) == ord("w"):
        pass
    return first


def test_pieces_follow_each_other_for_ever(worker: Worker, phone: NewPhone) -> None:
    a = phone()
    worker.send(PlayMusic(a.leg, 1, "calm/", ("piece-one", "piece-two")))
    packets = [a.hear() for _ in range(12)]
    assert [payload[0] for _, payload in packets] == [1, 1, 1, 2, 2, 1, 1, 1, 2, 2, 1, 1]
    assert all(len(set(payload)) == 1 and len(payload) == 160 for _, payload in packets)
    times = [packet.timestamp for packet, _ in packets]
    assert {(b - a) & 0xFFFFFFFF for a, b in pairwise(times)} == {160}


def test_a_prompt_between_and_on_where_it_was(worker: Worker, phone: NewPhone) -> None:
    a, b = phone(), phone()
    worker.send(PlayMusic(a.leg, 1, "calm/", ("piece-one", "piece-two")))
    assert hear(a, 2) == [1, 1]
    worker.send(Play(a.leg, 2, ("a-word",)))
    assert worker.expect(PlaybackEnded) == PlaybackEnded(a.leg, 1, False)
    assert worker.expect(PlaybackEnded) == PlaybackEnded(a.leg, 2, True)
    worker.send(PlayMusic(a.leg, 3, "calm/", ("piece-one", "piece-two")))
    worker.send(PlayMusic(b.leg, 4, "calm/", ("piece-one", "piece-two")))
    heard = [one for one in hear(a, 9) if one != ord("w")]
    # how many frames of the first piece were sent before the word came is for the scheduler to say, but none twice
    assert heard[:4] in ([1, 2, 2, 1], [2, 2, 1, 1])
    assert hear(b, 4) == [1, 1, 1, 2]  # another caller, from the beginning
    worker.send(StopPlay(a.leg), PlayMusic(a.leg, 5, "other/", ("piece-two",)))
    assert 2 in hear(a, 3)


def test_a_piece_that_cannot_be_read_is_passed_over(worker: Worker, phone: NewPhone) -> None:
    a, b = phone(), phone()
    worker.send(PlayMusic(a.leg, 1, "calm/", ("gone", "piece-two", "gone-too")))
    assert hear(a, 5) == [2] * 5
    worker.send(PlayMusic(b.leg, 2, "calm/", ("gone",)))
    assert worker.expect(PlaybackEnded).leg == b.leg  # not one is there
    worker.send(PlayMusic(b.leg, 3, "none/", ()))
    assert worker.expect(PlaybackEnded) == PlaybackEnded(b.leg, 3, False)


def test_the_place_stays_when_the_phone_changes_its_codec(worker: Worker) -> None:
    pieces = Pieces(PromptLibrary(str(worker.prompts)), ("piece-one", "piece-two"), PCMU)
    assert [pieces.next_frame() for _ in range(2)] == [ONE[:160]] * 2
    other = pieces.in_codec(PCMA)
    assert other.next_frame() == ONE[:160].translate(ULAW_TO_ALAW)
    assert other.next_frame() == TWO[:160].translate(ULAW_TO_ALAW)
