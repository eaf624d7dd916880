"""What a REGISTER asks for, as data (RFC 3261 section 10.3 steps 6 and 7). No state here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from softswitch.sip.addresses import Addresses
from softswitch.sip.errors import SipError
from softswitch.sip.headers import parameter, parse_address
from softswitch.sip.message import Request
from softswitch.sip.messages import ContactBinding, Flow, SipSettings
from softswitch.sip.outbound import Contacts, Way, instance_of, same_flow, way_of
from softswitch.sip.uri import SECURE, ip_literal, parse_uri, printable

_SECONDS = re.compile(r"[0-9]{1,100}")
_Q = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


@dataclass(frozen=True, slots=True)
class WantedContact:
    uri: str
    seconds: int  # 0: remove
    q: float
    instance: str = ""
    reg_id: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """`everything_off` is `Contact: *`; no contacts at all is a query."""

    contacts: tuple[WantedContact, ...]
    everything_off: bool
    way: Way


def wanted_contacts(request: Request, settings: SipSettings) -> Wanted:
    """SipError 400, 403 or 423 when the request breaks the rules."""
    items = request.items("contact")
    way = way_of(request)
    header = request.headers.get("expires")
    if "*" in items:
        # RFC 3261 10.3 step 6: with "*", any additional Contact or an expiration time other than zero is a 400.
        if len(items) != 1 or header is None or not _SECONDS.fullmatch(header) or int(header) != 0:
            raise SipError(400, "Contact * needs Expires 0 and no company")
        return Wanted((), True, way)
    if len(items) > settings.max_contacts:
        raise SipError(403, "too many contacts")
    secure = request.flow.transport in SECURE
    found = tuple(_wanted(item, header, settings, secure, way.outbound) for item in items)
    if way.outbound and not any(contact.reg_id for contact in found):
        way = way._replace(outbound=False)  # RFC 5626 6: a reg-id without an instance, or 0, is ignored
    # RFC 5626 4.2.1: with a reg-id there is one contact only.
    if way.outbound and sum(1 for contact in found if contact.seconds) > 1:
        raise SipError(400, "several contacts with a reg-id")
    return Wanted(found, False, way)


def _wanted(item: str, header: str | None, settings: SipSettings, secure: bool, outbound: bool) -> WantedContact:
    address = parse_address(item)
    uri = parse_uri(address.uri)
    # RFC 4475 3.3.11 and 3.1.2.11: a URI with headers would let the registrant inject headers into our INVITEs.
    # It is stored and shown, so it is what the grammar says: ASCII.
    if (
        not address.uri.isascii()
        or uri.headers
        or (uri.scheme == "sips" and not secure)
        or uri.parameter("method") is not None
    ):
        raise SipError(400, "a contact that cannot be called")
    text = parameter(address.parameters, "expires")
    if text is None:
        text = header
    seconds = settings.max_expires_seconds
    # RFC 3261 20.19: "Malformed values SHOULD be treated as equivalent to 3600."
    if text is not None and _SECONDS.fullmatch(text):
        seconds = min(int(text), settings.max_expires_seconds)
    # RFC 3261 10.3 step 7: an interval that is shorter than the registrar's minimum is a 423 with Min-Expires.
    if 0 < seconds < settings.min_expires_seconds:
        raise SipError(423, "expiration too short", f"Min-Expires: {settings.min_expires_seconds}\r\n")
    q = parameter(address.parameters, "q")
    instance, reg_id = instance_of(address.parameters, outbound)
    quality = float(q) if q is not None and _Q.fullmatch(q) else 1.0
    return WantedContact(address.uri, seconds, quality, instance, reg_id)


def same_contact(one: str, two: str) -> bool:
    """RFC 3261 19.1.4, as far as it matters for a contact."""
    if one == two:
        return True
    left, right = parse_uri(one), parse_uri(two)
    return (left.user, left.host, left.port, left.parameter("transport")) == (
        right.user,
        right.host,
        right.port,
        right.parameter("transport"),
    )


def contact_flow(contact: WantedContact, way: Way, request: Request, addresses: Addresses) -> Flow:
    """Where calls to this contact go. Over TCP: the connection it registered on. Over UDP: the source address, which
    works through a NAT; but the port of the contact when its address is the source address, as RFC 3261 wants it. A
    flow of RFC 5626 is the source address alone; behind a Path it is the proxy that sent us the REGISTER."""
    flow = request.flow
    if flow.connection != 0 or contact.reg_id:
        return flow
    uri = parse_uri(way.path[0] if way.path else contact.uri)
    if ip_literal(uri.host) != flow.remote[0]:
        return flow
    port = uri.port or 5060
    if (uri.parameter("transport") or "udp").lower() == "tcp":
        return addresses.flow_to_address(flow.remote[0], port, "tcp") or flow
    if port == flow.remote[1]:
        return flow
    return Flow(flow.transport, flow.local, (flow.remote[0], port), 0)


def touches(contact: WantedContact, binding: ContactBinding) -> bool:
    """This contact of a REGISTER is about this binding."""
    if contact.reg_id and binding.reg_id:
        return same_flow(binding, contact.instance, contact.reg_id)
    return same_contact(binding.uri, contact.uri)


def merged(current: Contacts, news: list[ContactBinding], gone: Contacts, most: int) -> Contacts:
    """The contact list after a REGISTER; above the limit those go that would expire first."""
    kept = [binding for binding in current if binding not in gone]
    kept.sort(key=lambda binding: binding.expires_at)
    room = max(0, most - len(news))
    return (*kept[max(0, len(kept) - room) :], *news)


def call_id_of(request: Request) -> str:
    """The Call-ID as it is stored and compared: printable and bounded."""
    return printable(request.call_id)[:255]


def user_agent(request: Request) -> str:
    return printable(request.headers.get("user-agent", ""))[:128]
