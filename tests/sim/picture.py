"""What the invariant checker keeps in mind: callers, groups of callers with the same needs, rings; and its own rule of
who may take whom, written from the settings alone."""

from __future__ import annotations

from typing import Any

from softswitch.acd import messages as m
from softswitch.acd.messages import AcdSettings, AgentSettings, AgentState, QueueSettings

SLACK = 1e-6
AWAY = (AgentState.OFFLINE, AgentState.BREAK, AgentState.SUSPENDED, AgentState.OUTBOUND)
ENDS_WRAP_UP = (m.AgentWentReady, m.AgentLoggedOut, m.AgentRestored, m.AgentFreed)
GOES_AWAY = (m.AgentWentOnBreak, m.AgentWentOutbound, m.AgentLoggedOut)

STAGES = (
    "general",
    "personal",
    "choosing",
    "ringing",
    "saving",
    "call-back",
    "paused",
    "calling",
)


def step_times(settings: AcdSettings, queue: QueueSettings) -> list[float]:
    """After how many seconds the queue asks less of its agents; 0 is the beginning."""
    times = {0.0} | {step.after_seconds for step in queue.relax}
    if queue.tier_after_seconds is not None:
        tiers = {dict(a.tiers).get(queue.id, 1) for a in settings.agents if queue.id in a.queues}
        times |= {n * queue.tier_after_seconds for n in range(len(tiers))}
    return sorted(times)


def may_take(
    settings: AcdSettings,
    agent: AgentSettings,
    queue: QueueSettings,
    skills: tuple[tuple[str, int], ...],
    language: str,
    waited: float = 0.0,
    tiers: bool = True,
) -> bool:
    if agent.languages and language and max((lv for name, lv in agent.languages if name == language), default=0) < 1:
        return False
    steps = [step for step in queue.relax if step.after_seconds <= waited]
    has = dict(agent.skills)
    for one in [queue.id, *(step.add_queue for step in steps)]:
        if one is None or one not in agent.queues:
            continue
        if tiers and one == queue.id and queue.tier_after_seconds is not None:
            levels = sorted({dict(a.tiers).get(one, 1) for a in settings.agents if one in a.queues})
            if levels.index(dict(agent.tiers).get(one, 1)) * queue.tier_after_seconds > waited:
                continue
        wanted = tuple(next(q for q in settings.queues if q.id == one).skills) + tuple(skills)
        if any(step.any_skill for step in steps):
            return True
        less = sum(step.lower_by for step in steps)
        if all(has.get(name, 0) >= (max(1, level - less) if level else 0) for name, level in wanted):  # type: ignore[call-overload]
            return True
    return False


def retry_seconds(queue: QueueSettings) -> float:
    """After how long a customer who was not reached is called again."""
    if queue.call_back is not None or queue.sticky is None:
        return (queue.call_back or m.CallBackRule()).retry_seconds
    return queue.sticky.call_back_retry_seconds


class Caller:
    __slots__ = (
        "agent",
        "attempts",
        "came",
        "entered",
        "group",
        "id",
        "left",
        "limit",
        "needs",
        "open_to_all",
        "promise",
        "queue",
        "rung_for_hers",
        "stage",
    )

    def __init__(self, number: int, queue: QueueSettings, needs: tuple[Any, ...], group: Group, came: float) -> None:
        self.id = number
        self.queue = queue
        self.needs = needs
        self.group = group
        self.came = came  # time already waited elsewhere counts
        self.entered = came
        self.stage = "entered"
        self.agent: str | None = None  # whose line, whose call-back
        self.attempts: dict[int, None] = {}
        self.limit: float | None = None  # told: he waits for her until then
        self.promise: int | None = None
        self.open_to_all = False
        self.left = False  # has hung up
        self.rung_for_hers: str | None = None  # the agent he comes back to, while she is rung for him


class Group:
    """Callers with the same needs after the same relaxation, and who may take them."""

    __slots__ = ("agents", "ringing", "step", "waiting")

    def __init__(self, agents: list[str], step: int) -> None:
        self.agents = agents
        self.step = step
        self.waiting: dict[int, Caller] = {}
        self.ringing: dict[int, Caller] = {}  # where several agents are rung together


class Ring:
    __slots__ = ("agent", "answered", "call_back", "caller", "deadline")

    def __init__(self, agent: str, caller: int, deadline: float, call_back: bool) -> None:
        self.agent = agent
        self.caller = caller
        self.deadline = deadline
        self.call_back = call_back
        self.answered = False
