"""Who speaks which language: how it is written, and the settings from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from softswitch.call.speech_settings import SpeechSettings, VoiceSettings
from softswitch.config.kinds import Keys, MapOf, Number, OneOf, Section, Text, Word, key, section
from softswitch.config.problems import Placed, Report, did_you_mean
from softswitch.config.references import Known
from softswitch.config.values import LANGUAGE, NOTHING, SECRET, Secret, resolve_secret

ENGINES = ("espeak-ng", "piper", "http")


def _url(text: Placed, match: re.Match[str]) -> Placed:
    if match[1]:
        raise ValueError("a name or password stands in this address; write the key as { env: NAME }")
    return text


URL = Word(
    "an address like https://tts.example.com/speak",
    r"https?://([^/@\s]*@)?[A-Za-z0-9.\-\[\]:]{1,253}(?:/[!-~]*)?",
    _url,
    NOTHING,
)


@section
class VoiceDoc(Section):
    """Who speaks one language."""

    engine: Placed = key(
        OneOf(*ENGINES),
        "espeak-ng, piper (a program with a model), or http (a speech server)",
        Placed("espeak-ng", NOTHING.place),
    )
    model: Placed = key(Text("a path"), "piper: the voice, a file .onnx, relative to this directory", NOTHING)
    speaker: int | None = key(Number(0, 100_000), "piper: which speaker of the model", None)
    url: Placed = key(URL, "http: the only address that is asked", NOTHING)
    voice: Placed = key(Text("a name"), "http: the voice, as the server calls it", NOTHING)
    token: Secret | None = key(SECRET, "http: sent as a bearer token", None, name="key")


@section
class SpeechDoc(Section):
    """Who speaks the texts, where the engine that `prompts` names does not fit, and how values are told."""

    languages: dict[Placed, VoiceDoc] = key(
        MapOf(LANGUAGE, Keys(VoiceDoc, "a voice")), "by language; all others by the engine of `prompts`", {}
    )
    values: Placed = key(
        OneOf("words", "whole"),
        "whole: the engine speaks values in one go, within 0.8s or else word by word",
        Placed("words", NOTHING.place),
    )
    keep: int = key(Number(1, 100_000), "megabytes of speech made during calls that are kept for the next caller", 100)


_NEEDS = {"piper": "model", "http": "url"}
_BELONGS = {"model": "piper", "speaker": "piper", "url": "http", "voice": "http", "key": "http"}


def build_speech(
    document: Any, known: Known, directory: Path, env: Mapping[str, str] | None, report: Report
) -> SpeechSettings:
    doc: SpeechDoc | None = document.speech
    if doc is None:
        return SpeechSettings()
    voices = {
        known.language(language): _voice(each, directory, env, report) for language, each in doc.languages.items()
    }
    return SpeechSettings(voices, str(doc.values) == "whole", doc.keep * 1_000_000)


def _voice(doc: VoiceDoc, directory: Path, env: Mapping[str, str] | None, report: Report) -> VoiceSettings:
    engine = str(doc.engine)
    for name, whose in _BELONGS.items():
        if name in doc.places and whose != engine:
            report.add(doc.at(name), f"{name} belongs to the engine {whose}, not to {engine}")
    needed = _NEEDS.get(engine)
    if needed and needed not in doc.places:
        report.add(doc.place, f"the engine {engine} needs the key {needed}")
    if doc.model and engine == "piper":
        _check_model(doc.model, directory, report)
    secret = ""
    if doc.token is not None and env is not None:
        secret = resolve_secret(doc.token, directory, env, report)
    return VoiceSettings(engine, str(doc.model), doc.speaker, str(doc.url), str(doc.voice), secret)


def _check_model(model: Placed, directory: Path, report: Report) -> None:
    path = directory / model
    if not path.is_file():
        near = [str(each.relative_to(path.parent)) for each in sorted(path.parent.glob("*.onnx"))[:500]]
        report.add(model.place, f'the voice "{model}" does not exist{did_you_mean(path.name, near)}')
    elif not path.with_name(path.name + ".json").is_file():
        report.add(model.place, f'"{model}.json" is missing, which says the sampling rate of the voice')
