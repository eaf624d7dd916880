"""A mix of phones with different codecs: at 8 kHz with one wide-band phone, at 16 kHz with two."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.media.harness import Worker
from tests.media.talker import Talker, strength, tone
from tests.media.worker.tones import heard_now

from softswitch.media import rtp
from softswitch.media.codecs import G722, OPUS, PCMA, PCMU, Codec
from softswitch.media.messages import CloseMediaLeg
from softswitch.media.mix_messages import JoinMix
from softswitch.media.worker.coding import decoder, encoder

LOW, HIGH = 700, 5000  # Hz: the second one only wide-band phones speak and hear
LOUD = 8000


@pytest.fixture
def talkers(worker: Worker) -> Iterator[Callable[..., list[Talker]]]:
    made: list[Talker] = []

    def make(*codecs: Codec) -> list[Talker]:
        made.extend(Talker(worker, codec) for codec in codecs)
        legs = [one.leg for one in made]
        for leg in legs:
            others = tuple(other for other in legs if other != leg)
            worker.send(JoinMix(leg, 70, others, (100,) * len(others)))
        worker.settle()
        return made

    yield make
    for one in made:
        worker.send(CloseMediaLeg(one.leg))
        one.sock.close()


def run(phones: list[Talker], codecs: tuple[Codec, ...], speakers: dict[int, int], frames: int = 26) -> list[bytes]:
    """Those who speak say their tone; what each of them hears, at the rate of its codec, the last 12 frames."""
    says = {at: tone(hertz, codecs[at].rate, frames) for at, hertz in speakers.items()}
    encoders = [encoder(codec).encode for codec in codecs]
    decoders = [decoder(codec).decode for codec in codecs]
    heard: list[list[bytes]] = [[] for _ in phones]
    last: dict[int, rtp.RtpPacket] = {}
    for phone in phones:
        heard_now(phone)
    for number in range(frames):
        for at, phone in enumerate(phones):
            phone.say(encoders[at](says[at][number] if at in says else bytes(codecs[at].rate // 25)))
        for at, phone in enumerate(phones):
            for packet, payload in (phone.hear(), *heard_now(phone)):
                heard[at].append(decoders[at](payload))
                before, last[at] = last.get(at), packet
                if before is not None:
                    assert rtp.sequence_delta(packet.sequence, before.sequence) == 1
                    assert rtp.timestamp_delta(packet.timestamp, before.timestamp) == codecs[at].step
    return [b"".join(each[-12:]) for each in heard]


def levels(samples: bytes, hertz: float, rate: int) -> list[float]:
    """In each 100 ms: on a busy machine a frame may be late, and made up."""
    frame = rate // 25
    pieces = [samples[at : at + 5 * frame] for at in range(0, len(samples) - 5 * frame + 1, frame)]
    return [strength(piece, hertz, rate) for piece in pieces]


@pytest.mark.parametrize("wide", [G722, OPUS], ids=["G722", "OPUS"])
def test_one_wide_band_phone_is_heard_and_hears(talkers: Callable[..., list[Talker]], wide: Codec) -> None:
    codecs = (PCMU, wide, PCMA)
    phones = talkers(*codecs)
    heard = run(phones, codecs, {0: 700, 1: 1000})
    assert max(levels(heard[1], 700, wide.rate)) == pytest.approx(LOUD, rel=0.25)
    assert max(levels(heard[2], 700, 8000)) == pytest.approx(LOUD, rel=0.25)
    assert max(levels(heard[2], 1000, 8000)) == pytest.approx(LOUD, rel=0.25)
    assert min(levels(heard[0], 700, 8000)) < 600  # nobody hears himself


def test_two_of_them_hear_each_other_in_wide_band(talkers: Callable[..., list[Talker]]) -> None:
    codecs = (PCMU, G722, OPUS)
    phones = talkers(*codecs)
    heard = run(phones, codecs, {1: HIGH})
    assert max(levels(heard[2], HIGH, 16000)) > 0.5 * LOUD
    assert min(levels(heard[0], 8000 - HIGH, 8000)) < 800  # and it does not fold down to the others
    heard = run(phones, codecs, {0: LOW})
    assert max(levels(heard[1], LOW, 16000)) == pytest.approx(LOUD, rel=0.25)
