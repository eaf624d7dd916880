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
from softswitch.sip.causes import cause_of_status
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import SipError
from softswitch.sip.leg import Leg, LegState
from softswitch.sip.message import Request
from softswitch.sip.messages import AckReceived, EndedBy
from softswitch.sip.reason import cause_of, reason_line
from softswitch.sip.reliable import Reliable
from softswitch.sip.respond import ALLOW, record_routes
from softswitch.sip.session_timer import Asked
from softswitch.sip.timers import Timer
from softswitch.sip.transaction_server import ServerTransaction


class UasSetup:
    """`opening` are the header lines that every dialog-creating response repeats."""

    __slots__ = (
        "_answer",
        "_asked",
        "_bye_reason",
        "_bye_wanted",
        "_expiry",
        "_leg",
        "_number",
        "_opening",
        "_quiet",
        "_reliable",
        "_transaction",
        "_wait",
    )

    def __init__(self, leg: Leg, request: Request, transaction: ServerTransaction, asked: Asked) -> None:
        self._leg = leg
        self._transaction = transaction
        self._number = request.cseq.number
        self._opening = record_routes(request) + leg.dialog.contact(leg.hub.context)
        self._wait: AckWait | None = None
        self._bye_wanted = False
        self._bye_reason: str | None = None
        self._asked = asked
        self._answer: bytes | None = None  # waits for the PRACK of a provisional response with a description
        self._reliable: Reliable | None = None
        self._quiet = False
        self._expiry: Timer | None = None
        expires = request.headers.get("expires")
        if expires is not None and expires.isascii() and expires.isdigit() and 0 < len(expires) < 6:
            # RFC 3261 13.3.1: "If the request is an INVITE that contains an Expires header field, the UAS core sets a
            # timer for the number of seconds indicated in the header field value."
            context = leg.hub.context
            self._expiry = context.timers.start(context.now + int(expires), self._expired)
        transaction.owner = self
        leg.session.learn(request)
        if "100rel" in map(str.lower, request.items("require")):
            # RFC 3262 3: with Require: 100rel "the UAS MUST send any non-100 provisional reliably". To an INVITE
            # without an offer the first of them would have to make one; it gets its offer with the 2xx instead.
            self._quiet = not request.body
            self._reliable = Reliable(leg.hub.context, transaction, self._number, self._not_pracked)

    @property
    def settled(self) -> bool:
        return self._leg.state is LegState.UP and self._wait is None

    @property
    def agreed(self) -> bool:
        reliable = self._reliable
        return reliable is not None and reliable.sent_sdp and reliable.settled and not self._transaction.answered

    def early_dialog(self, tag: str) -> Dialog | None:
        return self._leg.dialog

    # ---------------------------------------------------------------- orders

    def progress(self, status: int, sdp: bytes | None) -> None:
        if self._transaction.answered or self._answer is not None or not 100 < status < 200:
            return
        if self._reliable is None:
            self._transaction.respond(status, self._opening, sdp or b"")
        elif not self._quiet:
            body = b"" if self._reliable.sent_sdp else sdp or b""
            self._reliable.send(status, self._opening + ALLOW, body)

    def answer(self, sdp: bytes) -> None:
        if self._transaction.answered:
            return
        reliable = self._reliable
        body = sdp
        if reliable is not None:
            # RFC 3262 3: "The UAS MAY send a final response to the initial request before having received PRACKs for
            # all unacknowledged reliable provisional responses, unless the final response is 2xx and any of the
            # unacknowledged reliable provisional responses contained a session description."
            if reliable.answer_pending:
                self._answer = sdp
                return
            reliable.stop()
            if reliable.sent_sdp:
                body = b""  # RFC 6337 2.2: the answer was given already
        self._leg.hub.context.timers.cancel(self._expiry)
        session = self._leg.session
        session.described = sdp
        lines = self._opening + ALLOW + session.answer_lines(self._asked)
        data = self._transaction.respond(200, lines, body)
        self._leg.state = LegState.UP
        self._leg.hub.leg_changed(self._leg)
        self._wait = AckWait(self._leg.hub.context, self._transaction.flow, data, self._ack_lost)

    def reject(self, status: int, retry_after_seconds: int | None, cause: int | None) -> None:
        if self._transaction.answered or status < 300:
            return
        extra = "" if retry_after_seconds is None else f"Retry-After: {retry_after_seconds}\r\n"
        if cause is None and self._leg.carrier is not None:
            cause = cause_of_status(status)  # RFC 3326: the network behind the trunk knows causes alone
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

    def pracked(self, request: Request, transaction: ServerTransaction) -> None:
        reliable = self._reliable
        if request.body and self._leg.offers.incoming is not None:
            raise SipError(500, "an offer is pending", "Retry-After: 1\r\n")
        # RFC 3262 3: a PRACK that matches no unacknowledged reliable provisional response gets 481.
        if reliable is None or not reliable.acknowledged(request):
            raise SipError(481, "nothing to acknowledge")
        try:
            if request.body:
                self._leg.offers.take(request, transaction)
            else:
                transaction.respond(200)
        finally:  # acknowledged it is, also with a body that is refused
            self._acknowledged_by_prack(reliable)

    def _acknowledged_by_prack(self, reliable: Reliable) -> None:
        if self._answer is not None:
            self.answer(self._answer)
        else:
            reliable.go_on()

    def _not_pracked(self) -> None:
        # RFC 3262 3: "If a reliable provisional response is retransmitted for 64*T1 seconds without reception of a
        # corresponding PRACK, the UAS SHOULD reject the original request with a 5xx response."
        self._end(EndedBy.TIMEOUT, 504, "", None)

    def cancelled(self, cancel: Request) -> None:
        # RFC 3261 9.2: "If the UAS has not issued a final response [...] the UAS SHOULD immediately respond to the
        # INVITE with a 487 (Request Terminated)."
        self._end(EndedBy.PEER, 487, "", cause_of(cancel))

    def peer_bye(self) -> int:
        if self._wait is not None:
            self._wait.stop()
            self._wait = None
        if self._reliable is not None:
            self._reliable.stop()
        self._leg.hub.context.timers.cancel(self._expiry)
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

    def _expired(self) -> None:
        # RFC 3261 13.3.1: "If the timer fires before the UAS has generated a final response, a 487 (Request
        # Terminated) response SHOULD be generated."
        self._end(EndedBy.PEER, 487, "", None)

    def _end(self, by: EndedBy, status: int, extra: str, cause: int | None) -> None:
        self._leg.hub.context.timers.cancel(self._expiry)
        if self._reliable is not None:
            self._reliable.stop()
        self._transaction.respond(status, extra)
        self._leg.tell(by, status, cause)
        self._leg.close()
