"""What a REGISTER says of its way: Path (RFC 3327) and client-initiated flows (RFC 5626). No state here.

A phone with `+sip.instance` and `reg-id` may register several times, over flows of its own making. They are one
phone: it is called over the newest flow, and over the next one when that fails (430, no answer, connection gone).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from softswitch.sip.errors import SipError
from softswitch.sip.headers import parameter, parse_address
from softswitch.sip.message import Request
from softswitch.sip.messages import ContactBinding
from softswitch.sip.uri import parse_uri

MAX_PATHS = 5
MAX_PATH_LENGTH = 512
FLOW_SECONDS = 120  # how often a phone says that its flow is alive
REGISTER_EXTENSIONS = ("path", "outbound")
_INSTANCE = re.compile(r"<[\x21\x23-\x3b\x3d\x3f-\x5b\x5d-\x7e]{1,200}>")  # it goes between quotes in the 200
_REG_ID = re.compile(r"[0-9]{1,9}")

Contacts = tuple[ContactBinding, ...]


class Way(NamedTuple):
    """Of one REGISTER."""

    path: tuple[str, ...]
    outbound: bool  # the phone can do it, and so can all between it and us


def way_of(request: Request) -> Way:
    """SipError 400 for a Path that cannot be used, 439 when a proxy between us cannot do what the phone asks for."""
    options = [option.lower() for name in ("supported", "require") for option in request.items(name)]
    path: tuple[str, ...] = ()
    if "path" in request.headers:
        path = _paths(request)
    if "outbound" not in options or not _has_reg_id(request):
        return Way(path, False)
    # RFC 5626 6: with more than one Via the registrar has to see that the first hop can do outbound, by the parameter
    # "ob" in its Path value (the last one), and otherwise answers 439.
    if request.via.rest and (not path or parse_uri(path[-1]).parameter("ob") is None):
        raise SipError(439, "the first hop cannot do outbound")
    return Way(path, True)


def _paths(request: Request) -> tuple[str, ...]:
    values = request.items("path")
    if len(values) > MAX_PATHS:
        raise SipError(400, "too many Path values")
    paths = tuple(parse_address(value).uri for value in values)
    for text in paths:
        uri = parse_uri(text)
        # RFC 3327 5.1: the values are loose routes. They go into our requests as they are.
        if uri.headers or uri.parameter("lr") is None or not text.isascii() or len(text) > MAX_PATH_LENGTH:
            raise SipError(400, "a Path that cannot be used")
    return paths


def _has_reg_id(request: Request) -> bool:
    return any("reg-id" in item.lower() for item in request.items("contact"))


def instance_of(parameters: str, outbound: bool) -> tuple[str, int]:
    """`+sip.instance` and `reg-id` of a Contact; ("", 0) when it has none that can be used."""
    if "+sip.instance" not in parameters.lower():
        return "", 0
    instance = parameter(parameters, "+sip.instance") or ""
    number = parameter(parameters, "reg-id") or "" if outbound else ""
    if not _INSTANCE.fullmatch(instance):
        return "", 0
    return instance, int(number) if _REG_ID.fullmatch(number) else 0


def same_flow(one: ContactBinding, instance: str, reg_id: int) -> bool:
    """RFC 5626 6: instance and reg-id name the binding, whatever its URI."""
    return bool(reg_id) and one.instance == instance and one.reg_id == reg_id


def one_of_each(contacts: Contacts) -> Contacts:
    """Of each phone its newest flow, in the order of the list."""
    last = {binding.instance: place for place, binding in enumerate(contacts) if binding.reg_id}
    if len(last) == sum(1 for binding in contacts if binding.reg_id):
        return contacts
    return tuple(
        binding for place, binding in enumerate(contacts) if not binding.reg_id or last[binding.instance] == place
    )


def confirmation(request: Request, way: Way) -> str:
    """Lines of the 200: what was understood."""
    if not way.outbound and not way.path:
        return ""
    lines = ""
    if way.path and "path" in [option.lower() for option in request.items("supported")]:
        # RFC 3327 5.3: the 200 copies the Path values, when the phone understands them.
        lines += "Path: " + ", ".join(f"<{uri}>" for uri in way.path) + "\r\n"
    if way.outbound:
        # RFC 5626 6: the 200 requires "outbound" when it was done; 4.4: Flow-Timer says how often the flow has to be
        # used.
        lines += f"Require: outbound\r\nFlow-Timer: {FLOW_SECONDS}\r\n"
    return f"{lines}Supported: {', '.join(REGISTER_EXTENSIONS)}\r\n"
