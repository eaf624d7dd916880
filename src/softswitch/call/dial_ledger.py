"""What has been dialled, by account and for the house: calls at a time, calls in a while, minutes and money of a day.

An account's day begins anew with the local date. Running calls count with what they have used up to now, so that a cap
also ends a call that only goes on and on. Pure and bounded: the account that was idle longest is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

from softswitch.call.dial_settings import Caps
from softswitch.ids import LegId

_MOST_ACCOUNTS = 10_000


@dataclass(slots=True)
class Running:
    """A call that goes on. The first account is who dialled."""

    accounts: tuple[str, ...]
    per_minute: float
    began_at: float
    answered_at: float | None = None

    def seconds(self, now: float) -> float:
        return 0.0 if self.answered_at is None else max(now - self.answered_at, 0.0)


class Account:
    """One account's day."""

    __slots__ = ("day", "running", "seconds", "spent", "starts")

    def __init__(self, day: int) -> None:
        self.day = day
        self.seconds = 0.0
        self.spent = 0.0
        self.starts: deque[float] = deque(maxlen=1000)
        self.running: dict[LegId, Running] = {}

    def of(self, day: int) -> Account:
        if day != self.day:
            self.day, self.seconds, self.spent = day, 0.0, 0.0
        return self

    def used(self, now: float) -> tuple[float, float]:
        """Minutes and money of this day up to now."""
        seconds, spent = self.seconds, self.spent
        for call in self.running.values():
            running = call.seconds(now)
            seconds += running
            spent += running / 60 * call.per_minute
        return seconds / 60, spent


class Ledger:
    """See the module."""

    def __init__(self) -> None:
        self.accounts: OrderedDict[str, Account] = OrderedDict()
        self.running: dict[LegId, Running] = {}
        self.latest = 0.0  # when a call was answered last

    def exceeded(self, name: str, caps: Caps, now: float, day: int) -> str:
        """Which cap forbids another call; empty: none."""
        account = self.accounts.get(name)
        if account is None:
            return "" if caps.at_once != 0 and caps.calls != 0 else "no calls"
        account.of(day)
        if caps.at_once is not None and len(account.running) >= caps.at_once:
            return f"{caps.at_once} calls at once are the most"
        if caps.calls is not None and self._recent(account, caps, now) >= caps.calls:
            return f"{caps.calls} calls in {caps.per_seconds:g} s are the most"
        return self._used_up(account, caps, now)

    @staticmethod
    def _recent(account: Account, caps: Caps, now: float) -> int:
        since = now - caps.per_seconds
        return sum(started > since for started in account.starts)

    @staticmethod
    def _used_up(account: Account, caps: Caps, now: float) -> str:
        if caps.minutes is None and caps.spend is None:
            return ""
        minutes, spent = account.used(now)
        if caps.minutes is not None and minutes >= caps.minutes:
            return f"the {caps.minutes:g} minutes of this day are used up"
        if caps.spend is not None and spent >= caps.spend:
            return f"the {caps.spend:g} of this day are spent"
        return ""

    # -------------------------------------------------------------- calls

    def goes_on(self, leg: LegId, call: Running, day: int) -> None:
        self.running[leg] = call
        for name in call.accounts:
            account = self.accounts.setdefault(name, Account(day)).of(day)
            self.accounts.move_to_end(name)
            account.running[leg] = call

    def began(self, leg: LegId, names: tuple[str, ...], per_minute: float, now: float, day: int) -> None:
        self.goes_on(leg, Running(names, per_minute, now), day)
        for name in names:
            self.accounts[name].starts.append(now)
        if len(self.accounts) > _MOST_ACCOUNTS:
            idle = next((name for name, account in self.accounts.items() if not account.running), None)
            if idle is not None:
                del self.accounts[idle]

    def used_before(self, name: str, seconds: float, spent: float, day: int) -> None:
        """Before this process, on this day."""
        account = self.accounts.setdefault(name, Account(day)).of(day)
        account.seconds += seconds
        account.spent += spent

    def began_before(self, name: str, at: float, day: int) -> None:
        """A call that began before this process; in the order of time."""
        self.accounts.setdefault(name, Account(day)).starts.append(at)

    def answered(self, leg: LegId, now: float) -> None:
        call = self.running.get(leg)
        if call is not None and call.answered_at is None:
            call.answered_at = self.latest = now

    def ended(self, leg: LegId, now: float, day: int) -> None:
        call = self.running.pop(leg, None)
        if call is None:
            return
        seconds = call.seconds(now)
        for name in call.accounts:
            account = self.accounts[name].of(day)
            del account.running[leg]
            account.seconds += seconds
            account.spent += seconds / 60 * call.per_minute

    @property
    def busy(self) -> bool:
        return bool(self.running)

    def overdrawn(self, account: Caps, house: Caps, house_name: str, now: float, day: int) -> list[LegId]:
        over: dict[LegId, None] = {}
        for name, one in self.accounts.items():
            if one.running and self._used_up(one.of(day), house if name == house_name else account, now):
                over.update(dict.fromkeys(one.running))
        return list(over)
