"""G.711 on arrays: 16-bit linear samples to u-law and A-law bytes and back, by table look-up."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from softswitch.media.companding import (
    ALAW_TO_LINEAR,
    ALAW_TO_ULAW,
    ULAW_TO_ALAW,
    ULAW_TO_LINEAR,
    encode_alaw_sample,
    encode_ulaw_sample,
)

__all__ = [
    "alaw_to_linear",
    "alaw_to_ulaw",
    "linear_to_alaw",
    "linear_to_ulaw",
    "ulaw_to_alaw",
    "ulaw_to_linear",
]

_ULAW_DECODE: NDArray[np.int16] = np.array(ULAW_TO_LINEAR, dtype=np.int16)
_ALAW_DECODE: NDArray[np.int16] = np.array(ALAW_TO_LINEAR, dtype=np.int16)


@cache
def _ulaw_encode() -> NDArray[np.uint8]:
    """All 65 536 answers, indexed by the sample as unsigned; made on first use (30 ms)."""
    return np.array([encode_ulaw_sample(s - 65536 if s > 32767 else s) for s in range(65536)], dtype=np.uint8)


@cache
def _alaw_encode() -> NDArray[np.uint8]:
    return np.array([encode_alaw_sample(s - 65536 if s > 32767 else s) for s in range(65536)], dtype=np.uint8)


def linear_to_ulaw(samples: NDArray[np.int16]) -> bytes:
    return _ulaw_encode()[samples.view(np.uint16)].tobytes()


def linear_to_alaw(samples: NDArray[np.int16]) -> bytes:
    return _alaw_encode()[samples.view(np.uint16)].tobytes()


def ulaw_to_linear(data: bytes) -> NDArray[np.int16]:
    return _ULAW_DECODE[np.frombuffer(data, dtype=np.uint8)]


def alaw_to_linear(data: bytes) -> NDArray[np.int16]:
    return _ALAW_DECODE[np.frombuffer(data, dtype=np.uint8)]


def ulaw_to_alaw(data: bytes) -> bytes:
    return data.translate(ULAW_TO_ALAW)


def alaw_to_ulaw(data: bytes) -> bytes:
    return data.translate(ALAW_TO_ULAW)
