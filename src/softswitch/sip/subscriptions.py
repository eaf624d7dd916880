"""SUBSCRIBE and NOTIFY (RFC 6665) for the lamps of phones: the events dialog, presence and message-summary.

    SUBSCRIBE ──200──► ACTIVE ──a change, at most one NOTIFY a second──► ACTIVE
                         │ SUBSCRIBE in its dialog: refreshed, with Expires: 0 the last NOTIFY
                         ├─time is up──► NOTIFY terminated;reason=timeout
                         └─NOTIFY fails (481, no answer)──► gone

Only agents subscribe, by digest, and only to whom they may watch; whatever else is asked for is unknown (404). What
phones do is known here; what the queues know of an agent comes as `LampLit`, asked for with `WatchChanged` when the
first phone watches and no longer than the last one does. Each SUBSCRIBE without a tag makes a subscription of its own,
so a forked one is answered once for each way it came. Tables are bounded, for each account and together.
"""

from __future__ import annotations

from typing import NamedTuple

from softswitch.ids import AgentId, LegId
from softswitch.sip.addresses import Addresses
from softswitch.sip.context import Context
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import SipError
from softswitch.sip.gate import Gate
from softswitch.sip.headers import parameter, parse_address
from softswitch.sip.lamp_documents import DIALOG, PRESENCE, SUMMARY, TYPES, DialogRow, dialog_info, pidf, summary
from softswitch.sip.leg import Leg
from softswitch.sip.message import Request
from softswitch.sip.messages import AccountSettings, LampLit, WatchChanged
from softswitch.sip.respond import record_routes
from softswitch.sip.subscription import Subscription, Wish, wanted_seconds
from softswitch.sip.transaction_client import ClientTransactions
from softswitch.sip.transaction_server import ServerTransaction
from softswitch.sip.uri import parse_uri, plain_text

MOST_OF_ACCOUNT = 100
MOST = 20_000
ALLOW_EVENTS = f"Allow-Events: {DIALOG}, {PRESENCE}, {SUMMARY}, refer\r\n"
QUEUE = "queue"  # as kind of what is watched
_KINDS = {PRESENCE: PRESENCE, SUMMARY: SUMMARY}

Watched = tuple[str, str]  # kind and name: (dialog, anna), (presence, anna), (queue, sales)


class Checked(NamedTuple):
    """A SUBSCRIBE that may be accepted."""

    account: AccountSettings
    package: str
    watched: Watched
    seconds: int


