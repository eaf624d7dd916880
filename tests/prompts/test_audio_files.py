"""Audio files of every kind become the same telephone sound."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from softswitch.media.g711 import ulaw_to_linear
from softswitch.runtime.audio_files import (
    FRAME_BYTES,
    MUSIC_FILE,
    SPOKEN_FILE,
    Treatment,
    UnreadableAudio,
    decode,
    loudness,
    read_file,
    to_line,
    to_ulaw,
)

if TYPE_CHECKING:
    from softswitch.runtime.audio_files import Samples

TONE = 620.0


def tone(rate: int, seconds: float = 1.0, hertz: float = TONE, loud: float = 0.3, channels: int = 2) -> Samples:
    time = np.arange(int(rate * seconds)) / rate
    one = (loud * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
    return np.column_stack([one] * channels)


def decoded(frames: bytes) -> Samples:
    assert frames and len(frames) % FRAME_BYTES == 0
    return ulaw_to_linear(frames).astype(np.float32) / 32768.0


def on_the_line(path: Path, treatment: Treatment = SPOKEN_FILE) -> Samples:
    return decoded(to_ulaw(to_line(*read_file(path), treatment)))


def strongest(sound: Samples) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * 8000.0 / len(sound))


def decibels(value: float) -> float:
    return float(20.0 * np.log10(value))


@pytest.mark.parametrize(
    ("name", "form", "coding", "rate"),
    [
        ("a.wav", "WAV", "PCM_16", 44100),
        ("a24.wav", "WAV", "PCM_24", 48000),
        ("float.wav", "WAV", "FLOAT", 22050),
        ("ulaw.wav", "WAV", "ULAW", 8000),
        ("alaw.wav", "WAV", "ALAW", 8000),
        ("a8.wav", "WAV", "PCM_U8", 16000),
        ("a32.wav", "WAV", "PCM_32", 16000),
        ("a.aiff", "AIFF", "PCM_16", 44100),
        ("a.mp3", "MP3", "MPEG_LAYER_III", 44100),
        ("a.ogg", "OGG", "VORBIS", 44100),
        ("opus.ogg", "OGG", "OPUS", 48000),
        ("a.flac", "FLAC", "PCM_16", 44100),
    ],
)
def test_a_tone_keeps_its_pitch_and_gets_the_line_level(
    tmp_path: Path, name: str, form: str, coding: str, rate: int
) -> None:
    path = tmp_path / name
    soundfile.write(path, tone(rate), rate, format=form, subtype=coding)
    sound = on_the_line(path)
    middle = sound[1600:6400]
    assert strongest(middle) == pytest.approx(TONE, abs=3.0)
    assert decibels(loudness(middle)) == pytest.approx(-20.0, abs=0.5)
    assert len(sound) / 8000 == pytest.approx(1.0, abs=0.05)  # nothing is added to what had no silence
    # Everything that is not the tone is at least 30 dB below it.
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    at = round(TONE * len(middle) / 8000)
    rest = spectrum.sum() - spectrum[at - 8 : at + 9].sum()
    assert 10 * np.log10(rest / spectrum.sum()) < -30.0


def test_what_a_telephone_cannot_carry_does_not_fold_back(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "high.wav", tone(44100, hertz=620) + tone(44100, hertz=6500), 44100)
    sound = on_the_line(tmp_path / "high.wav")[1600:6400]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    folded = round(1500 * len(sound) / 8000)  # 6500 Hz would come out at 1500 Hz
    assert decibels(spectrum[folded - 5 : folded + 6].max() / spectrum.max()) < -35.0


@pytest.mark.parametrize("loud", [0.006, 0.05, 0.9])
def test_quiet_and_loud_files_sound_alike(tmp_path: Path, loud: float) -> None:
    soundfile.write(tmp_path / "a.wav", tone(16000, loud=loud), 16000, subtype="FLOAT")
    assert decibels(loudness(on_the_line(tmp_path / "a.wav"))) == pytest.approx(-20.0, abs=0.7)


def test_a_pause_does_not_make_a_text_louder(tmp_path: Path) -> None:
    gap = np.zeros((16000 * 3, 2), np.float32)
    soundfile.write(tmp_path / "a.wav", np.concatenate([tone(16000), gap, tone(16000)]), 16000)
    sound = on_the_line(tmp_path / "a.wav")
    assert decibels(float(np.sqrt(np.mean(sound[1600:6400] ** 2)))) == pytest.approx(-20.0, abs=0.5)
    assert len(sound) >= 5 * 8000  # the pause stays


def test_a_peak_never_clips(tmp_path: Path) -> None:
    clicks = np.zeros(16000, np.float32)
    clicks[::1600] = 0.5
    soundfile.write(tmp_path / "a.wav", clicks + 0.001 * tone(16000, channels=1)[:, 0], 16000)
    assert np.abs(on_the_line(tmp_path / "a.wav")).max() < 0.92


def test_an_offset_is_removed(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(16000) * 0.3 + 0.4, 16000)
    assert abs(float(on_the_line(tmp_path / "a.wav").mean())) < 0.002


def test_silence_at_the_ends_is_cut(tmp_path: Path) -> None:
    silence = np.zeros((16000, 2), np.float32)
    soundfile.write(tmp_path / "a.wav", np.concatenate([silence, tone(16000), silence]), 16000)
    sound = on_the_line(tmp_path / "a.wav", Treatment(lead_ms=20, tail_ms=60))
    assert 1.05 < len(sound) / 8000 < 1.15
    heard = np.flatnonzero(np.abs(sound) > 0.01)
    assert 20 <= heard[0] / 8 <= 35
    assert 60 <= (len(sound) - heard[-1]) / 8 <= 100


def test_a_sound_that_begins_and_ends_hard_gets_soft_edges(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(16000), 16000)
    sound = on_the_line(tmp_path / "a.wav", Treatment(lead_ms=0, tail_ms=0))
    envelope = np.abs(sound[: len(sound) // 16 * 16]).reshape(-1, 16).max(axis=1)  # 2 ms each
    for edge in (envelope[:6], envelope[np.flatnonzero(envelope > 0.001)[-1] :: -1][:6]):
        assert edge[0] < 0.4 * envelope.max()
        assert edge[5] > 0.9 * envelope.max()


def test_music_is_softer_and_is_not_cut(tmp_path: Path) -> None:
    silence = np.zeros((16000, 2), np.float32)
    soundfile.write(tmp_path / "a.wav", np.concatenate([silence, tone(16000)]), 16000)
    sound = on_the_line(tmp_path / "a.wav", MUSIC_FILE)
    assert len(sound) == 16000
    assert decibels(loudness(sound)) == pytest.approx(-26.0, abs=0.5)


def test_a_file_of_silence_stays_a_pause(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((16000, 1), np.float32), 16000)
    sound = on_the_line(tmp_path / "a.wav")
    assert len(sound) == 8000
    assert not np.abs(sound).any()


def test_a_long_file_of_many_channels(tmp_path: Path) -> None:
    silent = np.zeros((48000 * 20, 5), np.float32)
    silent[:, 1] = tone(48000, seconds=20.0, channels=1)[:, 0]
    soundfile.write(tmp_path / "a.flac", silent, 48000)
    sound = on_the_line(tmp_path / "a.flac")
    assert len(sound) / 8000 == pytest.approx(20.0, abs=0.05)
    assert strongest(sound[80000:88000]) == pytest.approx(TONE, abs=3.0)


def test_a_very_short_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(8000)[:3], 8000)
    assert len(on_the_line(tmp_path / "a.wav")) % FRAME_BYTES == 0


def test_numbers_that_are_none_do_no_harm() -> None:
    sound = tone(8000, channels=1)[:, 0]
    sound[100:110] = np.nan
    sound[200] = np.inf
    assert np.isfinite(to_line(sound, 8000, SPOKEN_FILE)).all()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a WAV, MP3, OGG, FLAC, Opus or M4A"),
        (b"RIFF\0\0\0\0WAVEfmt ", "not a WAV"),
        (b"steps:\n  - say\n" * 50, "not a WAV"),
    ],
)
def test_a_file_that_is_no_audio(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(UnreadableAudio, match=why):
        read_file(tmp_path / "a.wav")


def test_a_file_that_is_not_there_or_empty_or_endless(tmp_path: Path) -> None:
    with pytest.raises(UnreadableAudio, match="No such file"):
        read_file(tmp_path / "a.wav")
    with pytest.raises(UnreadableAudio, match="directory"):
        read_file(tmp_path)
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1), np.float32), 8000)
    with pytest.raises(UnreadableAudio, match="no audio"):
        read_file(tmp_path / "none.wav")
    soundfile.write(tmp_path / "long.flac", np.zeros(901 * 8000, np.int16), 8000)
    with pytest.raises(UnreadableAudio, match="longer than 15 minutes"):
        read_file(tmp_path / "long.flac")
    with (tmp_path / "huge.wav").open("wb") as file:
        file.truncate(601 << 20)  # takes no room on the disk
    with pytest.raises(UnreadableAudio, match="larger than 600 MB"):
        read_file(tmp_path / "huge.wav")
    soundfile.write(tmp_path / "slow.wav", np.zeros(100, np.int16), 10)
    with pytest.raises(UnreadableAudio, match="rate of 10 Hz cannot be right"):
        read_file(tmp_path / "slow.wav")


def test_the_rest_of_a_cut_file_is_played(tmp_path: Path) -> None:
    whole = io.BytesIO()
    soundfile.write(whole, tone(16000), 16000, format="WAV")
    (tmp_path / "a.wav").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    samples, rate = read_file(tmp_path / "a.wav")
    assert rate == 16000
    assert len(samples) == pytest.approx(8000, abs=20)


def test_no_warning_about_a_missing_ffmpeg() -> None:
    program = (
        "import numpy as np; from softswitch.runtime.audio_files import *;"
        "to_line(np.sin(np.arange(9000, dtype=np.float32)), 8000, SPOKEN_FILE)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False, env={"PATH": ""}
    )
    assert (done.returncode, done.stderr) == (0, "")


def flac(rate: int, seconds: int, channels: int) -> bytes:
    file = io.BytesIO()
    silent = np.zeros((rate, channels), np.int16)
    with soundfile.SoundFile(file, "w", rate, channels, format="FLAC") as to:
        for _ in range(seconds):
            to.write(silent)
    return file.getvalue()


def test_a_small_file_that_would_be_gigabytes_of_sound(tmp_path: Path) -> None:
    bomb = flac(384_000, 240, 1)
    assert len(bomb) < 500_000
    with pytest.raises(UnreadableAudio, match="it is longer than 3 minutes, at 384000 Hz"):
        decode(bomb)


def test_so_many_channels_are_no_recording(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "many.wav", np.zeros((10, 200), np.float32), 8000)
    with pytest.raises(UnreadableAudio, match="it has 200 channels, more than 64"):
        read_file(tmp_path / "many.wav")


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("treatment", [SPOKEN_FILE, MUSIC_FILE])
def test_a_file_of_less_than_a_sample_of_the_line_is_silence(tmp_path: Path, count: int, treatment: Treatment) -> None:
    soundfile.write(tmp_path / "click.wav", np.full(count, 0.5, np.float32), 192_000)
    assert len(on_the_line(tmp_path / "click.wav", treatment)) == FRAME_BYTES
