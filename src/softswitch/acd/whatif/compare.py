"""The same day many times under two configurations: what differs by lot is drawn again each time, for both alike.

Each figure is given as its mean over the seeds with the range in which 90 of 100 such days fall (the 5 % and 95 %
points of the seeds). The recorded configuration is simulated as well: how far its mean is from what really happened is
the error of the model, printed beside it. A difference between the two simulations, seed by seed, is called sure when
at least 95 % of the seeds agree on its sign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from softswitch.acd import messages as m
from softswitch.acd.whatif.day import Day, Lots
from softswitch.acd.whatif.figures import Figures, quantile
from softswitch.acd.whatif.recorded import RecordedDay, duties_for

SURE = 0.95


@dataclass(frozen=True, slots=True)
class Spread:
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    name: str
    happened: float | None
    same: Spread | None
    other: Spread | None
    difference: Spread | None
    agreeing: float  # share of the seeds whose difference has the sign of the mean

    @property
    def sure(self) -> bool:
        return self.difference is not None and self.difference.mean != 0.0 and self.agreeing >= SURE


def spread(values: Iterable[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    low, high = quantile(known, 0.05), quantile(known, 0.95)
    return None if low is None or high is None else Spread(sum(known) / len(known), low, high)


def runs(
    day: RecordedDay,
    settings: m.AcdSettings,
    seeds: Iterable[int],
    lots: Callable[[int], Lots],
    done: Callable[[], None] = lambda: None,
    engine: Callable[[m.AcdSettings], Any] | None = None,
) -> list[Figures]:
    duties = duties_for(day, settings)
    found = []
    for seed in seeds:
        found.append(Day(settings, day.visits, duties, day.habits, lots(seed), engine).run())
        done()
    return found


def compared(happened: Figures, same: list[Figures], other: list[Figures]) -> list[Row]:
    real = happened.values()
    ours, theirs = [one.values() for one in same], [one.values() for one in other]
    rows = []
    for name in real:
        differences = [
            after - before
            for one, two in zip(ours, theirs, strict=True)
            if (before := one[name]) is not None and (after := two[name]) is not None
        ]
        found = spread(differences)
        agreeing = 0.0
        if found is not None:
            agreeing = sum((each > 0) == (found.mean > 0) and each != 0 for each in differences) / len(differences)
        rows.append(
            Row(name, real[name], spread(o[name] for o in ours), spread(t[name] for t in theirs), found, agreeing)
        )
    return rows
