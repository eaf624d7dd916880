"""From 8 to 16 kHz and back, filtered: what is above 4 kHz would otherwise come back as a false tone below it.

One low-pass for both (linear phase, 3.4 kHz, -60 dB from 4.2 kHz on). A frame of 20 ms is cut into overlapping windows,
and all of them are one product with a small matrix, which stays in the cache. The delay is 1.9 ms.
"""

from __future__ import annotations

from functools import cache
from typing import Final, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

_Floats: TypeAlias = NDArray[np.float32]
_TAPS: Final = 61
_CUT: Final = 3700 / 16000  # of the rate
_FRAME: Final = 160  # samples of 20 ms at 8 kHz
_BLOCK: Final = 16  # samples that a window makes


@cache
def _low_pass() -> _Floats:
    """A sinc in a Kaiser window."""
    at = np.arange(_TAPS) - (_TAPS - 1) / 2
    taps: _Floats = (2 * _CUT * np.sinc(2 * _CUT * at) * np.kaiser(_TAPS, 6.0)).astype(np.float32)
    taps /= taps.sum()
    return taps


@cache
def _matrix(up: bool) -> _Floats:
    """Samples of a window in, `_BLOCK` samples out."""
    taps = _low_pass()
    # up: as if there was a zero between any two samples, so each sample out uses every other tap, at twice their level
    step, level = (1, 2) if up else (2, 1)
    whole = np.zeros((_TAPS - 1 + step * _BLOCK, _BLOCK), np.float32)
    for out in range(_BLOCK):
        whole[step * out : step * out + _TAPS, out] = level * taps
    return np.ascontiguousarray(whole[::2] if up else whole)


class Converter:
    """One stream of signed 16-bit samples from 8 to 16 kHz (`up`), or from 16 to 8."""

    __slots__ = ("_before", "_made", "_matrix", "_odd", "_samples", "_size", "_up", "_views", "_windows")

    def __init__(self, *, up: bool) -> None:
        self._up = up
        self._matrix = _matrix(up)
        self._size, made = (_FRAME, 2 * _FRAME) if up else (2 * _FRAME, _FRAME)
        self._before = _TAPS // 2 if up else _TAPS - 1  # samples that are heard in what comes after them
        self._samples: _Floats = np.zeros(self._before + self._size, np.float32)
        width, count = len(self._matrix), made // _BLOCK
        step = self._size // count * self._samples.itemsize
        self._views = as_strided(self._samples, (count, width), (step, self._samples.itemsize))
        self._windows: _Floats = np.empty((count, width), np.float32)
        self._made: _Floats = np.empty((count, _BLOCK), np.float32)
        self._odd = b""  # half a pair

    def convert(self, samples: bytes) -> bytes:
        """Twice, or half, as many."""
        if len(samples) != 2 * self._size or self._odd:
            return self._any(samples)
        whole, before, made = self._samples, self._before, self._made
        whole[:before] = whole[self._size :]
        whole[before:] = np.frombuffer(samples, np.int16)
        np.copyto(self._windows, self._views)
        np.matmul(self._windows, self._matrix, out=made)
        return _shorts(made)

    def _any(self, samples: bytes) -> bytes:
        """A packet of another length: the same filter, straight on."""
        samples = self._odd + samples
        end = len(samples) - len(samples) % (2 if self._up else 4)
        self._odd = samples[end:]
        before = self._samples[self._size :]
        whole = np.concatenate((before, np.frombuffer(samples[:end], np.int16)), dtype=np.float32)
        self._samples[self._size :] = whole[len(whole) - len(before) :]
        if not end:
            return b""
        if self._up:
            apart = np.zeros(2 * len(whole), np.float32)
            apart[::2] = whole
            return _shorts(2 * np.convolve(apart, _low_pass(), "valid"))
        return _shorts(np.convolve(whole, _low_pass(), "valid")[::2].copy())


def _shorts(made: _Floats) -> bytes:
    """Rounded, and clipped where they are too loud."""
    np.rint(made, out=made)
    np.maximum(made, -32768, out=made)
    np.minimum(made, 32767, out=made)
    shorts: bytes = made.astype(np.int16).tobytes()
    return shorts
