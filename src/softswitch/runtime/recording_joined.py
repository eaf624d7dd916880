"""A recording heard as one, however many files it has: a WAV file that is nowhere on disk, made where it is read.

    file --until a process died--| silence: nobody recorded |--file ... (the times of the wall say where each begins)

Silence between two files is as long as it was, up to `MOST_SILENCE_SECONDS`: clocks are put right in the middle of a
call. Two files with one number are two halves of one timeline, each silent where the other is not: they are added up.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from softswitch.runtime.recording_catalogue import Known

MOST_SILENCE_SECONDS: Final = 300.0
FRAMES: Final = 16_384  # at once
_FRAME: Final = 4  # bytes: two channels of 16 bit
_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
_MOST: Final = 0xFFFFFFFF
_TAPS: Final = 31

Samples = NDArray[np.int16]


class JoinError(Exception):
    """One sentence without a full stop."""


class Bytes(Protocol):
    """An audio file, opened."""

    size: int

    def piece(self, begin: int, end: int) -> bytes: ...
    def close(self) -> None: ...


class _File(io.RawIOBase):
    """For the library that decodes. An exception cannot go through it: what goes wrong is kept in `failed`, and is the
    end of the file to it."""

    def __init__(self, audio: Bytes) -> None:
        super().__init__()
        self._audio = audio
        self._at = 0
        self._from, self._piece = 0, b""
        self.failed: Exception | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._audio.size}[whence] + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        read = 0
        try:
            while read < len(view) and self._at < self._audio.size:
                if not self._from <= self._at < self._from + len(self._piece):
                    self._from, self._piece = self._at, self._audio.piece(self._at, self._audio.size)
                    if not self._piece:
                        break
                begin = self._at - self._from
                part = self._piece[begin : begin + len(view) - read]
                view[read : read + len(part)] = part
                read += len(part)
                self._at += len(part)
        except Exception as error:
            self.failed = self.failed or error
        return read


class _Sound:
    """The samples of one file, at the rate of the whole."""

    def __init__(self, audio: Bytes, name: str) -> None:
        self.name = name
        self._file = _File(audio)
        try:
            self._sound = soundfile.SoundFile(self._file)
        except (soundfile.LibsndfileError, OSError) as error:
            raise JoinError(f"{name} cannot be read: {self._file.failed or error}") from None
        if self._file.failed is not None:
            raise JoinError(f"{name} cannot be read: {self._file.failed}")
        self.rate = int(self._sound.samplerate)
        self._at = 0
        self.times = 1  # the rate of the whole is so many times that of this file

    @property
    def frames(self) -> int:
        return int(self._sound.frames) * self.times

    def read(self, begin: int, end: int) -> Samples:
        if self.times == 1:
            return self._own(begin, end)
        # between the samples of this file, by a filter that lets all of them through as they are
        margin = _TAPS // self.times + 1
        first = begin // self.times - margin
        own = self._own(first, -(-end // self.times) + margin)
        wide = np.zeros((len(own) * self.times, 2), np.float64)
        wide[:: self.times] = own
        at = np.arange(-_TAPS, _TAPS + 1)
        kernel = np.sinc(at / self.times) * np.hanning(2 * _TAPS + 3)[1:-1]
        full = np.stack([np.convolve(wide[:, side], kernel, "same") for side in (0, 1)], axis=1)
        start = begin - first * self.times
        return np.clip(np.rint(full[start : start + end - begin]), -32768, 32767).astype(np.int16)

    def _own(self, begin: int, end: int) -> Samples:
        """What lies before the first and behind the last one is silence."""
        total = int(self._sound.frames)
        out = np.zeros((end - begin, 2), np.int16)
        first, behind = max(begin, 0), min(end, total)
        if first >= behind:
            return out
        try:
            if first != self._at:
                self._sound.seek(first)
            found = self._sound.read(behind - first, dtype="int16", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
            raise JoinError(f"{self.name} cannot be read: {self._file.failed or error}") from None
        self._at = first + len(found)
        if self._file.failed is not None or len(found) < behind - first:
            raise JoinError(f"{self.name} cannot be read: {self._file.failed or 'it ends too early'}")
        out[first - begin : behind - begin] = found
        return out


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one file lies in the whole. Before it: so much silence, and so long nobody recorded."""

    file: Known
    at: float
    seconds: float
    silence: float
    missing: float


