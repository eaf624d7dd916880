"""What agents ask for with their phones: call a colleague or outside, transfer (blind, attended), move a call of hers.

REFER --> is it her talk with a caller? where to? may she? --no--> 603, 404, 403: everything stays as it was
  blind     --> 202, a department: passed on at once | a colleague, outside: `call.handover`
  attended  --> 202, her other call: answered: joined at once | rings: `call.handover` with that ring
                                     waits in a department's line: passed on to it
"""

from __future__ import annotations

from dataclasses import replace

from softswitch.call import passing
from softswitch.call.board import Board
from softswitch.call.call_back import CallBackSession
from softswitch.call.destination import DEPARTMENTS, OUTSIDE, Destination
from softswitch.call.dialling import Outside, outside_of
from softswitch.call.internal_call import InternalCall
from softswitch.call.internal_transfers import Hers, InternalTransfers
from softswitch.call.joined import GONE, NORMAL_CLEARING
from softswitch.call.keys import with_keys
from softswitch.call.leg import CallLeg, LegFacts
from softswitch.call.routing import one_form
from softswitch.call.session import CallerSession
from softswitch.call.talk import Talk
from softswitch.ids import AgentId, InteractionId, LegId
from softswitch.ivr.messages import Target
from softswitch.media.negotiation import NotAcceptable
from softswitch.media.sdp import SdpError, wants_ip6
from softswitch.sip.messages import (
    Answer,
    AnswerRefer,
    EndedBy,
    InviteReceived,
    LegEnded,
    ReferProgressed,
    ReferReceived,
    Reject,
)

NOT_POSSIBLE, FORBIDDEN, SELF, NOT_FOUND = 603, 403, 482, 404
_RETRY_AFTER_SECONDS = 5


