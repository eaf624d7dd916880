"""Customers who are called: a machine answers, a fax, or nobody because the network says so by a tone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, EVERYDAY, House, offer, text
from tests.call.test_customer_first import ASK, CONNECTING, dialled, promise, promised, settings

from softswitch.acd import messages as acd
from softswitch.call import records
from softswitch.call.answered_by import GREETING_SECONDS, LISTEN_SECONDS
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