class Subscriptions:
    """See the module."""

    __slots__ = (
        "_addresses",
        "_clients",
        "_context",
        "_ended",
        "_extensions",
        "_gate",
        "_legs",
        "_lit",
        "_of_account",
        "_table",
        "_watchers",
    )

    def __init__(self, context: Context, clients: ClientTransactions, addresses: Addresses, gate: Gate) -> None:
        self._context = context
        self._clients = clients
        self._addresses = addresses
        self._gate = gate
        accounts = [each for each in context.settings.accounts if each.trunk is None]
        self._extensions = {name: each for each in accounts for name in (each.username, each.extension)}
        self._table: dict[str, Subscription] = {}  # by our tag
        self._watchers: dict[Watched, dict[str, Subscription]] = {}
        self._of_account: dict[AgentId, dict[str, Subscription]] = {}
        self._lit: dict[Watched, LampLit] = {}  # only of what is watched
        self._legs: dict[AgentId, dict[LegId, Leg]] = {}  # the calls of the agents' phones
        self._ended: dict[AgentId, str] = {}  # her last one

    def __len__(self) -> int:
        return len(self._table)

    # ---------------------------------------------------------------- what is watched

    def leg_changed(self, leg: Leg) -> None:
        """A call of an agent's phone began, was answered or is over."""
        agent = leg.agent
        if agent is None:
            return
        if leg.told:
            legs = self._legs.get(agent)
            if legs is not None and legs.pop(leg.id, None) is not None:
                self._ended[agent] = str(leg.id)
                if not legs:
                    del self._legs[agent]
        else:
            self._legs.setdefault(agent, {})[leg.id] = leg
        self._changed((DIALOG, agent))

    def lit(self, event: LampLit) -> None:
        watched = (event.kind, event.name)
        if watched not in self._watchers or self._lit.get(watched) == event:
            return
        self._lit[watched] = event
        self._changed(watched)

    def _changed(self, watched: Watched) -> None:
        watchers = self._watchers.get(watched)
        if watchers is not None:
            for subscription in list(watchers.values()):
                subscription.changed()

    def document(self, subscription: Subscription) -> bytes:
        """The present state, as this subscriber sees it."""
        kind, name = subscription.wish.watched
        if kind == DIALOG:
            return self._dialogs(subscription, AgentId(name))
        lit = self._lit.get(subscription.wish.watched) or LampLit(kind, name)
        entity = subscription.wish.entity
        if subscription.wish.package == SUMMARY:
            return summary(entity, lit.count)
        if kind == PRESENCE:
            return pidf(entity, lit.word, lit.reason)
        rows = (DialogRow(name, True, False, ""),) if lit.count else ()
        return dialog_info(entity, subscription.version, rows, name)

    def _dialogs(self, subscription: Subscription, agent: AgentId) -> bytes:
        numbers = self._context.settings.lamps.numbers or subscription.wish.agent == agent
        legs = self._legs.get(agent, {}).values()
        rows = tuple(DialogRow(str(leg.id), leg.owns_call_id, leg.up, _remote(leg) if numbers else "") for leg in legs)
        return dialog_info(subscription.wish.entity, subscription.version, rows, self._ended.get(agent, ""))

    # ---------------------------------------------------------------- SUBSCRIBE

    def find(self, request: Request) -> Subscription | None:
        """RFC 3261 12.2.2: by Call-ID and both tags."""
        found = self._table.get(request.to.tag)
        if found is None or found.dialog.call_id != request.call_id:
            return None
        return found if found.dialog.remote_tag == request.from_.tag else None

    def check(self, request: Request) -> Checked:
        """Who asks, for which package of what, for how long. Nothing is remembered yet."""
        account = self._gate.agent(request)
        package = request.headers.get("event", "").partition(";")[0].strip().lower()
        if package not in TYPES:
            # RFC 6665 4.2.1.1: an event package that is not understood is answered with "489 (Bad Event)".
            raise SipError(489, "unknown event package", ALLOW_EVENTS)
        watched = self._wanted(request, account, package)
        accepted = [item.partition(";")[0].strip().lower() for item in request.items("accept")]
        kind = TYPES[package]
        if accepted and not {kind, f"{kind.partition('/')[0]}/*", "*/*"} & {*accepted}:
            raise SipError(406, "another content type")
        return Checked(account, package, watched, wanted_seconds(request))

    def _wanted(self, request: Request, account: AccountSettings, package: str) -> Watched:
        uri = parse_uri(request.uri)
        if not self._addresses.is_ours(uri.host):
            raise SipError(404, "not our domain")
        name = plain_text(uri.user.partition(";")[0])
        lamps = self._context.settings.lamps
        target = self._extensions.get(name)
        if target is not None:
            mates = lamps.mates.get(account.agent, ())
            if target.agent == account.agent or lamps.who == "everybody" or target.agent in mates:
                return _KINDS.get(package, DIALOG), target.agent
        elif name in lamps.queues and package != PRESENCE and lamps.who != "nobody":
            return QUEUE, name
        raise SipError(404, "nobody to be watched")

    def subscribe(self, request: Request, transaction: ServerTransaction, checked: Checked) -> None:
        """A new one. SipError when it is refused."""
        account, package, watched, seconds = checked
        dialog = Dialog.of_request(request, transaction.tag, self._addresses.trusted)
        uri = parse_uri(request.uri)
        entity = f"sip:{uri.user}@{self._context.settings.realm}"
        header = request.headers["event"].partition(";")[2]
        event_id = parameter(";" + header, "id") or ""
        subscription = Subscription(self, dialog, Wish(account.agent, package, watched, entity, event_id))
        if not self._has_room(subscription):
            raise SipError(503, "too many subscriptions", "Retry-After: 60\r\n")
        opening = record_routes(request) + self._context.place(request.flow).contact
        transaction.respond(200, f"{opening}Expires: {seconds}\r\n")
        if not seconds:
            # RFC 6665 4.4.3: Expires: 0 fetches the state once.
            if watched[0] == DIALOG or watched in self._lit:
                subscription.end("timeout")
            else:
                self._add(subscription)
                subscription.fetch()
            return
        self._add(subscription)
        subscription.last_until(self._context.now + seconds)
        if watched[0] == DIALOG or watched in self._lit:
            subscription.changed()
        else:
            subscription.changed_soon()

    def _has_room(self, new: Subscription) -> bool:
        """A full account gives up what a phone has left behind: of connections that are closed, and what the same phone
        has asked for before it was switched off and on again."""
        mine = self._of_account.get(new.wish.agent, {})
        if len(mine) >= MOST_OF_ACCOUNT:
            alive = self._context.open_connections
            for each in list(mine.values()):
                connection = each.dialog.flow.connection
                again = each.dialog.target == new.dialog.target and each.wish == new.wish
                if again or (connection > 0 and connection not in alive):
                    each.forget()
        return len(mine) < MOST_OF_ACCOUNT and len(self._table) < MOST

    def _add(self, subscription: Subscription) -> None:
        watched, agent = subscription.wish.watched, subscription.wish.agent
        self._table[subscription.dialog.local_tag] = subscription
        self._of_account.setdefault(agent, {})[subscription.dialog.local_tag] = subscription
        watchers = self._watchers.get(watched)
        if watchers is None:
            watchers = self._watchers[watched] = {}
            if watched[0] != DIALOG:
                self._context.out.append(WatchChanged(*watched, watched=True))
        watchers[subscription.dialog.local_tag] = subscription

    def forget(self, subscription: Subscription) -> None:
        tag = subscription.dialog.local_tag
        if self._table.pop(tag, None) is None:
            return
        watched, agent = subscription.wish.watched, subscription.wish.agent
        del self._of_account[agent][tag]
        if not self._of_account[agent]:
            del self._of_account[agent]
        watchers = self._watchers[watched]
        del watchers[tag]
        if not watchers:
            del self._watchers[watched]
            self._lit.pop(watched, None)
            if watched[0] != DIALOG:
                self._context.out.append(WatchChanged(*watched, watched=False))

    def check_refresh(self, subscription: Subscription, request: Request) -> None:
        if self._gate.account(request).agent != subscription.wish.agent:
            raise SipError(403, "somebody else's subscription")

    def refresh(self, subscription: Subscription, request: Request, transaction: ServerTransaction) -> None:
        """SUBSCRIBE in its dialog."""
        seconds = wanted_seconds(request)
        dialog = subscription.dialog
        # RFC 3261 12.2.2: a number that is not higher is out of order.
        if request.cseq.number <= dialog.remote_seq:
            raise SipError(500, "CSeq is not higher than the last one")
        dialog.remote_seq = request.cseq.number
        dialog.refresh_target(request)
        dialog.flow = dialog.next_hop(request.flow, self._addresses.trusted)
        transaction.respond(200, f"{self._context.place(request.flow).contact}Expires: {seconds}\r\n")
        if seconds:
            subscription.last_until(self._context.now + seconds)
            subscription.changed()  # RFC 6665 4.2.1.2: a refresh is answered with the whole state
        else:
            subscription.end("timeout")

    # ---------------------------------------------------------------- for a subscription

    @property
    def context(self) -> Context:
        return self._context

    @property
    def clients(self) -> ClientTransactions:
        return self._clients


def _remote(leg: Leg) -> str:
    """The URI of the other side: who calls her, or whom she has dialled (what her dialog calls us)."""
    try:
        return parse_address(leg.dialog.local).uri
    except SipError:
        return ""
