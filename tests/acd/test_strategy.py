"""Orders as pure functions, lots that a replay draws again, and orders from other packages."""

from __future__ import annotations

from collections import Counter

import pytest
from acd_line import ANNA, LI, MART, Line, agent, queue
from hypothesis import given
from hypothesis import strategies as st

from softswitch.acd import messages as m
from softswitch.acd.engine import Engine
from softswitch.acd.messages import AcdSettings, QueueSettings
from softswitch.acd.strategy import STRATEGIES, Fit, Key, Lots, Search, Standing, Strategy, drawn
from softswitch.ids import IdSource, InteractionId, SkillId

CARDS, LOANS = SkillId("cards"), SkillId("loans")


def served_in_turn(line: Line, calls: int) -> list[str]:
    """Each caller is served, without wrap-up, before the next one comes."""
    rung = []
    for number in range(calls):
        line.call(100.0 + 10 * number)
        rung.append(line.rung())
        line.hang_up(line.answer(), 105.0 + 10 * number)
    return rung


# ------------------------------------------------------------------ lots


def test_random_rings_all_alike() -> None:
    line = Line([ANNA, MART, LI], [queue(order="random", wrap_up_seconds=0.0)])
    counts = Counter(served_in_turn(line, 600))
    # 200 expected; the standard deviation is sqrt(600 * 1/3 * 2/3) = 11.5
    assert all(155 < counts[one] < 245 for one in (ANNA, MART, LI)), counts


def test_random_is_the_same_again_with_the_same_seed_and_another_with_another() -> None:
    def day(seed: int | None) -> list[str]:
        line = Line([ANNA, MART, LI], [queue(order="random", wrap_up_seconds=0.0)], ready=False)
        chance = Lots(seed) if seed is not None else None
        line.engine = line.driven.engine = line.invariants.engine = Engine(line.settings, IdSource(1000), chance)
        for one in (ANNA, MART, LI):
            line.send(m.PhoneRegistered(one))
        return served_in_turn(line, 40)

    assert day(7) == day(7) != day(8)
    assert day(None) == day(None)  # no source: seeded alike in every run, so that a record can be replayed


def test_random_never_draws_who_has_just_refused() -> None:
    line = Line([ANNA, MART], [queue(order="random")], no_offer_seconds=1000.0)
    for number in range(20):
        line.call(100.0 * number)
        first = line.rung()
        line.send(m.AgentRefused(line.ring()))
        assert line.rung() != first
        line.hang_up(line.answer())
        line.at(100.0 * number + 50.0)


def test_lots_are_spread_evenly_and_never_out_of_bounds() -> None:
    lots = Lots(3)
    counts = Counter(drawn(lots, 10) for _ in range(20_000))
    assert sorted(counts) == list(range(10))
    assert all(1_800 < count < 2_200 for count in counts.values())  # 4.7 standard deviations
    assert lots.drawn == 20_000
    with pytest.raises(AssertionError):
        lots.getrandbits(65)


# ------------------------------------------------------------------ fit


def experts(order: str) -> Line:
    agents = [
        agent(ANNA, skills=((CARDS, 5),), languages=(("en", 3),)),
        agent(MART, skills=((CARDS, 2),), languages=(("en", 3),)),
        agent(LI, skills=((CARDS, 3),), languages=(("en", 3),)),
    ]
    return Line(agents, [queue(order=order, skills=((CARDS, 2),))])


@pytest.mark.parametrize(
    ("order", "expected"),
    [("longest-idle", [ANNA, MART, LI]), ("skill-best", [ANNA, LI, MART]), ("skill-closest", [MART, LI, ANNA])],
)
def test_how_good_she_has_to_be(order: str, expected: list[str]) -> None:
    line = experts(order)
    rung = []
    for _ in expected:
        line.call(10.0)
        rung.append(line.rung())
    assert rung == expected


def test_the_level_of_the_language_is_part_of_the_fit() -> None:
    line = Line([agent(ANNA, languages=(("et", 2),)), agent(MART, languages=(("et", 5),))], [queue(order="skill-best")])
    line.call(10.0, language="et")
    assert line.rung() == MART


def test_preferred_skills_choose_among_those_who_may() -> None:
    """Anna has idled longest, Li knows most of what is preferred: 2 * 1 + 0.5 * 5 is more than 2 * 2."""
    agents = [agent(ANNA), agent(MART, skills=((LOANS, 2),)), agent(LI, skills=((LOANS, 1), (CARDS, 5)))]
    line = Line(agents, [queue(prefers=((LOANS, 2.0),))])
    line.call(10.0, prefers=((CARDS, 0.5),))
    assert line.rung() == LI
    line.call(11.0)
    assert line.rung() == MART
    line.call(12.0)
    assert line.rung() == ANNA  # preferred is not needed


# ------------------------------------------------------------------ orders of somebody else


def with_order(order: Strategy) -> Line:
    """A line whose queue names an order from another package."""
    queues = (QueueSettings(queue().id, "Q", order="shop-own", wrap_up_seconds=0.0),)
    line = Line([ANNA, MART, LI], [queue(wrap_up_seconds=0.0)], ready=False)
    settings = AcdSettings(queues, line.settings.agents)
    strategies = {**STRATEGIES, "shop-own": order}
    line.engine = line.driven.engine = line.invariants.engine = Engine(settings, IdSource(1000), None, strategies)
    for one in (ANNA, MART, LI):
        line.send(m.PhoneRegistered(one))
    return line


def test_an_order_from_another_package_may_use_any_key() -> None:
    """Most calls first: a key that falls is not for the heap."""

    def busiest(standing: Standing, fit: Fit) -> Key:
        return -standing.calls

    line = with_order(Strategy(busiest, Search.SCAN))
    assert served_in_turn(line, 3) == [ANNA, ANNA, ANNA]
    line.send(m.AgentWentOnBreak(ANNA))
    assert served_in_turn(line, 3) == [MART, MART, MART]
    line.send(m.AgentWentReady(ANNA))
    line.hang_up(line.talk(ANNA))
    assert served_in_turn(line, 1) == [ANNA]


def test_an_order_that_fails_keeps_nobody_waiting() -> None:
    def broken(standing: Standing, fit: Fit) -> Key:
        raise ZeroDivisionError

    line = with_order(Strategy(broken, Search.SCAN))
    assert served_in_turn(line, 4) == [ANNA, MART, LI, ANNA]  # the longest idle


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=30))
def test_no_key_of_a_heap_ever_falls(spells: list[tuple[int, int]]) -> None:
    """What `matching.find` relies on: whatever an agent does, her next key is not before her last one."""
    fit = Fit(1, 0.0, 4, 2)
    heaps = {name: one for name, one in STRATEGIES.items() if one.search is Search.HEAP}
    standing = Standing(3)
    last = {name: one.order(standing, fit) for name, one in heaps.items()}
    for number, (idle, calls) in enumerate(spells):
        standing.idle_since += idle
        standing.calls += calls
        standing.offered = number + 1
        for name, one in heaps.items():
            key = one.order(standing, fit)
            assert not key < last[name]  # type: ignore[operator]
            last[name] = key


def test_several_callers_and_an_order_by_scan_leave_nobody_ready() -> None:
    line = with_order(Strategy(lambda standing, fit: standing.number, Search.SCAN))
    for number in range(3):
        assert line.engine.floor.entries.get(InteractionId(number + 1)) is None
        line.call(10.0 + number)
    assert [a.state.value for a in line.engine.agents()] == ["ringing"] * 3
