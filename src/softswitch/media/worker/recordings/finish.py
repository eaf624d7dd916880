"""`python -m softswitch.media.worker.recordings.finish`: reels in, finished recordings out.

One job a line on stdin, one answer a line on stdout (JSON). A job names the recording, its reels and what is to become
of them; the answer is {"facts": ..., "partial": path} for the manifest, or {"error": "one sentence"}. What is made is
on disk then; who asked gives it its name, writes the line and deletes the reels. Ends when stdin ends.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import soundfile

from softswitch.media.recording.crypt import CHUNK, Header, KeyMissing, KeyRing, SealError
from softswitch.media.recording.reel import ReelReader
from softswitch.media.worker.recordings import ledger
from softswitch.media.worker.recordings.render import Record, Renderer, Told, look

FORMATS: Final = {
    "wav": ("WAV", "PCM_16", "wav"),
    "ulaw": ("WAV", "ULAW", "wav"),
    "alaw": ("WAV", "ALAW", "wav"),
    "flac": ("FLAC", "PCM_16", "flac"),
    "opus": ("OGG", "OPUS", "opus"),
    "mp3": ("MP3", "MPEG_LAYER_III", "mp3"),
}
_NICE = 10
MOST_MARK_BYTES: Final = 256 << 10  # of one recording, in its line of the manifest


class AudioFile(io.RawIOBase):
    """What an encoder writes to. The encoder's library swallows errors of the disk: they are kept in `failed`."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self._raw = raw
        self.failed: OSError | None = None

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._raw.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._raw.seek(offset, whence)

    def write(self, data: Any) -> int:
        try:
            return self._put(bytes(data))
        except OSError as error:
            self.failed = self.failed or error
            raise

    def _put(self, data: bytes) -> int:
        return self._raw.write(data)

    def finish(self) -> None:
        """The encoder is through. Raises what went wrong."""
        if self.failed is not None:
            raise self.failed


class SealedFile(AudioFile):
    """Writes an audio file sealed, chunk by chunk. Encoders go back to the beginning of their file to fill in lengths:
    the first chunk therefore stays here until the end, so that nothing is ever sealed twice under one number."""

    def __init__(self, raw: BinaryIO, header: Header) -> None:
        super().__init__(raw)
        self._header = header
        self._first = bytearray()
        self._rest = bytearray()  # of the chunk after those that are written
        self._written = 1  # chunks on disk; the place of the first one is kept
        self._at = 0
        self._size = 0
        raw.write(header.data)
        raw.seek(header.offset(1))

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def _put(self, data: bytes) -> int:
        if self._at < self._size:
            if self._at + len(data) > len(self._first):
                raise OSError("an encoder wrote over what is sealed already")
            self._first[self._at : self._at + len(data)] = data
            self._at += len(data)
            return len(data)
        room = CHUNK - len(self._first)
        if room:
            self._first += data[:room]
        self._rest += data[room:]
        while len(self._rest) > CHUNK:  # the last one must be known as the last one
            self._seal(bytes(self._rest[:CHUNK]), last=False)
            del self._rest[:CHUNK]
        self._at += len(data)
        self._size = self._at
        return len(data)

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._raw.write(self._header.seal(self._written, chunk, last=last))
        self._written += 1

    def finish(self) -> None:
        super().finish()
        if self._rest:
            self._seal(bytes(self._rest), last=True)
        self._raw.seek(self._header.offset(0))
        self._raw.write(self._header.seal(0, bytes(self._first), last=self._written == 1))


@contextlib.contextmanager
def _records(reels: list[Path], ring: KeyRing) -> Iterator[Iterator[Record]]:
    """The records of all parts, in order."""
    with contextlib.ExitStack() as stack:
        readers = []
        for path in reels:
            file = stack.enter_context(open(path, "rb"))
            try:
                readers.append(ReelReader(file.read, ring))
            except KeyMissing:  # the other parts without this one would be the whole recording for ever
                raise
            except SealError:  # a part that was begun and holds nothing yet
                continue
        yield (record for reader in readers for record in reader)


