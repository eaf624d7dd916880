"""Phones in a mix of a real media process: a tone each, and who hears which, how loud, without a click."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.media.harness import Phone, Worker
from tests.media.worker.tones import AMPLITUDE, decoded, heard_now, jump, level, tone

from softswitch.ids import PlaybackId
from softswitch.media import rtp
from softswitch.media.messages import (
    Bridge,
    CloseMediaLeg,
    MediaLegFailed,
    Play,
    PlaybackEnded,
    SetRemote,
    StopPlay,
    Unbridge,
)
from softswitch.media.mix_messages import JoinMix, LeaveMix, PlayToMix, SetHearing

NewPhone = Callable[..., Phone]
MIX = 7
CUSTOMER, AGENT, BOSS = 400.0, 700.0, 1000.0
TONES = {"customer": CUSTOMER, "agent": AGENT, "boss": BOSS}
HIGH, LOW = 0.9 * AMPLITUDE, 0.01 * AMPLITUDE


class Floor:
    """Three phones. They speak in step with what they hear: nobody needs a clock."""

    def __init__(
        self, worker: Worker, phone: NewPhone, laws: tuple[int, int, int] = (0, 0, 0), suite: str = ""
    ) -> None:
        self.worker = worker
        self.phones = {
            name: phone(law, 101, suite) if suite else phone(law) for name, law in zip(TONES, laws, strict=True)
        }
        self.said = dict.fromkeys(TONES, 0)
        self.packets: dict[str, list[rtp.RtpPacket]] = {name: [] for name in TONES}
        self.payloads: dict[str, list[bytes]] = {name: [] for name in TONES}
        self.loud = dict.fromkeys(TONES, AMPLITUDE)

    def leg(self, name: str) -> int:
        return self.phones[name].leg

    def join(self, name: str, **heard: int) -> None:
        legs = tuple(self.leg(one) for one in heard)
        self.worker.send(JoinMix(self.leg(name), MIX, legs, tuple(heard.values())))

    def hears(self, name: str, **heard: int) -> None:
        legs = tuple(self.leg(one) for one in heard)
        self.worker.send(SetHearing(self.leg(name), legs, tuple(heard.values())))

    def speak(self, *names: str) -> None:
        for name in names:
            phone = self.phones[name]
            phone.talk(tone(TONES[name], self.said[name], self.loud[name], phone.payload_type))
            self.said[name] += 1

    def run(
        self, frames: int, listeners: tuple[str, ...] = tuple(TONES), speakers: tuple[str, ...] = tuple(TONES)
    ) -> None:
        for name in listeners:
            self._note(name, heard_now(self.phones[name]))
        for _ in range(frames):
            self.speak(*speakers)
            for name in listeners:
                phone = self.phones[name]
                self._note(name, [phone.hear(), *heard_now(phone)])

    def _note(self, name: str, heard: list[tuple[rtp.RtpPacket, bytes]]) -> None:
        self.packets[name] += [packet for packet, _ in heard]
        self.payloads[name] += [payload for _, payload in heard]

    def samples(self, name: str, last: int = 0) -> list[int]:
        return decoded(self.payloads[name][-last:], self.phones[name].payload_type)

    def levels(self, name: str, last: int = 12, window: int = 4) -> list[dict[str, float]]:
        """In each `window` frames of the last ones."""
        samples = self.samples(name, last)
        pieces = [samples[at : at + 160 * window] for at in range(0, len(samples) - 160 * window + 1, 160)]
        return [{who: level(piece, frequency) for who, frequency in TONES.items()} for piece in pieces]

    def expect(self, name: str, **heard: float) -> None:
        """Exactly these tones, at these shares of their level. On a busy machine a frame may be late, and made up."""
        wanted = {who: heard.get(who, 0.0) * self.loud[who] for who in TONES}
        found = self.levels(name)
        exact = [
            each for each in found if all(abs(each[who] - wanted[who]) < 0.06 * wanted[who] + LOW for who in TONES)
        ]
        assert exact, f"{name} hears {found}, not {wanted}"
        for who in TONES:
            if who not in heard:
                assert all(each[who] < 0.25 * AMPLITUDE for each in found), f"{name} hears {who} in {found}"


@pytest.fixture
def floor(worker: Worker, phone: NewPhone) -> Floor:
    return Floor(worker, phone)


def listen(floor: Floor) -> None:
    floor.join("customer", agent=100)
    floor.join("agent", customer=100)
    floor.join("boss", customer=100, agent=100)


def test_listen_whisper_barge_and_back(floor: Floor) -> None:
    floor.worker.send(Bridge(floor.leg("customer"), floor.leg("agent")))
    floor.worker.settle()
    floor.run(6, ("customer", "agent"), ("customer", "agent"))
    listen(floor)
    floor.run(4, ("customer", "agent"), ("customer", "agent"))  # a packet of each side is awaited
    floor.run(18)
    floor.expect("customer", agent=1)
    floor.expect("agent", customer=1)
    floor.expect("boss", customer=1, agent=1)
    floor.hears("agent", customer=100, boss=100)  # whisper
    floor.run(14)
    floor.expect("customer", agent=1)
    floor.expect("agent", customer=1, boss=1)
    floor.expect("boss", customer=1, agent=1)
    floor.hears("customer", agent=100, boss=50)  # barge, not so loud
    floor.run(14)
    floor.expect("customer", agent=1, boss=0.5)
    floor.expect("agent", customer=1, boss=1)
    floor.worker.send(LeaveMix(floor.leg("boss")), LeaveMix(floor.leg("customer")), LeaveMix(floor.leg("agent")))
    floor.worker.send(Bridge(floor.leg("customer"), floor.leg("agent")))
    floor.worker.settle()
    for name in ("customer", "agent"):  # what was on its way
        _drain(floor, name)
    floor.run(14, ("customer", "agent"), ("customer", "agent"))
    floor.expect("customer", agent=1)
    floor.expect("agent", customer=1)
    for name in ("customer", "agent"):
        _is_one_steady_stream(floor, name)
        # the steepest of what is heard here: two tones of 6000 and half of the third
        assert jump(floor.samples(name)) < 1.15 * (2.0 * 3.1416 / 8000 * AMPLITUDE * (400 + 700 + 1000))


def _drain(floor: Floor, name: str) -> None:
    phone = floor.phones[name]
    phone.sock.settimeout(0.03)
    try:
        for _ in range(20):
            packet, payload = phone.hear()
            floor.packets[name].append(packet)
            floor.payloads[name].append(payload)
    except TimeoutError:
        pass
    phone.sock.settimeout(20)


def _is_one_steady_stream(floor: Floor, name: str) -> None:
    packets = floor.packets[name]
    assert len({packet.ssrc for packet in packets}) == 1
    assert all(rtp.sequence_delta(b.sequence, a.sequence) == 1 for a, b in pairwise(packets))
    steps = [rtp.timestamp_delta(b.timestamp, a.timestamp) for a, b in pairwise(packets)]
    # back in the bridge the next packet is the peer's next one: he may have waited for us a moment
    assert sum(step != 160 for step in steps) <= 1 and max(steps) <= 160 + 800


def test_a_change_between_modes_is_no_click(floor: Floor) -> None:
    listen(floor)
    floor.run(12)
    floor.loud["customer"] = floor.loud["agent"] = 0.0
    floor.run(10)
    before = len(floor.payloads["customer"])
    for n in range(8):
        floor.hears("customer", **({"agent": 100, "boss": 100} if n % 2 == 0 else {"agent": 100}))
        floor.run(2)
    steepest = 2 * 3.1416 * BOSS / 8000 * AMPLITUDE
    samples = decoded(floor.payloads["customer"][before:])
    assert 0.4 * steepest < jump(samples) < 1.1 * steepest


def test_the_other_law_and_encryption(worker: Worker, phone: NewPhone) -> None:
    floor = Floor(worker, phone, (0, 8, 8), "AES_CM_128_HMAC_SHA1_80")
    listen(floor)
    floor.run(24)
    floor.expect("customer", agent=1)
    floor.expect("agent", customer=1)
    floor.expect("boss", customer=1, agent=1)


def test_loud_voices_together_do_not_clip(floor: Floor) -> None:
    floor.loud = dict.fromkeys(TONES, 30_000.0)
    listen(floor)
    floor.hears("boss", customer=100, agent=100)
    floor.run(24)
    heard = floor.levels("boss")[-1]
    # what clips has tones that nobody made: of two tones a, b above all 2a-b
    assert heard["customer"] == pytest.approx(heard["agent"], rel=0.1)
    assert 10_000 < heard["customer"] < 17_000
    strange = level(floor.samples("boss", 10), 2 * AGENT - CUSTOMER)
    assert heard["boss"] < 300 and strange < 300 + heard["boss"]


def test_a_prompt_for_one_party_is_heard_by_nobody_else(floor: Floor) -> None:
    (floor.worker.prompts / "mix-beep.ulaw").write_bytes(b"".join(tone(2000, n) for n in range(6)))
    listen(floor)
    floor.run(10)
    floor.worker.send(Play(floor.leg("agent"), PlaybackId(1), ("mix-beep",)))
    floor.run(30)
    assert floor.worker.expect(PlaybackEnded).finished
    agent, customer = floor.samples("agent", 36), floor.samples("customer", 36)
    assert max(level(agent[at : at + 480], 2000) for at in range(0, len(agent) - 480, 160)) > HIGH
    assert max(level(customer[at : at + 480], 2000) for at in range(0, len(customer) - 480, 160)) < LOW
    floor.expect("agent", customer=1)
    _is_one_steady_stream(floor, "agent")


def test_a_prompt_for_all_turns_voices_down(floor: Floor) -> None:
    (floor.worker.prompts / "mix-notice.ulaw").write_bytes(b"".join(tone(2000, n) for n in range(16)))
    listen(floor)
    floor.run(12)
    floor.worker.send(PlayToMix(floor.leg("boss"), PlaybackId(2), ("mix-notice",)))
    floor.run(15)
    for name in TONES:
        assert level(floor.samples(name, 10), 2000) > HIGH
    floor.expect("customer", agent=0.25)
    floor.run(18)
    ended = floor.worker.expect(PlaybackEnded)
    assert (ended.leg, ended.finished) == (floor.leg("boss"), True)
    floor.expect("customer", agent=1)
    assert level(floor.samples("customer", 5), 2000) < LOW


def test_a_prompt_for_all_that_is_missing_or_cut(floor: Floor) -> None:
    (floor.worker.prompts / "mix-long.ulaw").write_bytes(b"x" * 80_000)
    listen(floor)
    floor.worker.send(PlayToMix(floor.leg("boss"), PlaybackId(3), ("no-such-prompt",)))
    assert not floor.worker.expect(PlaybackEnded).finished
    floor.worker.send(PlayToMix(floor.leg("boss"), PlaybackId(4), ("mix-long",)))
    floor.worker.send(PlayToMix(floor.leg("agent"), PlaybackId(5), ("mix-long",)))
    assert floor.worker.expect(PlaybackEnded).playback == 4
    floor.worker.send(LeaveMix(floor.leg("agent")))
    assert floor.worker.expect(PlaybackEnded).playback == 5


def test_who_is_on_hold_hears_nothing_and_is_not_heard(floor: Floor) -> None:
    listen(floor)
    floor.run(8)
    floor.phones["agent"].remote(send=False, receive=False)
    _drain(floor, "agent")
    floor.run(16, ("customer", "boss"))
    floor.expect("customer")
    floor.expect("boss", customer=1)
    floor.phones["agent"].remote()
    floor.run(16)
    floor.expect("customer", agent=1)
    floor.expect("agent", customer=1)


def test_a_bridge_that_somebody_makes_ends_the_mix_for_both(floor: Floor) -> None:
    listen(floor)
    floor.run(6)
    floor.worker.send(Bridge(floor.leg("customer"), floor.leg("agent")))
    floor.worker.settle()
    floor.run(2, ("boss",))
    for name in ("customer", "agent"):
        _drain(floor, name)
    floor.run(12)
    floor.expect("customer", agent=1)
    floor.expect("agent", customer=1)
    floor.expect("boss")


def test_one_side_of_a_bridge_joins_alone(floor: Floor) -> None:
    floor.worker.send(Bridge(floor.leg("customer"), floor.leg("agent")))
    floor.worker.settle()
    floor.run(3, ("customer", "agent"), ("customer", "agent"))
    floor.join("customer", boss=100)
    floor.join("boss", customer=100)
    floor.run(17, ("customer", "boss"), ("customer", "boss"))
    floor.expect("customer", boss=1)
    floor.expect("boss", customer=1)


def test_who_hangs_up_is_missed_by_nobody(floor: Floor) -> None:
    listen(floor)
    floor.run(6)
    floor.worker.send(CloseMediaLeg(floor.leg("agent")))
    floor.run(14, ("customer", "boss"), ("customer", "boss"))
    floor.expect("boss", customer=1)
    floor.expect("customer")


@pytest.mark.parametrize(
    "heard",
    [((99,), ()), ((99,) * 2, (100,) * 2), ((99,), (401,)), ((99,), (-1,)), (tuple(range(90, 98)), (100,) * 8)],
)
def test_what_no_mix_can_do_fails_the_leg(
    worker: Worker, phone: NewPhone, heard: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    one = phone()
    worker.send(JoinMix(one.leg, 8, *heard))
    failed = worker.expect(MediaLegFailed)
    assert failed.leg == one.leg and failed.reason.startswith("JoinMix: ")


def test_nobody_hears_himself(worker: Worker, phone: NewPhone) -> None:
    one = phone()
    worker.send(JoinMix(one.leg, 8, (one.leg,), (100,)))
    assert "himself" in worker.expect(MediaLegFailed).reason


def test_a_mix_is_bounded(worker: Worker, phone: NewPhone) -> None:
    phones = [phone() for _ in range(9)]
    worker.send(*(JoinMix(one.leg, 9) for one in phones))
    failed = worker.expect(MediaLegFailed)
    assert failed.leg == phones[8].leg and "8 parties" in failed.reason


def test_orders_in_any_state(worker: Worker, phone: NewPhone) -> None:
    one, other = phone(), phone()
    worker.send(LeaveMix(one.leg))  # is in none
    worker.send(JoinMix(one.leg, 11), JoinMix(one.leg, 12), JoinMix(other.leg, 12, (one.leg,), (100,)))
    worker.send(Unbridge(one.leg), StopPlay(one.leg), LeaveMix(one.leg), LeaveMix(one.leg), JoinMix(one.leg, 12))
    worker.settle()
    for number in range(12):
        one.talk(tone(CUSTOMER, number))
        payload = other.hear()[1]
    assert level(decoded([payload]), CUSTOMER) > HIGH
    worker.send(SetRemote(one.leg, "127.0.0.1", one.port, 8, 101))  # another codec in the middle of it
    one.payload_type = 8
    worker.settle()
    for number in range(12):
        one.talk(tone(CUSTOMER, number, law=8))
        payload = other.hear()[1]
        one.hear()
    assert level(decoded([payload]), CUSTOMER) > HIGH
    worker.send(LeaveMix(one.leg), SetHearing(one.leg, (), ()))
    assert worker.expect(MediaLegFailed).leg == one.leg
