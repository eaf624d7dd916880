"""The prompt cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.media import g711
from softswitch.media.worker import prompts
from softswitch.media.worker.prompts import PromptLibrary


def test_read_once_and_shared(tmp_path: Path) -> None:
    file = tmp_path / "hello.ulaw"
    file.write_bytes(b"hello")
    library = PromptLibrary(str(tmp_path))
    clip = library.get("hello", 0)
    assert clip == b"hello"
    file.unlink()
    assert library.get("hello", 0) is clip


def test_alaw_is_kept_beside(tmp_path: Path) -> None:
    (tmp_path / "hello.ulaw").write_bytes(b"hello")
    library = PromptLibrary(str(tmp_path))
    assert library.get("hello", 8) == g711.ulaw_to_alaw(b"hello")
    assert library.get("hello", 0) == b"hello"
    assert library.cached_bytes == 10


def test_the_longest_unused_goes_first(tmp_path: Path) -> None:
    for key in "abc":
        (tmp_path / f"{key}.ulaw").write_bytes(key.encode() * 40)
    library = PromptLibrary(str(tmp_path), cache_bytes=100)
    library.get("a", 0)
    library.get("b", 0)
    library.get("a", 0)
    library.get("c", 0)
    assert library.cached_bytes == 80
    for key in "abc":
        (tmp_path / f"{key}.ulaw").unlink()
    assert library.get("a", 0) == b"a" * 40
    assert library.get("b", 0) is None


def test_one_clip_larger_than_the_cache_still_plays(tmp_path: Path) -> None:
    (tmp_path / "long.ulaw").write_bytes(b"x" * 500)
    library = PromptLibrary(str(tmp_path), cache_bytes=100)
    assert library.get("long", 0) == b"x" * 500


def test_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "MAX_PROMPT_BYTES", 100)
    (tmp_path / "long.ulaw").write_bytes(b"x" * 101)
    assert PromptLibrary(str(tmp_path)).get("long", 0) is None


@pytest.mark.parametrize("key", ["", "../x", "/x", "x/", "x//y", "./x", "a\0b"])
def test_no_way_out_of_the_directory(tmp_path: Path, key: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "x.ulaw").write_bytes(b"x")
    assert PromptLibrary(str(tmp_path / "sub")).get(key, 0) is None
    assert caplog.records
