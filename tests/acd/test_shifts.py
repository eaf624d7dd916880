"""Log-in by registration or by code, breaks, wrap-up, suspension, and what the journal brings back."""

from __future__ import annotations

import pytest
from acd_line import ANNA, LI, MART, Line, agent, queue

from softswitch.acd import messages as m
from softswitch.acd.floor import Rejection
from softswitch.acd.messages import AgentState
from softswitch.ids import AgentId


def test_registration_logs_in() -> None:
    line = Line(ready=False)
    line.send(m.PhoneRegistered(ANNA), 5.0)
    assert line.last == [m.AgentStateChanged(ANNA, AgentState.READY, "", 5.0)]
    assert line.send(m.PhoneRegistered(ANNA), 65.0) == []  # a refresh is no news


def test_logged_out_by_code_is_not_logged_in_by_registration() -> None:
    line = Line([ANNA])
    line.send(m.AgentLoggedOut(ANNA))
    assert line.last == [m.AgentStateChanged(ANNA, AgentState.OFFLINE, "logged out", 0.0, None, True)]
    assert line.send(m.PhoneRegistered(ANNA)) == []
    line.send(m.AgentLoggedIn(ANNA))
    assert line.one(m.AgentStateChanged).state is AgentState.READY


def test_log_in_without_a_phone_waits_for_the_phone() -> None:
    line = Line([ANNA])
    line.send(m.AgentLoggedOut(ANNA))
    line.send(m.PhoneLost(ANNA))
    line.send(m.AgentLoggedIn(ANNA))
    assert line.state(ANNA) is AgentState.OFFLINE
    assert not line.one(m.AgentStateChanged).logged_out  # the journal knows it
    line.send(m.PhoneRegistered(ANNA))
    assert line.state(ANNA) is AgentState.READY


def test_log_out_while_talking_takes_effect_after_the_wrap_up() -> None:
    line = Line([ANNA])
    talk = line.talk(ANNA)
    line.send(m.AgentLoggedOut(ANNA), 10.0)
    note = line.one(m.AgentStateChanged)
    assert note.state is AgentState.TALKING and note.logged_out  # a crash now must not log her in again
    line.hang_up(talk, 20.0)
    assert line.state(ANNA) is AgentState.WRAP_UP
    line.at(50.0)
    assert line.state(ANNA) is AgentState.OFFLINE


def test_log_out_while_ringing_passes_the_caller_on() -> None:
    line = Line([ANNA, MART])
    line.call(10.0)
    assert line.rung() == ANNA
    line.send(m.AgentLoggedOut(ANNA))
    assert line.one(m.CancelRing).end is m.RingEnd.CANCELLED
    assert line.rung() == MART
    assert line.state(ANNA) is AgentState.OFFLINE


def test_a_lost_phone_makes_a_ready_agent_offline_and_registering_brings_her_back() -> None:
    line = Line([ANNA])
    line.send(m.PhoneLost(ANNA))
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.OFFLINE, "phone not registered")
    line.send(m.PhoneRegistered(ANNA), 9.0)
    assert line.state(ANNA) is AgentState.READY


def test_break_survives_a_lost_phone() -> None:
    line = Line([ANNA])
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 3.0)
    line.send(m.PhoneLost(ANNA), 4.0)
    line.send(m.PhoneRegistered(ANNA), 5.0)
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.BREAK, "lunch")


def test_wrap_up_without_a_phone_ends_offline() -> None:
    line = Line([ANNA])
    line.hang_up(line.talk(ANNA), 10.0)
    line.send(m.PhoneLost(ANNA), 20.0)
    assert line.state(ANNA) is AgentState.WRAP_UP
    line.at(40.0)
    assert line.state(ANNA) is AgentState.OFFLINE


def test_a_call_of_her_own_suspends_her_until_it_is_over() -> None:
    line = Line([ANNA])
    line.send(m.OwnCallBegan(ANNA), 5.0)
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.SUSPENDED, "on a call of her own")
    line.call()
    line.send(m.AgentWentReady(ANNA), 6.0)
    assert line.state(ANNA) is AgentState.SUSPENDED
    line.send(m.OwnCallEnded(ANNA), 7.0)
    assert line.state(ANNA) is AgentState.RINGING


