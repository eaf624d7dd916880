"""Table of messages about typed chats: the second kind of interaction, beside a call and not instead of it.

`attempt` is one offer of a chat to one agent, as with rings. Chats have commands of their own, so that nobody who
handles calls has to look at the kind of an interaction.
"""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.acd.messages.words import Outcome, RingEnd
from softswitch.ids import AgentId, CustomerId, InteractionId, QueueId, RingAttemptId, SkillId

# ------------------------------------------------------------------ events


@dataclass(frozen=True, slots=True)
class ChatEntered:
    """Somebody wants to write with an agent of this queue."""

    interaction: InteractionId
    queue: QueueId
    customer: CustomerId | None = None
    language: str = ""
    previous_agent: AgentId | None = None
    skills: tuple[tuple[SkillId, int], ...] = ()  # beyond those of the queue
    head_start_seconds: float = 0.0
    waited_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ChatAccepted:
    """She takes it: compare-and-set on the attempt."""

    attempt: RingAttemptId


@dataclass(frozen=True, slots=True)
class ChatDeclined:
    attempt: RingAttemptId


@dataclass(frozen=True, slots=True)
class ChatClosed:
    """It is over, or given up while it waits."""

    interaction: InteractionId


# ------------------------------------------------------------------ commands


@dataclass(frozen=True, slots=True)
class OfferChat:
    """Show it to this agent. The engine's own deadline ends the offer with `ChatOfferEnded`."""

    attempt: RingAttemptId
    interaction: InteractionId
    agent: AgentId
    deadline: float
    sticky: bool = False


@dataclass(frozen=True, slots=True)
class ChatOfferEnded:
    """Accepted, or it is no longer hers to take."""

    attempt: RingAttemptId
    interaction: InteractionId
    queue: QueueId
    agent: AgentId
    began_at: float
    ended_at: float
    end: RingEnd
    sticky: bool = False


@dataclass(frozen=True, slots=True)
class ChatLeftQueue:
    """Out of the line for good: with an agent, or not."""

    interaction: InteractionId
    queue: QueueId
    outcome: Outcome
    agent: AgentId | None
    entered_at: float
    left_at: float
    sticky: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class ChatEnded:
    """A chat with an agent is over; her place is free for another one."""

    attempt: RingAttemptId
    interaction: InteractionId
    queue: QueueId
    agent: AgentId
    began_at: float
    ended_at: float
    because: str = ""
