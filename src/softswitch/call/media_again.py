"""Calls whose media process is gone are brought up again in the next one, by a re-INVITE with a new port.

    answered --its media process is lost--> LOST --the next one is ready, and it is its turn--> OFFERED --2xx--> heard
    rings --answered after all-----------------^ |                                                 |--refused--> hung up
                                                 +--no media process, no port for a while--> hung up
    OFFERED --lost once more--> OFFERED in vain --answered, whatever it is--> LOST

What the leg was playing plays again from its beginning as soon as it has a port, and who was bridged is bridged again:
a peer without encryption is sent to at once, where it is known to be, before it answers. Keys are new; a browser gets
an ICE restart. Some legs a second have their turn, those who talk first, in the order in which they came. The port that
a peer sends to until it knows the new one is nobody else's for so long.

The peer's own re-INVITE meets the stack's rules of glare (RFC 3261 14.1); while its leg has no audio at all, it gets
491 as well, and comes again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from softswitch.call.board import Board, LegOwner
from softswitch.call.joined import Joined
from softswitch.call.leg import AudioMoved, CallLeg
from softswitch.ids import LegId
from softswitch.media.messages import CloseMediaLeg
from softswitch.media.negotiation import NotAcceptable
from softswitch.media.sdp import SdpError
from softswitch.sip.messages import OfferAnswered, SendOffer

MEDIA_GONE: Final = 'Q.850;cause=41;text="Media process lost"'
TEMPORARY_FAILURE: Final = 41  # of Q.850, in the CDR
GIVE_UP_SECONDS: Final = 15.0  # so long nobody hears anything: then it is no call any more
STEP_SECONDS: Final = 0.1
LOOK_SECONDS: Final = 0.5  # for ports, while there are none, and for those who have hung up
LEGS_AT_ONCE: Final = 20  # in one step
_NO_END: Final = float("inf")  # not yet known
MOST_TRIES: Final = 3  # against offers of our own that are under way


@dataclass(slots=True)
class _Offered:
    """`in_vain`: the media process for which it was made is lost as well. `before`: the port until now."""

    before: int
    tries: int = 1
    in_vain: bool = False


class MediaAgain:
    """Minds a deadline (`Board.alarm`)."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._lost: dict[LegId, tuple[CallLeg, float]] = {}  # and when it is given up
        self._offered: dict[LegId, _Offered] = {}
        self._beside: dict[LegId, int] = {}  # legs that go to the media process of this port
        self._next_at: float | None = None
        board.set_bringer(self.bring)

    @property
    def count(self) -> int:
        """Legs without audio."""
        return len(self._lost)

    def asks(self, leg: LegId) -> bool:
        """Its peer has been told of another port, and has not answered yet."""
        return leg in self._offered

    # -------------------------------------------------------------- lost

    def lost(self, legs: Iterable[CallLeg], now: float) -> None:
        """The media process of these legs is gone. A phone that rings goes on to ring; a browser that answered and was
        about to agree on keys is hung up."""
        for leg in legs:
            leg.has_media = False
            self._board.ports.hold(leg.port)
            offered = self._offered.get(leg.id)
            if offered is not None:
                offered.in_vain = True
            if leg.facts.answered_at is not None and leg.awaits_keys:
                self._board.ports.let_go(leg.port)
                self._end(leg)
            else:
                self._lost[leg.id] = leg, now + GIVE_UP_SECONDS
        self._arm(min((until for _, until in self._lost.values()), default=now + LOOK_SECONDS))

    def bring(self, leg: CallLeg, to: CallLeg) -> None:
        """They are to hear each other and are in two media processes: `leg` goes where `to` is."""
        if not leg.has_media:
            return
        self._board.emit(CloseMediaLeg(leg.id))
        leg.has_media = False
        self._lost[leg.id] = leg, _NO_END
        self._beside[leg.id] = to.port
        self._arm(0.0)

    def ready(self, now: float) -> None:
        """There is a media process again; its ports come next."""
        if self._lost:
            self._arm(now)

    def _arm(self, at: float | None) -> None:
        self._next_at = at
        self._board.alarm(self)

    # -------------------------------------------------------------- one after another

    def next_deadline(self) -> float | None:
        return self._next_at

    def tick(self, now: float) -> None:
        turn = 0
        self._sweep()
        rings = False
        for leg, owner in self._in_order():
            if leg.id in self._offered:
                continue  # the answer to an offer in vain comes first
            if leg.facts.answered_at is None:
                rings = True
                self._lost[leg.id] = leg, now + GIVE_UP_SECONDS
                continue
            port = self._port(leg) if turn < LEGS_AT_ONCE and leg.remote is not None else None
            if port is not None:
                turn += 1
                del self._lost[leg.id]
                self._move(leg, owner, port, now)
            elif self._lost[leg.id][1] == _NO_END:
                self._lost[leg.id] = leg, now + GIVE_UP_SECONDS
            elif self._lost[leg.id][1] <= now:
                self._give_up(leg)
        # without a port there will be none so soon
        pause = STEP_SECONDS if rings or turn == LEGS_AT_ONCE else LOOK_SECONDS
        self._arm(now + pause if self._lost or self._offered else None)

    def _port(self, leg: CallLeg) -> int | None:
        ports = self._board.ports
        port = ports.take(beside=self._beside.get(leg.id, leg.port))
        if port is None:
            return ports.take_held(leg.port)
        self._beside.pop(leg.id, None)
        return port

    def _sweep(self) -> None:
        """Who has hung up is asked nothing any more, and sends nowhere."""
        for leg in [leg for leg in self._offered if self._board.find_leg(leg) is None]:
            self._board.ports.let_go(self._offered.pop(leg).before)

    def _in_order(self) -> list[tuple[CallLeg, LegOwner]]:
        """Those who talk, then those who wait."""
        there = []
        for leg, _ in list(self._lost.values()):
            found = self._board.find_leg(leg.id)
            if found is not None:
                there.append(found)
            else:
                del self._lost[leg.id]
                self._beside.pop(leg.id, None)
                self._board.ports.let_go(leg.port)
        return sorted(there, key=lambda each: not isinstance(each[1], Joined))

    def _move(self, leg: CallLeg, owner: LegOwner, port: int, now: float) -> None:
        self._board.ports.ended(leg.port)
        self._offered[leg.id] = _Offered(leg.port)
        offer = leg.move_audio(port)
        self._board.emit(SendOffer(leg.id, offer))
        self._board.recordings.moved(leg)
        owner.leg_event(leg, AudioMoved(leg.id), now)

    # -------------------------------------------------------------- the peer's answer

    def answered(self, event: OfferAnswered, now: float) -> bool:
        """False: this offer was somebody else's."""
        offered = self._offered.pop(event.leg, None)
        if offered is None:
            return False
        found = self._board.find_leg(event.leg)
        if found is None:
            self._board.ports.let_go(offered.before)
            return True
        leg, owner = found
        used_up = not leg.has_offered  # by an answer that came with an ACK
        if event.sdp is not None and event.status < 300 and not used_up:
            try:
                leg.accept_answer(event.sdp)
                leg.keys_agreed()  # or they will be: nobody waits for it
                self._board.ports.let_go(offered.before)
                owner.leg_event(leg, event, now)
            except (NotAcceptable, SdpError):
                self._give_up(leg)
        elif (event.status == 491 or used_up) and offered.tries < MOST_TRIES:
            # another offer of ours was under way; the stack itself tries again after one of the peer's
            if not offered.in_vain:
                self._offered[leg.id] = _Offered(offered.before, offered.tries + 1)
                self._board.emit(SendOffer(leg.id, leg.make_offer()))
        else:
            self._board.ports.let_go(offered.before)
            self._give_up(leg)
        if offered.in_vain and leg.id in self._lost:
            self._arm(now)
        return True

    def _give_up(self, leg: CallLeg) -> None:
        self._beside.pop(leg.id, None)
        if self._lost.pop(leg.id, None) is not None:
            self._board.ports.let_go(leg.port)
        self._end(leg)

    def _end(self, leg: CallLeg) -> None:
        leg.facts.cause = TEMPORARY_FAILURE
        leg.hang_up(MEDIA_GONE)


def only_in(legs: Iterable[CallLeg], first: int, last: int) -> list[CallLeg]:
    """Those whose port is one of these."""
    return [leg for leg in legs if first <= leg.port <= last]