def test_a_call_of_her_own_changes_nothing_but_being_ready() -> None:
    line = Line([ANNA])
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 3.0)
    line.send(m.OwnCallBegan(ANNA), 4.0)
    line.send(m.OwnCallEnded(ANNA), 5.0)
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.BREAK, "lunch")


def test_wrap_up_that_ends_during_a_call_of_her_own() -> None:
    line = Line([ANNA])
    line.hang_up(line.talk(ANNA), 10.0)
    line.send(m.OwnCallBegan(ANNA), 20.0)
    assert line.state(ANNA) is AgentState.WRAP_UP
    line.at(40.0)
    assert line.state(ANNA) is AgentState.SUSPENDED
    line.send(m.OwnCallEnded(ANNA), 50.0)
    assert line.state(ANNA) is AgentState.READY


def test_a_call_of_her_own_does_not_survive_a_restart() -> None:
    line = Line([ANNA], ready=False)
    line.send(m.AgentRestored(ANNA, AgentState.SUSPENDED, "on a call of her own", -9.0, None, True))
    assert line.state(ANNA) is AgentState.READY


def test_break_while_talking_comes_after_the_wrap_up() -> None:
    line = Line([ANNA])
    talk = line.talk(ANNA)
    assert line.send(m.AgentWentOnBreak(ANNA, "lunch"), 5.0) == []
    line.hang_up(talk, 10.0)
    assert line.state(ANNA) is AgentState.WRAP_UP
    line.at(40.0)
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.BREAK, "lunch")
    line.send(m.AgentWentReady(ANNA), 50.0)
    assert line.state(ANNA) is AgentState.READY


def test_break_asked_for_in_wrap_up_does_not_shorten_it() -> None:
    line = Line([ANNA])
    line.hang_up(line.talk(ANNA), 10.0)
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 15.0)
    assert line.state(ANNA) is AgentState.WRAP_UP
    line.at(40.0)
    assert line.state(ANNA) is AgentState.BREAK


def test_a_break_taken_back() -> None:
    line = Line([ANNA])
    talk = line.talk(ANNA)
    line.send(m.AgentWentOnBreak(ANNA, "lunch"))
    line.send(m.AgentWentReady(ANNA))
    line.hang_up(talk, 10.0)
    line.at(40.0)
    assert line.state(ANNA) is AgentState.READY


def test_break_while_ringing_takes_effect_at_once_and_the_caller_goes_on() -> None:
    line = Line([ANNA, MART])
    line.call(10.0)
    line.send(m.AgentWentOnBreak(ANNA, "coffee"))
    assert line.rung() == MART
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.BREAK, "coffee")


def test_break_of_somebody_offline_is_refused_and_counted() -> None:
    line = Line([ANNA], ready=False)
    assert line.send(m.AgentWentOnBreak(ANNA)) == []
    assert line.send(m.AgentWentReady(ANNA)) == []
    assert line.engine.rejected[Rejection.NOT_NOW] == 2


def test_going_ready_ends_the_wrap_up() -> None:
    line = Line([ANNA])
    line.hang_up(line.talk(ANNA), 10.0)
    line.send(m.AgentWentReady(ANNA), 12.0)
    assert line.state(ANNA) is AgentState.READY
    assert line.at(100.0) == []  # the old deadline means nothing


def test_a_queue_without_wrap_up_makes_ready_at_once() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=0.0)])
    line.hang_up(line.talk(ANNA), 10.0)
    assert line.one(m.AgentStateChanged).state is AgentState.READY


@pytest.mark.parametrize("again", [m.AgentWentReady(ANNA), m.AgentLoggedIn(ANNA)])
def test_suspension_survives_registration_and_ends_by_her(again: m.Event) -> None:
    line = Line([ANNA, MART])
    line.call(10.0)
    line.at(31.0)
    assert (line.state(ANNA), line.reason(ANNA)) == (AgentState.SUSPENDED, "no answer")
    line.send(m.PhoneLost(ANNA), 32.0)
    line.send(m.PhoneRegistered(ANNA), 33.0)
    assert line.state(ANNA) is AgentState.SUSPENDED
    if isinstance(again, m.AgentLoggedIn):
        line.send(again)
        assert line.state(ANNA) is AgentState.SUSPENDED  # not by logging in alone
        line.send(m.AgentLoggedOut(ANNA))
    line.send(again)
    assert line.state(ANNA) is AgentState.READY


# ------------------------------------------------------------------ after a restart


