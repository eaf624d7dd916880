"""Finished recordings on disk: read and opened piece by piece, checked against the manifest, deleted with evidence."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from softswitch.media.messages import SetUpRecording
from softswitch.media.recording import manifest
from softswitch.media.recording.crypt import TAG, Header, KeyRing, SealError
from softswitch.media.worker.recordings import ledger
from softswitch.media.worker.recordings.reels import LIVE
from softswitch.runtime.recording_catalogue import Catalogue, Known

if TYPE_CHECKING:
    from softswitch.runtime.recording_joined import Joined

PIECE: Final = 65_536
CONTENT_TYPES: Final = {".wav": "audio/wav", ".flac": "audio/flac", ".opus": "audio/ogg", ".mp3": "audio/mpeg"}
SEALED: Final = ".sealed"
_OURS: Final = frozenset({*CONTENT_TYPES, SEALED})


class ShelfError(Exception):
    """It cannot be read; the message is one sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One recording after it was looked at: `wrong` is empty when all is well."""

    recording: str
    path: str
    wrong: str


class Audio:
    """One audio file, sealed or not; `size` and pieces are of what is inside. To be closed."""

    def __init__(self, path: Path, ring: KeyRing) -> None:
        """Raises ShelfError."""
        try:
            self._file = open(path, "rb")  # noqa: SIM115  # closed by `close`
        except OSError as error:
            raise ShelfError(f"{path.name} cannot be read: {error.strerror}") from None
        self._header: Header | None = None
        self._file_size = self.size = os.fstat(self._file.fileno()).st_size
        if path.suffix == SEALED:
            try:
                self._header = Header.read(self._file.read, ring)
            except SealError as error:
                self._file.close()
                raise ShelfError(f"{path.name} does not open: {error}") from None
            self.size = self._header.plain_size(self._file_size)
        self.content_type = CONTENT_TYPES.get(Path(path.name.removesuffix(SEALED)).suffix, "application/octet-stream")

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Audio:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def piece(self, begin: int, end: int) -> bytes:
        """Some bytes from `begin` on, at least one and none from `end` on. Raises ShelfError."""
        header = self._header
        try:
            if header is None:
                self._file.seek(begin)
                return self._file.read(min(end - begin, PIECE))
            number, count = begin // header.chunk, header.chunks(self._file_size)
            self._file.seek(header.offset(number))
            chunk = header.open(number, self._file.read(header.chunk + TAG), last=number == count - 1)
        except OSError as error:
            raise ShelfError(f"the file cannot be read: {error.strerror}") from None
        except SealError as error:
            raise ShelfError(f"the file does not open: {error}") from None
        return chunk[begin - number * header.chunk : end - number * header.chunk]

    def pieces(self) -> Iterator[bytes]:
        """All of it; a file that was cut shows at its end."""
        at = 0
        while at < self.size or (at == 0 and self._header is not None):
            found = self.piece(at, max(self.size, 1))
            yield found
            if not found:
                return
            at += len(found)


class Shelf:
    """The directory of recordings."""

    def __init__(self, setup: SetUpRecording) -> None:
        self.directory = Path(setup.directory)
        pairs = (each.split(":", 1) for each in setup.keys)
        self.ring = KeyRing({name: bytes.fromhex(key) for name, key in pairs}, setup.use)
        self.catalogue = Catalogue(self.directory, self.ring)

    def note(self, at: float, what: str, recording: str, **facts: object) -> dict[str, Any]:
        """One more line of the manifest. Raises OSError."""
        return ledger.append(self.directory, at, what, {"recording": recording, **facts}, self.ring)

    def path(self, name: str) -> Path:
        """Of a file that the manifest or the database names; never outside of the directory. Raises ShelfError."""
        parts = name.split("/")
        if not name or "\0" in name or any(part in ("", ".", "..") for part in parts):
            raise ShelfError(f"{name!r} is no path of a recording")
        return self.directory.joinpath(*parts)

    def audio(self, name: str) -> Audio:
        return Audio(self.path(name), self.ring)

    def joined(self, files: Iterable[Known]) -> Joined:
        """These files of one recording, in order, as one. Raises ShelfError."""
        from softswitch.runtime.recording_joined import Joined, JoinError  # numpy: a switch starts without it

        with contextlib.ExitStack() as stack:
            try:
                joined = Joined([(each, stack.enter_context(self.audio(each.path))) for each in files])
            except JoinError as error:
                raise ShelfError(str(error)) from None
            stack.pop_all()
        return joined

    def twins(self, each: Known) -> list[Known]:
        """This file, and the others with its number, when writers that died made several of it (`jobs`)."""
        path = self.path(each.path)
        names = (str(found.relative_to(self.directory)) for found in sorted(path.parent.glob(f"[0-9]*-{path.name}")))
        return [each, *(replace(each, path=name) for name in names)]

    def delete(self, at: float, recording: str, name: str, because: str) -> None:
        """The file goes, the line that says so stays; so do the other files of this recording, when writers that died
        made several of it (`jobs`: a time before the name). Raises OSError, ShelfError."""
        path = self.path(name)
        for each in (path, *sorted(path.parent.glob(f"[0-9]*-{path.name}"))):
            sha256 = ledger.digest(each) if each.exists() else ""
            there = str(each.relative_to(self.directory))
            self.note(at, manifest.DELETED, recording, because=because, path=there, sha256=sha256)
            each.unlink(missing_ok=True)

    # -------------------------------------------------------------- is everything as it was?

    def check(self, name: str, recording: str, sha256: str) -> Checked:
        """Is this file the one that was written, and does it open?"""
        wrong = ""
        try:
            path = self.path(name)
            if not path.exists():
                wrong = "is missing"
            elif ledger.digest(path) != sha256:
                wrong = "was changed: it is not the file that was written"
            else:
                with self.audio(name) as audio:
                    for _ in audio.pieces():
                        pass
        except (ShelfError, OSError) as error:
            wrong = str(error)
        return Checked(recording, name, wrong)

    def strangers(self, kept: Container[str]) -> Iterator[str]:
        """Audio files that no line of the manifest knows."""
        for folder, folders, names in os.walk(self.directory):
            folders.sort()
            for each in sorted(names):
                name = os.path.relpath(os.path.join(folder, each), self.directory)
                if Path(each).suffix in _OURS and name not in kept and not name.startswith(f"{LIVE}/"):
                    yield name
