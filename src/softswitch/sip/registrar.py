"""The registrar (RFC 3261 section 10.3): agents' contacts, durable before they are confirmed.

    REGISTER ──checked──► SaveContacts ──ContactsSaved(ok)──► live, 200, RegistrationChanged
                               ├─ContactsSaved(not ok)──► 503 with Retry-After, nothing changed
                               └─1 s──► 503 with Retry-After; a late ok still makes it live

`_live` is what calls use; `_intended` is the list that the last unanswered save asked for, so that two REGISTERs in
a row build on each other.
"""

from __future__ import annotations

from dataclasses import replace

from softswitch.ids import AgentId
from softswitch.sip.addresses import Addresses
from softswitch.sip.bindings import call_id_of, contact_flow, merged, touches, user_agent, wanted_contacts
from softswitch.sip.context import Context
from softswitch.sip.errors import SipError
from softswitch.sip.message import Request
from softswitch.sip.messages import (
    AccountSettings,
    ContactBinding,
    ContactsRestored,
    ContactsSaved,
    Flow,
    RegistrationChanged,
    SaveContacts,
)
from softswitch.sip.outbound import confirmation, one_of_each
from softswitch.sip.qualify import Qualifier
from softswitch.sip.timers import Timer
from softswitch.sip.transaction_server import ServerTransaction
from softswitch.sip.uri import ip_literal, parse_uri, plain_text

SAVE_SECONDS = 1.0
RETRY_SECONDS = 5
MAX_PENDING = 10_000

Contacts = tuple[ContactBinding, ...]


class PendingSave:
    """One SaveContacts under way. `transaction` is None when nobody waits for the answer (any more)."""

    __slots__ = ("agent", "contacts", "lines", "timer", "transaction")

    def __init__(self, agent: AgentId, contacts: Contacts, transaction: ServerTransaction | None, lines: str) -> None:
        self.agent = agent
        self.lines = lines  # of the 200
        self.contacts = contacts
        self.transaction = transaction
        self.timer: Timer | None = None


