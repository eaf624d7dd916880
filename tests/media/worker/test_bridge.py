"""Two phones talk through a real media process."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.media.harness import Phone, Worker

from softswitch.media import g711, rtp
from softswitch.media.dtmf import press
from softswitch.media.messages import Bridge, DigitReceived, MediaLegFailed, Play, PlaybackEnded, StopPlay, Unbridge

Bridged = Callable[..., tuple[Phone, Phone]]
NewPhone = Callable[..., Phone]


def test_audio_goes_both_ways_untouched(bridged: Bridged) -> None:
    a, b = bridged()
    for n in range(20):
        a.talk(bytes([n]) * 160)
        b.talk(bytes([100 + n]) * 160)
        packet, payload = b.hear()
        assert payload == bytes([n]) * 160
        assert (packet.sequence, packet.timestamp, packet.ssrc) == (a.sequence, a.timestamp, a.ssrc)
        assert packet.marker == (n == 0)
        assert a.hear()[1] == bytes([100 + n]) * 160


def test_counters_of_a_call(worker: Worker, bridged: Bridged) -> None:
    a, b = bridged()
    for n in range(5):
        a.talk(bytes([n]) * 160)
        b.hear()
    a.throw(b"no RTP")
    a.talk(b"x" * 160, payload_type=18)
    a.talk(b"last" * 40)
    b.hear()
    closed = a.hang_up()
    assert (closed.packets_in, closed.packets_out, closed.packets_dropped) == (6, 0, 2)
    closed = b.hang_up()
    assert (closed.packets_in, closed.packets_out, closed.packets_dropped) == (0, 6, 0)


@pytest.mark.parametrize(("here", "there", "translate"), [(0, 8, g711.ulaw_to_alaw), (8, 0, g711.alaw_to_ulaw)])
def test_the_other_law_is_translated(
    bridged: Bridged, here: int, there: int, translate: Callable[[bytes], bytes]
) -> None:
    a, b = bridged((here, 101), (there, 101))
    for n in range(3):
        audio = bytes((n + i) & 0xFF for i in range(160))
        a.talk(audio)
        packet, payload = b.hear()
        assert (packet.payload_type, payload) == (there, translate(audio))
        b.talk(payload)
        packet, payload = a.hear()
        assert packet.payload_type == here


def test_extensions_and_padding_are_cut(bridged: Bridged) -> None:
    a, b = bridged()
    a.throw(bytes.fromhex("b1000001000000a0000000070000000abede000100000000") + b"audio" + b"\0\0\3")
    packet, payload = b.hear()
    assert (packet.payload_start, payload) == (12, b"audio")


def test_events_reach_the_peer_with_its_number_and_are_reported(worker: Worker, bridged: Bridged) -> None:
    a, b = bridged((0, 96), (8, 110))
    packets = press("7", 5000)
    a.press(packets)
    heard = [b.hear() for _ in packets]
    assert [(packet.payload_type, payload) for packet, payload in heard] == [(110, sent.payload) for sent in packets]
    assert len({packet.timestamp for packet, _ in heard}) == 1
    digit = worker.expect(DigitReceived, lambda event: event.leg == a.leg)
    assert (digit.digit, digit.duration_ms) == ("7", 100)


def test_events_are_not_sent_to_a_peer_that_did_not_agree(worker: Worker, bridged: Bridged) -> None:
    a, b = bridged((0, 101), (0, -1))
    a.press(press("7", 5000))
    a.talk(b"after" * 32)
    assert b.hear()[1] == b"after" * 32
    assert worker.expect(DigitReceived).digit == "7"


def test_one_steady_stream_through_prompt_bridge_and_music(worker: Worker, bridged: Bridged) -> None:
    """A phone that hears more than one source hears one SSRC, with steps of its own."""
    (worker.prompts / "words.ulaw").write_bytes(b"w" * 480)
    a, b = bridged()
    heard: list[rtp.RtpPacket] = []

    def prompt(number: int) -> None:
        worker.send(Play(a.leg, number, ("words",)))
        heard.extend(a.hear()[0] for _ in range(3))
        worker.expect(PlaybackEnded)

    def talk() -> None:
        for _ in range(3):
            b.talk(b"t" * 160)
            heard.append(a.hear()[0])

    prompt(1)
    talk()
    prompt(2)
    b.ssrc, b.sequence, b.timestamp = 99, 65534, 2**32 - 161  # another source, about to wrap
    talk()
    b.sequence += 5  # five lost on their way to us stay lost
    b.timestamp += 800
    talk()
    assert len({packet.ssrc for packet in heard}) == 1
    steps = [rtp.sequence_delta(y.sequence, x.sequence) for x, y in pairwise(heard)]
    assert steps == [1] * 11 + [6] + [1] * 2
    times = [rtp.timestamp_delta(y.timestamp, x.timestamp) for x, y in pairwise(heard)]
    assert all(step >= 160 for step in times)
    assert times[11] == 960
    assert [n for n, packet in enumerate(heard) if packet.marker] == [0, 3, 6, 9]


def test_a_prompt_replaces_the_peer(worker: Worker, bridged: Bridged) -> None:
    (worker.prompts / "long.ulaw").write_bytes(b"p" * 16000)
    a, b = bridged()
    worker.send(Play(a.leg, 1, ("long",)))
    worker.settle()
    for _ in range(5):
        b.talk(b"t" * 160)
        a.talk(b"u" * 160)
        assert a.hear()[1] == b"p" * 160
        assert b.hear()[1] == b"u" * 160  # the other way goes on
    worker.send(StopPlay(a.leg))
    worker.expect(PlaybackEnded)
    b.talk(b"back" * 40)
    while (payload := a.hear()[1]) == b"p" * 160:
        pass
    assert payload == b"back" * 40


def test_unbridged_phones_hear_nothing(worker: Worker, bridged: Bridged) -> None:
    a, b = bridged()
    worker.send(Unbridge(a.leg))
    worker.settle()
    a.talk(b"unheard!" * 20)
    worker.settle()
    worker.send(Bridge(b.leg, a.leg))
    worker.settle()
    a.talk(b"heard" * 32)
    assert b.hear()[1] == b"heard" * 32


def test_a_new_bridge_ends_the_old_one(worker: Worker, bridged: Bridged, phone: NewPhone) -> None:
    a, b = bridged()
    c = phone()
    worker.send(Bridge(c.leg, a.leg))
    worker.settle()
    b.talk(b"old" * 53)
    c.talk(b"new" * 53)
    assert a.hear()[1] == b"new" * 53
    a.talk(b"hello c " * 20)
    assert c.hear()[1] == b"hello c " * 20


def test_the_peer_goes_on_when_one_hangs_up(worker: Worker, bridged: Bridged, phone: NewPhone) -> None:
    a, b = bridged()
    a.hang_up()
    b.talk(b"x" * 160)
    c = phone()
    worker.send(Bridge(b.leg, c.leg))
    worker.settle()
    b.talk(b"y" * 160)
    assert c.hear()[1] == b"y" * 160


def test_hold_stops_one_way(worker: Worker, bridged: Bridged) -> None:
    a, b = bridged()
    b.remote(send=False)
    a.talk(b"unheard!" * 20)
    b.talk(b"music" * 32)
    assert a.hear()[1] == b"music" * 32
    b.remote(receive=False)
    b.talk(b"dropped!" * 20)
    a.talk(b"heard" * 32)
    assert b.hear()[1] == b"heard" * 32
    b.remote()
    b.talk(b"again" * 32)
    assert a.hear()[1] == b"again" * 32


def test_codec_change_in_mid_call(worker: Worker, bridged: Bridged) -> None:
    a, b = bridged()
    a.talk(b"\x80" * 160)
    assert b.hear()[0].payload_type == 0
    b.payload_type = 8
    b.remote()
    a.talk(b"\x80" * 160)
    packet, payload = b.hear()
    assert (packet.payload_type, payload) == (8, g711.ulaw_to_alaw(b"\x80" * 160))


def test_bridge_with_nobody_fails(worker: Worker, phone: NewPhone) -> None:
    a = phone()
    worker.send(Bridge(a.leg, a.leg + 10**9))
    assert worker.expect(MediaLegFailed).leg == a.leg + 10**9
    worker.send(Bridge(a.leg, a.leg))
    assert worker.expect(MediaLegFailed).leg == a.leg


def test_hostile_packets_do_not_hurt(worker: Worker, bridged: Bridged) -> None:
    """Mutated packets from the right source: the call and the process go on."""
    a, b = bridged()
    chance = random.Random(4711)
    event = press("1", 1)[0].payload
    for n in range(1000):
        good = rtp.build(chance.choice((0, 8, 101, 13, 127)), n, n * 160, 1, chance.choice((event, b"a" * 160)))
        bad = bytearray(good[: chance.randrange(len(good) + 1)])
        for _ in range(chance.randrange(1, 6)):
            if bad:
                bad[chance.randrange(min(len(bad), 20))] = chance.randrange(256)
        a.throw(bytes(bad) + chance.randbytes(chance.choice((0, 0, 0, 1500))))
        if n % 10 == 9:  # what fits into the small receive buffer
            a.talk(b"alive" * 32)
            while b.hear()[1] != b"alive" * 32:
                pass
    worker.settle()
    assert worker.process.poll() is None
