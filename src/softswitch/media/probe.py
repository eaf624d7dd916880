"""How much of one frequency is in a piece of sound: what a Goertzel filter computes, as two sums made in C.

The samples are weighted by a Hann window, whose side lobes are so low that the other tone of a pair hardly disturbs.
What is measured once is an amplitude and a phase; the phases of two pieces that lie a little apart tell the exact
frequency, closer than the filter is narrow.
"""

from __future__ import annotations

import audioop
from math import atan2, cos, hypot, pi, sin
from struct import pack

RATE = 8000  # samples a second of everything that is listened to
FULL_SCALE_DBM0 = 3.14  # of a sine that just fits: G.711, A-law
_WEIGHT = 0.75 * 32767  # of a Hann window: the sum of its squares by that of its values
_TURN = 2 * pi


def amplitude(dbm0: float) -> float:
    """The peak of a sine of this level, in 16-bit samples."""
    return float(32767 * 10 ** ((dbm0 - FULL_SCALE_DBM0) / 20))


def level(samples: bytes) -> float:
    """dBm0 of these samples; -99: nothing."""
    return dbm0_of(audioop.rms(samples, 2))


def dbm0_of(root_mean_square: float) -> float:
    from math import log10

    return 20 * log10(root_mean_square * 2**0.5 / 32767) + FULL_SCALE_DBM0 if root_mean_square > 0 else -99.0


class Probe:
    """One frequency, for pieces of `length` samples."""

    __slots__ = ("_cosine", "_sine", "frequency")

    def __init__(self, frequency: float, length: int) -> None:
        self.frequency = frequency
        step = _TURN * frequency / RATE
        window = [0.5 - 0.5 * cos(_TURN * (n + 0.5) / length) for n in range(length)]
        self._cosine = _samples([weight * cos(step * n) for n, weight in enumerate(window)])
        self._sine = _samples([weight * sin(step * n) for n, weight in enumerate(window)])

    def parts(self, samples: bytes) -> tuple[float, float]:
        """In phase, and a quarter of a turn behind."""
        findfactor = audioop.findfactor
        return findfactor(samples, self._cosine) * _WEIGHT, findfactor(samples, self._sine) * _WEIGHT

    def peak(self, samples: bytes) -> float:
        """The amplitude of this frequency."""
        return hypot(*self.parts(samples))


def detuned(first: tuple[float, float], second: tuple[float, float], frequency: float, apart: int) -> float:
    """By how many Hz a tone is above `frequency`, from its parts in two pieces that begin `apart` samples apart."""
    turned = atan2(-second[1], second[0]) - atan2(-first[1], first[0]) - _TURN * frequency * apart / RATE
    return ((turned + pi) % _TURN - pi) / _TURN * RATE / apart


def hann_gain(bins: float) -> float:
    """What is left of a tone that is so many bins beside the middle of the filter."""
    if abs(bins) < 1e-6:
        return 1.0
    return sin(pi * bins) / (pi * bins) / (1 - bins * bins)


def _samples(values: list[float]) -> bytes:
    return pack(f"={len(values)}h", *(round(32767 * value) for value in values))
