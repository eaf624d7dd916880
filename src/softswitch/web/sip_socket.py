"""Phones in browsers: SIP over WebSocket (RFC 7118, RFC 6455) on a port of its own, with TLS or behind a proxy.

    socket ──guard, caps──► TLS ──► GET /sip ──origin, subprotocol──► WebSocket ──each message: guard──► the stack
       └──not a WebSocket within 30 s: closed                             └──no pong: closed──► StreamClosed

A message of the WebSocket is one SIP message. It can be sent to nobody but on the connection it came with: a browser
has no address (`.invalid`), and when the connection goes, so do its contacts. Nothing else is served on this port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import cast

from aiohttp import WSMsgType, web

from softswitch.call.errors import StartError
from softswitch.call.settings import ListenSettings, WebPhoneSettings
from softswitch.runtime.packet_mark import mark
from softswitch.runtime.sip_connections import MAX_UNSENT_BYTES, SILENT_SECONDS, Connections, GuardedTls, House
from softswitch.runtime.sip_transport import SipTransport
from softswitch.sip.messages import Flow, PacketReceived
from softswitch.web.broken_requests import LOGGER

PATH = "/sip"
SUBPROTOCOL = "sip"
PING_SECONDS = 30.0
MAX_MESSAGE_BYTES = 65_535
MAX_HEAD_BYTES = 8_190
_MAX_UNSENT_MESSAGES = 256


class Socket:
    """One WebSocket as a `Line` of the connections."""

    def __init__(self, flow: Flow, socket: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self.flow: Flow | None = flow
        self.binary = False  # as the peer sent last
        self._socket = socket
        self._transport = transport
        self._sending: set[asyncio.Task[None]] = set()

    def write(self, data: bytes) -> None:
        full = self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES
        if full or len(self._sending) >= _MAX_UNSENT_MESSAGES:
            self._transport.abort()
            return
        # Tasks begin in the order they were made, and a frame is written before its task waits for anything.
        task = asyncio.get_running_loop().create_task(self._send(data))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, data: bytes) -> None:
        try:
            if not self.binary:
                # RFC 7118 4: a text frame holds UTF-8 only; what is none goes as a binary one.
                try:
                    await self._socket.send_str(data.decode())
                    return
                except UnicodeDecodeError:
                    pass
            await self._socket.send_bytes(data)
        except (ConnectionError, RuntimeError):
            self._transport.abort()

    def close(self) -> None:
        self._transport.close()


class Door(asyncio.Protocol):
    """A plain socket in front of the HTTP protocol: guard and caps before the first byte."""

    def __init__(self, inner: asyncio.Protocol, house: House, is_proxy: Callable[[str], bool]) -> None:
        self._inner = inner
        self._house = house
        self._is_proxy = is_proxy
        self._host = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        remote = transport.get_extra_info("peername")
        if remote is None or not self._house.enter(remote[0], self._is_proxy(remote[0])):
            cast("asyncio.Transport", transport).abort()
            return
        self._host = remote[0]
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._host:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._host else None

    def pause_writing(self) -> None:
        if self._host:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._host:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._host:
            self._house.leave(self._host, self._is_proxy(self._host))
            self._inner.connection_lost(exc)


class Patience(asyncio.Protocol):
    """Around aiohttp's protocol: a connection that has become no WebSocket after a while is closed."""

    def __init__(self, inner: asyncio.Protocol, patient: dict[int, asyncio.TimerHandle]) -> None:
        self._inner = inner
        self._patient = patient
        self._key = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._key = id(transport)
        abort = cast("asyncio.Transport", transport).abort
        self._patient[self._key] = asyncio.get_running_loop().call_later(SILENT_SECONDS, abort)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        timer = self._patient.pop(self._key, None)
        if timer is not None:
            timer.cancel()
        self._inner.connection_lost(exc)


