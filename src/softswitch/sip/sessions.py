"""All INVITE sessions: found by leg for the call room, by our tag for the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from softswitch.ids import AgentId, LegId, TrunkId
from softswitch.sip.addresses import Addresses
from softswitch.sip.bodies import session_description
from softswitch.sip.context import Context
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import SipError
from softswitch.sip.identity import Caller, forwarding_lines, said_of_caller
from softswitch.sip.leg import Leg
from softswitch.sip.leg_uac import UacSetup
from softswitch.sip.leg_uas import UasSetup
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import (
    Answer,
    AnswerOffer,
    AnswerRefer,
    ContactBinding,
    EndedBy,
    Flow,
    Hangup,
    InviteReceived,
    LegEnded,
    Origin,
    ReferProgressed,
    Reject,
    RespondProvisional,
    SendOffer,
    StartInvite,
)
from softswitch.sip.number_plan import to_e164
from softswitch.sip.refer import Referrals, parse_replaces
from softswitch.sip.session_timer import asked_by
from softswitch.sip.stir_screen import StirScreen
from softswitch.sip.survivor import EstablishedLeg, LegsRestored, acknowledged_again, restored, taken
from softswitch.sip.transaction_client import ClientTransactions
from softswitch.sip.transaction_server import ServerTransaction
from softswitch.sip.trunk_load import TrunkLoad
from softswitch.sip.uri import dialled_number, parse_uri, printable

Order = (
    RespondProvisional
    | Answer
    | Reject
    | StartInvite
    | SendOffer
    | AnswerOffer
    | Hangup
    | AnswerRefer
    | ReferProgressed
)
MAX_CALL_IDS = 20_000
_RESERVED_NAMES = "via from to call-id cseq contact max-forwards content-length content-type route record-route"
_RESERVED = frozenset(_RESERVED_NAMES.split())


class Phones(Protocol):
    """The phones that are registered (`sip.registrar`)."""

    def contacts(self, agent: AgentId) -> tuple[ContactBinding, ...]: ...
    def other_flows(self, target: str, flow: Flow) -> tuple[ContactBinding, ...]: ...


class _NoPhones:
    def contacts(self, agent: AgentId) -> tuple[ContactBinding, ...]:
        return ()

    def other_flows(self, target: str, flow: Flow) -> tuple[ContactBinding, ...]:
        return ()


class Sessions:
    """`load` counts the legs of each trunk that the call room has not ended yet."""

    __slots__ = (
        "_addresses",
        "_call_ids",
        "_dialogs",
        "_legs",
        "_openings",
        "_orders",
        "clients",
        "context",
        "load",
        "phones",
        "referrals",
        "screen",
    )

    def __init__(self, context: Context, clients: ClientTransactions, addresses: Addresses) -> None:
        self.context = context
        self.clients = clients
        self._addresses = addresses
        self._legs: dict[LegId, Leg] = {}
        self._dialogs: dict[str, Leg] = {}
        self._call_ids: dict[LegId, str] = {}  # also of legs that ended a while ago, for the trace
        self._openings: dict[tuple[str, str, int], Leg] = {}  # incoming legs by what their INVITE repeats
        self.load = TrunkLoad(context.settings.trunks)
        self.screen: StirScreen | None = None  # where callers' identities are checked
        self.referrals = Referrals(context, clients, addresses, self._of_dialog)
        self.phones: Phones = _NoPhones()
        self._orders: dict[type, Callable[..., None]] = {
            RespondProvisional: self._respond_provisional,
            Answer: self._answer,
            Reject: self._reject,
            StartInvite: self._start_invite,
            SendOffer: self._send_offer,
            AnswerOffer: self._answer_offer,
            Hangup: self._hang_up,
            AnswerRefer: self.referrals.order,
            ReferProgressed: self.referrals.order,
        }

    def __len__(self) -> int:
        return len(self._dialogs)

    def leg(self, leg: LegId) -> Leg | None:
        return self._legs.get(leg)

    @property
    def full(self) -> bool:
        return len(self._dialogs) >= self.context.settings.max_sessions

    def trusted(self, host: str) -> str:
        return self._addresses.trusted(host)

    def has_other_flow(self, leg: Leg, tried: list[Flow]) -> bool:
        if leg.carrier is None:
            return False
        ways = self._addresses.ways_to(leg.dialog.target, leg.carrier.id)
        return any(way not in tried and way != leg.dialog.flow for way in ways)

    def next_flow(self, leg: Leg, tried: list[Flow]) -> bool:
        """RFC 5626 5.3.1: when a flow has failed, another one of the same phone is used; RFC 3263 4.3: the next target
        of the same trunk."""
        dialog = leg.dialog
        if leg.carrier is not None:
            ways = self._addresses.ways_to(dialog.target, leg.carrier.id)
            flow = next((way for way in ways if way not in tried), None)
            dialog.flow = flow or dialog.flow
            return flow is not None
        for binding in self.phones.other_flows(dialog.target, dialog.flow):
            if binding.flow not in tried:
                dialog.target, dialog.flow, dialog.routes = binding.uri, binding.flow, binding.path
                return True
        return False

    def reconnect(self, dialog: Dialog) -> None:
        """A closed connection is replaced by one to the remote target, when that is at the peer's own address."""
        flow = dialog.flow
        if flow.connection < 0:
            self._phone_is_back(dialog)
        if flow.connection <= 0 or flow.connection in self.context.open_connections:
            return
        if flow.server_name:
            dialog.flow = replace(flow, connection=-1)  # a trunk's TLS, which we made and can make again
        if flow.transport != "tcp":
            return
        try:
            uri = parse_uri(dialog.target)
        except SipError:
            return
        if uri.host == flow.remote[0]:
            dialog.flow = self._addresses.flow_to_address(uri.host, uri.port or 5060, "tcp") or flow

    def _phone_is_back(self, dialog: Dialog) -> None:
        """The connection of a phone was lost with the process before: the one that it has registered over since."""
        leg, flow = self._dialogs.get(dialog.local_tag), dialog.flow
        if leg is None or leg.agent is None:
            return
        for binding in self.phones.contacts(leg.agent):
            way = binding.flow
            same = way.transport == flow.transport and way.remote[0] == flow.remote[0]
            if same and way.connection in self.context.open_connections:
                dialog.flow = way

    # ---------------------------------------------------------------- legs that outlive the process

    def established(self, leg: LegId) -> EstablishedLeg | None:
        """What is to be kept of it; None: it is not up."""
        found = self._legs.get(leg)
        return None if found is None else taken(found)

    def restored(self, event: LegsRestored) -> None:
        for kept in event.legs:
            if kept.leg in self._legs or kept.local_tag in self._dialogs:
                continue
            carrier = self._addresses.find_trunk(kept.trunk)
            leg = restored(self, kept, self._way_again(kept), carrier)
            if not leg.owns_call_id:
                self._openings[leg.opening] = leg
            self._legs[leg.id] = leg
            self._dialogs[leg.dialog.local_tag] = leg
            self._note_call_id(leg)
            self.leg_changed(leg)
            if carrier is not None:
                self.load.began(carrier.id)

    def _way_again(self, kept: EstablishedLeg) -> Flow:
        """A connection is gone with its process; where we cannot make one, the peer will."""
        flow = kept.flow
        if flow.transport == "udp":
            return flow
        if flow.transport == "tcp":
            try:
                uri = parse_uri(kept.target)
            except SipError:
                uri = None
            if uri is not None and uri.host == flow.remote[0]:
                return self._addresses.flow_to_address(uri.host, uri.port or 5060, "tcp") or flow
        return replace(flow, connection=-1)

    def answered_again(self, response: Response) -> None:
        """A 2xx to an INVITE, without a transaction."""
        leg = self._dialogs.get(response.from_.tag)
        if leg is not None and leg.dialog.call_id == response.call_id:
            acknowledged_again(leg, response)

    def call_id(self, leg: LegId) -> str | None:
        return self._call_ids.get(leg)

    def _note_call_id(self, leg: Leg) -> None:
        self._call_ids[leg.id] = leg.dialog.call_id
        if len(self._call_ids) > MAX_CALL_IDS:
            del self._call_ids[next(iter(self._call_ids))]

    def forget_leg(self, leg: Leg) -> None:
        del self._legs[leg.id]
        self.leg_changed(leg)
        if leg.carrier is not None:
            self.load.ended(leg.carrier.id)

    def forget_dialog(self, leg: Leg) -> None:
        dialog = leg.dialog
        self.referrals.leg_gone(leg.id)
        del self._dialogs[dialog.local_tag]
        if not leg.owns_call_id:
            del self._openings[leg.opening]

    # ---------------------------------------------------------------- beside the call, in its dialog

    def other_usage(self, leg: Leg, request: Request, transaction: ServerTransaction) -> None:
        self.referrals.received(leg, request, transaction)

    def leg_changed(self, leg: Leg) -> None:
        self.referrals.watch(leg)

    def before_bye(self, leg: Leg) -> None:
        self.referrals.before_bye(leg.id)

    def moved_to(self, leg: Leg, response: Response) -> tuple[str, TrunkId | None]:
        """RFC 3261 21.3: the Contact of a 3xx says where else to try: of a phone a number of ours, of a trunk a number
        behind one of those that its configuration names; never any other host."""
        if response.status >= 400:
            return "", None
        try:
            uri = response.contact_uri() or ""
            if leg.carrier is not None:
                trunk = self._addresses.trunk_behind(uri)
                return (dialled_number(uri), trunk) if trunk in leg.carrier.redirects else ("", None)
            ours = uri[:4].lower() == "tel:" or self._addresses.is_ours(parse_uri(uri).host)
            return (dialled_number(uri) if ours else ""), None
        except SipError:
            return "", None

    def _of_dialog(self, call_id: str, local_tag: str, remote_tag: str) -> Leg | None:
        """RFC 3891 3: a Replaces matches by Call-ID and both tags; from-tag 0 stands for a peer without one."""
        leg = self._dialogs.get(local_tag)
        if leg is None or leg.dialog.call_id != call_id or leg.dialog.remote_tag not in (remote_tag, "") or leg.told:
            return None
        return leg

    def _replaced(self, request: Request, origin: Origin) -> LegId | None:
        """The leg that an INVITE takes the place of: an agent moves her own call to another phone of hers."""
        value = request.headers.get("replaces")
        if value is None:
            return None
        if origin.agent is None:
            raise SipError(403, "only agents replace calls")
        named = parse_replaces(value)
        leg = self._of_dialog(named.call_id, named.local_tag, named.remote_tag)
        # RFC 3891 3: "If no match is found, the UAS rejects the INVITE and returns a 481 Call/Transaction Does Not
        # Exist response." Nor may it match an early dialog that the UAS did not start, or a stranger's.
        if leg is None or (not leg.up and not leg.owns_call_id):
            raise SipError(481, "nothing to replace")
        if leg.agent != origin.agent:
            raise SipError(403, "somebody else's call")
        # "If the Replaces header field [...] contains the "early-only" flag, the UA MUST [...] 486 Busy Here".
        if leg.up and named.early_only:
            raise SipError(486, "answered already")
        if not leg.up:
            raise SipError(481, "rings only")
        return leg.id

    # ---------------------------------------------------------------- the wire

    def find(self, request: Request) -> Leg | None:
        """RFC 3261 12.2.2: Call-ID, local tag and remote tag name the dialog. Before its 2xx an outgoing leg has no
        remote tag yet; a request that overtook the 2xx is let through to it."""
        leg = self._dialogs.get(request.to.tag)
        if leg is None:
            return None
        dialog = leg.dialog
        if dialog.call_id != request.call_id:
            return None
        if dialog.remote_tag != request.from_.tag and (dialog.remote_tag or not leg.owns_call_id):
            return None
        return leg

    def already_open(self, request: Request) -> bool:
        """An INVITE whose call still goes on: so late a duplicate that its transaction is gone."""
        return (request.call_id, request.from_.tag, request.cseq.number) in self._openings

    def in_dialog(self, leg: Leg, request: Request, transaction: ServerTransaction) -> None:
        """A request of the peer; whatever is wrong with it is answered in its transaction."""
        try:
            method = request.method
            dialog: Dialog | None = leg.dialog
            if leg.owns_call_id and not leg.dialog.remote_tag and method != "BYE":
                dialog = leg.setup.early_dialog(request.from_.tag) if method == "UPDATE" else None
            if dialog is None:
                raise SipError(481, "no dialog yet")
            if not dialog.in_order(request.cseq.number):
                raise SipError(500, "CSeq is not higher than the last one")
            leg.received(request, transaction)
        except SipError as error:
            if transaction.answered:
                raise
            transaction.respond(error.status, error.headers)

    def incoming(self, request: Request, transaction: ServerTransaction, caller: Caller, dialled: str) -> None:
        """A new call, checked and authenticated. SipError when its dialog cannot be opened."""
        context = self.context
        sdp = session_description(request)
        asked = asked_by(request, context.settings.min_session_seconds)
        replaces = self._replaced(request, caller.origin)
        dialog = Dialog.of_request(request, transaction.tag, self._addresses.trusted)
        leg = Leg(self, LegId(context.ids.number()), dialog, False)
        leg.agent = caller.origin.agent
        leg.setup = UasSetup(leg, request, transaction, asked)
        trunk = caller.origin.trunk
        leg.carrier = self._addresses.trunk(trunk) if trunk is not None else None
        leg.opening = (dialog.call_id, dialog.remote_tag, dialog.remote_seq)
        self._openings[leg.opening] = leg
        self._legs[leg.id] = leg
        self.leg_changed(leg)
        self._dialogs[dialog.local_tag] = leg
        self._note_call_id(leg)
        plan = None
        if trunk is not None:
            self.load.began(trunk)
            plan = self._addresses.trunk(trunk).numbers
        # RFC 3261 8.2.6.1: "When a 100 (Trying) response is generated, any Timestamp header field present in the
        # request MUST be copied into this 100 (Trying) response."
        stamp = request.headers.get("timestamp")
        transaction.respond(100, f"Timestamp: {stamp}\r\n" if stamp else "")
        event = InviteReceived(
            leg.id,
            caller.origin,
            dialled if plan is None else to_e164(plan, dialled),
            caller.number,
            caller.name,
            sdp,
            request.flow,
            int(request.headers.get("max-forwards", "70")),
            replaces=replaces,
            private=caller.private,
            forwarded=caller.forwarded,
            dialled_as_sent=dialled,
            caller_as_sent=caller.as_sent,
        )
        if self.screen is None:
            context.out.append(event)
        else:
            self.screen.screen(event, request, transaction)

    # ---------------------------------------------------------------- orders of the call room

    def order(self, order: Order) -> None:
        """Orders for a leg that has ended meanwhile are nothing."""
        self._orders[type(order)](order)

    def _respond_provisional(self, order: RespondProvisional) -> None:
        leg = self._legs.get(order.leg)
        if leg is not None and isinstance(leg.setup, UasSetup):
            leg.setup.progress(order.status, order.sdp)

    def _answer(self, order: Answer) -> None:
        leg = self._legs.get(order.leg)
        if leg is not None and isinstance(leg.setup, UasSetup):
            leg.setup.answer(order.sdp)

    def _reject(self, order: Reject) -> None:
        leg = self._legs.get(order.leg)
        if leg is not None and isinstance(leg.setup, UasSetup):
            leg.setup.reject(order.status, order.retry_after_seconds, order.cause)

    def _send_offer(self, order: SendOffer) -> None:
        leg = self._legs.get(order.leg)
        if leg is not None:
            leg.offers.send(order.sdp)

    def _answer_offer(self, order: AnswerOffer) -> None:
        leg = self._legs.get(order.leg)
        if leg is not None:
            leg.offers.answer(order.status, order.sdp)

    def _hang_up(self, order: Hangup) -> None:
        leg = self._legs.get(order.leg)
        if leg is not None:
            leg.setup.hang_up(order.reason)

    def _start_invite(self, order: StartInvite) -> None:
        context = self.context
        assert order.leg not in self._legs, "a leg is started once"
        try:
            ways = [order.flow] if order.flow is not None else self._addresses.ways_to(order.target, order.trunk)
            uri = parse_uri(order.target)
        except SipError:
            ways = []
        carrier = self._addresses.carrier_of(order.target, order.trunk) if order.flow is None and ways else None
        refused = self.load.admit(carrier.id, context.now, outgoing=True) if carrier is not None else None
        if not ways or refused is not None:
            context.out.append(LegEnded(order.leg, EndedBy.TRANSPORT, 503, refused.cause if refused else None))
            return
        if order.hops <= 0:
            # RFC 7332: who calls on for somebody hands on what is left of Max-Forwards: a ring of forwards ends.
            context.out.append(LegEnded(order.leg, EndedBy.US, 483))
            return
        realm = context.settings.realm
        # A phone of ours is shown the caller, or nobody; what a trunk is told of a private one depends on its trust.
        trusted = carrier.trusted if carrier is not None else not order.private
        caller, lines = said_of_caller(order.caller, order.caller_name, realm, order.private, trusted)
        tag = context.token()
        callee = f"<{uri.scheme}:{uri.user}@{uri.host}>" if uri.user else f"<{uri.scheme}:{uri.host}>"
        dialog = Dialog(context.token() + context.token(), tag, f"{caller};tag={tag}", callee, order.target, ways[0])
        dialog.hops = order.hops
        dialog.routes = order.path
        leg = Leg(self, order.leg, dialog, True)
        leg.agent = order.agent
        leg.carrier = carrier
        setup = UacSetup(leg, order.flow is not None, order.answer_within)
        leg.setup = setup
        self._legs[leg.id] = leg
        self.leg_changed(leg)
        self._dialogs[tag] = leg
        self._note_call_id(leg)
        if carrier is not None:
            self.load.began(carrier.id)
        lines += forwarding_lines(order.forwarded, carrier.forwarding if carrier else "diversion", order.target, realm)
        for name, value in order.headers:
            lines += _header_line(name, value)
        setup.start(lines, order.sdp)


def _header_line(name: str, value: str) -> str:
    assert name.lower() not in _RESERVED and name.replace("-", "").isalnum(), "a header the stack writes itself"
    return f"{name}: {printable(value)}\r\n"
