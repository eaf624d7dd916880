"""Functions written out for one class of messages, where what is done field by field would be felt: the engine makes
eight commands for every call, and the journal writes four lines.

    maker(RingAgent)     the same as RingAgent, several times as fast. A frozen dataclass sets its fields one by one
                         through `object.__setattr__`; here they are set on its twin, an open class with the same
                         slots, and then the object is declared to be what it is
    row(7, RingAgent)    from (event, now) to (7, now, event.attempt, ...)
    short_row(8, ...)    the same without the fields that have a default, where all of them are just that
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def _written(text: str, known: dict[str, Any]) -> Any:
    exec(text, known)
    return known["written"]


def maker(kind: Callable[P, T]) -> Callable[P, T]:
    """Of a frozen dataclass with slots, without bases, `__post_init__` and factories."""
    assert isinstance(kind, type) and kind.__bases__ == (object,) and not hasattr(kind, "__post_init__")
    known: dict[str, Any] = {"Twin": type(kind.__name__, (), {"__slots__": kind.__dict__["__slots__"]}), "Kind": kind}
    taken, lines = [], []
    for one in fields(kind):
        assert one.default_factory is MISSING and one.init
        taken.append(one.name if one.default is MISSING else f"{one.name}=default_{one.name}")
        known[f"default_{one.name}"] = one.default
        lines.append(f"    made.{one.name} = {one.name}\n")
    made: Callable[P, T] = _written(
        f"def written({', '.join(taken)}):\n"
        "    made = Twin()\n"
        f"{''.join(lines)}"
        "    made.__class__ = Kind\n"
        "    return made\n",
        known,
    )
    return made


Row = Callable[[Any], tuple[Any, ...]]


def row(number: int, kind: type) -> Row:
    """From an event and its time to what the journal packs."""
    return _row(number, [one.name for one in fields(kind)], "")


def needed(kind: type) -> tuple[str, ...]:
    """The fields without a default."""
    return tuple(one.name for one in fields(kind) if one.default is MISSING)


def short_row(number: int, kind: type, whole: Row) -> Row:
    """`whole` is for events that say more."""
    more = []
    for one in fields(kind):
        if one.default is not MISSING:
            assert one.default is True or not one.default, "a plain test tells whether it is the default"
            more.append(f"not event.{one.name}" if one.default is True else f"event.{one.name}")
    return _row(number, list(needed(kind)), f"    if {' or '.join(more)}:\n        return whole(line)\n", whole=whole)


def _row(number: int, names: list[str], before: str, **known: Any) -> Row:
    values = ", ".join(f"event.{name}" for name in names)
    text = f"def written(line):\n    event, now = line\n{before}    return ({number}, now, {values})\n"
    made: Row = _written(text, known)
    return made
