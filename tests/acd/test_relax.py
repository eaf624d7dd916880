"""Skills that relax while a caller waits, tiers, agents of other queues who help out, and weights of queues."""

from __future__ import annotations

from typing import Any

import pytest
from acd_line import ANNA, LI, MART, Line, agent, queue
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.acd import messages as m
from softswitch.acd.eligibility import NOTHING_RELAXED, Needs, Step, admits, steps_of
from softswitch.acd.messages import AgentState, RelaxStep
from softswitch.ids import AgentId, QueueId, SkillId

CARDS, LOANS = SkillId("cards"), SkillId("loans")
HELP = QueueId("help")


def skilled(name: str, level: int, **more: Any) -> m.AgentSettings:
    return agent(name, skills=((CARDS, level),), **more)


# ------------------------------------------------------------------ levels


def test_a_lower_level_will_do_after_a_while() -> None:
    line = Line([skilled(ANNA, 3), skilled(MART, 2)], [queue(skills=((CARDS, 3),), relax=(RelaxStep(30.0, 1),))])
    line.call(10.0)
    assert line.rung() == ANNA
    line.answer()
    line.call(20.0)
    assert line.all(m.RingAgent) == []
    line.at(49.9)
    assert line.state(MART) is AgentState.READY
    line.at(50.0)
    assert line.rung() == MART


def test_relaxed_levels_end_at_one_and_any_ends_the_need() -> None:
    three, one = ((CARDS, 3),), ((CARDS, 1),)
    asks = queue(skills=three)
    needs = Needs(((LOANS, 1),))
    both = agent(ANNA, skills=(*one, (LOANS, 1)))
    assert not admits(both, asks, needs, Step(lower_by=1))
    assert admits(both, asks, needs, Step(lower_by=2))
    assert admits(both, asks, needs, Step(lower_by=9))
    assert not admits(agent(MART, skills=one), asks, needs, Step(lower_by=9))
    assert admits(agent(LI), asks, needs, Step(any_skill=True))
    assert not admits(agent(LI, languages=(("et", 5),)), asks, Needs(language="en"), Step(any_skill=True))


def test_the_time_already_waited_elsewhere_counts() -> None:
    line = Line([skilled(ANNA, 3), skilled(MART, 2)], [queue(skills=((CARDS, 3),), relax=(RelaxStep(30.0, 1),))])
    line.call(10.0)
    line.call(20.0, waited_seconds=25.0)
    line.at(25.0)
    assert line.rung() == MART


def test_nobody_waits_for_a_step_at_which_nobody_works() -> None:
    """The only expert is on break: asking less counts at once, not after half a minute of silence."""
    line = Line([skilled(ANNA, 3), skilled(MART, 2)], [queue(skills=((CARDS, 3),), relax=(RelaxStep(30.0, 1),))])
    line.send(m.AgentWentOnBreak(ANNA), 5.0)
    line.call(10.0)
    assert line.rung() == MART


def test_when_the_last_expert_goes_away_those_who_wait_for_her_go_on_at_once() -> None:
    line = Line([skilled(ANNA, 3), skilled(MART, 2)], [queue(skills=((CARDS, 3),), relax=(RelaxStep(300.0, 1),))])
    line.hang_up(line.talk(ANNA), 10.0)  # wrap-up
    line.call(11.0)
    assert line.all(m.RingAgent) == []
    line.send(m.AgentWentOnBreak(ANNA), 12.0)  # after the wrap-up
    line.at(40.0)
    assert line.rung() == MART


def test_somebody_of_a_later_step_comes_to_work_while_nobody_of_an_earlier_one_is_there() -> None:
    line = Line(
        [skilled(ANNA, 3), skilled(MART, 2)],
        [queue(skills=((CARDS, 3),), relax=(RelaxStep(300.0, 1),), overflow_when_nobody=False)],
        ready=False,
    )
    line.call(10.0)
    line.send(m.PhoneRegistered(MART), 20.0)
    assert line.rung() == MART


# ------------------------------------------------------------------ other queues


