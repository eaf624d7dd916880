"""The UAS core (RFC 3261 section 8.2): every request passes here, in this order.

    mandatory headers ─► ACK ─► retransmission ─► CANCEL ─► inside a dialog ─► hop limit ─► method ─► URI scheme
    ─► Require ─► merged ─► OPTIONS | REGISTER | INVITE (who may, room, content)

Whatever is refused before authentication is answered without remembering anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from softswitch.ids import TrunkId
from softswitch.sip.context import Context
from softswitch.sip.courier import Courier
from softswitch.sip.errors import SipError
from softswitch.sip.gate import Gate
from softswitch.sip.message import Request
from softswitch.sip.messages import SecurityEvent
from softswitch.sip.outbound import REGISTER_EXTENSIONS
from softswitch.sip.registrar import Registrar
from softswitch.sip.respond import (
    ALLOW_ALL,
    EXTENSIONS,
    KNOWN_METHODS,
    METHODS,
    SUPPORTED,
    error_head,
    response,
    response_head,
)
from softswitch.sip.session_timer import supports
from softswitch.sip.sessions import Sessions
from softswitch.sip.subscriptions import ALLOW_EVENTS, Subscriptions
from softswitch.sip.transaction_server import Key, ServerState, ServerTransaction, ServerTransactions
from softswitch.sip.uri import MAX_URI, SECURE, dialled_number, parse_uri
from softswitch.sip.via import way_back

RETRY_AFTER = "Retry-After: 5\r\n"
OPTIONS_LINES = (
    f"{ALLOW_ALL}Accept: application/sdp, multipart/mixed\r\nAccept-Encoding: identity\r\nAccept-Language: en\r\n"
    f"{SUPPORTED}"
)


class Services(NamedTuple):
    """What is served besides calls and registrations."""

    subscriptions: Subscriptions
    courier: Courier


class Reception:
    """See the module."""

    __slots__ = ("_context", "_gate", "_registrar", "_servers", "_sessions", "services")

    def __init__(
        self,
        context: Context,
        servers: ServerTransactions,
        sessions: Sessions,
        gate: Gate,
        registrar: Registrar,
        services: Services,
    ) -> None:
        self.services = services
        self._context = context
        self._servers = servers
        self._sessions = sessions
        self._gate = gate
        self._registrar = registrar

    def received(self, request: Request) -> None:
        """SipError is raised for what the caller answers without a transaction (`refuse`)."""
        method = request.method
        cseq = request.cseq
        # RFC 3261 8.1.1.5: "The method MUST match that of the request."
        if cseq.method != method:
            raise SipError(400, "CSeq names another method")
        _ = request.from_, request.call_id
        tag = request.to.tag
        key = request.key()
        transaction = self._servers.find(key)
        if method == "ACK":
            self._acknowledged(request, transaction)
        elif transaction is not None:
            transaction.retransmitted()
        elif method == "CANCEL":
            self._cancelled(request, key)
        elif tag:
            self._in_dialog(request, key, tag)
        else:
            self._out_of_dialog(request, key)

    def refuse(self, request: Request, error: SipError) -> None:
        """Answer without a transaction; every retransmission is answered alike."""
        # RFC 3261 17.1.1.3: an ACK is never answered.
        if request.method == "ACK" or "via" not in request.headers:
            return
        context = self._context
        try:
            flow, branch = way_back(request.via, request.flow), request.via.branch
        except SipError:
            flow, branch = request.flow, ""
        tag = context.stateless_tag(request.headers.get("call-id", ""), branch)
        context.send(flow, response(error.status, error_head(request, tag), error.headers))

    def _reply(self, request: Request, status: int, tag: str, extra: str = "") -> None:
        self._context.send(way_back(request.via, request.flow), response(status, response_head(request, tag), extra))

    # ---------------------------------------------------------------- ACK, CANCEL, inside a dialog

    def _acknowledged(self, request: Request, transaction: ServerTransaction | None) -> None:
        if transaction is not None and transaction.state is not ServerState.ACCEPTED:
            transaction.acknowledged()
            return
        leg = self._sessions.find(request)
        if leg is not None:
            leg.acknowledged(request)

    def _cancelled(self, request: Request, key: Key) -> None:
        invite = self._servers.find((key[0], key[1], "INVITE"))
        # RFC 3261 9.2: "If the UAS did not find a matching transaction for the CANCEL [...] it SHOULD respond to the
        # CANCEL with a 481".
        if invite is None:
            raise SipError(481, "nothing to cancel")
        # It has a transaction of its own: its repetition gets 200 also when the INVITE is forgotten meanwhile.
        self._open(request, key, invite.tag).respond(200)
        if not invite.answered and invite.owner is not None:
            invite.owner.cancelled(request)

    def _in_dialog(self, request: Request, key: Key, tag: str) -> None:
        leg = self._sessions.find(request)
        if leg is None:
            self._in_subscription(request, key, tag)
            return
        self._check_method(request.method)
        self._check_require(request)
        if request.method == "OPTIONS":
            # It is answered without a transaction, so a repetition has the same number.
            dialog, number = leg.dialog, request.cseq.number
            if number < dialog.remote_seq:
                raise SipError(500, "CSeq is lower than the last one")
            dialog.remote_seq = number
            self._reply(request, 200, tag, OPTIONS_LINES)
            return
        transaction = self._open(request, key, tag)
        self._sessions.in_dialog(leg, request, transaction)

    def _open(self, request: Request, key: Key, tag: str) -> ServerTransaction:
        transaction = self._servers.open(key, request, tag)
        if transaction is None:
            self._context.out.append(SecurityEvent("overload", request.flow.remote, "", "transactions"))
            raise SipError(503, "too many transactions", RETRY_AFTER)
        return transaction

    # ---------------------------------------------------------------- checks

    def _check_method(self, method: str) -> None:
        if method in METHODS:
            return
        # RFC 3261 8.2.1: "If the UAS recognizes but does not support the method of a request, it MUST generate a 405"
        # with Allow; 21.5.2: 501 "when a UAS does not recognize the request method".
        raise SipError(405 if method in KNOWN_METHODS else 501, f"method {method[:32]}", ALLOW_ALL)

    def _check_require(self, request: Request) -> None:
        # RFC 3261 8.2.2.3: "the UAS MUST respond by generating a response with status code 420 (Bad Extension) [...]
        # add an Unsupported header field, and list in it those options it does not understand".
        if "require" not in request.headers:
            return
        known = EXTENSIONS if request.method != "REGISTER" else (*EXTENSIONS, *REGISTER_EXTENSIONS)
        options = [option for option in request.items("require") if option.lower() not in known]
        if options:
            raise SipError(420, "unknown extension", f"Unsupported: {', '.join(options)}\r\n")

    def _check_hops(self, request: Request) -> None:
        text = request.headers.get("max-forwards")
        if text is None or text == "70":
            return
        if not (text.isascii() and text.isdigit() and len(text) <= 10) or int(text) > 255:
            raise SipError(400, "malformed Max-Forwards")
        # A call is going to be handed on to somebody's phone (RFC 7332): it needs one more.
        if int(text) == 0 or (text == "1" and request.method == "INVITE"):
            raise SipError(483, "Max-Forwards is used up")

    def _check_uri(self, request: Request) -> None:
        uri = request.uri
        if len(uri) > MAX_URI:
            raise SipError(414, "request URI too long")
        if request.method == "INVITE" and uri[:4].lower() == "tel:":
            dialled_number(uri)
            return
        parsed = parse_uri(uri)
        if parsed.scheme == "sips" and request.flow.transport not in SECURE:
            # RFC 3261 8.2.2.1: an unsupported scheme in the request URI is a 416; without TLS sips: is none we support.
            raise SipError(416, "unsupported URI scheme")
        # RFC 4475 3.1.2.11 (escruri): header fields are not allowed in a request URI.
        if parsed.headers:
            raise SipError(400, "headers in a request URI")

    # ---------------------------------------------------------------- outside a dialog

    def _out_of_dialog(self, request: Request, key: Key) -> None:
        self._check_hops(request)
        method = request.method
        self._check_method(method)
        self._check_uri(request)
        self._check_require(request)
        if self._servers.merged(request) or (method == "INVITE" and self._sessions.already_open(request)):
            raise SipError(482, "merged request")
        if method == "INVITE":
            self._invite(request, key)
        elif method == "REGISTER":
            self._register(request, key)
        elif method == "OPTIONS":
            tag = self._context.stateless_tag(request.call_id, request.via.branch)
            self._reply(request, 200, tag, OPTIONS_LINES)
        elif method == "REFER":
            # Whoever asks: nobody makes the switch call somebody from outside of a call.
            self._context.out.append(SecurityEvent("refer_refused", request.flow.remote, "", "outside of a dialog"))
            raise SipError(403, "REFER outside a dialog")
        elif method == "SUBSCRIBE":
            self._subscribe(request, key)
        elif method == "MESSAGE":
            self._message(request, key)
        elif method == "NOTIFY":
            # Some phones keep their way through a NAT open with these; any answer will do.
            raise SipError(489, "NOTIFY of an unknown event", ALLOW_EVENTS)
        else:
            # BYE, INFO, UPDATE belong into a dialog.
            raise SipError(481, f"{method} outside a dialog")

    def _register(self, request: Request, key: Key) -> None:
        account = self._gate.account(request)
        transaction = self._open(request, key, self._context.token())
        self._inside(transaction, lambda: self._registrar.register(request, transaction, account))

    def _subscribe(self, request: Request, key: Key) -> None:
        subscriptions = self.services.subscriptions
        checked = subscriptions.check(request)
        transaction = self._open(request, key, self._context.token())
        self._inside(transaction, lambda: subscriptions.subscribe(request, transaction, checked))

    def _message(self, request: Request, key: Key) -> None:
        courier = self.services.courier
        checked = courier.check(request)
        transaction = self._open(request, key, self._context.token())
        self._inside(transaction, lambda: courier.carry(request, transaction, checked))

    def _in_subscription(self, request: Request, key: Key, tag: str) -> None:
        """A request with a To tag that belongs to no call."""
        subscriptions = self.services.subscriptions
        found = subscriptions.find(request)
        if found is None or request.method != "SUBSCRIBE":
            raise SipError(481, "no such dialog")
        subscriptions.check_refresh(found, request)
        transaction = self._open(request, key, tag)
        self._inside(transaction, lambda: subscriptions.refresh(found, request, transaction))

    def _invite(self, request: Request, key: Key) -> None:
        sessions = self._sessions
        if self._context.overloaded:
            raise SipError(503, "overloaded", RETRY_AFTER)
        caller = self._gate.caller(request)
        trunk = caller.origin.trunk
        self._check_demanded(request, trunk)
        if sessions.full:
            self._context.out.append(SecurityEvent("overload", request.flow.remote, "", "sessions"))
            raise SipError(503, "too many calls", RETRY_AFTER)
        dialled = dialled_number(request.uri)
        self._check_room(request, trunk)
        transaction = self._open(request, key, self._context.token())
        self._inside(transaction, lambda: sessions.incoming(request, transaction, caller, dialled))

    def _check_demanded(self, request: Request, trunk: TrunkId | None) -> None:
        """RFC 3261 21.4.16: "The UAS needs a particular extension to process the request, but this extension is not
        listed in a Supported header field in the request"; which ones is a matter of the trunk."""
        if trunk is None:
            return
        demanded = next(entry.demands for entry in self._context.settings.trunks if entry.id == trunk)
        for option in demanded:
            if not supports(request, option) and option not in map(str.lower, request.items("require")):
                raise SipError(421, f"{option} is demanded", f"Require: {option}\r\n")

    def _check_room(self, request: Request, trunk: TrunkId | None) -> None:
        """Channels and calls per second of the trunk."""
        refused = None if trunk is None else self._sessions.load.admit(trunk, self._context.now)
        if refused is not None:
            self._context.out.append(
                SecurityEvent("overload", request.flow.remote, "", f"trunk {trunk}: {refused.why}")
            )
            lines = f"Retry-After: {refused.retry_after}\r\nReason: Q.850;cause={refused.cause}\r\n"
            raise SipError(503, "the trunk has no room", lines)

    def _inside(self, transaction: ServerTransaction, work: Callable[[], None]) -> None:
        """Refusals from here on are answered in the transaction."""
        try:
            work()
        except SipError as error:
            if transaction.answered:
                raise
            transaction.respond(error.status, error.headers)
