"""A request inside a dialog with a carrier that asks again who we are (RFC 3261 section 22.2): BYE, UPDATE, INFO.

    sent ─401, 407─► sent again with the answer, once ─► the response is its owner's

Answered are the challenges of the trunk that the dialog goes over, for its realm alone; on any other leg the refusal is
handed on as it came.
"""

from __future__ import annotations

from softswitch.sip.carrier import proof
from softswitch.sip.context import Context
from softswitch.sip.dialog import Dialog
from softswitch.sip.message import Response
from softswitch.sip.messages import EndedBy, TrunkSettings
from softswitch.sip.transaction_client import ClientOwner, ClientTransaction, ClientTransactions


def send(
    context: Context,
    clients: ClientTransactions,
    dialog: Dialog,
    request: tuple[str, str],
    carrier: TrunkSettings | None,
    owner: ClientOwner | None,
    body: bytes = b"",
    kind: str = "",
) -> ClientTransaction:
    """`request` is its method and header lines; `kind` the header line of the body's type."""
    method, lines = request
    if carrier is not None and carrier.username:
        return Challenged(context, clients, dialog, request, carrier, owner, (body, kind)).send("")
    branch = context.token()
    data = dialog.request(context, method, dialog.next_number(), branch, lines, body, kind)
    return clients.start(branch, method, dialog.flow, data, owner)


class Challenged:
    """One request over a trunk that we have a login for."""

    __slots__ = ("_answered", "_body", "_carrier", "_clients", "_context", "_dialog", "_owner", "_request")

    def __init__(
        self,
        context: Context,
        clients: ClientTransactions,
        dialog: Dialog,
        request: tuple[str, str],
        carrier: TrunkSettings,
        owner: ClientOwner | None,
        body: tuple[bytes, str],
    ) -> None:
        self._context = context
        self._clients = clients
        self._dialog = dialog
        self._request = request
        self._carrier = carrier
        self._owner = owner
        self._body = body
        self._answered = 0

    def send(self, proof_line: str) -> ClientTransaction:
        context, dialog = self._context, self._dialog
        method, lines = self._request
        branch = context.token()
        data = dialog.request(context, method, dialog.next_number(), branch, lines + proof_line, *self._body)
        return self._clients.start(branch, method, dialog.flow, data, self)

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        if response.status in (401, 407):
            cnonce = self._context.token()
            line = proof(response, self._carrier, self._request[0], self._dialog.request_uri, cnonce, self._answered)
            if line:
                self._answered += 1
                self.send(line)
                return
        if self._owner is not None:
            self._owner.responded(transaction, response)

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        if self._owner is not None:
            self._owner.failed(transaction, by)
