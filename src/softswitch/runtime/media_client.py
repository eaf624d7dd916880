"""The switch's end of the media process: starts it, talks to it, starts it again when it dies.

    stopped --start()--> starting --ready, connected--> running --connection ends--> lost --back-off--> starting
                                                        running --stop()--> stopped

Commands are collected and leave once per turn of the event loop. What is sent while the process is away is
forgotten: every leg it speaks of is dead, and `MediaLost` has said so.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import softswitch
from softswitch.media.control import ControlError, Decoder, MediaCommand, MediaMessage, encode
from softswitch.media.messages import MediaLost, MediaSettings, PortsLeased

log = logging.getLogger(__name__)

START_SECONDS = 10.0
STOP_SECONDS = 2.0
BACK_OFF_FIRST_SECONDS = 0.1
BACK_OFF_LAST_SECONDS = 5.0
_STABLE_SECONDS = 30.0
MAX_UNSENT_BYTES = 8 << 20  # orders that the worker does not take: it hangs


class MediaStartError(Exception):
    """The media process cannot start; the message is one sentence for the operator."""


class _Connection(asyncio.Protocol):
    """Frames of one connection to one worker."""

    def __init__(self, client: MediaClient) -> None:
        self._client = client
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._commands: list[MediaCommand] = []
        self._loop = asyncio.get_running_loop()
        self.leased = self._loop.create_future()
        self.ended = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by duck type alone

    def data_received(self, data: bytes) -> None:
        try:
            events = self._decoder.feed(data)
        except ControlError as error:
            log.error("media process talks nonsense: %s", error)
            self.close()
            return
        for event in events:
            self._client.receive(event)
            if not self.leased.done() and isinstance(event, PortsLeased):
                self.leased.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self.ended.done():
            self.ended.set_result(None)

    def send(self, command: MediaCommand) -> None:
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


class MediaClient:
    """One media process. `post` is called on the event loop with every event of the worker, and `MediaLost`."""

    def __init__(
        self, settings: MediaSettings, prompt_dir: str, post: Callable[[MediaMessage | MediaLost], None]
    ) -> None:
        self._settings = settings
        self._prompt_dir = prompt_dir
        self._post = post
        self._process: asyncio.subprocess.Process | None = None
        self._connection: _Connection | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the running media process."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start the media process; returns when the first ports are leased. Raises `MediaStartError`."""
        assert self._keeper is None, "started twice"
        await self._launch()
        self._keeper = asyncio.create_task(self._keep(), name="media process")

    async def stop(self) -> None:
        """End the media process. Its legs are gone without further events."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        await self._dismiss()

    def send(self, command: MediaCommand) -> None:
        connection = self._connection
        if connection is not None:
            connection.send(command)

    def receive(self, event: MediaMessage) -> None:
        self._post(event)

    async def _launch(self) -> None:
        settings = self._settings
        environment = dict(os.environ)
        source = str(Path(softswitch.__file__).parents[1])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [source, environment.get("PYTHONPATH")]))
        with tempfile.TemporaryDirectory(prefix="softswitch-media-") as directory:  # mode 0700
            path = os.path.join(directory, "control")
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "softswitch.media.worker", "--socket", path, "--host", settings.host),
                *("--ports", f"{settings.port_first}..{settings.port_last}", "--prompts", self._prompt_dir),
                *("--silence", str(settings.silence_seconds), *(("--dtls",) if settings.dtls else ())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
            )
            self._process = process
            try:
                async with asyncio.timeout(START_SECONDS):
                    await self._connect(process, path)
            except TimeoutError as error:
                await self._dismiss()
                raise MediaStartError(f"the media process did not start within {START_SECONDS:.0f} s") from error
            except BaseException:
                await self._dismiss()
                raise

    async def _connect(self, process: asyncio.subprocess.Process, path: str) -> None:
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode(errors="replace").strip()
        if said != "ready":
            raise MediaStartError(said or "the media process ended while it started")
        try:
            _, connection = await asyncio.get_running_loop().create_unix_connection(lambda: _Connection(self), path)
        except OSError as error:
            raise MediaStartError(f"cannot connect to the media process: {error}") from error
        self._connection = connection
        await asyncio.wait({connection.leased, connection.ended}, return_when=asyncio.FIRST_COMPLETED)
        if not connection.leased.done():
            raise MediaStartError("the media process ended while it started")

    async def _keep(self) -> None:
        """Wait for the worker to die, say so, start another one."""
        loop = asyncio.get_running_loop()
        back_off = BACK_OFF_FIRST_SECONDS
        while True:
            started_at = loop.time()
            if self._connection is not None:
                await self._connection.ended
                await self._dismiss()
                log.error("media process lost, starting it again")
                self._post(MediaLost())
                if loop.time() - started_at >= _STABLE_SECONDS:
                    back_off = BACK_OFF_FIRST_SECONDS
            await asyncio.sleep(back_off)
            back_off = min(back_off * 2, BACK_OFF_LAST_SECONDS)
            try:
                await self._launch()
            except (MediaStartError, OSError) as error:
                log.error("media process does not start: %s", error)

    async def _dismiss(self) -> None:
        """Close the connection; the worker ends by itself, or is killed."""
        connection, self._connection = self._connection, None
        process, self._process = self._process, None
        if connection is not None:
            connection.close()
        if process is None:
            return
        try:
            async with asyncio.timeout(STOP_SECONDS if connection is not None else 0):
                await process.wait()
        except TimeoutError:
            if process.returncode is None:
                process.kill()
            await process.wait()
