"""From registrations to the ACD: a phone that appears logs its agent in, the last one that goes logs her out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softswitch.acd.messages import PhoneLost, PhoneRegistered
from softswitch.ids import AgentId
from softswitch.sip.messages import RegistrationChanged


class PhoneWatch:
    """An effect for `RegistrationChanged`: posts only the changes between none and some."""

    def __init__(self, post: Callable[[Any], None]) -> None:
        self._post = post
        self._reachable: set[AgentId] = set()

    def changed(self, event: RegistrationChanged) -> None:
        agent = event.agent
        if bool(event.contacts) == (agent in self._reachable):
            return
        if event.contacts:
            self._reachable.add(agent)
            self._post(PhoneRegistered(agent))
        else:
            self._reachable.discard(agent)
            self._post(PhoneLost(agent))