def test_agents_of_another_queue_help_out_after_a_while_and_after_their_colleagues() -> None:
    helps = [agent(ANNA), agent(MART, [HELP])]
    line = Line(helps, [queue(relax=(RelaxStep(90.0, add_queue=HELP),)), queue(HELP)])
    line.call(10.0)
    line.answer()
    waits = line.call(20.0)
    line.at(109.9)
    assert line.state(MART) is AgentState.READY
    line.at(110.0)
    ring = line.one(m.RingAgent)
    assert (ring.agent, ring.interaction) == (MART, waits)


def test_own_agents_are_rung_before_those_who_help_out() -> None:
    helps = [agent(MART, [HELP]), agent(ANNA)]
    line = Line(helps, [queue(relax=(RelaxStep(0.0, add_queue=HELP),)), queue(HELP)])
    line.call(10.0)
    assert line.rung() == ANNA  # though Mart has idled longer
    line.call(11.0)
    assert line.rung() == MART


def test_who_helps_out_needs_the_skills_of_her_own_queue_and_of_the_caller() -> None:
    helps = [agent(ANNA), agent(MART, [HELP]), agent(LI, [HELP], skills=((LOANS, 2),))]
    line = Line(helps, [queue(relax=(RelaxStep(5.0, add_queue=HELP),)), queue(HELP)])
    line.talk(ANNA)
    line.call(10.0, skills=((LOANS, 2),), waited_seconds=6.0)
    assert line.rung() == LI


def test_an_unknown_queue_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="unknown queue nowhere"):
        Line([ANNA], [queue(relax=(RelaxStep(5.0, add_queue=QueueId("nowhere")),))])
    with pytest.raises(ValueError, match="the queue itself"):
        Line([ANNA], [queue(relax=(RelaxStep(5.0, add_queue=queue().id),))])


# ------------------------------------------------------------------ tiers


def tiered(after: float | None) -> Line:
    tiers = {ANNA: 2, MART: 1, LI: 3}
    agents = [agent(name, tiers=((QueueId("everyday"), tier),)) for name, tier in tiers.items()]
    return Line(agents, [queue(tier_after_seconds=after)])


def test_a_tier_is_rung_when_those_below_are_busy() -> None:
    line = tiered(None)
    rung = []
    for number in range(3):
        line.call(10.0 + number)
        rung.append(line.rung())
    assert rung == [MART, ANNA, LI]


def test_a_tier_opens_after_so_long() -> None:
    line = tiered(20.0)
    line.call(10.0)
    assert line.rung() == MART
    line.answer()
    line.call(15.0)
    line.at(34.9)
    assert [a.state for a in line.engine.agents()].count(AgentState.READY) == 2
    line.at(35.0)
    assert line.rung() == ANNA
    line.answer()
    line.call(36.0)
    line.at(75.9)
    assert line.state(LI) is AgentState.READY
    line.at(76.0)
    assert line.rung() == LI


def test_a_tier_opens_at_once_when_nobody_of_the_lower_ones_is_at_work() -> None:
    line = tiered(20.0)
    line.send(m.AgentWentOnBreak(MART), 5.0)
    line.call(10.0)
    assert line.rung() == ANNA


def test_the_previous_agent_is_hers_whatever_her_tier() -> None:
    line = tiered(20.0)
    line.call(10.0, previous=LI)
    assert line.rung() == LI and line.one(m.RingAgent).sticky


def test_the_steps_of_a_queue() -> None:
    steps = steps_of(
        queue(tier_after_seconds=20.0, relax=(RelaxStep(30.0, 1), RelaxStep(90.0, 1, add_queue=HELP))),
        {HELP: queue(HELP)},
        [agent(ANNA), agent(MART, tiers=((QueueId("everyday"), 4),))],
    )
    assert steps == (
        Step(0.0, tier=1),
        Step(20.0, tier=4),
        Step(30.0, 1, tier=4),
        Step(90.0, 2, False, (queue(HELP),), 4),
    )
    assert steps_of(queue(), {}, [agent(ANNA)]) == (NOTHING_RELAXED,)


# ------------------------------------------------------------------ weights and age


