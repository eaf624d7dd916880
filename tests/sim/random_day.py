"""Plays a script of `random_line` on the real engine, every rule checked after every event; restarts the engine from
its own snapshot on the way; and makes a failing script as short as it can be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from chat_rules import OF_CHATS, ChatRules
from house_rules import HouseRules
from invariants import Invariants
from random_line import Step

from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.graph import from_plain, to_plain
from softswitch.acd.messages import AcdSettings, AgentState, Event
from softswitch.ids import AgentId, IdSource, InteractionId, PromiseId, QueueId, RingAttemptId

FIRST = 1000
LOOK_EVERY = 32  # steps between two looks at everything
SKIP = {"Floor": ("ids", "out")}

_RINGS: dict[str, Callable[[RingAttemptId], Event]] = {
    "answer": m.AgentAnswered,
    "refuse": m.AgentRefused,
    "unreachable": m.AgentUnreachable,
    "end": m.ConversationEnded,
    "reached": m.CustomerReached,
    "not reached": m.CustomerNotReached,
    "customer answered": m.CustomerAnswered,
}
_AGENTS: dict[str, Callable[[AgentId], Event]] = {
    "registered": m.PhoneRegistered,
    "log in": m.AgentLoggedIn,
    "log out": m.AgentLoggedOut,
    "ready": m.AgentWentReady,
    "outbound": m.AgentWentOutbound,
    "more time": m.AgentNeedsTime,
    "own call": m.OwnCallBegan,
    "own call over": m.OwnCallEnded,
}
_NONSENSE: tuple[Event, ...] = (
    m.CallerLeft(InteractionId(-1)),
    m.ChoiceMade(InteractionId(-1), m.Choice.WAIT),
    m.CallerWentOn(InteractionId(-1), "key 9"),
    m.PhoneLost(AgentId("nobody")),
    m.AgentFreed(AgentId("nobody"), "kadri", "stuck"),
    m.PromiseSaved(PromiseId(3), True),
    m.CallerEntered(InteractionId(-2), QueueId("nowhere"), "", None, "en", None),
    m.CallBackRequested(InteractionId(-3), QueueId("nowhere"), "", None, "en", True),
    m.QueueHoursChanged(QueueId("nowhere"), True),
)


class Day:
    """A line under a script. `events` counts what went into the engine, ticks among them."""

    def __init__(self, settings: AcdSettings) -> None:
        self.settings = settings
        self.engine = Engine(settings, IdSource(FIRST))
        self.invariants = Invariants(settings, self.engine)
        self.rules = HouseRules()
        self.chats = ChatRules(settings)
        self.now = 0.0
        self.calls = 0
        self.steps = 0
        self.events = 0
        self.restarts = 0
        self.steps_of: dict[str, Callable[..., None]] = {
            "call": self._call,
            "leave": lambda nth, hung_up: self._send(m.CallerLeft(self._caller(nth), hung_up)),
            "choose": self._choose,
            "go on": lambda nth: self._send(m.CallerWentOn(self._caller(nth), "key 9")),
            "others first": lambda nth, yes: self._send(m.CallerLetOthersFirst(self._waiting(nth), not yes)),
            "to front": lambda nth: self._send(m.CallerMovedToFront(self._waiting(nth), "kadri")),
            "request": self._request,
            "save": self._save,
            "lost": lambda agent, silent: self._send(m.PhoneLost(agent, silent)),
            "break": lambda agent, reason, limit: self._send(m.AgentWentOnBreak(agent, reason, limit)),
            "free": lambda agent: self._send(m.AgentFreed(agent, "kadri", "stuck")),
            "hours": self._hours,
            "restore": self._restore,
            "promise": self._promise,
            "nonsense": lambda number: self._send(_NONSENSE[number]),
            "pause": lambda seconds: self.until(self.now + seconds),
            "restart": self.restart,
            "chat": self._chat,
            "accept chat": lambda nth: self._send(m.ChatAccepted(self._chat_attempt(nth))),
            "decline chat": lambda nth: self._send(m.ChatDeclined(self._chat_attempt(nth))),
            "close chat": self._close_chat,
        }

    def play(self, script: Iterable[Step]) -> None:
        for gap, step in script:
            self.step(gap, step)
        self.end()

    def step(self, gap: float, step: tuple[Any, ...]) -> None:
        if gap:
            self.until(self.now + gap)
        kind, facts = step[0], step[1:]
        if kind in _RINGS:
            self._send(_RINGS[kind](self._ring(facts[0], kind)))
        elif kind in _AGENTS:
            self._send(_AGENTS[kind](facts[0]))
        else:
            self.steps_of[kind](*facts)
        self.steps += 1
        if self.steps % LOOK_EVERY == 0:
            self.look_around()

    def look_around(self) -> None:
        self.invariants.check_all(self.now)
        self.rules.look_around(self.engine, self.now)
        self.chats.look_around(self.engine, self.now)

    def end(self) -> None:
        """With nothing more coming in, everybody leaves in bounded time; no promise stays open, no deadline is left."""
        self.look_around()
        engine = self.engine
        for queue in self.settings.queues:
            if not engine.floor.queues[queue.id].is_open:
                self._send(m.QueueHoursChanged(queue.id, True))
        for promise in [each.id for each in engine.floor.promises.values() if not each.saved]:
            self._send(m.PromiseSaved(promise, True))  # the store answers, if late
        for chat in list(engine.floor.chats.entries):
            self._send(m.ChatClosed(chat))
        for _ in range(400):
            for attempt in list(engine.floor.attempts):
                self._send(m.ConversationEnded(attempt))
            for entry in list(engine.floor.entries.values()):
                if entry.promise is not None and entry.promise.on_line:  # the call room lets him wait for a minute
                    self._send(m.CallerLeft(entry.id, False))
            if not engine.floor.entries:
                break
            self.until(self.now + 60.0)
        assert not engine.floor.entries, "somebody waits for ever"
        self.until(self.now + 50_000.0)
        self.look_around()
        assert not self.rules.promises, "a promise is neither kept nor broken nor withdrawn"
        assert engine.next_deadline() is None

    # ------------------------------------------------------------------ the clock, and events

    def until(self, now: float) -> None:
        engine = self.engine
        while (due := engine.next_deadline()) is not None and due <= now:
            self.now = max(self.now, due)
            commands = engine.tick(self.now)
            self.events += 1
            self._judge(None, commands)
        self.now = max(now, self.now)

    def _send(self, event: Event) -> None:
        commands = self.engine.handle(event, self.now)
        self.events += 1
        self._judge(event, commands)

    def _judge(self, event: Event | None, commands: list[m.Command]) -> None:
        of_calls = commands
        if self.engine.floor.chats.loads or self.chats.entered or type(event) is m.ChatEntered:
            of_calls = [command for command in commands if not isinstance(command, OF_CHATS)]
            self.chats.seen(event, commands, self.engine, self.now)
        self.invariants.seen(event, of_calls, self.now)
        self.rules.seen(self.engine, of_calls, self.now)

    def restart(self) -> None:
        """The process dies here; the next one goes on from the snapshot."""
        floor = self.engine.floor
        again = from_plain(to_plain(floor, SKIP), SKIP)
        again.ids, again.out = floor.ids, []
        engine = Engine.of(again)
        assert engine.digest() == self.engine.digest(), "something was lost by a restart"
        self.engine = self.invariants.engine = engine
        self.rules.remember(engine)
        self.restarts += 1

    # ------------------------------------------------------------------ steps

    def _caller(self, nth: int) -> InteractionId:
        return next(islice(reversed(self.engine.floor.entries), nth, None), InteractionId(-1))

    def _waiting(self, nth: int) -> InteractionId:
        waiting = [number for queue in self.engine.floor.queues.values() for _, number in queue.line]
        return waiting[nth % len(waiting)] if waiting else self._caller(nth)

    def _ring(self, nth: int, kind: str) -> RingAttemptId:
        attempts = self.engine.floor.attempts.values()
        if kind in ("customer answered", "not reached"):
            fitting = [each.id for each in attempts if each.call_back]
        else:
            wanted = kind in ("end", "reached")
            fitting = [each.id for each in attempts if (each.answered_at is not None) == wanted]
        return fitting[-1 - nth % len(fitting)] if fitting and nth < 9 else RingAttemptId(FIRST + nth)

    def _call(self, queue: QueueId, facts: dict[str, Any]) -> None:
        self.calls += 1
        number = InteractionId(self.calls)
        told = {"language": "en", "previous_agent": None} | facts
        self._send(m.CallerEntered(number, queue, f"+3725000{number}", None, **told))

    def _chat(self, queue: QueueId, facts: dict[str, Any]) -> None:
        self.calls += 1
        self._send(m.ChatEntered(InteractionId(self.calls), queue, **facts))

    def _chat_attempt(self, nth: int) -> RingAttemptId:
        offered = [chat.id for chat in self.engine.floor.chats.chats.values() if chat.answered_at is None or nth > 7]
        return offered[-1 - nth % len(offered)] if offered else RingAttemptId(FIRST + nth)

    def _close_chat(self, nth: int) -> None:
        chats = list(self.engine.floor.chats.entries)
        self._send(m.ChatClosed(chats[nth % len(chats)] if chats else InteractionId(-1)))

    def _choose(self, nth: int, choice: m.Choice) -> None:
        asked = [e.id for e in self.engine.floor.entries.values() if e.stage.value in ("choosing", "personal")]
        number = asked[-1 - nth % len(asked)] if asked else InteractionId(self.calls)
        self._send(m.ChoiceMade(number, choice))

    def _request(self, nth: int, queue: QueueId, fresh: bool) -> None:
        if fresh:
            self.calls += 1
        number = InteractionId(self.calls) if fresh else self._caller(nth)
        self._send(m.CallBackRequested(number, queue, "+3725", None, "en", fresh))

    def _save(self, nth: int, ok: bool) -> None:
        unsaved = [promise.id for promise in self.engine.floor.promises.values() if not promise.saved]
        if not unsaved:
            return
        number = unsaved[nth % len(unsaved)]
        if not ok:
            self.rules.not_made(number)
        self._send(m.PromiseSaved(number, ok))

    def _hours(self, queue: QueueId, is_open: bool, changes: float | None, then: float | None) -> None:
        at = None if changes is None else self.now + changes
        after = None if at is None or then is None else at + then
        self._send(m.QueueHoursChanged(queue, is_open, at, after))

    def _restore(self, agent: AgentId, state: AgentState, registered: bool, logged_out: bool) -> None:
        """Only at a start."""
        if self.engine.floor.agents[agent].state is AgentState.OFFLINE:
            deadline = self.now + 7.0 if state is AgentState.WRAP_UP else None
            self._send(m.AgentRestored(agent, state, "", self.now - 9.0, deadline, registered, logged_out))

    def _promise(self, queue: QueueId, agent: AgentId, due: float, attempts: int) -> None:
        self.calls += 1
        number, promise = InteractionId(self.calls), PromiseId(-self.calls)
        event = m.PromiseRestored(promise, number, queue, agent, "", None, "en", self.now, self.now + due, attempts)
        self.rules.restored(event)
        self._send(event)


# ------------------------------------------------------------------ as short as it can be


def failure(settings: AcdSettings, script: Iterable[Step]) -> str:
    """What breaks; empty when nothing does."""
    try:
        Day(settings).play(script)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def shrunk(settings: AcdSettings, script: Sequence[Step], tries: int = 4000) -> list[Step]:
    """Delta debugging (A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", TSE 28 (2002)):
    parts are left out, half of it first and then less, as long as what remains still fails; then gaps become 0."""
    kept = list(script)
    wanted = _kind(failure(settings, kept))
    size = max(len(kept) // 2, 1)
    while tries > 0:
        at, shorter = 0, False
        while at < len(kept) and tries > 0:
            candidate = _without(kept, at, size)
            tries -= 1
            if _kind(failure(settings, candidate)) == wanted:
                kept, shorter = candidate, True
            else:
                at += size
        if size > 1:
            size //= 2
        elif not shorter:
            break
    for at, (gap, step) in enumerate(kept):
        if gap and _kind(failure(settings, [*kept[:at], (0.0, step), *kept[at + 1 :]])) == wanted:
            kept[at] = (0.0, step)
    return kept


def _kind(failed: str) -> str:
    """The same failure, whoever it befalls."""
    return re.sub(r"\d+", "n", failed)


def _without(script: list[Step], at: int, size: int) -> list[Step]:
    """The time of what is left out passes all the same."""
    gone = sum(gap for gap, _ in script[at : at + size])
    rest = script[at + size :]
    if rest:
        rest = [(rest[0][0] + gone, rest[0][1]), *rest[1:]]
    return script[:at] + rest


def report(settings: AcdSettings, script: Sequence[Step]) -> str:
    """The failing script, shrunk, as something to paste into a test."""
    short = shrunk(settings, script)
    steps = [f"    {code(step)}," for step in short]
    lines = [failure(settings, short), f"settings = {code(settings)}", f"script = [  # {len(short)} steps", *steps, "]"]
    return "\n".join(lines)


def code(value: object) -> str:
    """As it is written in a program that imports the names of `messages`."""
    return re.sub(r"<(\w+\.\w+): [^>]*>", r"\1", repr(value))
