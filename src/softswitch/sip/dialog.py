"""A dialog (RFC 3261 section 12): tags, CSeq, remote target, route set, and the flow requests go out on.

Requests inside a dialog are written from here. Where they go: on the given flow for a registered contact (it may
be behind a NAT); otherwise to the IP literal of the first route or remote target when that is the peer's source
address or a configured trunk, else back to the source address. Names are never resolved here.
"""

from __future__ import annotations

from collections.abc import Callable

from softswitch.sip.context import Context
from softswitch.sip.errors import SipError
from softswitch.sip.headers import parse_address
from softswitch.sip.message import Message, Request, Response
from softswitch.sip.messages import Flow
from softswitch.sip.respond import END_WITHOUT_BODY, SDP_TYPE
from softswitch.sip.uri import SECURE, ip_literal, is_sips, parse_uri

MAX_ROUTES = 20
IsTrusted = Callable[[str], str]  # a host -> the address we may send to, or nothing


class Dialog:
    """One peer-to-peer relationship. `local` and `remote` are complete From/To values with their tags."""

    __slots__ = (
        "call_id",
        "flow",
        "hops",
        "local",
        "local_seq",
        "local_tag",
        "remote",
        "remote_seq",
        "remote_tag",
        "routes",
        "secure",
        "target",
    )

    def __init__(self, call_id: str, local_tag: str, local: str, remote: str, target: str, flow: Flow) -> None:
        self.call_id = call_id
        self.local_tag = local_tag
        self.local = local
        self.remote = remote
        self.remote_tag = ""
        self.local_seq = 0
        self.remote_seq = -1
        self.target = target
        self.routes: tuple[str, ...] = ()
        self.secure = is_sips(target)
        self.flow = flow
        self.hops = 70  # Max-Forwards of the opening INVITE

    @classmethod
    def of_request(cls, request: Request, tag: str, trusted: IsTrusted) -> Dialog:
        """RFC 3261 12.1.1: the callee's side, from the INVITE."""
        target = request.contact_uri()
        if target is None:
            # RFC 3261 8.1.1.8: "The Contact header field MUST be present and contain exactly one SIP or SIPS URI in
            # any request that can result in the establishment of a dialog."
            raise SipError(400, "INVITE without Contact")
        parse_uri(target)
        headers = request.headers
        _check_sips(request, target)
        dialog = cls(request.call_id, tag, f"{headers['to']};tag={tag}", headers["from"], target, request.flow)
        dialog.remote_tag = request.from_.tag
        dialog.remote_seq = request.cseq.number
        if "record-route" in headers:
            dialog.routes = _route_set(request.items("record-route"))
        dialog.flow = dialog.next_hop(request.flow, trusted)
        return dialog

    def established(self, response: Response, trusted: IsTrusted | None) -> bool:
        """RFC 3261 12.1.2 and 13.2.2.4: the caller's side, from the 2xx. `trusted` None keeps the flow. False when its
        route set cannot be read: the peer can still be told to hang up, past the proxies, but not be talked to."""
        self.remote = response.headers["to"]
        self.remote_tag = response.to.tag
        readable = True
        self.routes = ()
        if "record-route" in response.headers:
            try:
                self.routes = _route_set(response.items("record-route")[::-1])
            except SipError:
                readable = False
        self.refresh_target(response)
        if response.flow.connection > 0:
            self.flow = response.flow
        elif trusted is not None:
            self.flow = self.next_hop(response.flow, trusted)
        return readable

    def contact(self, context: Context) -> str:
        """Our Contact line. RFC 3261 8.1.1.8 and 12.1.1: in a dialog that began with a sips: URI it is one as well."""
        place = context.place(self.flow)
        return f"Contact: <sips:{place.uri[4:]}>\r\n" if self.secure else place.contact

    def refresh_target(self, message: Message) -> None:
        """RFC 3261 12.2.1.2 and 12.2.2: a target refresh replaces the remote target. A Contact that is no SIP URI
        changes nothing."""
        try:
            target = message.contact_uri()
            if target is not None:
                parse_uri(target)
                self.target = target
        except SipError:
            return

    def fork(self) -> Dialog:
        """Another dialog of the same INVITE (RFC 3261 13.2.2.4)."""
        twin = Dialog(self.call_id, self.local_tag, self.local, self.remote, self.target, self.flow)
        twin.secure = self.secure
        twin.local_seq = self.local_seq
        return twin

    def next_hop(self, source: Flow, trusted: IsTrusted) -> Flow:
        if source.connection != 0:
            return source
        try:
            uri = parse_uri(self.routes[0] if self.routes else self.target)
        except SipError:
            return source
        address = ip_literal(uri.host)
        if address is None:
            address = trusted(uri.host)  # a name of a trunk
            if not address:
                return source
        elif address != source.remote[0] and not trusted(address):
            return source
        remote = (address, uri.port or 5060)
        if remote == source.remote:
            return source
        return Flow(source.transport, source.local, remote, 0)

    def request(
        self,
        context: Context,
        method: str,
        number: int,
        branch: str,
        extra: str = "",
        body: bytes = b"",
        kind: str = SDP_TYPE,
    ) -> bytes:
        """The bytes of a request inside (or opening) this dialog."""
        target = self.target
        routes = ""
        hops = 70 if self.remote_tag else self.hops
        if self.routes:
            target, routes = self._routed()
        start = (
            f"{method} {target} SIP/2.0\r\n{context.place(self.flow).via}{branch}\r\nMax-Forwards: {hops}\r\n{routes}"
            f"From: {self.local}\r\nTo: {self.remote}\r\nCall-ID: {self.call_id}\r\nCSeq: {number} {method}\r\n{extra}"
        )
        if not body:
            return f"{start}{END_WITHOUT_BODY}".encode("utf-8", "surrogateescape")
        text = f"{start}{kind}Content-Length: {len(body)}\r\n\r\n"
        return text.encode("utf-8", "surrogateescape") + body

    def in_order(self, number: int) -> bool:
        """RFC 3261 12.2.2: "If the remote sequence number was not empty, but the sequence number of the request is
        lower than the remote sequence number, the request is out of order and MUST be rejected with a 500"."""
        if number <= self.remote_seq:
            return False
        self.remote_seq = number
        return True

    @property
    def request_uri(self) -> str:
        """What stands in the request line (RFC 3261 12.2.1.1)."""
        return self._routed()[0] if self.routes else self.target

    def next_number(self) -> int:
        self.local_seq += 1
        return self.local_seq

    def _routed(self) -> tuple[str, str]:
        """RFC 3261 12.2.1.1: loose routing keeps the target in the request URI; before a strict router the first
        route takes its place and the target becomes the last route."""
        first = self.routes[0]
        if parse_uri(first).parameter("lr") is not None:
            return self.target, "".join(f"Route: <{route}>\r\n" for route in self.routes)
        rest = (*self.routes[1:], self.target)
        return first, "".join(f"Route: <{route}>\r\n" for route in rest)


def _check_sips(request: Request, target: str) -> None:
    # RFC 3261 8.1.1.8: "If the Request-URI or top Route header field value contains a SIPS URI, the Contact header
    # field MUST contain a SIPS URI as well."
    if is_sips(request.uri) and not is_sips(target):
        raise SipError(400, "a sips: request with a sip: Contact")
    # RFC 5630 3.1.3: a SIPS URI promises TLS on every hop; one that came without was no such promise.
    if is_sips(target) and request.flow.transport not in SECURE:
        raise SipError(400, "a sips: Contact without TLS")


def _route_set(values: list[str]) -> tuple[str, ...]:
    if len(values) > MAX_ROUTES:
        raise SipError(400, "too many routes")
    routes = tuple(parse_address(value).uri for value in values)
    for route in routes:
        parse_uri(route)
    return routes
