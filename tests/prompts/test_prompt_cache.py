"""Rendered prompts on disk: found again, damage noticed, old ones removed, two writers at once."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from softswitch.call.errors import StartError
from softswitch.runtime.prompt_cache import PromptCache, identity_of

NOW = 1_800_000_000.0
DAY = 86400.0
FRAMES = bytes(range(160)) * 5
ONE = identity_of("one")


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def aged(path: Path, days: float) -> None:
    os.utime(path, (NOW - days * DAY, NOW - days * DAY))


def test_what_was_added_is_found_by_the_next_start(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "yet" / "there"
    added = PromptCache(directory, NOW).add(ONE, FRAMES)
    assert added.seconds == pytest.approx(0.1)
    assert (directory / f"{added.key}.ulaw").read_bytes() == FRAMES
    assert PromptCache(directory, NOW).find(ONE) == added
    assert PromptCache(directory, NOW).find(identity_of("two")) is None
    assert files(directory) == [f"{added.key}.ulaw"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-160],
        lambda data: data[:-7],
        lambda data: data + bytes(160),
        lambda data: data[:100] + b"\0" + data[101:],
    ],
)
def test_a_damaged_file_is_removed(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    prompt = PromptCache(tmp_path, NOW).add(ONE, FRAMES)
    path = tmp_path / f"{prompt.key}.ulaw"
    path.write_bytes(damage(FRAMES))
    cache = PromptCache(tmp_path, NOW)
    assert cache.find(ONE) is None
    assert files(tmp_path) == []
    assert cache.add(ONE, FRAMES) == prompt


def test_a_damaged_file_beside_a_sound_one(tmp_path: Path) -> None:
    prompt = PromptCache(tmp_path, NOW).add(ONE, FRAMES)
    (tmp_path / f"{ONE}-00000000.ulaw").write_bytes(bytes(160))
    assert PromptCache(tmp_path, NOW).find(ONE) == prompt


def test_identities_depend_on_every_part_and_its_border() -> None:
    names = [
        identity_of("a", "bc"),
        identity_of("ab", "c"),
        identity_of("abc"),
        identity_of("a", "bc", ""),
        identity_of(),
    ]
    assert len(set(names)) == 5
    assert identity_of("é", b"\xff") == identity_of("é", b"\xff")


def test_only_unused_old_files_of_ours_are_pruned(tmp_path: Path) -> None:
    cache = PromptCache(tmp_path, NOW)
    old, used, young = (cache.add(identity_of(name), FRAMES) for name in ("old", "used", "young"))
    (tmp_path / "precious.wav").write_bytes(b"not ours")
    for name in (f"{old.key}.ulaw", f"{used.key}.ulaw", "precious.wav"):
        aged(tmp_path / name, 91)
    aged(tmp_path / f"{young.key}.ulaw", 89)
    cache = PromptCache(tmp_path, NOW)
    assert cache.find(identity_of("used")) == used
    assert cache.prune([identity_of("used")]) == 1
    assert files(tmp_path) == sorted([f"{used.key}.ulaw", f"{young.key}.ulaw", "precious.wav"])
    assert (tmp_path / f"{used.key}.ulaw").stat().st_mtime == pytest.approx(NOW)


def test_an_abandoned_half_written_file_is_removed(tmp_path: Path) -> None:
    for name, days in (("x.ulaw.123.part", 1.0), ("y.ulaw.124.part", 0.0)):
        (tmp_path / name).write_bytes(b"half")
        aged(tmp_path / name, days)
    PromptCache(tmp_path, NOW)
    assert files(tmp_path) == ["y.ulaw.124.part"]


def test_many_writers_of_the_same_prompt(tmp_path: Path) -> None:
    def start(_: int) -> str:
        cache = PromptCache(tmp_path, time.time())  # what others write now is not old
        return (cache.find(ONE) or cache.add(ONE, FRAMES)).key

    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(start, range(200)))
    assert len(keys) == 1
    assert files(tmp_path) == [f"{keys.pop()}.ulaw"]


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StartError, match=r"cannot use the prompt cache .*file: "):
        PromptCache(tmp_path / "file", NOW)
    cache = PromptCache(tmp_path / "gone", NOW)
    (tmp_path / "gone").rmdir()
    with pytest.raises(StartError, match=r"cannot write to the prompt cache .*gone: No such file"):
        cache.add(ONE, FRAMES)
