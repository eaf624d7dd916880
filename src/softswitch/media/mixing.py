"""Arithmetic of mixing: sums that do not clip, levels, and changes without a click.

A frame is 20 ms of signed 16 bit samples, native order, mono, as bytes. What happens 50 times a second for each party
is done by C (`audioop`); only the 10 ms in which something changes are walked through sample by sample.
"""

from __future__ import annotations

import audioop
from array import array
from collections.abc import Iterable

FULL = 32767  # the loudest sample
CHANGE_SECONDS = 0.010  # how long a change takes
DUCKED = 0.25  # voices below an announcement
_RISE = 1.03  # in 20 ms: what was turned down comes back by 13 dB a second

Part = tuple[bytes, float]  # a frame and its level; 1.0: as it is


def mix(parts: Iterable[Part], ease: float = 1.0) -> bytes:
    """The sum, times `ease`; empty without parts. It clips (and never wraps) where `ease` is more than `headroom`."""
    total = b""
    for frame, level in parts:
        level *= ease
        scaled = frame if level == 1.0 else audioop.mul(frame, 2, level)
        total = audioop.add(total, scaled, 2) if total else scaled
    return total


def headroom(loud: float, ease: float = 1.0) -> float:
    """How far a sum is to be turned down whose parts reach `loud` together, so that it cannot clip: at once when it
    must be, and slowly up again. `ease` is what it was 20 ms ago."""
    wanted = 1.0 if loud <= FULL else FULL / loud
    return min(wanted, ease * _RISE)


def crossfade(before: bytes, after: bytes, samples: int) -> bytes:
    """`before` becomes `after` in the first so many samples; the rest is `after`."""
    old, new = memoryview(before).cast("h"), memoryview(after).cast("h")
    count = min(samples, len(old), len(new))
    steps = range(1, count + 1)
    whole = count + 1
    mixed = array("h", [(x * (whole - n) + y * n) // whole for x, y, n in zip(old, new, steps, strict=False)])
    return mixed.tobytes() + after[2 * count :]


def ramped(frame: bytes, begin: float, end: float) -> bytes:
    """From one level to another, evenly over the frame."""
    values = memoryview(frame).cast("h")
    step = (end - begin) / len(values)
    return array("h", [int(value * (begin + step * n)) for n, value in enumerate(values)]).tobytes()


def continued(frame: bytes) -> bytes:
    """A frame that goes on where this one ends without a jump: the same, backwards."""
    return audioop.reverse(frame, 2)