def test_a_weight_makes_a_minute_of_waiting_count_as_more() -> None:
    line = Line(
        [agent(ANNA, ["a", "b"])],
        [queue("a", wrap_up_seconds=0.0), queue("b", wrap_up_seconds=0.0, weight=3.0)],
    )
    talk = line.talk_in("a", ANNA)
    long_here, short_there = line.call(10.0, queue="a"), line.call(50.0, queue="b")
    line.hang_up(talk, 60.0)  # 50 s against 3 * 10 s
    assert line.one(m.RingAgent).interaction == long_here
    line.call(60.0, queue="a")
    line.hang_up(line.answer(), 90.0)  # 30 s against 3 * 40 s
    assert line.one(m.RingAgent).interaction == short_there


def test_a_weight_of_nothing_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="weight must be more than 0"):
        Line([ANNA], [queue(weight=0.0)])


def test_head_starts_are_bounded() -> None:
    line = Line([ANNA], [queue(max_wait_seconds=1e9)], most_head_start_seconds=100.0)
    line.talk(ANNA)
    for asked in (1e9, float("inf"), 100.0, -1e9):
        line.call(1000.0, head_start_seconds=asked)
    assert [entry.place[0] for entry in line.engine.floor.entries.values()] == [900.0, 900.0, 900.0, 1100.0]


callers = st.lists(
    st.tuples(st.floats(0.0, 60.0), st.sampled_from([0.0, 0.0, 10.0, 60.0, 500.0]), st.integers(0, 1)),
    min_size=2,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(callers, st.sampled_from([1.0, 1.0, 2.0]), st.integers(1, 3))
def test_bounded_overtaking(arrivals: list[tuple[float, float, int]], weight: float, agents: int) -> None:
    """Nobody starves: whoever is served before a caller who came earlier has come, by the clock, no later than the most
    head start (and, with weights, the weighted age) allows; and everybody is served."""
    names = [AgentId(f"agent{n}") for n in range(agents)]
    queues = [
        queue("a", wrap_up_seconds=0.0, max_wait_seconds=1e9, sticky=None),
        queue("b", wrap_up_seconds=0.0, max_wait_seconds=1e9, sticky=None, weight=weight),
    ]
    most = 90.0
    line = Line([agent(name, ["a", "b"]) for name in names], queues, most_head_start_seconds=most)
    came: dict[int, tuple[float, float, float]] = {}
    served: list[tuple[int, float]] = []
    talks: list[tuple[float, m.Connect]] = []

    def answer_all() -> None:
        for ring in line.all(m.RingAgent):
            served.append((ring.interaction, line.now))
            line.send(m.AgentAnswered(ring.attempt))
            talks.append((line.now + 37.0, line.one(m.Connect)))

    def run_to(now: float) -> None:
        while talks and talks[0][0] <= now:
            at, connected = talks.pop(0)
            line.hang_up(connected, at)
            answer_all()

    at = 10.0
    for later, head, where in arrivals:
        at += later
        run_to(at)
        number = line.call(at, queue="ab"[where], head_start_seconds=head)
        came[number] = (at, min(head, most), (1.0, weight)[where])
        answer_all()
    run_to(1e9)
    assert sorted(number for number, _ in served) == sorted(came)
    order = {number: place for place, (number, _) in enumerate(served)}
    when = dict(served)
    for early, (came_early, _, weight_early) in came.items():
        for late, (came_late, head_late, weight_late) in came.items():
            if came_early < came_late and order[late] < order[early]:
                # the later one was, at that moment, of more weighted age
                age_late = (when[late] - came_late + head_late) * weight_late
                age_early = (when[late] - came_early) * weight_early
                assert age_late >= age_early - 1e-6
                if weight_late <= weight_early:
                    assert came_late - came_early <= most + 1e-6


def test_a_full_table_of_pools_leaves_nobody_in_one_that_is_forgotten() -> None:
    """While nobody is at work every step is looked at; the one he has come to must stay known to the agents."""
    relax = (m.RelaxStep(10.0, lower_by=1), m.RelaxStep(20.0, any_skill=True))
    line = Line([ANNA], [queue(relax=relax, overflow_when_nobody=False)])
    line.engine.floor.eligibility._limit = 2
    line.send(m.AgentWentOnBreak(ANNA, "coffee"))
    number = line.call(5.0, language="et")
    line.at(16.0)
    line.send(m.AgentWentReady(ANNA))
    assert line.one(m.RingAgent).interaction == number
