"""An agent dials a feature code: log in, log out, ready, break, outbound, more time, and passing her caller on.

The call says what became of it and ends. Whether more time was granted, or there was a caller to pass on, is told by
whoever decides it (`OrderAnswered`), never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from softswitch.acd.messages import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNeedsTime,
    AgentWentOnBreak,
    AgentWentOutbound,
    AgentWentReady,
)
from softswitch.call.board import Board
from softswitch.call.leg import CallLeg
from softswitch.call.orders import PassMyCaller
from softswitch.call.settings import CallSettings
from softswitch.call.talk import NORMAL_CLEARING
from softswitch.ids import AgentId
from softswitch.ivr.messages import Say
from softswitch.media.messages import PlaybackEnded
from softswitch.sip.messages import AckReceived, LegEnded, OfferReceived

_LONGEST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Feature:
    """What a code means."""

    events: tuple[Any, ...]
    say: Say
    not_possible: Say | None = None  # said when the order is refused; None: it never is


def feature_of(settings: CallSettings, dialled: str, agent: AgentId) -> Feature | None:
    """What a dialled code means for this agent; None when it is none."""
    codes, texts = settings.codes, settings.texts
    refused = texts.not_possible
    features = (
        (codes.log_in, Feature((AgentLoggedIn(agent),), texts.logged_in)),
        (codes.log_out, Feature((AgentLoggedOut(agent),), texts.logged_out)),
        (codes.ready, Feature((AgentLoggedIn(agent), AgentWentReady(agent)), texts.now_ready)),
        (codes.take_break, Feature((AgentWentOnBreak(agent),), texts.on_break)),
        (codes.outbound, Feature((AgentWentOutbound(agent, answer=True),), texts.now_outbound, refused)),
        (codes.more_time, Feature((AgentNeedsTime(agent, answer=True),), texts.more_time, refused)),
    )
    for code, feature in features:
        if code and dialled == code:
            return feature
    for code, come_back, say in (
        (codes.pass_on, False, texts.passed_on),
        (codes.pass_and_back, True, texts.passed_and_back),
    ):
        queue = settings.departments.get(dialled[len(code) :]) if code and dialled.startswith(code) else None
        if queue is not None:
            return Feature((PassMyCaller(agent, queue, come_back),), say, refused)
    return None


class FeatureCall:
    """The short call of a feature code."""

    def __init__(self, board: Board, leg: CallLeg, feature: Feature) -> None:
        self._board = board
        self._leg = leg
        self._feature = feature
        self._deadline: float | None = None
        self._told = False

    def next_deadline(self) -> float | None:
        return self._deadline

    def tick(self, now: float) -> None:
        if self._deadline is not None and self._deadline <= now:
            self._deadline = None
            self._leg.hang_up(NORMAL_CLEARING)

    def answered(self, ok: bool) -> None:
        """The order was obeyed, or not."""
        refused = self._feature.not_possible
        if refused is not None and self._deadline is not None and not self._told:
            self._tell(self._feature.say if ok else refused)

    def _tell(self, say: Say) -> None:
        self._told = True
        if not self._leg.play(self._board.speak(say, "")):
            self._leg.hang_up(NORMAL_CLEARING)

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, AckReceived):
            if not leg.acknowledged(event.sdp) or self._deadline is not None:
                return
            leg.facts.answered_at = now
            self._deadline = now + _LONGEST_SECONDS
            for each in self._feature.events:
                self._board.emit(each)
            if self._feature.not_possible is None:
                self._tell(self._feature.say)
        elif isinstance(event, PlaybackEnded) and leg.played(event.playback):
            leg.hang_up(NORMAL_CLEARING)
        elif isinstance(event, OfferReceived):
            leg.answer_reoffer(event.sdp)

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        self._deadline = None