def place(files: Iterable[tuple[Known, float]]) -> list[Placed]:
    """Files of one recording in order, each with its length in seconds. What is deleted is left out: a silence."""
    placed: list[Placed] = []
    end = ended = 0.0  # of what is placed: in the whole, and on the wall
    for known, seconds in files:
        if placed and placed[-1].file.recording == known.recording:  # the other half of the same timeline
            at = max(placed[-1].at + known.began_at - placed[-1].file.began_at, 0.0)
            silence = missing = 0.0
        else:
            missing = max(known.began_at - ended, 0.0) if placed else 0.0
            silence = min(missing, MOST_SILENCE_SECONDS)
            at = end + silence
        placed.append(Placed(known, round(at, 3), round(seconds, 3), round(silence, 3), round(missing, 3)))
        end, ended = max(end, at + seconds), max(ended, known.began_at + seconds)
    return placed


class Joined:
    """All files as one WAV file, 16 bit, stereo; pieces of it in any order. To be closed; then the files are, too."""

    content_type = "audio/wav"

    def __init__(self, files: Sequence[tuple[Known, Bytes]]) -> None:
        """Raises JoinError."""
        self._audios = [audio for _, audio in files]
        sounds = [_Sound(audio, known.path) for known, audio in files]
        self.rate = max(sound.rate for sound in sounds)
        for sound in sounds:
            sound.times = max(self.rate // sound.rate, 1)
        lengths = [(known, sound.frames / self.rate) for (known, _), sound in zip(files, sounds, strict=True)]
        self.placed = place(lengths)
        self._sounds = [(round(at.at * self.rate), sound) for at, sound in zip(self.placed, sounds, strict=True)]
        self.frames = max(at + sound.frames for at, sound in self._sounds)
        self._head = self._header()
        self.size = len(self._head) + self.frames * _FRAME

    def _header(self) -> bytes:
        data = self.frames * _FRAME
        sizes = min(_HEADER.size - 8 + data, _MOST), min(data, _MOST)  # players read on to the end of a longer one
        rate = self.rate
        return _HEADER.pack(
            b"RIFF", sizes[0], b"WAVE", b"fmt ", 16, 1, 2, rate, rate * _FRAME, _FRAME, 16, b"data", sizes[1]
        )

    def samples(self, begin: int, end: int) -> Samples:
        """Raises JoinError."""
        mixed = np.zeros((end - begin, 2), np.int32)
        for at, sound in self._sounds:
            first, behind = max(begin, at), min(end, at + sound.frames)
            if first < behind:
                mixed[first - begin : behind - begin] += sound.read(first - at, behind - at)
        return np.clip(mixed, -32768, 32767).astype(np.int16)

    def blocks(self) -> Iterator[Samples]:
        for at in range(0, self.frames, FRAMES):
            yield self.samples(at, min(at + FRAMES, self.frames))

    def piece(self, begin: int, end: int) -> bytes:
        """Some bytes from `begin` on, none from `end` on."""
        head = len(self._head)
        if begin < head:
            return self._head[begin:end]
        first = (begin - head) // _FRAME
        behind = min(-(-(end - head) // _FRAME), first + FRAMES, self.frames)
        if first >= behind:
            return b""
        data = self.samples(first, behind).astype("<i2").tobytes()
        skip = begin - head - first * _FRAME
        return data[skip : skip + end - begin]

    def pieces(self) -> Iterator[bytes]:
        at = 0
        while at < self.size:
            found = self.piece(at, self.size)
            yield found
            at += len(found)

    def close(self) -> None:
        for audio in self._audios:
            audio.close()

    def __enter__(self) -> Joined:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()
