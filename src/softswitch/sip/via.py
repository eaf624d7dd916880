"""The topmost Via: transaction key and the way back (RFC 3261 sections 17.2.3 and 18.2, RFC 3581).

A response to UDP goes to the address the request came from: to the source port when the client asked with
`rport`, else to the port of sent-by. `maddr` is not obeyed and names are not resolved: nobody makes us send to a
third party.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from softswitch.sip.errors import SipError
from softswitch.sip.messages import Flow
from softswitch.sip.uri import ip_literal

_FAST = re.compile(
    r"SIP/2\.0/([A-Za-z]++) (\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9_.-]++)(?::([0-9]{1,5}))?+((?:;[^\s;,\"]++)*+)"
)
_PARAMETER = r"[^\s;=\",]++(?:\s*+=\s*+(?:\[[0-9A-Fa-f:.]++\]|[^\s;\",]++|\"(?:[^\"\\]++|\\.)*+\"))?+"
_SLOW = re.compile(
    r"SIP\s*+/\s*+2\.0\s*+/\s*+([A-Za-z0-9.!%*_+`'~-]++)\s++(\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9_.-]++)"
    r"(?:\s*+:\s*+([0-9]{1,5}))?+((?:\s*+;\s*+" + _PARAMETER + r")*+)\s*+",
    re.IGNORECASE,
)
_FIRST_ITEM = re.compile(r"(?:[^,\"\n]++|\"(?:[^\"\\]++|\\.)*+\")++")
_BRANCH = re.compile(r";\s*+branch\s*+=\s*+([^\s;,\"]++)", re.IGNORECASE)
_RPORT = re.compile(r";\s*+rport(?:\s*+=\s*+[0-9]*+)?+(?=\s*+(?:;|\Z))", re.IGNORECASE)
_RECEIVED = re.compile(r";\s*+received\s*+=[^;]*+", re.IGNORECASE)


class Via(NamedTuple):
    host: str
    port: int  # 0 when sent-by has none
    branch: str
    rport: bool
    text: str  # the first item as it came
    rest: str  # what follows it (more lines, more items)


def parse_via(value: str) -> Via:
    match = _FAST.match(value)
    if match is not None:
        end = match.end()
        if end != len(value) and value[end] != "\n" and value[end] != ",":
            match = None
    if match is None:
        first = _FIRST_ITEM.match(value)
        if first is None:
            raise SipError(400, "malformed Via")
        end = first.end()
        match = _SLOW.fullmatch(first[0].strip())
        if match is None:
            raise SipError(400, "malformed Via")
    _, host, port, parameters = match.groups()
    branch = ""
    rport = False
    if parameters:
        found = _BRANCH.search(parameters)
        if found is not None:
            branch = found[1]
        rport = "rport" in parameters and _RPORT.search(parameters) is not None
    number = int(port) if port else 0
    if number > 65535:
        raise SipError(400, "port of Via out of range")
    return Via(host, number, branch, rport, value[:end].strip(), value[end:])


def _same_address(sent_by: str, source: str) -> bool:
    """An IPv6 address has many spellings (RFC 5118 4.5 is about one of them)."""
    return sent_by.startswith("[") and ip_literal(sent_by[1:-1]) == ip_literal(source)


def stamp(via: Via, flow: Flow) -> str:
    """All Via lines of the response: as they came, with `received` and `rport` in the topmost."""
    text = via.text
    host, port = flow.remote
    # RFC 3581 4: "it MUST set the value of the parameter to the source port of the request [and] MUST insert a
    # received parameter containing the source IP address that the request came from, even if it is identical to
    # the value of the sent-by component."
    if via.rport:
        if ";received=" in text:
            text = _RECEIVED.sub("", text)
        text = f"{_RPORT.sub('', text)};received={host};rport={port}"
    # RFC 3261 18.2.1: "If the host portion of the sent-by parameter contains a domain name, or if it contains an IP
    # address that differs from the packet source address, the server MUST add a received parameter"
    elif via.host != host and not _same_address(via.host, host):
        text = f"{_RECEIVED.sub('', text)};received={host}"
    if not via.rest:
        return f"Via: {text}\r\n"
    lines = [text, *via.rest.lstrip(", \t").strip().split("\n")]
    return "".join(f"Via: {line}\r\n" for line in lines if line)


def way_back(via: Via, flow: Flow) -> Flow:
    """Where responses to this request go."""
    if flow.connection != 0 or via.rport:
        return flow
    port = via.port or 5060
    if flow.remote[1] == port:
        return flow
    return Flow(flow.transport, flow.local, (flow.remote[0], port), 0)
