"""The ACD's journal on disk: groups of lines a few times a second, written by a thread; files that follow one another.

    engine --append--> lines --(every half second)--> packed --> thread: write, now and then fdatasync
                                                        |
                            new file at a quiet moment <+  when this one is large or old; each begins with a snapshot

A switch that is killed loses what was not yet packed, at most half a second; a machine that loses power, at most five.
A disk that is full or away never holds up a call: lines are let go, health says so, and a new file (with a snapshot,
so nothing after the gap is lost) is begun when the disk is back. Old files go by age and by size of all together.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from softswitch.acd import journal
from softswitch.acd.engine import Engine
from softswitch.call.errors import StartError
from softswitch.call.settings import JournalSettings

log = structlog.get_logger("softswitch.journal")

SUFFIX: Final = ".journal"
FLUSH_SECONDS: Final = 0.5
SYNC_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 10.0
MOST_PENDING_BYTES: Final = 64 * 1024 * 1024


def directory_of(settings: JournalSettings, database_url: str) -> Path:
    """Where the journal is: as configured, or beside the SQLite database, or in var/journal."""
    if settings.directory:
        return Path(settings.directory)
    parts = urlsplit(database_url)
    if parts.scheme.startswith("sqlite") and parts.path.strip("/") and ":memory:" not in parts.path:
        return Path(parts.path.removeprefix("/")).parent / "journal"
    return Path("var/journal")


def files_of(path: Path) -> list[Path]:
    """The files of a journal in their order: those of a directory, or the one that is named."""
    if path.is_dir():
        return sorted(each for each in path.iterdir() if each.suffix == SUFFIX)
    return [path]


@dataclass(slots=True)
class _File:
    """The present file. Written by the thread alone."""

    path: Path
    began_at: float
    size: int = 0  # packed, if not yet written
    descriptor: int = -1
    synced_at: float = 0.0


@dataclass(slots=True)
class _Pending:
    """What the thread has not yet taken."""

    parts: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, part: bytes) -> None:
        self.parts.append(part)
        self.size += len(part)


class JournalWriter:
    """`lines` and `begin` first; then it runs by itself until `close`."""

    def __init__(self, settings: JournalSettings, directory: Path, wall: Callable[[float], float]) -> None:
        self.lines: list[Any] = []
        self.away = ""  # why nothing is written; empty: it is
        self.directory = directory
        self._settings = settings
        self._wall = wall
        self._pending = _Pending()
        self._thread = ThreadPoolExecutor(1, "acd-journal")
        self._writing: asyncio.Future[None] | None = None
        self._file: _File | None = None
        self._engine: Engine | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._numbers = (0, 0)  # of the run (its start), of the file

    def begin(self, engine: Engine) -> None:
        """The first file. StartError when the directory cannot be written."""
        self._engine = engine
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._new_file()
            self._write(self._taken(), self._file)
        except OSError as error:
            reason = error.strerror or str(error)
            raise StartError(f"The journal cannot be written to {self.directory}: {reason}.") from error
        self._again()

    # -------------------------------------------------------------- on the loop

    def _again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._fire)

    def _fire(self) -> None:
        self._again()
        self.flush()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _new_file(self) -> None:
        """A file with its header, still to be opened by the thread."""
        assert self._engine is not None
        now = self._now()
        began = int(self._wall(now))
        run, number = self._numbers[0] or began, self._numbers[1] + 1
        self._numbers = (run, number)
        stamp = datetime.fromtimestamp(began, UTC).strftime("%Y%m%dT%H%M%SZ")
        self._file = _File(self.directory / f"acd-{stamp}-{os.getpid()}-{number:04}{SUFFIX}", now)
        self.lines.clear()
        self._add(journal.header(self._engine, self._wall(0.0), f"{run}-{os.getpid()}", number))

    def _add(self, part: bytes) -> None:
        assert self._file is not None
        self._pending.add(part)
        self._file.size += len(part)

    def _taken(self) -> bytes:
        data = b"".join(self._pending.parts)
        self._pending = _Pending()
        return data

    def flush(self) -> None:
        """Pack what was written down and hand it to the thread."""
        if self.away:
            self._come_back()
            return
        if self.lines:
            self._add(journal.group(self.lines, self._wall(0.0)))
            self.lines.clear()
        if self._writing is not None and not self._writing.done():
            if self._pending.size > MOST_PENDING_BYTES:
                self._gone("the disk is too slow")
            return
        self._rotate()
        data = self._taken()
        if data:
            self._writing = self._in_thread(data)

    def _rotate(self) -> None:
        """A new file begins with a snapshot, which takes some milliseconds: at a moment when nobody waits, or when
        this one is twice as large or old as it should be."""
        file, settings = self._file, self._settings
        assert file is not None and self._engine is not None
        full = max(file.size / settings.segment_bytes, (self._now() - file.began_at) / settings.segment_seconds)
        if full >= 2.0 or (full >= 1.0 and not self._engine.floor.entries):
            self._add(journal.mark(self._engine))
            self._in_thread(self._taken())
            self._thread.submit(_close, file)
            self._new_file()

    def _in_thread(self, data: bytes) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        writing = loop.run_in_executor(self._thread, self._write, data, self._file)
        writing.add_done_callback(self._written)
        return writing

    def _written(self, writing: asyncio.Future[None]) -> None:
        if not writing.cancelled() and (error := writing.exception()) is not None and not self.away:
            self._gone(getattr(error, "strerror", None) or str(error))

    def _gone(self, reason: str) -> None:
        log.error("journal_away", directory=str(self.directory), because=reason)
        self.away = reason
        self._pending = _Pending()
        if self._file is not None:
            self._thread.submit(_close, self._file)
            self._file.began_at = self._now()
        self.lines.clear()

    def _come_back(self) -> None:
        self.lines.clear()
        assert self._file is not None
        if self._now() - self._file.began_at >= RETRY_SECONDS and (self._writing is None or self._writing.done()):
            self.away = ""
            self._new_file()
            self._writing = self._in_thread(self._taken())

    async def close(self) -> None:
        """Everything on disk, with the mark of an orderly end."""
        if self._timer is not None:
            self._timer.cancel()
        if self._file is not None and self._engine is not None and not self.away:
            if self.lines:
                self._add(journal.group(self.lines, self._wall(0.0)))
                self.lines.clear()
            self._add(journal.mark(self._engine))
            await asyncio.wait({self._in_thread(self._taken())}, timeout=5.0)
            self._thread.submit(_close, self._file)
        self._thread.shutdown(wait=not self.away)

    # -------------------------------------------------------------- in the thread

    def _write(self, data: bytes, file: _File | None) -> None:
        assert file is not None
        if file.descriptor < 0:
            self._prune()
            file.descriptor = os.open(file.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        view = memoryview(data)
        while view:
            view = view[os.write(file.descriptor, view) :]
        now = time.monotonic()
        if now - file.synced_at >= SYNC_SECONDS:
            os.fdatasync(file.descriptor)
            file.synced_at = now

    def _prune(self) -> None:
        """The oldest files go: too old, or too large together."""
        left = self._settings.at_most_bytes
        oldest = time.time() - self._settings.keep_seconds
        for path in reversed(files_of(self.directory)):
            facts = path.stat()
            left -= facts.st_size
            if left < 0 or facts.st_mtime < oldest:
                path.unlink(missing_ok=True)


def _close(file: _File) -> None:
    if file.descriptor >= 0:
        descriptor, file.descriptor = file.descriptor, -1
        try:
            os.fdatasync(descriptor)
        except OSError:
            pass
        os.close(descriptor)
