"""Tones that phones speak, and how much of each is in what a phone hears."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from tests.media.harness import TIMEOUT, Phone

from softswitch.media import g711, rtp

RATE = 8000
AMPLITUDE = 6000.0


def tone(frequency: float, number: int, amplitude: float = AMPLITUDE, law: int = 0, size: int = 160) -> bytes:
    """The `number`th frame of a tone, as u-law (0) or A-law (8)."""
    first = number * size
    turn = 2 * math.pi * frequency / RATE
    samples = (amplitude * np.sin(turn * np.arange(first, first + size))).astype(np.int16)
    return g711.linear_to_ulaw(samples) if law == 0 else g711.linear_to_alaw(samples)


def decoded(payloads: Iterable[bytes], law: int = 0) -> list[int]:
    whole = b"".join(payloads)
    found = g711.ulaw_to_linear(whole) if law == 0 else g711.alaw_to_linear(whole)
    return [int(value) for value in found]


def level(samples: list[int], frequency: float) -> float:
    """The amplitude of one frequency (Goertzel)."""
    turn = 2 * math.pi * frequency / RATE
    factor, one, two = 2 * math.cos(turn), 0.0, 0.0
    for value in samples:
        one, two = value + factor * one - two, one
    power = one * one + two * two - factor * one * two
    return 2 * math.sqrt(max(power, 0.0)) / len(samples)


def jump(samples: list[int]) -> int:
    """The largest step from one sample to the next."""
    return max(abs(b - a) for a, b in pairwise(samples))


def heard_now(phone: Phone) -> list[tuple[rtp.RtpPacket, bytes]]:
    """What has come to this phone and was not looked at yet: a steady stream does not wait for a busy test."""
    found = []
    phone.sock.setblocking(False)
    try:
        while True:
            found.append(phone.hear())
    except BlockingIOError:
        return found
    finally:
        phone.sock.settimeout(TIMEOUT)
