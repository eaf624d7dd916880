"""The newest talks, known before the database has them.

A record is written a moment after it is made, and on a slow disk, or while the database is away, much later. A caller
who was cut off dials again within seconds: his agent must be known then already. So the store keeps the last talks
of the last callers in memory and lays them over what it reads.
"""

from __future__ import annotations

from collections import OrderedDict

from softswitch.call.records import FindPreviousAgent, TalkRecord
from softswitch.ids import AgentId

MOST_CALLERS = 10_000  # numbers and customers; the longest silent are forgotten, the database has them by then
_TALKS_EACH = 3  # how long a talk must be to count depends on the queue: not only the last may be asked for

# Caller identities that name nobody (RFC 3323 4.1.1.3 and what gateways send): they must not match each other.
NOBODY = frozenset({"", "anonymous", "unknown", "unavailable", "restricted", "private"})

Spoken = tuple[float, AgentId]  # when the talk began (wall clock), and with whom


class RecentTalks:
    def __init__(self, most_callers: int = MOST_CALLERS) -> None:
        self._most_callers = most_callers
        self._talks: OrderedDict[tuple[str, str], tuple[TalkRecord, ...]] = OrderedDict()

    def note(self, talk: TalkRecord) -> None:
        for key in _keys(talk.caller, talk.customer):
            self._talks[key] = (*self._talks.pop(key, ()), talk)[-_TALKS_EACH:]
        while len(self._talks) > self._most_callers:
            self._talks.popitem(last=False)

    def newest(self, query: FindPreviousAgent) -> Spoken | None:
        """The newest talk with this number or this customer that counts."""
        found: Spoken | None = None
        for key in _keys(query.caller, query.customer):
            for talk in self._talks.get(key, ()):
                counts = talk.began_at >= query.since and talk.seconds >= query.talked_at_least_seconds
                if counts and (found is None or talk.began_at > found[0]):
                    found = talk.began_at, talk.agent
        return found

    def __len__(self) -> int:
        return len(self._talks)


def _keys(caller: str, customer: str | None) -> tuple[tuple[str, str], ...]:
    by_number = () if caller.lower() in NOBODY else (("caller", caller),)
    return (*by_number, ("customer", customer)) if customer else by_number
