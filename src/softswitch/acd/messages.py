"""The table of what goes in and out of the ACD engine (`acd.engine.Engine`).

Events tell what happened to callers, agents and ring attempts; commands say whom to ring, whom to connect and what
to record. Every event that concerns an offer carries its ring attempt; one that is not the live attempt of its
agent is stale and answered with `RefuseAnswer`. All times are monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from softswitch.ids import AgentId, CustomerId, InteractionId, PromiseId, QueueId, RingAttemptId, SkillId

# ------------------------------------------------------------------ words


class AgentState(Enum):
    OFFLINE = "offline"  # not logged in
    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    WRAP_UP = "wrap-up"
    BREAK = "break"
    OUTBOUND = "outbound"  # at work, but not for the queues: she calls customers herself
    SUSPENDED = "suspended"  # taken out by the switch, with a visible reason (no answer, phone gone)


class Choice(Enum):
    WAIT = "wait"
    COLLEAGUE = "colleague"
    CALL_BACK = "call_back"


class Outcome(Enum):
    """How an interaction left the queue."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"  # only when the caller hangs up
    OVERFLOWED = "overflowed"  # the queue gave up: nobody there, waited too long
    CALLED_BACK = "called_back"  # a call-back was kept
    CALL_BACK_FAILED = "call_back_failed"  # attempts used up or time over
    WENT_ON = "went_on"  # he took a way out of the line by a key


class RingEnd(Enum):
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"  # caller left, or somebody else took it


class PromiseState(Enum):
    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"
    WITHDRAWN = "withdrawn"


# ------------------------------------------------------------------ events: agents


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


@dataclass(frozen=True, slots=True)
class AgentNeedsTime:
    """Her wrap-up gets longer, as often as the queue allows."""

    agent: AgentId


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


# ------------------------------------------------------------------ events: callers


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
class QueueHoursChanged:
    """A queue with hours opened or closed; at the start, how it stands. Its call-backs keep to them."""

    queue: QueueId
    open: bool
    changes_at: float | None = None  # closes or opens then
    then_at: float | None = None  # and changes back then


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


# ------------------------------------------------------------------ events: ring attempts


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
class CustomerNotReached:
    """Call-back: the customer did not answer; the agent's leg is released without wrap-up. `tried` False: his phone
    was not rung (the trunk is down, no port is free) or she hung up first; that is none of his attempts."""

    attempt: RingAttemptId
    tried: bool = True


# ------------------------------------------------------------------ commands: to the call room


@dataclass(frozen=True, slots=True)
class RingAgent:
    """Ring this agent for this interaction. The engine's own deadline ends it with `CancelRing`."""

    attempt: RingAttemptId
    interaction: InteractionId
    agent: AgentId
    deadline: float
    call_back: bool = False
    sticky: bool = False


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
class OverflowCaller:
    """The queue gives up (nobody logged in, waited too long): the call room takes the queue's next step."""

    interaction: InteractionId
    because: str


# ------------------------------------------------------------------ commands: to the record


@dataclass(frozen=True, slots=True)
class AgentStateChanged:
    agent: AgentId
    state: AgentState
    reason: str
    since: float
    deadline: float | None = None
    logged_out: bool = False  # by code: registration alone does not log her in again


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


# ------------------------------------------------------------------ settings


@dataclass(frozen=True, slots=True)
class StickyRule:
    look_back_seconds: float = 30 * 86400.0
    talked_at_least_seconds: float = 20.0
    offer: tuple[Choice, ...] = (Choice.WAIT, Choice.COLLEAGUE, Choice.CALL_BACK)
    wait_at_most_seconds: float = 240.0
    call_back_within_seconds: float = 3600.0
    call_back_attempts: int = 3
    call_back_retry_seconds: float = 60.0
    named_banker: bool = False  # a customer's own banker comes before who talked with him last
    line_callers: int | None = None  # so many may wait for one agent; one more is not offered to wait
    line_seconds: float | None = None  # nor who would make her line longer than this
    line_in_a_row: int | None = None  # after so many of her own she serves an older caller of the others


@dataclass(frozen=True, slots=True)
class CallBackRule:
    """How a queue keeps its promises of a call-back, to whomever it made them."""

    within_seconds: float = 3600.0
    attempts: int = 3
    retry_seconds: float = 60.0
    expires_seconds: float | None = None  # after the promise; None: `max_wait_seconds` after it was due


