"""Orders about callers, carried out in the running switch: implements `web.floor_orders.FloorOrders`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.acd.messages import CallerMovedToFront
from softswitch.call.keys import MOST_KEYS, pressable
from softswitch.call.orders import MoveCaller, PressKeys, SetOwner
from softswitch.call.records import OwnerSet
from softswitch.call.routing import one_form
from softswitch.call.session import Stage
from softswitch.ids import AgentId, InteractionId, QueueId
from softswitch.store.errors import StoreError
from softswitch.web.views import PastError

if TYPE_CHECKING:
    from softswitch.app.switch import Switch


class Orders:
    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def move(self, interaction: InteractionId, queue: QueueId | None, by: str) -> str | None:
        session = self._switch.cores.calls.sessions.get(interaction)
        if session is None or session.stage not in (Stage.QUEUED, Stage.CHOOSING):
            return "He does not wait in a queue now: only who waits can be moved."
        engine = self._switch.cores.engine
        if queue is not None:
            entry = engine.floor.entries.get(interaction)
            if entry is not None and entry.promise is not None:
                return "A call-back is just being promised to him, and he cannot be moved."
            self._switch.post(MoveCaller(interaction, queue, by))
            return None
        before = sum(engine.rejected.values())
        self._switch.post(CallerMovedToFront(interaction, by))
        if sum(engine.rejected.values()) != before:
            return "He is being connected, called back or asked just now, and cannot be put in front."
        return None

    def press(self, interaction: InteractionId, keys: str) -> str | None:
        plain = pressable(keys)
        if not plain:
            return f"Keys are 0-9 * # A-D and a comma for a pause of a second, at most {MOST_KEYS}."
        leg = self._switch.cores.calls.customer_leg(interaction)
        if leg is None or leg.on_hold:
            return "Nobody would hear them: his line is not answered, or on hold."
        self._switch.post(PressKeys(interaction, plain))
        return None

    def own_call(self, interaction: InteractionId, agent: AgentId | None) -> str | None:
        if interaction not in self._switch.cores.calls.sessions:
            return "This call is a call-back; it is known already who calls."
        self._switch.post(SetOwner(interaction, agent))
        return None

    async def owner(self, kind: str, who: str) -> AgentId | None:
        try:
            return await self._switch.edges.store.owner(kind, _written(kind, who))
        except StoreError as error:
            raise PastError(str(error)) from None

    async def set_owner(self, kind: str, who: str, agent: AgentId | None) -> None:
        clock = self._switch.clock
        record = OwnerSet(kind, _written(kind, who), agent, clock.wall(clock.now()))
        try:
            await self._switch.edges.store.append_durable(record)
        except StoreError as error:
            raise PastError(str(error)) from None


def _written(kind: str, who: str) -> str:
    return one_form(who) if kind == "caller" else who
