"""G.722 at 64 kbit/s by the codec of FFmpeg (PyAV): 16 kHz samples, one byte for two of them.

Any byte is a valid code word, so nothing a peer sends can fail; both directions remember what was before.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, Literal

from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.packet import Packet

from softswitch.media.worker.concealment import Concealer

RATE: Final = 16000
FRAME_SAMPLES: Final = RATE // 50


def _context(mode: Literal["r", "w"]) -> AudioCodecContext:
    context = AudioCodecContext.create("g722", mode)
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = RATE
    context.layout = "mono"
    context.format = "s16"
    context.thread_count = 1
    if mode == "w":
        context.time_base = Fraction(1, RATE)
    return context


class G722Decoder:
    __slots__ = ("_concealer", "_context")

    def __init__(self) -> None:
        self._context = _context("r")
        self._concealer = Concealer(RATE)

    def decode(self, payload: bytes | bytearray | memoryview) -> bytes:
        # FFmpeg takes an empty packet for the end of the stream
        if not len(payload):
            return b""
        frames = self._context.decode(Packet(bytes(payload)))
        samples = b"".join(bytes(frame.planes[0])[: 2 * frame.samples] for frame in frames)
        return self._concealer.heard(samples)

    def conceal(self, samples: int, after: bytes | bytearray | memoryview = b"") -> bytes:
        return self._concealer.conceal(samples)


class G722Encoder:
    __slots__ = ("_context", "_frame", "_plane")

    def __init__(self) -> None:
        self._context = _context("w")
        self._frame = AudioFrame(format="s16", layout="mono", samples=FRAME_SAMPLES)
        self._frame.sample_rate = RATE
        self._plane = self._frame.planes[0]

    def encode(self, samples: bytes) -> bytes:
        assert len(samples) == 2 * FRAME_SAMPLES, "a frame is 20 ms"
        self._plane.update(samples)
        return b"".join(bytes(packet) for packet in self._context.encode(self._frame))