def restored(state: AgentState, **changes: object) -> Line:
    line = Line([ANNA, MART], ready=False)
    facts: dict[str, object] = {"reason": "", "since": -50.0, "deadline": None, "registered": True, **changes}
    line.send(m.AgentRestored(ANNA, state, **facts), 0.0)  # type: ignore[arg-type]
    return line


def test_restored_break_and_suspension_keep_reason_and_time() -> None:
    for state in (AgentState.BREAK, AgentState.SUSPENDED):
        line = restored(state, reason="lunch")
        assert line.last == [m.AgentStateChanged(ANNA, state, "lunch", -50.0)]


def test_restored_wrap_up_keeps_its_deadline() -> None:
    line = restored(AgentState.WRAP_UP, deadline=7.0)
    assert line.state(ANNA) is AgentState.WRAP_UP
    line.at(7.0)
    assert line.state(ANNA) is AgentState.READY


def test_restored_wrap_up_that_is_over_is_ready() -> None:
    assert restored(AgentState.WRAP_UP, deadline=-1.0).state(ANNA) is AgentState.READY


@pytest.mark.parametrize("state", [AgentState.RINGING, AgentState.TALKING, AgentState.READY])
def test_no_call_survives_a_restart(state: AgentState) -> None:
    assert restored(state).state(ANNA) is AgentState.READY
    assert restored(state, registered=False).state(ANNA) is AgentState.OFFLINE
    assert restored(state, logged_out=True).state(ANNA) is AgentState.OFFLINE


def test_restored_log_out_by_code_holds_against_registration() -> None:
    line = restored(AgentState.OFFLINE, logged_out=True)
    line.send(m.PhoneRegistered(ANNA))
    assert line.state(ANNA) is AgentState.OFFLINE


def test_restored_idle_time_counts() -> None:
    line = restored(AgentState.READY, since=-500.0)
    line.send(m.AgentRestored(MART, AgentState.READY, "", -900.0, None, True))
    line.call(1.0)
    assert line.rung() == MART


def test_unknown_agents_are_counted_and_nothing_else() -> None:
    line = Line([ANNA])
    nobody = AgentId("nobody")
    for event in (
        m.PhoneRegistered(nobody),
        m.PhoneLost(nobody),
        m.AgentLoggedIn(nobody),
        m.AgentLoggedOut(nobody),
        m.AgentWentReady(nobody),
        m.AgentWentOnBreak(nobody),
        m.AgentRestored(nobody, AgentState.READY, "", 0.0, None, True),
    ):
        assert line.send(event) == []
    assert line.engine.rejected[Rejection.UNKNOWN_AGENT] == 7


def test_an_agent_of_two_queues_serves_both() -> None:
    line = Line([agent(ANNA, ["a", "b"]), agent(LI, ["b"])], [queue("a"), queue("b")])
    line.call(10.0, queue="a")
    assert line.rung() == ANNA
    line.call(10.0, queue="b")
    assert line.rung() == LI


def test_logged_out_by_code_before_the_phone_was_ever_there() -> None:
    line = Line([ANNA], ready=False)
    line.send(m.AgentLoggedOut(ANNA), 1.0)
    assert line.one(m.AgentStateChanged).logged_out
    line.send(m.PhoneRegistered(ANNA), 2.0)
    assert line.state(ANNA) is AgentState.OFFLINE


def test_nothing_is_restored_over_a_live_call() -> None:
    line = Line([ANNA])
    line.talk(ANNA)
    assert line.send(m.AgentRestored(ANNA, AgentState.READY, "", 0.0, None, True)) == []
    assert line.state(ANNA) is AgentState.TALKING


def test_a_silent_phone_suspends_and_its_answer_resumes() -> None:
    line = Line([ANNA])
    line.send(m.PhoneLost(ANNA, silent=True))
    changed = line.one(m.AgentStateChanged)
    assert (changed.state, changed.reason) == (AgentState.SUSPENDED, "phone not answering")
    line.send(m.PhoneRegistered(ANNA))
    assert line.state(ANNA) is AgentState.READY


def test_a_silent_phone_whose_registration_ends_is_offline() -> None:
    line = Line([ANNA])
    line.send(m.PhoneLost(ANNA, silent=True))
    line.send(m.PhoneLost(ANNA))
    assert line.state(ANNA) is AgentState.OFFLINE
