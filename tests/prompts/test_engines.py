"""Piper and speech servers behind the port: real processes and a real HTTP server that keep, or break, the contract."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from aiohttp import web

from softswitch.call.errors import StartError
from softswitch.call.settings import Settings
from softswitch.call.speech_settings import SpeechSettings, VoiceSettings
from softswitch.ivr.messages import Segment
from softswitch.runtime import tts_http
from softswitch.runtime.prompt_library import Shipped, build_catalog
from softswitch.runtime.tts import TtsError
from softswitch.runtime.tts_http import HttpEngine
from softswitch.runtime.tts_piper import PiperEngine
from softswitch.runtime.tts_voices import voices_of

SmallLine = Callable[..., Settings]
NONE_SHIPPED: dict[tuple[str, str], Shipped] = {}

# A program that keeps Piper's contract: it speaks each line of its input in tones, as raw samples of the model's rate.
PROGRAM = """#!{python}
import json, math, struct, sys
model = sys.argv[sys.argv.index("--model") + 1]
assert "--output-raw" in sys.argv
rate = json.load(open(model + ".json"))["audio"]["sample_rate"]
hertz = 900 if "--speaker" in sys.argv else 600
for line in sys.stdin:
    for n in range(int(rate * 0.02 * len(line.strip()))):
        sys.stdout.buffer.write(struct.pack("<h", int(9000 * math.sin(6.2832 * hertz * n / rate))))
