"""The sticky contract beyond the choice: deputies, the load guard, words for why not her, broken promises."""

from __future__ import annotations

from acd_line import ANNA, LI, MART, Line, agent, queue

from softswitch.acd import messages as m
from softswitch.acd.messages import Choice, PromiseState, StickyRule
from softswitch.acd.plain_words import why_not_her
from softswitch.ids import AgentId


def deputised(ready: bool = True, **changes: object) -> Line:
    return Line([agent(ANNA, deputy=MART), MART, LI], ready=ready, **changes)


def note(line: Line) -> str:
    return line.one(m.CallerNoted).note


def test_the_deputy_of_an_absent_agent_comes_first() -> None:
    line = deputised()
    line.send(m.AgentLoggedOut(ANNA), 10.0)
    line.call(now=20.0, previous=ANNA)
    assert line.rung() == MART
    assert note(line) == "Anna has logged out; Mart stands in"
    line.answer()
    assert line.ended().sticky == "deputy"


def test_away_by_the_calendar_counts_although_she_is_logged_in() -> None:
    line = deputised()
    line.call(previous=ANNA, away=(ANNA,))
    assert line.rung() == MART


def test_a_busy_deputy_is_offered_by_name_with_whom_he_stands_for() -> None:
    line = deputised()
    line.talk(MART)
    line.call(previous=ANNA, away=(ANNA,))
    offer = line.one(m.OfferChoice)
    assert (offer.agent, offer.instead_of) == (MART, ANNA)
    assert line.state(LI) is m.AgentState.READY, "he has not chosen a colleague yet"


def test_a_break_is_no_absence() -> None:
    line = deputised()
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 10.0)
    line.call(now=20.0, previous=ANNA)
    assert note(line) == "Anna is on a break, or takes one after this call"


def test_a_deputy_who_is_away_too_stands_in_for_nobody() -> None:
    line = deputised()
    line.call(previous=ANNA, away=(ANNA, MART))
    assert note(line) == "Anna is away by the calendar"
    line.answer()
    assert line.ended().sticky == "gave_up: away"


def test_why_not_her_is_noted_in_words_for_every_reason() -> None:
    line = Line()
    line.call(previous="kadri")
    assert note(line) == "kadri works here no longer"
    assert why_not_her("Anna", "something new") == "not Anna: something new"
    assert why_not_her("A{name}", "away") == "A{name} is away by the calendar"


def test_a_declined_ring_is_noted() -> None:
    line = Line()
    line.call(previous=ANNA)
    line.send(m.AgentRefused(line.ring()))
    assert note(line) == "Anna was rung and declined"


# ------------------------------------------------------------------ the load guard


def guarded(**rule: object) -> Line:
    rule.setdefault("wait_at_most_seconds", 3600.0)
    return Line([ANNA], [queue(sticky=StickyRule(**rule))])  # type: ignore[arg-type]


def wait_for_anna(line: Line, now: float) -> int:
    number = line.call(now=now, previous=ANNA)
    line.send(m.ChoiceMade(number, Choice.WAIT))
    return number


def test_her_line_takes_so_many_and_no_more_are_offered_to_wait() -> None:
    line = guarded(line_callers=2)
    line.talk(ANNA)
    wait_for_anna(line, 1.0)
    wait_for_anna(line, 2.0)
    line.call(now=3.0, previous=ANNA, can_be_called_back=True)
    assert Choice.WAIT not in line.one(m.OfferChoice).choices


def test_a_full_line_with_nothing_else_to_offer_says_so() -> None:
    line = guarded(line_callers=1, offer=(Choice.WAIT, Choice.COLLEAGUE))
    line.talk(ANNA)
    wait_for_anna(line, 1.0)
    line.call(now=3.0, previous=ANNA)
    assert note(line) == "as many callers as the rule allows wait for Anna already"


def test_her_line_is_bounded_in_time() -> None:
    line = guarded(line_seconds=600.0)
    line.talk(ANNA)
    wait_for_anna(line, 1.0)  # 210 s to wait, and 210 s to serve
    line.call(now=2.0, previous=ANNA, can_be_called_back=True)
    assert Choice.WAIT not in line.one(m.OfferChoice).choices


def test_after_some_of_her_own_an_older_caller_of_the_others_is_served() -> None:
    line = guarded(line_in_a_row=1, offer=(Choice.WAIT, Choice.COLLEAGUE))
    talk = line.talk(ANNA)
    other = line.call(now=1.0)
    first, second = wait_for_anna(line, 2.0), wait_for_anna(line, 3.0)
    served = []
    for _ in range(3):
        line.hang_up(talk)
        line.send(m.AgentWentReady(ANNA), line.now + 10.0)
        served.append(line.one(m.RingAgent).interaction)
        talk = line.answer()
    assert served == [first, other, second]


# ------------------------------------------------------------------ broken promises


def promised(line: Line, now: float) -> m.SavePromise:
    """Somebody who waits for Anna is promised a call."""
    number = line.call(now=now, previous=ANNA, can_be_called_back=True)
    line.send(m.ChoiceMade(number, Choice.CALL_BACK))
    promise = line.one(m.SavePromise)
    line.send(m.PromiseSaved(promise.promise, True))
    return promise


def test_a_promise_not_kept_in_time_is_escalated_and_gets_the_next_slot() -> None:
    rule = StickyRule(call_back_within_seconds=300.0)
    line = Line([ANNA, MART], [queue(sticky=rule, max_wait_seconds=9000.0)])
    line.talk(ANNA)
    mart = line.talk(MART)
    older = line.call(now=1.0)
    promise = promised(line, 2.0)
    line.at(promise.due_at)
    told = line.one(m.PromiseEscalated)
    assert (told.promise, told.agent, told.because) == (promise.promise, ANNA, "not kept in time")
    line.hang_up(mart)
    line.send(m.AgentWentReady(MART))
    ring = line.one(m.RingAgent)
    assert ring.call_back and ring.interaction == promise.interaction != older


def test_the_earliest_of_the_broken_promises_comes_first() -> None:
    rule = StickyRule(call_back_within_seconds=600.0)
    line = Line([ANNA], [queue(sticky=rule, max_wait_seconds=9000.0)])
    talk = line.talk(ANNA)
    first, second = promised(line, 1.0), promised(line, 2.0)
    line.at(second.due_at)
    line.hang_up(talk)
    line.send(m.AgentWentReady(ANNA))
    assert line.one(m.RingAgent).interaction == first.interaction


def test_a_promise_broken_for_good_is_told_too() -> None:
    rule = StickyRule(call_back_within_seconds=300.0)
    line = Line([ANNA], [queue(sticky=rule, max_wait_seconds=100.0)])
    line.talk(ANNA)
    promise = promised(line, 1.0)
    line.at(promise.due_at + 50.0)
    line.at(promise.due_at + 100.0)
    assert line.one(m.PromiseEscalated).because == "nobody was free in time"
    assert line.one(m.PromiseChanged).state is PromiseState.BROKEN


def test_an_unknown_deputy_is_nobody() -> None:
    line = Line([agent(ANNA, deputy=AgentId("gone")), MART])
    line.call(previous=ANNA, away=(ANNA,))
    assert note(line) == "Anna is away by the calendar"
