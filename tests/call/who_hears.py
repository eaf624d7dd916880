"""Who hears whom, as the media process would have it after all that it was told."""

from __future__ import annotations

from typing import Any

from softswitch.ids import LegId
from softswitch.media import messages as media
from softswitch.media import mix_messages as mix


class Sound:
    """Bridges and mixes. A leg is in one of them at most; an order that breaks this, or that the mixer would refuse,
    fails the test."""

    def __init__(self, sent: list[Any]) -> None:
        self.bridges: dict[LegId, LegId] = {}
        self.mixes: dict[LegId, tuple[int, dict[LegId, int]]] = {}
        for each in sent:
            self._take(each)

    def _take(self, each: Any) -> None:
        if isinstance(each, media.MediaLost):
            self.bridges, self.mixes = {}, {}
        elif isinstance(each, media.Bridge):
            assert each.leg not in self.mixes and each.peer not in self.mixes, f"{each} of a leg in a mix"
            self._apart(each.leg)
            self._apart(each.peer)
            self.bridges |= {each.leg: each.peer, each.peer: each.leg}
        elif isinstance(each, media.Unbridge):
            self._apart(each.leg)
        elif isinstance(each, media.CloseMediaLeg):
            self._apart(each.leg)
            self.mixes.pop(each.leg, None)
        elif isinstance(each, mix.JoinMix):
            assert each.leg not in self.mixes, f"{each} of a leg in a mix"
            self._apart(each.leg)
            self._hear(each.leg, each.mix, each)
        elif isinstance(each, mix.SetHearing):
            self._hear(each.leg, self.mixes[each.leg][0], each)
        elif isinstance(each, mix.LeaveMix):
            del self.mixes[each.leg]

    def _hear(self, leg: LegId, number: int, each: mix.JoinMix | mix.SetHearing) -> None:
        assert leg not in each.heard and len(set(each.heard)) == len(each.heard) == len(each.levels)
        self.mixes[leg] = number, dict(zip(each.heard, each.levels, strict=True))

    def _apart(self, leg: LegId) -> None:
        peer = self.bridges.pop(leg, None)
        if peer is not None:
            del self.bridges[peer]

    def heard_by(self, leg: LegId) -> dict[LegId, int]:
        """Whom this leg hears, and how loud."""
        if leg in self.bridges:
            return {self.bridges[leg]: 100}
        number, heard = self.mixes.get(leg, (0, {}))
        return {
            other: level for other, level in heard.items() if other in self.mixes and self.mixes[other][0] == number
        }
