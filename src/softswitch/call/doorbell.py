"""The ringing tone that callers of some trunks hear before they are answered (RFC 3960).

    INVITE ─► 180, or 183 with our own tone ──`ring_seconds`──► 200

The caller's session exists already; it begins with the ACK as always.
"""

from __future__ import annotations

from softswitch.call.board import Board
from softswitch.call.leg import CallLeg
from softswitch.call.prompts import RINGBACK
from softswitch.sip.messages import Answer, RespondProvisional


class Doorbell:
    """One caller who is not answered yet."""

    def __init__(self, board: Board, leg: CallLeg, sdp: bytes) -> None:
        self._board = board
        self._leg = leg
        self._sdp = sdp
        self._deadline: float | None = None

    def ring(self, seconds: float, early_media: bool, now: float) -> None:
        self._deadline = now + seconds
        # RFC 3960 3: the tone is made where the caller is, unless there is early media.
        if early_media and self._leg.remote is not None:
            self._board.emit(RespondProvisional(self._leg.id, 183, self._sdp))
            self._leg.play((RINGBACK,), loops=0)
        else:
            self._board.emit(RespondProvisional(self._leg.id, 180))

    def next_deadline(self) -> float | None:
        return self._deadline

    def tick(self, now: float) -> None:
        self._deadline = None
        leg = self._leg
        if leg.alive:  # he has not hung up
            leg.stop_play()
            leg.facts.answered_at = now
            self._board.emit(Answer(leg.id, self._sdp))
