"""How much each trunk carries: channels in use, both directions together, and new calls per second.

    call in ─► admit ─┬─ room: began ─► ended      call out ─► admit ─┬─ room
                      └─ none: 503 + Retry-After                      └─ none: the next trunk

A token bucket for each direction, so that a burst of callers does not hold up call-backs: one second's worth may come
at once. The calls of a trunk without `calls_per_second` are only counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from softswitch.ids import TrunkId
from softswitch.sip.causes import CONGESTION, NO_CHANNEL
from softswitch.sip.messages import TrunkSettings


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a trunk takes no call now."""

    why: str
    cause: int  # Q.850
    retry_after: int  # seconds


_FULL = Refused("all channels are in use", NO_CHANNEL, 5)
_TOO_FAST = Refused("too many calls per second", CONGESTION, 1)


class _Bucket:
    """`per_second` tokens flow in; one is taken by each new call."""

    __slots__ = ("_at", "_left", "_most", "_per_second")

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = self._left = max(1.0, per_second)
        self._at = 0.0

    def level(self, now: float) -> float:
        return min(self._most, self._left + max(0.0, now - self._at) * self._per_second)

    def take(self, now: float) -> bool:
        self._left, self._at = self.level(now), now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class TrunkLoad:
    """See the module."""

    __slots__ = ("_calls", "_in", "_limits", "_out", "refused")

    def __init__(self, trunks: Iterable[TrunkSettings]) -> None:
        self._limits = {trunk.id: trunk for trunk in trunks}
        limited = [trunk for trunk in self._limits.values() if trunk.calls_per_second > 0]
        self._calls = dict.fromkeys(self._limits, 0)
        self._in = {trunk.id: _Bucket(trunk.calls_per_second) for trunk in limited}
        self._out = {trunk.id: _Bucket(trunk.calls_per_second) for trunk in limited}
        self.refused = dict.fromkeys(self._limits, 0)

    def admit(self, trunk: TrunkId, now: float, outgoing: bool = False) -> Refused | None:
        """May a new call begin? It takes its token; `began` follows when there is a call."""
        refused = None
        bucket = (self._out if outgoing else self._in).get(trunk)
        if self._calls[trunk] >= self._limits[trunk].max_calls:
            refused = _FULL
        elif bucket is not None and not bucket.take(now):
            refused = _TOO_FAST
        if refused is not None:
            self.refused[trunk] += 1
        return refused

    def began(self, trunk: TrunkId) -> None:
        self._calls[trunk] += 1

    def ended(self, trunk: TrunkId) -> None:
        self._calls[trunk] -= 1
        assert self._calls[trunk] >= 0, "a call of a trunk ends once"

    def calls(self, trunk: TrunkId) -> int:
        return self._calls[trunk]

    def per_second(self, trunk: TrunkId, now: float) -> float:
        """New calls of the last second, the busier direction; only known where there is a limit."""
        buckets = [each for each in (self._in.get(trunk), self._out.get(trunk)) if each is not None]
        limit = self._limits[trunk].calls_per_second
        return max((max(1.0, limit) - each.level(now) for each in buckets), default=0.0)
