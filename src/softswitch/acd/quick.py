"""Functions written out for one class of messages, where what is done field by field would be felt: the engine makes
eight commands for every call, and the journal writes four lines.

    maker(RingAgent)     the same as RingAgent, several times as fast. A frozen dataclass sets its fields one by one
                         through `object.__setattr__`; here they are set on its twin, an open class with the same
                         slots, and then the object is declared to be what it is
    rows(...)            from events and their seconds to rows such as (7, now, event.attempt, ...)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


def needed(kind: type) -> tuple[str, ...]:
    """The fields without a default."""
    return tuple(one.name for one in fields(kind) if one.default is MISSING)


Rows = Callable[[list[Any]], list[Any]]


def rows(numbers: Mapping[type, int], often: Sequence[type], short: type, short_number: int) -> Rows:
    """From what the engine was told, an event and then its second, to what the journal packs: (number, second, field,
    ...). What is no event (a tick's second, an id) stays as it is. The kinds that come `often` are tried first; of an
    event of the kind `short`, fields that have a default are left out where all of them are just that."""
    text = ["def written(lines):", "    made = []", "    add = made.append", "    each = iter(lines)"]
    text += ["    for event in each:", "        kind = type(event)", "        if kind is int or kind is float:"]
    text.append("            add(event)")
    known: dict[str, Any] = {"next": next}
    for at, kind in enumerate(often):
        known[f"Often{at}"] = kind
        text.append(f"        elif kind is Often{at}:")
        text.append(f"            add({_row(numbers[kind], 'next(each)', kind)})")
    more = []
    for one in fields(short):
        if one.default is not MISSING:
            assert one.default is True or not one.default, "a plain test tells whether it is the default"
            more.append(f"not event.{one.name}" if one.default is True else f"event.{one.name}")
    known["Short"] = short
    text.append(f"        elif kind is Short and not ({' or '.join(more)}):")
    text.append(f"            add({_row(short_number, 'next(each)', short, needed(short))})")
    text += ["        else:", "            add(others[kind](event, next(each)))", "    return made"]
    known["others"] = {
        kind: _written(f"written = lambda event, now: {_row(number, 'now', kind)}", {})
        for kind, number in numbers.items()
    }
    made: Rows = _written("\n".join(text), known)
    return made


def _row(number: int, now: str, kind: type, names: Sequence[str] = ()) -> str:
    wanted = names or [one.name for one in fields(kind)]
    return f"({', '.join([str(number), now, *(f'event.{name}' for name in wanted)])})"
