"""Table of messages about call-backs and the promises behind them."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.acd.messages.words import PromiseState
from softswitch.ids import AgentId, CustomerId, InteractionId, PromiseId, QueueId, SkillId

# ------------------------------------------------------------------ events


@dataclass(frozen=True, slots=True)
class CallBackRequested:
    """He wants to be called back, at the number `caller`. From the line (`fresh` false) he keeps his place there,
    and his agent when he waits for her; `fresh`: he never entered (nobody there, closed, full, or we lost him)."""

    interaction: InteractionId
    queue: QueueId
    caller: str
    customer: CustomerId | None
    language: str
    fresh: bool = False
    because: str = ""
    skills: tuple[tuple[SkillId, int], ...] = ()
    waited_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PromiseSaved:
    """The store has the promise; only now is it spoken to the caller. Not `ok`: it cannot be made, the caller
    goes to a colleague."""

    promise: PromiseId
    ok: bool


@dataclass(frozen=True, slots=True)
class PromiseRestored:
    """At start: an open promise from the store."""

    promise: PromiseId
    interaction: InteractionId
    queue: QueueId
    agent: AgentId
    caller: str
    customer: CustomerId | None
    language: str
    made_at: float
    due_at: float
    attempts: int
    entered_at: float | None = None  # when he came into the line, where that is known: his place there


# ------------------------------------------------------------------ commands


@dataclass(frozen=True, slots=True)
class SavePromise:
    """Make the promise durable and answer with `PromiseSaved`."""

    promise: PromiseId
    interaction: InteractionId
    queue: QueueId
    agent: AgentId
    caller: str
    customer: CustomerId | None
    language: str
    made_at: float
    due_at: float


@dataclass(frozen=True, slots=True)
class ConfirmCallBack:
    """The promise is durable: tell the caller the time and hang up; his place in the line stays."""

    interaction: InteractionId
    promise: PromiseId
    agent: AgentId  # "": anybody of the queue
    due_at: float
    not_before: float = 0.0  # when the queue opens again


@dataclass(frozen=True, slots=True)
class PromiseChanged:
    promise: PromiseId
    state: PromiseState
    attempts: int
    at: float
    because: str = ""


@dataclass(frozen=True, slots=True)
class PromiseEscalated:
    """The time told to a customer has passed, or the promise is broken for good: for the eyes of a supervisor."""

    promise: PromiseId
    interaction: InteractionId
    queue: QueueId
    agent: AgentId  # who promised; "": the queue
    because: str
    at: float
