"""The SIP edge of a running switch: packets pass the guard before they reach the driver; operators see the bans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from softswitch.sip.messages import TrunkAnswering
from softswitch.web.edge import BanView, TrunkView

if TYPE_CHECKING:
    from softswitch.app.switch import Switch

log = structlog.get_logger()


def note_trunk(event: TrunkAnswering) -> None:
    """An effect: the log says when a trunk goes and comes back."""
    if event.answering:
        log.info("trunk answers again", trunk=event.trunk)
    else:
        log.warning("trunk does not answer", trunk=event.trunk)


class SipEdge:
    """Implements `web.edge.EdgeView`; `admit` is what the transport asks."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._guard = switch.cores.stack.guard
        self._now = switch.clock.now

    def admit(self, host: str, data: bytes) -> bool:
        guard = self._guard
        admitted = guard.admit(host, data, self._now())
        if guard.events:
            self.report()
        return admitted

    def report(self) -> None:
        for event in self._guard.take_events():
            self._switch.post(event)

    # -------------------------------------------------------------- for the API

    def bans(self) -> list[BanView]:
        now = self._now()
        return [
            BanView(ban.source, ban.reason, ban.until - now, ban.seconds, ban.dropped) for ban in self._guard.bans(now)
        ]

    def free(self, source: str) -> bool:
        return self._guard.free(source, self._now())

    def trunks(self) -> list[TrunkView]:
        stack = self._switch.cores.stack
        words = {None: "not asked", True: "up", False: "down"}
        return [
            TrunkView(trunk.id, trunk.host, words[stack.qualifier.trunk_answering(trunk.id)])
            for trunk in self._switch.settings.sip.trunks
        ]

    def dropped(self) -> dict[str, int]:
        return dict(self._guard.dropped)
