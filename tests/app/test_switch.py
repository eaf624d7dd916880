"""A whole switch in this process, with a gateway that is a socket: what is left when it stops, what is there again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from softswitch.app.switch import Switch
from softswitch.call.settings import ListenSettings, Settings
from softswitch.config import load
from softswitch.media.negotiation import make_offer

GATEWAY = "127.0.0.2"


@pytest.fixture
def settings(project: Path, tmp_path: Path, free_port: Callable[[], int]) -> Settings:
    """The demo bank on ports of its own."""
    passwords = {f"{agent}_PASSWORD": "secret-of-a-test" for agent in ("ANNA", "MART", "LI")}
    bank = load(project / "configs" / "bank", env=passwords)
    first_port = min(free_port(), 65_000)
    return replace(
        bank,
        listen=(ListenSettings("udp", "127.0.0.1", free_port()),),
        http_port=free_port(),
        database_url=f"sqlite:///{tmp_path}/line.db",
        prompt_cache=str(tmp_path / "prompts"),
        tts="",
        media=replace(bank.media, port_first=first_port, port_last=first_port + 80),
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Switch]:
    switch = await Switch.start(settings)
    try:
        yield switch
    finally:
        await switch.stop()


@pytest.fixture
def gateway() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((GATEWAY, 0))
        one.setblocking(False)
        yield one


async def call(gateway: socket.socket, switch: Switch, number: str = "+3726310000") -> None:
    """A call from the gateway, up to its ACK."""
    address = switch.addresses[0].local
    port = gateway.getsockname()[1]
    sdp = make_offer(GATEWAY, 40_000, 1, 1, ("PCMU",)).sdp
    common = (
        f"From: <sip:+3725550001@{GATEWAY}>;tag=one\r\nCall-ID: one\r\nMax-Forwards: 70\r\n"
        f"Contact: <sip:gateway@{GATEWAY}:{port}>\r\n"
    )

    def request(method: str, branch: str, to_tag: str, body: bytes) -> bytes:
        head = (
            f"{method} sip:{number}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {GATEWAY}:{port};branch=z9hG4bK{branch}\r\n"
            f"To: <sip:{number}@127.0.0.1>{to_tag}\r\nCSeq: 1 {method}\r\n{common}"
        )
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return f"{head}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body

    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        await loop.sock_sendto(gateway, request("INVITE", "invite", "", sdp), address)
        answer = ""
        while not answer.startswith("SIP/2.0 200"):
            answer = (await loop.sock_recv(gateway, 65_535)).decode()
    to = next(line for line in answer.split("\r\n") if line.startswith("To:"))
    await loop.sock_sendto(gateway, request("ACK", "ack", to.partition(">")[2], b""), address)


def rows(settings: Settings, query: str) -> list[tuple[object, ...]]:
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


async def test_calls_that_are_up_when_it_stops_have_their_cdr_lines(settings: Settings, gateway: socket.socket) -> None:
    async with running(settings) as switch:
        await call(gateway, switch)
    assert rows(settings, "SELECT direction, ended_by, status, answered_at IS NOT NULL FROM call_detail") == [
        ("in", "us", 200, 1)
    ]
