"""Ends running calls whose account has used up its minutes or its money (`call.dial_permission`).

Looked at every few seconds, and only while a counted call runs and something is capped.
"""

from __future__ import annotations

from softswitch.call.board import Board

_EVERY_SECONDS = 5.0
_USED_UP = 'Q.850;cause=31;text="Call limit reached"'


class DialWatch:
    """A session with a clock of its own, as `Calls` sees it."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._at: float | None = None

    def next_deadline(self) -> float | None:
        dialling = self._board.dialling
        if not (dialling.capped and dialling.ledger.busy):
            self._at = None
        elif self._at is None:
            self._at = dialling.ledger.latest + _EVERY_SECONDS
        return self._at

    def tick(self, now: float) -> None:
        board = self._board
        self._at = now + _EVERY_SECONDS
        for leg in board.dialling.overdrawn(now):
            found = board.find_leg(leg)
            if found is not None:
                found[0].hang_up(_USED_UP)
