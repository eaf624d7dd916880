"""The web port of SIP: who gets a WebSocket, what reaches the stack, what goes back, when a connection ends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.certificates import Authority

from softswitch.call.settings import ListenSettings, TlsSettings, WebPhoneSettings
from softswitch.runtime import sip_connections
from softswitch.runtime.sip_transport import SipTransport
from softswitch.sip.messages import CloseStream, Flow, PacketReceived, StreamClosed, Transmit, TransportFailed
from softswitch.web import sip_socket
from softswitch.web.sip_socket import WebPhones

HOST = "127.0.0.1"


class Port:
    """A web port with everything it posts."""

    def __init__(self, settings: WebPhoneSettings, tls: TlsSettings) -> None:
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self.transport = SipTransport(asyncio.get_running_loop(), self._events.put_nowait, tls)
        self._phones = WebPhones(self.transport, settings)
        self.url = ""
        self.number = 0

    async def open(self, kind: str) -> Port:
        (flow,) = await self._phones.listen((ListenSettings(kind, HOST, 0), ListenSettings("udp", HOST, 0)))
        self.number = flow.local[1]
        self.url = f"{kind}://{HOST}:{flow.local[1]}/sip"
        return self

    async def get(self, kind: type) -> Any:
        async with asyncio.timeout(30):
            while True:
                event = await self._events.get()
                if isinstance(event, kind):
                    return event

    async def close(self) -> None:
        await self._phones.close()
        await self.transport.close()


@asynccontextmanager
async def port(
    kind: str = "ws", settings: WebPhoneSettings | None = None, tls: TlsSettings | None = None
) -> AsyncIterator[tuple[Port, aiohttp.ClientSession]]:
    opened = await Port(settings or WebPhoneSettings(), tls or TlsSettings()).open(kind)
    async with aiohttp.ClientSession() as session:
        try:
            yield opened, session
        finally:
            await opened.close()


def sip(session: aiohttp.ClientSession, url: str, **more: Any) -> Any:
    return session.ws_connect(url, protocols=("sip",), **more)


async def test_messages_both_ways_as_text_and_as_bytes() -> None:
    async with port() as (web, session), sip(session, web.url) as socket:
        assert socket.protocol == "sip"
        await socket.send_str("OPTIONS é")
        event = await web.get(PacketReceived)
        assert (event.flow.transport, event.flow.remote[0], event.data) == ("ws", HOST, "OPTIONS é".encode())
        assert event.flow.connection > 0
        web.transport.transmit(Transmit(event.flow, b"one"))
        web.transport.transmit(Transmit(event.flow, b"two"))
        assert [(await socket.receive(5)).data for _ in range(2)] == ["one", "two"]
        web.transport.transmit(Transmit(event.flow, b"\xff"))
        assert (await socket.receive(5)).data == b"\xff"
        await socket.send_bytes(b"\x00")
        assert (await web.get(PacketReceived)).data == b"\x00"
        web.transport.transmit(Transmit(event.flow, b"three"))
        assert (await socket.receive(5)).data == b"three"


async def test_a_keep_alive_is_answered_and_goes_no_further() -> None:
    async with port() as (web, session), sip(session, web.url) as socket:
        await socket.send_str("\r\n\r\n")
        assert (await socket.receive(5)).data == "\r\n"
        await socket.send_str("next")
        assert (await web.get(PacketReceived)).data == b"next"


async def test_the_end_is_told_and_what_is_sent_then_has_failed() -> None:
    async with port() as (web, session):
        async with sip(session, web.url) as socket:
            await socket.send_str("x")
            flow = (await web.get(PacketReceived)).flow
            assert len(web.transport.connections) == 1
        assert (await web.get(StreamClosed)).flow == flow
        assert len(web.transport.connections) == 0
        web.transport.transmit(Transmit(flow, b"late"))
        assert (await web.get(TransportFailed)).flow == flow


async def test_we_can_close_it() -> None:
    async with port() as (web, session), sip(session, web.url) as socket:
        await socket.send_str("x")
        flow = (await web.get(PacketReceived)).flow
        web.transport.close_stream(CloseStream(flow))
        assert (await socket.receive(5)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE)
        await web.get(StreamClosed)


async def test_a_message_that_is_too_long_ends_it() -> None:
    async with port() as (web, session), sip(session, web.url) as socket:
        await socket.send_str("x" * 70_000)
        assert (await socket.receive(5)).data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        await web.get(StreamClosed)


async def test_the_guard_is_asked_before_the_socket_and_before_each_message() -> None:
    async with port() as (web, session):
        async with sip(session, web.url) as socket:
            web.transport.admit = lambda host, data, connected: data != b"flood"
            await socket.send_str("flood")
            await web.get(StreamClosed)
        web.transport.admit = lambda host, data, connected: False
        with pytest.raises(aiohttp.ClientError):
            await sip(session, web.url)
        assert web.transport.connections.house.refused >= 1


async def test_sockets_of_one_source_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_connections, "MAX_CONNECTIONS_PER_HOST", 2)
    async with port() as (web, session), sip(session, web.url), sip(session, web.url):
        with pytest.raises(aiohttp.ClientError):
            await sip(session, web.url)
        house = web.transport.connections.house
        assert (house.inside, house.refused > 0) == (2, True)


async def test_behind_a_proxy_each_source_is_counted_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole call centre behind nginx is one socket address; who knocks through it is not."""
    monkeypatch.setattr(sip_connections, "MAX_CONNECTIONS_PER_HOST", 2)
    async with port(settings=WebPhoneSettings(proxies=("127.0.0.0/8",))) as (web, session):
        house = web.transport.connections.house
        sources = [f"203.0.113.{number}" for number in (7, 7, 8, 8, 9, 9)]
        sockets = [await sip(session, web.url, headers={"X-Forwarded-For": source}) for source in sources]
        assert (house.inside, house.refused) == (6, 0)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await sip(session, web.url, headers={"X-Forwarded-For": "203.0.113.9"})
        assert refusal.value.status == 403
        await sockets[-1].close()
        await web.get(StreamClosed)
        assert (house.seat("203.0.113.9"), house.seat("203.0.113.9")) == (True, False)


