"""A small good configuration that each test changes in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.call.settings import Settings
from softswitch.config import Overrides, check, load

BASE = {
    "line": "{ name: Shop, languages: [en, et], timezone: Europe/Tallinn, country: EE }",
    "trunks": "{ pstn: { from: [192.0.2.10], to: 192.0.2.10:5060 } }",
    "numbers": '{ "+3726000000": { queue: sales } }',
    "queues": "{ sales: {} }",
    "agents": "{ anna: { name: Anna, extension: 1001, password: { env: PW }, queues: [sales] } }",
}

Files = dict[str, str]


class Directory:
    """A configuration directory: `change` replaces or adds sections of line.yaml, `files` adds files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, files: Files | None = None, **change: str) -> Directory:
        sections = {**BASE, **change}
        text = "".join(f"{name}: {value}\n" for name, value in sections.items() if value)
        for name, content in {"line.yaml": text, **(files or {})}.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
        return self

    def check(self, files: Files | None = None, **change: str) -> list[str]:
        """The messages, with their places."""
        return [str(problem) for problem in check(self.write(files, **change).path)]

    def load(self, files: Files | None = None, overrides: Overrides | None = None, **change: str) -> Settings:
        return load(self.write(files, **change).path, overrides, {"PW": "secret"})

    def flow(self, steps: str, **change: str) -> list[str]:
        """The messages about a flow with these steps, flows/main.yaml (its steps begin in line 3)."""
        return self.check({"flows/main.yaml": f"flow: main\nsteps:\n{steps}"}, **change)


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)
