"""Sound made for tests: 8000 samples a second, 16 bit, as a telephone line carries it."""

from __future__ import annotations

import audioop
import math
import random
from collections.abc import Iterable, Sequence
from struct import pack

from softswitch.media.key_tones import COLUMNS, KEYS, ROWS
from softswitch.media.probe import amplitude


def tones(parts: Iterable[tuple[float, float]], milliseconds: float, phase: float = 0.0) -> list[float]:
    """The sum of these tones: (Hz, dBm0) each."""
    waves = [(2 * math.pi * hertz / 8000, amplitude(loud)) for hertz, loud in parts]
    count = round(milliseconds * 8)
    return [sum(loud * math.sin(step * n + phase) for step, loud in waves) for n in range(count)]


def silence(milliseconds: float) -> list[float]:
    return [0.0] * round(milliseconds * 8)


def noise(milliseconds: float, dbm0: float, seed: int = 1) -> list[float]:
    rng, sigma = random.Random(seed), amplitude(dbm0) / 2**0.5
    return [rng.gauss(0, sigma) for _ in range(round(milliseconds * 8))]


def pair(key: str, low: float = -10.0, high: float = -10.0, detuned: float = 0.0) -> list[tuple[float, float]]:
    """The two tones of a key."""
    row = next(n for n, keys in enumerate(KEYS) if key in keys)
    return [(ROWS[row] * (1 + detuned), low), (COLUMNS[KEYS[row].index(key)] * (1 + detuned), high)]


def sound(values: Sequence[float]) -> bytes:
    """As it comes out of G.711."""
    plain = pack(f"={len(values)}h", *(max(-32768, min(32767, round(value))) for value in values))
    return audioop.ulaw2lin(audioop.lin2ulaw(plain, 2), 2)


def mixed(one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [a + b for a, b in zip(one, other, strict=True)]


def packets(samples: bytes) -> list[bytes]:
    """20 ms each."""
    return [samples[at : at + 320] for at in range(0, len(samples), 320)]
