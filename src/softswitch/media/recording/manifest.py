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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from softswitch.media.recording.crypt import KeyRing

RECORDED: Final = "recorded"
HEARD: Final = "heard"
EXPORTED: Final = "exported"
DELETED: Final = "deleted"
_dumps = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the line at this place (1 is the first)."""

    place: int
    what: str


def _seal(body: Mapping[str, Any], ring: KeyRing) -> str:
    text = _dumps({name: value for name, value in body.items() if name != "seal"}).encode()
    key = str(body.get("key", ""))
    if not key:
        return hashlib.sha256(text).hexdigest()
    secret = ring.secret(key, "manifest")
    return hmac.new(secret, text, hashlib.sha256).hexdigest() if secret else ""


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


def head_fault(lines: list[dict[str, Any]], head: str, ring: KeyRing) -> Fault | None:
    """Does the head, as it was before these lines were read, belong to them?"""
    if not lines and not head:
        return None
    number, last, wrong = _known(head, ring)
    place = len(lines)
    if wrong:
        return Fault(place, f"the head {wrong}: whether lines were cut off behind this one cannot be known")
    if number > (lines[-1]["n"] if lines else 0):
        return Fault(place, f"lines were cut off behind this one: the last one that is known has the number {number}")
    if number and not any(each["n"] == number and each["seal"] == last for each in lines):
        return Fault(place, f"line number {number} is not the one that the head knows")
    return None


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


def read(lines: Iterable[str], ring: KeyRing) -> tuple[list[dict[str, Any]], list[Fault]]:
    """The lines that can be read, and what is wrong with them."""
    found: list[dict[str, Any]] = []
    faults: list[Fault] = []
    before, number, keyed = "", 0, False
    for place, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            if not isinstance(line, dict) or not isinstance(line["n"], int) or not isinstance(line["seal"], str):
                raise ValueError
        except (ValueError, KeyError, RecursionError):
            faults.append(Fault(place, "cannot be read"))
            continue
        if line["n"] != number + 1 or line.get("before") != before:
            faults.append(Fault(place, "does not follow the line before it: lines were left out, moved or changed"))
        seal = _seal(line, ring)
        keyed = keyed or bool(line.get("key"))
        if keyed and not line.get("key"):
            faults.append(Fault(place, "is not sealed by a key, as the lines before it are"))
        if not seal:
            faults.append(Fault(place, f'is sealed with the key "{line.get("key")}", which is not among ours'))
        elif not hmac.compare_digest(seal, line["seal"]):
            faults.append(Fault(place, "was changed"))
        found.append(line)
        before, number = line["seal"], line["n"]
    return found, faults
