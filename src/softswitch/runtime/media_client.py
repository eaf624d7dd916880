"""The switch's end of one media process: starts it or finds it, talks to it, starts it again when it dies or hangs.

    stopped --start()--> starting --ready, connected--> running --it dies, hangs--> lost --back-off--> starting
                |                                       running --stop()--> stopped
                +--one is there that fits: claimed--> running

Commands are collected and leave once per turn of the event loop. What is sent while the process is away is
forgotten: every leg it speaks of is dead, and `MediaLost` has said so.

With a directory the process is a session of its own and holds nothing of ours: when the switch is killed it goes on
for the grace of the settings, and is found by its socket in that directory (`media.worker.door`). Without one it ends
with us.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import IO

import softswitch
from softswitch.media.control import PROTOCOL, MediaCommand, MediaMessage
from softswitch.media.messages import AdoptLegs, Claim, Finish, MediaLost, MediaSettings, SetUpCoders
from softswitch.media.worker import door
from softswitch.runtime.media_connection import Child, Connection, Running, Survivor

log = logging.getLogger(__name__)

START_SECONDS = 10.0
CLAIM_SECONDS = 3.0  # one that takes longer hangs
CLAIMS = 10  # so often where it sends us away, which it does while it has a switch
CLAIM_AGAIN_SECONDS = 0.1
STOP_SECONDS = 2.0
BACK_OFF_FIRST_SECONDS = 0.1
BACK_OFF_LAST_SECONDS = 5.0
_STABLE_SECONDS = 30.0
_LAST_WORDS_BYTES = 4000


class MediaStartError(Exception):
    """The media process cannot start; the message is one sentence for the operator."""


class MediaClient:
    """One media process. `post` is called on the event loop with every event of the worker, and `MediaLost`."""

    def __init__(
        self,
        settings: MediaSettings,
        prompt_dir: str,
        post: Callable[[MediaMessage | MediaLost], None],
        directory: str = "",
    ) -> None:
        self._settings = settings
        self._prompt_dir = prompt_dir
        self._post = post
        self._directory = directory
        self._path = ""  # of its socket
        self._process: Running | None = None
        self._connection: Connection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Of the running media process."""
        return self._process.pid if self._process is not None else None

    def listen(self, post: Callable[[MediaMessage | MediaLost], None]) -> None:
        """Before the start: somebody else hears the events."""
        self._post = post

    @property
    def ports(self) -> tuple[int, int]:
        return self._settings.port_first, self._settings.port_last

    async def start(self, survivor: str = "") -> None:
        """Claim the media process that listens at `survivor`, or start one; returns when its first ports are leased.
        Raises `MediaStartError`."""
        assert self._keeper is None, "started twice"
        if not survivor or not await self._claim(survivor):
            await self._launch()
        self._keeper = asyncio.create_task(self._keep(), name="media process")

    async def stop(self, *, leave: bool = False) -> None:
        """End the media process. Its legs are gone without further events. `leave`: it goes on for its grace, as if we
        had crashed."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        if not leave:
            await self._dismiss()
            return
        if self._connection is not None:
            self._connection.close()
        if isinstance(self._process, Survivor):
            self._process.forget()
        self._connection = self._process = None

    def send(self, command: MediaCommand | AdoptLegs) -> None:
        connection = self._connection
        if connection is not None:
            connection.send(command)

    # -------------------------------------------------------------- one that is there

    async def _claim(self, path: str) -> bool:
        """Is it there, and does it fit? Otherwise it ends, and a new one is started."""
        for _ in range(CLAIMS - 1):
            claimed = await self._claim_once(path)
            if claimed is not None:
                return claimed
            await asyncio.sleep(CLAIM_AGAIN_SECONDS)
        return bool(await self._claim_once(path, last=True))

    async def _claim_once(self, path: str, *, last: bool = False) -> bool | None:
        """None: it sends us away, since it has not noticed yet that the switch before us is gone."""
        try:
            sock, pid = door.connect(path)
            with contextlib.ExitStack() as stack:
                stack.callback(sock.close)
                process = Survivor(pid)
                stack.pop_all()
        except (OSError, door.WrongDoor) as problem:
            _forget(path)
            if not isinstance(problem, ConnectionRefusedError | FileNotFoundError):
                log.error("media process at %s cannot be claimed: %s", path, problem)
            return False
        self._process, self._path = process, path
        self._connection = connection = await Connection.over(sock, self._post)
        connection.send(Claim(self._fingerprint()))
        try:
            async with asyncio.timeout(CLAIM_SECONDS):
                await asyncio.wait({connection.claimed, connection.ended}, return_when=asyncio.FIRST_COMPLETED)
                if connection.claimed.done() and connection.claimed.result():
                    await asyncio.wait({connection.leased, connection.ended}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            log.error("media process %d does not answer: it hangs", pid)
        if connection.leased.done():
            log.warning("media process %d goes on from before", pid)
            self._set_up()
            return True
        if connection.ended.done() and not connection.claimed.done() and not last:
            self._process = self._connection = None
            process.forget()
            return None
        log.warning("media process %d does not fit any more, and ends", pid)
        await self._dismiss(abruptly=not connection.claimed.done())
        return False

    async def turn_away(self, path: str) -> None:
        """Whoever listens there is of no use to anybody: he ends."""
        other = MediaClient(self._settings, "", lambda event: None, self._directory)
        if await other._claim(path):
            await other._dismiss()

    # -------------------------------------------------------------- one that is started

    def _arguments(self) -> list[str]:
        settings = self._settings
        return [
            *("--host", settings.host, "--ports", f"{settings.port_first}..{settings.port_last}"),
            *("--prompts", os.path.abspath(self._prompt_dir), "--silence", str(settings.silence_seconds)),
            *("--alarm", str(settings.silence_alarm_seconds), "--dscp", str(settings.dscp)),
            *(("--host6", settings.host6) if settings.host6 else ()),
            *(("--dtls",) if settings.dtls else ()),
        ]

    def _fingerprint(self) -> str:
        """Whoever was started with the same, and speaks the same, is as good as a new one."""
        said = "\0".join([softswitch.__version__, PROTOCOL, *self._arguments()])
        return hashlib.sha256(said.encode()).hexdigest()

    async def _launch(self) -> None:
        directory = self._directory or tempfile.mkdtemp(prefix="softswitch-media-")  # mode 0700
        try:
            path = os.path.join(directory, f"worker-{self._settings.port_first}-{token_hex(4)}")
            await self._launch_at(path)
        finally:
            if not self._directory:
                shutil.rmtree(directory, ignore_errors=True)

    async def _launch_at(self, path: str) -> None:
        environment = dict(os.environ)
        source = str(Path(softswitch.__file__).parents[1])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [source, environment.get("PYTHONPATH")]))
        stays = bool(self._directory and self._settings.grace_seconds)
        grace = ("--grace", str(self._settings.grace_seconds), "--fingerprint", self._fingerprint())
        with _last_words(path) if stays else contextlib.nullcontext() as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "softswitch.media.worker", "--socket", path),
                *(*self._arguments(), *(grace if stays else ())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env=environment,
                start_new_session=stays,
            )
        self._process, self._path = Child(process), path
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._connect(process, path, claim=stays)
        except TimeoutError as error:
            await self._dismiss(abruptly=True)
            raise MediaStartError(f"the media process did not start within {START_SECONDS:.0f} s") from error
        except BaseException:
            await self._dismiss(abruptly=True)
            raise

    async def _connect(self, process: asyncio.subprocess.Process, path: str, *, claim: bool) -> None:
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode(errors="replace").strip()
        if said != "ready":
            raise MediaStartError(said or "the media process ended while it started" + _tail(path))
        try:
            sock, _ = door.connect(path)
        except (OSError, door.WrongDoor) as error:
            raise MediaStartError(f"cannot connect to the media process: {error}") from error
        self._connection = connection = await Connection.over(sock, self._post)
        if claim:
            connection.send(Claim(self._fingerprint()))
        await asyncio.wait({connection.leased, connection.ended}, return_when=asyncio.FIRST_COMPLETED)
        if not connection.leased.done():
            raise MediaStartError("the media process ended while it started" + _tail(path))
        self._set_up()

    def _set_up(self) -> None:
        """What it has to know before the first leg."""
        if self._connection is None:
            return
        if self._settings.coders:
            self._connection.send(SetUpCoders(self._settings.coders))
        if self._settings.recording is not None:
            self._connection.send(self._settings.recording)

    # -------------------------------------------------------------- while it runs

    async def _keep(self) -> None:
        """Wait for the worker to die or to hang, say so, start another one."""
        loop = asyncio.get_running_loop()
        back_off = BACK_OFF_FIRST_SECONDS
        while True:
            started_at = loop.time()
            connection, process = self._connection, self._process
            if connection is not None and process is not None:
                heart = asyncio.create_task(connection.listen_to_its_heart(), name="heart of the media process")
                try:
                    await connection.ended
                finally:
                    heart.cancel()
                how, last_words = await self._dismiss(abruptly=True), _tail(self._path)
                _forget(self._path)
                log.error(
                    "media process %d (ports %d to %d) %s; another one takes its calls%s",
                    *(process.pid, *self.ports, how or "is lost", last_words),
                )
                self.restarts += 1
                self._post(MediaLost(*self.ports))
                if loop.time() - started_at >= _STABLE_SECONDS:
                    back_off = BACK_OFF_FIRST_SECONDS
            await asyncio.sleep(back_off)
            back_off = min(back_off * 2, BACK_OFF_LAST_SECONDS)
            try:
                await self._launch()
            except (MediaStartError, OSError) as error:
                log.error("media process does not start: %s", error)

    async def _dismiss(self, *, abruptly: bool = False) -> str:
        """Close the connection; the worker ends by itself, or is killed. How it ended."""
        connection, self._connection = self._connection, None
        process, self._process = self._process, None
        if connection is not None:
            if not abruptly:
                connection.send(Finish())
            connection.close()
        if process is None:
            return ""
        if abruptly:
            # it is dead, or as good as that: one that has died says so itself, unless it is already waited for
            process.kill()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                how = await process.wait()
        except TimeoutError:
            process.kill()
            how = await process.wait()
        if not abruptly:
            _forget(self._path)
        return how


def _last_words(path: str) -> IO[bytes]:
    """Where what ends Python itself is written to, should it ever: the worker holds no pipe of ours."""
    return open(os.open(path + ".stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _tail(path: str) -> str:
    try:
        with open(path + ".stderr", "rb") as file:
            words = file.read()[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()
    except OSError:
        return ""
    return f"; its last words: {words}" if words else ""


def _forget(path: str) -> None:
    for name in (path, path + ".stderr"):
        with contextlib.suppress(OSError):
            os.unlink(name)
