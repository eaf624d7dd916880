"""The stream that a phone hears: steady counters over sources that come and go."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from softswitch.media import rtp
from softswitch.media.worker.outgoing import Outgoing

words = st.integers(0, 2**32 - 1)
halves = st.integers(0, 65535)


def parsed(packet: bytearray) -> rtp.RtpPacket:
    one = rtp.parse(packet)
    assert one is not None
    return one


@given(words, halves, words, words, halves, words, st.lists(st.integers(-5, 300), min_size=1, max_size=20))
def test_a_source_keeps_its_steps(
    ssrc: int, sequence: int, timestamp: int, theirs: int, start: int, clock: int, steps: list[int]
) -> None:
    stream = Outgoing(ssrc, sequence, timestamp)
    first = bytearray(rtp.build(0, start, clock, theirs, b"x"))
    stream.move(first, 1.0)
    assert parsed(first) == rtp.RtpPacket(
        0, True, (sequence + 1) & 0xFFFF, (timestamp + 160) & 0xFFFFFFFF, ssrc, 12, 13
    )
    for step in steps:
        packet = bytearray(rtp.build(0, start + step, clock + 160 * step, theirs, b"x"))
        stream.move(packet, 1.0)
        moved = parsed(packet)
        assert rtp.sequence_delta(moved.sequence, parsed(first).sequence) == step
        assert rtp.timestamp_delta(moved.timestamp, parsed(first).timestamp) == 160 * step
        assert not moved.marker


@given(st.lists(st.sampled_from(["prompt", "a", "b", "pause"]), max_size=40), halves, words)
def test_any_change_of_source_is_one_stream(plan: list[str], sequence: int, timestamp: int) -> None:
    """Sequence numbers go up by one and time never goes back, whoever speaks."""
    stream = Outgoing(1, sequence, timestamp)
    sources = {"a": (11, 65000, 2**32 - 500), "b": (12, 0, 0)}
    heard: list[rtp.RtpPacket] = []
    now = 10.0
    playing = False
    for what in plan:
        now += 0.02
        if what == "pause":
            stream.interrupt(now)
            playing = False
            now += 3.0
        elif what == "prompt":
            if not playing:
                stream.interrupt(now)
                stream.begin(now)
                playing = True
            packet = bytearray(172)
            stream.frame(packet, 0)
            heard.append(parsed(packet))
        else:
            if playing:
                stream.interrupt(now)
                playing = False
            ssrc, number, clock = sources[what]
            sources[what] = (ssrc, number + 1, clock + 160)
            packet = bytearray(rtp.build(0, number, clock, ssrc, b"x" * 160))
            stream.move(packet, now)
            heard.append(parsed(packet))
    for before, after in itertools.pairwise(heard):
        assert after.ssrc == 1
        assert rtp.sequence_delta(after.sequence, before.sequence) == 1
        assert rtp.timestamp_delta(after.timestamp, before.timestamp) >= 160


def test_a_pause_moves_the_timestamp_on() -> None:
    stream = Outgoing(1, 1, 1000)
    packet = bytearray(172)
    stream.frame(packet, 0)
    stream.interrupt(10.0)
    stream.begin(12.0)
    stream.frame(packet, 0)
    assert parsed(packet).timestamp == 1000 + 160 + 16000
