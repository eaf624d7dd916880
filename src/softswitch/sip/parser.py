"""Bytes of one message to `Request` or `Response` (RFC 3261 sections 7 and 25).

    datagram ──► head / body ──► start line + header lines ──► {name: raw value}
                                                     └─ anything wrong: Malformed (with the request, when it
                                                        can still be answered), else ParseFailed

The head is decoded once (UTF-8, foreign bytes kept by surrogateescape), split once and put into a dict; nothing
else is parsed here. A line feed or carriage return that is not part of CRLF is refused, so no raw value can
smuggle a header line into what we write.
"""

from __future__ import annotations

import re

from softswitch.sip.errors import SipError
from softswitch.sip.headers import TOKEN
from softswitch.sip.message import Headers, Message, Request, Response
from softswitch.sip.messages import Flow

MAX_HEADERS = 200
MAX_LINE = 8192
MAX_HEAD = 32768

_LONG_NAMES = (
    "Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Authorization "
    "Call-ID Call-Info Contact Content-Disposition Content-Encoding Content-Language Content-Length "
    "Content-Type CSeq Date Diversion Event Expires From Identity In-Reply-To Max-Forwards MIME-Version "
    "Min-Expires Min-SE Organization P-Asserted-Identity P-Preferred-Identity P-Charging-Vector Path "
    "Priority Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route "
    "Refer-To Referred-By Remote-Party-ID Replaces Reply-To Require Retry-After Route RSeq Server "
    "Service-Route Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State Supported Timestamp "
    "To Unsupported User-Agent Via Warning WWW-Authenticate"
)
_COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
_NAMES: dict[str, str] = {name: name.lower() for name in _LONG_NAMES.split()}
_NAMES.update({name.lower(): name.lower() for name in _LONG_NAMES.split()})
_NAMES.update(_COMPACT)
_NAMES.update({name.upper(): long for name, long in _COMPACT.items()})
# RFC 3261 7.3.1: only comma-separated headers may be repeated; a second one of these leaves us guessing.
_SINGLE_NAMES = (
    "call-id content-disposition content-encoding content-length content-type cseq date event expires "
    "from max-forwards mime-version min-expires min-se organization priority rack refer-to referred-by "
    "replaces reply-to retry-after rseq session-expires subject timestamp to user-agent"
)
_SINGLE = frozenset(_SINGLE_NAMES.split())

_REQUEST_LINE = re.compile(r"(\S++) (\S++) (\S++)")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: .*+)?", re.IGNORECASE)
_VERSION = re.compile(r"SIP/[0-9]{1,9}\.[0-9]{1,9}", re.IGNORECASE)
_FOLD = re.compile(r"[ \t]*+\r\n[ \t]++")
_LENGTH = re.compile(r"[0-9]{1,9}")


class Malformed(SipError):
    """A request that is broken but can be answered: it says where to and to whom."""

    def __init__(self, status: int, detail: str, request: Request) -> None:
        super().__init__(status, detail)
        self.request = request


class ParseFailed(SipError):
    """Not SIP, or nothing that could be answered: silence."""

    def __init__(self, detail: str) -> None:
        super().__init__(400, detail)


def parse_datagram(data: bytes, flow: Flow) -> Request | Response:
    """One UDP datagram. RFC 3261 18.3: bytes after the body are discarded; a body that is cut short is an error."""
    if data[:1] in b"\r\n":
        data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return _parse(data, b"", flow, "the head does not end")
    message = _parse(data[:end], data[end + 4 :], flow, "")
    length = message.headers.get("content-length")
    if length is not None:
        wanted = content_length(length, message)
        have = len(message.body)
        if wanted > have:
            raise _fault(message, 400, "body shorter than Content-Length")
        if wanted < have:
            message.body = message.body[:wanted]
    return message


def parse_framed(head: bytes, body: bytes, flow: Flow) -> Request | Response:
    """One message of a stream, already cut by `framing`."""
    return _parse(head, body, flow, "")


def content_length(text: str, message: Message) -> int:
    # RFC 3261 20.14: Content-Length is 1*DIGIT: no sign, no hexadecimal, no list.
    if _LENGTH.fullmatch(text) is None:
        raise _fault(message, 400, "malformed Content-Length")
    return int(text)


def _fault(message: Message, status: int, detail: str) -> SipError:
    if isinstance(message, Request):
        return Malformed(status, detail, message)
    return ParseFailed(detail)


def _parse(head: bytes, body: bytes, flow: Flow, problem: str) -> Request | Response:
    if len(head) > MAX_HEAD:
        raise ParseFailed("head too long")
    text = head.decode("utf-8", "surrogateescape")
    if "\r\n " in text or "\r\n\t" in text:
        # RFC 3261 7.3.1: a line that begins with white space continues the one before it.
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise ParseFailed("bare CR or LF")
    headers, trouble = _headers(lines)
    start = lines[0]
    if start[:4].upper() == "SIP/":
        status = _STATUS_LINE.fullmatch(start)
        if status is None or trouble or problem:
            raise ParseFailed(trouble or problem or "malformed status line")
        return Response(int(status[1]), headers, body, flow)
    line = _REQUEST_LINE.fullmatch(start)
    if line is None:
        # RFC 4475 3.1.2.8 and following: wrong spacing in the request line is a 400.
        words = start.split()
        if len(words) < 3 or TOKEN.fullmatch(words[0]) is None or _VERSION.fullmatch(words[-1]) is None:
            raise ParseFailed("malformed request line")
        request = Request(words[0], words[1], headers, body, flow)
        raise Malformed(400, "malformed request line", request)
    method, uri, version = line.groups()
    if not (method.isascii() and method.isalpha()) and TOKEN.fullmatch(method) is None:
        raise ParseFailed("malformed method")
    request = Request(method, uri, headers, body, flow)
    if version != "SIP/2.0" and version.upper() != "SIP/2.0":
        if _VERSION.fullmatch(version) is None:
            raise ParseFailed("malformed version")
        raise Malformed(505, "unknown SIP version", request)
    if trouble or problem:
        raise Malformed(400, trouble or problem, request)
    return request


def _headers(lines: list[str]) -> tuple[Headers, str]:
    """The header dict, and what is wrong with it ('' when nothing is)."""
    headers: Headers = {}
    trouble = ""
    if len(lines) > MAX_HEADERS:
        raise ParseFailed("too many headers")
    names = _NAMES
    first = True
    for line in lines:
        if first:
            first = False
            continue
        name, colon, value = line.partition(":")
        if len(value) > MAX_LINE:
            raise ParseFailed("header too long")
        key = names.get(name)
        if key is None:
            stripped = name.rstrip(" \t")
            if not colon or TOKEN.fullmatch(stripped) is None:
                trouble = "malformed header line"
                continue
            key = stripped.lower()
            key = names.get(key, key)
        elif not colon:
            trouble = "malformed header line"
            continue
        value = value.strip(" \t")
        if key in headers:
            if key in _SINGLE:
                trouble = f"{key} is repeated"
                continue
            value = f"{headers[key]}\n{value}"
        headers[key] = value
    return headers, trouble
