"""The ways out: which trunk a call takes, and which one next when that fails.

    plan ─► first trunk ──answered──► talk
                ├─timeout, unreachable, 503 ...(`next_on`)──► next trunk
                ├─no channel, too many calls a second──► next trunk
                └─busy, rejected, any other answer──► the attempt is over

Trunks that answer no OPTIONS are left out. Trunks of one step share the calls by weight: each gains its weight with
every call, and the richest is taken and pays the sum (so 3 : 1 is a b a a, not a a a b).
"""

from __future__ import annotations

from softswitch.call.board import Board
from softswitch.call.dial_settings import CALL_BACKS, Dialler
from softswitch.call.doorbell import Doorbell
from softswitch.call.leg import CallLeg
from softswitch.call.routing import SEPARATORS
from softswitch.call.settings import RouteSettings, Settings
from softswitch.ids import TrunkId
from softswitch.sip.causes import CONGESTION, NO_CHANNEL, meant
from softswitch.sip.messages import EndedBy, InviteReceived, LegEnded, TrunkAnswering, TrunkSettings
from softswitch.sip.number_plan import as_sent, to_e164

MOST_REDIRECTS = 2  # that are followed for one call
SILENT_SECONDS = 5.0  # a trunk that says nothing for so long is passed over, when there is another one


class Routes:
    """All trunks, the route of call-backs, and that of the numbers outside that agents want."""

    def __init__(self, settings: Settings) -> None:
        self._trunks = {trunk.id: trunk for trunk in settings.sip.trunks}
        self._down: dict[TrunkId, bool] = {}
        self._credit: dict[tuple[str, int, TrunkId], int] = {}
        route = settings.call.call_back_route
        if route is None:
            trunk = _only_way(settings.sip.trunks, settings.call.call_back_trunk)
            route = None if trunk is None else RouteSettings("", (((trunk.id, 1),),))
        self._call_back = route
        wanted = settings.call.transfers.trunk
        if wanted is not None:
            route = RouteSettings("", (((wanted, 1),),))
        self._agents = route

    # -------------------------------------------------------------- trunks

    def trunk_answering(self, event: TrunkAnswering) -> None:
        self._down[event.trunk] = not event.answering

    def is_down(self, trunk: TrunkId) -> bool:
        return self._down.get(trunk, False)

    def codecs(self, trunk: TrunkId | None) -> tuple[str, ...]:
        return self._trunks[trunk].codecs if trunk in self._trunks else ()

    def doorbell(self, board: Board, leg: CallLeg, event: InviteReceived, sdp: bytes, now: float) -> Doorbell | None:
        """Rings first, where the trunk wants that; None: he is answered at once."""
        trunk = self._trunks.get(event.origin.trunk) if event.origin.trunk is not None else None
        if trunk is None or not trunk.ring_seconds:
            return None
        bell = Doorbell(board, leg, sdp)
        bell.ring(trunk.ring_seconds, trunk.early_media and event.sdp is not None, now)
        return bell

    # -------------------------------------------------------------- call-backs

    @property
    def open(self) -> bool:
        """Some trunk of the call-backs is up, as far as we know; True also when there is none at all."""
        return self._call_back is None or any(not self.is_down(trunk.id) for trunk in self._of(self._call_back))

    @property
    def call_back_trunks(self) -> list[TrunkId]:
        return [trunk.id for trunk in self._of(self._call_back)] if self._call_back is not None else []

    def can_call(self, number: str) -> bool:
        """Is there a way to call this customer?"""
        route = self._call_back
        return route is not None and dialable(number) != "" and any(trunk.host for trunk in self._of(route))

    def plan(self) -> list[TrunkSettings]:
        """The trunks for one call-back, in the order in which they are tried."""
        return self._plan(self._call_back) if self._call_back is not None else []

    def _plan(self, route: RouteSettings) -> list[TrunkSettings]:
        found: list[TrunkSettings] = []
        for number, step in enumerate(route.steps):
            shares = [(trunk, weight) for trunk, weight in step if self._usable(trunk)]
            if len(shares) > 1:
                shares = self._shared(route.id, number, shares)
            found.extend(self._trunks[trunk] for trunk, _ in shares)
        return found

    def _usable(self, trunk: TrunkId) -> bool:
        return trunk in self._trunks and self._trunks[trunk].host != "" and not self.is_down(trunk)

    def _of(self, route: RouteSettings) -> list[TrunkSettings]:
        return [self._trunks[trunk] for step in route.steps for trunk, _ in step if trunk in self._trunks]

    def _shared(self, route: str, step: int, shares: list[tuple[TrunkId, int]]) -> list[tuple[TrunkId, int]]:
        credit = self._credit
        for trunk, weight in shares:
            credit[route, step, trunk] = credit.get((route, step, trunk), 0) + weight
        best = max(shares, key=lambda share: credit[route, step, share[0]])
        credit[route, step, best[0]] -= sum(weight for _, weight in shares)
        rest = [share for share in shares if share is not best]
        return [best, *sorted(rest, key=lambda share: -share[1])]

    def goes_on(self, ended: LegEnded) -> bool:
        """Is the next trunk tried after this failure?"""
        return _goes_on(self._call_back, ended)

    # -------------------------------------------------------------- agents: transfers, calls and forwards outside

    def plan_of_agents(self) -> list[TrunkSettings]:
        """When none of them is up they are tried all the same: she waits for it and hears what becomes of it."""
        route = self._agents
        if route is None:
            return []
        return self._plan(route) or [trunk for trunk in self._of(route) if trunk.host]

    def trunks_for(self, dialler: Dialler) -> list[TrunkId]:
        """All trunks that calls on this account may take."""
        route = self._call_back if dialler.kind == CALL_BACKS else self._agents
        return [trunk.id for trunk in self._of(route)] if route is not None else []

    def goes_on_of_agents(self, ended: LegEnded) -> bool:
        return _goes_on(self._agents, ended)

    def redirected(self, ended: LegEnded) -> TrunkSettings | None:
        """The trunk behind which the number is that a trunk redirects to."""
        trunk = self._trunks.get(ended.moved_trunk) if ended.moved_trunk is not None else None
        return trunk if trunk is not None and trunk.host and dialable(ended.moved_to) else None


