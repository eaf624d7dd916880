"""What random days have found (tests/sim/test_random_lines.py), each as the few steps that were left of it."""

from __future__ import annotations

from dataclasses import replace

from acd_line import ANNA, MART, Line, agent, queue

from softswitch.acd import messages as m
from softswitch.acd.messages import AgentState, Choice, RelaxStep
from softswitch.ids import SkillId

CARDS = SkillId("cards")


def test_who_relaxes_because_somebody_comes_to_work_is_not_overtaken_by_who_waited_there() -> None:
    """Nobody serves the fraud queue but by relaxation; Anna comes: the older caller is first, of whichever queue."""
    fraud = queue("fraud", skills=((CARDS, 5),), relax=(RelaxStep(60.0, any_skill=True),), overflow_when_nobody=False)
    line = Line([agent(ANNA, ["everyday", "fraud"])], [queue(overflow_when_nobody=False), fraud], ready=False)
    older, _ = line.call(1.0, queue="fraud"), line.call(2.0)
    line.send(m.PhoneRegistered(ANNA), 3.0)
    assert line.one(m.RingAgent).interaction == older


def test_callers_who_relax_together_are_rung_for_by_age_not_by_pool() -> None:
    """Anna goes away, and both may be taken by Mart from then on."""
    relaxed = queue(skills=((CARDS, 3),), relax=(RelaxStep(100.0, any_skill=True),), overflow_when_nobody=False)
    line = Line([agent(ANNA, skills=((CARDS, 5),)), agent(MART)], [relaxed])
    talk = line.talk(ANNA)
    young = line.call(10.0, language="en")
    old = line.call(11.0, language="", waited_seconds=50.0)
    line.hang_up(talk, 12.0)
    line.send(m.AgentLoggedOut(ANNA), 13.0)
    rings = line.all(m.RingAgent)
    assert [(ring.agent, ring.interaction) for ring in rings] == [(MART, old)] and young != old


def test_nobody_is_sent_away_while_the_agent_of_a_later_step_has_a_break() -> None:
    tiered = queue(tier_after_seconds=30.0)
    line = Line([agent(ANNA, tiers=((tiered.id, 1),)), agent(MART, tiers=((tiered.id, 2),))], [tiered])
    line.send(m.AgentLoggedOut(ANNA))
    line.send(m.AgentWentOnBreak(MART, "coffee"))
    caller = line.call(10.0)
    assert line.all(m.OverflowCaller) == [] and caller in line.engine.floor.entries
    line.send(m.AgentLoggedOut(MART))
    assert line.one(m.OverflowCaller).because == "nobody logged in"


def test_a_caller_we_lose_while_a_colleague_is_rung_is_promised_by_the_queue() -> None:
    """His previous agent has gone: it is not she who calls back."""
    line = Line([ANNA, MART], [queue(call_back_lost=True)])
    line.talk(ANNA)
    caller = line.call(10.0, previous=ANNA)
    line.send(m.ChoiceMade(caller, Choice.WAIT))
    line.send(m.AgentLoggedOut(ANNA))
    assert line.one(m.RingAgent).agent == MART
    line.send(m.CallerLeft(caller, hung_up=False))
    assert line.one(m.SavePromise).agent == ""


def test_an_agent_restored_to_her_notes_opens_her_step() -> None:
    """The caller of the first tier has nobody but her of the second: he waits for her, and she rings him when done."""
    tiered = queue(tier_after_seconds=30.0, overflow_when_nobody=False)
    people = [agent(ANNA, tiers=((tiered.id, 1),)), agent(MART, tiers=((tiered.id, 2),))]
    line = Line(people, [replace(tiered, ring_at_once=0)], ready=False)
    caller = line.call(1.0)
    line.send(m.AgentRestored(MART, AgentState.WRAP_UP, "", 0.0, 9.0, True))
    line.at(9.0)
    assert line.one(m.RingAgent).interaction == caller
