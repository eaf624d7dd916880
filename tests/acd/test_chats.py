"""Typed chats: one call and so many chats for each agent, by the rules of the queues."""

from __future__ import annotations

from typing import Any

import pytest
from acd_line import ANNA, LI, MART, Q, agent, queue
from chat_rules import ChatRules

from softswitch.acd import messages as m
from softswitch.acd import snapshot
from softswitch.acd.chat_explain import explain_any
from softswitch.acd.engine import Engine
from softswitch.acd.floor import Rejection
from softswitch.acd.messages import Outcome, RingEnd
from softswitch.ids import AgentId, IdSource, InteractionId, QueueId, RingAttemptId


class Desk:
    """An engine with a clock set by hand, every step judged."""

    def __init__(self, *agents: m.AgentSettings, queues: Any = None, **changes: Any) -> None:
        self.settings = m.AcdSettings(tuple(queues or [queue(ring_seconds=20.0)]), agents, **changes)
        self.engine = Engine(self.settings, IdSource(1000))
        self.rules = ChatRules(self.settings)
        self.now = 0.0
        self.number = 0
        self.last: list[m.Command] = []
        for one in agents:
            self.send(m.PhoneRegistered(one.id))

    def send(self, event: m.Event, now: float | None = None) -> list[m.Command]:
        if now is not None:
            self.at(now)
        self.last = self.engine.handle(event, self.now)
        self.rules.seen(event, self.last, self.engine, self.now)
        self.rules.look_around(self.engine, self.now)
        return self.last

    def at(self, now: float) -> list[m.Command]:
        seen: list[m.Command] = []
        while (due := self.engine.next_deadline()) is not None and due <= now:
            self.now = max(due, self.now)
            commands = self.engine.tick(self.now)
            self.rules.seen(None, commands, self.engine, self.now)
            self.rules.look_around(self.engine, self.now)
            seen += commands
        self.now = max(now, self.now)
        self.last = seen
        return seen

    def chat(self, now: float | None = None, **facts: Any) -> InteractionId:
        self.number += 1
        self.send(m.ChatEntered(InteractionId(self.number), facts.pop("queue", Q), **facts), now)
        return InteractionId(self.number)

    def offered(self) -> list[AgentId]:
        return [command.agent for command in self.last if isinstance(command, m.OfferChat)]

    def all(self, kind: type) -> list[Any]:
        return [command for command in self.last if isinstance(command, kind)]

    def accept(self) -> list[m.Command]:
        newest = [chat.id for chat in self.engine.floor.chats.chats.values() if chat.answered_at is None][-1]
        return self.send(m.ChatAccepted(newest))

    def call(self) -> RingAttemptId:
        """A caller for whoever is ready, answered."""
        self.number += 1
        entered = m.CallerEntered(InteractionId(self.number), Q, "+372", None, "en", None)
        (ring,) = [each for each in self.send(entered) if isinstance(each, m.RingAgent)]
        self.send(m.AgentAnswered(ring.attempt))
        return ring.attempt


def test_as_many_chats_as_she_may_have_and_not_one_more() -> None:
    desk = Desk(agent(ANNA, chats=2))
    for _ in range(3):
        desk.chat()
        if desk.offered():
            desk.accept()
    assert [chat.stage for chat in snapshot.chats(desk.engine.floor)] == ["open", "open", "waiting"]
    desk.send(m.ChatClosed(InteractionId(1)), 60.0)
    assert desk.all(m.ChatEnded)[0].began_at == 0.0 and desk.offered() == [ANNA], "her place is taken at once"
    shot = desk.engine.agents()[0]
    assert (shot.chats, shot.chats_at_most, shot.chats_served) == (2, 2, 2)


def test_the_one_with_the_fewest_is_offered_the_next() -> None:
    desk = Desk(agent(ANNA, chats=3), agent(MART, chats=3))
    got = []
    for number in range(4):
        desk.chat(float(number))
        got += desk.offered()
        desk.accept()
    assert got == [ANNA, MART, ANNA, MART]


def test_in_a_conversation_she_is_offered_none_unless_she_may() -> None:
    desk = Desk(agent(ANNA, chats=2))
    talk = desk.call()
    desk.chat(1.0)
    assert desk.offered() == []
    desk.send(m.ConversationEnded(talk), 30.0)
    assert desk.offered() == [], "nor while she writes notes"
    desk.at(60.0)
    assert desk.offered() == [ANNA]
    both = Desk(agent(ANNA, chats=2, chats_during_calls=True))
    both.call()
    both.chat(1.0)
    assert both.offered() == [ANNA]


def test_a_call_takes_away_what_was_offered_and_leaves_what_is_open() -> None:
    desk = Desk(agent(ANNA, chats=2))
    desk.chat()
    desk.accept()
    desk.chat(1.0)
    desk.call()
    assert [end.end for end in desk.all(m.ChatOfferEnded)] == [RingEnd.CANCELLED]
    assert [chat.stage for chat in snapshot.chats(desk.engine.floor)] == ["open", "waiting"]


def test_an_offer_has_a_deadline_and_the_next_agent_follows() -> None:
    desk = Desk(agent(ANNA, chats=1), agent(MART, chats=1), suspend_after_no_answers=1)
    desk.chat()
    assert desk.offered() == [ANNA]
    desk.at(20.0)
    assert desk.offered() == [MART]
    assert desk.engine.floor.agents[ANNA].state is m.AgentState.SUSPENDED
    desk.send(m.ChatDeclined(desk.all(m.OfferChat)[0].attempt))
    assert desk.offered() == [] and snapshot.chats(desk.engine.floor)[0].position == 1
    desk.at(81.0)
    assert desk.offered() == [MART], "after a while he may be offered it again"


