"""One connection to one media process, and that process: a child of ours, or one that outlived the switch before us."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable
from typing import Protocol, cast

from softswitch.media.control import ControlError, Decoder, LineCommand, MediaCommand, MediaMessage, encode
from softswitch.media.messages import Claimed, MediaSaid, Ping, Pong, PortsLeased

log = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 8 << 20  # orders that the worker does not take: it hangs
PING_SECONDS = 1.0
MOST_SILENT = 3  # pings without an answer: it hangs


class Connection(asyncio.Protocol):
    """Frames of one connection to one worker. `leased`: its first ports are known. `claimed`: whether it is ours."""

    def __init__(self, receive: Callable[[MediaMessage], None]) -> None:
        self._receive = receive
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._commands: list[MediaCommand | LineCommand] = []
        self._loop = asyncio.get_running_loop()
        self._heard = False
        self.leased = self._loop.create_future()
        self.claimed: asyncio.Future[bool] = self._loop.create_future()
        self.ended = self._loop.create_future()

    @classmethod
    async def over(cls, sock: socket.socket, receive: Callable[[MediaMessage], None]) -> Connection:
        _, connection = await asyncio.get_running_loop().create_unix_connection(lambda: cls(receive), sock=sock)
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by duck type alone

    def data_received(self, data: bytes) -> None:
        self._heard = True
        try:
            events = self._decoder.feed(data)
        except ControlError as error:
            log.error("media process talks nonsense: %s", error)
            self.close()
            return
        for event in events:
            match event:
                case Pong():
                    continue
                case Claimed(fits=fits):
                    if not self.claimed.done():
                        self.claimed.set_result(fits)
                    continue
                case MediaSaid(level=level, text=text):
                    log.log(level, "media: %s", text)
                    continue
            self._receive(event)
            if isinstance(event, PortsLeased) and not self.leased.done():
                self.leased.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self.ended.done():
            self.ended.set_result(None)

    def send(self, command: MediaCommand | LineCommand) -> None:
        commands = self._commands
        if not commands:
            self._loop.call_soon(self._flush)
        commands.append(command)

    def close(self) -> None:
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        if self._commands:
            transport = self._transport
            if transport is not None:
                transport.write(encode(self._commands))
                if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
                    log.error("media process does not take its orders")
                    transport.abort()
            self._commands.clear()

    async def listen_to_its_heart(self) -> None:
        """Ends the connection when the worker does not answer for some seconds. A turn of ours that came late itself
        (a machine that stood still) says nothing of the worker."""
        number = silent = 0
        while not self.ended.done():
            number += 1
            self._heard = False
            asked_at = self._loop.time()
            self.send(Ping(number))
            await asyncio.sleep(PING_SECONDS)
            if self._heard:
                silent = 0
            elif self._loop.time() - asked_at < 2 * PING_SECONDS:
                silent += 1
            if silent >= MOST_SILENT and self._transport is not None:
                log.error("media process does not answer: it hangs")
                self._transport.abort()
                return


class Running(Protocol):
    """A media process."""

    @property
    def pid(self) -> int: ...
    def kill(self) -> None: ...
    async def wait(self) -> str:
        """How it ended, in words; "" when that cannot be known."""


class Child:
    """Started by us."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()

    async def wait(self) -> str:
        status = await self._process.wait()
        return f"ended with {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


class Survivor:
    """Started by the switch before us; known by a descriptor, so that its number can never be another's."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

    def kill(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and whoever inherited it has noticed
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    async def wait(self) -> str:
        if self._descriptor < 0:
            return ""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        # pidfd_open(2): it becomes readable when the process ends
        loop.add_reader(self._descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._descriptor)
        self.forget()
        return ""

    def forget(self) -> None:
        """Whatever becomes of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
