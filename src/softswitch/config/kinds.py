"""Kinds of values, and sections of named values: one declaration that reads YAML and describes it as JSON Schema.

A kind reads a node and always gives a value back: on a mistake it reports it and gives `blank`, so that one run finds
every mistake. A section is a dataclass whose fields are declared with `key(kind, what it means, default)`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast, dataclass_transform

from softswitch.config.problems import Place, Placed, Report, did_you_mean, listing, nearest
from softswitch.config.tree import Mapping, Node, Scalar
from softswitch.config.tree import Sequence as ListNode

T = TypeVar("T")
K = TypeVar("K", bound=str)

Schema = dict[str, Any]


class SchemaParts:
    """The shared definitions of one schema."""

    def __init__(self) -> None:
        self.defs: dict[str, Schema] = {}


class Kind(Generic[T]):
    """One kind of value."""

    def __init__(self, blank: T) -> None:
        self.blank = blank

    def read(self, node: Node, report: Report) -> T:
        raise NotImplementedError

    def schema(self, parts: SchemaParts) -> Schema:
        raise NotImplementedError

    def write(self, value: T) -> Any:
        """The value as it would stand in YAML (for the defaults in the schema); None: nothing to show."""
        return str(value) or None


def what_is(node: Node) -> str:
    if isinstance(node, Mapping):
        return "a group of keys"
    if isinstance(node, ListNode):
        return "a list"
    return "nothing" if node.empty else f'"{node.text}"'


class Word(Kind[T]):
    """A value that is written as one plain word or text."""

    def __init__(
        self,
        expected: str,
        pattern: str,
        convert: Callable[[Placed, re.Match[str]], T],
        blank: T,
        write: Callable[[T], str] = str,
        quiet: bool = False,
    ) -> None:
        super().__init__(blank)
        self._write = write
        self._quiet = quiet  # the value may hold a secret and is not repeated in messages
        self.expected = expected
        self.pattern = pattern
        self._regex = re.compile(pattern, re.DOTALL)
        self._convert = convert
        self.numeric = any(self._regex.fullmatch(example) for example in ("1", "7", "1000"))

    def read(self, node: Node, report: Report) -> T:
        if isinstance(node, Scalar) and not node.empty:
            match = self._regex.fullmatch(node.text)
            if match is not None:
                try:
                    return self._convert(Placed(node.text, node.place), match)
                except ValueError as error:
                    report.add(node.place, str(error))
                    return self.blank
        found = "something else" if self._quiet else what_is(node)
        report.add(node.place, f"expected {self.expected}, found {found}")
        return self.blank

    def schema(self, parts: SchemaParts) -> Schema:
        pattern = f"^(?:{self.pattern})$"
        return {"type": ["string", "number"] if self.numeric else "string", "pattern": pattern}

    def write(self, value: T) -> Any:
        return self._write(value) or None


class Text(Kind[Placed]):
    """Any text, kept exactly as it was written."""

    def __init__(self, expected: str = "a text") -> None:
        super().__init__(Placed("", Place("")))
        self.expected = expected

    def read(self, node: Node, report: Report) -> Placed:
        if isinstance(node, Scalar) and not node.empty:
            if not node.text.strip():
                report.add(node.place, "the text is empty")
            return Placed(node.text, node.place)
        report.add(node.place, f"expected {self.expected}, found {what_is(node)}")
        return self.blank

    def schema(self, parts: SchemaParts) -> Schema:
        return {"type": ["string", "number"]}


class OneOf(Kind[Placed]):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        super().__init__(Placed(words[0], Place("")))
        self.words = words

    def read(self, node: Node, report: Report) -> Placed:
        if isinstance(node, Scalar) and node.text in self.words:
            return Placed(node.text, node.place)
        hint = did_you_mean(node.text, self.words) if isinstance(node, Scalar) else ""
        report.add(node.place, f"expected {' or '.join(self.words)}, found {what_is(node)}{hint}")
        return self.blank

    def schema(self, parts: SchemaParts) -> Schema:
        return {"enum": list(self.words)}


class Flag(Kind[bool]):
    """true or false; YAML's yes, no, on and off are refused, as they mean different things to different readers."""

    def __init__(self) -> None:
        super().__init__(False)

    def read(self, node: Node, report: Report) -> bool:
        if isinstance(node, Scalar) and not node.quoted and node.text in ("true", "false"):
            return node.text == "true"
        report.add(node.place, f"expected true or false, found {what_is(node)}")
        return False

    def schema(self, parts: SchemaParts) -> Schema:
        return {"type": "boolean"}

    def write(self, value: bool) -> Any:
        return value


