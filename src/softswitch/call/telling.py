"""What an agent is told before she is connected: "Lost card, +372 5..., waited 40 seconds".

    Connect --nothing to be told--> TALK
            --her phone has picked up--> TOLD --said, a key of hers, too long--> TALK
                                           |  she hangs up --> he is back in front of his queue
                                           |  he hangs up  --> she is in wrap-up, as after a talk

He goes on hearing what he heard: ringing, or music. For the queues both are in a talk from Connect on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.call.comfort import so_long
from softswitch.ids import AgentId
from softswitch.ivr.messages import Segment

if TYPE_CHECKING:
    from softswitch.call.board import Board
    from softswitch.call.session import CallerSession


def begin(board: Board, session: CallerSession, agent: AgentId, now: float) -> None:
    """The talk of this session begins, or she is told first."""
    talk = session.talk
    assert talk is not None
    seconds = board.texts(talk.facts.queue).tell_agent_seconds
    words = session.waiting.connecting(agent)
    if not talk.tell(_told(board, session, now), seconds, words, now):
        talk.start(now)
        talk.say_to_customer(words)


def _told(board: Board, session: CallerSession, now: float) -> tuple[Segment, ...]:
    place = session.waiting.place
    assert place is not None
    say = board.texts(place.queue).tell_agent
    if not say.texts and not say.files:
        return ()
    waited = now - place.entered_at + session.waiting.memory.waited_before
    values = {"waiting": so_long(waited), "caller": session.leg.facts.shown_caller}
    return board.speak(say, "", values)  # in her language: the first one of the line
