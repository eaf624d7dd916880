"""An agent transfers the one she talks with in a call of her own: a colleague, or a number outside.

    blind     --> a colleague, outside: `internal_call.hand_over`   | a department: he becomes a caller of the line
    attended  --> her other call of her own: joined at once, or with that ring when nobody has answered yet
              --> her own call to a department: he takes her place in it

Where to is asked of the same rules as for callers (`call.destination`, `call.dial_permission`).
"""

from __future__ import annotations

from typing import NamedTuple

from softswitch.call import passing
from softswitch.call.board import Board
from softswitch.call.destination import DEPARTMENTS, EXTENSIONS, OUTSIDE, Destination
from softswitch.call.dialling import outside_of
from softswitch.call.internal_call import InternalCall
from softswitch.call.joined import NORMAL_CLEARING
from softswitch.call.leg import CallLeg
from softswitch.call.records import InteractionOpened
from softswitch.call.routing import Route
from softswitch.call.session import CallerSession
from softswitch.call.settings import NumberSettings
from softswitch.ids import AgentId, FlowId, InteractionId, LegId, TrunkId
from softswitch.ivr.messages import Target
from softswitch.sip.messages import AnswerRefer, ReferProgressed

NOT_POSSIBLE, FORBIDDEN = 603, 403


class Hers(NamedTuple):
    """An attended transfer: her answered leg, that of her other call, the one of them that is to be told, and she."""

    mine: CallLeg
    consult: CallLeg
    refer: LegId
    agent: AgentId


class InternalTransfers:
    """Part of `Transfers`. Every method gives the status to answer a REFER with, 0 when it is answered."""

    def __init__(self, board: Board, sessions: dict[InteractionId, CallerSession]) -> None:
        self._board = board
        self._sessions = sessions

    # -------------------------------------------------------------- blind

    def blind(self, call: InternalCall, mine: CallLeg, agent: AgentId, number: str, now: float) -> int:
        board = self._board
        if not call.can_hand_over:
            return NOT_POSSIBLE
        there = board.line.places.find(number, board.line.local_time(board.line.wall(now)))
        if isinstance(there, int):
            return there
        if not board.line.places.allowed(agent, there) or there.agent == agent:
            return FORBIDDEN
        outside = None
        if there.kind == OUTSIDE:
            outside = outside_of(board, agent, there, now, mine.facts.signalling)
            if outside is None:
                return FORBIDDEN
        self._board.emit(AnswerRefer(mine.id, 202))
        if there.target is None:
            call.hand_over(mine, there, mine.id, outside, now)
            return 0
        self._board.emit(ReferProgressed(mine.id, 200))
        self._to_department(call, mine, agent, there.target, number, now)
        return 0

    def _to_department(
        self, call: InternalCall, mine: CallLeg, agent: AgentId, target: Target, dialled: str, now: float
    ) -> None:
        """Who is given to the line is a caller of it from here on, with a record of his own."""
        board = self._board
        person = call.other_of(mine)
        assert person is not None
        known_as, name = call.shown(person)
        kept = call.give_other(mine)
        assert kept is person
        facts, interaction = kept.facts, InteractionId(board.ids.number())
        facts.interaction, facts.known_as = interaction, known_as
        language = board.call.languages[0]
        route = Route(NumberSettings(dialled, FlowId(target.flow), language), FlowId(target.flow), True)
        session = CallerSession(board, interaction, kept, route, now)
        session.waiting.caller_name = name
        board.give_leg(kept, session)
        self._sessions[interaction] = session
        trunk = None if board.own_call_of(kept.id) is not None else TrunkId(facts.party)
        began_at = board.line.wall(now)
        board.emit(InteractionOpened(interaction, facts.customer, dialled, trunk, language, began_at))
        passing.come_in(session, target, agent, now)
        board.alarm(session)

    # -------------------------------------------------------------- attended

    def attended(self, call: InternalCall, legs: Hers, other: InternalCall, now: float) -> int:
        """Two calls of her own; `mine` is the one that is answered, with the one who is transferred."""
        mine, consult, refer, agent = legs
        if not call.can_hand_over or other is call:
            return NOT_POSSIBLE
        there = other.there(consult)
        if not self._board.line.places.allowed(agent, there):
            return FORBIDDEN
        if other.can_hand_over:
            taken = other.give_other(consult)
            assert taken is not None
            self._accepted(refer)
            call.join(mine, there, taken, now)
            return 0
        dialling = other.give_dialling(consult)
        if dialling is None:
            return NOT_POSSIBLE
        self._board.emit(AnswerRefer(refer, 202))
        call.hand_to_ring(mine, there, refer, dialling)
        return 0

    def attended_to_department(self, call: InternalCall, legs: Hers, other: CallerSession, now: float) -> int:
        """She has called a number of the line: he takes her place in that line, or with who has answered there."""
        mine, _, refer, agent = legs
        if not call.can_hand_over or other.handing.handover is not None:
            return NOT_POSSIBLE
        place, talk = other.waiting.place, other.talk
        target = other.going if place is None else Target(queue=str(place.queue))
        if not self._board.line.places.allowed(agent, Destination(DEPARTMENTS, target=target)):
            return FORBIDDEN
        if talk is not None and talk.over:
            return NOT_POSSIBLE
        dialled = other.leg.facts.dialled
        self._accepted(refer)
        if talk is None:
            other.leg.hang_up(NORMAL_CLEARING)
            self._to_department(call, mine, agent, target, dialled, now)
            return 0
        other.handing.without_third(now)
        other.talk = None
        talk.part()
        talk.finish(now)
        self._board.give_leg(other.leg, other)
        other.leg.hang_up(NORMAL_CLEARING)
        self._board.own_call_began(talk.agent_leg.id, talk.agent)
        call.join(mine, Destination(EXTENSIONS, agent=talk.agent), talk.agent_leg, now)
        return 0

    def _accepted(self, refer: LegId) -> None:
        self._board.emit(AnswerRefer(refer, 202))
        self._board.emit(ReferProgressed(refer, 200))
