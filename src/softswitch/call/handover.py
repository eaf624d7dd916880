"""Somebody is on his way from an agent to a colleague or to a number outside; he hears it ring.

    start: parted from her, she may hang up or stay --> RINGING --answered--> he talks there, she is in wrap-up
                                                          |  failed, she is still there --> back to her (RECOVER)
                                                          |  failed, she has hung up    --> the host knows
                                                          |  he hangs up                --> nothing rings any more

The host is a caller's session (`call.handing`: to the front of his queue then, no failure on this side ends his call)
or a call between agents (`call.internal_call`).
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from softswitch.call.board import Board
from softswitch.call.destination import Destination
from softswitch.call.dialling import Dialling, Outside
from softswitch.call.joined import NORMAL_CLEARING, RTP_LOST, Joined
from softswitch.call.leg import CallLeg
from softswitch.call.prompts import RINGBACK
from softswitch.ids import InteractionId, LegId
from softswitch.media.messages import Bridge, RtpSilent
from softswitch.media.negotiation import NotAcceptable
from softswitch.media.sdp import SdpError
from softswitch.sip.messages import (
    AckReceived,
    InviteProgressed,
    LegEnded,
    OfferReceived,
    ReferProgressed,
)


class Parted(NamedTuple):
    """`talk` was between these two: `kept` goes on, `hers` is the one who sends him there."""

    talk: Joined
    kept: CallLeg
    hers: CallLeg
    interaction: InteractionId | None


class Host(Protocol):
    """Whose call it is, as far as a handover needs it."""

    def handed_over(self, destination: Destination, leg: CallLeg, now: float) -> None: ...
    def handover_failed(self, status: int, she_is_there: bool, now: float) -> None: ...
    def caller_gone(self, now: float) -> None: ...


class Handover:
    """Owner of the caller's leg and of hers. `refer` is the leg whose phone is told how it goes."""

    def __init__(self, board: Board, host: Host, parted: Parted, destination: Destination, refer: LegId) -> None:
        self._board = board
        self._host = host
        self._talk, self._kept, self._hers, self._interaction = parted
        self._destination = destination
        self._refer = refer
        self._dialling: Dialling | None = None
        self._early = False

    @property
    def kept(self) -> CallLeg:
        return self._kept

    def start(self, outside: Outside | None, shown: tuple[str, str], now: float) -> None:
        self._take_legs()
        dialling = Dialling(self._board, self, self._interaction, shown, self._kept)
        self._dialling = dialling
        if self._destination.agent is not None:
            dialling.ring(self._destination.agent, now)
        else:
            dialling.dial(outside, now)

    def adopt(self, dialling: Dialling) -> None:
        """A call of hers that rings already goes on for him."""
        self._take_legs()
        dialling.listener = self
        self._dialling = dialling

    def _take_legs(self) -> None:
        self._talk.part()
        self._board.recordings.mark(self._kept, "being transferred", self._destination.shown)
        self._board.give_leg(self._kept, self)
        self._board.give_leg(self._hers, self)
        self._kept.play((RINGBACK,), loops=0)

    def _report(self, status: int) -> None:
        self._board.emit(ReferProgressed(self._refer, status))

    # -------------------------------------------------------------- the one who is rung

    def dial_progressed(self, leg: CallLeg, event: InviteProgressed) -> None:
        if event.status == 180 or event.sdp is not None:
            self._report(event.status)
        if self._destination.agent is not None or event.sdp is None:
            return
        try:
            leg.accept_answer(event.sdp)
        except (NotAcceptable, SdpError):
            return  # the final answer decides
        self._early = True
        self._kept.stop_play()
        self._board.emit(Bridge(leg.id, self._kept.id))

    def dial_goes_on(self) -> None:
        if self._early:
            self._early = False
            self._kept.play((RINGBACK,), loops=0)

    def dial_answered(self, leg: CallLeg, now: float) -> None:
        self._report(200)
        self._release_her(now)
        self._kept.stop_play()
        self._host.handed_over(self._destination, leg, now)

    def dial_failed(self, status: int, now: float) -> None:
        self._report(status)
        self._kept.stop_play()
        there = not self._talk.over and self._hers.alive
        if there:
            self._talk.resume()
        self._host.handover_failed(status, there, now)

    def _release_her(self, now: float) -> None:
        if not self._talk.over:
            self._talk.finish(now)
        self._hers.hang_up(NORMAL_CLEARING)

    def agent_freed(self, now: float) -> None:
        """A supervisor takes her out of it: the ring goes on without her."""
        self._release_her(now)

    # -------------------------------------------------------------- LegOwner

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, OfferReceived):
            leg.answer_reoffer(event.sdp)
        elif isinstance(event, AckReceived):
            leg.acknowledged(event.sdp)
        elif isinstance(event, RtpSilent) and leg is self._kept and not leg.on_hold:
            leg.hang_up(RTP_LOST)

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        if leg is self._hers:
            if not self._talk.over:
                self._talk.finish(now)
            return
        dialling, self._dialling = self._dialling, None
        if dialling is not None:
            dialling.cancel()
        self._release_her(now)
        self._host.caller_gone(now)
