"""Two phones without a common codec talk through a real media process."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.media.harness import Phone, Worker, free_range
from tests.media.talker import Talker, strength, tone

from softswitch.ids import LegId
from softswitch.media import rtcp, rtp
from softswitch.media.codecs import CODECS, G722, OPUS, PCMA, PCMU, Codec
from softswitch.media.dtmf import press
from softswitch.media.messages import Bridge, CloseMediaLeg, DigitReceived, Play, PlaybackEnded, SetUpCoders
from softswitch.media.worker.coding import decoder, encoder
from softswitch.media.worker.leg import Leg, Route
from softswitch.media.worker.opus import OpusEncoder
from softswitch.media.worker.outgoing import Outgoing
from softswitch.media.worker.relay import Clock
from softswitch.media.worker.reports import Reports
from softswitch.media.worker.transcoder import Transcoder

DIFFERENT = [(a, b) for a in CODECS.values() for b in CODECS.values() if a is not b and {a, b} != {PCMU, PCMA}]


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


@pytest.fixture
def pair(worker: Worker, talker: Callable[..., Talker]) -> Callable[..., tuple[Talker, Talker]]:
    def make(a: Codec, b: Codec, **options: object) -> tuple[Talker, Talker]:
        one, other = talker(a, **options), talker(b, **options)
        worker.send(Bridge(one.leg, other.leg))
        worker.settle()
        return one, other

    return make


@pytest.mark.parametrize(("a", "b"), DIFFERENT, ids=[f"{a.name} to {b.name}" for a, b in DIFFERENT])
def test_a_tone_comes_through(pair: Callable[..., tuple[Talker, Talker]], a: Codec, b: Codec) -> None:
    one, other = pair(a, b)
    encode, decode = encoder(a).encode, decoder(b).decode
    one.timestamp, one.sequence = 2**32 - 10 * a.step, 65530  # both about to wrap
    heard = b""
    packets = []
    for frame in tone(1000, a.rate, 25):
        one.say(encode(frame))
        packet, payload = other.hear()
        packets.append(packet)
        heard += decode(payload)
    assert len(heard) == 25 * b.rate // 25
    assert strength(heard, 1000, b.rate) == pytest.approx(8000, rel=0.1)
    assert strength(heard, 1700, b.rate) < 300
    assert {packet.payload_type for packet in packets} == {other.payload_type}
    assert [packet.marker for packet in packets] == [True] + 24 * [False]
    for before, after in pairwise(packets):
        assert rtp.sequence_delta(after.sequence, before.sequence) == 1
        assert rtp.timestamp_delta(after.timestamp, before.timestamp) == b.step
        assert after.ssrc == before.ssrc != one.ssrc


@pytest.mark.parametrize("codec", [G722, OPUS], ids=["G722", "OPUS"])
def test_the_same_codec_goes_through_untouched(worker: Worker, talker: Callable[..., Talker], codec: Codec) -> None:
    a, b = talker(codec, 111), talker(codec, 96)
    worker.send(Bridge(a.leg, b.leg))
    worker.settle()
    for n in range(3):
        payload = random.randbytes(80 + n)
        a.say(payload)
        packet, heard = b.hear()
        assert (heard, packet.payload_type) == (payload, 96)
        b.say(payload[1:])
        packet, heard = a.hear()
        assert (heard, packet.payload_type) == (payload[1:], 111)
    a.say(b"x", 3 * codec.step)
    a.say(b"y")
    first, second = b.hear()[0], b.hear()[0]
    assert rtp.timestamp_delta(second.timestamp, first.timestamp) == 3 * codec.step


@pytest.mark.parametrize("milliseconds", [10, 20, 30, 40, 60])
def test_packets_of_other_lengths_become_frames(
    pair: Callable[..., tuple[Talker, Talker]], worker: Worker, milliseconds: int
) -> None:
    one, other = pair(PCMU, OPUS)
    encode, decode = encoder(PCMU).encode, decoder(OPUS, 8000).decode
    stream = b"".join(encode(frame) for frame in tone(600, 8000, 24))
    step = 8 * milliseconds
    packets, heard = [], b""
    for at in range(0, len(stream), step):
        one.say(stream[at : at + step], step)
        while len(packets) < (at + step) // 160:
            packet, payload = other.hear()
            packets.append(packet)
            heard += decode(payload)
    assert strength(heard, 600, 8000) == pytest.approx(8000, rel=0.1)
    assert {rtp.timestamp_delta(y.timestamp, x.timestamp) for x, y in pairwise(packets)} == {960}
    worker.settle()
    assert other.hang_up().packets_out == 24
    assert one.hang_up().packets_in == len(stream) // step


def test_a_loss_is_concealed_and_a_late_packet_passed_over(pair: Callable[..., tuple[Talker, Talker]]) -> None:
    one, other = pair(PCMU, OPUS)
    encode, decode = encoder(PCMU).encode, decoder(OPUS, 8000).decode
    payloads = [encode(frame) for frame in tone(400, 8000, 30)]
    late = b""
    for number, payload in enumerate(payloads):
        if number == 12:
            late = rtp.build(0, one.sequence + 1 & 0xFFFF, one.timestamp, one.ssrc, payload)
            one.sequence, one.timestamp = (one.sequence + 1) & 0xFFFF, (one.timestamp + 160) & 0xFFFFFFFF
        else:
            one.say(payload)
        if number == 14:
            one.throw(late)
    packets, heard = [], []
    for _ in range(30):
        packet, payload = other.hear()
        packets.append(packet)
        heard.append(decode(payload))
    assert {rtp.timestamp_delta(y.timestamp, x.timestamp) for x, y in pairwise(packets)} == {960}
    assert not any(packet.marker for packet in packets[1:])
    hole = np.frombuffer(heard[12], np.int16)
    assert hole.std() > 2500
    assert strength(b"".join(heard), 400, 8000) == pytest.approx(8000, rel=0.1)


def test_a_pause_of_the_sender_is_one_of_ours(pair: Callable[..., tuple[Talker, Talker]]) -> None:
    one, other = pair(OPUS, PCMU)
    payload = encoder(OPUS).encode(tone(400, 16000, 1)[0])
    one.say(payload, 960 + 48000)
    one.say(payload, 960)
    first, second = other.hear()[0], other.hear()[0]
    assert rtp.timestamp_delta(second.timestamp, first.timestamp) == 160 + 8000
    assert rtp.sequence_delta(second.sequence, first.sequence) == 1
    assert second.marker


def test_a_jump_of_the_clock_is_a_pause_as_long_as_it_was(pair: Callable[..., tuple[Talker, Talker]]) -> None:
    one, other = pair(PCMA, G722)
    one.say(b"\xd5" * 160)
    first = other.hear()[0]
    for ssrc, jump in ((one.ssrc, 2**31 - 1), (one.ssrc, 2**31 + 5), (12345, 777)):
        one.ssrc = ssrc
        one.timestamp = (one.timestamp + jump) & 0xFFFFFFFF
        one.say(b"\xd5" * 160)
        packet = other.hear()[0]
        assert packet.marker
        assert 160 <= rtp.timestamp_delta(packet.timestamp, first.timestamp) < 4000
        assert rtp.sequence_delta(packet.sequence, first.sequence) == 1
        first = packet


def test_keys_between_clocks(worker: Worker, pair: Callable[..., tuple[Talker, Talker]]) -> None:
    one, other = pair(PCMU, OPUS)
    one.say(b"\xff" * 160)
    spoken = other.hear()[0]
    one.press(press("5", one.timestamp + 1600))
    events = [other.hear() for _ in range(7)]
    assert {packet.payload_type for packet, _ in events} == {101}
    # 220 ms after the last frame, on a clock that is six times as fast
    assert {rtp.timestamp_delta(packet.timestamp, spoken.timestamp) for packet, _ in events} == {6 * (160 + 1600)}
    assert [int.from_bytes(payload[2:4], "big") for _, payload in events] == [960, 1920, 2880, 3840, 4800, 4800, 4800]
    digit = worker.expect(DigitReceived)
    assert (digit.leg, digit.digit, digit.duration_ms) == (one.leg, "5", 100)
    other.press(press("6", 5000, clock=48000))
    assert [int.from_bytes(one.hear()[1][2:4], "big") for _ in range(7)] == [160, 320, 480, 640, 800, 800, 800]
    digit = worker.expect(DigitReceived)
    assert (digit.leg, digit.digit, digit.duration_ms) == (other.leg, "6", 100)
    # speech goes on: a pause as long as the key was down
    one.timestamp = (one.timestamp + 2400) & 0xFFFFFFFF
    one.say(b"\xff" * 160)
    packet = other.hear()[0]
    assert rtp.timestamp_delta(packet.timestamp, spoken.timestamp) == 6 * (160 + 2400)
    assert rtp.sequence_delta(packet.sequence, spoken.sequence) == 8


def test_comfort_noise_reaches_whom_it_was_agreed_with(worker: Worker, talker: Callable[..., Talker]) -> None:
    for there in (PCMU, OPUS):
        a, b = talker(PCMU, comfort=13), talker(there, comfort=13)
        worker.send(Bridge(a.leg, b.leg))
        worker.settle()
        a.say(b"\xff" * 160)
        first = b.hear()[0]
        a.say(b"\x40", 1600, kind=13)
        a.say(b"\xff" * 160)
        packet, payload = b.hear()
        assert (packet.payload_type, payload) == (13, b"\x40")
        assert rtp.timestamp_delta(packet.timestamp, first.timestamp) == there.step
        packet = b.hear()[0]
        assert rtp.timestamp_delta(packet.timestamp, first.timestamp) == 11 * there.step
        assert rtp.sequence_delta(packet.sequence, first.sequence) == 2
        assert a.hang_up().packets_in == 3


def test_comfort_noise_is_a_pause_for_the_others(worker: Worker, talker: Callable[..., Talker]) -> None:
    for there in (PCMA, OPUS):
        a, b = talker(PCMU, comfort=13), talker(there)
        worker.send(Bridge(a.leg, b.leg))
        worker.settle()
        a.say(b"\xff" * 160)
        first = b.hear()[0]
        a.say(b"\x40", 1600, kind=13)
        a.say(b"\xff" * 160)
        packet = b.hear()[0]
        assert rtp.timestamp_delta(packet.timestamp, first.timestamp) == 11 * there.step
        assert rtp.sequence_delta(packet.sequence, first.sequence) == 1
        worker.settle()
        assert b.hang_up().packets_out == 2
        closed = a.hang_up()
        assert (closed.packets_in, closed.packets_dropped) == (3, 0)


def test_comfort_noise_that_was_not_agreed_is_dropped(
    worker: Worker, pair: Callable[..., tuple[Talker, Talker]]
) -> None:
    one, other = pair(PCMU, PCMU)
    one.say(b"\x40", kind=13)
    one.say(b"\xff" * 160)
    assert len(other.hear()[1]) == 160
    assert one.hang_up().packets_dropped == 1


def test_another_codec_in_mid_call(worker: Worker, pair: Callable[..., tuple[Talker, Talker]]) -> None:
    one, other = pair(PCMU, PCMU)
    one.say(b"\xff" * 160)
    assert other.hear()[0].payload_type == 0
    last = None
    for codec, kind in ((OPUS, 96), (G722, 9), (PCMA, 8), (OPUS, 96), (PCMU, 0)):
        other.codec, other.payload_type, other.events = codec, kind, codec.clock
        other.remote()
        heard = b""
        encode, decode = encoder(PCMU).encode, decoder(codec).decode
        for frame in tone(500, 8000, 15):
            one.say(encode(frame))
            packet, payload = other.hear()
            assert packet.payload_type == kind
            if last is not None:
                assert rtp.sequence_delta(packet.sequence, last.sequence) == 1
                assert codec.step <= rtp.timestamp_delta(packet.timestamp, last.timestamp) < 9600
                assert packet.ssrc == last.ssrc
            last = packet
            heard += decode(payload)
        assert strength(heard, 500, codec.rate) == pytest.approx(8000, rel=0.15)


def test_nonsense_from_one_side_is_harmless_for_the_other(pair: Callable[..., tuple[Talker, Talker]]) -> None:
    one, other = pair(OPUS, PCMU)
    chance = random.Random(4711)
    for n in range(300):
        one.say(chance.randbytes(chance.randrange(1, 200)), chance.choice((0, 1, 960, 2**31, 2880)))
        if n % 3 == 2:
            other.sock.setblocking(False)
            try:
                while True:
                    other.sock.recv(4096)
            except BlockingIOError:
                other.sock.settimeout(20)
    one.sock.close()
    one.sock = one._socket()
    one.remote()
    payload = encoder(OPUS).encode(bytes(640))
    one.say(payload)
    while len(other.hear()[1]) != 160:
        pass


def test_an_encrypted_phone_and_another_codec(
    worker: Worker, phone: Callable[..., Phone], talker: Callable[..., Talker]
) -> None:
    one, other = phone(0, 101, "AES_CM_128_HMAC_SHA1_80"), talker(OPUS)
    worker.send(Bridge(one.leg, other.leg))
    worker.settle()
    there, back = b"", b""
    ways = encoder(PCMU).encode, decoder(OPUS, 8000).decode, encoder(OPUS, 8000).encode, decoder(PCMU).decode
    for frame in tone(700, 8000, 20):
        one.talk(ways[0](frame))
        there += ways[1](other.hear()[1])
        other.say(ways[2](frame))
        back += ways[3](one.hear()[1])
    for heard in (there, back):
        assert strength(heard, 700, 8000) == pytest.approx(8000, rel=0.15)


def test_a_prompt_between_and_then_the_peer_again(worker: Worker, pair: Callable[..., tuple[Talker, Talker]]) -> None:
    (worker.prompts / "short.ulaw").write_bytes(b"\xff" * 480)
    one, other = pair(PCMU, OPUS)
    one.say(b"\xff" * 160)
    packets = [other.hear()[0]]
    worker.send(Play(other.leg, 1, ("short",)))
    packets += [other.hear()[0] for _ in range(3)]
    worker.expect(PlaybackEnded)
    for _ in range(3):
        one.say(b"\xff" * 160)
        packets.append(other.hear()[0])
    assert [packet.marker for packet in packets] == [True, True, False, False, True, False, False]
    assert {rtp.sequence_delta(y.sequence, x.sequence) for x, y in pairwise(packets)} == {1}
    assert all(rtp.timestamp_delta(y.timestamp, x.timestamp) >= 960 for x, y in pairwise(packets))


def test_coders_are_made_ready_before_the_first_call(start_worker: Callable[..., Worker]) -> None:
    first = free_range(20)
    worker = start_worker(first, first + 19)
    maps = Path(f"/proc/{worker.process.pid}/maps")
    assert "libopus" not in maps.read_text() and "libavcodec" not in maps.read_text()
    worker.send(SetUpCoders(("PCMU", "OPUS", "G722")))
    worker.settle()
    assert "libopus" in maps.read_text() and "libavcodec" in maps.read_text()


class Bench:
    """A transcoder by itself."""

    def __init__(self, pair: tuple[Codec, Codec]) -> None:
        self.clock = Clock(50.0)
        self.out: list[bytes] = []
        self.outgoing = Outgoing(1, 65530, 2**32 - 3000)
        self.outgoing.step = pair[1].step
        route = Route.__new__(Route)
        route.forwarded = 0
        self.route = route
        self.transcoder = Transcoder(route, self.outgoing, pair, self.clock)
        self.transcoder.lead(self._send, 77)

    def _send(self, packet: bytearray | memoryview) -> int:
        self.out.append(bytes(packet))
        return len(packet)


def test_a_peer_who_says_that_he_loses_packets_is_protected() -> None:
    bench = Bench((PCMU, OPUS))
    coder = bench.transcoder._coders[1]
    assert isinstance(coder, OpusEncoder)
    protected = []
    for lost in (0, 3, 20, 4, 0, 0, 0, 0, 0, 0, 0, 3, 0, 9):
        bench.transcoder.reported(lost)
        protected.append(coder.protects)
    assert protected == [False] * 2 + [True] * 6 + [False] * 5 + [True]
    Bench((OPUS, PCMU)).transcoder.reported(50)  # there is nothing to be done


def test_the_report_of_a_phone_reaches_the_coder() -> None:
    bench = Bench((PCMU, OPUS))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        one, other = (Leg(LegId(n), 4000, sock, Outgoing(n, 1, 1), 0.0) for n in (1, 2))
        one.peer, other.peer = other, one
        one.route.transcoder = bench.transcoder
        payloads = []
        for number in range(4):
            bench.transcoder(memoryview(rtp.build(0, number, 160 * number, 7, b"\xff" * 160)))
            payloads.append(bench.out[-1][12:])
            report = rtcp.write(99, 1.0, None, rtcp.Heard(other.outgoing.ssrc, 64 if number == 1 else 0, 10, number, 0))
            assert Reports(other, 0.0).heard(report, 1.0)
    # RFC 6716 3.1: the configuration is in the first five bits; up to 11 is SILK, 16 and above is CELT
    assert [payload[0] >> 3 >= 16 for payload in payloads] == [True, True, False, False]


@pytest.mark.parametrize("seconds", [1, 29, 40, 4000])
def test_after_a_hold_the_stream_is_on_time(seconds: int) -> None:
    bench = Bench((PCMU, OPUS))
    payload = b"\xff" * 160
    bench.transcoder(memoryview(rtp.build(0, 1, 0, 7, payload)))
    bench.clock.now += seconds
    bench.transcoder(memoryview(rtp.build(0, 1 + 50 * seconds & 0xFFFF, 8000 * seconds, 7, payload)))
    first, second = (rtp.parse(packet) for packet in bench.out)
    assert first is not None and second is not None
    assert second.marker
    assert rtp.timestamp_delta(second.timestamp, first.timestamp) == 48000 * seconds


steps = st.tuples(
    st.sampled_from([1, 1, 1, 1, 0, 2, 3, -1, 200, 0x8000]),
    st.sampled_from([0, 0, 0, 0, 1, -1, 160, 480, -160, 960, 8000, 2**31]),
    st.binary(min_size=1, max_size=500),
    st.sampled_from([7, 7, 7, 7, 8]),
)


@given(st.sampled_from(DIFFERENT), st.lists(steps, max_size=25))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_comes_one_steady_stream_leaves(
    codecs: tuple[Codec, Codec], packets: list[tuple[int, int, bytes, int]]
) -> None:
    bench = Bench(codecs)
    sequence, timestamp = 65533, 2**32 - 100
    for ahead, jump, payload, ssrc in packets:
        sequence = (sequence + ahead) & 0xFFFF
        timestamp = (timestamp + codecs[0].step + jump) & 0xFFFFFFFF
        bench.clock.now += 0.02
        bench.transcoder(memoryview(rtp.build(0, sequence, timestamp, ssrc, payload)))
    heard = [rtp.parse(packet) for packet in bench.out]
    assert len(packets) - bench.route.forwarded == len(heard)
    for before, after in pairwise(heard):
        assert before is not None and after is not None
        assert rtp.sequence_delta(after.sequence, before.sequence) == 1
        step = rtp.timestamp_delta(after.timestamp, before.timestamp)
        assert step >= codecs[1].step
        assert step == codecs[1].step or after.marker
        assert after.payload_type == 77 and after.ssrc == 1
    if codecs[1] is not OPUS:
        assert {len(packet) for packet in bench.out} <= {172}
