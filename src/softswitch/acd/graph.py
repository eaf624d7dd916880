"""The engine's state as plain data and back: what a snapshot in the journal is made of.

The state is a graph (agents know their pools, pools their agents), so every object of this room is written once, by
number, with the values of its fields; containers stand in place. Classes are written by name with the names of their
fields. A frozen dataclass of an older version gets its defaults for fields it did not know, and the living state is
brought up to date (`older`); anything else that does not fit is a `SnapshotError`, never a guess. A snapshot
can name classes and functions of this room, and orders of other packages that were loaded on purpose (`allow`).

    {"classes": [[name, [field, ...]], ...], "objects": [[class, value, ...], ...], "root": value}
    value:  null, true, 1, 1.5, "text" | [tag, ...] with the tags below
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from types import FunctionType, MappingProxyType
from typing import Any, Final

from softswitch.acd import older

_LIST, _TUPLE, _DICT, _OBJECT, _ENUM, _FUNCTION, _FROZENSET, _PROXY, _NAMED = range(9)
_ROOM: Final = "softswitch.acd."
_MESSAGES: Final = "softswitch.acd.messages."
_PLAIN: Final = (type(None), bool, int, float, str, bytes)

Plain = Any  # what msgpack and JSON can write


class SnapshotError(ValueError):
    """The snapshot is of another version, or no snapshot; `str()` is one sentence."""


@cache
def field_names(kind: type) -> tuple[str, ...]:
    """All fields of a dataclass, or all slots of a class and those above it."""
    if is_dataclass(kind):
        return tuple(one.name for one in fields(kind))
    names: list[str] = []
    for each in reversed(kind.__mro__):
        slots = each.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    return tuple(names)


def qualified(thing: Any) -> str:
    """Messages are named as everybody imports them, in whichever module of their table they are written."""
    module: str = thing.__module__
    if module.startswith(_MESSAGES):
        module = _MESSAGES[:-1]
    return f"{module}:{thing.__qualname__}"


@cache
def named(name: str) -> Any:
    """The class or function of this room with this name."""
    module, colon, path = name.partition(":")
    if not colon or not module.startswith(_ROOM) or not path.isidentifier():
        raise SnapshotError(f"The snapshot names {name!r}, which is no part of the ACD.")
    try:
        return getattr(import_module(module), path)
    except (ImportError, AttributeError):
        raise SnapshotError(f"The snapshot names {name!r}, which this version does not know.") from None


class _Writer:
    def __init__(self, skip: Mapping[str, tuple[str, ...]]) -> None:
        self._skip = skip
        self._kinds: dict[type, tuple[int, tuple[str, ...]]] = {}
        self._numbers: dict[int, int] = {}
        self._todo: list[Any] = []
        self.classes: list[list[Any]] = []
        self.objects: list[list[Any]] = []

    def write(self, root: Any) -> Plain:
        value = self._value(root)
        while len(self.objects) < len(self._todo):
            self.objects.append(self._object(self._todo[len(self.objects)]))
        return value

    def _object(self, thing: Any) -> list[Any]:
        number, names = self._kind(type(thing))
        return [number, *(self._value(getattr(thing, name)) for name in names)]

    def _kind(self, kind: type) -> tuple[int, tuple[str, ...]]:
        found = self._kinds.get(kind)
        if found is None:
            name = qualified(kind)
            skipped = self._skip.get(kind.__name__, ())
            names = tuple(each for each in field_names(kind) if each not in skipped)
            found = self._kinds[kind] = (len(self.classes), names)
            self.classes.append([name, list(names)])
        return found

    def _value(self, value: Any) -> Plain:
        kind = type(value)
        if kind in _PLAIN:
            return value
        writer = _CONTAINERS.get(kind)
        if writer is not None:
            return writer(self, value)
        if isinstance(value, Enum):
            return [_ENUM, qualified(kind), value.name]
        if kind is FunctionType:
            return [_FUNCTION, qualified(value)]
        if isinstance(value, tuple) and kind.__module__.startswith(_ROOM):  # a NamedTuple
            return [_NAMED, qualified(kind), *map(self._value, value)]
        if not kind.__module__.startswith(_ROOM):
            raise SnapshotError(f"{qualified(kind)} cannot stand in a snapshot.")
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._todo)
            self._todo.append(value)
        return [_OBJECT, number]

    def _list(self, value: Any) -> Plain:
        return [_LIST, *map(self._value, value)]

    def _tuple(self, value: Any) -> Plain:
        return [_TUPLE, *map(self._value, value)]

    def _dict(self, value: Any) -> Plain:
        return [_DICT, *(self._value(each) for item in value.items() for each in item)]

    def _proxy(self, value: Any) -> Plain:
        return [_PROXY, *(self._value(each) for item in value.items() for each in item)]

    def _frozenset(self, value: Any) -> Plain:
        return [_FROZENSET, *(self._value(each) for each in sorted(value))]


_CONTAINERS: Final[dict[type, Callable[[_Writer, Any], Plain]]] = {
    list: _Writer._list,
    tuple: _Writer._tuple,
    dict: _Writer._dict,
    MappingProxyType: _Writer._proxy,
    frozenset: _Writer._frozenset,
}


class _Reader:
    def __init__(self, document: Mapping[str, Any], skip: Mapping[str, tuple[str, ...]]) -> None:
        self._skip = skip
        self._rows: list[list[Any]] = document["objects"]
        self._classes = [(named(name), tuple(names)) for name, names in document["classes"]]
        self._made: list[Any] = []
        self.older: list[tuple[Any, older.Left]] = []  # objects with the fields of another version

    def read(self, root: Plain) -> Any:
        # First every object empty, then its fields: they may lead anywhere.
        self._made = [self._classes[row[0]][0].__new__(self._classes[row[0]][0]) for row in self._rows]
        for thing, row in zip(self._made, self._rows, strict=True):
            kind, names = self._classes[row[0]]
            self._fill(thing, kind, names, dict(zip(names, map(self._value, row[1:]), strict=True)))
        wrong = older.brought_up_to_date(self.older, self._needed) if self.older else ""
        if wrong:
            raise SnapshotError(f"The snapshot {wrong}.")
        return self._value(root)

    def _fill(self, thing: Any, kind: type, names: tuple[str, ...], values: dict[str, Any]) -> None:
        known = field_names(kind)
        for name in known:
            if name in values:
                object.__setattr__(thing, name, values.pop(name))
            elif is_dataclass(kind):
                object.__setattr__(thing, name, _default(kind, name))
        if names != known and (values or not is_dataclass(kind)):
            self.older.append((thing, values))

    def _needed(self, kind: type) -> tuple[str, ...]:
        """What this version writes of it: some fields never are."""
        return tuple(name for name in field_names(kind) if name not in self._skip.get(kind.__name__, ()))

    def _value(self, value: Plain) -> Any:
        if type(value) is not list:
            return value
        tag, rest = value[0], value[1:]
        if tag == _OBJECT:
            return self._made[rest[0]]
        if tag == _TUPLE:
            return tuple(map(self._value, rest))
        if tag == _LIST:
            return list(map(self._value, rest))
        if tag in (_DICT, _PROXY):
            flat = iter(map(self._value, rest))
            found = dict(zip(flat, flat, strict=True))
            return found if tag == _DICT else MappingProxyType(found)
        if tag == _ENUM:
            return named(rest[0])[rest[1]]
        if tag == _FUNCTION:
            return _function(rest[0])
        if tag == _NAMED:
            return named(rest[0])(*map(self._value, rest[1:]))
        if tag == _FROZENSET:
            return frozenset(map(self._value, rest))
        raise SnapshotError(f"The snapshot has a value of the unknown kind {tag!r}.")


_OTHERS: Final[dict[str, FunctionType]] = {}


def allow(order: FunctionType) -> None:
    """An order of another package, loaded through its entry point: snapshots may name it from now on."""
    _OTHERS[qualified(order)] = order


def _function(name: str) -> Any:
    """Of this room, or an order of another package that is loaded already; nothing else is ever called."""
    if name in _OTHERS:
        return _OTHERS[name]
    module, colon, path = name.partition(":")
    if colon and not module.startswith(_ROOM) and path.isidentifier() and module.replace(".", "").isidentifier():
        raise SnapshotError(
            f"A queue rings by the order {path} of {module}, which is not installed here: install the package that "
            "offers it (entry point group softswitch.strategies)."
        )
    return named(name)


def _default(kind: type, name: str) -> Any:
    (field,) = (one for one in fields(kind) if one.name == name)
    if field.default is not MISSING:
        return field.default
    if field.default_factory is not MISSING:
        return field.default_factory()
    raise SnapshotError(f"The snapshot lacks {kind.__name__}.{name}, which this version needs.")


def to_plain(root: Any, skip: Mapping[str, tuple[str, ...]] | None = None) -> dict[str, Plain]:
    """`skip`: by class name, fields that are not written (and not there after reading)."""
    writer = _Writer(skip or {})
    value = writer.write(root)
    return {"classes": writer.classes, "objects": writer.objects, "root": value}


def from_plain(document: Mapping[str, Plain], skip: Mapping[str, tuple[str, ...]] | None = None) -> Any:
    """`skip`: as it was written."""
    try:
        return _Reader(document, skip or {}).read(document["root"])
    except SnapshotError:
        raise
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise SnapshotError(f"The snapshot cannot be read: {type(error).__name__}: {error}.") from None
