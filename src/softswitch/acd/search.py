"""Finding the first ready agent of a pool whose order has no heap: drawn by lot, or the least of all keys."""

from __future__ import annotations

from collections.abc import Mapping

from softswitch.acd.agents import READY, Agent
from softswitch.acd.eligibility import IdleItem, Pool
from softswitch.acd.strategy import Key, Search, drawn, longest_idle
from softswitch.ids import AgentId

Refused = Mapping[AgentId, float] | None


def find(pool: Pool, refused: Refused) -> Agent | None:
    drawing = pool.queue.strategy.search is Search.DRAW
    if drawing and pool.fits is None:
        return _draw(pool, refused)
    candidates = [agent for agent in _ready(pool) if not refused or agent.id not in refused]
    if not candidates:
        return None
    if drawing:
        first = min(_rank(pool, agent) for agent in candidates)
        candidates = [agent for agent in candidates if _rank(pool, agent) == first]
        return candidates[drawn(pool.queue.chance, len(candidates))]
    try:
        return min(candidates, key=lambda agent: (pool.key(agent), agent.standing.number))
    except Exception:  # an order of somebody else's making must not keep a caller waiting
        return min(candidates, key=lambda agent: (longest_idle(agent.standing, pool.fit(agent)), agent.standing.number))


def _draw(pool: Pool, refused: Refused) -> Agent | None:
    """Who is drawn and not ready is taken out, and it is drawn again: all ready ones stay alike."""
    idle = pool.idle
    aside: list[IdleItem] = []
    found = None
    while idle and found is None:
        at = drawn(pool.queue.chance, len(idle))
        item, idle[at] = idle[at], idle[-1]
        idle.pop()
        agent = item[3]
        if agent.state is not READY:
            agent.unlisted.append(pool)
        else:
            aside.append(item)
            if not refused or agent.id not in refused:
                found = agent
    idle.extend(aside)
    return found


def _ready(pool: Pool) -> list[Agent]:
    """The ready members; the others are taken out of the list."""
    ready = []
    for item in pool.idle:
        if item[3].state is READY:
            ready.append(item)
        else:
            item[3].unlisted.append(pool)
    pool.idle[:] = ready
    return [item[3] for item in ready]


def _rank(pool: Pool, agent: Agent) -> Key:
    fit = pool.fit(agent)
    return (fit.tier, -fit.preferred)
