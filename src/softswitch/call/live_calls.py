"""Looks at the calls that go on, for the record that outlives them (`call.live`). Nothing here changes a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from softswitch.call.call_back import CallBackSession, Step
from softswitch.call.core import Calls
from softswitch.call.internal_call import InternalCall
from softswitch.call.known import Memory, QueuePlace
from softswitch.call.leg import CallLeg
from softswitch.call.live import ALONE, INTERNAL, MENU, OUTSIDE, TALK, WAITING, LiveCall, LiveCaller, LiveLeg
from softswitch.call.recording import Recorded
from softswitch.call.session import CallerSession, Stage
from softswitch.call.talk import Talk
from softswitch.ids import InteractionId, LegId
from softswitch.media.negotiation import RemoteMedia
from softswitch.media.security import Dtls, Sdes
from softswitch.sip.survivor import EstablishedLeg

_IN_LINE = (Stage.LOOKUP, Stage.QUEUED, Stage.CHOOSING)

Established = Callable[[LegId], EstablishedLeg | None]


class LiveCalls:
    """See the module. `established` gives what the SIP room knows of a leg."""

    def __init__(self, calls: Calls, established: Established) -> None:
        self._calls = calls
        self._established = established

    def key_of(self, leg: LegId) -> int | None:
        """The call that this leg belongs to; None: it is over."""
        found = self._calls.board.find_leg(leg)
        if found is None:
            return None
        interaction = found[0].facts.interaction
        if interaction is not None:
            return interaction
        internal = self._internal(leg)
        return leg if internal is None else internal.near.id

    def unwritten(self, leg: LegId) -> bool:
        """It is over, and its CDR waits for the media process."""
        return self._calls.board.counts_awaited(leg)

    def look(self, key: int, legs: Iterable[LegId], now: float) -> LiveCall | None:
        """The call as it is now; None: there is nothing to keep. `legs`: those of it that are known."""
        legs = tuple(legs)
        call = self._look(key, legs, now)
        if call is None or len(call.legs) >= len(legs):
            return call
        there = [each.sip.leg for each in call.legs]
        others = self._known([leg for leg in legs if leg not in there])
        return replace(call, others=others) if others else call

    def _look(self, key: int, legs: Iterable[LegId], now: float) -> LiveCall | None:
        session = self._calls.sessions.get(InteractionId(key))
        if session is not None:
            return self._caller(session, now)
        call_back = self._calls.call_backs.get(InteractionId(key))
        if call_back is not None:
            return self._call_back(call_back, legs, now)
        internal = self._internal(LegId(key))
        if internal is not None and internal.joined is not None and internal.far is not None:
            both = self._legs((internal.near, internal.far))
            if len(both) == 2:
                began_at, destination = internal.joined.began_at, internal.destination
                return LiveCall(key, INTERNAL, now, self._offset(now), both, began_at, destination=destination)
        return self._alone(key, legs, now)

    # -------------------------------------------------------------- the kinds

    def _caller(self, session: CallerSession, now: float) -> LiveCall | None:
        talk, outside = session.talk, session.handing.outside
        if talk is not None and not talk.over:
            made = self._talk(session.interaction, talk, _caller(session), now)
            if made is not None:
                return made
        elif outside is not None and not outside.over:
            legs = self._legs((outside.customer_leg, outside.agent_leg))
            if len(legs) == 2:
                began_at, caller = outside.began_at, _caller(session)
                return LiveCall(session.interaction, OUTSIDE, now, self._offset(now), legs, began_at, caller)
        legs = self._legs((session.leg,))
        if not legs:
            return None
        in_line = session.stage in _IN_LINE or session.stage is Stage.TALKING
        if in_line and session.waiting.place is not None:
            kind = WAITING
        else:
            kind = MENU if session.stage in (Stage.RINGING, Stage.MENU) else ALONE
        return LiveCall(session.interaction, kind, now, self._offset(now), legs, caller=_caller(session))

    def _talk(self, key: int, talk: Talk, caller: LiveCaller, now: float) -> LiveCall | None:
        legs = self._legs((talk.customer_leg, talk.agent_leg))
        if len(legs) < 2 or not talk.began_at:  # she is being told who it is: they do not talk yet
            return None
        return LiveCall(key, TALK, now, self._offset(now), legs, talk.began_at, caller, talk.facts)

    def _call_back(self, session: CallBackSession, legs: Iterable[LegId], now: float) -> LiveCall | None:
        """A customer who was called back is a caller like any other once they talk; before that his promise counts."""
        talk, ticket = session.talk, session.ticket
        if session.step is Step.TALKING and talk is not None and not talk.over and not talk.not_known_whom:
            place = QueuePlace(ticket.queue, ticket.customer, {}, (), "called back", entered_at=session.since)
            caller = LiveCaller(session.interaction, ticket.language, "", True, place, Memory(answered=True))
            made = self._talk(session.interaction, talk, caller, now)
            if made is not None:
                return made
        return self._alone(session.interaction, legs, now)

    def _alone(self, key: int, legs: Iterable[LegId], now: float) -> LiveCall | None:
        kept = self._known(legs)
        return LiveCall(key, ALONE, now, self._offset(now), kept) if kept else None

    # -------------------------------------------------------------- legs

    def _known(self, legs: Iterable[LegId]) -> tuple[LiveLeg, ...]:
        found = (self._calls.board.find_leg(leg) for leg in legs)
        return self._legs(tuple(each[0] for each in found if each is not None))

    def _internal(self, leg: LegId) -> InternalCall | None:
        return self._calls.transfers.internal_of(leg)

    def _legs(self, legs: tuple[CallLeg, ...]) -> tuple[LiveLeg, ...]:
        recordings = self._calls.board.recordings
        kept = ((leg, self._established(leg.id)) for leg in legs if leg.alive)
        return tuple(_leg(leg, sip, recordings.known(leg.id)) for leg, sip in kept if sip is not None)

    def _offset(self, now: float) -> float:
        return self._calls.board.line.wall(now) - now


def _leg(leg: CallLeg, sip: EstablishedLeg, recorded: Recorded | None) -> LiveLeg:
    return LiveLeg(sip, leg.port, leg.version, leg.facts, _without_keys(leg.remote), recorded)


def _caller(session: CallerSession) -> LiveCaller:
    waiting = session.waiting
    name, can = waiting.caller_name, waiting.can_be_called_back
    return LiveCaller(session.interaction, waiting.language, name, can, waiting.place, waiting.memory)


def _without_keys(remote: RemoteMedia | None) -> RemoteMedia | None:
    security = None if remote is None else remote.security
    if remote is None or security is None:
        return remote
    if isinstance(security, Sdes):
        return replace(remote, security=Sdes(security.suite, b"", b""))
    return replace(remote, security=Dtls(security.active, security.fingerprint, mux=security.mux))
