"""Rules of waiting as small readable expressions: `language == 'et' and calls_today >= 3`.

Compiled once, when the configuration is read; nothing but comparisons of known facts with constants, joined by `and`,
`or` and `not`, can be written, each with the right types. There is no call, no attribute, no arithmetic: an expression
cannot loop, grow or reach anything, and its cost is bounded by its length.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

MAX_LENGTH: Final = 300
MAX_PARTS: Final = 80

Value = str | int | bool
Facts = Mapping[str, Value]
Test = Callable[[Facts], Any]

# What is known of every caller, and its type; what a flow collected is known by the name of its step, as text.
FACTS: Final[Mapping[str, type]] = {
    "language": str,
    "segment": str,
    "calls_today": int,
    "was_cut_off": bool,
    "passes": int,
    "hour": int,
    "has_customer": bool,
    "attestation": str,
    "identity": str,
}
HISTORY: Final = frozenset({"calls_today", "was_cut_off"})  # facts that the store is asked for

_COMPARE: Final[Mapping[type, Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}
_ORDER: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_WORDS: Final = {str: "a text in quotes", int: "a whole number", bool: "True or False"}


class RuleError(ValueError):
    """What is wrong, as a sentence; `unknown` is the name that is not known, for a suggestion."""

    def __init__(self, message: str, unknown: str = "") -> None:
        super().__init__(message)
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Condition:
    text: str
    names: frozenset[str]  # the facts it looks at
    test: Test

    def holds(self, facts: Facts) -> bool:
        return bool(self.test(facts))


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    when: Condition
    head_start_seconds: float


def compile_rule(text: str, facts: Mapping[str, type] = FACTS) -> Condition:
    """Raises `RuleError`."""
    if len(text) > MAX_LENGTH:
        raise RuleError(f"the expression is longer than {MAX_LENGTH} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise RuleError("is no expression like language == 'et' and calls_today >= 3") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_PARTS:
        raise RuleError(f"the expression has more than {MAX_PARTS} parts; write two rules")
    names: set[str] = set()
    kind, test = _compiled(tree, facts, names)
    if kind is not bool:
        raise RuleError("is neither true nor false; compare it with something, like calls_today >= 3")
    return Condition(text, frozenset(names), test)


def _compiled(node: ast.expr, facts: Mapping[str, type], names: set[str]) -> tuple[type, Test]:
    if isinstance(node, ast.BoolOp):
        tests = tuple(_truth(each, facts, names) for each in node.values)
        if isinstance(node.op, ast.And):
            return bool, lambda known: all(test(known) for test in tests)
        return bool, lambda known: any(test(known) for test in tests)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _truth(node.operand, facts, names)
        return bool, lambda known: not inner(known)
    if isinstance(node, ast.Compare):
        return _comparison(node, facts, names)
    if isinstance(node, ast.Name):
        if node.id not in facts:
            raise RuleError(f'nothing is known as "{node.id}"', node.id)
        name = node.id
        names.add(name)
        return facts[name], lambda known: known[name]
    if isinstance(node, ast.Constant) and type(node.value) in _WORDS:
        value = node.value
        return type(value), lambda known: value
    raise RuleError(f"{_shown(node)} cannot stand in a rule; only facts, constants, comparisons, and, or, not")


def _shown(node: ast.expr) -> str:
    """As it would be written. Not all that can be read can be written again: an odd space within an f-string."""
    try:
        return ast.unparse(node)[:40]
    except ValueError:
        return "this"


def _truth(node: ast.expr, facts: Mapping[str, type], names: set[str]) -> Test:
    kind, test = _compiled(node, facts, names)
    if kind is not bool:
        raise RuleError(f"{_shown(node)} is neither true nor false; compare it with something")
    return test


def _comparison(node: ast.Compare, facts: Mapping[str, type], names: set[str]) -> tuple[type, Test]:
    if len(node.ops) != 1:
        raise RuleError("one comparison at a time: write a >= 1 and a <= 3")
    kind, left = _compiled(node.left, facts, names)
    op, other = node.ops[0], node.comparators[0]
    compare = _COMPARE.get(type(op))
    if compare is None:
        raise RuleError("compare with == != < <= > >= in, not in")
    if isinstance(op, ast.In | ast.NotIn):
        if not isinstance(other, ast.Tuple | ast.List) or not other.elts:
            raise RuleError("after in stands a list like ['et', 'en']")
        members = []
        for each in other.elts:
            if not isinstance(each, ast.Constant) or type(each.value) is not kind:
                raise RuleError(f"{_shown(node.left)} is compared with {_WORDS[kind]}")
            members.append(each.value)
        chosen = tuple(members)
        return bool, lambda known: compare(left(known), chosen)
    other_kind, right = _compiled(other, facts, names)
    if other_kind is not kind:
        raise RuleError(f"{_shown(node.left)} is compared with {_WORDS[kind]}")
    if isinstance(op, _ORDER) and kind is not int:
        raise RuleError("only numbers have an order; compare this with == or !=")
    return bool, lambda known: compare(left(known), right(known))
