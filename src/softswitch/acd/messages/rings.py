"""Table of messages about ring attempts and the conversations that follow. Each carries its attempt."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.acd.messages.words import RingEnd
from softswitch.ids import AgentId, InteractionId, QueueId, RingAttemptId

# ------------------------------------------------------------------ events


@dataclass(frozen=True, slots=True)
class AgentAnswered:
    attempt: RingAttemptId


@dataclass(frozen=True, slots=True)
class AgentRefused:
    """Busy or declined (486, 603 ...)."""

    attempt: RingAttemptId


@dataclass(frozen=True, slots=True)
class AgentUnreachable:
    """No contact answered at all (404, 408, 480, 5xx, no registration)."""

    attempt: RingAttemptId


@dataclass(frozen=True, slots=True)
class ConversationEnded:
    """The agent's leg of this attempt is over (either side hung up). Starts wrap-up."""

    attempt: RingAttemptId


@dataclass(frozen=True, slots=True)
class CustomerReached:
    """Call-back: the customer answered and is connected to the agent."""

    attempt: RingAttemptId


@dataclass(frozen=True, slots=True)
class CustomerAnswered:
    """Call-back, customer first: he is on the line. `asking`: he is asked whether he wants to talk now; without it,
    from now on her phone rings."""

    attempt: RingAttemptId
    asking: bool = False


@dataclass(frozen=True, slots=True)
class CustomerNotReached:
    """Call-back: the customer did not answer; the agent's leg is released without wrap-up. `tried` False: his phone
    was not rung (the trunk is down, no port is free) or she hung up first; that is none of his attempts."""

    attempt: RingAttemptId
    tried: bool = True


@dataclass(frozen=True, slots=True)
class AgentTookOver:
    """A colleague has handed a caller over to this agent, and they talk already. The attempt is a new one, of the
    call room; it ends with `ConversationEnded` like any other."""

    attempt: RingAttemptId
    interaction: InteractionId
    agent: AgentId
    queue: QueueId  # in which the caller was
    language: str = ""


# ------------------------------------------------------------------ commands


@dataclass(frozen=True, slots=True)
class RingAgent:
    """Ring this agent for this interaction. The engine's own deadline ends it with `CancelRing`."""

    attempt: RingAttemptId
    interaction: InteractionId
    agent: AgentId
    deadline: float
    call_back: bool = False
    sticky: bool = False
    customer_first: bool = False  # she is only kept free: his phone rings before hers


@dataclass(frozen=True, slots=True)
class CancelRing:
    attempt: RingAttemptId
    end: RingEnd
    taken: bool = False  # a colleague who was rung with her has taken the caller


@dataclass(frozen=True, slots=True)
class Connect:
    """The answer was accepted: bridge the agent's leg with the caller (or, for a call-back, dial the customer)."""

    attempt: RingAttemptId
    interaction: InteractionId
    agent: AgentId
    call_back: bool = False
    sticky: bool = False


@dataclass(frozen=True, slots=True)
class EndConversation:
    """A supervisor has freed the agent: release her leg; the caller, if there still is one, goes back into the line."""

    attempt: RingAttemptId


@dataclass(frozen=True, slots=True)
class RefuseAnswer:
    """A stale or second answer: release that agent leg (Reason: SIP;cause=200)."""

    attempt: RingAttemptId


@dataclass(frozen=True, slots=True)
class RingEnded:
    attempt: RingAttemptId
    interaction: InteractionId
    queue: QueueId
    agent: AgentId
    began_at: float
    ended_at: float
    end: RingEnd
    sticky: bool = False
