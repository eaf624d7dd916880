"""Ring attempts: rung, answered by compare-and-set, or gone by; and the conversation that follows.

    RingAgent --> ringing --> AgentAnswered: Connect --> talking --> ConversationEnded: wrap-up
                     |
                     +--> no answer (deadline) | refused | unreachable | cancelled: the caller goes on at once

Whatever an agent's side does, the caller stays in the queue; only he himself ends his wait. Every attempt ends with
exactly one `RingEnded`; an answer that comes after it is refused.
"""

from __future__ import annotations

from softswitch.acd import customer_first, deadlines, duty, matching, promises, rest
from softswitch.acd.agents import (
    NO_ANSWER,
    NOT_REACHABLE,
    READY,
    SUSPENDED,
    TALKING,
    WRAP_UP,
    Agent,
    Attempt,
    Volley,
    change,
)
from softswitch.acd.estimates import measured_talk
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import (
    AgentAnswered,
    AgentRefused,
    AgentUnreachable,
    CallerNoted,
    CancelRing,
    Connect,
    ConversationEnded,
    CustomerNotReached,
    CustomerReached,
    EndConversation,
    Outcome,
    RefuseAnswer,
    RingEnd,
    RingEnded,
)
from softswitch.acd.plain_words import why_not_her
from softswitch.acd.quick import maker
from softswitch.acd.waiting import Entry, Stage
from softswitch.ids import RingAttemptId

_ANSWERED = RingEnd.ANSWERED
_CALLING = Stage.CALLING
_ENDED = Stage.ENDED
_TAKEN = Outcome.ANSWERED
_connect = maker(Connect)
_ring_over = maker(RingEnded)


def answered(floor: Floor, event: AgentAnswered, now: float) -> None:
    """Compare-and-set on the attempt: only the live one is connected."""
    attempt = floor.attempts.get(event.attempt)
    if attempt is None or attempt.answered_at is not None:
        floor.out.append(RefuseAnswer(event.attempt))
        return
    entry = attempt.entry
    agent = attempt.agent
    attempt.answered_at = now
    attempt.over = True
    agent.duty.no_answers = 0
    floor.out.append(_connect(attempt.id, entry.id, agent.id, attempt.call_back, attempt.sticky))
    _ring_ended(floor, attempt, _ANSWERED, now)
    change(floor.out, agent, TALKING, "", now)
    if attempt.call_back:
        entry.stage = _CALLING
        return
    agent.standing.calls += 1
    if attempt.sticky:
        agent.duty.tally.sticky_calls += 1
    entry.attempt = None
    volley = attempt.volley
    if volley is None:
        floor.finish(entry, _TAKEN, agent.id, now)
        return
    volley.attempts.remove(attempt)
    attempt.volley = None
    others = _cancel_volley(floor, entry, volley, now, taken=True)
    floor.finish(entry, _TAKEN, agent.id, now)
    for other in others:
        duty.free(floor, other, now, keep_idle_time=True)


def _ring_ended(floor: Floor, attempt: Attempt, end: RingEnd, now: float) -> None:
    entry = attempt.entry
    floor.out.append(
        _ring_over(
            attempt.id,
            entry.id,
            entry.pool.queue.settings.id,
            attempt.agent.id,
            attempt.began_at,
            now,
            end,
            attempt.sticky,
        )
    )


def _drop(floor: Floor, attempt: Attempt) -> None:
    attempt.over = True
    del floor.attempts[attempt.id]
    attempt.agent.attempt = None
    entry = attempt.entry
    volley = attempt.volley
    if volley is not None:
        volley.attempts.remove(attempt)
        if entry.attempt is attempt:
            entry.attempt = volley.attempts[0] if volley.attempts else None
        if not volley.attempts:
            matching.not_short(entry, volley)
    elif entry.attempt is attempt:
        entry.attempt = None


def _ringing(floor: Floor, attempt_id: RingAttemptId) -> Attempt | None:
    attempt = floor.attempts.get(attempt_id)
    if attempt is None or attempt.answered_at is not None:
        floor.reject(Rejection.STALE_ATTEMPT)
        return None
    return attempt


