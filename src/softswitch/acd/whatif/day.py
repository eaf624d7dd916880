"""One day at the line: the real engine, callers as they are listed, agents who come, answer, talk and have breaks.

What callers and agents do is decided beforehand where it is known (`Visit`), and drawn by lot where it is not
(`Habits`); the lots are handed in, so that the same seed gives the same day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf, log
from typing import Any, Protocol

from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.whatif.figures import Figures
from softswitch.acd.whatif.patience import Patience
from softswitch.ids import AgentId, IdSource, InteractionId, QueueId, RingAttemptId

AFTER_SECONDS = 4 * 3600.0  # how long after the last caller call-backs may still be kept


class Lots(Protocol):
    """Randomness that is handed in (random.Random)."""

    def random(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Visit:
    """One caller. None: not known, drawn by lot."""

    at: float
    event: m.CallerEntered
    patience: float | None = None  # hangs up after this
    waited: float = 0.0  # ... or at least after this, when `patience` is None
    talk: float | None = None
    wrap_up: float | None = None  # inf: as long as the queue allows
    choice: m.Choice | None = None
    then: tuple[float, m.Event] | None = None  # after so long he takes a way out of the line, if he is still there
    follows: Visit | None = None  # where he goes when this queue passes him on


@dataclass(frozen=True, slots=True)
class Habits:
    """What is drawn by lot, from what was seen or supposed."""

    patience: Patience
    talks: Mapping[QueueId, Sequence[float]]  # seen in each queue; none: exponential around the usual talk
    answers_after: Sequence[float] = (3.0,)
    lets_ring: float = 0.0
    refuses: float = 0.0
    choices: Sequence[m.Choice] = (m.Choice.WAIT, m.Choice.COLLEAGUE, m.Choice.CALL_BACK)
    chooses_after: float = 8.0
    reached: float = 0.8
    back_after_suspension: float = 120.0


@dataclass(slots=True)
class _Known:
    """What is known of those who are in the line or talk."""

    visits: dict[InteractionId, Visit] = field(default_factory=dict)
    talking: dict[AgentId, Visit | None] = field(default_factory=dict)


class Day:
    def __init__(
        self,
        settings: m.AcdSettings,
        visits: Sequence[Visit],
        duties: Sequence[tuple[float, m.Event]],
        habits: Habits,
        lots: Lots,
        engine: Callable[[m.AcdSettings], Any] | None = None,
    ) -> None:
        """`duties`: when agents come, go and have breaks. `engine`: makes another one, a recorded one for instance."""
        self.figures = Figures(settings)
        self.now = 0.0
        self._engine: Any = engine(settings) if engine is not None else Engine(settings, IdSource(1 << 40))
        self._queues = {queue.id: queue for queue in settings.queues}
        self._habits = habits
        self._lots = lots
        self._known = _Known()
        self._todo: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._left = len(visits)
        for at, event in duties:
            self._at(at, lambda event=event: self._send(event))  # type: ignore[misc]
        for visit in visits:
            self._at(visit.at, lambda visit=visit: self._arrive(visit))  # type: ignore[misc]
        self._end = max((visit.at for visit in visits), default=0.0) + AFTER_SECONDS

    @property
    def engine(self) -> Engine:
        return getattr(self._engine, "engine", self._engine)  # type: ignore[no-any-return]

    def run(self, progress: Callable[[], None] | None = None) -> Figures:
        """Until everybody has come and nobody is left. `progress` is called for every caller who comes."""
        floor, todo = self.engine.floor, self._todo
        while self._left or floor.entries or floor.attempts:
            due = self._engine.next_deadline()
            at = todo[0][0] if todo else inf
            self.now = max(self.now, min(at, inf if due is None else due))
            if self.now > self._end:
                break
            if due is not None and due <= at:
                self._obey(self._engine.tick(self.now))
                continue
            before = self._left
            heappop(todo)[2]()
            if progress is not None and self._left < before:
                progress()
        self.now = min(self.now, self._end)
        self.figures.finish(self.now)
        return self.figures

    # ------------------------------------------------------------------ time

    def _at(self, when: float, action: Callable[[], None]) -> None:
        self._number += 1
        heappush(self._todo, (when, self._number, action))

    def _later(self, seconds: float, event: m.Event) -> None:
        self._at(self.now + seconds, lambda: self._send(event))

    def _send(self, event: m.Event) -> None:
        self._obey(self._engine.handle(event, self.now))

    def _obey(self, commands: list[m.Command]) -> None:
        self.figures.see(commands, 0.0)
        for command in commands:
            react = _REACTIONS.get(type(command))
            if react is not None:
                react(self, command)

    # ------------------------------------------------------------------ callers

    def _arrive(self, visit: Visit) -> None:
        self._left -= 1
        self._enter(visit)

    def _enter(self, visit: Visit) -> None:
        event = visit.event
        number = event.interaction
        if event.queue not in self._queues:
            return  # the other configuration has no such queue
        self._known.visits[number] = visit
        self.figures.entered(event, self.now)
        self._send(event)
        if visit.then is not None:
            after, way_out = visit.then
            self._at(self.now + after, lambda: self._go_out(number, visit, way_out))
        patience = visit.patience
        if patience is None:
            patience = self._habits.patience.drawn(self._lots.random(), visit.waited)
        if patience < inf and number in self.engine.floor.entries:
            self._at(self.now + patience, lambda: self._give_up(number, visit))

    def _give_up(self, number: InteractionId, visit: Visit) -> None:
        entry = self.engine.floor.entries.get(number)
        if entry is not None and entry.promise is None and self._known.visits.get(number) is visit:
            self._send(m.CallerLeft(number))

    def _go_out(self, number: InteractionId, visit: Visit, way_out: m.Event) -> None:
        if number in self.engine.floor.entries and self._known.visits.get(number) is visit:
            self._send(way_out)

    def _ended(self, command: m.InteractionEnded) -> None:
        visit = self._known.visits.pop(command.interaction, None)
        if visit is None:
            return
        if command.agent is not None:
            self._known.talking[command.agent] = visit
        if command.outcome is m.Outcome.OVERFLOWED and visit.follows is not None:
            follows = visit.follows
            self._left += 1
            self._at(self.now, lambda: self._arrive(follows))

    def _offered(self, command: m.OfferChoice) -> None:
        visit = self._known.visits.get(command.interaction)
        choice = visit.choice if visit is not None else None
        if choice is None or choice not in command.choices:
            possible = [each for each in self._habits.choices if each in command.choices] or [m.Choice.COLLEAGUE]
            choice = possible[int(self._lots.random() * len(possible))]
        self._later(self._habits.chooses_after, m.ChoiceMade(command.interaction, choice))

    def _save(self, command: m.SavePromise) -> None:
        self._later(0.01, m.PromiseSaved(command.promise, True))

    # ------------------------------------------------------------------ agents

    def _rung(self, command: m.RingAgent) -> None:
        habits, drawn = self._habits, self._lots.random()
        if command.customer_first:
            if self._lots.random() >= habits.reached:
                self._later(25.0, m.CustomerNotReached(command.attempt))
                return
            self._later(8.0, m.CustomerAnswered(command.attempt))
        if drawn < habits.lets_ring:
            return
        if drawn < habits.lets_ring + habits.refuses:
            self._later(2.0, m.AgentRefused(command.attempt))
            return
        after = habits.answers_after[int(self._lots.random() * len(habits.answers_after))]
        after += 8.0 if command.customer_first else 0.0
        self._at(self.now + after, lambda: self._answer(command.attempt))

    def _answer(self, attempt: RingAttemptId) -> None:
        if attempt in self.engine.floor.attempts:
            self._send(m.AgentAnswered(attempt))

    def _connected(self, command: m.Connect) -> None:
        visit = self._known.visits.get(command.interaction)
        talk = self._talk(command, visit)
        if not command.call_back:
            self._later(talk, m.ConversationEnded(command.attempt))
        elif self._on_line(command.attempt):
            self._later(0.0, m.CustomerReached(command.attempt))
            self._later(talk, m.ConversationEnded(command.attempt))
        elif self._lots.random() < self._habits.reached:
            self._later(8.0, m.CustomerReached(command.attempt))
            self._later(8.0 + talk, m.ConversationEnded(command.attempt))
        else:
            self._later(25.0, m.CustomerNotReached(command.attempt))

    def _on_line(self, attempt: RingAttemptId) -> bool:
        promise = self.engine.floor.attempts[attempt].entry.promise
        return promise is not None and promise.on_line

    def _talk(self, command: m.Connect, visit: Visit | None) -> float:
        if visit is not None and visit.talk is not None:
            return visit.talk
        queue = self.engine.floor.attempts[command.attempt].entry.pool.queue.settings
        seen = self._habits.talks.get(queue.id, ())
        if seen:
            return seen[int(self._lots.random() * len(seen))]
        return -queue.usual_talk_seconds * log(1.0 - self._lots.random())

    def _changed(self, command: m.AgentStateChanged) -> None:
        if command.state is m.AgentState.SUSPENDED:
            self._later(self._habits.back_after_suspension, m.AgentWentReady(command.agent))
        elif command.state is m.AgentState.WRAP_UP:
            visit = self._known.talking.pop(command.agent, None)
            if visit is not None and visit.wrap_up is not None and visit.wrap_up < inf:
                since = command.since
                self._at(self.now + visit.wrap_up, lambda: self._end_wrap_up(command.agent, since))

    def _end_wrap_up(self, name: AgentId, since: float) -> None:
        agent = self.engine.floor.agents[name]
        if agent.state is m.AgentState.WRAP_UP and agent.since == since:
            self._send(m.AgentWentReady(name))


_REACTIONS: Mapping[type, Callable[[Day, Any], None]] = {
    m.RingAgent: Day._rung,
    m.Connect: Day._connected,
    m.OfferChoice: Day._offered,
    m.SavePromise: Day._save,
    m.InteractionEnded: Day._ended,
    m.AgentStateChanged: Day._changed,
}
