"""Named bankers, vacations and deputies as a caller meets them; the notes a supervisor reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.call.house import ANNA, EVERYDAY, LI, MART, House, make_settings, text

from softswitch.acd import messages as acd
from softswitch.call.settings import Absence, Customer, Settings
from softswitch.ids import CustomerId

TODAY = "2001-09-09"  # the wall clock of the house stands at one billion seconds


def settings(**call: Any) -> Settings:
    found = make_settings(sticky=acd.StickyRule(named_banker=True, talked_at_least_seconds=5.0))
    agents = tuple(replace(each, deputy=MART if each.id == ANNA else None) for each in found.acd.agents)
    texts = replace(found.call.queue_texts[EVERYDAY], away=text("{absent} is away."))
    return replace(
        found,
        acd=replace(found.acd, agents=agents),
        call=replace(found.call, queue_texts={EVERYDAY: texts}, **call),
    )


def identified(house: House, customer: str = "1234") -> int:
    leg = house.call()
    house.press(leg, f"2{customer}1")
    return leg


def test_a_named_banker_comes_before_who_talked_last() -> None:
    house = House(settings(customers={CustomerId("1234"): Customer(LI, "gold")}))
    house.register(ANNA)
    leg = identified(house)
    house.answer(house.ringing()[0])
    house.wait(30)
    house.bye(leg)
    house.wait(20)
    house.register(LI)
    identified(house)
    assert house.rung() == [LI]


def test_somebody_else_is_not_his() -> None:
    house = House(settings(customers={CustomerId("1234"): Customer(LI)}))
    house.register(ANNA)
    house.wait(5)
    house.register(LI)
    identified(house, "9999")
    assert house.rung() == [ANNA], "longest idle"


def test_on_vacation_her_deputy_is_rung() -> None:
    house = House(settings(customers={CustomerId("1234"): Customer(ANNA)}, absences=(Absence(ANNA, TODAY, TODAY),)))
    house.register(ANNA, LI, MART)
    leg = identified(house)
    assert house.rung() == [MART]
    assert house.session_of(leg).waiting.notes == ("Anna is away by the calendar; Mart stands in",)


def test_the_caller_hears_who_is_away_and_who_stands_in() -> None:
    house = House(settings(customers={CustomerId("1234"): Customer(ANNA)}, absences=(Absence(ANNA, TODAY, TODAY),)))
    house.register(MART)
    house.to_queue("+3725550009")
    house.answer(house.ringing()[0])
    house.register(ANNA, LI)
    leg = identified(house)
    heard = house.heard(leg)
    at = heard.index("is away.")
    assert heard[at - 1 : at + 3] == ["Anna", "is away.", "Mart", "is busy. Wait"]
    house.press(leg, "2")
    assert set(house.rung()) <= {ANNA, LI}


def test_the_day_after_her_vacation_she_is_back() -> None:
    past = (Absence(ANNA, "2001-09-01", "2001-09-08"), Absence(ANNA, "2001-09-10", "2001-09-20"))
    house = House(settings(customers={CustomerId("1234"): Customer(ANNA)}, absences=past))
    house.register(LI, MART, ANNA)
    identified(house)
    assert house.rung() == [ANNA]
