"""How long callers would have waited. Of those who hung up it is known; of those who were answered only that it was
longer than their wait (it is *censored*). To leave these out, or to take their wait for their patience, would make
everybody look impatient; so the share who still wait after t seconds is estimated as E. L. Kaplan and P. Meier did
("Nonparametric Estimation from Incomplete Observations", JASA 53 (1958)):

    S(t) = product over hang-ups at t_i <= t of (1 - hung up at t_i / still waiting just before t_i)

Somebody who was answered after c seconds gets a patience drawn from what S says beyond c. Where nobody has waited any
longer, hang-ups go on at their mean rate of the day: hang-ups / seconds waited by all. On a day without a hang-up
patience has no end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from math import inf, log


class Patience:
    def __init__(self, waits: Iterable[tuple[float, bool]]) -> None:
        """`(seconds waited, hung up)` of everybody."""
        seen = sorted(waits)
        exposure = sum(seconds for seconds, _ in seen)
        self.hung_up = sum(gone for _, gone in seen)
        self.rate = self.hung_up / exposure if exposure > 0 else 0.0
        self.times: list[float] = []
        self.still: list[float] = []  # S just after each of them
        waiting, share, at = len(seen), 1.0, 0
        while at < len(seen):
            time, gone, count = seen[at][0], 0, 0
            while at < len(seen) and seen[at][0] == time:
                gone += seen[at][1]
                count += 1
                at += 1
            if gone:
                share *= 1.0 - gone / waiting
                self.times.append(time)
                self.still.append(share)
            waiting -= count

    def survival(self, seconds: float) -> float:
        at = bisect_right(self.times, seconds)
        return self.still[at - 1] if at else 1.0

    def drawn(self, uniform: float, at_least: float = 0.0) -> float:
        """The patience of somebody who has waited for `at_least` seconds already; `uniform` is from 0 to below 1."""
        beyond = self.survival(at_least) * (1.0 - uniform)
        for index in range(bisect_right(self.times, at_least), len(self.times)):
            if self.still[index] <= beyond:
                return self.times[index]
        last = self.survival(inf)
        if self.rate <= 0.0:
            return inf
        start = max(at_least, self.times[-1] if self.times else 0.0)
        share = beyond / last if last > 0.0 else 1.0 - uniform
        return start - log(max(min(share, 1.0), 1e-12)) / self.rate
