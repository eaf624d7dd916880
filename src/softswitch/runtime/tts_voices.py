"""Which engine speaks which language: what `speech` says of it, else the line's `tts`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from softswitch.call.settings import Settings
from softswitch.call.speech_settings import VoiceSettings
from softswitch.ivr.messages import Segment
from softswitch.runtime.audio_files import TREATMENT_VERSION
from softswitch.runtime.prompt_cache import identity_of
from softswitch.runtime.tts import TtsEngine, engine_named
from softswitch.runtime.tts_http import HttpEngine
from softswitch.runtime.tts_piper import PiperEngine


def voices_of(settings: Settings, default: TtsEngine | None = None) -> Voices:
    """The engines of a line. `default` takes the place of the configuration's `tts`."""
    directory = Path(settings.directory)
    own = {language: _made(voice, directory) for language, voice in settings.speech.voices.items()}
    return Voices(default if default is not None else engine_named(settings.tts), own)


class Voices:
    """One engine for all languages but those that have their own."""

    def __init__(self, default: TtsEngine | None, own: Mapping[str, TtsEngine | None] | None = None) -> None:
        self._default = default
        self._own = dict(own or {})

    def engine(self, language: str) -> TtsEngine | None:
        """None: nobody speaks this language."""
        return self._own.get(language) or self._own.get(language.partition("-")[0]) or self._default

    def identity(self, segment: Segment, wide: bool) -> str:
        """What this text is called in the cache when it is spoken as things are now; "" when nobody speaks it."""
        engine = self.engine(segment.language)
        voice = engine.voice(segment.language) if engine is not None else ""
        if engine is None or not voice:
            return ""
        return identity_of(
            "tts", str(TREATMENT_VERSION), engine.name, voice, segment.text, *(("wide",) if wide else ())
        )


def _made(voice: VoiceSettings, directory: Path) -> TtsEngine | None:
    if voice.engine == PiperEngine.name:
        return PiperEngine(directory / voice.model, voice.speaker)
    if voice.engine == HttpEngine.name:
        return HttpEngine(voice.url, voice.voice, voice.key)
    return engine_named(voice.engine)
