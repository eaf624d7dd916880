"""Every SIP message of the last minutes, as bytes with their way and time; nothing is looked at until somebody asks.

What is handed out is masked in place (the length stays): answers to digest challenges, keys of SRTP, digits in INFO.
Over TCP an entry is what one read brought, usually one message; it is taken apart when it is asked for.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from softswitch.sip.messages import Flow

KEEP_SECONDS = 900.0
KEEP_BYTES = 32 * 1024 * 1024
_ENTRY_BYTES = 200  # beside the message itself
_CALL_ID = re.compile(rb"(?:^|\n)(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_SECRETS = re.compile(
    rb"(?:\b(?:response|cnonce)[ \t]*=[ \t]*\"?|\binline:|\na=ice-pwd:)([0-9A-Za-z+/=]+)", re.IGNORECASE
)
_LENGTH = re.compile(rb"\n(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,9})", re.IGNORECASE)
_FIRST_LINE = re.compile(rb"SIP/2\.0 [0-9]{3} |(?<![A-Z])[A-Z]{1,32} [^\s]{1,4096} SIP/2\.0\r?\n")
_BLANK = re.compile(rb"\r?\n\r?\n")
_DIGITS = re.compile(rb"\A\s*INFO |\n(?:content-type|c)[ \t]*:\s*application/dtmf", re.IGNORECASE)
# The body of an INFO of which all but the key may be shown.
_RELAY = re.compile(
    rb"(?:[ \t]*+(?:signal[ \t]*+=[^\r\n,;]*+|duration[ \t]*+=[ \t]*+[0-9]*+)?+[\r\n,;]*+)*+", re.IGNORECASE
)
_SIGNAL = re.compile(rb"(signal[ \t]*=[ \t]*)([^\r\n,;]*)", re.IGNORECASE)
# Keys behind the number that a phone dials: <sip:+3725550001,,123%23@...>
_BEHIND = re.compile(rb"\b(?:sips?|tel):[^@,;>\s]{1,64},([^@;>\s]{1,200})", re.IGNORECASE)


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
                for message in messages_in(entry):
                    match = _CALL_ID.search(message)
                    if match is not None and match[1].strip() in wanted:
                        found.append(entry._replace(data=masked(message)))
        return found


def messages_in(entry: Traced) -> Iterator[bytes]:
    """What one read of a TCP connection brought may be several messages, and the end of one that began before."""
    data = entry.data
    if entry.flow.transport == "udp":
        yield data
        return
    while data:
        first = _FIRST_LINE.search(data)
        if first is None:  # a piece; whatever a stranger sends is read once
            yield data
            return
        data = data[first.start() :]
        blank = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, max(0, blank))
        end = len(data) if blank < 0 else blank + 4 + (int(length[1]) if length is not None else 0)
        yield data[:end]
        data = data[end:]


def begins_message(data: bytes) -> bool:
    """False: a piece of a message. What of it is a secret nobody can tell."""
    return _FIRST_LINE.match(data) is not None


def call_id_in(message: bytes) -> bytes:
    """Its Call-ID; empty when it has none."""
    found = _CALL_ID.search(message)
    return found[1].strip() if found is not None else b""


def masked(data: bytes) -> bytes:
    """Without secrets, as long as before."""

    def stars(match: re.Match[bytes]) -> bytes:
        return match[0][: match.start(1) - match.start()] + b"*" * len(match[1])

    end = _BLANK.search(data)
    head, body = (data, b"") if end is None else (data[: end.end()], data[end.end() :])
    if body and _DIGITS.search(head) is not None:
        whole = _SIGNAL.sub(lambda match: match[1] + b"*" * len(match[2]), body)
        body = whole if whole != body and _RELAY.fullmatch(body) else b"*" * len(body)
    return _BEHIND.sub(stars, _SECRETS.sub(stars, head)) + _SECRETS.sub(stars, body)
