"""Keys pressed for a peer and heard from him, through a real media process and real sockets."""

from __future__ import annotations

import audioop
import itertools
import time
from collections.abc import Callable

import pytest
from tests.media.harness import Phone, Worker
from tests.media.sounds import packets, pair, silence, sound, tones

from softswitch.media.codecs import PCMU
from softswitch.media.dtmf import Digit, DigitReceiver, press
from softswitch.media.key_tones import KeyTones
from softswitch.media.messages import (
    Bridge,
    DigitReceived,
    ListenForKeys,
    MediaLegFailed,
    Play,
    SendDigits,
    SetRemote,
)
from softswitch.media.rtp import RtpPacket, sequence_delta
from softswitch.media.worker.keys import KeySounds

Heard = list[tuple[RtpPacket, bytes]]


def keys_of(heard: Heard, event_type: int, clock: int = 8000) -> list[Digit]:
    receiver = DigitReceiver(clock)
    found = []
    for packet, payload in heard:
        if packet.payload_type == event_type:
            digit = receiver.packet(packet.timestamp, packet.ssrc, payload, 0.0)
            if digit is not None:
                found.append(digit)
    return found


def hear_keys(phone: Phone, count: int, event_type: int = 101) -> Heard:
    """Everything until the third end packet of the last of `count` keys."""
    heard: Heard = []
    ends = 0
    while ends < 3 * count:
        packet, payload = phone.hear()
        heard.append((packet, payload))
        ends += packet.payload_type == event_type and payload[1] & 0x80 != 0
    return heard


def one_stream(heard: Heard) -> None:
    assert len({packet.ssrc for packet, _ in heard}) == 1
    numbers = [packet.sequence for packet, _ in heard]
    assert all(sequence_delta(b, a) == 1 for a, b in itertools.pairwise(numbers))


def test_keys_to_a_phone_that_hears_nothing_else(worker: Worker, phone: Callable[..., Phone]) -> None:
    one = phone(0, 96)
    worker.send(SendDigits(one.leg, "1#5", press_ms=80, pause_ms=40))
    heard = hear_keys(one, 3, 96)
    assert keys_of(heard, 96) == [Digit(key, 80) for key in "1#5"]
    one_stream(heard)
    begun = list(dict.fromkeys(packet.timestamp for packet, _ in heard))
    assert len(begun) == 3
    for timestamp in begun:  # one marker, at its beginning; its end three times
        events = [(packet.marker, payload) for packet, payload in heard if packet.timestamp == timestamp]
        assert [marker for marker, _ in events] == [True] + [False] * (len(events) - 1)
        assert [payload[1] >> 7 for _, payload in events[-4:]] == [0, 1, 1, 1]
    # the pause is told by the timestamps
    assert all(80 * 8 <= (b - a) % 2**32 <= 400 * 8 for a, b in itertools.pairwise(begun))


def test_two_equal_keys_are_two(worker: Worker, phone: Callable[..., Phone]) -> None:
    one = phone()
    worker.send(SendDigits(one.leg, "55", press_ms=40, pause_ms=40), SendDigits(one.leg, "5", press_ms=40))
    assert [digit.digit for digit in keys_of(hear_keys(one, 3), 101)] == ["5", "5", "5"]


def test_in_the_middle_of_a_prompt(worker: Worker, phone: Callable[..., Phone]) -> None:
    (worker.prompts / "keys-music.ulaw").write_bytes(bytes(range(256)) * 5)
    one = phone()
    worker.send(Play(one.leg, 1, ("keys-music",), 0))  # type: ignore[arg-type]
    heard = [one.hear() for _ in range(3)]
    worker.send(SendDigits(one.leg, "7"))
    heard += hear_keys(one, 1)
    heard += [one.hear() for _ in range(3)]
    assert [digit.digit for digit in keys_of(heard, 101)] == ["7"]
    one_stream(heard)
    audio = [packet.timestamp for packet, _ in heard if packet.payload_type == 0]
    assert all((b - a) % 2**32 == 160 for a, b in itertools.pairwise(audio))
    (begun,) = {packet.timestamp for packet, _ in heard if packet.payload_type == 101}
    assert 0 < (begun - audio[2]) % 2**32 <= 320


@pytest.mark.parametrize("suite", ["", "AES_CM_128_HMAC_SHA1_80"])
def test_during_a_bridge(worker: Worker, bridged: Callable[..., tuple[Phone, Phone]], suite: str) -> None:
    agent, customer = bridged((0, 101), (0, 101, suite))
    heard = []
    for _ in range(3):
        agent.talk(b"\x55" * 160)
        heard.append(customer.hear())
    worker.send(SendDigits(customer.leg, "9", press_ms=60))
    found = hear_keys(customer, 1)
    for _ in range(3):
        agent.talk(b"\x55" * 160)
        found.append(customer.hear())
    assert [digit.digit for digit in keys_of(found, 101)] == ["9"]
    one_stream(found)
    assert found[-1][1] == b"\x55" * 160


def test_the_clock_of_opus(worker: Worker, phone: Callable[..., Phone]) -> None:
    one = phone()
    worker.send(SetRemote(one.leg, "127.0.0.1", one.port, 0, 101, dtmf_clock=48000))
    worker.send(SendDigits(one.leg, "3", press_ms=160))
    heard = hear_keys(one, 1)
    assert int.from_bytes(heard[-1][1][2:4], "big") == 160 * 48
    assert keys_of(heard, 101, 48000) == [Digit("3", 160)]


