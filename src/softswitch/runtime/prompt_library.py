"""The audio of a configuration: found, made where it is missing, and named for the media process.

Each segment has one source, the first of:
 1. an audio file of the configuration (`file`), or a sound the switch makes itself (`music:calm`, `tone:beep`);
 2. a rendered prompt that ships with the switch (same language, same text), so that no speech engine is needed;
 3. the speech engine of the configuration (`tts`).
Whatever the source, the frames come from the cache when they were made before (`runtime.prompt_cache`): a start
with a warm cache decodes nothing. What has no source at all stops the start with one sentence about all of it.
"""

from __future__ import annotations

import asyncio
import audioop
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import structlog

from softswitch.call.errors import StartError
from softswitch.call.prompts import (
    AUDIO_SUFFIXES,
    MOST_PIECES,
    RINGBACK,
    Prompt,
    PromptCatalog,
    folder_named,
    segments_needed,
)
from softswitch.call.settings import Settings
from softswitch.ivr.messages import Segment
from softswitch.media import tones
from softswitch.media.codecs import CODECS
from softswitch.runtime import audio_files
from softswitch.runtime.audio_files import MUSIC_FILE, SPOKEN_FILE, TREATMENT_VERSION, Treatment, UnreadableAudio
from softswitch.runtime.prompt_cache import PromptCache, identity_of
from softswitch.runtime.tts import TtsEngine, TtsError
from softswitch.runtime.tts_voices import Voices, voices_of

Progress: TypeAlias = Callable[[int, int], None]  # prompts made so far, prompts to make

SHIPPED_DIRECTORY = Path(__file__).parent / "spoken_prompts"
_BUILT_IN_VERSION = 1
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "…")
_SHOWN = 3  # so many missing texts are named

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Shipped:
    """One rendered prompt of the package."""

    file: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Sound:
    """A prompt as it is kept: G.711, and the same at 16 kHz where the source has more and somebody can hear it."""

    ulaw: bytes
    wide: bytes = b""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a segment's sound comes from: `make` in a worker thread, or the speech engine."""

    segment: Segment
    identity: str
    make: Callable[[], Sound] | None  # None: by the speech engine


def treatment_of_text(text: str) -> Treatment:
    """A breath after a sentence; within one the words follow closely."""
    return Treatment(tail_ms=280 if text.endswith(_SENTENCE_ENDS) else 60)


def shipped_prompts(directory: Path = SHIPPED_DIRECTORY) -> dict[tuple[str, str], Shipped]:
    """(language, text) -> prompt, as `tools/render_prompts.py` has written the index."""
    try:
        index = json.loads((directory / "index.json").read_text(encoding="utf-8"))
        return {(entry["lang"], entry["text"]): Shipped(directory / entry["file"], entry["digest"]) for entry in index}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StartError(f"the index of the shipped prompts {directory / 'index.json'} is damaged") from error


async def build_catalog(
    settings: Settings,
    progress: Progress | None = None,
    *,
    engine: TtsEngine | None = None,
    voices: Voices | None = None,
    shipped: Mapping[tuple[str, str], Shipped] | None = None,
) -> PromptCatalog:
    """The catalogue of everything this configuration can say; `StartError` when something has no sound.
    `engine` and `shipped` take the place of the configuration's engine and of the package's prompts."""
    library = PromptLibrary(settings, voices or voices_of(settings, engine), shipped)
    return await library.build(progress)


