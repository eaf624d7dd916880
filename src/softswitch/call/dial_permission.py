"""Who may dial what: asked before every call that we place, whatever wants it (a call-back, a transfer, a 302, an API).

    number ─► phone_number.destination ─┬─ no number ──────────────────────────────────────────► refused
                                        ├─ emergency ─────────────────────────────────────────► allowed, always
                                        ├─ a rule says never ─► refused
                                        ├─ internal ──────────────────────────────────────────► allowed
                                        └─ a rule says to ─► night ─► caps of account and house ─► allowed | refused

Denied is what no rule allows. Whoever dials dials `Verdict.number`. Calls that are counted begin with `began` and end
with `ended`; `overdrawn` names the running calls of accounts that have used up their minutes or money.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from softswitch.call.dial_ledger import Ledger, Running
from softswitch.call.dial_settings import BUILT_IN_RULE, Caps, Dialler, DialRule, DialSettings, Night
from softswitch.call.hours import is_open
from softswitch.call.phone_number import EMERGENCY, INTERNAL, Destination, destination
from softswitch.call.records import DialRecord, DialRestored
from softswitch.call.settings import Hours
from softswitch.ids import LegId, TrunkId
from softswitch.sip.messages import SecurityEvent

HOUSE = "house"
_MOST_ABROAD = 10_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """`number` is what is dialled. `rule` is the file and line that decided. `reason` is for people."""

    allowed: bool
    number: str
    kind: str  # the class of destination; empty: no number
    reason: str
    rule: str = ""
    per_minute: float = 0.0
    country: str = ""


class DialPermission:
    """The rules with what has been dialled. One per switch."""

    def __init__(
        self, settings: DialSettings, hours: Callable[[str], Hours | None], local_time: Callable[[float], datetime]
    ) -> None:
        self.settings = settings
        self.ledger = Ledger()
        self._hours = hours
        self._local_time = local_time  # of monotonic seconds
        self._prices = dict(settings.prices)
        self._keeps = self.looks_back is not None
        self._been_abroad: dict[str, None] = {}  # accounts, in the order of their first call abroad

    def _all_caps(self) -> list[Caps]:
        settings, night = self.settings, self.settings.night
        found = [settings.account, settings.house, *((night.account, night.house) if night is not None else ())]
        return [caps for caps in found if caps is not None]

    @property
    def capped(self) -> bool:
        """Does anything limit the length of calls?"""
        return any(caps.minutes is not None or caps.spend is not None for caps in self._all_caps())

    # -------------------------------------------------------------- the question

    def may_dial(
        self, dialler: Dialler, number: str, now: float, through: TrunkId | None = None, later: bool = False
    ) -> Verdict:
        """Changes nothing: it may be asked as often as one likes. `later`: the call is only promised, so the rules
        count, but neither the night nor what is used up just now."""
        there = destination(self.settings.plan, number)
        if there is None:
            return Verdict(False, "", "", "this is no telephone number")
        if there.kind == EMERGENCY:
            return self._verdict(True, there, "emergency numbers can always be dialled", BUILT_IN_RULE)
        local = self._local_time(now)
        rules = [rule for rule in self.settings.rules if rule.is_for(dialler, through) and self._in_force(rule, local)]
        for rule in rules:
            if there.kind in rule.never:
                return self._verdict(False, there, f"{there.kind} numbers are forbidden", rule.place)
        if there.kind == INTERNAL:
            return self._verdict(True, there, "inside the house", BUILT_IN_RULE)
        allowing = next((rule for rule in rules if there.kind in rule.to), None)
        if allowing is None:
            return self._verdict(False, there, f"no rule allows {there.kind} numbers to {dialler.account}")
        if later:
            return self._verdict(True, there, f"{there.kind} numbers are allowed to {dialler.account}", allowing.place)
        return self._within(dialler, there, allowing, now, local)

    def would_dial(self, dialler: Dialler, number: str, now: float, trunks: Sequence[TrunkId]) -> Verdict:
        """For whoever only asks: by the first of these trunks that lets it through, as calls are placed."""
        verdicts = [self.may_dial(dialler, number, now, trunk) for trunk in (trunks or (None,))]
        return next((verdict for verdict in verdicts if verdict.allowed), verdicts[0])

    def _within(self, dialler: Dialler, there: Destination, rule: DialRule, now: float, local: datetime) -> Verdict:
        """Allowed by a rule: also at this time of the day, and within the caps?"""
        night, account, house = self._at_this_time(local)
        if night is not None and there.kind not in night.to:
            return self._verdict(False, there, f"at night no {there.kind} numbers", night.place)
        day = local.date().toordinal()
        for name, caps in ((dialler.account, account), (HOUSE, house)):
            exceeded = self.ledger.exceeded(name, caps, now, day)
            if exceeded:
                return self._verdict(False, there, f"{name}: {exceeded}", caps.place)
        return self._verdict(True, there, f"{there.kind} numbers are allowed to {dialler.account}", rule.place)

    def _at_this_time(self, local: datetime) -> tuple[Night | None, Caps, Caps]:
        """The night if it is one, and the caps of an account and of the house."""
        settings, night = self.settings, self.settings.night
        if night is None or self._open(night.outside, local):
            return None, settings.account, settings.house
        return night, night.account or settings.account, night.house or settings.house

    def _verdict(self, allowed: bool, there: Destination, reason: str, place: str = "") -> Verdict:
        price = self._prices.get(there.kind, 0.0)
        return Verdict(allowed, there.number, there.kind, reason, place, price, there.country)

    def _in_force(self, rule: DialRule, local: datetime) -> bool:
        return not rule.hours or self._open(rule.hours, local)

    def _open(self, calendar: str, local: datetime) -> bool:
        hours = self._hours(calendar)
        return hours is None or is_open(hours, local)

    # -------------------------------------------------------------- what was dialled

    def began(self, leg: LegId, dialler: Dialler, verdict: Verdict, now: float) -> list[SecurityEvent]:
        """A call is placed after its verdict; what is worth telling about it."""
        assert verdict.allowed, "a call that was refused"
        if verdict.kind in (INTERNAL, EMERGENCY):
            return []
        day = self._local_time(now).date().toordinal()
        self.ledger.began(leg, (dialler.account, HOUSE), verdict.per_minute, now, day)
        plan, account = self.settings.plan, dialler.account
        abroad = verdict.country not in ("", plan.country)
        if not (abroad and plan.country and self.settings.tell_first_international) or account in self._been_abroad:
            return []
        self._been_abroad[account] = None
        if len(self._been_abroad) > _MOST_ABROAD:
            del self._been_abroad[next(iter(self._been_abroad))]
        return [SecurityEvent("first_international", ("", 0), account, f"{verdict.number} ({verdict.country})")]

    def answered(self, leg: LegId, now: float) -> None:
        self.ledger.answered(leg, now)

    def ended(self, leg: LegId, now: float) -> None:
        """Also of legs that were never counted: most are not, and cost nothing."""
        if leg in self.ledger.running:
            self.ledger.ended(leg, now, self._local_time(now).date().toordinal())

    # -------------------------------------------------------------- a restart is no way round the caps

    @property
    def looks_back(self) -> float | None:
        """How many seconds of calls that began count; None: nothing is capped, and nothing need be kept."""
        found = [0.0 if each.calls is None else each.per_seconds for each in self._all_caps() if _caps(each)]
        return max(found) if found else None

    def record(self, leg: LegId, wall: Callable[[float], float], ended_at: float | None = None) -> DialRecord | None:
        """A counted call as it is now, for the store."""
        call = self.ledger.running.get(leg) if self._keeps else None
        if call is None:
            return None
        answered_at, ended = (None if at is None else wall(at) for at in (call.answered_at, ended_at))
        return DialRecord(leg, call.accounts[0], call.per_minute, wall(call.began_at), answered_at, ended)

    def restore(self, event: DialRestored, offset: float, now: float) -> list[DialRecord]:
        """What was dialled before this process counts. `offset`: of wall-clock seconds. Calls that go on run; of others
        nobody knows when they ended, so they end now, and that is returned."""
        day = self._local_time(now).date().toordinal()
        past, ledger, ended = event.past, self.ledger, []
        for name, seconds, spent in past.used:
            for account in (name, HOUSE):
                ledger.used_before(account, seconds, spent, day)
        for name, at in past.starts:
            for account in (name, HOUSE):
                ledger.began_before(account, at - offset, day)
        for call in past.left_open:
            names = call.account, HOUSE
            at = now if call.answered_at is None else min(call.answered_at - offset, now)
            ledger.goes_on(call.leg, Running(names, call.per_minute, min(call.began_at - offset, now), at), day)
            if call.leg not in event.going_on:
                ledger.ended(call.leg, now, day)
                ended.append(replace(call, ended_at=now + offset))
        return ended

    def overdrawn(self, now: float) -> list[LegId]:
        """Running calls of accounts that have no minutes or no money left."""
        local = self._local_time(now)
        _, account, house = self._at_this_time(local)
        return self.ledger.overdrawn(account, house, HOUSE, now, local.date().toordinal())


def _caps(caps: Caps) -> bool:
    return any(each is not None for each in (caps.at_once, caps.calls, caps.minutes, caps.spend))


def refused(dialler: Dialler, verdict: Verdict, wanted: str, source: tuple[str, int] = ("", 0)) -> SecurityEvent:
    """The security event of a refusal."""
    where = f" [{verdict.rule}]" if verdict.rule else ""
    shown = verdict.number or wanted[:64]
    return SecurityEvent("dial_refused", source, dialler.account, f"{shown}: {verdict.reason}{where}")
