"""Which audio the switch needs, and what it is called in the media process.

`segments_needed` walks the whole configuration: every text of every flow and queue in every language of the line,
the agents' names, and the words that the variables of these texts can become. The library at the edge
(`runtime.prompt_library`) turns each into a file of u-law frames and hands back a `PromptCatalog`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from hashlib import blake2b

from softswitch.call.settings import CallBackTexts, CallSettings, LetFirstTexts, LineTexts, QueueTexts, Settings
from softswitch.ivr.flow import choose_language
from softswitch.ivr.formats import Format
from softswitch.ivr.messages import LanguageStep, Say, Segment, Step
from softswitch.ivr.speech import (
    SHORT_PAUSE,
    Kind,
    fixed_segments,
    format_vocabulary,
    formats,
    kind_of,
    name_segments,
    plain_variables,
    vocabulary,
)

CALM_MUSIC = Segment("", text="music:calm")  # the built-in melody, made to be looped
RINGBACK = Segment("", text="tone:ringback")  # one period of that of the line's country, made to be looped
BEEP = Segment("", text="tone:beep")
AUDIO_SUFFIXES = (".wav", ".mp3", ".ogg", ".flac", ".opus", ".m4a", ".aac", ".aiff")
MOST_PIECES = 500  # of one folder of music
_SHUFFLED = "?"
BUILT_IN = (CALM_MUSIC, RINGBACK, BEEP, SHORT_PAUSE)


@dataclass(frozen=True, slots=True)
class Prompt:
    key: str  # what `media.messages.Play` names it by
    seconds: float


class PromptCatalog:
    """The audio of every segment that can be spoken."""

    def __init__(self, prompts: Mapping[Segment, Prompt], albums: Mapping[Segment, tuple[Prompt, ...]] | None = None):
        """`albums`: the pieces of each folder of music."""
        self._prompts = dict(prompts)
        self._albums = dict(albums or {})

    def __len__(self) -> int:
        return len(self._prompts)

    def find(self, segment: Segment) -> Prompt | None:
        return self._prompts.get(segment)

    def said(self, segment: Segment) -> tuple[Prompt, ...]:
        """What there is for a segment: its own prompt, or those of the words it consists of."""
        prompt = self._prompts.get(segment)
        if prompt is not None:
            return (prompt,)
        if segment.file:
            return self._albums.get(segment, ())
        return tuple(found for word in segment.instead if (found := self._prompts.get(word)) is not None)

    def keys(self, segments: Iterable[Segment]) -> tuple[tuple[str, ...], float]:
        """The keys of these segments, in order, and how long they sound together. A segment without audio is
        left out: the caller hears the rest."""
        found = [prompt for segment in segments for prompt in self.said(segment)]
        return tuple(prompt.key for prompt in found), sum(prompt.seconds for prompt in found)

    def all_keys(self) -> tuple[str, ...]:
        """Every key once, for a media process that loads them beforehand."""
        pieces = (prompt for album in self._albums.values() for prompt in album)
        return tuple(dict.fromkeys(prompt.key for prompt in (*self._prompts.values(), *pieces)))


def music_segment(music: str) -> Segment:
    """The music of a queue: its own file or folder, or the built-in melody."""
    return Segment("", file=music) if music else CALM_MUSIC


def folder_of_music(folder: str, *, shuffled: bool) -> str:
    """How a folder is named where a file could stand."""
    return f"{folder}/{_SHUFFLED if shuffled else ''}"


def folder_named(music: str) -> str:
    """The folder of such a name; "": it is one file, or none."""
    name = music.removesuffix(_SHUFFLED)
    return name[:-1] if name.endswith("/") else ""


def music_named(segment: Segment) -> str:
    """The name by which a leg's place in this music is kept; "": it is no music."""
    return "" if segment.language else segment.file or (segment.text if segment == CALM_MUSIC else "")


def in_order(music: str, pieces: tuple[str, ...], listener: int) -> tuple[str, ...]:
    """The pieces as this listener hears them: always the same for him, another order for others."""
    if not music.endswith(_SHUFFLED):
        return pieces
    return tuple(sorted(pieces, key=lambda piece: blake2b(f"{listener} {piece}".encode(), digest_size=8).digest()))


def segments_needed(settings: Settings) -> tuple[Segment, ...]:
    """Each segment once, in an order that depends on the configuration alone."""
    call = settings.call
    languages = _languages(call)
    needed: dict[Segment, None] = {}
    kinds: dict[str, set[Kind]] = {}
    forms: dict[str, dict[Format, None]] = {}
    for say in _says(call):
        for language in languages:
            chosen = choose_language(say, language, call.languages)
            if chosen in say.files:
                needed[Segment(chosen, file=say.files[chosen])] = None
            elif chosen:
                needed.update(dict.fromkeys(fixed_segments(say.texts[chosen], chosen)))
                kinds.setdefault(chosen, set()).update(map(kind_of, plain_variables(say.texts[chosen])))
                forms.setdefault(chosen, {}).update(dict.fromkeys(formats(say.texts[chosen])))
    # A text may be spoken in another language than the call's when its own is missing: names follow the text.
    spoken = tuple(dict.fromkeys((*languages, *kinds)))
    for voice in call.agents.values():
        for language in spoken:
            needed.update(dict.fromkeys(name_segments(voice.spoken_name, language)))
    for language in spoken:
        needed.update(dict.fromkeys(vocabulary(language, kinds.get(language, ()))))
        needed.update(dict.fromkeys(format_vocabulary(language, tuple(forms.get(language, ())))))
    for texts in call.queue_texts.values():
        needed[music_segment(texts.music)] = None
    needed.update(dict.fromkeys(BUILT_IN))
    return tuple(needed)


def _languages(call: CallSettings) -> tuple[str, ...]:
    """The languages a call can have: those of the line, of its numbers, and of the steps that change it."""
    languages = [*call.languages, *(number.language for number in call.numbers.values())]
    for flow in call.flows.values():
        languages += [step.language for step in flow.steps if isinstance(step, LanguageStep)]
    return tuple(dict.fromkeys(language for language in languages if language))


def _says(call: CallSettings) -> Iterator[Say]:
    for flow in call.flows.values():
        for step in flow.steps:
            yield from _say_fields(step)
    for queue in call.queue_texts.values():
        yield from _say_fields(queue)
    yield from _say_fields(call.texts)


def _say_fields(texts: QueueTexts | CallBackTexts | LetFirstTexts | LineTexts | Step) -> Iterator[Say]:
    """All texts of a step or of a group of texts, also those that are added to it later."""
    for each in fields(texts):
        value = getattr(texts, each.name)
        if isinstance(value, Say):
            yield value
        elif isinstance(value, CallBackTexts | LetFirstTexts):
            yield from _say_fields(value)
        elif isinstance(value, Mapping):  # texts in parts, such as those of the choice
            yield from (part for part in value.values() if isinstance(part, Say))
