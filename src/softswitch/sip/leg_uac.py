"""The opening INVITE of an outgoing leg (RFC 3261 sections 13.2, 9.1, 15).

    CALLING ──1xx──► RINGING ──2xx──► ACK, answered    (a reliable 18x: PRACK, RFC 3262; 422: again, RFC 4028)
       │                ├─3xx-6xx──► LegEnded(PEER)
       │                └─Hangup──► CANCEL, told at once ──487──► over
       ├─Hangup──► told at once; CANCEL with the first 1xx           └─2xx crossed──► ACK + BYE
       └─timer B / unreachable──► LegEnded(TIMEOUT / TRANSPORT)

A second 2xx with another To tag is a fork: acknowledged and hung up on the spot.
"""

from __future__ import annotations

from softswitch.sip.bodies import answered_description
from softswitch.sip.carrier import proof
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import SipError
from softswitch.sip.given_up import GivenUp
from softswitch.sip.leg import Leg, LegState
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import EndedBy, Flow, InviteAnswered, InviteProgressed
from softswitch.sip.reason import cause_of, reason_line
from softswitch.sip.reliable import EarlyDialog, reliable_number
from softswitch.sip.respond import ALLOW
from softswitch.sip.session_timer import too_small
from softswitch.sip.transaction_client import ClientState, ClientTransaction, cancellation
from softswitch.sip.transaction_server import ServerTransaction

MAX_FORKS = 8
WAY_SECONDS = 4.0  # for the first sign of one target of a trunk that has others


