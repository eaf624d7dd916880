"""SIP URIs (RFC 3261 section 19.1): parse, escape, and IP literals.

Only what a user agent needs: scheme, user, host, port, parameters. Parsing is strict and linear (possessive
quantifiers); results are cached because the same few URIs come again and again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote, unquote

from softswitch.sip.errors import SipError

_URI = re.compile(
    r"(sips?):"
    r"(?:([^@\s<>\"]++)@)?"
    r"(\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9_.-]++)"
    r"(?::([0-9]{1,5}))?"
    r"((?:;[^;?\s<>\"@]++)*+)"
    r"(\?[^\s<>\"]*+)?",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+:")
_TEL = re.compile(r"tel:([0-9A-Da-d+*#().-]++)(?:;[^\s<>\"@]*+)?", re.IGNORECASE)
SECURE = ("tls", "wss")  # transports that a sips: URI may go over
# Also what turns the direction of the text: a name ends where it ends, and what stands behind it is ours.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
MAX_URI = 2048


@dataclass(frozen=True, slots=True)
class SipUri:
    """`host` is lower case, without brackets; `port` 0 when not given; `parameters` as written."""

    scheme: str
    user: str
    host: str
    port: int
    parameters: str
    headers: str

    def parameter(self, name: str) -> str | None:
        for item in self.parameters.split(";"):
            key, _, value = item.partition("=")
            if key.lower() == name:
                return value
        return None


@lru_cache(maxsize=4096)
def parse_uri(text: str) -> SipUri:
    """A sip: or sips: URI; SipError 416 for another scheme, 400 for anything malformed."""
    match = _URI.fullmatch(text) if len(text) <= MAX_URI else None
    if match is None:
        if _SCHEME.match(text) and not text[:5].lower().startswith(("sip:", "sips:")):
            raise SipError(416, "unknown URI scheme")
        raise SipError(400, "malformed URI")
    scheme, userinfo, host, port, parameters, headers = match.groups()
    number = int(port) if port else 0
    if number > 65535 or (port and number == 0):
        raise SipError(400, "port of a URI out of range")
    if host.startswith("["):
        host = host[1:-1]
        if ":" not in host or ip_literal(host) is None:
            raise SipError(400, "malformed IPv6 literal")
    user = (userinfo or "").partition(":")[0]
    return SipUri(scheme.lower(), user, host.lower(), number, parameters, headers or "")


@lru_cache(maxsize=4096)
def ip_literal(host: str) -> str | None:
    """The address in its normal form when `host` is an IP literal, else None."""
    try:
        address: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        return None
    return str(address)


def dialled_number(text: str) -> str:
    """The user part of a request URI, unescaped, without user parameters; also of a tel: URI."""
    tel = _TEL.fullmatch(text)
    if tel is not None:
        return tel[1]
    return plain_text(parse_uri(text).user.partition(";")[0])


def plain_text(escaped: str) -> str:
    """Unescape, and drop what cannot be printed or would break a header line."""
    return printable(unquote(escaped) if "%" in escaped else escaped)


def printable(text: str) -> str:
    """Without control characters, line separators and undecodable bytes."""
    return text if text.isascii() and text.isprintable() else _UNPRINTABLE.sub("", text)


@lru_cache(maxsize=4096)
def escape_user(text: str) -> str:
    """Any text as the user part of a URI."""
    return quote(text.encode("utf-8", "replace"), safe="-_.!~*'()&=+$,;?/")


def is_sips(text: str) -> bool:
    return text[:5].lower() == "sips:"


def host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
