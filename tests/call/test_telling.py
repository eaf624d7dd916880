"""What an agent is told before she is connected, and everything that can happen meanwhile."""

from __future__ import annotations

from dataclasses import replace

from tests.call.house import ANNA, EVERYDAY, House, make_settings, text
from tests.call.who_hears import Sound

from softswitch.acd import messages as acd
from softswitch.call import records
from softswitch.call.settings import Settings
from softswitch.ids import LegId
from softswitch.media import messages as media
from softswitch.sip import messages as sip


def telling(what: str = "Everyday, {caller}, waited {waiting}.") -> Settings:
    base = make_settings()
    texts = replace(base.call.queue_texts[EVERYDAY], tell_agent=text(what), tell_agent_seconds=8.0)
    return replace(base, call=replace(base.call, queue_texts={EVERYDAY: texts}))


def told(house: House, waits: float = 0.0) -> tuple[LegId, LegId]:
    """She has picked up, and hears who it is."""
    house.register(ANNA)
    house.post(acd.AgentWentOnBreak(ANNA, "lunch"))
    caller = house.to_queue()
    house.wait(waits)
    house.post(acd.AgentWentReady(ANNA))
    (invite,) = house.ringing()
    house.answer(invite)
    return caller, invite.leg


def hears(house: House, leg: LegId) -> set[LegId]:
    return set(Sound(house.sent).heard_by(leg))


def test_she_is_told_and_then_they_talk() -> None:
    house = House(telling())
    caller, hers = told(house)
    said = house.heard(hers)
    assert said[0] == "Everyday," and "waited" in said
    assert said[1:5] == ["plus", "three", "seven", "two"]
    house.prompt_over(caller)  # his place in the line
    assert house.heard(caller)[-1] == "tone:ringback"
    assert hears(house, caller) == set()
    assert house.state(ANNA) is acd.AgentState.TALKING
    house.prompt_over(hers)
    assert hears(house, caller) == {hers}
    assert house.heard(caller)[-1] == "Anna"
    house.wait(20)
    house.bye(caller)
    (record,) = house.of(records.TalkRecord)
    assert record.seconds == 20
    house.wait(60)
    house.assert_nothing_left()


def test_a_key_of_hers_is_enough() -> None:
    house = House(telling())
    caller, hers = told(house)
    house.press(caller, "5")
    assert hears(house, caller) == set()
    house.press(hers, "1")
    assert hears(house, caller) == {hers}
    assert [each for each in house.of(media.StopPlay) if each.leg == hers]


def test_it_is_never_longer_than_allowed() -> None:
    house = House(telling())
    caller, hers = told(house)
    house.wait(7.9)
    assert hears(house, caller) == set()
    house.wait(0.2)
    assert hears(house, caller) == {hers}


def test_the_caller_hangs_up_and_she_is_free() -> None:
    house = House(telling())
    caller, hers = told(house)
    house.bye(caller)
    assert hers in house.ended_legs
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    house.wait(60)
    house.assert_nothing_left()


def test_she_hangs_up_and_he_is_the_next() -> None:
    house = House(telling())
    caller, hers = told(house)
    other = house.to_queue("+3725550002")
    house.bye(hers)
    assert caller not in house.ended_legs
    house.wait(11)
    (invite,) = house.ringing()
    assert invite.caller == "+3725550001"
    house.answer(invite)
    house.prompt_over(invite.leg)
    assert hears(house, caller) == {invite.leg}
    house.bye(caller)
    house.bye(other)
    house.wait(60)
    house.assert_nothing_left()


def test_a_supervisor_frees_her_meanwhile() -> None:
    house = House(telling())
    caller, hers = told(house)
    house.post(acd.AgentFreed(ANNA, "kadri", "stuck"))
    assert hers in house.ended_legs and caller not in house.ended_legs
    house.bye(caller)
    house.wait(60)
    house.assert_nothing_left()


def test_she_transfers_him_before_she_has_heard_it_all() -> None:
    house = House(telling())
    caller, hers = told(house)
    house.register("mart")  # type: ignore[arg-type]
    house.post(acd.AgentWentOnBreak("mart", "lunch"))  # type: ignore[arg-type]
    house.post(sip.ReferReceived(hers, "1001", None))
    (invite,) = house.ringing()
    house.answer(invite)
    assert hears(house, caller) == {invite.leg}
    house.wait(30)  # what she was told has no end any more
    assert hears(house, caller) == {invite.leg}


def test_nothing_to_be_heard_is_no_delay() -> None:
    house = House(telling("{caller}"))
    house.register(ANNA)
    caller = house.call(caller="anonymous")
    house.press(caller, "1")
    (invite,) = house.ringing()
    house.answer(invite)
    assert hears(house, caller) == {invite.leg}


def test_without_such_a_text_nothing_is_said() -> None:
    house = House()
    caller, hers = told(house)
    assert house.heard(hers) == [] and hears(house, caller) == {hers}


def test_how_long_he_has_waited_is_said() -> None:
    house = House(telling("{waiting}"))
    _, hers = told(house, 130)
    assert house.heard(hers) == ["two minutes"]
