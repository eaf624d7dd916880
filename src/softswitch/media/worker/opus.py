"""Opus (RFC 6716) by libopus, in mono at 8 or 16 kHz: the system's library, else the one that comes with PyAV.

libopus is called as it is: a frame costs little more than its own work. What we send is CELT with little delay: at
8 kHz it costs half of SILK, at 16 kHz a third, and tones and music pass it too. A peer who loses packets gets SILK,
which can protect them. Prompts and music are encoded once, with more effort.

What comes may be anything RFC 6716 allows: 2.5 to 120 ms, stereo, every bandwidth, DTX; libopus makes of it what we ask
for. Its states live in memory of ours and go with it.
"""

from __future__ import annotations

import ctypes
import glob
import importlib.util
import os
from functools import cache
from typing import Final

RATES: Final = (8000, 12000, 16000, 24000, 48000)
MAX_PACKET_BYTES: Final = 1275  # RFC 6716 3.2: the most that one frame can have
_MAX_SECONDS: Final = 0.12  # RFC 6716 3.2.5: "The total duration of a packet must not exceed 120 ms"
_CONCEALED_SECONDS: Final = 0.2
_NAMES: Final = ("libopus.so.0", "libopus.0.dylib", "opus.dll")

_VOIP, _AUDIO, _LOW_DELAY = 2048, 2049, 2051
_SET_BITRATE, _SET_COMPLEXITY, _SET_FEC, _SET_LOSS = 4002, 4010, 4012, 4014
_EXPECTED_LOSS: Final = 10  # per cent: how good the copies are
_BITS: Final = {8000: 32_000, 16000: 40_000}  # a second
_CALL_EFFORT, _PROMPT_EFFORT = 0, 5  # of 10; at this bit rate more effort changes little

_POINTER = ctypes.c_void_p
_INT = ctypes.c_int


class NoOpus(ValueError):
    """There is no libopus on this machine."""


def _shipped() -> list[str]:
    """The libraries of the PyAV wheel, without importing it."""
    spec = importlib.util.find_spec("av")
    if spec is None or spec.origin is None:
        return []
    package = os.path.dirname(spec.origin)
    places = (package + ".libs", os.path.join(package, ".dylibs"))
    return sorted(path for place in places for path in glob.glob(os.path.join(glob.escape(place), "libopus[-.]*")))


@cache
def library() -> ctypes.CDLL:
    """libopus, loaded once. `NoOpus` when there is none."""
    for path in (*_NAMES, *_shipped()):
        try:
            found = ctypes.CDLL(path)
        except OSError:
            continue
        found.opus_get_version_string.restype = ctypes.c_char_p
        found.opus_encode.argtypes = (_POINTER, ctypes.c_char_p, _INT, _POINTER, _INT)
        found.opus_decode.argtypes = (_POINTER, ctypes.c_char_p, _INT, _POINTER, _INT, _INT)
        found.opus_encoder_init.argtypes = (_POINTER, _INT, _INT, _INT)
        found.opus_decoder_init.argtypes = (_POINTER, _INT, _INT)
        return found
    raise NoOpus("Opus needs libopus, which was not found on this machine")


class OpusDecoder:
    """Payloads of one stream to mono samples at `rate`."""

    __slots__ = ("_call", "_lost", "_memory", "_most", "_rate", "_samples", "_state")

    def __init__(self, rate: int = 16000) -> None:
        opus = library()
        self._most = int(rate * _MAX_SECONDS)
        size = opus.opus_decoder_get_size(1)
        self._memory = ctypes.create_string_buffer(size + 2 * self._most)
        # as plain addresses, which are quicker to pass on than objects
        self._state = ctypes.addressof(self._memory)
        self._samples = self._state + size
        if opus.opus_decoder_init(self._state, rate, 1):
            raise ValueError(f"Opus has no rate of {rate} Hz")
        self._call = opus.opus_decode
        self._rate = rate
        self._lost = 0  # samples since the last packet

    def decode(self, payload: bytes | bytearray | memoryview) -> bytes:
        data = bytes(payload)
        # libopus takes an empty one for a lost one
        if not data:
            return b""
        count = self._call(self._state, data, len(data), self._samples, self._most, 0)
        self._lost = 0
        return ctypes.string_at(self._samples, 2 * count) if count > 0 else b""

    def conceal(self, samples: int, after: bytes | bytearray | memoryview = b"") -> bytes:
        step = self._rate // 400  # 2.5 ms
        whole = min(samples - samples % step, self._most)
        count = 0
        self._lost += samples
        # libopus would hold a note for seconds
        if whole and self._lost <= self._rate * _CONCEALED_SECONDS:
            if after:
                # RFC 6716 2.1.7: what came after a lost packet may hold a coarser copy of it; libopus conceals the
                # whole when there is none
                data = bytes(after)
                count = self._call(self._state, data, len(data), self._samples, whole, 1)
            if count <= 0:
                count = self._call(self._state, None, 0, self._samples, whole, 0)
        sound = ctypes.string_at(self._samples, 2 * count) if count > 0 else b""
        return sound.ljust(2 * samples, b"\0")


class OpusEncoder:
    """20 ms frames of mono samples at `rate` to payloads. `prompt`: encoded once, and it may be music."""

    __slots__ = ("_call", "_count", "_memory", "_packet", "_rate", "_state", "protects")

    def __init__(self, rate: int = 16000, *, prompt: bool = False) -> None:
        if rate not in _BITS:
            raise ValueError(f"Opus is sent at 8 or 16 kHz, not at {rate} Hz")
        opus = library()
        size = opus.opus_encoder_get_size(1)
        self._memory = ctypes.create_string_buffer(size + MAX_PACKET_BYTES)
        self._state = ctypes.addressof(self._memory)
        self._packet = self._state + size
        self._rate = rate
        self._call = opus.opus_encode
        self._count = rate // 50
        self.protects = False
        if prompt:
            self._begin(_AUDIO, {_SET_COMPLEXITY: _PROMPT_EFFORT})
        else:
            self._begin(_LOW_DELAY, {_SET_COMPLEXITY: _CALL_EFFORT})

    def protect(self, on: bool) -> None:
        """From now on each packet holds a coarse copy of the frame before it, for a peer who loses packets; or no more.
        Only SILK can do that, at twice the cost."""
        if on != self.protects:
            self.protects = on
            if on:
                more = {_SET_COMPLEXITY: _CALL_EFFORT, _SET_FEC: 1, _SET_LOSS: _EXPECTED_LOSS}
                self._begin(_VOIP, more)
            else:
                self._begin(_LOW_DELAY, {_SET_COMPLEXITY: _CALL_EFFORT})

    def _begin(self, kind: int, settings: dict[int, int]) -> None:
        opus = library()
        failed = opus.opus_encoder_init(self._state, self._rate, 1, kind)
        assert not failed, "libopus refused a rate it must know"
        for request, value in {_SET_BITRATE: _BITS[self._rate], **settings}.items():
            failed = opus.opus_encoder_ctl(_POINTER(self._state), _INT(request), _INT(value))
            assert not failed, f"libopus refused setting {request}"

    def encode(self, samples: bytes) -> bytes:
        assert len(samples) == 2 * self._count, "a frame is 20 ms"
        size = self._call(self._state, samples, self._count, self._packet, MAX_PACKET_BYTES)
        assert size > 0, "libopus encodes every frame"
        return ctypes.string_at(self._packet, size)
