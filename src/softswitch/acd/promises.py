"""Call-backs: a promise is made durable, told, and kept.

A call-back is the same entry of the queue at the same place, without media for a while.

    CALL_BACK chosen -> SavePromise -> PromiseSaved(ok) -> ConfirmCallBack -> her line (by its age)
      -> she is free: RingAgent(call_back) -> Connect(call_back): the customer is dialled
           -> CustomerReached: kept   -> CustomerNotReached: tried again after a pause, or broken after the last time
      -> due and not kept: escalated, the next free slot of every eligible agent
           -> broken when the queue's longest wait has passed as well
    PromiseSaved(not ok), or late -> a colleague, live; a late save is withdrawn
"""

from __future__ import annotations

from typing import Final

from softswitch.acd import deadlines, matching
from softswitch.acd.agents import Agent
from softswitch.acd.eligibility import Queue, could_take
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import (
    CallBackRequested,
    CallBackRule,
    ConfirmCallBack,
    Outcome,
    PromiseChanged,
    PromiseEscalated,
    PromiseRestored,
    PromiseSaved,
    PromiseState,
    SavePromise,
)
from softswitch.acd.waiting import Entry, Promise, Stage, remove_place
from softswitch.ids import AgentId, PromiseId

SAVE_SECONDS: Final = 5.0  # the caller hears silence meanwhile; after that a colleague serves him
AHEAD_OF_ALL: Final = 1e9  # seconds of age: the next free slot; among several the earliest promise first
ANYBODY: Final = AgentId("")  # whom a promise names that any agent of the queue may keep
_DEFAULT_RULE: Final = CallBackRule()


def rule_of(queue: Queue) -> CallBackRule:
    settings = queue.settings
    if settings.call_back is not None or settings.sticky is None:
        return settings.call_back or _DEFAULT_RULE
    sticky = settings.sticky
    return CallBackRule(sticky.call_back_within_seconds, sticky.call_back_attempts, sticky.call_back_retry_seconds)


def make(floor: Floor, entry: Entry, agent: Agent | None, due_at: float, now: float, number: str = "") -> None:
    """He is to be called back (by this agent, or by anybody): nothing is told before the store has it."""
    promise = Promise(PromiseId(floor.ids.number()), entry, agent, now, due_at)
    promise.open_to_all = agent is None
    entry.promise = promise
    entry.stage = Stage.SAVING
    floor.promises[promise.id] = promise
    floor.deadlines.add(now + SAVE_SECONDS, deadlines.SAVING, promise)
    facts = entry.facts
    floor.out.append(
        SavePromise(
            promise.id,
            entry.id,
            facts.queue,
            agent.id if agent is not None else ANYBODY,
            number or facts.caller,
            facts.customer,
            facts.language,
            now,
            promise.due_at,
        )
    )


def saved(floor: Floor, event: PromiseSaved, now: float) -> None:
    promise = floor.promises.get(event.promise)
    if promise is None:
        floor.reject(Rejection.UNKNOWN_PROMISE)
        return
    entry = promise.entry
    if entry is None:  # given up meanwhile
        del floor.promises[promise.id]
        if event.ok:
            _record(floor, promise, PromiseState.WITHDRAWN, "saved too late", now)
    elif promise.saved:
        floor.reject(Rejection.DUPLICATE)
    elif event.ok:
        _confirm(floor, promise, entry, now)
    else:
        del floor.promises[promise.id]
        _not_made(floor, promise, entry, now)


def _confirm(floor: Floor, promise: Promise, entry: Entry, now: float) -> None:
    promise.saved = True
    if not promise.caller_left:
        agent = promise.agent.id if promise.agent is not None else ANYBODY
        hours = entry.pool.queue.hours
        opens = 0.0 if hours is None else (hours.then_at if hours.open else hours.changes_at) or 0.0
        not_before = opens if now < opens < promise.due_at else 0.0
        floor.out.append(ConfirmCallBack(entry.id, promise.id, agent, promise.due_at, not_before))
    _watch(floor, promise, entry, now)
    matching.place_call_back(floor, entry, now)


