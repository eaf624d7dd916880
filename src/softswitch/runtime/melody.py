"""The sounds the switch makes itself: a calm melody for the queue, a beep. Always the same samples.

The melody is eight soft chords with a slow broken line above them, 24 s long. Notes that ring on past the end are
laid over the beginning, so that it can be looped without a seam.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.runtime.audio_files import LINE_RATE, Treatment, level, to_line

if TYPE_CHECKING:
    from softswitch.runtime.audio_files import Samples

_CHORD_SECONDS = 3.0
_LOUDNESS_DBFS = -26.0
# MIDI notes: Cmaj7 Am7 Fmaj7 G6 Em7 Am7 Dm7 Gsus4, in a range that a telephone carries.
_CHORDS = (
    (60, 64, 67, 71),
    (57, 64, 67, 72),
    (60, 65, 69, 72),
    (59, 62, 67, 76),
    (59, 64, 67, 74),
    (57, 64, 69, 72),
    (62, 65, 69, 72),
    (60, 62, 67, 74),
)
_DETUNE = 0.0008
_LINE = (0, 2, 1, 3, 2, 1)  # which note of the chord sounds on each half second, an octave up


def melody() -> Samples:
    import numpy as np

    length = round(_CHORD_SECONDS * LINE_RATE) * len(_CHORDS)
    sound = np.zeros(length, np.float32)
    for index, chord in enumerate(_CHORDS):
        begin = round(index * _CHORD_SECONDS * LINE_RATE)
        for voice, note in enumerate(chord):
            _add(sound, begin + voice * 400, _note(note, 5.0, attack=0.5, decay=2.2), 0.5)
        for beat, voice in enumerate(_LINE):
            at = begin + round(beat * _CHORD_SECONDS / len(_LINE) * LINE_RATE)
            loud = 0.42 if beat % 2 == 0 else 0.28
            _add(sound, at, _note(chord[voice] + 12, 2.5, attack=0.012, decay=0.7), loud)
    return level(sound, _LOUDNESS_DBFS)


def _note(midi: int, seconds: float, attack: float, decay: float) -> Samples:
    """One soft note: a few harmonics, each dying sooner than the one below, with a slight chorus."""
    import numpy as np

    time = np.arange(round(seconds * LINE_RATE)) / LINE_RATE
    pitch = 440.0 * 2.0 ** ((midi - 69) / 12.0)
    wave = np.zeros_like(time)
    for harmonic, strength in ((1, 1.0), (2, 0.35), (3, 0.12), (4, 0.05)):
        if pitch * harmonic < 3400.0:
            turns = 2.0 * np.pi * pitch * harmonic * time
            beating = np.cos(_DETUNE * turns)  # the sum of two strings, one a little sharp and one a little flat
            wave += strength * np.sin(turns) * beating * np.exp(-time * (harmonic / decay))
    rise = np.sin(np.minimum(time / attack, 1.0) * np.pi / 2.0) ** 2
    fall = np.minimum((seconds - time) / 0.3, 1.0)
    return np.asarray(wave * rise * fall, dtype=np.float32)


def _add(sound: Samples, at: int, note: Samples, loudness: float) -> None:
    import numpy as np

    places = (at + np.arange(len(note))) % len(sound)
    sound[places] += loudness * note


def beep() -> Samples:
    return _tone(1000.0, 0.25)


def pause() -> Samples:
    """Between the groups of a telephone number."""
    import numpy as np

    return np.zeros(round(0.24 * LINE_RATE), np.float32)


def _tone(hertz: float, seconds: float) -> Samples:
    import numpy as np

    time = np.arange(round(seconds * LINE_RATE)) / LINE_RATE
    edge = np.clip(np.minimum(time, seconds - time) / 0.008, 0.0, 1.0)
    tone = np.asarray(np.sin(2.0 * np.pi * hertz * time) * edge, dtype=np.float32)
    return to_line(tone, LINE_RATE, Treatment(trim=False))
