"""An agent asks a colleague while her caller hears music, and all three in one call: every way in and out of it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, EVERYDAY, LI, MART, House, make_settings
from tests.call.test_supervision import talking
from tests.call.test_transfers import EXTENSION, OUTSIDE, allowing, own_call, refer
from tests.call.who_hears import Sound

from softswitch.acd import messages as acd
from softswitch.call import consult as asked
from softswitch.call import records
from softswitch.call.orders import AskColleague, ConsultStep, Supervise
from softswitch.call.recording_settings import RecordingPlan, RecordRule
from softswitch.call.settings import Settings, TransferSettings
from softswitch.call.supervision import floor_of
from softswitch.ids import AgentId, LegId
from softswitch.media import messages as media
from softswitch.sip import messages as sip


def hears(house: House, leg: LegId) -> set[LegId]:
    return set(Sound(house.sent).heard_by(leg))


def asking(house: House, to: str = "1001") -> tuple[LegId, LegId, sip.StartInvite]:
    """Anna talks with a caller and asks: his leg, hers, and what rings."""
    caller, hers = talking(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "lunch"))
    house.post(AskColleague(ANNA, to))
    (invite,) = house.ringing()
    return caller, hers, invite


def three(house: House) -> tuple[LegId, LegId, LegId]:
    caller, hers, invite = asking(house)
    house.answer(invite)
    house.post(ConsultStep(ANNA, "together"))
    return caller, hers, invite.leg


def ends_clean(house: House, *legs: LegId) -> None:
    for leg in legs:
        house.bye(leg)
    house.wait(60)
    house.assert_nothing_left()


def test_she_asks_and_the_caller_hears_music() -> None:
    house = House()
    caller, hers, invite = asking(house)
    assert (invite.agent, invite.caller) == (MART, "1000")
    assert house.heard(caller)[-1] == "music:calm" and house.heard(hers)[-1] == "tone:ringback"
    assert hears(house, caller) == hears(house, hers) == set()
    house.answer(invite)
    assert hears(house, hers) == {invite.leg} and hears(house, invite.leg) == {hers}
    assert hears(house, caller) == set()
    assert house.state(ANNA) is acd.AgentState.TALKING
    ends_clean(house, caller)
    assert {hers, invite.leg} <= house.ended_legs


@pytest.mark.parametrize("how", ["key", "order"])
def test_all_three_together(how: str) -> None:
    house = House()
    caller, hers, invite = asking(house)
    house.answer(invite)
    if how == "key":
        house.press(hers, "1")
    else:
        house.post(ConsultStep(ANNA, "together"))
    his = invite.leg
    assert hears(house, caller) == {hers, his}
    assert hears(house, hers) == {caller, his}
    assert hears(house, his) == {caller, hers}
    ends_clean(house, caller)
    assert {hers, his} <= house.ended_legs


@pytest.mark.parametrize("how", ["key", "order", "he hangs up"])
@pytest.mark.parametrize("together", [False, True])
def test_back_to_her_caller(how: str, together: bool) -> None:
    house = House()
    caller, hers, invite = asking(house)
    house.answer(invite)
    if together:
        house.post(ConsultStep(ANNA, "together"))
    if how == "key" and not together:
        house.press(hers, "2")
    elif how == "he hangs up":
        house.bye(invite.leg)
    else:
        house.post(ConsultStep(ANNA, "back"))
    assert invite.leg in house.ended_legs
    assert hears(house, caller) == {hers} and hears(house, hers) == {caller}
    house.post(AskColleague(ANNA, "1001"))  # and once more
    assert len(house.ringing()) == 1
    ends_clean(house, caller)


@pytest.mark.parametrize("how", ["key", "order", "she hangs up"])
@pytest.mark.parametrize("together", [False, True])
def test_over_to_the_colleague(how: str, together: bool) -> None:
    house = House()
    caller, hers, invite = asking(house)
    house.answer(invite)
    if together:
        house.post(ConsultStep(ANNA, "together"))
    if how == "key" and not together:
        house.press(hers, "3")
    elif how == "she hangs up":
        house.bye(hers)
    else:
        house.post(ConsultStep(ANNA, "over"))
    assert hers in house.ended_legs
    assert hears(house, caller) == {invite.leg} and hears(house, invite.leg) == {caller}
    assert house.state(ANNA) is acd.AgentState.WRAP_UP and house.state(MART) is acd.AgentState.TALKING
    house.wait(5)
    ends_clean(house, caller)
    assert [each.agent for each in house.of(records.TalkRecord)] == [ANNA, MART]


@pytest.mark.parametrize("status", [486, 480, 603])
def test_nobody_answers_her_and_she_is_back(status: int) -> None:
    house = House()
    caller, hers, invite = asking(house)
    house.refuse(invite, status)
    assert hears(house, caller) == {hers}
    assert floor_of(house.calls.board).consults.of(ANNA) is None
    ends_clean(house, hers)


def test_time_is_up_and_she_is_back() -> None:
    house = House()
    caller, hers, _ = asking(house)
    house.wait(31)
    assert house.ringing() == [] and hears(house, caller) == {hers}
    ends_clean(house, caller)


def test_she_gives_up_ringing() -> None:
    house = House()
    caller, hers, invite = asking(house)
    house.post(ConsultStep(ANNA, "together"))  # with whom?
    house.post(ConsultStep(ANNA, "over"))
    assert house.ringing() == [invite]
    house.post(ConsultStep(ANNA, "back"))
    assert house.ringing() == [] and hears(house, caller) == {hers}
    ends_clean(house, caller)


def test_she_hangs_up_while_it_rings_and_he_is_the_next() -> None:
    house = House()
    caller, hers, invite = asking(house)
    house.bye(hers)
    assert invite.leg in house.ended_legs and caller not in house.ended_legs
    house.wait(12)
    (again,) = house.ringing()
    assert (again.agent, again.caller) == (ANNA, "+3725550001")
    ends_clean(house, caller)


def test_the_caller_hangs_up_while_it_rings() -> None:
    house = House()
    caller, hers, invite = asking(house)
    house.bye(caller)
    assert {hers, invite.leg} <= house.ended_legs
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    ends_clean(house)


@pytest.mark.parametrize("when", ["rings", "asks", "together"])
def test_a_supervisor_frees_her(when: str) -> None:
    house = House()
    caller, hers, invite = asking(house)
    if when != "rings":
        house.answer(invite)
    if when == "together":
        house.post(ConsultStep(ANNA, "together"))
    house.post(acd.AgentFreed(ANNA, "kadri", "stuck"))
    assert {hers, invite.leg} <= house.ended_legs and caller not in house.ended_legs
    ends_clean(house, caller)


def test_she_transfers_him_elsewhere_from_three() -> None:
    house = House()
    caller, hers, his = three(house)
    house.register(LI)
    house.post(acd.AgentWentOnBreak(LI, "lunch"))
    house.post(sip.ReferReceived(hers, "1002", None))
    assert his in house.ended_legs
    (invite,) = house.ringing()
    house.answer(invite)
    assert hears(house, caller) == {invite.leg}
    ends_clean(house, caller)


def test_she_transfers_him_from_three_to_a_phone_that_rings() -> None:
    house = House()
    caller, hers, his = three(house)
    house.register(LI)
    house.post(acd.AgentWentOnBreak(LI, "lunch"))
    second = own_call(house, EXTENSION[LI])
    (invite,) = house.ringing()
    assert refer(house, hers, "softswitch", second) == 202
    assert his in house.ended_legs and hears(house, his) == set()
    house.answer(invite)
    assert hears(house, caller) == {invite.leg}
    ends_clean(house, caller)


def test_her_department_takes_a_caller_from_another_while_she_is_one_of_three() -> None:
    """Whom she had asked about the first call is not left hanging when that one ends."""
    house = House()
    caller, hers = talking(house)
    second = own_call(house, "+3726310000")
    house.register(MART)
    house.press(second, "1")
    (invite,) = (each for each in house.ringing() if each.agent == MART)
    house.answer(invite)
    house.register(LI)
    house.post(acd.AgentWentOnBreak(LI, "lunch"))
    house.post(AskColleague(MART, EXTENSION[LI]))
    (asked_leg,) = (each for each in house.ringing() if each.agent == LI)
    house.answer(asked_leg)
    house.post(ConsultStep(MART, "together"))
    assert hears(house, asked_leg.leg) == {second, invite.leg}
    assert refer(house, hers, "softswitch", second) == 202
    assert hears(house, caller) == {invite.leg} and asked_leg.leg in house.ended_legs
    ends_clean(house, caller)


def test_a_supervisor_hears_all_three() -> None:
    base = make_settings()
    house = House(replace(base, call=replace(base.call, supervised={LI: frozenset({ANNA})})))
    caller, hers, his = three(house)
    house.register(LI)
    house.post(Supervise(LI, ANNA, "listen"))
    (invite,) = (each for each in house.ringing() if each.agent == LI)
    house.answer(invite)
    assert hears(house, invite.leg) == {caller, hers, his}
    assert hears(house, his) == {caller, hers}
    house.bye(his)
    assert hears(house, invite.leg) == {caller, hers} and hears(house, caller) == {hers}
    ends_clean(house, caller)


def test_it_is_marked_in_the_recording() -> None:
    base = make_settings()
    plan = RecordingPlan({EVERYDAY: RecordRule("always")})
    house = House(replace(base, call=replace(base.call, recording=plan)))
    caller, _, his = three(house)
    house.bye(his)
    marks = [(each.mark, each.detail) for each in house.of(media.MarkRecording) if each.leg == caller]
    assert marks[-3:] == [("consultation", MART), ("all together", MART), ("taken back", "the agent")]


def test_somebody_outside() -> None:
    house = House(allowing(to=("extensions", "outside")))
    caller, hers, invite = asking(house, OUTSIDE)
    assert invite.trunk == "pstn"
    house.answer(invite)
    house.post(ConsultStep(ANNA, "together"))
    assert hears(house, invite.leg) == {caller, hers}
    house.bye(hers)
    assert hears(house, caller) == {invite.leg}
    ends_clean(house, caller)


@pytest.mark.parametrize("together", [False, True])
def test_the_media_process_dies_and_all_of_it_goes_on(together: bool) -> None:
    house = House()
    caller, hers, invite = asking(house)
    house.answer(invite)
    if together:
        house.post(ConsultStep(ANNA, "together"))
    house.lose_media()
    assert hears(house, hers) == set()
    house.new_media()
    house.wait(1)
    if together:
        assert hears(house, caller) == {hers, invite.leg} and hears(house, invite.leg) == {caller, hers}
    else:
        assert hears(house, hers) == {invite.leg} and hears(house, caller) == set()
    house.post(ConsultStep(ANNA, "back"))
    assert hears(house, caller) == {hers}


@pytest.mark.parametrize(
    ("settings", "agent", "to", "why"),
    [
        (make_settings(), MART, "1002", asked.NO_TALK),
        (make_settings(), ANNA, "1000", asked.NOWHERE),
        (make_settings(), ANNA, "everyday", asked.NOWHERE),
        (make_settings(), ANNA, "no such", asked.NOWHERE),
        (make_settings(), ANNA, OUTSIDE, asked.MAY_NOT),
        (allowing(to=("departments",)), ANNA, "1001", asked.MAY_NOT),
    ],
)
def test_why_not(settings: Settings, agent: AgentId, to: str, why: str) -> None:
    house = House(settings)
    caller, hers = talking(house)
    order = AskColleague(agent, to)
    assert floor_of(house.calls.board).consults.look(order, house.now) == why
    house.post(order)
    assert house.ringing() == [] and hears(house, caller) == {hers}


def test_not_twice_and_not_where_the_rule_book_says_no() -> None:
    base = make_settings()
    house = House(replace(base, call=replace(base.call, transfers=TransferSettings(to=("extensions", "outside")))))
    caller, hers = talking(house)
    order = AskColleague(ANNA, OUTSIDE)  # may transfer there, but may not dial it
    assert floor_of(house.calls.board).consults.look(order, house.now) == asked.MAY_NOT_DIAL
    before = len(house.of(sip.SecurityEvent))
    house.post(order)
    assert len(house.of(sip.SecurityEvent)) == before + 1
    assert house.ringing() == [] and hears(house, caller) == {hers}
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "lunch"))
    house.post(AskColleague(ANNA, "1001"))
    assert floor_of(house.calls.board).consults.look(AskColleague(ANNA, "1002"), house.now) == asked.ASKS_ALREADY


def test_whatever_comes_in_whatever_order() -> None:
    for seed in range(25):
        chance = random.Random(seed)
        house = House()
        house.register(ANNA, MART, LI)
        for _ in range(40):
            _something(house, chance)
            Sound(house.sent)
        for _ in range(3):
            for leg in house.calls.board.live_legs():
                house.bye(leg.id)
            house.wait(60)
        Sound(house.sent)
        assert house.calls.board.live_legs() == ()


def _something(house: House, chance: random.Random) -> None:
    live = [leg.id for leg in house.calls.board.live_legs()]
    ringing = house.ringing()
    agents: list[Any] = [ANNA, MART, LI]
    do = chance.randrange(10)
    if do == 0:
        house.to_queue(f"+37255500{chance.randrange(10, 99)}")
    elif do in (1, 2) and ringing:
        house.answer(chance.choice(ringing))
    elif do == 3 and ringing:
        house.refuse(chance.choice(ringing))
    elif do == 4 and live and chance.random() < 0.5:
        house.bye(chance.choice(live))
    elif do in (5, 6):
        house.post(AskColleague(chance.choice(agents), chance.choice(["1000", "1001", "1002"])))
    elif do in (7, 8):
        house.post(ConsultStep(chance.choice(agents), chance.choice(asked.STEPS)))
    elif do == 9 and live:
        house.post(sip.ReferReceived(chance.choice(live), chance.choice(["1000", "1001", "everyday"]), None))
    else:
        house.wait(chance.choice([1, 12]))
