"""The SIP edge over HTTP: who is banned, which trunks answer.

GET    /api/v1/trunks                  {"trunks": [...]}
GET    /api/v1/bans                    {"bans": [...]}
DELETE /api/v1/bans/{source}           lift a ban
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from aiohttp import web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class BanView:
    source: str  # an IPv4 address or an IPv6 network
    reason: str  # "login", "scanner", "flood"
    left_seconds: float
    ban_seconds: float
    dropped: int  # packets since


@dataclass(frozen=True, slots=True)
class TrunkView:
    trunk: str
    host: str  # empty: no calls go out there
    state: str  # "up", "down", "not asked"


class EdgeView(Protocol):
    """The port to the SIP edge; the composition root implements it."""

    def bans(self) -> Sequence[BanView]: ...

    def free(self, source: str) -> bool:
        """Lift a ban; False when there is none."""
        ...

    def trunks(self) -> Sequence[TrunkView]: ...

    def dropped(self) -> Mapping[str, int]:
        """Packets that were not looked at, by reason."""
        ...


def add_edge(app: web.Application, edge: EdgeView) -> None:
    """The routes of this module."""

    async def bans(_request: web.Request) -> web.Response:
        rows = [{**asdict(ban), "left_seconds": round(ban.left_seconds, 3)} for ban in edge.bans()]
        return web.json_response({"bans": rows})

    async def free(request: web.Request) -> web.Response:
        source = request.match_info["source"]
        if not edge.free(source):
            return web.json_response({"error": f"{source[:64]!r} is not banned."}, status=404)
        return web.json_response({"source": source, "banned": False})

    async def trunks(_request: web.Request) -> web.Response:
        return web.json_response({"trunks": [asdict(trunk) for trunk in edge.trunks()]})

    app.router.add_get("/api/v1/trunks", trunks)
    app.router.add_get("/api/v1/bans", bans)
    app.router.add_delete("/api/v1/bans/{source:.+}", free)


class EdgeCollector(Collector):
    """The edge's figures for /metrics."""

    def __init__(self, edge: EdgeView) -> None:
        self._edge = edge

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "softswitch_bans", "Sources that are not heard at present", value=len(self._edge.bans())
        )
        dropped = CounterMetricFamily(
            "softswitch_dropped_packets", "Packets not looked at, by reason", labels=["reason"]
        )
        for reason, number in self._edge.dropped().items():
            dropped.add_metric([reason], number)
        yield dropped
        trunks = GaugeMetricFamily("softswitch_trunk_up", "1: the trunk answers OPTIONS, 0: not", labels=["trunk"])
        for trunk in self._edge.trunks():
            if trunk.state != "not asked":
                trunks.add_metric([trunk.trunk], float(trunk.state == "up"))
        yield trunks
