"""Rules of waiting as callers meet them: who comes first, and what is noted."""

from __future__ import annotations

from tests.call.house import ANNA, House
from tests.call.test_ways_out import busy, line

from softswitch.acd import messages as acd
from softswitch.acd.rules import FACTS, Rule, compile_rule
from softswitch.call import records
from softswitch.call.settings import QueueWays


def rule(when: str, seconds: float, name: str = "first") -> Rule:
    return Rule(name, compile_rule(when, {**FACTS, "number": str}), seconds)


def test_a_head_start_is_worth_its_seconds_and_is_noted() -> None:
    house = House(
        line(QueueWays(rules=(rule("has_customer", 60.0), rule("language == 'et'", 500.0, "no"))), sticky=None)
    )
    b = busy(house)
    earlier = house.to_queue("+3725550003")
    house.wait(30)
    leg = house.call("+3725550004")
    house.press(leg, "212341")
    assert house.session_of(leg).waiting.notes == ("rule first: 60 s head start",)
    assert house.engine.floor.entries[house.interaction_of(leg)].facts.head_start_seconds == 60.0
    house.bye(b)
    house.wait(10)
    house.answer(house.ringing()[0])
    assert house.session_of(leg).talk is not None
    assert house.session_of(earlier).talk is None


def test_what_was_entered_can_be_compared() -> None:
    house = House(line(QueueWays(rules=(rule("number == '1234'", 60.0),)), sticky=None))
    busy(house)
    for keys, expected in (("212341", 60.0), ("299991", 0.0), ("1", 0.0)):
        leg = house.call("+3725550004")
        house.press(leg, keys)
        assert house.engine.floor.entries[house.interaction_of(leg)].facts.head_start_seconds == expected
        house.bye(leg)


def test_the_store_is_asked_for_the_calls_of_today() -> None:
    house = House(line(QueueWays(rules=(rule("calls_today >= 3 or was_cut_off", 60.0),)), sticky=None))
    busy_leg = busy(house)
    house.store_answers = False
    leg = house.to_queue()
    query = house.of(records.FindPreviousAgent)[-1]
    assert query.today == 999993600.0, "midnight before the second one billion"
    found = records.PreviousAgentFound(query.interaction, None, None, earlier_calls=2)
    house.post(found)
    (entered,) = [each for each in house.engine.floor.entries.values() if each.id == query.interaction]
    assert entered.facts.head_start_seconds == 60.0
    assert busy_leg not in house.ended_legs and leg not in house.ended_legs


def test_nobody_is_asked_when_no_rule_wants_to_know() -> None:
    house = House(line(QueueWays(rules=(rule("hour == 1", 60.0),)), sticky=None))
    house.register(ANNA)
    house.to_queue()
    assert house.of(records.FindPreviousAgent) == []
    assert house.state(ANNA) is acd.AgentState.RINGING
