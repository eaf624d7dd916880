"""What the queues know of agents, for the lamps of phones: told only of what some phone watches.

An effect for the messages that change it. As long as nobody watches, each costs one look into an empty table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softswitch.acd import messages as acd
from softswitch.acd.engine import Engine
from softswitch.ids import AgentId, QueueId
from softswitch.sip.lamp_documents import PRESENCE, SUMMARY
from softswitch.sip.messages import LampLit, WatchChanged
from softswitch.sip.subscriptions import QUEUE


class Lamps:
    """`heard` is what it wants to hear."""

    heard = (
        WatchChanged,
        acd.AgentStateChanged,
        acd.SavePromise,
        acd.PromiseRestored,
        acd.PromiseChanged,
        acd.ConfirmCallBack,
        acd.CallerEntered,
        acd.InteractionEnded,
    )

    def __init__(self, engine: Engine, post: Callable[[Any], None]) -> None:
        self._engine = engine
        self._post = post
        self._watched: dict[str, dict[str, None]] = {PRESENCE: {}, SUMMARY: {}, QUEUE: {}}
        self._told: dict[str, int] = {}  # call-backs of each agent whose lamp is watched

    def hear(self, message: Any) -> None:
        if isinstance(message, WatchChanged):
            self._watch_changed(message)
        elif isinstance(message, acd.AgentStateChanged):
            if message.agent in self._watched[PRESENCE]:
                self._post(LampLit(PRESENCE, message.agent, message.state.value, message.reason))
        elif isinstance(message, acd.CallerEntered | acd.InteractionEnded):
            if message.queue in self._watched[QUEUE]:
                self._tell(QUEUE, message.queue)
        elif self._watched[SUMMARY]:
            self._tell_summaries()

    def _watch_changed(self, message: WatchChanged) -> None:
        names = self._watched[message.kind]
        if message.watched:
            names[message.name] = None
            self._tell(message.kind, message.name)
        else:
            names.pop(message.name, None)
            if message.kind == SUMMARY:
                self._told.pop(message.name, None)

    def _tell_summaries(self) -> None:
        """One look at all promises, however many are watched; told to those whose number has changed."""
        counts = dict.fromkeys(self._watched[SUMMARY], 0)
        for promise in self._engine.floor.promises.values():
            if promise.saved and promise.agent is not None and promise.agent.id in counts:
                counts[promise.agent.id] += 1
        for name, count in counts.items():
            if self._told.get(name) != count:
                self._told[name] = count
                self._post(LampLit(SUMMARY, name, count=count))

    def _tell(self, kind: str, name: str) -> None:
        floor = self._engine.floor
        if kind == PRESENCE:
            agent = floor.agents.get(AgentId(name))
            if agent is not None:
                self._post(LampLit(kind, name, agent.state.value, agent.reason))
        elif kind == SUMMARY:
            self._told.pop(name, None)
            self._tell_summaries()
        else:
            queue = QueueId(name)
            waiting = (entry for entry in floor.entries.values() if entry.pool.queue.settings.id == queue)
            self._post(LampLit(kind, name, count=sum(entry.promise is None for entry in waiting)))
