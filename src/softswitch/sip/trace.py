"""Every SIP message of the last minutes, as bytes with their way and time; nothing is looked at until somebody asks.

What is handed out is masked in place (the length stays): answers to digest challenges, keys of SRTP, digits in INFO.
Over TCP an entry is what one read brought, usually one message.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from softswitch.sip.messages import Flow

KEEP_SECONDS = 900.0
KEEP_BYTES = 32 * 1024 * 1024
_ENTRY_BYTES = 200  # beside the message itself
_CALL_ID = re.compile(rb"(?:^|\n)(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_SECRETS = re.compile(
    rb"(?:\b(?:response|cnonce)[ \t]*=[ \t]*\"?|\ninline:|a=crypto:[^\r\n]*?inline:)([0-9A-Za-z+/=]+)", re.IGNORECASE
)
_DIGIT_TYPE = re.compile(rb"\n(?:content-type|c)[ \t]*:[ \t]*application/dtmf", re.IGNORECASE)
_SIGNAL = re.compile(rb"((?:^|[\r\n])[ \t]*signal[ \t]*=[ \t]*)[0-9A-D*#]+", re.IGNORECASE)


class Traced(NamedTuple):
    """`at` is monotonic seconds."""

    at: float
    outgoing: bool
    flow: Flow
    data: bytes


class Trace:
    """A ring, bounded in time and in bytes."""

    __slots__ = ("_bytes", "_keep_bytes", "_keep_seconds", "_ring")

    def __init__(self, keep_seconds: float = KEEP_SECONDS, keep_bytes: int = KEEP_BYTES) -> None:
        self._ring: deque[Traced] = deque()
        self._bytes = 0
        self._keep_seconds = keep_seconds
        self._keep_bytes = keep_bytes

    def __len__(self) -> int:
        return len(self._ring)

    def note(self, at: float, outgoing: bool, flow: Flow, data: bytes) -> None:
        ring = self._ring
        ring.append(Traced(at, outgoing, flow, data))
        self._bytes += len(data) + _ENTRY_BYTES
        oldest = at - self._keep_seconds
        while self._bytes > self._keep_bytes or ring[0].at < oldest:
            self._bytes -= len(ring.popleft().data) + _ENTRY_BYTES

    def of(self, call_ids: Iterable[str]) -> list[Traced]:
        """What went in and out with one of these Call-IDs, masked, in order."""
        wanted = [call_id.encode("utf-8", "surrogateescape") for call_id in call_ids]
        found = []
        for entry in self._ring:
            # Most entries belong to other calls: a plain search first.
            if any(one in entry.data for one in wanted):
                match = _CALL_ID.search(entry.data)
                if match is not None and match[1].strip() in wanted:
                    found.append(entry._replace(data=masked(entry.data)))
        return found


def masked(data: bytes) -> bytes:
    """Without secrets, as long as before."""

    def stars(match: re.Match[bytes]) -> bytes:
        return match[0][: match.start(1) - match.start()] + b"*" * len(match[1])

    head, blank, body = data.partition(b"\r\n\r\n")
    if body and _DIGIT_TYPE.search(head) is not None:
        whole = _SIGNAL.sub(lambda match: match[1] + b"*" * (len(match[0]) - len(match[1])), body)
        body = whole if whole != body else b"*" * len(body)
    return _SECRETS.sub(stars, head) + blank + _SECRETS.sub(stars, body)
