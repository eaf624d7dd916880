"""What users of other switches suffer, each as a test that ours does not do it to them."""

from __future__ import annotations

import pickle
from time import process_time

from acd_line import ANNA, FIRST, LI, MART, Line, agent, queue

from softswitch.acd import messages as m
from softswitch.acd.journal import replay
from softswitch.acd.messages import AgentState, Choice, Outcome, PromiseState, RingEnd
from softswitch.ids import AgentId, IdSource, RingAttemptId


def test_pain_01_one_call_never_rings_two_agents_and_only_the_live_attempt_connects() -> None:
    line = Line([ANNA, MART])
    line.call(10.0)
    anna = line.ring()
    line.at(30.0)  # on to Mart
    mart = line.ring()
    assert line.send(m.AgentAnswered(anna)) == [m.RefuseAnswer(anna)]
    line.send(m.AgentAnswered(mart))
    assert line.one(m.Connect).agent == MART
    assert line.send(m.AgentAnswered(mart)) == [m.RefuseAnswer(mart)]


def test_pain_02_wrap_up_is_agent_wide_with_a_deadline_that_nothing_resets() -> None:
    line = Line([agent(ANNA, ["a", "b"])], [queue("a"), queue("b", wrap_up_seconds=90.0)])
    talk = line.talk_in("a", ANNA)
    line.hang_up(talk, 10.0)
    waiting = line.call(11.0, queue="b")
    for event in (
        m.PhoneRegistered(ANNA),
        m.PhoneLost(ANNA),
        m.PhoneRegistered(ANNA),
        m.AgentLoggedIn(ANNA),
        m.AgentAnswered(talk.attempt),
        m.ConversationEnded(talk.attempt),
        m.AgentWentOnBreak(ANNA),
    ):
        line.send(event, 20.0)
        assert (line.state(ANNA), line.engine.next_deadline()) == (AgentState.WRAP_UP, 40.0)
    line.send(m.AgentRestored(ANNA, AgentState.WRAP_UP, "", 10.0, 40.0, True))  # a restart in between
    line.at(40.0)
    assert line.state(ANNA) is AgentState.BREAK
    assert waiting in line.engine.floor.entries


def test_pain_03_queues_that_share_agents_never_hold_each_other_up_and_readers_hold_nobody() -> None:
    """One writer: whatever two queues with the same agents do, in any order, ends in the same step, and a picture that
    somebody looks at meanwhile is his own."""
    patient = {"ring_seconds": 900.0, "max_wait_seconds": 9000.0, "wrap_up_seconds": 0.0}
    line = Line([agent(ANNA, ["a", "b"]), agent(MART, ["a", "b"])], [queue("a", **patient), queue("b", **patient)])
    for at in range(40):
        line.call(10.0 + at, queue="ab"[at % 2])
    picture = line.engine.waiting(), line.engine.agents()
    while line.engine.floor.entries:
        line.send(m.AgentAnswered(line.ring()), line.now + 1.0)
        line.hang_up(line.one(m.Connect), line.now + 5.0)
    assert len(picture[0]) == 40 and picture[1][0].state is AgentState.RINGING
    assert line.engine.floor.attempts == {}


def test_pain_04_a_status_page_is_a_copy_and_changes_nothing() -> None:
    line = Line()
    line.call(10.0)
    before = line.engine.digest()
    agents, queues, waiting = line.engine.agents(), line.engine.queues(11.0), line.engine.waiting()
    line.answer()
    assert agents[0].state is AgentState.RINGING and queues[0].ringing == 1 and waiting[0].stage == "ringing"
    assert line.engine.digest() != before


def test_pain_05_the_reason_of_a_break_is_in_the_record_and_comes_back() -> None:
    line = Line([ANNA])
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 3.0)
    record = line.one(m.AgentStateChanged)
    again = Line([ANNA], ready=False)
    again.send(m.AgentRestored(ANNA, record.state, record.reason, record.since - 60.0, record.deadline, True))
    assert again.engine.agents()[0].reason == "lunch"


def test_pain_06_a_heavy_queue_does_not_block_agents_it_cannot_use() -> None:
    line = Line([agent(ANNA, ["heavy"]), agent(MART, ["light"])], [queue("heavy"), queue("light")])
    line.talk_in("heavy", ANNA)
    for _ in range(300):
        line.call(10.0, queue="heavy")
    line.call(11.0, queue="light")
    assert line.rung() == MART
    began = process_time()
    for _ in range(200):
        line.send(m.AgentRefused(line.ring()))
        line.send(m.CallerLeft(list(line.engine.floor.entries)[-1]))
        line.call(queue="light")
    assert process_time() - began < 5.0


def test_pain_08_estimates_follow_what_was_measured() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=0.0, usual_talk_seconds=180.0)])
    for _ in range(60):
        line.hang_up(line.talk(ANNA, line.now + 10.0), line.now + 70.0)
    line.talk(ANNA)
    line.call()
    told = line.one(m.AnnounceWaiting)
    assert 69.0 < (told.estimate_seconds or 0.0) < 72.0  # each talk lasted 70 s
    assert told.low_seconds is not None and told.high_seconds is not None
    assert told.low_seconds < 70.0 < told.high_seconds  # a range is told
    talk = next(iter(line.engine.floor.attempts.values()))
    line.send(m.ConversationEnded(talk.id), line.now + 60.0)
    line.answer()
    shot = line.engine.queues(line.now)[0]  # and how good it was is kept
    assert (shot.estimates_measured, shot.estimate_within_percent) == (1, 100.0)
    assert 8.0 < (shot.estimate_error_seconds or 0.0) < 12.0


