"""Who may (RFC 3261 section 22): a trunk by its address, certificate or login, an agent by digest, nobody by From.

Nothing is stored for a request before it has passed here.
"""

from __future__ import annotations

from softswitch.ids import TrunkId
from softswitch.sip.addresses import Addresses
from softswitch.sip.context import Context
from softswitch.sip.digest import Digest, Verdict
from softswitch.sip.errors import SipError
from softswitch.sip.guard import Guard
from softswitch.sip.headers import Address
from softswitch.sip.identity import Caller, caller_of
from softswitch.sip.message import Request
from softswitch.sip.messages import AccountSettings, Origin, SecurityEvent
from softswitch.sip.uri import parse_uri, plain_text, printable

_EVENTS = {Verdict.WRONG: "auth_failed", Verdict.REPLAYED: "nonce_replayed"}


class Gate:
    """Raises SipError 401 (with challenges) or 403 for those who may not."""

    __slots__ = ("_addresses", "_context", "_digest", "_guard", "_trunks_log_in")

    def __init__(self, context: Context, addresses: Addresses, guard: Guard) -> None:
        self._context = context
        self._guard = guard
        self._addresses = addresses
        self._digest = Digest(context)
        self._trunks_log_in = any(account.trunk is not None for account in context.settings.accounts)

    def account(self, request: Request) -> AccountSettings:
        """The agent's account that this request proves by digest."""
        checked = self._digest.check(request)
        if checked.verdict is Verdict.GOOD:
            assert checked.account is not None
            self._guard.proven(request.flow.remote[0], self._context.now)
            return checked.account
        kind = _EVENTS.get(checked.verdict)
        if checked.verdict is Verdict.WRONG:
            self._guard.failed(request.flow.remote[0], self._context.now)
            self._context.out.extend(self._guard.take_events())
        if kind is not None:
            account = printable(checked.username)[:64]
            self._context.out.append(SecurityEvent(kind, request.flow.remote, account, request.method))
        # A replayed nonce may be an unlucky retransmission of a proven phone: it is asked again with a fresh one.
        stale = checked.verdict in (Verdict.STALE, Verdict.REPLAYED)
        raise SipError(401, checked.verdict.name.lower(), self._digest.challenge(request.flow.remote[0], stale))

    def agent(self, request: Request) -> AccountSettings:
        """The same for what agents alone may do: a trunk's login is for its calls."""
        account = self.account(request)
        if account.trunk is not None:
            raise SipError(403, "a trunk is no agent")
        return account

    def caller(self, request: Request) -> Caller:
        """Who calls: a trunk by its address, its certificate or its login, else an agent."""
        trunk = self._addresses.trunk_of_flow(request.flow)
        if trunk is not None:
            return caller_of(request, self._addresses.trunk(trunk))
        if not self._trunks_log_in and not self._claims_our_domain(request):
            self._context.out.append(SecurityEvent("unknown_trunk", request.flow.remote, "", _claim(request)))
            raise SipError(403, "INVITE from an unknown address")
        account = self.account(request)
        if account.trunk is not None:
            return caller_of(request, self._addresses.trunk(account.trunk))
        if request.uri[:4].lower() != "tel:" and not self._addresses.is_ours(parse_uri(request.uri).host):
            # We are no relay: an agent calls through us, never to somebody else's domain.
            raise SipError(404, "not our domain")
        # What an agent's phone says in From, P-Asserted-Identity or Remote-Party-ID is dropped.
        return Caller(Origin(agent=account.agent), account.extension)

    def trunk(self, address: str) -> TrunkId | None:
        return self._addresses.trunk_of(address)

    def _claims_our_domain(self, request: Request) -> bool:
        try:
            return self._addresses.is_ours(parse_uri(request.from_.uri).host)
        except SipError:
            return False


def _claim(request: Request) -> str:
    address: Address = request.from_
    return plain_text(address.uri)[:128]
