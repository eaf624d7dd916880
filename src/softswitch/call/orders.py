"""Orders from outside to a call that goes on: what the API and its pages may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.ids import InteractionId, QueueId


@dataclass(frozen=True, slots=True)
class PassCaller:
    """The agent who talks with this caller passes him on to another department, with everything that is known."""

    interaction: InteractionId
    queue: QueueId
    note: str = ""
