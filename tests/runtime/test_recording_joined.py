"""Several files of one recording heard as one: where each lies, and every byte whatever piece is asked for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from softswitch.media.recording.crypt import KeyRing
from softswitch.runtime.recording_catalogue import Known, family, known
from softswitch.runtime.recording_joined import MOST_SILENCE_SECONDS, Joined, JoinError, place
from softswitch.runtime.recording_shelf import Audio


def a_file(number: str, began_at: float, goes_on_from: str = "", path: str = "", seconds: float = 1.0) -> Known:
    marks = [{"mark": "goes on from", "detail": goes_on_from}] if goes_on_from else []
    line: dict[str, Any] = {"recording": number, "path": path or f"{number}.wav", "marks": marks}
    return known({**line, "began_at": began_at, "seconds": seconds})


def places(*files: Known) -> list[tuple[float, float, float]]:
    return [(each.at, each.silence, each.missing) for each in place((each, each.seconds) for each in files)]


def test_which_files_are_one_recording() -> None:
    one, other = a_file("5", 100.0), a_file("6", 101.0)
    second, third = a_file("2", 110.0, "5"), a_file("9", 105.0, "2")  # a clock was put back
    files = [third, other, one, second]
    for number in ("5", "2", "9"):
        assert [each.recording for each in family(files, number)] == ["5", "2", "9"]
    assert family(files, "6") == [other]
    orphans = [a_file("3", 5.0, "1"), a_file("4", 9.0, "1")]  # of one that never became a file
    assert family(orphans, "4") == orphans
    ring = [a_file("1", 1.0, "2"), a_file("2", 2.0, "1")]
    assert {each.recording for each in family(ring, "1")} >= {"1"}  # nonsense, and it ends


def test_where_each_lies() -> None:
    one, two = a_file("1", 100.0), a_file("2", 103.5, "1")
    assert places(one, two) == [(0.0, 0.0, 0.0), (3.5, 2.5, 2.5)]
    assert places(one, a_file("2", 100.9, "1"))[1] == (1.0, 0.0, 0.0)  # the end of the first one is heard to its end
    assert places(one, a_file("2", 99_000.0, "1"))[1] == (301.0, MOST_SILENCE_SECONDS, 98_899.0)
    twin = a_file("1", 100.0, path="170-1.wav", seconds=4.0)
    assert places(one, twin, a_file("2", 105.0, "1")) == [(0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (5.0, 1.0, 1.0)]


def tone(rate: int, seconds: float, hertz: float = 440.0) -> np.ndarray[Any, Any]:
    left = 8000 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)
    return np.stack([left, -left], axis=1).astype(np.int16)


def joined(folder: Path, *files: tuple[Known, int, Any], form: str = "WAV") -> Joined:
    for each, rate, samples in files:
        soundfile.write(folder / each.path, samples, rate, format=form)
    return Joined([(each, Audio(folder / each.path, KeyRing())) for each, _, _ in files])


def test_every_piece_is_the_same_bytes(tmp_path: Path) -> None:
    first, second = tone(8000, 0.5), tone(8000, 0.7, 300.0)
    one, two = a_file("1", 100.0, path="1.flac", seconds=0.5), a_file("2", 100.75, "1", "2.flac")
    with joined(tmp_path, (one, 8000, first), (two, 8000, second), form="FLAC") as sound:
        whole = b"".join(sound.pieces())
        assert len(whole) == sound.size
        samples, rate = soundfile.read(io.BytesIO(whole), dtype="int16")
        silence = np.zeros((2000, 2), np.int16)
        assert rate == 8000 and np.array_equal(samples, np.concatenate([first, silence, second]))
        for begin, end in (
            (0, 7),
            (40, 50),
            (45, 46),
            (15_999, 16_050),
            (23_990, sound.size),
            (sound.size - 3, sound.size),
        ):
            piece = sound.piece(begin, end)
            assert piece and whole.startswith(piece, begin) and len(piece) <= end - begin


def test_two_halves_of_one_timeline_are_added_up(tmp_path: Path) -> None:
    whole = tone(8000, 1.0)
    first, second = whole.copy(), whole.copy()
    first[3000:], second[:3000] = 0, 0
    one, twin = a_file("1", 100.0), a_file("1", 100.0, path="170-1.wav")
    with joined(tmp_path, (one, 8000, first), (twin, 8000, second)) as sound:
        assert np.array_equal(sound.samples(0, 8000), whole)


def test_a_narrow_and_a_wide_half(tmp_path: Path) -> None:
    one, two = a_file("1", 100.0), a_file("2", 101.0, "1")
    with joined(tmp_path, (one, 8000, tone(8000, 1.0)), (two, 16000, tone(16000, 1.0))) as sound:
        assert (sound.rate, sound.frames) == (16000, 32000)
        found = sound.samples(0, 32000).astype(float)
        assert np.max(np.abs(found[500:15_500] - tone(16000, 1.0)[500:15_500])) < 100  # the tone, not its mirror
        assert np.array_equal(sound.samples(4001, 4100), found[4001:4100])


def test_a_damaged_file_says_which(tmp_path: Path) -> None:
    one, two = a_file("1", 100.0), a_file("2", 101.0, "1")
    (tmp_path / "2.wav").write_bytes(b"no sound")
    soundfile.write(tmp_path / "1.wav", tone(8000, 1.0), 8000)
    with pytest.raises(JoinError, match=r"2\.wav cannot be read"):
        Joined([(each, Audio(tmp_path / each.path, KeyRing())) for each in (one, two)])
