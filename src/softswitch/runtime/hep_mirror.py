"""Copies of all SIP messages to a HEPv3 collector over UDP: off by default, masked, bounded, never waited for.

Messages are noted as always (`sip.trace`) and put into a short queue; the loop sends a few of them whenever it has
nothing more urgent. When the queue is full, or the kernel takes no more, copies are dropped and counted.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from softswitch.call.errors import StartError
from softswitch.call.settings import MirrorSettings
from softswitch.sip.hep import hep_packet
from softswitch.sip.messages import Flow
from softswitch.sip.trace import Trace, Traced, begins_message, call_id_in, masked, messages_in

MOST_WAITING = 2000
_BATCH = 20


class HepMirror(Trace):
    """A trace that also sends what it notes."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        settings: MirrorSettings,
        target: tuple[socket.socket, Any],
        wall: Callable[[float], float],
    ) -> None:
        super().__init__()
        self._loop = loop
        self._settings = settings
        self._socket, self._address = target  # not connected: a network that is down at the start may come
        self._wall = wall
        self._waiting: deque[Traced] = deque()
        self._turn: asyncio.Handle | None = None
        self.sent = 0
        self.dropped = 0

    @classmethod
    async def open(cls, settings: MirrorSettings, wall: Callable[[float], float]) -> HepMirror:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(settings.host, settings.port, type=socket.SOCK_DGRAM)
            family, kind, protocol, _, address = found[0]
            target = socket.socket(family, kind, protocol)
        except OSError as problem:
            raise StartError(f"The collector {settings.host} of the mirror is not known: {problem.strerror}.") from None
        target.setblocking(False)
        return cls(loop, settings, (target, address), wall)

    def note(self, at: float, outgoing: bool, flow: Flow, data: bytes) -> None:
        super().note(at, outgoing, flow, data)
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append(Traced(at, outgoing, flow, data))
        if self._turn is None:
            self._turn = self._loop.call_soon(self._send_some)

    def _send_some(self) -> None:
        self._turn = None
        for _ in range(min(_BATCH, len(self._waiting))):
            entry = self._waiting.popleft()
            for message in messages_in(entry):
                # No keep-alives, and no later pieces of what TCP brought in pieces: they cannot be masked.
                if message.strip(b"\r\n\0") and (entry.flow.transport == "udp" or begins_message(message)):
                    self._send(entry._replace(data=masked(message)))
        if self._waiting:
            self._turn = self._loop.call_soon(self._send_some)

    def _send(self, entry: Traced) -> None:
        settings = self._settings
        packet = hep_packet(entry, self._wall(entry.at), settings.agent, settings.key, call_id_in(entry.data))
        try:
            self._socket.sendto(packet, self._address)
        except OSError:  # full, or nobody there
            self.dropped += 1
        else:
            self.sent += 1

    def close(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
        self._waiting.clear()
        self._socket.close()
