"""Call-backs keep to the hours of their queue: nobody is called outside of them.

    QueueHoursChanged(open=False): its call-backs rest, whoever is free       they keep their places
    QueueHoursChanged(open=True):  they stand in their lines again, in order
    WayOutChanged                  the same for all queues, while no trunk is up

What is promised follows the hours too: by closing time when that is far enough away, else from the next opening on.
The hours themselves are known to the call room (calendars, time zones); here only their next changes. A change
looks at all promises of its queue; it comes twice a day.
"""

from __future__ import annotations

from typing import Final

from softswitch.acd import matching, promises
from softswitch.acd.eligibility import Queue
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import QueueHoursChanged, WayOutChanged
from softswitch.acd.waiting import Entry, Promise, Stage, remove_place

LEAST_SECONDS: Final = 900.0  # with less than this until closing time, the next opening is promised


def hours_changed(floor: Floor, event: QueueHoursChanged, now: float) -> None:
    queue = floor.queues.get(event.queue)
    if queue is None:
        floor.reject(Rejection.UNKNOWN_QUEUE)
        return
    was_open = queue.is_open
    queue.hours = event
    if was_open == event.open:
        return
    for promise in list(floor.promises.values()):
        entry = promise.entry
        if entry is None or entry.pool.queue is not queue or promise.on_line:
            continue
        if not event.open:
            _rest(promise, entry)
        elif entry.stage is Stage.PAUSED:
            matching.place_call_back(floor, entry, now)


def _rest(promise: Promise, entry: Entry) -> None:
    if entry.stage is Stage.CALL_BACK:
        assert promise.agent is not None
        remove_place(promise.agent.line.call_backs, entry.place)
        entry.stage = Stage.PAUSED
    elif entry.stage is Stage.WAITING:
        matching.unplace(entry)
        entry.stage = Stage.PAUSED


def way_out_changed(floor: Floor, event: WayOutChanged, now: float) -> None:
    """No agent is rung for a customer who cannot be called. What waits is neither tried nor lost before its time; a
    customer who did not answer is not called earlier for it."""
    if floor.no_way_out is not event.open:
        return
    floor.no_way_out = not event.open
    for promise in list(floor.promises.values()):
        entry = promise.entry
        if entry is None:
            continue
        if not event.open:
            _rest(promise, entry)
        elif entry.stage is Stage.PAUSED and now >= promise.rests_until:
            matching.place_call_back(floor, entry, now)


def promised(queue: Queue, now: float) -> tuple[float, float]:
    """When a call-back promised now begins to be possible (0: at once), and by when it is due."""
    within = promises.rule_of(queue).within_seconds
    hours = queue.hours
    if hours is None or hours.changes_at is None:
        return 0.0, now + within
    if not hours.open:
        return hours.changes_at, hours.changes_at + within
    if now + within <= hours.changes_at or hours.then_at is None:
        return 0.0, now + within
    if hours.changes_at - now >= min(within, LEAST_SECONDS):
        return 0.0, hours.changes_at
    return hours.then_at, hours.then_at + within
