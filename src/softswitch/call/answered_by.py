"""What is heard on the line of a customer who is called, before and after somebody answers.

early media --busy, congestion, unobtainable--> the call to him ends with that cause, at once
answered    --human, unknown--> as if nobody had listened
            --machine--> hang up, or leave a message behind its greeting, or let her talk to it   --fax--> hang up
"""

from __future__ import annotations

from softswitch.call.board import Board
from softswitch.call.leg import CallLeg
from softswitch.call.records import PromiseAnswered
from softswitch.media.messages import AnsweredBy, ToneHeard, WatchAnswer

TREAT_AS_HUMAN, HANG_UP, LEAVE_MESSAGE, NOTE = "treat_as_human", "hang_up", "leave_message", "note"
MACHINE_POLICIES = (TREAT_AS_HUMAN, NOTE, HANG_UP, LEAVE_MESSAGE)
LISTEN_SECONDS = 8.0  # then it is a human, whatever he does
GREETING_SECONDS = 40.0
MESSAGE_SECONDS = 180.0

# Q.850: what the network says by a tone
_CAUSES = {"busy": (17, "User busy"), "congestion": (34, "No circuit"), "unobtainable": (1, "Unallocated number")}


def watch(board: Board, leg: CallLeg, *, answered: bool) -> None:
    """Listen to this leg from now on. Progress that is told again changes nothing."""
    if leg.facts.watched and not answered:
        return
    leg.facts.watched = True
    board.emit(WatchAnswer(leg.id, board.call.dialling.plan.country, answered))


def ignore(board: Board, leg: CallLeg) -> None:
    """Nobody wants to know any more."""
    if leg.facts.watched:
        leg.facts.watched = False
        board.emit(WatchAnswer(leg.id, "", on=False))


def tone_heard(leg: CallLeg, event: ToneHeard) -> bool:
    """Does this tone end the call? Then it is being ended."""
    cause = _CAUSES.get(event.tone)
    if cause is None:
        return False
    number, text = cause
    leg.facts.cause = number
    leg.hang_up(f'Q.850;cause={number};text="{text}"')
    return True


def note(leg: CallLeg, event: AnsweredBy) -> None:
    """For the record of this leg, whoever owns it meanwhile."""
    leg.facts.answered_by = event.who
    leg.facts.watched = False


def is_machine(leg: CallLeg, event: AnsweredBy, board: Board) -> bool:
    """Of a call-back. Noted for its promise; a fax is a machine, too."""
    if leg.facts.interaction is not None:
        board.emit(PromiseAnswered(leg.facts.interaction, event.who))
    return event.who in ("machine", "fax")
