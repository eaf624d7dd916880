"""A speech server: POST {"text", "language", "voice"} as JSON, and an audio file comes back.

Only the configured address is asked: redirects are not followed, so that nobody is sent elsewhere. An answer has a
deadline and a largest size; what may pass by itself (no connection, 429, 5xx) is asked again, twice at most. The web
server of Piper understands these requests.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from softswitch.runtime.tts import TtsError

if TYPE_CHECKING:
    from softswitch.runtime.audio_files import Samples

_AT_ONCE = 4
_TIMEOUT_SECONDS = 20.0
_TRIES = 3
_PAUSE_SECONDS = 0.2  # before the second try; twice that before the third
_LARGEST_BYTES = 16 << 20
_LONGEST_TEXT = 4000
_BLOCK = 1 << 16


class _Passing(Exception):
    """It may go better the next time."""


class HttpEngine:
    """One voice of one server. `key` is sent as a bearer token."""

    name = "http"

    def __init__(self, url: str, voice: str = "", key: str = "", timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._url = url
        self._voice = voice
        self._headers = {"Accept": "audio/*"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._timeout_seconds = timeout_seconds
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def available(self) -> bool:
        return True  # whether it answers is seen when it is asked

    def voice(self, language: str) -> str:
        return f"{self._url} {self._voice} {language}"

    async def render(self, text: str, language: str) -> tuple[Samples, int]:
        from softswitch.runtime.audio_files import UnreadableAudio, decode

        if len(text) > _LONGEST_TEXT:
            raise TtsError(f"a text of {len(text)} characters is too long (at most {_LONGEST_TEXT})")
        asked = {"text": text, "language": language} | ({"voice": self._voice} if self._voice else {})
        async with self._slots:
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    data = await self._ask(asked)
            except TimeoutError as error:
                raise TtsError(f"{self._url} took longer than {self._timeout_seconds:g} s for one text") from error
        try:
            return await asyncio.to_thread(decode, data)
        except UnreadableAudio as error:
            raise TtsError(f"{self._url} answered with something else than audio: {error}") from error

    async def _ask(self, asked: dict[str, str]) -> bytes:
        why = ""
        for number in range(_TRIES):
            if number:
                await asyncio.sleep(_PAUSE_SECONDS * 2 ** (number - 1))
            try:
                return await self._once(asked)
            except (_Passing, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
                why = str(error) or type(error).__name__
            except aiohttp.ClientError as error:
                raise TtsError(f"{self._url}: {error}") from error
        raise TtsError(f"{self._url} could not be asked, {_TRIES} times: {why}")

    async def _once(self, asked: dict[str, str]) -> bytes:
        async with (
            aiohttp.ClientSession(headers=self._headers) as session,
            session.post(self._url, json=asked, allow_redirects=False) as answer,
        ):
            if answer.status == 429 or answer.status >= 500:
                raise _Passing(f"status {answer.status}")
            if answer.status != 200:
                raise TtsError(f"{self._url} answered with status {answer.status}")
            data = bytearray()
            async for block in answer.content.iter_chunked(_BLOCK):
                data += block
                if len(data) > _LARGEST_BYTES:
                    raise TtsError(f"{self._url} answered with more than {_LARGEST_BYTES >> 20} MB")
            return bytes(data)
