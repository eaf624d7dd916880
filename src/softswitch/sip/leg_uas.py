"""The opening INVITE of an incoming leg (RFC 3261 sections 13.3, 9.2, 15).

    RINGING ──Answer──► ANSWERED ──ACK──► settled
       │                   ├─64*T1 without ACK──► BYE, LegEnded(TIMEOUT)
       │                   └─Hangup──► told at once; BYE when the ACK came or 64*T1 passed
       ├─Reject / Hangup──► final error      ├─CANCEL──► 487      └─BYE──► 487

RFC 3261 15: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an ACK for its 2xx
response or until the server transaction times out."
"""

from __future__ import annotations

from softswitch.sip.ack_wait import AckWait
from softswitch.sip.leg import Leg, LegState
from softswitch.sip.message import Request
from softswitch.sip.messages import AckReceived, EndedBy
from softswitch.sip.reason import cause_of, reason_line
from softswitch.sip.respond import ALLOW, record_routes
from softswitch.sip.transaction_server import ServerTransaction


class UasSetup:
    """`opening` are the header lines that every dialog-creating response repeats."""

    __slots__ = ("_bye_reason", "_bye_wanted", "_leg", "_number", "_opening", "_transaction", "_wait")

    def __init__(self, leg: Leg, request: Request, transaction: ServerTransaction) -> None:
        self._leg = leg
        self._transaction = transaction
        self._number = request.cseq.number
        self._opening = record_routes(request) + leg.hub.context.place(request.flow).contact
        self._wait: AckWait | None = None
        self._bye_wanted = False
        self._bye_reason: str | None = None
        transaction.owner = self

    @property
    def settled(self) -> bool:
        return self._leg.state is LegState.UP and self._wait is None

    # ---------------------------------------------------------------- orders

    def progress(self, status: int, sdp: bytes | None) -> None:
        if not self._transaction.answered and 100 < status < 200:
            self._transaction.respond(status, self._opening, sdp or b"")

    def answer(self, sdp: bytes) -> None:
        if self._transaction.answered:
            return
        data = self._transaction.respond(200, self._opening + ALLOW, sdp)
        self._leg.state = LegState.UP
        self._wait = AckWait(self._leg.hub.context, self._transaction.flow, data, self._ack_lost)

    def reject(self, status: int, retry_after_seconds: int | None, cause: int | None) -> None:
        if self._transaction.answered or status < 300:
            return
        extra = "" if retry_after_seconds is None else f"Retry-After: {retry_after_seconds}\r\n"
        if cause is not None:
            extra += f"Reason: Q.850;cause={cause}\r\n"
        self._end(EndedBy.US, status, extra, None)

    def hang_up(self, reason: str | None) -> None:
        leg = self._leg
        if not self._transaction.answered and leg.state is LegState.SETUP:
            self._end(EndedBy.US, 480, reason_line(reason), None)
            return
        leg.tell(EndedBy.US, 200)
        if self._wait is not None:
            self._bye_wanted = True
            self._bye_reason = reason
        else:
            leg.bye(reason)

    # ---------------------------------------------------------------- the wire

    def cancelled(self, cancel: Request) -> None:
        # RFC 3261 9.2: "If the UAS has not issued a final response [...] the UAS SHOULD immediately respond to the
        # INVITE with a 487 (Request Terminated)."
        self._end(EndedBy.PEER, 487, "", cause_of(cancel))

    def peer_bye(self) -> int:
        if self._wait is not None:
            self._wait.stop()
            self._wait = None
        if not self._transaction.answered and self._leg.state is LegState.SETUP:
            # RFC 3261 15.1.2: "The UAS MUST still respond to any pending requests received for that dialog. It is
            # RECOMMENDED that a 487 (Request Terminated) response be generated to those pending requests."
            self._transaction.respond(487)
            return 487
        return 200

    def acknowledged(self, ack: Request) -> bool:
        if ack.cseq.number != self._number:
            return False
        if self._wait is None:
            return True
        self._wait.stop()
        self._wait = None
        leg = self._leg
        if self._bye_wanted:
            leg.bye(self._bye_reason)
            return True
        leg.hub.context.out.append(AckReceived(leg.id, ack.body or None))
        leg.offers.setup_settled()
        return True

    def _ack_lost(self) -> None:
        self._wait = None
        if self._bye_wanted:
            self._leg.bye(self._bye_reason)
        else:
            self._leg.lost(408)

    def _end(self, by: EndedBy, status: int, extra: str, cause: int | None) -> None:
        self._transaction.respond(status, extra)
        self._leg.tell(by, status, cause)
        self._leg.close()
