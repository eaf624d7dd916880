"""What must hold after every event, checked from the outside.

The checker sees only what the rest of the switch sees: the events that went in and the commands that came out. From
them it keeps its own picture of agents, callers, rings and promises, with its own eligibility rule, and compares. It
looks only at what an event touched, so hundreds of thousands of calls can be checked step by step.
"""

from __future__ import annotations

from heapq import heappop, heappush

from picture import AWAY, ENDS_WRAP_UP, GOES_AWAY, SLACK, STAGES, Caller, Ring, may_take, retry_seconds
from relaxing import Relaxing

from softswitch.acd.engine import Engine
from softswitch.acd.messages import (
    AcdSettings,
    AgentAnswered,
    AgentFreed,
    AgentNeedsTime,
    AgentState,
    AgentStateChanged,
    AnnounceWaiting,
    CallBackRequested,
    CallerEntered,
    CallerLeft,
    CallerNoted,
    CancelRing,
    Choice,
    ChoiceMade,
    Command,
    ConfirmCallBack,
    Connect,
    ConversationEnded,
    CustomerAnswered,
    CustomerNotReached,
    EndConversation,
    Event,
    InteractionEnded,
    OfferChoice,
    Outcome,
    OverflowCaller,
    PromiseChanged,
    PromiseEscalated,
    PromiseRestored,
    PromiseSaved,
    PromiseState,
    QueueHoursChanged,
    RefuseAnswer,
    RingAgent,
    RingEnd,
    RingEnded,
    SavePromise,
)

GENERAL, PERSONAL, CHOOSING, RINGING, SAVING, CALL_BACK, PAUSED, CALLING = STAGES


