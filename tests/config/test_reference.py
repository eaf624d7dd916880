"""The tables of keys in docs/configuration.md and docs/voice-menu.md are what the loader knows, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from softswitch.config import schema

DOCS = Path(__file__).parents[2] / "docs"
STEPS = {"UnclearDoc", "TargetDoc", "FlowBody"}


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def table(part: dict[str, Any]) -> list[str]:
    """One row for each key of a section: name, meaning, default or 'needed'."""
    rows = []
    for name, entry in part.get("properties", {}).items():
        default = "needed" if name in part.get("required", []) else ""
        if "default" in entry:
            default = f"`{shown(entry['default'])}`"
        rows.append(f"| `{name}` | {entry['description']} | {default} |")
    return rows


def parts() -> list[tuple[str, str, list[str]]]:
    """(page, section, rows) for everything that can be written."""
    both = schema()
    found = []
    for root in both.values():
        for name, part in (("top", root), *root["$defs"].items()):
            page = "voice-menu.md" if name.startswith("Step") or name in STEPS else "configuration.md"
            if root is both["flow"] and name == "top":
                page = "voice-menu.md"
            if part.get("properties"):
                found.append((page, name, table(part)))
    return found


@pytest.mark.parametrize(("page", "name", "rows"), parts())
def test_every_key_is_explained(page: str, name: str, rows: list[str]) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    missing = [row for row in rows if row not in text]
    assert not missing, f"docs/{page} lacks for {name}:\n" + "\n".join(missing)
