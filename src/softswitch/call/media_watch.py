"""What the media process says of itself and of whole legs: ports to use, its certificate, legs it closed or lost; and
speech that was made while a leg waited for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softswitch.call.board import Board
from softswitch.call.live_speech import SpeechMade
from softswitch.call.media_again import MediaAgain, only_in
from softswitch.ids import LegId
from softswitch.media.messages import (
    AdoptLegs,
    AllLegsFound,
    DtlsOffered,
    FoundLeg,
    LegsFound,
    MediaLegClosed,
    MediaLegFailed,
    MediaLost,
    PlaybackEnded,
    PortsLeased,
)
from softswitch.sip.messages import OfferAnswered, SendOffer
from softswitch.sip.offer_messages import OfferDue

MEDIA_FAILED = 'Q.850;cause=41;text="Media failed"'  # of this leg alone; the media process logs why

Handler = Callable[[Any, float], None]


class MediaWatch:
    """`on_ports` is told of each lease; the first one means that calls can come. `other_offer` hears the answers to
    offers that are not made because a media process was lost."""

    def __init__(self, board: Board, on_ports: Callable[[float], None], other_offer: Handler) -> None:
        self._board = board
        self._other_offer = other_offer
        self.again = MediaAgain(board)
        self._on_ports = on_ports
        self._found: dict[LegId, FoundLeg] = {}  # carried over by a media process that tells of them just now
        self.handlers: dict[type, Handler] = {
            PortsLeased: self._leased,
            DtlsOffered: self._dtls_offered,
            MediaLegClosed: self._closed,
            MediaLegFailed: self._failed,
            MediaLost: self._lost,
            LegsFound: self._legs_found,
            AllLegsFound: self._all_found,
            SpeechMade: self._speech_made,
            OfferAnswered: self._offer_answered,
            OfferDue: self._offer_due,
        }

    def _leased(self, event: PortsLeased, now: float) -> None:
        self._board.ports.add(event.ports)
        self._on_ports(now)

    def _dtls_offered(self, event: DtlsOffered, now: float) -> None:
        self._board.note_fingerprint(event.port_first, event.fingerprint)

    def _closed(self, event: MediaLegClosed, now: float) -> None:
        self._board.media_closed(event)

    def _failed(self, event: MediaLegFailed, now: float) -> None:
        found = self._board.find_leg(event.leg)
        if found is not None and found[0].has_media:  # else it is lost already, and is brought up again
            leg, owner = found
            leg.has_media = False
            owner.leg_event(leg, event, now)
            leg.hang_up(MEDIA_FAILED)

    def _speech_made(self, event: SpeechMade, now: float) -> None:
        """What was held for it is played; where nothing is to be heard, that playback is over."""
        found = self._board.find_leg(event.leg)
        if self._board.speech_made(event) or found is None:
            return
        leg, owner = found
        owner.leg_event(leg, PlaybackEnded(event.leg, event.playback, finished=False), now)
        if hasattr(owner, "next_deadline"):
            self._board.alarm(owner)

    def _lost(self, event: MediaLost, now: float) -> None:
        self._board.media_lost(event.port_first, event.port_last)
        self.again.lost(only_in(self._board.live_legs(), event.port_first, event.port_last), now)

    def _offer_answered(self, event: OfferAnswered, now: float) -> None:
        if not self.again.answered(event, now):
            self._other_offer(event, now)

    def _offer_due(self, event: OfferDue, now: float) -> None:
        found = self._board.find_leg(event.leg)
        if found is not None and found[0].has_media:
            self._board.emit(SendOffer(event.leg, found[0].make_offer()))
        else:  # another one follows, when there is audio again
            self._offer_answered(OfferAnswered(event.leg, 491, None), now)

    # -------------------------------------------------------------- a media process that has outlived the switch

    def _legs_found(self, event: LegsFound, now: float) -> None:
        self._found.update({LegId(found.leg): found for found in event.legs})

    def _all_found(self, event: AllLegsFound, now: float) -> None:
        """Those go on whose calls are known here; the others are closed by the media process. Calls that are known here
        and not there are brought up again."""
        found, self._found = self._found, {}
        known = [leg for leg in found if self._board.find_leg(leg) is not None]
        legs, ports = self._board.live_legs(), self._board.ports
        here = only_in(legs, event.port_first, event.port_last)
        here += [leg for leg in legs if not ports.has(leg.port)]  # of a process that had other ports
        self.again.lost([leg for leg in here if leg.has_media and leg.id not in found], now)
        self.again.ready(now)
        for leg in known:
            self._compare(found[leg])
        if found:
            self._board.emit(AdoptLegs(tuple(known), event.port_first, event.port_last))

    def _compare(self, found: FoundLeg) -> None:
        """What was agreed right before the crash is not in the record of the call: who is carried otherwise than we
        know is asked what holds."""
        known = self._board.find_leg(LegId(found.leg))
        if known is not None and known[0].has_media and not known[0].carried_as(found):
            self._board.emit(SendOffer(known[0].id, known[0].make_offer()))
