"""Who answered: synthetic people, machines and faxes, at several rates, voices, levels and noises."""

from __future__ import annotations

import audioop
import random
import struct
from functools import cache

import pytest
from tests.media.sounds import mixed, noise, silence, sound, tones
from tests.media.test_key_tones import spoken

from softswitch.media.answering_machine import FAX, HUMAN, MACHINE, UNKNOWN, AnswerJudge, Verdict
from softswitch.media.hearing import SILENT, Frames, frame

PEOPLE = (
    ("Hello?", "en"),
    ("Hello", "en-us"),
    ("Yes?", "en"),
    ("Tere", "et"),
    ("Pronto", "it"),
    ("Prosím?", "cs"),
    ("Hello, Mart here.", "en"),
    ("Tamm, kuulen.", "et"),
    ("Dobrý den, Novák.", "cs"),
    ("Good morning!", "en"),
)
MACHINES = (
    ("You have reached the voice mail of Anna Tamm. Please leave a message after the tone.", "en"),
    ("Hello. I cannot take your call right now. Leave your name and number and I will call you back.", "en"),
    ("The person you have called is not available. Please try again later.", "en-us"),
    ("Tere! Teie kõne on jõudnud kõneposti. Palun jätke teade pärast helisignaali.", "et"),
    ("Buongiorno, sono Paolo. In questo momento non posso rispondere, lasciate un messaggio dopo il segnale.", "it"),
    ("Dobrý den, dovolali jste se do hlasové schránky. Zanechte vzkaz po zaznění tónu.", "cs"),
)
VOICES = ("", "+f3", "+m3")
SPEEDS = (130, 160, 200)
NOISES = (-65.0, -50.0, -42.0)


@cache
def said(text: str, voice: str, speed: int) -> tuple[float, ...]:
    samples = spoken(text, voice, speed)
    return struct.unpack(f"={len(samples) // 2}h", samples)


@cache
def hiss(dbm0: float) -> tuple[float, ...]:
    return tuple(noise(4000, dbm0))


