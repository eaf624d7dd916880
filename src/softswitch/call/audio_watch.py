"""Legs that are answered and are not heard: noted for the CDR and the floor, mended once, and ended at last.

    HEARD --silent for the time of the alarm--> SILENT (`AudioSilent`; one offer anew) --audio, hold--> HEARD
                                                SILENT --silent until the end--> its owner hangs up

Whoever still rings need not send anything, nor hears what early media may bring: silence counts from the answer.
The offer repeats our description (RFC 3264 8): a phone that has lost its way sends its address again, a NAT is opened
anew, a browser looks for another path (ICE restart, RFC 8445 2.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from softswitch.call.board import Board
from softswitch.call.leg import CallLeg
from softswitch.ids import InteractionId, LegId
from softswitch.media.messages import RtpHeard, RtpSilent
from softswitch.media.negotiation import NotAcceptable
from softswitch.media.sdp import SdpError
from softswitch.sip.messages import OfferAnswered, SendOffer

_WATCH_STEP_SECONDS = 0.6  # the media process looks twice a second

Handler = Callable[[Any, float], None]


@dataclass(frozen=True, slots=True)
class AudioSilent:
    """Somebody should be heard and is not; `seconds` 0: he is heard again."""

    leg: LegId
    interaction: InteractionId | None
    direction: str  # "in" | "out"
    party: str  # trunk id, agent id
    seconds: float


class AudioWatch:
    """`on_end` gets the silence that lasted until the end, as the owners of legs know it; `is_asked` knows who has an
    offer of ours to answer already, because his audio moves."""

    def __init__(self, board: Board, on_end: Handler, is_asked: Callable[[LegId], bool]) -> None:
        self._board = board
        self._on_end = on_end
        self._is_asked = is_asked
        self.handlers: dict[type, Handler] = {RtpSilent: self._silent, RtpHeard: self._heard}

    def _silent(self, event: RtpSilent, now: float) -> None:
        found = self._board.find_leg(event.leg)
        if found is None:
            return
        leg, facts, media = found[0], found[0].facts, self._board.media
        if leg.on_hold or facts.answered_at is None:
            return
        seconds = min(event.seconds, now - facts.answered_at)
        alarm = media.silence_alarm_seconds
        if alarm and seconds >= alarm - _WATCH_STEP_SECONDS and facts.silent_since is None:
            facts.silent_since = now - seconds
            self._board.emit(AudioSilent(leg.id, facts.interaction, facts.direction, facts.party, seconds))
            self._mend(leg)
        if seconds >= media.silence_seconds - _WATCH_STEP_SECONDS:
            self._on_end(event, now)

    def _heard(self, event: RtpHeard, now: float) -> None:
        found = self._board.find_leg(event.leg)
        if found is None or found[0].facts.silent_since is None:
            return
        facts = found[0].facts
        facts.heard_again(now)
        self._board.emit(AudioSilent(event.leg, facts.interaction, facts.direction, facts.party, 0.0))

    def _mend(self, leg: CallLeg) -> None:
        """Once for each leg: a phone that does not mend by that does not mend at all."""
        if self._is_asked(leg.id):
            return
        if self._board.media.silence_mend and not leg.facts.mended and leg.remote is not None:
            leg.facts.mended = True
            self._board.emit(SendOffer(leg.id, leg.offer_anew()))


def take_answer(leg: CallLeg, event: OfferAnswered) -> None:
    """The peer's answer to an offer inside of the call. RFC 3261 14.1: when it is refused, the session stays as it
    was."""
    if event.sdp is None or event.status >= 300 or not leg.has_offered:
        leg.offer_refused()
        return
    try:
        leg.accept_answer(event.sdp)
    except (NotAcceptable, SdpError):
        leg.offer_refused()
        return
    if leg.facts.silent_since is not None:
        leg.listen_anew()
