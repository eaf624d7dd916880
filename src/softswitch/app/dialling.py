"""What operators ask about dialling, answered by the call core of the running switch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from softswitch.call.dial_settings import dialler_named
from softswitch.call.live import LiveCall
from softswitch.call.records import DialRestored
from softswitch.store.questions import DIALLED_KEPT_SECONDS
from softswitch.web.dialling import AccountView, VerdictView

if TYPE_CHECKING:
    from softswitch.app.switch import Switch

TIDIED_EVERY_SECONDS: Final = 86400.0


class DialDesk:
    """Implements `web.dialling.DialView`."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    async def restore(self, going_on: tuple[LiveCall, ...]) -> None:
        """At start: what was dialled before counts for the caps, where there are any."""
        switch = self._switch
        looks_back = switch.cores.calls.board.dialling.looks_back
        if looks_back is None:
            return
        now = switch.clock.wall(switch.clock.now())
        day = switch.clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        past = await switch.edges.store.load_dialled(day, now - looks_back, now)
        legs = frozenset(kept.sip.leg for call in going_on for kept in call.all_legs)
        switch.post(DialRestored(past, legs))

    def start(self) -> Callable[[], Any]:
        """Now and each day, what no cap looks at any more goes. Returns what ends it again."""
        task = asyncio.get_running_loop().create_task(self._keep_house(), name="dialled")

        async def close() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        return close

    async def _keep_house(self) -> None:
        switch = self._switch
        while True:
            looks_back = switch.cores.calls.board.dialling.looks_back or 0.0
            now = switch.clock.wall(switch.clock.now())
            switch.edges.store.forget_dialled(now - max(looks_back, DIALLED_KEPT_SECONDS))
            await asyncio.sleep(TIDIED_EVERY_SECONDS)

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
