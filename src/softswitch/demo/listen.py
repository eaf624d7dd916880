"""Ears: what was heard, when, as evidence and not as a tale.

`tone_spans` finds a steady sine (windowed, one frequency bin against the whole energy of the frame); `speech_spans`
finds where anything is said; `find_prompt` finds a known prompt in a recording by normalised cross-correlation, piece
by piece, so that a prompt that was cut short is found too and the share that was heard can be told.
"""

from __future__ import annotations

import math
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000
Samples = NDArray[np.float32]

_FRAME = 320  # 40 ms, Hann window
_HOP = 160
_PIECE = RATE // 2  # prompts are matched in pieces of half a second
_SAME = 0.6  # normalised correlation from which on a piece counts as heard
_SLACK = RATE // 20  # pieces may be 50 ms out of step (a lost packet)
_QUIET = 0.003  # RMS below -50 dBFS is silence


def _u_law_table() -> NDArray[np.float32]:
    """G.711 u-law codes to amplitudes between -1 and 1 (ITU-T G.711 table 2a)."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 0x07)) - 0x84
    return (np.where(code & 0x80, -magnitude, magnitude) / 32768.0).astype(np.float32)


U_LAW = _u_law_table()


@dataclass(frozen=True, slots=True)
class Heard:
    """Something was heard from `began` to `ended`, in seconds of CLOCK_MONOTONIC."""

    began: float
    ended: float
    share: float = 1.0  # of a prompt: how much of it

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Prompt:
    """A known piece of audio, as it goes out on the wire."""

    name: str
    samples: Samples

    @staticmethod
    def from_u_law(name: str, data: bytes) -> Prompt:
        return Prompt(name, U_LAW[np.frombuffer(data, dtype=np.uint8)])

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


@dataclass(frozen=True, slots=True)
class Recording:
    """What a phone heard: samples, and the time of the first."""

    samples: Samples
    began: float

    @staticmethod
    def read(path: Path, began: float) -> Recording:
        data = path.read_bytes()
        pcm = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")
        return Recording((pcm / 32768.0).astype(np.float32), began)

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE

    def since(self, at: float) -> Recording:
        """The part from this time on."""
        skip = max(0, round((at - self.began) * RATE))
        return Recording(self.samples[skip:], self.began + skip / RATE)

    def save(self, path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((self.samples * 32767).astype("<i2").tobytes())


def _frames(samples: Samples) -> NDArray[np.float32]:
    if len(samples) < _FRAME:
        return np.zeros((0, _FRAME), dtype=np.float32)
    return np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]


def _spans(hit: NDArray[np.bool_], began: float, at_least_seconds: float) -> list[Heard]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], hit.astype(np.int8), [0]))))
    spans = []
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        start = began + first * _HOP / RATE
        end = began + ((after - 1) * _HOP + _FRAME) / RATE
        if end - start >= at_least_seconds:
            spans.append(Heard(float(start), float(end)))
    return spans


def tone_spans(
    recording: Recording, hertz: float, *, since: float = -math.inf, at_least_seconds: float = 0.2
) -> list[Heard]:
    """Where this tone, and little else, is heard. G.711 noise and the Hann window leave a pure tone well above the
    half of the energy that is asked for; speech, music and DTMF stay below it."""
    part = recording.since(since) if since > recording.began else recording
    frames = _frames(part.samples)
    window = np.hanning(_FRAME).astype(np.float32)
    turns = np.exp(-2j * np.pi * hertz / RATE * np.arange(_FRAME))
    bins = np.abs(frames @ (window * turns)) ** 2
    energy = (frames**2) @ (window**2) * float(np.sum(window**2))
    # A full-scale sine gives |bin|^2 = (sum w)^2 / 4 and energy = (sum w^2)^2 / 2.
    pure = (np.sum(window) ** 2 / 4) / (np.sum(window**2) ** 2 / 2)
    loud = np.sqrt(np.mean(frames**2, axis=1)) > _QUIET
    return _spans((bins > 0.5 * pure * energy) & loud, part.began, at_least_seconds)


def speech_spans(recording: Recording, *, since: float = -math.inf, at_least_seconds: float = 0.1) -> list[Heard]:
    """Where anything is heard."""
    part = recording.since(since) if since > recording.began else recording
    loud = np.sqrt(np.mean(_frames(part.samples) ** 2, axis=1)) > _QUIET
    return _spans(loud, part.began, at_least_seconds)


def _correlation(samples: Samples, piece: Samples) -> NDArray[np.float64]:
    """Normalised cross-correlation of the piece at every place of the samples, by FFT."""
    size = 1 << (len(samples) + len(piece) - 1).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(piece, size))
    dot = np.fft.irfft(spectrum, size)[: len(samples) - len(piece) + 1]
    squares = np.concatenate(([0.0], np.cumsum(samples.astype(np.float64) ** 2)))
    energy = np.maximum(squares[len(piece) :] - squares[: -len(piece)], 0.0)
    floor = len(piece) * _QUIET**2
    return np.asarray(dot / np.sqrt(np.maximum(energy, floor) * float(np.sum(piece.astype(np.float64) ** 2))))


def find_prompt(recording: Recording, prompt: Prompt, *, since: float = -math.inf) -> Heard | None:
    """Where this prompt is heard, and which share of it; None when not even its first sounding piece is."""
    part = recording.since(since) if since > recording.began else recording
    pieces = [
        (start, piece)
        for start in range(0, len(prompt.samples), _PIECE)
        if np.sqrt(np.mean((piece := prompt.samples[start : start + _PIECE]) ** 2)) > 2 * _QUIET
        and len(piece) >= _PIECE // 4
    ]
    if not pieces:
        return None
    first_start, first = pieces[0]
    if len(part.samples) < len(first):
        return None
    match = _correlation(part.samples, first)
    place = int(np.argmax(match))
    if match[place] < _SAME:
        return None
    origin = place - first_start
    heard, end = 0, place + len(first)
    for start, piece in pieces:
        low = max(0, origin + start - _SLACK)
        around = part.samples[low : origin + start + len(piece) + _SLACK]
        if len(around) >= len(piece) and float(np.max(_correlation(around, piece))) >= _SAME:
            heard += 1
            end = origin + start + len(piece)
    return Heard(part.began + max(0, origin) / RATE, part.began + end / RATE, heard / len(pieces))