def test_an_event_is_relayed_into_another_clock(worker: Worker, bridged: Callable[..., tuple[Phone, Phone]]) -> None:
    agent, customer = bridged()
    worker.send(SetRemote(agent.leg, "127.0.0.1", agent.port, 0, 101, dtmf_clock=48000))
    worker.settle()
    agent.talk(b"\x55" * 160)
    customer.hear()
    agent.press(press("5", agent.timestamp, 100, clock=48000))
    durations = [int.from_bytes(customer.hear()[1][2:4], "big") for _ in range(7)]
    assert durations == [160, 320, 480, 640, 800, 800, 800]
    assert worker.expect(DigitReceived, lambda event: event.leg == agent.leg).duration_ms == 100


def test_tones_where_no_events_were_agreed(worker: Worker, bridged: Callable[..., tuple[Phone, Phone]]) -> None:
    agent, customer = bridged((0, 101), (8, -1))
    worker.send(SendDigits(customer.leg, "42#", press_ms=60, pause_ms=60))
    listener, found, heard = KeyTones(), "", []
    while len(found) < 3:
        agent.talk(b"\x55" * 160)  # is not heard while keys are
        packet, payload = customer.hear()
        heard.append((packet, payload))
        found += "".join(digit.digit for digit in listener.samples(audioop.alaw2lin(payload, 2)))
    assert found == "42#"
    assert {packet.payload_type for packet, _ in heard} == {8}
    one_stream(heard)


def test_a_comma_is_a_pause(worker: Worker, phone: Callable[..., Phone]) -> None:
    one = phone()
    worker.send(SendDigits(one.leg, "1,2", press_ms=40, pause_ms=40, comma_ms=200))
    heard = hear_keys(one, 2)
    first, second = dict.fromkeys(packet.timestamp for packet, _ in heard)
    assert (second - first) % 2**32 >= 260 * 8


def test_what_is_no_key_fails_the_leg(worker: Worker, phone: Callable[..., Phone]) -> None:
    one = phone()
    worker.send(SendDigits(one.leg, "1x"))
    failed = worker.expect(MediaLegFailed, lambda event: event.leg == one.leg)
    assert failed.reason == "SendDigits: 'x' is no key"


def test_no_more_keys_wait_than_fit(worker: Worker, phone: Callable[..., Phone]) -> None:
    one = phone()
    worker.send(*[SendDigits(one.leg, "1" * 1000) for _ in range(50)])
    worker.settle()  # and nothing grows


# ------------------------------------------------------------------ heard as tones


@pytest.mark.parametrize("payload_type", [0, 8])
def test_keys_heard_as_tones(worker: Worker, phone: Callable[..., Phone], payload_type: int) -> None:
    one = phone(payload_type, -1)
    worker.send(ListenForKeys(one.leg))
    encode = audioop.lin2ulaw if payload_type == 0 else audioop.lin2alaw
    values = [value for key in "159" for value in tones(pair(key), 60) + silence(60)]
    for packet in packets(sound(values + silence(40))):
        one.talk(encode(packet, 2))
    told = [worker.expect(DigitReceived, lambda event: event.leg == one.leg) for _ in range(3)]
    assert [(event.digit, event.way) for event in told] == [("1", "tone"), ("5", "tone"), ("9", "tone")]
    assert all(40 <= event.duration_ms <= 80 for event in told)


def test_a_key_that_is_followed_by_no_packet(worker: Worker, phone: Callable[..., Phone]) -> None:
    """A phone that sends nothing while it is silent (DTX)."""
    one = phone(0, -1)
    worker.send(ListenForKeys(one.leg))
    for packet in packets(sound(tones(pair("8"), 100))):
        one.talk(audioop.lin2ulaw(packet, 2))
    assert worker.expect(DigitReceived, lambda event: event.leg == one.leg).digit == "8"


def test_nobody_listens_in_a_conversation_or_unasked(worker: Worker, phone: Callable[..., Phone]) -> None:
    unasked, talking, other = phone(0, -1), phone(0, -1), phone(0, -1)
    worker.send(ListenForKeys(talking.leg), Bridge(talking.leg, other.leg), ListenForKeys(unasked.leg))
    worker.send(ListenForKeys(unasked.leg, False))
    worker.settle()
    for packet in packets(sound(tones(pair("8"), 100) + silence(100))):
        for one in (unasked, talking):
            one.talk(audioop.lin2ulaw(packet, 2))
    for _ in range(10):
        other.hear()  # it went through, untouched
    unasked.hang_up()  # all its packets have been read
    assert not any(isinstance(event, DigitReceived) for event in worker.queue)


def test_many_keys_as_tones_do_not_stop_the_loop() -> None:
    """Each is made when its turn comes."""
    took = []
    for _ in range(5):
        began = time.process_time()
        sounds = KeySounds(PCMU)
        sounds.add([("5", 1000, 100)] * 64)
        sounds.add([("6", 1000, 100)])  # no more fit
        took.append(time.process_time() - began)
    assert min(took) < 0.05  # all at once they would take twice that and more
    assert sum(1 for _ in iter(sounds.next_frame, None)) == 64 * 55
