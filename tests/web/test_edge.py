"""The SIP edge over HTTP: bans are listed and lifted, figures are in /metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from softswitch.sip.guard import Guard
from softswitch.sip.messages import DefenceSettings, SipSettings
from softswitch.web.app import make_app
from softswitch.web.edge import BanView, TracedView, TrunkView
from softswitch.web.server import start_http


class Edge:
    """A real guard with a clock that stands."""

    def __init__(self) -> None:
        self.guard = Guard(SipSettings("bank.example", (), defence=DefenceSettings(failures=2)))
        for host in ("203.0.113.9", "203.0.113.9", "2001:db8::1", "2001:db8::2"):
            self.guard.failed(host, 10.0)

    def bans(self) -> list[BanView]:
        return [BanView(b.source, b.reason, b.until - 12.0, b.seconds, b.dropped) for b in self.guard.bans(12.0)]

    def free(self, source: str) -> bool:
        return self.guard.free(source, 12.0)

    def trace(self, call: str) -> list[TracedView]:
        if call != "a@b":
            return []
        return [
            TracedView(
                1_700_000_000.5, False, "udp:192.0.2.7:5060", "INVITE sip:1 SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0"
            ),
            TracedView(1_700_000_001.0, True, "udp:192.0.2.7:5060", "SIP/2.0 200 OK\r\nCSeq: 2 BYE\r\n\r\n"),
        ]

    def trace_pcapng(self, call: str) -> bytes:
        return b"\x0a\x0d\x0d\x0a"

    def trunks(self) -> list[TrunkView]:
        return [TrunkView("pstn", "192.0.2.1", "down"), TrunkView("in", "", "not asked")]

    def connections(self) -> dict[str, int]:
        return {"tcp": 3, "wss": 0}

    def certificate_expires(self) -> float:
        return 1_800_000_000.0

    def dropped(self) -> dict[str, int]:
        return self.guard.dropped


@pytest.fixture
async def edge_client(floor: Any) -> AsyncIterator[aiohttp.ClientSession]:
    running = await start_http(make_app(floor, floor, edge=Edge()), "127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{running.port}") as session:
        yield session
    await running.close()


async def test_bans_are_listed_and_lifted(edge_client: aiohttp.ClientSession) -> None:
    rows = (await (await edge_client.get("/api/v1/bans")).json())["bans"]
    assert [row["source"] for row in rows] == ["203.0.113.9", "2001:db8::/64"]
    assert rows[0] == {
        "source": "203.0.113.9",
        "reason": "login",
        "left_seconds": 298.0,
        "ban_seconds": 300.0,
        "dropped": 0,
    }
    for path in ("203.0.113.9", "2001:db8::%2F64"):
        assert (await edge_client.delete(f"/api/v1/bans/{path}")).status == 200
    again = await edge_client.delete("/api/v1/bans/203.0.113.9")
    assert (again.status, "error" in await again.json()) == (404, True)
    assert (await (await edge_client.get("/api/v1/bans")).json())["bans"] == []


async def test_figures(edge_client: aiohttp.ClientSession) -> None:
    text = await (await edge_client.get("/metrics")).text()
    assert 'softswitch_trunk_up{trunk="pstn"} 0.0' in text
    assert "softswitch_bans 2.0" in text
    assert 'softswitch_sip_connections{transport="tcp"} 3.0' in text
    assert "softswitch_certificate_expires 1.8e+09" in text
    assert 'softswitch_dropped_packets_total{reason="banned"} 0.0' in text


async def test_a_trace(edge_client: aiohttp.ClientSession) -> None:
    document = await (await edge_client.get("/api/v1/calls/a@b/trace")).json()
    assert [message["label"] for message in document["messages"]] == ["INVITE (SDP)", "200 OK BYE"]
    assert document["messages"][0]["time"] == "2023-11-14T22:13:20.500+00:00"
    file = await edge_client.get("/api/v1/calls/a@b/trace?format=pcapng")
    assert await file.read() == b"\x0a\x0d\x0d\x0a"
    assert (await edge_client.get("/api/v1/calls/77/trace")).status == 404
