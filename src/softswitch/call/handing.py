"""A caller is handed over by the agent who talks with him: to a colleague, or to a number outside.

The queue side of a caller's session (`call.waiting`) is where he goes back to when nobody takes him.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.acd.messages import AgentTookOver
from softswitch.call.board import Board
from softswitch.call.consult import BACK, Consult
from softswitch.call.destination import Destination
from softswitch.call.dialling import Dialling, Outside
from softswitch.call.handover import Handover, Parted
from softswitch.call.joined import Joined
from softswitch.call.leg import CallLeg
from softswitch.call.talk import Talk, TalkFacts
from softswitch.ids import LegId, RingAttemptId

if TYPE_CHECKING:
    from softswitch.call.session import CallerSession


class Handing:
    """Part of a `CallerSession`. `handover`: somebody is rung for him; `outside`: he talks with a number there."""

    def __init__(self, board: Board, session: CallerSession, talked: Callable[[float], None]) -> None:
        self._board = board
        self._session = session
        self._talked = talked
        self.handover: Handover | Consult | None = None
        self.third: Consult | None = None  # somebody who is in her talk with him
        self.outside: Joined | None = None

    def marked(self, mark: str, detail: str) -> None:
        """In the recording, if there is one."""
        self._board.recordings.mark(self._session.leg, mark, detail)

    # -------------------------------------------------------------- to a colleague, or outside

    def hand_over(self, destination: Destination, refer: LegId, outside: Outside | None, now: float) -> None:
        """Ring there for him."""
        session = self._session
        self.without_third(now)
        assert session.talk is not None and self.handover is None
        self.handover = handover = Handover(self._board, self, self._parted(session.talk), destination, refer)
        shown = (session.leg.facts.customer, session.waiting.caller_name)
        if destination.agent is None:  # a trunk takes a number of ours only
            shown = (self._board.call.call_back_caller, self._board.call.name)
        handover.start(outside, shown, now)

    @staticmethod
    def _parted(talk: Talk) -> Parted:
        return Parted(talk, talk.customer_leg, talk.agent_leg, talk.facts.interaction)

    def without_third(self, now: float) -> None:
        """Whom she has asked, and has in her talk with him, goes before she gives it to somebody else."""
        if self.third is not None:
            self.third.do(BACK, now)

    def hand_to_ring(self, destination: Destination, refer: LegId, dialling: Dialling, now: float) -> None:
        """She has rung there already."""
        session = self._session
        self.without_third(now)
        assert session.talk is not None and self.handover is None
        self.handover = handover = Handover(self._board, self, self._parted(session.talk), destination, refer)
        handover.adopt(dialling)

    def join(self, destination: Destination, leg: CallLeg, now: float) -> None:
        """She has talked there already, and now he does."""
        talk = self._session.talk
        assert talk is not None
        self.without_third(now)
        talk.pass_on(now)
        self.handed_over(destination, leg, now)

    def join_talk(self, other: Talk, now: float) -> None:
        """She has reached an agent of another department through its line: he takes her place there."""
        mine = self._session.talk
        assert mine is not None
        mine.pass_on(now)
        facts, taken = mine.facts, other.facts
        mixed = TalkFacts(facts.interaction, taken.attempt, taken.queue, taken.agent, facts.caller, facts.customer)
        self.talks(mixed, other.agent_leg, now)

    def handed_over(self, destination: Destination, leg: CallLeg, now: float) -> None:
        session, board = self._session, self._board
        place = session.waiting.place
        assert place is not None
        self.handover = None
        leg.facts.interaction = session.interaction
        self.marked("transferred", destination.shown)
        if destination.agent is None:
            session.talk = None
            board.own_call_over(leg.id)
            self.talks_outside(leg, now)
            return
        attempt = RingAttemptId(board.ids.number())
        agent = destination.agent
        board.emit(AgentTookOver(attempt, session.interaction, agent, place.queue, session.waiting.language))
        board.own_call_over(leg.id)
        caller = session.leg.facts.customer
        facts = TalkFacts(session.interaction, attempt, place.queue, agent, caller, place.customer)
        session.waiting.note(f"handed over to {agent}")
        self.talks(facts, leg, now)

    def talks(self, facts: TalkFacts, leg: CallLeg, now: float) -> None:
        """He talks with this agent from now on; `now` of a talk that the process before has begun is when it began."""
        session = self._session
        session.since = now
        music = self._board.texts(facts.queue).music
        session.talk = Talk(self._board, facts, session.leg, leg, music, self._talked)
        session.talk.keeps_customer = session.waiting.returns
        session.talk.start(now)

    def talks_outside(self, leg: CallLeg, now: float) -> None:
        session = self._session
        place = session.waiting.place
        session.since = now
        music = "" if place is None else self._board.texts(place.queue).music
        self.outside = Joined(self._board, session.leg, leg, music, self._talked)
        self.outside.start(now)

    def handover_failed(self, status: int, she_is_there: bool, now: float) -> None:
        self.handover = None
        session = self._session
        self.marked("transfer failed", str(status))
        session.waiting.note(f"nobody took him over ({status})")
        if not she_is_there:
            self.back_to_line(now)

    def back_to_line(self, now: float) -> None:
        """Nobody has him any more, through no fault of his: he is the next."""
        session = self._session
        session.talk = None
        session.take_leg()
        session.waiting.left_line(session.since)
        session.waiting.goes_in_front()
        session.enter_line(now)

    def caller_gone(self, now: float) -> None:
        self.handover = None
        self._talked(now)
