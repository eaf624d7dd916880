"""Two stacks over a network that loses, doubles and reorders datagrams, with answers, cancels and hang-ups at random
times. Whatever crosses: each leg ends exactly once on both sides, and nothing is left behind afterwards."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from softswitch.ids import IdSource, LegId, TrunkId
from softswitch.sip.messages import (
    Answer,
    AnswerOffer,
    EndedBy,
    Flow,
    Hangup,
    InviteAnswered,
    InviteReceived,
    LegEnded,
    OfferAnswered,
    OfferReceived,
    PacketReceived,
    Reject,
    RespondProvisional,
    SecurityEvent,
    SendOffer,
    SipSettings,
    StartInvite,
    Transmit,
    TrunkSettings,
)
from softswitch.sip.stack import SipStack

ADDRESS = {"caller": ("192.0.2.10", 5060), "callee": ("192.0.2.20", 5060)}
OTHER = {"caller": "callee", "callee": "caller"}


@dataclass
class Side:
    """One stack and what its legs went through."""

    name: str
    stack: SipStack
    begun: list[LegId] = field(default_factory=list)
    ended: list[LegEnded] = field(default_factory=list)
    up: list[LegId] = field(default_factory=list)
    offers: int = 0
    answers: int = 0


@dataclass
class Weather:
    loss: float
    double: float
    slowest: float


class World:
    """A queue of datagrams under way and of decisions to be taken."""

    def __init__(self, seed: int, weather: Weather) -> None:
        self.chance = random.Random(seed)
        self.weather = weather
        self.hangs_up = True
        self.cut_at = float("inf")  # from here on nothing arrives any more
        self.now = 0.0
        self.number = count()
        self.queue: list[tuple[float, int, str, Any]] = []
        self.sides = {
            name: Side(name, SipStack(self._settings(name), IdSource(1 + 10**6 * n), random.Random(seed + n)))
            for n, name in enumerate(ADDRESS)
        }

    def _settings(self, name: str) -> SipSettings:
        peer = ADDRESS[OTHER[name]]
        return SipSettings(
            realm="bank.example",
            domains=("bank.example", ADDRESS[name][0]),
            trunks=(TrunkSettings(TrunkId("peer"), (f"{peer[0]}/32",), host=peer[0]),),
            local_flows=(Flow("udp", ADDRESS[name], ("", 0)),),
            session_expires_seconds=180,
        )

    def later(self, seconds: float, side: str, event: Any) -> None:
        if isinstance(event, Hangup) and not self.hangs_up:
            return
        heapq.heappush(self.queue, (self.now + seconds, next(self.number), side, event))

    def post(self, side: Side, event: Any) -> None:
        self._take(side, side.stack.handle(event, self.now))

    def _take(self, side: Side, commands: list[Any]) -> None:
        chance = self.chance
        for command in commands:
            if isinstance(command, Transmit):
                self._carry(side, command)
            elif isinstance(command, InviteReceived):
                side.begun.append(command.leg)
                side.up.append(command.leg)
                self._decide_incoming(side.name, command.leg)
            elif isinstance(command, InviteAnswered):
                side.up.append(command.leg)
                self.later(chance.uniform(0, 30), side.name, Hangup(command.leg))
            elif isinstance(command, OfferReceived):
                status = chance.choice([200, 200, 488])
                self.later(chance.uniform(0, 2), side.name, AnswerOffer(command.leg, status, b"v=0 re-answer"))
            elif isinstance(command, OfferAnswered):
                side.answers += 1
            elif isinstance(command, LegEnded):
                side.ended.append(command)
            elif isinstance(command, SecurityEvent):
                assert command.kind not in ("internal_error", "malformed"), command

    def _decide_incoming(self, side: str, leg: LegId) -> None:
        chance = self.chance
        if chance.random() < 0.7:
            sdp = chance.choice([None, b"v=0 early answer"])
            self.later(chance.uniform(0, 2), side, RespondProvisional(leg, chance.choice([180, 183]), sdp))
        answer = chance.uniform(0, 6)
        if chance.random() < 0.8:
            self.later(answer, side, Answer(leg, b"v=0 answer"))
        else:
            self.later(answer, side, Reject(leg, chance.choice([486, 480, 503]), None, 17))
        if chance.random() < 0.5:
            self.later(chance.uniform(0, 40), side, Hangup(leg))
        for _ in range(chance.choice([0, 0, 1, 2])):
            self.later(chance.uniform(0, 30), side, SendOffer(leg, b"v=0 from the callee"))

    def _carry(self, side: Side, command: Transmit) -> None:
        chance, weather = self.chance, self.weather
        other = OTHER[side.name]
        assert command.flow.remote == ADDRESS[other], command
        copies = 2 if chance.random() < weather.double else 1
        for _ in range(copies):
            if chance.random() >= weather.loss and self.now < self.cut_at:
                flow = Flow("udp", ADDRESS[other], ADDRESS[side.name])
                self.later(chance.uniform(0.001, weather.slowest), other, PacketReceived(flow, command.data))

    def call(self, number: int) -> None:
        chance = self.chance
        caller = self.sides["caller"]
        leg = LegId(10**7 + number)
        caller.begun.append(leg)
        begin = chance.uniform(0, 5)
        reliably = (("Require", "100rel"),) if chance.random() < 0.5 else ()
        target = "sip:100@192.0.2.20:5060"
        self.later(begin, "caller", StartInvite(leg, target, None, "1", "", b"v=0 offer", reliably))
        # Hang-ups crowd around the answer, where they cross.
        self.later(begin + chance.choice([0.0, chance.uniform(0, 8), 60.0]), "caller", Hangup(leg))
        for _ in range(chance.choice([0, 1, 2])):
            self.later(begin + chance.uniform(0, 30), "caller", SendOffer(leg, b"v=0 from the caller"))

    def run(self, until: float) -> None:
        while True:
            deadlines = [(d, side) for side in self.sides.values() if (d := side.stack.next_deadline()) is not None]
            timer = min(deadlines, key=lambda entry: entry[0]) if deadlines else None
            packet = self.queue[0][0] if self.queue else None
            if timer is not None and (packet is None or timer[0] <= packet):
                if timer[0] > until:
                    return
                self.now = max(self.now, timer[0])
                self._take(timer[1], timer[1].stack.tick(self.now))
            elif packet is not None and packet <= until:
                self.now, _, name, event = heapq.heappop(self.queue)
                self.post(self.sides[name], event)
            else:
                return


WEATHERS = {
    "fair": Weather(0.0, 0.0, 0.02),
    "doubling": Weather(0.0, 0.5, 0.4),
    "lossy": Weather(0.25, 0.1, 0.3),
    "stormy": Weather(0.35, 0.3, 2.5),
}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("weather", WEATHERS)
def test_every_leg_ends_once_and_nothing_is_left(weather: str, seed: int) -> None:
    world = World(seed, WEATHERS[weather])
    for number in range(40):
        world.call(number)
    world.run(600.0)
    assert not world.queue
    for side in world.sides.values():
        ended = [event.leg for event in side.ended]
        assert sorted(ended) == sorted(side.begun), side.name
        assert not any(side.stack.counts().values()), side.stack.counts()
    up = [len(side.up) for side in world.sides.values()]
    assert min(up) > 5, "the simulation never talks"


@pytest.mark.parametrize("seed", range(3))
def test_long_calls_are_refreshed_and_a_cut_wire_ends_them(seed: int) -> None:
    """Nobody hangs up; from minute 10 on nothing arrives. Until then no call is lost, then both sides know."""
    world = World(seed, WEATHERS["lossy"])
    world.hangs_up = False
    for number in range(15):
        world.call(number)
    world.run(120.0)
    ended = {name: len(side.ended) for name, side in world.sides.items()}
    world.cut_at = 600.0
    world.run(600.0)
    assert ended == {name: len(side.ended) for name, side in world.sides.items()}
    assert all(len(side.begun) - len(side.ended) > 5 for side in world.sides.values()), "the simulation never talks"
    world.run(900.0)
    for side in world.sides.values():
        assert sorted(event.leg for event in side.ended) == sorted(side.begun)
        assert any(event.by is EndedBy.TIMEOUT for event in side.ended)
        assert sum(side.stack.counts().values()) == 0, side.stack.counts()


def test_the_same_seed_gives_the_same_run() -> None:
    def run() -> list[LegEnded]:
        world = World(3, WEATHERS["stormy"])
        for number in range(10):
            world.call(number)
        world.run(600.0)
        return world.sides["caller"].ended + world.sides["callee"].ended

    assert run() == run()


def test_in_fair_weather_both_sides_agree() -> None:
    world = World(11, WEATHERS["fair"])
    for number in range(60):
        world.call(number)
    world.run(600.0)
    callers = [event for event in world.sides["caller"].ended if event.leg in world.sides["caller"].up]
    assert callers
    assert all(event.status == 200 for event in callers)
    assert len(world.sides["callee"].ended) == 60
