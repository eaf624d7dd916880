"""What the manifest says of recordings, read as a stream: a manifest of a million lines takes time, and no memory.

A recording is what was heard of one caller without anybody ending it on purpose. It is one file, unless a process died
while it went on: then it has several, and each of their numbers names the whole.
"""

from __future__ import annotations

import itertools
import json
import re
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from softswitch.media.recording import manifest
from softswitch.media.recording.crypt import KeyRing
from softswitch.media.recording.manifest import START, Chain, Place
from softswitch.media.worker.recordings import ledger

GOES_ON: Final = "goes on from"  # the mark, with the number before
LINES_AT_ONCE: Final = 100
MOST_FILES: Final = 1000  # of one call
_RECORDED: Final = b'"what":"recorded"'
_DELETED: Final = b'"what":"deleted"'
_NUMBER: Final = re.compile(rb'"recording":"([0-9]{1,20})"')
_CALL: Final = re.compile(rb'"interaction":"([0-9]{1,20})"')

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """One file that was made. `deleted`: why it is here no more."""

    recording: str
    path: str
    began_at: float
    seconds: float
    goes_on_from: str
    line: Mapping[str, Any]
    deleted: str = ""


def known(line: Mapping[str, Any], deleted: str = "") -> Known:
    number, path = str(line["recording"]), str(line["path"])
    return Known(number, path, float(line["began_at"]), float(line["seconds"]), before(line["marks"]), line, deleted)


def before(marks: Iterable[Mapping[str, Any]]) -> str:
    """The number of the recording that this one goes on from; empty: it is the first."""
    return next((str(mark["detail"]) for mark in marks if mark["mark"] == GOES_ON), "")


def family(files: Collection[Known], recording: str) -> list[Known]:
    """Of the files of one call those that are one recording with this one, in order."""
    previous = {each.recording: each.goes_on_from for each in files}

    def way(number: str) -> list[str]:
        """From this one back to the first."""
        found = [number]
        while previous.get(found[-1]) and previous[found[-1]] not in found:
            found.append(previous[found[-1]])
        return found

    first = way(recording)[-1]
    mine = [each for each in files if way(each.recording)[-1] == first]
    return sorted(mine, key=lambda each: (len(way(each.recording)), each.began_at, each.path))


class Reading:
    """The lines from a place on, each checked. Then `chain` knows what is wrong, and where they end."""

    def __init__(self, directory: Path, ring: KeyRing, after: Place = START, *, gently: bool = False) -> None:
        self._directory = directory
        self._gently = gently  # leave every other moment to the others of this process
        if after.end and not ledger.ends_with(directory, after.end, after.seal):
            after = START  # it is not the file that it was
        self._after = after
        self.resumed = after.end > 0
        self.chain = Chain(ring, ledger.head(directory), after)  # first the head: it may not be ahead of the lines

    def __iter__(self) -> Iterator[Line]:
        began = time.monotonic()
        for count, (end, text) in enumerate(ledger.lines(self._directory, self._after.end), 1):
            line = self.chain.line(text, end)
            if line is not None:
                yield line
            if self._gently and count % LINES_AT_ONCE == 0:
                time.sleep(min(time.monotonic() - began, 0.02))
                began = time.monotonic()
        self.chain.over()


