"""Admission: who is let in, and what the others hear when the house is full.

    room ─► answered as always
    full ─► 503 + Retry-After at once, or, where the configuration says so and one of the few reserved lines is free:

    SPEAKING "Very many people are calling. To be called back, press 1." --1--> PROMISING --ConfirmCallBack--> LEAVING
        |--no key, or no call-back possible: a good-bye--> LEAVING          |--not possible, or late--> LEAVING

Calls that exist are never touched: the reserved lines are taken from nobody who is in, and a call here is bounded in
time. When the switch itself falls behind (`LoadChanged`) nobody is spoken to: the SIP room answers 503 before this.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from math import ceil
from typing import Any

from softswitch.acd.messages import CallBackRequested, ConfirmCallBack, OverflowCaller
from softswitch.call.board import Board
from softswitch.call.call_back_desk import CallBackDesk, when_said
from softswitch.call.dial_watch import DialWatch
from softswitch.call.leg import CallLeg
from softswitch.call.records import InteractionClosed, InteractionQueued
from softswitch.call.talk import NORMAL_CLEARING
from softswitch.ids import FlowId, InteractionId
from softswitch.ivr.flow import FlowRun
from softswitch.ivr.messages import (
    DigitPressed,
    Flow,
    FlowFinished,
    FlowStarted,
    PlayPrompt,
    PromptEnded,
    Say,
    SayStep,
    StopPrompt,
)
from softswitch.media.messages import DigitReceived, PlaybackEnded, RtpSilent
from softswitch.sip.messages import AckReceived, InfoDigitReceived, LegEnded, OfferReceived, SecurityEvent

LONGEST_SECONDS = 45.0
_PROMISE_SECONDS = 3.0
BECAUSE = "all lines were busy"
_FLOW = FlowId("overload")


class Admission:
    """One per switch. `sessions` are the callers who are in."""

    def __init__(self, board: Board, sessions: Collection[Any]) -> None:
        self._board = board
        self._sessions = sessions
        self._busy: dict[InteractionId, BusyCall] = {}
        self.settings = board.call.overload
        self.dial_watch = DialWatch(board)  # the other limit: of calls that we place

    def has_room(self, number: str = "") -> bool:
        """A caller is answered only when a port is left for him and one for the agent of everybody who still waits:
        callers alone must never use up what agents are rung with. The reserved lines are not his, unless he dialled a
        number that is always let in."""
        sessions, settings, media = self._sessions, self.settings, self._board.media
        always = number != "" and number in settings.always
        if not always and settings.calls is not None and len(sessions) >= settings.calls:
            return False
        left = (media.port_last - media.port_first + 2) // 2 - self._board.leg_count
        left -= 0 if always else max(settings.lines - len(self._busy), 0)
        if left >= len(sessions) + 2:
            return True
        return left >= sum(session.talk is None for session in sessions) + 2

    def can_speak(self, source: tuple[str, int]) -> bool:
        """May one more caller be told? Either way it is an event that the house is full."""
        self._board.emit(SecurityEvent("overload", source, "", "callers"))
        return len(self._busy) < self.settings.lines

    def speak(self, leg: CallLeg, interaction: InteractionId, language: str, can_call: bool, now: float) -> None:
        call = BusyCall(self._board, leg, interaction, language, can_call, self._over)
        call.begin(now)
        self._busy[interaction] = call
        self._board.give_leg(leg, call)
        self._board.alarm(call)

    def _over(self, interaction: InteractionId) -> None:
        self._busy.pop(interaction, None)

    def confirmed(self, event: ConfirmCallBack, now: float) -> CallLeg | None:
        """His leg, when it was one of ours who is called back."""
        call = self._busy.get(event.interaction)
        if call is None:
            return None
        call.confirmed(event, now)
        return call.leg

    def refused(self, event: OverflowCaller, now: float) -> None:
        call = self._busy.get(event.interaction)
        if call is not None:
            call.refused(now)

    def __len__(self) -> int:
        return len(self._busy)


class _Step(Enum):
    RINGING = "ringing in"
    SPEAKING = "speaking"
    PROMISING = "promising"
    LEAVING = "leaving"


class BusyCall:
    """One caller who is told that the house is full."""

    def __init__(
        self, board: Board, leg: CallLeg, interaction: InteractionId, language: str, can_call: bool, on_over: Any
    ) -> None:
        self._board = board
        self._interaction = interaction
        self._language = language
        self._on_over = on_over
        self._deadline: float | None = None
        self._step = _Step.RINGING
        self._flow: FlowRun | None = None
        queue = board.call.overload.queue
        caller = leg.facts.caller if can_call else ""
        self._desk = None if queue is None else CallBackDesk(board, queue, caller)
        self._promised = False
        self.leg = leg

    def begin(self, now: float) -> None:
        self._deadline = now + LONGEST_SECONDS

    # -------------------------------------------------------------- time

    def next_deadline(self) -> float | None:
        """The end of the whole, or what the menu waits for."""
        due = self._flow.next_deadline() if self._flow is not None else None
        if due is None or (self._deadline is not None and self._deadline < due):
            return self._deadline
        return due

    def tick(self, now: float) -> None:
        if self._deadline is not None and self._deadline <= now:
            if self._step is _Step.PROMISING:
                self.refused(now)
            else:
                self._deadline = None
                self.leg.hang_up(NORMAL_CLEARING)
        elif self._flow is not None:
            self._run(self._flow.tick(now), now)

    # -------------------------------------------------------------- LegOwner

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, AckReceived):
            if leg.acknowledged(event.sdp) and self._step is _Step.RINGING:
                self._begin_to_speak(now)
        elif isinstance(event, DigitReceived | InfoDigitReceived):
            if leg.keys.counts(event, now) and self._flow is not None:
                self._run(self._flow.handle(DigitPressed(event.digit), now), now)
        elif isinstance(event, PlaybackEnded) and leg.played(event.playback):
            if self._flow is not None:
                self._run(self._flow.handle(PromptEnded(event.playback), now), now)
            elif self._step is _Step.LEAVING:
                leg.hang_up(NORMAL_CLEARING)
        elif isinstance(event, OfferReceived):
            leg.answer_reoffer(event.sdp)
        elif isinstance(event, RtpSilent) and not leg.on_hold:
            leg.hang_up(NORMAL_CLEARING)
        self._board.alarm(self)

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        self._flow = self._deadline = None
        if not self._promised and self._step is not _Step.PROMISING:
            self._close(now)
        self._on_over(self._interaction)
        self._board.alarm(self)

    def _close(self, now: float) -> None:
        at = self._board.line.wall(now)
        self._board.emit(InteractionClosed(self._interaction, "overload", None, at, 0.0, ""))

    # -------------------------------------------------------------- what he hears

    def _begin_to_speak(self, now: float) -> None:
        self._step = _Step.SPEAKING
        texts, desk = self._board.call.texts, self._desk
        if desk is not None and desk.possible:
            self._flow = desk.ask(texts.overloaded)
            started = desk.values(self._language)
        else:
            steps = (SayStep("overloaded", texts.overloaded), SayStep("again", texts.call_again))
            self._flow = FlowRun({_FLOW: Flow(_FLOW, steps)}, _FLOW, self._board.ids, self._board.line.flow_rules)
            started = FlowStarted(self._language, {})
        self._run(self._flow.handle(started, now), now)

    def _run(self, commands: list[Any], now: float) -> None:
        for command in commands:
            if isinstance(command, PlayPrompt):
                if not self.leg.play(command.segments, command.loops, command.playback) and self._flow is not None:
                    self._run(self._flow.handle(PromptEnded(command.playback), now), now)
            elif isinstance(command, StopPrompt):
                self.leg.stop_play()
            elif isinstance(command, FlowFinished):
                self._answered(command, now)

    def _answered(self, command: FlowFinished, now: float) -> None:
        flow, self._flow = self._flow, None
        desk = self._desk
        number = desk.answer(command, flow, now) if desk is not None and desk.possible and flow is not None else None
        if number is None:
            self._say_goodbye(command.chosen != "")
            return
        board, queue = self._board, self._board.call.overload.queue
        assert queue is not None
        self._step = _Step.PROMISING
        self._deadline = now + _PROMISE_SECONDS
        at = board.line.wall(now)
        board.emit(InteractionQueued(self._interaction, queue, None, at, BECAUSE, {}, (), None))
        board.emit(
            CallBackRequested(self._interaction, queue, number, None, self._language, fresh=True, because=BECAUSE)
        )

    def _say_goodbye(self, with_words: bool) -> None:
        self._step = _Step.LEAVING
        say = self._board.call.texts.call_again if with_words else Say()
        if not self.leg.play(self._board.speak(say, self._language)):
            self.leg.hang_up(NORMAL_CLEARING)

    # -------------------------------------------------------------- the promise

    def confirmed(self, command: ConfirmCallBack, now: float) -> None:
        board, queue = self._board, self._board.call.overload.queue
        assert queue is not None
        self._promised = True
        self._step = _Step.LEAVING
        self._deadline = now + LONGEST_SECONDS
        say, at = when_said(board, board.texts(queue).call_back_texts, command, now)
        line = board.line
        time = line.local_time(ceil(line.wall(at) / 60) * 60).strftime("%H:%M")
        if not self.leg.play(board.speak(say, self._language, {"time": time})):
            self.leg.hang_up(NORMAL_CLEARING)
        board.alarm(self)

    def refused(self, now: float) -> None:
        """It cannot be promised (the database is away, perhaps)."""
        if self._step is _Step.PROMISING:
            self._step = _Step.LEAVING
            self._deadline = now + LONGEST_SECONDS
            self._say_goodbye(True)
            self._board.alarm(self)
