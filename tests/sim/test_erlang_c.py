"""The engine as an M/M/N queue lands on Erlang C: Poisson callers, exponential talks, nobody gives up.

The 99 % confidence interval comes from batch means: consecutive batches much longer than the memory of the queue are
nearly independent, so the mean of their means has a Student t distribution.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import sqrt
from random import Random
from statistics import fmean, stdev

import pytest

from softswitch.acd import erlang
from softswitch.acd.engine import Engine
from softswitch.acd.messages import (
    AcdSettings,
    AgentAnswered,
    AgentSettings,
    CallerEntered,
    Connect,
    ConversationEnded,
    PhoneRegistered,
    QueueSettings,
    RingAgent,
)
from softswitch.ids import AgentId, IdSource, InteractionId, QueueId, RingAttemptId

BATCHES = 30
STUDENT_99 = 2.756  # two-sided, 29 degrees of freedom
THRESHOLD = 20.0


def waits(load: float, handle_seconds: float, agents: int, calls: int, seed: int) -> list[float]:
    """Seconds each caller waited, in the order of entry; after a warm-up."""
    random = Random(seed)
    queue = QueueId("q")
    settings = AcdSettings(
        queues=(QueueSettings(queue, "Q", wrap_up_seconds=0.0, max_wait_seconds=1e9, say_position_every_seconds=0.0),),
        agents=tuple(AgentSettings(AgentId(f"a{n}"), f"A{n}", (queue,)) for n in range(agents)),
    )
    engine = Engine(settings, IdSource())
    for agent in settings.agents:
        engine.handle(PhoneRegistered(agent.id), 0.0)
    waited: list[float] = []
    entered: dict[int, float] = {}
    talks: list[tuple[float, RingAttemptId]] = []
    arrival, number = 0.0, 0
    while len(waited) < calls:
        if talks and talks[0][0] <= arrival:
            now, attempt = heappop(talks)
            commands = engine.handle(ConversationEnded(attempt), now)
        else:
            now = arrival
            number += 1
            entered[number] = now
            commands = engine.handle(CallerEntered(InteractionId(number), queue, "", None, "en", None), now)
            arrival += random.expovariate(load / handle_seconds)
        for ring in commands:
            if isinstance(ring, RingAgent):
                for answer in engine.handle(AgentAnswered(ring.attempt), now):
                    if isinstance(answer, Connect):
                        waited.append(now - entered.pop(answer.interaction))
                        heappush(talks, (now + random.expovariate(1.0 / handle_seconds), answer.attempt))
    return waited[calls // 20 :]


def interval(values: list[float]) -> tuple[float, float]:
    """99 % confidence interval of the mean, from batch means."""
    size = len(values) // BATCHES
    means = [fmean(values[n * size : (n + 1) * size]) for n in range(BATCHES)]
    middle = fmean(means)
    half = STUDENT_99 * stdev(means) / sqrt(BATCHES)
    return middle - half, middle + half


@pytest.mark.slow
@pytest.mark.parametrize(
    ("load", "handle_seconds", "agents", "waiting", "service_level", "speed_of_answer", "calls"),
    [
        (10, 180, 13, 0.2853, 0.7956, 17.12, 160_000),
        (10, 180, 14, 0.1741, 0.8884, 7.84, 160_000),
        (48, 240, 54, 0.3013, 0.8172, 12.05, 500_000),  # the larger the group, the longer its memory
    ],
)
def test_the_simulated_queue_lands_on_the_table(
    load: float,
    handle_seconds: float,
    agents: int,
    waiting: float,
    service_level: float,
    speed_of_answer: float,
    calls: int,
) -> None:
    waited = waits(load, handle_seconds, agents, calls, seed=4)
    for expected, values, width in (
        (waiting, [float(seconds > 0.0) for seconds in waited], 0.06),
        (service_level, [float(seconds <= THRESHOLD) for seconds in waited], 0.05),
        (speed_of_answer, waited, 0.45 * speed_of_answer),
    ):
        low, high = interval(values)
        assert low <= expected <= high
        assert high - low < width, "the interval is too wide to prove anything"
    assert erlang.erlang_c(load, agents) == pytest.approx(waiting, abs=5e-5)
