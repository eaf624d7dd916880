"""Call-backs that ring the customer first: an agent waits for him, he is asked, and nobody hears silence."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, EVERYDAY, MART, House, make_settings, offer, text

from softswitch.acd import messages as acd
from softswitch.call.customer_first import HOLD_SECONDS
from softswitch.call.settings import CallBackTexts, RouteSettings, Settings
from softswitch.ids import InteractionId, LegId, PromiseId, TrunkId
from softswitch.media import messages as media
from softswitch.sip import messages as sip

NUMBER = "+3725550001"
ASK, CONNECTING, AGAIN = "Press 1 to talk.", "I connect you.", "We call again."


def settings(**rule: Any) -> Settings:
    made = make_settings(call_back=acd.CallBackRule(customer_first=True, **rule), ring_seconds=20.0)
    texts = CallBackTexts(
        ask_customer=text(ASK),
        customer_hold=text(CONNECTING),
        nobody_after_all=text(AGAIN),
        promised=text("By {time}."),
    )
    queue_texts = {EVERYDAY: replace(made.call.queue_texts[EVERYDAY], call_back_texts=texts)}
    line_texts = replace(made.call.texts, call_back_here=text("Call-back. He is here."))
    return replace(made, call=replace(made.call, queue_texts=queue_texts, texts=line_texts))


def promised(house: House, *agents: Any) -> None:
    """Anna talks to somebody; her customer has chosen that she calls him back, and has hung up."""
    house.register(*agents)
    first = house.to_queue(NUMBER)
    house.answer(next(each for each in house.ringing() if each.target.startswith("sip:anna")))
    house.wait(30)
    house.bye(first)
    house.wait(11)
    other = house.to_queue("+3725550002")
    while house.rung() != ["anna"]:
        house.refuse(house.ringing()[0])
    house.answer(house.ringing()[0])
    his = house.to_queue(NUMBER)
    house.press(his, "3")
    house.prompt_over(his)
    house.wait(1)
    house.bye(other)
    house.wait(10)  # her wrap-up


def dialled(house: House) -> sip.StartInvite:
    (invite,) = house.ringing()
    assert invite.target.startswith(f"sip:{NUMBER}@")
    return invite


def customer(house: House, key: str = "1") -> LegId:
    invite = dialled(house)
    house.answer(invite)
    if key:
        house.press(invite.leg, key)
    return invite.leg


def promise(house: House) -> acd.PromiseChanged:
    return house.of(acd.PromiseChanged)[-1]  # type: ignore[no-any-return]


def test_the_customer_is_rung_first_says_by_a_key_that_he_is_there_and_talks_with_her() -> None:
    house = House(settings())
    promised(house, ANNA)
    assert house.state(ANNA) is acd.AgentState.RINGING  # kept free, her phone is silent
    leg = customer(house, key="")
    assert house.heard(leg) == [ASK]
    assert house.rung() == []
    house.press(leg, "5")  # means nothing
    house.press(leg, "1")
    assert house.heard(leg)[-1] == CONNECTING
    (to_anna,) = house.ringing()
    assert to_anna.target.startswith("sip:anna")
    house.prompt_over(leg)
    assert house.heard(leg)[-1] == "music:calm"
    house.answer(to_anna)
    assert house.of(media.Bridge)[-1] == media.Bridge(leg, to_anna.leg)
    assert house.heard(to_anna.leg) == ["Call-back. He is here."]
    assert promise(house).state is acd.PromiseState.KEPT
    house.bye(leg)
    house.wait(20)
    assert house.of(acd.InteractionEnded)[-1].outcome is acd.Outcome.CALLED_BACK
    house.assert_nothing_left()


def test_without_the_question_her_phone_rings_as_soon_as_he_answers() -> None:
    house = House(settings(ask_customer=False))
    promised(house, ANNA)
    leg = customer(house, key="")
    assert house.heard(leg) == [CONNECTING]
    house.answer(house.ringing()[0])
    assert promise(house).state is acd.PromiseState.KEPT


def test_a_mailbox_answers_and_no_agent_is_rung_for_it() -> None:
    house = House(settings())
    promised(house, ANNA)
    leg = customer(house, key="")
    house.wait(15)
    assert leg in house.ended_legs
    assert (promise(house).state, promise(house).attempts) == (acd.PromiseState.OPEN, 1)
    assert house.state(ANNA) is acd.AgentState.READY
    assert [each.end for each in house.of(acd.RingEnded)][-1] is acd.RingEnd.CANCELLED


@pytest.mark.parametrize("status", [486, 480])
def test_he_is_busy_and_is_called_again_after_the_pause(status: int) -> None:
    house = House(settings())
    promised(house, ANNA)
    house.refuse(dialled(house), status)
    assert (promise(house).attempts, house.state(ANNA)) == (1, acd.AgentState.READY)
    house.wait(60)
    customer(house)
    house.answer(house.ringing()[0])
    assert promise(house).state is acd.PromiseState.KEPT


def test_nobody_answers_at_his_end_and_she_is_free_after_45_seconds() -> None:
    house = House(settings(attempts=1))
    promised(house, ANNA)
    leg = dialled(house).leg
    house.wait(44)
    assert house.state(ANNA) is acd.AgentState.RINGING
    house.wait(2)
    assert leg in house.ended_legs
    assert house.state(ANNA) is acd.AgentState.READY
    assert (promise(house).state, promise(house).because) == (acd.PromiseState.BROKEN, "customer not reached")
    house.assert_nothing_left()


def test_she_does_not_answer_and_a_colleague_takes_him_who_never_hears_silence() -> None:
    house = House(settings())
    promised(house, ANNA, MART)
    leg = customer(house)
    house.wait(20)  # her phone rings in vain
    assert house.state(ANNA) is acd.AgentState.SUSPENDED
    assert leg not in house.ended_legs
    (to_mart,) = house.ringing()
    assert to_mart.target.startswith("sip:mart")
    house.answer(to_mart)
    assert (promise(house).state, promise(house).because) == (acd.PromiseState.KEPT, "colleague")


def test_nobody_else_is_there_and_he_is_told_that_we_call_again() -> None:
    house = House(settings())
    promised(house, ANNA)
    leg = customer(house)
    house.wait(20 + HOLD_SECONDS - 1)
    assert leg not in house.ended_legs
    house.wait(1)
    assert house.heard(leg)[-1] == AGAIN
    house.prompt_over(leg)
    assert leg in house.ended_legs
    assert (promise(house).state, promise(house).attempts) == (acd.PromiseState.OPEN, 0)  # none of his attempts
    house.post(acd.AgentWentReady(ANNA))
    house.wait(60)
    customer(house)
    house.answer(house.ringing()[0])
    assert promise(house).state is acd.PromiseState.KEPT


def test_he_hangs_up_while_her_phone_rings() -> None:
    house = House(settings())
    promised(house, ANNA)
    leg = customer(house)
    (to_anna,) = house.ringing()
    house.bye(leg)
    assert to_anna.leg in house.ended_legs
    assert (promise(house).attempts, house.state(ANNA)) == (1, acd.AgentState.READY)


def test_he_hangs_up_while_he_waits_for_the_next_agent() -> None:
    house = House(settings())
    promised(house, ANNA)
    leg = customer(house)
    house.wait(25)
    house.bye(leg)
    assert (promise(house).state, promise(house).attempts) == (acd.PromiseState.OPEN, 1)


def test_she_takes_a_break_while_he_is_dialled_and_his_phone_stops() -> None:
    house = House(settings())
    promised(house, ANNA)
    leg = dialled(house).leg
    house.post(acd.AgentWentOnBreak(ANNA))
    assert leg in house.ended_legs
    assert house.state(ANNA) is acd.AgentState.BREAK
    house.post(acd.AgentWentReady(ANNA))
    customer(house)
    house.answer(house.ringing()[0])
    assert promise(house).state is acd.PromiseState.KEPT


def test_she_goes_while_he_is_asked_and_a_colleague_comes() -> None:
    house = House(settings())
    promised(house, ANNA)
    leg = customer(house, key="")
    house.post(acd.AgentLoggedOut(ANNA))
    house.press(leg, "1")
    assert house.heard(leg)[-1] == CONNECTING
    house.register(MART)
    house.answer(house.ringing()[0])
    assert promise(house).state is acd.PromiseState.KEPT


def test_a_phone_that_is_gone_is_no_reason_to_call_him() -> None:
    house = House(settings())
    promised(house, ANNA)
    house.refuse(dialled(house), 486)
    house.post(sip.RegistrationChanged(ANNA, ()))
    house.wait(60)
    assert house.ringing() == []
    assert house.state(ANNA) is acd.AgentState.SUSPENDED


def test_he_still_hears_the_goodbye_and_is_not_dialled() -> None:
    house = House(settings())
    house.register(ANNA)
    first = house.to_queue(NUMBER)
    house.answer(house.ringing()[0])
    house.wait(30)
    house.bye(first)
    house.wait(5)  # in her wrap-up
    his = house.to_queue(NUMBER)
    house.press(his, "3")
    house.wait(6)
    (to_anna,) = house.ringing()
    assert to_anna.target.startswith("sip:anna")
    house.answer(to_anna)
    assert house.of(media.Bridge)[-1] == media.Bridge(his, to_anna.leg)
    assert promise(house).state is acd.PromiseState.KEPT
    house.bye(his)
    house.wait(20)
    house.assert_nothing_left()


def test_her_answer_crosses_his_hang_up() -> None:
    house = House(settings())
    promised(house, ANNA)
    leg = customer(house)
    (to_anna,) = house.ringing()
    house.ended_legs.add(leg)
    house._queue.append(sip.InviteAnswered(to_anna.leg, offer()))
    house.post(sip.LegEnded(leg, sip.EndedBy.PEER, 200))
    house.wait(5)
    assert to_anna.leg in house.ended_legs
    assert promise(house).state is acd.PromiseState.OPEN
    assert house.state(ANNA) is acd.AgentState.READY


def test_the_time_comes_while_he_is_on_the_line_and_nobody_is_blamed() -> None:
    house = House(settings(within_seconds=250.0, retry_seconds=225.0))
    promised(house, ANNA)
    due_at = house.of(acd.SavePromise)[-1].due_at
    house.refuse(dialled(house))
    house.wait(225)
    customer(house)
    house.wait(19)
    assert house.now > due_at
    house.answer(house.ringing()[0])
    house.wait(200)
    assert promise(house).state is acd.PromiseState.KEPT
    assert house.of(acd.PromiseEscalated) == []


@pytest.mark.parametrize("seed", range(40))
def test_any_crossing_keeps_breaks_or_repeats_the_promise_and_leaves_nothing_behind(seed: int) -> None:
    chance = random.Random(seed)
    house = House(settings(ask_customer=bool(seed % 4), attempts=3))
    promised(house, ANNA, *([MART] if seed % 3 else []))

    def leg() -> Any:
        legs = house.calls.board.live_legs()
        return chance.choice(legs).id if legs else LegId(0)

    def ring(do: Any) -> None:
        if ringing := house.ringing():
            do(chance.choice(ringing))

    agent_events = (acd.AgentWentReady, acd.AgentWentOnBreak, acd.AgentLoggedIn, acd.AgentLoggedOut)
    actions = (
        *[lambda: ring(house.answer)] * 4,
        *[lambda: house.press(leg(), "1")] * 3,
        lambda: ring(lambda one: house.refuse(one, chance.choice((486, 480, 503)))),
        lambda: house.bye(leg()) if house.calls.board.live_legs() else None,
        *[lambda: house.prompt_over(leg())] * 2,
        *[lambda: house.wait(chance.choice((0.5, 5.0, 16.0, 61.0)))] * 2,
        lambda: house.post(chance.choice(agent_events)(chance.choice((ANNA, MART)))),
        lambda: house.post(acd.AgentFreed(ANNA, "kadri", "test")),
        lambda: house.post(sip.RegistrationChanged(ANNA, ())),
        lambda: house.register(ANNA),
        lambda: house.post(media.RtpSilent(leg(), 30.0)),
    )
    for _ in range(60):
        chance.choice(actions)()
        for shot in house.engine.agents():
            parties = {each.facts.party for each in house.calls.board.live_legs()}
            kept = {each.agent for each in house.calls.call_backs.values()}
            if shot.state in (acd.AgentState.RINGING, acd.AgentState.TALKING):
                assert shot.id in parties or shot.id in kept
    for _ in range(2):
        for each in house.calls.board.live_legs():
            house.bye(each.id)
        house.wait(20_000)
    house.assert_nothing_left()
    assert house.calls.board.idle
    (ended,) = [
        each for each in house.of(acd.InteractionEnded) if each.interaction == house.of(acd.SavePromise)[0].interaction
    ]
    assert ended.outcome in (acd.Outcome.CALLED_BACK, acd.Outcome.CALL_BACK_FAILED)


def test_after_a_restart_the_customer_is_still_called_first_and_asked() -> None:
    """The store has the promise; how it is kept is the queue's configuration."""
    house = House(settings())
    house.register(ANNA)
    house.post(
        acd.PromiseRestored(
            PromiseId(77), InteractionId(78), EVERYDAY, ANNA, NUMBER, None, "en", house.now - 60, house.now + 600, 1
        )
    )
    leg = customer(house, key="")
    assert house.heard(leg) == [ASK] and house.rung() == []
    house.press(leg, "1")
    house.answer(house.ringing()[0])
    assert (promise(house).state, promise(house).attempts) == (acd.PromiseState.KEPT, 1)


