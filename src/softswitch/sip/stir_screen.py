"""Calls of trunks that check identities wait here, for a moment, until their certificates are known (RFC 8224).

    INVITE ─► examine ─┬─ needs no certificate ───────────────────────────────► announced | refused
                       ├─ all in the cache ─► judge ──────────────────────────► announced | refused
                       └─ FetchCertificate ─► waits ─┬─ CertificateFetched ─► judge ─► announced | refused
                                                     ├─ wait_seconds ─► 436 by the policy of the trunk
                                                     └─ CANCEL ─► forgotten

100 is sent already. Certificates are kept with their expiry; a URL that failed is not asked again for a while. Both
tables, what is under way and who waits are bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from softswitch.ids import LegId
from softswitch.sip.context import Context
from softswitch.sip.errors import SipError
from softswitch.sip.message import Request
from softswitch.sip.messages import InviteReceived, Reject, SecurityEvent
from softswitch.sip.respond import REASONS
from softswitch.sip.stir import Claim, Examined, examine, judge
from softswitch.sip.stir_certificate import Signer, anchors_of, signer_of
from softswitch.sip.stir_messages import CallerIdentity, CertificateFetched, FetchCertificate, StirPolicy
from softswitch.sip.stir_passport import BadIdentity
from softswitch.sip.timers import Timer
from softswitch.sip.transaction_server import ServerTransaction
from softswitch.sip.uri import dialled_number

MOST_SIGNERS = 500
MOST_FAILED = 500
MOST_UNDER_WAY = 50
MOST_WAITING = 1000
_FAILED_SECONDS = 30.0
# RFC 8224 6.2 step 4 calls a 403 for an old Date "Stale Date"; 433 is of RFC 5079.
_TEXTS = {403: "Stale Date", **{code: REASONS[code] for code in (428, 433, 436, 437, 438)}}
_NO_PASSPORT = CallerIdentity("missing", code=428, detail="no identity")
_ANONYMOUS = CallerIdentity("missing", code=433, detail="no number")


@dataclass(slots=True)
class _Waiting:
    """A call that is not announced yet."""

    event: InviteReceived
    transaction: ServerTransaction
    policy: StirPolicy
    examined: Examined
    timer: Timer


class StirScreen:
    """See the module."""

    def __init__(self, context: Context, wall: Callable[[float], float], refuse: Callable[[Reject], None]) -> None:
        self._context = context
        self._wall = wall
        self._refuse = refuse
        self._settings = context.settings.stir
        self._anchors = anchors_of(self._settings.anchors) if self._settings.anchors else ()
        self._signers: OrderedDict[str, tuple[Signer, float]] = OrderedDict()  # url -> signer, fetch anew at
        self._failed: OrderedDict[str, tuple[BadIdentity, float]] = OrderedDict()  # url -> why, ask again at
        self._under_way: dict[str, None] = {}
        self._waiting: dict[LegId, _Waiting] = {}
        self._policies = {trunk.id: trunk.stir for trunk in context.settings.trunks if trunk.stir is not None}

    def __len__(self) -> int:
        return len(self._waiting)

    def screen(self, event: InviteReceived, request: Request, transaction: ServerTransaction) -> None:
        """Announces the call, now or a little later, or refuses it."""
        trunk = event.origin.trunk
        policy = None if trunk is None else self._policies.get(trunk)
        if policy is None:
            self._context.out.append(event)
            return
        if not event.caller:
            self._decide(event, transaction, policy, _ANONYMOUS)
            return
        claim = Claim(
            request.headers.get("identity"),
            request.headers.get("date"),
            event.caller,
            event.dialled,
            _to_number(request),
        )
        try:
            examined = examine(claim, self._settings, self._wall(self._context.now))
        except BadIdentity as bad:
            self._decide(event, transaction, policy, _failure(bad))
            return
        if examined is None:
            self._decide(event, transaction, policy, _NO_PASSPORT)
        else:
            self._with_certificates(event, transaction, policy, examined)

    def _with_certificates(
        self, event: InviteReceived, transaction: ServerTransaction, policy: StirPolicy, examined: Examined
    ) -> None:
        needed = [url for url in examined.urls if not self._known(url)]
        for url in needed:
            self._fetch(url)
        if all(self._known(url) for url in examined.urls):
            self._judge(event, transaction, policy, examined)
            return
        if len(self._waiting) >= MOST_WAITING:
            self._decide(event, transaction, policy, CallerIdentity("failed", code=436, detail="too many calls wait"))
            return
        context = self._context
        timer = context.timers.start(context.now + self._settings.wait_seconds, lambda: self._too_late(event.leg))
        self._waiting[event.leg] = _Waiting(event, transaction, policy, examined, timer)

    # ---------------------------------------------------------------- certificates

    def _known(self, url: str) -> bool:
        """Is there an answer for this URL, good or bad?"""
        now = self._context.now
        signer, failed = self._signers.get(url), self._failed.get(url)
        if signer is not None and signer[1] <= now:
            del self._signers[url]
            signer = None
        if failed is not None and failed[1] <= now:
            del self._failed[url]
            failed = None
        return signer is not None or failed is not None

    def _fetch(self, url: str) -> None:
        if url in self._under_way:
            return
        if len(self._under_way) >= MOST_UNDER_WAY:
            self._remember_failure(url, BadIdentity(436, "too many certificates are fetched"), 1.0)
            return
        self._under_way[url] = None
        self._context.out.append(FetchCertificate(url))

    def fetched(self, event: CertificateFetched) -> None:
        """Nobody waits for ever: what comes too late is kept for the next call."""
        self._under_way.pop(event.url, None)
        context, wall = self._context, self._wall(self._context.now)
        try:
            if event.pem is None:
                raise BadIdentity(436, f"the certificate cannot be had: {event.problem}"[:200])
            signer = signer_of(event.pem, self._anchors, wall)
        except BadIdentity as bad:
            self._remember_failure(event.url, bad, _FAILED_SECONDS)
        else:
            keep = self._settings.keep_seconds
            if event.keep_seconds is not None:
                keep = min(keep, max(event.keep_seconds, _FAILED_SECONDS))
            self._signers[event.url] = (signer, context.now + min(keep, max(signer.until - wall, 0.0)))
            if len(self._signers) > MOST_SIGNERS:
                self._signers.popitem(last=False)
        ready = [each for each in self._waiting.values() if all(self._known(url) for url in each.examined.urls)]
        for each in ready:
            context.timers.cancel(each.timer)
            del self._waiting[each.event.leg]
            if not each.transaction.answered:
                self._judge(each.event, each.transaction, each.policy, each.examined)

    def _remember_failure(self, url: str, bad: BadIdentity, seconds: float) -> None:
        self._failed[url] = (bad, self._context.now + seconds)
        if len(self._failed) > MOST_FAILED:
            self._failed.popitem(last=False)

    def _signer(self, url: str) -> Signer:
        found = self._signers.get(url)
        if found is None:
            raise self._failed[url][0]
        self._signers.move_to_end(url)
        return found[0]

    # ---------------------------------------------------------------- the outcome

    def _too_late(self, leg: LegId) -> None:
        waiting = self._waiting.pop(leg)
        if not waiting.transaction.answered:
            late = CallerIdentity("failed", code=436, detail="the certificate did not come in time")
            self._decide(waiting.event, waiting.transaction, waiting.policy, late)

    def _judge(
        self, event: InviteReceived, transaction: ServerTransaction, policy: StirPolicy, examined: Examined
    ) -> None:
        try:
            verdict = judge(examined, self._signer, self._wall(self._context.now))
        except BadIdentity as bad:
            verdict = _failure(bad)
        self._decide(event, transaction, policy, verdict)

    def _decide(
        self, event: InviteReceived, transaction: ServerTransaction, policy: StirPolicy, verdict: CallerIdentity
    ) -> None:
        action = "accept"
        if verdict.result != "passed":
            action = {428: policy.missing, 433: policy.anonymous}.get(verdict.code, policy.failed)
            if verdict.result == "failed" or action != "accept":
                detail = f"{verdict.code} {verdict.detail}"
                self._context.out.append(SecurityEvent("caller_unverified", event.flow.remote, event.caller, detail))
        if action == "tell":
            # RFC 9410 4: the fault of an identity that did not end the call is told in a Reason of protocol STIR.
            transaction.head += f'Reason: STIR;cause={verdict.code};text="{_TEXTS[verdict.code]}"\r\n'
        if action == "refuse":
            # The leg was not announced to the call room, which does not mind the end of one that it does not know.
            self._refuse(Reject(event.leg, verdict.code))
            return
        self._context.out.append(replace(event, identity=verdict))


def _failure(bad: BadIdentity) -> CallerIdentity:
    return CallerIdentity("failed", code=bad.status, detail=bad.detail)


def _to_number(request: Request) -> str:
    try:
        return dialled_number(request.to.uri)
    except SipError:
        return ""
