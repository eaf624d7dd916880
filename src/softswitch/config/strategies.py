"""Orders of ringing from other packages: plain functions, named by the entry point group `softswitch.strategies`.

    [project.entry-points."softswitch.strategies"]
    shop-own = "shop.orders:shop_own"        # def shop_own(standing, fit): return standing.calls

Such an order is a function of an agent's `Standing` and `Fit` (acd.strategy) that gives a key, the smallest of which is
rung first. It is loaded here, when a queue names it, and tried once; the engine never imports anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import FunctionType

from softswitch.acd.graph import allow
from softswitch.acd.strategy import NO_FIT, STRATEGIES, Search, Standing, Strategy

GROUP = "softswitch.strategies"


class StrategyError(Exception):
    """An order of another package cannot be used; `str()` is one sentence."""


@cache
def installed() -> dict[str, EntryPoint]:
    """The orders that other packages offer, by name. They never hide one of ours."""
    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in STRATEGIES}


def orders() -> tuple[str, ...]:
    """All that can be named, ours first."""
    return (*STRATEGIES, *sorted(installed()))


@cache
def load(name: str) -> Strategy:
    if name in STRATEGIES:
        return STRATEGIES[name]
    entry = installed()[name]
    try:
        order = entry.load()
    except Exception as error:
        raise StrategyError(f'the order "{name}" ({entry.value}) cannot be loaded: {error}') from None
    if not isinstance(order, FunctionType):
        raise StrategyError(f'the order "{name}" ({entry.value}) is not a plain function')
    try:
        key = order(Standing(0), NO_FIT)
        bool(key < order(Standing(1), NO_FIT))
    except Exception as error:
        raise StrategyError(f'the order "{name}" ({entry.value}) gives no key for an agent: {error}') from None
    allow(order)
    return Strategy(order, Search.SCAN, by_fit=True)


def strategies(names: Iterable[str]) -> dict[str, Strategy]:
    """Ours, and those of other packages among the names."""
    return {**STRATEGIES, **{name: load(name) for name in names}}
