"""Who may take whom: pools of eligible agents.

Callers of one queue who need the same skills and language form one pool; its eligible agents are found once, from
the configuration. Matching looks only at pools, so a heavy queue never stands in the way of agents it cannot use,
and a decision costs the logarithm of the pool, not its size.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappush

from softswitch.acd.agents import BREAK, OFFLINE, READY, SUSPENDED, Agent
from softswitch.acd.messages import AgentSettings, AgentState, QueueSettings
from softswitch.acd.strategy import ORDERS, Key, Order
from softswitch.acd.waiting import Place
from softswitch.ids import InteractionId, SkillId

Skills = tuple[tuple[SkillId, int], ...]
IdleItem = tuple[Key, int, int, Agent]


class Accuracy:
    """What was told to waiting callers, and how it came out; see `estimates`."""

    __slots__ = ("absolute", "measured", "open", "signed", "within")

    def __init__(self) -> None:
        self.open: dict[InteractionId, tuple[float, float, tuple[float, float]]] = {}  # told at, estimate, range
        self.measured = 0
        self.absolute = 0.0  # sum of |error|
        self.signed = 0.0  # sum of errors
        self.within = 0  # inside the range


class Queue:
    """One queue: its settings, everybody who waits in its general pools, and what its conversations take."""

    __slots__ = ("accuracy", "line", "order", "settings", "talk_seconds", "wrap_up_seconds")

    def __init__(self, settings: QueueSettings) -> None:
        order = ORDERS.get(settings.order)
        if order is None:
            raise ValueError(f"queue {settings.id}: unknown order {settings.order!r}; there are {', '.join(ORDERS)}")
        if settings.ring_seconds <= 0:
            raise ValueError(f"queue {settings.id}: ring_seconds must be more than 0, not {settings.ring_seconds}")
        self.settings = settings
        self.order: Order = order
        self.line: list[Place] = []
        self.talk_seconds = settings.usual_talk_seconds  # moving averages, see `estimates`
        self.wrap_up_seconds = settings.wrap_up_seconds
        self.accuracy = Accuracy()


class Pool:
    """Callers with one set of needs and the agents who meet it."""

    __slots__ = ("idle", "language", "logged_in", "members", "open", "queue", "serving", "skills", "waiting")

    def __init__(self, queue: Queue, skills: Skills, language: str, members: tuple[Agent, ...]) -> None:
        self.queue = queue
        self.skills = skills
        self.language = language
        self.members = members
        self.idle: list[IdleItem] = []  # heap, one item per member at most; see `matching.find`
        self.waiting: list[Place] = []  # sorted
        self.open = 0  # interactions that belong here, in any stage
        self.logged_in = 0
        self.serving = 0  # logged in, and neither on break nor suspended
        for agent in members:
            self.count(agent.state, 1)
            if agent.state is READY:
                self.list_idle(agent)
            else:
                agent.unlisted.append(self)

    def count(self, state: AgentState, by: int) -> None:
        if state is not OFFLINE:
            self.logged_in += by
            if state is not BREAK and state is not SUSPENDED:
                self.serving += by

    def list_idle(self, agent: Agent) -> None:
        standing = agent.standing
        heappush(self.idle, (self.queue.order(standing), standing.number, standing.turn, agent))


def meets(agent: AgentSettings, queue: QueueSettings, skills: Skills, language: str) -> bool:
    """May this agent take a caller of the queue with these needs? An agent without languages speaks all of them, a
    caller without a language can be served in any."""
    if queue.id not in agent.queues:
        return False
    if language and agent.languages and not any(name == language and level >= 1 for name, level in agent.languages):
        return False
    levels = dict(agent.skills)
    return all(levels.get(skill, 0) >= level for skill, level in (*queue.skills, *skills))


class Eligibility:
    """The pools there are, made when first needed and bounded."""

    __slots__ = ("_agents", "_limit", "pools")

    def __init__(self, agents: Iterable[Agent], limit: int = 4096) -> None:
        self._agents = tuple(agents)
        self._limit = limit
        self.pools: dict[tuple[str, Skills, str], Pool] = {}

    def pool(self, queue: Queue, skills: Skills, language: str) -> Pool:
        key = (queue.settings.id, skills, language)
        pool = self.pools.get(key)
        if pool is None:
            if len(self.pools) >= self._limit:
                self._forget_empty()
            members = tuple(a for a in self._agents if meets(a.settings, queue.settings, skills, language))
            pool = self.pools[key] = Pool(queue, skills, language, members)
            for agent in members:
                agent.pools.append(pool)
        return pool

    def _forget_empty(self) -> None:
        """Flows that compute skills from what callers enter must not fill the memory."""
        self.pools = {key: pool for key, pool in self.pools.items() if pool.open}
        for agent in self._agents:
            agent.pools = [pool for pool in agent.pools if pool.open]
            agent.unlisted = [pool for pool in agent.unlisted if pool.open]
