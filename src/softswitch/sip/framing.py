"""Messages out of a byte stream (RFC 3261 section 18.3): any cut, pipelined, bounded.

    SEEKING ──head complete──► BODY ──Content-Length bytes──► SEEKING
       └─ head too long, no or bad Content-Length, body too long ─► BROKEN (400 if possible, then close)

CRLF before a message is skipped; CRLFCRLF between messages is a keep-alive ping (RFC 5626 section 3.5.1).
"""

from __future__ import annotations

import re

from softswitch.sip.errors import SipError
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import Flow
from softswitch.sip.parser import MAX_HEAD, Malformed, ParseFailed, parse_framed

_CONTENT_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*+:[ \t\r\n]*+([^\r\n]*+)", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]{1,9}[ \t]*+")


class StreamFramer:
    """One TCP connection's bytes. Once `broken`, it takes no more."""

    __slots__ = ("_body", "_buffer", "_flow", "_head", "_limit", "_searched", "broken", "pings")

    def __init__(self, flow: Flow, limit: int) -> None:
        self._flow = flow
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0
        self._head: bytes | None = None
        self._body = 0
        self.broken = False
        self.pings = 0

    @property
    def partial(self) -> bool:
        """A message has begun and is not complete."""
        return self._head is not None or bool(self._buffer.lstrip(b"\r\n"))

    def feed(self, data: bytes) -> None:
        if not self.broken:
            self._buffer += data

    def next_message(self) -> Request | Response | None:
        """The next complete message, or None until more bytes come. SipError when it is malformed; the stream
        goes on behind it unless `broken`."""
        if self.broken:
            return None
        if self._head is None and not self._take_head():
            return None
        head = self._head
        assert head is not None
        if len(self._buffer) < self._body:
            return None
        body = bytes(self._buffer[: self._body])
        del self._buffer[: self._body]
        self._head = None
        return parse_framed(head, body, self._flow)

    def _take_head(self) -> bool:
        buffer = self._buffer
        if buffer.startswith((b"\r", b"\n")):
            self._skip_blank_lines()
        end = buffer.find(b"\r\n\r\n", self._searched)
        if end < 0:
            self._searched = max(0, len(buffer) - 3)
            if len(buffer) > min(MAX_HEAD, self._limit):
                self._break()
                raise ParseFailed("head too long")
            return False
        head = bytes(buffer[:end])
        del buffer[: end + 4]
        self._searched = 0
        self._body = self._length_of_body(head)
        self._head = head
        return True

    def _skip_blank_lines(self) -> None:
        buffer = self._buffer
        count = 0
        while count < len(buffer) and buffer[count] in b"\r\n":
            count += 1
        # RFC 5626 4.4.1: the ping is a double CRLF; a lone CRLF is only skipped.
        if count % 4 and count == len(buffer):
            count -= count % 4
        self.pings += count // 4
        del buffer[:count]
        self._searched = 0

    def _length_of_body(self, head: bytes) -> int:
        # RFC 3261 18.3: "If the transport is stream-oriented, the Content-Length header field MUST be used to
        # determine the length of the body." Without exactly one good value there is no next message.
        values = _CONTENT_LENGTH.findall(head)
        problem = ""
        if len(values) != 1 or _DIGITS.fullmatch(values[0]) is None:
            problem = "no usable Content-Length on a stream"
        elif len(head) + int(values[0]) > self._limit:
            problem = "message too long"
        if not problem:
            return int(values[0])
        self._break()
        message: Request | Response
        try:
            message = parse_framed(head, b"", self._flow)
        except SipError as error:
            raise error from None
        if isinstance(message, Request):
            raise Malformed(513 if problem == "message too long" else 400, problem, message)
        raise ParseFailed(problem)

    def _break(self) -> None:
        self.broken = True
        self._buffer.clear()
