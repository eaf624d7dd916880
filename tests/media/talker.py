"""Phones of any codec, and tones for them to say."""

from __future__ import annotations

import numpy as np
from tests.media.harness import Phone, Worker

from softswitch.media import rtp
from softswitch.media.codecs import Codec
from softswitch.media.messages import SetRemote


class Talker(Phone):
    """A phone of any codec."""

    def __init__(self, worker: Worker, codec: Codec, kind: int = -1, *, comfort: int = -1, clock: int = 0) -> None:
        self.codec, self.comfort = codec, comfort
        self.events = clock or codec.clock
        kind = kind if kind >= 0 else codec.static if codec.static >= 0 else 111
        super().__init__(worker, kind)

    def remote(self, *, send: bool = True, receive: bool = True, host: str = "127.0.0.1", port: int = 0) -> None:
        types = self.payload_type, self.dtmf_type
        more = self.codec.name, self.events, self.comfort
        self.worker.send(SetRemote(self.leg, host, port or self.port, *types, send, receive, *more))
        self.worker.settle()

    def say(self, payload: bytes, step: int = 0, *, kind: int = -1) -> None:
        """One packet; the next one is `step` later, else 20 ms."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        kind = self.payload_type if kind < 0 else kind
        self.throw(rtp.build(kind, self.sequence, self.timestamp, self.ssrc, payload))
        self.timestamp = (self.timestamp + (step or self.codec.step)) & 0xFFFFFFFF


def tone(hertz: float, rate: int, count: int) -> list[bytes]:
    """Frames of 20 ms."""
    sound = (8000 * np.sin(2 * np.pi * hertz * np.arange(rate // 50 * count) / rate)).astype(np.int16)
    return [piece.tobytes() for piece in sound.reshape(count, -1)]


def strength(samples: bytes, hertz: float, rate: int) -> float:
    sound = np.frombuffer(samples, np.int16).astype(np.float64)[len(samples) // 8 :]
    return float(2 * abs((sound * np.exp(-2j * np.pi * hertz * np.arange(len(sound)) / rate)).mean()))
