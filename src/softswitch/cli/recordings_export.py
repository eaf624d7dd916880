"""Recordings that leave the house: opened, noted before anything leaves, and written for nobody else to read."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import soundfile

from softswitch.cli.options import fail
from softswitch.media.worker.recordings.finish import FORMATS as KINDS
from softswitch.runtime.recording_catalogue import Known
from softswitch.runtime.recording_joined import Joined, JoinError
from softswitch.runtime.recording_shelf import Shelf, ShelfError


@contextlib.contextmanager
def opened(shelf: Shelf, files: list[Known]) -> Iterator[Joined]:
    """All files of one recording as one. What cannot be read ends the command."""
    try:
        with shelf.joined(files) as sound:
            yield sound
    except (ShelfError, JoinError) as error:
        fail(f"Recording {files[0].recording}: {error}.")


def note(shelf: Shelf, what: str, files: list[Known], by: str, **facts: object) -> None:
    """Before anything leaves: without the line nobody listens. One line for each number that it has."""
    try:
        for number in dict.fromkeys(each.recording for each in files):
            shelf.note(time.time(), what, number, by=by, **facts)
    except OSError as error:
        fail(f"The manifest cannot be written, so nobody listens: {error.strerror}.")


def copy(pieces: Iterable[bytes], out: BinaryIO) -> None:
    for piece in pieces:
        out.write(piece)
    out.flush()


def write(path: Path, pieces: Iterable[bytes]) -> None:
    """For nobody else: it is not sealed any more. The whole or nothing. Raises OSError."""
    path = path.resolve()  # of a link what it points to
    if path.exists() and not path.is_file():  # a pipe, a device: written to, not replaced
        with open(path, "wb") as there:
            copy(pieces, there)
        return
    made = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(made, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            copy(pieces, file)
        os.replace(made, path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def hand_out(shelf: Shelf, recordings: dict[str, list[Known]], by: str, to: Path, form: str) -> None:
    """Raises OSError."""
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number, files in recordings.items():
        sums: dict[str, str] = {}
        kept = str(files[0].line["format"])
        kind = form or ("wav" if kept in ("ulaw", "alaw") else kept)
        with opened(shelf, files) as sound:
            about = json.dumps(_about(files, sound), indent=2).encode()
            pieces = _pieces(shelf, files, sound, form, kind)
            sha256 = _digest(pieces)
            note(shelf, "exported", files, by, sha256=sha256)
            for name, data in ((f"{number}.{kind}", pieces), (f"{number}.json", _Held(about))):
                write(to / name, data)
                sums[name] = _digest(data)
        _add_sums(to, sums)


def _add_sums(folder: Path, sums: dict[str, str]) -> None:
    """Into SHA256SUMS, one command at a time; what was handed out before into the same folder stays in it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        path = folder / "SHA256SUMS"
        before = path.read_bytes().splitlines() if path.is_file() else []
        names = frozenset(name.encode() for name in sums)
        kept = [line for line in before if line and line.partition(b" ")[2][1:] not in names]
        write(path, [line + b"\n" for line in (*kept, *(f"{sums[name]}  {name}".encode() for name in sums))])
    finally:
        os.close(descriptor)


class _Held:
    """Pieces of what is in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self._data


class _Again:
    """Pieces of what is read anew each time."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._source.pieces())


def _digest(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _pieces(shelf: Shelf, files: list[Known], sound: Joined, form: str, kind: str) -> Iterable[bytes]:
    """One file as it is kept; several, or another format, are made anew."""
    if not form and len(files) == 1:
        return _Again(_Kept(shelf, files[0]))
    if kind == "wav":
        return _Again(sound)
    out, (name, subtype, _) = io.BytesIO(), KINDS[kind]
    with soundfile.SoundFile(out, "w", sound.rate, 2, subtype, format=name) as file:
        for block in sound.blocks():
            file.write(block)
    return _Held(out.getvalue())


class _Kept:
    def __init__(self, shelf: Shelf, file: Known) -> None:
        self._shelf = shelf
        self._file = file

    def pieces(self) -> Iterator[bytes]:
        with self._shelf.audio(self._file.path) as audio:
            yield from audio.pieces()


def _about(files: list[Known], sound: Joined) -> dict[str, Any]:
    """What the manifest says; of several files of each, and where it lies in the whole."""
    if len(files) == 1:
        return dict(files[0].line)
    first = files[0].line
    whole = {name: first[name] for name in ("recording", "interaction", "caller", "dialled", "began_at")}
    parts = [
        {**each.file.line, "begins": each.at, "silence_before": each.silence, "not_recorded_before": each.missing}
        for each in sound.placed
    ]
    return {**whole, "seconds": round(sound.frames / sound.rate, 3), "rate": sound.rate, "files": parts}
