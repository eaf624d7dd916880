"""The manifest as a file: appended by several processes, one at a time (flock), never rewritten."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from softswitch.media.recording.crypt import KeyRing
from softswitch.media.recording.manifest import head_of, next_line

NAME: Final = "manifest.jsonl"
HEAD: Final = "manifest.head"
BLOCK: Final = 1 << 20
SHORT: Final = 65_536  # for a look at the end
MOST_LINE: Final = 4 << 20


def digest(path: Path) -> str:
    """Of a whole file, as its line in the manifest has it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
    for _, text in _backward(descriptor, size):
        if text:
            return text.decode(errors="replace")
    return ""


# ------------------------------------------------------------------ reading: a block at a time, however long it is


@contextlib.contextmanager
def reading(directory: Path) -> Iterator[tuple[int, int]]:
    """A descriptor, and how much can be read: whole lines, unless a writer died. Nothing when there is no manifest."""
    try:
        descriptor = os.open(directory / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield -1, 0
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # nobody is in the middle of a line
        size = os.fstat(descriptor).st_size
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        yield descriptor, size
    finally:
        os.close(descriptor)


def lines(directory: Path, begin: int = 0) -> Iterator[tuple[int, bytes]]:
    """The lines from this offset on, each with where it ends."""
    with reading(directory) as (descriptor, size):
        at, rest = begin, b""
        while at < size:
            block = os.pread(descriptor, min(BLOCK, size - at), at)
            if not block:
                break
            whole = (rest + block).split(b"\n")
            end = at - len(rest)
            at += len(block)
            rest = whole.pop()
            for text in whole:
                end += len(text) + 1
                yield end, text
            if len(rest) > MOST_LINE:  # none of ours: it cannot be read, in whatever pieces
                yield at, rest
                rest = b""
        if rest:
            yield at, rest


def newest(directory: Path) -> Iterator[tuple[int, bytes]]:
    """The lines, the last one first, each with where it begins."""
    with reading(directory) as (descriptor, size):
        yield from _backward(descriptor, size)


def ends_with(directory: Path, end: int, seal: str) -> bool:
    """Is there a line with this seal that ends at this offset?"""
    with reading(directory) as (descriptor, size):
        if not 0 < end <= size or os.pread(descriptor, 1, end - 1) != b"\n":
            return False
        text = next(_backward(descriptor, end), (0, b""))[1]
        return f'"seal":"{seal}"'.encode() in text


def _backward(descriptor: int, size: int) -> Iterator[tuple[int, bytes]]:
    begin, rest = size, b""
    while begin > 0:
        length = min(BLOCK if size - begin else SHORT, begin)
        begin -= length
        rest, *whole = (os.pread(descriptor, length, begin) + rest).split(b"\n")
        at = begin + len(rest) + sum(map(len, whole)) + len(whole)
        for text in reversed(whole):
            at -= len(text)
            if text or at < size:  # behind the last line break there is nothing
                yield at, text
            at -= 1
        if len(rest) > MOST_LINE:
            yield begin, rest
            rest = b""
    if rest:
        yield 0, rest