class WebPhones:
    """All listeners of phones in browsers."""

    def __init__(self, transport: SipTransport, settings: WebPhoneSettings) -> None:
        self._transport = transport
        self._connections: Connections = transport.connections
        self._origins = settings.origins
        self._proxies = tuple(ip_network(text) for text in settings.proxies)
        self._patient: dict[int, asyncio.TimerHandle] = {}
        self._servers: list[asyncio.Server] = []
        app = web.Application(client_max_size=1024)
        app.router.add_get(PATH, self._serve)
        app.on_response_prepare.append(_without_version)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=LOGGER,
            handle_signals=False,
            shutdown_timeout=1.0,
            max_line_size=MAX_HEAD_BYTES,
        )

    async def listen(self, listens: tuple[ListenSettings, ...]) -> tuple[Flow, ...]:
        """Open the addresses of the web; the local flows. Raises StartError, one sentence."""
        await self._runner.setup()
        mine = [listen for listen in listens if listen.transport in ("ws", "wss")]
        return tuple([Flow(listen.transport, await self._open(listen), ("", 0)) for listen in mine])

    async def _open(self, listen: ListenSettings) -> tuple[str, int]:
        accept = self._accept_tls if listen.transport == "wss" else self._accept
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(accept, listen.host, listen.port, backlog=512)
        except OSError as problem:
            where = f"{listen.transport}://{listen.host}:{listen.port}"
            raise StartError(f"cannot listen on {where}: {problem.strerror}") from None
        self._servers.append(server)
        address: tuple[str, int] = server.sockets[0].getsockname()[:2]
        return address

    def _http(self) -> Patience:
        server = self._runner.server
        assert server is not None
        return Patience(server(), self._patient)

    def _accept(self) -> Door:
        return Door(self._http(), self._connections.house, self._is_proxy)

    def _accept_tls(self) -> GuardedTls:
        context = self._transport.certificates.server
        assert context is not None, "wss is listened for without a certificate"
        return GuardedTls(context, self._http(), self._connections.house, self._is_proxy)

    # ---------------------------------------------------------------- one connection

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        # RFC 7118 4.1: "The WebSocket client MUST include the value "sip" in the Sec-WebSocket-Protocol header in its
        # handshake request."
        if SUBPROTOCOL not in offered or request.headers.get("Upgrade", "").lower() != "websocket":
            return _refused(400, "SIP over WebSocket is spoken here: subprotocol sip.")
        if not self._welcome(request):
            return _refused(403, "Phones of this page are not served here.")
        flow = self._flow(request)
        if flow is None or not self._transport.admit(flow.remote[0], b"", True):
            return _refused(403, "Not now.")
        peer, house = request.remote, self._connections.house
        behind_proxy = peer is not None and self._is_proxy(peer)
        if behind_proxy and not house.seat(flow.remote[0]):
            return _refused(403, "Not now.")
        try:
            return await self._open_socket(request, flow)
        finally:
            if behind_proxy:
                house.unseat(flow.remote[0])

    async def _open_socket(self, request: web.Request, flow: Flow) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), heartbeat=PING_SECONDS, max_msg_size=MAX_MESSAGE_BYTES, compress=False
        )
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        timer = self._patient.pop(id(transport), None)
        if timer is not None:
            timer.cancel()
        mark(transport.get_extra_info("socket"), self._transport.dscp)
        line = Socket(flow, socket, transport)
        self._connections.opened(line)
        try:
            await self._talk(line, socket, flow)
        finally:
            self._connections.closed(line)
        return socket

    async def _talk(self, line: Socket, socket: web.WebSocketResponse, flow: Flow) -> None:
        connections, transport = self._connections, self._transport
        host = flow.remote[0]
        async for message in socket:
            line.binary = message.type is WSMsgType.BINARY
            if message.type is WSMsgType.TEXT:
                data = message.data.encode()
            elif message.type is WSMsgType.BINARY:
                data = message.data
            else:
                break
            connections.received += 1
            if not transport.admit(host, data, True):
                break
            if data == b"\r\n\r\n":
                line.write(b"\r\n")  # RFC 7118 6: keep-alives of RFC 5626 may come as messages
                continue
            transport.trace.note(connections.now(), False, flow, data)
            transport.post(PacketReceived(flow, data))

    def _welcome(self, request: web.Request) -> bool:
        """RFC 6455 10.2: servers that do not serve pages of every origin check the Origin header."""
        origins = request.headers.getall("Origin", [])
        if not origins or self._origins is None:
            return True  # no browser; it logs in as every phone does
        if len(origins) > 1:
            return False  # no browser says two
        origin = origins[0].lower()
        if self._origins:
            return origin in self._origins
        return origin.partition("://")[2] == request.headers.get("Host", "").strip().lower()

    def _flow(self, request: web.Request) -> Flow | None:
        transport = request.transport
        if transport is None:
            return None
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if local is None or remote is None:
            return None
        host, kind = remote[0], "wss" if request.secure else "ws"
        if self._is_proxy(host):
            host = self._forwarded_for(request, host)
            if request.headers.get("X-Forwarded-Proto", "").lower() in ("https", "wss"):
                kind = "wss"
        return Flow(kind, local[:2], (host, remote[1]), self._connections.next_number())

    def _is_proxy(self, host: str) -> bool:
        if not self._proxies:
            return False
        address = ip_address(host.partition("%")[0])
        return any(address.version == network.version and address in network for network in self._proxies)

    def _forwarded_for(self, request: web.Request, host: str) -> str:
        """The last address that none of our proxies has: what stands before it anybody may have written."""
        named = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        for text in reversed(named[-10:]):
            try:
                found = str(ip_address(text.strip()))
            except ValueError:
                return host
            host = found
            if not self._is_proxy(found):
                break
        return host

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        await self._runner.cleanup()


async def _without_version(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)


def _refused(status: int, text: str) -> web.Response:
    response = web.Response(status=status, text=text + "\n")
    response.force_close()
    return response
