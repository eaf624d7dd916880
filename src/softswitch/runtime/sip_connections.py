"""Connections that carry SIP: TCP and TLS, incoming and made by us, and the WebSockets that the web port hands in.

    socket ──guard, caps──► TCP ──────────────────────► bytes to the stack ──closed──► StreamClosed
                       └──► TLS handshake ──10 s, 500 at a time──┘
    nothing at all within 30 s: closed           (half a message: `sip.streams` has the clock)

Every connection has a number of its own, whatever it is made of. Incoming sockets are capped in total and per source
before anything is read from them; sends are bounded in bytes: a peer that does not read is cut off.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast

import structlog

from softswitch.call.errors import StartError
from softswitch.call.settings import ListenSettings
from softswitch.runtime.certificates import CertificateError
from softswitch.runtime.packet_mark import mark
from softswitch.runtime.tls import TlsLayer, peer_names
from softswitch.sip.guard import source_name
from softswitch.sip.messages import CloseStream, Flow, StreamClosed, StreamReceived, Transmit, TransportFailed

if TYPE_CHECKING:
    from softswitch.runtime.sip_transport import SipTransport

log = structlog.get_logger()

MAX_CONNECTIONS = 5_000
MAX_STRANGERS = 4_000  # above it only sources that logged in lately, trunks and `never_ban` are let in
MAX_CONNECTIONS_PER_HOST = 500
MAX_HANDSHAKES = 500  # under way at a time
MAX_UNSENT_BYTES = 1_000_000
SILENT_SECONDS = 30.0
_CONNECT_SECONDS = 5.0
_KEEP_ALIVE_SECONDS = 60
_UNACKNOWLEDGED_SECONDS = 32  # as long as SIP itself waits for an answer
_MAX_UNSENT_MESSAGES = 64  # queued while a connection is being made
_MAX_CONNECTING = 1_000

Remote = tuple[str, tuple[str, int], str]  # transport, address, and over TLS whom the certificate names


class Line(Protocol):
    """An open connection of any kind."""

    flow: Flow | None

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class House:
    """Who may connect: the guard, and how many sockets there are in total, of one source, and in a handshake. Sources
    are those of the guard: of IPv6 addresses the /64."""

    def __init__(self, owner: SipTransport) -> None:
        self._owner = owner
        self.known: Callable[[str], bool] = lambda host: True  # no stranger
        self._per_source: dict[str, int] = {}
        self._shaking: dict[str, int] = {}
        self.inside = 0
        self.handshakes = 0
        self.refused = 0

    def enter(self, host: str, shared: bool = False) -> bool:
        """`shared`: a proxy of ours; those behind it are counted by `seat` when it has said who they are."""
        if self.inside >= MAX_CONNECTIONS or not self._owner.admit(host, b"", True):
            self.refused += 1
            return False
        if not shared and not self.seat(host):
            return False
        self.inside += 1
        return True

    def leave(self, host: str, shared: bool = False) -> None:
        self.inside -= 1
        if not shared:
            self.unseat(host)

    def seat(self, host: str) -> bool:
        source = source_name(host)
        seated = self._per_source.get(source, 0)
        if seated >= MAX_CONNECTIONS_PER_HOST or (self.inside >= MAX_STRANGERS and not self.known(host)):
            self.refused += 1
            return False
        self._per_source[source] = seated + 1
        return True

    def unseat(self, host: str) -> None:
        _one_less(self._per_source, source_name(host))

    def begin_handshake(self, host: str) -> bool:
        """A source has no more of them than it leaves free: silent sockets of one address lock nobody else out."""
        source = source_name(host)
        shaking = self._shaking.get(source, 0)
        if shaking >= MAX_HANDSHAKES - self.handshakes:
            self.refused += 1
            return False
        self._shaking[source] = shaking + 1
        self.handshakes += 1
        return True

    def end_handshake(self, host: str) -> None:
        self.handshakes -= 1
        _one_less(self._shaking, source_name(host))


def _one_less(counts: dict[str, int], source: str) -> None:
    left = counts.get(source, 1) - 1
    if left:
        counts[source] = left
    else:
        counts.pop(source, None)


class GuardedTls(TlsLayer):
    """TLS of an incoming socket, which passes the house before its handshake. `is_proxy`: whose socket is `shared`."""

    def __init__(
        self,
        context: ssl.SSLContext,
        inner: asyncio.Protocol,
        house: House,
        is_proxy: Callable[[str], bool] = lambda host: False,
    ) -> None:
        super().__init__(context, inner)
        self._house = house
        self._is_proxy = is_proxy
        self._host = ""
        self._counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        remote = transport.get_extra_info("peername")
        if remote is None or not self._house.begin_handshake(remote[0]):
            cast("asyncio.Transport", transport).abort()
            return
        if not self._house.enter(remote[0], self._is_proxy(remote[0])):
            self._house.end_handshake(remote[0])
            cast("asyncio.Transport", transport).abort()
            return
        self._host = remote[0]
        self._counted = True
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self.socket is None:
            return  # refused
        super().data_received(data)
        if self.shaken:
            self._uncount()

    def _uncount(self) -> None:
        if self._counted:
            self._counted = False
            self._house.end_handshake(self._host)

    def connection_lost(self, exc: Exception | None) -> None:
        self._uncount()
        if self._host:
            self._house.leave(self._host, self._is_proxy(self._host))
            super().connection_lost(exc)


class SipStream(asyncio.Protocol):
    """One TCP connection, or the inside of one over TLS. `house`: it has to pass there first."""

    def __init__(self, shell: Connections, transport: str, house: House | None) -> None:
        self._shell = shell
        self._kind = transport
        self._house = house
        self._transport: asyncio.Transport | None = None
        self._silence: asyncio.TimerHandle | None = None
        self.made_for: Remote | None = None  # we made it
        self.flow: Flow | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by duck type alone
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if local is None or remote is None or (self._house is not None and not self._house.enter(remote[0])):
            self._house = None
            self._transport.abort()
            return
        _notice_death(transport)
        mark(transport.get_extra_info("socket"), self._shell.owner.dscp)
        tls = transport.get_extra_info("ssl_object")
        names = peer_names(tls) if tls is not None else ()
        meant = self.made_for[2] if self.made_for is not None else ""
        self.flow = Flow(self._kind, local[:2], remote[:2], self._shell.next_number(), names, meant)
        if self.made_for is None:
            self._silence = asyncio.get_running_loop().call_later(SILENT_SECONDS, self._transport.abort)
        self._shell.opened(self)

    def data_received(self, data: bytes) -> None:
        flow, shell = self.flow, self._shell
        if flow is None:
            return
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        shell.received += 1
        if shell.owner.admit(flow.remote[0], data, True):
            shell.owner.trace.note(shell.now(), False, flow, data)
            shell.post(StreamReceived(flow, data))
        elif self._transport is not None:
            self._transport.abort()  # bytes left out would tear its messages apart

    def connection_lost(self, exc: Exception | None) -> None:
        if self._silence is not None:
            self._silence.cancel()
        if self.flow is not None:
            if self._house is not None:
                self._house.leave(self.flow.remote[0])
            self._shell.closed(self)

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._transport.abort()
            return
        self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Connections:
    """All connections, incoming and made by us."""

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: SipTransport) -> None:
        self._loop = loop
        self.owner = owner
        self.post = owner.post
        self.house = House(owner)
        self.received = 0
        self._last_number = 0
        self._open: dict[int, Line] = {}
        self._made: dict[Remote, SipStream] = {}
        self._came: dict[tuple[str, tuple[str, int]], SipStream] = {}
        self._servers: list[asyncio.Server] = []
        self._connecting: dict[Remote, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        return self._loop.time()

    def next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def __len__(self) -> int:
        return len(self._open)

    def by_transport(self) -> dict[str, int]:
        counts = dict.fromkeys(("tcp", "tls", "ws", "wss"), 0)
        for line in self._open.values():
            if line.flow is not None:
                counts[line.flow.transport] += 1
        return counts

    # ---------------------------------------------------------------- coming and going

    async def listen(self, listen: ListenSettings) -> tuple[str, int]:
        accept = self._accept_tls if listen.transport == "tls" else self._accept
        try:
            server = await self._loop.create_server(accept, listen.host, listen.port, backlog=512)
        except OSError as problem:
            where = f"{listen.transport}://{listen.host}:{listen.port}"
            raise StartError(f"cannot listen on {where}: {problem.strerror}") from None
        self._servers.append(server)
        address: tuple[str, int] = server.sockets[0].getsockname()[:2]
        return address

    def _accept(self) -> SipStream:
        return SipStream(self, "tcp", self.house)

    def _accept_tls(self) -> GuardedTls:
        context = self.owner.certificates.server
        assert context is not None, "tls is listened for without a certificate"
        return GuardedTls(context, SipStream(self, "tls", None), self.house)

    def opened(self, line: Line) -> None:
        flow = line.flow
        assert flow is not None
        self._open[flow.connection] = line
        if isinstance(line, SipStream):
            if line.made_for is not None:
                self._made[line.made_for] = line
            elif flow.transport == "tcp":
                # RFC 5923 9: over TLS a connection that came in says nothing of who is at its address.
                self._came[(flow.transport, flow.remote)] = line

    def closed(self, line: Line) -> None:
        flow = line.flow
        assert flow is not None
        self._open.pop(flow.connection, None)
        if isinstance(line, SipStream):
            if line.made_for is not None and self._made.get(line.made_for) is line:
                del self._made[line.made_for]
            if self._came.get((flow.transport, flow.remote)) is line:
                del self._came[(flow.transport, flow.remote)]
        self.post(StreamClosed(flow))

    # ---------------------------------------------------------------- sending

    def send(self, command: Transmit) -> None:
        flow = command.flow
        line = self._open.get(flow.connection) if flow.connection > 0 else self._to(flow)
        if line is not None:
            line.write(command.data)
        elif flow.connection > 0 or flow.transport not in ("tcp", "tls"):
            self.post(TransportFailed(flow))  # that connection is gone; the stack decides what then
        else:
            self._connect_and_send(flow, command.data)

    def _to(self, flow: Flow) -> Line | None:
        remote = _remote(flow)
        if remote in self._connecting:
            return None  # behind those that wait already
        return self._made.get(remote) or self._came.get((flow.transport, flow.remote))

    def _connect_and_send(self, flow: Flow, data: bytes) -> None:
        remote = _remote(flow)
        waiting = self._connecting.get(remote)
        if waiting is not None:
            if len(waiting) < _MAX_UNSENT_MESSAGES:
                waiting.append(data)
            return
        if len(self._connecting) >= _MAX_CONNECTING:
            self.post(TransportFailed(flow))
            return
        self._connecting[remote] = [data]
        task = self._loop.create_task(self._connect(flow, remote))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, flow: Flow, remote: Remote) -> None:
        made = SipStream(self, flow.transport, None)
        made.made_for = remote
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                if flow.transport == "tls":
                    await self._connect_tls(flow, remote[2], made)
                else:
                    await self._loop.create_connection(lambda: made, *flow.remote)
        except (OSError, TimeoutError, CertificateError) as problem:
            self._connecting.pop(remote, None)
            if flow.transport == "tls":
                log.warning(
                    "no TLS connection", to=f"{flow.remote[0]}:{flow.remote[1]}", reason=str(problem) or "timeout"
                )
            self.post(TransportFailed(flow))
            return
        for data in self._connecting.pop(remote, ()):
            made.write(data)

    async def _connect_tls(self, flow: Flow, name: str, made: SipStream) -> None:
        """RFC 5630 and RFC 5922 7.3: the certificate has to name whom we meant to reach."""
        done: asyncio.Future[None] = self._loop.create_future()

        def failed(reason: str) -> None:
            if not done.done():
                done.set_exception(ConnectionError(reason))

        layer = _Outgoing(self.owner.certificates.client(name), made, name, failed, done)
        await self._loop.create_connection(lambda: layer, *flow.remote)
        try:
            await done
        except BaseException:
            layer.abort()
            raise

    def close_stream(self, command: CloseStream) -> None:
        line = self._open.get(command.flow.connection)
        if line is not None:
            line.close()

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        for line in list(self._open.values()):
            line.close()


class _Outgoing(TlsLayer):
    """Says when the handshake is done."""

    def __init__(
        self,
        context: ssl.SSLContext,
        inner: asyncio.Protocol,
        name: str,
        failed: Callable[[str], None],
        done: asyncio.Future[None],
    ) -> None:
        super().__init__(context, inner, server_name=name, failed=failed)
        self._done = done

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.shaken and not self._done.done():
            self._done.set_result(None)


def _notice_death(transport: asyncio.BaseTransport) -> None:
    """A phone whose network is gone says no goodbye: the kernel asks, and gives up on what is not acknowledged."""
    end = transport.get_extra_info("socket")
    if end is not None:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEP_ALIVE_SECONDS)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEP_ALIVE_SECONDS // 4)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_SECONDS * 1000)


def _remote(flow: Flow) -> Remote:
    return flow.transport, flow.remote, (flow.server_name or flow.remote[0]) if flow.transport == "tls" else ""
