"""Server transactions (RFC 3261 section 17.2, RFC 6026).

    INVITE      PROCEEDING ──2xx──► ACCEPTED ──timer L──► gone
                    └─3xx-6xx──► COMPLETED ──ACK──► CONFIRMED ──timer I──► gone
                                     └─timer H──► gone          (timer G: retransmit the response, UDP)
    others      TRYING ──final──► COMPLETED ──timer J──► gone

Each holds at most one running timer. A transaction remembers the bytes of its last response; retransmitted
requests are answered from there without being looked at again.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from softswitch.sip.context import Context
from softswitch.sip.message import Request
from softswitch.sip.messages import Flow
from softswitch.sip.respond import response, response_head
from softswitch.sip.timers import Timer
from softswitch.sip.via import way_back

Key = tuple[str, str, str]
MergeKey = tuple[str, str, int, str]


class ServerState(Enum):
    PROCEEDING = auto()  # also TRYING of the others
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


class InviteOwner(Protocol):
    """Who answers an INVITE."""

    def cancelled(self, cancel: Request) -> None:
        """A CANCEL came while no final response was sent."""


class ServerTransaction:
    """One request from the network and its response. `tag` is our To tag."""

    __slots__ = (
        "_context",
        "_table",
        "_timer",
        "flow",
        "head",
        "key",
        "last",
        "merge",
        "owner",
        "port",
        "state",
        "tag",
    )

    def __init__(self, table: ServerTransactions, context: Context, key: Key, request: Request, tag: str) -> None:
        self._table = table
        self._context = context
        self._timer: Timer | None = None
        self.key = key
        self.tag = tag
        self.flow: Flow = way_back(request.via, request.flow)
        self.port = request.via.port
        self.head = response_head(request, tag)
        self.merge: MergeKey | None = None
        self.last = b""
        self.owner: InviteOwner | None = None
        self.state = ServerState.PROCEEDING

    @property
    def answered(self) -> bool:
        return self.state is not ServerState.PROCEEDING

    def retransmitted(self) -> None:
        """The same request again: RFC 3261 17.2.1 and 17.2.2, the most recent response is sent again. In
        ACCEPTED it is only absorbed (RFC 6026 7.1); the 2xx is repeated by whoever waits for its ACK."""
        if self.last and self.state in (ServerState.PROCEEDING, ServerState.COMPLETED):
            self._context.send(self.flow, self.last)

    def respond(self, status: int, extra: str = "", body: bytes = b"") -> bytes:
        """Send a response; returns its bytes. After a final one nothing more can be sent."""
        assert self.state is ServerState.PROCEEDING, "a second final response"
        context = self._context
        if self.flow.connection > 0 and self.flow.connection not in context.open_connections:
            self._reconnect()
        data = response(status, self.head, extra, body)
        self.last = data
        context.send(self.flow, data)
        if status >= 200:
            self._finish(status)
        return data

    def _reconnect(self) -> None:
        # RFC 3261 18.2.2: "If that connection is no longer open, the server SHOULD open a connection to the IP address
        # in the "received" parameter, if present, using the port in the "sent-by" value, or the default port".
        if self.flow.transport == "tcp":
            flow = self.flow
            self.flow = Flow(flow.transport, flow.local, (flow.remote[0], self.port or 5060), -1)

    def _finish(self, status: int) -> None:
        settings = self._context.settings
        timers = self._context.timers
        self.head = ""
        self.owner = None
        if self.key[2] == "INVITE":
            if status < 300:
                # RFC 6026 8.7: timer L is 64*T1; meanwhile retransmitted INVITEs are absorbed.
                self.state = ServerState.ACCEPTED
                self.last = b""
                self._timer = timers.start(self._context.now + 64 * settings.t1_seconds, self.terminate)
            else:
                self.state = ServerState.COMPLETED
                _NonAckWait(self, self._context)
        elif self.flow.connection == 0:
            self.state = ServerState.COMPLETED
            self._timer = timers.start(self._context.now + 64 * settings.t1_seconds, self.terminate)
        else:
            # RFC 3261 17.2.2: timer J is zero on a reliable transport.
            self.terminate()

    def wait(self, seconds: float, action: Callable[[], None]) -> None:
        """Replace the running timer."""
        self._context.timers.cancel(self._timer)
        self._timer = self._context.timers.start(self._context.now + seconds, action)

    def acknowledged(self) -> None:
        """ACK to our 3xx-6xx (a 2xx is acknowledged to the leg, not here)."""
        if self.state is not ServerState.COMPLETED:
            return
        self.state = ServerState.CONFIRMED
        if self.flow.connection == 0:
            self.wait(self._context.settings.t4_seconds, self.terminate)
        else:
            self.terminate()

    def terminate(self) -> None:
        if self.state is not ServerState.TERMINATED:
            self.state = ServerState.TERMINATED
            self._context.timers.cancel(self._timer)
            self.owner = None
            self._table.remove(self)


class _NonAckWait:
    """Timers G and H: repeat a non-2xx final response to INVITE until the ACK comes or 64*T1 have passed."""

    __slots__ = ("_context", "_interval", "_transaction", "_until")

    def __init__(self, transaction: ServerTransaction, context: Context) -> None:
        self._transaction = transaction
        self._context = context
        self._interval = context.settings.t1_seconds
        self._until = context.now + 64 * context.settings.t1_seconds
        if transaction.flow.connection == 0:
            transaction.wait(self._interval, self._again)
        else:
            # RFC 3261 17.2.1: timer G runs on unreliable transports only; H on all.
            transaction.wait(64 * context.settings.t1_seconds, transaction.terminate)

    def _again(self) -> None:
        context = self._context
        if context.now >= self._until:
            self._transaction.terminate()
            return
        context.send(self._transaction.flow, self._transaction.last)
        self._interval = min(2 * self._interval, context.settings.t2_seconds)
        self._transaction.wait(min(self._interval, self._until - context.now), self._again)


class ServerTransactions:
    """The table: found by key, and by what a merged request repeats (RFC 3261 8.2.2.2). Bounded."""

    __slots__ = ("_context", "_merged", "_table")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._table: dict[Key, ServerTransaction] = {}
        self._merged: dict[MergeKey, Key] = {}

    def __len__(self) -> int:
        return len(self._table)

    def find(self, key: Key) -> ServerTransaction | None:
        return self._table.get(key)

    def merged(self, request: Request) -> bool:
        """RFC 3261 8.2.2.2: "If the request has no tag in the To header field, the UAS core MUST check the request
        against ongoing transactions. If the From tag, Call-ID, and CSeq exactly match those associated with an
        ongoing transaction, but the request does not match that transaction [...] 482 (Loop Detected)"."""
        return (request.call_id, request.from_.tag, request.cseq.number, request.method) in self._merged

    def open(self, key: Key, request: Request, tag: str) -> ServerTransaction | None:
        """A new transaction, or None when the table is full of unfinished ones."""
        if len(self._table) >= self._context.settings.max_transactions and not self._evict():
            return None
        transaction = ServerTransaction(self, self._context, key, request, tag)
        self._table[key] = transaction
        if not request.to.tag:
            merge = (request.call_id, request.from_.tag, request.cseq.number, request.method)
            transaction.merge = merge
            self._merged[merge] = key
        return transaction

    def remove(self, transaction: ServerTransaction) -> None:
        if self._table.get(transaction.key) is transaction:
            del self._table[transaction.key]
        if transaction.merge is not None and self._merged.get(transaction.merge) == transaction.key:
            del self._merged[transaction.merge]

    def _evict(self) -> bool:
        """Drop the oldest finished transaction among the oldest few."""
        for number, transaction in enumerate(self._table.values()):
            if transaction.state in (ServerState.COMPLETED, ServerState.CONFIRMED, ServerState.ACCEPTED):
                transaction.terminate()
                return True
            if number == 64:
                break
        return False
