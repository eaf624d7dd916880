"""The reels on disk: one open file for each recording that goes on, and what becomes of them when the disk is full.

    no file --first record--> written --error, or too little space--> missing --a record fits again--> written
                                              (what comes meanwhile is a gap, and marked as one)

A reel is locked (flock) by its writer until it is deleted, so that nobody takes it for a left-over.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import time
from pathlib import Path
from typing import Final

import msgpack

from softswitch.media.recording import reel
from softswitch.media.recording.crypt import KeyRing
from softswitch.media.recording.reel import ReelWriter

LIVE: Final = "live"  # the folder of the reels
GAP: Final = "gap"
MOST_WAITING: Final = 2000  # marks that wait for space
_NAME = re.compile(r"(\d{1,20})\.(\d{1,6})\.reel")


class Space:
    """Is there still room? Asked of the file system once a second."""

    __slots__ = ("_asked_at", "_directory", "_free", "least")

    def __init__(self, directory: Path, least_bytes: int) -> None:
        self._directory = directory
        self.least = least_bytes
        self._asked_at = -1.0
        self._free = 0

    def check(self, now: float) -> None:
        """Raises OSError when there is less than is to stay free."""
        if self.least and now - self._asked_at >= 1.0:
            self._asked_at = now
            os.makedirs(self._directory, mode=0o750, exist_ok=True)
            found = os.statvfs(self._directory)
            self._free = found.f_bavail * found.f_frsize
        if self.least and self._free < self.least:
            raise OSError(errno.ENOSPC, f"less than {self.least // 1_000_000} MB are free")


class Reel:
    """One part of one recording."""

    def __init__(self, directory: Path, recording: int, part: int, ring: KeyRing, space: Space) -> None:
        self.recording = recording
        self.path = directory / LIVE / f"{recording}.{part}.reel"
        self.trouble = ""  # why nothing is written now
        self.closed = False  # its CLOSE has been written, or need not be
        self._writer = ReelWriter(str(recording), part, ring, os.urandom)
        self._space = space
        self._descriptor = -1
        self._size = 0
        self._waiting: list[tuple[int, bytes]] = []
        self._missing_since = 0.0

    def put(self, kind: int, content: bytes) -> None:
        """Never raises: what cannot be written now is a gap, or (a mark) waits."""
        now = time.monotonic()
        if kind != reel.BATCH:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append((kind, content))
            self.retry(now)
            return
        try:
            self._catch_up(now)
            self._append(kind, content)
        except OSError as error:
            self._fails(error, _first_time(content) or now)

    def retry(self, now: float) -> None:
        """Write what waits, if it fits now."""
        try:
            self._catch_up(now)
        except OSError as error:
            self._fails(error, 0.0)

    def finish(self) -> bool:
        """Has everything been written?"""
        return not self._waiting and not self.trouble

    def release(self) -> None:
        """Somebody else may have it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.release()

    def _catch_up(self, now: float) -> None:
        self._space.check(now)
        if self._missing_since:
            mark = {"at": self._missing_since, "until": now, "mark": GAP, "detail": self.trouble, "by": ""}
            self._append(reel.MARK, json.dumps(mark).encode())
            self._missing_since = 0.0
        while self._waiting:
            self._append(*self._waiting[0])
            self._waiting.pop(0)
        self.trouble = ""

    def _fails(self, error: OSError, missing_since: float) -> None:
        self.trouble = error.strerror or str(error)
        if missing_since and not self._missing_since:
            self._missing_since = missing_since

    def _append(self, kind: int, content: bytes) -> None:
        if self._descriptor < 0:
            self._create()
        self._write(self._writer.record(kind, content))

    def _create(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            self._write(self._writer.beginning)
        except OSError:
            self.remove()
            raise

    def _write(self, data: bytes) -> None:
        """The whole record or nothing of it."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.pwrite(self._descriptor, view, self._size + len(data) - len(view)) :]
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)


def _first_time(batch: bytes) -> float:
    _, heard_at, _, sent_at, _ = msgpack.unpackb(batch, strict_map_key=False)
    return min((*heard_at[:1], *sent_at[:1]), default=0.0)


class LeftOver:
    """A reel that a dead writer has left, locked by us now."""

    def __init__(self, path: Path, recording: int, descriptor: int) -> None:
        self.path = path
        self.recording = recording
        self._descriptor = descriptor

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def part_of(path: Path) -> tuple[int, int] | None:
    """Recording and part that a reel is of; None: this is no reel."""
    found = _NAME.fullmatch(path.name)
    return None if found is None else (int(found[1]), int(found[2]))


def take_left_over(path: Path, old_seconds: float = 0.0) -> LeftOver | None:
    """None when somebody still has it, has done with it, or wrote to it a moment ago."""
    named = part_of(path)
    if named is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        if found.st_nlink and time.time() - found.st_mtime >= old_seconds:
            return LeftOver(path, named[0], descriptor)
    except OSError:
        pass
    os.close(descriptor)
    return None
