"""The SIP edge over HTTP: who is banned, which trunks answer, what was said.

GET    /api/v1/calls/{call}/trace      {"messages": [...]}; ?format=pcapng
GET    /api/v1/trunks                  {"trunks": [...]}
GET    /api/v1/bans                    {"bans": [...]}
DELETE /api/v1/bans/{source}           lift a ban
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Protocol

from aiohttp import web
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_CSEQ = re.compile(r"(?:^|\n)cseq[ \t]*:[ \t]*[0-9]+[ \t]+([A-Z]+)", re.IGNORECASE)


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
    registration: str = ""  # "registered", "not registered (403)"; empty: it is not asked for
    calls: int = 0  # channels in use, in and out
    max_calls: int = 0
    calls_per_second: float | None = None  # of the last second, the busier direction; None: without a limit
    most_per_second: float | None = None
    refused: int = 0  # calls, in and out, for which it had no room
    addresses: tuple[str, ...] = ()  # where its name leads now, best first; "udp:192.0.2.10:5060"
    problem: str = ""  # why its name leads nowhere


@dataclass(frozen=True, slots=True)
class TracedView:
    """One SIP message, secrets masked. `at` is seconds since 1970."""

    at: float
    outgoing: bool
    peer: str  # "udp:192.0.2.7:5060"
    text: str

    @property
    def label(self) -> str:
        """What stands on the arrow of a ladder: the method, or the status with its reason and method."""
        first, _, rest = self.text.partition("\r\n")
        offer = " (SDP)" if "\r\n\r\nv=0" in self.text else ""
        if not first.startswith("SIP/2.0 "):
            return first.partition(" ")[0] + offer
        found = _CSEQ.search(rest)
        return first[8:] + offer + (f" {found[1]}" if found is not None and found[1] != "INVITE" else "")


class EdgeView(Protocol):
    """The port to the SIP edge; the composition root implements it."""

    def bans(self) -> Sequence[BanView]: ...

    def free(self, source: str) -> bool:
        """Lift a ban; False when there is none."""
        ...

    def trunks(self) -> Sequence[TrunkView]: ...

    def trace(self, call: str) -> Sequence[TracedView]:
        """The SIP messages of a call (by its number, or a Call-ID), both legs."""
        ...

    def trace_pcapng(self, call: str) -> bytes: ...

    def connections(self) -> Mapping[str, int]:
        """Open connections, by transport."""
        ...

    def certificate_expires(self) -> float:
        """Of our own certificate, seconds since 1970; 0: there is none."""
        ...

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

    async def trace(request: web.Request) -> web.Response:
        call = request.match_info["call"]
        messages = edge.trace(call)
        if not messages:
            return web.json_response({"error": f"Nothing is remembered of the call {call[:64]!r}."}, status=404)
        if request.query.get("format") == "pcapng":
            return web.Response(body=edge.trace_pcapng(call), content_type="application/octet-stream")
        return web.json_response({"call": call, "messages": [_shown(message) for message in messages]})

    app.router.add_get("/api/v1/calls/{call:.+}/trace", trace)
    app.router.add_get("/api/v1/trunks", trunks)
    app.router.add_get("/api/v1/bans", bans)
    app.router.add_delete("/api/v1/bans/{source:.+}", free)


def _shown(message: TracedView) -> dict[str, object]:
    time = datetime.fromtimestamp(message.at, UTC).isoformat(timespec="milliseconds")
    return {
        "time": time,
        "outgoing": message.outgoing,
        "peer": message.peer,
        "label": message.label,
        "text": message.text,
    }


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
        lines = GaugeMetricFamily(
            "softswitch_sip_connections", "Open SIP connections, by transport", labels=["transport"]
        )
        for transport, number in self._edge.connections().items():
            lines.add_metric([transport], number)
        yield lines
        expires = self._edge.certificate_expires()
        if expires:
            text = "When the certificate of the SIP ports ends, seconds since 1970"
            yield GaugeMetricFamily("softswitch_certificate_expires", text, value=expires)
        trunks = GaugeMetricFamily("softswitch_trunk_up", "1: the trunk answers OPTIONS, 0: not", labels=["trunk"])
        for trunk in self._edge.trunks():
            if trunk.state != "not asked":
                trunks.add_metric([trunk.trunk], float(trunk.state == "up"))
        yield trunks
        yield from _trunk_figures(self._edge.trunks())


def _trunk_figures(trunks: Sequence[TrunkView]) -> Iterable[Metric]:
    calls = GaugeMetricFamily("softswitch_trunk_calls", "Channels in use, in and out", labels=["trunk"])
    refused = CounterMetricFamily(
        "softswitch_trunk_refused_calls", "Calls, in and out, for which the trunk had no room", labels=["trunk"]
    )
    for trunk in trunks:
        calls.add_metric([trunk.trunk], trunk.calls)
        refused.add_metric([trunk.trunk], trunk.refused)
    yield calls
    yield refused
