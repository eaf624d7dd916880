"""Whether a call-back that rang the agent first has reached the customer: they hear each other from the answer on, and
whether the promise is kept is known a little later.

    LISTENING --human, unknown, 8 s, she gives him to somebody--> REACHED
              --she has hung up before anything could be said--> FAILED
              --machine, fax--> MACHINE --she gives him to somebody, or they talk for long without a beep--> REACHED
                                        --they end, or the queue does not let her talk to machines--> FAILED
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from softswitch.acd.messages import CustomerNotReached, CustomerReached
from softswitch.call import answered_by
from softswitch.call.board import Board
from softswitch.call.leg import CallLeg
from softswitch.ids import RingAttemptId
from softswitch.media.messages import AnsweredBy, GreetingOver

TOO_SHORT_SECONDS = 3.0  # for a conversation
A_TALK_SECONDS = 45.0  # a machine without a beep is not spoken to for so long: it was somebody who greets at length


class _State(Enum):
    LISTENING = 0
    MACHINE = 1
    REACHED = 2
    FAILED = 3


class Reaching:
    """Of one talk, from the answer on. `on_machine` is called once, when a machine or a fax has answered."""

    def __init__(
        self,
        board: Board,
        attempt: RingAttemptId,
        customer: CallLeg,
        on_machine: Callable[[AnsweredBy, float], None],
        now: float,
    ) -> None:
        self._board = board
        self._attempt = attempt
        self._customer = customer
        self._on_machine = on_machine
        self._began_at = now
        self._beeped = False
        self._state = _State.LISTENING
        answered_by.watch(board, customer, answered=True)

    @property
    def pending(self) -> bool:
        return self._state in (_State.LISTENING, _State.MACHINE)

    def next_deadline(self) -> float | None:
        return self._began_at + answered_by.LISTEN_SECONDS if self._state is _State.LISTENING else None

    def heard(self, event: AnsweredBy | GreetingOver, now: float) -> None:
        if isinstance(event, GreetingOver):
            self._beeped = self._beeped or event.beep
            return
        machine = answered_by.is_machine(self._customer, event, self._board)
        if self._state is not _State.LISTENING:
            return
        if machine:
            self._state = _State.MACHINE
            self._on_machine(event, now)
        else:
            self.certain()

    def certain(self) -> None:
        """It is him, as far as anybody can know."""
        if self.pending:
            self._state = _State.REACHED
            self._cease()
            self._board.emit(CustomerReached(self._attempt))

    def failed(self) -> None:
        """It is not him: she is free, and he is called again."""
        if self.pending:
            self._state = _State.FAILED
            self._cease()
            self._board.emit(CustomerNotReached(self._attempt, True))

    def over(self, now: float) -> bool:
        """They do not talk any more: has he been reached?"""
        talked = now - self._began_at
        if self._state is _State.MACHINE:
            nobody = self._beeped or talked < A_TALK_SECONDS
        else:
            nobody = talked < TOO_SHORT_SECONDS and self._customer.alive  # machines do not hang up so soon
        if nobody:
            self.failed()
        else:
            self.certain()
        return self._state is _State.REACHED

    def _cease(self) -> None:
        if self._customer.alive:
            answered_by.ignore(self._board, self._customer)