class PromptLibrary:
    """One build of a catalogue."""

    def __init__(
        self, settings: Settings, voices: Voices, shipped: Mapping[tuple[str, str], Shipped] | None = None
    ) -> None:
        self._settings = settings
        self._directory = Path(settings.directory)
        self._voices = voices
        self._shipped = shipped_prompts() if shipped is None else shipped
        self._prompts: dict[Segment, Prompt] = {}
        self._segments: dict[str, list[Segment]] = {}  # by identity: the same file may be said in two languages
        self._progress: Progress = lambda made, total: None
        self._made = 0
        self._wide = hears_wide(settings)

    async def build(self, progress: Progress | None) -> PromptCatalog:
        began = time.perf_counter()
        if progress is not None:
            self._progress = progress
        needed, albums = await asyncio.to_thread(self._with_albums, segments_needed(self._settings))
        cache, missing = await asyncio.to_thread(self._look_up, needed)
        if missing:
            await self._make_all(cache, missing)
        log.info("prompts ready", prompts=len(needed), made=len(missing), seconds=round(time.perf_counter() - began, 3))
        pieces = {album: tuple(self._prompts[piece] for piece in found) for album, found in albums.items()}
        return PromptCatalog({segment: self._prompts[segment] for segment in needed}, pieces)

    def _with_albums(
        self, needed: tuple[Segment, ...]
    ) -> tuple[tuple[Segment, ...], dict[Segment, tuple[Segment, ...]]]:
        """Folders of music as the files that are in them now, by name."""
        albums = {segment: self._pieces(folder) for segment in needed if (folder := folder_named(segment.file))}
        single = (segment for segment in needed if segment not in albums)
        pieces = (piece for album in albums.values() for piece in album)
        return tuple(dict.fromkeys((*single, *pieces))), albums

    def _pieces(self, folder: str) -> tuple[Segment, ...]:
        try:
            names = sorted(path.name for path in (self._directory / folder).iterdir() if path.is_file())
        except OSError as error:
            raise StartError(f"cannot read the music folder {self._directory / folder}: {error.strerror}") from error
        files = [name for name in names if Path(name).suffix.lower() in AUDIO_SUFFIXES and not name.startswith(".")]
        if not files:
            raise StartError(f"no audio file is in the music folder {self._directory / folder}")
        return tuple(Segment("", file=f"{folder}/{name}") for name in files[:MOST_PIECES])

    def sources(self) -> list[tuple[Segment, str, str]]:
        """Everything that callers can hear: where its sound comes from ("" : nobody has it), and its identity."""
        needed, _ = self._with_albums(segments_needed(self._settings))
        found = []
        for segment in needed:
            try:
                source = self._source(segment)
            except StartError:  # `faults` says why
                source = None
            found.append((segment, self._origin(segment), source.identity if source is not None else ""))
        return found

    def _origin(self, segment: Segment) -> str:
        if segment.file:
            return "file"
        if not segment.language:
            return "built in"
        if (segment.language, segment.text) in self._shipped:
            return "shipped"
        engine = self._voices.engine(segment.language)
        return engine.name if engine is not None else ""

    def faults(self) -> list[str]:
        """Files that cannot be played, and texts that nobody can speak here; each is one sentence."""
        needed, _ = self._with_albums(segments_needed(self._settings))
        cache = PromptCache(Path(self._settings.prompt_cache), time.time())
        found, silent = [], []
        for segment in needed:
            try:
                source = self._source(segment)
                engine = self._voices.engine(segment.language)
                if source is None:
                    silent.append(segment)
                elif cache.find(source.identity) is None:
                    if source.make is not None:
                        source.make()
                    elif engine is not None and not engine.available():
                        silent.append(segment)
            except StartError as error:
                found.append(str(error))
        if silent:
            found.append(_no_sound(silent, self._settings.tts, self._voices.engine(silent[0].language)))
        return list(dict.fromkeys(found))

    def _look_up(self, needed: tuple[Segment, ...]) -> tuple[PromptCache, list[Source]]:
        """Fills in what the cache has; the rest with its sources, once it is sure that all have one."""
        cache = PromptCache(Path(self._settings.prompt_cache), time.time())
        sources: dict[str, Source] = {}
        silent: list[Segment] = []
        for segment in needed:
            source = self._source(segment)
            if source is None:
                silent.append(segment)
                continue
            sources[source.identity] = source
            self._segments.setdefault(source.identity, []).append(segment)
        missing = []
        for source in sources.values():
            prompt = cache.find(source.identity)
            if prompt is None:
                missing.append(source)
            else:
                self._know(source, prompt)
        for source in missing:
            engine = self._voices.engine(source.segment.language)
            if source.make is None and engine is not None and not engine.available():
                silent.append(source.segment)
        if silent:
            raise StartError(_no_sound(silent, self._settings.tts, self._voices.engine(silent[0].language)))
        cache.prune(sources)
        return cache, missing

    def _know(self, source: Source, prompt: Prompt) -> None:
        for segment in self._segments[source.identity]:
            self._prompts[segment] = prompt

    def _source(self, segment: Segment) -> Source | None:
        version = str(TREATMENT_VERSION)
        wide = ("wide",) if self._wide else ()
        tone = tones.named(segment.file)
        if segment == RINGBACK:  # that of the line's country
            tone = tones.national(self._settings.call.dialling.plan.country).ringback
        if tone is not None:
            return Source(segment, identity_of("tone", str(tones.VERSION), repr(tone)), partial(_tone, tone))
        if segment.file:
            path = self._directory / segment.file
            treatment = SPOKEN_FILE if segment.language else MUSIC_FILE
            identity = identity_of("file", version, repr(treatment), _content(path), *wide)
            return Source(segment, identity, partial(_from_file, path, treatment, self._wide))
        if not segment.language:
            identity = identity_of("built-in", version, str(_BUILT_IN_VERSION), segment.text)
            return Source(segment, identity, partial(_built_in, segment.text))
        shipped = self._shipped.get((segment.language, segment.text))
        if shipped is not None:
            return Source(segment, identity_of("shipped", shipped.digest), partial(_from_shipped, shipped))
        identity = self._voices.identity(segment, self._wide)
        return Source(segment, identity, None) if identity else None

    # -------------------------------------------------------------- making

    async def _make_all(self, cache: PromptCache, missing: list[Source]) -> None:
        """Decoding and synthesis side by side; the first failure ends the rest."""
        self._progress(0, len(missing))
        decoded = [source for source in missing if source.make is not None]
        spoken = [source for source in missing if source.make is None]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._decode(cache, decoded, len(missing)))
                for part in _dealt(spoken, 8):
                    group.create_task(self._speak(cache, part, len(missing)))
        except ExceptionGroup as failed:
            first = failed.exceptions[0]
            if isinstance(first, StartError):
                raise first from None
            raise

    async def _decode(self, cache: PromptCache, sources: list[Source], total: int) -> None:
        for at in range(0, len(sources), 32):
            some = sources[at : at + 32]
            made = await asyncio.to_thread(_decoded, cache, some)
            for source, prompt in zip(some, made, strict=True):
                self._done(source, prompt, total)

    async def _speak(self, cache: PromptCache, sources: list[Source], total: int) -> None:
        for source in sources:
            segment = source.segment
            engine = self._voices.engine(segment.language)
            assert engine is not None, segment
            try:
                samples, rate = await engine.render(segment.text, segment.language)
            except TtsError as error:
                raise StartError(f"no speech for '{_short(segment.text)}' ({segment.language}): {error}") from error
            sound = await asyncio.to_thread(treated, samples, rate, treatment_of_text(segment.text), self._wide)
            prompt = await asyncio.to_thread(cache.add, source.identity, sound.ulaw, sound.wide)
            self._done(source, prompt, total)

    def _done(self, source: Source, prompt: Prompt, total: int) -> None:
        self._know(source, prompt)
        self._made += 1
        self._progress(self._made, total)