class Catalogue:
    def __init__(self, directory: Path, ring: KeyRing) -> None:
        self._directory = directory
        self._ring = ring

    def reading(self, after: Place = START, *, gently: bool = False) -> Reading:
        return Reading(self._directory, self._ring, after, gently=gently)

    def place_of_last(self, count: int) -> int:
        """The offset behind which the last so many lines are."""
        last = 0
        for at, _ in itertools.islice(ledger.newest(self._directory), count):
            last = at
        return last

    # -------------------------------------------------------------- which there are

    def newest(self, limit: int, agent: str = "", call: str = "") -> list[Known]:
        """The newest so many, also those that are deleted."""
        named, of_call = json.dumps(agent).encode(), f'"interaction":{json.dumps(call)}'.encode()
        found: list[Known] = []
        oldest = 0
        for at, text in ledger.newest(self._directory):
            if _RECORDED not in text or (agent and named not in text) or (call and of_call not in text):
                continue
            each = _known(text)
            if each is None or (agent and agent not in agents_of(each.line)):
                continue
            found.append(each)
            oldest = at
            if len(found) >= limit:
                break
        return self._with_deletions(found, oldest)

    def files(self, numbers: Collection[str]) -> dict[str, list[Known]]:
        """Of these recordings all files, in order; a number that nobody knows is left out."""
        asked = frozenset(each.encode() for each in numbers)
        calls: dict[str, bytes] = {}
        for _, text in ledger.lines(self._directory):
            number = _NUMBER.search(text) if _RECORDED in text else None
            of_call = _CALL.search(text) if number is not None and number[1] in asked else None
            if number is not None and of_call is not None:
                calls[number[1].decode()] = of_call[1]
        wanted = frozenset(calls.values())
        if not wanted:
            return {}
        by_call: dict[str, list[Known]] = {}
        begin = -1  # of the first of them
        for end, text in ledger.lines(self._directory):
            of_call = _CALL.search(text) if _RECORDED in text else None
            each = _known(text) if of_call is not None and of_call[1] in wanted else None
            if each is not None:
                begin = max(end - len(text) - 1, 0) if begin < 0 else begin
                files = by_call.setdefault(str(each.line["interaction"]), [])
                if len(files) < MOST_FILES:
                    files.append(each)
        by_call = {name: self._with_deletions(files, begin) for name, files in by_call.items()}
        return {number: family(by_call.get(call.decode(), []), number) for number, call in calls.items()}

    def _with_deletions(self, files: list[Known], begin: int) -> list[Known]:
        paths = {each.path: each for each in files}
        gone: dict[str, str] = {}
        for _, text in ledger.lines(self._directory, begin) if files else ():
            if _DELETED in text:
                line = _parsed(text)
                if line is not None and str(line.get("path")) in paths:
                    gone[str(line["path"])] = str(line.get("because", "")) or "deleted"
        return [known(each.line, gone.get(each.path, "")) for each in files]


def agents_of(line: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(str(mark["detail"]) for mark in line["marks"] if mark["mark"] == "agent"))


def _parsed(text: bytes) -> Line | None:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def _known(text: bytes) -> Known | None:
    """None: this line was damaged; to say so is the business of `verify`."""
    try:
        return known(json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


class Inventory:
    """Which files should be here, by the manifest; on disk, for it may be a million. To be closed."""

    def __init__(self) -> None:
        self._sql = sqlite3.connect("")  # a file without a name, gone when this is closed
        self._sql.execute("CREATE TABLE kept (path TEXT PRIMARY KEY, recording TEXT, sha256 TEXT) WITHOUT ROWID")

    def __enter__(self) -> Inventory:
        return self

    def __exit__(self, *problem: object) -> None:
        self._sql.close()

    def line(self, line: Mapping[str, Any]) -> None:
        """In the order of the manifest."""
        what, path = line["what"], str(line.get("path"))
        if what == manifest.RECORDED:
            row = path, str(line["recording"]), str(line["sha256"])
            self._sql.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", row)
        elif what == manifest.DELETED:
            self._sql.execute("DELETE FROM kept WHERE path = ?", (path,))

    def __len__(self) -> int:
        return int(self._sql.execute("SELECT count(*) FROM kept").fetchone()[0])

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        """Path, recording, digest."""
        yield from self._sql.execute("SELECT path, recording, sha256 FROM kept ORDER BY path")

    def __contains__(self, path: object) -> bool:
        return self._sql.execute("SELECT 1 FROM kept WHERE path = ?", (path,)).fetchone() is not None
