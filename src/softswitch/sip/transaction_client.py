"""Client transactions (RFC 3261 section 17.1, RFC 6026).

    INVITE      CALLING ──1xx──► PROCEEDING ──2xx──► ACCEPTED ──timer M──► gone
                   │                  └─3xx-6xx──► COMPLETED (ACK sent) ──timer D──► gone
                   └─timer A: again, timer B: failed
    others      TRYING ──1xx──► PROCEEDING ──final──► COMPLETED ──timer K──► gone
                   └─timer E: again, timer F: failed

Each holds at most one running timer: the retransmission also looks at the end time.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from softswitch.sip.addresses import Addresses
from softswitch.sip.context import Context
from softswitch.sip.large import LARGE_BYTES, PATIENCE_SECONDS, REFUSED_SECONDS, SILENT_SECONDS, LargeRequests
from softswitch.sip.message import Response
from softswitch.sip.messages import EndedBy, Flow
from softswitch.sip.timers import Timer

Key = tuple[str, str]


class ClientState(Enum):
    CALLING = auto()  # TRYING of the others
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    TERMINATED = auto()


class ClientOwner(Protocol):
    """Who waits for the response."""

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """A provisional or the final response; of an INVITE every 2xx (retransmitted and forked ones too)."""

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        """No final response will come: timeout or transport."""


class ClientTransaction:
    """One request of ours. `data` are its bytes as sent."""

    __slots__ = (
        "_context",
        "_interval",
        "_table",
        "_timer",
        "_until",
        "data",
        "flow",
        "key",
        "narrow",
        "owner",
        "state",
    )

    def __init__(
        self, table: ClientTransactions, context: Context, key: Key, flow: Flow, data: bytes, owner: ClientOwner | None
    ) -> None:
        self._table = table
        self._context = context
        self.key = key
        self.flow = flow
        self.data = data
        self.owner = owner
        self.state = ClientState.CALLING
        t1 = context.settings.t1_seconds
        self._until = context.now + 64 * t1
        self._interval = t1
        self.narrow: tuple[Flow, bytes] | None = None  # it was too long for a datagram: as it would have been sent
        self._timer: Timer | None = None
        wide = table.large.over_tcp(flow, data) if len(data) > LARGE_BYTES else None
        if wide is not None:
            self.narrow = flow, data
            self.flow, self.data = wide
        context.send(self.flow, self.data)
        if wide is not None:
            self._wait(PATIENCE_SECONDS, self._silent_tcp)
        else:
            self._wait(t1 if flow.connection == 0 else 64 * t1, self._again)

    def _silent_tcp(self) -> None:
        self._over_udp(SILENT_SECONDS)

    def _over_udp(self, remembered_seconds: float) -> None:
        """RFC 3261 18.1.1: when TCP is refused, "the element SHOULD retry the request, using UDP"."""
        assert self.narrow is not None
        self._table.large.refused(self.flow, remembered_seconds)
        self.flow, self.data = self.narrow
        self.narrow = None
        self._context.send(self.flow, self.data)
        self._wait(self._context.settings.t1_seconds, self._again)

    @property
    def dialog_flow(self) -> Flow:
        """The way of requests that follow: TCP was for the length of this one alone."""
        return self.flow if self.narrow is None else self.narrow[0]

    @property
    def is_invite(self) -> bool:
        return self.key[1] == "INVITE"

    def give_up_after(self, seconds: float) -> None:
        """RFC 3261 9.1: after CANCEL, "If there is no final response for the original request in 64*T1 seconds
        [...] the client SHOULD then consider the original transaction cancelled"."""
        if self.state is ClientState.PROCEEDING:
            self._wait(seconds, self._timed_out)

    def _wait(self, seconds: float, action: Callable[[], None]) -> None:
        self._context.timers.cancel(self._timer)
        self._timer = self._context.timers.start(self._context.now + seconds, action)

    def _again(self) -> None:
        """Timers A/B (INVITE) and E/F (others)."""
        context = self._context
        now = context.now
        if now >= self._until:
            self._timed_out()
            return
        if self.flow.connection == 0:
            context.send(self.flow, self.data)
        interval = 2 * self._interval
        if not self.is_invite:
            t2 = context.settings.t2_seconds
            # RFC 3261 17.1.2.2: in Proceeding, timer E is always T2.
            interval = t2 if self.state is ClientState.PROCEEDING else min(interval, t2)
        self._interval = interval
        self._wait(min(interval, self._until - now), self._again)

    def _timed_out(self) -> None:
        self._fail(EndedBy.TIMEOUT)

    def transport_failed(self) -> None:
        if self.state is ClientState.CALLING and self.narrow is not None:
            self._over_udp(REFUSED_SECONDS)
        elif self.state is ClientState.CALLING:
            self._fail(EndedBy.TRANSPORT)

    def _fail(self, by: EndedBy) -> None:
        owner = self.owner
        self.terminate()
        if owner is not None:
            owner.failed(self, by)

    def received(self, response: Response) -> None:
        status = response.status
        if self.flow.connection < 0:
            self.flow = response.flow
        if self.narrow is not None:
            response.flow = self.narrow[0]
            if self.state is ClientState.CALLING:
                self._wait(max(0.0, self._until - self._context.now), self._again)
        if status < 200:
            self._provisional(response)
        elif not self.is_invite:
            self._final(response)
        elif status < 300:
            self._accepted(response)
        else:
            self._rejected(response)

    def _provisional(self, response: Response) -> None:
        if self.state is ClientState.CALLING:
            self.state = ClientState.PROCEEDING
            self._table.answered(self)
            if self.is_invite:
                # RFC 3261 17.1.1.2: in Proceeding the client stops retransmitting; the user decides how long.
                self._context.timers.cancel(self._timer)
        if self.state is ClientState.PROCEEDING and self.owner is not None:
            self.owner.responded(self, response)

    def _final(self, response: Response) -> None:
        if self.state is ClientState.COMPLETED:
            return
        self._table.answered(self)
        owner = self.owner
        self.owner = None
        self.state = ClientState.COMPLETED
        self.data = b""
        if self.flow.connection == 0:
            self._wait(self._context.settings.t4_seconds, self.terminate)  # timer K
        else:
            self.terminate()
        if owner is not None:
            owner.responded(self, response)

    def _accepted(self, response: Response) -> None:
        if self.state is ClientState.COMPLETED:
            return
        if self.state is not ClientState.ACCEPTED:
            self._table.answered(self)
            # RFC 6026 8.4: timer M is 64*T1; meanwhile every 2xx is handed to the user.
            self.state = ClientState.ACCEPTED
            self.data = b""
            self._wait(64 * self._context.settings.t1_seconds, self.terminate)
        if self.owner is not None:
            self.owner.responded(self, response)

    def _rejected(self, response: Response) -> None:
        if self.state is ClientState.ACCEPTED:
            return
        if self.state is ClientState.COMPLETED:
            # RFC 3261 17.1.1.2: every retransmission of the final response is acknowledged again.
            self._context.send(self.flow, self.data)
            return
        self._table.answered(self)
        owner = self.owner
        self.owner = None
        self.state = ClientState.COMPLETED
        self.data = acknowledgement(self.data, response.headers["to"])
        self._context.send(self.flow, self.data)
        if self.flow.connection == 0:
            self._wait(64 * self._context.settings.t1_seconds, self.terminate)  # timer D
        else:
            self.terminate()
        if owner is not None:
            owner.responded(self, response)

    def terminate(self) -> None:
        if self.state is not ClientState.TERMINATED:
            self.state = ClientState.TERMINATED
            self._context.timers.cancel(self._timer)
            self.owner = None
            self._table.remove(self)


