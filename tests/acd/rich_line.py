"""A line that uses everything a queue can be told."""

from __future__ import annotations

from dataclasses import replace

from simulation import bank

from softswitch.acd import messages as m


def rich() -> m.AcdSettings:
    """Every order, relaxation, tiers, agents rung together, weights, deputies."""
    plain = bank(agents=10, seed=3)
    orders = ("random", "skill-best", "fewest-calls", "skill-closest")
    queues = tuple(
        replace(
            one,
            order=orders[n],
            ring_at_once=(1, 2, 0, 1)[n],
            tier_after_seconds=(None, 10.0, None, 15.0)[n],
            weight=(1.0, 2.0, 1.0, 1.0)[n],
            relax=(m.RelaxStep(20.0, lower_by=1), m.RelaxStep(40.0, any_skill=True, add_queue=plain.queues[0].id))
            if n
            else (),
        )
        for n, one in enumerate(plain.queues)
    )
    agents = tuple(
        replace(one, tiers=tuple((queue, 1 + n % 2) for queue in one.queues)) for n, one in enumerate(plain.agents)
    )
    return replace(plain, queues=queues, agents=agents)
