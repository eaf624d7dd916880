"""docs/security-checklist.md: every requirement is there, and every test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"^\| ([0-9]+) \| (.+?) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
REQUIRED = tuple(range(1, 41))
ROWS = {
    int(number): (what, NAMED.findall(tests))
    for number, what, tests in ROW.findall((ROOT / "docs" / "security-checklist.md").read_text(encoding="utf-8"))
}


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_requirement_is_there() -> None:
    assert tuple(ROWS) == REQUIRED


@pytest.mark.parametrize("number", REQUIRED)
def test_the_tests_that_it_names_exist(number: int) -> None:
    _, named = ROWS[number]
    assert named, "nothing shows it"
    missing = [f"{path}::{name}" for path, name in named if not (ROOT / path).exists() or name not in names_in(path)]
    assert not missing
