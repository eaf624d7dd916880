"""The ears are trusted evidence: they hear what is there, when it is there, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from softswitch.demo.listen import (
    RATE,
    U_LAW,
    Prompt,
    Recording,
    Samples,
    find_prompt,
    speech_spans,
    tone_spans,
)


def sine(hertz: float, seconds: float, level: float = 0.25) -> Samples:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), dtype=np.float32)


def babble(seconds: float, seed: int) -> Samples:
    """Noise with the rhythm of speech: no two seeds are alike."""
    noise = np.random.default_rng(seed)
    count = int(seconds * RATE)
    rhythm = np.repeat(noise.uniform(0.0, 1.0, count // 800 + 1), 800)[:count]
    return (0.2 * rhythm * noise.standard_normal(count)).astype(np.float32)


def joined(*parts: Samples, began: float = 100.0) -> Recording:
    return Recording(np.concatenate(parts), began)


def over_the_wire(samples: Samples) -> Samples:
    """Through G.711 u-law, as a phone hears it: the nearest of the 255 amplitudes."""
    levels = np.unique(U_LAW)
    return levels[np.abs(levels[np.newaxis, :] - samples[:, np.newaxis]).argmin(axis=1)]


@pytest.mark.parametrize(
    ("code", "amplitude"),
    [(0x00, -32124), (0x80, 32124), (0xFF, 0), (0x7F, 0), (0xFE, 8), (0x8F, 16764), (0x90, 15996), (0xEF, 132)],
)
def test_u_law_codes_have_the_amplitudes_of_g711(code: int, amplitude: int) -> None:
    assert int(U_LAW[code] * 32768) == amplitude


def test_tone_is_found_with_its_times() -> None:
    spans = tone_spans(joined(silence(1.0), over_the_wire(sine(440, 2.0)), silence(1.0)), 440)
    assert len(spans) == 1
    assert spans[0].began == pytest.approx(101.0, abs=0.05)
    assert spans[0].ended == pytest.approx(103.0, abs=0.05)


@pytest.mark.parametrize("other", [400, 480, 880, 350])
def test_other_tones_are_not_taken_for_it(other: int) -> None:
    assert tone_spans(joined(sine(other, 2.0)), 440) == []


def test_tone_is_told_from_dtmf_speech_and_silence() -> None:
    dtmf = sine(770, 1.0, 0.2) + sine(1336, 1.0, 0.2)
    assert tone_spans(joined(dtmf, babble(2.0, 1), silence(1.0)), 770) == []


def test_quiet_tone_under_a_little_noise_is_heard() -> None:
    noise = 0.005 * np.random.default_rng(7).standard_normal(2 * RATE).astype(np.float32)
    assert tone_spans(joined(sine(770, 2.0, 0.05) + noise), 770)


def test_tone_before_the_asked_time_does_not_count() -> None:
    recording = joined(sine(440, 1.0), silence(1.0))
    assert tone_spans(recording, 440, since=101.0) == []
    assert tone_spans(recording, 440, since=100.5)


def test_speech_spans_are_where_the_sound_is() -> None:
    spans = speech_spans(joined(silence(0.5), sine(300, 1.0), silence(0.5)))
    assert [round(span.began, 1) for span in spans] == [100.5]
    assert speech_spans(joined(silence(3.0))) == []


def test_prompt_is_found_where_it_was_played() -> None:
    prompt = Prompt("welcome", over_the_wire(babble(3.2, 1)))
    recording = joined(babble(1.3, 2), prompt.samples, babble(1.0, 3))
    heard = find_prompt(recording, prompt)
    assert heard is not None
    assert heard.began == pytest.approx(101.3, abs=0.01)
    assert heard.share == 1.0


def test_other_prompt_is_not_found() -> None:
    assert find_prompt(joined(babble(5.0, 2)), Prompt("welcome", babble(3.0, 1))) is None


def test_cut_prompt_tells_its_share() -> None:
    prompt = Prompt("welcome", babble(4.0, 1))
    heard = find_prompt(joined(prompt.samples[: 2 * RATE], silence(4.0)), prompt)
    assert heard is not None
    assert heard.share == pytest.approx(0.5, abs=0.15)
    assert heard.ended == pytest.approx(102.0, abs=0.6)


def test_lost_packet_in_the_middle_does_not_hide_a_prompt() -> None:
    prompt = Prompt("welcome", babble(4.0, 1))
    lossy = np.concatenate((prompt.samples[:RATE], prompt.samples[RATE + 160 :]))
    heard = find_prompt(joined(silence(0.5), lossy), prompt)
    assert heard is not None
    assert heard.share > 0.8


def test_second_time_is_found_when_asked_since() -> None:
    prompt = Prompt("menu", babble(1.5, 1))
    recording = joined(prompt.samples, silence(1.0), prompt.samples)
    again = find_prompt(recording, prompt, since=101.6)
    assert again is not None
    assert again.began == pytest.approx(102.5, abs=0.01)


def test_prompt_from_u_law_file_and_recording_round_trip(tmp_path: Path) -> None:
    prompt = Prompt.from_u_law("x", bytes([0xFF] * RATE))
    assert prompt.seconds == 1.0
    assert not prompt.samples.any()
    path = tmp_path / "x.pcm"
    path.write_bytes((sine(440, 0.5) * 32767).astype("<i2").tobytes() + b"\x01")  # half a sample is still being written
    recording = Recording.read(path, 5.0)
    assert recording.seconds == pytest.approx(0.5)
    assert tone_spans(recording, 440)
    recording.save(tmp_path / "x.wav")
    assert (tmp_path / "x.wav").stat().st_size > 8000


def test_prompt_with_a_cut_beginning_is_found() -> None:
    prompt = Prompt("ready", babble(1.2, 1))
    heard = find_prompt(joined(prompt.samples[400:], silence(0.5)), prompt)
    assert heard is not None
    assert heard.share == pytest.approx(2 / 3)