class Registrar:
    """See the module."""

    __slots__ = (
        "_addresses",
        "_agents",
        "_connections",
        "_context",
        "_expiry",
        "_intended",
        "_live",
        "_pending",
        "_qualifier",
    )

    def __init__(self, context: Context, addresses: Addresses, qualifier: Qualifier) -> None:
        self._context = context
        self._qualifier = qualifier
        self._addresses = addresses
        self._agents = frozenset(account.agent for account in context.settings.accounts)
        self._live: dict[AgentId, Contacts] = {}
        self._intended: dict[AgentId, tuple[int, Contacts]] = {}
        self._pending: dict[int, PendingSave] = {}
        self._connections: dict[int, list[AgentId]] = {}  # who registered over which TCP connection
        self._expiry: dict[AgentId, Timer] = {}
        qualifier.dead = self.dead

    def contacts(self, agent: AgentId) -> Contacts:
        return self._live.get(agent, ())

    def flows_of(self, binding: ContactBinding) -> Contacts:
        """The other flows of this phone, the newest first."""
        live = self._live.get(binding.agent, ()) if binding.reg_id else ()
        mine = [each for each in live if each.reg_id and each.instance == binding.instance]
        return tuple(each for each in reversed(mine) if each.reg_id != binding.reg_id)

    def other_flows(self, target: str, flow: Flow) -> Contacts:
        """The other flows of the phone that registered this contact over this flow, the newest first."""
        for contacts in self._live.values():
            for binding in contacts:
                if binding.reg_id and binding.uri == target and binding.flow == flow:
                    return self.flows_of(binding)
        return ()

    def dead(self, agent: AgentId, uri: str) -> None:
        """For a long time nobody answered there."""
        intended = self._intended.get(agent)
        current = intended[1] if intended is not None else self.contacts(agent)
        left = tuple(binding for binding in current if binding.uri != uri)
        if left != current and len(self._pending) < MAX_PENDING:
            self._save(agent, left, None, "")

    def registrations(self) -> dict[AgentId, Contacts]:
        return dict(self._live)

    # ---------------------------------------------------------------- REGISTER

    def register(self, request: Request, transaction: ServerTransaction, account: AccountSettings) -> None:
        """An authenticated REGISTER. SipError when it is refused."""
        self._check_address_of_record(request, account)
        context = self._context
        wanted = wanted_contacts(request, context.settings)
        agent = account.agent
        intended = self._intended.get(agent)
        current = self._alive(intended[1] if intended is not None else self.contacts(agent))
        if not wanted.contacts and not wanted.everything_off:
            transaction.respond(200, self._contact_lines(self._alive(self.contacts(agent))))
            return
        number, call_id = request.cseq.number, call_id_of(request)
        touched = tuple(
            binding
            for binding in current
            if wanted.everything_off or any(touches(contact, binding) for contact in wanted.contacts)
        )
        # RFC 3261 10.3 step 7: same Call-ID and a CSeq that is not higher: "the update MUST be aborted and the
        # request fails".
        if any(binding.call_id == call_id and number <= binding.cseq for binding in touched):
            raise SipError(500, "an older REGISTER came late")
        agent_text = user_agent(request)
        news = [
            ContactBinding(
                agent,
                contact.uri,
                contact_flow(contact, wanted.way, request, self._addresses),
                call_id,
                number,
                context.now + contact.seconds,
                contact.q,
                agent_text,
                wanted.way.path,
                contact.instance,
                contact.reg_id,
            )
            for contact in wanted.contacts
            if contact.seconds > 0
        ]
        contacts = merged(current, news, touched, context.settings.max_contacts)
        self._save(agent, contacts, transaction, confirmation(request, wanted.way))

    def _check_address_of_record(self, request: Request, account: AccountSettings) -> None:
        address = parse_uri(request.to.uri)
        if account.trunk is not None:
            raise SipError(403, "a trunk calls with this name; it does not register")
        # RFC 3261 10.3 steps 1 and 5: the address of record must be in our domain, else 404.
        if not self._addresses.is_ours(address.host) or not self._addresses.is_ours(parse_uri(request.uri).host):
            raise SipError(404, "not our domain")
        # RFC 3261 10.3 step 4: a user that may not modify this address of record gets 403.
        if plain_text(address.user) not in (account.username, account.extension):
            raise SipError(403, "somebody else's address of record")

    def _save(self, agent: AgentId, contacts: Contacts, transaction: ServerTransaction | None, lines: str) -> None:
        if len(self._pending) >= MAX_PENDING:
            raise SipError(503, "too many unsaved registrations", f"Retry-After: {RETRY_SECONDS}\r\n")
        context = self._context
        token = context.ids.number()
        pending = PendingSave(agent, contacts, transaction, lines)
        pending.timer = context.timers.start(context.now + SAVE_SECONDS, lambda: self._too_late(pending))
        self._pending[token] = pending
        self._intended[agent] = (token, contacts)
        context.out.append(SaveContacts(token, agent, contacts))

    def saved(self, event: ContactsSaved) -> None:
        pending = self._pending.pop(event.token, None)
        if pending is None:
            return
        self._context.timers.cancel(pending.timer)
        agent = pending.agent
        intended = self._intended.get(agent)
        if intended is not None and intended[0] == event.token:
            del self._intended[agent]
        if not event.ok:
            self._unavailable(pending)
            return
        contacts = self._alive(pending.contacts)
        if pending.transaction is not None and not pending.transaction.answered:
            pending.transaction.respond(200, self._contact_lines(contacts) + pending.lines)
        self._make_live(agent, contacts)

    def _too_late(self, pending: PendingSave) -> None:
        self._unavailable(pending)

    def _unavailable(self, pending: PendingSave) -> None:
        transaction = pending.transaction
        pending.transaction = None
        if transaction is not None and not transaction.answered:
            transaction.respond(503, f"Retry-After: {RETRY_SECONDS}\r\n")

    def _contact_lines(self, contacts: Contacts) -> str:
        now = self._context.now
        return "".join(
            f"Contact: <{binding.uri}>;expires={max(0, round(binding.expires_at - now))}{_flow_parameters(binding)}\r\n"
            for binding in contacts
        )

    # ---------------------------------------------------------------- live contacts

    def _alive(self, contacts: Contacts) -> Contacts:
        now = self._context.now
        return tuple(binding for binding in contacts if binding.expires_at > now)

    def _make_live(self, agent: AgentId, contacts: Contacts) -> None:
        before = self.contacts(agent)
        contacts = self._connected(contacts)
        if contacts:
            self._live[agent] = contacts
        else:
            self._live.pop(agent, None)
        timers = self._context.timers
        timers.cancel(self._expiry.pop(agent, None))
        for binding in contacts:
            if binding.flow.connection > 0:
                agents = self._connections.setdefault(binding.flow.connection, [])
                if agent not in agents:
                    agents.append(agent)
        if contacts:
            first = min(binding.expires_at for binding in contacts)
            self._expiry[agent] = timers.start(first, lambda: self._expired(agent))
        if before != contacts:  # a refresh is news too: the phone is alive
            self._context.out.append(RegistrationChanged(agent, one_of_each(contacts)))
            self._qualifier.watch(agent, contacts)

    def _expired(self, agent: AgentId) -> None:
        self._make_live(agent, self._alive(self.contacts(agent)))

    def restored(self, event: ContactsRestored) -> None:
        """What the store remembered. TCP connections did not survive: such a contact is called where it listens."""
        by_agent: dict[AgentId, list[ContactBinding]] = {}
        for binding in event.contacts:
            if binding.agent in self._agents:
                kept = self._reachable(binding) if binding.flow.connection != 0 else binding
                if kept is not None:
                    by_agent.setdefault(binding.agent, []).append(kept)
        most = self._context.settings.max_contacts
        for agent, contacts in by_agent.items():
            self._make_live(agent, self._alive(tuple(contacts))[:most])

    def stream_closed(self, flow: Flow) -> None:
        """Contacts behind this connection: called where they listen, when that is known, else gone."""
        for agent in self._connections.pop(flow.connection, ()):
            self._make_live(agent, self.contacts(agent))

    def _connected(self, contacts: Contacts) -> Contacts:
        """Without those whose TCP connection is gone, as far as they cannot be called on a new one."""
        kept: list[ContactBinding] = []
        for binding in contacts:
            number = binding.flow.connection
            if number > 0 and number not in self._context.open_connections:
                reachable = self._reachable(binding)
                if reachable is not None:
                    kept.append(reachable)
            else:
                kept.append(binding)
        return tuple(kept)

    def _reachable(self, binding: ContactBinding) -> ContactBinding | None:
        """Over a new connection, when the contact, or the Path of the proxy that was the peer, names the peer's own
        address and not the closed source port. A browser cannot be reached, and a phone has no certificate that we
        could check."""
        if binding.flow.transport != "tcp":
            return None
        try:
            uri = parse_uri(binding.path[0] if binding.path else binding.uri)
        except SipError:
            return None
        host, source_port = binding.flow.remote
        port = uri.port or 5060
        if ip_literal(uri.host) != host or port == source_port:
            return None
        flow = self._addresses.flow_to_address(host, port, "tcp")
        return replace(binding, flow=flow) if flow is not None else None


def _flow_parameters(binding: ContactBinding) -> str:
    if not binding.instance:
        return ""
    number = f";reg-id={binding.reg_id}" if binding.reg_id else ""
    return f';+sip.instance="{binding.instance}"{number}'