def _fail(floor: Floor, attempt: Attempt, end: RingEnd, word: str, now: float) -> None:
    """The ring came to nothing: he goes on at once, and she is not offered him again for a while."""
    entry = attempt.entry
    agent = attempt.agent
    _drop(floor, attempt)
    _ring_ended(floor, attempt, end, now)
    seconds = floor.settings.no_offer_seconds
    if seconds > 0:
        if entry.no_offer is None:
            entry.no_offer = {}
        entry.no_offer[agent.id] = now + seconds
        floor.deadlines.add(now + seconds, deadlines.NO_OFFER, (entry, agent))
    _go_on(floor, entry, attempt.sticky, word, now)


def _go_on(floor: Floor, entry: Entry, was_sticky: bool, word: str, now: float) -> None:
    if entry.attempt is not None:  # others still ring for him
        assert entry.attempt.volley is not None
        matching.ring_more(floor, entry, entry.attempt.volley, now)
        return
    if entry.promise is not None:
        if entry.promise.on_line:
            customer_first.goes_on(floor, entry, entry.promise, now)
        else:
            promises.go_on(floor, entry.promise, entry, now)
        return
    if was_sticky and entry.bond is not None:
        entry.sticky = f"gave_up: {word}"
        floor.out.append(CallerNoted(entry.id, why_not_her(entry.bond.agent.settings.name, word)))
        entry.bond.until = None
        matching.place(floor, entry, now, word)
    else:
        matching.place(floor, entry, now)


def no_answer(floor: Floor, subject: object, when: float, now: float) -> None:
    """The deadline of the ring: the phone is cancelled, she is suspended after so many in a row."""
    assert isinstance(subject, Attempt)
    if subject.over or subject.deadline != when:
        return
    agent = subject.agent
    if customer_first.is_dialled(subject):  # her phone has not rung: it is none of her doing
        customer_first.not_reached(floor, subject, now, tried=True)
        return
    floor.out.append(CancelRing(subject.id, RingEnd.NO_ANSWER))
    _fail(floor, subject, RingEnd.NO_ANSWER, NO_ANSWER, now)
    agent.duty.no_answers += 1
    limit = subject.entry.pool.queue.settings.suspend_after_no_answers
    if limit is None:
        limit = floor.settings.suspend_after_no_answers
    if limit and agent.duty.no_answers >= limit:
        agent.duty.no_answers = 0
        duty.away(floor, agent, SUSPENDED, NO_ANSWER, now)
    else:
        duty.free(floor, agent, now, keep_idle_time=True)


def refused(floor: Floor, event: AgentRefused, now: float) -> None:
    attempt = _ringing(floor, event.attempt)
    if attempt is not None:
        _fail(floor, attempt, RingEnd.REJECTED, "refused", now)
        duty.free(floor, attempt.agent, now, keep_idle_time=True)


def unreachable(floor: Floor, event: AgentUnreachable, now: float) -> None:
    """A dead phone must not stay available: she is suspended, and resumes by her next registration."""
    attempt = _ringing(floor, event.attempt)
    if attempt is None:
        return
    agent = attempt.agent
    _fail(floor, attempt, RingEnd.UNREACHABLE, NOT_REACHABLE, now)
    if agent.duty.registered:
        duty.away(floor, agent, SUSPENDED, NOT_REACHABLE, now)
    else:
        duty.free(floor, agent, now)


def cancel(floor: Floor, attempt: Attempt, now: float, taken: bool = False) -> None:
    """The ring is void; the attempt is dropped and recorded, its agent is still to be freed."""
    floor.out.append(CancelRing(attempt.id, RingEnd.CANCELLED, taken))
    _drop(floor, attempt)
    _ring_ended(floor, attempt, RingEnd.CANCELLED, now)


def cancel_all(floor: Floor, entry: Entry, now: float) -> list[Agent]:
    """Nobody rings for him any more; the agents are still to be freed."""
    attempt = entry.attempt
    assert attempt is not None
    if attempt.volley is not None:
        return _cancel_volley(floor, entry, attempt.volley, now)
    cancel(floor, attempt, now)
    return [attempt.agent]


def _cancel_volley(floor: Floor, entry: Entry, volley: Volley, now: float, taken: bool = False) -> list[Agent]:
    matching.not_short(entry, volley)
    rung = list(volley.attempts)
    for attempt in rung:
        cancel(floor, attempt, now, taken)
    return [attempt.agent for attempt in rung]


