"""Snapshots of older versions: what the state did not have then, and what it had instead.

A field of a frozen dataclass that an older version did not know takes its default (`graph`). The living state has no
defaults of its own; for each class that has changed since the first journal there is a step here. Steps run when every
object has the fields it was written with, in the order of the table: what is worked out from others comes after them.
A class that is not in the table must fit exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from types import MappingProxyType
from typing import Any, Final

from softswitch.acd.agents import READY, Attempt, Duty, PersonalLine, Tally
from softswitch.acd.chat_room import ChatRoom
from softswitch.acd.eligibility import NOTHING_RELAXED, Accuracy, Eligibility, Needs, Pool, Queue, Skills, Weights
from softswitch.acd.floor import Floor
from softswitch.acd.messages import AgentState
from softswitch.acd.strategy import STRATEGIES, Lots
from softswitch.acd.waiting import Entry, Promise, Told

Left = dict[str, Any]  # fields of the older version that this one does not have
Step = Callable[[Any, Left], None]


def lacks(thing: object, name: str) -> bool:
    return not hasattr(thing, name)


def _fill(thing: object, **values: Any) -> None:
    for name, value in values.items():
        if lacks(thing, name):
            setattr(thing, name, value)


def _queue(queue: Queue, left: Left) -> None:
    """Orders were functions alone, the same by name."""
    left.pop("order", None)
    settings = queue.settings
    if lacks(queue, "strategy"):
        queue.strategy = STRATEGIES[settings.order]
    at_once = settings.ring_at_once or 1_000_000
    _fill(queue, chance=Lots(), steps=(NOTHING_RELAXED,), hours=None, at_once=at_once, let_first=0)


def _pool(pool: Pool, left: Left) -> None:
    """Who is idle is listed anew: keys are what the present orders make of them."""
    if lacks(pool, "needs"):
        pool.needs = Needs(left.pop("skills"), left.pop("language"))
    _fill(pool, step=0, short=[])
    if lacks(pool, "fits"):
        fresh = Pool(pool.queue, pool.needs, pool.step, ())
        pool.fits, pool.order, pool.idle = fresh.fits, fresh.order, []
        for agent in pool.members:
            agent.unlisted = [each for each in agent.unlisted if each is not pool]
            if agent.state is READY:
                pool.list_idle(agent)
            else:
                agent.unlisted.append(pool)


def _eligibility(eligibility: Eligibility, left: Left) -> None:
    """Pools were found by fewer needs."""
    pools: dict[tuple[str, Skills, str, Weights, int], Pool] = {}
    for pool in eligibility.pools.values():
        needs = pool.needs
        pools[(pool.queue.settings.id, needs.skills, needs.language, needs.prefers, pool.step)] = pool
    eligibility.pools = pools
    _fill(
        eligibility,
        relaxing=any(len(pool.queue.steps) > 1 for pool in pools.values()),
        weighted=any(pool.queue.settings.weight != 1.0 for pool in pools.values()),
        together=any(pool.queue.at_once > 1 for pool in pools.values()),
    )


def _duty(duty: Duty, left: Left) -> None:
    _fill(duty, break_limit=None, then=AgentState.BREAK, extended=0, tally=Tally())


def _attempt(attempt: Attempt, left: Left) -> None:
    ring_seconds = attempt.entry.pool.queue.settings.ring_seconds
    _fill(attempt, volley=None, deadline=attempt.began_at + ring_seconds)


def _line(line: PersonalLine, left: Left) -> None:
    _fill(line, in_a_row=0)


def _promise(promise: Promise, left: Left) -> None:
    _fill(promise, on_line=False, rests_until=0.0)


def _floor(floor: Floor, left: Left) -> None:
    _fill(floor, no_way_out=False)
    _fill(floor.eligibility, chats=ChatRoom(floor.agents.values()))


def _entry(entry: Entry, left: Left) -> None:
    """When he is told his place again stood alone."""
    say_at = left.pop("say_at", None)
    if lacks(entry, "told"):
        entry.told = None
        if say_at is not None:
            entry.told = Told()
            entry.told.again_at = inf if say_at is None else say_at


def _accuracy(accuracy: Accuracy, left: Left) -> None:
    _fill(accuracy, left=0, left_late=0)


STEPS: Final[Mapping[type, Step]] = MappingProxyType(
    {
        Floor: _floor,
        Queue: _queue,
        Accuracy: _accuracy,
        Pool: _pool,
        Eligibility: _eligibility,
        Duty: _duty,
        PersonalLine: _line,
        Attempt: _attempt,
        Promise: _promise,
        Entry: _entry,
    }
)


def brought_up_to_date(made: list[tuple[Any, Left]], names: Callable[[type], tuple[str, ...]]) -> str:
    """Objects with fields of another version, and those of their fields that nobody knows now. Empty, or what does not
    fit, as half a sentence."""
    for kind, step in STEPS.items():
        for thing, left in made:
            if type(thing) is kind:
                step(thing, left)
    for thing, left in made:
        kind = type(thing)
        if left:
            return f"has {kind.__name__}.{next(iter(left))}, unknown to this version"
        for name in names(kind):
            if lacks(thing, name):
                return f"lacks {kind.__name__}.{name}, which this version needs"
    return ""
