"""The manifest: one line for everything that becomes of recordings, each sealed with the line before it.

A line is a JSON object: `n` its number, `at` the wall-clock time, `what` happened (recorded, heard, exported, deleted,
key) to which `recording`, `before` the seal of the line before, and `seal`: HMAC-SHA256 over all of that, keyed by the
recording key whose id is in `key` (without one: SHA-256 alone, which shows accidents, not forgery). A line that is
changed, left out or put elsewhere breaks the chain from there on.
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


def _seal(body: Mapping[str, Any], ring: KeyRing) -> str:
    text = _dumps({name: value for name, value in body.items() if name != "seal"}).encode()
    key = str(body.get("key", ""))
    if not key:
        return hashlib.sha256(text).hexdigest()
    secret = ring.secret(key, "manifest")
    return hmac.new(secret, text, hashlib.sha256).hexdigest() if secret else ""


def next_line(last: str, at: float, what: str, facts: Mapping[str, Any], ring: KeyRing) -> str:
    """The line that follows the line `last` ("": it is the first), without a line break."""
    number, before = 0, ""
    if last:
        try:
            document = json.loads(last)
            number, before = int(document["n"]), str(document["seal"])
        except (ValueError, KeyError, TypeError):  # a torn line: the break shows for ever
            number, before = 0, "torn"
    body = {**facts, "n": number + 1, "at": round(at, 3), "what": what, "before": before, "key": ring.use}
    body["seal"] = _seal(body, ring)
    return _dumps(body)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the line at this place (1 is the first)."""

    place: int
    what: str


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
