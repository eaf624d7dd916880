"""The sounds the switch makes itself."""

from __future__ import annotations

import numpy as np
import pytest

from softswitch.runtime import melody
from softswitch.runtime.audio_files import loudness


def test_the_melody_is_always_the_same_and_soft() -> None:
    sound = melody.melody()
    assert np.array_equal(sound, melody.melody())
    assert 20.0 <= len(sound) / 8000 <= 30.0
    assert len(sound) % 160 == 0  # else the loop would have a gap
    assert 20 * np.log10(loudness(sound)) == pytest.approx(-26.0, abs=0.3)
    assert np.abs(sound).max() < 0.5


def test_the_loop_has_no_seam_and_no_hole() -> None:
    sound = melody.melody()
    steps = np.abs(np.diff(sound))
    assert abs(sound[0] - sound[-1]) <= steps.max()
    seam = np.concatenate([sound[-800:], sound[:800]])
    frames = np.concatenate([sound, sound[:160]]).reshape(-1, 160)
    levels = np.sqrt((frames**2).mean(axis=1))
    assert levels.min() > 0.05 * levels.mean()
    assert np.sqrt((seam**2).mean()) > 0.2 * np.sqrt((sound**2).mean())


def test_the_beep() -> None:
    sound = melody.beep()
    assert len(sound) == 2000
    assert np.argmax(np.abs(np.fft.rfft(sound))) * 4 == 1000
