"""From any audio file to what a telephone line carries: 8 kHz, one channel, even loudness, u-law; 16 kHz besides.

    file --soundfile, PyAV--> mono --soxr--> 8 kHz --level--> -20 dBFS --pydub--> trimmed, faded --> u-law

Loudness is the RMS of the parts where something is heard (as ITU-T P.56 means it), so that a pause in a text does
not make it louder. pydub cuts and fades; it never resamples (it aliases) and needs no ffmpeg here.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]  # one channel, full scale is 1.0

LINE_RATE = 8000
WIDE_RATE = 16000  # of the codecs that carry more than a telephone line did
FRAME_BYTES = 160  # 20 ms of G.711
WIDE_FRAME_BYTES = 2 * WIDE_RATE // 50
ULAW_SILENCE = 0xFF

# Part of the name of everything in the prompt cache: raise it when the same file would come out differently.
TREATMENT_VERSION = 2

_LONGEST_SECONDS = 900.0
_MOST_SAMPLES = 900 * 96_000  # of one channel: what takes a few kilobytes as a file may take gigabytes here
_MOST_CHANNELS = 64
_LARGEST_BYTES = 600 << 20
_LOWEST_RATE, _HIGHEST_RATE = 1000, 768_000
_BLOCK = 1 << 16
# What PyAV may take a file for: containers of sound, none that names other files.
_CONTAINERS = "mov,mp4,m4a,aac,mp3,ogg,flac,wav,aiff,matroska,webm,amr,au,caf,w64"
_GATE = 0.05  # frames quieter than this part of the loudest one are pauses
_MOST_GAIN = 10.0 ** (30.0 / 20.0)  # a nearly silent file is left quiet: its noise is not amplified without end
_PEAK = 10.0 ** (-1.0 / 20.0)
_HEARD_DBFS = -45.0
_FADE_MS = 8


_NO_AUDIO_FILE = "it is not a WAV, MP3, OGG, FLAC, Opus or M4A file"


class UnreadableAudio(Exception):
    """`str()` says why, without the file's name."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """`trim`: cut silence off both ends, leaving `lead_ms` and `tail_ms`; with `adds` these are put there when the
    audio had less. Music is only levelled."""

    loudness_dbfs: float = -20.0
    trim: bool = True
    lead_ms: int = 20
    tail_ms: int = 60
    adds: bool = True


SPOKEN_FILE = Treatment(tail_ms=120, adds=False)
MUSIC_FILE = Treatment(loudness_dbfs=-26.0, trim=False)


def file_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise UnreadableAudio(f"it is larger than {_LARGEST_BYTES >> 20} MB")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableAudio(error.strerror or type(error).__name__) from error


def read_file(path: Path) -> tuple[Samples, int]:
    """Samples and rate of an audio file."""
    return decode(file_bytes(path))


def decode(data: bytes) -> tuple[Samples, int]:
    """One channel, the mean of all, at the rate of the file."""
    import numpy as np
    import soundfile

    try:
        parts, rate = _by_soundfile(data)
    except soundfile.SoundFileError:
        parts, rate = _by_av(data)
    except (ValueError, RuntimeError, MemoryError) as error:
        raise UnreadableAudio(_NO_AUDIO_FILE) from error
    if not sum(map(len, parts)):
        raise UnreadableAudio("it contains no audio")
    return np.concatenate(parts), rate


def _by_soundfile(data: bytes) -> tuple[list[Samples], int]:
    import soundfile

    with soundfile.SoundFile(io.BytesIO(data)) as file:
        if file.channels > _MOST_CHANNELS:
            raise UnreadableAudio(f"it has {file.channels} channels, more than {_MOST_CHANNELS}")
        rate = _sane(int(file.samplerate), file.frames)
        return [block.mean(axis=1) for block in file.blocks(_BLOCK, dtype="float32", always_2d=True)], rate


def _sane(rate: int, frames: int) -> int:
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise UnreadableAudio(f"its sampling rate of {rate} Hz cannot be right")
    if frames > _LONGEST_SECONDS * rate:
        raise UnreadableAudio(f"it is longer than {_LONGEST_SECONDS / 60:.0f} minutes")
    if frames > _MOST_SAMPLES:
        raise UnreadableAudio(f"it is longer than {_MOST_SAMPLES // rate // 60} minutes, at {rate} Hz")
    return rate


def _by_av(data: bytes) -> tuple[list[Samples], int]:
    """M4A, AAC and what else soundfile does not know."""
    import av
    import numpy as np

    parts: list[Samples] = []
    rate = frames = 0
    try:
        only = {"format_whitelist": _CONTAINERS, "protocol_whitelist": ""}
        with av.open(io.BytesIO(data), mode="r", options=only) as container:
            if not container.streams.audio:
                raise UnreadableAudio("it contains no audio")
            planar = av.AudioResampler(format="fltp")
            for frame in container.decode(audio=0):
                for part in planar.resample(frame):
                    frames += part.samples
                    rate = _sane(part.sample_rate, frames)
                    parts.append(np.asarray(part.to_ndarray().mean(axis=0), dtype=np.float32))
    except (av.FFmpegError, ValueError, MemoryError) as error:
        if not parts:  # the rest of a cut file is played
            raise UnreadableAudio(_NO_AUDIO_FILE) from error
    return parts, rate


def to_line(samples: Samples, rate: int, treatment: Treatment, line_rate: int = LINE_RATE) -> Samples:
    """Samples at 8 kHz (or what is asked for), levelled and trimmed."""
    import numpy as np
    import soxr

    samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    if rate != line_rate:
        samples = soxr.resample(samples, rate, line_rate, quality="VHQ")
    if not len(samples):  # less than one sample of the line
        samples = np.zeros(1, np.float32)
    levelled = level(samples - samples.mean(dtype=np.float64), treatment.loudness_dbfs, line_rate)
    return _trim(levelled, treatment, line_rate) if treatment.trim else levelled


def loudness(samples: Samples, rate: int = LINE_RATE) -> float:
    """RMS of the frames where something is heard; 0.0 for silence."""
    import numpy as np

    size = rate // 50
    whole = len(samples) // size * size
    frames = samples[:whole].reshape(-1, size) if whole else samples.reshape(1, -1)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    heard = power[power >= power.max() * _GATE**2]
    return float(np.sqrt(heard.mean()))


def level(samples: Samples, loudness_dbfs: float, rate: int = LINE_RATE) -> Samples:
    """Bring to this loudness, or as near as peaks below -1 dBFS and a sensible gain allow."""
    import numpy as np

    now = loudness(samples, rate)
    if now == 0.0:
        return samples
    gain = min(10.0 ** (loudness_dbfs / 20.0) / now, _PEAK / float(np.abs(samples).max()), _MOST_GAIN)
    return np.asarray(samples * gain, dtype=np.float32)


def to_ulaw(samples: Samples) -> bytes:
    """G.711 u-law in whole frames; the last one is filled up with silence."""
    import numpy as np

    from softswitch.media.g711 import linear_to_ulaw

    linear = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    encoded = linear_to_ulaw(linear)
    return encoded + bytes([ULAW_SILENCE]) * (-len(encoded) % FRAME_BYTES)


def to_s16(samples: Samples) -> bytes:
    """16-bit samples, little-endian, in whole frames of 20 ms at 16 kHz; the last one is filled up with silence."""
    import numpy as np

    linear: bytes = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()
    return linear + bytes(-len(linear) % WIDE_FRAME_BYTES)


def _trim(samples: Samples, treatment: Treatment, rate: int) -> Samples:
    import numpy as np

    pydub = _pydub()
    linear = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    audio: Any = pydub.AudioSegment(linear.tobytes(), sample_width=2, frame_rate=rate, channels=1)
    detect = pydub.silence.detect_leading_silence
    before = detect(audio, silence_threshold=_HEARD_DBFS, chunk_size=5)
    if before >= len(audio):
        return samples  # nothing but silence: somebody wants a pause
    behind = detect(audio.reverse(), silence_threshold=_HEARD_DBFS, chunk_size=5)
    audio = audio[max(0, before - _FADE_MS) : len(audio) - max(0, behind - _FADE_MS)]
    fade = min(_FADE_MS, len(audio) // 2)
    audio = audio.fade_in(fade).fade_out(fade)
    heard = np.frombuffer(audio.raw_data, dtype=np.int16).astype(np.float32) / 32768.0
    per_ms = rate // 1000
    lead, tail = treatment.lead_ms, treatment.tail_ms
    if not treatment.adds:
        lead, tail = min(lead, before), min(tail, behind)
    return np.concatenate([np.zeros(lead * per_ms, np.float32), heard, np.zeros(tail * per_ms, np.float32)])


@lru_cache(maxsize=1)
def _pydub() -> ModuleType:
    """pydub warns on import when ffmpeg is missing; it is only needed for what soundfile does here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pydub
        import pydub.silence
    return pydub  # type: ignore[no-any-return]
