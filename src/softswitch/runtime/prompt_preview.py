"""A text as callers would hear it, before anybody does: its words, and its sound as the line carries it.

The variables of a previewed text hold their own values: "Your balance is {1234.50:money EUR}".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.ivr.messages import Segment
from softswitch.ivr.speech import SHORT_PAUSE, speak, template_problems, variables
from softswitch.runtime import audio_files, melody
from softswitch.runtime.audio_files import LINE_RATE, WIDE_RATE
from softswitch.runtime.prompt_library import treatment_of_text
from softswitch.runtime.tts import TtsError
from softswitch.runtime.tts_voices import Voices

if TYPE_CHECKING:
    from softswitch.runtime.audio_files import Samples


class CannotPreview(Exception):
    """`str()` is one sentence."""


@dataclass(frozen=True, slots=True)
class Preview:
    """`said`: in one go; `words`: the prompts it is told by when values are spoken word by word."""

    said: tuple[Segment, ...]
    words: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.said)


def preview(template: str, language: str) -> Preview:
    names = variables(template)
    problems = template_problems(template, names, language)
    if problems:
        raise CannotPreview("; ".join(problems))
    said = speak(template, language, {name: name for name in names})
    missing = [name for name in names if not speak(_alone(template, name), language, {name: name})]
    if missing:
        raise CannotPreview(f'"{missing[0]}" cannot be spoken in the format that is written behind it')
    words = tuple(word for segment in said for word in segment.instead or (segment,))
    return Preview(said, words)


def _alone(template: str, name: str) -> str:
    """The variable of this name, and nothing else."""
    start = template.index("{" + name)
    return template[start : template.index("}", start) + 1]


async def sound_of(segments: tuple[Segment, ...], voices: Voices, wide: bool) -> tuple[Samples, int]:
    """These segments one after another, as the line carries them, and their rate."""
    import numpy as np

    rate = WIDE_RATE if wide else LINE_RATE
    parts: list[Samples] = []
    for segment in segments:
        if segment == SHORT_PAUSE:
            parts.append(np.zeros(len(melody.pause()) * rate // LINE_RATE, np.float32))
            continue
        engine = voices.engine(segment.language)
        if engine is None or not engine.available():
            name = engine.name if engine is not None else "a speech engine"
            raise CannotPreview(f"{name} is not installed, which speaks '{segment.language}'")
        try:
            samples, its_rate = await engine.render(segment.text, segment.language)
        except TtsError as error:
            raise CannotPreview(str(error)) from error
        parts.append(audio_files.to_line(samples, its_rate, treatment_of_text(segment.text), rate))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32), rate
