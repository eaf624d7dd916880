"""Which of several ready agents is rung first.

An order is a pure function from an agent's standing to a key; the smallest key is rung first, equal keys in the
order of the configuration. A key never falls while the engine runs, and a standing changes only while its agent is
not ready: `matching.find` relies on both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType


class Standing:
    """What the orders look at."""

    __slots__ = ("calls", "idle_since", "number", "offered", "turn")

    def __init__(self, number: int) -> None:
        self.number = number  # place in the configuration
        self.idle_since = 0.0
        self.calls = 0  # conversations had since the start
        self.offered = 0  # when she was last rung, as a count of all rings
        self.turn = 0  # counts her spells of being ready; a heap item of an earlier one is out of date


Key = float | tuple[float, ...]
Order = Callable[[Standing], Key]


def longest_idle(standing: Standing) -> Key:
    return standing.idle_since


def round_robin(standing: Standing) -> Key:
    """Whoever was rung longest ago, whether she took the call or not."""
    return standing.offered


def fewest_calls(standing: Standing) -> Key:
    return (standing.calls, standing.idle_since)


def top_down(standing: Standing) -> Key:
    """Always the first of the list who is ready."""
    return standing.number


ORDERS: Mapping[str, Order] = MappingProxyType(
    {
        "longest-idle": longest_idle,
        "round-robin": round_robin,
        "fewest-calls": fewest_calls,
        "top-down": top_down,
    }
)
