"""Typed chats: who waits, who has room, and how much each agent has open.

    ChatEntered --> waiting --> offered --ChatAccepted--> open --> ChatEnded
                       ^           |                               (ChatClosed, or open for too long)
                       +-----------+ declined, no answer, she took a call or went away

An agent takes one call and, beside it, so many chats. She is offered chats while she is ready, and while she talks, is
rung or writes notes only where her settings say so; never on a break, outbound, suspended, logged out, nor when she
has asked for a break or to log out after the present call. What she has open stays with her whatever she does.

Chats that need the same skills and language stand in one line. The agent with the fewest open chats is offered the next
one, among equals the one who has waited longest for one. A line's heap of agents may hold items of an earlier state:
they carry another `stamp` than their agent and are passed over, so a change costs the logarithm for each of her lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from softswitch.acd.agents import BREAK, OFFLINE, OUTBOUND, READY, SUSPENDED, Agent
from softswitch.acd.eligibility import Queue, Skills, meets
from softswitch.acd.messages import ChatEntered
from softswitch.acd.waiting import Place
from softswitch.ids import AgentId, InteractionId, QueueId, RingAttemptId

_MOST_LINES = 4096
_NEVER_STATES = (OFFLINE, BREAK, OUTBOUND, SUSPENDED)

LineKey = tuple[QueueId, Skills, str]


class Chat:
    """One offer of one chat to one agent, from the offer to the end of the chat."""

    __slots__ = ("answered_at", "began_at", "entry", "id", "load", "over", "sticky")

    def __init__(self, number: RingAttemptId, entry: ChatEntry, load: Load, began_at: float, sticky: bool) -> None:
        self.id = number
        self.entry = entry
        self.load = load
        self.began_at = began_at
        self.answered_at: float | None = None  # None: offered
        self.over = False
        self.sticky = sticky


class ChatEntry:
    """One chat, from its coming to its end."""

    __slots__ = ("chat", "entered_at", "facts", "id", "line", "no_offer", "place", "sticky")

    def __init__(self, facts: ChatEntered, line: ChatLine, entered_at: float, age_key: float) -> None:
        self.id: InteractionId = facts.interaction
        self.facts = facts
        self.line = line
        self.entered_at = entered_at
        self.place: Place = (age_key, facts.interaction)
        self.chat: Chat | None = None  # offered or open
        self.no_offer: dict[AgentId, float] = {}
        self.sticky = ""

    @property
    def stage(self) -> str:
        if self.chat is None:
            return "waiting"
        return "offered" if self.chat.answered_at is None else "open"


class Load:
    """What an agent who takes chats has in hand: offers and open chats together."""

    __slots__ = ("agent", "busy_seconds", "busy_since", "chats", "last_at", "lines", "no_answers", "served", "stamp")

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.chats: dict[RingAttemptId, Chat] = {}
        self.stamp = 0
        self.last_at = 0.0  # when she was offered one
        self.no_answers = 0  # one after another
        self.served = 0
        self.busy_since: float | None = None  # since when at least one is open
        self.busy_seconds = 0.0
        self.lines: list[ChatLine] = []

    @property
    def may_chat(self) -> bool:
        """As far as her state goes."""
        agent = self.agent
        duty = agent.duty
        if agent.state in _NEVER_STATES or duty.logged_out or duty.break_wanted is not None:
            return False
        return agent.state is READY or agent.settings.chats_during_calls

    @property
    def has_room(self) -> bool:
        return len(self.chats) < self.agent.settings.chats and self.may_chat


IdleItem = tuple[int, float, int, int, Load]


class ChatLine:
    """Chats with one set of needs, and the agents who may take them."""

    __slots__ = ("idle", "members", "open", "queue", "waiting")

    def __init__(self, queue: Queue, members: tuple[Load, ...]) -> None:
        self.queue = queue
        self.members = members
        self.waiting: list[Place] = []
        self.open = 0  # chats that belong here, in any stage
        self.idle: list[IdleItem] = []

    @property
    def staffed(self) -> bool:
        return any(load.agent.state is not OFFLINE for load in self.members)

    def list_idle(self, load: Load) -> None:
        if len(self.idle) > 4 * len(self.members) + 16:
            self.idle = [item for item in self.idle if item[3] == item[4].stamp]
            heapify(self.idle)
        heappush(self.idle, (len(load.chats), load.last_at, load.agent.standing.number, load.stamp, load))

    def first(self, refused: dict[AgentId, float]) -> Load | None:
        """Who is offered the next chat."""
        aside: list[IdleItem] = []
        found: Load | None = None
        while self.idle and found is None:
            item = self.idle[0]
            load = item[4]
            if item[3] != load.stamp or not load.has_room:
                heappop(self.idle)
            elif load.agent.id in refused:
                aside.append(heappop(self.idle))
            else:
                found = load
        for item in aside:
            heappush(self.idle, item)
        return found


class ChatRoom:
    """All of it."""

    __slots__ = ("chats", "entries", "lines", "loads")

    def __init__(self, agents: Iterable[Agent]) -> None:
        self.loads: dict[AgentId, Load] = {agent.id: Load(agent) for agent in agents if agent.settings.chats > 0}
        self.entries: dict[InteractionId, ChatEntry] = {}
        self.chats: dict[RingAttemptId, Chat] = {}
        self.lines: dict[LineKey, ChatLine] = {}

    def line(self, queue: Queue, skills: Skills, language: str) -> ChatLine:
        key = (queue.settings.id, skills, language)
        line = self.lines.get(key)
        if line is None:
            if len(self.lines) >= _MOST_LINES:
                self._forget_empty()
            settings = queue.settings
            members = tuple(
                load for load in self.loads.values() if meets(load.agent.settings, settings, skills, language)
            )
            line = self.lines[key] = ChatLine(queue, members)
            for load in members:
                load.lines.append(line)
                if load.has_room:
                    line.list_idle(load)
        return line

    def _forget_empty(self) -> None:
        self.lines = {key: line for key, line in self.lines.items() if line.open}
        for load in self.loads.values():
            load.lines = [line for line in load.lines if line.open]

    def in_line(self, queue: QueueId) -> int:
        return sum(len(line.waiting) for line in self.lines.values() if line.queue.settings.id == queue)
