"""Prompts in G.722 and Opus: encoded once, frame by frame as the first listener gets there, and kept for the others.

So a long piece of music never stops the loop of the media process: nobody's first frame costs more than any other. Who
begins in the middle (his phone changed its codec) makes the encoder begin there.
"""

from __future__ import annotations

import audioop
import sys
from typing import Final

from softswitch.media.codecs import Codec
from softswitch.media.worker.coding import Encoder, encoder

_WARM_UP: Final = 2  # frames before the first of those that are kept, when the encoder begins in the middle
_KEPT_BYTES: Final = 240  # what a frame takes in memory, at most


class Clip:
    """One prompt in one codec, out of u-law bytes at 8 kHz, or (`wide`) little-endian 16-bit samples at 16 kHz."""

    __slots__ = ("_at", "_codec", "_encoder", "_frames", "_left", "_rate", "_sound", "_step", "size")

    def __init__(self, sound: bytes, codec: Codec, *, wide: bool) -> None:
        self._codec = codec
        self._rate = 16000 if wide else 8000
        self._sound = sound
        self._step = 640 if wide else 160  # bytes of a frame
        self._frames: list[bytes | None] = [None] * -(-len(sound) // self._step)
        self._left = len(self._frames)
        self._encoder: Encoder | None = None
        self._at = -1  # the frame that the encoder expects
        self.size = len(sound) + self._left * _KEPT_BYTES

    def __len__(self) -> int:
        """In frames of 20 ms."""
        return len(self._frames)

    def frame(self, number: int) -> bytes:
        frame = self._frames[number]
        return frame if frame is not None else self._encode(number)

    def _encode(self, number: int) -> bytes:
        coder = self._encoder
        if coder is None or number != self._at:
            coder = self._encoder = encoder(self._codec, self._rate, prompt=True)
            for before in range(max(number - _WARM_UP, 0), number):
                coder.encode(self._samples(before))
        self._at = number + 1
        frame = self._frames[number] = coder.encode(self._samples(number))
        self._left -= 1
        if not self._left:
            self._sound, self._encoder = b"", None
        return frame

    def _samples(self, number: int) -> bytes:
        piece = self._sound[number * self._step : (number + 1) * self._step]
        if self._rate == 8000:
            return audioop.ulaw2lin(piece, 2).ljust(320, b"\0")
        piece = piece[: len(piece) & ~1].ljust(640, b"\0")
        return piece if sys.byteorder == "little" else audioop.byteswap(piece, 2)
