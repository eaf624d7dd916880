"""Offers after the call is up (RFC 3261 section 14, RFC 3311): re-INVITE and UPDATE of the peer, re-INVITE of ours.

peer:   IDLE ──INVITE/UPDATE──► INCOMING ──AnswerOffer──► (200: wait for ACK) ──► IDLE
ours:   IDLE ──SendOffer──► OUTGOING ──final──► IDLE
                               └─491──► GLARE ──timer──► OUTGOING
An offer that waits while the peer's is answered is out of date: its turn come, the call room is asked for another.
crossing: INVITE in OUTGOING → 491; INVITE in INCOMING → 500 with Retry-After; SendOffer in INCOMING waits.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from softswitch.sip.ack_wait import AckWait
from softswitch.sip.bodies import answered_description, session_description
from softswitch.sip.carrier import proof
from softswitch.sip.errors import SipError
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import AckReceived, EndedBy, OfferAnswered, OfferReceived
from softswitch.sip.offer_messages import OfferDue
from softswitch.sip.respond import ALLOW
from softswitch.sip.session_timer import Asked, asked_by, too_small
from softswitch.sip.timers import Timer
from softswitch.sip.transaction_client import ClientTransaction
from softswitch.sip.transaction_server import ServerTransaction

if TYPE_CHECKING:
    from softswitch.sip.leg import Leg

MAX_GLARES = 5
MAX_PAUSE = 10  # seconds that a peer may ask for
_RETRY_AFTER = re.compile(r"([0-9]{1,5})[ \t]*+(?:[;(].*+)?", re.DOTALL)


def _retry_seconds(response: Response) -> int:
    """Retry-After (RFC 3261 20.33), -1 without one."""
    found = _RETRY_AFTER.fullmatch(response.headers.get("retry-after", ""))
    return int(found[1]) if found is not None else -1


class IncomingOffer:
    """The peer's re-INVITE or UPDATE that waits for the call room."""

    __slots__ = ("asked", "leg", "request", "transaction")

    def __init__(self, leg: Leg, request: Request, transaction: ServerTransaction, asked: Asked | None) -> None:
        self.leg = leg
        self.asked = asked  # what it says of the session timer
        self.request = request
        self.transaction = transaction

    def cancelled(self, cancel: Request) -> None:
        """RFC 3261 9.2: the re-INVITE ends with 487; the session goes on unchanged."""
        self.transaction.respond(487)
        self.leg.offers.incoming = None


