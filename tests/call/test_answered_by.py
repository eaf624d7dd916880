"""Customers who are called: a machine answers, a fax, or nobody because the network says so by a tone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, EVERYDAY, House, make_settings, offer, text
from tests.call.test_call_back import called_back
from tests.call.test_customer_first import ASK, CONNECTING, dialled, promise, promised, settings
from tests.call.test_transfers import OUTSIDE, allowing, own_call

from softswitch.acd import messages as acd
from softswitch.call import records
from softswitch.call.answered_by import GREETING_SECONDS, LISTEN_SECONDS
from softswitch.call.orders import PassCaller
from softswitch.call.reaching import A_TALK_SECONDS
from softswitch.call.settings import Settings
from softswitch.media import messages as media
from softswitch.sip import messages as sip

MESSAGE = "We called as promised."


def line(machine: str, **rule: Any) -> Settings:
    made = settings(**rule)
    texts = made.call.queue_texts[EVERYDAY]
    back = replace(texts.call_back_texts, machine=machine, message=text(MESSAGE))
    return replace(made, call=replace(made.call, queue_texts={EVERYDAY: replace(texts, call_back_texts=back)}))


def answered(machine: str, **rule: Any) -> tuple[House, Any]:
    house = House(line(machine, **rule))
    promised(house, ANNA)
    invite = dialled(house)
    house.answer(invite)
    return house, invite.leg


def details(house: House, leg: Any) -> list[records.CallDetail]:
    return [each for each in house.of(records.CallDetail) if each.leg == leg]


def test_nobody_listens_unless_it_is_wanted() -> None:
    house, leg = answered("treat_as_human")
    assert house.of(media.WatchAnswer) == []
    assert house.heard(leg) == [ASK]


@pytest.mark.parametrize("who", ["human", "unknown"])
def test_a_person_is_asked_as_ever(who: str) -> None:
    house, leg = answered("hang_up")
    assert house.of(media.WatchAnswer) == [media.WatchAnswer(leg, "", answered=True)]
    assert house.heard(leg) == []
    house.post(media.AnsweredBy(leg, who, 1500))
    assert house.heard(leg) == [ASK]
    house.press(leg, "1")
    house.answer(house.ringing()[0])
    assert promise(house).state is acd.PromiseState.KEPT
    house.bye(leg)
    house.wait(20)
    assert details(house, leg)[0].answered_by == who
    house.assert_nothing_left()


def test_without_the_question_her_phone_rings_for_a_person_only() -> None:
    house, leg = answered("hang_up", ask_customer=False)
    assert house.rung() == []
    house.post(media.AnsweredBy(leg, "human", 900))
    assert house.heard(leg) == [CONNECTING]
    assert house.rung() == ["anna"]


def test_when_it_cannot_be_told_in_time_it_is_a_person() -> None:
    house, leg = answered("hang_up")
    house.wait(LISTEN_SECONDS + 0.1)
    assert house.heard(leg) == [ASK]
    house.post(media.AnsweredBy(leg, "machine", 9000))  # too late to be believed
    assert leg not in house.ended_legs


@pytest.mark.parametrize("who", ["machine", "fax"])
def test_hung_up_on_and_tried_again(who: str) -> None:
    house, leg = answered("hang_up")
    house.post(media.AnsweredBy(leg, who, 2100))
    assert leg in house.ended_legs
    assert promise(house).state is acd.PromiseState.OPEN
    assert promise(house).attempts == 1
    assert house.state(ANNA) is acd.AgentState.READY
    house.wait(1)
    assert details(house, leg)[0].answered_by == who
    house.wait(70)
    assert dialled(house).leg != leg


def test_a_message_is_left_behind_the_greeting_and_nobody_waits_for_it() -> None:
    house, leg = answered("leave_message")
    house.post(media.AnsweredBy(leg, "machine", 2100))
    assert house.state(ANNA) is acd.AgentState.READY
    assert house.heard(leg) == []
    house.wait(12)
    house.post(media.GreetingOver(leg, True))
    assert house.heard(leg) == [MESSAGE]
    assert leg not in house.ended_legs
    house.prompt_over(leg)
    assert leg in house.ended_legs
    assert promise(house).state is acd.PromiseState.OPEN


def test_a_greeting_that_never_ends_is_hung_up_on() -> None:
    house, leg = answered("leave_message")
    house.post(media.AnsweredBy(leg, "machine", 2100))
    house.wait(GREETING_SECONDS + 1)
    assert leg in house.ended_legs


def test_he_hangs_up_while_we_listen() -> None:
    house, leg = answered("hang_up")
    house.bye(leg)
    assert promise(house).attempts == 1
    assert house.state(ANNA) is acd.AgentState.READY


def test_she_logs_out_while_we_listen() -> None:
    house, leg = answered("hang_up")
    house.post(acd.AgentLoggedOut(ANNA))
    house.post(media.AnsweredBy(leg, "human", 900))
    assert house.heard(leg) == [ASK]
    house.post(media.AnsweredBy(leg, "machine", 900))
    house.bye(leg)
    house.wait(20)


@pytest.mark.parametrize(("tone", "cause"), [("busy", 17), ("congestion", 34), ("unobtainable", 1)])
def test_what_the_network_says_by_a_tone_ends_the_attempt(tone: str, cause: int) -> None:
    house = House(line("treat_as_human"))
    promised(house, ANNA)
    invite = dialled(house)
    house.post(sip.InviteProgressed(invite.leg, 183, offer()))
    house.post(sip.InviteProgressed(invite.leg, 183, offer()))
    assert len(house.of(media.WatchAnswer)) == 1
    house.post(media.ToneHeard(invite.leg, "ringback"))
    assert invite.leg not in house.ended_legs
    house.post(media.ToneHeard(invite.leg, tone))
    assert invite.leg in house.ended_legs
    assert house.state(ANNA) is acd.AgentState.READY
    house.wait(1)
    assert details(house, invite.leg)[0].cause == cause


def test_the_tones_are_no_longer_listened_for_once_he_answers() -> None:
    house = House(line("treat_as_human"))
    promised(house, ANNA)
    invite = dialled(house)
    house.post(sip.InviteProgressed(invite.leg, 183, offer()))
    house.answer(invite)
    assert [each.on for each in house.of(media.WatchAnswer)] == [True, False]


# ------------------------------------------------------------------ the agent rings first


def agent_first(machine: str) -> tuple[House, Any, Any]:
    """Anna's call-back has been answered: the legs are hers and the customer's."""
    made = make_settings()
    texts = made.call.queue_texts[EVERYDAY]
    back = replace(texts.call_back_texts, machine=machine, message=text(MESSAGE))
    made = replace(made, call=replace(made.call, queue_texts={EVERYDAY: replace(texts, call_back_texts=back)}))
    house = House(made)
    to_anna, to_customer = called_back(house)
    house.answer(to_customer)
    return house, to_anna.leg, to_customer.leg


def state_of_promise(house: House) -> tuple[str, int]:
    changed: list[acd.PromiseChanged] = house.of(acd.PromiseChanged)
    return (changed[-1].state.value, changed[-1].attempts) if changed else ("open", 0)


def told(house: House) -> list[str]:
    return [each.answered_by for each in house.of(records.PromiseAnswered)]


@pytest.mark.parametrize("who", ["human", "unknown"])
def test_agent_first_a_person_is_a_kept_promise_and_they_talk_from_the_first_moment(who: str) -> None:
    house, hers, his = agent_first("note")
    assert house.of(media.Bridge)[-1] == media.Bridge(his, hers)
    assert state_of_promise(house) == ("open", 0)
    house.post(media.AnsweredBy(his, who, 1500))
    assert state_of_promise(house)[0] == "kept"
    house.wait(30)
    house.bye(his)
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    assert house.of(records.TalkRecord)[-1].seconds >= 30
    house.wait(20)
    assert details(house, his)[0].answered_by == who
    assert told(house) == [who]
    house.assert_nothing_left()


def test_agent_first_nobody_listens_where_a_machine_is_as_good() -> None:
    house, _, _ = agent_first("treat_as_human")
    assert state_of_promise(house)[0] == "kept"
    assert [each for each in house.of(media.WatchAnswer) if each.answered] == []


@pytest.mark.parametrize("who", ["machine", "fax"])
def test_agent_first_a_machine_that_she_spoke_to_is_no_kept_promise(who: str) -> None:
    house, hers, his = agent_first("note")
    talks = len(house.of(records.TalkRecord))
    house.post(media.AnsweredBy(his, who, 2100))
    house.wait(20)
    assert not {hers, his} & house.ended_legs  # she says what she has to say
    house.bye(hers)
    assert state_of_promise(house) == ("open", 1)
    assert told(house) == [who]
    assert len(house.of(records.TalkRecord)) == talks
    house.wait(1)
    assert details(house, his)[0].answered_by == who
    house.wait(60)
    assert house.ringing()  # again


@pytest.mark.parametrize(("beep", "state"), [(True, "open"), (False, "kept")])
def test_agent_first_who_talks_for_long_with_no_beep_before_was_somebody(beep: bool, state: str) -> None:
    """A firm whose people greet at length."""
    house, hers, his = agent_first("note")
    house.post(media.AnsweredBy(his, "machine", 2100))
    house.post(media.GreetingOver(his, beep))
    house.wait(A_TALK_SECONDS + 1)
    house.bye(hers)
    assert state_of_promise(house)[0] == state


def test_agent_first_whoever_is_given_to_somebody_else_is_a_person() -> None:
    house, _, his = agent_first("note")
    house.post(media.AnsweredBy(his, "machine", 2100))
    (interaction,) = (session.interaction for session in house.calls.call_backs.values())
    house.post(PassCaller(interaction, EVERYDAY))
    assert state_of_promise(house)[0] == "kept"
    assert his not in house.ended_legs


@pytest.mark.parametrize("who", ["machine", "fax"])
def test_agent_first_hung_up_on_and_she_is_free(who: str) -> None:
    house, hers, his = agent_first("hang_up")
    house.post(media.AnsweredBy(his, who, 2100))
    assert {hers, his} <= house.ended_legs
    assert state_of_promise(house) == ("open", 1)
    assert house.state(ANNA) is acd.AgentState.READY
    house.wait(1)
    assert house.calls.board.leg_count == 0


def test_agent_first_a_message_is_left_and_she_does_not_wait_for_it() -> None:
    house, hers, his = agent_first("leave_message")
    house.post(media.AnsweredBy(his, "machine", 2100))
    assert hers in house.ended_legs and his not in house.ended_legs
    assert house.state(ANNA) is acd.AgentState.READY
    house.wait(12)
    house.post(media.GreetingOver(his, True))
    assert house.heard(his) == [MESSAGE]
    house.prompt_over(his)
    assert his in house.ended_legs
    assert state_of_promise(house) == ("open", 1)
    house.wait(1)
    assert house.calls.board.leg_count == 0


def test_agent_first_a_greeting_that_never_ends_is_hung_up_on() -> None:
    house, _, his = agent_first("leave_message")
    house.post(media.AnsweredBy(his, "machine", 2100))
    house.wait(GREETING_SECONDS + 1)
    assert his in house.ended_legs


@pytest.mark.parametrize(
    ("who", "seconds", "state"), [("she", 1, "open"), ("she", 5, "kept"), ("he", 1, "kept"), ("he", 5, "kept")]
)
def test_agent_first_when_it_is_over_before_it_is_known(who: str, seconds: float, state: str) -> None:
    house, hers, his = agent_first("note")
    house.wait(seconds)
    house.bye(hers if who == "she" else his)
    assert state_of_promise(house)[0] == state
    house.wait(1)
    assert house.calls.board.leg_count == 0


@pytest.mark.parametrize("who", ["human", "machine"])
def test_a_number_that_an_agent_dials_is_listened_to_for_the_record_alone(who: str) -> None:
    made = allowing(to=())
    rules = replace(made.call.dialling, note_machines=True)
    house = House(replace(made, call=replace(made.call, dialling=rules)))
    house.register(ANNA)
    own_call(house, OUTSIDE)
    (invite,) = house.ringing()
    assert house.of(media.WatchAnswer) == []
    house.answer(invite)
    assert house.of(media.WatchAnswer) == [media.WatchAnswer(invite.leg, "EE", answered=True)]
    house.post(media.AnsweredBy(invite.leg, who, 1200))
    house.post(media.GreetingOver(invite.leg, True))
    assert invite.leg not in house.ended_legs
    house.bye(invite.leg)
    assert details(house, invite.leg)[0].answered_by == who
    assert told(house) == []  # nobody was promised anything
    house.assert_nothing_left()


def test_a_number_that_an_agent_dials_is_not_listened_to_where_it_is_not_wanted() -> None:
    house = House(allowing(to=()))
    house.register(ANNA)
    own_call(house, OUTSIDE)
    house.answer(house.ringing()[0])
    assert house.of(media.WatchAnswer) == []


def test_agent_first_when_it_cannot_be_told_in_time_it_is_he() -> None:
    house, _, his = agent_first("hang_up")
    house.wait(LISTEN_SECONDS + 0.1)
    assert state_of_promise(house)[0] == "kept"
    house.post(media.AnsweredBy(his, "machine", 9000))
    assert his not in house.ended_legs
