"""Random lines: settings that use everything a queue can be told, and random days on them as a script of steps.

A script is data. Each step is `(seconds since the step before, (what, ...))`, and names callers, rings and promises by
their place among those there are, so that any part of a script is a script too: `shrinking` can leave steps out.

Each day has its own habits (which steps are frequent, which never come), so that days go to different corners.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from softswitch.acd import messages as m
from softswitch.acd.messages import AgentState, Choice
from softswitch.acd.strategy import STRATEGIES
from softswitch.ids import AgentId, QueueId, SkillId

Step = tuple[float, tuple[Any, ...]]

SKILLS = (SkillId("cards"), SkillId("tax"))
LANGUAGES = ("en", "et")
REASONS = ("lunch", "coffee", "x")
MANY = 12  # agents of a large line


def random_line(random: Random) -> m.AcdSettings:
    pick = random.choice
    queues = tuple(QueueId(f"queue{n}") for n in range(pick((1, 2, 2, 3, 4))))
    agents = tuple(AgentId(f"agent{n}") for n in range(pick((1, 2, 3, 4, 5, MANY))))
    return m.AcdSettings(
        tuple(_queue(random, queues, number) for number in range(len(queues))),
        tuple(_agent(random, queues, agents, number) for number in range(len(agents))),
        suspend_after_no_answers=pick((1, 2)),
        choice_seconds=pick((5.0, 60.0)),
        no_offer_seconds=pick((0.0, 15.0, 60.0)),
        breaks=(m.BreakRule("lunch", 20.0, True), m.BreakRule("coffee", 5.0)),
        relief=pick((None, m.ReliefRule(10.0, 2), m.ReliefRule(15.0, 0, 5.0))),
        most_head_start_seconds=pick((3600.0, 30.0)),
        longest_chat_seconds=pick((60.0, 14_400.0)),
    )


def _queue(random: Random, queues: tuple[QueueId, ...], number: int) -> m.QueueSettings:
    pick, name = random.choice, queues[number]
    return m.QueueSettings(
        name,
        name,
        skills=_skills(random) if pick((True, False)) else (),
        order=pick(sorted(STRATEGIES)),
        wrap_up_seconds=pick((0.0, 3.0, 30.0)),
        ring_seconds=pick((2.0, 20.0)),
        max_wait_seconds=pick((20.0, 200.0, 1200.0)),
        say_position_every_seconds=pick((0.0, 10.0, 45.0)),
        sticky=_sticky(random) if pick((True, True, False)) else None,
        overflow_when_nobody=pick((True, False)),
        usual_talk_seconds=pick((5.0, 120.0)),
        call_back=_call_back(random) if pick((True, False)) else None,
        call_back_lost=pick((True, False)),
        most_waiting=pick((None, None, None, 1, 4)),
        prefers=pick(((), (), ((SKILLS[0], 2.0),), ((SKILLS[1], 1.0), (SKILLS[0], 0.5)))),
        relax=_relaxation(random, tuple(each for each in queues if each != name)),
        tier_after_seconds=pick((None, None, 10.0, 30.0)),
        weight=pick((1.0, 1.0, 1.0, 2.5)),
        ring_at_once=pick((1, 1, 1, 2, 3, 0)),
        suspend_after_no_answers=pick((None, 0, 2)),
        let_first=_let_first(random) if pick((True, False, False)) else None,
        more_time_seconds=pick((5.0, 30.0)),
        more_time_at_most=pick((0, 2)),
    )


def _sticky(random: Random) -> m.StickyRule:
    pick = random.choice
    return m.StickyRule(
        offer=tuple(random.sample(list(Choice), pick((1, 2, 3, 3)))),
        wait_at_most_seconds=pick((5.0, 60.0, 300.0)),
        call_back_within_seconds=pick((30.0, 900.0)),
        call_back_attempts=pick((1, 2, 3)),
        call_back_retry_seconds=pick((1.0, 60.0)),
        line_callers=pick((None, None, 1, 2)),
        line_seconds=pick((None, None, 200.0)),
        line_in_a_row=pick((None, None, 1, 2)),
    )


def _call_back(random: Random) -> m.CallBackRule:
    pick = random.choice
    return m.CallBackRule(
        pick((30.0, 900.0)),
        pick((1, 3)),
        pick((1.0, 60.0)),
        pick((None, 10.0, 100.0)),
        customer_first=pick((True, False)),
    )


def _let_first(random: Random) -> m.LetFirstRule:
    pick = random.choice
    return m.LetFirstRule(pick((0.0, 10.0)), pick((20.0, 180.0)), pick((30.0, 360.0)))


def _relaxation(random: Random, others: tuple[QueueId, ...]) -> tuple[m.RelaxStep, ...]:
    pick = random.choice
    return tuple(
        m.RelaxStep(pick((5.0, 10.0, 30.0)), pick((0, 1, 2)), pick((False, False, True)), pick((None, *others)))
        for _ in range(pick((0, 0, 1, 2)))
    )


def _skills(random: Random) -> tuple[tuple[SkillId, int], ...]:
    return tuple((skill, random.randint(1, 3)) for skill in random.sample(SKILLS, random.randint(0, 2)))


def _agent(random: Random, queues: tuple[QueueId, ...], agents: tuple[AgentId, ...], number: int) -> m.AgentSettings:
    pick = random.choice
    return m.AgentSettings(
        agents[number],
        agents[number].title(),
        queues=tuple(random.sample(queues, random.randint(min(number % 3, 1), len(queues)))),
        skills=_skills(random),
        languages=tuple((name, random.randint(0, 2)) for name in LANGUAGES) if pick((True, False, False)) else (),
        tiers=tuple((queue, random.randint(1, 3)) for queue in queues if pick((True, False))),
        deputy=pick((None, None, *agents)),
        chats=pick((0, 0, 1, 3)),
        chats_during_calls=pick((True, False)),
    )


# ------------------------------------------------------------------ a day

# How often, in a day without habits of its own.
_KINDS: dict[str, float] = {
    "call": 20.0,
    "leave": 4.0,
    "choose": 6.0,
    "go on": 1.0,
    "others first": 2.0,
    "to front": 0.5,
    "request": 2.0,
    "save": 4.0,
    "answer": 20.0,
    "refuse": 2.0,
    "unreachable": 1.0,
    "end": 16.0,
    "reached": 3.0,
    "customer answered": 3.0,
    "not reached": 2.0,
    "registered": 6.0,
    "lost": 1.0,
    "log in": 2.0,
    "log out": 1.0,
    "ready": 8.0,
    "break": 2.0,
    "outbound": 0.7,
    "more time": 1.0,
    "own call": 1.0,
    "own call over": 2.0,
    "free": 0.5,
    "hours": 0.5,
    "restore": 0.3,
    "promise": 0.5,
    "nonsense": 0.3,
    "pause": 0.5,
    "restart": 0.05,
    "chat": 6.0,
    "accept chat": 5.0,
    "decline chat": 1.0,
    "close chat": 4.0,
}
_CUSTOMER = ("reached", "not reached", "customer answered")
_GAPS = (0.0, 0.0, 0.5, 3.0, 10.0)


def random_day(random: Random, settings: m.AcdSettings, steps: int) -> Iterator[Step]:
    """So many steps. What is frequent is drawn for each day anew."""
    weights = [often * random.choice((0.0, 0.3, 1.0, 1.0, 3.0)) for often in _KINDS.values()]
    for kind in ("call", "answer", "end", "registered", "ready"):  # or nothing would happen at all
        at = list(_KINDS).index(kind)
        weights[at] = max(weights[at], _KINDS[kind] * 0.3)
    pace = random.choice((0.1, 1.0, 1.0, 5.0))
    for agent in settings.agents:
        if random.random() < 0.8:
            yield 0.0, ("registered", agent.id)
    for kind in random.choices(list(_KINDS), weights, k=steps):
        yield random.choice(_GAPS) * pace, _step(random, settings, kind)


def _step(random: Random, settings: m.AcdSettings, kind: str) -> tuple[Any, ...]:
    pick = random.choice
    agent = pick(settings.agents).id
    queue = pick(settings.queues).id
    nth = min(int(random.expovariate(0.7)), 9)
    if kind == "call":
        return (kind, queue, _caller(random, settings))
    if kind == "chat":
        return (kind, queue, _chat(random, settings))
    if kind in ("accept chat", "decline chat", "close chat"):
        return (kind, nth)
    if kind in ("leave", "save", "others first"):
        return (kind, nth, random.random() < 0.85)
    if kind == "choose":
        return (kind, nth, pick(list(Choice)))
    if kind == "request":
        return (kind, nth, queue, random.random() < 0.5)
    if kind in ("go on", "answer", "refuse", "unreachable", "end", "to front", *_CUSTOMER):
        return (kind, nth)
    if kind == "lost":
        return (kind, agent, random.random() < 0.3)
    if kind == "break":
        return (kind, agent, pick(REASONS), pick((None, None, 0.0, 7.0)))
    if kind == "hours":
        return (kind, queue, random.random() < 0.6, pick((None, 20.0, 500.0)), pick((None, 300.0)))
    if kind == "restore":
        return (kind, agent, pick(list(AgentState)), random.random() < 0.8, random.random() < 0.2)
    if kind == "promise":
        return (kind, queue, pick((agent, agent, "", "nobody")), pick((0.0, 10.0, 200.0)), pick((0, 0, 1)))
    if kind == "nonsense":
        return (kind, random.randrange(9))
    if kind == "pause":
        return (kind, pick((30.0, 100.0, 400.0)))
    return (kind,) if kind == "restart" else (kind, agent)


def _chat(random: Random, settings: m.AcdSettings) -> dict[str, Any]:
    facts = _caller(random, settings)
    known = ("previous_agent", "language", "skills", "head_start_seconds", "waited_seconds")
    return {name: value for name, value in facts.items() if name in known}


def _caller(random: Random, settings: m.AcdSettings) -> dict[str, Any]:
    """What he brings along, beyond his queue; mostly nothing."""
    pick, chance, facts = random.choice, random.random, dict[str, Any]()
    if chance() < 0.5:
        facts["previous_agent"] = pick(settings.agents).id if chance() < 0.97 else AgentId("nobody")
        if chance() < 0.1:
            facts["away"] = (facts["previous_agent"],)
    if chance() < 0.3:
        facts["language"] = pick(("", *LANGUAGES))
    if chance() < 0.2:
        facts["skills"] = _skills(random)
    if chance() < 0.1:
        facts["prefers"] = ((pick(SKILLS), 1.0),)
    if chance() < 0.2:
        facts["head_start_seconds"] = pick((-120.0, 15.0, 60.0, 1e6))
    if chance() < 0.1:
        facts["waited_seconds"] = pick((5.0, 40.0))
        facts["passes"] = 1
    if chance() < 0.1:
        facts["can_be_called_back"] = False
    return facts
