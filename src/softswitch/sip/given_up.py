"""An INVITE to a target that was given up for the next one (RFC 3263 section 4.3): should it wake up, it is cancelled;
should it answer, it is acknowledged and hung up. So two targets of one trunk never ring for long, nor talk, together.
"""

from __future__ import annotations

from collections.abc import Callable

from softswitch.sip.message import Response
from softswitch.sip.messages import EndedBy
from softswitch.sip.transaction_client import ClientTransaction, ClientTransactions, cancellation


class GivenUp:
    """Owner of such a transaction. `release` takes a 2xx."""

    __slots__ = ("_cancelled", "_clients", "_release", "_seconds")

    def __init__(self, clients: ClientTransactions, release: Callable[[Response], None], seconds: float) -> None:
        self._clients = clients
        self._release = release
        self._seconds = seconds  # until a cancelled request is forgotten
        self._cancelled = False

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        if response.status >= 300:
            return
        if response.status >= 200:
            self._release(response)
        elif not self._cancelled:
            self._cancelled = True
            branch = transaction.key[0].removeprefix("z9hG4bK")
            self._clients.start(branch, "CANCEL", transaction.flow, cancellation(transaction.data, ""), None)
            transaction.give_up_after(self._seconds)

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        """Nobody waits for it."""
