"""A day of the journal, taken apart: who came when, what is known of each, when agents were there, and their habits.

The recorded events run through the engine once more; what happened is counted from its commands, so it is what the
reports of that day say. Times become wall-clock seconds here, as a restart begins monotonic time anew.

Taken as recorded: arrivals, queue, skills, language, previous agent; the patience of those who hung up; the talk and
the notes of those who were answered; choices; when agents came, went and had breaks. Not taken: which agent rang for
whom, how a ring ended, suspensions: these follow from the decisions that are to be compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import inf

from softswitch.acd import messages as m
from softswitch.acd.journal import JournalError, Recorded, Replay, Segment
from softswitch.acd.whatif.day import Habits, Visit
from softswitch.acd.whatif.figures import Figures
from softswitch.acd.whatif.patience import Patience
from softswitch.ids import AgentId, InteractionId, QueueId, RingAttemptId

_DUTIES = (
    m.PhoneRegistered,
    m.PhoneLost,
    m.AgentLoggedIn,
    m.AgentLoggedOut,
    m.AgentWentOnBreak,
    m.OwnCallBegan,
    m.OwnCallEnded,
)


@dataclass(slots=True)
class _Caller:
    """What is found out about one visit, bit by bit."""

    at: float
    event: m.CallerEntered
    waited: float = 0.0
    hung_up: bool = False
    talk: float | None = None
    wrap_up: float | None = None
    choice: m.Choice | None = None
    follows: _Caller | None = None
    answered: bool = False
    promised: bool = False
    then: tuple[float, m.Event] | None = None


@dataclass(slots=True)
class RecordedDay:
    """What there is to be replayed."""

    settings: m.AcdSettings
    happened: Figures
    visits: list[Visit] = field(default_factory=list)
    duties: list[tuple[float, m.Event]] = field(default_factory=list)
    habits: Habits = field(default_factory=lambda: Habits(Patience(()), {}))
    began: float = 0.0
    ended: float = 0.0
    restarts: int = 0
    torn_bytes: int = 0
    left_out: int = 0  # callers who were in the line when the record began, or were lost by a restart
    differs: bool = False  # the replay did not reach the digest of the record


@dataclass(slots=True)
class _Counts:
    delays: list[float] = field(default_factory=list)
    rings: dict[m.RingEnd, int] = field(default_factory=dict)
    talks: dict[QueueId, list[float]] = field(default_factory=dict)
    choices: list[m.Choice] = field(default_factory=list)
    reached: int = 0
    not_reached: int = 0


class _Reader:
    def __init__(self, day: RecordedDay) -> None:
        self.day = day
        self.counts = _Counts()
        self.callers: list[_Caller] = []
        self._inside: dict[InteractionId, _Caller] = {}
        self._talks: dict[RingAttemptId, tuple[float, QueueId, _Caller | None, AgentId]] = {}
        self._notes: dict[AgentId, tuple[float, _Caller | None, float | None]] = {}

    def step(self, replay: Replay, line: Recorded) -> None:
        wall = line.now + line.wall_offset
        event = line.event
        if isinstance(event, m.CallerEntered):
            self._entered(event, wall)
        elif isinstance(event, m.ChoiceMade) and (caller := self._inside.get(event.interaction)):
            caller.choice = event.choice
            self.counts.choices.append(event.choice)
        elif isinstance(event, m.CallBackRequested) and event.fresh:
            self.day.duties.append((wall, event))
        elif isinstance(event, m.CallerWentOn | m.CallBackRequested):
            if (leaving := self._inside.get(event.interaction)) is not None:
                leaving.then = (wall - leaving.at, event)
        elif isinstance(event, _DUTIES):
            self.day.duties.append((wall, event))
        elif isinstance(event, m.AgentWentReady):
            agent = replay.engine.floor.agents.get(event.agent)
            if agent is not None and agent.state is m.AgentState.BREAK:
                self.day.duties.append((wall, event))
        elif isinstance(event, m.CustomerReached | m.CustomerNotReached):
            self.counts.reached += isinstance(event, m.CustomerReached)
            self.counts.not_reached += isinstance(event, m.CustomerNotReached)
        commands = replay.step(line)
        self.day.happened.see(commands, line.wall_offset)
        for command in commands:
            self._told(command, line.wall_offset)
        if isinstance(event, m.ConversationEnded):
            self._talk_over(event, wall)
        self.day.ended = wall

    def _entered(self, event: m.CallerEntered, wall: float) -> None:
        self.day.happened.entered(event, wall)
        caller = _Caller(wall, event)
        before: _Caller | None = None
        if event.waited_seconds > 0:
            before = next((one for one in reversed(self.callers) if one.event.interaction == event.interaction), None)
        while before is not None and before.follows is not None:
            before = before.follows
        if before is not None and not before.answered and not before.hung_up:
            before.follows = caller  # passed on by a queue: he comes again only if that queue passes him on again
        else:
            self.callers.append(caller)
        self._inside[event.interaction] = caller

    def _told(self, command: m.Command, offset: float) -> None:
        if isinstance(command, m.InteractionEnded):
            caller = self._inside.pop(command.interaction, None)
            if caller is not None and not caller.promised:  # else he waited on the line until the promise
                caller.waited = command.ended_at - command.entered_at
            if caller is not None:
                caller.hung_up = command.outcome is m.Outcome.ABANDONED
                caller.answered = command.outcome is m.Outcome.ANSWERED
        elif isinstance(command, m.SavePromise) and (caller := self._inside.get(command.interaction)):
            caller.promised = True
            caller.waited = command.made_at + offset - caller.at
        elif isinstance(command, m.RingEnded):
            rings = self.counts.rings
            rings[command.end] = rings.get(command.end, 0) + 1
            if command.end is m.RingEnd.ANSWERED:
                self.counts.delays.append(command.ended_at - command.began_at)
                began, caller = command.ended_at + offset, self._inside.get(command.interaction)
                self._talks[command.attempt] = (began, command.queue, caller, command.agent)
        elif isinstance(command, m.AgentStateChanged):
            self._state(command, offset)

    def _talk_over(self, event: m.ConversationEnded, wall: float) -> None:
        talk = self._talks.pop(event.attempt, None)
        if talk is None:
            return
        began, queue, caller, agent = talk
        self.counts.talks.setdefault(queue, []).append(wall - began)
        if caller is not None:
            caller.talk = wall - began
        note = self._notes.get(agent)
        if note is not None:
            self._notes[agent] = (note[0], caller, note[2])

    def _state(self, command: m.AgentStateChanged, offset: float) -> None:
        """How long the notes took, and whether she ended them before the queue did."""
        at = command.since + offset
        note = self._notes.pop(command.agent, None)
        if note is not None and note[1] is not None:
            limit = note[2]
            whole = limit is not None and at >= limit - 0.5
            note[1].wrap_up = inf if whole else at - note[0]
        if command.state is m.AgentState.WRAP_UP:
            self._notes[command.agent] = (at, None, None if command.deadline is None else command.deadline + offset)

    def lost(self) -> None:
        """A restart: whoever was in the line is gone, and his wait is known only so far."""
        self.day.left_out += len(self._inside)
        gone = {id(caller) for caller in self._inside.values()}
        self.callers = [caller for caller in self.callers if id(caller) not in gone]
        self._inside.clear()
        self._talks.clear()
        self._notes.clear()


def read(segments: Iterable[Segment]) -> RecordedDay:
    """All segments of one record, in their order. JournalError when there is nothing in it."""
    reader: _Reader | None = None
    boot = ""
    for segment in segments:
        replay = Replay(segment)
        if reader is None:
            day = RecordedDay(replay.engine.floor.settings, Figures(replay.engine.floor.settings))
            reader = _Reader(day)
            _who_was_there(reader, replay, segment)
        elif segment.boot != boot:
            day.restarts += 1
            reader.lost()
        boot = segment.boot
        day.torn_bytes += segment.torn_bytes
        for line in segment.lines:
            reader.step(replay, line)
        ended_otherwise = segment.digest is not None and replay.engine.digest() != segment.digest
        day.differs = day.differs or replay.diverged or ended_otherwise
    if reader is None or not reader.callers:
        raise JournalError("No caller enters a queue in this journal.")
    day.left_out += len(reader._inside)
    day.happened.finish(day.ended)
    _conclude(day, reader)
    return day


def _who_was_there(reader: _Reader, replay: Replay, segment: Segment) -> None:
    """The record begins in the middle of a day: agents are as the snapshot has them."""
    day, floor = reader.day, replay.engine.floor
    first = next(iter(segment.lines), None)
    day.began = (first.now + first.wall_offset) if first is not None else 0.0
    day.left_out = len(floor.entries)
    for agent in floor.agents.values():
        duty = agent.duty
        if duty.logged_out:
            day.duties.append((day.began, m.AgentLoggedOut(agent.id)))
        if duty.registered:
            day.duties.append((day.began, m.PhoneRegistered(agent.id)))
        if agent.state is m.AgentState.BREAK:
            day.duties.append((day.began, m.AgentWentOnBreak(agent.id, agent.reason)))
        day.happened.states[agent.id] = (agent.state, day.began)


def _conclude(day: RecordedDay, reader: _Reader) -> None:
    counts = reader.counts
    day.visits = [_visit(caller) for caller in reader.callers]
    tried = counts.reached + counts.not_reached
    rung = sum(number for end, number in counts.rings.items() if end is not m.RingEnd.CANCELLED)
    share = {end: counts.rings.get(end, 0) / rung if rung else 0.0 for end in m.RingEnd}
    known = Habits(Patience(_waits(reader.callers)), counts.talks)
    day.habits = replace(
        known,
        answers_after=tuple(counts.delays) or known.answers_after,
        lets_ring=share[m.RingEnd.NO_ANSWER],
        refuses=share[m.RingEnd.REJECTED] + share[m.RingEnd.UNREACHABLE],
        choices=tuple(counts.choices) or known.choices,
        reached=counts.reached / tried if tried else known.reached,
    )


def _waits(callers: list[_Caller]) -> list[tuple[float, bool]]:
    found = []
    for each in callers:
        caller: _Caller | None = each
        while caller is not None:
            found.append((caller.waited, caller.hung_up))
            caller = caller.follows
    return found


def _visit(caller: _Caller) -> Visit:
    return Visit(
        caller.at,
        caller.event,
        caller.waited if caller.hung_up else None,
        caller.waited,
        caller.talk,
        caller.wrap_up,
        caller.choice,
        caller.then,
        _visit(caller.follows) if caller.follows is not None else None,
    )


def staffed(settings: m.AcdSettings, more: int) -> m.AcdSettings:
    """With so many agents more (copies of those there are, in their order), or fewer (the last ones go)."""
    agents = settings.agents
    if more < 0:
        return replace(settings, agents=agents[: len(agents) + more])
    extra = [
        replace(agents[number % len(agents)], id=AgentId(f"extra-{number + 1}"), name=f"Extra {number + 1}")
        for number in range(more if agents else 0)
    ]
    return replace(settings, agents=(*agents, *extra))


def duties_for(day: RecordedDay, settings: m.AcdSettings) -> list[tuple[float, m.Event]]:
    """Agents of both are there when they were; those who are new are there from the first caller to the last line."""
    ids = {agent.id for agent in settings.agents}
    known = {agent.id for agent in day.settings.agents}
    queues = {queue.id for queue in settings.queues}
    found = [
        (at, event)
        for at, event in day.duties
        if (event.queue in queues if isinstance(event, m.CallBackRequested) else getattr(event, "agent", None) in ids)
    ]
    start = min([day.visits[0].at, *(at for at, event in found if isinstance(event, m.PhoneRegistered))])
    found += [(start, m.PhoneRegistered(agent.id)) for agent in settings.agents if agent.id not in known]
    return sorted(found, key=lambda each: each[0])