class Transfers:
    """One per `Calls`; `sessions` are its callers, `call_backs` those who are called back."""

    def __init__(
        self,
        board: Board,
        sessions: dict[InteractionId, CallerSession],
        call_backs: dict[InteractionId, CallBackSession],
    ) -> None:
        self._call_backs = call_backs
        self._board = board
        self._sessions = sessions
        self._internal: dict[LegId, InternalCall] = {}  # by either leg that is known
        self._between = InternalTransfers(board, sessions)

    @property
    def internal_calls(self) -> tuple[InternalCall, ...]:
        return tuple(dict.fromkeys(self._internal.values()))

    # -------------------------------------------------------------- calls of agents

    def call(self, event: InviteReceived, agent: AgentId, now: float) -> bool:
        """An agent has dialled a colleague or a number outside; False: something else."""
        board = self._board
        number, keys = with_keys(event.dialled)
        event = replace(event, dialled=number)  # the keys may be a secret: they are in no record
        found = board.line.places.find(number, board.line.local_time(board.line.wall(now)))
        if isinstance(found, int) or found.kind == DEPARTMENTS:
            return False
        # Colleagues may always be called; to hand callers over to them is another matter.
        if found.agent == agent:
            board.emit(Reject(event.leg, SELF))
            return True
        outside = outside_of(board, agent, found, now, event.flow.remote[0])
        if found.agent is None and outside is None:
            board.emit(Reject(event.leg, FORBIDDEN))
        else:
            self._start(event, agent, found, outside, now, keys)
        return True

    def _open(
        self, event: InviteReceived, agent: AgentId, now: float, codecs: tuple[str, ...] = ()
    ) -> tuple[CallLeg, bytes] | None:
        """A leg of an agent's phone that is not answered yet; None: it had to be refused. `codecs`: those of the trunk
        that she is going to talk over."""
        board = self._board
        facts = LegFacts("in", agent, one_form(event.caller), event.dialled, now, signalling=event.flow.remote[0])
        facts.encryption = board.encryption_of(None, agent, event.flow.transport)
        facts.ip6 = wants_ip6(event.sdp, facts.signalling)
        facts.codecs = codecs
        leg = board.open_leg(event.leg, facts, GONE, beside=board.leg_of_agent(agent))
        if leg is None:
            board.emit(Reject(event.leg, 503, _RETRY_AFTER_SECONDS))
            return None
        try:
            sdp = leg.make_offer() if event.sdp is None else leg.accept_offer(event.sdp)
        except (NotAcceptable, SdpError):
            board.emit(Reject(event.leg, 488))
            board.end_leg(LegEnded(event.leg, EndedBy.US, 488), now)
            return None
        board.own_call_began(leg.id, agent)
        return leg, sdp

    def _start(
        self,
        event: InviteReceived,
        agent: AgentId,
        destination: Destination,
        outside: Outside | None,
        now: float,
        keys: str = "",
    ) -> None:
        opened = self._open(event, agent, now, outside.trunk.codecs if outside is not None else ())
        if opened is None:
            return
        leg, sdp = opened
        call = InternalCall(self._board, leg, sdp, destination, self._forget)
        call.keys = keys
        self._internal[leg.id] = call
        voice = self._board.call.agents.get(agent)
        name = next(iter(voice.spoken_name.texts.values()), "") if voice is not None else ""
        shown = (event.caller, name)
        if destination.agent is None:
            shown = (self._board.call.call_back_caller, self._board.call.name)
        call.start(shown, outside, event.hops, now)

    def goes_on(self, near: CallLeg, far: CallLeg, destination: Destination, began_at: float) -> None:
        """A call of agents that the process before has connected."""
        call = InternalCall(self._board, near, b"", destination, self._forget)
        self._internal[near.id] = call
        call.talks(far, began_at)

    def _forget(self, call: InternalCall) -> None:
        for leg in [leg for leg, each in self._internal.items() if each is call]:
            del self._internal[leg]

    def internal_of(self, leg: LegId) -> InternalCall | None:
        found = self._internal.get(leg)
        if found is None:  # the leg of the phone that was called, or that somebody was transferred to
            for call in self._internal.values():
                if call.near.id == leg or (call.far is not None and call.far.id == leg):
                    return call
        return found

    # -------------------------------------------------------------- another phone of hers (RFC 3891)

    def move(self, event: InviteReceived, agent: AgentId, now: float) -> None:
        """She takes her call to another phone."""
        board = self._board
        assert event.replaces is not None
        found = board.find_leg(event.replaces)
        talk = self._talk_of(found[0])[1] if found is not None else None
        internal = self.internal_of(event.replaces)
        if found is None or (talk is None and internal is None):
            board.emit(Reject(event.leg, 481))
            return
        opened = self._open(event, agent, now)
        if opened is None:
            return
        leg, sdp = opened
        leg.facts.answered_at = now
        board.emit(Answer(leg.id, sdp))
        if talk is not None:
            talk.replace_agent(leg)
        elif internal is not None and internal.move(found[0], leg):
            self._internal[leg.id] = internal
        else:
            leg.hang_up(NORMAL_CLEARING)

    # -------------------------------------------------------------- REFER

    def refer(self, event: ReferReceived, now: float) -> None:
        status = self._refer(event, now)
        if status:
            self._board.emit(AnswerRefer(event.leg, status))

    def _talk_of(self, leg: CallLeg) -> tuple[CallerSession | None, Talk | None]:
        """The talk with a caller in which this is her leg."""
        for session in self._candidates(leg):
            talk = session.talk
            if talk is not None and not talk.over and talk.agent_leg is leg and session.handing.handover is None:
                return session, talk
        return None, None

    def _called_back(self, leg: CallLeg, now: float) -> None:
        """Her talk with a customer whom she has called back is a talk like any other from here on."""
        interaction = leg.facts.interaction
        call_back = self._call_backs.get(interaction) if interaction is not None else None
        if call_back is None or interaction is None or call_back.talk is None or call_back.talk.agent_leg is not leg:
            return
        caller = passing.caller_of(call_back, now)
        if caller is not None:
            del self._call_backs[interaction]
            self._sessions[interaction] = caller
            passing.become_caller(call_back, caller)

    def _candidates(self, leg: CallLeg) -> tuple[CallerSession, ...]:
        interaction = leg.facts.interaction
        if interaction is not None and interaction in self._sessions:
            return (self._sessions[interaction],)
        return tuple(self._sessions.values())  # a leg that took another's place: rare

    def _refer(self, event: ReferReceived, now: float) -> int:
        """The status to answer with, 0 when it is answered."""
        found = self._board.find_leg(event.leg)
        if found is None:
            return NOT_POSSIBLE
        leg = found[0]
        agent = AgentId(leg.facts.party)
        self._called_back(leg, now)
        if event.replaces is not None:
            other = self._board.find_leg(event.replaces)
            return NOT_POSSIBLE if other is None else self._attended(event.leg, agent, (leg, other[0]), now)
        session, _ = self._talk_of(leg)
        if session is None:
            internal = self.internal_of(leg.id)
            return NOT_POSSIBLE if internal is None else self._between.blind(internal, leg, agent, event.number, now)
        board = self._board
        number, keys = with_keys(event.number)
        destination = board.line.places.find(number, board.line.local_time(board.line.wall(now)))
        if isinstance(destination, int):
            return destination
        if keys and destination.kind != OUTSIDE:
            return NOT_FOUND
        if not board.line.places.allowed(agent, destination) or destination.agent == agent:
            session.waiting.note(f"{agent} may not transfer to {number}")
            return FORBIDDEN
        outside = None
        if destination.kind == OUTSIDE:
            outside = outside_of(board, agent, destination, now, leg.facts.signalling)
            if outside is None:
                return FORBIDDEN
            outside = outside._replace(keys=keys)
        self._accepted(event.leg)
        if destination.target is not None:
            board.emit(ReferProgressed(event.leg, 200))
            passing.pass_to(session, destination.target, now)
        else:
            session.handing.hand_over(destination, event.leg, outside, now)
        return 0

    def _accepted(self, refer: LegId) -> None:
        self._board.emit(AnswerRefer(refer, 202))

    # -------------------------------------------------------------- attended

    def _attended(self, refer: LegId, agent: AgentId, legs: tuple[CallLeg, CallLeg], now: float) -> int:
        """Phones send it on either of the two calls: one is her talk with the caller, the other her own."""
        for mine, consult in (legs, legs[::-1]):
            session, _ = self._talk_of(mine)
            if session is None:
                continue
            internal = self.internal_of(consult.id)
            if internal is not None:
                return self._to_internal(session, internal, consult, refer, agent, now)
            other = self._session_of(consult)
            if other is not None and other is not session:
                return self._to_department(session, other, refer, agent, now)
        return self._between_her_own(refer, agent, legs, now)

    def _between_her_own(self, refer: LegId, agent: AgentId, legs: tuple[CallLeg, CallLeg], now: float) -> int:
        """Neither of the two is her talk with a caller."""
        for mine, consult in (legs, legs[::-1]):
            call, other = self.internal_of(mine.id), self.internal_of(consult.id)
            if call is None or not call.can_hand_over:
                continue
            if other is not None:
                return self._between.attended(call, Hers(mine, consult, refer, agent), other, now)
            line = self._session_of(consult)
            if line is not None:
                return self._between.attended_to_department(call, Hers(mine, consult, refer, agent), line, now)
        return NOT_POSSIBLE

    def _session_of(self, leg: CallLeg) -> CallerSession | None:
        """Her own call to a number of the line."""
        return next((each for each in self._sessions.values() if each.leg is leg), None)

    def _to_internal(
        self,
        session: CallerSession,
        internal: InternalCall,
        consult: CallLeg,
        refer: LegId,
        agent: AgentId,
        now: float,
    ) -> int:
        destination = internal.there(consult)
        if not self._board.line.places.allowed(agent, destination):
            return FORBIDDEN
        other = internal.give_other(consult)
        dialling = internal.give_dialling(consult) if other is None else None
        if other is not None:
            self._accepted(refer)
            self._board.emit(ReferProgressed(refer, 200))
            session.handing.join(destination, other, now)
        elif dialling is not None:
            self._accepted(refer)
            session.handing.hand_to_ring(destination, refer, dialling, now)
        else:
            return NOT_POSSIBLE
        return 0

    def _to_department(
        self, session: CallerSession, other: CallerSession, refer: LegId, agent: AgentId, now: float
    ) -> int:
        place, talk = other.waiting.place, other.talk
        target = other.going if place is None else Target(queue=str(place.queue))
        if not self._board.line.places.allowed(agent, Destination(DEPARTMENTS, target=target)):
            return FORBIDDEN
        if other.handing.handover is not None or (talk is not None and talk.over):
            return NOT_POSSIBLE
        self._accepted(refer)
        self._board.emit(ReferProgressed(refer, 200))
        if talk is not None:
            other.handing.without_third(now)
            other.talk = None
            talk.part()
            talk.apart()
            talk.over = True  # it goes on, with another caller
            self._board.give_leg(other.leg, other)
            session.handing.join_talk(talk, now)
        else:
            passing.pass_to(session, target, now)
        other.leg.hang_up(NORMAL_CLEARING)
        return 0
