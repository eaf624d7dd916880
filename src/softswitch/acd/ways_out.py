"""Ways out of the line before anybody answers: to somewhere else by a key, or into a call-back at the same place.

stage                        | CallerWentOn             | CallBackRequested
-----------------------------+--------------------------+-----------------------------------------------
waiting                      | OverflowCaller           | anybody calls him back
choosing, her own line       | OverflowCaller           | she calls him back
ringing                      | ring cancelled, Overflow | too late: she is about to answer
connected, promised, unknown | not obeyed: somebody talks to him or will
never entered (`fresh`)      |                          | anybody calls him back
"""

from __future__ import annotations

from softswitch.acd import attempts, callers, duty, opening, promises
from softswitch.acd.agents import Agent
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import CallBackRequested, CallerWentOn, Outcome, OverflowCaller
from softswitch.acd.waiting import Entry, Stage

_IN_LINE = (Stage.WAITING, Stage.CHOOSING, Stage.PERSONAL)


def went_on(floor: Floor, event: CallerWentOn, now: float) -> None:
    entry = floor.entries.get(event.interaction)
    if entry is None:
        floor.reject(Rejection.UNKNOWN_INTERACTION)
        return
    if entry.promise is not None:
        floor.reject(Rejection.NOT_NOW)
        return
    rung: list[Agent] = []
    if entry.attempt is None:
        callers.leave_lines(entry)
    else:
        rung = attempts.cancel_all(floor, entry, now)
    floor.out.append(OverflowCaller(entry.id, event.because))
    floor.finish(entry, Outcome.WENT_ON, None, now)
    for agent in rung:
        duty.free(floor, agent, now, keep_idle_time=True)


def call_back_requested(floor: Floor, event: CallBackRequested, now: float) -> None:
    entry = floor.entries.get(event.interaction)
    if event.fresh:
        _from_outside(floor, event, entry, now)
    elif entry is None:
        floor.reject(Rejection.UNKNOWN_INTERACTION)
    elif entry.promise is not None or entry.stage not in _IN_LINE:
        floor.reject(Rejection.NOT_NOW)
    else:
        hers = None if entry.bond is None or entry.stage is Stage.WAITING else entry.bond.agent
        callers.leave_lines(entry)
        if hers is not None:
            entry.sticky = "call_back"
        promises.make(floor, entry, hers, opening.promised(entry.pool.queue, now)[1], now, event.caller)


def _from_outside(floor: Floor, event: CallBackRequested, entry: Entry | None, now: float) -> None:
    queue = floor.queues.get(event.queue)
    if queue is None:
        floor.reject(Rejection.UNKNOWN_QUEUE)
        floor.out.append(OverflowCaller(event.interaction, "unknown queue"))
        return
    if entry is not None:
        floor.reject(Rejection.DUPLICATE)
        return
    pool = floor.eligibility.pool(queue, event.skills, event.language)
    entry = Entry(event, pool, now, now - event.waited_seconds)
    pool.open += 1
    floor.entries[entry.id] = entry
    promises.make(floor, entry, None, opening.promised(queue, now)[1], now)
