"""The storm with a whole switch in its middle: SIP room, call core and queue engine, between a gateway and phones.

    gateway (stack) ──network──► switch (stack, calls, engine; audio is played) ──network──► phones (stack)

Callers press a key, wait, are rung for, talk, are held and hang up at any time; phones ring, refuse, answer late, are
silent. Each call is two dialogs with a decision between them, and each side of each has to know its end.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from tests.call.house import ANNA, LI, MART, House, make_settings, offer
from tests.sip.storm import NEVER, WEATHERS, Side, Storm

from softswitch.acd import messages as acd
from softswitch.ids import LegId
from softswitch.media import messages as media
from softswitch.sip import messages as sip

HOSTS = {"caller": "192.0.2.10", "switch": "192.0.2.20", "phones": "192.0.2.30"}
AGENTS = (ANNA, MART, LI)
ORDERS = (
    sip.RespondProvisional, sip.Answer, sip.Reject, sip.StartInvite, sip.SendOffer, sip.AnswerOffer, sip.Hangup,
    sip.AnswerRefer, sip.ReferProgressed,
)  # fmt: skip
AT_REST = (acd.AgentState.READY, acd.AgentState.SUSPENDED, acd.AgentState.WRAP_UP)


@dataclass(frozen=True)
class Key:
    leg: LegId


@dataclass(frozen=True)
class PromptOver:
    leg: LegId


@dataclass(frozen=True)
class Ready:
    """All agents say that they are ready: a suspended one is back."""


class Wired(House):
    """The house whose peers are not played: its orders go to the SIP stack."""

    def __init__(self) -> None:
        self.orders: deque[Any] = deque()
        self.plays: deque[LegId] = deque()
        super().__init__(make_settings(ring_seconds=8.0), ports=400, acknowledges=False)
        self.now = 0.0

    def _world(self, message: Any) -> None:
        if isinstance(message, ORDERS):
            self.orders.append(message)
            return
        if isinstance(message, media.Play):
            self.plays.append(message.leg)
        super()._world(message)


class BankStorm(Storm):
    """See the module."""

    def __init__(self, seed: int, weather: str) -> None:
        super().__init__(seed, WEATHERS[weather], HOSTS)
        self.house = Wired()
        self._up: deque[Any] = deque()
        self._draining = False
        switch = self.sides["switch"]
        way = sip.Flow("udp", (HOSTS["switch"], 5060), (HOSTS["phones"], 5060))
        for agent in AGENTS:
            binding = sip.ContactBinding(agent, f"sip:{agent}@{HOSTS['phones']}:5060", way, "c", 1, 1e6)
            self.house.post(sip.RegistrationChanged(agent, (binding,)))
            self.house.post(acd.PhoneRegistered(agent))
        for minute in range(8):
            self.later(minute * 60.0 + 30.0, switch, Ready())

    # ---------------------------------------------------------------- the switch

    def _post(self, side: Side, event: Any) -> None:
        house = self.house
        house.now = self.now
        if isinstance(event, Key):
            house.press(event.leg, "1")
        elif isinstance(event, PromptOver):
            house.prompt_over(event.leg)
        elif isinstance(event, Ready):
            for agent in AGENTS:
                house.post(acd.AgentWentReady(agent))
        else:
            super()._post(side, event)
            return
        self._take(side, [])

    def _tick(self, side: Side) -> list[Any]:
        if side.name == "switch":
            self.house.wait(self.now - self.house.now)
        return super()._tick(side)

    def _wind(self, side: Side) -> None:
        if side.name != "switch":
            super()._wind(side)
            return
        self._drain(side)
        due = (side.stack.next_deadline(), self.house.calls.next_deadline(), self.house.engine.next_deadline())
        side.due = min((at for at in due if at is not None), default=NEVER)

    def _drain(self, side: Side) -> None:
        """What the stack told goes to the call core, its orders back to the stack, until both are quiet."""
        if self._draining:
            return
        self._draining = True
        house = self.house
        house.now = self.now
        while self._up or house.orders:
            if house.orders:
                order = house.orders.popleft()
                if isinstance(order, sip.StartInvite):
                    side.begun[order.leg] = self.now
                self._take(side, side.stack.handle(order, self.now))
            else:
                house.post(self._up.popleft())
        while house.plays:
            self.later(self.chance.uniform(0.1, 3.0), side, PromptOver(house.plays.popleft()))
        self._draining = False

    def _happened(self, side: Side, command: Any) -> None:
        if side.name != "switch":
            super()._happened(side, command)
            return
        kind = type(command)
        self.seen[f"switch {kind.__name__}"] += 1
        assert kind is not sip.SecurityEvent, command
        leg = command.leg
        assert leg not in side.ended, f"after its end: {command}"
        if kind is sip.InviteReceived:
            side.begun[leg] = self.now
            for _ in range(3):
                self.later(self.chance.uniform(0.5, 6.0), side, Key(leg))
        elif kind is sip.InviteAnswered:
            side.up[leg] = self.now
        elif kind is sip.LegEnded:
            side.ended[leg] = (self.now, command)
        self._up.append(command)

    # ---------------------------------------------------------------- the others

    def call(self, begin: float) -> None:
        chance, caller = self.chance, self.sides["caller"]
        self._number += 1
        leg = LegId(10**9 + self._number)
        caller.begun[leg] = begin
        target = f"sip:+3726310000@{HOSTS['switch']}:5060" + (";transport=tcp" if chance.random() < 0.2 else "")
        order = sip.StartInvite(leg, target, None, f"+37255{self._number % 50:05}", "", offer())
        self.later(begin, caller, order)
        self.later(begin + chance.choice((chance.uniform(0, 2), chance.uniform(5, 90), 150.0)), caller, sip.Hangup(leg))

    def _plan_incoming(self, side: Side, leg: LegId) -> None:
        """A phone of an agent."""
        chance = self.chance
        what = chance.random()
        if chance.random() < 0.8:
            self.later(chance.uniform(0, 1), side, sip.RespondProvisional(leg, 180))
        if what < 0.75:
            self.later(chance.uniform(0.1, 9), side, sip.Answer(leg, offer()))
            self.later(chance.uniform(5, 60), side, sip.Hangup(leg))
            if chance.random() < 0.3:
                self.later(chance.uniform(5, 30), side, sip.SendOffer(leg, offer()))
        elif what < 0.9:
            self.later(chance.uniform(0, 3), side, sip.Reject(leg, chance.choice((486, 480, 503))))
        # The others ring until they are cancelled.

    def _plan_talk(self, side: Side, leg: LegId) -> None:
        if self.chance.random() < 0.3:
            self.later(self.chance.uniform(1, 40), side, sip.SendOffer(leg, offer()))

    # ---------------------------------------------------------------- the rules

    def check_house(self) -> None:
        self.house.assert_nothing_left()
        for agent in AGENTS:
            assert self.house.state(agent) in AT_REST, (agent, self.house.state(agent))
        switch = self.sides["switch"]
        by_call: dict[str, list[float]] = {}
        for side in self.sides.values():
            for leg in side.begun:
                by_call.setdefault(str(side.stack.call_id(leg)), []).append(side.ended[leg][0])
        shared = [times for times in by_call.values() if len(times) == 2]
        assert max(max(times) - min(times) for times in shared) <= self.known_within
        assert len(switch.begun) <= len(by_call) <= len(switch.begun) + len(self.sides["caller"].begun)
        self.seen["shared"] = len(shared)


def play_bank(seed: int, weather: str, calls: int) -> BankStorm:
    storm = BankStorm(seed, weather)
    for _ in range(calls):
        storm.call(storm.chance.uniform(0, 300))
    for at in (60.0, 200.0):
        storm.run(at)
        storm.check_timers()
    storm.run(1200.0)
    assert not storm._queue
    storm.check_timers()
    for side in storm.sides.values():
        assert side.begun.keys() == side.ended.keys(), side.name
        counts = side.stack.counts()
        assert not any(number for name, number in counts.items() if name != "streams"), (side.name, counts)
    storm.check_house()
    return storm
