"""The line from the media process to its writer, which never waits, and the writer process itself.

    dead --start--> alive --it closes the line, or dies--> dead --back-off--> start

What the writer does not take at once waits here, up to `MOST_WAITING_BYTES`.
"""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections import deque
from typing import Any, Final

from softswitch.media.worker.recordings import frames
from softswitch.media.worker.recordings.frames import FrameReader, frame

log = logging.getLogger(__name__)

MOST_WAITING_BYTES: Final = 16 << 20
MARKS_BEYOND_BYTES: Final = 1 << 20  # beginnings, marks and ends are kept even then
BACK_OFF_FIRST_SECONDS: Final = 0.5
BACK_OFF_LAST_SECONDS: Final = 30.0
_SEND_BUFFER_BYTES: Final = 256 << 10


class Writer:
    """The writer process and the line to it, which never waits."""

    __slots__ = ("_backed_off", "_next_try", "_process", "_reader", "_sock", "_waiting", "_waiting_bytes", "setup")

    def __init__(self) -> None:
        self.setup: dict[str, Any] = {}  # empty: nothing is recorded on this line
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._reader = FrameReader()
        self._waiting: deque[memoryview] = deque()
        self._waiting_bytes = 0
        self._next_try = 0.0
        self._backed_off = BACK_OFF_FIRST_SECONDS

    @property
    def alive(self) -> bool:
        return self._sock is not None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    @property
    def behind(self) -> bool:
        """It does not take what it is given."""
        return self._waiting_bytes > 0

    def start(self, now: float, going_on: list[int]) -> bool:
        """Start it, unless it is too early for another try; True when it runs now."""
        if self._sock is not None or not self.setup or now < self._next_try:
            return False
        self._next_try = now + self._backed_off
        self._backed_off = min(2 * self._backed_off, BACK_OFF_LAST_SECONDS)
        if self._process is not None:
            self._process.poll()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            ours.setblocking(False)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "softswitch.media.worker.recordings", str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                )
            except OSError as error:
                log.error("the writer of recordings does not start: %s", error)
                ours.close()
                return False
        self._sock, self._reader = ours, FrameReader()
        self._waiting.clear()
        self._waiting_bytes = 0
        setup = {**self.setup, "going_on": going_on}
        return self.send(frames.SETUP, 0, json.dumps(setup).encode(), keep=True)

    def works(self) -> None:
        """It answered: the next one may start at once."""
        self._backed_off = BACK_OFF_FIRST_SECONDS

    def send(self, kind: int, recording: int, content: bytes, *, keep: bool = False) -> bool:
        """False when it is not there, or has too much waiting already."""
        if self._sock is None:
            return False
        data = memoryview(frame(kind, recording, content))
        if self._waiting:
            limit = MOST_WAITING_BYTES + (MARKS_BEYOND_BYTES if keep else 0)
            if self._waiting_bytes + len(data) > limit:
                return False
            self._wait(data)
            return True
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.lose()
            return False
        if sent < len(data):
            self._wait(data[sent:])
        return True

    def _wait(self, data: memoryview) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)

    def flush(self) -> None:
        while self._waiting and self._sock is not None:
            data = self._waiting[0]
            try:
                sent = self._sock.send(data)
            except BlockingIOError:
                return
            except OSError:
                self.lose()
                return
            self._waiting_bytes -= sent
            if sent == len(data):
                self._waiting.popleft()
            else:
                self._waiting[0] = data[sent:]

    def told(self) -> list[tuple[int, int, bytes]]:
        """What it says, without waiting for it."""
        if self._sock is None:
            return []
        said: list[tuple[int, int, bytes]] = []
        try:
            while data := self._sock.recv(65_536):
                said += self._reader.feed(data)
        except BlockingIOError:
            return said
        except (OSError, ValueError):
            pass
        self.lose()
        return said

    def lose(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None
            self._waiting.clear()
            self._waiting_bytes = 0
