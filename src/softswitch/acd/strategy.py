"""Which of several ready agents is rung first.

An order is a pure function from an agent's standing and from how well she fits the caller's pool to a key; the
smallest key is rung first, equal keys in the order of the configuration. Beside it stands how the smallest is found:

    HEAP   the key never falls while the engine runs, and changes only while its agent is not ready; O(log n)
    DRAW   no key at all: one of the ready agents is drawn by lot; O(1)
    SCAN   any key: all ready agents of the pool are looked at; for orders from other packages

Lower tiers and higher preference come before every order (`eligibility.Pool.key`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, Protocol


class Chance(Protocol):
    """Randomness that is handed in; with the same seed the same choices."""

    def getrandbits(self, k: int, /) -> int: ...


class Lots:
    """Seeded, and a pure function of how many were drawn (SplitMix64): a replay draws the same."""

    __slots__ = ("drawn", "seed")

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.drawn = 0

    def getrandbits(self, k: int, /) -> int:
        """1 to 64 bits. Sebastiano Vigna's constants, after Steele, Lea and Flood (OOPSLA 2014)."""
        assert 0 < k <= 64
        self.drawn += 1
        z = (self.seed + self.drawn * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        return (z ^ (z >> 31)) >> (64 - k)


class Standing:
    """What the orders look at, of an agent."""

    __slots__ = ("calls", "idle_since", "number", "offered", "turn")

    def __init__(self, number: int) -> None:
        self.number = number  # place in the configuration
        self.idle_since = 0.0
        self.calls = 0  # conversations had since the start
        self.offered = 0  # when she was last rung, as a count of all rings
        self.turn = 0  # counts her spells of being ready; a heap item of an earlier one is out of date


@dataclass(frozen=True, slots=True)
class Fit:
    """How well an agent fits the callers of one pool. Never changes."""

    tier: int = 1  # her level in the queue; the smaller is rung first
    preferred: float = 0.0  # what the callers would like beyond what they need: weight * level, added up
    level: int = 0  # her levels in what they need, added up (the language among it)
    surplus: int = 0  # how much of it is more than needed


NO_FIT: Final = Fit()

Key = float | tuple["Key", ...]
Order = Callable[[Standing, Fit], Key]


class Search(Enum):
    HEAP = "heap"
    DRAW = "draw"
    SCAN = "scan"


@dataclass(frozen=True, slots=True)
class Strategy:
    order: Order
    search: Search = Search.HEAP
    by_fit: bool = False  # looks at the fit


def longest_idle(standing: Standing, fit: Fit) -> Key:
    return standing.idle_since


def round_robin(standing: Standing, fit: Fit) -> Key:
    """Whoever was rung longest ago, whether she took the call or not."""
    return standing.offered


def fewest_calls(standing: Standing, fit: Fit) -> Key:
    return (standing.calls, standing.idle_since)


def top_down(standing: Standing, fit: Fit) -> Key:
    """Always the first of the list who is ready."""
    return standing.number


def skill_best(standing: Standing, fit: Fit) -> Key:
    """The highest levels in what the caller needs; among equals the longest idle."""
    return (-fit.level, standing.idle_since)


def skill_closest(standing: Standing, fit: Fit) -> Key:
    """Just good enough, so that the experts stay free for those who need them; among equals the longest idle."""
    return (fit.surplus, standing.idle_since)


def by_lot(standing: Standing, fit: Fit) -> Key:
    """All alike: `Search.DRAW` draws among them."""
    return 0


def drawn(chance: Chance, below: int) -> int:
    """A number from 0 to below - 1, each as likely as the others (to one part in 2**32 / below)."""
    return chance.getrandbits(32) * below >> 32


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        "longest-idle": Strategy(longest_idle),
        "round-robin": Strategy(round_robin),
        "fewest-calls": Strategy(fewest_calls),
        "top-down": Strategy(top_down),
        "random": Strategy(by_lot, Search.DRAW),
        "skill-best": Strategy(skill_best, by_fit=True),
        "skill-closest": Strategy(skill_closest, by_fit=True),
    }
)
ORDERS: Mapping[str, Order] = MappingProxyType({name: strategy.order for name, strategy in STRATEGIES.items()})
