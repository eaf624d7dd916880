"""The call core with the real ACD engine behind it: the way of a call, and what happens when people cross."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tests.call.house import ANNA, EVERYDAY, FLOW, LI, MART, House, make_settings, offer

from softswitch.acd import messages as acd
from softswitch.call import records
from softswitch.media import messages as media
from softswitch.sip import messages as sip

TWO = "+3725550002"


def talk(house: House, caller: str = "+3725550001", seconds: float = 30.0) -> int:
    """A whole call to whoever rings; the caller hangs up."""
    leg = house.to_queue(caller)
    house.answer(house.ringing()[0])
    house.wait(seconds)
    house.bye(leg)
    house.wait(11)
    return leg


def anna_talks_to_b(house: House) -> int:
    """Anna has talked to A before and is talking to B now."""
    house.register(ANNA)
    talk(house)
    leg = house.to_queue(TWO)
    house.answer(house.ringing()[0])
    house.register(MART)
    return leg


def test_a_call_from_the_greeting_to_the_cdr() -> None:
    house = House()
    house.register(ANNA)
    leg = house.call()
    assert house.heard(leg) == ["Welcome."]
    house.prompt_over(leg)
    assert house.heard(leg)[-1] == "Press 1."
    house.press(leg, "1")
    (invite,) = house.ringing()
    assert invite.caller == "+3725550001"
    assert house.heard(leg)[-1] == "tone:ringback"
    house.answer(invite)
    assert house.of(media.Bridge) == [media.Bridge(leg, invite.leg)]
    assert house.heard(leg)[-1] == "Anna"
    assert house.state(ANNA) is acd.AgentState.TALKING
    house.wait(30)
    house.bye(leg)
    assert house.of(sip.Hangup)[-1].leg == invite.leg
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    house.wait(10)
    assert house.state(ANNA) is acd.AgentState.READY
    (kept,) = house.of(records.TalkRecord)
    assert (kept.agent, kept.seconds, kept.queue) == (ANNA, 30.0, EVERYDAY)
    incoming, outgoing = house.of(records.CallDetail)
    assert {incoming.direction, outgoing.direction} == {"in", "out"}
    house.assert_nothing_left()


def test_a_wrong_key_asks_again_and_loses_nothing() -> None:
    house = House()
    leg = house.call()
    house.press(leg, "2")
    house.press(leg, "1234")
    house.press(leg, "9")
    assert "wrong_key" in house.heard(leg)
    house.press(leg, "1")
    (queued,) = house.of(records.InteractionQueued)
    assert queued.customer == "1234"
    assert queued.entered == {"number": "1234"}


def test_the_returning_caller_goes_straight_to_her_although_others_idled_longer() -> None:
    house = House()
    house.register(ANNA)
    talk(house)
    house.register(MART, LI)
    house.wait(100)
    talk(house, TWO)  # somebody else, so that Anna has idled least
    house.to_queue()
    assert house.rung() == [ANNA]


def test_a_customer_number_finds_her_from_another_phone() -> None:
    house = House()
    house.register(ANNA)
    leg = house.call()
    house.press(leg, "212341")
    house.answer(house.ringing()[0])
    house.wait(30)
    house.bye(leg)
    house.register(MART)
    house.wait(100)
    other = house.call("+37255599")
    house.press(other, "212341")
    assert house.rung() == [ANNA]


def test_choice_wait() -> None:
    house = House()
    b = anna_talks_to_b(house)
    a = house.to_queue()
    assert house.heard(a)[-7:] != []
    assert "is busy. Wait" in house.heard(a)
    assert house.rung() == []
    house.press(a, "1")
    assert "Waiting for" in house.heard(a)
    house.prompt_over(a)
    assert house.heard(a)[-1] == "music:calm"
    house.bye(b)
    house.wait(10)
    assert house.rung() == [ANNA]
    house.answer(house.ringing()[0])
    assert house.state(ANNA) is acd.AgentState.TALKING


def test_choice_colleague() -> None:
    house = House()
    anna_talks_to_b(house)
    a = house.to_queue()
    house.press(a, "2")
    assert house.rung() == [MART]


def test_silence_is_a_colleague() -> None:
    house = House()
    anna_talks_to_b(house)
    a = house.to_queue()
    house.prompt_over(a)
    house.wait(5)
    house.prompt_over(a)
    house.wait(5)
    assert house.rung() == [MART]


def test_choice_call_back_is_told_after_it_is_durable_and_kept() -> None:
    house = House()
    b = anna_talks_to_b(house)
    a = house.to_queue()
    house.store_answers = False
    house.press(a, "3")
    (save,) = house.of(acd.SavePromise)
    assert "calls you by" not in house.heard(a)
    house.post(acd.PromiseSaved(save.promise, True))
    assert "calls you by" in house.heard(a)
    house.prompt_over(a)
    assert house.of(sip.Hangup)[-1].leg == a
    house.bye(b)
    house.wait(10)
    (to_anna,) = house.ringing()
    assert house.rung() == [ANNA]
    house.answer(to_anna)
    assert house.heard(to_anna.leg)[0] == "call_back_intro"
    (to_customer,) = house.ringing()
    assert to_customer.target == "sip:+3725550001@127.0.0.2:5080"
    assert to_customer.flow is None
    house.answer(to_customer)
    assert house.of(media.Bridge)[-1] == media.Bridge(to_customer.leg, to_anna.leg)
    assert house.of(acd.PromiseChanged)[-1].state is acd.PromiseState.KEPT
    house.wait(20)
    house.bye(to_customer.leg)
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    house.assert_nothing_left()


def test_a_caller_who_hangs_up_after_choosing_a_call_back_is_called_back() -> None:
    house = House()
    b = anna_talks_to_b(house)
    a = house.to_queue()
    house.store_answers = False
    house.press(a, "3")
    house.bye(a)
    house.post(acd.PromiseSaved(house.of(acd.SavePromise)[0].promise, True))
    house.bye(b)
    house.wait(10)
    assert house.rung() == [ANNA]


def test_she_becomes_free_while_he_hears_that_she_will_call() -> None:
    house = House()
    b = anna_talks_to_b(house)
    house.bye(b)
    house.wait(9)  # she is in wrap-up for another second
    a = house.to_queue()
    house.press(a, "3")
    house.wait(1)
    (invite,) = house.ringing()
    house.answer(invite)
    assert house.of(media.Bridge)[-1] == media.Bridge(a, invite.leg)
    assert house.of(acd.PromiseChanged)[-1].state is acd.PromiseState.KEPT
    house.bye(a)
    house.wait(60)
    house.assert_nothing_left()


def test_a_customer_who_does_not_answer_is_tried_again() -> None:
    house = House()
    b = anna_talks_to_b(house)
    a = house.to_queue()
    house.press(a, "3")
    house.prompt_over(a)
    house.bye(b)
    house.wait(10)
    house.answer(house.ringing()[0])
    house.refuse(house.ringing()[0])
    assert house.state(ANNA) is acd.AgentState.READY
    house.wait(60)
    assert house.rung() == [ANNA]


def test_she_becomes_free_while_he_still_hears_the_choice() -> None:
    house = House()
    b = anna_talks_to_b(house)
    a = house.to_queue()
    house.bye(b)
    house.wait(10)
    (invite,) = house.ringing()
    assert house.rung() == [ANNA]
    house.answer(invite)
    assert media.Bridge(a, invite.leg) in house.of(media.Bridge)
    house.press(a, "2")  # too late: he talks to her
    assert house.state(ANNA) is acd.AgentState.TALKING


def test_no_answer_goes_on_to_a_colleague_and_she_is_suspended_with_a_reason() -> None:
    house = House()
    house.register(ANNA)
    house.wait(1)
    house.register(MART)
    house.to_queue()
    assert house.rung() == [ANNA]
    house.wait(20)
    assert house.rung() == [MART]
    assert house.state(ANNA) is acd.AgentState.SUSPENDED
    change = [each for each in house.of(acd.AgentStateChanged) if each.agent == ANNA][-1]
    assert change.reason == "no answer"


def test_the_caller_hangs_up_while_she_rings() -> None:
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.bye(leg)
    assert [each.leg for each in house.of(sip.Hangup)] == [invite.leg]
    assert house.state(ANNA) is acd.AgentState.READY
    house.assert_nothing_left()


def test_her_answer_crosses_his_hang_up() -> None:
    """The 200 and the BYE are in the queue together: the answer is refused, nobody is left alone in a bridge."""
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    attempt = next(iter(house.session_of(leg).rings))
    house.bye(leg)
    house.post(acd.AgentAnswered(attempt))
    assert house.of(media.Bridge) == []
    assert house.state(ANNA) is acd.AgentState.READY
    assert invite.leg in house.ended_legs


def test_first_of_her_phones_wins_and_the_others_are_told_why() -> None:
    house = House()
    house.register(ANNA, contacts=3)
    house.to_queue()
    invites = house.ringing()
    assert len(invites) == 3
    house.answer(invites[1])
    gone = {each.leg: each.reason for each in house.of(sip.Hangup)}
    assert set(gone) == {invites[0].leg, invites[2].leg}
    assert all(reason is not None and "cause=200" in reason for reason in gone.values())


def test_a_second_200_of_the_same_attempt_is_released() -> None:
    house = House()
    house.register(ANNA, contacts=2)
    house.to_queue()
    first, second = house.ringing()
    house.ended_legs.add(second.leg)  # its CANCEL crosses its 200: the SIP room has not ended it yet
    house.answer(first)
    house.post(sip.InviteAnswered(second.leg, offer()))
    assert len(house.of(media.Bridge)) == 1
    assert [each.leg for each in house.of(sip.Hangup)].count(second.leg) == 2


def test_all_her_phones_busy_is_a_refusal_not_a_fault() -> None:
    house = House()
    house.register(ANNA, contacts=2)
    house.to_queue()
    first, second = house.ringing()
    house.refuse(first, 486)
    assert house.state(ANNA) is acd.AgentState.RINGING
    house.refuse(second, 603)
    assert house.state(ANNA) is acd.AgentState.READY


def test_hold_plays_music_to_the_other_side() -> None:
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.answer(invite)
    hold = offer().replace(b"a=sendrecv", b"a=sendonly")
    house.post(sip.OfferReceived(invite.leg, hold))
    answer = house.of(sip.AnswerOffer)[-1]
    assert answer.status == 200
    assert b"a=recvonly" in answer.sdp
    assert house.heard(leg)[-1] == "music:calm"
    house.post(sip.OfferReceived(invite.leg, offer()))
    assert house.of(media.StopPlay)[-1].leg == leg


def test_an_offer_without_a_common_codec_is_488() -> None:
    house = House()
    house.call(sdp=offer().replace(b"RTP/AVP 0 101", b"RTP/AVP 18").replace(b"a=rtpmap:0 PCMU/8000", b"a=x:y"))
    assert [each.status for each in house.of(sip.Reject)] == [488]
    house.assert_nothing_left()


def test_an_unknown_number_is_404() -> None:
    house = House()
    house.call(dialled="+3721")
    assert [each.status for each in house.of(sip.Reject)] == [404]


def test_used_up_ports_are_503_with_retry_after() -> None:
    house = House(ports=1)
    first = house.call()
    house.call(TWO)
    assert [(each.status, each.retry_after_seconds) for each in house.of(sip.Reject)] == [(503, 5)]
    house.bye(first)
    house.assert_nothing_left()
    # the port has rested and is leased again: calls come in as before
    house.post(media.PortsLeased((house.of(media.OpenMediaLeg)[0].port,)))
    again = house.call(TWO)
    assert [each.leg for each in house.of(sip.Answer)] == [first, again]


def test_callers_never_use_up_the_ports_that_their_agents_need() -> None:
    house = House(replace(make_settings(), media=media.MediaSettings(port_first=20000, port_last=20011)), ports=6)
    legs = [house.call(f"+37255500{at}") for at in range(6)]
    taken = {each.leg for each in house.of(sip.Answer)}
    assert taken == set(legs[:3])  # 6 ports: three callers, three agents
    assert {each.status for each in house.of(sip.Reject)} == {503}
    house.register(ANNA, MART, LI)
    for leg in legs[:3]:
        house.press(leg, "1")
    assert sorted(house.rung()) == [ANNA, LI, MART]


@pytest.mark.parametrize("written", ["+3725550001", "003725550001", "+372 555-0001"])
def test_a_returning_caller_is_known_however_the_gateway_writes_his_number(written: str) -> None:
    house = House()
    house.register(ANNA)
    talk(house, "+3725550001")
    house.register(MART, LI)
    house.wait(100)
    talk(house, TWO)
    house.to_queue(written)
    assert house.rung() == [ANNA]


def test_an_invite_without_sdp_gets_our_offer() -> None:
    house = House()
    leg = house.call(sdp=None)
    (answer,) = house.of(sip.Answer)
    assert b"m=audio" in answer.sdp
    assert house.of(media.SetRemote) == []
    house.post(sip.AckReceived(leg, offer()))
    assert house.of(media.SetRemote)[0].leg == leg


@pytest.mark.parametrize(
    ("code", "event"), [("*11", acd.AgentLoggedIn), ("*12", acd.AgentLoggedOut), ("*13", acd.AgentWentReady)]
)
def test_feature_codes(code: str, event: type) -> None:
    house = House()
    house.register(ANNA)
    leg = sip.InviteReceived(900, sip.Origin(agent=ANNA), code, "1000", "", offer(), FLOW)  # type: ignore[arg-type]
    house.post(leg)
    house.prompt_over(leg.leg)
    assert house.of(sip.Hangup)[-1].leg == leg.leg
    expected = acd.AgentState.OFFLINE if event is acd.AgentLoggedOut else acd.AgentState.READY
    assert house.state(ANNA) is expected
    house.assert_nothing_left()


def test_nobody_there_is_told_and_not_left_alone() -> None:
    house = House()
    leg = house.to_queue()
    assert house.heard(leg)[-1] == "Nobody is here."
    house.prompt_over(leg)
    assert house.of(sip.Hangup)[-1].leg == leg
    house.assert_nothing_left()


def test_a_store_that_does_not_answer_delays_a_caller_by_a_quarter_second_only() -> None:
    house = House()
    house.store_answers = False
    house.register(ANNA)
    house.to_queue()
    assert house.rung() == []
    house.wait(0.25)
    assert house.rung() == [ANNA]


def test_a_dead_line_is_hung_up_but_not_on_hold() -> None:
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.answer(invite)
    house.post(sip.OfferReceived(invite.leg, offer().replace(b"a=sendrecv", b"a=inactive")))
    house.wait(30)
    house.post(media.RtpSilent(invite.leg, 30.0))
    assert leg not in house.ended_legs
    house.post(sip.OfferReceived(invite.leg, offer()))
    house.post(media.RtpSilent(leg, 30.0))
    assert leg in house.ended_legs
    assert house.state(ANNA) is acd.AgentState.WRAP_UP


def test_a_media_process_that_never_comes_back_ends_every_call_with_a_cause() -> None:
    house = House()
    house.register(ANNA)
    house.to_queue()
    house.answer(house.ringing()[0])
    house.post(media.MediaLost())
    house.wait(15.0)
    assert all("cause=41" in (each.reason or "") for each in house.of(sip.Hangup)[:2])
    assert house.calls.board.live_legs() == ()
    assert len(house.stock) == 0


@pytest.mark.parametrize("seed", range(60))
def test_any_crossing_of_people_leaves_nothing_behind(seed: int) -> None:
    """Seeded chaos: callers, answers, refusals, hang-ups, keys, timers and lost store answers in any order."""
    chance = random.Random(seed)
    settings = make_settings(ring_seconds=5.0, max_wait_seconds=60.0, ring_at_once=(1, 1, 0, 2)[seed % 4])
    house = House(settings, ports=40)
    house.register(ANNA, contacts=2)
    house.register(MART)
    for _ in range(300):
        _something(house, chance)
    for leg in house.calls.board.live_legs():
        if leg.facts.direction == "in":
            house.bye(leg.id)
    house.store_answers = True
    house.wait(20_000)
    for leg in house.calls.board.live_legs():
        house.bye(leg.id)
    house.wait(20_000)
    house.assert_nothing_left()
    ended = [each.leg for each in house.of(sip.LegEnded)]
    assert len(ended) == len(set(ended))


def _something(house: House, chance: random.Random) -> None:
    legs = house.calls.board.live_legs()
    incoming = [leg.id for leg in legs if leg.facts.direction == "in"]
    ringing = house.ringing()
    what = chance.randrange(12)
    if what <= 2:
        house.call(f"+37255{chance.randrange(6)}")
    elif what <= 4 and incoming:
        house.press(chance.choice(incoming), chance.choice("112309*#"))
    elif what == 5 and legs:
        house.bye(chance.choice(legs).id)
    elif what <= 7 and ringing:
        house.answer(chance.choice(ringing))
    elif what == 8 and ringing:
        house.refuse(chance.choice(ringing), chance.choice((486, 480, 603, 500)))
    elif what == 9 and legs:
        house.prompt_over(chance.choice(legs).id)
    elif what == 10:
        house.wait(chance.choice((0.1, 1.0, 6.0, 30.0)))
        house.store_answers = chance.random() < 0.8
    else:
        agent = chance.choice((ANNA, MART))
        house.post(chance.choice((acd.AgentWentReady, acd.AgentWentOnBreak, acd.AgentLoggedIn))(agent))
