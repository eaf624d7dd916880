"""The prompts in the package: complete for the example lines, so that they start without a speech engine."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from softswitch.call.prompts import segments_needed
from softswitch.call.settings import Settings
from softswitch.config import load
from softswitch.ivr.formats import Format
from softswitch.ivr.speech import format_vocabulary, vocabulary
from softswitch.runtime.audio_files import loudness
from softswitch.runtime.prompt_library import SHIPPED_DIRECTORY, build_catalog, shipped_prompts

CONFIGS = Path(__file__).parents[2] / "configs"
SECRETS = {f"{name}_PASSWORD": "not used here" for name in ("ANNA", "MART", "LI")}
RENDER = "run: make prompts"
EVERYTHING = """
line: {{ name: Shop, languages: [{language}], timezone: Europe/Tallinn }}
trunks: {{ pstn: {{ from: [127.0.0.2], to: "127.0.0.2:5080" }} }}
numbers: {{ "100": {{ queue: sales }} }}
hours: {{ office: {{ open: {{ mon-fri: 09:00-17:00 }} }} }}
agents: {{ anna: {{ name: Anna, extension: 1001, password: {{ env: P }}, queues: [sales], deputy: mart }},
          mart: {{ name: Anna, extension: 1002, password: {{ env: P }}, queues: [sales] }} }}
queues:
  sales:
    hours: office
    closed: call_back
    most_waiting: 30
    full: call_back
    nobody_there: call_back
    call_back: {{ first: customer, number: ask, allow: ["+372"] }}
    while_waiting: {{ offer_call_back: after 60s, let_others_first: {{ after: 30s }} }}
"""


def line(name: str, tmp_path: Path) -> Settings:
    """An example line as it is, but without a speech engine."""
    return replace(load(CONFIGS / name, env=SECRETS), tts="", prompt_cache=str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["bank", "minimal"])
def test_every_text_of_the_example_lines_is_shipped(name: str, tmp_path: Path) -> None:
    shipped = shipped_prompts()
    needed = [each for each in segments_needed(line(name, tmp_path)) if each.language and not each.file]
    missing = [each for each in needed if (each.language, each.text) not in shipped]
    assert needed
    assert not missing, RENDER


@pytest.mark.parametrize("language", ["en", "et"])
def test_numbers_and_times_are_shipped_whole(language: str) -> None:
    shipped = shipped_prompts()
    values = [Format(kind) for kind in ("number", "date", "time", "duration", "phone")] + [Format("money", "EUR")]
    words = (*vocabulary(language), *format_vocabulary(language, values))
    assert [each for each in words if each.language and (language, each.text) not in shipped] == [], RENDER


@pytest.mark.parametrize("language", ["en", "et"])
def test_what_the_switch_says_by_itself_is_shipped_whole(language: str, tmp_path: Path) -> None:
    """A line that uses everything, with the default texts and keys."""
    (tmp_path / "line.yaml").write_text(EVERYTHING.format(language=language), encoding="utf-8")
    shipped = shipped_prompts()
    needed = segments_needed(load(tmp_path, env={"P": "not used here"}))
    spoken = [each for each in needed if each.language and not each.file and each.text != "Anna"]
    assert [each for each in spoken if (each.language, each.text) not in shipped] == [], RENDER


@pytest.mark.parametrize("name", ["bank", "minimal"])
async def test_the_example_lines_start_without_a_speech_engine(name: str, tmp_path: Path) -> None:
    settings = line(name, tmp_path)
    first = await build_catalog(settings)
    took = []
    for _ in range(3):
        began = time.process_time()
        second = await build_catalog(settings)
        took.append(time.process_time() - began)
    assert min(took) < 0.15, "one of them may have met the garbage collector"
    assert second.all_keys() == first.all_keys()
    assert len(first) == len(segments_needed(settings))


def test_the_index_and_the_files_agree() -> None:
    index = json.loads((SHIPPED_DIRECTORY / "index.json").read_text(encoding="utf-8"))
    there = {path.relative_to(SHIPPED_DIRECTORY).as_posix(): path for path in SHIPPED_DIRECTORY.glob("*/*")}
    assert sorted(entry["file"] for entry in index) == sorted(there), RENDER
    assert sorted((entry["lang"], entry["text"]) for entry in index) == [(e["lang"], e["text"]) for e in index]
    for entry in index:
        data = there[entry["file"]].read_bytes()
        assert hashlib.blake2b(data, digest_size=12).hexdigest() == entry["digest"], entry
    assert sum(path.stat().st_size for path in there.values()) < 4_000_000


def test_every_prompt_sounds_like_speech() -> None:
    for (language, text), prompt in shipped_prompts().items():
        samples, rate = soundfile.read(prompt.file, dtype="float32")
        assert rate == 8000, text
        assert samples.ndim == 1, text
        assert 0.15 < len(samples) / rate < 30.0, text
        assert -23.0 < 20 * np.log10(loudness(samples)) < -18.0, (language, text)
        assert np.abs(samples).max() < 0.98, (language, text)
        assert np.mean(np.abs(samples) > 0.9) < 0.001, (language, text)
        power = np.abs(np.fft.rfft(samples)) ** 2
        hertz = np.fft.rfftfreq(len(samples), 1 / rate)
        assert power[(hertz > 150) & (hertz < 3800)].sum() > 0.85 * power.sum(), (language, text)
        # A voice has many frequencies: no single tone carries the prompt.
        assert power.max() < 0.5 * power.sum(), (language, text)