def noisy(values: list[float], dbm0: float) -> bytes:
    some = hiss(dbm0)
    return sound(mixed(values, (some * (len(values) // len(some) + 1))[: len(values)]))


def judged(samples: bytes) -> list[Verdict]:
    judge = AnswerJudge()
    return [verdict for each in Frames().of(samples) for verdict in judge.handle(each)]


def a_person(rng: random.Random, text: str, language: str) -> bytes:
    speech = said(text, language + rng.choice(VOICES), rng.choice(SPEEDS))
    loud = rng.choice((0.25, 0.5, 1.0))
    return noisy(
        [*silence(rng.choice((100, 400, 900, 1500))), *(loud * x for x in speech), *silence(2000)], rng.choice(NOISES)
    )


def a_machine(rng: random.Random, text: str, language: str) -> tuple[bytes, float]:
    """And when its beep ends, in ms."""
    speech = said(text, language + rng.choice(VOICES), rng.choice(SPEEDS))
    loud = rng.choice((0.25, 0.5, 1.0))
    values = [*silence(rng.choice((100, 400, 900, 1500))), *(loud * x for x in speech)]
    values += silence(rng.choice((0, 600, 1200)))
    values += tones([(rng.choice((440.0, 1000.0, 1400.0)), -14.0)], rng.choice((200, 400, 1000)))
    return noisy([*values, *silence(3000)], rng.choice(NOISES)), len(values) / 8


def test_people_are_people() -> None:
    rng = random.Random(5)
    wrong = []
    for text, language in PEOPLE * 2:
        verdicts = judged(a_person(rng, text, language))
        if [verdict.who for verdict in verdicts] != [HUMAN]:
            wrong.append((text, verdicts))
    # the error that docs/answering-machines.md promises at most; measured: none of 324
    assert wrong == []


def test_machines_are_machines_and_their_beep_is_heard() -> None:
    rng = random.Random(5)
    wrong, beeps = [], 0
    for text, language in MACHINES * 2:
        samples, beeped_at = a_machine(rng, text, language)
        verdicts = judged(samples)
        if not verdicts or verdicts[0].who != MACHINE:
            wrong.append((text, verdicts))
        elif len(verdicts) == 2 and verdicts[1].beep and abs(verdicts[1].after_ms - beeped_at) < 100:
            beeps += 1
    assert len(wrong) <= 1  # 2 % are allowed
    assert beeps >= 11  # of 12


def test_a_long_greeting_is_taken_for_a_machine_whoever_speaks() -> None:
    """What cannot be known: it is in the table of the docs."""
    text = "Good morning, Tamm and Partners, this is Anna speaking, how can I help you today?"
    (verdict, *_) = judged(noisy([*silence(300), *said(text, "en", 160), *silence(2000)], -60))
    assert verdict.who == MACHINE


def test_a_machine_that_has_no_beep() -> None:
    verdicts = judged(noisy([*said(MACHINES[0][0], "en", 160), *silence(4000)], -60))
    assert [(verdict.who, verdict.beep) for verdict in verdicts] == [(MACHINE, False), ("", False)]
    assert verdicts[1].after_ms - len(said(MACHINES[0][0], "en", 160)) / 8 == pytest.approx(2200, abs=500)


def test_a_beep_alone_is_a_machine() -> None:
    verdicts = judged(sound([*silence(400), *tones([(1000.0, -12.0)], 400), *silence(1000)]))
    assert [(verdict.who, verdict.beep) for verdict in verdicts] == [(MACHINE, False), ("", True)]


@pytest.mark.parametrize("hertz", [440.0, 770.0, 1000.0])
def test_a_tone_that_goes_on_is_nobody_knows_what(hertz: float) -> None:
    (verdict,) = judged(sound(tones([(hertz, -12.0)], 8000)))
    assert verdict.who == UNKNOWN and 3000 < verdict.after_ms < 3200


def test_a_fax() -> None:
    (verdict,) = judged(sound([*silence(1500), *tones([(2100.0, -12.0)], 3000)]))
    assert verdict == Verdict(FAX, verdict.after_ms)
    assert 1900 <= verdict.after_ms <= 2100


@pytest.mark.parametrize("dbm0", [-99.0, -60.0, -45.0])
def test_nothing_is_said(dbm0: float) -> None:
    (verdict,) = judged(noisy(silence(6000), dbm0))
    assert verdict == Verdict(UNKNOWN, 4000)


def test_a_click_is_no_word() -> None:
    (verdict,) = judged(sound([*silence(300), *tones([(700.0, -8.0), (1900.0, -12.0)], 40), *silence(6000)]))
    assert verdict.who == UNKNOWN


def test_it_always_comes_to_an_end() -> None:
    judge, rng = AnswerJudge(), random.Random(7)
    told = []
    for _ in range(2000):
        told += judge.handle(frame(rng.randbytes(320)) if rng.random() < 0.9 else SILENT)
    assert judge.done and len(told) <= 2
    assert judge.handle(SILENT) == []


def test_sound_in_any_pieces_is_the_same_frames() -> None:
    samples = spoken("Hello?", "en")
    pieces = Frames()
    found = [each for at in range(0, len(samples), 246) for each in pieces.of(samples[at : at + 246])]
    assert found == Frames().of(samples)


def test_the_frequency_of_a_tone() -> None:
    for hertz in (350.0, 425.0, 950.0, 1400.0, 1800.0, 2100.0):
        (heard,) = Frames().of(sound(tones([(hertz, -20.0)], 20)))
        assert heard.tone == pytest.approx(hertz, rel=0.01)
        assert heard.level == pytest.approx(-20, abs=0.5)
    assert frame(audioop.mul(sound(noise(20, -20)), 2, 1)).tone == 0


@pytest.mark.parametrize("dbm0", [-40.0, -36.0, -30.0, -24.0])
def test_a_loud_street_is_no_machine(dbm0: float) -> None:
    """Steady noise, louder than quiet speech, from the first packet on: whoever stands in it has not said a word."""
    assert all(verdict.who in (UNKNOWN, HUMAN) for verdict in judged(noisy(silence(6000), dbm0)))
    hello = [*silence(900), *said("Hello?", "en", 160), *silence(4000)]
    (verdict,) = judged(noisy(hello, dbm0))
    assert verdict.who in (UNKNOWN, HUMAN)
