"""Calls of the process before whose agent, queue, number or trunk is no longer configured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from softswitch.call.live import LiveCall
from softswitch.call.settings import Settings


def missing(calls: Iterable[LiveCall], settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """What these calls belong to and the settings do not know, by its kind; empty: nothing is missing."""
    known: dict[str, set[str]] = {
        "agents": {agent.id for agent in settings.acd.agents},
        "queues": {queue.id for queue in settings.acd.queues},
        "numbers": set(settings.call.numbers),
        "trunks": {trunk.id for trunk in settings.sip.trunks},
    }
    found: dict[str, dict[str, None]] = {}
    for call in calls:
        for kind, name in _belongs_to(call):
            if name not in known[kind]:
                found.setdefault(kind, {})[name] = None
    return {kind: tuple(names) for kind, names in found.items()}


def _belongs_to(call: LiveCall) -> Iterator[tuple[str, str]]:
    for kept in call.all_legs:
        if kept.sip.agent is not None:
            yield "agents", kept.sip.agent
        if kept.sip.trunk is not None:
            yield "trunks", kept.sip.trunk
    if call.talk is not None:
        yield "agents", call.talk.agent
        yield "queues", call.talk.queue
    if call.caller is not None:
        if call.caller.place is not None:
            yield "queues", call.caller.place.queue
        if call.legs[0].facts.direction == "in":
            yield "numbers", call.legs[0].facts.dialled
