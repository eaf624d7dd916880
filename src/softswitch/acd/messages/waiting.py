"""Table of messages about callers in the line: they enter, choose and leave; what they are told; how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.acd.messages.words import Choice, Outcome
from softswitch.ids import AgentId, CustomerId, InteractionId, QueueId, SkillId

# ------------------------------------------------------------------ events


@dataclass(frozen=True, slots=True)
class CallerEntered:
    interaction: InteractionId
    queue: QueueId
    caller: str
    customer: CustomerId | None
    language: str
    previous_agent: AgentId | None
    skills: tuple[tuple[SkillId, int], ...] = ()  # beyond those of the queue
    head_start_seconds: float = 0.0
    waited_seconds: float = 0.0  # already waited elsewhere (passed on by another department)
    can_be_called_back: bool = True  # there is a number, and a way to call it
    prefers: tuple[tuple[SkillId, float], ...] = ()  # skills that would be nice, with their weights
    passes: int = 0  # so often was he passed on by departments, in this call
    away: tuple[AgentId, ...] = ()  # of his agent and her deputy, who is absent by the calendar


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """The caller is gone while in the queue (waiting, choosing or being offered). `hung_up` False: it was the switch
    that ended his call (its audio was lost, it stops), which is no abandoned call."""

    interaction: InteractionId
    hung_up: bool = True


@dataclass(frozen=True, slots=True)
class ChoiceMade:
    """The caller answered `OfferChoice`; no clear answer counts as COLLEAGUE. From her own line COLLEAGUE is his way
    out at any time."""

    interaction: InteractionId
    choice: Choice


@dataclass(frozen=True, slots=True)
class CallerWentOn:
    """A key takes him out of the line, to another target. Answered with `OverflowCaller`; not obeyed, when he is
    being connected at this moment."""

    interaction: InteractionId
    because: str


@dataclass(frozen=True, slots=True)
class CallerLetOthersFirst:
    """He has time: as far as his queue's rule goes, others are served before him. `undo`: he takes it back, and
    stands where he stood."""

    interaction: InteractionId
    undo: bool = False


@dataclass(frozen=True, slots=True)
class CallerMovedToFront:
    """A supervisor makes him the next of the line in which he stands."""

    interaction: InteractionId
    by: str


@dataclass(frozen=True, slots=True)
class QueueHoursChanged:
    """A queue with hours opened or closed; at the start, how it stands. Its call-backs keep to them."""

    queue: QueueId
    open: bool
    changes_at: float | None = None  # closes or opens then
    then_at: float | None = None  # and changes back then


@dataclass(frozen=True, slots=True)
class WayOutChanged:
    """Customers can be called (again), or no trunk to call them through is up: call-backs wait at their places."""

    open: bool


# ------------------------------------------------------------------ commands


@dataclass(frozen=True, slots=True)
class OfferChoice:
    """The previous agent is busy: tell the caller by name and let him choose. If she becomes free meanwhile, a
    RingAgent for the same interaction follows and its Connect cuts the menu."""

    interaction: InteractionId
    agent: AgentId
    wait_seconds: float  # estimate until she is free
    call_back_by: float  # the promise would be due then
    choices: tuple[Choice, ...]
    low_seconds: float | None = None  # 80 of 100 waits for her lie between these two
    high_seconds: float | None = None
    instead_of: AgentId | None = None  # the agent is her deputy: she is not there


@dataclass(frozen=True, slots=True)
class AnnounceWaiting:
    """The caller waits now (again): music and comfort messages. `agent` set: on her personal line."""

    interaction: InteractionId
    position: int
    estimate_seconds: float | None
    agent: AgentId | None = None
    because: str = ""
    low_seconds: float | None = None  # 80 of 100 waits lie between these two
    high_seconds: float | None = None
    may_let_others_first: bool = False  # he has waited long enough to be asked, and somebody stands behind him


@dataclass(frozen=True, slots=True)
class OverflowCaller:
    """The queue gives up (nobody logged in, waited too long): the call room takes the queue's next step."""

    interaction: InteractionId
    because: str


@dataclass(frozen=True, slots=True)
class CallerNoted:
    """Something decided about a caller, in plain words: why not her, which rule was applied."""

    interaction: InteractionId
    note: str


@dataclass(frozen=True, slots=True)
class InteractionEnded:
    """Left the queue for good."""

    interaction: InteractionId
    queue: QueueId
    outcome: Outcome
    agent: AgentId | None
    entered_at: float
    ended_at: float
    sticky: str = ""  # how the sticky rule ended: "", "direct", "waited", "colleague", "call_back", "gave_up: ..."
