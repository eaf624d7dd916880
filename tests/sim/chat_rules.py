"""What must hold for typed chats after every event: nobody has more than her settings say, nobody with room is beside
a chat she may take, offers end by themselves, and every chat ends once."""

from __future__ import annotations

from picture import SLACK, may_take

from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.ids import AgentId, InteractionId, RingAttemptId

OF_CHATS = (m.OfferChat, m.ChatOfferEnded, m.ChatLeftQueue, m.ChatEnded)
_AT_CALLS = (m.AgentState.RINGING, m.AgentState.TALKING, m.AgentState.WRAP_UP)


class ChatRules:
    """Its own picture of chats, from events and commands alone."""

    def __init__(self, settings: m.AcdSettings) -> None:
        self.settings = settings
        self.agents = {agent.id: agent for agent in settings.agents}
        self.states = dict.fromkeys(self.agents, m.AgentState.OFFLINE)
        self.offers: dict[RingAttemptId, m.OfferChat] = {}
        self.open: dict[InteractionId, AgentId] = {}
        self.facts: dict[InteractionId, m.ChatEntered] = {}  # those in the line
        self.refused: dict[tuple[InteractionId, AgentId], float] = {}
        self.entered = self.left = 0

    def seen(self, event: m.Event | None, commands: list[m.Command], engine: Engine, now: float) -> None:
        if isinstance(event, m.ChatEntered) and event.interaction not in self.facts:
            self.facts[event.interaction] = event
            self.entered += 1
        for command in commands:
            if isinstance(command, m.AgentStateChanged):
                self.states[command.agent] = command.state
            else:
                self._command(event, command, now)
        for offer in self.offers.values():
            assert now <= offer.deadline + SLACK or event is not None, "an offer without an end"
        assert self.entered == self.left + len(self.facts), "a chat was lost or counted twice"

    def _command(self, event: m.Event | None, command: m.Command, now: float) -> None:
        if isinstance(command, m.OfferChat):
            agent, facts = self.agents[command.agent], self.facts[command.interaction]
            queue = next(queue for queue in self.settings.queues if queue.id == facts.queue)
            assert may_take(self.settings, agent, queue, facts.skills, facts.language, tiers=False), "lacks a skill"
            assert self.refused.get((command.interaction, command.agent), -1.0) <= now, "offered again too early"
            assert all(one.interaction != command.interaction for one in self.offers.values()), "offered to two"
            self.offers[command.attempt] = command
            state = self.states[command.agent]
            assert state is m.AgentState.READY or (state in _AT_CALLS and agent.chats_during_calls), state
            assert self.in_hand(command.agent) <= agent.chats, f"{command.agent} has more chats than she may"
        elif isinstance(command, m.ChatOfferEnded):
            offer = self.offers.pop(command.attempt)
            assert offer.agent == command.agent and offer.interaction == command.interaction
            if command.end is m.RingEnd.ANSWERED:
                assert isinstance(event, m.ChatAccepted) and event.attempt == command.attempt
                self.open[command.interaction] = command.agent
            elif command.end is not m.RingEnd.CANCELLED:
                self.refused[(command.interaction, command.agent)] = now + self.settings.no_offer_seconds
        elif isinstance(command, m.ChatLeftQueue):
            del self.facts[command.interaction]  # exactly once
            self.left += 1
            assert (command.outcome is m.Outcome.ANSWERED) == (command.agent is not None)
            if command.outcome is m.Outcome.ABANDONED:
                assert event == m.ChatClosed(command.interaction)
        elif isinstance(command, m.ChatEnded):
            assert self.open.pop(command.interaction) == command.agent

    def in_hand(self, agent: AgentId) -> int:
        offered = sum(offer.agent == agent for offer in self.offers.values())
        return offered + sum(one == agent for one in self.open.values())

    def look_around(self, engine: Engine, now: float) -> None:
        room = engine.floor.chats
        assert room.entries.keys() == self.facts.keys() | self.open.keys()
        assert sum(line.open for line in room.lines.values()) == len(room.entries)
        offered = {offer.interaction for offer in self.offers.values()}
        for number, facts in self.facts.items():
            if number in offered:
                continue
            queue = next(queue for queue in self.settings.queues if queue.id == facts.queue)
            for agent in self.settings.agents:
                if not self._has_room(engine, agent) or self.refused.get((number, agent.id), -1.0) > now - SLACK:
                    continue
                able = may_take(self.settings, agent, queue, facts.skills, facts.language, tiers=False)
                lowered = bool(queue.relax) and not _plainly(agent, queue, facts)
                assert not able or lowered, f"{agent.id} has room beside chat {number}"
        for agent in self.settings.agents:
            assert self.in_hand(agent.id) <= agent.chats

    def _has_room(self, engine: Engine, agent: m.AgentSettings) -> bool:
        live = engine.floor.agents[agent.id]
        if self.in_hand(agent.id) >= agent.chats or live.duty.logged_out or live.duty.break_wanted is not None:
            return False
        state = self.states[agent.id]
        return state is m.AgentState.READY or (state in _AT_CALLS and agent.chats_during_calls)


def _plainly(agent: m.AgentSettings, queue: m.QueueSettings, facts: m.ChatEntered) -> bool:
    """Chats ask for the skills of the queue as they are: no relaxation."""
    has = dict(agent.skills)
    return queue.id in agent.queues and all(has.get(skill, 0) >= n for skill, n in (*queue.skills, *facts.skills))
