"""Legs that go on while no switch tells them anything: how the next one is told of them, and what becomes of them."""

from __future__ import annotations

from softswitch.ids import LegId
from softswitch.media.control import MediaEvent
from softswitch.media.messages import AllLegsFound, FoundLeg, LegsFound
from softswitch.media.worker.leg import Leg
from softswitch.media.worker.switchboard import Switchboard

LEGS_AT_ONCE = 200  # in one message


class Carried:
    """`waiting`: legs that were told of and wait to be adopted."""

    __slots__ = ("_board", "_ports", "waiting")

    def __init__(self, board: Switchboard, ports: tuple[int, int]) -> None:
        self._board = board
        self._ports = ports
        self.waiting: tuple[LegId, ...] = ()

    @property
    def count(self) -> int:
        return len(self._board.legs)

    @property
    def any(self) -> bool:
        return bool(self._board.legs)

    def tell(self, now: float) -> list[MediaEvent]:
        """Everything a switch has to know that has just come."""
        board = self._board
        self.waiting = tuple(board.legs)
        for leg in board.legs.values():
            leg.settle()
        found = [_found(board.legs[leg]) for leg in self.waiting]
        told: list[MediaEvent] = [*board.own_certificate(*self._ports)]
        batches = range(0, len(found), LEGS_AT_ONCE)
        told += [LegsFound(tuple(found[start : start + LEGS_AT_ONCE])) for start in batches]
        told.append(AllLegsFound(*self._ports))
        told.append(board.lease_again(now))
        return told

    def adopt(self, legs: set[int], now: float) -> None:
        """These go on; the others end."""
        board, waiting = self._board, self.waiting
        self.waiting = ()
        for each in waiting:
            leg = board.legs.get(each)
            if leg is None:
                continue
            if each in legs:
                leg.tally.quiet_since, leg.tally.told = now, False
            else:
                board.close(leg)


def _found(leg: Leg) -> FoundLeg:
    remote, peer, player = leg.remote, leg.peer, leg.player
    return FoundLeg(
        leg.id,
        leg.port,
        peer.id if peer is not None else 0,
        player.playback if player is not None else 0,
        leg.route.count,
        leg.tally.out,
        remote.host if remote is not None else "",
        remote.port if remote is not None else 0,
        remote.send if remote is not None else True,
        remote.receive if remote is not None else True,
        remote.payload_type if remote is not None else -1,
    )
