"""A day at a telephone line: the real engine, random callers, agents, phones and store; every step checked.

Everything follows from one seed. Callers come as a Poisson stream, lose patience, choose, and are called back;
agents answer, let it ring, refuse, take breaks, log out, and their phones come and go; answers cross with cancels,
and events arrive twice or for what is long over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import Any

from invariants import Invariants

from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.journal import RecordedEngine
from softswitch.acd.messages import (
    AcdSettings,
    AgentSettings,
    AgentState,
    Choice,
    Event,
    QueueSettings,
    RelaxStep,
    StickyRule,
)
from softswitch.ids import AgentId, IdSource, InteractionId, PromiseId, QueueId, RingAttemptId, SkillId

FIRST_ID = 1 << 40
LANGUAGES = ("en", "et", "it")
ORDERS = ("longest-idle", "round-robin", "fewest-calls", "top-down")


@dataclass(frozen=True)
class Habits:
    """Probabilities and means of everybody in the simulation."""

    calls_per_second: float = 0.12
    rush: float = 4.0  # so many times more in the first quarter of an hour of every second hour
    talk_seconds: float = 120.0
    patience_seconds: float = 300.0
    previous: float = 0.35  # caller has a previous agent
    lets_ring: float = 0.04
    refuses: float = 0.04
    unreachable: float = 0.02
    crosses: float = 0.02  # answers just as the ring is cancelled, or twice
    nonsense: float = 0.01  # per call: an event for something that does not exist (any more)
    break_every_seconds: float = 5_400.0
    log_out_every_seconds: float = 20_000.0
    phone_lost_every_seconds: float = 15_000.0
    store_fails: float = 0.02
    store_late: float = 0.01
    customer_reached: float = 0.7
    goes_on: float = 0.1  # of those whose patience is over: by a key instead of hanging up
    asks_call_back: float = 0.1


def bank(agents: int = 36, queues: int = 4, seed: int = 0) -> AcdSettings:
    random = Random(seed)
    names = [QueueId(f"queue{n}") for n in range(queues)]
    skills = (SkillId("cards"), SkillId("loans"))
    return AcdSettings(
        queues=tuple(
            QueueSettings(
                name,
                str(name),
                skills=((skills[0], 2),) if n == 1 else (),
                order=ORDERS[n % len(ORDERS)],
                wrap_up_seconds=(30.0, 0.0, 15.0, 45.0)[n % 4],
                max_wait_seconds=(600.0, 240.0)[n % 2],
                sticky=None
                if n == 3
                else StickyRule(wait_at_most_seconds=120.0 + 60 * n, call_back_within_seconds=900.0),
                overflow_when_nobody=n != 2,
                ring_at_once=(1, 1, 2, 3 if agents > 20 else 0)[n % 4],
                relax=((), (RelaxStep(20.0, lower_by=1), RelaxStep(60.0, any_skill=True, add_queue=names[0])))[n == 1],
                tier_after_seconds=30.0 if n == 2 else None,
            )
            for n, name in enumerate(names)
        ),
        agents=tuple(
            AgentSettings(
                AgentId(f"agent{n}"),
                f"Agent {n}",
                queues=tuple(q for k, q in enumerate(names) if (n + k) % 3 or k == n % queues),
                skills=tuple((skill, random.randint(1, 5)) for skill in skills),
                languages=() if n % 4 == 0 else (("en", 5), (LANGUAGES[n % 3], 3)),
                tiers=((names[2], 1 + n % 2),) if queues > 2 else (),
            )
            for n in range(agents)
        ),
        suspend_after_no_answers=2,
        choice_seconds=40.0,
        no_offer_seconds=45.0,
    )


class Simulation:
    def __init__(self, settings: AcdSettings, habits: Habits, seed: int, record: bool = False) -> None:
        self.settings = settings
        self.habits = habits
        self.random = Random(seed)
        self.engine: Engine = Engine(settings, IdSource(FIRST_ID))
        self.driven: Engine | RecordedEngine = RecordedEngine(self.engine) if record else self.engine
        self.invariants = Invariants(settings, self.engine)
        self.todo: list[tuple[float, int, Callable[[float], None]]] = []
        self.number = 0
        self.now = 0.0
        self.callers = 0
        self.last_attempt = FIRST_ID
        self.reactions: dict[type, Callable[[Any], None]] = {
            m.RingAgent: self._rung,
            m.Connect: self._connected,
            m.OfferChoice: self._offered,
            m.SavePromise: self._asked_to_save,
            m.CancelRing: self._cancelled,
            m.AgentStateChanged: self._changed,
        }

    def run(self, calls: int) -> None:
        """Until so many callers have entered and everybody is served; then every rule once more."""
        for agent in self.settings.agents:
            self.send(m.PhoneRegistered(agent.id))
            self._shift(agent.id)
        self.later(0.0, lambda now: self._caller(calls))
        while self.todo:
            due = self.engine.next_deadline()
            if due is not None and due <= self.todo[0][0]:
                self._tick(due)
                continue
            self.now, _, action = heappop(self.todo)
            action(self.now)
            if self.callers >= calls and not self.engine.floor.entries and not self.engine.floor.attempts:
                break
        self.invariants.check_all(self.now)

    def _tick(self, due: float) -> None:
        self.now = due
        commands = self.driven.tick(due)
        self.invariants.seen(None, commands, due)
        self._react(commands)

    def send(self, event: Event) -> None:
        due = self.engine.next_deadline()
        while due is not None and due <= self.now:
            self._tick(due)
            due = self.engine.next_deadline()
        commands = self.driven.handle(event, self.now)
        self.invariants.seen(event, commands, self.now)
        self._react(commands)

    def _react(self, commands: list[m.Command]) -> None:
        for command in commands:
            reaction = self.reactions.get(type(command))
            if reaction is not None:
                reaction(command)

    def later(self, seconds: float, action: Callable[[float], None]) -> None:
        self.number += 1
        heappush(self.todo, (self.now + seconds, self.number, action))

    def tell(self, seconds: float, event: Event) -> None:
        self.later(seconds, lambda now: self.send(event))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def mean(self, seconds: float) -> float:
        return self.random.expovariate(1.0 / seconds)

    # ------------------------------------------------------------------ callers

    def _caller(self, calls: int) -> None:
        random, habits = self.random, self.habits
        self.callers += 1
        if self.callers < calls:
            rate = habits.calls_per_second * (habits.rush if self.now % 7200.0 < 900.0 else 1.0)
            self.later(self.mean(1.0 / rate), lambda now: self._caller(calls))
        number = InteractionId(self.callers)
        previous = random.choice(self.settings.agents).id if self.chance(habits.previous) else None
        skills = ((SkillId("loans"), 3),) if self.chance(0.1) else ()
        queue = random.choice(self.settings.queues).id
        language = random.choice(LANGUAGES) if self.chance(0.3) else "en"
        self.send(
            m.CallerEntered(
                number,
                queue,
                f"+372{random.randrange(5000)}",
                None,
                language,
                previous,
                skills,
                60.0 if self.chance(0.05) else 0.0,
                random.random() * 100 if self.chance(0.05) else 0.0,
            )
        )
        self.later(self.mean(habits.patience_seconds), lambda now: self._patience_over(number))
        if self.chance(habits.nonsense):
            self._nonsense()

    def _patience_over(self, number: InteractionId) -> None:
        entry = self.engine.floor.entries.get(number)
        if entry is None and not self.chance(0.01):
            return
        at = self.random.random()
        if at < self.habits.goes_on:
            self.send(m.CallerWentOn(number, "key 9"))
        elif at < self.habits.goes_on + self.habits.asks_call_back:
            self.send(self._request(number, fresh=entry is None and self.chance(0.5)))
        elif entry is not None and entry.stage.value == "personal" and self.chance(0.3):
            self.send(m.ChoiceMade(number, Choice.COLLEAGUE))
        else:
            self.send(m.CallerLeft(number))

    def _request(self, number: InteractionId, fresh: bool) -> m.CallBackRequested:
        queue = self.random.choice(self.settings.queues).id
        return m.CallBackRequested(number, queue, "+3725", None, "en", fresh, "asked")

    def _offered(self, command: m.OfferChoice) -> None:
        if self.chance(0.05):
            return  # says nothing
        choice = self.random.choice(command.choices) if self.chance(0.97) else self.random.choice(list(Choice))
        self.tell(self.mean(12.0), m.ChoiceMade(command.interaction, choice))

    def _asked_to_save(self, command: m.SavePromise) -> None:
        ok = not self.chance(self.habits.store_fails)
        self.tell(7.0 if self.chance(self.habits.store_late) else 0.01, m.PromiseSaved(command.promise, ok))

    def _nonsense(self) -> None:
        random = self.random
        attempt = RingAttemptId(self.last_attempt - random.randrange(40))
        events: list[Event] = [
            m.AgentRefused(RingAttemptId(7)),
            m.ConversationEnded(RingAttemptId(8)),
            m.CallerLeft(InteractionId(-1)),
            m.PhoneLost(AgentId("nobody")),
            m.ChoiceMade(InteractionId(max(1, self.callers - random.randrange(30))), Choice.WAIT),
            m.PromiseSaved(PromiseId(3), True),
            m.CallerEntered(InteractionId(-2), QueueId("no such queue"), "", None, "en", None),
            m.CallerWentOn(InteractionId(-1), "key 9"),
            m.CallBackRequested(InteractionId(-3), QueueId("no such queue"), "", None, "en", True),
            self._request(InteractionId(-1_000_000 - self.callers), fresh=self.chance(0.5)),
        ]
        live = self.engine.floor.attempts.get(attempt)
        if live is None or live.answered_at is not None:
            events += [m.AgentAnswered(attempt), m.AgentUnreachable(attempt), m.CustomerReached(RingAttemptId(9))]
        self.send(random.choice(events))

    # ------------------------------------------------------------------ phones

    def _rung(self, command: m.RingAgent) -> None:
        habits = self.habits
        self.last_attempt = command.attempt
        at = self.random.random()
        if at < habits.lets_ring:
            return
        at -= habits.lets_ring
        if at < habits.refuses:
            self.tell(2.0, m.AgentRefused(command.attempt))
        elif at < habits.refuses + habits.unreachable:
            self.tell(0.5, m.AgentUnreachable(command.attempt))
            self.tell(self.mean(200.0), m.PhoneRegistered(command.agent))
        else:
            self.tell(self.mean(4.0), m.AgentAnswered(command.attempt))
            if self.chance(habits.crosses):
                self.tell(self.mean(8.0), m.AgentAnswered(command.attempt))

    def _cancelled(self, command: m.CancelRing) -> None:
        if self.chance(self.habits.crosses * 5):
            self.tell(0.0, m.AgentAnswered(command.attempt))

    def _connected(self, command: m.Connect) -> None:
        attempt = command.attempt
        talk = self.mean(self.habits.talk_seconds)
        if not command.call_back:
            self.tell(talk, m.ConversationEnded(attempt))
        elif self.chance(self.habits.customer_reached):
            self.tell(8.0, m.CustomerReached(attempt))
            self.tell(8.0 + talk, m.ConversationEnded(attempt))
        elif self.chance(0.9):
            self.tell(25.0, m.CustomerNotReached(attempt))
            self.tell(25.0, m.ConversationEnded(attempt))
        else:
            self.tell(5.0, m.ConversationEnded(attempt))

    # ------------------------------------------------------------------ agents

    def _shift(self, agent: AgentId) -> None:
        habits = self.habits
        self.later(self.mean(habits.break_every_seconds), lambda now: self._break(agent))
        self.later(self.mean(habits.log_out_every_seconds), lambda now: self._log_out(agent))
        self.later(self.mean(habits.phone_lost_every_seconds), lambda now: self._lose_phone(agent))

    def _break(self, agent: AgentId) -> None:
        self.send(m.AgentWentOnBreak(agent, "coffee"))
        self.tell(self.mean(400.0), m.AgentWentReady(agent))
        self.later(self.mean(self.habits.break_every_seconds), lambda now: self._break(agent))

    def _log_out(self, agent: AgentId) -> None:
        self.send(m.AgentLoggedOut(agent))
        self.tell(self.mean(60.0), m.PhoneRegistered(agent))  # the phone goes on registering: no log-in
        self.tell(self.mean(900.0), m.AgentLoggedIn(agent))
        self.later(self.mean(self.habits.log_out_every_seconds), lambda now: self._log_out(agent))

    def _lose_phone(self, agent: AgentId) -> None:
        self.send(m.PhoneLost(agent))
        self.tell(self.mean(120.0), m.PhoneRegistered(agent))
        self.later(self.mean(self.habits.phone_lost_every_seconds), lambda now: self._lose_phone(agent))

    def _changed(self, command: m.AgentStateChanged) -> None:
        """A suspended agent comes back after a while; some end their wrap-up early."""
        if command.state is AgentState.SUSPENDED or (command.state is AgentState.WRAP_UP and self.chance(0.2)):
            self.tell(
                self.mean(120.0 if command.state is AgentState.SUSPENDED else 8.0), m.AgentWentReady(command.agent)
            )
