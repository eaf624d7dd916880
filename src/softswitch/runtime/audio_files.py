"""From any audio file to what a telephone line carries: 8 kHz, one channel, even loudness, u-law.

    file --soundfile--> samples --mean--> mono --soxr--> 8 kHz --level--> -20 dBFS --pydub--> trimmed, faded --> u-law

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
FRAME_BYTES = 160  # 20 ms of G.711
ULAW_SILENCE = 0xFF

# Part of the name of everything in the prompt cache: raise it when the same file would come out differently.
TREATMENT_VERSION = 1

_LONGEST_SECONDS = 900.0
_LARGEST_BYTES = 600 << 20
_LOWEST_RATE, _HIGHEST_RATE = 1000, 768_000
_BLOCK = 1 << 16
_GATE = 0.05  # frames quieter than this part of the loudest one are pauses
_MOST_GAIN = 10.0 ** (30.0 / 20.0)  # a nearly silent file is left quiet: its noise is not amplified without end
_PEAK = 10.0 ** (-1.0 / 20.0)
_HEARD_DBFS = -45.0
_FADE_MS = 8


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
    """Samples and rate of a WAV, MP3, OGG or FLAC file."""
    return decode(file_bytes(path))


def decode(data: bytes) -> tuple[Samples, int]:
    """One channel, the mean of all, at the rate of the file."""
    import numpy as np
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate = int(file.samplerate)
            if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
                raise UnreadableAudio(f"its sampling rate of {rate} Hz cannot be right")
            if file.frames > _LONGEST_SECONDS * rate:
                raise UnreadableAudio(f"it is longer than {_LONGEST_SECONDS / 60:.0f} minutes")
            parts = [block.mean(axis=1) for block in file.blocks(_BLOCK, dtype="float32", always_2d=True)]
    except (soundfile.SoundFileError, ValueError, RuntimeError, MemoryError) as error:
        raise UnreadableAudio("it is not a WAV, MP3, OGG or FLAC file") from error
    if not sum(map(len, parts)):
        raise UnreadableAudio("it contains no audio")
    return np.concatenate(parts), rate


def to_line(samples: Samples, rate: int, treatment: Treatment) -> Samples:
    """Samples at 8 kHz, levelled and trimmed."""
    import numpy as np
    import soxr

    samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    if rate != LINE_RATE:
        samples = soxr.resample(samples, rate, LINE_RATE, quality="VHQ")
    levelled = level(samples - samples.mean(dtype=np.float64), treatment.loudness_dbfs)
    return _trim(levelled, treatment) if treatment.trim else levelled


def loudness(samples: Samples) -> float:
    """RMS of the frames where something is heard; 0.0 for silence."""
    import numpy as np

    whole = len(samples) // FRAME_BYTES * FRAME_BYTES
    frames = samples[:whole].reshape(-1, FRAME_BYTES) if whole else samples.reshape(1, -1)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    heard = power[power >= power.max() * _GATE**2]
    return float(np.sqrt(heard.mean()))


def level(samples: Samples, loudness_dbfs: float) -> Samples:
    """Bring to this loudness, or as near as peaks below -1 dBFS and a sensible gain allow."""
    import numpy as np

    now = loudness(samples)
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


def _trim(samples: Samples, treatment: Treatment) -> Samples:
    import numpy as np

    pydub = _pydub()
    linear = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
    audio: Any = pydub.AudioSegment(linear.tobytes(), sample_width=2, frame_rate=LINE_RATE, channels=1)
    detect = pydub.silence.detect_leading_silence
    before = detect(audio, silence_threshold=_HEARD_DBFS, chunk_size=5)
    if before >= len(audio):
        return samples  # nothing but silence: somebody wants a pause
    behind = detect(audio.reverse(), silence_threshold=_HEARD_DBFS, chunk_size=5)
    audio = audio[max(0, before - _FADE_MS) : len(audio) - max(0, behind - _FADE_MS)]
    fade = min(_FADE_MS, len(audio) // 2)
    audio = audio.fade_in(fade).fade_out(fade)
    heard = np.frombuffer(audio.raw_data, dtype=np.int16).astype(np.float32) / 32768.0
    per_ms = LINE_RATE // 1000
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
