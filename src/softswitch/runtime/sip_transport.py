"""Carries SIP bytes: UDP sockets and TCP connections to and from the driver. No SIP is understood here.

UDP is taken out of the kernel at once (its buffer may hold a few hundred datagrams only) into a bounded backlog, and
worked off in batches; a backlog that would take some tenths of a second says that the switch falls behind, which
becomes `LoadChanged`. TCP connections are capped in number, and their sends in bytes: a
peer that does not read is cut off.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import structlog

from softswitch.call.errors import StartError
from softswitch.call.settings import ListenSettings
from softswitch.sip.messages import (
    CloseStream,
    Flow,
    LoadChanged,
    PacketReceived,
    StreamClosed,
    StreamReceived,
    Transmit,
    TransportFailed,
)
from softswitch.sip.trace import Trace

log = structlog.get_logger()

Post = Callable[[Any], None]
Admit = Callable[[str, bytes, bool], bool]  # sender, bytes (empty: a new connection), whether it is connected


def admit_everybody(host: str, data: bytes, connected: bool) -> bool:
    return True


_BATCH = 32  # datagrams per turn of the loop, so that timers and the media socket get theirs
_RECEIVE_BUFFER = 4 * 1024 * 1024
_MOST_WAITING = 4_000  # above it datagrams stay with the kernel, which drops what does not fit
_BEHIND = 500  # waiting datagrams: 0.1 to 0.2 s of work, before phones begin to send again (T1 is 0.5 s)
_CAUGHT_UP = 100
_MAX_CONNECTIONS = 5_000
_MAX_CONNECTIONS_PER_HOST = 500
_MAX_UNSENT_BYTES = 1_000_000
_CONNECT_SECONDS = 5.0
_MAX_UNSENT_MESSAGES = 64  # queued while a connection is being made


class UdpSocket:
    """One listening UDP address."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listen: ListenSettings,
        shell: SipTransport,
        post: Post,
        on_load: Callable[[], None],
    ) -> None:
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            # As TCP: each family has its own listener, and an IPv4 trunk is not seen as ::ffff:192.0.2.10.
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            self._socket.bind((listen.host, listen.port))
        except OSError as problem:
            self._socket.close()
            raise StartError(f"cannot listen on udp://{listen.host}:{listen.port}: {problem.strerror}") from None
        self._loop = loop
        self._post = post
        self._on_load = on_load
        self._shell = shell
        self._flows: dict[tuple[str, int], Flow] = {}
        self._backlog: deque[PacketReceived] = deque()
        self._turn: asyncio.Handle | None = None  # the next batch, when one is not enough
        self.behind = False
        self.received = 0
        self.local: tuple[str, int] = self._socket.getsockname()[:2]
        loop.add_reader(self._socket.fileno(), self._readable)

    def _flow(self, remote: tuple[str, int]) -> Flow:
        flow = self._flows.get(remote)
        if flow is None:
            if len(self._flows) > 10_000:
                self._flows.clear()
            flow = self._flows[remote] = Flow("udp", self.local, remote)
        return flow

    def _readable(self) -> None:
        receive, backlog = self._socket.recvfrom, self._backlog
        admit, note = self._shell.admit, self._shell.trace.note
        for _ in range(_MOST_WAITING - len(backlog)):
            try:
                data, remote = receive(65535)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error of an earlier send is reported once here
            self.received += 1
            if admit(remote[0], data, False):
                flow = self._flow(remote[:2])
                note(self._loop.time(), False, flow, data)
                backlog.append(PacketReceived(flow, data))
        if self._turn is None:
            self._work()

    def _work(self) -> None:
        self._turn = None
        backlog, post = self._backlog, self._post
        for _ in range(min(_BATCH, len(backlog))):
            post(backlog.popleft())
        if backlog:
            self._turn = self._loop.call_soon(self._work)
        behind = len(backlog) > (_CAUGHT_UP if self.behind else _BEHIND)
        if behind != self.behind:
            self.behind = behind
            self._on_load()

    def send(self, command: Transmit) -> None:
        try:
            self._socket.sendto(command.data, command.flow.remote)
        except BlockingIOError:
            pass  # the kernel's buffer is full: as if lost on the wire; SIP retransmits
        except OSError:
            self._post(TransportFailed(command.flow))

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        if self._turn is not None:
            self._turn.cancel()
        self._backlog.clear()
        self._socket.close()


