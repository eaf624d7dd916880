"""What the switch asks the store to remember or to find: the port between the call path and SQL.

The call path never waits for these: records are appended and written in groups a few milliseconds later, questions
are asked as commands with a deadline, and their answers come back as events. Times are wall-clock seconds since
1970 (the edge has converted them); agents, queues and trunks are the ids of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.ids import AgentId, CustomerId, InteractionId, LegId, PromiseId, QueueId, RingAttemptId, TrunkId

if TYPE_CHECKING:
    from softswitch.call.live import LiveCall

CHAT = "chat"  # what an interaction has for a dialled number when it is typed


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """One line of the agents' append-only journal; an agent's state is the last line."""

    agent: AgentId
    state: str  # acd.messages.AgentState value
    reason: str
    at: float
    deadline: float | None
    logged_out: bool


@dataclass(frozen=True, slots=True)
class InteractionOpened:
    """A call of a customer began (or was continued by a call-back)."""

    interaction: InteractionId
    caller: str
    dialled: str
    trunk: TrunkId | None
    language: str
    began_at: float
    identity: str | None = None  # what STIR said of the number: "verified A", "failed 438", "missing"


@dataclass(frozen=True, slots=True)
class InteractionQueued:
    interaction: InteractionId
    queue: QueueId
    customer: CustomerId | None
    at: float
    because: str
    entered: Mapping[str, str]
    path: tuple[str, ...]
    previous_agent: AgentId | None


@dataclass(frozen=True, slots=True)
class TalkRecord:
    """One agent-caller bridge. The newest with enough seconds makes its agent the "previous agent" of this caller
    number and customer id."""

    interaction: InteractionId
    attempt: RingAttemptId
    queue: QueueId
    agent: AgentId
    caller: str
    customer: CustomerId | None
    began_at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class InteractionClosed:
    interaction: InteractionId
    outcome: str  # acd.messages.Outcome value, or "menu" when the caller never reached a queue
    agent: AgentId | None
    at: float
    waited_seconds: float
    sticky: str


LOST = "lost"  # outcome of an interaction that a killed switch has left open


@dataclass(frozen=True, slots=True)
class InteractionLost:
    """It went on when the switch was killed, and could not be taken up by the next one. A row that is closed already
    stays as it is."""

    interaction: InteractionId
    outcome: str  # LOST, or "answered" where an agent had him
    agent: AgentId | None
    at: float
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class RingRecord:
    attempt: RingAttemptId
    interaction: InteractionId
    queue: QueueId
    agent: AgentId
    began_at: float
    ended_at: float
    end: str  # acd.messages.RingEnd value
    sticky: bool


@dataclass(frozen=True, slots=True)
class PromiseOpened:
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
class PromiseUpdated:
    promise: PromiseId
    state: str  # acd.messages.PromiseState value
    attempts: int
    at: float
    because: str


@dataclass(frozen=True, slots=True)
class PromiseAnswered:
    """Who answered the call that was to keep the newest promise of this interaction."""

    interaction: InteractionId
    answered_by: str  # human, machine, fax, unknown


@dataclass(frozen=True, slots=True)
class CallDetail:
    """One CDR per leg."""

    leg: LegId
    interaction: InteractionId | None
    direction: str  # "in" | "out"
    party: str  # trunk id, agent id or "trunk:number"
    caller: str
    dialled: str
    began_at: float
    answered_at: float | None
    ended_at: float
    ended_by: str  # sip.messages.EndedBy value
    status: int
    cause: int | None
    packets_in: int = 0
    packets_out: int = 0
    loss_percent: float = 0.0
    jitter_ms: float = 0.0
    restarted: bool = False  # the switch was started again while it lasted
    mos: float = 0.0  # estimated (ITU-T G.107), 1 to 4.4; 0: too little was heard
    codec: str = ""  # agreed last
    silent_seconds: float = 0.0  # nothing was heard of him although it should
    round_trip_ms: float = 0.0  # as his reports tell; 0: he sent none
    peer_loss_percent: float = 0.0  # of what we sent, as he reports
    answered_by: str = ""  # of a call that was listened to: human, machine, fax, unknown


@dataclass(frozen=True, slots=True)
class OwnerSet:
    """Whose case this customer or number is, as another program says; `agent` None: nobody's."""

    kind: str  # "customer" | "caller"
    who: str
    agent: AgentId | None
    at: float


@dataclass(frozen=True, slots=True)
class RecordingMade:
    """A recording is a file now."""

    recording: int
    interaction: InteractionId
    caller: str
    dialled: str
    agents: tuple[str, ...]
    queue: str  # the last one
    began_at: float
    seconds: float
    lost_packets: int
    gap_seconds: float  # that could not be written
    marks: tuple[Mapping[str, object], ...]
    path: str  # below the directory of recordings
    bytes: int
    sha256: str
    key: str  # that seals it; empty: none
    format: str


@dataclass(frozen=True, slots=True)
class RecordingDeleted:
    """The file is gone, the row stays."""

    recording: int
    at: float
    because: str


