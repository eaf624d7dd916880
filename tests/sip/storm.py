"""Three real stacks over a network that loses, doubles, delays and reorders, cuts TCP connections and forks INVITEs.

    caller ──UDP, TCP──► left      every call has a plan drawn from the seed: how it rings (reliably or not), whether
       └──fork──► left and right   it is answered, refused, cancelled, held, updated, refreshed, and who hangs up

The clock is the simulation's. While it runs and when it is over the rules are checked that no storm may break:
one transaction has one final answer; no leg ends twice or never; when a call was up, both sides know that it is over
within the time that RFC 3261 and RFC 4028 allow; every timer belongs to something that is still in a table; nothing
is left behind. A seed repeats its run.
"""

from __future__ import annotations

import gc
import heapq
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.sip.owners import ownerless

from softswitch.ids import IdSource, LegId, TrunkId
from softswitch.sip.messages import (
    Answer,
    AnswerOffer,
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
    StreamClosed,
    StreamReceived,
    Transmit,
    TransportFailed,
    TrunkSettings,
)
from softswitch.sip.stack import SipStack

HOSTS = {"caller": "192.0.2.10", "left": "192.0.2.20", "right": "192.0.2.30"}
FORK = "192.0.2.99"  # what is sent here without a To tag reaches left and right
SESSION_SECONDS = 90
# A BYE that is lost eleven times: the other side's session timer, then its own BYE or refresh, 64*T1 each.
KNOWN_WITHIN = SESSION_SECONDS + 2 * 32.0 + 5.0
END = 900.0
NEVER = float("inf")
SDP = b"v=0 a description"


@dataclass(frozen=True)
class Weather:
    """Of datagrams: probabilities of loss and doubling, the slowest way. Of connections: seconds one lives at most."""

    loss: float
    double: float
    slowest: float
    connection: float


WEATHERS = {
    "fair": Weather(0.0, 0.0, 0.02, 1e9),
    "doubling": Weather(0.0, 0.5, 0.4, 60.0),
    "lossy": Weather(0.2, 0.05, 0.3, 30.0),
    "stormy": Weather(0.35, 0.3, 2.5, 8.0),
    "reordering": Weather(0.02, 0.02, 1.2, 20.0),
}


@dataclass
class Side:
    """One stack, and what its legs went through."""

    name: str
    stack: SipStack
    due: float = NEVER
    begun: dict[LegId, float] = field(default_factory=dict)
    up: dict[LegId, float] = field(default_factory=dict)
    ended: dict[LegId, tuple[float, LegEnded]] = field(default_factory=dict)
    offers: Counter[LegId] = field(default_factory=Counter)  # sent and not answered
    finals: dict[tuple[bytes, bytes], tuple[bytes, float]] = field(default_factory=dict)
    numbers: int = 0  # of its connections
    ways: dict[str, int] = field(default_factory=dict)  # the open connection to a host


class Link:
    """One TCP connection: the flow of each end, and when what is under way has arrived."""

    __slots__ = ("arrived", "ends", "open")

    def __init__(self, ends: dict[str, Flow]) -> None:
        self.ends = ends
        self.open = True
        self.arrived = dict.fromkeys(ends, 0.0)


def settings(host: str, hosts: tuple[str, ...]) -> SipSettings:
    networks = tuple(f"{other}/32" for other in (*hosts, FORK) if other != host)
    return SipSettings(
        realm="bank.example",
        domains=("bank.example", host),
        trunks=(TrunkSettings(TrunkId("peer"), networks, max_calls=10**6),),
        local_flows=(Flow("udp", (host, 5060), ("", 0)), Flow("tcp", (host, 5060), ("", 0))),
        session_expires_seconds=SESSION_SECONDS,
        max_sessions=10**6,
        max_transactions=10**6,
        nonce_secret=b"n" * 32,
    )


