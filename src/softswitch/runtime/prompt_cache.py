"""Rendered prompts on disk: one file of u-law frames per prompt, which the media process reads by its key.

    <directory>/<identity>-<check>.ulaw        key = "<identity>-<check>"
    <directory>/<identity>-<check>.s16k        the same at 16 kHz (16 bits, little-endian), where there is more to hear

`identity` is a hash of where the sound comes from (text, language and voice; or the content of a file), so it is
known before the sound is made. `check` is the CRC of the frames: a file that was cut short or damaged is noticed,
removed and made again. Files appear whole (written aside, then renamed), so that two switches may start on one
directory. A file that no start has used for ninety days is removed.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import zlib
from collections.abc import Iterable
from pathlib import Path

import structlog

from softswitch.call.errors import StartError
from softswitch.call.prompts import Prompt

FRAME_BYTES = 160
BYTES_PER_SECOND = 8000

_NAME = re.compile(r"([0-9a-f]{24})-([0-9a-f]{8})\.ulaw\Z")
_WIDE_NAME = re.compile(r"[0-9a-f]{24}-[0-9a-f]{8}\.s16k\Z")
_NARROW, _WIDE = ".ulaw", ".s16k"
_ASIDE = ".part"
_UNUSED_SECONDS = 90 * 86400.0
_TOUCH_SECONDS = 86400.0  # a file's time is renewed at most once a day
_ABANDONED_SECONDS = 3600.0

log = structlog.get_logger(__name__)


def identity_of(*parts: str | bytes) -> str:
    """A name for what is told apart by all of these parts."""
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


class PromptCache:
    """What is in the directory now; look up, add, prune. Blocking: used from a worker thread."""

    def __init__(self, directory: Path, wall_now: float) -> None:
        self._directory = directory
        self._wall_now = wall_now
        self._files: dict[str, list[tuple[str, float]]] = {}  # identity -> (file name, modified)
        self._read_directory()

    def _read_directory(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with os.scandir(self._directory) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise StartError(f"cannot use the prompt cache {self._directory}: {error.strerror}") from error
        for entry in listed:
            name = entry.name
            try:
                modified = entry.stat().st_mtime
            except OSError:
                continue  # another switch has just removed an old file
            match = _NAME.match(name)
            if match:
                self._files.setdefault(match[1], []).append((name, modified))
            elif _WIDE_NAME.match(name) and not (self._directory / (name.removesuffix(_WIDE) + _NARROW)).exists():
                if self._wall_now - modified > _ABANDONED_SECONDS:
                    self._remove(name)
            elif name.endswith(_ASIDE) and self._wall_now - modified > _ABANDONED_SECONDS:
                self._remove(name)

    def find(self, identity: str) -> Prompt | None:
        """The prompt, read and proven sound; a damaged file is removed."""
        for name, modified in self._files.get(identity, ()):
            try:
                frames = (self._directory / name).read_bytes()
            except OSError as error:
                log.warning("prompt unreadable, made again", file=name, error=error.strerror)
                continue
            if not frames or len(frames) % FRAME_BYTES or _name(identity, frames) != name:
                log.warning("prompt damaged, made again", file=name, bytes=len(frames))
                self._remove(name)
                continue
            if self._wall_now - modified > _TOUCH_SECONDS:
                self._touch(name)
            return _prompt(name, len(frames))
        return None

    def add(self, identity: str, frames: bytes, wide: bytes = b"") -> Prompt:
        """`wide`: the same sound at 16 kHz, which is there before its name is."""
        assert frames and len(frames) % FRAME_BYTES == 0, len(frames)
        name = _name(identity, frames)
        if wide:
            self._write(name.removesuffix(_NARROW) + _WIDE, wide)
        self._write(name, frames)
        return _prompt(name, len(frames))

    def _write(self, name: str, data: bytes) -> None:
        aside = self._directory / f"{name}.{os.getpid()}-{threading.get_ident()}{_ASIDE}"
        try:
            aside.write_bytes(data)
            os.replace(aside, self._directory / name)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise StartError(f"cannot write to the prompt cache {self._directory}: {error.strerror}") from error

    def prune(self, used: Iterable[str]) -> int:
        """Remove what is not among these identities and was not used for ninety days; how many files."""
        kept = frozenset(used)
        old = [
            name
            for identity, files in self._files.items()
            if identity not in kept
            for name, modified in files
            if self._wall_now - modified > _UNUSED_SECONDS
        ]
        for name in old:
            self._remove(name)
        return len(old)

    def _touch(self, name: str) -> None:
        try:
            os.utime(self._directory / name, (self._wall_now, self._wall_now))
        except OSError:
            pass  # a read-only cache is good enough to read from

    def _remove(self, name: str) -> None:
        for each in (name, name.removesuffix(_NARROW) + _WIDE):
            try:
                (self._directory / each).unlink(missing_ok=True)
            except OSError:
                pass


def _name(identity: str, frames: bytes) -> str:
    return f"{identity}-{zlib.crc32(frames):08x}.ulaw"


def _prompt(name: str, size: int) -> Prompt:
    return Prompt(key=name.removesuffix(".ulaw"), seconds=size / BYTES_PER_SECOND)