class _Connection(asyncio.Protocol):
    def __init__(self, shell: TcpShell, number: int) -> None:
        self._shell = shell
        self._number = number
        self._transport: asyncio.Transport | None = None
        self.flow: Flow | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by duck type alone
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if local is None or remote is None or not self._shell.admit(remote[0]):
            self._transport.abort()
            return
        self.flow = Flow("tcp", local[:2], remote[:2], self._number)
        self._shell.opened(self)

    def data_received(self, data: bytes) -> None:
        if self.flow is not None:
            self._shell.received += 1
            if self._shell.owner.admit(self.flow.remote[0], data, True):
                self._shell.owner.trace.note(self._shell.now(), False, self.flow, data)
                self._shell.post(StreamReceived(self.flow, data))
            elif self._transport is not None:
                self._transport.abort()  # bytes left out would tear its messages apart

    def connection_lost(self, exc: Exception | None) -> None:
        if self.flow is not None:
            self._shell.closed(self)

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        if self._transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            self._transport.abort()
            return
        self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class TcpShell:
    """All TCP connections, incoming and made by us."""

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: SipTransport, post: Post) -> None:
        self._loop = loop
        self.owner = owner
        self.post = post
        self.received = 0
        self._last_number = 0
        self._open: dict[int, _Connection] = {}
        self._by_remote: dict[tuple[str, int], _Connection] = {}
        self._per_host: dict[str, int] = {}
        self._servers: list[asyncio.Server] = []
        self._connecting: dict[tuple[str, int], list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        return self._loop.time()

    async def listen(self, listen: ListenSettings) -> tuple[str, int]:
        try:
            server = await self._loop.create_server(self._accept, listen.host, listen.port)
        except OSError as problem:
            raise StartError(f"cannot listen on tcp://{listen.host}:{listen.port}: {problem.strerror}") from None
        self._servers.append(server)
        address: tuple[str, int] = server.sockets[0].getsockname()[:2]
        return address

    def _accept(self) -> _Connection:
        self._last_number += 1
        return _Connection(self, self._last_number)

    def admit(self, host: str) -> bool:
        if not self.owner.admit(host, b"", True):
            return False
        return len(self._open) < _MAX_CONNECTIONS and self._per_host.get(host, 0) < _MAX_CONNECTIONS_PER_HOST

    def opened(self, connection: _Connection) -> None:
        flow = connection.flow
        assert flow is not None
        self._open[flow.connection] = connection
        self._by_remote[flow.remote] = connection
        self._per_host[flow.remote[0]] = self._per_host.get(flow.remote[0], 0) + 1

    def closed(self, connection: _Connection) -> None:
        flow = connection.flow
        assert flow is not None
        self._open.pop(flow.connection, None)
        if self._by_remote.get(flow.remote) is connection:
            del self._by_remote[flow.remote]
        left = self._per_host.get(flow.remote[0], 1) - 1
        if left:
            self._per_host[flow.remote[0]] = left
        else:
            self._per_host.pop(flow.remote[0], None)
        self.post(StreamClosed(flow))

    def send(self, command: Transmit) -> None:
        flow = command.flow
        connection = self._open.get(flow.connection) if flow.connection > 0 else self._by_remote.get(flow.remote)
        if connection is not None:
            connection.write(command.data)
        elif flow.connection > 0:
            self.post(TransportFailed(flow))  # that connection is gone; the stack decides what then
        else:
            self._connect_and_send(flow, command.data)

    def _connect_and_send(self, flow: Flow, data: bytes) -> None:
        waiting = self._connecting.get(flow.remote)
        if waiting is not None:
            if len(waiting) < _MAX_UNSENT_MESSAGES:
                waiting.append(data)
            return
        self._connecting[flow.remote] = [data]
        task = self._loop.create_task(self._connect(flow))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, flow: Flow) -> None:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, made = await self._loop.create_connection(self._accept, *flow.remote)
        except (OSError, TimeoutError):
            self._connecting.pop(flow.remote, None)
            self.post(TransportFailed(flow))
            return
        for data in self._connecting.pop(flow.remote, ()):
            made.write(data)

    def close_stream(self, command: CloseStream) -> None:
        connection = self._open.get(command.flow.connection)
        if connection is not None:
            connection.close()

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        for connection in list(self._open.values()):
            connection.close()


class SipTransport:
    """All listening addresses; the effect behind `Transmit` and `CloseStream`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, post: Post) -> None:
        self._loop = loop
        self._post = post
        self._udp: dict[tuple[str, int], UdpSocket] = {}
        self._first_udp: UdpSocket | None = None
        self._tcp = TcpShell(loop, self, post)
        self._behind = False
        self.trace = Trace()
        self.admit: Admit = admit_everybody  # asked before anything else
        self.sent = 0
        self.local_flows: tuple[Flow, ...] = ()

    @property
    def received(self) -> int:
        return sum(udp.received for udp in self._udp.values()) + self._tcp.received

    async def listen(self, listens: tuple[ListenSettings, ...]) -> tuple[Flow, ...]:
        """Open every address; returns the local flows (`remote` empty). Raises StartError, one sentence."""
        flows: list[Flow] = []
        for listen in listens:
            if listen.transport == "udp":
                udp = UdpSocket(self._loop, listen, self, self._post, self._load_changed)
                self._udp[udp.local] = udp
                self._first_udp = self._first_udp or udp
                flows.append(Flow("udp", udp.local, ("", 0)))
            else:
                flows.append(Flow("tcp", await self._tcp.listen(listen), ("", 0)))
        self.local_flows = tuple(flows)
        return self.local_flows

    def _load_changed(self) -> None:
        """Behind is who is behind on any socket."""
        behind = any(udp.behind for udp in self._udp.values())
        if behind != self._behind:
            self._behind = behind
            self._post(LoadChanged(behind))

    def transmit(self, command: Transmit) -> None:
        self.sent += 1
        flow = command.flow
        self.trace.note(self._loop.time(), True, flow, command.data)
        if flow.transport == "udp":
            udp = self._udp.get(flow.local) or self._first_udp
            if udp is None:
                self._post(TransportFailed(flow))
            else:
                udp.send(command)
        else:
            self._tcp.send(command)

    def close_stream(self, command: CloseStream) -> None:
        self._tcp.close_stream(command)

    async def close(self) -> None:
        for udp in self._udp.values():
            udp.close()
        await self._tcp.close()
