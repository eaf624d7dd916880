"""The manifest as a file: appended by several processes, one at a time (flock), never rewritten."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from softswitch.media.recording.crypt import KeyRing
from softswitch.media.recording.manifest import next_line

NAME: Final = "manifest.jsonl"


def append(directory: Path, at: float, what: str, facts: Mapping[str, Any], ring: KeyRing) -> dict[str, Any]:
    """One more line, on disk when this returns; the line as it is written."""
    descriptor = os.open(directory / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        last = _last_line(descriptor, size)
        text = next_line(last, at, what, facts, ring)
        data = text.encode() + b"\n"
        if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a line that was cut: it stays, as evidence
            data = b"\n" + data
        written = os.write(descriptor, data)
        if written != len(data):
            os.ftruncate(descriptor, size)
            raise OSError(28, "No space left on device")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    line: dict[str, Any] = json.loads(text)
    return line


def _last_line(descriptor: int, size: int) -> str:
    tail, begin = b"", size
    while begin > 0:
        begin = max(begin - 65_536, 0)
        tail = os.pread(descriptor, size - begin, begin)
        found = tail.rstrip(b"\n")
        if b"\n" in found:
            return found.rpartition(b"\n")[2].decode(errors="replace")
    return tail.rstrip(b"\n").decode(errors="replace")


def lines(directory: Path) -> list[str]:
    """All lines of the manifest; none when there is no manifest yet."""
    try:
        text = (directory / NAME).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()
