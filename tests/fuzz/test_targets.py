"""The corpus and every case that was ever found, and a short search with fixed seeds. `make fuzz` searches on."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.fuzz import run, targets
from tests.fuzz.targets import CORPUS, TARGETS, kept

INPUTS = {"sip": 300, "stream": 300, "digest": 300, "sdp": 800, "rtp": 2000, "rtcp": 2000, "stun": 2000, "stir": 1000}
CASES = [(name, path) for name in TARGETS for path in kept(name)]


@pytest.mark.parametrize(("name", "path"), CASES, ids=lambda value: value.name if isinstance(value, Path) else value)
def test_kept_case(name: str, path: Path) -> None:
    TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_short_search(name: str) -> None:
    chance = random.Random(f"1 {name}")
    pool = targets.seeds(name)
    assert pool, "a target needs a corpus"
    for _ in range(INPUTS[name]):
        data = run.joined(chance, pool)
        try:
            TARGETS[name](data)
        except Exception as problem:
            raise AssertionError(f"{name} breaks at {data!r}") from problem


def test_the_corpus_stays_small() -> None:
    files = [path for path in CORPUS.glob("*/*") if path.is_file()]
    assert {path.parent.name for path in files} >= set(TARGETS)
    assert sum(path.stat().st_size for path in files) < 100_000


def test_the_engine_finds_what_is_hidden_behind_conditions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A defect behind two conditions: guidance keeps the input that passed the first one."""
    namespace: dict[str, object] = {}
    source = (
        "def hidden(data):\n    if data[:1] == b'<':\n        kept = 1\n        if data[1:2] == b'>':\n"
        "            raise ValueError('found')\n"
    )
    exec(compile(source, "/softswitch/hidden.py", "exec"), namespace)
    monkeypatch.setitem(TARGETS, "hidden", namespace["hidden"])  # type: ignore[arg-type]
    monkeypatch.setattr(targets, "FOUND", tmp_path)
    monkeypatch.setattr(targets, "CORPUS", tmp_path)
    monkeypatch.setattr(run, "FOUND", tmp_path)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    said: list[str] = []
    assert run.search("hidden", 20.0, 3, said.append, enough=1) == 1
    assert (tmp_path / "hidden").is_dir()
    assert "ValueError at hidden.py:5: found" in said[0]
