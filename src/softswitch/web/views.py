"""What the HTTP API shows and may do: frozen pictures of the running switch, and the two ports to it.

The composition root implements `SwitchView` and `SwitchControl`; each call returns a fresh picture and must be quick,
because it runs in the loop of the switch. `..._seconds` are durations up to now, never clock times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from softswitch.ids import AgentId, CallId, InteractionId, PromiseId, QueueId

CALL_STATES = ("in menu", "waiting", "choosing", "ringing", "talking", "transferring", "calling back")

PROMISES_KEPT_FORMULA = "kept / (kept + broken)"
SERVICE_LEVEL_FORMULA = "answered_within / (offered - abandoned_short)"


@dataclass(frozen=True, slots=True)
class CallView:
    call: CallId
    interaction: InteractionId | None
    state: str  # one of CALL_STATES
    caller: str
    dialled: str
    queue: QueueId | None
    agent: AgentId | None  # ringing or talking; while waiting: the agent whose own line the caller is in
    state_seconds: float  # in this state
    call_seconds: float  # since the call began
    sticky: str = ""  # what the sticky rule did so far: "direct", "waiting for anna", ...
    notes: tuple[str, ...] = ()  # what was decided about this caller, in plain words: why not her, rules applied
    identity: str = ""  # of his number (STIR): "verified A", "failed 438", "missing"; empty: not checked
    forwarded_from: str = ""  # the number that forwarded this call to us
    caller_as_sent: str = ""  # the caller's number as the trunk wrote it
    audio: str = ""  # the codec of the caller, and that of the agent where it is another one: "OPUS, agent PCMA"
    silent: str = ""  # who should be heard and is not: "caller not heard for 5 s"
    recording: str = "off"  # waits: for the notice; on; paused: it goes on, what is said now (or masked) is silence


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue now, and its figures since the switch started. `offered` counts callers that entered the queue."""

    queue: QueueId
    name: str
    waiting: int
    longest_wait_seconds: float
    agents_ready: int
    agents_ringing: int
    agents_talking: int
    agents_wrap_up: int
    agents_on_break: int
    agents_suspended: int
    agents_offline: int
    service_level_seconds: float  # T
    service_level_goal_percent: float
    offered: int = 0
    answered: int = 0
    answered_within: int = 0  # answered within T
    abandoned: int = 0
    abandoned_short: int = 0  # of these, gone within the short-abandon limit
    overflowed: int = 0
    called_back: int = 0
    agents_outbound: int = 0
    promises_escalated: int = 0  # call-backs not kept in time, or broken
    estimate_seconds: float | None = None  # the wait of a caller who would come now; None: nobody serves
    estimate_low_seconds: float | None = None  # 80 of 100 waits lie between these two
    estimate_high_seconds: float | None = None
    estimates_measured: int = 0  # callers who were told a wait and then answered
    estimate_error_seconds: float | None = None  # mean absolute error of what they were told
    estimate_bias_seconds: float | None = None  # above 0: they waited longer than told
    estimate_within_percent: float | None = None  # waited inside the range
    let_others_first: int = 0  # so often callers have let others go first
    estimates_left: int = 0  # told a wait, and left before an answer: their wait is known only so far
    estimates_left_late: int = 0  # of these, had waited beyond the range: it was too low for sure

    @property
    def service_level_percent(self) -> float | None:
        """SERVICE_LEVEL_FORMULA; None before anybody counts."""
        counted = self.offered - self.abandoned_short
        return None if counted <= 0 else 100.0 * self.answered_within / counted


@dataclass(frozen=True, slots=True)
class AgentView:
    agent: AgentId
    name: str
    state: str  # acd.messages.AgentState value
    reason: str
    state_seconds: float
    registered: bool
    talking_to: str = ""  # the caller's number
    queues: tuple[QueueId, ...] = ()
    left_seconds: float | None = None  # of the wrap-up or break; below 0: overrun
    calls: int = 0  # conversations since the start
    talk_share: float | None = None  # talked / logged in
    sticky_share: float | None = None  # of her calls, those with callers who came back to her
    on_duty_seconds: float = 0.0  # logged in, since the start
    chats: int = 0  # offered to her and open
    chats_at_most: int = 0
    chats_served: int = 0  # since the start
    chat_share: float | None = None  # time with a chat open / logged in


@dataclass(frozen=True, slots=True)
class EscalationView:
    """A call-back that was not kept in time, or is broken for good."""

    promise: PromiseId
    interaction: InteractionId
    queue: QueueId
    agent: AgentId | None  # who promised; None: the queue
    because: str
    ago_seconds: float