class Storm:
    """See the module. `call` plans one, `run` lets the time pass, `check_end` looks at what is left."""

    def __init__(self, seed: int, weather: Weather, hosts: dict[str, str] = HOSTS) -> None:
        self.chance = random.Random(seed)
        self.weather = weather
        # Where nothing is lost the BYE itself says it.
        lossless = weather.loss == 0.0 and weather.connection > 1e6
        self.known_within = 1.0 if lossless else KNOWN_WITHIN
        self.now = 0.0
        self.seen: Counter[str] = Counter()  # what happened at all: a simulation that never talks proves nothing
        self._number = 0
        self._queue: list[tuple[float, int, Side, Any]] = []
        self.sides = {
            name: Side(
                name,
                SipStack(settings(host, tuple(hosts.values())), IdSource(1 + 10**7 * n), random.Random(seed * 7 + n)),
            )
            for n, (name, host) in enumerate(hosts.items())
        }
        self.hosts = hosts
        self._names = {host: name for name, host in hosts.items()}
        self._links: dict[tuple[str, int], Link] = {}

    # ---------------------------------------------------------------- the queue

    def later(self, seconds: float, side: Side, event: Any) -> None:
        self._number += 1
        heapq.heappush(self._queue, (self.now + seconds, self._number, side, event))

    def run(self, until: float) -> None:
        queue, sides = self._queue, tuple(self.sides.values())
        while True:
            side = min(sides, key=lambda each: each.due)
            at = queue[0][0] if queue else NEVER
            if side.due <= at:
                if side.due > until:
                    return
                self.now = max(self.now, side.due)
                self._take(side, self._tick(side))
            elif at <= until:
                self.now, _, side, event = heapq.heappop(queue)
                self._post(side, event)
            else:
                return

    def _post(self, side: Side, event: Any) -> None:
        kind = type(event)
        if kind is Update:
            self._update(side, event)
            return
        if kind is Patience:
            if event.leg in side.up:
                return
            event = Hangup(event.leg)
        if kind is Reset:
            self._reset(event.link)
            return
        if kind is StreamReceived:
            link = self._links.get((side.name, event.flow.connection))
            if link is None or not link.open:
                return
        elif kind is SendOffer and event.leg not in side.ended:
            side.offers[event.leg] += 1
        self._take(side, side.stack.handle(event, self.now))

    def _take(self, side: Side, commands: list[Any]) -> None:
        for command in commands:
            if type(command) is Transmit:
                if command.data.startswith(b"SIP/2.0 "):
                    self._one_final_answer(side, command.data)
                else:
                    self.seen[command.data[:4].decode()] += 1
                self._carry(side, command)
            else:
                self._happened(side, command)
        self._wind(side)

    def _tick(self, side: Side) -> list[Any]:
        return list(side.stack.tick(self.now))

    def _wind(self, side: Side) -> None:
        """When this side wants to be asked next."""
        deadline = side.stack.next_deadline()
        side.due = NEVER if deadline is None else deadline

    # ---------------------------------------------------------------- the call rooms

    def _happened(self, side: Side, command: Any) -> None:
        kind = type(command)
        self.seen[kind.__name__] += 1
        if kind is LegEnded:
            assert command.leg in side.begun, command
            assert command.leg not in side.ended, f"ended twice: {command}"
            side.ended[command.leg] = (self.now, command)
            self.seen[command.by.name] += 1
            return
        if kind is SecurityEvent:
            raise AssertionError(command)
        leg = getattr(command, "leg", None)
        if leg is not None:
            assert leg not in side.ended, f"after its end: {command}"
        if kind is InviteReceived:
            side.begun[command.leg] = self.now
            self._plan_incoming(side, command.leg)
        elif kind is InviteAnswered:
            assert command.leg not in side.up, "answered twice"
            side.up[command.leg] = self.now
            self._plan_talk(side, command.leg)
        elif kind is OfferReceived:
            status = 488 if self.chance.random() < 0.2 else 200
            self.later(self.chance.uniform(0, 1.5), side, AnswerOffer(command.leg, status, SDP))
        elif kind is OfferAnswered:
            side.offers[command.leg] -= 1
            assert side.offers[command.leg] >= 0, "an answer without an offer"

    def call(self, begin: float) -> None:
        """The caller's part of one plan."""
        chance, caller = self.chance, self.sides["caller"]
        self._number += 1
        leg = LegId(10**9 + self._number)
        caller.begun[leg] = begin
        way = chance.random()
        target = f"sip:100@{HOSTS['left']}:5060"
        if way < 0.06:
            target = f"sip:100@{FORK}:5060"
        elif way < 0.2:
            target += ";transport=tcp"
        reliably = (("Require", "100rel"),) if chance.random() < 0.35 else ()
        self.later(begin, caller, StartInvite(leg, target, None, "1", "", SDP, reliably))
        # Hang-ups crowd around the answer, where they cross.
        if chance.random() < 0.4:
            self.later(begin + chance.uniform(0, chance.choice((1, 8))), caller, Hangup(leg))
        self.later(begin + 60.0, caller, Patience(leg))

    def _plan_incoming(self, side: Side, leg: LegId) -> None:
        chance = self.chance
        if chance.random() < 0.7:
            sdp = SDP if chance.random() < 0.5 else None
            self.later(chance.uniform(0, 2), side, RespondProvisional(leg, chance.choice((180, 183)), sdp))
            if chance.random() < 0.1:
                self.later(chance.uniform(0, 3), side, Update(leg))
        at = chance.uniform(0, 6)
        if chance.random() < 0.85:
            self.later(at, side, Answer(leg, SDP))
            side.up[leg] = self.now + at
        else:
            self.later(at, side, Reject(leg, chance.choice((486, 480, 503)), None, 17))
        if chance.random() < 0.3:
            self.later(chance.uniform(0, 40), side, Hangup(leg))
        self._plan_offers(side, leg, at)

    def _plan_talk(self, side: Side, leg: LegId) -> None:
        chance = self.chance
        # Most talks are short; some need their session refreshed several times.
        seconds = chance.uniform(0, 20) if chance.random() < 0.93 else chance.uniform(60, 250)
        self.later(seconds, side, Hangup(leg))
        self._plan_offers(side, leg, 0.0)

    def _plan_offers(self, side: Side, leg: LegId, at: float) -> None:
        chance = self.chance
        if chance.random() < 0.2:
            self.later(at + chance.uniform(0, 15), side, SendOffer(leg, SDP))
        if chance.random() < 0.05:
            self.later(at + chance.uniform(0, 15), side, Update(leg))

    def _update(self, side: Side, order: Update) -> None:
        """An UPDATE with an offer, which our own stack never sends: before the answer or after it."""
        stack = side.stack
        leg = stack._sessions._legs.get(order.leg)
        if leg is None or not leg.dialog.remote_tag:
            return
        context = stack._context
        context.now, context.out = self.now, []
        branch, dialog = context.token(), leg.dialog
        extra = context.place(dialog.flow).contact
        data = dialog.request(context, "UPDATE", dialog.next_number(), branch, extra, SDP)
        stack._clients.start(branch, "UPDATE", dialog.flow, data, None)
        self.seen["update"] += 1
        self._take(side, context.out)

    # ---------------------------------------------------------------- the network

    def _carry(self, side: Side, command: Transmit) -> None:
        flow, data = command.flow, command.data
        if flow.transport == "tcp":
            self._stream(side, flow, data)
            return
        host = flow.remote[0]
        if host == FORK:
            to_tag = b";tag=" in data[data.index(b"\r\nTo: ") :].partition(b"\r\n")[2].partition(b"\r\n")[0]
            targets = ("left", "right") if not to_tag or data.startswith(b"ACK") else ()
        else:
            targets = (self._names[host],)
        chance, weather = self.chance, self.weather
        for name in targets:
            copies = 2 if chance.random() < weather.double else 1
            for _ in range(copies):
                if chance.random() >= weather.loss:
                    arrived = Flow("udp", (self.hosts[name], 5060), (self.hosts[side.name], 5060))
                    self.later(
                        0.001 + chance.random() * weather.slowest, self.sides[name], PacketReceived(arrived, data)
                    )

    def _stream(self, side: Side, flow: Flow, data: bytes) -> None:
        number = flow.connection
        if number < 0:
            number = side.ways.get(flow.remote[0], 0) or self._connect(side, flow.remote[0])
        link = self._links.get((side.name, number))
        if link is None or not link.open:
            self.later(0.0, side, TransportFailed(flow))
            return
        (name,) = [end for end in link.ends if end != side.name]
        at = link.arrived[name] = max(link.arrived[name], self.now + 0.001 + self.chance.random() * 0.05)
        cut = self.chance.randrange(len(data))
        for piece in (data[:cut], data[cut:]):
            if piece:
                self.later(at - self.now, self.sides[name], StreamReceived(link.ends[name], piece))

    def _connect(self, side: Side, host: str) -> int:
        other = self.sides[self._names[host]]
        side.numbers += 1
        other.numbers += 1
        near, far = side.numbers, other.numbers
        mine, port = (self.hosts[side.name], 20_000 + near), 5060
        link = Link(
            {
                side.name: Flow("tcp", mine, (host, port), near),
                other.name: Flow("tcp", (host, port), mine, far),
            }
        )
        self._links[side.name, near] = self._links[other.name, far] = link
        side.ways[host] = near
        self.seen["connection"] += 1
        if self.weather.connection < 1e6:
            self.later(self.chance.uniform(0.5, self.weather.connection), side, Reset(link))
        return near

    def _reset(self, link: Link) -> None:
        """Both ends learn it, one sooner than the other; what is under way is lost."""
        link.open = False
        self.seen["reset"] += 1
        for name, flow in link.ends.items():
            side = self.sides[name]
            side.ways = {host: number for host, number in side.ways.items() if number != flow.connection}
            self.later(self.chance.uniform(0, 0.2), side, StreamClosed(flow))

    # ---------------------------------------------------------------- the rules

    def _one_final_answer(self, side: Side, data: bytes) -> None:
        code = data[8:11]
        if code < b"200":
            return
        self.seen[code.decode()] += 1
        branch = data.find(b"branch=z9hG4bK") + 14
        cseq = data.find(b"\r\nCSeq: ") + 8
        key = (data[branch : branch + 16], data[cseq : data.find(b"\r\n", cseq)])
        before, at = side.finals.setdefault(key, (code, self.now))
        if before == b"481" and key[1].endswith(b" CANCEL"):
            # It overtook its INVITE. Nothing is remembered for a stranger, so its repetition may find what it cancels.
            side.finals[key] = (code, self.now)
            return
        if self.now - at > 32.0:
            return  # a repetition that was under way for so long that timers J and I have ended, as they should
        assert before == code, f"{side.name} answered {key} with {before!r} and then {code!r}"

    def check_timers(self) -> None:
        for side in self.sides.values():
            lost = ownerless(side.stack)
            assert not lost, f"{side.name}: timers of nobody: {lost}"

    def check_end(self) -> None:
        self.check_timers()
        ends: dict[str, list[tuple[str, LegId]]] = {}
        for side in self.sides.values():
            missing = side.begun.keys() - side.ended.keys()
            assert not missing, f"{side.name}: legs without an end: {sorted(missing)[:5]}"
            counts = side.stack.counts()
            counts.pop("streams")
            assert not any(counts.values()), (side.name, counts)
            for leg in side.begun:
                ends.setdefault(str(side.stack.call_id(leg)), []).append((side.name, leg))
        for call_id, legs in ends.items():
            self._both_know(call_id, legs)

    def _both_know(self, call_id: str, legs: list[tuple[str, LegId]]) -> None:
        """Of a call that the caller heard answered: who answered knows too, and so does a fork that lost to him."""
        caller = self.sides["caller"]
        ((_, mine),) = [entry for entry in legs if entry[0] == "caller"]
        if mine not in caller.up:
            return
        over = caller.ended[mine][0]
        others = [self.sides[name].ended[leg][0] for name, leg in legs if name != "caller"]
        assert others, "answered by nobody"
        assert min(abs(other - over) for other in others) <= self.known_within, (call_id, over, others)
        assert max(others) <= over + KNOWN_WITHIN, "a fork that lost is let go as well"
        self.seen["known by both"] += 1


@dataclass(frozen=True)
class Update:
    leg: LegId


@dataclass(frozen=True)
class Reset:
    link: Link


@dataclass(frozen=True)
class Patience:
    """The caller's, while it rings."""

    leg: LegId


def play(seed: int, weather: str, calls: int) -> Storm:
    """One seed from beginning to end, with its rules checked."""
    storm = Storm(seed, WEATHERS[weather])
    for _ in range(calls):
        storm.call(storm.chance.uniform(0, 300))
    gc.disable()  # a tenth of the time; the run is short
    try:
        for at in (30.0, 150.0, 310.0):
            storm.run(at)
            storm.check_timers()
        storm.run(END)
        assert not storm._queue
        storm.check_end()
    finally:
        gc.enable()
    return storm