@dataclass(frozen=True, slots=True)
class RelaxStep:
    """What is asked less of the agents after a caller has waited for so long."""

    after_seconds: float
    lower_by: int = 0  # levels; at least level 1 of each skill is needed all the same
    any_skill: bool = False  # not even that
    add_queue: QueueId | None = None  # its agents help out


@dataclass(frozen=True, slots=True)
class QueueSettings:
    id: QueueId
    name: str
    skills: tuple[tuple[SkillId, int], ...] = ()  # required, with minimum level
    order: str = "longest-idle"
    wrap_up_seconds: float = 30.0
    ring_seconds: float = 20.0
    max_wait_seconds: float = 600.0
    service_level_seconds: float = 20.0
    service_level_percent: float = 80.0
    say_position_every_seconds: float = 45.0
    sticky: StickyRule | None = None
    overflow_when_nobody: bool = True  # no agent logged in for this queue -> OverflowCaller at once
    usual_talk_seconds: float = 180.0  # estimate before anything was measured
    call_back: CallBackRule | None = None  # None: as the sticky rule says
    call_back_lost: bool = False  # callers whom we lost (media process gone, trunk fault) are called back
    most_waiting: int | None = None  # one more, and he overflows: "queue full"
    prefers: tuple[tuple[SkillId, float], ...] = ()  # weights: whom to ring first among those who may
    relax: tuple[RelaxStep, ...] = ()
    tier_after_seconds: float | None = None  # each tier opens so long after the one before; None: when that is busy
    weight: float = 1.0  # a minute of waiting here counts as so many, for agents of several queues
    ring_at_once: int = 1  # agents rung together for one caller; 0: all
    suspend_after_no_answers: int | None = None  # 0: never, she is only passed over; None: as for all queues
    more_time_seconds: float = 30.0  # by which a wrap-up gets longer when she asks
    more_time_at_most: int = 3  # so often


@dataclass(frozen=True, slots=True)
class AgentSettings:
    id: AgentId
    name: str
    queues: tuple[QueueId, ...]
    skills: tuple[tuple[SkillId, int], ...] = ()
    languages: tuple[tuple[str, int], ...] = ()
    tiers: tuple[tuple[QueueId, int], ...] = ()  # her level in a queue, 1 where none is named; the smaller rings first
    deputy: AgentId | None = None  # takes her returning callers while she is absent


@dataclass(frozen=True, slots=True)
class BreakRule:
    """How long a break with this reason may last. After it she is ready, or the overrun is shown."""

    reason: str
    limit_seconds: float
    then_ready: bool = False


@dataclass(frozen=True, slots=True)
class ReliefRule:
    """A rest that is earned: after so many conversations without a pause as long, or after a long one. 0: never."""

    rest_seconds: float
    after_calls: int = 0
    after_talk_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AcdSettings:
    queues: tuple[QueueSettings, ...]
    agents: tuple[AgentSettings, ...]
    suspend_after_no_answers: int = 1
    choice_seconds: float = 60.0  # a caller who never chooses goes to a colleague after this
    no_offer_seconds: float = 60.0  # an agent who refused a caller is not offered the same caller for this long
    breaks: tuple[BreakRule, ...] = ()
    relief: ReliefRule | None = None
    most_head_start_seconds: float = 3600.0  # no head start (nor step back) is worth more: nobody waits without end


# ------------------------------------------------------------------ all of them

Event = (
    PhoneRegistered
    | PhoneLost
    | AgentLoggedIn
    | AgentLoggedOut
    | AgentWentReady
    | AgentWentOnBreak
    | AgentWentOutbound
    | AgentNeedsTime
    | AgentFreed
    | OwnCallBegan
    | OwnCallEnded
    | AgentRestored
    | CallerEntered
    | CallerLeft
    | ChoiceMade
    | CallerWentOn
    | CallBackRequested
    | QueueHoursChanged
    | PromiseSaved
    | PromiseRestored
    | AgentAnswered
    | AgentRefused
    | AgentUnreachable
    | ConversationEnded
    | CustomerReached
    | CustomerNotReached
)

Command = (
    RingAgent
    | CancelRing
    | Connect
    | RefuseAnswer
    | EndConversation
    | OfferChoice
    | AnnounceWaiting
    | SavePromise
    | ConfirmCallBack
    | OverflowCaller
    | AgentStateChanged
    | RingEnded
    | PromiseChanged
    | PromiseEscalated
    | CallerNoted
    | InteractionEnded
)
