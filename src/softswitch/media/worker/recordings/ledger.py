"""The manifest as a file: appended by several processes, one at a time (flock), never rewritten."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from softswitch.media.recording.crypt import KeyRing
from softswitch.media.recording.manifest import head_of, next_line

NAME: Final = "manifest.jsonl"
HEAD: Final = "manifest.head"


def append(directory: Path, at: float, what: str, facts: Mapping[str, Any], ring: KeyRing) -> dict[str, Any]:
    """One more line, on disk when this returns; the line as it is written."""
    descriptor = os.open(directory / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        last = _last_line(descriptor, size)
        if not size and not head(directory):
            _put_head(directory, head_of("", ring))
        text = next_line(last, at, what, facts, ring, head(directory))
        data = text.encode() + b"\n"
        if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a line that was cut: it stays, as evidence
            data = b"\n" + data
        written = os.write(descriptor, data)
        if written != len(data):
            os.ftruncate(descriptor, size)
            raise OSError(28, "No space left on device")
        os.fsync(descriptor)
        with contextlib.suppress(OSError):  # it may be behind; the line is there
            _put_head(directory, head_of(text, ring))
    finally:
        os.close(descriptor)
    line: dict[str, Any] = json.loads(text)
    return line


def head(directory: Path) -> str:
    """To be read before the lines: it may not be ahead of them."""
    try:
        return (directory / HEAD).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _put_head(directory: Path, text: str) -> None:
    """The old one or the new one is there, whoever dies."""
    made = directory / f"{HEAD}.new"
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
    os.replace(made, directory / HEAD)


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
