"""The engine as a line whose callers lose patience (M/M/N+M, Erlang A), and as one with two skills, each against
figures that come from elsewhere: a birth-and-death chain solved here, and a simulator that knows nothing of the engine.

Palm (1946), as in Mandelbaum and Zeltyn, "The Palm/Erlang-A Queue": k callers in the system leave at the rate
min(k, N)/AHT + max(k - N, 0)/patience, and come at the rate A/AHT.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import sqrt
from random import Random
from statistics import fmean, stdev

import pytest

from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.messages import AcdSettings, AgentSettings, QueueSettings
from softswitch.ids import AgentId, IdSource, InteractionId, QueueId, SkillId

BATCHES = 30
STUDENT_99 = 2.756  # two-sided, 29 degrees of freedom
Q = QueueId("q")
LOANS = SkillId("loans")


def chain(load: float, agents: int, handle: float, patience: float) -> tuple[float, float, float]:
    """Share that abandons, share that waits at all, mean wait of all callers: from the stationary distribution."""
    weights = [1.0]
    for k in range(1, agents + 400):
        out = min(k, agents) / handle + max(k - agents, 0) / patience
        weights.append(weights[-1] * (load / handle) / out)
    total = sum(weights)
    waiting = sum((k - agents) * w for k, w in enumerate(weights) if k > agents) / total
    rate = load / handle
    return waiting / patience / rate, sum(weights[agents:]) / total, waiting / rate  # Little


class Day:
    """The engine under Poisson callers. `skills` draws what a caller needs; patience is exponential, or without end."""

    def __init__(self, settings: AcdSettings, rate: float, handle: float, patience: float | None, seed: int) -> None:
        self.random = Random(seed)
        self.engine = Engine(settings, IdSource())
        self.rate, self.handle, self.patience = rate, handle, patience
        self.todo: list[tuple[float, int, m.Event]] = []
        self.number = 0
        self.came: dict[int, float] = {}
        self.kind: dict[int, int] = {}
        self.waited: list[tuple[int, float, bool]] = []  # kind, seconds, gave up
        for agent in settings.agents:
            self.engine.handle(m.PhoneRegistered(agent.id), 0.0)

    def run(self, calls: int, skills: Callable[[Random], tuple[tuple[SkillId, int], ...]]) -> None:
        arrival = 0.0
        for _ in range(calls):
            arrival += self.random.expovariate(self.rate)
            while self.todo and self.todo[0][0] <= arrival:
                now, _, event = heappop(self.todo)
                self.give(event, now)
            number = InteractionId(len(self.came) + 1)
            needs = skills(self.random)
            self.came[number], self.kind[number] = arrival, len(needs)
            if self.patience is not None:
                self.later(arrival + self.random.expovariate(1 / self.patience), m.CallerLeft(number))
            self.give(m.CallerEntered(number, Q, "", None, "", None, needs), arrival)

    def later(self, when: float, event: m.Event) -> None:
        self.number += 1
        heappush(self.todo, (when, self.number, event))

    def give(self, event: m.Event, now: float) -> None:
        for command in self.engine.handle(event, now):
            if isinstance(command, m.RingAgent):
                self.give(m.AgentAnswered(command.attempt), now)
            elif isinstance(command, m.Connect):
                self.later(now + self.random.expovariate(1 / self.handle), m.ConversationEnded(command.attempt))
            elif isinstance(command, m.InteractionEnded):
                number = command.interaction
                gone = command.outcome is m.Outcome.ABANDONED
                self.waited.append((self.kind[number], now - self.came[number], gone))


def settings(people: list[AgentSettings]) -> AcdSettings:
    plain = QueueSettings(Q, "Q", wrap_up_seconds=0.0, max_wait_seconds=1e9, say_position_every_seconds=0.0)
    return AcdSettings((plain,), tuple(people))


def person(number: int, *skills: SkillId) -> AgentSettings:
    return AgentSettings(AgentId(f"a{number}"), "A", (Q,), tuple((skill, 1) for skill in skills))


def interval(values: list[float]) -> tuple[float, float]:
    """99 % confidence interval of the mean, from batch means."""
    size = len(values) // BATCHES
    means = [fmean(values[n * size : (n + 1) * size]) for n in range(BATCHES)]
    half = STUDENT_99 * stdev(means) / sqrt(BATCHES)
    return fmean(means) - half, fmean(means) + half


@pytest.mark.slow
@pytest.mark.parametrize(
    ("load", "agents", "handle", "patience", "abandoned"),
    [(10.0, 10, 180.0, 180.0, 0.1251), (10.0, 12, 180.0, 90.0, 0.0676), (50.0, 50, 240.0, 120.0, 0.0659)],
)
def test_impatient_callers_land_on_erlang_a(
    load: float, agents: int, handle: float, patience: float, abandoned: float
) -> None:
    gone, waits, mean_wait = chain(load, agents, handle, patience)
    assert gone == pytest.approx(abandoned, abs=5e-5)
    day = Day(settings([person(n) for n in range(agents)]), load / handle, handle, patience, seed=11)
    day.run(120_000 if agents == 50 else 70_000, lambda random: ())
    seen = day.waited[4_000:]
    for expected, values, width in (
        (gone, [float(left) for _, _, left in seen], 0.03),
        (waits, [float(seconds > 0) for _, seconds, _ in seen], 0.06),
        (mean_wait, [seconds for _, seconds, _ in seen], 0.3 * mean_wait),
    ):
        low, high = interval(values)
        assert low <= expected <= high
        assert high - low < width, "the interval is too wide to prove anything"


def brute_force(
    calls: int, rate: float, handle: float, share: float, people: int, experts: int, seed: int
) -> list[tuple[int, float]]:
    """Two kinds of caller, the second only for experts; the longest idle who may is rung, the oldest caller first.
    Plain lists, looked at from one end to the other."""
    random = Random(seed)
    idle_since: list[float | None] = [float(n) * 1e-9 for n in range(people)]
    waiting: list[tuple[float, int]] = []
    busy: list[tuple[float, int]] = []
    waits: list[tuple[int, float]] = []

    def serve(agent: int, came: float, kind: int, now: float) -> None:
        idle_since[agent] = None
        busy.append((now + random.expovariate(1 / handle), agent))
        waits.append((kind, now - came))

    now = 0.0
    for _ in range(calls):
        now += random.expovariate(rate)
        while busy and min(busy)[0] <= now:
            end, agent = min(busy)
            busy.remove((end, agent))
            idle_since[agent] = end
            mine = [one for one in waiting if agent < experts or one[1] == 0]
            if mine:
                waiting.remove(mine[0])
                serve(agent, *mine[0], end)
        kind = int(random.random() < share)
        able = [n for n, since in enumerate(idle_since) if since is not None and (n < experts or kind == 0)]
        if able:
            serve(min(able, key=lambda n: idle_since[n] or 0.0), now, kind, now)
        else:
            waiting.append((now, kind))
    return waits


@pytest.mark.slow
def test_two_skills_as_a_simulator_that_knows_nothing_of_the_engine() -> None:
    """9 agents of whom 4 are experts, 7.2 Erlang, three tenths of the callers needs an expert."""
    rate, handle, share = 7.2 / 180.0, 180.0, 0.3
    people = [person(n, LOANS) if n < 4 else person(n) for n in range(9)]
    day = Day(settings(people), rate, handle, None, seed=5)
    day.run(70_000, lambda random: ((LOANS, 1),) if random.random() < share else ())
    other = brute_force(70_000, rate, handle, share, 9, 4, seed=6)
    for kind in (0, 1):
        mine = [seconds for one, seconds, _ in day.waited[4_000:] if one == kind]
        theirs = [seconds for one, seconds in other[4_000:] if one == kind]
        for measure in (lambda s: s, lambda s: float(s > 0), lambda s: float(s <= 20.0)):
            low, high = interval([measure(s) for s in mine])
            other_low, other_high = interval([measure(s) for s in theirs])
            # two independent means: their intervals meet, and neither is so wide that it proves nothing
            assert low <= other_high and other_low <= high
            assert high - low < 0.5 * max(fmean([measure(s) for s in theirs]), 0.05)
