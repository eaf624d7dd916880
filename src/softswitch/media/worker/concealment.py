"""What is heard in place of lost packets, after the manner of G.711 appendix I: the last pitch period again and again,
fading away within 60 ms, and a soft passage to what comes next.
"""

from __future__ import annotations

import audioop
from typing import Final

_BYTES: Final = 2
# in parts of 1/2000 s, so that they are whole samples at every rate
_PIECE: Final = 1
_REFERENCE: Final = 10  # 5 ms: what is looked for
_LONGEST: Final = 35  # 17.5 ms, a voice of 57 Hz
_FULL: Final = 20  # 10 ms at full level
_GONE: Final = 120  # 60 ms
_BLEND: Final = 8  # 4 ms


class Concealer:
    """Of one stream. What was heard is remembered, some 25 ms of it."""

    __slots__ = ("_at", "_keep", "_lost", "_period", "_piece", "_recent")

    def __init__(self, rate: int) -> None:
        self._piece = rate // 2000 * _BYTES
        self._keep = (_LONGEST + _REFERENCE) * self._piece
        self._recent = b""
        self._period = b""
        self._at = 0  # in the period
        self._lost = 0  # bytes since the last packet

    def heard(self, samples: bytes) -> bytes:
        """The samples of a packet that came; after a loss its beginning is blended with what was played instead."""
        if self._lost:
            samples = self._blend(samples)
            self._lost = 0
        self._recent = samples if len(samples) >= self._keep else self._recent[-self._keep :] + samples
        return samples

    def conceal(self, samples: int) -> bytes:
        if not self._lost:
            self._find_period()
        return self._go_on(samples * _BYTES)

    def _find_period(self) -> None:
        """The lag at which the last 5 ms are most like what was before them."""
        piece, recent = self._piece, self._recent[-self._keep :]
        self._at = 0
        if len(recent) < self._keep:
            self._period = recent
            return
        reference = recent[-_REFERENCE * piece :]
        offset, _ = audioop.findfit(recent[: -_REFERENCE * piece], reference)
        self._period = recent[_BYTES * offset - _LONGEST * piece :]

    def _go_on(self, size: int) -> bytes:
        """`size` bytes more of the period, ever softer."""
        if not self._period or self._lost >= _GONE * self._piece:
            self._lost += size
            return bytes(size)
        turns = (self._at + size) // len(self._period) + 1
        sound = (self._period * turns)[self._at : self._at + size]
        self._at = (self._at + size) % len(self._period)
        pieces = []
        for start in range(0, size, self._piece):
            part = sound[start : start + self._piece]
            level = (_GONE - (self._lost + start) / self._piece) / (_GONE - _FULL)
            pieces.append(part if level >= 1 else audioop.mul(part, _BYTES, max(level, 0.0)))
        self._lost += size
        return b"".join(pieces)

    def _blend(self, samples: bytes) -> bytes:
        piece = self._piece
        size = min(_BLEND * piece, len(samples))
        before = self._go_on(size)
        pieces = []
        for number, start in enumerate(range(0, size, piece)):
            share = (number + 0.5) / _BLEND
            new = audioop.mul(samples[start : min(start + piece, size)], _BYTES, share)
            pieces.append(audioop.add(audioop.mul(before[start : start + piece], _BYTES, 1 - share), new, _BYTES))
        return b"".join(pieces) + samples[size:]
