"""Table of messages about agents and their phones: what they do, and what the record keeps of it."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.acd.messages.words import AgentState
from softswitch.ids import AgentId

# ------------------------------------------------------------------ events


@dataclass(frozen=True, slots=True)
class PhoneRegistered:
    """The agent's phone has a live registration (again). Logs the agent in unless she logged out by code."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class PhoneLost:
    """No live registration is left; or, `silent`, her phones are registered but none of them answers."""

    agent: AgentId
    silent: bool = False


@dataclass(frozen=True, slots=True)
class AgentLoggedIn:
    """By feature code or API."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentLoggedOut:
    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentWentReady:
    """Ends break, suspension or wrap-up."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentWentOnBreak:
    """Takes effect at once, or after the present conversation. Without a limit, that of the reason's rule."""

    agent: AgentId
    reason: str = ""
    limit_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class AgentWentOutbound:
    """She makes calls of her own: no caller is offered to her until she is ready again. Takes effect like a break."""

    agent: AgentId
    reason: str = ""
    answer: bool = False  # `OrderAnswered` is wanted


@dataclass(frozen=True, slots=True)
class AgentNeedsTime:
    """Her wrap-up gets longer, as often as the queue allows."""

    agent: AgentId
    answer: bool = False  # `OrderAnswered` is wanted


@dataclass(frozen=True, slots=True)
class AgentFreed:
    """A supervisor ends whatever she is stuck in, also a conversation that nobody holds any more."""

    agent: AgentId
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class OwnCallBegan:
    """The agent has placed a call herself (a feature code, a number of the line): no caller is offered to her until
    `OwnCallEnded`."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class OwnCallEnded:
    """The last call that she placed herself is over."""

    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentRestored:
    """At start: the state the journal remembered. RINGING and TALKING never come back (no call survived);
    `deadline` is that of the wrap-up."""

    agent: AgentId
    state: AgentState
    reason: str
    since: float
    deadline: float | None
    registered: bool
    logged_out: bool = False


# ------------------------------------------------------------------ commands


@dataclass(frozen=True, slots=True)
class OrderAnswered:
    """What became of an order whose sender wanted to know."""

    agent: AgentId
    ok: bool


@dataclass(frozen=True, slots=True)
class AgentStateChanged:
    agent: AgentId
    state: AgentState
    reason: str
    since: float
    deadline: float | None = None
    logged_out: bool = False  # by code: registration alone does not log her in again