def test_addresses_of_one_ipv6_network_are_one_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_connections, "MAX_CONNECTIONS_PER_HOST", 2)

    class Owner:
        def admit(self, host: str, data: bytes, connected: bool) -> bool:
            return True

    house = sip_connections.House(Owner())  # type: ignore[arg-type]
    assert [house.enter(f"2001:db8::{number}") for number in (1, 2, 3)] == [True, True, False]
    assert house.enter("2001:db8:0:1::1")
    house.leave("2001:db8::1")
    assert house.enter("2001:db8::3")


async def test_strangers_leave_room_for_phones_that_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_connections, "MAX_STRANGERS", 2)
    async with port() as (web, session):
        house = web.transport.connections.house
        house.known = lambda host: host != HOST
        async with sip(session, web.url), sip(session, web.url):
            with pytest.raises(aiohttp.ClientError):
                await sip(session, web.url)
            assert house.enter("203.0.113.9")


async def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_socket, "MAX_UNSENT_BYTES", 100_000)
    async with port() as (web, session), sip(session, web.url) as socket:
        await socket.send_str("x")
        flow = (await web.get(PacketReceived)).flow
        for _ in range(400):
            web.transport.transmit(Transmit(flow, b"y" * 60_000))
            await asyncio.sleep(0)
        await web.get(StreamClosed)


async def test_a_socket_that_becomes_no_websocket_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_socket, "SILENT_SECONDS", 0.05)
    async with port() as (web, session), sip(session, web.url) as socket:
        reader, writer = await asyncio.open_connection(HOST, int(web.url.split(":")[2].split("/")[0]))
        writer.write(b"GET /sip HTTP/1.1\r\nHost: x\r\n")
        with pytest.raises(ConnectionResetError):
            while await asyncio.wait_for(reader.read(), 20) == b"":
                raise ConnectionResetError
        writer.close()
        await socket.send_str("still here")
        assert (await web.get(PacketReceived)).data == b"still here"


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ((), {}, 101),
        ((), {"Origin": "http://evil.example"}, 403),
        ((), {"Origin": "http://{host}"}, 101),
        (("https://desk.example",), {"Origin": "https://desk.example"}, 101),
        (("https://desk.example",), {"Origin": "http://{host}"}, 403),
        (("https://desk.example",), {"Origin": "null"}, 403),
        (None, {"Origin": "http://evil.example"}, 101),
    ],
)
async def test_which_pages_may_connect(settings: Any, headers: dict[str, str], status: int) -> None:
    async with port(settings=WebPhoneSettings(origins=settings)) as (web, session):
        host = web.url.split("/")[2]
        sent = {name: value.format(host=host) for name, value in headers.items()}
        try:
            async with sip(session, web.url, headers=sent):
                got = 101
        except aiohttp.WSServerHandshakeError as refusal:
            got = refusal.status
        assert got == status


