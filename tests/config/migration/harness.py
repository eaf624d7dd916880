"""Imports from files in memory, written to a directory that the loader then reads."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from softswitch.call.settings import Settings
from softswitch.config import ConfigProblems, check, load
from softswitch.config.migration import Imported, Source, at, from_asterisk, from_freeswitch

SAMPLES = Path(__file__).parent / "samples"


def folder(path: Path) -> dict[str, bytes]:
    return {one.relative_to(path).as_posix(): one.read_bytes() for one in path.rglob("*") if one.is_file()}


ASTERISK = folder(SAMPLES / "asterisk")
FREESWITCH = (SAMPLES / "freeswitch" / "callcenter.conf.xml").read_bytes()


def asterisk(files: Mapping[str, bytes | str], people: Sequence[str] = ()) -> Imported:
    data = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    return from_asterisk(Source("queues.conf", data), [Source(name, data) for name in people])


def freeswitch(text: bytes | str) -> Imported:
    data = text.encode() if isinstance(text, str) else text
    return from_freeswitch(Source("callcenter.conf.xml", {"callcenter.conf.xml": data}))


def complaints(error: ConfigProblems) -> list[str]:
    return [f"{at(problem.place)}: {problem.message}" for problem in error.problems]


def loaded(imported: Imported) -> Settings:
    """What the loader makes of the written directory: no problem, and every secret can come from the environment."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for path, text in imported.files.items():
            (directory / path).parent.mkdir(exist_ok=True)
            (directory / path).write_text(text, encoding="utf-8")
        assert check(directory) == []
        people = yaml.safe_load(imported.files["people.yaml"])["agents"]
        env = {agent["password"]["env"]: f"pw of {name}" for name, agent in people.items()}
        assert len(env) == len(people)
        return load(directory, env=env)


def section(imported: Imported, file: str, *path: str) -> Any:
    """A value of a written file, by its keys."""
    found = yaml.safe_load(imported.files[file])
    for key in path:
        found = found[key]
    return found
