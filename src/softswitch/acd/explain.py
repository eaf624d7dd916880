"""Why is he waiting, why does she not ring for him, why did this one ring: asked of the engine's own state and rules.

Nothing is decided here. Who may take whom is asked of the pools and of `eligibility.meets`, with one need at a time
left out to find the one that speaks against her; everything else is what the engine itself looks at: the stage of the
caller, the state of the agent, the no-offer list, the bond of a sticky caller.

`Reason.UNEXPLAINED` would be a ready agent beside a caller she may take: the engine's invariant says that it cannot be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from softswitch.acd import customer_first
from softswitch.acd.agents import READY, RINGING, SUSPENDED, TALKING, WRAP_UP, Agent
from softswitch.acd.eligibility import Queue, Skills, meets
from softswitch.acd.floor import Floor
from softswitch.acd.messages import AgentState, QueueSettings
from softswitch.acd.waiting import Entry, Stage, position
from softswitch.ids import AgentId, InteractionId, QueueId


class Reason(Enum):
    """What is between this caller and this agent. The words are part of the API."""

    # nothing: she is it
    RINGS_RETURNING = "rings: previous agent"
    RINGS_OWN_LINE = "rings: own line"
    RINGS_CALL_BACK = "rings: call-back"
    RINGS_ORDER = "rings: order"
    CALLS_CUSTOMER = "calls the customer"
    RINGS_CHAT = "offered: chat"
    KEPT_FREE = "kept free"
    # she may not take him
    OTHER_QUEUE = "other queue"
    LANGUAGE = "language"
    SKILL = "skill"
    NOT_YET_OPEN = "not yet open"
    NO_CHATS = "takes no chats"
    # she cannot take anybody
    OFFLINE = "offline"
    LOGGED_OUT = "logged out"
    BREAK = "break"
    OUTBOUND = "outbound"
    SUSPENDED = "suspended"
    RINGING = "ringing"
    TALKING = "talking"
    WRAP_UP = "wrap-up"
    CHATS_FULL = "chats full"
    # she is not offered him
    PASSED_BY = "passed by"
    # he is not to be offered to her
    CHOOSING = "choosing"
    WAITS_FOR_ANOTHER = "waits for another"
    RINGS_ANOTHER = "rings another"
    PROMISED_BY_ANOTHER = "promised by another"
    SAVING = "saving"
    PAUSED = "paused"
    UNEXPLAINED = "unexplained"


SENTENCES: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.RINGS_RETURNING: "Her phone rings for him: she spoke with him last time and was ready.",
        Reason.RINGS_OWN_LINE: "Her phone rings for him: he waited for her, and her own line comes first.",
        Reason.RINGS_CALL_BACK: "Her phone rings for his call-back.",
        Reason.RINGS_ORDER: "Her phone rings for him: she was the first of the ready agents by the queue's order, or "
        "he was the first of those she may take when she became ready.",
        Reason.KEPT_FREE: "She is kept free for him: his number is dialled, and her phone rings when he answers.",
        Reason.CALLS_CUSTOMER: "She is on the line and his number is being dialled.",
        Reason.RINGS_CHAT: "The chat is offered to her.",
        Reason.NO_CHATS: "She takes no typed chats.",
        Reason.CHATS_FULL: "She has as many chats open, or offered to her, as she may have.",
        Reason.OTHER_QUEUE: "She does not serve this queue.",
        Reason.LANGUAGE: "She does not speak his language.",
        Reason.SKILL: "She lacks a skill that the queue or the caller needs, or its level.",
        Reason.NOT_YET_OPEN: "She may take him only after a longer wait.",
        Reason.OFFLINE: "She is not logged in.",
        Reason.LOGGED_OUT: "She has logged out, or does so after the present call.",
        Reason.BREAK: "She is on break, or has asked for one after the present call.",
        Reason.OUTBOUND: "She makes calls of her own, or has asked to after the present call.",
        Reason.SUSPENDED: "A call was not answered or her phone was away: she is offered nothing until she is ready "
        "again.",
        Reason.RINGING: "Her phone rings for another caller.",
        Reason.TALKING: "She is in a conversation.",
        Reason.WRAP_UP: "She writes notes after a conversation.",
        Reason.PASSED_BY: "She was rung for him and did not take him; for a while he is not offered to her again.",
        Reason.CHOOSING: "He is just choosing between waiting for another agent, a colleague and a call-back.",
        Reason.WAITS_FOR_ANOTHER: "He has chosen to wait for another agent.",
        Reason.RINGS_ANOTHER: "Another agent is rung for him just now.",
        Reason.PROMISED_BY_ANOTHER: "Another agent has promised to call him back, and the time she told has not come.",
        Reason.SAVING: "The promise to call him back is being written to disk.",
        Reason.PAUSED: "The call-back rests: he was not reached and is tried again later, or the queue opens later.",
        Reason.UNEXPLAINED: "Nothing speaks against it. This must not happen: please report it with the journal.",
    }
)
assert SENTENCES.keys() == set(Reason)


@dataclass(frozen=True, slots=True)
class Because:
    reason: Reason
    detail: str = ""  # the skill, the agent he waits for, the break's reason ...
    until: float | None = None  # when this ends by itself, if that is known

    @property
    def sentence(self) -> str:
        return SENTENCES[self.reason]


@dataclass(frozen=True, slots=True)
class Pair:
    """One agent beside one interaction: everything between them, the nearest first."""

    agent: AgentId
    name: str
    state: AgentState
    reasons: tuple[Because, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    interaction: InteractionId
    queue: QueueId
    stage: Stage
    entered_at: float
    position: int | None  # in the queue's line, or in the line of one agent
    in_line: int
    sticky: str
    waits_for: AgentId | None
    eligible: int  # agents who may take him
    serving: int  # of these, at work
    pairs: tuple[Pair, ...]
    next_at: float | None = None  # he lets others go first until then

    @property
    def headline(self) -> str:
        return _headline(self)


def explain(floor: Floor, interaction: InteractionId, agent: AgentId | None = None) -> Explanation | None:
    """None: this interaction is in no queue (now). `agent`: only her; an unknown one has no pair."""
    entry = floor.entries.get(interaction)
    if entry is None:
        return None
    agents = floor.agents.values() if agent is None else [floor.agents[agent]] if agent in floor.agents else []
    line, waits_for = entry.pool.queue.line, None
    at: int | None = None
    if entry.stage is Stage.WAITING:
        at = position(line, entry.place)
    elif entry.stage in (Stage.PERSONAL, Stage.CHOOSING) and entry.bond is not None:
        waits_for = entry.bond.agent.id
        line = entry.bond.agent.line.live
        at = position(line, entry.place)
    elif entry.promise is not None and entry.promise.agent is not None:
        waits_for = entry.promise.agent.id
    return Explanation(
        entry.id,
        entry.pool.queue.settings.id,
        entry.stage,
        entry.entered_at,
        at,
        len(line),
        entry.sticky,
        waits_for,
        len(entry.pool.members),
        entry.pool.serving,
        tuple(Pair(one.id, one.settings.name, one.state, why(entry, one)) for one in agents),
        entry.told.until if entry.told is not None and entry.told.was_at is not None else None,
    )


def why(entry: Entry, agent: Agent) -> tuple[Because, ...]:
    """What is between them; never empty."""
    attempt = agent.attempt
    if attempt is not None and attempt.entry is entry:
        return (_rings(entry, agent),)
    found = (*_not_allowed(entry, agent), *not_free(agent), *_passed_by(entry, agent), *_bound(entry, agent))
    return found or (Because(Reason.UNEXPLAINED),)


def _rings(entry: Entry, agent: Agent) -> Because:
    assert agent.attempt is not None
    if agent.attempt.answered_at is not None:
        return Because(Reason.CALLS_CUSTOMER)
    until = agent.attempt.deadline
    if customer_first.is_dialled(agent.attempt):
        return Because(Reason.KEPT_FREE, until=until)
    if agent.attempt.call_back:
        return Because(Reason.RINGS_CALL_BACK, until=until)
    if agent.attempt.sticky:
        direct = entry.sticky == "direct"
        return Because(Reason.RINGS_RETURNING if direct else Reason.RINGS_OWN_LINE, until=until)
    return Because(Reason.RINGS_ORDER, entry.pool.queue.settings.order, until)


def _not_allowed(entry: Entry, agent: Agent) -> tuple[Because, ...]:
    pool = entry.pool
    if pool in agent.pools:
        return ()
    needs = pool.needs
    return tuple(not_allowed(pool.queue, needs.skills, needs.language, agent))


def not_allowed(queue: Queue, skills: Skills, language: str, agent: Agent) -> list[Because]:
    """Each of the needs that she does not meet."""
    person = agent.settings
    if meets(person, queue.settings, skills, language):
        return [Because(Reason.NOT_YET_OPEN)]
    if queue.settings.id not in person.queues:
        return [Because(Reason.OTHER_QUEUE)]
    found = _lacking(agent, queue, skills)
    if not meets(person, _without_skills(queue), (), language):
        found.append(Because(Reason.LANGUAGE, language))
    return found


def _lacking(agent: Agent, queue: Queue, skills: Skills) -> list[Because]:
    """Each skill for which the rule, asked for this one alone, says no."""
    found = []
    for skill, level in (*queue.settings.skills, *skills):
        bare = _without_skills(queue)
        if not meets(agent.settings, bare, ((skill, level),), ""):
            found.append(Because(Reason.SKILL, f"{skill} {level}"))
    return found


_STATES: Final = {
    AgentState.OFFLINE: Reason.OFFLINE,
    RINGING: Reason.RINGING,
    TALKING: Reason.TALKING,
    WRAP_UP: Reason.WRAP_UP,
    AgentState.BREAK: Reason.BREAK,
    AgentState.OUTBOUND: Reason.OUTBOUND,
    SUSPENDED: Reason.SUSPENDED,
}


def not_free(agent: Agent) -> tuple[Because, ...]:
    duty, found = agent.duty, []
    if agent.state is not READY:
        reason = _STATES[agent.state]
        if reason is Reason.OFFLINE and duty.logged_out:
            reason = Reason.LOGGED_OUT
        found.append(Because(reason, agent.reason, agent.deadline))
        if duty.logged_out and reason is not Reason.LOGGED_OUT:
            found.append(Because(Reason.LOGGED_OUT))
        if duty.break_wanted is not None:
            found.append(Because(_STATES[duty.then], duty.break_wanted))
    return tuple(found)


def _passed_by(entry: Entry, agent: Agent) -> tuple[Because, ...]:
    until = entry.no_offer.get(agent.id) if entry.no_offer else None
    return () if until is None else (Because(Reason.PASSED_BY, "", until),)


def _bound(entry: Entry, agent: Agent) -> tuple[Because, ...]:
    """The caller is not in the general pool."""
    stage, bond, promise = entry.stage, entry.bond, entry.promise
    if stage is Stage.CHOOSING and bond is not None:
        return (Because(Reason.CHOOSING, bond.agent.id, bond.until),) if bond.agent is not agent else ()
    if stage is Stage.PERSONAL and bond is not None:
        return (Because(Reason.WAITS_FOR_ANOTHER, bond.agent.id, bond.until),) if bond.agent is not agent else ()
    if stage is Stage.RINGING or stage is Stage.CALLING:
        rung = entry.attempt.agent.id if entry.attempt is not None else ""
        return (Because(Reason.RINGS_ANOTHER, rung),)
    if stage is Stage.SAVING:
        return (Because(Reason.SAVING),)
    if stage is Stage.PAUSED:
        return (Because(Reason.PAUSED),)
    if stage is Stage.CALL_BACK and promise is not None and promise.agent is not agent:
        by = promise.agent.id if promise.agent is not None else ""
        return (Because(Reason.PROMISED_BY_ANOTHER, by, promise.due_at),)
    return ()


def _without_skills(queue: Queue) -> QueueSettings:
    return replace(queue.settings, skills=())


_ABSENT: Final = (AgentState.BREAK, AgentState.OUTBOUND, SUSPENDED, AgentState.OFFLINE)
_COUNTED: Final = (READY, RINGING, TALKING, WRAP_UP, *_ABSENT)


def _headline(seen: Explanation) -> str:
    """One sentence for the whole."""
    if any(each.reason is Reason.KEPT_FREE for pair in seen.pairs for each in pair.reasons):
        return "The customer is being called back just now; an agent is kept free for him."
    if seen.stage is Stage.RINGING:
        return f"An agent's phone rings for this caller of {seen.queue}."
    if seen.stage is Stage.CALLING:
        return "The customer is being called back just now."
    if seen.stage is Stage.SAVING:
        return "The promise of a call-back is being written to disk."
    if seen.stage is Stage.PAUSED:
        return "The call-back rests: he was not reached and is tried again later, or the queue opens later."
    if seen.stage is Stage.CALL_BACK:
        return f"A call-back of {seen.queue}, kept for {seen.waits_for}; he is called as soon as she is free."
    if seen.stage is Stage.CHOOSING:
        return f"The caller is choosing, because {seen.waits_for}, his previous agent, is busy."
    if seen.stage is Stage.PERSONAL:
        return f"Number {seen.position} of {seen.in_line} in the line of {seen.waits_for}, as he chose."
    able = [pair for pair in seen.pairs if not any(each.reason in _NEVER for each in pair.reasons)]
    states = [f"{count} {state.value}" for state in _COUNTED if (count := sum(one.state is state for one in able))]
    who = "nobody may take him" if not seen.eligible else f"{seen.eligible} may take him"
    counted = f" ({', '.join(states)})" if len(able) == seen.eligible and states else ""
    first = "; he lets others go first" if seen.next_at is not None else ""
    return f"Number {seen.position} of {seen.in_line} in the line of {seen.queue}{first}; {who}{counted}."


_NEVER: Final = (Reason.NO_CHATS, Reason.OTHER_QUEUE, Reason.LANGUAGE, Reason.SKILL, Reason.NOT_YET_OPEN)