# ------------------------------------------------------------------ the sources


def _decoded(cache: PromptCache, sources: list[Source]) -> list[Prompt]:
    made = []
    for source in sources:
        assert source.make is not None, source.segment
        sound = source.make()
        made.append(cache.add(source.identity, sound.ulaw, sound.wide))
    return made


def hears_wide(settings: Settings) -> bool:
    """Is there anybody who could hear more than 8 kHz carry?"""
    return any(CODECS[name].rate > audio_files.LINE_RATE for name in settings.codecs if name in CODECS)


def treated(samples: audio_files.Samples, rate: int, treatment: Treatment, wide: bool) -> Sound:
    """A sound of any rate, as it is kept."""
    narrow = audio_files.to_ulaw(_whole(audio_files.to_line(samples, rate, treatment), treatment, 160))
    if not wide or rate <= audio_files.LINE_RATE:
        return Sound(narrow)
    line = audio_files.to_line(samples, rate, treatment, audio_files.WIDE_RATE)
    return Sound(narrow, audio_files.to_s16(_whole(line, treatment, 320)))


def _whole(samples: audio_files.Samples, treatment: Treatment, frame: int) -> audio_files.Samples:
    """Music ends with its last whole frame, so that nothing is heard between two pieces; speech is filled up."""
    return samples if treatment.trim or len(samples) < frame else samples[: len(samples) // frame * frame]


def _content(path: Path) -> bytes:
    try:
        return audio_files.file_bytes(path)
    except UnreadableAudio as error:
        raise StartError(f"cannot read the audio file {path}: {error}") from error


def _from_file(path: Path, treatment: Treatment, wide: bool) -> Sound:
    try:
        return treated(*audio_files.read_file(path), treatment, wide)
    except UnreadableAudio as error:
        raise StartError(f"cannot read the audio file {path}: {error}") from error


def _from_shipped(shipped: Shipped) -> Sound:
    """Rendered, levelled and trimmed when the package was made."""
    try:
        samples, rate = audio_files.read_file(shipped.file)
    except UnreadableAudio as error:
        raise StartError(f"the shipped prompt {shipped.file} is damaged: {error}") from error
    assert rate == audio_files.LINE_RATE, shipped.file
    return Sound(audio_files.to_ulaw(samples))


def _tone(tone: tones.Cadence) -> Sound:
    return Sound(audioop.lin2ulaw(tones.samples(tone), 2))


def _built_in(text: str) -> Sound:
    from softswitch.runtime import melody

    makers = {"music:calm": melody.melody, "tone:beep": melody.beep}
    makers["tone:pause"] = melody.pause
    return Sound(audio_files.to_ulaw(makers[text]()))


# ------------------------------------------------------------------ words


def _no_sound(silent: list[Segment], tts: str, engine: TtsEngine | None) -> str:
    shown = "; ".join(f"{each.language} '{_short(each.text)}'" for each in silent[:_SHOWN])
    rest = f" and {len(silent) - _SHOWN} more" if len(silent) > _SHOWN else ""
    if engine is not None:
        fix = f"install {engine.name}, which {_who_names(engine, tts)} names, or give audio files for them"
    elif tts:
        fix = f"'tts: {tts}' is not an engine this switch knows (espeak-ng)"
    else:
        fix = "set 'tts: espeak-ng' and install it, or give audio files for them"
    texts = "1 text has" if len(silent) == 1 else f"{len(silent)} texts have"
    return f"{texts} no audio: {shown}{rest}; {fix}"


def _who_names(engine: TtsEngine, tts: str) -> str:
    return "'tts'" if engine.name == tts else "'speech'"


def _short(text: str) -> str:
    return text if len(text) <= 50 else text[:49] + "…"


def _dealt(sources: list[Source], hands: int) -> Iterator[list[Source]]:
    for hand in range(min(hands, len(sources))):
        yield sources[hand::hands]
