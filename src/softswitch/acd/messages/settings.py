"""Table of what the ACD is told by the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.acd.messages.words import Choice
from softswitch.ids import AgentId, QueueId, SkillId


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
    ticket_owner: bool = False  # and who owns his open case before both
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
    customer_first: bool = False  # his phone rings before hers
    ask_customer: bool = True  # and he says by a key that he is there (a mailbox cannot)


@dataclass(frozen=True, slots=True)
class LetFirstRule:
    """A caller who has time can let others go first."""

    after_seconds: float = 30.0  # he is asked then, when somebody stands behind him
    gives_seconds: float = 180.0  # those who came up to so much later go first
    next_after_seconds: float = 360.0  # and then he is the very next


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
    let_first: LetFirstRule | None = None
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
    chats: int = 0  # typed chats at the same time, beside one call
    chats_during_calls: bool = False  # she is offered chats while she talks, is rung or writes notes


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
    longest_chat_seconds: float = 4 * 3600.0  # one that nobody closes ends after this
    most_head_start_seconds: float = 3600.0  # no head start (nor step back) is worth more: nobody waits without end
