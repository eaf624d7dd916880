"""Call-backs that ring the customer first, and changed places, in any order: every rule of the engine holds, no promise
is lost, and a replay of the record reaches the same state."""

from __future__ import annotations

import random
from typing import Any

import pytest
from acd_line import ANNA, FIRST, LI, MART, Line, queue

from softswitch.acd import messages as m
from softswitch.acd.journal import replay
from softswitch.acd.messages import AgentState, Choice, PromiseState
from softswitch.ids import IdSource, InteractionId

RULE = m.CallBackRule(within_seconds=600.0, attempts=2, retry_seconds=30.0, customer_first=True)


def line(agents: tuple[str, ...] = (ANNA,), **changes: Any) -> Line:
    sticky = m.StickyRule(call_back_retry_seconds=30.0, wait_at_most_seconds=900.0)
    changes = {"wrap_up_seconds": 0.0, "call_back": RULE, "sticky": sticky, **changes}
    return Line(agents, [queue(**changes)])


def promised(made: Line) -> m.RingAgent:
    """Anna has promised a call, and it is her turn to keep it."""
    talk = made.talk(ANNA)
    his = made.call(10.0, previous=ANNA)
    made.send(m.ChoiceMade(his, Choice.CALL_BACK))
    made.send(m.PromiseSaved(made.one(m.SavePromise).promise, True))
    made.hang_up(talk, 20.0)
    return made.one(m.RingAgent)


def test_she_is_kept_free_for_as_long_as_he_may_be_dialled_and_asked() -> None:
    made = line()
    ring = promised(made)
    assert (ring.customer_first, ring.call_back, ring.deadline) == (True, True, 20.0 + 45.0 + 15.0 + 20.0)
    made.send(m.CustomerAnswered(ring.attempt, asking=True), 30.0)
    made.send(m.CustomerAnswered(ring.attempt), 40.0)
    made.at(59.9)
    assert made.state(ANNA) is AgentState.RINGING
    made.at(60.0)  # her phone has rung for 20 s
    assert (made.state(ANNA), made.reason(ANNA)) == (AgentState.SUSPENDED, "no answer")


def test_the_call_room_says_nothing_more_and_she_is_free_without_blame() -> None:
    made = line()
    promised(made)
    made.at(120.0)
    assert made.state(ANNA) is AgentState.READY
    assert made.all(m.PromiseChanged)[-1].attempts == 1


def test_answered_and_reached_is_kept() -> None:
    made = line()
    ring = promised(made)
    made.send(m.CustomerAnswered(ring.attempt), 30.0)
    made.send(m.AgentAnswered(ring.attempt), 32.0)
    assert made.one(m.Connect).call_back
    made.send(m.CustomerReached(ring.attempt))
    assert made.one(m.PromiseChanged).state is PromiseState.KEPT


def test_on_the_line_he_is_the_next_of_everybody() -> None:
    made = line((ANNA, MART))
    made.send(m.AgentWentOnBreak(MART))
    ring = promised(made)
    older = made.call(21.0, waited_seconds=5000.0)
    made.send(m.CustomerAnswered(ring.attempt), 30.0)
    made.send(m.AgentRefused(ring.attempt), 31.0)
    assert made.one(m.RingAgent).interaction == older  # to Anna: she has just let him go by
    made.send(m.AgentWentReady(MART), 32.0)
    assert (made.one(m.RingAgent).interaction, made.rung()) == (ring.interaction, MART)


def test_stale_words_about_a_customer_are_counted() -> None:
    made = line()
    ring = promised(made)
    made.send(m.AgentFreed(ANNA, "kadri", "test"))
    before = sum(made.engine.rejected.values())
    made.send(m.CustomerAnswered(ring.attempt))
    made.send(m.CustomerNotReached(ring.attempt))
    assert sum(made.engine.rejected.values()) == before + 2


class Walk:
    """Anything that can be said to the engine, at any time."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        agents = (ANNA, MART, LI)[: 1 + seed % 3]
        self.line = line(
            agents,
            ring_at_once=self.chance.choice((1, 1, 2)),
            let_first=m.LetFirstRule(5.0, 40.0, 60.0),
            max_wait_seconds=self.chance.choice((60.0, 400.0)),
        )
        self.agents = [each.id for each in self.line.settings.agents]

    def step(self) -> None:
        made, chance = self.line, self.chance
        now = made.now + chance.choice((0.0, 0.5, 3.0, 20.0, 60.0))
        entries = list(made.engine.floor.entries)
        attempts = list(made.engine.floor.attempts)
        promises = list(made.engine.floor.promises)
        number = chance.choice(entries) if entries else InteractionId(99_999)
        drawn = chance.randrange(12)
        if drawn <= 2 or not entries:
            made.call(now, previous=chance.choice((None, *self.agents)))
        elif drawn <= 5 and attempts:
            self.attempt(chance.choice(attempts), now)
        elif drawn == 6:
            made.send(m.ChoiceMade(number, chance.choice((Choice.CALL_BACK, Choice.CALL_BACK, Choice.WAIT))), now)
        elif drawn == 7 and promises:
            made.send(m.PromiseSaved(chance.choice(promises), chance.random() < 0.9), now)
        elif drawn == 8:
            made.send(m.CallerLeft(number, chance.random() < 0.7), now)
        elif drawn == 9:
            made.send(m.CallerLetOthersFirst(number, chance.random() < 0.3), now)
        else:
            agent = chance.choice(self.agents)
            kind = chance.choice(
                (m.AgentWentReady, m.AgentWentReady, m.AgentWentOnBreak, m.PhoneRegistered, m.PhoneLost)
            )
            made.send(kind(agent) if chance.random() < 0.9 else m.AgentFreed(agent, "kadri", "x"), now)

    def attempt(self, attempt: Any, now: float) -> None:
        kinds = (
            *[m.CustomerAnswered, m.AgentAnswered] * 3,
            *(m.CustomerReached, m.CustomerReached, m.CustomerNotReached),
            *(m.AgentRefused, m.AgentUnreachable, m.ConversationEnded, m.ConversationEnded),
        )
        self.line.send(self.chance.choice(kinds)(attempt), now)


@pytest.mark.parametrize("seed", range(60))
def test_any_order_keeps_every_rule_and_replays_to_the_same_state(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(250):
        walk.step()
    made = walk.line
    assert replay(made.settings, IdSource(FIRST), made.driven.lines).digest() == made.engine.digest()
    for agent in walk.agents:
        made.send(m.AgentLoggedOut(agent))
    for attempt in list(made.engine.floor.attempts):
        made.send(m.ConversationEnded(attempt))
    for number in list(made.engine.floor.entries):
        made.send(m.CallerLeft(number))
    for promise in list(made.engine.floor.promises):
        made.send(m.PromiseSaved(promise, True))
    made.at(made.now + 50_000.0)
    assert made.engine.floor.entries == made.engine.floor.attempts == made.engine.floor.promises == {}
