"""From payloads to samples and back, for those calls that need it: transcoding, mixing, listening for tones.

Samples are signed 16 bit, native order, mono, at the codec's `rate` unless another one is asked for; a frame is 20 ms.
A coder belongs to one direction of one stream, for G.722 and Opus remember what was before. Opus and G.722 are loaded
when the first of their coders is made, or ahead of the calls by `prepare`.
"""

from __future__ import annotations

import audioop
import logging
from functools import cache
from typing import Final, Protocol

from softswitch.media.codecs import CODECS, G722, OPUS, PCMA, PCMU, STATIC, Codec
from softswitch.media.messages import SetRemote
from softswitch.media.worker.concealment import Concealer

log = logging.getLogger(__name__)

RATES: Final = (8000, 16000)  # of the samples that all coders have


class Decoder(Protocol):
    def decode(self, payload: bytes | bytearray | memoryview) -> bytes:
        """The samples of one packet, of whatever length; empty for a payload that is none."""

    def conceal(self, samples: int, after: bytes | bytearray | memoryview = b"") -> bytes:
        """What may be heard in place of packets that never came. `after`: the payload that came next, for Opus may
        have a copy of the lost one in it."""


class Encoder(Protocol):
    def encode(self, samples: bytes) -> bytes:
        """The payload of one 20 ms frame."""


class UlawDecoder:
    __slots__ = ("_concealer",)

    def __init__(self) -> None:
        self._concealer = Concealer(8000)

    def decode(self, payload: bytes | bytearray | memoryview) -> bytes:
        return self._concealer.heard(audioop.ulaw2lin(payload, 2))

    def conceal(self, samples: int, after: bytes | bytearray | memoryview = b"") -> bytes:
        return self._concealer.conceal(samples)


class AlawDecoder:
    __slots__ = ("_concealer",)

    def __init__(self) -> None:
        self._concealer = Concealer(8000)

    def decode(self, payload: bytes | bytearray | memoryview) -> bytes:
        return self._concealer.heard(audioop.alaw2lin(payload, 2))

    def conceal(self, samples: int, after: bytes | bytearray | memoryview = b"") -> bytes:
        return self._concealer.conceal(samples)


class UlawEncoder:
    __slots__ = ()

    def encode(self, samples: bytes) -> bytes:
        return audioop.lin2ulaw(samples, 2)


class AlawEncoder:
    __slots__ = ()

    def encode(self, samples: bytes) -> bytes:
        return audioop.lin2alaw(samples, 2)


class _DecoderAtRate:
    """A decoder whose samples are converted from the codec's rate to the other one."""

    __slots__ = ("_convert", "_decoder", "_up")

    def __init__(self, inner: Decoder, *, up: bool) -> None:
        from softswitch.media.worker.rates import Converter

        self._decoder = inner
        self._convert = Converter(up=up).convert
        self._up = up

    def decode(self, payload: bytes | bytearray | memoryview) -> bytes:
        return self._convert(self._decoder.decode(payload))

    def conceal(self, samples: int, after: bytes | bytearray | memoryview = b"") -> bytes:
        return self._convert(self._decoder.conceal(samples // 2 if self._up else 2 * samples, after))


class _EncoderAtRate:
    __slots__ = ("_convert", "_encoder")

    def __init__(self, inner: Encoder, *, up: bool) -> None:
        from softswitch.media.worker.rates import Converter

        self._encoder = inner
        self._convert = Converter(up=up).convert

    def encode(self, samples: bytes) -> bytes:
        return self._encoder.encode(self._convert(samples))


def spoken(remote: SetRemote | None) -> Codec:
    """The codec agreed with a leg; PCMU while nothing is. `ValueError`: it is none of ours."""
    if remote is None:
        return PCMU
    codec = CODECS.get(remote.codec) if remote.codec else STATIC.get(remote.payload_type)
    if codec is None:
        raise ValueError(f"no codec {remote.codec!r} of payload type {remote.payload_type}")
    return codec


def decoder(codec: Codec, rate: int = 0) -> Decoder:
    """A new decoder to samples at `rate` (0: the codec's own). `ValueError`: this machine has none."""
    rate = _checked(codec, rate)
    if codec is OPUS:
        from softswitch.media.worker.opus import OpusDecoder

        return OpusDecoder(rate)
    if rate != codec.rate:
        return _DecoderAtRate(decoder(codec), up=rate > codec.rate)
    if codec is PCMU:
        return UlawDecoder()
    if codec is PCMA:
        return AlawDecoder()
    if codec is G722:
        from softswitch.media.worker.g722 import G722Decoder

        return G722Decoder()
    raise ValueError(f"no decoder for {codec.name}")


def encoder(codec: Codec, rate: int = 0, *, prompt: bool = False) -> Encoder:
    """A new encoder of samples at `rate` (0: the codec's own). `prompt`: its frames are kept and sent many times, so
    they may cost more. `ValueError`: this machine has none."""
    rate = _checked(codec, rate)
    if codec is OPUS:
        from softswitch.media.worker.opus import OpusEncoder

        return OpusEncoder(rate, prompt=prompt)
    if rate != codec.rate:
        return _EncoderAtRate(encoder(codec), up=rate < codec.rate)
    if codec is PCMU:
        return UlawEncoder()
    if codec is PCMA:
        return AlawEncoder()
    if codec is G722:
        from softswitch.media.worker.g722 import G722Encoder

        return G722Encoder()
    raise ValueError(f"no encoder for {codec.name}")


def _checked(codec: Codec, rate: int) -> int:
    if rate not in (0, *RATES):
        raise ValueError(f"samples are at {RATES} Hz, not at {rate}")
    return rate or codec.rate


@cache
def ready(codec: Codec) -> None:
    """Load what the coders of this codec need, once. `ValueError`: this machine has not got it."""
    for rate in RATES if codec in (G722, OPUS) else ():
        decoder(codec, rate)
        encoder(codec, rate)


def prepare(names: tuple[str, ...]) -> None:
    """Load the coders of all these codecs, before there is a call. What is missing is said once, and again by each leg
    that fails for it."""
    for name in names:
        codec = CODECS.get(name)
        try:
            if codec is not None:
                ready(codec)
        except (ValueError, ImportError) as error:
            log.error("%s cannot be spoken here: %s", name, error)
