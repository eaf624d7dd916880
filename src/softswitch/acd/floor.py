"""The state of the whole ACD, and the few writes every module needs. One writer at a time: the engine."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from softswitch.acd import estimates
from softswitch.acd.agents import Agent, Attempt
from softswitch.acd.chat_room import ChatRoom
from softswitch.acd.deadlines import Deadlines
from softswitch.acd.eligibility import Eligibility, Queue, steps_of
from softswitch.acd.messages import AcdSettings, Command, InteractionEnded, Outcome
from softswitch.acd.quick import maker
from softswitch.acd.strategy import STRATEGIES, Chance, Lots, Strategy
from softswitch.acd.waiting import Entry, Promise, Stage
from softswitch.ids import AgentId, IdSource, InteractionId, PromiseId, QueueId, RingAttemptId

_ENDED = Stage.ENDED
_ANSWERED = Outcome.ANSWERED
_interaction_ended = maker(InteractionEnded)


class Rejection(Enum):
    """Why an event was not obeyed. None of these is a fault of the switch: late, doubled or misdirected input."""

    UNKNOWN_AGENT = "unknown agent"
    UNKNOWN_QUEUE = "unknown queue"
    UNKNOWN_INTERACTION = "unknown interaction"
    UNKNOWN_PROMISE = "unknown promise"
    STALE_ATTEMPT = "stale attempt"
    DUPLICATE = "duplicate"
    NOT_NOW = "not possible in this state"


class Floor:
    __slots__ = (
        "agents",
        "attempts",
        "deadlines",
        "eligibility",
        "entries",
        "ids",
        "no_way_out",
        "out",
        "promises",
        "queues",
        "rejected",
        "settings",
    )

    def __init__(
        self,
        settings: AcdSettings,
        ids: IdSource,
        chance: Chance | None = None,
        strategies: Mapping[str, Strategy] = STRATEGIES,
    ) -> None:
        self.settings = settings
        self.ids = ids
        chance = chance if chance is not None else Lots()
        by_id = {queue.id: queue for queue in settings.queues}
        self.queues: dict[QueueId, Queue] = {
            q.id: Queue(q, strategies, chance, steps_of(q, by_id, settings.agents)) for q in settings.queues
        }
        self.agents: dict[AgentId, Agent] = {a.id: Agent(a, number) for number, a in enumerate(settings.agents)}
        self.eligibility = Eligibility(self.agents.values(), queues=self.queues.values())
        for queue in self.queues.values():
            self.eligibility.pool(queue, (), "")
        self.entries: dict[InteractionId, Entry] = {}
        self.attempts: dict[RingAttemptId, Attempt] = {}
        self.promises: dict[PromiseId, Promise] = {}
        self.eligibility.chats = ChatRoom(self.agents.values())
        self.deadlines = Deadlines()
        self.out: list[Command] = []
        self.no_way_out = False  # customers cannot be called now
        self.rejected: dict[Rejection, int] = dict.fromkeys(Rejection, 0)

    @property
    def chats(self) -> ChatRoom:
        return self.eligibility.chats

    def reject(self, why: Rejection) -> None:
        self.rejected[why] += 1

    def finish(self, entry: Entry, outcome: Outcome, agent: AgentId | None, now: float) -> None:
        """The interaction leaves for good; it is in no line any more."""
        pool = entry.pool
        entry.stage = _ENDED
        pool.open -= 1
        del self.entries[entry.id]
        if entry.told is not None:
            estimates.wait_over(pool.queue, entry.id, outcome is _ANSWERED, now)
        self.out.append(
            _interaction_ended(
                entry.id,
                pool.queue.settings.id,
                outcome,
                agent,
                entry.entered_at,
                now,
                entry.sticky,
            )
        )
