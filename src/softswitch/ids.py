"""Names of things, as types, and where new ones come from.

Every number that the switch hands out (legs, interactions, ring attempts, ...) comes from one `IdSource`
that is handed in, so that a run can be repeated from its seed. Ids made by one source never repeat, also
across restarts, when each source starts at `IdSource.start_for(boot wall-clock seconds)`.
"""

from __future__ import annotations

from itertools import count
from typing import NewType

LegId = NewType("LegId", int)  # one SIP call leg = one invite session = one media leg
CallId = NewType("CallId", int)  # one call through the switch: all its legs together
InteractionId = NewType("InteractionId", int)  # a customer's conversation with us (the field says "contact")
RingAttemptId = NewType("RingAttemptId", int)  # one offer of one interaction to one agent
PromiseId = NewType("PromiseId", int)  # "she calls you back by 14:30"
PlaybackId = NewType("PlaybackId", int)  # one Play command to the media process

AgentId = NewType("AgentId", str)  # the key in people.yaml, never the display name
QueueId = NewType("QueueId", str)
SkillId = NewType("SkillId", str)
TrunkId = NewType("TrunkId", str)
FlowId = NewType("FlowId", str)
CustomerId = NewType("CustomerId", str)

_PER_SECOND = 1 << 20  # a source may hand out a million ids per second of up-time on average


class IdSource:
    """A strictly increasing counter; every id in the switch is unique among all kinds of id."""

    def __init__(self, start: int = 1) -> None:
        self._next = count(start)

    @staticmethod
    def start_for(boot_wall_seconds: float) -> int:
        """First id for a process booted at this wall-clock second: above everything handed out before."""
        return int(boot_wall_seconds) * _PER_SECOND

    def above(self, number: int) -> None:
        """From now on only numbers that are higher: this one comes from an earlier process."""
        following = next(self._next)
        self._next = count(max(following, number + 1))

    def number(self) -> int:
        return next(self._next)