@dataclass(frozen=True, slots=True)
class RecordingHeard:
    """Somebody listened to it, or took a copy."""

    recording: int
    at: float
    who: str
    how: str  # "heard" | "exported"


@dataclass(frozen=True, slots=True)
class DialRecord:
    """A counted call outside: when it was placed, again when it is answered, and when it ends."""

    leg: LegId
    account: str
    per_minute: float
    began_at: float
    answered_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class DialPast:
    """What has been dialled before this process: seconds and money of each account today, when its latest calls began,
    and the calls of which no end is known."""

    used: tuple[tuple[str, float, float], ...] = ()
    starts: tuple[tuple[str, float], ...] = ()
    left_open: tuple[DialRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class DialRestored:
    """At start. `going_on`: legs of the process before that go on in this one."""

    past: DialPast
    going_on: frozenset[LegId]


Record = (
    DialRecord
    | RecordingMade
    | RecordingDeleted
    | RecordingHeard
    | AgentRecord
    | InteractionOpened
    | InteractionQueued
    | TalkRecord
    | InteractionClosed
    | InteractionLost
    | RingRecord
    | PromiseOpened
    | PromiseUpdated
    | PromiseAnswered
    | CallDetail
    | OwnerSet
)


@dataclass(frozen=True, slots=True)
class FindPreviousAgent:
    """Who spoke with this caller last? Answered by `PreviousAgentFound`, also when nobody did or the store is
    late or away."""

    interaction: InteractionId
    caller: str
    customer: CustomerId | None
    since: float  # wall-clock seconds
    talked_at_least_seconds: float
    today: float | None = None  # the last midnight, when the calls of today are asked for
    with_owner: bool = False  # also who owns the case of this customer or number


@dataclass(frozen=True, slots=True)
class FindRecordings:
    """Which recordings are asked for."""

    limit: int = 100
    number: int | None = None
    interaction: int | None = None
    agent: str | None = None
    kept_since_before: float | None = None  # only those that still have their file and began before this
    queue: str | None = None
    other_queues: tuple[str, ...] = ()  # only those of none of these


@dataclass(frozen=True, slots=True)
class PreviousAgentFound:
    interaction: InteractionId
    agent: AgentId | None
    customer: CustomerId | None  # the customer id the question was asked with
    earlier_calls: int = 0  # by this number today, before this call
    was_cut_off: bool = False  # one of them was lost by us: its audio died
    owner: AgentId | None = None


@dataclass(frozen=True, slots=True)
class OpenPromise:
    """What `store` gives back at start for each promise still open."""

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
    entered_at: float | None = None  # when he first came into a line in this call


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """One line of the ledger of promises."""

    promise: PromiseId
    interaction: InteractionId
    queue: QueueId
    agent: AgentId
    caller: str
    state: str  # acd.messages.PromiseState value
    because: str
    attempts: int
    made_at: float
    due_at: float
    changed_at: float | None
    answered_by: str = ""  # the last call to him that was listened to: human, machine, fax, unknown


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """What the store knows of a recording."""

    made: RecordingMade
    deleted_at: float | None
    deleted_because: str


@dataclass(frozen=True, slots=True)
class LostCaller:
    """Who stood in a line when the switch died: nobody answered him, nobody promised him anything."""

    interaction: InteractionId
    queue: QueueId
    caller: str
    customer: CustomerId | None
    language: str
    entered_at: float


@dataclass(frozen=True, slots=True)
class OpenInteraction:
    """A row without an outcome, and no open promise that would give it one. `closed`: it has one, and no CDR."""

    interaction: InteractionId
    caller: str
    dialled: str
    trunk: TrunkId | None
    began_at: float
    entered_at: float | None  # first into a line
    seen_at: float  # the newest that is written of it
    left_at: float | None  # his leg ended, as its CDR says
    agent: AgentId | None  # who answered
    closed: bool = False


@dataclass(frozen=True, slots=True)
class StoredContact:
    """A registration as the store keeps it; wall-clock expiry, flow as plain text and numbers."""

    agent: AgentId
    uri: str
    transport: str
    local: tuple[str, int]
    remote: tuple[str, int]
    call_id: str
    cseq: int
    expires_at: float
    q: float
    user_agent: str
    path: tuple[str, ...] = ()
    instance: str = ""
    reg_id: int = 0


@dataclass(frozen=True, slots=True)
class StartState:
    """Everything a starting switch needs from the store."""

    contacts: tuple[StoredContact, ...]
    agents: tuple[AgentRecord, ...]  # the newest line of each agent
    promises: tuple[OpenPromise, ...]
    lost: tuple[LostCaller, ...] = ()  # in the order in which they came
    calls: tuple[LiveCall, ...] = ()  # that went on when the last process ended
    unreadable: tuple[int, ...] = ()  # keys of what this version cannot read as a call
    over: frozenset[LegId] = frozenset()  # legs of `calls` that have ended after all: their CDR is written
    left_open: tuple[OpenInteraction, ...] = ()  # the newest first
    lived_until: float = 0.0  # when the last process is known to have lived; 0: there was none
