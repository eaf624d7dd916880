"""What must hold after every event, checked from the outside.

The checker sees only what the rest of the switch sees: the events that went in and the commands that came out. From
them it keeps its own picture of agents, callers, rings and promises, with its own eligibility rule, and compares. It
looks only at what an event touched, so hundreds of thousands of calls can be checked step by step.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

from softswitch.acd.engine import Engine
from softswitch.acd.messages import (
    AcdSettings,
    AgentAnswered,
    AgentLoggedOut,
    AgentRestored,
    AgentSettings,
    AgentState,
    AgentStateChanged,
    AgentWentOnBreak,
    AgentWentReady,
    AnnounceWaiting,
    CallBackRequested,
    CallerEntered,
    CallerLeft,
    CancelRing,
    Choice,
    ChoiceMade,
    Command,
    ConfirmCallBack,
    Connect,
    ConversationEnded,
    CustomerNotReached,
    Event,
    InteractionEnded,
    OfferChoice,
    Outcome,
    OverflowCaller,
    PromiseChanged,
    PromiseRestored,
    PromiseSaved,
    PromiseState,
    QueueSettings,
    RefuseAnswer,
    RingAgent,
    RingEnd,
    RingEnded,
    SavePromise,
    StickyRule,
)

GENERAL, PERSONAL, CHOOSING, RINGING, SAVING, CALL_BACK, PAUSED, CALLING = (
    "general",
    "personal",
    "choosing",
    "ringing",
    "saving",
    "call-back",
    "paused",
    "calling",
)
SLACK = 1e-6


def may_take(agent: AgentSettings, queue: QueueSettings, skills: tuple[tuple[str, int], ...], language: str) -> bool:
    if queue.id not in agent.queues:
        return False
    if agent.languages and language and max((lv for name, lv in agent.languages if name == language), default=0) < 1:
        return False
    has = dict(agent.skills)
    return all(has.get(name, 0) >= level for name, level in tuple(queue.skills) + tuple(skills))  # type: ignore[call-overload]


class Caller:
    __slots__ = ("agent", "attempt", "group", "id", "left", "limit", "open_to_all", "promise", "queue", "stage")

    def __init__(self, number: int, queue: QueueSettings, group: Group) -> None:
        self.id = number
        self.queue = queue
        self.group = group
        self.stage = "entered"
        self.agent: str | None = None  # whose line, whose call-back
        self.attempt: int | None = None
        self.limit: float | None = None  # told: he waits for her until then
        self.promise: int | None = None
        self.open_to_all = False
        self.left = False  # has hung up


class Group:
    """Callers with the same needs, and who may take them."""

    __slots__ = ("agents", "waiting")

    def __init__(self, agents: list[str]) -> None:
        self.agents = agents
        self.waiting: dict[int, Caller] = {}


class Ring:
    __slots__ = ("agent", "answered", "call_back", "caller", "deadline")

    def __init__(self, agent: str, caller: int, deadline: float, call_back: bool) -> None:
        self.agent = agent
        self.caller = caller
        self.deadline = deadline
        self.call_back = call_back
        self.answered = False


class Invariants:
    def __init__(self, settings: AcdSettings, engine: Engine) -> None:
        self.settings = settings
        self.engine = engine
        self.queues = {q.id: q for q in settings.queues}
        self.agents: dict[str, AgentStateChanged] = {
            a.id: AgentStateChanged(a.id, AgentState.OFFLINE, "", 0.0) for a in settings.agents
        }
        self.ring_of_agent: dict[str, int] = {}
        self.groups: dict[tuple[Any, ...], Group] = {}
        self.callers: dict[int, Caller] = {}
        self.rings: dict[int, Ring] = {}
        self.lines: dict[str, dict[int, Caller]] = {a.id: {} for a in settings.agents}  # personal, choosing, call-back
        self.no_offer: dict[tuple[int, str], float] = {}
        self.soon: list[tuple[float, int, str]] = []  # no-offer entries by expiry
        self.limits: list[tuple[float, int]] = []
        self.retries: list[tuple[float, int]] = []
        self.offered = 0
        self.outcomes = dict.fromkeys(Outcome, 0)
        self.promises: dict[int, str] = {}  # pending, open, kept, broken, withdrawn, void
        self.touched_agents: dict[str, None] = {}
        self.touched: dict[int, None] = {}
        self.answer: int | None = None  # the attempt of the event, when it is an answer

    # ------------------------------------------------------------------ the picture

    def seen(self, event: Event | None, commands: list[Command], now: float) -> None:
        """One event and its commands; raises AssertionError where a rule is broken."""
        self.touched_agents.clear()
        self.touched.clear()
        if event is not None:
            self._event(event)
        for command in commands:
            self._command(event, command, now)
        self._expired(now)
        self._check(event, now)

    def _event(self, event: Event) -> None:
        if isinstance(event, CallerEntered | PromiseRestored) or (isinstance(event, CallBackRequested) and event.fresh):
            queue = self.queues.get(event.queue)
            if queue is None or event.interaction in self.callers:
                if queue is None and isinstance(event, PromiseRestored):
                    self.promises[event.promise] = "open"
                return
            skills = () if isinstance(event, PromiseRestored) else event.skills
            caller = self.callers[event.interaction] = Caller(
                event.interaction, queue, self._group(queue, skills, event.language)
            )
            self.offered += 1
            if isinstance(event, PromiseRestored):
                caller.promise = event.promise
                caller.agent = event.agent
                caller.open_to_all = event.agent not in caller.group.agents
                self.promises[event.promise] = "open"
                self._stage(caller, GENERAL if caller.open_to_all else CALL_BACK)
        elif isinstance(event, PromiseSaved) and self.promises.get(event.promise) == "pending":
            self.promises[event.promise] = "open" if event.ok else "void"
            for number in [n for n, c in self.callers.items() if c.promise == event.promise and c.stage == SAVING]:
                caller = self.callers[number]
                if event.ok:
                    self._stage(caller, GENERAL if caller.open_to_all else CALL_BACK)
                else:
                    caller.promise = None
                    caller.open_to_all = False
                    self._stage(caller, GENERAL)
        elif isinstance(event, CallerLeft) and event.interaction in self.callers:
            self.callers[event.interaction].left = True
        elif isinstance(event, ConversationEnded):
            ring = self.rings.get(event.attempt)
            if ring is not None and ring.answered:
                self._hang_up(event.attempt)
        elif isinstance(event, CustomerNotReached):
            ring = self.rings.get(event.attempt)
            if ring is not None and ring.answered:
                caller_here = self.callers.get(ring.caller)
                if caller_here is not None and caller_here.stage == CALLING:
                    self._hang_up(event.attempt)

    def _hang_up(self, attempt: int) -> None:
        ring = self.rings.pop(attempt)
        del self.ring_of_agent[ring.agent]
        self.touched_agents[ring.agent] = None

    def _group(self, queue: QueueSettings, skills: tuple[Any, ...], language: str) -> Group:
        key = (queue.id, skills, language)
        group = self.groups.get(key)
        if group is None:
            agents = [str(a.id) for a in self.settings.agents if may_take(a, queue, skills, language)]
            group = self.groups[key] = Group(agents)
        return group

    def _stage(self, caller: Caller, stage: str) -> None:
        if caller.stage == GENERAL:
            caller.group.waiting.pop(caller.id, None)
        elif caller.agent is not None:
            self.lines.get(caller.agent, {}).pop(caller.id, None)
        caller.stage = stage
        if stage == GENERAL:
            caller.group.waiting[caller.id] = caller
        elif stage in (PERSONAL, CHOOSING, CALL_BACK):
            assert caller.agent is not None
            self.lines[caller.agent][caller.id] = caller
        self.touched[caller.id] = None

    def _command(self, event: Event | None, command: Command, now: float) -> None:
        getattr(self, "_saw_" + type(command).__name__)(event, command, now)

    # ------------------------------------------------------------------ commands

    def _saw_AgentStateChanged(self, event: Event | None, command: AgentStateChanged, now: float) -> None:
        old = self.agents[command.agent]
        if old.state is AgentState.WRAP_UP and command.state is not AgentState.WRAP_UP:
            by_her = isinstance(event, AgentWentReady | AgentLoggedOut | AgentRestored) and event.agent == command.agent
            assert by_her or (old.deadline is not None and now >= old.deadline), "wrap-up was cut short"
        if old.state is AgentState.WRAP_UP and command.state is AgentState.WRAP_UP:
            assert old.deadline == command.deadline, "wrap-up was reset"
        assert (command.deadline is not None) == (command.state is AgentState.WRAP_UP)
        self.agents[command.agent] = command
        self.touched_agents[command.agent] = None

    def _saw_RingAgent(self, event: Event | None, command: RingAgent, now: float) -> None:
        caller = self.callers[command.interaction]
        self._not_saved(caller)
        assert command.agent not in self.ring_of_agent, "a second attempt for one agent"
        assert caller.attempt is None, "a second attempt for one interaction"
        assert command.agent in caller.group.agents, "rung without the skills"
        assert self.no_offer.get((caller.id, command.agent), -1.0) <= now, "the same agent again for this caller"
        assert command.call_back == (caller.promise is not None)
        assert command.deadline > now
        if caller.stage == CALL_BACK and not caller.open_to_all:
            assert command.agent == caller.agent and command.sticky, "another agent than the one who promised"
        if caller.stage in (PERSONAL, CHOOSING) and command.sticky:
            assert command.agent == caller.agent, "another agent than the one he waits for"
            assert caller.stage == CHOOSING or (caller.limit is not None and now <= caller.limit + SLACK)
        elif caller.stage in (PERSONAL, CHOOSING):
            assert self._may_leave_line(event, caller, now), "taken out of her line for nothing"
        if caller.stage not in (PERSONAL, CHOOSING) and not command.call_back:
            line = self.lines[command.agent]
            assert all(c.stage == CALL_BACK for c in line.values()), "overtook a caller of her own line"
        self._stage(caller, RINGING)
        caller.attempt = command.attempt
        self.rings[command.attempt] = Ring(command.agent, caller.id, command.deadline, command.call_back)
        self.ring_of_agent[command.agent] = command.attempt
        self.touched_agents[command.agent] = None

    def _may_leave_line(self, event: Event | None, caller: Caller, now: float) -> bool:
        """Told to wait no longer, his own choice, or she is going away."""
        assert caller.agent is not None and caller.limit is not None
        if caller.stage == CHOOSING and (event is None or isinstance(event, ChoiceMade)):
            return True
        if isinstance(event, ChoiceMade) and event.choice is Choice.COLLEAGUE and event.interaction == caller.id:
            return True
        gone = (AgentState.OFFLINE, AgentState.BREAK, AgentState.SUSPENDED)
        return (
            now >= caller.limit - SLACK
            or self.agents[caller.agent].state in gone
            or (isinstance(event, AgentWentOnBreak | AgentLoggedOut) and event.agent == caller.agent)
        )

    def _saw_CancelRing(self, event: Event | None, command: CancelRing, now: float) -> None:
        assert not self.rings[command.attempt].answered, "an answered call was cancelled"

    def _saw_Connect(self, event: Event | None, command: Connect, now: float) -> None:
        ring = self.rings[command.attempt]
        assert isinstance(event, AgentAnswered) and event.attempt == command.attempt
        assert not ring.answered and ring.agent == command.agent and ring.caller == command.interaction
        ring.answered = True

    def _saw_RefuseAnswer(self, event: Event | None, command: RefuseAnswer, now: float) -> None:
        ring = self.rings.get(command.attempt)
        assert ring is None or ring.answered, "a live answer was refused"

    def _saw_OfferChoice(self, event: Event | None, command: OfferChoice, now: float) -> None:
        caller = self.callers[command.interaction]
        rule = caller.queue.sticky
        assert rule is not None and command.choices
        assert Choice.WAIT not in command.choices or command.wait_seconds <= rule.wait_at_most_seconds
        state = self.agents[command.agent].state
        assert state in (AgentState.RINGING, AgentState.TALKING, AgentState.WRAP_UP)
        caller.agent = command.agent
        caller.limit = now + rule.wait_at_most_seconds
        self._stage(caller, CHOOSING)

    def _saw_AnnounceWaiting(self, event: Event | None, command: AnnounceWaiting, now: float) -> None:
        caller = self.callers[command.interaction]
        assert command.position >= 1
        self._not_saved(caller)
        if command.agent is None:
            if caller.stage in (PERSONAL, CHOOSING):
                assert self._may_leave_line(event, caller, now), "taken out of her line for nothing"
            if caller.stage != GENERAL:
                self._stage(caller, GENERAL)
            return
        assert command.agent == caller.agent and caller.limit is not None
        assert now + (command.estimate_seconds or 0.0) <= caller.limit + SLACK, "told more than the limit"
        if caller.stage != PERSONAL:
            self._stage(caller, PERSONAL)
            heappush(self.limits, (caller.limit, caller.id))

    def _not_saved(self, caller: Caller) -> None:
        """Served while his promise was still being saved: the store was too slow."""
        if caller.stage == SAVING and caller.promise is not None:
            self.promises[caller.promise] = "late"
            caller.promise = None

    def _saw_SavePromise(self, event: Event | None, command: SavePromise, now: float) -> None:
        caller = self.callers[command.interaction]
        assert command.promise not in self.promises
        hers = caller.stage in (PERSONAL, CHOOSING)
        assert command.agent == (caller.agent if hers else "")
        self._stage(caller, SAVING)
        caller.open_to_all = not hers
        caller.promise = command.promise
        self.promises[command.promise] = "pending"

    def _saw_ConfirmCallBack(self, event: Event | None, command: ConfirmCallBack, now: float) -> None:
        assert self.promises[command.promise] == "open", "told before it was durable"

    def _saw_OverflowCaller(self, event: Event | None, command: OverflowCaller, now: float) -> None:
        caller = self.callers.get(command.interaction)
        if command.because == "unknown queue":
            return
        assert caller is not None
        self._not_saved(caller)
        assert caller.promise is None
        if command.because == "nobody logged in":
            assert all(self.agents[a].state is AgentState.OFFLINE for a in caller.group.agents)

    def _saw_RingEnded(self, event: Event | None, command: RingEnded, now: float) -> None:
        ring = self.rings[command.attempt]
        caller = self.callers[command.interaction]
        assert ring.agent == command.agent and ring.caller == command.interaction
        assert now <= ring.deadline + SLACK or command.end is not RingEnd.NO_ANSWER or event is None
        if command.end is RingEnd.ANSWERED:
            assert ring.answered
            if ring.call_back:
                self._stage(caller, CALLING)
            return
        assert not ring.answered
        self._hang_up(command.attempt)
        caller.attempt = None
        if command.end is not RingEnd.CANCELLED and self.settings.no_offer_seconds > 0:
            until = now + self.settings.no_offer_seconds
            self.no_offer[(caller.id, command.agent)] = until
            heappush(self.soon, (until, caller.id, command.agent))
        self._stage(caller, CALL_BACK if caller.promise is not None and not caller.open_to_all else GENERAL)

    def _saw_PromiseChanged(self, event: Event | None, command: PromiseChanged, now: float) -> None:
        old = self.promises[command.promise]
        caller = next((c for c in self.callers.values() if c.promise == command.promise), None)
        if command.state is PromiseState.OPEN:
            assert old == "open" and caller is not None
            if command.because in ("deadline", "agent gone"):
                caller.open_to_all = True
                if caller.stage == CALL_BACK:
                    self._stage(caller, GENERAL)
            else:
                caller.attempt = None
                self._stage(caller, PAUSED)
                rule = caller.queue.sticky or StickyRule()
                heappush(self.retries, (now + rule.call_back_retry_seconds, caller.id))
            return
        assert old in ("open", "late") if command.state is PromiseState.WITHDRAWN else old == "open", (old, command)
        self.promises[command.promise] = command.state.value

    def _saw_InteractionEnded(self, event: Event | None, command: InteractionEnded, now: float) -> None:
        caller = self.callers.pop(command.interaction)  # exactly once
        self._stage(caller, "ended")
        self.outcomes[command.outcome] += 1
        if command.outcome is Outcome.ABANDONED:
            assert caller.left, "abandoned without hanging up"
        if command.outcome is Outcome.CALLED_BACK:
            assert self.promises[caller.promise or 0] == "kept"
        if command.outcome is Outcome.CALL_BACK_FAILED:
            assert self.promises[caller.promise or 0] == "broken"

    # ------------------------------------------------------------------ the rules

    def _expired(self, now: float) -> None:
        while self.soon and self.soon[0][0] <= now:
            until, refused, agent = heappop(self.soon)
            if self.no_offer.get((refused, agent)) == until:
                del self.no_offer[(refused, agent)]
                self.touched_agents[agent] = None

        while self.retries and self.retries[0][0] <= now:
            _, number = heappop(self.retries)
            caller = self.callers.get(number)
            if caller is not None and caller.stage == PAUSED:
                self._stage(caller, GENERAL if caller.open_to_all else CALL_BACK)
                if caller.agent is not None:
                    self.touched_agents[caller.agent] = None

    def _blocked(self, caller: int, agent: str) -> bool:
        return (caller, agent) in self.no_offer

    def _check(self, event: Event | None, now: float) -> None:
        for agent in self.touched_agents:
            self._check_agent(agent)
        for number in self.touched:
            caller = self.callers.get(number)
            if caller is not None and caller.stage == GENERAL:
                for agent in caller.group.agents:
                    assert self.agents[agent].state is not AgentState.READY or self._blocked(number, agent), (
                        f"{agent} is ready beside waiting caller {number}"
                    )
            assert caller is None or caller.stage != "entered", f"caller {number} is nowhere"
        while self.limits:
            limit, number = self.limits[0]
            caller = self.callers.get(number)
            if caller is not None and caller.stage == PERSONAL and caller.limit == limit:
                assert now < limit + SLACK or event is not None, f"caller {number} waits past the limit told"
                break
            heappop(self.limits)
        assert self.offered == sum(self.outcomes.values()) + len(self.callers), "a caller was lost or counted twice"
        assert len(self.engine.floor.entries) == len(self.callers)

    def _check_agent(self, agent: str) -> None:
        told = self.agents[agent]
        live = self.engine.floor.agents[agent]  # type: ignore[index]
        assert live.state is told.state and live.deadline == told.deadline, "the record and the state differ"
        number = self.ring_of_agent.get(agent)
        ring = self.rings[number] if number is not None else None
        assert (told.state is AgentState.RINGING) == (ring is not None and not ring.answered), (agent, told.state)
        assert (told.state is AgentState.TALKING) == (ring is not None and ring.answered), (agent, told.state)
        if told.state is AgentState.READY:
            assert live.duty.registered and not live.duty.logged_out
            for caller in self.lines[agent].values():
                assert caller.stage == CALL_BACK and self._blocked(caller.id, agent), "ready beside her own line"
            for group in self.groups.values():
                if group.waiting and agent in group.agents:
                    for number in group.waiting:
                        assert self._blocked(number, agent), f"{agent} is ready beside waiting caller {number}"

    def check_all(self, now: float) -> None:
        """Everything at once, for the end of a run."""
        self.touched_agents = dict.fromkeys(self.agents)
        self.touched = dict.fromkeys(self.callers)
        self._check(None, now)
        for attempt, ring in self.rings.items():
            assert ring.answered or ring.deadline >= now - SLACK, f"attempt {attempt} rings for ever"
        states = {"pending", "open", "kept", "broken", "withdrawn", "void", "late"}
        assert all(state in states for state in self.promises.values())
        opened = sorted(c.promise for c in self.callers.values() if c.promise is not None and c.stage != SAVING)
        told = sorted(number for number, state in self.promises.items() if state == "open")
        assert [number for number in told if number in set(opened)] == opened