def acknowledgement(invite: bytes, to: str) -> bytes:
    """RFC 3261 17.1.1.3: the ACK to a non-2xx response has the request URI, Via, Route, From, Call-ID and CSeq number
    of our INVITE, and the To of the response."""
    return _derived(invite, "ACK", to, "")


def cancellation(invite: bytes, extra: str) -> bytes:
    """RFC 3261 9.1: the CANCEL has the request URI, Via, Route, From, To, Call-ID and CSeq number of our INVITE."""
    return _derived(invite, "CANCEL", None, extra)


def _derived(invite: bytes, method: str, to: str | None, extra: str) -> bytes:
    """Our own INVITE, whose layout we know, cut down to another method."""
    head = invite.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
    lines = head.split("\r\n")
    kept = [method + lines[0][len("INVITE") :]]
    for line in lines[1:]:
        name, _, value = line.partition(": ")
        if name == "To" and to is not None:
            kept.append(f"To: {to}")
        elif name == "CSeq":
            kept.append(f"CSeq: {value.partition(' ')[0]} {method}")
        elif name in ("Via", "Max-Forwards", "Route", "From", "To", "Call-ID"):
            kept.append(line)
    text = "\r\n".join(kept) + f"\r\n{extra}Content-Length: 0\r\n\r\n"
    return text.encode("utf-8", "surrogateescape")


def _went_over(sent: Flow, failed: Flow) -> bool:
    """Also what waited for a connection (-1) that was made and then closed without an answer."""
    return sent == failed or (sent.connection < 0 and sent.remote == failed.remote and failed.connection != 0)


class ClientTransactions:
    """The table, and the short list of those that nobody has answered yet."""

    __slots__ = ("_context", "_table", "_unanswered", "large")

    def __init__(self, context: Context, addresses: Addresses) -> None:
        self._context = context
        self.large = LargeRequests(context, addresses)
        self._table: dict[Key, ClientTransaction] = {}
        self._unanswered: dict[Key, ClientTransaction] = {}

    def __len__(self) -> int:
        return len(self._table)

    def start(self, branch: str, method: str, flow: Flow, data: bytes, owner: ClientOwner | None) -> ClientTransaction:
        if len(self._table) >= self._context.settings.max_transactions:
            self._evict()
        key = ("z9hG4bK" + branch, method)
        transaction = ClientTransaction(self, self._context, key, flow, data, owner)
        self._table[key] = transaction
        self._unanswered[key] = transaction
        return transaction

    def find(self, response: Response) -> ClientTransaction | None:
        """RFC 3261 17.1.3: the branch of the top Via and the method of CSeq."""
        return self._table.get((response.via.branch, response.cseq.method))

    def answered(self, transaction: ClientTransaction) -> None:
        self._unanswered.pop(transaction.key, None)

    def remove(self, transaction: ClientTransaction) -> None:
        if self._table.get(transaction.key) is transaction:
            del self._table[transaction.key]
        self._unanswered.pop(transaction.key, None)

    def transport_failed(self, flow: Flow) -> None:
        """Fail what was sent there and never answered."""
        for transaction in [entry for entry in self._unanswered.values() if _went_over(entry.flow, flow)]:
            transaction.transport_failed()

    def _evict(self) -> None:
        """Above the limit the oldest waits for retransmissions end early."""
        for number, transaction in enumerate(self._table.values()):
            if transaction.state in (ClientState.COMPLETED, ClientState.ACCEPTED):
                transaction.terminate()
                return
            if number == 64:
                return
