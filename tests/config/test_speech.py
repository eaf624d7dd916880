"""`speech`: who speaks which language, and what is said about mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.call.speech_settings import SpeechSettings, VoiceSettings

MODEL = {"voices/et.onnx": "model", "voices/et.onnx.json": "{}"}


def test_nothing_is_needed(directory: Any) -> None:
    settings = directory.load()
    assert settings.speech == SpeechSettings()
    assert settings.speaks("cs")
    assert not directory.load(prompts="{ tts: none }").speaks("et")


def test_each_language_may_have_its_voice(directory: Any) -> None:
    speech = """
      values: whole
      keep: 7
      languages:
        et: { engine: piper, model: voices/et.onnx, speaker: 2 }
        en: { engine: http, url: "http://127.0.0.1:5000/say", voice: amy, key: { env: PW } }
    """
    settings = directory.load(MODEL, speech=speech, prompts="{ tts: none }")
    assert settings.speech.whole_values
    assert settings.speech.kept_bytes == 7_000_000
    assert settings.speech.voices["et"] == VoiceSettings("piper", "voices/et.onnx", 2)
    english = settings.speech.voices["en"]
    assert (english.url, english.voice) == ("http://127.0.0.1:5000/say", "amy")
    assert english.key
    assert settings.speaks("en-GB")
    assert not settings.speaks("cs")


@pytest.mark.parametrize(
    ("speech", "said"),
    [
        ("{ languages: { et: { engine: pipr, model: a.onnx } } }", 'did you mean "piper"?'),
        ("{ languages: { et: { engine: piper } } }", "the engine piper needs the key model"),
        ("{ languages: { et: { engine: http } } }", "the engine http needs the key url"),
        ("{ languages: { et: { engine: piper, model: voices/ee.onnx } } }", 'did you mean "et.onnx"?'),
        ("{ languages: { et: { model: voices/et.onnx } } }", "model belongs to the engine piper, not to espeak-ng"),
        ('{ languages: { et: { engine: http, url: "ftp://a/b" } } }', "expected an address like https://"),
        (
            '{ languages: { et: { engine: http, url: "http://me:pw@a/b" } } }',
            "a name or password stands in this address",
        ),
        ('{ languages: { et: { engine: http, url: "http://a/b", key: pw } } }', "a secret is never written here"),
        ("{ languages: { cs: { engine: espeak-ng } } }", '"cs" is not one of the languages of the line'),
        ("{ values: all }", "expected words or whole"),
        ("{ engine: piper }", "engine"),
    ],
)
def test_mistakes_are_told_where_they_are(directory: Any, speech: str, said: str) -> None:
    problems = directory.check(MODEL, speech=speech)
    assert any(said in problem and problem.startswith("line.yaml:") for problem in problems), problems


def test_a_voice_without_its_description(directory: Any) -> None:
    speech = "{ languages: { et: { engine: piper, model: voices/et.onnx } } }"
    (problem,) = directory.check({"voices/et.onnx": "model"}, speech=speech)
    assert '"voices/et.onnx.json" is missing' in problem
