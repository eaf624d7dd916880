"""The SIP edge of a running switch: packets pass the guard before they reach the driver; operators see the bans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from softswitch.call.records import CallDetail
from softswitch.ids import InteractionId, LegId, TrunkId
from softswitch.sip.messages import TrunkAnswering, TrunkSettings
from softswitch.sip.pcapng import pcapng
from softswitch.sip.trace import Traced
from softswitch.sip.uri import host_port
from softswitch.web.edge import BanView, TracedView, TrunkView

if TYPE_CHECKING:
    from softswitch.app.switch import Switch

log = structlog.get_logger()
_MOST_ENDED = 5_000


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
        self._ended: dict[InteractionId, list[LegId]] = {}  # legs of calls that are over, while they may be asked for

    def admit(self, host: str, data: bytes, connected: bool = False) -> bool:
        guard = self._guard
        admitted = guard.admit(host, data, self._now(), connected)
        if guard.events:
            self.report()
        return admitted

    def known(self, host: str) -> bool:
        return self._guard.is_known(host, self._now())

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
        return [self._trunk(trunk) for trunk in self._switch.settings.sip.trunks]

    def _trunk(self, trunk: TrunkSettings) -> TrunkView:
        stack, now = self._switch.cores.stack, self._now()
        words = {None: "not asked", True: "up", False: "down"}
        limit = trunk.calls_per_second or None
        return TrunkView(
            trunk.id,
            trunk.host,
            words[stack.qualifier.trunk_answering(trunk.id)],
            self._registration(trunk.id),
            calls=stack.load.calls(trunk.id),
            max_calls=trunk.max_calls,
            calls_per_second=round(stack.load.per_second(trunk.id, now), 1) if limit else None,
            most_per_second=limit,
            refused=stack.load.refused[trunk.id],
            addresses=tuple(
                f"{flow.transport}:{host_port(*flow.remote)}" for flow in stack.directory.targets(trunk.id)
            ),
            problem=stack.directory.problems.get(trunk.id, ""),
        )

    def _registration(self, trunk: TrunkId) -> str:
        found = self._switch.cores.stack.carriers.get(str(trunk))
        if found is None:
            return ""
        return "registered" if found.registered else f"not registered ({found.status or 'asking'})"

    # -------------------------------------------------------------- the trace

    def leg_ended(self, detail: CallDetail) -> None:
        """An effect: which legs a call had."""
        if detail.interaction is not None:
            self._ended.setdefault(detail.interaction, []).append(detail.leg)
            if len(self._ended) > _MOST_ENDED:
                del self._ended[next(iter(self._ended))]

    def _traced(self, call: str) -> list[Traced]:
        """`call`: the number of a call, or a Call-ID."""
        call_ids = [call]
        if call.isascii() and call.isdigit() and len(call) < 20:
            interaction = InteractionId(int(call))
            cores = self._switch.cores
            live = [leg.id for leg in cores.calls.board.live_legs() if leg.facts.interaction == interaction]
            found = (cores.stack.call_id(leg) for leg in (*self._ended.get(interaction, ()), *live))
            call_ids += [one for one in found if one is not None]
        return self._switch.edges.transport.trace.of(call_ids)

    def trace(self, call: str) -> list[TracedView]:
        return [
            TracedView(
                self._switch.clock.wall(entry.at),
                entry.outgoing,
                f"{entry.flow.transport}:{entry.flow.remote[0]}:{entry.flow.remote[1]}",
                entry.data.decode("utf-8", "replace"),
            )
            for entry in self._traced(call)
        ]

    def trace_pcapng(self, call: str) -> bytes:
        now = self._now()
        return pcapng(self._traced(call), self._switch.clock.wall(now) - now)

    def connections(self) -> dict[str, int]:
        return self._switch.edges.transport.connections.by_transport()

    def certificate_expires(self) -> float:
        return self._switch.edges.transport.certificates.expires_at

    def dropped(self) -> dict[str, int]:
        return dict(self._guard.dropped)
