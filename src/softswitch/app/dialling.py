"""What operators ask about dialling, answered by the call core of the running switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.call.dial_settings import dialler_named
from softswitch.web.dialling import AccountView, VerdictView

if TYPE_CHECKING:
    from softswitch.app.switch import Switch


class DialDesk:
    """Implements `web.dialling.DialView`."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def may_dial(self, agent: str, number: str) -> VerdictView | None:
        dialler = dialler_named(agent, self._switch.settings.call.agents)
        if dialler is None:
            return None
        calls = self._switch.cores.calls
        trunks = calls.routes.trunks_for(dialler)
        found = calls.board.dialling.would_dial(dialler, number, self._switch.clock.now(), trunks)
        return VerdictView(found.allowed, found.number, found.kind, found.reason, found.rule, found.per_minute)

    def accounts(self) -> list[AccountView]:
        now = self._switch.clock.now()
        day = self._switch.clock.local(self._switch.clock.wall(now)).date().toordinal()
        rows = []
        for name, account in self._switch.cores.calls.board.dialling.ledger.accounts.items():
            minutes, spent = account.of(day).used(now)
            rows.append(AccountView(name, len(account.running), minutes, spent))
        return rows
