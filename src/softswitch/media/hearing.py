"""What is heard in 20 ms of sound, for whoever judges calls by it: how loud it is, and whether it is a tone.

A tone obeys x[n+1] + x[n-1] = 2 cos(w) x[n], whatever its amplitude and phase. The factor that fits best tells the
frequency, and what is left over tells how little of a tone it is. Two tones that lie close together (those of American
networks) look like one between them.
"""

from __future__ import annotations

import audioop
from dataclasses import dataclass
from math import acos, pi

from softswitch.media.probe import RATE, dbm0_of

FRAME_SAMPLES = 160
FRAME_MS = 20
_QUIETEST_TONE = -42.0  # dBm0
_LEFT_OVER = 0.0045  # of the power, of what still is a tone


@dataclass(frozen=True, slots=True)
class Frame:
    """20 ms."""

    level: float  # dBm0
    tone: float = 0.0  # Hz; 0: it is none


SILENT = Frame(-99.0)


def frame(samples: bytes) -> Frame:
    """Of 160 samples, 16 bit."""
    loud = dbm0_of(audioop.rms(samples, 2))
    if loud < _QUIETEST_TONE:
        return Frame(loud)
    half = audioop.mul(samples, 2, 0.5)  # so that the sum of two fits
    middle = half[2:-2]
    neighbours = audioop.add(half[4:], half[:-4], 2)
    factor = audioop.findfactor(neighbours, middle)
    if not -1.99 < factor < 1.99:
        return Frame(loud)
    left = audioop.rms(audioop.add(neighbours, audioop.mul(middle, 2, -factor), 2), 2)
    whole = audioop.rms(middle, 2)
    if left * left > _LEFT_OVER * whole * whole * (2 + factor * factor):
        return Frame(loud)
    return Frame(loud, acos(factor / 2) * RATE / (2 * pi))


class Frames:
    """Sound of any length into frames."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def of(self, samples: bytes) -> list[Frame]:
        sound = self._rest + samples
        whole = len(sound) - len(sound) % (2 * FRAME_SAMPLES)
        self._rest = sound[whole:]
        return [frame(sound[at : at + 2 * FRAME_SAMPLES]) for at in range(0, whole, 2 * FRAME_SAMPLES)]