class UacSetup:
    """`acks` remembers the ACK of each answered fork by To tag, for retransmitted 2xx."""

    __slots__ = (
        "_acks",
        "_answer_within",
        "_answered",
        "_cancel_reason",
        "_cancel_sent",
        "_cancelled",
        "_early",
        "_fixed_flow",
        "_leg",
        "_opening",
        "_transaction",
        "_tried",
    )

    def __init__(self, leg: Leg, fixed_flow: bool, answer_within: float = 0.0) -> None:
        self._leg = leg
        self._fixed_flow = fixed_flow
        self._answered = 0  # challenges
        self._transaction: ClientTransaction | None = None
        self._acks: dict[str, tuple[Flow, bytes]] = {}
        self._cancelled = False
        self._cancel_sent = False
        self._cancel_reason: str | None = None
        self._opening = ("", b"")  # further header lines and offer, for another try
        self._early: dict[str, EarlyDialog] = {}  # by To tag
        self._tried: list[Flow] = []  # flows that failed
        self._answer_within = answer_within  # seconds for the whole call; 0: timer B

    @property
    def settled(self) -> bool:
        return self._leg.state is LegState.UP

    @property
    def agreed(self) -> bool:
        return self._leg.state is LegState.SETUP and any(early.sdp for early in self._early.values())

    def early_dialog(self, tag: str) -> Dialog | None:
        early = self._early.get(tag)
        return None if early is None else early.dialog

    def start(self, extra: str, sdp: bytes, proof_line: str = "", again: bool = False) -> None:
        leg = self._leg
        context = leg.hub.context
        dialog = leg.dialog
        self._opening = (extra, sdp)
        leg.session.described = sdp
        branch = context.token()
        lines = dialog.contact(context) + ALLOW + extra + leg.session.request_lines() + proof_line
        number = dialog.local_seq if again else dialog.next_number()
        data = dialog.request(context, "INVITE", number, branch, lines, sdp)
        self._transaction = leg.hub.clients.start(branch, "INVITE", dialog.flow, data, self)
        if leg.carrier is not None and not self._fixed_flow:
            self._limit(self._transaction)

    def _limit(self, transaction: ClientTransaction) -> None:
        """A trunk that says nothing is not waited for as long as a transaction lives, when there is another way."""
        context = self._leg.hub.context
        wait = self._answer_within
        if self._leg.hub.has_other_flow(self._leg, self._tried):
            wait = min(wait or WAY_SECONDS, WAY_SECONDS)
        if wait:
            context.timers.start(context.now + wait, lambda: self._silent(transaction))

    def _silent(self, transaction: ClientTransaction) -> None:
        """Not a sign of it."""
        if transaction is not self._transaction or transaction.state is not ClientState.CALLING or self._cancelled:
            return
        hub = self._leg.hub
        transaction.owner = GivenUp(hub.clients, self._released, 64 * hub.context.settings.t1_seconds)
        if not self._other_flow():
            self._over(EndedBy.TIMEOUT)

    def _released(self, response: Response) -> None:
        """A target that was given up has answered."""
        known = self._acks.get(response.to.tag)
        if known is not None:
            self._leg.hub.context.send(*known)
        else:
            self._release(response)

    # ---------------------------------------------------------------- orders

    def hang_up(self, reason: str | None) -> None:
        leg = self._leg
        if leg.state is LegState.UP:
            leg.tell(EndedBy.US, 200)
            leg.bye(reason)
            return
        leg.tell(EndedBy.US, 487)
        self._cancel(reason)
        leg.close()

    def _cancel(self, reason: str | None) -> None:
        transaction = self._transaction
        assert transaction is not None
        if self._cancelled:
            return
        self._cancelled = True
        self._cancel_reason = reason
        # RFC 3261 9.1: "If no provisional response has been received, the CANCEL request MUST NOT be sent; rather,
        # the client MUST wait for the arrival of a provisional response before sending the request."
        if transaction.state is ClientState.PROCEEDING:
            self._send_cancel(transaction)

    def _send_cancel(self, transaction: ClientTransaction) -> None:
        if self._cancel_sent:
            return
        self._cancel_sent = True
        hub = self._leg.hub
        data = cancellation(transaction.data, reason_line(self._cancel_reason))
        branch = transaction.key[0].removeprefix("z9hG4bK")
        hub.clients.start(branch, "CANCEL", transaction.flow, data, None)
        transaction.give_up_after(64 * hub.context.settings.t1_seconds)

    # ---------------------------------------------------------------- the wire

    def peer_bye(self) -> int:
        """A BYE that overtook the 2xx ends the call as well; what still rings elsewhere is cancelled."""
        if self._leg.state is LegState.SETUP:
            self._cancel(None)
        return 200

    def acknowledged(self, ack: Request) -> bool:
        return False

    def pracked(self, request: Request, transaction: ServerTransaction) -> None:
        raise SipError(481, "nothing to acknowledge")

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        status = response.status
        if status < 200:
            self._provisional(transaction, response)
        elif status < 300:
            self._accepted(transaction, response)
        elif not self._tries_again(response):
            self._leg.tell(EndedBy.PEER, status, cause_of(response), self._leg.hub.moved_to(self._leg, response))
            self._leg.close()

    def _tries_again(self, response: Response) -> bool:
        """RFC 4028 7.3: after a 422 the INVITE is sent again, with the interval that the callee wants; RFC 3261 22.2:
        after a challenge of the carrier that we call through, with the answer."""
        leg = self._leg
        if leg.told:
            return False
        line = ""
        # RFC 3263 4.3: "For SIP requests, failure occurs if the transaction layer reports a 503 error response or a
        # transport failure of some sort".
        if response.status == 430 or (response.status == 503 and leg.carrier is not None):
            return self._other_flow()
        if response.status in (401, 407) and leg.carrier is not None and not self._fixed_flow:
            cnonce = leg.hub.context.token()
            line = proof(response, leg.carrier, "INVITE", leg.dialog.target, cnonce, self._answered)
            self._answered += 1
            if not line:
                return False
        elif response.status != 422 or not leg.session.raise_to(too_small(response)):
            return False
        self._early.clear()
        self.start(*self._opening, line)
        return True

    def _other_flow(self) -> bool:
        """RFC 5626 5.3.1 and 11.2: 430, or nobody there at all: the next flow of the same phone."""
        leg = self._leg
        self._tried.append(leg.dialog.flow)
        if leg.told or self._cancelled or not leg.hub.next_flow(leg, self._tried):
            return False
        self._early.clear()
        # RFC 3263 4.3: "the client SHOULD create a new request, which is identical to the previous, but has a different
        # value of the Via branch ID than the previous".
        self.start(*self._opening, again=True)
        return True

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        if transaction.state is not ClientState.PROCEEDING and self._other_flow():
            return
        self._over(by)

    def _over(self, by: EndedBy) -> None:
        self._leg.tell(by, 408 if by is EndedBy.TIMEOUT else 503)
        self._leg.close()

    def _provisional(self, transaction: ClientTransaction, response: Response) -> None:
        leg = self._leg
        if transaction.dialog_flow is not leg.dialog.flow:
            leg.dialog.flow = transaction.dialog_flow
        if self._cancelled:
            self._send_cancel(transaction)
            return
        if response.status > 100:
            sdp = answered_description(response)
            number = reliable_number(response)
            if not number or self._take_reliable(transaction, response, number, sdp):
                leg.hub.context.out.append(InviteProgressed(leg.id, response.status, sdp))

    def _take_reliable(
        self, transaction: ClientTransaction, response: Response, number: int, sdp: bytes | None
    ) -> bool:
        """Acknowledge it; False for a repetition, or when one before it was lost."""
        tag = response.to.tag
        leg = self._leg
        early = self._early.get(tag)
        if early is None:
            if not tag or len(self._early) >= MAX_FORKS:
                return False
            dialog = leg.dialog.fork()
            if not dialog.established(response, None if self._fixed_flow else leg.hub.trusted):
                return False
            early = self._early[tag] = EarlyDialog(dialog)
        if not early.takes(number):
            return False
        early.sdp = early.sdp or sdp
        context = leg.hub.context
        branch = context.token()
        data = early.acknowledgement(context, response.cseq.number, branch)
        leg.hub.clients.start(branch, "PRACK", early.dialog.flow, data, None)
        return True

    def _accepted(self, transaction: ClientTransaction, response: Response) -> None:
        tag = response.to.tag
        known = self._acks.get(tag)
        if known is not None:
            self._leg.hub.context.send(*known)
            return
        leg = self._leg
        if leg.state is LegState.SETUP and not self._cancelled:
            context = leg.hub.context
            dialog = leg.dialog
            readable = dialog.established(response, None if self._fixed_flow else leg.hub.trusted)
            early = self._early.pop(tag, None)
            if early is not None:
                dialog.local_seq = max(dialog.local_seq, early.dialog.local_seq)
                dialog.remote_seq = early.dialog.remote_seq
            leg.state = LegState.UP
            leg.hub.leg_changed(leg)
            self._acknowledge(dialog, response)
            if not readable:
                leg.tell(EndedBy.PEER, 500)
                leg.bye(None)
                return
            leg.session.accepted(response)
            self._opening = ("", b"")
            # RFC 3261 13.2.1: an answer that came in a reliable provisional response is the answer.
            sdp = answered_description(response)
            context.out.append(InviteAnswered(leg.id, early.sdp or sdp if early is not None else sdp))
            leg.offers.setup_settled()
        else:
            self._release(response)

    def _acknowledge(self, dialog: Dialog, response: Response) -> None:
        """RFC 3261 13.2.2.4: an ACK of its own for every 2xx, with the number of the INVITE."""
        context = self._leg.hub.context
        ack = dialog.request(context, "ACK", response.cseq.number, context.token())
        self._acks[dialog.remote_tag] = (dialog.flow, ack)
        context.send(dialog.flow, ack)

    def _release(self, response: Response) -> None:
        """Answered by somebody we no longer want: a fork, or after our CANCEL. ACK, then BYE."""
        if len(self._acks) >= MAX_FORKS:
            return
        leg = self._leg
        fork = leg.dialog.fork()
        fork.established(response, None if self._fixed_flow else leg.hub.trusted)
        early = self._early.pop(response.to.tag, None)
        if early is not None:
            fork.local_seq = max(fork.local_seq, early.dialog.local_seq)
        self._acknowledge(fork, response)
        leg.send_bye(fork, self._cancel_reason)
