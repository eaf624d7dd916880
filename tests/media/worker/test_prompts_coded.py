"""Prompts and music as phones with G.722 and Opus hear them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from tests.media.harness import Worker
from tests.media.talker import Talker, strength, tone

from softswitch.media import rtp
from softswitch.media.codecs import G722, OPUS, PCMA, PCMU, Codec
from softswitch.media.messages import Bridge, CloseMediaLeg, Play, PlaybackEnded, StopPlay
from softswitch.media.worker.coding import decoder, encoder

CODED = pytest.mark.parametrize("codec", [G722, OPUS], ids=["G722", "OPUS"])


@pytest.fixture
def talker(worker: Worker) -> Iterator[Callable[..., Talker]]:
    made: list[Talker] = []

    def make(*args: object, **options: object) -> Talker:
        made.append(Talker(worker, *args, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        worker.send(CloseMediaLeg(one.leg))
        one.sock.close()


@pytest.fixture(autouse=True)
def prompts(worker: Worker) -> None:
    narrow = encoder(PCMU).encode
    (worker.prompts / "low.ulaw").write_bytes(b"".join(map(narrow, tone(500, 8000, 20))))
    (worker.prompts / "high.ulaw").write_bytes(b"".join(map(narrow, tone(2000, 8000, 10))))
    (worker.prompts / "high.s16k").write_bytes(b"".join(tone(6000, 16000, 10)))
    steps = [frame for n in range(50) for frame in tone(400 + 50 * n, 8000, 1)]
    (worker.prompts / "stairs.ulaw").write_bytes(b"".join(map(narrow, steps)))


@CODED
def test_prompts_follow_each_other_in_the_codec_of_the_phone(
    worker: Worker, talker: Callable[..., Talker], codec: Codec
) -> None:
    a = talker(codec)
    decode = decoder(codec).decode
    worker.send(Play(a.leg, 1, ("low", "high")))
    packets, sounds = [], []
    for _ in range(30):
        packet, payload = a.hear()
        packets.append(packet)
        sounds.append(decode(payload))
    assert worker.expect(PlaybackEnded) == PlaybackEnded(a.leg, 1, True)
    assert strength(b"".join(sounds[2:19]), 500, 16000) == pytest.approx(8000, rel=0.1)
    assert strength(b"".join(sounds[22:29]), 6000, 16000) == pytest.approx(8000, rel=0.15)
    assert [packet.marker for packet in packets] == [True] + 29 * [False]
    assert {rtp.timestamp_delta(y.timestamp, x.timestamp) for x, y in pairwise(packets)} == {codec.step}
    assert {rtp.sequence_delta(y.sequence, x.sequence) for x, y in pairwise(packets)} == {1}


@CODED
def test_two_listeners_hear_the_same_frames(worker: Worker, talker: Callable[..., Talker], codec: Codec) -> None:
    a, b = talker(codec), talker(codec)
    worker.send(Play(a.leg, 1, ("stairs",), 0))
    first = [a.hear()[1] for _ in range(5)]
    worker.send(Play(b.leg, 2, ("stairs",), 0))
    assert [b.hear()[1] for _ in range(5)] == first
    for one in (a, b):
        worker.send(StopPlay(one.leg))


def which(sound: bytes, rate: int) -> int:
    samples = np.frombuffer(sound, np.int16)
    turns = np.exp(-2j * np.pi * np.outer(400 + 50 * np.arange(50), np.arange(len(samples))) / rate)
    return int(np.abs(turns @ samples).argmax())


def test_a_new_codec_in_mid_prompt_goes_on_where_the_old_one_was(worker: Worker, talker: Callable[..., Talker]) -> None:
    a = talker(PCMU)
    worker.send(Play(a.leg, 1, ("stairs",), 0))
    heard: list[int] = []
    kinds: list[int] = []
    for codec, kind in ((PCMU, 0), (G722, 9), (PCMA, 8), (OPUS, 96), (PCMU, 0)):
        if codec is not PCMU or heard:
            a.codec, a.payload_type = codec, kind
            a.remote()
        decode = decoder(codec).decode
        for _ in range(8):
            packet, payload = a.hear()
            while packet.payload_type != kind:  # sent before the new description was read
                heard.append(-1)
                kinds.append(packet.payload_type)
                packet, payload = a.hear()
            heard.append(which(decode(payload), codec.rate))
            kinds.append(packet.payload_type)
    new = [(step - n + 1) % 50 <= 2 for n, step in enumerate(heard) if step >= 0]
    assert sum(new) >= len(new) - 8  # a coder of a phone that begins anew needs a frame or two
    assert len(set(kinds)) == 4
    worker.send(StopPlay(a.leg))


@CODED
def test_music_gives_way_to_the_peer_and_back(worker: Worker, talker: Callable[..., Talker], codec: Codec) -> None:
    a, b = talker(codec), talker(PCMU)
    worker.send(Bridge(a.leg, b.leg), Play(a.leg, 1, ("low",), 0))
    first = a.hear()[0]
    worker.send(StopPlay(a.leg))
    worker.expect(PlaybackEnded)
    a.sock.setblocking(False)
    try:
        while True:
            first = rtp.parse(a.sock.recv(4096)) or first
    except BlockingIOError:
        a.sock.settimeout(20)
    b.say(b"\xff" * 160)
    packet = a.hear()[0]
    assert packet.marker and packet.ssrc == first.ssrc
    assert rtp.sequence_delta(packet.sequence, first.sequence) == 1
    assert codec.step <= rtp.timestamp_delta(packet.timestamp, first.timestamp) < 50 * codec.step
