"""A whole catalogue: sources in their order, warm starts, two starts at once, and missing sound."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from softswitch.call.errors import StartError
from softswitch.call.prompts import BEEP, CALM_MUSIC, RINGBACK, PromptCatalog, segments_needed
from softswitch.call.settings import Settings
from softswitch.ids import FlowId, QueueId
from softswitch.ivr.messages import Flow, Say, SayStep, Segment
from softswitch.media.g711 import ulaw_to_linear
from softswitch.runtime.prompt_library import Shipped, build_catalog
from softswitch.runtime.tts import EspeakEngine, TtsError

if TYPE_CHECKING:
    from softswitch.runtime.audio_files import Samples

SmallLine = Callable[..., Settings]
NONE_SHIPPED: dict[tuple[str, str], Shipped] = {}


class ToneEngine:
    """Speaks in tones, at once: the length of the text is the pitch."""

    name = "tones"

    def __init__(self, voice: str = "sine", refuses: str = "") -> None:
        self._voice = voice
        self._refuses = refuses
        self.spoken: list[str] = []

    def available(self) -> bool:
        return True

    def voice(self, language: str) -> str:
        return f"{self._voice}-{language}"

    async def render(self, text: str, language: str) -> tuple[Samples, int]:
        await asyncio.sleep(0)
        if text == self._refuses:
            raise TtsError("it will not")
        self.spoken.append(text)
        return np.sin(np.arange(2000) * (0.1 + 0.01 * len(text))).astype(np.float32), 8000


def frames_of(settings: Settings, catalog: PromptCatalog, segment: Segment) -> bytes:
    prompt = catalog.find(segment)
    assert prompt is not None, segment
    data = (Path(settings.prompt_cache) / f"{prompt.key}.ulaw").read_bytes()
    assert prompt.seconds == len(data) / 8000
    return data


def write_tone(path: Path, hertz: float, seconds: float = 1.0, rate: int = 44100) -> None:
    soundfile.write(path, 0.2 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate), rate)


def pitch(frames: bytes) -> float:
    sound = ulaw_to_linear(frames).astype(np.float64)
    return float(np.argmax(np.abs(np.fft.rfft(sound, 80000))) / 10)


async def test_everything_needed_is_in_the_catalogue_and_on_disk(small_line: SmallLine) -> None:
    settings = small_line()
    steps: list[tuple[int, int]] = []
    catalog = await build_catalog(
        settings, lambda made, total: steps.append((made, total)), engine=ToneEngine(), shipped=NONE_SHIPPED
    )
    needed = segments_needed(settings)
    assert len(catalog) == len(needed)
    for segment in needed:
        assert len(frames_of(settings, catalog, segment)) >= 160
    assert steps[0] == (0, steps[0][1])
    assert steps[-1] == (steps[0][1], steps[0][1])
    assert [made for made, _ in steps] == list(range(len(steps)))
    assert 24.0 <= len(frames_of(settings, catalog, CALM_MUSIC)) / 8000 <= 30.0
    assert pitch(frames_of(settings, catalog, RINGBACK)) == pytest.approx(425, abs=2)
    assert pitch(frames_of(settings, catalog, BEEP)) == pytest.approx(1000, abs=2)


@pytest.mark.parametrize(
    ("country", "seconds", "hertz"), [("", 5.0, 425), ("EE", 5.0, 425), ("FR", 5.0, 440), ("GB", 3.0, 400)]
)
async def test_ringing_sounds_as_in_the_country_of_the_line(
    small_line: SmallLine, country: str, seconds: float, hertz: int
) -> None:
    settings = small_line()
    plan = replace(settings.call.dialling.plan, country=country)
    dialling = replace(settings.call.dialling, plan=plan)
    settings = replace(settings, call=replace(settings.call, dialling=dialling))
    catalog = await build_catalog(settings, engine=ToneEngine(), shipped=NONE_SHIPPED)
    frames = frames_of(settings, catalog, RINGBACK)
    assert len(frames) / 8000 == seconds
    assert pitch(frames) == pytest.approx(hertz, abs=60 if country == "GB" else 2)


async def test_a_tone_by_its_name(small_line: SmallLine) -> None:
    settings = small_line()
    queue, texts = next(iter(settings.call.queue_texts.items()))
    queues = {**settings.call.queue_texts, queue: replace(texts, music="tone/us/busy")}
    settings = replace(settings, call=replace(settings.call, queue_texts=queues))
    catalog = await build_catalog(settings, engine=ToneEngine(), shipped=NONE_SHIPPED)
    frames = frames_of(settings, catalog, Segment("", file="tone/us/busy"))
    assert len(frames) == 8000
    assert pitch(frames) == pytest.approx(550, abs=80)


async def test_a_second_start_makes_nothing_and_is_quick(small_line: SmallLine) -> None:
    settings = small_line()
    first = await build_catalog(settings, engine=ToneEngine(), shipped=NONE_SHIPPED)
    engine = ToneEngine()
    took = []
    for _ in range(3):
        began = time.process_time()
        second = await build_catalog(settings, lambda *_: pytest.fail("work"), engine=engine, shipped=NONE_SHIPPED)
        took.append(time.process_time() - began)
    assert min(took) < 0.15, "one of them may have met the garbage collector"
    assert engine.spoken == []
    assert second.all_keys() == first.all_keys()


async def test_a_damaged_prompt_is_made_again(small_line: SmallLine) -> None:
    settings = small_line()
    catalog = await build_catalog(settings, engine=ToneEngine(), shipped=NONE_SHIPPED)
    segment = Segment("en", "Please wait.")
    whole = frames_of(settings, catalog, segment)
    prompt = catalog.find(segment)
    assert prompt is not None
    (Path(settings.prompt_cache) / f"{prompt.key}.ulaw").write_bytes(whole[:320])
    engine = ToneEngine()
    again = await build_catalog(settings, engine=engine, shipped=NONE_SHIPPED)
    assert engine.spoken == ["Please wait."]
    assert frames_of(settings, again, segment) == whole


async def test_two_starts_on_one_directory(small_line: SmallLine) -> None:
    settings = small_line()
    builds = [build_catalog(settings, engine=ToneEngine(), shipped=NONE_SHIPPED) for _ in range(2)]
    one, two = await asyncio.gather(*builds)
    assert one.all_keys() == two.all_keys()
    assert set(os.listdir(settings.prompt_cache)) == {f"{key}.ulaw" for key in one.all_keys()}


async def test_another_voice_is_another_prompt(small_line: SmallLine) -> None:
    settings = small_line()
    one = await build_catalog(settings, engine=ToneEngine("sine"), shipped=NONE_SHIPPED)
    two = await build_catalog(settings, engine=ToneEngine("saw"), shipped=NONE_SHIPPED)
    segment = Segment("en", "Please wait.")
    assert one.find(segment) != two.find(segment)
    assert one.find(CALM_MUSIC) == two.find(CALM_MUSIC)


async def test_own_files_come_first_and_are_followed(small_line: SmallLine, tmp_path: Path) -> None:
    write_tone(tmp_path / "welcome.wav", 700)
    write_tone(tmp_path / "waltz.flac", 500, seconds=2.0)
    flow = Flow(FlowId("welcome"), (SayStep("greeting", Say({"en": "Welcome."}, {"en": "welcome.wav"})),))
    base = small_line()
    queues = {QueueId("cards"): base.call.queue_texts[QueueId("cards")]}
    settings = small_line(call={"flows": {flow.id: flow}, "queue_texts": queues})
    catalog = await build_catalog(settings, engine=ToneEngine(), shipped=NONE_SHIPPED)
    greeting = Segment("en", file="welcome.wav")
    assert pitch(frames_of(settings, catalog, greeting)) == pytest.approx(700, abs=2)
    assert catalog.find(Segment("en", "Welcome.")) is None

    write_tone(tmp_path / "welcome.wav", 900)  # the same name, another sound
    catalog = await build_catalog(settings, engine=ToneEngine(), shipped=NONE_SHIPPED)
    assert pitch(frames_of(settings, catalog, greeting)) == pytest.approx(900, abs=2)


async def test_own_music_is_softer_than_speech(small_line: SmallLine, tmp_path: Path) -> None:
    from dataclasses import replace

    write_tone(tmp_path / "tone.ogg", 500, seconds=2.0)
    base = small_line()
    texts = replace(base.call.queue_texts[QueueId("cards")], music="tone.ogg", please_wait=Say({}, {"en": "tone.ogg"}))
    settings = small_line(call={"queue_texts": {QueueId("cards"): texts}})
    catalog = await build_catalog(settings, engine=ToneEngine(), shipped=NONE_SHIPPED)

    def decibels(segment: Segment) -> float:
        sound = ulaw_to_linear(frames_of(settings, catalog, segment))[3200:12800] / 32768.0
        return float(20 * np.log10(np.sqrt(np.mean(sound**2))))

    assert decibels(Segment("", file="tone.ogg")) == pytest.approx(-26.0, abs=0.5)
    assert decibels(Segment("en", file="tone.ogg")) == pytest.approx(-20.0, abs=0.5)


async def test_a_shipped_prompt_needs_no_engine(small_line: SmallLine, tmp_path: Path) -> None:
    samples = (0.15 * np.sin(2 * np.pi * 660 * np.arange(8000) / 8000)).astype(np.float32)
    soundfile.write(tmp_path / "p.ogg", samples, 8000, format="OGG", subtype="OPUS")
    engine = ToneEngine()
    shipped = {("en", "Please wait."): Shipped(tmp_path / "p.ogg", "digest")}
    settings = small_line()
    catalog = await build_catalog(settings, engine=engine, shipped=shipped)
    assert pitch(frames_of(settings, catalog, Segment("en", "Please wait."))) == pytest.approx(660, abs=2)
    assert "Please wait." not in engine.spoken
    assert "Palun oodake." in engine.spoken


# ------------------------------------------------------------------ what cannot be spoken


async def test_texts_without_sound_are_named_with_the_fix(small_line: SmallLine) -> None:
    settings = small_line(tts="")
    with pytest.raises(StartError) as raised:
        await build_catalog(settings, shipped=NONE_SHIPPED)
    sentence = str(raised.value)
    count = sum(1 for segment in segments_needed(settings) if segment.language)
    assert sentence.startswith(f"{count} texts have no audio: en 'Welcome to Example Bank.'; et 'Tere tulemast.'; ")
    assert sentence.endswith(f"and {count - 3} more; set 'tts: espeak-ng' and install it, or give audio files for them")
    assert "\n" not in sentence


async def test_an_engine_that_is_not_installed(small_line: SmallLine) -> None:
    with pytest.raises(StartError, match=r"have no audio: .*; install espeak-ng, which 'tts' names"):
        await build_catalog(small_line(), engine=EspeakEngine("no-such-program"), shipped=NONE_SHIPPED)
    with pytest.raises(StartError, match="'tts: parrot' is not an engine this switch knows"):
        await build_catalog(small_line(tts="parrot"), shipped=NONE_SHIPPED)


async def test_a_warm_cache_needs_no_installed_engine(small_line: SmallLine, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = small_line()
    await build_catalog(settings, engine=ToneEngine(), shipped=NONE_SHIPPED)
    engine = ToneEngine()
    monkeypatch.setattr(engine, "available", lambda: False)
    await build_catalog(settings, engine=engine, shipped=NONE_SHIPPED)


async def test_one_text_the_engine_refuses(small_line: SmallLine) -> None:
    engine = ToneEngine(refuses="Palun oodake.")
    with pytest.raises(StartError, match=r"^no speech for 'Palun oodake.' \(et\): it will not$"):
        await build_catalog(small_line(), engine=engine, shipped=NONE_SHIPPED)


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), (b"not audio", "it is not a WAV, MP3, OGG, FLAC, Opus or M4A file")],
)
async def test_an_unreadable_audio_file_is_named(
    small_line: SmallLine, tmp_path: Path, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "hello.wav").write_bytes(content)
    flow = Flow(FlowId("welcome"), (SayStep("greeting", Say({}, {"en": "hello.wav"})),))
    settings = small_line(call={"flows": {flow.id: flow}})
    with pytest.raises(StartError) as raised:
        await build_catalog(settings, engine=ToneEngine(), shipped=NONE_SHIPPED)
    assert str(raised.value) == f"cannot read the audio file {tmp_path / 'hello.wav'}: {why}"


async def test_a_damaged_index_or_prompt_of_the_package(small_line: SmallLine, tmp_path: Path) -> None:
    from softswitch.runtime.prompt_library import shipped_prompts

    (tmp_path / "index.json").write_text(json.dumps([{"lang": "en"}]))
    with pytest.raises(StartError, match=r"the index of the shipped prompts .* is damaged"):
        shipped_prompts(tmp_path)
    shipped = {("en", "Please wait."): Shipped(tmp_path / "gone.ogg", "digest")}
    with pytest.raises(StartError, match=r"the shipped prompt .*gone.ogg is damaged"):
        await build_catalog(small_line(), engine=ToneEngine(), shipped=shipped)


# ------------------------------------------------------------------ the real engine


needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@needs_espeak
async def test_a_line_spoken_by_espeak(small_line: SmallLine) -> None:
    settings = small_line()
    catalog = await build_catalog(settings, shipped=NONE_SHIPPED)
    sound = ulaw_to_linear(frames_of(settings, catalog, Segment("en", "Welcome to Example Bank."))) / 32768.0
    assert 1.2 < len(sound) / 8000 < 4.0
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / 8000)
    assert power[(hertz > 150) & (hertz < 3500)].sum() > 0.9 * power.sum()
    assert power[(hertz > 300) & (hertz < 1200)].sum() > 0.2 * power.sum()
    assert 0.3 < np.abs(sound).max() < 0.95
    keys, seconds = catalog.keys((Segment("en", "You are number"), Segment("en", "two"), Segment("en", "not there")))
    assert len(keys) == 2
    assert 0.8 < seconds < 2.5
