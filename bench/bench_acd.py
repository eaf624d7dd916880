"""How many calls a second the ACD decides: 500 agents, 8 queues, skills, languages and sticky routing.

One simulated call is CallerEntered, RingAgent, AgentAnswered, ConversationEnded and the end of the wrap-up, on the
real engine with Poisson arrivals at the given occupancy; a part of the callers has a previous agent and gets her, or
hears the choice. Prints one JSON line: `calls_per_second` over the wall time of the whole run, in which the simulator
schedules answers and ends of talks (callers are made before); `calls_per_cpu_second` the same over the CPU time of
this process, for a machine that has other work as well; `engine_calls_per_second` over the time inside the engine, in
a second run that measures every entry into it; `decision_us` is the time from CallerEntered to its commands.

    python bench/bench_acd.py [--calls 200000] [--agents 500] [--queues 8] [--occupancy 0.85] [--sticky 0.2]
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from time import perf_counter, perf_counter_ns, process_time
from typing import Any

from softswitch.acd.engine import Engine
from softswitch.acd.messages import (
    AcdSettings,
    AgentAnswered,
    AgentSettings,
    CallerEntered,
    Choice,
    ChoiceMade,
    Command,
    Connect,
    ConversationEnded,
    Event,
    OfferChoice,
    PhoneRegistered,
    QueueSettings,
    RingAgent,
    StickyRule,
)
from softswitch.ids import AgentId, IdSource, InteractionId, QueueId, SkillId

LANGUAGES = ("en", "et", "it")
SKILLS = tuple(SkillId(name) for name in ("cards", "loans", "fraud"))
TALK_SECONDS = 180.0
WRAP_UP_SECONDS = 30.0
RING_SECONDS = 3.0


def settings(agents: int, queues: int, random: Random) -> AcdSettings:
    names = [QueueId(f"queue{n}") for n in range(queues)]
    rule = StickyRule(offer=(Choice.WAIT, Choice.COLLEAGUE))
    return AcdSettings(
        queues=tuple(
            QueueSettings(
                name,
                str(name),
                skills=((SKILLS[n % 3], 1 + n % 2),) if n % 2 else (),
                wrap_up_seconds=WRAP_UP_SECONDS,
                sticky=rule,
                usual_talk_seconds=TALK_SECONDS,
            )
            for n, name in enumerate(names)
        ),
        agents=tuple(
            AgentSettings(
                AgentId(f"agent{n}"),
                f"Agent {n}",
                queues=(names[n % queues], names[(n * 3 + 1) % queues], names[(n * 5 + 2) % queues]),
                skills=tuple((skill, random.randint(1, 5)) for skill in SKILLS),
                languages=(("en", 4), (LANGUAGES[n % 3], 5)),
            )
            for n in range(agents)
        ),
    )


class Line:
    """Poisson callers, agents who answer after a moment and talk for exponential times."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.random = Random(args.seed)
        self.settings = settings(args.agents, args.queues, self.random)
        self.engine = Engine(self.settings, IdSource(1 << 40))
        self.sticky = args.sticky
        self.rate = args.occupancy * args.agents / (TALK_SECONDS + WRAP_UP_SECONDS + RING_SECONDS)
        self.events: list[tuple[float, int, Event]] = []
        self.number = 0
        self.ended = 0
        self.arrived = 0
        self.arrival = 0.0
        self.talks = [self.random.expovariate(1 / TALK_SECONDS) for _ in range(9973)]
        self.decisions: list[int] = []
        self.engine_ns = 0
        self.reactions: dict[type, Callable[[Any, float], None]] = {
            RingAgent: self.rung,
            Connect: self.connected,
            OfferChoice: self.offered,
        }
        for agent in self.settings.agents:
            self.engine.handle(PhoneRegistered(agent.id), 0.0)

    def caller(self, number: int) -> CallerEntered:
        random = self.random
        queue = self.settings.queues[int(random.random() * len(self.settings.queues))].id
        previous = None
        if random.random() < self.sticky:
            previous = self.settings.agents[int(random.random() * len(self.settings.agents))].id
        language = "en" if random.random() < 0.8 else LANGUAGES[int(random.random() * 3)]
        return CallerEntered(InteractionId(number), queue, "+372", None, language, previous)

    def schedule(self, when: float, event: Event) -> None:
        self.number += 1
        heappush(self.events, (when, self.number, event))

    def obey(self, commands: list[Command], now: float) -> None:
        for command in commands:
            react = self.reactions.get(type(command))
            if react is not None:
                react(command, now)

    def rung(self, command: RingAgent, now: float) -> None:
        self.schedule(now + RING_SECONDS, AgentAnswered(command.attempt))

    def connected(self, command: Connect, now: float) -> None:
        self.ended += 1
        self.schedule(now + self.talks[self.ended % len(self.talks)], ConversationEnded(command.attempt))

    def offered(self, command: OfferChoice, now: float) -> None:
        choice = command.choices[int(self.random.random() * len(command.choices))]
        self.schedule(now + 5.0, ChoiceMade(command.interaction, choice))

    def prepare(self, calls: int) -> list[tuple[float, CallerEntered]]:
        """Callers and when they come, made before the clock starts."""
        callers = []
        for _ in range(calls):
            self.arrival += self.random.expovariate(self.rate)
            self.arrived += 1
            callers.append((self.arrival, self.caller(self.arrived)))
        return callers

    def run(self, callers: list[tuple[float, CallerEntered]], measured: bool) -> None:
        engine, events = self.engine, self.events
        handle, tick, obey, next_deadline = engine.handle, engine.tick, self.obey, engine.next_deadline
        infinity, clock, began = float("inf"), perf_counter_ns, 0
        for arrival, caller in callers:
            while True:
                due = next_deadline() or infinity
                event_at = events[0][0] if events else infinity
                if due <= event_at and due <= arrival:
                    now = due
                    began = clock() if measured else 0
                    commands = tick(now)
                elif event_at <= arrival:
                    now, _, event = heappop(events)
                    began = clock() if measured else 0
                    commands = handle(event, now)
                else:
                    break
                if measured:
                    self.engine_ns += clock() - began
                if commands:
                    obey(commands, now)
            if measured:
                began = clock()
                commands = handle(caller, arrival)
                spent = clock() - began
                self.decisions.append(spent)
                self.engine_ns += spent
            else:
                commands = handle(caller, arrival)
            obey(commands, arrival)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--agents", type=int, default=500)
    parser.add_argument("--queues", type=int, default=8)
    parser.add_argument("--occupancy", type=float, default=0.85)
    parser.add_argument("--sticky", type=float, default=0.2, help="share of callers with a previous agent")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    line = Line(args)
    line.run(line.prepare(args.calls // 10), measured=False)  # warm
    callers = line.prepare(args.calls)
    gc.collect()
    gc.freeze()
    line.ended = 0
    began, cpu_began = perf_counter(), process_time()
    line.run(callers, measured=False)
    wall, cpu = perf_counter() - began, process_time() - cpu_began
    timed = Line(args)
    timed.run(timed.prepare(args.calls // 4), measured=True)
    decisions = sorted(timed.decisions)
    print(
        json.dumps(
            {
                "bench": "acd",
                "agents": args.agents,
                "queues": args.queues,
                "pools": len(line.engine.floor.eligibility.pools),
                "calls": line.ended,
                "calls_per_second": round(line.ended / wall),
                "calls_per_cpu_second": round(line.ended / cpu),
                "engine_calls_per_second": round(timed.ended / (timed.engine_ns / 1e9)),
                "decision_us": {
                    "p50": decisions[len(decisions) // 2] / 1000,
                    "p99": decisions[len(decisions) * 99 // 100] / 1000,
                },
            }
        )
    )


if __name__ == "__main__":
    main()