def test_pain_09_abandoned_is_only_who_hung_up() -> None:
    """The invariants check it in every test; here the three other ways out once more."""
    line = Line([ANNA], [queue(max_wait_seconds=30.0)])
    line.talk(ANNA)
    line.call(10.0)
    line.at(40.0)
    assert line.ended().outcome is Outcome.OVERFLOWED
    line.send(m.CallerLeft(line.call(50.0)))
    assert line.ended().outcome is Outcome.ABANDONED


def test_pain_10_nobody_is_frozen_in_ringing() -> None:
    line = Line([ANNA])
    line.call(10.0)
    line.send(m.PhoneLost(ANNA))  # and nothing else is ever heard of her phone
    line.at(30.0)
    assert line.state(ANNA) is AgentState.SUSPENDED
    assert line.engine.floor.attempts == {}


def test_pain_13_no_failure_of_an_agent_ends_the_caller() -> None:
    line = Line([ANNA, MART, LI])
    number = line.call(10.0)
    rung = [line.rung()]
    line.send(m.AgentRefused(line.ring()), 11.0)
    rung.append(line.rung())
    line.send(m.AgentUnreachable(line.ring()), 12.0)
    rung.append(line.rung())
    line.at(32.0)
    assert rung == [ANNA, MART, LI]
    assert line.all(m.InteractionEnded) == []
    assert number in line.engine.floor.entries
    line.at(70.9)
    assert line.all(m.RingAgent) == []  # Anna is ready, but not the same caller again so soon
    line.at(71.0)
    assert line.rung() == ANNA


def test_pain_14_no_ring_outlives_its_caller() -> None:
    line = Line()
    number = line.call(10.0)
    attempt = line.ring()
    line.send(m.CallerLeft(number))
    assert line.one(m.CancelRing) == m.CancelRing(attempt, RingEnd.CANCELLED)
    assert line.engine.floor.attempts == {} and line.engine.next_deadline() is None


def test_pain_15_the_search_goes_on_when_the_previous_agent_is_away() -> None:
    line = Line()
    line.send(m.AgentLoggedOut(MART))
    line.call(10.0, previous=MART)
    assert line.rung() == ANNA


def test_pain_16_a_thousand_waiting_callers_cost_the_next_one_no_more() -> None:
    line = Line([ANNA], [queue(say_position_every_seconds=0.0)])
    line.talk(ANNA)
    engine = line.engine
    for number in range(20_000):
        engine.handle(m.CallerEntered(number + 10, line.settings.queues[0].id, "", None, "en", None), 10.0)  # type: ignore[arg-type]
    began = process_time()
    for number in range(1000):
        engine.handle(m.CallerEntered(number + 50_000, line.settings.queues[0].id, "", None, "en", None), 10.0)  # type: ignore[arg-type]
        engine.handle(m.CallerLeft(number + 50_000), 10.0)  # type: ignore[arg-type]
    assert process_time() - began < 1.0


def test_pain_17_stable_ids_a_display_name_is_not_one() -> None:
    line = Line([m.AgentSettings(ANNA, "Anna Tamm", (queue().id,))])
    line.call(10.0)
    assert line.one(m.RingAgent).agent == ANNA
    assert line.engine.agents()[0].name == "Anna Tamm"


def test_pain_18_a_dead_phone_is_suspended_with_a_visible_reason_and_resumes_by_itself() -> None:
    line = Line([ANNA, MART])
    line.call(10.0)
    line.send(m.AgentUnreachable(line.ring()))
    seen = next(one for one in line.engine.agents() if one.id == ANNA)
    assert (seen.state, seen.reason) == (AgentState.SUSPENDED, "phone not reachable")
    line.send(m.PhoneRegistered(ANNA), 60.0)
    assert line.state(ANNA) is AgentState.READY


def test_pain_19_a_call_back_is_the_same_entry_at_the_same_place() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=0.0)])
    talk = line.talk(ANNA)
    his = line.call(10.0, previous=ANNA)
    before = line.engine.floor.entries[his].place
    line.send(m.ChoiceMade(his, Choice.CALL_BACK))
    line.send(m.PromiseSaved(line.one(m.SavePromise).promise, True))
    assert line.engine.floor.entries[his].place == before
    line.call(11.0)
    line.hang_up(talk, 20.0)
    assert line.one(m.RingAgent).interaction == his
    line.send(m.CustomerReached(line.answer().attempt), 30.0)
    assert line.one(m.PromiseChanged).state is PromiseState.KEPT


def test_stale_and_senseless_input_is_counted_and_never_raises() -> None:
    line = Line()
    for event in (
        m.AgentRefused(RingAttemptId(1)),
        m.AgentUnreachable(RingAttemptId(1)),
        m.ConversationEnded(RingAttemptId(1)),
        m.CustomerReached(RingAttemptId(1)),
        m.CustomerNotReached(RingAttemptId(1)),
        m.PhoneLost(AgentId("")),
    ):
        assert line.send(event) == []
    assert sum(line.engine.rejected.values()) == 6


def test_events_and_commands_can_be_written_down_and_read_again() -> None:
    """A leader elsewhere replays the journal: everything in it is plain data."""
    line = Line()
    line.call(10.0, previous=MART)
    line.answer(12.0)
    lines = pickle.loads(pickle.dumps(line.driven.lines))
    assert replay(line.settings, IdSource(FIRST), lines).digest() == line.engine.digest()
