"""Carries SIP bytes: UDP sockets, and the connections of `sip_connections`, to and from the driver. No SIP is
understood here.

UDP is taken out of the kernel at once (its buffer may hold a few hundred datagrams only) into a bounded backlog, and
worked off in batches; a backlog that would take some tenths of a second says that the switch falls behind, which
becomes `LoadChanged`.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from softswitch.call.errors import StartError
from softswitch.call.settings import ListenSettings, TlsSettings
from softswitch.runtime.certificates import Certificates
from softswitch.runtime.packet_mark import mark
from softswitch.runtime.sip_connections import Connections
from softswitch.sip.messages import (
    CloseStream,
    Flow,
    LoadChanged,
    PacketReceived,
    Transmit,
    TransportFailed,
)
from softswitch.sip.trace import Trace

Post = Callable[[Any], None]
Admit = Callable[[str, bytes, bool], bool]  # sender, bytes (empty: a new connection), whether it is connected


def admit_everybody(host: str, data: bytes, connected: bool) -> bool:
    return True


_BATCH = 32  # datagrams per turn of the loop, so that timers and the media socket get theirs
_RECEIVE_BUFFER = 4 * 1024 * 1024
_MOST_WAITING = 4_000  # above it datagrams stay with the kernel, which drops what does not fit
_BEHIND = 500  # waiting datagrams: 0.1 to 0.2 s of work, before phones begin to send again (T1 is 0.5 s)
_CAUGHT_UP = 100
CERTIFICATE_SECONDS = 30.0  # so often its files are looked at


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
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            # As TCP: each family has its own listener, and an IPv4 trunk is not seen as ::ffff:192.0.2.10.
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            self.socket.bind((listen.host, listen.port))
        except OSError as problem:
            self.socket.close()
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
        self.local: tuple[str, int] = self.socket.getsockname()[:2]
        loop.add_reader(self.socket.fileno(), self._readable)

    def _flow(self, remote: tuple[str, int]) -> Flow:
        flow = self._flows.get(remote)
        if flow is None:
            if len(self._flows) > 10_000:
                self._flows.clear()
            flow = self._flows[remote] = Flow("udp", self.local, remote)
        return flow

    def _readable(self) -> None:
        receive, backlog = self.socket.recvfrom, self._backlog
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
            self.socket.sendto(command.data, command.flow.remote)
        except BlockingIOError:
            pass  # the kernel's buffer is full: as if lost on the wire; SIP retransmits
        except OSError:
            self._post(TransportFailed(command.flow))

    def close(self) -> None:
        self._loop.remove_reader(self.socket.fileno())
        if self._turn is not None:
            self._turn.cancel()
        self._backlog.clear()
        self.socket.close()


class SipTransport:
    """All listening addresses; the effect behind `Transmit` and `CloseStream`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, post: Post, tls: TlsSettings | None = None, dscp: int = 0
    ) -> None:
        """StartError when the certificate cannot be used. `dscp`: how what leaves is marked."""
        self.dscp = dscp
        self._loop = loop
        self.post = post
        self.certificates = Certificates(tls or TlsSettings())
        self._udp: dict[tuple[str, int], UdpSocket] = {}
        self.connections = Connections(loop, self)
        self._behind = False
        self.trace = Trace()
        self.admit: Admit = admit_everybody  # asked before anything else
        self.sent = 0
        self.local_flows: tuple[Flow, ...] = ()
        self._looking: asyncio.TimerHandle | None = None
        if tls is not None and tls.certificate:
            self._look()

    def _look(self) -> None:
        """A certificate that was renewed is used from then on."""
        self.certificates.look()
        self._looking = self._loop.call_later(CERTIFICATE_SECONDS, self._look)

    @property
    def received(self) -> int:
        return sum(udp.received for udp in self._udp.values()) + self.connections.received

    async def listen(self, listens: tuple[ListenSettings, ...]) -> tuple[Flow, ...]:
        """Open every address but those of the web; returns the local flows (`remote` empty). Raises StartError, one
        sentence."""
        flows: list[Flow] = []
        for listen in listens:
            if listen.transport == "udp":
                udp = UdpSocket(self._loop, listen, self, self.post, self._load_changed)
                mark(udp.socket, self.dscp)
                self._udp[udp.local] = udp
                flows.append(Flow("udp", udp.local, ("", 0)))
            elif listen.transport in ("tcp", "tls"):
                flows.append(Flow(listen.transport, await self.connections.listen(listen), ("", 0)))
        self.local_flows = tuple(flows)
        return self.local_flows

    def _load_changed(self) -> None:
        """Behind is who is behind on any socket."""
        behind = any(udp.behind for udp in self._udp.values())
        if behind != self._behind:
            self._behind = behind
            self.post(LoadChanged(behind))

    def transmit(self, command: Transmit) -> None:
        self.sent += 1
        flow = command.flow
        self.trace.note(self._loop.time(), True, flow, command.data)
        if flow.transport == "udp":
            udp = self._udp.get(flow.local) or next(iter(self._udp.values()), None)
            if udp is None:
                self.post(TransportFailed(flow))
            else:
                udp.send(command)
        else:
            self.connections.send(command)

    def close_stream(self, command: CloseStream) -> None:
        self.connections.close_stream(command)

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        for udp in self._udp.values():
            udp.close()
        await self.connections.close()