def withdraw(floor: Floor, agent: Agent, now: float) -> None:
    """The agent logs out, takes a break or is freed by a supervisor while ringing: the caller goes on."""
    attempt = agent.attempt
    assert attempt is not None and attempt.answered_at is None
    cancel(floor, attempt, now)
    held = "logged out" if agent.duty.logged_out else "freed"
    word = agent.duty.then.value if agent.duty.break_wanted is not None else held
    _go_on(floor, attempt.entry, attempt.sticky, word, now)
    duty.free(floor, agent, now)


def abort(floor: Floor, agent: Agent, now: float) -> None:
    """A supervisor ends a conversation that hangs: without wrap-up, and her leg is released if it still is there."""
    attempt = agent.attempt
    assert attempt is not None and attempt.answered_at is not None
    floor.out.append(EndConversation(attempt.id))
    if attempt.entry.stage is _CALLING:
        _not_reached(floor, attempt, now, tried=False)
        return
    _drop(floor, attempt)
    duty.free(floor, agent, now)


def no_offer_over(floor: Floor, subject: object, when: float, now: float) -> None:
    """She may be offered this caller again."""
    assert isinstance(subject, tuple)
    entry, agent = subject
    if entry.no_offer is None or entry.no_offer.get(agent.id) != when:
        return
    del entry.no_offer[agent.id]
    if entry.stage is not _ENDED and agent.state is READY:
        matching.serve(floor, agent, now)


def conversation_ended(floor: Floor, event: ConversationEnded, now: float) -> None:
    attempt = floor.attempts.get(event.attempt)
    if attempt is None or attempt.answered_at is None:
        floor.reject(Rejection.STALE_ATTEMPT)
        return
    if attempt.entry.stage is _CALLING:  # she hung up before the customer was there
        promise = attempt.entry.promise
        if promise is not None and promise.on_line:
            _drop(floor, attempt)
            customer_first.goes_on(floor, attempt.entry, promise, now)
            duty.free(floor, attempt.agent, now, keep_idle_time=True)
        else:
            _not_reached(floor, attempt, now, tried=False)
        return
    agent = attempt.agent
    queue = attempt.entry.pool.queue
    _drop(floor, attempt)
    talked = now - attempt.answered_at
    measured_talk(queue, talked)
    rest.talked(floor, agent, attempt.began_at, talked)
    agent.duty.served = queue
    agent.duty.extended = 0
    seconds = queue.settings.wrap_up_seconds
    if seconds > 0:
        deadline = now + seconds
        floor.deadlines.add(deadline, deadlines.WRAP_UP, agent)
        change(floor.out, agent, WRAP_UP, "", now, deadline)
    else:
        duty.free(floor, agent, now)


def _calling(floor: Floor, attempt_id: RingAttemptId) -> Attempt | None:
    attempt = floor.attempts.get(attempt_id)
    if attempt is None or attempt.entry.stage is not _CALLING:
        floor.reject(Rejection.STALE_ATTEMPT)
        return None
    return attempt


def customer_reached(floor: Floor, event: CustomerReached, now: float) -> None:
    attempt = _calling(floor, event.attempt)
    if attempt is not None:
        promise = attempt.entry.promise
        assert promise is not None
        promise.on_line = False
        attempt.agent.standing.calls += 1
        attempt.agent.duty.tally.sticky_calls += attempt.sticky
        promises.reached(floor, promise, attempt.entry, now)
        attempt.entry.attempt = None


def customer_not_reached(floor: Floor, event: CustomerNotReached, now: float) -> None:
    reserved = floor.attempts.get(event.attempt)
    if reserved is not None and customer_first.holds(reserved):
        customer_first.not_reached(floor, reserved, now, event.tried)
        return
    attempt = _calling(floor, event.attempt)
    if attempt is not None:
        _not_reached(floor, attempt, now, event.tried)


def _not_reached(floor: Floor, attempt: Attempt, now: float, tried: bool) -> None:
    """Her leg is released without wrap-up."""
    entry = attempt.entry
    promise = entry.promise
    assert promise is not None and attempt.answered_at is not None
    promise.on_line = False
    _drop(floor, attempt)
    promises.not_reached(floor, promise, entry, attempt.answered_at, now, tried)
    duty.free(floor, attempt.agent, now, keep_idle_time=True)