def test_the_first_to_accept_has_it() -> None:
    desk = Desk(agent(ANNA, chats=1))
    desk.chat()
    (offer,) = desk.all(m.OfferChat)
    desk.send(m.ChatAccepted(offer.attempt))
    assert desk.send(m.ChatAccepted(offer.attempt)) == []
    assert desk.send(m.ChatDeclined(offer.attempt)) == []
    assert desk.engine.rejected[Rejection.STALE_ATTEMPT] == 2


def test_the_oldest_first_and_nobody_is_overtaken() -> None:
    desk = Desk(agent(ANNA, chats=1))
    desk.chat()
    desk.accept()
    late = desk.chat(10.0)
    early = desk.chat(20.0, waited_seconds=100.0)
    desk.send(m.ChatClosed(InteractionId(1)), 30.0)
    assert desk.all(m.OfferChat)[0].interaction == early
    desk.accept()
    desk.send(m.ChatClosed(early), 40.0)
    assert desk.all(m.OfferChat)[0].interaction == late


def test_the_same_person_as_last_time() -> None:
    desk = Desk(agent(ANNA, chats=1), agent(MART, chats=1))
    desk.chat(previous_agent=MART)
    assert desk.offered() == [MART] and desk.all(m.OfferChat)[0].sticky
    desk.accept()
    desk.chat(previous_agent=MART)
    assert desk.offered() == [ANNA]
    desk.accept()
    assert desk.all(m.ChatLeftQueue)[0].sticky == "gave_up: busy"


@pytest.mark.parametrize(
    ("changes", "because"),
    [({"overflow_when_nobody": True}, "nobody logged in"), ({"most_waiting": 0}, "queue full"), ({}, "unknown queue")],
)
def test_ways_not_to_get_in(changes: dict[str, Any], because: str) -> None:
    people = [] if because == "nobody logged in" else [agent(ANNA, chats=1)]
    desk = Desk(*people, queues=[queue(**changes)])
    if people:
        desk.chat()
    desk.chat(queue=QueueId("nowhere") if because == "unknown queue" else Q)
    assert [(left.outcome, left.because) for left in desk.all(m.ChatLeftQueue)] == [(Outcome.OVERFLOWED, because)]


def test_who_waits_too_long_is_told_and_who_gives_up_is_an_abandoned_one() -> None:
    desk = Desk(agent(ANNA, chats=1), queues=[queue(max_wait_seconds=30.0)])
    desk.chat()
    desk.accept()
    desk.chat(1.0)
    gone = desk.chat(2.0)
    desk.send(m.ChatClosed(gone), 3.0)
    assert desk.all(m.ChatLeftQueue)[0].outcome is Outcome.ABANDONED
    desk.at(31.0)
    assert [(one.interaction, one.because) for one in desk.all(m.ChatLeftQueue)] == [(2, "waited too long")]


def test_the_last_one_logs_out() -> None:
    desk = Desk(agent(ANNA, chats=1))
    desk.chat()
    desk.accept()
    desk.chat(1.0)
    desk.send(m.AgentLoggedOut(ANNA))
    assert [one.because for one in desk.all(m.ChatLeftQueue)] == ["nobody logged in"]
    assert [chat.stage for chat in snapshot.chats(desk.engine.floor)] == ["open"], "what she has open stays hers"


def test_a_chat_that_nobody_closes_ends() -> None:
    desk = Desk(agent(ANNA, chats=1), longest_chat_seconds=100.0)
    desk.chat()
    desk.accept()
    desk.at(100.0)
    assert [(one.because, one.ended_at) for one in desk.all(m.ChatEnded)] == [("open for too long", 100.0)]


def test_a_break_that_was_asked_for_and_taken_back() -> None:
    desk = Desk(agent(ANNA, chats=1, chats_during_calls=True))
    desk.call()
    desk.send(m.AgentWentOnBreak(ANNA, "lunch"))
    desk.chat(1.0)
    assert desk.offered() == []
    desk.send(m.AgentWentReady(ANNA))
    assert desk.offered() == [ANNA]


def test_why_it_waits() -> None:
    desk = Desk(
        agent(ANNA, chats=1), agent(MART), agent(LI, queues=["fraud"], chats=1), queues=[queue(), queue("fraud")]
    )
    desk.chat()
    desk.accept()
    number = desk.chat(1.0)
    seen = explain_any(desk.engine.floor, number)
    assert seen is not None and seen.position == 1
    reasons = {pair.agent: [(one.reason.value, one.detail) for one in pair.reasons] for pair in seen.pairs}
    assert reasons == {
        ANNA: [("chats full", "1 of 1")],
        MART: [("takes no chats", "")],
        LI: [("other queue", "")],
    }
    desk.send(m.AgentWentOnBreak(ANNA, "lunch"))
    seen = explain_any(desk.engine.floor, number, ANNA)
    assert seen is not None and seen.pairs[0].reasons[0].reason.value == "break"
    assert explain_any(desk.engine.floor, InteractionId(99)) is None


def test_her_time_with_chats_is_counted_once() -> None:
    desk = Desk(agent(ANNA, chats=2))
    for now in (0.0, 10.0):
        desk.chat(now)
        desk.accept()
    desk.send(m.ChatClosed(InteractionId(1)), 30.0)
    desk.send(m.ChatClosed(InteractionId(2)), 50.0)
    assert desk.engine.agents()[0].chat_seconds == 50.0
