"""Files that PyAV reads, and the wide-band version of a prompt beside its G.711."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import soundfile

from softswitch.call.settings import Settings
from softswitch.ids import FlowId
from softswitch.ivr.messages import Flow, Say, SayStep, Segment
from softswitch.media.messages import MediaSettings
from softswitch.runtime.audio_files import (
    SPOKEN_FILE,
    WIDE_FRAME_BYTES,
    UnreadableAudio,
    decode,
    loudness,
    read_file,
    to_line,
)
from softswitch.runtime.prompt_cache import PromptCache, identity_of
from softswitch.runtime.prompt_library import PromptLibrary, Shipped, build_catalog
from softswitch.runtime.tts import TtsEngine
from softswitch.runtime.tts_voices import voices_of

if TYPE_CHECKING:
    from softswitch.runtime.audio_files import Samples

SmallLine = Callable[..., Settings]
NONE_SHIPPED: dict[tuple[str, str], Shipped] = {}
WIDE = MediaSettings(codecs=("OPUS", "PCMU"))


def tone(hertz: float, rate: int, seconds: float = 1.0) -> Samples:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def strongest(sound: Samples, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * rate / len(sound))


def encode(path: Path, codec: str, sound: Samples, rate: int) -> None:
    """Two channels, so that a decoder has to mix."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack([sound, sound]), format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [("a.m4a", "aac", 44100), ("a.aac", "aac", 32000), ("a.opus", "libopus", 48000)],
)
def test_files_that_soundfile_does_not_know(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    encode(tmp_path / name, codec, tone(620, rate), rate)
    sound = to_line(*read_file(tmp_path / name), SPOKEN_FILE)
    assert strongest(sound[1600:6400], 8000) == pytest.approx(620, abs=3)
    assert 20 * np.log10(loudness(sound[1600:6400])) == pytest.approx(-20.0, abs=0.5)
    assert len(sound) / 8000 == pytest.approx(1.0, abs=0.08)


def test_the_rest_of_a_cut_file_is_played(tmp_path: Path) -> None:
    encode(tmp_path / "a.aac", "aac", tone(620, 32000, 4.0), 32000)
    whole = (tmp_path / "a.aac").read_bytes()
    samples, rate = decode(whole[: len(whole) // 2])
    assert rate == 32000
    assert len(samples) == pytest.approx(2 * 32000, rel=0.1)


def test_a_file_that_names_other_files_opens_none_of_them(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "secret.wav", tone(620, 8000), 8000)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tmp_path / 'secret.wav'}\n#EXT-X-ENDLIST\n"
    concat = f"ffconcat version 1.0\nfile '{tmp_path / 'secret.wav'}'\n"
    for text in (playlist, concat):
        with pytest.raises(UnreadableAudio, match="not a WAV"):
            decode(text.encode())


def test_a_film_without_sound_says_so(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.m4a"), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        for packet in [*stream.encode(av.VideoFrame(64, 64, "yuv420p")), *stream.encode(None)]:
            container.mux(packet)
    with pytest.raises(UnreadableAudio, match="contains no audio"):
        read_file(tmp_path / "a.m4a")


# ------------------------------------------------------------------ 16 kHz


class HighVoice:
    """A stand-in for a voice that speaks above what a telephone carries: 22 kHz, a tone at 5 kHz and one at 600 Hz."""

    name = "high"

    def available(self) -> bool:
        return True

    def voice(self, language: str) -> str:
        return language

    async def render(self, text: str, language: str) -> tuple[Samples, int]:
        return tone(5000, 22050) + tone(600, 22050), 22050


def files_of(settings: Settings) -> dict[str, list[Path]]:
    found = sorted(Path(settings.prompt_cache).iterdir())
    return {suffix: [path for path in found if path.suffix == suffix] for suffix in (".ulaw", ".s16k")}


def wide_line(small_line: SmallLine, tmp_path: Path, media: MediaSettings) -> Settings:
    soundfile.write(tmp_path / "wide.wav", tone(5000, 44100) + tone(600, 44100), 44100)
    soundfile.write(tmp_path / "narrow.wav", tone(600, 8000), 8000)
    says = [SayStep("a", Say({}, {"en": "wide.wav"})), SayStep("b", Say({}, {"en": "narrow.wav"}))]
    flow = Flow(FlowId("welcome"), tuple(says))
    return replace(small_line(call={"flows": {flow.id: flow}, "queue_texts": {}, "agents": {}}), media=media)


async def test_a_wide_source_is_kept_at_16_khz_too(small_line: SmallLine, tmp_path: Path) -> None:
    settings = wide_line(small_line, tmp_path, WIDE)
    engine: TtsEngine = HighVoice()
    catalog = await build_catalog(settings, engine=engine, shipped=NONE_SHIPPED)
    for segment in (Segment("en", file="wide.wav"), Segment("en", "Goodbye.")):
        prompt = catalog.find(segment)
        assert prompt is not None
        data = (Path(settings.prompt_cache) / f"{prompt.key}.s16k").read_bytes()
        assert len(data) % WIDE_FRAME_BYTES == 0
        assert len(data) / 32000 == pytest.approx(prompt.seconds, abs=0.03)
        sound = np.frombuffer(data, "<i2").astype(np.float32)[3200:12800] / 32768.0
        power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
        high = power[round(4900 * 0.6) : round(5100 * 0.6)].sum()
        assert 0.3 < high / power.sum() < 0.7
        assert 20 * np.log10(loudness(sound, 16000)) == pytest.approx(-20.0, abs=0.5)
    narrow = catalog.find(Segment("en", file="narrow.wav"))
    assert narrow is not None
    assert not (Path(settings.prompt_cache) / f"{narrow.key}.s16k").exists()
    again = PromptLibrary(settings, voices_of(settings, engine), NONE_SHIPPED)
    second = await again.build(lambda *_: pytest.fail("made again"))
    assert second.all_keys() == catalog.all_keys()


async def test_nobody_can_hear_it_so_it_is_not_made(small_line: SmallLine, tmp_path: Path) -> None:
    settings = wide_line(small_line, tmp_path, MediaSettings())
    await build_catalog(settings, engine=HighVoice(), shipped=NONE_SHIPPED)
    found = files_of(settings)
    assert found[".ulaw"]
    assert found[".s16k"] == []


def test_both_files_go_together(tmp_path: Path) -> None:
    now, day = 1_800_000_000.0, 86400.0
    cache = PromptCache(tmp_path, now)
    prompt = cache.add(identity_of("one"), bytes(320), bytes(1280))
    assert {path.suffix for path in tmp_path.iterdir()} == {".ulaw", ".s16k"}
    (tmp_path / f"{prompt.key}.ulaw").write_bytes(b"cut")
    assert PromptCache(tmp_path, now).find(identity_of("one")) is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / f"{prompt.key}.s16k").write_bytes(bytes(1280))  # its other half never came
    PromptCache(tmp_path, (tmp_path / f"{prompt.key}.s16k").stat().st_mtime + day)
    assert list(tmp_path.iterdir()) == []