def _watch(floor: Floor, promise: Promise, entry: Entry, now: float) -> None:
    rule = rule_of(entry.pool.queue)
    promise.lost_at = max(promise.due_at, now) + entry.pool.queue.settings.max_wait_seconds
    if rule.expires_seconds is not None:
        promise.lost_at = max(promise.due_at, promise.made_at + rule.expires_seconds)
    floor.deadlines.add(promise.due_at, deadlines.PROMISE_DUE, promise)
    floor.deadlines.add(promise.lost_at, deadlines.PROMISE_LOST, promise)


def _not_made(floor: Floor, promise: Promise, entry: Entry, now: float) -> None:
    """It cannot be promised: he talks to a colleague now, if he is still there."""
    assert entry.stage is Stage.SAVING
    promise.entry = None
    entry.promise = None
    if promise.agent is not None:
        entry.sticky = "gave_up: call-back not saved"
    if promise.caller_left:
        floor.finish(entry, Outcome.ABANDONED, None, now)
    elif isinstance(entry.facts, CallBackRequested):  # there is no line to go back to
        matching.overflow(floor, entry, "call-back not saved", now)
    else:
        matching.place(floor, entry, now, "call-back not saved")


def save_due(floor: Floor, subject: object, when: float, now: float) -> None:
    """The store did not answer in time."""
    assert isinstance(subject, Promise)
    entry = subject.entry
    if entry is not None and entry.stage is Stage.SAVING:
        _not_made(floor, subject, entry, now)  # stays known: a late answer is withdrawn


def restored(floor: Floor, event: PromiseRestored, now: float) -> None:
    """At start: the promise goes on with the place it had."""
    queue = floor.queues.get(event.queue)
    if queue is None:
        floor.reject(Rejection.UNKNOWN_QUEUE)
        floor.out.append(PromiseChanged(event.promise, PromiseState.BROKEN, event.attempts, now, "queue gone"))
        return
    if event.interaction in floor.entries or event.promise in floor.promises:
        floor.reject(Rejection.DUPLICATE)
        return
    pool = floor.eligibility.pool(queue, (), event.language)
    agent = floor.agents.get(event.agent)
    if agent is not None and not could_take(agent, pool):
        agent = None
    entered_at = event.made_at if event.entered_at is None else min(event.entered_at, event.made_at)
    entry = Entry(event, pool, entered_at, entered_at)
    pool.open += 1
    floor.entries[entry.id] = entry
    promise = entry.promise = Promise(event.promise, entry, agent, event.made_at, event.due_at)
    promise.saved = True
    promise.attempts = event.attempts
    floor.promises[promise.id] = promise
    if event.agent == ANYBODY:
        promise.open_to_all = True
    else:
        entry.sticky = "call_back"
    if agent is None and event.agent != ANYBODY:
        promise.open_to_all = True
        _record(floor, promise, PromiseState.OPEN, "agent gone", now)
    _watch(floor, promise, entry, now)
    matching.place_call_back(floor, entry, now)


def due(floor: Floor, subject: object, when: float, now: float) -> None:
    """The time told has come and nobody was able: every eligible agent may keep it, the next who is free does, and a
    supervisor is told."""
    assert isinstance(subject, Promise)
    entry = subject.entry
    if entry is None:
        return
    stage = entry.stage
    if stage is Stage.CALL_BACK:
        assert subject.agent is not None
        remove_place(subject.agent.line.call_backs, entry.place)
    elif stage is Stage.WAITING:
        matching.unplace(entry)
    subject.open_to_all = True
    if not subject.on_line:
        entry.place = (subject.due_at - AHEAD_OF_ALL, entry.id)
    if (
        stage is not Stage.CALLING and not subject.on_line
    ):  # the call of this moment may keep it; else a supervisor has to know
        _escalate(floor, subject, entry, "not kept in time", now)
    _record(floor, subject, PromiseState.OPEN, "deadline", now)
    if stage is Stage.CALL_BACK or stage is Stage.WAITING:
        matching.place(floor, entry, now)


