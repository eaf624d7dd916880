"""Call-backs: whom we dial, what she hears meanwhile, and when a call-back is not offered at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.call.house import ANNA, MART, House, make_settings, offer

from softswitch.acd import messages as acd
from softswitch.call.routes import Routes, dialable, trunk_uri
from softswitch.ids import LegId, TrunkId
from softswitch.media import messages as media
from softswitch.sip import messages as sip
from softswitch.sip.uri import parse_uri

NUMBER = "+3725550001"


def choosing(house: House, caller: str = NUMBER) -> LegId:
    """A customer of Anna's, known by his customer number, calls again while she talks to somebody else."""
    house.register(ANNA)
    before = house.call(caller)
    house.press(before, "212341")
    house.answer(house.ringing()[0])
    house.wait(30)
    house.bye(before)
    house.wait(11)
    house.to_queue("+3725550002")
    house.answer(house.ringing()[0])
    leg = house.call(caller)
    house.press(leg, "212341")
    return leg


def called_back(house: House) -> tuple[sip.StartInvite, sip.StartInvite]:
    """Anna has answered the call-back, and the customer is dialled."""
    leg = choosing(house)
    house.press(leg, "3")
    house.prompt_over(leg)
    (talk,) = (each.leg for each in house.calls.sessions.values())
    house.bye(talk.id)
    house.wait(10)
    (to_anna,) = house.ringing()
    house.answer(to_anna)
    (to_customer,) = house.ringing()
    return to_anna, to_customer


def choices(house: House) -> tuple[acd.Choice, ...]:
    return house.of(acd.OfferChoice)[-1].choices  # type: ignore[no-any-return]


def test_who_hides_his_number_is_not_offered_a_call_back() -> None:
    house = House()
    choosing(house, caller="")
    assert choices(house) == (acd.Choice.WAIT, acd.Choice.COLLEAGUE)


def test_without_a_trunk_to_call_through_no_call_back_is_offered() -> None:
    settings = make_settings()
    trunk = replace(settings.sip.trunks[0], host="")
    house = House(replace(settings, sip=replace(settings.sip, trunks=(trunk,))))
    choosing(house)
    assert choices(house) == (acd.Choice.WAIT, acd.Choice.COLLEAGUE)


@pytest.mark.parametrize(
    ("number", "dialled"),
    [
        ("+3725550001", "+3725550001"),
        ("00372 555-0001", "003725550001"),
        *(
            (odd, "")
            for odd in ("", "+", "x@203.0.113.6?", "1@203.0.113.6", "a b", "1>", "12;phone-context=a", "\u0663")
        ),
    ],
)
def test_a_number_never_says_where_we_call(number: str, dialled: str) -> None:
    """The number is what the caller's gateway wrote into his From: it may be anything."""
    assert dialable(number) == dialled
    trunk = sip.TrunkSettings(TrunkId("pstn"), (), "127.0.0.2", 5080)
    settings = make_settings()
    routes = Routes(replace(settings, sip=replace(settings.sip, trunks=(trunk,))))
    assert routes.can_call(number) == bool(dialled)
    if dialled:
        assert parse_uri(trunk_uri(trunk, number)).host == "127.0.0.2"


def test_ringing_does_not_drown_early_media() -> None:
    house = House()
    to_anna, to_customer = called_back(house)
    house.post(sip.InviteProgressed(to_customer.leg, 183, offer()))
    assert house.of(media.Bridge)[-1] == media.Bridge(to_customer.leg, to_anna.leg)
    house.post(sip.InviteProgressed(to_customer.leg, 180, None))
    assert "tone:ringback" not in house.heard(to_anna.leg)


def promise(house: House) -> acd.PromiseChanged:
    return house.of(acd.PromiseChanged)[-1]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("by", "status"), [(sip.EndedBy.PEER, 503), (sip.EndedBy.TIMEOUT, 408), (sip.EndedBy.TRANSPORT, 503)]
)
def test_a_trunk_that_is_down_does_not_use_up_the_attempts(by: sip.EndedBy, status: int) -> None:
    house = House()
    _, to_customer = called_back(house)
    for _ in range(5):
        house.ended_legs.add(to_customer.leg)
        house.post(sip.LegEnded(to_customer.leg, by, status))
        assert (promise(house).state, promise(house).attempts) == (acd.PromiseState.OPEN, 0)
        house.wait(60)
        house.answer(house.ringing()[0])
        (to_customer,) = house.ringing()
    house.answer(to_customer)
    assert promise(house).state is acd.PromiseState.KEPT


def test_she_hangs_up_before_he_answers_and_his_attempts_are_left() -> None:
    house = House()
    to_anna, to_customer = called_back(house)
    house.bye(to_anna.leg)
    assert to_customer.leg in house.ended_legs
    assert (promise(house).state, promise(house).attempts) == (acd.PromiseState.OPEN, 0)
    assert house.state(ANNA) is acd.AgentState.READY


def test_three_times_busy_or_not_answered_is_a_broken_promise() -> None:
    house = House()
    _, to_customer = called_back(house)
    house.refuse(to_customer, 486)
    house.wait(60)
    house.answer(house.ringing()[0])
    house.wait(45)  # nobody answers
    assert promise(house).attempts == 2
    house.wait(60)
    house.answer(house.ringing()[0])
    house.refuse(house.ringing()[0], 486)
    assert (promise(house).state, promise(house).because) == (acd.PromiseState.BROKEN, "customer not reached")
    house.assert_nothing_left()


def test_a_colleague_who_keeps_it_is_the_one_that_is_shown() -> None:
    house = House()
    leg = choosing(house)
    house.press(leg, "3")
    house.prompt_over(leg)
    house.register(MART)
    house.wait(3600)  # she talks on, the time told has come
    (call_back,) = house.calls.call_backs.values()
    assert call_back.agent == MART
    house.answer(house.ringing()[0])
    assert call_back.agent == MART
    house.answer(house.ringing()[0])
    assert call_back.agent == MART
