"""Speech during calls: what was not known when the switch started is rendered now, and kept on disk.

    MakeSpeech --known--> SpeechMade at once
               --not known--> engine --in time--> SpeechMade
                                     --too late--> SpeechMade without it; the engine goes on, for the next caller

Files lie in `said/` of the prompt cache, named by engine, voice and text as all prompts are; those that were used least
lately go when all together are larger than allowed. However slow an engine is, the loop never waits for it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import structlog

from softswitch.call.errors import StartError
from softswitch.call.live_speech import WITHIN_SECONDS, MakeSpeech, SpeechMade
from softswitch.call.prompts import Prompt
from softswitch.call.settings import Settings
from softswitch.ivr.messages import Segment
from softswitch.runtime.prompt_cache import PromptCache
from softswitch.runtime.prompt_library import hears_wide, treated, treatment_of_text
from softswitch.runtime.tts import TtsError
from softswitch.runtime.tts_voices import Voices

FOLDER = "said"
MOST_AT_ONCE = 64  # texts that are being made; more callers hear the words one by one

log = structlog.get_logger(__name__)


class LiveSpeechMaker:
    """`post` is called with one `SpeechMade` for each `MakeSpeech`."""

    def __init__(self, settings: Settings, voices: Voices, post: Callable[[SpeechMade], None]) -> None:
        self._voices = voices
        self._post = post
        self._wide = hears_wide(settings)
        self._directory = Path(settings.prompt_cache) / FOLDER
        self._most_bytes = settings.speech.kept_bytes
        self._cache: PromptCache | None = None
        self._known: OrderedDict[str, tuple[Prompt, int]] = OrderedDict()  # by identity; the last used at the end
        self._bytes = 0
        self._making: dict[str, asyncio.Task[Prompt | None]] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self.counts = {"known": 0, "made": 0, "late": 0}  # texts that were asked for, for the metrics

    async def close(self) -> None:
        tasks = [*self._waiting, *self._making.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def make(self, command: MakeSpeech) -> None:
        found = [self._find(segment) for segment in command.segments]
        if all(isinstance(each, Prompt) for each in found):
            prompts = tuple(each for each in found if isinstance(each, Prompt))
            self.counts["known"] += len(prompts)
            self._post(SpeechMade(command.leg, command.playback, command.segments, prompts))
            return
        waiting = asyncio.get_running_loop().create_task(self._wait(command, found))
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)

    def _find(self, segment: Segment) -> Prompt | asyncio.Task[Prompt | None] | None:
        """The prompt, or who makes it; None when nobody does."""
        identity = self._voices.identity(segment, self._wide)
        known = self._known.get(identity)
        if known is not None:
            self._known.move_to_end(identity)
            return known[0]
        making = self._making.get(identity)
        if making is None and identity and len(self._making) < MOST_AT_ONCE:
            making = asyncio.get_running_loop().create_task(self._render(segment, identity))
            self._making[identity] = making
            making.add_done_callback(lambda _: self._making.pop(identity, None))
        return making

    async def _wait(self, command: MakeSpeech, found: list[Prompt | asyncio.Task[Prompt | None] | None]) -> None:
        prompts: tuple[Prompt | None, ...] = (None,) * len(found)
        try:
            tasks = [each for each in found if isinstance(each, asyncio.Task)]
            if tasks:
                await asyncio.wait(tasks, timeout=WITHIN_SECONDS)
            prompts = tuple(_outcome(each) for each in found)
        finally:
            late = sum(prompt is None for prompt in prompts)
            self.counts["late"] += late
            self.counts["made"] += len(prompts) - late
            self._post(SpeechMade(command.leg, command.playback, command.segments, prompts))

    async def _render(self, segment: Segment, identity: str) -> Prompt | None:
        engine = self._voices.engine(segment.language)
        assert engine is not None, segment
        try:
            prompt, size = await asyncio.to_thread(self._read, identity)
            if prompt is None:
                samples, rate = await engine.render(segment.text, segment.language)
                sound = await asyncio.to_thread(treated, samples, rate, treatment_of_text(segment.text), self._wide)
                prompt = await asyncio.to_thread(self._write, identity, sound.ulaw, sound.wide)
                size = len(sound.ulaw) + len(sound.wide)
        except (TtsError, StartError) as error:  # never the text: it may be about a customer
            log.warning("a text could not be spoken", language=segment.language, engine=engine.name, error=str(error))
            return None
        except Exception:
            log.exception("a text could not be spoken", language=segment.language, engine=engine.name)
            return None
        self._known[identity] = (prompt, size)
        self._bytes += size
        await self._forget()
        return prompt

    # -------------------------------------------------------------- the disk, from worker threads

    def _opened(self) -> PromptCache:
        if self._cache is None:
            self._cache = PromptCache(self._directory, time.time())
            _shrink(self._directory, self._most_bytes)
        return self._cache

    def _read(self, identity: str) -> tuple[Prompt | None, int]:
        prompt = self._opened().find(identity)
        if prompt is None:
            return None, 0
        size = sum(path.stat().st_size for path in self._directory.glob(f"{prompt.key}.*"))
        return _in_folder(prompt), size

    def _write(self, identity: str, ulaw: bytes, wide: bytes) -> Prompt:
        return _in_folder(self._opened().add(identity, ulaw, wide))

    async def _forget(self) -> None:
        """What was used least lately, while all together is too large; the newest stays."""
        gone = []
        while self._bytes > self._most_bytes and len(self._known) > 1:
            _, (prompt, size) = self._known.popitem(last=False)
            self._bytes -= size
            gone.append(prompt.key.removeprefix(f"{FOLDER}/"))
        if gone:
            await asyncio.to_thread(_remove, self._directory, gone)


def _outcome(found: Prompt | asyncio.Task[Prompt | None] | None) -> Prompt | None:
    if isinstance(found, asyncio.Task):
        return found.result() if found.done() and not found.cancelled() and found.exception() is None else None
    return found


def _in_folder(prompt: Prompt) -> Prompt:
    return Prompt(f"{FOLDER}/{prompt.key}", prompt.seconds)


def _remove(directory: Path, keys: list[str]) -> None:
    for key in keys:
        for suffix in (".ulaw", ".s16k"):
            (directory / f"{key}{suffix}").unlink(missing_ok=True)


def _shrink(directory: Path, most_bytes: int) -> None:
    """What earlier runs left: the oldest go until half of what is allowed is free again."""
    with os.scandir(directory) as entries:
        files = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in entries)
    size = sum(each[1] for each in files)
    for _, bytes_of_it, path in files:
        if size <= most_bytes // 2:
            return
        Path(path).unlink(missing_ok=True)
        size -= bytes_of_it