def _escalate(floor: Floor, promise: Promise, entry: Entry, because: str, now: float) -> None:
    agent = promise.agent.id if promise.agent is not None else ANYBODY
    floor.out.append(PromiseEscalated(promise.id, entry.id, entry.pool.queue.settings.id, agent, because, now))


def lost(floor: Floor, subject: object, when: float, now: float) -> None:
    """Even colleagues were not able. A ring or a call under way may still keep it."""
    assert isinstance(subject, Promise)
    entry = subject.entry
    if entry is None or entry.stage is Stage.RINGING or entry.stage is Stage.CALLING or subject.on_line:
        return
    hours = entry.pool.queue.hours
    if hours is not None and not hours.open and hours.changes_at is not None and hours.changes_at > now:
        subject.lost_at = hours.changes_at + entry.pool.queue.settings.max_wait_seconds  # nobody could be free
        floor.deadlines.add(subject.lost_at, deadlines.PROMISE_LOST, subject)
        return
    if entry.stage is Stage.WAITING:
        matching.unplace(entry)
    break_promise(floor, subject, "no trunk was up in time" if floor.no_way_out else "nobody was free in time", now)


def retry(floor: Floor, subject: object, when: float, now: float) -> None:
    assert isinstance(subject, Promise)
    if subject.entry is not None and subject.entry.stage is Stage.PAUSED:
        matching.place_call_back(floor, subject.entry, now)


def go_on(floor: Floor, promise: Promise, entry: Entry, now: float) -> None:
    """A ring for this call-back came to nothing."""
    if now >= promise.lost_at:
        break_promise(floor, promise, "nobody was free in time", now)
    else:
        matching.place_call_back(floor, entry, now)


def reached(floor: Floor, promise: Promise, entry: Entry, now: float) -> None:
    attempt = entry.attempt
    assert attempt is not None
    because = "" if promise.agent is None or attempt.agent is promise.agent else "colleague"
    _close(floor, promise)
    _record(floor, promise, PromiseState.KEPT, because, now)
    floor.finish(entry, Outcome.CALLED_BACK, attempt.agent.id, now)


def not_reached(floor: Floor, promise: Promise, entry: Entry, since: float, now: float, tried: bool) -> None:
    """The customer did not answer: after a pause again, until the attempts are used up. What was not tried is none of
    them; then only the time is a limit. `since`: when this call of him began."""
    promise.attempts += tried
    rule = rule_of(entry.pool.queue)
    if promise.attempts >= rule.attempts:
        break_promise(floor, promise, "customer not reached", now)
    elif now >= promise.lost_at:
        break_promise(floor, promise, "nobody was free in time", now)
    else:
        if since < promise.due_at <= now:  # it fell due during this call, which has not kept it
            _escalate(floor, promise, entry, "not kept in time", now)
        _record(floor, promise, PromiseState.OPEN, "customer not reached" if tried else "not tried", now)
        entry.stage = Stage.PAUSED
        promise.rests_until = now + rule.retry_seconds
        floor.deadlines.add(promise.rests_until, deadlines.RETRY, promise)


def break_promise(floor: Floor, promise: Promise, because: str, now: float) -> None:
    entry = promise.entry
    assert entry is not None
    _close(floor, promise)
    _escalate(floor, promise, entry, because, now)
    _record(floor, promise, PromiseState.BROKEN, because, now)
    floor.finish(entry, Outcome.CALL_BACK_FAILED, None, now)


def _close(floor: Floor, promise: Promise) -> None:
    del floor.promises[promise.id]
    promise.entry = None


def _record(floor: Floor, promise: Promise, state: PromiseState, because: str, now: float) -> None:
    floor.out.append(PromiseChanged(promise.id, state, promise.attempts, now, because))
