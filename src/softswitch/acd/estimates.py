"""How long it will take, from what was measured.

Talk and wrap-up are exponentially weighted means per queue (weight 0.1 for the newest), beginning with the
configured usual talk and wrap-up time. The estimate of a general place is the time in which `position` agents become
free: position * (talk + wrap-up) / agents who serve this pool.

The rest of one conversation is what is missing to the mean, but never less than a quarter of the mean: a talk that
has already lasted longer than usual does not end this second.

A range is announced with each estimate. Agents of a pool become free one after another, so a wait behind `position`
callers is a sum of `position` times, and its spread that of a gamma distribution of this shape: 80 of 100 waits lie
between `low` and `high` (Wilson and Hilferty's approximation of the 10 % and 90 % points; E. B. Wilson, M. M. Hilferty,
"The Distribution of Chi-Square", PNAS 17 (1931)). How good that was is measured for every caller who was answered:

    error = wait from the announcement to the answer - estimate
    mean absolute error = mean of |error|       bias = mean of error (above 0: callers waited longer than told)

Who hung up, overflowed or chose a call-back would have waited longer than he did: his wait is censored, known only
from below. He does not count in these means, which are therefore of those who were patient or lucky; counted apart are
all who left, and those of them who had waited beyond `high` already: for them the range was too low for certain.
"""

from __future__ import annotations

from typing import Final

from softswitch.acd.agents import READY, TALKING, WRAP_UP, Agent, Attempt
from softswitch.acd.eligibility import Pool, Queue
from softswitch.acd.waiting import Place, position
from softswitch.ids import InteractionId

WEIGHT: Final = 0.1
LEAST_REST: Final = 0.25
_DECILE: Final = 1.2816  # of the normal distribution

Range = tuple[float, float]


def spread(estimate: float, position: int) -> Range:
    """The range told with an estimate for a place in the line: 80 of 100 waits."""
    shape = 9.0 * max(position, 1)
    low, high = 1.0 - 1.0 / shape - _DECILE / shape**0.5, 1.0 - 1.0 / shape + _DECILE / shape**0.5
    return estimate * max(low, 0.0) ** 3, estimate * high**3


def measured_talk(queue: Queue, seconds: float) -> None:
    queue.talk_seconds += WEIGHT * (seconds - queue.talk_seconds)


def measured_wrap_up(queue: Queue, seconds: float) -> None:
    queue.wrap_up_seconds += WEIGHT * (seconds - queue.wrap_up_seconds)


def handle_seconds(queue: Queue) -> float:
    return queue.talk_seconds + queue.wrap_up_seconds


def of_place(pool: Pool, place: Place) -> tuple[int, float | None]:
    """Position in the queue and seconds until served; no estimate while nobody serves."""
    at = position(pool.queue.line, place)
    return at, (at * handle_seconds(pool.queue) / pool.serving if pool.serving else None)


def told(queue: Queue, interaction: InteractionId, told_range: tuple[float, Range], now: float) -> None:
    """An estimate was announced; the first one of a wait is the one that is measured."""
    queue.accuracy.open.setdefault(interaction, (now, *told_range))


def wait_over(queue: Queue, interaction: InteractionId, answered: bool, now: float) -> None:
    was = queue.accuracy.open.pop(interaction, None)
    if was is None:
        return
    at, estimate, (low, high) = was
    waited = now - at
    accuracy = queue.accuracy
    if not answered:
        accuracy.left += 1
        accuracy.left_late += waited > high
    else:
        accuracy.measured += 1
        accuracy.absolute += abs(waited - estimate)
        accuracy.signed += waited - estimate
        accuracy.within += low <= waited <= high


def rest_of_attempt(attempt: Attempt, now: float) -> float:
    queue = attempt.entry.pool.queue
    usual = queue.talk_seconds
    if attempt.answered_at is None:
        return usual + queue.wrap_up_seconds
    return max(usual - (now - attempt.answered_at), LEAST_REST * usual) + queue.wrap_up_seconds


def until_free(agent: Agent, now: float) -> float:
    """Seconds until this agent has served what she has in hand."""
    if agent.state is READY:
        return 0.0
    if agent.state is WRAP_UP and agent.deadline is not None:
        return max(agent.deadline - now, 0.0)
    if agent.attempt is not None:
        return rest_of_attempt(agent.attempt, now)
    assert agent.state is not TALKING
    return 0.0


def until_hers(agent: Agent, queue: Queue, ahead: int, now: float) -> float:
    """Seconds until a caller with so many others ahead of him in her own line is served."""
    return until_free(agent, now) + ahead * handle_seconds(queue)
