"""Message bodies (RFC 3261 section 7.4, RFC 2046): the session description, and digits in INFO."""

from __future__ import annotations

import re

from softswitch.sip.errors import SipError
from softswitch.sip.headers import parameter
from softswitch.sip.message import Message, Request

ACCEPT = "Accept: application/sdp, multipart/mixed\r\n"
ACCEPT_INFO = "Accept: application/dtmf-relay, application/dtmf\r\n"
MAX_PARTS = 8
_SIGNAL = re.compile(
    rb"(?:^|[\r\n])[ \t]*+signal[ \t]*+=[ \t]*+"
    rb"\"?([0-9A-Da-d*#!]|1[0-6]|star|pound|hash|flash)\"?[ \t]*+(?:[\r\n,;]|$)",
    re.IGNORECASE,
)
# RFC 4733 3.2: the numbers of the keys behind 9; a hook flash is no key
_SIGNAL_CODES = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D", "16": ""}
_SIGNAL_CODES |= {"STAR": "*", "POUND": "#", "HASH": "#", "FLASH": "", "!": ""}
_NORTEL = re.compile(rb"(?:^|[\r\n])[ \t]*+d=[ \t]*+([0-9A-Da-d*#])[ \t]*+(?:[\r\n]|$)")
_BARE_DIGIT = re.compile(rb"\s*+([0-9A-Da-d*#])\s*+")


def session_description(message: Message) -> bytes | None:
    """The SDP of a message, None when it has no body. SipError 415 for a body we do not understand."""
    body = message.body
    if not body:
        return None
    encoding = message.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        # RFC 3261 8.2.3: "If there are any bodies whose type, language or encoding are not understood [...] the UAS
        # MUST reject the request with a 415 [...] Accept-Encoding".
        raise SipError(415, "unknown Content-Encoding", "Accept-Encoding: identity\r\n")
    kind = message.content_type()
    if kind == "application/sdp":
        return body
    if kind == "multipart/mixed":
        return _sdp_part(message)
    disposition = message.headers.get("content-disposition", "").lower()
    # RFC 3261 20.11: "If this parameter has the value 'optional', the UAS MUST ignore the message body".
    if "handling=optional" in disposition.replace(" ", ""):
        return None
    raise SipError(415, "unknown Content-Type", ACCEPT)


def answered_description(message: Message) -> bytes | None:
    """The SDP of a response; a body that is none of ours says nothing."""
    try:
        return session_description(message)
    except SipError:
        return None


def _sdp_part(message: Message) -> bytes | None:
    boundary = parameter(message.headers["content-type"], "boundary")
    if not boundary or len(boundary) > 70:
        raise SipError(400, "multipart without boundary")
    mark = b"\r\n--" + boundary.encode("utf-8", "surrogateescape")
    parts = (b"\r\n" + message.body).split(mark, MAX_PARTS + 1)
    if len(parts) > MAX_PARTS + 1:
        raise SipError(413, "too many body parts")
    for part in parts[1:]:
        if part.startswith(b"--"):
            break
        head, blank, content = part.partition(b"\r\n\r\n")
        if blank and re.search(rb"\r\nc(?:ontent-type)?[ \t]*+:[ \t]*+application/sdp", head, re.IGNORECASE):
            return content
    raise SipError(415, "multipart without a session description", ACCEPT)


def info_digit(request: Request) -> str | None:
    """The digit of an INFO; None for an INFO without one. SipError 415 for other bodies, 469 for packages."""
    package = request.headers.get("info-package")
    if package is not None:
        # RFC 6086 4.2.2: "If a UA receives an INFO request associated with an Info Package that the UA has not
        # indicated willingness to receive, the UA MUST send a 469 (Bad Info Package) response (see Section 11.6),
        # which contains a Recv-Info header field with Info Packages for which the UA is willing to receive INFO
        # requests."
        raise SipError(469, "unknown Info-Package", "Recv-Info:\r\n")
    if not request.body:
        return None
    kind = request.content_type()
    body = request.body[:256].rstrip(b"\0")
    if kind == "application/dtmf-relay":
        match = _SIGNAL.search(body)
    elif kind == "application/dtmf":
        match = _BARE_DIGIT.fullmatch(body) or _SIGNAL.search(body)
    elif kind == "application/vnd.nortelnetworks.digits":
        match = _NORTEL.search(body)
    else:
        raise SipError(415, "INFO with an unknown body", ACCEPT_INFO)
    if match is None:
        raise SipError(400, "INFO without a digit")
    signal = match[1].decode("ascii").upper()
    return _SIGNAL_CODES.get(signal, signal) or None
