"""The manifest: one line for everything that becomes of recordings, each sealed with the line before it.

A line is a JSON object: `n` its number, `at` the wall-clock time, `what` happened (recorded, heard, exported, deleted,
key) to which `recording`, `before` the seal of the line before, and `seal`: HMAC-SHA256 over all of that, keyed by the
recording key whose id is in `key` (without one: SHA-256 alone, which shows accidents, not forgery). A line that is
changed, left out or put elsewhere breaks the chain from there on.

Beside it stands the head: number and seal of the last line, sealed by the same key. It shows lines that were cut off at
the end. It may be some lines behind (who wrote died in between), but never ahead, and it was there before the first.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from softswitch.media.recording.crypt import KeyRing

RECORDED: Final = "recorded"
HEARD: Final = "heard"
EXPORTED: Final = "exported"
DELETED: Final = "deleted"
MOST_FAULTS: Final = 1000  # that are listed
_dumps = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the line at this place (1 is the first)."""

    place: int
    what: str


@dataclass(frozen=True, slots=True)
class Place:
    """Behind a line: where it ends in the file, which one it is there, its number and its seal."""

    end: int = 0
    line: int = 0
    number: int = 0
    seal: str = ""
    keyed: bool = False  # a line up to here was sealed by a key


START: Final = Place()


def _seal(body: Mapping[str, Any], ring: KeyRing) -> str:
    key = str(body.get("key", ""))
    return _sealed(body, _secret(key, ring))


def _secret(key: str, ring: KeyRing) -> bytes | None:
    return (ring.secret(key, "manifest") or None) if key else b""


def _sealed(body: Mapping[str, Any], secret: bytes | None) -> str:
    """With an empty secret the digest alone; without one nobody can tell."""
    text = _dumps({name: value for name, value in body.items() if name != "seal"}).encode()
    if secret is None:
        return ""
    return hmac.digest(secret, text, "sha256").hex() if secret else hashlib.sha256(text).hexdigest()


def head_of(line: str, ring: KeyRing) -> str:
    """The head when this is the last line; "": there is none yet."""
    document = json.loads(line) if line else {"n": 0, "seal": ""}
    body = {"n": document["n"], "last": document["seal"], "key": ring.use}
    return _dumps({**body, "seal": _seal(body, ring)})


def _known(head: str, ring: KeyRing) -> tuple[int, str, str]:
    """Number and seal that a head speaks of (-1: it cannot be believed), and what is wrong with it."""
    try:
        document = json.loads(head)
        number, last, seal = int(document["n"]), str(document["last"]), str(document["seal"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return -1, "", "is missing" if not head else "cannot be read"
    if not hmac.compare_digest(_seal(document, ring), seal):
        return -1, "", "was changed, or its key is not among ours"
    if ring.use and not document["key"]:
        return number, last, "is not sealed by a key, as the next line will be"
    return number, last, ""


def next_line(last: str, at: float, what: str, facts: Mapping[str, Any], ring: KeyRing, head: str | None = None) -> str:
    """The line that follows the line `last` ("": it is the first), without a line break. A head that does not belong to
    it breaks the chain here, so that it shows for ever."""
    number, before = 0, ""
    if last:
        try:
            document = json.loads(last)
            number, before = int(document["n"]), str(document["seal"])
        except (ValueError, KeyError, TypeError):  # a torn line: the break shows for ever
            number, before = 0, "torn"
    if head is not None:
        known, seal, _ = _known(head, ring)
        if known < 0 or known > number or (known == number and seal != before):
            number, before = max(known, number), "torn"
    body = {**facts, "n": number + 1, "at": round(at, 3), "what": what, "before": before, "key": ring.use}
    body["seal"] = _seal(body, ring)
    return _dumps(body)


class Chain:
    """The lines as they are read, one after another: each is checked, none is kept. `after`: those up to that place
    were checked before. `head` is the one that was there before the first of them was read."""

    def __init__(self, ring: KeyRing, head: str, after: Place = START) -> None:
        self._ring = ring
        self._secrets: dict[str, bytes | None] = {}
        self._head = head
        self._known, self._last, self._head_wrong = _known(head, ring)
        self._met = not self._head_wrong and (self._known < after.number or self._is_head(after.number, after.seal))
        self.place = after
        self.faults: list[Fault] = []
        self.more = 0  # faults that are not listed

    def _is_head(self, number: int, seal: str) -> bool:
        return number == self._known and seal == self._last

    def line(self, text: bytes, end: int) -> dict[str, Any] | None:
        """The line that ends at this offset; None when it cannot be read."""
        before = self.place
        place = before.line + 1
        try:
            line = json.loads(text)
            if not isinstance(line, dict) or not isinstance(line["n"], int) or not isinstance(line["seal"], str):
                raise ValueError
        except (ValueError, KeyError, RecursionError):
            self._fault(place, "cannot be read")
            self.place = replace(before, end=end, line=place)
            return None
        if line["n"] != before.number + 1 or line.get("before") != before.seal:
            self._fault(place, "does not follow the line before it: lines were left out, moved or changed")
        key = str(line.get("key") or "")
        if before.keyed and not key:
            self._fault(place, "is not sealed by a key, as the lines before it are")
        if key not in self._secrets:
            self._secrets[key] = _secret(key, self._ring)
        seal = _sealed(line, self._secrets[key])
        if not seal:
            self._fault(place, f'is sealed with the key "{key}", which is not among ours')
        elif not hmac.compare_digest(seal, line["seal"]):
            self._fault(place, "was changed")
        self.place = Place(end, place, line["n"], line["seal"], before.keyed or bool(key))
        self._met = self._met or self._is_head(line["n"], line["seal"])
        return line

    def over(self) -> None:
        """That was the last line: does the head belong to them?"""
        place, head = self.place.line, self._known
        if not place and not self._head:
            return
        if self._head_wrong:
            text = f"the head {self._head_wrong}: whether lines were cut off behind this one cannot be known"
            self._fault(place, text)
        elif head > self.place.number:
            self._fault(place, f"lines were cut off behind this one: the last one that is known has the number {head}")
        elif head and not self._met:
            self._fault(place, f"line number {head} is not the one that the head knows")

    def _fault(self, place: int, what: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(place, what))
        else:
            self.more += 1
