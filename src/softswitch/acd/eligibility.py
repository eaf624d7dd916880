"""Who may take whom: pools of eligible agents.

Callers of one queue who need the same skills and language, and have come to the same step of its relaxation, form one
pool; its eligible agents are found once, from the configuration. Matching looks only at pools, so a heavy queue never
stands in the way of agents it cannot use, and a decision costs the logarithm of the pool, not its size.

A queue has one step, or several when it relaxes: levels are lowered, other queues' agents are added, further tiers are
opened, each so many seconds after the caller came. Each step takes whom the one before it takes, and some more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heappush
from typing import TYPE_CHECKING, Final

from softswitch.acd.agents import BREAK, OFFLINE, OUTBOUND, READY, SUSPENDED, Agent
from softswitch.acd.messages import AgentSettings, AgentState, QueueHoursChanged, QueueSettings
from softswitch.acd.strategy import NO_FIT, STRATEGIES, Chance, Fit, Key, Lots, Order, Search, Strategy
from softswitch.acd.waiting import Place
from softswitch.ids import InteractionId, QueueId, SkillId

if TYPE_CHECKING:
    from softswitch.acd.chat_room import ChatRoom

Skills = tuple[tuple[SkillId, int], ...]
Weights = tuple[tuple[SkillId, float], ...]
IdleItem = tuple[Key, int, int, Agent]

_ADDED_TIER: Final = 1_000  # agents of an added queue come after all tiers of the queue itself


@dataclass(frozen=True, slots=True)
class Needs:
    """What the callers of a pool bring along, beside what their queue asks."""

    skills: Skills = ()
    language: str = ""
    prefers: Weights = ()


@dataclass(frozen=True, slots=True)
class Step:
    """How far a queue has relaxed."""

    after: float = 0.0  # seconds after the caller came
    lower_by: int = 0  # levels that agents may lack; at least level 1 is needed all the same
    any_skill: bool = False  # not even that
    added: tuple[QueueSettings, ...] = ()  # whose agents help out
    tier: int | None = None  # tiers up to this one are open; None: all


NOTHING_RELAXED: Final = Step()


def tier_of(agent: AgentSettings, queue: QueueId) -> int:
    return next((tier for name, tier in agent.tiers if name == queue), 1)


def steps_of(
    queue: QueueSettings, queues: Mapping[QueueId, QueueSettings], agents: Iterable[AgentSettings]
) -> tuple[Step, ...]:
    """The steps of a queue in the order of time; the first one is where every caller begins."""
    tiers = sorted({tier_of(agent, queue.id) for agent in agents if queue.id in agent.queues}) or [1]
    pause = queue.tier_after_seconds
    opens = {number * pause: tier for number, tier in enumerate(tiers)} if pause is not None else {}
    for step in queue.relax:
        if step.add_queue is not None and step.add_queue not in queues:
            raise ValueError(f"queue {queue.id}: relax adds the unknown queue {step.add_queue}")
        if step.add_queue == queue.id:
            raise ValueError(f"queue {queue.id}: relax adds the queue itself")
    found = []
    for after in sorted({0.0, *opens, *(step.after_seconds for step in queue.relax)}):
        taken = [step for step in queue.relax if step.after_seconds <= after]
        found.append(
            Step(
                after,
                sum(step.lower_by for step in taken),
                any(step.any_skill for step in taken),
                tuple(queues[step.add_queue] for step in taken if step.add_queue is not None),
                max((tier for at, tier in opens.items() if at <= after), default=None),
            )
        )
    return tuple(found)


class Accuracy:
    """What was told to waiting callers, and how it came out; see `estimates`."""

    __slots__ = ("absolute", "left", "left_late", "measured", "open", "signed", "within")

    def __init__(self) -> None:
        self.open: dict[InteractionId, tuple[float, float, tuple[float, float]]] = {}  # told at, estimate, range
        self.measured = 0
        self.absolute = 0.0  # sum of |error|
        self.signed = 0.0  # sum of errors
        self.within = 0  # inside the range
        self.left = 0  # left before an answer: their wait is known only so far
        self.left_late = 0  # of these, had waited beyond the range already


class Queue:
    """One queue: its settings, everybody who waits in its general pools, and what its conversations take."""

    __slots__ = (
        "accuracy",
        "at_once",
        "chance",
        "hours",
        "let_first",
        "line",
        "settings",
        "steps",
        "strategy",
        "talk_seconds",
        "wrap_up_seconds",
    )

    def __init__(
        self,
        settings: QueueSettings,
        strategies: Mapping[str, Strategy] = STRATEGIES,
        chance: Chance | None = None,
        steps: tuple[Step, ...] = (NOTHING_RELAXED,),
    ) -> None:
        strategy = strategies.get(settings.order)
        if strategy is None:
            known = ", ".join(strategies)
            raise ValueError(f"queue {settings.id}: unknown order {settings.order!r}; there are {known}")
        if settings.ring_seconds <= 0:
            raise ValueError(f"queue {settings.id}: ring_seconds must be more than 0, not {settings.ring_seconds}")
        if settings.weight <= 0:
            raise ValueError(f"queue {settings.id}: weight must be more than 0, not {settings.weight}")
        self.settings = settings
        self.hours: QueueHoursChanged | None = None  # how it stands; None: no hours
        self.strategy = strategy
        self.chance: Chance = chance if chance is not None else Lots()
        self.steps = steps
        self.at_once = settings.ring_at_once or 1_000_000  # agents rung for one caller; 0 in the settings: all
        self.line: list[Place] = []
        self.talk_seconds = settings.usual_talk_seconds  # moving averages, see `estimates`
        self.wrap_up_seconds = settings.wrap_up_seconds
        self.accuracy = Accuracy()
        self.let_first = 0  # so often callers have let others go first

    @property
    def is_open(self) -> bool:
        return self.hours is None or self.hours.open


class Pool:
    """Callers with one set of needs and the agents who meet it."""

    __slots__ = (
        "fits",
        "idle",
        "logged_in",
        "members",
        "needs",
        "open",
        "order",
        "queue",
        "serving",
        "short",
        "step",
        "waiting",
    )

    def __init__(self, queue: Queue, needs: Needs, step: int, members: tuple[Agent, ...]) -> None:
        self.queue = queue
        self.needs = needs
        self.step = step  # index of the queue's steps
        self.members = members
        self.fits = _fits(queue, needs, queue.steps[step], members)  # by her number; None: all fit alike
        plain = self.fits is None and queue.strategy.search is Search.HEAP
        self.order: Order | None = queue.strategy.order if plain else None  # None: the key is that of `key`
        self.idle: list[IdleItem] = []  # one item per member at most; a heap for HEAP; see `matching.find`
        self.waiting: list[Place] = []  # sorted
        self.short: list[Place] = []  # sorted: callers for whom fewer agents ring than might
        self.open = 0  # interactions that belong here, in any stage
        self.logged_in = 0
        self.serving = 0  # logged in, and neither on break, suspended nor outbound
        for agent in members:
            self.count(agent.state, 1)
            if agent.state is READY:
                self.list_idle(agent)
            else:
                agent.unlisted.append(self)

    def count(self, state: AgentState, by: int) -> None:
        if state is not OFFLINE:
            self.logged_in += by
            if state is not BREAK and state is not SUSPENDED and state is not OUTBOUND:
                self.serving += by

    def key(self, agent: Agent) -> Key:
        """Lower tiers first, in a tier the preferred, and then by the order of the queue."""
        standing = agent.standing
        order = self.queue.strategy.order
        if self.fits is None:
            return order(standing, NO_FIT)
        fit = self.fits[standing.number]
        return (fit.tier, -fit.preferred, order(standing, fit))

    def fit(self, agent: Agent) -> Fit:
        return self.fits[agent.standing.number] if self.fits is not None else NO_FIT

    def list_idle(self, agent: Agent) -> None:
        standing = agent.standing
        if self.queue.strategy.search is Search.HEAP:
            heappush(self.idle, (self.key(agent), standing.number, standing.turn, agent))
        else:
            self.idle.append((0, standing.number, standing.turn, agent))


def meets(agent: AgentSettings, queue: QueueSettings, skills: Skills, language: str) -> bool:
    """May this agent take a caller of the queue with these needs? An agent without languages speaks all of them, a
    caller without a language can be served in any."""
    return admits(agent, queue, Needs(skills, language), NOTHING_RELAXED)


def admits(agent: AgentSettings, queue: QueueSettings, needs: Needs, step: Step) -> bool:
    """The same after a step of relaxation. The language is never relaxed."""
    language = needs.language
    if language and agent.languages and not any(name == language and level >= 1 for name, level in agent.languages):
        return False
    open_to_her = step.tier is None or tier_of(agent, queue.id) <= step.tier
    if open_to_her and _has_levels(agent, queue, needs.skills, step):
        return True
    return any(_has_levels(agent, added, needs.skills, step) for added in step.added)


def _has_levels(agent: AgentSettings, queue: QueueSettings, skills: Skills, step: Step) -> bool:
    if queue.id not in agent.queues:
        return False
    levels = dict(agent.skills)
    return all(levels.get(skill, 0) >= _lowered(level, step) for skill, level in (*queue.skills, *skills))


def _lowered(level: int, step: Step) -> int:
    return 0 if step.any_skill else max(level - step.lower_by, min(level, 1))


def _fits(queue: Queue, needs: Needs, step: Step, members: tuple[Agent, ...]) -> dict[int, Fit] | None:
    """How well each member fits; None when nobody will ask: one tier, no preferences, an order that does not look."""
    fits = {agent.standing.number: _fit(queue.settings, needs, step, agent.settings) for agent in members}
    if queue.strategy.by_fit or len({(fit.tier, fit.preferred) for fit in fits.values()}) > 1:
        return fits
    return None


def _fit(queue: QueueSettings, needs: Needs, step: Step, agent: AgentSettings) -> Fit:
    levels, languages = dict(agent.skills), dict(agent.languages)
    if queue.id in agent.queues:
        tier = tier_of(agent, queue.id)
    else:
        tier = _ADDED_TIER + next(n for n, added in enumerate(step.added) if added.id in agent.queues)
    needed = (*queue.skills, *needs.skills)
    level = sum(levels.get(skill, 0) for skill, _ in needed) + languages.get(needs.language, 0)
    surplus = level - sum(wanted for _, wanted in needed)
    preferred = sum(weight * levels.get(skill, 0) for skill, weight in (*queue.prefers, *needs.prefers))
    return Fit(tier, preferred, level, surplus)


class Eligibility:
    """The pools there are, made when first needed and bounded."""

    __slots__ = ("_agents", "_limit", "chats", "pools", "relaxing", "together", "weighted")

    chats: ChatRoom  # the same for typed chats; the floor makes it

    def __init__(self, agents: Iterable[Agent], limit: int = 4096, queues: Iterable[Queue] = ()) -> None:
        self._agents = tuple(agents)
        self._limit = limit
        self.pools: dict[tuple[str, Skills, str, Weights, int], Pool] = {}
        queues = tuple(queues)
        self.relaxing = any(len(queue.steps) > 1 for queue in queues)
        self.weighted = any(queue.settings.weight != 1.0 for queue in queues)
        self.together = any(queue.at_once > 1 for queue in queues)  # several agents are rung for one caller

    def pool(self, queue: Queue, skills: Skills, language: str, prefers: Weights = (), step: int = 0) -> Pool:
        key = (queue.settings.id, skills, language, prefers, step)
        pool = self.pools.get(key)
        if pool is None:
            if len(self.pools) >= self._limit:
                self._forget_empty()
            needs = Needs(skills, language, prefers)
            settings, reached = queue.settings, queue.steps[step]
            members = tuple(a for a in self._agents if admits(a.settings, settings, needs, reached))
            pool = self.pools[key] = Pool(queue, needs, step, members)
            for agent in members:
                agent.pools.append(pool)
        return pool

    def at_step(self, pool: Pool, step: int) -> Pool:
        """The pool of the same callers at another step."""
        needs = pool.needs
        return self.pool(pool.queue, needs.skills, needs.language, needs.prefers, step)

    def up_to(self, pool: Pool) -> list[Pool]:
        """Those pools of the same callers that there are, up to this step; it itself is the last."""
        key, needs = pool.queue.settings.id, pool.needs
        found = []
        for step in range(pool.step):
            earlier = self.pools.get((key, needs.skills, needs.language, needs.prefers, step))
            if earlier is not None:
                found.append(earlier)
        return [*found, pool]

    def _forget_empty(self) -> None:
        """Flows that compute skills from what callers enter must not fill the memory."""
        self.pools = {key: pool for key, pool in self.pools.items() if pool.open}
        for agent in self._agents:
            agent.pools = [pool for pool in agent.pools if pool.open]
            agent.unlisted = [pool for pool in agent.unlisted if pool.open]


def could_take(agent: Agent, pool: Pool) -> bool:
    """Whatever her tier: the person a caller asks for need not be of the tier that is open."""
    if pool in agent.pools:
        return True
    needs = pool.needs
    return pool.queue.steps[pool.step].tier is not None and meets(
        agent.settings, pool.queue.settings, needs.skills, needs.language
    )