def _write(path: Path, renderer: Renderer, records: Iterator[Record], form: str, sealing: Header | None) -> None:
    name, subtype, _ = FORMATS[form]
    with open(path, "wb") as raw:
        file = AudioFile(raw) if sealing is None else SealedFile(raw, sealing)
        try:
            with soundfile.SoundFile(file, "w", renderer.rate, 2, subtype, format=name) as sound:
                for block in renderer.blocks(records):
                    if block:
                        sound.buffer_write(block, dtype="int16")
        except AssertionError:  # of that library, for fewer bytes written
            if file.failed is None:
                raise
        file.finish()
        raw.flush()
        os.fsync(raw.fileno())


def _facts(told: Told, renderer: Renderer, form: str) -> dict[str, Any]:
    sides = {}
    for name, side in (("caller", renderer.left), ("ours", renderer.right)):
        holes = side.silent(renderer.hidden)
        sides[name] = {"packets": side.packets, "lost": side.sequence.lost, "silent": holes}
        if side.unheard:
            sides[name]["unknown"] = side.unheard
    opened = told.opened
    marks = _marks(told, renderer)
    return {
        "interaction": opened["interaction"],
        "caller": opened["caller"],
        "dialled": opened["dialled"],
        "began_at": round(opened["wall"], 3),
        "seconds": round(renderer.samples / renderer.rate, 3),
        "rate": renderer.rate,
        "format": form,
        "marks": marks,
        "sides": sides,
        "ended": told.because or "the media process died",
    }


def _marks(told: Told, renderer: Renderer) -> list[dict[str, Any]]:
    """With times since the beginning. Whoever orders thousands of them does not make the line endless."""
    marks: list[dict[str, Any]] = []
    size = 0
    for each in told.marks:
        mark = {**each, **_since(each, renderer.begin)}
        size += len(json.dumps(mark))
        if size > MOST_MARK_BYTES:
            more = f"{len(told.marks) - len(marks)} more"
            marks.append({"at": mark["at"], "mark": "left out", "detail": more, "by": ""})
            break
        marks.append(mark)
    return marks


def _since(mark: dict[str, Any], begin: float) -> dict[str, float]:
    """The times of a mark, in seconds since the beginning."""
    return {name: round(max(mark[name] - begin, 0.0), 3) for name in ("at", "until") if name in mark}


def finish(job: dict[str, Any]) -> dict[str, Any]:
    """Make the recording of one job. Raises OSError, SealError, ValueError."""
    directory, recording, form = Path(job["directory"]), str(job["recording"]), str(job["format"])
    ring = KeyRing({name: bytes.fromhex(key) for name, key in job["keys"].items()}, job["use"])
    reels = [Path(each) for each in job["reels"]]
    with _records(reels, ring) as records:
        told = look(records)
    if not told.opened:
        raise ValueError("the reel holds nothing that can be read")
    form = told.opened.get("format") or form
    renderer = Renderer(told)
    name = f"{folder_of(told.opened['wall'])}/{recording}.{FORMATS[form][2]}" + (".sealed" if ring.use else "")
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    for left in path.parent.glob(f"{recording}.*.partial"):  # of one who died at it; nobody else makes this recording
        left.unlink(missing_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    sealing = Header.new(recording, ring, os.urandom) if ring.use else None
    try:
        with _records(reels, ring) as records:
            _write(partial, renderer, records, form, sealing)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    size, seen = partial.stat().st_size, ledger.digest(partial)
    facts = {"recording": recording, "path": name, "size": size, "sha256": seen, **_facts(told, renderer, form)}
    facts["parts"] = [int(each.name.split(".")[1]) for each in reels]
    return {"facts": facts, "partial": str(partial)}


def folder_of(wall: float) -> str:
    """The day (UTC) that a recording began."""
    return time.strftime("%Y/%m/%d", time.gmtime(wall))


def main() -> int:
    os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    os.umask(0o027)
    for text in sys.stdin:
        try:
            answer = finish(json.loads(text))
        except (OSError, SealError, ValueError, KeyError, soundfile.LibsndfileError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
