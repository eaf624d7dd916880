"""YAML text to a plain tree whose every leaf is text with a place.

Nothing is guessed: `17:30`, `0123`, `no` and `+39051234` stay the text that was written, and the place that uses
a value says of what kind it is. Refused with a place: doubled keys, anchors and aliases, tags, several documents in
a file, tabs, menu keys * and # without quotes, and files that are too big or too deep.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from softswitch.config.problems import Place, Report

MAX_BYTES = 4 << 20
MAX_DEPTH = 24
MAX_NODES = 500_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# `#: queue` is a comment for YAML (the key would vanish without a word), and `*: queue` is an alias. Both are
# reported, put in quotes and read on, so that the other mistakes of the file are found too.
_BARE_KEY = re.compile(r"^((?:[^'\"#\n]*[{,])?[ ]*)([*#])(?=[ ]?:(?:\s|$))", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Scalar:
    place: Place
    text: str
    quoted: bool

    @property
    def empty(self) -> bool:
        return not self.quoted and self.text in ("", "~", "null")


@dataclass(frozen=True, slots=True)
class Mapping:
    place: Place
    items: tuple[tuple[Scalar, Node], ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    place: Place
    items: tuple[Node, ...]


Node = Scalar | Mapping | Sequence


class _Stop(Exception):
    """The rest of this file cannot be read; the problem is already reported."""


def read_file(path: Path, name: str, report: Report) -> Node | None:
    """The tree of one file; None (and at least one problem) when it cannot be read."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            report.add(Place(name), f"the file has {size} bytes; at most {MAX_BYTES} are read")
            report.unread.append(name)
            return None
        data = path.read_bytes()
    except OSError as error:
        report.add(Place(name), f"cannot be read: {error.strerror or error}")
        report.unread.append(name)
        return None
    return read_text(data, name, report)


def read_text(data: bytes, name: str, report: Report) -> Node | None:
    """The tree of a file's bytes; None when it is empty or cannot be read."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        report.add(Place(name, line), "is not UTF-8 text")
        report.unread.append(name)
        return None
    for found in _BARE_KEY.finditer(text):
        start = found.start(2)
        place = Place(name, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))
        means = "begins a comment" if found[2] == "#" else "has a meaning of its own in YAML"
        report.add(place, f'a {found[2]} without quotes {means}; write the key as "{found[2]}":')
    text = _BARE_KEY.sub(r'\1"\2"', text)
    try:
        return _Composer(text, name, report).document()
    except _Stop:
        report.unread.append(name)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at_end = mark is not None and text.strip() and not text[mark.index :].strip()
        if at_end and error.context_mark is not None:
            place = _begun(name, error.context_mark, text)
            report.add(place, "begins here and never ends; is a bracket or quote missing?")
        else:
            report.add(_mark_place(name, mark), _friendly(error, text))
        report.unread.append(name)
    except (yaml.YAMLError, ValueError) as error:
        position = getattr(error, "position", 0)
        report.add(Place(name, text.count("\n", 0, position) + 1), f"is not YAML: {error}".splitlines()[0])
        report.unread.append(name)
    return None


def _mark_place(name: str, mark: Any) -> Place:
    return Place(name) if mark is None else Place(name, mark.line + 1, mark.column + 1)


def _begun(name: str, mark: Any, text: str) -> Place:
    """Where something that never ends began: the mark, or the last character when the mark is the end itself."""
    kept = text.rstrip()
    if mark.index < len(kept):
        return _mark_place(name, mark)
    return Place(name, kept.count("\n") + 1, len(kept) - kept.rfind("\n") - 1)


def _friendly(error: yaml.MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    problem = error.problem or "cannot be understood"
    if "alias" in f"{error.context} {problem}" or line.lstrip(" {-").startswith("*"):
        return 'a * without quotes has a meaning of its own in YAML; write the key as "*":'
    if "\t" in line[: (mark.column if mark is not None else 0) + 1]:
        return "a tab stands here; YAML is indented with spaces"
    if "mapping values are not allowed" in problem:
        return 'a second ": " stands in this line; put the text in quotes, or indent the line'
    return f"is not YAML: {problem}"


class _Composer:
    """Builds the tree from the parser's events (which keep apart what was quoted and what was not)."""

    def __init__(self, text: str, name: str, report: Report) -> None:
        self._events = yaml.parse(text, Loader=_Loader)
        self._name = name
        self._report = report
        self._nodes = 0

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._stop(event, "a second document begins here; one file holds one document")
                root = self._node(next(self._events), 0)
        return root

    def _stop(self, event: Any, message: str) -> None:
        self._report.add(_mark_place(self._name, event.start_mark), message)
        raise _Stop

    def _node(self, event: Any, depth: int) -> Node:
        place = _mark_place(self._name, event.start_mark)
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            self._stop(event, "is nested too deeply" if depth > MAX_DEPTH else "the file has too many entries")
        if isinstance(event, yaml.AliasEvent):
            self._report.add(place, f"*{event.anchor} is a YAML alias, and they are not used here; put texts in quotes")
            return Scalar(place, f"*{event.anchor}", True)
        if event.anchor is not None:
            self._report.add(
                place, f"&{event.anchor} is a YAML anchor, and they are not used here; put texts in quotes"
            )
        if event.tag is not None and event.tag != "!":
            self._report.add(place, f"{event.tag} is a YAML tag, and they are not used here")
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(place, event.value, event.style not in (None, ""))
        if isinstance(event, yaml.SequenceStartEvent):
            children = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                children.append(self._node(event, depth + 1))
            return Sequence(place, tuple(children))
        return self._mapping(place, depth)

    def _mapping(self, place: Place, depth: int) -> Mapping:
        items: list[tuple[Scalar, Node]] = []
        seen: dict[str, Place] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self._report.add(key.place, "a key must be a plain word or text")
            elif key.text in seen:
                self._report.add(key.place, f'"{key.text}" stands here twice; first in line {seen[key.text].line}')
            else:
                seen[key.text] = key.place
                items.append((key, value))
        return Mapping(place, tuple(items))