class Offers:
    """Later offers of one leg. `wait` is for the ACK of our 200 to the INVITE numbered `wait_number`."""

    __slots__ = (
        "_ack",
        "_glare",
        "_glares",
        "_leg",
        "_outgoing",
        "_proofs",
        "_refreshing",
        "_sdp",
        "_wait",
        "_wait_late",
        "_wait_number",
        "incoming",
    )

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self.incoming: IncomingOffer | None = None
        self._wait: AckWait | None = None
        self._wait_number = -1
        self._wait_late = False
        self._outgoing: ClientTransaction | None = None
        self._sdp: bytes | None = None  # what we are offering, or want to offer; empty: it has to be made anew
        self._glare: Timer | None = None
        self._glares = 0
        self._proofs = 0  # challenges of the trunk that were answered for the offer under way
        self._refreshing = False  # what is under way is no offer of the call room
        self._ack = (0, b"")  # the last ACK of ours, by the number of its INVITE

    # ---------------------------------------------------------------- the peer offers

    def invite_received(self, request: Request, transaction: ServerTransaction) -> None:
        self._refuse_crossing()
        leg = self._leg
        if not leg.up:
            # The opening INVITE has no final response yet: the second case of 14.2 as well.
            raise SipError(500, "re-INVITE before the answer", self._retry_after())
        if not leg.setup.settled or self._wait is not None:
            # Our 2xx is not acknowledged yet: the answer to that offer may still be on its way.
            raise SipError(491, "re-INVITE before the ACK")
        sdp = session_description(request)
        asked = asked_by(request, leg.hub.context.settings.min_session_seconds)
        leg.session.learn(request)
        self.incoming = transaction.owner = IncomingOffer(leg, request, transaction, asked)
        transaction.respond(100)
        leg.hub.context.out.append(OfferReceived(leg.id, sdp))

    def update_received(self, request: Request, transaction: ServerTransaction) -> None:
        sdp = session_description(request)
        leg = self._leg
        if sdp is None:
            # RFC 3311 5.2: without an offer it only refreshes the target.
            asked = asked_by(request, leg.hub.context.settings.min_session_seconds)
            leg.dialog.refresh_target(request)
            extra = leg.dialog.contact(leg.hub.context) + ALLOW
            if leg.up:
                leg.session.learn(request)
                extra += leg.session.answer_lines(asked)
            transaction.respond(200, extra)
            return
        self._refuse_crossing()
        if not leg.setup.settled and not leg.setup.agreed:
            # RFC 3311 5.2: "If the UAS has generated an offer [...] to which it has not yet received an answer, the
            # UAS MUST reject the UPDATE with a 491"; with an offer of the peer not answered yet it is "a 500 response
            # [...] and MUST include a Retry-After header field with a randomly chosen value between 0 and 10 seconds".
            if leg.owns_call_id or leg.up:
                raise SipError(491, "UPDATE before the session is agreed")
            raise SipError(500, "the offer before is not answered", self._retry_after())
        self.take(request, transaction)

    def take(self, request: Request, transaction: ServerTransaction) -> None:
        """An offer in UPDATE or PRACK."""
        leg = self._leg
        sdp = session_description(request)
        asked = None
        if request.method == "UPDATE":
            asked = asked_by(request, leg.hub.context.settings.min_session_seconds)
            leg.session.learn(request)
        self.incoming = IncomingOffer(leg, request, transaction, asked)
        leg.hub.context.out.append(OfferReceived(leg.id, sdp))

    def _retry_after(self) -> str:
        return f"Retry-After: {self._leg.hub.context.random_bits(16) % 11}\r\n"

    def _refuse_crossing(self) -> None:
        # RFC 3261 14.2: "A UAS that receives an INVITE on a dialog while an INVITE it had sent on that dialog is in
        # progress MUST return a 491 (Request Pending)".
        if self._outgoing is not None:
            raise SipError(491, "our own offer is pending")
        # RFC 3261 14.2: "A UAS that receives a second INVITE before it sends the final response to a first INVITE
        # [...] MUST return a 500 [...] and MUST include a Retry-After header field with a randomly chosen value of
        # between 0 and 10 seconds."
        if self.incoming is not None:
            raise SipError(500, "an offer is pending", self._retry_after())

    def answer(self, status: int, sdp: bytes | None) -> None:
        """The call room's `AnswerOffer`. Too late (cancelled, ended): nothing."""
        incoming = self.incoming
        if incoming is None:
            return
        self.incoming = None
        transaction = incoming.transaction
        request = incoming.request
        leg = self._leg
        if status >= 300 or status < 200 or not sdp:
            transaction.respond(status if status >= 300 else 488)
        else:
            leg.dialog.refresh_target(request)
            context = leg.hub.context
            extra = leg.dialog.contact(context) + ALLOW
            if leg.up and incoming.asked is not None:
                extra += leg.session.answer_lines(incoming.asked)
            leg.session.described = sdp
            if self._sdp is not None:
                # RFC 3264 8: the version of what we say grows by each description, and this one is newer.
                self._sdp = b""
            data = transaction.respond(status, extra, sdp)
            if request.method == "INVITE":
                self._wait = AckWait(context, transaction.flow, data, self._ack_lost)
                self._wait_number = request.cseq.number
                self._wait_late = not request.body
                return
        self._go_on()

    def acknowledged(self, ack: Request) -> None:
        if self._wait is None or ack.cseq.number != self._wait_number:
            return
        self._wait.stop()
        self._wait = None
        if self._wait_late and not self._leg.told:
            self._leg.hub.context.out.append(AckReceived(self._leg.id, ack.body or None))
        self._go_on()

    def _ack_lost(self) -> None:
        self._wait = None
        self._leg.lost(408)

    # ---------------------------------------------------------------- we offer

    def send(self, sdp: bytes) -> None:
        """The call room's `SendOffer`. One at a time: a newer one replaces one that still waits."""
        if self._sdp is not None and self._outgoing is None:
            self._tell(491, None)
        elif self._outgoing is not None and (not self._refreshing or self._sdp is not None):
            self._leg.hub.context.out.append(OfferAnswered(self._leg.id, 491, None))
            return
        self._sdp = sdp
        self._glares = 0
        self._go_on()

    def _go_on(self) -> None:
        """Send the waiting offer when nothing is in its way."""
        if self._sdp is None or self._outgoing or self.incoming or self._wait or self._glare:
            return
        leg = self._leg
        if not leg.setup.settled or leg.told:
            return
        if self._sdp:
            self._invite(self._sdp)
        else:
            self._sdp = None
            leg.hub.context.out.append(OfferDue(leg.id))

    def refresh(self, sdp: bytes) -> bool:
        """RFC 4028 7.4: a re-INVITE that repeats what we said last. False when something is in its way."""
        if not sdp or self._sdp is not None or self._outgoing or self.incoming or self._wait or self._glare:
            return False
        if not self._leg.setup.settled:
            return False
        self._refreshing = True
        self._invite(sdp)
        return True

    def _invite(self, sdp: bytes, proof_line: str = "") -> None:
        leg = self._leg
        self._proofs = self._proofs + 1 if proof_line else 0
        context = leg.hub.context
        dialog = leg.dialog
        leg.hub.reconnect(dialog)
        branch = context.token()
        extra = dialog.contact(context) + ALLOW + leg.session.request_lines() + proof_line
        data = dialog.request(context, "INVITE", dialog.next_number(), branch, extra, sdp)
        self._outgoing = leg.hub.clients.start(branch, "INVITE", dialog.flow, data, self)

    def setup_settled(self) -> None:
        """The opening INVITE is acknowledged: what waited may go."""
        if self._sdp is not None:
            self._go_on()

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        status = response.status
        if status < 200:
            if self._leg.told:
                self._let_go(transaction)
            return
        if status < 300:
            self._accepted(transaction, response)
            return
        self._outgoing = None
        leg = self._leg
        if status in (401, 407) and self._proven(response):
            return
        refreshing, self._refreshing = self._refreshing, False
        if leg.told:
            return
        if refreshing:
            leg.session.refused(response)
            self._go_on()
            return
        if status == 422 and leg.session.raise_to(too_small(response)):
            self._go_on()
            return
        if status == 491 and self._glares < MAX_GLARES:
            self._glares += 1
            self._start_glare_timer()
            return
        if status == 500 and self._glares < MAX_GLARES and 0 <= (pause := _retry_seconds(response)) <= MAX_PAUSE:
            # RFC 3261 14.2: the peer is busy with an offer of its own, and says when to come again.
            self._glares += 1
            self._glare = leg.hub.context.timers.start(leg.hub.context.now + pause, self._after_glare)
            return
        self._tell(status, None)
        # RFC 3261 12.2.1.2: "If the response for a request within a dialog is a 481 (Call/Transaction Does Not Exist)
        # or a 408 (Request Timeout), the UAC SHOULD terminate the dialog."
        if status in (408, 481):
            leg.lost(status)
        else:
            self._go_on()

    def _proven(self, response: Response) -> bool:
        """RFC 3261 22.2: the carrier that this dialog goes over wants to know again who we are."""
        leg = self._leg
        sdp = leg.session.described if self._refreshing else self._sdp
        if leg.carrier is None or leg.told or not sdp:
            return False
        cnonce = leg.hub.context.token()
        line = proof(response, leg.carrier, "INVITE", leg.dialog.request_uri, cnonce, self._proofs)
        if line:
            self._invite(sdp, line)
        return bool(line)

    def _accepted(self, transaction: ClientTransaction, response: Response) -> None:
        leg = self._leg
        context = leg.hub.context
        if self._outgoing is not transaction:
            # Our ACK got lost, or we have hung up meanwhile: a 2xx is always acknowledged.
            self._acknowledge(transaction, response)
            return
        self._outgoing = None
        leg.dialog.refresh_target(response)
        self._acknowledge(transaction, response)
        refreshing, self._refreshing = self._refreshing, False
        if leg.told:
            return
        leg.session.accepted(response)
        if refreshing:
            self._go_on()
        else:
            leg.session.described = self._sdp or b""
            self._sdp = None
            context.out.append(OfferAnswered(leg.id, response.status, answered_description(response)))

    def _acknowledge(self, transaction: ClientTransaction, response: Response) -> None:
        context = self._leg.hub.context
        number = response.cseq.number
        if self._ack[0] != number:
            self._ack = (number, self._leg.dialog.request(context, "ACK", number, context.token()))
        context.send(transaction.flow, self._ack[1])

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        self._outgoing = None
        refreshing, self._refreshing = self._refreshing, False
        leg = self._leg
        if leg.told:
            return
        if not refreshing or self._sdp is not None:
            self._tell(408 if by is EndedBy.TIMEOUT else 503, None)
        leg.tell(by, 408 if by is EndedBy.TIMEOUT else 503)
        leg.bye(None)

    def _tell(self, status: int, sdp: bytes | None) -> None:
        self._sdp = None
        self._leg.hub.context.out.append(OfferAnswered(self._leg.id, status, sdp))

    def _start_glare_timer(self) -> None:
        context = self._leg.hub.context
        # RFC 3261 14.1: the owner of the Call-ID waits 2.1 to 4 seconds in units of 10 ms, the other 0 to 2 seconds.
        if self._leg.owns_call_id:
            seconds = 2.1 + context.random_bits(16) % 191 / 100
        else:
            seconds = context.random_bits(16) % 201 / 100
        self._glare = context.timers.start(context.now + seconds, self._after_glare)

    def _after_glare(self) -> None:
        self._glare = None
        self._go_on()

    # ---------------------------------------------------------------- the end

    def close(self) -> None:
        """The leg is gone: answer what is open, stop what runs."""
        incoming = self.incoming
        self.incoming = None
        if incoming is not None and not incoming.transaction.answered:
            incoming.transaction.respond(487 if incoming.request.method == "INVITE" else 481)
        if self._wait is not None:
            self._wait.stop()
            self._wait = None
        if self._glare is not None:
            self._leg.hub.context.timers.cancel(self._glare)
            self._glare = None
        if self._outgoing is not None:
            self._let_go(self._outgoing)
        self._sdp = None

    def _let_go(self, transaction: ClientTransaction) -> None:
        """The peer may have forgotten the dialog: the final answer to our re-INVITE is not waited for for ever."""
        transaction.give_up_after(64 * self._leg.hub.context.settings.t1_seconds)
