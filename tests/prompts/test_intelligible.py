"""Speech of all five languages by its spectrum: loud enough, never clipped, trimmed, in the band of a telephone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from softswitch.config.texts import LINE_TEXTS, QUEUE_TEXTS
from softswitch.ivr.speech import fixed_segments, speak
from softswitch.media.g711 import ulaw_to_linear
from softswitch.runtime.audio_files import LINE_RATE, loudness, to_line, to_ulaw
from softswitch.runtime.prompt_library import treatment_of_text
from softswitch.runtime.tts import EspeakEngine

if TYPE_CHECKING:
    from softswitch.runtime.audio_files import Samples

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")

VALUE = "{amount:money EUR} {when:date} {wait:duration} {number:phone}"
GIVEN = {"amount": "1234.56", "when": "2027-03-21", "wait": "3725", "number": "+3725551234"}


def texts(language: str) -> list[str]:
    templates = (LINE_TEXTS["goodbye"], LINE_TEXTS["wrong_key"], QUEUE_TEXTS["please_wait"])
    fixed = [segment.text for each in templates for segment in fixed_segments(each[language], language)]
    return [*fixed, *(segment.text for segment in speak(VALUE, language, GIVEN))]


def power_between(sound: Samples, low: float, high: float) -> float:
    """The part of all power that lies there."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / LINE_RATE)
    return float(power[(hertz >= low) & (hertz < high)].sum() / power.sum())


@pytest.mark.parametrize("language", ["en", "et", "zh", "it", "cs"])
async def test_speech_is_heard_over_a_telephone(language: str) -> None:
    engine = EspeakEngine()
    spoken = texts(language)
    assert len(spoken) >= 6
    for text in spoken:
        treatment = treatment_of_text(text)
        line = to_line(*await engine.render(text, language), treatment)
        heard = ulaw_to_linear(to_ulaw(line)).astype(np.float32)[: len(line)] / 32768.0
        assert 20 * np.log10(loudness(heard)) == pytest.approx(-20.0, abs=1.5), text
        assert np.abs(line).max() < 0.95, text
        assert np.mean(np.abs(line) > 0.85) < 0.001, text
        envelope = np.abs(line[: len(line) // 80 * 80]).reshape(-1, 80).max(axis=1)  # 10 ms each
        loud = np.flatnonzero(envelope > 0.01)
        assert loud[0] <= treatment.lead_ms / 10 + 3, text
        assert len(envelope) - loud[-1] <= treatment.tail_ms / 10 + 8, text
        # The band of a telephone carries it, and the consonants are there: not all is below 1 kHz.
        assert power_between(heard, 300, 3400) > 0.5, text
        assert power_between(heard, 100, 3700) > 0.95, text
        assert power_between(heard, 1000, 3400) > 0.01, text
        # G.711 takes nothing away: what it adds is far below the voice.
        noise = heard - line
        assert 10 * np.log10(np.mean(line**2) / np.mean(noise**2)) > 30.0, text


async def test_different_values_sound_different() -> None:
    """By correlation: no two of them can be taken for each other, and the same text is the same sound."""
    engine = EspeakEngine()

    async def line(text: str) -> Samples:
        return to_line(*await engine.render(text, "et"), treatment_of_text(text))

    sounds = [await line(text) for text in ("kaks eurot", "kolm eurot", "kaks eurot")]

    def alike(one: Samples, two: Samples) -> float:
        most = np.abs(np.correlate(one, two, "full")).max()
        return float(most / np.sqrt(np.sum(one**2) * np.sum(two**2)))

    assert alike(sounds[0], sounds[2]) > 0.99
    assert alike(sounds[0], sounds[1]) < 0.8
