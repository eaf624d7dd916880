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
_ANCHORS = 3  # one of so many first pieces must be there: the very first may be cut by a late start
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


def describe(recording: Recording) -> str:
    """The last second in a few words, for a message about what was heard instead."""
    last = recording.samples[-RATE:]
    level = float(np.sqrt(np.mean(last**2))) if len(last) else 0.0
    if level < _QUIET:
        return f"{recording.seconds:.1f} s, silence at the end"
    spectrum = np.abs(np.fft.rfft(last * np.hanning(len(last))))
    loudest = int(np.argmax(spectrum)) * RATE / len(last)
    return f"{recording.seconds:.1f} s, at the end mostly {loudest:.0f} Hz at {20 * math.log10(level):.0f} dB"


class _Correlator:
    """Normalised cross-correlation of pieces with one recording, by FFT."""

    def __init__(self, samples: Samples, longest_piece: int) -> None:
        self._samples = len(samples)
        self._size = 1 << (len(samples) + longest_piece - 1).bit_length()
        self._spectrum = np.fft.rfft(samples, self._size)
        self._squares = np.concatenate(([0.0], np.cumsum(samples.astype(np.float64) ** 2)))

    def at_every_place(self, piece: Samples) -> NDArray[np.float64]:
        places = self._samples - len(piece) + 1
        dot = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(piece, self._size)), self._size)[:places]
        energy = np.maximum(self._squares[len(piece) :] - self._squares[: -len(piece)], len(piece) * _QUIET**2)
        return np.asarray(dot / np.sqrt(energy * float(np.sum(piece.astype(np.float64) ** 2))))


def _pieces(prompt: Prompt) -> list[tuple[int, Samples]]:
    """The parts of a prompt in which something sounds, with their places."""
    cut = ((start, prompt.samples[start : start + _PIECE]) for start in range(0, len(prompt.samples), _PIECE))
    return [
        (start, piece)
        for start, piece in cut
        if len(piece) >= _PIECE // 4 and float(np.sqrt(np.mean(piece**2))) > 2 * _QUIET
    ]


def likeness(recording: Recording, prompt: Prompt) -> tuple[float, Heard]:
    """How much the recording sounds like the whole of this prompt where it does so most (1: it is there), and where:
    to tell which of several similar prompts was played."""
    match = _Correlator(recording.samples, len(prompt.samples)).at_every_place(prompt.samples)
    place = int(np.argmax(match))
    began = recording.began + place / RATE
    return float(match[place]), Heard(began, began + prompt.seconds)


def find_prompt(recording: Recording, prompt: Prompt, *, since: float = -math.inf) -> Heard | None:
    """Where this prompt is heard, and which share of it; None when none of its first pieces is."""
    part = recording.since(since) if since > recording.began else recording
    pieces = _pieces(prompt)
    if not pieces or len(part.samples) < _PIECE:
        return None
    everywhere = _Correlator(part.samples, _PIECE)
    origin = None
    for start, piece in pieces[:_ANCHORS]:
        match = everywhere.at_every_place(piece)
        place = int(np.argmax(match))
        if match[place] >= _SAME:
            origin = place - start
            break
    if origin is None:
        return None
    heard, end = 0, max(0, origin)
    for start, piece in pieces:
        low = max(0, origin + start - _SLACK)
        around = part.samples[low : max(0, origin + start + len(piece) + _SLACK)]
        if len(around) < len(piece):
            continue
        if float(np.max(_Correlator(around, len(piece)).at_every_place(piece))) >= _SAME:
            heard += 1
            end = origin + start + len(piece)
    return Heard(part.began + max(0, origin) / RATE, part.began + end / RATE, heard / len(pieces))
