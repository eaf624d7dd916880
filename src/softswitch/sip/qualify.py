"""Are they still there? OPTIONS to each registered contact and each trunk (RFC 3261 section 11), again and again.

    ALIVE ──no answer──► DOUBTED ──no answer──► SILENT ──any answer──► ALIVE
    any answer: the next one after a period; none: again after ten seconds

Any final response counts, also a refusal: somebody is there. It keeps the path through a NAT open as well. The first
question falls at a random point of the second half of a period, so that a thousand phones that register together
are not asked together. An agent's phone answers as long as one of her contacts does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from softswitch.ids import AgentId, TrunkId
from softswitch.sip.addresses import Addresses
from softswitch.sip.context import Context
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import SipError
from softswitch.sip.message import Response
from softswitch.sip.messages import ContactBinding, EndedBy, Flow, PhoneAnswering, TrunkAnswering, TrunkSettings
from softswitch.sip.outbound import one_of_each
from softswitch.sip.timers import Timer
from softswitch.sip.transaction_client import ClientTransaction, ClientTransactions
from softswitch.sip.uri import host_port, parse_uri

ANSWER_SECONDS = 8.0
AGAIN_SECONDS = 10.0
MOST_FAILURES = 2
DEAD_SECONDS = 900.0  # of silence, and a registration is forgotten


Call = Callable[[], None]


class Tell(NamedTuple):
    """Whom a probe tells: that it fell silent or answers again, and each time after nothing was heard for long."""

    changed: Call
    gone: Call | None


class Probe:
    """One target and how it answered."""

    __slots__ = (
        "_asked",
        "_clients",
        "_context",
        "_tell",
        "_timer",
        "failures",
        "flow",
        "heard_at",
        "limit",
        "path",
        "uri",
        "ways",
    )

    def __init__(
        self,
        context: Context,
        clients: ClientTransactions,
        uri: str,
        flow: Flow,
        changed: Call,
        gone: Call | None = None,
    ) -> None:
        self.path: tuple[str, ...] = ()
        self.ways: Callable[[], list[Flow]] | None = None  # of a trunk
        self.limit = MOST_FAILURES
        self._context = context
        self._clients = clients
        self._tell = Tell(changed, gone)
        self._asked: ClientTransaction | None = None
        self.uri = uri
        self.flow = flow
        self.failures = 0
        self.heard_at = context.now  # the last answer, or REGISTER
        period = context.settings.qualify_seconds
        self._timer: Timer | None = None
        self._in(period * (0.5 + context.random_bits(16) / 131072))

    @property
    def answering(self) -> bool:
        return self.failures < self.limit

    def _in(self, seconds: float) -> None:
        timers = self._context.timers
        timers.cancel(self._timer)
        self._timer = timers.start(self._context.now + seconds, self._due)

    def ask_soon(self) -> None:
        if self._asked is None:
            self._in(0.5)

    def _due(self) -> None:
        if self._asked is not None:
            asked, self._asked = self._asked, None
            asked.terminate()
            self._silent()
            return
        context = self._context
        tag = context.token()
        realm = context.settings.realm
        me = f"<sip:softswitch@{realm}>;tag={tag}"
        dialog = Dialog(context.token() + context.token(), tag, me, f"<{self.uri}>", self.uri, self.flow)
        dialog.routes = self.path
        branch = context.token()
        extra = context.place(self.flow).contact + "Accept: application/sdp\r\n"
        data = dialog.request(context, "OPTIONS", dialog.next_number(), branch, extra)
        self._in(ANSWER_SECONDS)
        self._asked = self._clients.start(branch, "OPTIONS", self.flow, data, self)

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        if response.status < 200:
            return
        self._asked = None
        was, self.failures = self.answering, 0
        self.heard_at = self._context.now
        self._in(self._context.settings.qualify_seconds)
        if not was:
            self._tell.changed()

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        self._asked = None
        self._silent()

    def _silent(self) -> None:
        was = self.answering
        self.failures += 1
        others = [way for way in self.ways() if way != self.flow] if self.ways is not None else []
        if others:  # RFC 3263 4.3: a trunk is there as long as one of its targets answers
            self.limit = max(MOST_FAILURES, len(others) + 1)
            self.flow = others[(self.failures - 1) % len(others)]
        self._in(AGAIN_SECONDS if self.answering else max(AGAIN_SECONDS, self._context.settings.qualify_seconds / 2))
        if was and not self.answering:
            self._tell.changed()
        elif self._tell.gone is not None and self._context.now - self.heard_at > DEAD_SECONDS:
            self._tell.gone()

    def stop(self) -> None:
        self._context.timers.cancel(self._timer)
        if self._asked is not None:
            self._asked.owner = None
            self._asked.terminate()


class Qualifier:
    """See the module."""

    __slots__ = ("_clients", "_context", "_phones", "_registered", "_silent", "_trunks", "dead")

    def __init__(self, context: Context, clients: ClientTransactions, addresses: Addresses) -> None:
        self._context = context
        self._clients = clients
        self._phones: dict[AgentId, dict[str, Probe]] = {}
        self._registered: dict[
            AgentId, dict[str, float]
        ] = {}  # until when, to see which of her phones registered again
        self.dead: Callable[[AgentId, str], None] | None = None  # told of phones that nobody answers at for long
        self._silent: dict[AgentId, bool] = {}
        self._trunks: dict[TrunkId, Probe] = {}
        if context.settings.qualify_seconds:
            for trunk in context.settings.trunks:
                self._watch_trunk(trunk.id, trunk.host, trunk.port, addresses)

    def trunk_located(self, trunk: TrunkSettings, addresses: Addresses) -> None:
        """Its name leads somewhere (else)."""
        probe = self._trunks.get(trunk.id)
        if probe is None:
            if self._context.settings.qualify_seconds:
                self._watch_trunk(trunk.id, trunk.host, trunk.port, addresses)
            return
        ways = addresses.ways_to(f"sip:{trunk.id}", trunk.id)
        if ways and probe.flow not in ways:
            probe.flow = ways[0]

    def _watch_trunk(self, trunk: TrunkId, host: str, port: int, addresses: Addresses) -> None:
        uri = f"sip:{host_port(host, port) if port else host}"
        try:
            flow = addresses.flow_to(f"sip:{trunk}") if host else None
            parse_uri(uri)
        except SipError:
            return
        if flow is not None:
            probe = Probe(self._context, self._clients, uri, flow, lambda: self._trunk_changed(trunk))
            probe.ways = lambda: addresses.ways_to(f"sip:{trunk}", trunk)
            self._trunks[trunk] = probe
            probe.ask_soon()

    def _trunk_changed(self, trunk: TrunkId) -> None:
        self._context.out.append(TrunkAnswering(trunk, self._trunks[trunk].answering))

    def watch(self, agent: AgentId, contacts: tuple[ContactBinding, ...]) -> None:
        """These are the live contacts of an agent from now on."""
        if not self._context.settings.qualify_seconds:
            return
        before = self._phones.pop(agent, {})
        registered = self._registered.pop(agent, {})
        probes: dict[str, Probe] = {}
        for contact in one_of_each(contacts):
            if contact.uri in probes:
                continue
            probe = before.pop(contact.uri, None)
            if probe is None:
                changed = self._looker(agent)
                forget = self._forgetter(agent, contact.uri)
                probe = Probe(self._context, self._clients, contact.uri, contact.flow, changed, forget)
            elif registered.get(contact.uri) == contact.expires_at:
                probe.flow = contact.flow  # news of another phone of hers
            else:
                probe.flow = contact.flow
                probe.heard_at = self._context.now
                if probe.failures:
                    probe.ask_soon()  # it registered again: perhaps it is back
            probe.path = contact.path
            probes[contact.uri] = probe
        for gone in before.values():
            gone.stop()
        if probes:
            self._phones[agent] = probes
            self._registered[agent] = {contact.uri: contact.expires_at for contact in one_of_each(contacts)}
            self._look(agent)
        else:
            self._silent.pop(agent, None)

    def _looker(self, agent: AgentId) -> Callable[[], None]:
        return lambda: self._look(agent)

    def _forgetter(self, agent: AgentId, uri: str) -> Callable[[], None]:
        return lambda: self.dead(agent, uri) if self.dead is not None else None

    def _look(self, agent: AgentId) -> None:
        silent = not any(probe.answering for probe in self._phones[agent].values())
        if silent != self._silent.get(agent, False):
            self._silent[agent] = silent
            self._context.out.append(PhoneAnswering(agent, not silent))

    def answering(self, agent: AgentId, uri: str) -> bool:
        probe = self._phones.get(agent, {}).get(uri)
        return probe is None or probe.answering

    def trunk_answering(self, trunk: TrunkId) -> bool | None:
        """None: it is not asked."""
        probe = self._trunks.get(trunk)
        return None if probe is None else probe.answering
