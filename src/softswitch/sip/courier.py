"""MESSAGE (RFC 3428) from one agent's phone to the phones of a colleague.

    MESSAGE ──► a MESSAGE to each contact ──first 2xx──► 200
                                          └─all failed──► 480, or what the last one said

Nothing is stored. Who is no agent sends none: strangers are asked for a login, trunks are refused.
"""

from __future__ import annotations

from typing import Protocol

from softswitch.ids import AgentId
from softswitch.sip.addresses import Addresses
from softswitch.sip.context import Context
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import SipError
from softswitch.sip.gate import Gate
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import AccountSettings, ContactBinding, EndedBy
from softswitch.sip.transaction_client import ClientTransaction, ClientTransactions
from softswitch.sip.transaction_server import ServerTransaction
from softswitch.sip.uri import parse_uri, plain_text

# RFC 3428 8: "The size of MESSAGE requests outside of a media session MUST NOT exceed 1300 bytes".
MOST_BYTES = 1300
MOST_UNDER_WAY = 10  # of one sender
_TYPES = ("text/plain", "text/html", "message/cpim", "application/im-iscomposing+xml")
_ACCEPT = f"Accept: {', '.join(_TYPES)}\r\n"


class Contacts(Protocol):
    """Where an agent's phones are."""

    def __call__(self, agent: AgentId) -> tuple[ContactBinding, ...]: ...


class _Errand:
    """One message on its way to all phones of one agent."""

    __slots__ = ("_courier", "_left", "_sender", "_status", "_transaction")

    def __init__(self, courier: Courier, sender: AgentId, transaction: ServerTransaction, count: int) -> None:
        self._courier = courier
        self._sender = sender
        self._transaction = transaction
        self._left = count
        self._status = 480

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        if response.status >= 200:
            self._one(response.status)

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        self._one(480)

    def _one(self, status: int) -> None:
        self._left -= 1
        if status < 300:
            self._answer(200)
        elif status in (413, 415, 486, 600, 603):
            self._status = status
        if not self._left:
            self._answer(self._status)
            self._courier.done(self._sender)

    def _answer(self, status: int) -> None:
        if not self._transaction.answered:
            self._transaction.respond(status)


class Courier:
    """See the module."""

    __slots__ = ("_addresses", "_clients", "_contacts", "_context", "_extensions", "_gate", "_under_way")

    def __init__(
        self, context: Context, clients: ClientTransactions, addresses: Addresses, gate: Gate, contacts: Contacts
    ) -> None:
        self._context = context
        self._clients = clients
        self._addresses = addresses
        self._gate = gate
        self._contacts = contacts
        accounts = [each for each in context.settings.accounts if each.trunk is None]
        self._extensions = {name: each for each in accounts for name in (each.username, each.extension)}
        self._under_way: dict[AgentId, int] = {}

    def done(self, sender: AgentId) -> None:
        self._under_way[sender] -= 1
        if not self._under_way[sender]:
            del self._under_way[sender]

    def check(self, request: Request) -> tuple[AccountSettings, AccountSettings]:
        """Sender and receiver. Nothing is remembered yet."""
        if self._gate.trunk(request.flow.remote[0]) is not None:
            raise SipError(403, "MESSAGE from a trunk")
        account = self._gate.agent(request)
        uri = parse_uri(request.uri)
        target = self._extensions.get(plain_text(uri.user.partition(";")[0])) if uri.user else None
        if target is None or not self._addresses.is_ours(uri.host):
            raise SipError(404, "no such extension")
        if len(request.body) > MOST_BYTES:
            raise SipError(413, "too long a message")
        if request.body and request.content_type() not in _TYPES:
            raise SipError(415, "MESSAGE of another type", _ACCEPT)
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise SipError(415, "MESSAGE is encoded", "Accept-Encoding: identity\r\n")
        if self._under_way.get(account.agent, 0) >= MOST_UNDER_WAY:
            raise SipError(503, "too many messages", "Retry-After: 5\r\n")
        return account, target

    def carry(
        self, request: Request, transaction: ServerTransaction, checked: tuple[AccountSettings, AccountSettings]
    ) -> None:
        account, target = checked
        contacts = self._contacts(target.agent)
        if not contacts:
            raise SipError(480, "her phone is not registered")
        self._under_way[account.agent] = self._under_way.get(account.agent, 0) + 1
        errand = _Errand(self, account.agent, transaction, len(contacts))
        context = self._context
        realm = context.settings.realm
        # What the phone says in From is dropped: the sender is who has logged in.
        sender, receiver = f"<sip:{account.extension}@{realm}>", f"<sip:{target.extension}@{realm}>"
        kind = f"Content-Type: {request.headers.get('content-type', 'text/plain')}\r\n"
        for contact in contacts:
            tag, branch = context.token(), context.token()
            call_id = context.token() + context.token()
            dialog = Dialog(call_id, tag, f"{sender};tag={tag}", receiver, contact.uri, contact.flow)
            dialog.routes = contact.path
            data = dialog.request(context, "MESSAGE", dialog.next_number(), branch, "", request.body, kind)
            self._clients.start(branch, "MESSAGE", contact.flow, data, errand)
