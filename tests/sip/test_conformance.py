"""docs/sip-conformance.md names tests and modules: each of them exists, and each rule has a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sip-conformance.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`([a-z0-9_/]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\| (?!rule |what |-)(.+) \|$", re.MULTILINE)


def test_every_named_test_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) > 100
    sources = {file: (ROOT / "tests" / file).read_text(encoding="utf-8") for file, _ in named}
    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in sources[file]]
    assert not missing


def test_every_rule_has_a_test_and_a_module() -> None:
    rows = [row.split(" | ") for row in ROW.findall(PAGE) if "---" not in row]
    rules = [cells for cells in rows if len(cells) == 4]
    assert len(rules) > 60
    for _, section, where, proof in rules:
        assert "RFC" in section or section == "—", section
        assert NAMED.search(proof), proof
        for module in re.findall(r"`([a-z_/]+)`", where):
            folder = "" if "/" in module else "sip/"
            assert (ROOT / "src" / "softswitch" / f"{folder}{module}.py").is_file(), module
