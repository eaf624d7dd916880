"""REFER from an agent's phone (RFC 3515), and what the phone is told of the transfer that it asked for.

    REFER ──ReferReceived──► ASKED ──AnswerRefer 202──► ACTIVE: NOTIFY 100 ──ReferProgressed──► NOTIFY 180 ...
                               └─AnswerRefer 403 ...──► gone             └─final, BYE, 481──► gone

The subscription that a REFER makes lives and ends with the leg it came on, and never harms it. One NOTIFY is under way
at a time: over UDP two could overtake each other. What became old meanwhile is not sent.
Attended (RFC 3891 in a Refer-To): the dialog that is named there has to be one of the same agent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol
from urllib.parse import unquote

from softswitch.ids import LegId
from softswitch.sip.addresses import Addresses
from softswitch.sip.context import Context
from softswitch.sip.errors import SipError
from softswitch.sip.headers import parse_address
from softswitch.sip.leg import Leg
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import AnswerRefer, EndedBy, ReferProgressed, ReferReceived
from softswitch.sip.respond import REASONS
from softswitch.sip.transaction_client import ClientTransaction, ClientTransactions
from softswitch.sip.transaction_server import ServerTransaction
from softswitch.sip.uri import dialled_number, parse_uri

SUBSCRIBED_SECONDS = 180
SIPFRAG = "Content-Type: message/sipfrag;version=2.0\r\n"
_REPLACES = re.compile(r"[?&]replaces=([^&]{1,1024})", re.IGNORECASE)
_METHOD = re.compile(r";method=([A-Za-z]{1,16})", re.IGNORECASE)


class Replaced(NamedTuple):
    """The dialog that a Replaces names, tags as we see them."""

    call_id: str
    local_tag: str
    remote_tag: str
    early_only: bool


def parse_replaces(value: str) -> Replaced:
    """RFC 3891 6.1: "If more than one Replaces header field is present in an INVITE [...] the UAS MUST reject the
    request with a 400 Bad Request response"; each tag exactly once."""
    if "\n" in value or "," in value.partition(";")[0]:
        raise SipError(400, "more than one Replaces")
    call_id, *items = (item.strip() for item in value.split(";"))
    tags: dict[str, str] = {}
    early_only = False
    for item in items:
        name, _, text = item.partition("=")
        name = name.strip().lower()
        if name == "early-only":
            early_only = True
        elif name in ("to-tag", "from-tag"):
            if name in tags:
                raise SipError(400, "a tag twice in Replaces")
            tags[name] = text.strip()
    if not call_id or not tags.get("to-tag") or "from-tag" not in tags:
        raise SipError(400, "malformed Replaces")
    # RFC 3891 3: "the to-tag parameter is compared to the local tag, and the from-tag parameter to the remote tag."
    return Replaced(call_id, tags["to-tag"], tags["from-tag"], early_only)


class Referred(NamedTuple):
    """What a Refer-To asks for."""

    number: str
    replaces: Replaced | None


def parse_refer_to(request: Request, addresses: Addresses) -> Referred:
    """RFC 3515 2.4.2: "An agent responding to a REFER method MUST return a 400 (Bad Request) if the request contained
    zero or more than one Refer-To header field values."""
    values = request.items("refer-to")
    if len(values) != 1:
        raise SipError(400, "not exactly one Refer-To")
    uri = parse_address(values[0]).uri
    if uri[:4].lower() == "tel:":
        return Referred(dialled_number(uri), None)
    parsed = parse_uri(uri)
    method = _METHOD.search(parsed.parameters)
    if method is not None and method[1].upper() != "INVITE":
        raise SipError(603, "Refer-To with another method")
    found = _REPLACES.search(parsed.headers)
    if found is not None:
        return Referred(dialled_number(uri), parse_replaces(unquote(found[1])))
    # We are no relay: an agent transfers through us, never to somebody else's domain.
    if not addresses.is_ours(parsed.host):
        raise SipError(403, "not our domain")
    return Referred(dialled_number(uri), None)


class FindLeg(Protocol):
    """Finds the leg of a dialog by Call-ID and tags."""

    def __call__(self, call_id: str, local_tag: str, remote_tag: str) -> Leg | None: ...


def _nobody_watches(leg: Leg) -> None:
    """Until somebody wants to know of calls."""


