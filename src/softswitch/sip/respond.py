"""Writing responses (RFC 3261 section 8.2.6): a shared head of copied raw lines, then concatenation."""

from __future__ import annotations

from softswitch.sip.errors import SipError
from softswitch.sip.message import Request
from softswitch.sip.via import stamp

REASONS = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    428: "Use Identity Header",
    433: "Anonymity Disallowed",
    436: "Bad Identity Info",
    437: "Unsupported Credential",
    438: "Invalid Identity Header",
    430: "Flow Failed",
    439: "First Hop Lacks Outbound Support",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}
_START = {status: f"SIP/2.0 {status} {reason}\r\n" for status, reason in REASONS.items()}

IN_DIALOG = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "PRACK", "UPDATE", "REFER", "SUBSCRIBE", "NOTIFY")
METHODS = (*IN_DIALOG, "MESSAGE", "REGISTER")
KNOWN_METHODS = frozenset((*METHODS, "PUBLISH"))
EXTENSIONS = ("timer", "100rel", "replaces", "norefersub")
SUPPORTED = f"Supported: {', '.join(EXTENSIONS)}\r\n"
ALLOW = f"Allow: {', '.join(IN_DIALOG)}\r\n{SUPPORTED}"
ALLOW_ALL = f"Allow: {', '.join(METHODS)}\r\n"
SDP_TYPE = "Content-Type: application/sdp\r\n"
END_WITHOUT_BODY = "Content-Length: 0\r\n\r\n"


def response_head(request: Request, tag: str) -> str:
    """Via, From, To, Call-ID and CSeq of every response to this request; `tag` is put into a To without one."""
    headers = request.headers
    to = headers["to"]
    if tag and not request.to.tag:
        to = f"{to};tag={tag}"
    return (
        f"{stamp(request.via, request.flow)}From: {headers['from']}\r\nTo: {to}\r\n"
        f"Call-ID: {headers['call-id']}\r\nCSeq: {headers['cseq']}\r\n"
    )


def record_routes(request: Request) -> str:
    """RFC 3261 12.1.1: the response that opens a dialog copies all Record-Route values in order."""
    value = request.headers.get("record-route")
    if not value:
        return ""
    return "Record-Route: " + value.replace("\n", "\r\nRecord-Route: ") + "\r\n"


def response(status: int, head: str, extra: str = "", body: bytes = b"") -> bytes:
    start = _START.get(status) or f"SIP/2.0 {status} {_class_reason(status)}\r\n"
    if not body:
        return f"{start}{head}{extra}{END_WITHOUT_BODY}".encode("utf-8", "surrogateescape")
    text = f"{start}{head}{extra}{SDP_TYPE}Content-Length: {len(body)}\r\n\r\n"
    return text.encode("utf-8", "surrogateescape") + body


def _class_reason(status: int) -> str:
    return REASONS.get(status // 100 * 100, "Failure")


def error_head(request: Request, tag: str) -> str:
    """Like `response_head`, for a request that may lack or break any of its headers: what is there is copied."""
    headers = request.headers
    try:
        vias = stamp(request.via, request.flow)
    except SipError:
        vias = "".join(f"Via: {line}\r\n" for line in headers.get("via", "").split("\n") if line)
    to = headers.get("to")
    if to is not None and "tag=" not in to.lower():
        to = f"{to};tag={tag}"
    copied = (
        ("From", headers.get("from")),
        ("To", to),
        ("Call-ID", headers.get("call-id")),
        ("CSeq", headers.get("cseq")),
    )
    return vias + "".join(f"{name}: {value}\r\n" for name, value in copied if value)
