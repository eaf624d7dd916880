"""Call-backs that ring the customer before the agent.

    her turn to keep it: RingAgent(customer_first): she is kept free, her phone is silent
      -> CustomerNotReached: she is free again; another attempt later
      -> CustomerAnswered: he is on the line; her phone rings as long as the queue says
           -> AgentAnswered: Connect: they talk, the promise is kept
           -> she does not answer, refuses, has gone: he is the very next of the whole queue
                -> another agent is rung, or he hangs up (CallerLeft): tried again later

So nobody answers our call to hear nothing: when it is placed there is an agent who waits for it, and how long she is
kept free is bounded by the time his phone may ring and he may be asked.
"""

from __future__ import annotations

from softswitch.acd import attempts, deadlines, duty, matching, promises
from softswitch.acd.agents import Attempt
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import CustomerAnswered, PromiseChanged, PromiseState
from softswitch.acd.waiting import Entry, Promise, Stage


def holds(attempt: Attempt) -> bool:
    """She is kept free for a customer who is dialled, or her phone rings while he is on the line."""
    rule = attempt.entry.pool.queue.settings.call_back
    return attempt.call_back and attempt.answered_at is None and rule is not None and rule.customer_first


def is_dialled(attempt: Attempt) -> bool:
    promise = attempt.entry.promise
    return holds(attempt) and promise is not None and not promise.on_line


def answered(floor: Floor, event: CustomerAnswered, now: float) -> None:
    attempt = floor.attempts.get(event.attempt)
    if attempt is None or not holds(attempt):
        floor.reject(Rejection.STALE_ATTEMPT)
        return
    promise = attempt.entry.promise
    assert promise is not None
    promise.on_line = True
    attempt.deadline = now + attempt.entry.pool.queue.settings.ring_seconds
    if event.asking:
        attempt.deadline += matching.ASK_SECONDS
    floor.deadlines.add(attempt.deadline, deadlines.RING, attempt)


def not_reached(floor: Floor, attempt: Attempt, now: float, tried: bool) -> None:
    """Before she has answered: she is free, and nothing was her fault."""
    entry = attempt.entry
    promise = entry.promise
    assert promise is not None
    attempts.cancel(floor, attempt, now)
    promise.on_line = False
    promises.not_reached(floor, promise, entry, attempt.began_at, now, tried)
    duty.free(floor, attempt.agent, now, keep_idle_time=True)


def goes_on(floor: Floor, entry: Entry, promise: Promise, now: float) -> None:
    """He is on the line, and the agent who was kept for him is not: the next one who is free, whoever it is."""
    if not promise.open_to_all:
        promise.open_to_all = True
        floor.out.append(PromiseChanged(promise.id, PromiseState.OPEN, promise.attempts, now, "agent gone"))
    entry.place = (promise.due_at - promises.AHEAD_OF_ALL, entry.id)
    matching.place(floor, entry, now)


def hung_up(floor: Floor, entry: Entry, promise: Promise, by_him: bool, now: float) -> None:
    """He has waited for an agent long enough, or we have: he is called again."""
    if entry.attempt is not None:
        if holds(entry.attempt):
            not_reached(floor, entry.attempt, now, tried=by_him)
        else:
            floor.reject(Rejection.NOT_NOW)  # she has answered; the end of that call says what became of it
        return
    assert entry.stage is Stage.WAITING
    matching.unplace(entry)
    promise.on_line = False
    promises.not_reached(floor, promise, entry, now, now, tried=by_him)