@dataclass(frozen=True, slots=True)
class RegistrationView:
    agent: AgentId
    uri: str
    transport: str
    remote: str  # "192.0.2.7:5060"
    expires_seconds: float
    user_agent: str = ""
    through: str = ""  # the proxy between, from its Path
    flows: int = 1  # connections that this phone registered over; it is called over the newest
    answering: bool = True  # it answers OPTIONS


class HealthStatus(Enum):
    STARTING = "starting"
    OK = "ok"
    DEGRADED = "degraded"  # calls go on, something behind them is missing
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class HealthView:
    status: HealthStatus
    reasons: tuple[str, ...] = ()  # one sentence each
    up_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class CountersView:
    """Totals since the start (they only grow) and present sizes, for /metrics."""

    calls_active: int = 0
    legs_active: int = 0
    calls_total: int = 0
    calls_refused: Mapping[int, int] = field(default_factory=dict)  # by SIP status of our refusal
    outcomes: Mapping[str, int] = field(default_factory=dict)  # by acd.messages.Outcome value, or "menu"
    rings: Mapping[str, int] = field(default_factory=dict)  # by acd.messages.RingEnd value
    promises: Mapping[str, int] = field(default_factory=dict)  # by acd.messages.PromiseState value
    security: Mapping[str, int] = field(default_factory=dict)  # by kind
    transfers: Mapping[str, int] = field(default_factory=dict)  # by phone: done, nobody (took him over), refused
    subscriptions: int = 0  # of phones that watch
    identities: Mapping[str, int] = field(default_factory=dict)  # callers by what STIR said of their number
    audio: Mapping[str, int] = field(default_factory=dict)  # legs by how well they were heard
    silences: Mapping[str, int] = field(default_factory=dict)  # by trunk or agent: a leg of theirs was not heard
    speech: Mapping[str, int] = field(default_factory=dict)  # texts made during calls: known already, made, too late
    sip_received: int = 0
    sip_sent: int = 0
    sip_transactions: int = 0
    media_legs: tuple[int, ...] = ()  # of each media process
    media_restarts: int = 0  # of media processes that died or hung
    media_ports_used: int = 0
    media_ports_total: int = 0
    store_depth: int = 0
    store_committed: int = 0
    store_dropped: int = 0
    store_refused: int = 0


@dataclass(frozen=True, slots=True)
class PromiseView:
    """A promised call-back. `late_seconds`: kept or broken so long after the time told, below 0: before it; of an open
    one up to now; None when it was withdrawn."""

    promise: PromiseId
    interaction: InteractionId
    queue: QueueId
    agent: AgentId
    caller: str
    state: str  # acd.messages.PromiseState value
    because: str
    attempts: int
    made_at: str  # the line's local time, ISO 8601
    due_at: str
    changed_at: str | None
    late_seconds: float | None
    answered_by: str = ""  # the last call to him that was listened to


class PastError(Exception):
    """The past cannot be told; `str()` is one sentence."""


class SwitchView(Protocol):
    def calls(self) -> Sequence[CallView]: ...

    def queues(self) -> Sequence[QueueView]: ...

    def agents(self) -> Sequence[AgentView]: ...

    def escalations(self) -> Sequence[EscalationView]: ...

    def registrations(self) -> Sequence[RegistrationView]: ...

    def health(self) -> HealthView: ...

    def counters(self) -> CountersView: ...

    def why(self, interaction: InteractionId, agent: AgentId | None) -> Mapping[str, Any] | None:
        """web.why.document of now; None: not in a queue."""
        ...

    async def why_then(self, interaction: InteractionId, agent: AgentId | None, at: str) -> Mapping[str, Any]:
        """The same from the journal; raises PastError."""
        ...

    async def promises(self, state: str | None, limit: int) -> Sequence[PromiseView]:
        """The newest first; raises PastError when the database is away."""
        ...


class AgentAction(Enum):
    READY = "ready"
    BREAK = "break"
    LOGIN = "login"
    LOGOUT = "logout"
    OUTBOUND = "outbound"
    EXTEND = "extend"
    FREE = "free"


class SwitchControl(Protocol):
    def set_agent(self, agent: AgentId, action: AgentAction, reason: str = "") -> str | None:
        """Do it, or say in one sentence why it cannot be done now. Unknown agents never come here."""
        ...

    def pass_call(
        self, interaction: InteractionId, queue: QueueId, note: str = "", come_back: bool = False
    ) -> str | None:
        """Pass a caller who is talked with on to another queue, or say why not. Only calls and queues that exist."""
        ...
