"""Callers of a day that never was.

even     the same number every hour from 8 to 18
morning  a hump around 10 and a smaller one around 14, as most service lines have
storm    even, with five times as many for half an hour at 11: an outage, a letter to everybody
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp, inf, log
from types import MappingProxyType
from typing import Final

from softswitch.acd import messages as m
from softswitch.acd.whatif.day import Lots, Visit
from softswitch.ids import InteractionId

OPEN: Final = 8 * 3600.0
CLOSE: Final = 18 * 3600.0
_STEP: Final = 300.0

Pattern = Callable[[float], float]  # seconds of the day -> how many, in any unit


def _even(at: float) -> float:
    return 1.0


def _morning(at: float) -> float:
    hour = at / 3600.0
    return 0.25 + exp(-((hour - 10.0) ** 2) / 2.0) + 0.6 * exp(-((hour - 14.0) ** 2) / 2.5)


def _storm(at: float) -> float:
    return 5.0 if 11 * 3600.0 <= at < 11.5 * 3600.0 else 1.0


PATTERNS: Mapping[str, Pattern] = MappingProxyType({"even": _even, "morning": _morning, "storm": _storm})


def arrivals(calls: int, pattern: Pattern, lots: Lots) -> list[float]:
    """So many times of the day, each drawn from the pattern, sorted: a Poisson stream given its number."""
    steps = [OPEN + _STEP * number for number in range(int((CLOSE - OPEN) / _STEP))]
    bounds, total = [], 0.0
    for step in steps:
        total += pattern(step)
        bounds.append(total)
    found = []
    for _ in range(calls):
        drawn, low, high = lots.random() * total, 0, len(bounds) - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if bounds[middle] <= drawn else (low, middle)
        found.append(steps[low] + _STEP * lots.random())
    return sorted(found)


def visits(
    settings: m.AcdSettings,
    calls: int,
    pattern: Pattern,
    lots: Lots,
    talk_seconds: float | None,
    patience_seconds: float | None,
    returning: float,
    languages: tuple[str, ...],
) -> list[Visit]:
    """Callers go to queues in proportion to the agents who serve them; a share `returning` has a previous agent there.
    Talks and patience are exponential around their means; `talk_seconds` None: the queue's usual talk."""
    served = [(queue, [a for a in settings.agents if queue.id in a.queues]) for queue in settings.queues]
    wheel = [(queue, agents) for queue, agents in served for _ in agents] or served
    found = []
    for number, at in enumerate(arrivals(calls, pattern, lots), 1):
        queue, agents = wheel[int(lots.random() * len(wheel))]
        back = queue.sticky is not None and agents and lots.random() < returning
        previous = agents[int(lots.random() * len(agents))].id if back else None
        language = languages[int(lots.random() * len(languages))] if languages else ""
        event = m.CallerEntered(InteractionId(number), queue.id, f"+999{number:07}", None, language, previous)
        talk = -(queue.usual_talk_seconds if talk_seconds is None else talk_seconds) * log(1.0 - lots.random())
        patience = inf if patience_seconds is None else -patience_seconds * log(1.0 - lots.random())
        found.append(Visit(at, event, patience, talk=max(talk, 1.0), wrap_up=inf))
    return found


def everybody(settings: m.AcdSettings, at: float) -> list[tuple[float, m.Event]]:
    """All agents come to work at this time."""
    return [(at, m.PhoneRegistered(agent.id)) for agent in settings.agents]
