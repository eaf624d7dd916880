"""Supervisors in talks: who may, who hears whom in each part, and every way in which it ends."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, EVERYDAY, FLOW, LI, MART, House, make_settings, offer
from tests.call.who_hears import Sound

from softswitch.acd import messages as acd
from softswitch.call import supervision as floor
from softswitch.call.orders import ChangeSupervision, EndSupervision, Supervise
from softswitch.call.recording_settings import RecordingPlan, RecordRule
from softswitch.call.settings import Settings
from softswitch.call.supervision import SupervisionNoted
from softswitch.ids import LegId
from softswitch.media import messages as media
from softswitch.media.mix_messages import LeaveMix
from softswitch.sip import messages as sip


def supervised() -> Settings:
    """Li leads Anna and Mart."""
    base = make_settings()
    texts = replace(base.call.texts, not_possible=base.call.texts.goodbye)
    return replace(base, call=replace(base.call, texts=texts, supervised={LI: frozenset({ANNA, MART})}))


def talking(house: House, agent: Any = ANNA) -> tuple[LegId, LegId]:
    """She talks with a caller: his leg and hers."""
    house.register(agent)
    caller = house.to_queue()
    (invite,) = (each for each in house.ringing() if each.agent == agent)
    house.answer(invite)
    house.prompt_over(caller)
    return caller, invite.leg


def at_work(part: str = "listen", **more: Any) -> tuple[House, LegId, LegId, LegId]:
    """Li is in Anna's talk: the caller's leg, Anna's and Li's."""
    house = House(supervised())
    caller, hers = talking(house)
    house.register(LI)
    house.post(acd.AgentWentOnBreak(LI, "lunch"))
    house.post(Supervise(LI, ANNA, part, **more))
    (invite,) = house.ringing()
    house.answer(invite)
    return house, caller, hers, invite.leg


def notes(house: House) -> list[str]:
    return [f"{each.what} {each.part}" for each in house.of(SupervisionNoted)]


def hears(house: House, leg: LegId) -> set[LegId]:
    return set(Sound(house.sent).heard_by(leg))


# ------------------------------------------------------------------ in


def test_his_phone_rings_and_picks_up_by_itself() -> None:
    house, _, _, his = at_work()
    (invite,) = (each for each in house.of(sip.StartInvite) if each.leg == his)
    assert (invite.agent, invite.caller, invite.caller_name) == (LI, "1000", "Anna")
    assert ("Answer-Mode", "Auto") in invite.headers
    assert house.state(LI) is not acd.AgentState.RINGING
    assert notes(house) == ["asked for listen", "in listen"]


@pytest.mark.parametrize(
    ("part", "customer", "agent"), [("listen", False, False), ("whisper", False, True), ("barge", True, True)]
)
def test_who_hears_whom(part: str, customer: bool, agent: bool) -> None:
    house, caller, hers, his = at_work(part, level=150)
    sound = Sound(house.sent)
    assert sound.heard_by(his) == {caller: 100, hers: 100}
    assert sound.heard_by(caller) == {hers: 100} | ({his: 150} if customer else {})
    assert sound.heard_by(hers) == {caller: 100} | ({his: 150} if agent else {})


def test_he_changes_his_part_by_key_and_by_order() -> None:
    house, caller, hers, his = at_work()
    house.press(his, "5")
    assert (hears(house, hers), hears(house, caller)) == ({caller, his}, {hers})
    house.press(his, "6")
    assert (hears(house, hers), hears(house, caller)) == ({caller, his}, {hers, his})
    house.post(sip.InfoDigitReceived(his, "6"))  # the same once more
    house.press(his, "129*#0")
    assert hears(house, caller) == {hers, his}
    house.post(ChangeSupervision(LI, "listen", level=50))
    assert (hears(house, hers), hears(house, caller)) == ({caller}, {hers})
    house.post(ChangeSupervision(LI, level=80, part="barge"))
    assert Sound(house.sent).heard_by(caller)[his] == 80
    assert notes(house)[2:] == ["changed whisper", "changed barge", "changed listen", "changed barge"]


def test_nothing_is_said_to_the_mixer_before_or_after() -> None:
    house, caller, hers, his = at_work()
    house.bye(his)
    assert hears(house, caller) == {hers} and hers in Sound(house.sent).bridges
    assert notes(house)[-1] == "over listen"
    house.bye(caller)
    house.wait(30)
    house.assert_nothing_left()


@pytest.mark.parametrize("code", ["*201000", "*211000", "*221000"])
def test_by_a_code_of_his_phone(code: str) -> None:
    house = House(supervised())
    caller, hers = talking(house)
    house.register(LI)
    house.post(sip.InviteReceived(LegId(77), sip.Origin(agent=LI), code, "1002", "", offer(), FLOW))
    assert hears(house, LegId(77)) == {caller, hers}
    (watch,) = floor.floor_of(house.calls.board).watches
    assert (watch.part.value, watch.state) == ({"0": "listen", "1": "whisper", "2": "barge"}[code[2]], "in talk")
    house.bye(LegId(77))
    assert floor.floor_of(house.calls.board).watches == ()


def test_by_a_code_and_the_offer_comes_late() -> None:
    house = House(supervised())
    caller, hers = talking(house)
    house.register(LI)
    house.post(sip.InviteReceived(LegId(77), sip.Origin(agent=LI), "*201000", "1002", "", None, FLOW))
    assert hears(house, LegId(77)) == set()
    house.post(sip.AckReceived(LegId(77), offer()))
    assert hears(house, LegId(77)) == {caller, hers}


@pytest.mark.parametrize(("who", "code"), [(MART, "*201000"), (LI, "*201002"), (LI, "*201001"), (ANNA, "*201000")])
def test_a_code_that_is_not_possible_is_said_so(who: Any, code: str) -> None:
    """Not a supervisor; oneself; somebody who talks with nobody."""
    house = House(supervised())
    talking(house)
    house.register(LI, MART)
    house.post(sip.InviteReceived(LegId(77), sip.Origin(agent=who), code, "x", "", offer(), FLOW))
    assert house.heard(LegId(77)) == ["goodbye"]
    assert floor.floor_of(house.calls.board).watches == ()
    (noted,) = house.of(SupervisionNoted)
    assert (noted.supervisor, noted.what, noted.because != "") == (who, "refused", True)
    house.prompt_over(LegId(77))
    assert LegId(77) in house.ended_legs


def test_he_is_put_out_before_his_phone_has_acknowledged() -> None:
    """His BYE waits for his ACK, which may come late: it does not bring him in."""
    house = House(supervised())
    caller, hers = talking(house)
    house.register(LI)
    house._acknowledges = False
    house.post(sip.InviteReceived(LegId(77), sip.Origin(agent=LI), "*201000", "1002", "", offer(), FLOW))
    house.ended_legs.add(LegId(77))  # the BYE is held back
    house.post(EndSupervision(LI))
    assert house.of(sip.Hangup)[-1].leg == LegId(77)
    house.post(sip.AckReceived(LegId(77), None))
    house.press(LegId(77), "6")
    assert hears(house, LegId(77)) == set() and hears(house, caller) == {hers}
    assert notes(house) == ["asked for listen", "over listen"]
    house.post(sip.LegEnded(LegId(77), sip.EndedBy.US, 200))
    house.bye(caller)
    house.wait(30)
    house.assert_nothing_left()


def test_who_asks_for_another_part_stays_in_the_mix() -> None:
    house, caller, hers, his = at_work()
    house.post(Supervise(LI, ANNA, "barge"))
    assert hears(house, caller) == {hers, his}
    assert house.of(LeaveMix) == [] and notes(house)[-1] == "changed barge"


def test_why_not() -> None:
    house = House(supervised())
    refusal = floor.floor_of(house.calls.board).refusal
    assert refusal(Supervise(MART, ANNA, "listen")) == floor.NOT_HIS
    assert refusal(Supervise(LI, LI, "listen")) == floor.NOT_HIS
    assert refusal(Supervise(LI, ANNA, "listen")) == floor.NO_TALK
    assert refusal(Supervise(LI, ANNA, "listen", follow=True)) == floor.NO_PHONE
    talking(house)
    house.register(LI)
    assert refusal(Supervise(LI, ANNA, "listen")) is None
    house.post(sip.InviteReceived(LegId(77), sip.Origin(agent=LI), "*99", "1002", "", offer(), FLOW))
    other, _ = talking(house, LI)
    assert refusal(Supervise(LI, ANNA, "listen")) == floor.BUSY
    house.post(Supervise(LI, ANNA, "listen"))
    assert floor.floor_of(house.calls.board).watches == ()
    house.bye(other)


def test_he_does_not_answer() -> None:
    house = House(supervised())
    caller, hers = talking(house)
    house.register(LI)
    house.post(Supervise(LI, ANNA, "barge"))
    house.wait(60)
    assert house.ringing() == [] and floor.floor_of(house.calls.board).watches == ()
    assert hears(house, caller) == {hers}


# ------------------------------------------------------------------ out


def test_her_talk_is_over_and_so_is_his_call() -> None:
    house, caller, _, his = at_work()
    house.bye(caller)
    assert his in house.ended_legs
    house.wait(30)
    house.assert_nothing_left()


def test_her_talk_is_over_while_his_phone_rings() -> None:
    house = House(supervised())
    caller, _ = talking(house)
    house.register(LI)
    house.post(Supervise(LI, ANNA, "listen"))
    (invite,) = (each for each in house.ringing() if each.agent == LI)
    house.bye(caller)
    house.answer(invite)
    assert invite.leg in house.ended_legs
    house.wait(30)
    house.assert_nothing_left()


def test_he_follows_her_to_the_next_talk() -> None:
    house, caller, _, his = at_work("whisper", follow=True)
    house.bye(caller)
    assert his not in house.ended_legs
    assert house.heard(his)[-1] == "music:calm"
    house.wait(20)  # her wrap-up
    other = house.to_queue("+3725550002")
    (invite,) = (each for each in house.ringing() if each.agent == ANNA)
    house.answer(invite)
    assert hears(house, his) == {other, invite.leg}
    assert hears(house, invite.leg) == {other, his}
    house.post(ChangeSupervision(LI, follow=False))
    house.bye(other)
    assert his in house.ended_legs
    house.wait(30)
    house.assert_nothing_left()


def test_he_is_there_before_her_talk() -> None:
    house = House(supervised())
    house.register(LI)
    house.post(acd.AgentWentOnBreak(LI, "lunch"))
    house.post(Supervise(LI, ANNA, "listen", follow=True))
    (invite,) = house.ringing()
    house.answer(invite)
    (watch,) = floor.floor_of(house.calls.board).watches
    assert watch.state == "waiting"
    caller, hers = talking(house)
    assert hears(house, invite.leg) == {caller, hers}
    house.post(EndSupervision(LI))
    assert invite.leg in house.ended_legs
    assert hears(house, caller) == {hers}


def test_he_goes_from_one_agent_to_another() -> None:
    house, caller, hers, his = at_work("barge")
    second, marts = talking(house, MART)
    house.post(Supervise(LI, MART, "listen"))
    assert hears(house, his) == {second, marts}
    assert hears(house, caller) == {hers}
    assert hears(house, second) == {marts}
    told = [(each.what, each.agent, each.interaction is not None) for each in house.of(SupervisionNoted)]
    assert told[2:] == [("left", ANNA, True), ("asked for", MART, False), ("in", MART, True)]


def test_two_supervisors_hear_the_talk_and_not_each_other() -> None:
    base = supervised()
    both = replace(base, call=replace(base.call, supervised={LI: frozenset({ANNA}), MART: frozenset({ANNA})}))
    house = House(both)
    caller, hers = talking(house)
    house.register(LI, MART)
    legs = {}
    for who, part in ((LI, "whisper"), (MART, "listen")):
        house.post(Supervise(who, ANNA, part))
        (invite,) = (each for each in house.ringing() if each.agent == who)
        house.answer(invite)
        legs[who] = invite.leg
    assert hears(house, legs[MART]) == {caller, hers}
    assert hears(house, hers) == {caller, legs[LI]}
    house.post(ChangeSupervision(MART, "barge"))
    assert hears(house, legs[LI]) == {caller, hers, legs[MART]}
    assert hears(house, legs[MART]) == {caller, hers}
    house.bye(legs[LI])
    assert hears(house, caller) == {hers, legs[MART]}
    house.bye(hers)
    assert legs[MART] in house.ended_legs


# ------------------------------------------------------------------ for the record


def test_who_leaves_is_written_down_with_the_call_that_he_was_in() -> None:
    house, _, _, his = at_work(follow=True)
    (talk,) = [each.talk for each in house.calls.sessions.values() if each.talk is not None]
    caller = talk.customer_leg.id
    house.bye(caller)
    house.bye(his)
    told = [(each.what, each.interaction) for each in house.of(SupervisionNoted)]
    call = talk.facts.interaction
    assert told == [("asked for", None), ("in", call), ("waits", call), ("over", None)]


def test_whom_the_caller_hears_is_marked_in_his_recording() -> None:
    base = supervised()
    plan = RecordingPlan({EVERYDAY: RecordRule("always")})
    house = House(replace(base, call=replace(base.call, recording=plan)))
    caller, _ = talking(house)
    house.register(LI)
    house.post(Supervise(LI, ANNA, "whisper", follow=True))
    (invite,) = (each for each in house.ringing() if each.agent == LI)
    house.answer(invite)
    house.press(invite.leg, "46")
    house.wait(1)
    house.press(invite.leg, "5")
    assert marks(house, caller) == [("barged in", LI), ("no longer barged in", LI)]
    house.press(invite.leg, "6")
    house.bye(caller)
    house.wait(60)  # wrap-up
    second, _ = talking(house)
    assert marks(house, second) == [("barged in", LI)]
    house.bye(invite.leg)
    assert marks(house, second)[-1] == ("no longer barged in", LI)


def marks(house: House, leg: LegId) -> list[tuple[str, str]]:
    told = [each for each in house.of(media.MarkRecording) if each.leg == leg and "barged" in each.mark]
    return [(each.mark, each.detail) for each in told]


# ------------------------------------------------------------------ what happens to the talk


def test_hold_plays_music_to_the_caller_and_he_stays() -> None:
    house, caller, hers, his = at_work("barge")
    held = offer().replace(b"a=sendrecv", b"a=sendonly")
    assert held != offer()
    house.post(sip.OfferReceived(hers, held))
    assert house.heard(caller)[-1] == "music:calm"
    assert hears(house, his) == {caller, hers}
    house.post(sip.OfferReceived(hers, offer()))
    assert house.of(media.StopPlay)[-1].leg == caller
    assert hears(house, caller) == {hers, his}


def test_a_transfer_takes_the_caller_from_both() -> None:
    house, caller, hers, his = at_work("barge")
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "lunch"))
    house.post(sip.ReferReceived(hers, "1001", None))
    assert hears(house, caller) == hears(house, his) == set()
    (invite,) = (each for each in house.ringing() if each.agent == MART)
    house.answer(invite)
    assert hears(house, caller) == {invite.leg} and hears(house, invite.leg) == {caller}
    assert his in house.ended_legs
    house.bye(caller)
    house.wait(30)
    house.assert_nothing_left()


def test_a_transfer_that_fails_brings_all_three_together_again() -> None:
    house, caller, hers, his = at_work("barge")
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "lunch"))
    house.post(sip.ReferReceived(hers, "1001", None))
    (invite,) = (each for each in house.ringing() if each.agent == MART)
    house.refuse(invite)
    assert hears(house, caller) == {hers, his}


def test_another_phone_of_hers_takes_the_call() -> None:
    house, caller, hers, his = at_work("whisper")
    new = LegId(78)
    house.post(sip.InviteReceived(new, sip.Origin(agent=ANNA), "x", "1000", "", offer(), FLOW, replaces=hers))
    assert hears(house, caller) == {new} and hears(house, new) == {caller, his}
    assert hears(house, his) == {caller, new}


def test_a_storm_of_orders_and_ends() -> None:
    """Whatever comes in whatever order: the mixer is told nothing that it would refuse, and nothing is left."""
    for seed in range(25):
        chance = random.Random(seed)
        house = House(supervised())
        house.register(ANNA, MART, LI)
        house.post(acd.AgentWentOnBreak(LI, "lunch"))
        for _ in range(40):
            _something(house, chance)
            Sound(house.sent)
        house.post(EndSupervision(LI))
        for leg in house.calls.board.live_legs():
            house.bye(leg.id)
        house.wait(60)
        Sound(house.sent)
        for leg in house.calls.board.live_legs():
            house.bye(leg.id)
        assert floor.floor_of(house.calls.board).watches == () and house.calls.board.live_legs() == ()


def _something(house: House, chance: random.Random) -> None:
    live = [leg.id for leg in house.calls.board.live_legs()]
    ringing = house.ringing()
    part = chance.choice(["listen", "whisper", "barge"])
    do = chance.randrange(10)
    if do == 0:
        house.to_queue(f"+37255500{chance.randrange(10, 99)}")
    elif do in (1, 2, 3) and ringing:
        house.answer(chance.choice(ringing))
    elif do == 4 and ringing:
        house.refuse(chance.choice(ringing))
    elif do == 5 and live and chance.random() < 0.5:
        house.bye(chance.choice(live))
    elif do == 6:
        house.post(Supervise(LI, chance.choice([ANNA, MART]), part, follow=chance.random() < 0.5))
    elif do == 7:
        house.post(ChangeSupervision(LI, part, level=chance.choice([None, 50])))
    elif do == 8 and live:
        house.post(sip.ReferReceived(chance.choice(live), chance.choice(["1000", "1001", "everyday"]), None))
    elif do == 9 and chance.random() < 0.3:
        house.post(EndSupervision(LI))
    else:
        house.wait(chance.choice([1, 12]))
