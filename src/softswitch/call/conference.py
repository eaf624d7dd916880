"""More than two in a talk: who hears whom, and what the mixer is told about it.

Two of them are bridged, packet for packet; with the first guest their audio goes through the mixer, and with the last
one gone they are bridged again (`media.mix_messages`). Nobody hears himself, and a guest is heard as he is there:

    listen   hears both, is heard by nobody
    whisper  hears both, is heard by the agent
    barge    hears both, is heard by both
    third    the same, one of the talk: heard by listeners, too
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from softswitch.media.mix_messages import JoinMix, LeaveMix, SetHearing

if TYPE_CHECKING:
    from softswitch.call.board import Board
    from softswitch.call.leg import CallLeg
    from softswitch.ids import LegId

MOST_GUESTS = 4
FULL = 100  # percent

Hearing = dict["CallLeg", tuple[tuple["CallLeg", int], ...]]


class Part(Enum):
    """How a guest is there."""

    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    THIRD = "third"


class Guest:
    """A leg in somebody else's talk. `level` is how loud it is to those who hear it, in percent."""

    __slots__ = ("leg", "level", "on_over", "part")

    def __init__(
        self, leg: CallLeg, part: Part, level: int = FULL, on_over: Callable[[float], None] | None = None
    ) -> None:
        self.leg = leg
        self.part = part
        self.level = level
        self.on_over = on_over  # when the talk ends; None: whoever watches talks knows it already

    @property
    def is_loud(self) -> bool:
        """Everybody hears him."""
        return self.part in (Part.BARGE, Part.THIRD)


def hearing(customer: CallLeg, agent: CallLeg, guests: list[Guest]) -> Hearing:
    """Who hears whom, and how loud. Quiet guests hear the loud ones, never each other."""
    loud = [(guest.leg, guest.level) for guest in guests if guest.is_loud]
    whispering = [(guest.leg, guest.level) for guest in guests if guest.part is Part.WHISPER]
    found: Hearing = {
        customer: ((agent, FULL), *loud),
        agent: ((customer, FULL), *loud, *whispering),
    }
    for guest in guests:
        others = [each for each in loud if each[0] is not guest.leg]
        found[guest.leg] = ((customer, FULL), (agent, FULL), *others)
    return found


class Conference:
    """One mix, and what its legs were told."""

    __slots__ = ("_board", "_mix", "_told")

    def __init__(self, board: Board) -> None:
        self._board = board
        self._mix = board.ids.number()
        self._told: dict[LegId, tuple[CallLeg, tuple[LegId, ...], tuple[int, ...]]] = {}

    def set(self, wanted: Hearing) -> None:
        """From now on exactly so; legs that are not named are out of it."""
        for leg, _, _ in list(self._told.values()):
            if leg not in wanted:
                self.leave(leg)
        for leg, heard in wanted.items():
            if leg.alive:
                order = leg, tuple(other.id for other, _ in heard), tuple(level for _, level in heard)
                before, self._told[leg.id] = self._told.get(leg.id), order
                if before is None:
                    self._board.emit(JoinMix(leg.id, self._mix, *order[1:]))
                elif before != order:
                    self._board.emit(SetHearing(leg.id, *order[1:]))

    def leave(self, leg: CallLeg) -> None:
        if self._told.pop(leg.id, None) is not None and leg.alive:
            self._board.emit(LeaveMix(leg.id))

    def close(self) -> None:
        for leg, _, _ in list(self._told.values()):
            self.leave(leg)
