"""Orders from outside to a call that goes on: what the API, its pages and feature codes may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.ids import AgentId, InteractionId, QueueId


@dataclass(frozen=True, slots=True)
class PassCaller:
    """The agent who talks with this caller passes him on to another department, with everything that is known.
    `come_back`: for a question; when the colleague hangs up he is brought back to her."""

    interaction: InteractionId
    queue: QueueId
    note: str = ""
    come_back: bool = False


@dataclass(frozen=True, slots=True)
class PassMyCaller:
    """The same, asked for by the agent's phone; answered with `OrderAnswered`."""

    agent: AgentId
    queue: QueueId
    come_back: bool = False


@dataclass(frozen=True, slots=True)
class MoveCaller:
    """A supervisor puts a waiting caller into another queue; the time he waited counts there."""

    interaction: InteractionId
    queue: QueueId
    by: str


@dataclass(frozen=True, slots=True)
class PressKeys:
    """Telephone keys for the machine that this caller, or called customer, is: 0-9 * # A-D, and a comma for a pause."""

    interaction: InteractionId
    keys: str


@dataclass(frozen=True, slots=True)
class SetOwner:
    """Whose case this call is about, as another program knows it: for queues that bring callers back to the owner."""

    interaction: InteractionId
    agent: AgentId | None


@dataclass(frozen=True, slots=True)
class AskColleague:
    """She wants to ask somebody while her caller waits: an extension, or a number outside."""

    agent: AgentId
    to: str


@dataclass(frozen=True, slots=True)
class ConsultStep:
    """`step`: "together" (all three), "back" (to her caller, without him), "over" (the caller goes to him)."""

    agent: AgentId
    step: str


@dataclass(frozen=True, slots=True)
class Supervise:
    """A supervisor wants to be in this agent's talk, with his own phone. `part`: "listen", "whisper" or "barge".
    `follow`: and in those after it. He may be in another one: then he goes from there to here."""

    supervisor: AgentId
    agent: AgentId
    part: str
    follow: bool = False
    level: int = 100  # of his voice, percent


@dataclass(frozen=True, slots=True)
class ChangeSupervision:
    """None: as it is."""

    supervisor: AgentId
    part: str | None = None
    follow: bool | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True)
class EndSupervision:
    supervisor: AgentId
