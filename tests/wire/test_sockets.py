"""Torture messages over real sockets: UDP, TCP, TLS and WebSocket, IPv4 and IPv6, each with a ping after it.

The tables beside this one say what is answered; here the same bytes go through the kernel, through TLS records and
WebSocket frames, and whatever they are, the next OPTIONS on a new connection is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from tests.certificates import Authority
from tests.sip.peer import settings, status
from tests.wire.test_torture import EXPECTED, FILES, MESSAGES, SILENCE, UNFINISHED, UNFRAMEABLE

from softswitch.call.settings import ListenSettings, TlsSettings, WebPhoneSettings
from softswitch.ids import IdSource
from softswitch.runtime.driver import Driver
from softswitch.runtime.sip_transport import SipTransport
from softswitch.sip import messages as sip
from softswitch.sip.stack import SipStack
from softswitch.web.sip_socket import WebPhones

OURS = ("example.com", "example.net", "example.org", "company.com", "127.0.0.1", "::1")
KINDS = ("udp", "tcp", "tls", "ws", "wss")
PLACES = [(kind, host) for host in ("127.0.0.1", "::1") for kind in KINDS]
SIP_EVENTS = (sip.PacketReceived, sip.StreamReceived, sip.StreamClosed, sip.TransportFailed, sip.LoadChanged)
UPWARD = (sip.SecurityEvent, sip.InviteReceived, sip.LegEnded, sip.SaveContacts, sip.RegistrationChanged)


class Chance:
    def getrandbits(self, k: int, /) -> int:
        return int.from_bytes(b"\x5a" * 64) % (1 << k)


class House:
    """A stack behind real listeners of every kind."""

    def __init__(self, directory: Path) -> None:
        authority = Authority(directory)
        certificate, key = authority.issue("switch", "127.0.0.1", "::1")
        self.trust = ssl.create_default_context(cafile=str(authority.certificate))
        loop = asyncio.get_running_loop()
        self._driver = Driver(loop)
        self._transport = SipTransport(loop, self._driver.post, TlsSettings(str(certificate), str(key)))
        self._phones = WebPhones(self._transport, WebPhoneSettings())
        self.broken: list[sip.SecurityEvent] = []
        self.ports: dict[tuple[str, str], int] = {}

    async def open(self) -> None:
        listens = tuple(ListenSettings(kind, host, 0) for kind, host in PLACES)
        flows = (*await self._transport.listen(listens), *await self._phones.listen(listens))
        self.ports = {(flow.transport, flow.local[0]): flow.local[1] for flow in flows}
        stack = SipStack(settings(domains=OURS, local_flows=flows), IdSource(), Chance())
        self._driver.add_core(stack, *SIP_EVENTS)
        self._driver.add_effect(self._transport.transmit, sip.Transmit)
        self._driver.add_effect(self._transport.close_stream, sip.CloseStream)
        self._driver.add_effect(self._note, *UPWARD)

    def _note(self, event: object) -> None:
        if isinstance(event, sip.SecurityEvent) and event.kind == "internal_error":
            self.broken.append(event)

    async def close(self) -> None:
        await self._phones.close()
        await self._transport.close()
        self._driver.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    made = House(tmp_path_factory.mktemp("house"))
    await made.open()
    yield made
    assert not made.broken
    assert made._driver.broken == made._driver.unrouted == 0
    await made.close()


def ping(kind: str, host: str) -> bytes:
    sent_by = f"[{host}]" if ":" in host else host
    return (
        f"OPTIONS sip:{sent_by} SIP/2.0\r\nVia: SIP/2.0/{kind.upper()} {sent_by}:9;branch=z9hG4bKping;rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:a@{sent_by}>;tag=1\r\nTo: <sip:{sent_by}>\r\nCall-ID: ping\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


class Line:
    """One connection (or socket) of a kind."""

    def __init__(self, house: House, kind: str, host: str) -> None:
        self.kind, self.host = kind, host
        self.port = house.ports[kind, host]
        self._trust = house.trust
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Line:
        if self.kind == "udp":
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            self._socket = self._stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            self._socket.setblocking(False)
            self._socket.connect((self.host, self.port))
        elif self.kind in ("tcp", "tls"):
            trust = self._trust if self.kind == "tls" else None
            self._reader, self._writer = await asyncio.open_connection(self.host, self.port, ssl=trust)
            self._stack.callback(self._writer.close)
        else:
            session = await self._stack.enter_async_context(aiohttp.ClientSession())
            host = f"[{self.host}]" if ":" in self.host else self.host
            url = f"{self.kind}://{host}:{self.port}/sip"
            self._web = await self._stack.enter_async_context(
                session.ws_connect(url, protocols=("sip",), ssl=self._trust)
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def send(self, data: bytes) -> None:
        if self.kind == "udp":
            await asyncio.get_running_loop().sock_sendall(self._socket, data)
        elif self.kind in ("tcp", "tls"):
            self._writer.write(data)
        else:
            await self._web.send_bytes(data)

    async def get(self) -> bytes:
        """One answer; empty when the connection ended."""
        async with asyncio.timeout(30):
            if self.kind == "udp":
                return await asyncio.get_running_loop().sock_recv(self._socket, 65_535)
            if self.kind in ("tcp", "tls"):
                return await self._reader.read(65_535)
            message = await self._web.receive()
            data = message.data if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY) else b""
            return data.encode() if isinstance(data, str) else data


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("kind", "host"), PLACES)
async def test_a_ping_by_every_way(house: House, kind: str, host: str) -> None:
    async with Line(house, kind, host) as line:
        await line.send(ping(kind, host))
        answer = await line.get()
        assert status(answer) == 200
        via = next(text for text in answer.decode().split("\r\n") if text.startswith("Via:"))
        assert f";received={host};rport=" in via


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("kind", "host"), [place for place in PLACES if place[1] == "127.0.0.1" or place[0] == "udp"])
@pytest.mark.skipif(not MESSAGES.is_dir(), reason="the messages of RFC 4475 are not beside the project")
async def test_torture_messages_and_a_ping_after_each(house: House, kind: str, host: str) -> None:
    for path in FILES:
        async with Line(house, kind, host) as line:
            await line.send(path.read_bytes())
            stream = kind in ("tcp", "tls")
            expected = EXPECTED[path.stem][not (stream and path.stem in UNFRAMEABLE)]
            # Answers over UDP go where the Via says, unless it asks for rport: most are not seen here.
            if kind != "udp" and expected != SILENCE and not (stream and path.stem in UNFINISHED):
                assert status(await line.get()) == expected, path.stem
            if stream and path.stem in UNFRAMEABLE:
                assert await line.get() == b"", path.stem
        async with Line(house, kind, host) as line:
            await line.send(ping(kind, host))
            assert status(await line.get()) == 200, path.stem


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kind", ["tcp", "tls"])
async def test_byte_by_byte_and_pipelined(house: House, kind: str) -> None:
    async with Line(house, kind, "127.0.0.1") as line:
        for byte in ping(kind, "127.0.0.1"):
            await line.send(bytes((byte,)))
            await asyncio.sleep(0)
        assert status(await line.get()) == 200
        await line.send(b"\r\n\r\n")
        assert await line.get() == b"\r\n"
        await line.send(ping(kind, "127.0.0.1") * 20)
        got = b""
        while got.count(b"SIP/2.0 200 OK") < 20:
            got += await line.get()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kind", KINDS)
async def test_garbage_and_a_ping_after_it(house: House, kind: str) -> None:
    """Random bytes, and requests with random bytes changed: on the plain socket below TLS and HTTP too."""
    chance = random.Random(kind)
    good = ping(kind, "127.0.0.1")
    for _ in range(60):
        spoilt = bytearray(good)
        for _ in range(chance.randrange(1, 12)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        for data in (bytes(spoilt), chance.randbytes(chance.randrange(1, 300))):
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                async with Line(house, kind, "127.0.0.1") as line:
                    await line.send(data)
        if kind != "udp":
            _, writer = await asyncio.open_connection("127.0.0.1", house.ports[kind, "127.0.0.1"])
            writer.write(chance.randbytes(200))
            writer.close()
    async with Line(house, kind, "127.0.0.1") as line:
        await line.send(good)
        assert status(await line.get()) == 200
