"""Calls, transfers, answers, refusals and hang-ups in any order: nobody hears two others, nothing is left."""

from __future__ import annotations

from collections import Counter
from random import Random

from tests.call.house import ANNA, LI, MART, House, offer
from tests.call.test_transfers import EXTENSION, OUTSIDE, allowing, bridged, own_call

from softswitch.call.leg import CallLeg
from softswitch.ids import LegId
from softswitch.sip import messages as sip

PLACES = (*EXTENSION.values(), OUTSIDE, "+3726310000", "everyday", "bogus")
HELD = offer().replace(b"a=sendrecv", b"a=sendonly")
RUNS = 120


class Chaos:
    """One house in which three agents do what they like."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.house = House(allowing(to=("extensions", "departments", "outside")))
        self.house.register(ANNA, MART, LI)
        self.next_leg = 900

    def live(self) -> list[CallLeg]:
        return [leg for leg in self.house.calls.board.live_legs() if leg.id not in self.house.ended_legs]

    def call(self) -> None:
        self.next_leg += 1
        own_call(self.house, self.random.choice(PLACES), self.random.choice((ANNA, MART, LI)), leg=self.next_leg)

    def caller(self) -> None:
        self.house.call(f"+37255500{self.random.randint(10, 99)}")

    def transfer(self) -> None:
        hers = [leg for leg in self.live() if leg.facts.party in EXTENSION and leg.facts.answered_at is not None]
        if hers:
            leg, replaces = self.random.choice(hers), None
            others = [each for each in self.live() if each is not leg and each.facts.party == leg.facts.party]
            if others and self.random.random() < 0.6:
                replaces = self.random.choice(others).id
            self.house.post(sip.ReferReceived(leg.id, self.random.choice(PLACES), replaces))

    def answer(self) -> None:
        ringing = self.house.ringing()
        if ringing:
            self.house.answer(self.random.choice(ringing))

    def refuse(self) -> None:
        ringing = self.house.ringing()
        if ringing:
            self.house.refuse(self.random.choice(ringing))

    def bye(self) -> None:
        up = [leg.id for leg in self.live() if leg.facts.answered_at is not None or leg.facts.direction == "in"]
        if up:
            self.house.bye(self.random.choice(up))

    def hold(self) -> None:
        up = [leg.id for leg in self.live() if leg.facts.answered_at is not None]
        if up:
            self.house.post(sip.OfferReceived(self.random.choice(up), self.random.choice((HELD, offer()))))

    def press(self) -> None:
        if self.live():
            self.house.press(self.random.choice(self.live()).id, "1")

    def wait(self) -> None:
        self.house.wait(self.random.choice((1.0, 5.0, 35.0)))

    def step(self) -> None:
        ways = (self.call, self.caller, self.answer, self.refuse, self.bye, self.hold, self.press, self.wait)
        self.random.choice((*ways, self.transfer, self.transfer, self.transfer, self.answer))()
        heard: set[LegId] = set()
        for pair in bridged(self.house):
            assert not pair & heard, "somebody hears two others"
            heard |= pair

    def end(self) -> None:
        """Everybody hangs up, and nobody answers any more."""
        for _ in range(12):
            for invite in self.house.ringing():
                self.house.refuse(invite)
            for leg in self.live():
                self.house.bye(leg.id)
            self.house.wait(60.0)
        assert self.house.calls.transfers.internal_calls == ()
        assert not any(self.house.calls.board.own_calls(agent) for agent in (ANNA, MART, LI))
        assert not self.house.calls.board.dialling.ledger.busy
        self.house.assert_nothing_left()


def test_nothing_is_left_of_any_order() -> None:
    seen: Counter[str] = Counter()
    for seed in range(RUNS):
        chaos = Chaos(seed)
        for _ in range(chaos.random.randint(5, 40)):
            chaos.step()
        chaos.end()
        seen.update(f"answered {each.status}" for each in chaos.house.of(sip.AnswerRefer))
        seen.update(f"told {each.status}" for each in chaos.house.of(sip.ReferProgressed))
    for met in ("answered 202", "answered 403", "answered 603", "answered 404", "told 200", "told 486", "told 408"):
        assert seen[met] >= 3, seen
