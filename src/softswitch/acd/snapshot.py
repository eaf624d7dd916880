"""Immutable views of the ACD for everybody outside, and a hash of its whole state.

Readers never touch the engine's own objects: a status page costs the engine nothing but the copy it asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice

from softswitch.acd import estimates
from softswitch.acd.agents import BREAK, OFFLINE, OUTBOUND, READY, SUSPENDED, TALKING, Agent
from softswitch.acd.chat_room import ChatEntry, Load
from softswitch.acd.eligibility import Queue
from softswitch.acd.floor import Floor
from softswitch.acd.messages import AgentState
from softswitch.acd.waiting import Entry, Promise, Stage, position
from softswitch.ids import AgentId, CustomerId, InteractionId, QueueId, RingAttemptId


@dataclass(frozen=True, slots=True)
class AgentSnapshot:
    id: AgentId
    name: str
    state: AgentState
    reason: str
    since: float
    deadline: float | None  # of the wrap-up
    registered: bool
    logged_out: bool
    queues: tuple[QueueId, ...]
    attempt: RingAttemptId | None
    interaction: InteractionId | None  # rung for or talking with
    calls: int  # conversations since the start
    personal_line: int  # live callers who wait for her
    call_backs: int  # promised, not yet due
    sticky_calls: int = 0  # of `calls`, those with callers who came back to her
    talked_seconds: float = 0.0
    on_duty_seconds: float = 0.0  # logged in, before `on_duty_since`
    on_duty_since: float | None = None
    chats: int = 0  # offered to her and open
    chats_at_most: int = 0
    chats_served: int = 0
    chat_seconds: float = 0.0  # with at least one open, before `chat_since`
    chat_since: float | None = None


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    id: QueueId
    name: str
    waiting: int  # live callers, in the general pool and in the lines of agents
    choosing: int
    ringing: int
    call_backs: int  # promised
    longest_wait_seconds: float
    agents_logged_in: int
    agents_ready: int
    agents_talking: int
    talk_seconds: float  # measured mean
    wrap_up_seconds: float
    estimate_seconds: float | None  # for a caller who would enter now
    estimate_low_seconds: float | None = None
    estimate_high_seconds: float | None = None
    estimates_measured: int = 0  # callers who were told a wait and then answered
    estimate_error_seconds: float | None = None  # mean absolute error of what they were told
    estimate_bias_seconds: float | None = None  # above 0: they waited longer than told
    estimate_within_percent: float | None = None  # waited inside the range told
    let_others_first: int = 0  # so often callers have
    estimates_left: int = 0  # told a wait, and left before an answer: their wait is known only so far
    estimates_left_late: int = 0  # of these, had waited beyond the range: it was too low for sure


@dataclass(frozen=True, slots=True)
class WaitingSnapshot:
    interaction: InteractionId
    queue: QueueId
    stage: str
    position: int | None  # in the general pool, or in the agent's own line
    entered_at: float
    language: str
    agent: AgentId | None  # of the personal line, the call-back, or the ring
    attempt: RingAttemptId | None
    due_at: float | None  # of a call-back
    sticky: str


@dataclass(frozen=True, slots=True)
class ChatSnapshot:
    interaction: InteractionId
    queue: QueueId
    stage: str  # waiting, offered, open
    position: int | None
    entered_at: float
    customer: CustomerId | None
    language: str
    agent: AgentId | None
    attempt: RingAttemptId | None
    since: float  # in this stage
    sticky: str


def agents(floor: Floor) -> tuple[AgentSnapshot, ...]:
    loads = floor.chats.loads
    if not loads:
        return tuple(_agent(agent) for agent in floor.agents.values())
    return tuple(_with_chats(_agent(agent), loads.get(agent.id)) for agent in floor.agents.values())


def _with_chats(shot: AgentSnapshot, load: Load | None) -> AgentSnapshot:
    if load is None:
        return shot
    return replace(
        shot,
        chats=len(load.chats),
        chats_at_most=load.agent.settings.chats,
        chats_served=load.served,
        chat_seconds=load.busy_seconds,
        chat_since=load.busy_since,
    )


def chats(floor: Floor, after: int = 0, most: int | None = None) -> tuple[ChatSnapshot, ...]:
    """In the order in which they came, which is that of their numbers; from the one after number `after` on."""
    later = (entry for entry in floor.chats.entries.values() if entry.id > after)
    return tuple(map(_chat, islice(later, most)))


def chats_counted(floor: Floor) -> dict[tuple[QueueId, str], int]:
    """How many of each queue are in which stage."""
    counted: dict[tuple[QueueId, str], int] = {}
    for entry in floor.chats.entries.values():
        key = (entry.facts.queue, entry.stage)
        counted[key] = counted.get(key, 0) + 1
    return counted


def chat(floor: Floor, interaction: InteractionId) -> ChatSnapshot | None:
    """One of them, at the cost of one."""
    entry = floor.chats.entries.get(interaction)
    return None if entry is None else _chat(entry)


def _chat(entry: ChatEntry) -> ChatSnapshot:
    chat, facts = entry.chat, entry.facts
    since = entry.entered_at if chat is None else chat.began_at if chat.answered_at is None else chat.answered_at
    return ChatSnapshot(
        entry.id,
        facts.queue,
        entry.stage,
        position(entry.line.waiting, entry.place) if chat is None else None,
        entry.entered_at,
        facts.customer,
        facts.language,
        chat.load.agent.id if chat is not None else None,
        chat.id if chat is not None else None,
        since,
        entry.sticky,
    )


def _agent(agent: Agent) -> AgentSnapshot:
    attempt = agent.attempt
    tally = agent.duty.tally
    return AgentSnapshot(
        agent.id,
        agent.settings.name,
        agent.state,
        agent.reason,
        agent.since,
        agent.deadline,
        agent.duty.registered,
        agent.duty.logged_out,
        agent.settings.queues,
        attempt.id if attempt is not None else None,
        attempt.entry.id if attempt is not None else None,
        agent.standing.calls,
        len(agent.line.live),
        len(agent.line.call_backs),
        tally.sticky_calls,
        tally.talked_seconds,
        tally.on_duty_seconds,
        tally.on_duty_since,
    )


def queues(floor: Floor, now: float) -> tuple[QueueSnapshot, ...]:
    entries: dict[QueueId, list[Entry]] = {queue: [] for queue in floor.queues}
    for entry in floor.entries.values():
        entries[entry.pool.queue.settings.id].append(entry)
    return tuple(_queue(floor, queue, entries[queue.settings.id], now) for queue in floor.queues.values())


def _queue(floor: Floor, queue: Queue, entries: list[Entry], now: float) -> QueueSnapshot:
    settings = queue.settings
    live = [entry for entry in entries if entry.promise is None]
    waiting = [entry for entry in live if entry.stage is Stage.WAITING or entry.stage is Stage.PERSONAL]
    members = [agent for agent in floor.agents.values() if settings.id in agent.settings.queues]
    states = [agent.state for agent in members]
    serving = sum(state not in (OFFLINE, BREAK, SUSPENDED, OUTBOUND) for state in states)
    ready = sum(state is READY for state in states)
    ahead = len(queue.line) + 1
    estimate = 0.0 if ready else ahead * estimates.handle_seconds(queue) / serving if serving else None
    low, high = (None, None) if estimate is None else estimates.spread(estimate, ahead)
    accuracy = queue.accuracy
    measured = accuracy.measured
    return QueueSnapshot(
        settings.id,
        settings.name,
        len(waiting),
        sum(entry.stage is Stage.CHOOSING for entry in live),
        sum(entry.stage is Stage.RINGING for entry in live),
        len(entries) - len(live),
        max((now - entry.entered_at for entry in live), default=0.0),
        sum(state is not OFFLINE for state in states),
        ready,
        sum(state is TALKING for state in states),
        queue.talk_seconds,
        queue.wrap_up_seconds,
        estimate,
        low,
        high,
        measured,
        accuracy.absolute / measured if measured else None,
        accuracy.signed / measured if measured else None,
        100.0 * accuracy.within / measured if measured else None,
        queue.let_first,
        accuracy.left,
        accuracy.left_late,
    )


def waiting(floor: Floor) -> tuple[WaitingSnapshot, ...]:
    return tuple(_waiting(entry) for entry in floor.entries.values())


def _waiting(entry: Entry) -> WaitingSnapshot:
    stage = entry.stage
    agent: Agent | None = None
    at: int | None = None
    if entry.attempt is not None:
        agent = entry.attempt.agent
    elif stage is Stage.WAITING:
        at = position(entry.pool.queue.line, entry.place)
    elif entry.promise is not None:
        agent = entry.promise.agent
    elif entry.bond is not None:
        agent = entry.bond.agent
        at = position(agent.line.live, entry.place)
    return WaitingSnapshot(
        entry.id,
        entry.pool.queue.settings.id,
        stage.value,
        at,
        entry.entered_at,
        entry.facts.language,
        agent.id if agent is not None else None,
        entry.attempt.id if entry.attempt is not None else None,
        entry.promise.due_at if entry.promise is not None else None,
        entry.sticky,
    )


def digest(floor: Floor) -> str:
    """A stable hash of everything that decides what happens next. Equal for a replay of the same events."""
    found = sha256()
    for agent in floor.agents.values():
        found.update(repr(_agent_state(agent)).encode())
    for entry in floor.entries.values():
        found.update(repr(_entry_state(entry)).encode())
    for attempt in floor.attempts.values():
        found.update(repr((attempt.id, attempt.entry.id, attempt.agent.id, attempt.answered_at)).encode())
    for promise in floor.promises.values():
        found.update(repr(_promise_state(promise)).encode())
    for queue in floor.queues.values():
        found.update(
            repr((queue.settings.id, queue.talk_seconds, queue.wrap_up_seconds, queue.line, queue.hours)).encode()
        )
    for load in floor.chats.loads.values():
        found.update(repr(_load_state(load)).encode())
    for chat_entry in floor.chats.entries.values():
        found.update(repr((_chat(chat_entry), chat_entry.place, sorted(chat_entry.no_offer.items()))).encode())
    if floor.no_way_out:  # else nothing: marks of older journals stay as they were
        found.update(b"no way out")
    found.update(repr([(why.value, times) for why, times in floor.rejected.items()]).encode())
    return found.hexdigest()


def _agent_state(agent: Agent) -> tuple[object, ...]:
    standing = agent.standing
    duty = agent.duty
    return (
        _agent(agent),
        (standing.idle_since, standing.calls, standing.offered),
        (duty.registered, duty.logged_out, duty.on_own_call, duty.break_wanted, duty.no_answers),
        (duty.break_limit, duty.then, duty.extended, duty.tally.in_a_row, duty.tally.just_talked),
        (agent.line.live, agent.line.call_backs, agent.line.in_a_row),
    )


def _load_state(load: Load) -> tuple[object, ...]:
    chats = [(chat.id, chat.entry.id, chat.answered_at) for chat in load.chats.values()]
    return (load.agent.id, chats, load.last_at, load.no_answers, load.served, load.busy_seconds, load.busy_since)


def _entry_state(entry: Entry) -> tuple[object, ...]:
    bond, told = entry.bond, entry.told
    return (
        _waiting(entry),
        entry.place,
        (told.again_at, told.said, told.asked_first, told.was_at, told.until) if told is not None else None,
        sorted(entry.no_offer.items()) if entry.no_offer else None,
        (bond.agent.id, bond.limit, bond.until, bond.call_back_by) if bond is not None else None,
        entry.promise.id if entry.promise is not None else None,
    )


def _promise_state(promise: Promise) -> tuple[object, ...]:
    return (
        promise.id,
        promise.entry.id if promise.entry is not None else None,
        promise.agent.id if promise.agent is not None else None,
        (promise.due_at, promise.lost_at, promise.attempts),
        (promise.saved, promise.open_to_all, promise.caller_left, promise.on_line),
    )
