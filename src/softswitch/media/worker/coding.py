"""From payloads to samples and back, for those calls that need it: transcoding, mixing, listening for tones.

Samples are signed 16 bit, native order, mono, at the codec's `rate`; a frame is 20 ms. A coder belongs to one direction
of one stream, for G.722 and Opus remember what was before.
"""

from __future__ import annotations

import audioop
from typing import Protocol

from softswitch.media.codecs import PCMA, PCMU, Codec


class Decoder(Protocol):
    def decode(self, payload: bytes | bytearray | memoryview) -> bytes:
        """The samples of one packet; empty for a payload that is none."""

    def conceal(self, samples: int) -> bytes:
        """What may be heard in place of a packet that never came."""


class Encoder(Protocol):
    def encode(self, samples: bytes) -> bytes:
        """The payload of one 20 ms frame."""


class UlawDecoder:
    def decode(self, payload: bytes | bytearray | memoryview) -> bytes:
        return audioop.ulaw2lin(payload, 2)

    def conceal(self, samples: int) -> bytes:
        return bytes(2 * samples)


class AlawDecoder:
    def decode(self, payload: bytes | bytearray | memoryview) -> bytes:
        return audioop.alaw2lin(payload, 2)

    def conceal(self, samples: int) -> bytes:
        return bytes(2 * samples)


class UlawEncoder:
    def encode(self, samples: bytes) -> bytes:
        return audioop.lin2ulaw(samples, 2)


class AlawEncoder:
    def encode(self, samples: bytes) -> bytes:
        return audioop.lin2alaw(samples, 2)


def decoder(codec: Codec) -> Decoder:
    """A new decoder. `ValueError`: there is none for this codec."""
    if codec is PCMU:
        return UlawDecoder()
    if codec is PCMA:
        return AlawDecoder()
    raise ValueError(f"no decoder for {codec.name}")


def encoder(codec: Codec) -> Encoder:
    """A new encoder. `ValueError`: there is none for this codec."""
    if codec is PCMU:
        return UlawEncoder()
    if codec is PCMA:
        return AlawEncoder()
    raise ValueError(f"no encoder for {codec.name}")
