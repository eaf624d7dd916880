"""The SIP room: one object, events in, commands out (RFC 3261).

    PacketReceived / StreamReceived ─► parser ─┬─ request ─► reception ─┬─ sessions ─► InviteReceived ...
                                               │                        └─ registrar ─► SaveContacts ...
                                               └─ response ─► client transaction ─► leg
    orders of the call room ─► sessions ─► Transmit

Pure: the clock and the randomness are handed in, nothing here waits or blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from softswitch.ids import AgentId, IdSource, LegId, TrunkId
from softswitch.sip.addresses import Addresses
from softswitch.sip.carrier import leave_all, register, registrations
from softswitch.sip.context import Command, Context, RandomSource
from softswitch.sip.courier import Courier
from softswitch.sip.digit_messages import SendInfoKeys
from softswitch.sip.directory import Directory
from softswitch.sip.errors import SipError
from softswitch.sip.gate import Gate
from softswitch.sip.guard import Guard
from softswitch.sip.info_keys import InfoKeys
from softswitch.sip.locate import LookupDone
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import (
    Answer,
    AnswerOffer,
    AnswerRefer,
    ContactBinding,
    ContactsRestored,
    ContactsSaved,
    Flow,
    Hangup,
    LampLit,
    LeaveCarriers,
    LoadChanged,
    PacketReceived,
    ReferProgressed,
    Reject,
    RespondProvisional,
    SecurityEvent,
    SendOffer,
    SipSettings,
    StartInvite,
    StreamClosed,
    StreamReceived,
    TransportFailed,
)
from softswitch.sip.parser import Malformed, parse_datagram
from softswitch.sip.qualify import Qualifier
from softswitch.sip.reception import Reception, Services
from softswitch.sip.registrar import Registrar
from softswitch.sip.sessions import Order, Sessions
from softswitch.sip.stir_messages import CertificateFetched
from softswitch.sip.stir_screen import StirScreen
from softswitch.sip.streams import Streams
from softswitch.sip.stun import binding_response
from softswitch.sip.subscriptions import Subscriptions
from softswitch.sip.survivor import EstablishedLeg, LegsRestored
from softswitch.sip.transaction_client import ClientTransactions
from softswitch.sip.transaction_server import ServerTransactions
from softswitch.sip.trunk_load import TrunkLoad

Event = (
    PacketReceived
    | StreamReceived
    | StreamClosed
    | TransportFailed
    | LoadChanged
    | RespondProvisional
    | Answer
    | Reject
    | StartInvite
    | SendOffer
    | AnswerOffer
    | Hangup
    | AnswerRefer
    | ReferProgressed
    | ContactsSaved
    | ContactsRestored
    | LampLit
    | LeaveCarriers
    | CertificateFetched
    | LookupDone
    | LegsRestored
    | SendInfoKeys
)


class SipStack:
    """Requests, responses, sessions and registrations of one switch."""

    def __init__(
        self,
        settings: SipSettings,
        ids: IdSource,
        random: RandomSource,
        wall: Callable[[float], float] = lambda now: now,
    ) -> None:
        self._context = Context(settings, ids, random)
        addresses = Addresses(settings, self._below)
        self._servers = ServerTransactions(self._context)
        self._clients = ClientTransactions(self._context, addresses)
        self._sessions = Sessions(self._context, self._clients, addresses)
        screen = StirScreen(self._context, wall, self._sessions.order)
        if any(trunk.stir is not None for trunk in settings.trunks):
            self._sessions.screen = screen
        self.qualifier = Qualifier(self._context, self._clients, addresses)
        self.carriers = registrations(self._context, self._clients, addresses)
        self._registrar = Registrar(self._context, addresses, self.qualifier)
        self._sessions.phones = self._registrar
        self.guard = Guard(settings)
        self.directory = Directory(self._context, addresses, lambda trunk: self._located(addresses, trunk))
        gate = Gate(self._context, addresses, self.guard)
        subscriptions = Subscriptions(self._context, self._clients, addresses, gate)
        self._sessions.referrals.watch = subscriptions.leg_changed
        courier = Courier(self._context, self._clients, addresses, gate, self._registrar.contacts)
        services = Services(subscriptions, courier)
        self._reception = Reception(self._context, self._servers, self._sessions, gate, self._registrar, services)
        self._streams = Streams(self._context, self._message, self._broken)
        order = self._sessions.order
        self._handlers: dict[type, Callable[[Any], None]] = {
            PacketReceived: self._packet,
            StreamReceived: self._streams.received,
            StreamClosed: self._stream_closed,
            TransportFailed: self._transport_failed,
            LoadChanged: self._load_changed,
            ContactsSaved: self._registrar.saved,
            ContactsRestored: self._restored,
            LampLit: subscriptions.lit,
            LeaveCarriers: self._leave_carriers,
            CertificateFetched: screen.fetched,
            LookupDone: self.directory.done,
            LegsRestored: self._sessions.restored,
            SendInfoKeys: InfoKeys(self._context, self._clients, self._sessions.leg).order,
            **dict.fromkeys(get_args(Order), order),
        }

    # ---------------------------------------------------------------- the contract of every core

    def handle(self, event: Event, now: float) -> list[Command]:
        context = self._context
        context.now = now
        out = context.out = []
        self._handlers[type(event)](event)
        return out

    def tick(self, now: float) -> list[Command]:
        """Fire what is due."""
        context = self._context
        context.now = now
        out = context.out = []
        context.timers.run_due(now)
        return out

    def next_deadline(self) -> float | None:
        return self._context.timers.next_deadline()

    # ---------------------------------------------------------------- for pages and tests

    def contacts(self, agent: AgentId) -> tuple[ContactBinding, ...]:
        """The live contacts of one agent."""
        return self._registrar.contacts(agent)

    def call_id(self, leg: LegId) -> str | None:
        """The Call-ID of a leg, also of one that ended not long ago."""
        return self._sessions.call_id(leg)

    def established(self, leg: LegId) -> EstablishedLeg | None:
        """What is kept of a leg that is up, so that it outlives this process."""
        return self._sessions.established(leg)

    def other_flows(self, binding: ContactBinding) -> tuple[ContactBinding, ...]:
        """Of the same phone (RFC 5626)."""
        return self._registrar.flows_of(binding)

    def registrations(self) -> dict[AgentId, tuple[ContactBinding, ...]]:
        return self._registrar.registrations()

    @property
    def load(self) -> TrunkLoad:
        """What the trunks carry."""
        return self._sessions.load

    def counts(self) -> dict[str, int]:
        """Sizes of the tables, for metrics and leak tests."""
        return {
            "sessions": len(self._sessions),
            "server_transactions": len(self._servers),
            "client_transactions": len(self._clients),
            "streams": len(self._streams),
            "timers": len(self._context.timers),
            "subscriptions": len(self._reception.services.subscriptions),
        }

    # ---------------------------------------------------------------- events

    def _packet(self, event: PacketReceived) -> None:
        data = event.data
        flow = event.flow
        if flow.connection:  # a WebSocket
            self._context.open_connections.add(flow.connection)
        if data[:1] == b"\0" and self.guard.is_proven(flow.remote[0], self._context.now):
            answer = binding_response(data, flow.remote)
            if answer is not None and not flow.connection:
                self._context.send(flow, answer)
                return
        if len(data) > self._context.settings.max_message_bytes or not data.strip(b"\r\n\0"):
            return  # keep-alives, and what no datagram of ours can be
        try:
            message = parse_datagram(data, flow)
        except SipError as error:
            self._broken(error, flow)
            return
        self._message(message)

    def _message(self, message: Request | Response) -> None:
        """One message. Whatever is wrong with it concerns nobody else."""
        try:
            if isinstance(message, Request):
                self._request(message)
            else:
                self._response(message)
        except Exception as error:
            # The last belt, here and nowhere else: a broken invariant costs this message and not the switch. It is a
            # defect whenever it shows; the fuzz tests fail on the event.
            detail = f"{type(error).__name__}: {error}"[:200]
            self._context.out.append(SecurityEvent("internal_error", message.flow.remote, "", detail))

    def _request(self, request: Request) -> None:
        try:
            self._reception.received(request)
        except SipError as error:
            if error.status == 400:
                self._report(request.flow, error)
            self._reception.refuse(request, error)

    def _response(self, response: Response) -> None:
        try:
            # RFC 3261 8.1.3.3: "If more than one Via header field value is present in a response, the UAC SHOULD
            # discard the message."
            if response.via.rest:
                return
            transaction = self._clients.find(response)
            _ = response.from_, response.to, response.call_id
            if transaction is not None:
                transaction.received(response)
            elif 200 <= response.status < 300 and response.cseq.method == "INVITE":
                self._sessions.answered_again(response)
        except SipError:
            return  # stray or broken responses get silence

    def _broken(self, error: SipError, flow: Flow) -> None:
        """It did not even parse: 400 when there is somebody to tell, else silence."""
        self._report(flow, error)
        if isinstance(error, Malformed):
            self._reception.refuse(error.request, error)

    def _report(self, flow: Flow, error: SipError) -> None:
        self._context.out.append(SecurityEvent("malformed", flow.remote, "", error.detail))

    def _stream_closed(self, event: StreamClosed) -> None:
        self._streams.closed(event.flow)
        self._clients.transport_failed(event.flow)
        self._registrar.stream_closed(event.flow)

    def _restored(self, event: ContactsRestored) -> None:
        """Phones that logged in before the restart are no strangers."""
        for binding in event.contacts:
            self.guard.proven(binding.flow.remote[0], self._context.now)
        self._registrar.restored(event)

    def _below(self, most: int) -> int:
        return self._context.random_bits(32) % most

    def _located(self, addresses: Addresses, trunk: TrunkId) -> None:
        """A name of this trunk leads somewhere: it is heard, asked and registered with there."""
        settings = addresses.trunk(trunk)
        self.guard.named(addresses.behind_names())
        self.qualifier.trunk_located(settings, addresses)
        register(self.carriers, self._context, self._clients, addresses, settings)

    def _load_changed(self, event: LoadChanged) -> None:
        """While the shell falls behind, new calls are refused before any work is done for them."""
        if event.overloaded and not event.stopping and not self._context.overloaded:
            self._context.out.append(SecurityEvent("overload", ("", 0), "", "receive queue"))
        self._context.overloaded = event.overloaded

    def _leave_carriers(self, event: LeaveCarriers) -> None:
        leave_all(self._context, list(self.carriers.values()))

    def _transport_failed(self, event: TransportFailed) -> None:
        self._clients.transport_failed(event.flow)
