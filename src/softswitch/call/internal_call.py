"""An agent calls a colleague, or a number outside: a call without a caller of the line, also before a transfer.

    RINGING --answered--> TALKING --first BYE--> over
       |  refused, no answer: the caller's phone gets the status; CANCEL: the ring is cancelled
    RINGING, TALKING --a transfer takes the other side--> over

The queues see both as on a call of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softswitch.call.board import Board
from softswitch.call.destination import Destination
from softswitch.call.dialling import Dialling, Outside
from softswitch.call.joined import GONE, NORMAL_CLEARING, Joined
from softswitch.call.leg import CallLeg
from softswitch.call.prompts import RINGBACK
from softswitch.ids import AgentId
from softswitch.media.messages import Bridge
from softswitch.media.negotiation import NotAcceptable
from softswitch.media.sdp import SdpError
from softswitch.sip.messages import (
    Answer,
    InviteProgressed,
    LegEnded,
    OfferReceived,
    Reject,
    RespondProvisional,
)


class InternalCall:
    """`near` is the leg of the phone that calls, `sdp` our answer to it. `on_over` is called once."""

    def __init__(
        self,
        board: Board,
        near: CallLeg,
        sdp: bytes,
        destination: Destination,
        on_over: Callable[[InternalCall], None],
    ) -> None:
        self._board = board
        self._sdp = sdp
        self._on_over = on_over
        self._dialling: Dialling | None = None
        self._joined: Joined | None = None
        self._early = False  # she hears the network's own tones
        self.near = near
        self.far: CallLeg | None = None
        self.destination = destination
        self.keys = ""  # that are pressed once the other side has answered
        self.over = False

    @property
    def agents(self) -> tuple[AgentId, ...]:
        """Who of the house is on it, the one who calls first."""
        called = self.destination.agent
        return (AgentId(self.near.facts.party), *(() if called is None else (called,)))

    def start(self, shown: tuple[str, str], outside: Outside | None, hops: int, now: float) -> None:
        board, destination = self._board, self.destination
        board.give_leg(self.near, self)
        self._dialling = Dialling(board, self, None, shown, self.near)
        self._dialling.hops = hops
        if destination.agent is not None:
            self._dialling.ring(destination.agent, now)
        else:
            self._dialling.dial(outside, now)

    @property
    def joined(self) -> Joined | None:
        """While they talk."""
        return None if self._joined is None or self._joined.over else self._joined

    def _end(self) -> None:
        if not self.over:
            self.over = True
            self._on_over(self)

    # -------------------------------------------------------------- the other side is called

    def dial_progressed(self, leg: CallLeg, event: InviteProgressed) -> None:
        if self.destination.agent is None and event.sdp is not None:
            try:
                leg.accept_answer(event.sdp)
            except (NotAcceptable, SdpError):
                return  # the final answer decides
            self._early = True
            self.near.stop_play()
            self._board.emit(Bridge(leg.id, self.near.id))
            self._board.emit(RespondProvisional(self.near.id, 183, self._sdp))
        else:
            self._board.emit(RespondProvisional(self.near.id, 180))

    def dial_goes_on(self) -> None:
        if self._early:
            self._early = False
            self.near.play((RINGBACK,), loops=0)

    def dial_answered(self, leg: CallLeg, now: float) -> None:
        self._dialling = None
        self.near.facts.answered_at = now
        self._board.emit(Answer(self.near.id, self._sdp))
        self.talks(leg, now)

    def talks(self, far: CallLeg, now: float) -> None:
        self.far = far
        self._joined = Joined(self._board, self.near, far, "", self._talked)
        self._joined.start(now)
        if self.keys:
            far.press(self.keys)

    def dial_failed(self, status: int, now: float) -> None:
        self._dialling = None
        self._board.give_leg(self.near, GONE)
        self._board.emit(Reject(self.near.id, status))
        self._end()

    def _talked(self, now: float) -> None:
        self._end()

    # -------------------------------------------------------------- LegOwner of `near`, while it rings

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, OfferReceived):  # RFC 3311 5.2: UPDATE while it rings, after early media that was agreed
            leg.answer_reoffer(event.sdp)

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        dialling, self._dialling = self._dialling, None
        if dialling is not None:
            dialling.cancel()
        self._end()

    # -------------------------------------------------------------- a transfer

    def move(self, before: CallLeg, leg: CallLeg) -> bool:
        """She goes on with another phone of hers: only once they talk, and only the one who called."""
        if self._joined is None or self._joined.over or before is not self.near:
            return False
        self._joined.replace_customer(leg)
        self.near = leg
        return True

    def give_other(self, mine: CallLeg) -> CallLeg | None:
        """The other side of an answered call, for whoever takes it; `mine` is released. None: they do not talk yet."""
        joined = self._joined
        if joined is None or joined.over or self.far is None:
            return None
        other = self.far if mine is self.near else self.near
        joined.part()
        joined.finish(0.0)
        self._release(mine)
        return other

    def give_dialling(self, mine: CallLeg) -> Dialling | None:
        """The ring that goes on for somebody else; `mine` is released. None: it does not ring (any more)."""
        dialling, self._dialling = self._dialling, None
        if dialling is None or mine is not self.near:
            return None
        self._release(mine)
        return dialling

    def _release(self, mine: CallLeg) -> None:
        self._board.give_leg(mine, GONE)
        mine.hang_up(NORMAL_CLEARING)
        self._end()
