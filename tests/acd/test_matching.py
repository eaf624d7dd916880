"""Who is rung for whom."""

from __future__ import annotations

from typing import Any

import pytest
from acd_line import ANNA, LI, MART, Line, Q, agent, queue

from softswitch.acd import messages as m
from softswitch.acd.eligibility import Eligibility
from softswitch.acd.floor import Floor
from softswitch.acd.messages import AcdSettings, AgentState
from softswitch.acd.strategy import ORDERS, Fit, Standing
from softswitch.ids import IdSource, SkillId

CARDS, LOANS = SkillId("cards"), SkillId("loans")


def test_longest_idle_first() -> None:
    line = Line([ANNA, MART, LI])
    for expected in (ANNA, MART, LI):
        line.call(10.0)
        assert line.rung() == expected


def test_the_oldest_caller_first() -> None:
    line = Line([ANNA])
    talk = line.talk(ANNA)
    first, second = line.call(10.0), line.call(11.0)
    line.hang_up(talk, 20.0)
    line.send(m.AgentWentReady(ANNA))
    assert line.one(m.RingAgent).interaction == first
    line.hang_up(line.answer(), 30.0)
    line.send(m.AgentWentReady(ANNA))
    assert line.one(m.RingAgent).interaction == second


@pytest.mark.parametrize("facts", [{"head_start_seconds": 30.0}, {"waited_seconds": 30.0}])
def test_a_head_start_and_time_already_waited_count_as_age(facts: dict[str, Any]) -> None:
    line = Line([ANNA])
    talk = line.talk(ANNA)
    early, late, favoured = line.call(10.0), line.call(25.0), line.call(45.0, **facts)
    order = []
    for at in (50.0, 60.0, 70.0):
        line.hang_up(talk, at)
        line.send(m.AgentWentReady(ANNA))
        order.append(line.one(m.RingAgent).interaction)
        talk = line.answer()
    assert order == [early, favoured, late]  # 10, 45 - 30, 25: worth its seconds and no more


def test_skills_need_their_level() -> None:
    line = Line([agent(ANNA, skills=((CARDS, 2),)), agent(MART, skills=((CARDS, 3), (LOANS, 1)))])
    line.call(10.0, skills=((CARDS, 3),))
    assert line.rung() == MART
    line.call(11.0, skills=((LOANS, 1),))
    assert line.all(m.RingAgent) == []  # Mart rings, Anna cannot
    line.call(12.0)
    assert line.rung() == ANNA


def test_skills_of_the_queue() -> None:
    line = Line([agent(ANNA), agent(MART, skills=((CARDS, 4),))], [queue(skills=((CARDS, 4),))])
    line.call(10.0)
    assert line.rung() == MART


def test_languages() -> None:
    line = Line([agent(ANNA, languages=(("et", 5), ("en", 0))), agent(MART, languages=(("en", 1),)), agent(LI)])
    line.call(10.0, language="en")
    assert line.rung() == MART
    line.call(10.0, language="zh")
    assert line.rung() == LI  # without a list she speaks all
    line.call(10.0, language="")
    assert line.rung() == ANNA  # a caller without a language


def test_nobody_ready_beside_a_waiting_caller_when_a_colleague_becomes_free() -> None:
    line = Line([agent(ANNA, ["a", "b"]), agent(MART, ["b"])], [queue("a"), queue("b")])
    talk_anna, talk_mart = line.talk_in("a", ANNA), line.talk_in("b", MART)
    line.call(10.0, queue="b")
    line.call(11.0, queue="a")
    line.hang_up(talk_mart, 20.0)
    line.at(50.0)
    assert line.one(m.RingAgent).interaction == 3
    line.answer(51.0)
    line.hang_up(talk_anna, 60.0)
    line.at(90.0)
    assert line.all(m.RingAgent)[-1].interaction == 4


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("longest-idle", [ANNA, MART, LI, MART]),
        ("round-robin", [ANNA, MART, LI, ANNA]),
        ("fewest-calls", [ANNA, MART, LI, MART]),
        ("top-down", [ANNA, ANNA, ANNA, ANNA]),
    ],
)
def test_orders(order: str, expected: list[str]) -> None:
    """Each is served and ready again before the next call; Anna's first caller leaves before she answers."""
    line = Line([ANNA, MART, LI], [queue(order=order, wrap_up_seconds=0.0)])
    rung = []
    for number in range(4):
        who = line.call(10.0 + 10 * number)
        rung.append(line.rung())
        if number == 0 and order == "round-robin":
            line.send(m.CallerLeft(who))  # being rung is a turn, whether she took it or not
        else:
            line.hang_up(line.answer(), 15.0 + 10 * number)
        if number == 2 and order in ("longest-idle", "fewest-calls"):
            line.send(m.AgentWentOnBreak(ANNA))
    assert rung == expected


def test_unknown_order_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="unknown order 'loudest'"):
        Line([ANNA], [queue(order="loudest")])


def test_a_ring_of_no_time_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="ring_seconds must be more than 0"):
        Line([ANNA], [queue(ring_seconds=0.0)])


def test_orders_are_pure_functions_of_the_standing() -> None:
    standing = Standing(3)
    standing.idle_since, standing.calls, standing.offered = 7.0, 2, 9
    fit = Fit(tier=2, preferred=1.0, level=6, surplus=4)
    assert {name: order(standing, fit) for name, order in ORDERS.items()} == {
        "longest-idle": 7.0,
        "round-robin": 9,
        "fewest-calls": (2, 7.0),
        "top-down": 3,
        "random": 0,
        "skill-best": (-6, 7.0),
        "skill-closest": (4, 7.0),
    }


def test_pools_are_bounded() -> None:
    """Flows that compute skills from what callers enter must not fill the memory."""
    floor = Floor(AcdSettings((queue(),), (agent(ANNA),)), IdSource())
    pools = Eligibility(floor.agents.values(), limit=10)
    mine = floor.queues[Q]
    kept = pools.pool(mine, (), "et")
    kept.open = 1
    for level in range(100):
        pools.pool(mine, ((CARDS, level),), "en")
    assert len(pools.pools) <= 10
    assert pools.pool(mine, (), "et") is kept
    assert kept in floor.agents[ANNA].pools


def test_an_agent_idle_for_long_is_found_in_a_pool_that_appears_later() -> None:
    line = Line([ANNA, MART])
    line.call(10.0, language="it")
    assert line.rung() == ANNA
    line.call(11.0, language="cs")
    assert line.rung() == MART
    assert line.state(MART) is AgentState.RINGING


def test_the_oldest_of_all_queues_first() -> None:
    for first, second in (("a", "b"), ("b", "a")):
        line = Line([agent(ANNA, ["a", "b"])], [queue("a", wrap_up_seconds=0.0), queue("b", wrap_up_seconds=0.0)])
        talk = line.talk_in("a", ANNA)
        older, _ = line.call(10.0, queue=first), line.call(11.0, queue=second)
        line.hang_up(talk, 20.0)
        assert line.one(m.RingAgent).interaction == older