class Number(Kind[int]):
    """A whole number without leading zeros (0123 and 010 mean other numbers to other readers)."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__(low)
        self.low, self.high = low, high

    def read(self, node: Node, report: Report) -> int:
        if isinstance(node, Scalar) and not node.quoted and re.fullmatch(r"0|-?[1-9][0-9]{0,11}", node.text):
            value = int(node.text)
            if self.low <= value <= self.high:
                return value
        report.add(node.place, f"expected a whole number from {self.low} to {self.high}, found {what_is(node)}")
        return self.blank

    def schema(self, parts: SchemaParts) -> Schema:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def write(self, value: int) -> Any:
        return value


class ListOf(Kind[tuple[T, ...]]):
    def __init__(self, item: Kind[T], at_least: int = 0) -> None:
        super().__init__(())
        self.item, self.at_least = item, at_least

    def read(self, node: Node, report: Report) -> tuple[T, ...]:
        if not isinstance(node, ListNode):
            report.add(node.place, f"expected a list like [ ... ], found {what_is(node)}")
            return ()
        if len(node.items) < self.at_least:
            report.add(node.place, "the list is empty")
        return tuple(self.item.read(child, report) for child in node.items)

    def schema(self, parts: SchemaParts) -> Schema:
        return {"type": "array", "items": self.item.schema(parts), "minItems": self.at_least}

    def write(self, value: tuple[T, ...]) -> Any:
        return [self.item.write(item) for item in value] or None


class OneOrMore(ListOf[T]):
    """A list, or just one entry of it."""

    def read(self, node: Node, report: Report) -> tuple[T, ...]:
        return super().read(node, report) if isinstance(node, ListNode) else (self.item.read(node, report),)

    def schema(self, parts: SchemaParts) -> Schema:
        return {"anyOf": [self.item.schema(parts), super().schema(parts)]}


class MapOf(Kind[dict[K, T]]):
    """Entries by their id. The ids stay, whatever is wrong inside an entry, so that references to it are found;
    with `referred` also when the id itself is wrong."""

    def __init__(self, name: Kind[K], value: Kind[T], at_least: int = 0, referred: bool = False) -> None:
        super().__init__({})
        self.name, self.value, self.at_least, self.referred = name, value, at_least, referred

    def read(self, node: Node, report: Report) -> dict[K, T]:
        if not isinstance(node, Mapping):
            report.add(node.place, f"expected a group of keys, found {what_is(node)}")
            return {}
        if len(node.items) < self.at_least:
            report.add(node.place, "there is no entry")
        found: dict[K, T] = {}
        for key_node, value_node in node.items:
            name = self.name.read(key_node, report)
            value = self.value.read(value_node, report)
            if name:
                found[name] = value
            elif self.referred:
                found[cast(K, Placed(key_node.text, key_node.place))] = value
        return found

    def schema(self, parts: SchemaParts) -> Schema:
        pattern = getattr(self.name, "pattern", "")
        names: Schema = {"pattern": f"^(?:{pattern})$"} if pattern else {}
        if isinstance(self.name, OneOf):
            names = {"enum": list(self.name.words)}
        return {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": self.value.schema(parts),
            "minProperties": self.at_least,
        }


class Levels(Kind[dict[K, int]]):
    """Ids with a level each, `{ a: 1, b: 2 }`, or just a list of ids, all at the first level."""

    def __init__(self, name: Kind[K], low: int, high: int) -> None:
        super().__init__({})
        self._list, self._map = ListOf(name), MapOf(name, Number(low, high))
        self.low = low

    def read(self, node: Node, report: Report) -> dict[K, int]:
        if isinstance(node, Mapping):
            return self._map.read(node, report)
        return dict.fromkeys(self._list.read(node, report), self.low)

    def schema(self, parts: SchemaParts) -> Schema:
        return {"anyOf": [self._list.schema(parts), self._map.schema(parts)]}


class Or(Kind[Any]):
    """The first kind for plain words of `words`, the second for everything else."""

    def __init__(self, words: dict[str, Any], other: Kind[Any]) -> None:
        super().__init__(other.blank)
        self.words, self.other = words, other

    def read(self, node: Node, report: Report) -> Any:
        if isinstance(node, Scalar) and node.text in self.words:
            return self.words[node.text]
        return self.other.read(node, report)

    def schema(self, parts: SchemaParts) -> Schema:
        # an editor may read a bare `off` as false
        words: list[Any] = [*self.words, *([False] if "off" in self.words else [])]
        return {"anyOf": [{"enum": words}, self.other.schema(parts)]}

    def write(self, value: Any) -> Any:
        return next((word for word, meant in self.words.items() if meant == value), None) or self.other.write(value)


# ------------------------------------------------------------------ sections

_REQUIRED: Any = object()


def key(kind: Kind[T], about: str, default: Any = _REQUIRED, name: str = "") -> T:
    """Declares one key of a section. `name` is the word in YAML when it is no Python name."""
    meta = {"kind": kind, "about": about, "name": name}
    if default is _REQUIRED:
        return cast(T, dataclasses.field(metadata=meta))
    if isinstance(default, dict | list):
        return cast(T, dataclasses.field(metadata=meta, default_factory=lambda: default))
    return cast(T, dataclasses.field(metadata=meta, default=default))


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(key,))
def section(cls: type[T]) -> type[T]:
    """Makes a class with declared keys a frozen dataclass."""
    return dataclass(frozen=True, kw_only=True)(cls)


@section
class Section:
    """Base of all sections; `place` is where it stands and `places` where each of its written keys has its value."""

    place: Place
    places: dict[str, Place]

    def at(self, name: str) -> Place:
        return self.places.get(name, self.place)


S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class KeySpec:
    attribute: str
    name: str  # in YAML
    kind: Kind[Any]
    about: str
    required: bool
    default: Any


_KEYS: dict[type[Section], dict[str, KeySpec]] = {}


def keys_of(cls: type[Section]) -> dict[str, KeySpec]:
    """The declared keys of a section, by their name in YAML."""
    if cls not in _KEYS:
        _KEYS[cls] = _declared(cls)
    return _KEYS[cls]


def _declared(cls: type[Section]) -> dict[str, KeySpec]:
    found = {}
    for field in dataclasses.fields(cls):
        if "kind" not in field.metadata:
            continue
        name = field.metadata["name"] or field.name
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        found[name] = KeySpec(
            field.name, name, field.metadata["kind"], field.metadata["about"], required, None if required else default
        )
    return found


def made(cls: type[S], place: Place, places: dict[str, Place] | None = None, **values: Any) -> S:
    """A section of which only some values are given; the others have their defaults."""
    for spec in keys_of(cls).values():
        if spec.attribute not in values:
            values[spec.attribute] = spec.kind.blank if spec.required else spec.default
    return cls(place=place, places=places or {}, **values)


class Keys(Kind[S]):
    """A group of keys that makes one section. `title` is what messages call it."""

    def __init__(self, cls: type[S], title: str) -> None:
        self.cls, self.title = cls, title
        super().__init__(made(cls, Place("")))

    def read(self, node: Node, report: Report) -> S:
        if not isinstance(node, Mapping):
            report.add(node.place, f"expected the keys of {self.title}, found {what_is(node)}")
            return made(self.cls, node.place)
        specs = keys_of(self.cls)
        values: dict[str, Any] = {}
        places: dict[str, Place] = {}
        misspelt: set[str] = set()
        for key_node, value_node in node.items:
            spec = specs.get(key_node.text)
            if spec is None:
                near = nearest(key_node.text, specs)
                misspelt.add(near)
                hint = did_you_mean(key_node.text, specs) or f"; known: {listing(specs, 30)}"
                report.add(key_node.place, f'{self.title} has no key "{key_node.text}"{hint}')
                continue
            values[spec.attribute] = spec.kind.read(value_node, report)
            places[spec.attribute] = value_node.place
        missing = [
            spec.name
            for spec in specs.values()
            if spec.required and spec.attribute not in values and spec.name not in misspelt
        ]
        if missing:
            report.add(node.place, f"{self.title} needs the key {' and the key '.join(missing)}")
        return made(self.cls, node.place, places, **values)

    def schema(self, parts: SchemaParts) -> Schema:
        name = self.cls.__name__
        if name not in parts.defs:
            parts.defs[name] = {}
            specs = keys_of(self.cls)
            doc = " ".join((self.cls.__doc__ or "").split())
            entry: Schema = {"title": self.title, "description": doc, "type": "object"}
            entry["properties"] = {n: _property(s, parts) for n, s in specs.items()}
            entry["required"] = [n for n, s in specs.items() if s.required]
            entry["additionalProperties"] = False
            parts.defs[name] = entry
        return {"$ref": f"#/$defs/{name}"}


def _property(spec: KeySpec, parts: SchemaParts) -> Schema:
    found = {"description": spec.about, **spec.kind.schema(parts)}
    default = None if spec.required or spec.default in (None, {}) else spec.kind.write(spec.default)
    return found if default is None else {**found, "default": default}
