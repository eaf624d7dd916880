"""The prompt cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.media import g711
from softswitch.media.codecs import G722, OPUS, PCMA, PCMU
from softswitch.media.worker import prompts
from softswitch.media.worker.prompts import PromptLibrary


def test_read_once_and_shared(tmp_path: Path) -> None:
    file = tmp_path / "hello.ulaw"
    file.write_bytes(b"hello")
    library = PromptLibrary(str(tmp_path))
    clip = library.get("hello")
    assert clip == b"hello"
    file.unlink()
    assert library.get("hello") is clip


def test_alaw_is_kept_beside(tmp_path: Path) -> None:
    (tmp_path / "hello.ulaw").write_bytes(b"hello")
    library = PromptLibrary(str(tmp_path))
    assert library.get("hello", PCMA) == g711.ulaw_to_alaw(b"hello")
    assert library.get("hello") == b"hello"
    assert library.cached_bytes == 10


def test_the_longest_unused_goes_first(tmp_path: Path) -> None:
    for key in "abc":
        (tmp_path / f"{key}.ulaw").write_bytes(key.encode() * 40)
    library = PromptLibrary(str(tmp_path), cache_bytes=100)
    library.get("a")
    library.get("b")
    library.get("a")
    library.get("c")
    assert library.cached_bytes == 80
    for key in "abc":
        (tmp_path / f"{key}.ulaw").unlink()
    assert library.get("a") == b"a" * 40
    assert library.get("b") is None


def test_one_clip_larger_than_the_cache_still_plays(tmp_path: Path) -> None:
    (tmp_path / "long.ulaw").write_bytes(b"x" * 500)
    library = PromptLibrary(str(tmp_path), cache_bytes=100)
    assert library.get("long") == b"x" * 500


def test_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "MAX_PROMPT_BYTES", 100)
    (tmp_path / "long.ulaw").write_bytes(b"x" * 101)
    assert PromptLibrary(str(tmp_path)).get("long") is None


@pytest.mark.parametrize("key", ["", "../x", "/x", "x/", "x//y", "./x", "a\0b"])
def test_no_way_out_of_the_directory(tmp_path: Path, key: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "x.ulaw").write_bytes(b"x")
    assert PromptLibrary(str(tmp_path / "sub")).get(key) is None
    assert caplog.records


def test_wide_band_is_taken_where_there_is_some(tmp_path: Path) -> None:
    (tmp_path / "narrow.ulaw").write_bytes(b"\xff" * 1600)
    (tmp_path / "wide.ulaw").write_bytes(b"\xff" * 1600)
    (tmp_path / "wide.s16k").write_bytes(bytes(640 * 7))
    library = PromptLibrary(str(tmp_path))
    for codec in (G722, OPUS):
        narrow, wide = library.coded("narrow", codec), library.coded("wide", codec)
        assert narrow is not None and wide is not None
        assert (len(narrow), len(wide)) == (10, 7)
        assert library.coded("wide", codec) is wide
    assert len(library.get("wide") or b"") == 1600
    assert library.coded("nothing", OPUS) is None


def test_a_wide_file_that_is_too_long_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "MAX_PROMPT_BYTES", 1600)
    (tmp_path / "long.ulaw").write_bytes(b"\xff" * 1600)
    (tmp_path / "long.s16k").write_bytes(bytes(6400))
    clip = PromptLibrary(str(tmp_path)).coded("long", OPUS)
    assert clip is not None and len(clip) == 10


def test_clips_in_frames_are_counted_with_what_they_will_become(tmp_path: Path) -> None:
    for key in "abc":
        (tmp_path / f"{key}.ulaw").write_bytes(b"\xff" * 1600)
    library = PromptLibrary(str(tmp_path), cache_bytes=9000)
    first = library.coded("a", OPUS)
    assert first is not None and library.cached_bytes == first.size == 1600 + 10 * 240
    library.coded("b", OPUS)
    library.get("c")
    assert library.cached_bytes == 4000 + 1600
    assert library.coded("a", OPUS) is not first
    assert sum(len(first.frame(n)) for n in range(10)) + 10 * 57 <= 10 * 240  # bytes, their object, their place


def test_a_playlist_is_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.ulaw").write_bytes(b"\xff" * 320)
    library = PromptLibrary(str(tmp_path))
    for codec in (PCMU, PCMA, G722, OPUS):
        playlist = library.playlist(("a", "a"), 2, codec)
        assert playlist is not None
        assert len(list(iter(playlist.next_frame, None))) == 8
        assert library.playlist(("a", "b"), 1, codec) is None
