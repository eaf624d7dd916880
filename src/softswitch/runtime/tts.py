"""Text to speech: the port that an engine fits into, and espeak-ng as a subprocess.

Most speech is made when the switch starts; what nobody knew then is made by `runtime.tts_live`. One process per text, a
few at a time, each with a deadline; the text goes in by stdin (never as an argument), the sound comes back on stdout.
Other engines: `runtime.tts_piper`, `runtime.tts_http`; which speaks what: `runtime.tts_voices`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from softswitch.runtime.audio_files import Samples

_AT_ONCE = 4
_TIMEOUT_SECONDS = 20.0
_LONGEST_TEXT = 4000
_MOST_SOUND = 64 << 20  # bytes: ten minutes and more, at any rate
_BLOCK = 1 << 16


class TtsError(Exception):
    """The engine could not speak this text. `str()` is one sentence."""


class TtsEngine(Protocol):
    name: str

    def available(self) -> bool:
        """Is the engine installed here?"""

    def voice(self, language: str) -> str:
        """What makes this engine's speech in this language what it is (part of the cache key); "" when it does
        not speak it."""

    async def render(self, text: str, language: str) -> tuple[Samples, int]:
        """Samples and their rate, or `TtsError`."""


class EspeakEngine:
    """espeak-ng, in the five languages of the demo line and any other voice of its own by language code."""

    name = "espeak-ng"
    VOICES: Mapping[str, tuple[str, int]] = {  # voice and variant, words per minute
        "en": ("en-gb+f3", 155),
        "et": ("et+f3", 145),
        "zh": ("cmn+f3", 160),
        "it": ("it+f3", 150),
        "cs": ("cs+f3", 145),
    }

    def __init__(
        self, program: str = "espeak-ng", at_once: int = _AT_ONCE, timeout_seconds: float = _TIMEOUT_SECONDS
    ) -> None:
        self._program = program
        self._timeout_seconds = timeout_seconds
        self._slots = asyncio.Semaphore(at_once)

    def available(self) -> bool:
        return shutil.which(self._program) is not None

    def voice(self, language: str) -> str:
        voice, speed = self._voice(language)
        return f"{voice}@{speed},"

    def _voice(self, language: str) -> tuple[str, int]:
        return self.VOICES.get(language) or self.VOICES.get(language.partition("-")[0]) or (f"{language}+f3", 150)

    async def render(self, text: str, language: str) -> tuple[Samples, int]:
        if len(text) > _LONGEST_TEXT:
            raise TtsError(f"a text of {len(text)} characters is too long (at most {_LONGEST_TEXT})")
        voice, speed = self._voice(language)
        arguments = ("-v", voice, "-s", str(speed), "-b", "1", "--stdin", "--stdout")
        async with self._slots:
            status, wav, complaint = await run_program(
                (self._program, *arguments), _with_melody(text).encode(), self._timeout_seconds
            )
        if status != 0:
            why = complaint.decode(errors="replace").strip().splitlines()
            raise TtsError(f"{self._program} cannot speak '{language}': {why[0] if why else f'exit status {status}'}")
        return _samples_of_stream(wav)


async def run_program(command: tuple[str, ...], text: bytes, timeout_seconds: float) -> tuple[int, bytes, bytes]:
    """Exit status, what it wrote, and what it complained of. It is killed when it takes too long or writes too much."""
    program, pipe = command[0], asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as error:
        raise TtsError(f"{program} cannot be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(timeout_seconds):
            sound, complaint, _ = await asyncio.gather(
                _sound(process), _complaint(process.stderr), _tell(process, text)
            )
            await process.wait()
            if len(sound) > _MOST_SOUND:
                raise TtsError(f"{program} wrote more than {_MOST_SOUND >> 20} MB for one text")
    except TimeoutError as error:
        raise TtsError(f"{program} took longer than {timeout_seconds:g} s for one text") from error
    finally:
        if process.returncode is None:
            await _end(process)
    assert process.returncode is not None
    return process.returncode, sound, complaint


def _kill(process: asyncio.subprocess.Process) -> None:
    """With whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Its end is only noticed behind everything that it wrote."""
    _kill(process)
    await asyncio.gather(_complaint(process.stdout), _complaint(process.stderr))
    await process.wait()


async def _tell(process: asyncio.subprocess.Process, text: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it does not want to hear it: its status says why
        process.stdin.write(text)
        await process.stdin.drain()
    process.stdin.close()


async def _sound(process: asyncio.subprocess.Process) -> bytes:
    """Everything; or a little more than it may be, and then it is killed."""
    assert process.stdout is not None
    found = bytearray()
    while block := await process.stdout.read(_BLOCK):
        if len(found) <= _MOST_SOUND:
            found += block
        else:
            _kill(process)
    return bytes(found)


async def _complaint(stream: asyncio.StreamReader | None) -> bytes:
    """The beginning of it; the rest is read, so that nobody waits for us, and forgotten."""
    assert stream is not None
    found = b""
    while block := await stream.read(_BLOCK):
        found = found or block
    return found


def _with_melody(text: str) -> str:
    """A text that is not a whole sentence goes on in the next prompt: it must not fall like the end of one."""
    return f"{text}," if text[-1:].isalnum() else text


def engine_named(name: str) -> TtsEngine | None:
    """The engine of the configuration's `tts`; None for "" (no speech is made)."""
    return EspeakEngine() if name == EspeakEngine.name else None


def _samples_of_stream(wav: bytes) -> tuple[Samples, int]:
    """16-bit mono WAV from a pipe: the writer could not know the length, so the sizes in it mean nothing."""
    import numpy as np

    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise TtsError("the speech engine did not answer with a WAV")
    rate, at = 0, 12
    while at + 8 <= len(wav):
        name, size = struct.unpack_from("<4sI", wav, at)
        at += 8
        if name == b"fmt " and at + 16 <= len(wav):
            coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", wav, at)
            if (coding, channels, bits) != (1, 1, 16):
                raise TtsError("the speech engine answered with another WAV than 16-bit mono")
        elif name == b"data":
            whole = (len(wav) - at) // 2 * 2
            if not rate or not whole:
                break
            return np.frombuffer(wav, dtype="<i2", count=whole // 2, offset=at).astype(np.float32) / 32768.0, rate
        at += size + size % 2
    raise TtsError("the speech engine answered with no sound")
