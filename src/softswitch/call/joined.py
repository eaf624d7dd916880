"""Two legs bridged, until the first BYE.

    start -> TALKING --hold re-INVITE--> the other side hears music --resume--> TALKING
               |  part: neither hears the other, whoever parted them owns the legs  --resume--> TALKING
               |  either leg ends -> the other is hung up

Everything that one side signals inside the dialog (hold, new address) stays between us and that side; the other
side only hears the difference. With a guest (`call.conference`) they are in a mix instead of a bridge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softswitch.call.board import Board, LegOwner
from softswitch.call.conference import Conference, Guest, hearing
from softswitch.call.keys import pass_on
from softswitch.call.leg import AudioMoved, CallLeg
from softswitch.call.prompts import music_segment
from softswitch.ids import LegId
from softswitch.media.messages import Bridge, DigitReceived, RtpSilent, Unbridge
from softswitch.sip.messages import AckReceived, InfoDigitReceived, LegEnded, OfferAnswered, OfferReceived

NORMAL_CLEARING = 'Q.850;cause=16;text="Normal call clearing"'
RTP_LOST = 'Q.850;cause=41;text="RTP timeout"'  # temporary failure: the line is dead, not the person
TAKEN_OVER = 'SIP;cause=200;text="Call completed elsewhere"'


class _Gone:
    """Owner of a leg whose call goes on without it."""

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None: ...
    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None: ...


GONE: LegOwner = _Gone()


class Joined:
    """Owner of both legs while they talk. `on_end` is called once, when the first leg is gone."""

    def __init__(
        self, board: Board, customer: CallLeg, agent: CallLeg, music: str, on_end: Callable[[float], None]
    ) -> None:
        self._board = board
        self._customer = customer
        self._agent = agent
        self._music = music
        self._on_end = on_end
        self._began_at = 0.0
        self._together = False
        self._held: dict[LegId, None] = {}  # who is on hold, as far as the other has been told by music
        self._mixed: Conference | None = None
        self.guests: list[Guest] = []
        self.over = False

    @property
    def customer_leg(self) -> CallLeg:
        return self._customer

    @property
    def agent_leg(self) -> CallLeg:
        return self._agent

    @property
    def began_at(self) -> float:
        return self._began_at

    def start(self, now: float) -> None:
        self._began_at = now
        self.resume()

    def resume(self) -> None:
        """Both are here and hear each other (again)."""
        board = self._board
        self._customer.stop_play()
        self._agent.stop_play()
        board.give_leg(self._customer, self)
        board.give_leg(self._agent, self)
        self._together = True
        self._held.clear()
        self.sound()
        for leg in (self._customer, self._agent):
            if leg.on_hold:  # since before
                self._hold_changed(leg)

    def part(self) -> None:
        """They are no longer together; the legs are for somebody else to own. Guests wait."""
        self._together = False
        self.sound()
        self._board.emit(Unbridge(self._customer.id))
        self._customer.stop_play()
        self._agent.stop_play()

    def replace_agent(self, leg: CallLeg) -> None:
        """She goes on with another phone of hers."""
        before = self._agent
        self.part()
        self._agent = leg
        self._board.give_leg(before, GONE)
        before.hang_up(TAKEN_OVER)
        self.resume()

    def replace_customer(self, leg: CallLeg) -> None:
        before = self._customer
        self.part()
        self._customer = leg
        self._board.give_leg(before, GONE)
        before.hang_up(TAKEN_OVER)
        self.resume()

    # -------------------------------------------------------------- guests

    def sound(self) -> None:
        """Let everybody hear what he is to hear, after anything changed in that."""
        mixed, guests = self._mixed, self.guests
        if self.over:
            return
        others = self._agent, *(guest.leg for guest in guests)
        there = all(leg.has_media for leg in (self._customer, *others))
        if not there or (self._together and not self._board.in_one_place(self._customer, *others)):
            self._mixed = None  # and the mixer with it: all is told anew when the last one is there (`AudioMoved`)
            return
        if guests:
            if mixed is None:
                mixed = self._mixed = Conference(self._board)
            if self._together:
                mixed.set(hearing(self._customer, self._agent, guests))
            else:
                mixed.set({guest.leg: () for guest in guests})
            return
        if mixed is not None:
            mixed.close()
            self._mixed = None
        if self._together:
            self._board.emit(Bridge(self._customer.id, self._agent.id))

    def add_guest(self, guest: Guest) -> None:
        self.guests.append(guest)
        self.sound()

    def remove_guest(self, guest: Guest) -> None:
        if guest in self.guests:
            self.guests.remove(guest)
            self.sound()

    # -------------------------------------------------------------- LegOwner

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, OfferReceived | AckReceived | OfferAnswered):
            if isinstance(event, OfferReceived):
                leg.answer_reoffer(event.sdp)
            elif isinstance(event, AckReceived):
                leg.acknowledged(event.sdp)
            if leg.on_hold != (leg.id in self._held):
                self._hold_changed(leg)
        elif isinstance(event, AudioMoved):
            self.sound()
        elif isinstance(event, RtpSilent) and not leg.on_hold:
            leg.hang_up(RTP_LOST)
        elif isinstance(event, DigitReceived | InfoDigitReceived):
            pass_on(leg, self._agent if leg is self._customer else self._customer, event, now, mixed=bool(self.guests))

    def _hold_changed(self, leg: CallLeg) -> None:
        other = self._agent if leg is self._customer else self._customer
        by = "the customer" if leg is self._customer else "the agent"
        self._board.recordings.mark(self._customer, "held" if leg.on_hold else "taken back", by)
        if leg.on_hold:
            self._held[leg.id] = None
            other.play((music_segment(self._music),), loops=0)
        else:
            self._held.pop(leg.id, None)
            other.stop_play()

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        if self.over:
            return
        other = self._agent if leg is self._customer else self._customer
        other.stop_play()
        other.hang_up(NORMAL_CLEARING)
        self.finish(now)
        self._on_end(now)

    def finish(self, now: float) -> None:
        """Over, for the record; what becomes of the legs is decided elsewhere."""
        self.over = True
        self.apart()
        for guest in list(self.guests):
            if guest.on_over is not None:
                guest.on_over(now)

    def apart(self) -> None:
        """Nobody hears anybody here any more."""
        self._together = False
        if self._mixed is not None:
            self._mixed.close()
            self._mixed = None
