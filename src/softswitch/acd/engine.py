"""The ACD engine: events in, commands out, the clock handed in. Dispatch only; what happens is decided in

    shifts     agents log in and out, take breaks, lose their phone      agents   an agent's state, with its diagram
    callers    callers enter, wait, leave                                waiting  a caller's stage, with its diagram
    attempts   rings, answers by compare-and-set, conversations          matching who is rung for whom
    sticky     back to the same person as last time                      promises call-backs and their keeping
    opening    call-backs keep to the hours of their queue
    ways_out   out of the line by a key, or by asking for a call-back
    places     another place in the line: others go first, a supervisor moves him
    customer_first  call-backs that ring the customer before the agent
    chats      typed chats, beside calls                                 chat_room  who has room for them

Single-threaded, deterministic (the same events at the same times give the same commands and the same `digest`), and
O(log n) per event: no event looks at all agents or all callers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from softswitch.acd import (
    attempts,
    callers,
    chats,
    customer_first,
    handed,
    matching,
    opening,
    places,
    promises,
    rest,
    shifts,
    snapshot,
    sticky,
    ways_out,
)
from softswitch.acd import messages as m
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import AcdSettings, Command, Event
from softswitch.acd.strategy import STRATEGIES, Chance, Strategy
from softswitch.ids import IdSource

_HANDLERS: Final[dict[type, Callable[[Floor, Any, float], None]]] = {
    m.PhoneRegistered: shifts.phone_registered,
    m.PhoneLost: shifts.phone_lost,
    m.AgentLoggedIn: shifts.logged_in,
    m.AgentLoggedOut: shifts.logged_out,
    m.AgentWentReady: shifts.went_ready,
    m.AgentWentOnBreak: rest.went_on_break,
    m.AgentWentOutbound: rest.went_outbound,
    m.AgentNeedsTime: rest.needs_time,
    m.AgentFreed: rest.freed,
    m.OwnCallBegan: shifts.own_call_began,
    m.OwnCallEnded: shifts.own_call_ended,
    m.AgentRestored: shifts.restored,
    m.CallerEntered: callers.entered,
    m.CallerLeft: callers.left,
    m.ChoiceMade: sticky.choice_made,
    m.CallerWentOn: ways_out.went_on,
    m.CallerLetOthersFirst: places.let_others_first,
    m.CallerMovedToFront: places.moved_to_front,
    m.CallBackRequested: ways_out.call_back_requested,
    m.QueueHoursChanged: opening.hours_changed,
    m.WayOutChanged: opening.way_out_changed,
    m.PromiseSaved: promises.saved,
    m.PromiseRestored: promises.restored,
    m.ChatEntered: chats.entered,
    m.ChatAccepted: chats.accepted,
    m.ChatDeclined: chats.declined,
    m.ChatClosed: chats.closed,
    m.AgentAnswered: attempts.answered,
    m.AgentRefused: attempts.refused,
    m.AgentUnreachable: attempts.unreachable,
    m.ConversationEnded: attempts.conversation_ended,
    m.CustomerReached: attempts.customer_reached,
    m.CustomerAnswered: customer_first.answered,
    m.CustomerNotReached: attempts.customer_not_reached,
    m.AgentTookOver: handed.took_over,
}

# Indexed by the kinds of `deadlines`, in their order.
_DUE: Final[tuple[Callable[[Floor, object, float, float], None], ...]] = (
    attempts.no_answer,
    shifts.wrap_up_due,
    sticky.bond_due,
    callers.max_wait_due,
    callers.say_position_due,
    attempts.no_offer_over,
    promises.save_due,
    promises.retry,
    promises.due,
    promises.lost,
    matching.relax_due,
    rest.break_over,
    places.his_turn,
    chats.offer_due,
    chats.wait_due,
    chats.again,
    chats.over,
)


class Engine:
    def __init__(
        self,
        settings: AcdSettings,
        ids: IdSource,
        chance: Chance | None = None,
        strategies: Mapping[str, Strategy] = STRATEGIES,
    ) -> None:
        """`chance`: what the order "random" draws from, seeded alike in every run when it is not given.
        `strategies`: the orders that queues can name."""
        self._floor = Floor(settings, ids, chance, strategies)

    @classmethod
    def of(cls, floor: Floor) -> Engine:
        """An engine that goes on from this state (of a snapshot)."""
        engine = cls.__new__(cls)
        engine._floor = floor
        return engine

    def handle(self, event: Event, now: float) -> list[Command]:
        floor = self._floor
        out: list[Command] = []
        floor.out = out
        _HANDLERS[type(event)](floor, event, now)
        if floor.eligibility.chats.loads:
            chats.after(floor, event, out, now)
        return out

    def tick(self, now: float) -> list[Command]:
        """Run what is due, in order of time."""
        floor = self._floor
        out: list[Command] = []
        floor.out = out
        pop_due = floor.deadlines.pop_due
        while (item := pop_due(now)) is not None:
            _DUE[item[2]](floor, item[3], item[0], now)
        if floor.eligibility.chats.loads:
            chats.after(floor, None, out, now)
        return out

    def next_deadline(self) -> float | None:
        return self._floor.deadlines.next()

    @property
    def floor(self) -> Floor:
        """The live state, for checks and reports inside this process; read it, never write it."""
        return self._floor

    @property
    def rejected(self) -> Mapping[Rejection, int]:
        """Events that were not obeyed because they came late, twice, or named something unknown."""
        return MappingProxyType(self._floor.rejected)

    def agents(self) -> tuple[snapshot.AgentSnapshot, ...]:
        return snapshot.agents(self._floor)

    def queues(self, now: float) -> tuple[snapshot.QueueSnapshot, ...]:
        return snapshot.queues(self._floor, now)

    def waiting(self) -> tuple[snapshot.WaitingSnapshot, ...]:
        return snapshot.waiting(self._floor)

    def digest(self) -> str:
        return snapshot.digest(self._floor)