"""


def piper(tmp_path: Path, rate: object = 22050, program: str = PROGRAM, speaker: int | None = None) -> PiperEngine:
    (tmp_path / "voice.onnx").write_bytes(b"model")
    (tmp_path / "voice.onnx.json").write_text(json.dumps({"audio": {"sample_rate": rate}}))
    path = tmp_path / "piper"
    path.write_text(program.format(python=sys.executable) if program is PROGRAM else f"#!/bin/sh\n{program}\n")
    path.chmod(0o755)
    return PiperEngine(tmp_path / "voice.onnx", speaker, str(path), timeout_seconds=5.0)


def pitch(samples: np.ndarray, rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples))


async def test_piper_speaks_with_the_rate_of_its_model(tmp_path: Path) -> None:
    samples, rate = await piper(tmp_path).render("Tere\ntulemast", "et")
    assert rate == 22050
    assert len(samples) / rate == pytest.approx(0.02 * len("Tere tulemast"), abs=0.01)  # one line: one text
    assert pitch(samples, rate) == pytest.approx(600, abs=5)
    samples, rate = await piper(tmp_path, 16000, speaker=3).render("Tere", "et")
    assert (rate, round(pitch(samples, rate), -1)) == (16000, 900)


@pytest.mark.parametrize(
    ("rate", "program", "why"),
    [
        (5, PROGRAM, r"sampling rate 5 in .*voice.onnx.json cannot be right"),
        ("fast", PROGRAM, "sampling rate fast"),
        (22050, "echo 'no such voice' >&2; exit 3", "piper cannot speak: no such voice"),
        (22050, "cat >/dev/null", "piper answered with no sound"),
    ],
)
async def test_what_piper_does_wrong(tmp_path: Path, rate: object, program: str, why: str) -> None:
    with pytest.raises(TtsError, match=why):
        await piper(tmp_path, rate, program).render("Tere", "et")


async def test_a_piper_that_hangs_or_is_not_there(tmp_path: Path) -> None:
    engine = piper(tmp_path, program="exec sleep 60")
    engine._timeout_seconds = 0.2
    with pytest.raises(TtsError, match=r"took longer than 0\.2 s"):
        await engine.render("Tere", "et")
    assert engine.available()
    (tmp_path / "voice.onnx.json").unlink()
    with pytest.raises(TtsError, match=r"voice.onnx.json cannot be read"):
        await engine.render("Tere", "et")
    assert not PiperEngine(tmp_path / "other.onnx", program=str(tmp_path / "piper")).available()
    assert not PiperEngine(tmp_path / "voice.onnx", program="no-such-program").available()


@pytest.mark.skipif(shutil.which("piper") is None, reason="piper and a voice for it are not installed")
async def test_the_real_piper_knows_our_options() -> None:
    process = await asyncio.create_subprocess_exec("piper", "--help", stdout=-1, stderr=-2)
    said, _ = await process.communicate()
    assert b"--model" in said
    assert b"--output-raw" in said or b"--output_raw" in said


# ------------------------------------------------------------------ a server

Answer = Callable[[web.Request, dict[str, str]], web.Response]


def sound(hertz: float = 700.0, seconds: float = 0.3) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(6.2832 * hertz * np.arange(int(16000 * seconds)) / 16000), 16000, format="WAV")
    return file.getvalue()


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    asked: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(await request.json() | {"token": request.headers.get("Authorization", "")})
        return answer(request, asked[-1])

    app = web.Application()
    app.router.add_post("/say", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield f"http://127.0.0.1:{port}/say", asked
    finally:
        await runner.cleanup()


async def test_a_server_speaks() -> None:
    async with server(lambda request, said: web.Response(body=sound())) as (url, asked):
        samples, rate = await HttpEngine(url, "mari", "s3cret").render("Tere.", "et")
    assert pitch(samples, rate) == pytest.approx(700, abs=5)
    assert asked == [{"text": "Tere.", "language": "et", "voice": "mari", "token": "Bearer s3cret"}]


async def test_what_passes_is_asked_again_and_only_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tts_http, "_PAUSE_SECONDS", 0.001)
    statuses = iter([503, 429, 200])
    async with server(lambda *_: web.Response(status=next(statuses), body=sound())) as (url, asked):
        await HttpEngine(url).render("Tere.", "et")
        assert len(asked) == 3
    async with server(lambda *_: web.Response(status=500)) as (url, asked):
        with pytest.raises(TtsError, match="could not be asked, 3 times: status 500"):
            await HttpEngine(url).render("Tere.", "et")
        assert len(asked) == 3
    async with server(lambda *_: web.Response(status=403)) as (url, asked):
        with pytest.raises(TtsError, match="answered with status 403"):
            await HttpEngine(url).render("Tere.", "et")
        assert len(asked) == 1
    with pytest.raises(TtsError, match="could not be asked, 3 times"):
        await HttpEngine(url).render("Tere.", "et")  # nobody is there any more


async def test_a_server_that_sends_us_elsewhere_or_too_much_or_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[str] = []

    def elsewhere(request: web.Request, said: dict[str, str]) -> web.Response:
        reached.append(request.path)
        return web.Response(status=307, headers={"Location": "/say?again"})

    async with server(elsewhere) as (url, _):
        with pytest.raises(TtsError, match="answered with status 307"):
            await HttpEngine(url).render("Tere.", "et")
    assert reached == ["/say"]
    monkeypatch.setattr(tts_http, "_LARGEST_BYTES", 5000)
    async with server(lambda *_: web.Response(body=sound())) as (url, _):
        with pytest.raises(TtsError, match="answered with more than"):
            await HttpEngine(url).render("Tere.", "et")
    async with server(lambda *_: web.Response(body=b"<html>hello</html>")) as (url, _):
        with pytest.raises(TtsError, match="something else than audio"):
            await HttpEngine(url).render("Tere.", "et")


async def test_a_server_that_does_not_answer() -> None:
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(TtsError, match=r"took longer than 0.1 s"):
        await HttpEngine(f"http://127.0.0.1:{port}/say", timeout_seconds=0.1).render("Tere.", "et")
    silent.close()


def test_a_key_is_in_no_description() -> None:
    assert "s3cret" not in repr(VoiceSettings("http", url="http://a/say", key="s3cret"))


# ------------------------------------------------------------------ who speaks what


async def test_each_language_has_its_engine(small_line: SmallLine, tmp_path: Path) -> None:
    engine = piper(tmp_path)
    async with server(lambda *_: web.Response(body=sound())) as (url, asked):
        voices = {"en": VoiceSettings("http", url=url), "et": VoiceSettings("piper", model="voice.onnx")}
        few = small_line(tts="", call={"flows": {}, "queue_texts": {}, "agents": {}})
        settings = replace(few, speech=SpeechSettings(voices))
        line = voices_of(settings)
        assert line.engine("cs") is None
        assert isinstance(line.engine("en-GB"), HttpEngine)
        line._own["et"] = engine
        catalog = await build_catalog(settings, voices=line, shipped=NONE_SHIPPED)
    assert {said["language"] for said in asked} == {"en"}
    for segment in (Segment("en", "Goodbye."), Segment("et", "Head aega.")):
        assert catalog.find(segment) is not None
    assert line.identity(Segment("en", "a"), False) != line.identity(Segment("et", "a"), False)


async def test_a_language_whose_engine_is_missing_is_named(small_line: SmallLine, tmp_path: Path) -> None:
    voices = {"et": VoiceSettings("piper", model="none.onnx")}
    settings = replace(small_line(), speech=SpeechSettings(voices))
    with pytest.raises(StartError, match=r"have no audio: et .*; install piper, which 'speech' names"):
        await build_catalog(settings, shipped=NONE_SHIPPED)