def _goes_on(route: RouteSettings | None, ended: LegEnded) -> bool:
    return route is not None and (had_no_room(ended) or sent_away(ended) or matches(route.next_on, ended))


class WayOut:
    """One attempt to reach somebody: the trunks that are still to be tried, until when room on one is waited for, and
    whether his phone rang."""

    __slots__ = ("followed", "left", "moved_to", "rang", "routes", "wait_until")

    def __init__(self, routes: Routes) -> None:
        self.routes = routes
        self.left: list[TrunkSettings] = []
        self.wait_until: float | None = None
        self.rang = False
        self.followed = 0
        self.moved_to = ""  # the number of the next one, where a trunk has redirected

    def follow(self, ended: LegEnded) -> None:
        """A trunk redirects: where it may, that is the next way."""
        trunk = self.routes.redirected(ended)
        if trunk is not None and self.followed < MOST_REDIRECTS:
            self.followed += 1
            self.moved_to = ended.moved_to
            self.left.insert(0, trunk)


def had_no_room(ended: LegEnded) -> bool:
    """Our own limits refused it: the trunk was not asked."""
    return ended.by is EndedBy.TRANSPORT and ended.cause in (NO_CHANNEL, CONGESTION)


def sent_away(ended: LegEnded) -> bool:
    """A trunk that redirects (3xx) has reached nobody: a hop that it may name is followed, else the next is tried."""
    return ended.by is EndedBy.PEER and 300 <= ended.status < 400


def matches(next_on: tuple[str, ...], ended: LegEnded) -> bool:
    if ended.by is EndedBy.TIMEOUT:
        return "timeout" in next_on
    if ended.by is EndedBy.TRANSPORT:
        return "unreachable" in next_on
    if ended.by is EndedBy.US:
        return False
    status = meant(ended.status, ended.cause)
    return str(status) in next_on or f"{status // 100}xx" in next_on


def _only_way(trunks: tuple[TrunkSettings, ...], wanted: TrunkId | None) -> TrunkSettings | None:
    """The configured trunk for call-backs, else the first that can be called."""
    for trunk in trunks:
        if trunk.id == wanted or (wanted is None and trunk.host):
            return trunk
    return None


# ------------------------------------------------------------------ numbers


def dialable(number: str) -> str:
    """The digits of a telephone number, without the separators people write; "" when it is none."""
    plain = number.translate(SEPARATORS)
    return plain if plain.isascii() and plain.removeprefix("+").isdecimal() else ""


def written_for(trunk: TrunkSettings, number: str) -> str:
    """A number of ours as this trunk wants it."""
    return number if trunk.numbers is None else as_sent(trunk.numbers, to_e164(trunk.numbers, number))


def trunk_uri(trunk: TrunkSettings, number: str) -> str:
    """Where a number is called: the trunk's own address, never a host that came from outside. The number was written
    by the caller's side, so only digits go into the URI."""
    assert dialable(number), "a number that cannot be called"
    host = f"[{trunk.host}]" if ":" in trunk.host else trunk.host
    port = f":{trunk.port}" if trunk.port else ""
    transport = "" if trunk.transport in ("", "udp") else f";transport={trunk.transport}"
    return f"sip:{dialable(written_for(trunk, number))}@{host}{port}{transport}"
