"""Telephone keys as tones in the sound (DTMF): each key press once, at its end.

    idle --heard in two looks in a row--> down --not heard in four looks--> idle          (digit reported)
                                               --another key in two looks--> down        (digit reported)

A look is at 20 ms of sound, every 10 ms. Two looks are 30 ms: a key of 40 ms is always heard, one of 20 ms never. Four
looks without it are a pause of 40 ms; less is a hole in the same key press. What counts as a key (ITU-T Q.24, and the
table in docs/digits.md): one tone of each group, within 2.5 % of their frequencies (1.5 % has to be accepted, 3.5 % to
be refused), both loud enough and about as loud as each other, steady, and hardly anything else beside them: speech
always brings overtones and other formants along, which is what keeps it from dialling.
"""

from __future__ import annotations

import audioop
from math import hypot
from typing import Final

from softswitch.media.dtmf import Digit
from softswitch.media.probe import Probe, amplitude, detuned, hann_gain

LOOK: Final = 160  # samples
STEP: Final = 80
KEYS: Final = ("123A", "456B", "789C", "*0#D")
ROWS: Final = (697.0, 770.0, 852.0, 941.0)
COLUMNS: Final = (1209.0, 1336.0, 1477.0, 1633.0)

_PIECE = 120  # samples of a filter; two of them, 40 apart, are one look
_APART = LOOK - _PIECE
_DETUNED = 0.025
_QUIETEST = amplitude(-33.0)  # of each tone
_FLOOR = int(_QUIETEST)  # a pair that is loud enough has this root mean square
_HIGHER = 10 ** (8.0 / 20)  # the high tone may be louder than the low one by this
_LOWER = 10 ** (-12.0 / 20)  # or quieter by this: lines take more of it away
_PURE = 0.80  # of all energy
_PURE_AT_FIRST = 0.5  # before it is known how far the tones are beside the filters
_WHOLE = 1.09
_STEADY = 1.2
_HITS = 2
_MISSES = 4

_ROW_PROBES = tuple(Probe(each, _PIECE) for each in ROWS)
_COLUMN_PROBES = tuple(Probe(each, _PIECE) for each in COLUMNS)


class KeyTones:
    """The keys of one source of sound; 8000 samples a second, 16 bit."""

    __slots__ = ("_candidate", "_hits", "_key", "_looks", "_misses", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._key = ""  # that is down
        self._looks = 0  # since it went down
        self._misses = 0
        self._candidate = ""
        self._hits = 0

    @property
    def pressed(self) -> bool:
        return bool(self._key)

    def samples(self, samples: bytes) -> list[Digit]:
        """More sound; the key presses that ended in it."""
        sound = self._rest + samples
        done: list[Digit] = []
        at, end = 0, len(sound) - 2 * LOOK
        while at <= end:
            digit = self._seen(look(sound[at : at + 2 * LOOK]))
            if digit is not None:
                done.append(digit)
            at += 2 * STEP
        self._rest = sound[at:]
        return done

    def quiet(self) -> Digit | None:
        """No sound comes any more: the key that is down, if any."""
        self._rest = b""
        self._candidate = ""
        return self._finish()

    def _seen(self, key: str) -> Digit | None:
        if key and key == self._candidate:
            self._hits += 1
        else:
            self._candidate = key
            self._hits = 1 if key else 0
        if not self._key:
            if self._hits >= _HITS:
                self._begin(key)
            return None
        self._looks += 1
        if key == self._key:
            self._misses = 0
            return None
        self._misses += 1
        if self._hits >= _HITS:
            digit = self._finish()
            self._begin(key)
            return digit
        return self._finish() if self._misses >= _MISSES else None

    def _begin(self, key: str) -> None:
        self._key = key
        self._looks = _HITS
        self._misses = 0

    def _finish(self) -> Digit | None:
        if not self._key:
            return None
        digit = Digit(self._key, (self._looks - self._misses + 1) * 1000 * STEP // 8000)
        self._key = ""
        return digit


def look(sound: bytes) -> str:
    """The key that is heard all through these 20 ms; empty: none."""
    power = audioop.rms(sound, 2)
    if power < _FLOOR:
        return ""
    power *= power
    first = sound[: 2 * _PIECE]
    row, row_parts, low = _loudest(_ROW_PROBES, first)
    # the quieter of the two tones is at least _LOWER of the other
    if low < _QUIETEST * 0.8 or low * low < 0.04 * power:
        return ""
    column, column_parts, high = _loudest(_COLUMN_PROBES, first)
    if high < _QUIETEST * 0.8 or (low * low + high * high) / 2 < _PURE_AT_FIRST * power:
        return ""
    second = sound[2 * _APART :]
    low = _exact(_ROW_PROBES[row], row_parts, second, low)
    high = _exact(_COLUMN_PROBES[column], column_parts, second, high)
    if low < _QUIETEST or high < _QUIETEST or not _LOWER < high / low < _HIGHER:
        return ""
    # the filters hear less of the ends than of the middle: more in them than there is altogether means a tone that has
    # just begun or ended
    return KEYS[row][column] if _PURE * power <= (low * low + high * high) / 2 <= _WHOLE * power else ""


def _loudest(probes: tuple[Probe, ...], piece: bytes) -> tuple[int, tuple[float, float], float]:
    best, best_parts, peak = 0, (0.0, 0.0), -1.0
    for n, probe in enumerate(probes):
        parts = probe.parts(piece)
        this = hypot(*parts)
        if this > peak:
            best, best_parts, peak = n, parts, this
    return best, best_parts, peak


def _exact(probe: Probe, parts: tuple[float, float], second: bytes, before: float) -> float:
    """The amplitude of a tone close to this frequency; 0: it is too far beside it, or not steady."""
    later = probe.parts(second)
    after = hypot(*later)
    if not before / _STEADY < after < before * _STEADY:
        return 0.0
    beside = detuned(parts, later, probe.frequency, _APART)
    if abs(beside) > _DETUNED * probe.frequency:
        return 0.0
    return (before + after) / 2 / hann_gain(beside * _PIECE / 8000)
