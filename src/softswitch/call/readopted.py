"""Calls of the process before go on in this one.

    CallRestored ──► its legs are known: audio that is still carried is adopted, what is not is brought up anew
    CallsResumed ──► what its people do is taken up where it was: a talk is a talk, who waited waits at his place

    talk      bridged, hold included; her state is `talking`, and ends in wrap-up   internal, outside   bridged
    waiting   in his line with all the time he waited, this outage included         menu   from the start of his flow
    alone     BYE with a true cause

A caller to whom a call-back was promised meanwhile is not put in line as well: he is hung up, and called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from softswitch.acd.messages import AgentTookOver
from softswitch.call.board import Board
from softswitch.call.joined import Joined
from softswitch.call.leg import CallLeg
from softswitch.call.live import (
    INTERNAL,
    MENU,
    OUTSIDE,
    TALK,
    WAITING,
    CallRestored,
    CallsResumed,
    LiveCall,
    LiveCaller,
    LiveLeg,
)
from softswitch.call.records import LOST, InteractionLost, TalkRecord
from softswitch.call.routing import Route, resolve
from softswitch.call.session import CallerSession, Stage
from softswitch.call.settings import NumberSettings
from softswitch.call.talk import TalkFacts
from softswitch.call.transfers import Transfers
from softswitch.ids import FlowId, InteractionId, LegId
from softswitch.media.messages import StopPlay
from softswitch.sip.messages import AckReceived, SendOffer

RESTARTED = 'Q.850;cause=41;text="The switch was started again"'  # temporary failure
_NOTE = "the switch was started again"


def _turn(call: LiveCall) -> tuple[bool, float, int]:
    """Who talks comes first, so that nobody who waits is offered to her; these as they came."""
    place = None if call.caller is None else call.caller.place
    return (
        call.kind not in (TALK, OUTSIDE, INTERNAL),
        0.0 if place is None else place.entered_at + call.offset,
        call.key,
    )


class Readopted:
    """Part of `Calls`."""

    def __init__(
        self,
        board: Board,
        sessions: dict[InteractionId, CallerSession],
        transfers: Transfers,
    ) -> None:
        self._board = board
        self._sessions = sessions
        self._transfers = transfers
        self._calls: list[LiveCall] = []
        self._kinds: dict[str, Callable[[LiveCall, float], bool]] = {
            TALK: self._talk,
            OUTSIDE: self._outside,
            WAITING: self._waiting,
            MENU: self._menu,
            INTERNAL: self._internal,
        }

    def restored(self, event: CallRestored, now: float) -> None:
        shift = self._shift(event.call, now)
        for kept in event.call.all_legs:
            facts = kept.facts
            answered_at = None if facts.answered_at is None else facts.answered_at + shift
            facts = replace(facts, began_at=facts.began_at + shift, answered_at=answered_at, restarted=True)
            leg = self._board.leg_goes_on(kept.sip.leg, kept.port, facts)
            leg.goes_on(kept.version, kept.remote)
        self._calls.append(event.call)

    def resumed(self, event: CallsResumed, now: float) -> None:
        calls, self._calls = self._calls, []
        for call in sorted(calls, key=_turn):
            self._recorded(call)
            promised = call.caller is not None and call.caller.interaction in event.promised
            resume = self._kinds.get(call.kind)
            if resume is None or (promised and call.kind in (WAITING, MENU)) or not resume(call, now):
                self._end(call.legs)
                self._close(call, event.left_open, now)
            self._end(call.others)

    def _recorded(self, call: LiveCall) -> None:
        for kept in call.all_legs:
            leg = self._leg(kept.sip.leg)
            if leg is not None and kept.recorded is not None:
                carried = leg.has_media and leg.port == kept.port
                self._board.recordings.goes_on(leg, replace(kept.recorded), carried, call.kind == MENU)

    def _end(self, legs: tuple[LiveLeg, ...]) -> None:
        for kept in legs:
            leg = self._leg(kept.sip.leg)
            if leg is not None:
                leg.hang_up(RESTARTED)

    def _close(self, call: LiveCall, left_open: frozenset[InteractionId], now: float) -> None:
        """It ends here: nobody else closes its records."""
        ended = dict.fromkeys(kept.facts.interaction for kept in call.legs)
        caller = call.caller
        place = None if caller is None else caller.place
        waited = 0.0
        if place is not None and place.entered_at:
            waited = max(now - place.entered_at - self._shift(call, now), 0.0)
        for interaction in ended:
            if interaction is not None and interaction in left_open:
                at = self._board.line.wall(now)
                self._board.emit(InteractionLost(interaction, LOST, None, at, waited))

    # -------------------------------------------------------------- the kinds

    def _talk(self, call: LiveCall, now: float) -> bool:
        both, facts = self._both(call), call.talk
        if both is None or facts is None or call.caller is None:
            return False
        began_at = self._began_at(call, now)
        if facts.queue not in self._board.call.queue_texts:  # it is no longer configured: they talk all the same
            Joined(self._board, *both, "", lambda at: self._talked(facts, began_at, at)).start(began_at)
            self._board.own_call_began(both[1].id, facts.agent)  # so that nobody rings her
            return True
        session = self._session(call, call.caller, both[0], Stage.TALKING, now)
        self._board.emit(AgentTookOver(facts.attempt, facts.interaction, facts.agent, facts.queue))
        session.handing.talks(facts, both[1], began_at)
        return True

    def _talked(self, facts: TalkFacts, began_at: float, now: float) -> None:
        """Of a queue that nobody else knows any more."""
        self._board.emit(
            TalkRecord(
                interaction=facts.interaction,
                attempt=facts.attempt,
                queue=facts.queue,
                agent=facts.agent,
                caller=facts.caller,
                customer=facts.customer,
                began_at=self._board.line.wall(began_at),
                seconds=now - began_at,
            )
        )

    def _outside(self, call: LiveCall, now: float) -> bool:
        both = self._both(call)
        if both is None or call.caller is None or not self._has_queue(call.caller):
            return False
        session = self._session(call, call.caller, both[0], Stage.TALKING, now)
        session.handing.talks_outside(both[1], self._began_at(call, now))
        return True

    def _waiting(self, call: LiveCall, now: float) -> bool:
        leg, caller = self._leg(call.legs[0].sip.leg), call.caller
        if leg is None or caller is None or caller.place is None:
            return False
        if not self._has_queue(caller):  # it is no longer configured: his number leads to another one
            return self._menu(call, now)
        session = self._session(call, caller, leg, Stage.QUEUED, now)
        place = session.waiting.place
        assert place is not None
        if caller.place.entered_at:
            session.waiting.left_line(now)  # what he waited so far, and meanwhile, counts
        session.enter_line(now)
        self._board.alarm(session)
        return True

    def _menu(self, call: LiveCall, now: float) -> bool:
        """Where he was in his flow is not kept: it begins anew."""
        kept = call.legs[0]
        leg, caller, board = self._leg(kept.sip.leg), call.caller, self._board
        route = resolve(board.call, kept.facts.dialled, board.line.local_time(board.line.wall(now)))
        if leg is None or caller is None or route is None:
            return False
        session = CallerSession(board, caller.interaction, leg, route, now)
        session.waiting.caller_name, session.waiting.can_be_called_back = caller.name, caller.can_be_called_back
        session.waiting.note(_NOTE)
        self._keep(session, leg)
        if kept.sip.acked:
            session.leg_event(leg, AckReceived(leg.id, None), now)
        board.alarm(session)
        return True

    def _internal(self, call: LiveCall, now: float) -> bool:
        both, destination = self._both(call), call.destination
        if both is None or destination is None:
            return False
        near, far = both
        self._transfers.goes_on(near, far, destination, self._began_at(call, now))
        for kept in call.legs:
            if kept.sip.agent is not None:
                self._board.own_call_began(kept.sip.leg, kept.sip.agent)
        return True

    # -------------------------------------------------------------- what they have in common

    def _session(self, call: LiveCall, caller: LiveCaller, leg: CallLeg, stage: Stage, now: float) -> CallerSession:
        route = Route(NumberSettings(leg.facts.dialled, FlowId(""), caller.language), FlowId(""), True)
        when = self._board.line.local_time(self._board.line.wall(now))
        session = CallerSession(
            self._board, caller.interaction, leg, resolve(self._board.call, leg.facts.dialled, when) or route, now
        )
        waiting = session.waiting
        waiting.language = caller.language
        waiting.caller_name, waiting.can_be_called_back = caller.name, caller.can_be_called_back
        if caller.place is not None:
            entered_at = now
            if caller.place.entered_at:
                entered_at = caller.place.entered_at + self._shift(call, now)
            waiting.adopt(caller.interaction, replace(caller.place, entered_at=entered_at, going=None))
        waiting.memory = replace(caller.memory, answered=True, notes=list(caller.memory.notes))
        waiting.note(_NOTE)
        session.stage = stage
        self._keep(session, leg)
        return session

    def _keep(self, session: CallerSession, leg: CallLeg) -> None:
        self._sessions[session.interaction] = session
        self._board.give_leg(leg, session)

    def _both(self, call: LiveCall) -> tuple[CallLeg, CallLeg] | None:
        if len(call.legs) != 2:
            return None
        one, other = (self._leg(kept.sip.leg) for kept in call.legs)
        if one is None or other is None:
            return None
        for kept, leg in zip(call.legs, (one, other), strict=True):
            self._refreshable(kept, leg)
            if leg.has_media:  # music of a consultation or a transfer that was under way goes on with the audio
                self._board.emit(StopPlay(leg.id))
        return one, other

    def _refreshable(self, kept: LiveLeg, leg: CallLeg) -> None:
        """A session that can only be refreshed by repeating a description that had keys in it gets a new one."""
        timer = kept.sip.timer
        if not kept.sip.described and timer.interval and timer.ours and not timer.peer_updates and leg.has_media:
            self._board.emit(SendOffer(leg.id, leg.make_offer()))

    def _leg(self, leg: LegId) -> CallLeg | None:
        found = self._board.find_leg(leg)
        return None if found is None else found[0]

    def _has_queue(self, caller: LiveCaller) -> bool:
        return caller.place is not None and caller.place.queue in self._board.call.queue_texts

    def _began_at(self, call: LiveCall, now: float) -> float:
        return call.began_at + self._shift(call, now)

    def _shift(self, call: LiveCall, now: float) -> float:
        """From the clock of that process to ours. Where the machine's clock was set back meanwhile, the outage counts
        as no time at all: nobody began in the future."""
        return min(call.offset + now - self._board.line.wall(now), now - call.at)
