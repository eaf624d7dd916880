"""Piper as a subprocess: `piper --model VOICE.onnx --output-raw` takes a text on stdin and writes 16-bit samples.

Their rate stands in `VOICE.onnx.json` beside the model, which every voice of Piper has.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from softswitch.runtime.tts import TtsError, run_program

if TYPE_CHECKING:
    from softswitch.runtime.audio_files import Samples

_AT_ONCE = 2  # each process reads its model
_TIMEOUT_SECONDS = 30.0
_LONGEST_TEXT = 4000
_LOWEST_RATE, _HIGHEST_RATE = 8000, 48000


class PiperEngine:
    """One voice. `speaker`: of a model that has several."""

    name = "piper"

    def __init__(
        self,
        model: Path,
        speaker: int | None = None,
        program: str = "piper",
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._model = model
        self._speaker = speaker
        self._program = program
        self._timeout_seconds = timeout_seconds
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def available(self) -> bool:
        return shutil.which(self._program) is not None and self._model.is_file()

    def voice(self, language: str) -> str:
        return f"{self._model.name}/{self._speaker if self._speaker is not None else 0}"

    async def render(self, text: str, language: str) -> tuple[Samples, int]:
        import numpy as np

        if len(text) > _LONGEST_TEXT:
            raise TtsError(f"a text of {len(text)} characters is too long (at most {_LONGEST_TEXT})")
        rate = await asyncio.to_thread(self._rate)
        speaker = () if self._speaker is None else ("--speaker", str(self._speaker))
        command = (self._program, "--model", str(self._model), "--output-raw", *speaker)
        line = " ".join(text.split()) + "\n"  # each line is a text of its own for Piper
        async with self._slots:
            status, sound, complaint = await run_program(command, line.encode(), self._timeout_seconds)
        if status != 0:
            why = complaint.decode(errors="replace").strip().splitlines()
            raise TtsError(f"{self._program} cannot speak: {why[-1] if why else f'exit status {status}'}")
        whole = len(sound) // 2
        if not whole:
            raise TtsError(f"{self._program} answered with no sound")
        return np.frombuffer(sound, dtype="<i2", count=whole).astype(np.float32) / 32768.0, rate

    def _rate(self) -> int:
        about = self._model.with_name(self._model.name + ".json")
        try:
            rate = json.loads(about.read_text(encoding="utf-8"))["audio"]["sample_rate"]
        except OSError as error:
            raise TtsError(f"{about} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise TtsError(f"{about} does not say the sampling rate of the voice") from error
        if not isinstance(rate, int) or not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
            raise TtsError(f"the sampling rate {rate} in {about} cannot be right")
        return rate
