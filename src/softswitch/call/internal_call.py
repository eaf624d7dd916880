"""An agent calls a colleague, or a number outside: a call without a caller of the line, also before a transfer.

    RINGING --answered--> TALKING --first BYE--> over
       |  refused, no answer: the caller's phone gets the status; CANCEL: the ring is cancelled
    RINGING, TALKING --a transfer takes the other side--> over
    TALKING --one transfers the other--> HANDED OVER --answered--> TALKING, those two (the agent of them is `near`)
                                            |  failed: back to who transferred, or over when she has hung up

The queues see both as on a call of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softswitch.call.board import Board
from softswitch.call.destination import EXTENSIONS, OUTSIDE, Destination
from softswitch.call.dialling import Dialling, Outside
from softswitch.call.handover import Handover, Parted
from softswitch.call.joined import GONE, NORMAL_CLEARING, Joined
from softswitch.call.leg import CallLeg
from softswitch.call.prompts import RINGBACK
from softswitch.ids import AgentId, LegId
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
        self._handover: Handover | None = None
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
        there = self.place_of(self.near).agent, self.destination.agent
        return tuple(agent for agent in there if agent is not None)

    def place_of(self, leg: CallLeg) -> Destination:
        """Where the one on this leg is to be found."""
        if leg is not self.near:
            return self.destination
        agent = self._board.own_call_of(leg.id)
        return Destination(OUTSIDE, number=leg.facts.customer) if agent is None else Destination(EXTENSIONS, agent)

    def there(self, mine: CallLeg) -> Destination:
        """Where the one is to be found whom the one on this leg talks with, or rings."""
        return self.destination if mine is self.near else self.place_of(self.near)

    def other_of(self, mine: CallLeg) -> CallLeg | None:
        return self.far if mine is self.near else self.near

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
        if self._joined is None or self._joined.over or self._handover is not None or before is not self.near:
            return False
        self._joined.replace_customer(leg)
        self.near = leg
        return True

    def give_other(self, mine: CallLeg) -> CallLeg | None:
        """The other side of an answered call, for whoever takes it; `mine` is released. None: they do not talk yet."""
        joined, other = self._joined, self.other_of(mine)
        if joined is None or other is None or not self.can_hand_over:
            return None
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

    @property
    def can_hand_over(self) -> bool:
        """They talk, and nobody is being transferred."""
        return self.joined is not None and self._handover is None

    def hand_over(
        self, mine: CallLeg, destination: Destination, refer: LegId, outside: Outside | None, now: float
    ) -> None:
        """Ring there for the one she talks with."""
        handover, other = self._handed(mine, destination, refer)
        shown = self._board.call.call_back_caller, self._board.call.name
        if destination.agent is not None:
            shown = self.shown(other)
        handover.start(outside, shown, now)

    def hand_to_ring(self, mine: CallLeg, destination: Destination, refer: LegId, dialling: Dialling) -> None:
        """She has rung there already."""
        self._handed(mine, destination, refer)[0].adopt(dialling)

    def _handed(self, mine: CallLeg, destination: Destination, refer: LegId) -> tuple[Handover, CallLeg]:
        joined, other = self._joined, self.other_of(mine)
        assert joined is not None and other is not None and self.can_hand_over
        self._handover = Handover(self._board, self, Parted(joined, other, mine, None), destination, refer)
        return self._handover, other

    def shown(self, leg: CallLeg) -> tuple[str, str]:
        """Number and name of the one on this leg, for a colleague's phone."""
        voice = self._board.call.agents.get(self.place_of(leg).agent or "")
        if voice is None:
            return leg.facts.shown_caller, ""
        return voice.extension, next(iter(voice.spoken_name.texts.values()), "")

    # -------------------------------------------------------------- Host of a handover

    def join(self, mine: CallLeg, destination: Destination, leg: CallLeg, now: float) -> None:
        """She has talked there already, and now the one she talks with does."""
        joined, other = self._joined, self.other_of(mine)
        assert joined is not None and other is not None and self.can_hand_over
        joined.part()
        joined.finish(now)
        self._board.give_leg(mine, GONE)
        mine.hang_up(NORMAL_CLEARING)
        self._goes_on(other, destination, leg, now)

    def handed_over(self, destination: Destination, leg: CallLeg, now: float) -> None:
        handover, self._handover = self._handover, None
        assert handover is not None
        self._goes_on(handover.kept, destination, leg, now)

    def _goes_on(self, kept: CallLeg, destination: Destination, leg: CallLeg, now: float) -> None:
        place = self.place_of(kept)
        if place.agent is None and destination.agent is not None:
            self.near, far, self.destination = leg, kept, place
        else:
            self.near, far, self.destination = kept, leg, destination
        self.keys = ""
        self.talks(far, now)

    def handover_failed(self, status: int, she_is_there: bool, now: float) -> None:
        handover, self._handover = self._handover, None
        assert handover is not None
        if not she_is_there:  # he belongs to nobody
            self._board.give_leg(handover.kept, GONE)
            handover.kept.hang_up(NORMAL_CLEARING)
            self._end()

    def caller_gone(self, now: float) -> None:
        self._handover = None
        self._end()

    def _release(self, mine: CallLeg) -> None:
        self._board.give_leg(mine, GONE)
        mine.hang_up(NORMAL_CLEARING)
        self._end()
