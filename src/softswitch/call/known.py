"""What is known of a caller: where he stands and with what he came, and what the store and this call have shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.ids import AgentId, CustomerId, QueueId
from softswitch.ivr.messages import Target


@dataclass(slots=True)
class QueuePlace:
    """Where the caller stands, and with what he came."""

    queue: QueueId
    customer: CustomerId | None
    entered: Mapping[str, str]
    path: tuple[str, ...]
    because: str
    entered_at: float = 0.0
    going: Target | None = None  # where a key of his leads, once he is out of the line


@dataclass(slots=True)
class Memory:
    """What the store said about this caller so far."""

    previous: AgentId | None = None
    asked_ahead: bool = False
    answered: bool = False
    waited_before: float = 0.0
    notes: list[str] = field(default_factory=list)
    earlier_calls: int = 0
    was_cut_off: bool = False
    passes: int = 0
    passed_by: AgentId | None = None
    owner: AgentId | None = None
    owner_said: bool = False  # for this call, by its flow or by another program: what the store says does not count
    served_by: dict[QueueId, AgentId] = field(default_factory=dict)  # who had him in this call, and passed him on
    returns_to: tuple[QueueId, AgentId] | None = None  # she asked for a colleague's answer only
    lets_first: bool = False
    may_let_first: bool = False  # he was asked
    in_front: bool = False  # a handover came to nothing
    overflows: int = 0