class Invariants(Relaxing):
    def __init__(self, settings: AcdSettings, engine: Engine) -> None:
        super().__init__(settings)
        self.engine = engine
        self.queues = {q.id: q for q in settings.queues}
        self.ring_of_agent: dict[str, int] = {}
        self.rings: dict[int, Ring] = {}
        self.lines: dict[str, dict[int, Caller]] = {a.id: {} for a in settings.agents}  # personal, choosing, call-back
        self.no_offer: dict[tuple[int, str], float] = {}
        self.soon: list[tuple[float, int, str]] = []  # no-offer entries by expiry
        self.limits: list[tuple[float, int]] = []
        self.retries: list[tuple[float, int]] = []
        self.offered = 0
        self.outcomes = dict.fromkeys(Outcome, 0)
        self.promises: dict[int, str] = {}  # pending, open, kept, broken, withdrawn, void
        self.closed: dict[str, None] = {}
        self.escalated: dict[int, str] = {}  # promise -> why
        self.touched_agents: dict[str, None] = {}
        self.now = 0.0

    # ------------------------------------------------------------------ the picture

    def seen(self, event: Event | None, commands: list[Command], now: float) -> None:
        """One event and its commands; raises AssertionError where a rule is broken."""
        self.touched_agents.clear()
        self.touched.clear()
        self.now = now
        if event is not None:
            self._event(event, now)
        self._steps_due(now)
        for command in commands:
            self._command(event, command, now)
        self._expired(now)
        self._check(event, now)

    def _event(self, event: Event, now: float) -> None:
        if isinstance(event, CallerEntered | PromiseRestored) or (isinstance(event, CallBackRequested) and event.fresh):
            queue = self.queues.get(event.queue)
            if queue is None or event.interaction in self.callers:
                if queue is None and isinstance(event, PromiseRestored):
                    self.promises[event.promise] = "open"
                return
            skills = () if isinstance(event, PromiseRestored) else event.skills
            came = event.made_at if isinstance(event, PromiseRestored) else now - event.waited_seconds
            needs = (skills, event.language)
            caller = self.callers[event.interaction] = Caller(
                event.interaction, queue, needs, self._group(queue, needs, 0), came
            )
            caller.entered = now
            for seconds in self.steps[queue.id][1:]:
                heappush(self.step_due, (caller.came + seconds, caller.id))
            self._reach(caller, now)
            self.offered += 1
            if isinstance(event, PromiseRestored):
                caller.promise = event.promise
                caller.agent = event.agent
                who = next((a for a in self.settings.agents if a.id == event.agent), None)
                caller.open_to_all = who is None or not may_take(
                    self.settings, who, queue, (), event.language, tiers=False
                )
                self.promises[event.promise] = "open"
                self._stage(caller, self._rests(caller))
        elif isinstance(event, PromiseSaved) and self.promises.get(event.promise) == "pending":
            self.promises[event.promise] = "open" if event.ok else "void"
            for number in [n for n, c in self.callers.items() if c.promise == event.promise and c.stage == SAVING]:
                caller = self.callers[number]
                if event.ok:
                    self._stage(caller, self._rests(caller))
                else:
                    caller.promise = None
                    caller.open_to_all = False
                    self._stage(caller, GENERAL)
        elif isinstance(event, CallerLeft) and event.interaction in self.callers:
            self.callers[event.interaction].left = True
        elif isinstance(event, CustomerAnswered):
            self._customer_answered(event, now)
        elif isinstance(event, QueueHoursChanged) and event.queue in self.queues:
            self._hours(event)
        elif isinstance(event, AgentFreed):
            number = self.ring_of_agent.get(event.agent)
            if number is not None and self.rings[number].answered:
                self._hang_up(number)
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

    def _customer_answered(self, event: CustomerAnswered, now: float) -> None:
        """From now on her phone rings, or he is asked first; that has an end of its own."""
        ring = self.rings.get(event.attempt)
        if ring is None or ring.answered or not ring.call_back:
            return
        queue = self.callers[ring.caller].queue
        if queue.call_back is not None and queue.call_back.customer_first:
            ring.deadline = now + queue.ring_seconds + (15.0 if event.asking else 0.0)

    def _hours(self, event: QueueHoursChanged) -> None:
        """Call-backs rest while their queue is closed."""
        was_closed = event.queue in self.closed
        self.closed.pop(event.queue, None)
        if not event.open:
            self.closed[event.queue] = None
        if was_closed == event.open:
            for caller in [c for c in self.callers.values() if c.queue.id == event.queue and c.promise is not None]:
                if caller.stage in (GENERAL, CALL_BACK, PAUSED):
                    self._stage(caller, self._rests(caller))

    def _rests(self, caller: Caller) -> str:
        """Where a call-back stands that nobody is rung for."""
        return PAUSED if caller.queue.id in self.closed else GENERAL if caller.open_to_all else CALL_BACK

    def _hang_up(self, attempt: int) -> None:
        ring = self.rings.pop(attempt)
        del self.ring_of_agent[ring.agent]
        self.touched_agents[ring.agent] = None

    def _stage(self, caller: Caller, stage: str) -> None:
        if caller.stage == GENERAL:
            caller.group.waiting.pop(caller.id, None)
        elif caller.agent is not None:
            self.lines.get(caller.agent, {}).pop(caller.id, None)
        caller.group.ringing.pop(caller.id, None)
        caller.stage = stage
        if stage == GENERAL:
            caller.group.waiting[caller.id] = caller
            if len(self.steps[caller.queue.id]) > 1:
                self._reach(caller, self.now)
        elif stage == RINGING and self._at_once(caller) > 1:
            caller.group.ringing[caller.id] = caller
        elif stage in (PERSONAL, CHOOSING, CALL_BACK):
            assert caller.agent is not None
            self.lines[caller.agent][caller.id] = caller
        self.touched[caller.id] = None

    def _at_once(self, caller: Caller) -> int:
        """How many agents may be rung for him together."""
        return (caller.queue.ring_at_once or 1_000_000) if caller.promise is None else 1

    def _command(self, event: Event | None, command: Command, now: float) -> None:
        getattr(self, "_saw_" + type(command).__name__)(event, command, now)

    # ------------------------------------------------------------------ commands

    def _saw_AgentStateChanged(self, event: Event | None, command: AgentStateChanged, now: float) -> None:
        old = self.agents[command.agent]
        if old.state is AgentState.WRAP_UP and command.state is not AgentState.WRAP_UP:
            by_her = isinstance(event, ENDS_WRAP_UP) and event.agent == command.agent
            assert by_her or (old.deadline is not None and now >= old.deadline), "wrap-up was cut short"
        if old.state is AgentState.WRAP_UP and command.state is AgentState.WRAP_UP:
            longer = isinstance(event, AgentNeedsTime) and (command.deadline or 0.0) > (old.deadline or 0.0)
            assert longer or old.deadline == command.deadline, "wrap-up was reset"
        assert command.deadline is not None or command.state is not AgentState.WRAP_UP
        assert command.deadline is None or command.state in (AgentState.WRAP_UP, AgentState.BREAK)
        self.agents[command.agent] = command
        self.touched_agents[command.agent] = None
        if self.relaxing and (old.state in AWAY) != (command.state in AWAY):
            self._staffing_changed(now)

    def _saw_RingAgent(self, event: Event | None, command: RingAgent, now: float) -> None:
        caller = self.callers[command.interaction]
        self._not_saved(caller)
        if len(self.steps[caller.queue.id]) > 1 and not command.sticky:
            if caller.stage in (PERSONAL, CHOOSING):
                assert self._may_leave_line(event, caller, now), "taken out of her line for nothing"
            if caller.stage in ("entered", PERSONAL, CHOOSING, SAVING, PAUSED, CALLING):
                self._stage(caller, GENERAL)  # where he may be relaxed at once
        assert command.agent not in self.ring_of_agent, "a second attempt for one agent"
        if caller.attempts:
            assert not command.sticky and len(caller.attempts) < self._at_once(caller), "an attempt too many for one"
        if command.sticky and command.agent not in caller.group.agents:  # whatever her tier
            who = next(a for a in self.settings.agents if a.id == command.agent)
            assert may_take(self.settings, who, caller.queue, caller.needs[0], caller.needs[1], tiers=False)
        else:
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
            own = [c for c in line.values() if c.stage != CALL_BACK]
            guarded = any(c.queue.sticky is not None and c.queue.sticky.line_in_a_row for c in own)
            assert not own or guarded, "overtook a caller of her own line"
        caller.rung_for_hers = command.agent if command.sticky else None
        if not caller.attempts:
            self._stage(caller, RINGING)
            if command.sticky:
                caller.group.ringing.pop(caller.id, None)
        caller.attempts[command.attempt] = None
        self.touched[caller.id] = None
        self.rings[command.attempt] = Ring(command.agent, caller.id, command.deadline, command.call_back)
        self.ring_of_agent[command.agent] = command.attempt
        self.touched_agents[command.agent] = None

    def _may_leave_line(self, event: Event | None, caller: Caller, now: float) -> bool:
        """Told to wait no longer, his own choice, or she is going away."""
        assert caller.agent is not None and caller.limit is not None
        if caller.stage == CHOOSING and (event is None or isinstance(event, ChoiceMade)):
            return True
        if event == ChoiceMade(caller.id, Choice.COLLEAGUE):
            return True
        return (
            now >= caller.limit - SLACK
            or self.agents[caller.agent].state in AWAY
            or (isinstance(event, GOES_AWAY) and event.agent == caller.agent)
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

    def _saw_EndConversation(self, event: Event | None, command: EndConversation, now: float) -> None:
        assert isinstance(event, AgentFreed) and command.attempt not in self.rings, "only a supervisor ends it"

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
        if isinstance(event, CallerLeft) and caller.rung_for_hers is not None:  # we lost him while she was rung
            hers, caller.agent = True, caller.rung_for_hers
        caller.open_to_all = not hers
        assert command.agent == (caller.agent if hers else "")
        self._stage(caller, SAVING)
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
            widest = self._group(caller.queue, caller.needs, len(self.steps[caller.queue.id]) - 1)
            assert all(self.agents[a].state is AgentState.OFFLINE for a in widest.agents)

    def _saw_RingEnded(self, event: Event | None, command: RingEnded, now: float) -> None:
        ring = self.rings[command.attempt]
        caller = self.callers[command.interaction]
        assert ring.agent == command.agent and ring.caller == command.interaction
        assert now <= ring.deadline + SLACK or command.end is not RingEnd.NO_ANSWER or event is None
        if command.end is RingEnd.ANSWERED:
            assert ring.answered
            del caller.attempts[command.attempt]
            if ring.call_back:
                self._stage(caller, CALLING)
            return
        assert not ring.answered
        self._hang_up(command.attempt)
        del caller.attempts[command.attempt]
        if command.end is not RingEnd.CANCELLED and self.settings.no_offer_seconds > 0:
            until = now + self.settings.no_offer_seconds
            self.no_offer[(caller.id, command.agent)] = until
            heappush(self.soon, (until, caller.id, command.agent))
        if not isinstance(event, CallerLeft):
            caller.rung_for_hers = None
        if caller.attempts:
            self.touched[caller.id] = None  # others still ring
            return
        self._stage(caller, self._rests(caller) if caller.promise is not None else GENERAL)

    def _saw_PromiseChanged(self, event: Event | None, command: PromiseChanged, now: float) -> None:
        old = self.promises[command.promise]
        caller = next((c for c in self.callers.values() if c.promise == command.promise), None)
        if command.state is PromiseState.OPEN:
            assert old == "open" and caller is not None
            if command.because in ("deadline", "agent gone"):
                caller.open_to_all = True
                if caller.stage == CALL_BACK:
                    self._stage(caller, self._rests(caller))
            else:
                self._stage(caller, PAUSED)
                heappush(self.retries, (now + retry_seconds(caller.queue), caller.id))
            return
        assert old in ("open", "late") if command.state is PromiseState.WITHDRAWN else old == "open", (old, command)
        self.promises[command.promise] = command.state.value
        told = command.state is not PromiseState.BROKEN or command.promise in self.escalated
        assert told or command.because == "queue gone", "broken, and no supervisor was told"

    def _saw_PromiseEscalated(self, event: Event | None, command: PromiseEscalated, now: float) -> None:
        assert self.promises[command.promise] == "open"
        self.escalated[command.promise] = command.because

    def _saw_CallerNoted(self, event: Event | None, command: CallerNoted, now: float) -> None:
        assert command.note and command.interaction in self.callers

    def _saw_InteractionEnded(self, event: Event | None, command: InteractionEnded, now: float) -> None:
        caller = self.callers.pop(command.interaction)  # exactly once
        self._not_saved(caller)
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
                self._stage(caller, self._rests(caller))
                if caller.agent in self.agents:
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
                if group.ringing and agent in group.agents:
                    for number, ringing in group.ringing.items():
                        full = len(ringing.attempts) >= self._at_once(ringing)
                        late = self.now >= ringing.entered + ringing.queue.max_wait_seconds
                        assert full or late or self._blocked(number, agent), f"{agent} does not ring for {number}"

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