class Referral:
    """One transfer that a phone asked for. `transaction` is its REFER until that is answered."""

    __slots__ = ("_busy", "_clients", "_context", "_leg", "_next", "_silent", "_table", "number", "transaction")

    def __init__(self, table: Referrals, leg: Leg, request: Request, transaction: ServerTransaction) -> None:
        self._table = table
        self._clients = leg.hub.clients
        self._context = leg.hub.context
        self._leg = leg
        self._busy = False
        self._next = 0  # the status that waits for the NOTIFY under way
        # RFC 4488 4: with Refer-Sub: false "the UA does not want a subscription".
        self._silent = request.headers.get("refer-sub", "").partition(";")[0].strip().lower() == "false"
        self.number = request.cseq.number
        self.transaction: ServerTransaction | None = transaction

    def answer(self, status: int) -> None:
        transaction, self.transaction = self.transaction, None
        if transaction is None:
            return
        leg = self._leg
        extra = self._context.place(leg.dialog.flow).contact
        if status >= 300 or self._silent:
            self._table.forget(leg.id)
        if status < 300 and self._silent:
            extra += "Refer-Sub: false\r\n"
        transaction.respond(status, extra)
        if status < 300:
            self.progressed(100)

    def progressed(self, status: int) -> None:
        if self._silent or self.transaction is not None:
            return
        if self._busy and self._leg.up:
            self._next = status
            return
        self._notify(status)

    def last_words(self) -> None:
        """Its leg is about to end: what waits is said now."""
        if self._next >= 200:
            self._notify(self._next)

    def _notify(self, status: int, gone: str = "") -> None:
        context, leg = self._context, self._leg
        self._next = 0
        self._busy = True
        # RFC 3515 2.4.4: a final NOTIFY ends with "Subscription-State: terminated;reason=noresource".
        final = status >= 200 or bool(gone)
        state = f"terminated;reason={gone or 'noresource'}" if final else f"active;expires={SUBSCRIBED_SECONDS}"
        if final:
            self._table.forget(leg.id)
        extra = (
            f"{context.place(leg.dialog.flow).contact}Event: refer;id={self.number}\r\nSubscription-State: {state}\r\n"
        )
        reason = REASONS.get(status, "Failure")
        body = f"SIP/2.0 {status} {reason}\r\n".encode()
        leg.hub.reconnect(leg.dialog)
        branch = context.token()
        number = leg.dialog.next_number()
        data = leg.dialog.request(context, "NOTIFY", number, branch, extra, body, SIPFRAG)
        self._clients.start(branch, "NOTIFY", leg.dialog.flow, data, None if final else self)

    def unsubscribed(self) -> None:
        self._notify(100, "timeout")

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        if response.status < 200:
            return
        self._busy = False
        if response.status >= 300:
            # RFC 6665 4.2.2: a NOTIFY that fails ends the subscription. The call goes on (RFC 5057 5.1).
            self._table.forget(self._leg.id)
            self._silent = True
        elif self._next:
            self._notify(self._next)

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        self._busy = False
        self._table.forget(self._leg.id)
        self._silent = True


class Referrals:
    """At most one of each leg."""

    __slots__ = ("_addresses", "_clients", "_context", "_find", "_table", "watch")

    def __init__(self, context: Context, clients: ClientTransactions, addresses: Addresses, find: FindLeg) -> None:
        self._context = context
        self._clients = clients
        self._addresses = addresses
        self._find = find
        self._table: dict[LegId, Referral] = {}
        self.watch: Callable[[Leg], None] = _nobody_watches  # told of every leg that changes

    def __len__(self) -> int:
        return len(self._table)

    def forget(self, leg: LegId) -> None:
        self._table.pop(leg, None)

    def before_bye(self, leg: LegId) -> None:
        referral = self._table.get(leg)
        if referral is not None:
            referral.last_words()

    def leg_gone(self, leg: LegId) -> None:
        """The dialog is over; a REFER that was not answered is answered."""
        referral = self._table.pop(leg, None)
        if referral is not None and referral.transaction is not None:
            referral.transaction.respond(481)

    # ---------------------------------------------------------------- the wire

    def received(self, leg: Leg, request: Request, transaction: ServerTransaction) -> None:
        """A REFER, SUBSCRIBE or NOTIFY inside a call."""
        if request.method == "REFER":
            self._referred(leg, request, transaction)
        elif request.method == "SUBSCRIBE":
            self._subscribed(leg, request, transaction)
        else:
            # We have asked nobody for anything in this dialog. (481 would make some phones give up the call.)
            raise SipError(489, "nothing is subscribed to", "Allow-Events: refer\r\n")

    def _referred(self, leg: Leg, request: Request, transaction: ServerTransaction) -> None:
        if leg.agent is None or leg.told:
            raise SipError(403, "only agents transfer")
        asked = parse_refer_to(request, self._addresses)
        if leg.id in self._table:
            raise SipError(491, "a transfer is under way")
        referral = self._table[leg.id] = Referral(self, leg, request, transaction)
        replaces: LegId | None = None
        if asked.replaces is not None:
            named = asked.replaces
            other = self._find(named.call_id, named.local_tag, named.remote_tag)
            if other is None or other.agent != leg.agent or other is leg or other.told:
                # In the response a 481 would be about this very dialog (RFC 5057 5.1), so it goes into the NOTIFY.
                referral.answer(202)
                referral.progressed(481)
                return
            replaces = other.id
        self._context.out.append(ReferReceived(leg.id, asked.number, replaces))

    def _subscribed(self, leg: Leg, request: Request, transaction: ServerTransaction) -> None:
        """RFC 3515 2.4.4: the subscription can be refreshed, and ended with Expires: 0."""
        event = request.headers.get("event", "").partition(";")[0].strip().lower()
        if event != "refer":
            raise SipError(489, "another event in a call", "Allow-Events: refer\r\n")
        referral = self._table.get(leg.id)
        if referral is None or referral.transaction is not None:
            raise SipError(403, "no transfer is under way")
        over = request.headers.get("expires", "").strip() == "0"
        contact = self._context.place(leg.dialog.flow).contact
        transaction.respond(200, f"{contact}Expires: {0 if over else SUBSCRIBED_SECONDS}\r\n")
        if over:
            referral.unsubscribed()

    # ---------------------------------------------------------------- orders of the call room

    def order(self, order: AnswerRefer | ReferProgressed) -> None:
        referral = self._table.get(order.leg)
        if referral is None:
            return
        if isinstance(order, AnswerRefer):
            referral.answer(order.status)
        else:
            referral.progressed(order.status)
