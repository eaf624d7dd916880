"""From registrations to the ACD: a phone that appears logs its agent in, the last one that goes logs her out, and each
refresh says that her phone is alive (which ends a suspension for an unreachable phone). A phone that registers but
answers no OPTIONS suspends her; then only an answer ends it, for a registration does not say that calls reach it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softswitch.acd.messages import PhoneLost, PhoneRegistered
from softswitch.ids import AgentId
from softswitch.sip.messages import PhoneAnswering, RegistrationChanged


class PhoneWatch:
    """An effect for `RegistrationChanged` and `PhoneAnswering`. A contact less, while others are left, is no sign of
    life."""

    def __init__(self, post: Callable[[Any], None]) -> None:
        self._post = post
        self._until: dict[AgentId, float] = {}  # when the last live registration of an agent ends
        self._silent: set[AgentId] = set()

    def changed(self, event: RegistrationChanged) -> None:
        agent = event.agent
        if not event.contacts:
            self._silent.discard(agent)
            if self._until.pop(agent, None) is not None:
                self._post(PhoneLost(agent))
            return
        until = max(contact.expires_at for contact in event.contacts)
        if until > self._until.get(agent, 0.0) and agent not in self._silent:
            self._post(PhoneRegistered(agent))
        self._until[agent] = until

    def answering(self, event: PhoneAnswering) -> None:
        agent = event.agent
        if event.answering:
            self._silent.discard(agent)
            self._post(PhoneRegistered(agent))
        else:
            self._silent.add(agent)
            self._post(PhoneLost(agent, silent=True))
