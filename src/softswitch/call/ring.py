"""One ring attempt: an agent's phones ring for one interaction; the first that answers wins.

    start -> RINGING --first 200 (browser: and its keys)--> ANSWERED --Connect--> (bridge takes the leg)
                |  all legs failed -> DONE (AgentRefused / AgentUnreachable)
                |  CancelRing      -> DONE (legs cancelled; a crossing 200 is released by the SIP room)
              ANSWERED --RefuseAnswer / leg ended--> DONE

All races of attempt, cancel and answer come together here: the ACD's compare-and-set decides who may talk, this
object only knows its own legs, and the SIP room alone deals with CANCEL crossing a 200.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Any

from softswitch.acd.messages import AgentAnswered, AgentRefused, AgentUnreachable, RingEnd
from softswitch.call.auto_answer import headers as auto_answer
from softswitch.call.board import Board
from softswitch.call.destination import OUTSIDE
from softswitch.call.dialling import Outside, outside_of
from softswitch.call.leg import CallLeg, LegFacts
from softswitch.ids import AgentId, InteractionId, LegId, RingAttemptId
from softswitch.media.codecs import g711_first
from softswitch.media.messages import MediaLegFailed, MediaSecured
from softswitch.media.negotiation import NotAcceptable
from softswitch.media.sdp import SdpError
from softswitch.sip.messages import AckReceived, EndedBy, InviteAnswered, LegEnded, OfferReceived, StartInvite

# RFC 3326: the others are told why they stop ringing, so that their phones show no missed call.
TAKEN_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
CALLER_GONE = 'SIP;cause=487;text="Request Terminated"'

_BUSY = frozenset({403, 486, 600, 603})  # a person (or her phone on her behalf) said no; see AgentRefused
_NOT_REACHED = 480


class RingState(Enum):
    RINGING = "ringing"
    ANSWERED = "answered"
    DONE = "done"


class Ring:
    """The agent's side of one attempt, until a bridge takes the winning leg."""

    def __init__(self, board: Board, attempt: RingAttemptId, interaction: InteractionId, agent: AgentId) -> None:
        self._board = board
        self._legs: dict[LegId, CallLeg] = {}
        self._statuses: list[int] = []
        self._moved = False  # to a number outside, by her phone
        self.attempt = attempt
        self.interaction = interaction
        self.agent = agent
        self.state = RingState.RINGING
        self.winner: CallLeg | None = None

    def start(self, caller: str, caller_name: str, now: float, like: CallLeg | None = None) -> None:
        """INVITE every live contact of the agent at once. `like`: the caller's leg, whose codec is preferred, and
        who may want to stay unknown."""
        no_port = False
        hops = 70 if like is None else like.facts.hops - 1
        how = self._board.call.agents[self.agent].auto_answer
        for contact in self._board.contacts.get(self.agent, ()):
            leg_id = LegId(self._board.ids.number())
            flow = contact.flow
            facts = LegFacts("out", self.agent, caller, contact.uri, now, self.interaction, signalling=flow.remote[0])
            facts.ip6 = ":" in facts.signalling
            if like is None:  # who is called back comes over a trunk
                facts.codecs = g711_first(self._board.media.codecs)
            facts.encryption = self._board.encryption_of(None, self.agent, flow.transport)
            leg = self._board.open_leg(leg_id, facts, self, beside=like)
            if leg is None:
                no_port = True
                continue
            self._legs[leg_id] = leg
            offer = leg.make_offer(like)
            headers = auto_answer(how, contact.user_agent, self._board.media.host) if how != "never" else ()
            order = StartInvite(
                leg_id,
                contact.uri,
                flow,
                caller,
                caller_name,
                offer,
                headers,
                hops=hops,
                agent=self.agent,
                path=contact.path,
                private=like is not None and like.facts.private,
                forwarded=like.facts.forwarded if like is not None else (),
            )
            self._board.emit(order)
        if not self._legs:
            self.state = RingState.DONE
            # Used-up ports are our fault, not hers: she is not suspended for it.
            self._board.emit(AgentRefused(self.attempt) if no_port else AgentUnreachable(self.attempt))

    def cancel(self, end: RingEnd, taken: bool = False) -> None:
        """The ACD gave up this attempt: nobody rings any more. `taken`: a colleague has answered."""
        if taken:
            self._finish(TAKEN_ELSEWHERE)
        else:
            self._finish(CALLER_GONE if end is RingEnd.CANCELLED else None)

    def refuse(self) -> None:
        """The answer came too late: the phone that answered is released."""
        self._finish(TAKEN_ELSEWHERE)

    def _finish(self, reason: str | None) -> None:
        self.state = RingState.DONE
        for leg in self._legs.values():
            leg.hang_up(reason)

    def take_winner(self) -> CallLeg | None:
        """The answered leg, for the bridge; None when it is gone again."""
        winner = self.winner
        self.state = RingState.DONE
        if winner is None or not winner.alive:
            return None
        return winner

    # -------------------------------------------------------------- LegOwner

    def leg_event(self, leg: CallLeg, event: Any, now: float) -> None:
        if isinstance(event, InviteAnswered):
            self._answered(leg, event, now)
        elif isinstance(event, OfferReceived):
            leg.answer_reoffer(event.sdp)
        elif isinstance(event, AckReceived):
            leg.acknowledged(event.sdp)
        elif isinstance(event, MediaSecured):
            leg.keys_agreed()
            if self.state is RingState.RINGING and leg.facts.answered_at is not None:
                self._won(leg)
        elif isinstance(event, MediaLegFailed) and leg.awaits_keys and leg.facts.answered_at is not None:
            # she answered and cannot be heard: without this she would be the first again for each caller
            self._failed(leg, _NOT_REACHED)

    def _answered(self, leg: CallLeg, event: InviteAnswered, now: float) -> None:
        leg.facts.answered_at = now
        if self.state is not RingState.RINGING:
            leg.hang_up(TAKEN_ELSEWHERE)
            return
        try:
            if event.sdp is None:
                raise SdpError("no answer in the 200")
            leg.accept_answer(event.sdp)
        except (NotAcceptable, SdpError):
            leg.hang_up()
            self._failed(leg, 488)
            return
        if not leg.awaits_keys:
            self._won(leg)

    def _won(self, leg: CallLeg) -> None:
        """She answered, and can hear and speak: a browser whose audio never comes up costs no caller his place."""
        self.state = RingState.ANSWERED
        self.winner = leg
        for other in self._legs.values():
            if other is not leg:
                other.hang_up(TAKEN_ELSEWHERE)
        self._board.emit(AgentAnswered(self.attempt))

    def leg_ended(self, leg: CallLeg, event: LegEnded, now: float) -> None:
        if self.state is RingState.ANSWERED and leg is self.winner:
            # She hung up before the ACD's Connect arrived: Connect will find no winner.
            self.state = RingState.DONE
        elif leg.id in self._legs:
            if event.moved_to and self._forwarded(event.moved_to, leg, now):
                return
            # What we ended ourselves while it rang (its audio failed, the switch stops) is no fault of hers.
            ended = {EndedBy.PEER: event.status, EndedBy.US: 486}
            self._failed(leg, ended.get(event.by, 408))

    def _forwarded(self, number: str, leg: CallLeg, now: float) -> bool:
        """Her phone says that she is to be found at another number (302): obeyed once, for a number outside that she
        may forward to. Callers of the queues are not sent to colleagues so: whom to offer them to is the queues' task.
        """
        board = self._board
        if self.state is not RingState.RINGING or self._moved:
            return False
        there = board.line.places.find(number, board.line.local_time(board.line.wall(now)))
        if isinstance(there, int) or there.kind != OUTSIDE or not board.line.places.allowed(self.agent, there):
            return False
        outside = outside_of(board, self.agent, there, now, leg.facts.signalling)
        if outside is None:
            return False
        self._moved = True
        if not self._ring_outside(outside, leg, now):
            return False
        self._legs.pop(leg.id)
        return True

    def _ring_outside(self, outside: Outside, like: CallLeg, now: float) -> bool:
        board, number = self._board, outside.verdict.number
        caller = outside.shown(board)
        facts = LegFacts("out", self.agent, caller, number, now, self.interaction)
        facts.encryption = board.encryption_of(outside.trunk.id, None)
        facts.codecs = outside.trunk.codecs
        facts.ip6 = ":" in outside.trunk.host
        leg = board.open_leg(LegId(board.ids.number()), facts, self, beside=like)
        if leg is None:
            return False
        self._legs[leg.id] = leg
        board.dialled(leg.id, outside.dialler, outside.verdict, now)
        order = StartInvite(leg.id, outside.target, None, caller, board.call.name, leg.make_offer(like))
        board.emit(replace(order, trunk=outside.trunk.id, forwarded=like.facts.forwarded))
        return True

    def _failed(self, leg: CallLeg, status: int) -> None:
        """This phone will not answer. The attempt has failed when it was the last one."""
        self._legs.pop(leg.id, None)
        self._statuses.append(status)
        if self.state is RingState.RINGING and not self._legs:
            self.state = RingState.DONE
            # A phone that sends its calls elsewhere has said no on her behalf, as one that is busy has.
            refused = any(status in _BUSY or 300 <= status < 400 for status in self._statuses)
            self._board.emit(AgentRefused(self.attempt) if refused else AgentUnreachable(self.attempt))
