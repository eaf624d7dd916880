"""The speech engine as a subprocess: real espeak-ng, and programs that misbehave."""

from __future__ import annotations

import asyncio
import os
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from softswitch.runtime import tts
from softswitch.runtime.tts import EspeakEngine, TtsError, engine_named

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def program(tmp_path: Path, script: str) -> EspeakEngine:
    path = tmp_path / "engine"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return EspeakEngine(str(path), timeout_seconds=0.5)


def wav(samples: bytes, rate: int = 22050, channels: int = 1, before: bytes = b"") -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * 2, 2, 16)
    return b"RIFF\xff\xff\xff\x7fWAVE" + form + before + b"data\xff\xff\xff\x7f" + samples


@needs_espeak
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Hello."),
        ("en-GB", "Hello."),
        ("et", "Tere tulemast."),
        ("zh", "请稍等。"),
        ("it", "Buongiorno."),
        ("cs", "Dobrý den."),
    ],
)
async def test_the_languages_of_the_line(language: str, text: str) -> None:
    samples, rate = await EspeakEngine().render(text, language)
    assert rate == 22050
    assert 0.3 < len(samples) / rate < 3.0
    assert 0.05 < np.abs(samples).max() <= 1.0


@needs_espeak
async def test_text_is_never_an_option_and_never_a_file(tmp_path: Path) -> None:
    samples, _ = await EspeakEngine().render("-w /tmp/x; $(reboot) --version", "en")
    assert len(samples) > 10000


@needs_espeak
async def test_an_unknown_language_is_one_sentence() -> None:
    with pytest.raises(TtsError, match=r"^espeak-ng cannot speak 'xq': .+$"):
        await EspeakEngine().render("Hello.", "xq")


@needs_espeak
async def test_many_texts_at_once_keep_to_the_bound() -> None:
    engine = EspeakEngine(at_once=2)
    sounds = await asyncio.gather(*(engine.render(f"{n}", "en") for n in range(8)))
    assert all(len(samples) for samples, _ in sounds)


async def test_an_engine_that_hangs_is_ended(tmp_path: Path) -> None:
    engine = program(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60")
    with pytest.raises(TtsError, match=r"took longer than 0\.5 s"):
        await engine.render("Hello.", "en")
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("cat >/dev/null; exit 3", "cannot speak 'en': exit status 3"),
        ("cat >/dev/null; echo 'no voice' >&2; exit 1", "cannot speak 'en': no voice"),
        ("cat >/dev/null; echo hello", "did not answer with a WAV"),
        ("cat >/dev/null; exit 0", "did not answer with a WAV"),
        ("exit 1", "cannot speak 'en': exit status 1"),
    ],
)
async def test_an_engine_that_fails(tmp_path: Path, script: str, why: str) -> None:
    with pytest.raises(TtsError, match=why):
        await program(tmp_path, script).render("Hello.", "en")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (wav(b""), "no sound"),
        (wav(b"\0"), "no sound"),
        (wav(b"\0" * 8, channels=2), "16-bit mono"),
        (wav(b"\0" * 8)[:30], "no sound"),
    ],
)
async def test_odd_wavs(tmp_path: Path, answer: bytes, why: str) -> None:
    (tmp_path / "a.wav").write_bytes(answer)
    with pytest.raises(TtsError, match=why):
        await program(tmp_path, f"cat >/dev/null; cat {tmp_path}/a.wav").render("Hello.", "en")


async def test_a_wav_with_unknown_length_and_other_chunks(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(
        wav(struct.pack("<3h", 0, 16384, -32768) + b"\1", 8000, before=b"LIST\3\0\0\0abc\0")
    )
    samples, rate = await program(tmp_path, f"cat >/dev/null; cat {tmp_path}/a.wav").render("Hello.", "en")
    assert rate == 8000
    assert samples.tolist() == [0.0, 0.5, -1.0]


async def test_not_there_or_too_long() -> None:
    assert not EspeakEngine("no-such-program").available()
    with pytest.raises(TtsError, match="no-such-program cannot be started: No such file"):
        await EspeakEngine("no-such-program").render("Hello.", "en")
    with pytest.raises(TtsError, match="too long"):
        await EspeakEngine("no-such-program").render("a" * 5000, "en")


def test_engines_by_name() -> None:
    assert engine_named("") is None
    assert isinstance(engine_named("espeak-ng"), EspeakEngine)


async def test_a_program_that_writes_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tts, "_MOST_SOUND", 1 << 20)
    engine = program(tmp_path, "sleep 60 & cat /dev/zero")  # and what it has started goes with it
    with pytest.raises(TtsError, match="engine wrote more than 1 MB for one text"):
        await asyncio.wait_for(engine.render("Hello.", "en"), 10)


async def test_a_program_that_complains_at_length_is_heard_out() -> None:
    status, sound, complaint = await tts.run_program(
        (sys.executable, "-c", "import sys; sys.stderr.write('why\\n' * 100000); sys.exit(3)"),
        b"not read" * 100_000,
        20.0,
    )
    assert (status, sound, complaint[:4]) == (3, b"", b"why\n")
    assert len(complaint) <= 1 << 16
