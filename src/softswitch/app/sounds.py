"""What callers hear that is no person: prompts made at start, speech made during calls, files that are read again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from softswitch.call.board import Board
from softswitch.call.errors import StartError
from softswitch.call.prompts import PromptCatalog
from softswitch.call.settings import Settings
from softswitch.runtime.prompt_library import Progress, build_catalog
from softswitch.runtime.tts_live import LiveSpeechMaker
from softswitch.runtime.tts_voices import voices_of

log = structlog.get_logger()


class Sounds:
    """One for each switch."""

    def __init__(self, settings: Settings, post: Callable[[Any], None]) -> None:
        self._settings = settings
        self._voices = voices_of(settings)
        self._reading: asyncio.Task[None] | None = None
        self.live = LiveSpeechMaker(settings, self._voices, post)

    async def catalog(self, progress: Progress | None = None) -> PromptCatalog:
        return await build_catalog(self._settings, progress, voices=self._voices)

    def read_again(self, board: Board) -> None:
        """Audio files and folders of music as they are now; whoever listens hears the old sound to its end."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read(board), name="sounds")

    async def _read(self, board: Board) -> None:
        try:
            board.renew_catalog(await self.catalog())
        except StartError as problem:
            log.error("sounds could not be read again, the old ones stay", problem=str(problem))
        else:
            log.info("sounds read again")

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self.live.close()
