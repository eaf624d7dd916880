"""A trunk with a name in a whole switch: a real name server on the loop-back address, two gateways that are sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from tests.app.test_switch import running, settings
from tests.name_server import NameServer

from softswitch.app.switch import Switch
from softswitch.call.settings import Settings
from softswitch.ids import LegId
from softswitch.sip.messages import StartInvite

__all__ = ["settings"]  # a fixture


@pytest.fixture
def gateways() -> Iterator[tuple[socket.socket, socket.socket]]:
    made = []
    for host in ("127.0.0.7", "127.0.0.8"):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((host, 0))
        one.setblocking(False)
        made.append(one)
    yield made[0], made[1]
    for one in made:
        one.close()


async def invite(gateway: socket.socket) -> str:
    """The next INVITE that comes here; OPTIONS is not answered."""
    async with asyncio.timeout(30):
        while True:
            data = await asyncio.get_running_loop().sock_recv(gateway, 65535)
            if data.startswith(b"INVITE"):
                return data.decode()


def answer(text: str, status: str) -> bytes:
    lines = [line for line in text.split("\r\n") if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq")]
    to = next(line for line in text.split("\r\n") if line.startswith("To:"))
    return "\r\n".join([f"SIP/2.0 {status}", *lines, f"{to};tag=gw", "Content-Length: 0", "", ""]).encode()


async def row_of(switch: Switch, until: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    async with asyncio.timeout(30), aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"http://{switch.http.host}:{switch.http.port}/api/v1/trunks") as got:
                row: dict[str, Any] = (await got.json())["trunks"][0]
            if until(row):
                return row


async def test_found_by_srv_and_the_next_target_takes_over(
    settings: Settings, gateways: tuple[socket.socket, socket.socket]
) -> None:
    first, second = gateways
    ports = [one.getsockname()[1] for one in gateways]
    server = await NameServer(
        f"""
carrier 60 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.carrier
_sip._udp.carrier 60 IN SRV 10 0 {ports[0]} one.carrier
_sip._udp.carrier 60 IN SRV 20 0 {ports[1]} two.carrier
one.carrier 60 IN A 127.0.0.7
two.carrier 60 IN A 127.0.0.8
"""
    ).start()
    trunk = replace(settings.sip.trunks[0], host="carrier.example", port=0, networks=("two.carrier.example",))
    sip = replace(settings.sip, trunks=(trunk,), name_servers=(server.address,))
    try:
        async with running(replace(settings, sip=sip)) as switch:
            # Two names are looked up here, each in its own time: the trunk's and the one in `networks`.
            row = await row_of(switch, lambda row: len(row["addresses"]) == 2 and not row["problem"])
            assert row["addresses"] == [f"udp:127.0.0.7:{ports[0]}", f"udp:127.0.0.8:{ports[1]}"]
            assert row["calls"] == 0
            sdp = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
            switch.post(StartInvite(LegId(7), "sip:+3725550001@carrier.example", None, "1", "", sdp, trunk=trunk.id))
            refused = await invite(first)
            loop = asyncio.get_running_loop()
            await loop.sock_sendto(first, answer(refused, "503 Service Unavailable"), switch.addresses[0].local)
            again = await invite(second)
            assert "sip:+3725550001@carrier.example" in again.split("\r\n")[0]
            assert (await row_of(switch, lambda row: row["calls"]))["calls"] == 1
            await loop.sock_sendto(second, answer(again, "486 Busy Here"), switch.addresses[0].local)
            await row_of(switch, lambda row: not row["calls"])
            # What comes from where the name in `from` leads is this trunk.
            assert switch.cores.stack.guard.admit("127.0.0.8", b"x", 0.0)
    finally:
        server.close()
