"""Typed header values (RFC 3261 sections 20 and 25): addresses, lists, CSeq, parameters.

Values arrive as the raw text of a header (unfolded, stripped). Repeated headers arrive joined with a line feed,
which no raw value can contain. Every pattern is linear in its input.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from softswitch.sip.errors import SipError

_QUOTED = r"\"(?:[^\"\\]++|\\.)*+\""
_PARAMETERS = r"(?:\s*+;\s*+[^\s;=\"<>,@]++(?:\s*+=\s*+(?:\[[0-9A-Fa-f:.]++\]|[^\s;\"<>,]++|" + _QUOTED + r"))?+)*+\s*+"
_NAME_ADDR = re.compile(r"(?:(" + _QUOTED + r")|([^<>\",;:]*+))\s*+<([^<>\s]++)>(" + _PARAMETERS + ")", re.DOTALL)
_ADDR_SPEC = re.compile(r"([^\s<>\",;?]++)(" + _PARAMETERS + ")")
_LIST_ITEM = re.compile(r"(?:[^,\"<\n]++|" + _QUOTED + r"|<[^>\n]*+>)++", re.DOTALL)
_CSEQ = re.compile(r"([0-9]{1,20})\s++(\S++)")
_TAG = re.compile(r";\s*+tag\s*+=\s*+([^\s;\"<>,]++)", re.IGNORECASE)
_QUOTED_TEXT = re.compile(_QUOTED, re.DOTALL)
_PARAMETER = re.compile(r";\s*+([^\s;=\"<>,]++)(?:\s*+=\s*+(" + _QUOTED + r"|[^\s;\"<>,]*+))?+", re.DOTALL)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]++")
_MAX_SEQUENCE = 2**31


class Address(NamedTuple):
    """name-addr or addr-spec with header parameters, as in From, To, Contact and Route."""

    display: str
    uri: str
    parameters: str
    tag: str


class CSeq(NamedTuple):
    number: int
    method: str


def parse_address(text: str) -> Address:
    match = _NAME_ADDR.fullmatch(text)
    if match is not None:
        quoted, display, uri, parameters = match.groups()
        if quoted:
            display = unquote_string(quoted)
        else:
            display = display.strip()
    else:
        # RFC 3261 20.10: without angle brackets, all parameters after the URI are header parameters.
        match = _ADDR_SPEC.fullmatch(text)
        if match is None or ":" not in match[1]:
            raise SipError(400, "malformed address")
        display, uri, parameters = "", match[1], match[2]
    tag = ""
    if parameters:
        found = _TAG.search(parameters if '"' not in parameters else _QUOTED_TEXT.sub('""', parameters))
        if found is not None:
            tag = found[1]
    return Address(display, uri, parameters, tag)


def split_list(value: str) -> list[str]:
    """The items of a comma-separated header (all its lines)."""
    if "," not in value and "\n" not in value:
        return [value]
    items: list[str] = []
    position = 0
    for match in _LIST_ITEM.finditer(value):
        if value[position : match.start()].strip(", \t\n"):
            raise SipError(400, "malformed list")
        item = match[0].strip()
        if item:
            items.append(item)
        position = match.end()
    if value[position:].strip(", \t\n"):
        raise SipError(400, "malformed list")
    return items


def parse_cseq(text: str) -> CSeq:
    match = _CSEQ.fullmatch(text)
    if match is None:
        raise SipError(400, "malformed CSeq")
    number = int(match[1])
    # RFC 3261 8.1.1.5: "The sequence number value MUST be expressible as a 32-bit unsigned integer and MUST be
    # less than 2**31."
    if number >= _MAX_SEQUENCE:
        raise SipError(400, "CSeq out of range")
    return CSeq(number, match[2])


def parameter(parameters: str, name: str) -> str | None:
    """The value of one `;name=value`; '' when it has no value, None when absent."""
    for key, value in _PARAMETER.findall(parameters):
        if key.lower() == name:
            return unquote_string(value) if value.startswith('"') else value
    return None


def unquote_string(text: str) -> str:
    inner = text[1:-1]
    return _PAIR.sub(r"\1", inner) if "\\" in inner else inner


def quote_string(text: str) -> str:
    """Any text as a quoted-string; the caller made it printable."""
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
