"""A small line for tests: the real engine with a clock set by hand, every step checked by the invariants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from invariants import Invariants

from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.journal import RecordedEngine
from softswitch.acd.messages import AcdSettings, AgentSettings, AgentState, Command, Event, QueueSettings, StickyRule
from softswitch.ids import AgentId, IdSource, InteractionId, QueueId

ANNA, MART, LI = AgentId("anna"), AgentId("mart"), AgentId("li")
Q = QueueId("everyday")
FIRST = 1000

C = TypeVar("C")


def queue(name: str = Q, **changes: Any) -> QueueSettings:
    changes.setdefault("sticky", StickyRule())
    return QueueSettings(QueueId(name), name.title(), **changes)


def agent(name: str, queues: Sequence[str] = (Q,), **changes: Any) -> AgentSettings:
    return AgentSettings(AgentId(name), name.title(), tuple(QueueId(q) for q in queues), **changes)


class Line:
    def __init__(
        self,
        agents: Sequence[str | AgentSettings] = (ANNA, MART, LI),
        queues: Sequence[QueueSettings] | None = None,
        ready: bool = True,
        **changes: Any,
    ) -> None:
        self.settings = AcdSettings(
            tuple(queues) if queues is not None else (queue(),),
            tuple(agent(a) if isinstance(a, str) else a for a in agents),
            **changes,
        )
        self.now = 0.0
        self.engine = Engine(self.settings, IdSource(FIRST))
        self.driven = RecordedEngine(self.engine)
        self.invariants = Invariants(self.settings, self.engine)
        self.calls = 0
        self.last: list[Command] = []
        if ready:
            for number, one in enumerate(self.settings.agents):
                self.send(m.PhoneRegistered(one.id), float(number))

    # ------------------------------------------------------------------ events in

    def at(self, now: float) -> list[Command]:
        """Let the clock run to `now`, deadline by deadline."""
        seen: list[Command] = []
        while (due := self.engine.next_deadline()) is not None and due <= now:
            self.now = max(self.now, due)
            commands = self.driven.tick(self.now)
            self.invariants.seen(None, commands, self.now)
            seen += commands
        self.now = max(now, self.now)
        self.last = seen
        return seen

    def send(self, event: Event, now: float | None = None) -> list[Command]:
        if now is not None:
            self.at(now)
        self.last = self.driven.handle(event, self.now)
        self.invariants.seen(event, self.last, self.now)
        return self.last

    def call(
        self, now: float | None = None, previous: str | None = None, queue: str = Q, **facts: Any
    ) -> InteractionId:
        self.calls += 1
        number = InteractionId(self.calls)
        facts.setdefault("caller", f"+3725000{number}")
        facts.setdefault("customer", None)
        facts.setdefault("language", "en")
        entered = m.CallerEntered(
            number, QueueId(queue), previous_agent=AgentId(previous) if previous else None, **facts
        )
        self.send(entered, now)
        return number

    def answer(self, now: float | None = None) -> m.Connect:
        """The newest ring is answered."""
        ring = self.ring()
        self.send(m.AgentAnswered(ring), now)
        return self.one(m.Connect)

    def talk(self, name: str, now: float | None = None) -> m.Connect:
        """A caller who is brought to this agent and answered."""
        if now is not None:
            self.at(now)
        number = self.call(previous=name)
        assert self.one(m.RingAgent).agent == name
        connected = self.answer()
        assert connected.interaction == number
        return connected

    def talk_in(self, queue: str, name: str) -> m.Connect:
        self.call(previous=name, queue=queue)
        assert self.one(m.RingAgent).agent == name
        return self.answer()

    def hang_up(self, connected: m.Connect, now: float | None = None) -> list[Command]:
        return self.send(m.ConversationEnded(connected.attempt), now)

    # ------------------------------------------------------------------ what came out

    def one(self, kind: type[C]) -> C:
        found = self.all(kind)
        assert len(found) == 1, self.last
        return found[0]

    def all(self, kind: type[C]) -> list[C]:
        return [command for command in self.last if isinstance(command, kind)]

    def ring(self, agent: str | None = None) -> Any:
        """The attempt that rings now: the newest, or that of one agent."""
        ringing = [
            a.id
            for a in self.engine.floor.attempts.values()
            if a.answered_at is None and (agent is None or a.agent.id == agent)
        ]
        assert ringing, "nobody is rung"
        return ringing[-1]

    def rung(self) -> str:
        return str(self.one(m.RingAgent).agent)

    def state(self, name: str) -> AgentState:
        return self.engine.floor.agents[AgentId(name)].state

    def reason(self, name: str) -> str:
        return self.engine.floor.agents[AgentId(name)].reason

    def ended(self) -> m.InteractionEnded:
        return self.one(m.InteractionEnded)