async def test_only_the_subprotocol_sip_and_nothing_else_on_this_port() -> None:
    async with port() as (web, session):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect(web.url)
        assert refusal.value.status == 400
        address = web.url.replace("ws://", "http://")
        for path, status in (("", 400), ("/../api/v1/calls", 404), ("x", 404)):
            async with session.get(address + path) as answer:
                assert (answer.status, "Server" in answer.headers) == (status, False)


@pytest.mark.parametrize("broken", [b"GARBAGE", b"GET /sip HTTP/9.9", b"GET /sip HTTP/1.1\r\nX\x01y: 1"])
async def test_broken_requests_learn_no_version_and_fill_no_log(
    broken: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    async with port() as (web, _):
        reader, writer = await asyncio.open_connection(HOST, web.number)
        writer.write(broken + b"\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
    assert answer.startswith(b"HTTP/1.0 400 ")
    assert b"aiohttp" not in answer and b"Python" not in answer
    assert "Traceback" not in "".join(capfd.readouterr())


async def test_who_is_gone_before_the_answer_fills_no_log(capfd: pytest.CaptureFixture[str]) -> None:
    async with port() as (web, _):
        for _ in range(5):
            reader, writer = await asyncio.open_connection(HOST, web.number)
            writer.write(
                b"GET /sip HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Protocol: sip\r\n\r\n"
            )
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 20)
            writer.close()
    assert "Traceback" not in "".join(capfd.readouterr())


async def test_two_origins_are_no_browser() -> None:
    async with port(settings=WebPhoneSettings(origins=("https://desk.example",))) as (web, session):
        headers = [("Origin", "https://desk.example"), ("Origin", "https://evil.example")]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await sip(session, web.url, headers=headers)
        assert refusal.value.status == 403


@pytest.mark.parametrize(
    ("proxies", "forwarded", "host", "kind"),
    [
        ((), {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}, HOST, "ws"),
        (("127.0.0.0/8",), {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}, "203.0.113.9", "wss"),
        (("127.0.0.0/8",), {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 127.0.0.9"}, "203.0.113.9", "ws"),
        (("127.0.0.0/8",), {"X-Forwarded-For": "2001:db8::7"}, "2001:db8::7", "ws"),
        (("127.0.0.0/8",), {"X-Forwarded-For": "nonsense"}, HOST, "ws"),
        (("127.0.0.0/8",), {}, HOST, "ws"),
        (("10.0.0.0/8", "::1"), {"X-Forwarded-For": "203.0.113.9"}, HOST, "ws"),
    ],
)
async def test_whom_a_proxy_speaks_for(
    proxies: tuple[str, ...], forwarded: dict[str, str], host: str, kind: str
) -> None:
    settings = WebPhoneSettings(proxies=proxies)
    async with port(settings=settings) as (web, session), sip(session, web.url, headers=forwarded) as socket:
        await socket.send_str("x")
        flow: Flow = (await web.get(PacketReceived)).flow
        assert (flow.transport, flow.remote[0]) == (kind, host)


async def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("switch", HOST)
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    async with (
        port("wss", tls=TlsSettings(str(certificate), str(key))) as (web, session),
        sip(session, web.url, ssl=trust) as socket,
    ):
        await socket.send_str("x" * 40_000)
        event = await web.get(PacketReceived)
        assert (event.flow.transport, len(event.data)) == ("wss", 40_000)
        web.transport.transmit(Transmit(event.flow, b"y" * 50_000))
        assert (await socket.receive(5)).data == "y" * 50_000
        web.transport.close_stream(CloseStream(event.flow))
        await web.get(StreamClosed)
