"""Who speaks the texts of a line, and how its values are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """Who speaks a language: "espeak-ng", "piper" or "http"."""

    engine: str
    model: str = ""
    speaker: int | None = None
    url: str = ""
    voice: str = ""
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    voices: Mapping[str, VoiceSettings] = field(default_factory=dict)  # by language, instead of the line's engine
    whole_values: bool = False  # values are spoken in one go, not word by word
    kept_bytes: int = 100_000_000  # of speech that was made during calls