def test_given_up_when_it_expires_however_often_it_may_be_tried() -> None:
    house = House(settings(attempts=20, expires_seconds=400.0, within_seconds=300.0))
    promised(house, ANNA)
    made_at = house.of(acd.SavePromise)[-1].made_at
    while promise_open(house):
        house.refuse(dialled(house))
        house.wait(61)
    assert 0.0 <= house.now - made_at - 400.0 < 70.0
    assert house.of(acd.PromiseEscalated)[-1].because == "nobody was free in time"


def promise_open(house: House) -> bool:
    changed = house.of(acd.PromiseChanged)
    return not changed or changed[-1].state is acd.PromiseState.OPEN


def test_the_next_trunk_is_tried_and_room_is_waited_for() -> None:
    plain = settings()
    more = sip.TrunkSettings(TrunkId("reserve"), (), "192.0.2.99")
    pstn = plain.sip.trunks[0].id
    route = RouteSettings("out", (((pstn, 1),), ((more.id, 1),)))
    trunks = (*plain.sip.trunks, more)
    house = House(
        replace(plain, sip=replace(plain.sip, trunks=trunks), call=replace(plain.call, call_back_route=route))
    )
    promised(house, ANNA)
    first = dialled(house)
    house.refuse(first, 503)
    second = dialled(house)
    assert (first.trunk, second.trunk) == (pstn, more.id)
    house.ended_legs.add(second.leg)
    house.post(sip.LegEnded(second.leg, sip.EndedBy.TRANSPORT, 503, 34))
    assert house.ringing() == []
    house.wait(1)
    leg = customer(house)
    assert house.calls.board.find_leg(leg) is not None
    (ring,) = [each for each in house.ringing() if each.target.startswith("sip:anna")]
    house.answer(ring)
    assert promise(house).state is acd.PromiseState.KEPT
