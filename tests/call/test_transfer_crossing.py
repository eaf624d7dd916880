"""Transfers crossed with everything: holds, hang-ups, refusals, timeouts, supervisors, at every step and in any order.

No leg is left behind, and no caller is dropped by what fails on an agent's side.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.call.house import ANNA, LI, MART, House, offer
from tests.call.test_routes import trunk
from tests.call.test_transfers import EXTENSION, OUTSIDE, allowing, bridged, own_call, talking

from softswitch.acd import messages as acd
from softswitch.call.dialling import Dialling
from softswitch.call.handing import Handing
from softswitch.call.handover import Handover
from softswitch.call.joined import GONE
from softswitch.call.orders import PassCaller
from softswitch.call.session import Stage
from softswitch.call.settings import RouteSettings
from softswitch.ids import LegId, TrunkId
from softswitch.media import messages as media
from softswitch.sip import messages as sip

STEPS = (
    *("refer mart", "refer li", "refer outside", "refer department", "refer nowhere"),
    *(
        "consult",
        "attended",
        "attended turned",
        "answer",
        "refuse",
        "full",
        "ringing",
        "bye agent",
        "bye second",
        "bye other",
    ),
    *("hold", "resume", "wait", "wait long", "free", "pass", "break", "media fails"),
)


class Crossing:
    """One caller with Anna, and a hand that does things at any time."""

    def __init__(self) -> None:
        rules = allowing(to=("extensions", "departments", "outside"), ring_seconds=10.0)
        north, south = rules.sip.trunks[0], trunk(TrunkId("s"))
        route = RouteSettings("out", (((north.id, 1),), ((south.id, 1),)))
        rules = replace(rules, sip=replace(rules.sip, trunks=(north, south)))
        rules = replace(rules, call=replace(rules.call, call_back_route=route))
        self.house = House(rules)
        self.caller, self.hers = talking(self.house)
        self.interaction = self.house.interaction_of(self.caller)
        self.house.register(MART, LI)
        self.second = 900

    def alive(self, leg: LegId) -> bool:
        return self.house.calls.board.find_leg(leg) is not None

    def others(self) -> list[LegId]:
        mine = (self.caller, self.hers)
        return [leg.id for leg in self.house.calls.board.live_legs() if leg.id not in mine and leg.id < 900]

    def check_owners(self, steps: list[str]) -> None:
        """Every leg that lives is somebody's who goes on with it, and who talks there hears the other."""
        board = self.house.calls.board
        for leg in board.live_legs():
            found = board.find_leg(leg.id)
            assert found is not None
            owner = found[1]
            assert owner is not GONE and not getattr(owner, "over", False), (leg.id, owner, steps)
            if isinstance(owner, Handover):
                assert cast(Handing, owner._host).handover is owner, (leg.id, steps)
            if isinstance(owner, Dialling):
                assert not getattr(owner.listener, "over", False), ("it rings for nobody", leg.id, steps)

    def rung_for_him(self) -> list[LegId]:
        live = {leg.id: leg for leg in self.house.calls.board.live_legs()}
        rung = [live[each.leg] for each in self.house.ringing()]
        return [leg.id for leg in rung if leg.facts.interaction == self.interaction]

    def do(self, step: str) -> None:
        house = self.house
        word, _, rest = step.partition(" ")
        number = {"mart": EXTENSION[MART], "li": EXTENSION[LI], "outside": OUTSIDE, "department": "everyday"}
        if word == "refer" and self.alive(self.hers):
            house.post(sip.ReferReceived(self.hers, number.get(rest, "?")))
        elif step == "consult":
            self.second += 1
            own_call(house, EXTENSION[MART], leg=self.second)
        elif step == "line":
            self.second += 1
            house.press(own_call(house, "+3726310000", leg=self.second), "1")
        elif word == "attended":
            legs = (LegId(self.second), self.hers) if rest else (self.hers, LegId(self.second))
            if self.alive(legs[0]) and self.alive(legs[1]):
                house.post(sip.ReferReceived(legs[0], "softswitch", legs[1]))
                if house.of(sip.AnswerRefer)[-1].status == 202:
                    assert not self.alive(LegId(self.second)), "her second call is over for her"
        elif step in ("answer", "refuse", "full", "ringing") and house.ringing():
            invite = house.ringing()[0]
            if step == "answer":
                house.answer(invite)
            elif step == "refuse":
                house.refuse(invite)
            elif step == "full":  # over the next trunk, where it is one
                house.refuse(invite, 503)
            else:
                house.post(sip.InviteProgressed(invite.leg, 180, None))
        else:
            self.rest(step)

    def rest(self, step: str) -> None:
        house = self.house
        if step == "bye agent" and self.alive(self.hers):
            house.bye(self.hers)
        elif step == "bye second" and self.alive(LegId(self.second)):
            house.bye(LegId(self.second))
        elif step == "bye other" and self.others():
            house.bye(self.others()[0])
        elif step in ("hold", "resume") and self.alive(self.hers):
            way = b"a=sendonly" if step == "hold" else b"a=sendrecv"
            house.post(sip.OfferReceived(self.hers, offer().replace(b"a=sendrecv", way)))
        elif step == "wait":
            house.wait(3)
        elif step == "wait long":
            house.wait(40)
        elif step == "free":
            house.post(acd.AgentFreed(ANNA, "kadri", "stuck"))
        elif step == "pass":
            session = house.session_of(self.caller)
            if session is not None:
                house.post(PassCaller(session.interaction, "everyday"))  # type: ignore[arg-type]
        elif step == "break":
            house.post(acd.AgentWentOnBreak(MART, "x"))
        elif step == "media fails" and self.alive(self.hers):
            house.post(media.MediaLegFailed(self.hers, "x"))


