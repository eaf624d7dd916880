"""Typed chats between the HTTP API, the engine and the store.

The engine decides who is offered a chat; here its commands become records (interaction, queue entry, ring attempt,
talk: as for calls, so a chat makes its agent the previous one) and a bounded list of events for the integrator.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from softswitch.acd import messages as acd
from softswitch.acd import snapshot
from softswitch.call import records
from softswitch.ids import AgentId, CustomerId, InteractionId, QueueId
from softswitch.web.chats import ChatError, ChatView, NewChat

if TYPE_CHECKING:
    from softswitch.app.switch import Switch

MOST_EVENTS = 10_000
MOST_CHATS = 10_000
MOST_LISTENERS = 200
_ASK_SECONDS = 1.0

COMMANDS = (acd.OfferChat, acd.ChatOfferEnded, acd.ChatLeftQueue, acd.ChatEnded)


class ChatDesk:
    """What the HTTP API may do with chats."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._events: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)
        self._number = 0
        self._customers: dict[InteractionId, CustomerId | None] = {}
        self._news = asyncio.Event()
        self._listeners = 0

    # -------------------------------------------------------------- orders

    async def enter(self, chat: NewChat) -> InteractionId:
        switch = self._switch
        settings = next((queue for queue in switch.settings.acd.queues if queue.id == chat.queue), None)
        if settings is None:
            known = ", ".join(queue.id for queue in switch.settings.acd.queues)
            raise ChatError(404, f"There is no queue {chat.queue!r}; known are {known}.")
        known_agents = {agent.id for agent in switch.settings.acd.agents}
        if chat.previous_agent is not None and chat.previous_agent not in known_agents:
            raise ChatError(404, f"There is no agent {chat.previous_agent!r}.")
        if switch.live.is_stopping:
            raise ChatError(503, "The switch is stopping.")
        if len(switch.cores.engine.floor.chats.entries) >= MOST_CHATS:
            raise ChatError(503, "There are too many chats.")
        number = InteractionId(switch.cores.ids.number())
        customer = CustomerId(chat.customer) if chat.customer else None
        previous = chat.previous_agent
        if previous is None and customer is not None and settings.sticky is not None:
            previous = await self._previous(number, customer, settings.sticky)
        now = switch.clock.wall(switch.clock.now())
        opened = records.InteractionOpened(number, _party(number), records.CHAT, None, chat.language, now)
        queued = records.InteractionQueued(number, chat.queue, customer, now, "chat", {}, (), previous)
        for record in (opened, queued):
            switch.edges.memory.append(record)
        self._customers[number] = customer
        self._told("entered", number, queue=chat.queue)
        switch.post(acd.ChatEntered(number, chat.queue, customer, chat.language, previous))
        return number

    async def _previous(self, number: InteractionId, customer: CustomerId, rule: acd.StickyRule) -> AgentId | None:
        """Who spoke or wrote with this customer last; nobody, when the store is late."""
        now = self._switch.clock.wall(self._switch.clock.now())
        question = records.FindPreviousAgent(
            number, _party(number), customer, now - rule.look_back_seconds, rule.talked_at_least_seconds
        )
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                return (await self._switch.edges.store.find_previous_agent(question)).agent
        except TimeoutError:
            return None

    def answer(self, interaction: InteractionId, agent: AgentId, accept: bool) -> None:
        entry = self._switch.cores.engine.floor.chats.entries.get(interaction)
        chat = entry.chat if entry is not None else None
        if chat is None or chat.load.agent.id != agent:
            raise ChatError(409, f"Chat {interaction} is not offered to {agent or 'nobody'!r} now.")
        if chat.answered_at is not None:
            raise ChatError(409, f"Chat {interaction} is open already.")
        self._switch.post(acd.ChatAccepted(chat.id) if accept else acd.ChatDeclined(chat.id))

    def close(self, interaction: InteractionId) -> None:
        self._switch.post(acd.ChatClosed(interaction))

    # -------------------------------------------------------------- views

    def chats(self, after: int, most: int) -> Sequence[ChatView]:
        now = self._switch.clock.now()
        return [_view(shot, now) for shot in snapshot.chats(self._switch.cores.engine.floor, after, most)]

    def chat(self, interaction: InteractionId) -> ChatView | None:
        shot = snapshot.chat(self._switch.cores.engine.floor, interaction)
        return None if shot is None else _view(shot, self._switch.clock.now())

    def counted(self) -> Mapping[tuple[QueueId, str], int]:
        return snapshot.chats_counted(self._switch.cores.engine.floor)

    async def events(self, after: int, wait_seconds: float) -> tuple[Sequence[Mapping[str, Any]], int]:
        if wait_seconds > 0 and after >= self._number and self._listeners < MOST_LISTENERS:
            self._listeners += 1
            try:
                async with asyncio.timeout(wait_seconds):
                    await self._news.wait()
            except TimeoutError:
                pass
            finally:
                self._listeners -= 1
        found = []
        for event in reversed(self._events):  # who listens has read all but the newest
            if event["number"] <= after:
                break
            found.append(event)
        return found[::-1], self._number

    # -------------------------------------------------------------- what the engine says

    def told(self, command: Any) -> None:
        number, wall = command.interaction, self._switch.clock.wall
        append = self._switch.edges.memory.append
        if isinstance(command, acd.OfferChat):
            left = command.deadline - self._switch.clock.now()
            self._told("offered", number, agent=command.agent, sticky=command.sticky, left_seconds=round(left, 3))
        elif isinstance(command, acd.ChatOfferEnded):
            began, ended, end = wall(command.began_at), wall(command.ended_at), command.end.value
            append(
                records.RingRecord(
                    command.attempt,
                    number,
                    command.queue,
                    command.agent,
                    began,
                    ended,
                    end,
                    command.sticky,
                )
            )
            self._told("offer ended", number, agent=command.agent, end=command.end.value)
        elif isinstance(command, acd.ChatLeftQueue):
            waited = command.left_at - command.entered_at
            outcome, at = command.outcome.value, wall(command.left_at)
            append(records.InteractionClosed(number, outcome, command.agent, at, waited, command.sticky))
            self._told("left the queue", number, outcome=outcome, agent=command.agent, because=command.because)
            if command.agent is None:
                self._customers.pop(number, None)
        elif isinstance(command, acd.ChatEnded):
            seconds, customer = command.ended_at - command.began_at, self._customers.pop(number, None)
            append(
                records.TalkRecord(
                    attempt=command.attempt, interaction=number, queue=command.queue, agent=command.agent,
                    caller=_party(number), customer=customer, began_at=wall(command.began_at), seconds=seconds,
                )
            )  # fmt: skip
            self._told("closed", number, agent=command.agent, seconds=round(seconds, 3), because=command.because)

    def _told(self, what: str, interaction: InteractionId, **facts: Any) -> None:
        self._number += 1
        now = self._switch.clock.wall(self._switch.clock.now())
        at = self._switch.clock.local(now).isoformat(timespec="milliseconds")
        said = {name: value for name, value in facts.items() if value not in (None, "")}
        self._events.append({"number": self._number, "at": at, "what": what, "interaction": str(interaction), **said})
        news, self._news = self._news, asyncio.Event()
        news.set()


def _view(shot: snapshot.ChatSnapshot, now: float) -> ChatView:
    return ChatView(
        str(shot.interaction),
        records.CHAT,
        shot.queue,
        shot.stage,
        shot.agent,
        shot.position,
        shot.customer,
        shot.language,
        now - shot.since,
        (shot.since if shot.stage == "open" else now) - shot.entered_at,
        shot.sticky,
    )


def _party(interaction: InteractionId) -> str:
    """In place of a number: no two chats are alike by it."""
    return f"chat:{interaction}"
