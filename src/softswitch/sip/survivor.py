"""An established leg that outlives its process: what is kept of it, and how it goes on in the next one.

    answered ──taken──► EstablishedLeg (kept outside) ─ ─ crash ─ ─► restored ──► requests in its dialog, by either side
                                                                       │  with 64*T1 for an ACK that had not come
                                                                       └──► a refresh soon, where the refresh is ours

Kept is what RFC 3261 12 calls the state of a dialog, and of the session timer its roles. What may be behind the truth
does no harm: our CSeq goes on with a gap (RFC 3261 12.2.2: "It is possible for the CSeq sequence number to be higher
than the remote sequence number by more than one. This is not an error condition"), and of the peer everything is in
order that is higher than what was seen when the leg was taken. Transactions are not kept: a request that was under way
is repeated by whoever sent it. Keys are not kept: a description with keys in it is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.ids import AgentId, LegId, TrunkId
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import SipError
from softswitch.sip.leg import Hub, Leg, LegState
from softswitch.sip.leg_uac import UacSetup
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import AckReceived, EndedBy, Flow, TrunkSettings
from softswitch.sip.session_timer import TimerFacts
from softswitch.sip.timers import Timer
from softswitch.sip.transaction_server import ServerTransaction

CSEQ_GAP = 1_000  # more requests than we send in a dialog between two looks at it
_SECRETS = (b"a=crypto:", b"a=ice-pwd:")


@dataclass(frozen=True, slots=True)
class EstablishedLeg:
    """One leg as it was when it was looked at. `local` and `remote` are complete From/To values."""

    leg: LegId
    call_id: str
    local_tag: str
    remote_tag: str
    local: str
    remote: str
    local_seq: int
    remote_seq: int
    target: str
    routes: tuple[str, ...]
    secure: bool
    flow: Flow
    owns_call_id: bool
    agent: AgentId | None
    trunk: TrunkId | None
    invite: int  # CSeq of the INVITE that it began with
    acked: bool  # and whether our 200 to that is acknowledged
    timer: TimerFacts
    described: bytes  # what we said last; empty when there are keys in it


@dataclass(frozen=True, slots=True)
class LegsRestored:
    """At start: the legs that were up when the last process ended."""

    legs: tuple[EstablishedLeg, ...]


def taken(leg: Leg) -> EstablishedLeg | None:
    """None: there is nothing (more) that could go on."""
    if leg.state is not LegState.UP or leg.told:
        return None
    dialog, described = leg.dialog, leg.session.described
    return EstablishedLeg(
        leg.id,
        dialog.call_id,
        dialog.local_tag,
        dialog.remote_tag,
        dialog.local,
        dialog.remote,
        dialog.local_seq,
        dialog.remote_seq,
        dialog.target,
        dialog.routes,
        dialog.secure,
        dialog.flow,
        leg.owns_call_id,
        leg.agent,
        None if leg.carrier is None else leg.carrier.id,
        0 if leg.owns_call_id else leg.opening[2],
        leg.setup.settled,
        leg.session.facts,
        b"" if any(word in described for word in _SECRETS) else described,
    )


def restored(hub: Hub, kept: EstablishedLeg, flow: Flow, carrier: TrunkSettings | None) -> Leg:
    """The leg goes on; `flow` is the way to its peer in this process."""
    dialog = Dialog(kept.call_id, kept.local_tag, kept.local, kept.remote, kept.target, flow)
    dialog.remote_tag = kept.remote_tag
    dialog.local_seq = kept.local_seq + CSEQ_GAP
    dialog.remote_seq = kept.remote_seq
    dialog.routes = kept.routes
    dialog.secure = kept.secure
    leg = Leg(hub, kept.leg, dialog, kept.owns_call_id)
    leg.agent = kept.agent
    leg.carrier = carrier
    leg.state = LegState.UP
    if not kept.owns_call_id:
        leg.opening = (kept.call_id, kept.remote_tag, kept.invite)
    leg.setup = RestoredSetup(leg, kept.invite, kept.acked)
    leg.session.restored(kept.timer, kept.described)
    return leg


class RestoredSetup:
    """The opening INVITE of a leg that was answered by the process before: over, but for an ACK."""

    __slots__ = ("_bye_reason", "_bye_wanted", "_leg", "_number", "_wait")

    def __init__(self, leg: Leg, number: int, acked: bool) -> None:
        self._leg = leg
        self._number = number
        self._bye_wanted = False
        self._bye_reason: str | None = None
        self._wait: Timer | None = None
        if not acked:
            # RFC 3261 13.3.1.4: "If the server retransmits the 2xx response for 64*T1 seconds without receiving an
            # ACK, the dialog is confirmed, but the session SHOULD be terminated." It cannot be repeated any more.
            context = leg.hub.context
            self._wait = context.timers.start(context.now + 64 * context.settings.t1_seconds, self._ack_lost)

    @property
    def settled(self) -> bool:
        return self._wait is None

    @property
    def agreed(self) -> bool:
        return False

    def early_dialog(self, tag: str) -> Dialog | None:
        return None

    def pracked(self, request: Request, transaction: ServerTransaction) -> None:
        raise SipError(481, "nothing to acknowledge")

    def hang_up(self, reason: str | None) -> None:
        leg = self._leg
        leg.tell(EndedBy.US, 200)
        # RFC 3261 15: "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an ACK for its
        # 2xx response or until the server transaction times out."
        if self._wait is not None:
            self._bye_wanted, self._bye_reason = True, reason
        else:
            leg.bye(reason)

    def peer_bye(self) -> int:
        self._stop()
        return 200

    def acknowledged(self, ack: Request) -> bool:
        leg = self._leg
        if leg.owns_call_id or ack.cseq.number != self._number:
            return False
        if self._wait is None:
            return True
        self._stop()
        if self._bye_wanted:
            leg.bye(self._bye_reason)
            return True
        leg.hub.context.out.append(AckReceived(leg.id, ack.body or None))
        leg.offers.setup_settled()
        return True

    def _stop(self) -> None:
        self._leg.hub.context.timers.cancel(self._wait)
        self._wait = None

    def _ack_lost(self) -> None:
        self._wait = None
        if self._bye_wanted:
            self._leg.bye(self._bye_reason)
        else:
            self._leg.lost(408)


def acknowledged_again(leg: Leg, response: Response) -> None:
    """A 2xx whose transaction is gone: RFC 3261 13.2.2.4, "the ACK [...] MUST be passed to the client transport every
    time a retransmission of the 2xx final response that triggered the ACK arrives"."""
    if isinstance(leg.setup, UacSetup) or not leg.owns_call_id or leg.dialog.remote_tag != response.to.tag:
        return
    context, dialog = leg.hub.context, leg.dialog
    context.send(dialog.flow, dialog.request(context, "ACK", response.cseq.number, context.token()))
