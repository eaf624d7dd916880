"""An agent dials a feature code: *11 logs in, *12 logs out, *13 ready, *14 break. The call confirms and ends."""

from __future__ import annotations

from typing import Any

from softswitch.acd.messages import AgentLoggedIn, AgentLoggedOut, AgentWentOnBreak, AgentWentReady
from softswitch.call.board import Board
from softswitch.call.leg import CallLeg
from softswitch.call.settings import CallSettings
from softswitch.call.talk import NORMAL_CLEARING
from softswitch.ids import AgentId
from softswitch.ivr.messages import Say
from softswitch.media.messages import PlaybackEnded
from softswitch.sip.messages import AckReceived, LegEnded, OfferReceived

_LONGEST_SECONDS = 15.0


def feature_of(settings: CallSettings, dialled: str, agent: AgentId) -> tuple[tuple[Any, ...], Say] | None:
    """The ACD events and the confirmation of a dialled code; None when it is none."""
    codes, texts = settings.codes, settings.texts
    features: tuple[tuple[str, tuple[Any, ...], Say], ...] = (
        (codes.log_in, (AgentLoggedIn(agent),), texts.logged_in),
        (codes.log_out, (AgentLoggedOut(agent),), texts.logged_out),
        (codes.ready, (AgentLoggedIn(agent), AgentWentReady(agent)), texts.now_ready),
        (codes.take_break, (AgentWentOnBreak(agent),), texts.on_break),
    )
    for code, events, say in features:
        if code and dialled == code:
            return events, say
    return None


class FeatureCall:
    """The short call of a feature code."""

    def __init__(self, board: Board, leg: CallLeg, events: tuple[Any, ...], say: Say) -> None:
        self._board = board
        self._leg = leg
        self._events = events
        self._say = say
        self._deadline: float | None = None

    def next_deadline(self) -> float | None:
        return self._deadline

    def tick(self, now: float) -> None:
        if self._deadline is not None and self._deadline <= now:
            self._deadline = None
            self._leg.hang_up(NORMAL_CLEARING)

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, AckReceived):
            if not leg.acknowledged(event.sdp) or self._deadline is not None:
                return
            leg.facts.answered_at = now
            self._deadline = now + _LONGEST_SECONDS
            for each in self._events:
                self._board.emit(each)
            if not leg.play(self._board.speak(self._say, "")):
                leg.hang_up(NORMAL_CLEARING)
        elif isinstance(event, PlaybackEnded) and leg.played(event.playback):
            leg.hang_up(NORMAL_CLEARING)
        elif isinstance(event, OfferReceived):
            leg.answer_reoffer(event.sdp)

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        self._deadline = None