OPENINGS = (
    *((), ("refer mart",), ("refer outside",), ("refer outside", "full"), ("refer department",), ("consult",)),
    *(("consult", "answer"), ("consult", "attended"), ("consult", "answer", "attended turned")),
    *(("line",), ("line", "answer"), ("line", "answer", "attended")),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(OPENINGS), st.lists(st.sampled_from(STEPS), max_size=12))
def test_no_leg_leaks_and_no_caller_is_dropped(opening: tuple[str, ...], then: list[str]) -> None:
    steps = [*opening, *then]
    crossing = Crossing()
    house = crossing.house
    for step in steps:
        talked_with = {leg for pair in bridged(house) if crossing.caller in pair for leg in pair} - {crossing.caller}
        crossing.do(step)
        crossing.check_owners(steps)
        if crossing.caller in house.ended_legs:
            # Only a BYE of whom he talked with ends it (or the network lost her audio), never a failure on the way.
            assert talked_with and talked_with <= house.ended_legs, (step, steps)
            assert crossing.rung_for_him() == [], "nobody is rung for a caller who has gone"
            break
        assert crossing.alive(crossing.caller), (step, steps)
        session = house.session_of(crossing.caller)
        assert session is not None
        talk, handover = session.talk, session.handing.handover
        hers = talk is not None and talk.agent_leg.id == crossing.hers
        assert hers or not crossing.alive(crossing.hers), "her leg lives as long as she has to do with him"
        assert handover is None or not handover._dialling.over, "handed over: somebody is rung"
        if talk is not None and not talk.over and session.handing.handover is None:
            assert frozenset((crossing.caller, talk.agent_leg.id)) in bridged(house), "in a talk they hear each other"
        elif session.stage is Stage.TALKING:
            handing = session.handing
            assert handing.handover is not None or handing.outside is not None, "he is left with nobody"
    if crossing.caller not in house.ended_legs:
        house.bye(crossing.caller)
        crossing.check_owners(steps)
        assert crossing.rung_for_him() == []
    assert not crossing.alive(crossing.hers), "he has gone, and so has her leg"
    for leg in [leg.id for leg in house.calls.board.live_legs()]:
        house.bye(leg)
    house.wait(3600)
    for leg in [leg.id for leg in house.calls.board.live_legs()]:
        house.bye(leg)
    house.assert_nothing_left()
    assert house.calls.transfers.internal_calls == ()
    assert house.calls.board._books.own_calls == {}
    for agent in (ANNA, MART, LI):
        assert house.state(agent) not in (acd.AgentState.TALKING, acd.AgentState.RINGING), agent
