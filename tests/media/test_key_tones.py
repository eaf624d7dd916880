"""Keys heard as tones: the limits of ITU-T Q.24, and speech that dials nothing."""

from __future__ import annotations

import audioop
import io
import shutil
import subprocess
import time

import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.media.sounds import mixed, noise, packets, pair, silence, sound, tones

from softswitch.media.dtmf import Digit
from softswitch.media.key_tones import KeyTones

ALL = "0123456789*#ABCD"


def heard(samples: bytes) -> list[Digit]:
    keys = KeyTones()
    found = [digit for packet in packets(samples) for digit in keys.samples(packet)]
    return found + [digit for digit in [keys.quiet()] if digit is not None]


def pressed(
    keys: str, on: float = 50, off: float = 50, *, low: float = -10, high: float = -10, detuned: float = 0.0
) -> list[float]:
    values: list[float] = []
    for n, key in enumerate(keys):
        values += tones(pair(key, low, high, detuned), on, phase=n) + silence(off)
    return values


def keys_of(values: list[float], lead: int = 0) -> str:
    return "".join(digit.digit for digit in heard(sound([0.0] * lead + values)))


@pytest.mark.parametrize("lead", range(0, 160, 31))
def test_forty_milliseconds_and_as_long_a_pause_are_every_key(lead: int) -> None:
    assert keys_of(pressed(ALL, 40, 40), lead) == ALL


@pytest.mark.parametrize("lead", range(0, 160, 31))
def test_twenty_milliseconds_are_no_key(lead: int) -> None:
    assert keys_of(pressed(ALL, 20, 60), lead) == ""


@pytest.mark.parametrize("detuned", [-0.015, -0.01, 0.01, 0.015])
def test_one_and_a_half_percent_beside_is_a_key(detuned: float) -> None:
    assert keys_of(pressed(ALL, detuned=detuned)) == ALL


@pytest.mark.parametrize("detuned", [-0.05, -0.035, 0.035, 0.05])
def test_three_and_a_half_percent_beside_is_none(detuned: float) -> None:
    assert keys_of(pressed(ALL, detuned=detuned)) == ""


@pytest.mark.parametrize(("low", "high"), [(-1, -1), (-29, -29), (-10, -6), (-14, -10), (-6, -14), (-3, -11)])
def test_levels_and_twist_that_count(low: float, high: float) -> None:
    assert keys_of(pressed(ALL, low=low, high=high)) == ALL


@pytest.mark.parametrize(("low", "high"), [(-38, -38), (-55, -55), (-20, -8), (-4, -20), (-10, -99), (-99, -10)])
def test_levels_and_twist_that_do_not(low: float, high: float) -> None:
    assert keys_of(pressed(ALL, low=low, high=high)) == ""


def test_noise_15_db_below_is_no_obstacle() -> None:
    values = pressed(ALL * 3)
    assert keys_of(mixed(values, noise(len(values) / 8, -22))) == ALL * 3


def test_a_hole_of_10_milliseconds_is_one_press() -> None:
    hole = tones(pair("7"), 60) + silence(10) + tones(pair("7"), 60)
    assert keys_of(hole) == "7"


def test_two_quick_presses_are_two() -> None:
    assert keys_of(pressed("55", 40, 40)) == "55"


def test_a_key_right_behind_another_ends_it() -> None:
    assert keys_of(tones(pair("1"), 60) + tones(pair("6"), 60)) == "16"


def test_tones_of_the_network_are_no_keys() -> None:
    plain = [[(425, -10)], [(350, -10), (440, -10)], [(440, -10), (480, -10)], [(480, -10), (620, -10)]]
    plain += [[(950, -10)], [(1400, -10)], [(1800, -10)], [(1100, -10)], [(2100, -10)], [(697, -10)], [(1209, -10)]]
    for parts in plain:
        assert keys_of(tones([(float(hertz), loud) for hertz, loud in parts], 400)) == ""


def test_a_pair_with_its_overtones_is_a_voice() -> None:
    rich = [*pair("5"), (2 * 770.0, -11.0), (2 * 1336.0, -12.0), (3 * 770.0, -13.0)]
    assert keys_of(tones(rich, 100)) == ""


def test_how_long_it_was_down() -> None:
    for length in (60, 100, 400, 2000):
        (digit,) = heard(sound(tones(pair("9"), length) + silence(100)))
        assert digit.duration_ms == pytest.approx(length, abs=25)


def test_the_key_that_is_down_when_nothing_comes_any_more() -> None:
    keys = KeyTones()
    assert keys.samples(sound(tones(pair("3"), 100))) == []
    assert keys.pressed
    digit = keys.quiet()
    assert digit is not None and digit.digit == "3"
    assert keys.quiet() is None


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 400), min_size=1, max_size=20), keys=st.text(ALL, min_size=1, max_size=4))
def test_packets_of_any_length(cuts: list[int], keys: str) -> None:
    samples = sound(pressed(keys, 45, 45) + silence(60))
    listener, found, at, n = KeyTones(), "", 0, 0
    while at < len(samples):
        step = 2 * cuts[n % len(cuts)]
        found += "".join(digit.digit for digit in listener.samples(samples[at : at + step]))
        at, n = at + step, n + 1
    assert found == keys


TALK = {
    "en": "Good morning, thank you for calling. All our colleagues are busy; you are number four in the line. "
    "Press one to be called back, nine nine two to hear this once more. My money is on my own account, you know.",
    "et": "Tere hommikust, aitäh helistamast. Kõik meie inimesed räägivad praegu, palun oodake natuke. Öösel on müra.",
    "it": "Buongiorno, grazie della chiamata. Tutti i nostri colleghi sono occupati, la preghiamo di attendere.",
    "cs": "Dobrý den, děkujeme za zavolání. Všichni kolegové právě hovoří, vyčkejte prosím na lince, ozveme se vám.",
}


def spoken(text: str, voice: str, speed: int = 160) -> bytes:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed: see tools/test_machine.sh")
    order = ["espeak-ng", "-v", voice, "-s", str(speed), "--stdout", text]
    wave = subprocess.run(order, capture_output=True, check=True).stdout
    values, rate = soundfile.read(io.BytesIO(wave), dtype="int16")
    line, _ = audioop.ratecv(values.tobytes(), 2, 1, rate, 8000, None)
    return audioop.ulaw2lin(audioop.lin2ulaw(line, 2), 2)


def test_minutes_of_speech_dial_nothing() -> None:
    """Over 80 minutes (the same voices with longer texts) gave none either; a few minutes of it here."""
    seconds, false_keys = 0.0, ""
    for language, text in TALK.items():
        for voice, speed in ((language, 150), (f"{language}+f3", 190), (f"{language}+m7", 130)):
            speech = spoken(text, voice, speed)
            seconds += len(speech) / 16000
            false_keys += "".join(digit.digit for digit in heard(speech))
    assert seconds > 100
    assert false_keys == ""


def test_a_packet_of_speech_costs_little() -> None:
    samples = packets(spoken(TALK["en"], "en"))[:400]

    def seconds() -> float:
        keys, before = KeyTones(), time.process_time()
        for packet in samples:
            keys.samples(packet)
        return time.process_time() - before

    per_packet = min(seconds() for _ in range(3)) / len(samples)
    assert per_packet < 80e-6  # docs/digits.md has what it is; this notices when it becomes something else
