"""JSON Schema (draft 2020-12) for editors, made from the same declarations that the loader reads with."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from softswitch.config.flow_language import FLOW_FILE
from softswitch.config.kinds import Keys, SchemaParts
from softswitch.config.language import DOCUMENT

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema(file: str | None = None) -> dict[str, Any]:
    """`line`: for line.yaml and every other file beside it; `flow`: for flows/*.yaml. With a file's name, relative to
    the configuration directory, its schema alone."""
    if file is None:
        return {"line": _line(), "flow": _one(FLOW_FILE, "A flow")}
    path = PurePosixPath(file)
    if path.suffix != ".yaml":
        raise ValueError(f'"{file}" is no configuration file; like line.yaml or flows/welcome.yaml')
    return _one(FLOW_FILE, "A flow") if path.parent.name == "flows" else _line()


def _line() -> dict[str, Any]:
    line = _one(DOCUMENT, "A configuration file of the line")
    # the sections may stand in several files, so that no single file has to hold `line`
    line["required"] = []
    return line


def _one(kind: Keys[Any], title: str) -> dict[str, Any]:
    parts = SchemaParts()
    kind.schema(parts)
    root = parts.defs.pop(kind.cls.__name__)
    return {"$schema": DRAFT, **root, "title": title, "$defs": dict(sorted(parts.defs.items()))}
