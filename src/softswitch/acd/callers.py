"""Callers enter, wait and leave."""

from __future__ import annotations

from softswitch.acd import attempts, customer_first, duty, matching, opening, promises, sticky
from softswitch.acd.agents import Agent
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import CallerEntered, CallerLeft, CallerNoted, Outcome, OverflowCaller
from softswitch.acd.waiting import Entry, Stage

_LIVE_WAIT = (Stage.WAITING, Stage.CHOOSING, Stage.PERSONAL)


def entered(floor: Floor, event: CallerEntered, now: float) -> None:
    queue = floor.queues.get(event.queue)
    if queue is None:
        floor.reject(Rejection.UNKNOWN_QUEUE)
        floor.out.append(OverflowCaller(event.interaction, "unknown queue"))  # nobody is left in silence
        return
    if event.interaction in floor.entries:
        floor.reject(Rejection.DUPLICATE)
        return
    pool = floor.eligibility.pool(queue, event.skills, event.language, event.prefers)
    head_start = _head_start(floor, event) if event.head_start_seconds else 0.0
    entry = Entry(event, pool, now, now - head_start - event.waited_seconds)
    pool.open += 1
    floor.entries[event.interaction] = entry
    rule = queue.settings.sticky
    if rule is None or event.previous_agent is None:
        matching.place(floor, entry, now)
    else:
        sticky.enter(floor, entry, event, rule, now)


def _head_start(floor: Floor, event: CallerEntered) -> float:
    """Within its bounds, so that nobody can be overtaken without end."""
    most = floor.settings.most_head_start_seconds
    return max(-most, min(event.head_start_seconds, most))


def left(floor: Floor, event: CallerLeft, now: float) -> None:
    """He hung up: whatever rings for him stops with him. Who was promised a call has hung up as expected."""
    entry = floor.entries.get(event.interaction)
    if entry is None:
        floor.reject(Rejection.UNKNOWN_INTERACTION)
        return
    if entry.promise is not None:
        if entry.promise.on_line:
            customer_first.hung_up(floor, entry, entry.promise, event.hung_up, now)
        else:
            entry.promise.caller_left = True
        return
    outcome = Outcome.ABANDONED if event.hung_up else Outcome.OVERFLOWED
    if not event.hung_up and _is_called_back(entry):
        _call_back_lost(floor, entry, now)
    elif entry.attempt is None:
        leave_lines(entry)
        floor.finish(entry, outcome, None, now)
    else:
        rung = attempts.cancel_all(floor, entry, now)
        floor.finish(entry, outcome, None, now)
        for agent in rung:
            duty.free(floor, agent, now, keep_idle_time=True)


def _is_called_back(entry: Entry) -> bool:
    facts = entry.facts
    return entry.pool.queue.settings.call_back_lost and isinstance(facts, CallerEntered) and facts.can_be_called_back


def _call_back_lost(floor: Floor, entry: Entry, now: float) -> None:
    """We lost him, not he us: his place stays, and he is called back."""
    rung: list[Agent] = []
    hers = entry.bond.agent if entry.bond is not None and _is_hers(entry) else None
    if entry.attempt is None:
        leave_lines(entry)
    else:
        rung = attempts.cancel_all(floor, entry, now)
    floor.out.append(CallerNoted(entry.id, "we lost the call, and call back"))
    promises.make(floor, entry, hers, opening.promised(entry.pool.queue, now)[1], now)
    assert entry.promise is not None
    entry.promise.caller_left = True
    for agent in rung:
        duty.free(floor, agent, now, keep_idle_time=True)


def _is_hers(entry: Entry) -> bool:
    """In her own line, or she is rung for him; not when the general line has taken over."""
    return entry.attempt.sticky if entry.attempt is not None else entry.stage is not Stage.WAITING


def leave_lines(entry: Entry) -> None:
    if entry.stage is Stage.WAITING:
        matching.unplace(entry)
    else:
        sticky.leave_line(entry)


def max_wait_due(floor: Floor, subject: object, when: float, now: float) -> None:
    """He has waited as long as the queue allows. A ring under way may still save him."""
    assert isinstance(subject, Entry)
    if subject.promise is None and subject.stage in _LIVE_WAIT:
        leave_lines(subject)
        matching.overflow(floor, subject, "waited too long", now)


def say_position_due(floor: Floor, subject: object, when: float, now: float) -> None:
    assert isinstance(subject, Entry)
    told = subject.told
    if told is None or told.again_at != when or subject.promise is not None or subject.stage is Stage.ENDED:
        return
    if subject.stage is Stage.WAITING or subject.stage is Stage.PERSONAL:
        matching.announce(floor, subject, now, matching.POSITION)
    else:
        matching.say_later(floor, subject, now)
