"""Call-backs and the hours of their queue; callers whom we lost."""

from __future__ import annotations

from acd_line import ANNA, MART, Line, Q, queue
from hypothesis import example, given, settings
from hypothesis import strategies as st

from softswitch.acd import messages as m
from softswitch.acd.messages import CallBackRule, Choice, PromiseState, StickyRule
from softswitch.acd.waiting import Stage
from softswitch.ids import InteractionId

DAY = 86400.0


def line(**changes: object) -> Line:
    changes.setdefault("call_back", CallBackRule(within_seconds=3600.0))
    changes.setdefault("max_wait_seconds", 600.0)
    ours = Line([ANNA, MART], [queue(**changes)])  # type: ignore[arg-type]
    ours.invariants.seen = lambda event, commands, now: None  # type: ignore[method-assign]  # it knows no hours
    return ours


def hours(line: Line, is_open: bool, changes: float | None, then: float | None, now: float | None = None) -> None:
    line.send(m.QueueHoursChanged(Q, is_open, changes, then), now)


def request(line: Line, now: float | None = None) -> m.SavePromise:
    line.calls += 1
    number = InteractionId(line.calls)
    line.send(m.CallBackRequested(number, Q, "+3725", None, "en", True, "closed"), now)
    promise = line.one(m.SavePromise)
    line.send(m.PromiseSaved(promise.promise, True))
    return promise


def test_a_promise_made_while_closed_is_for_the_next_opening() -> None:
    ours = line()
    hours(ours, False, DAY, DAY + 28800.0, 0.0)
    promise = request(ours, 100.0)
    assert promise.due_at == DAY + 3600.0
    told = ours.one(m.ConfirmCallBack)
    assert (told.not_before, told.due_at) == (DAY, DAY + 3600.0)
    assert ours.all(m.RingAgent) == [], "she is ready, and the queue is closed"
    hours(ours, True, DAY + 28800.0, 2 * DAY, DAY)
    assert ours.one(m.RingAgent).interaction == promise.interaction


def test_before_closing_time_the_promise_ends_with_it() -> None:
    ours = line()
    hours(ours, True, 2000.0, DAY, 0.0)
    assert request(ours, 100.0).due_at == 2000.0


def test_just_before_closing_time_tomorrow_is_promised() -> None:
    ours = line()
    hours(ours, True, 2000.0, DAY, 0.0)
    ours.talk(ANNA), ours.talk(MART)
    promise = request(ours, 1500.0)
    assert promise.due_at == DAY + 3600.0
    assert ours.one(m.ConfirmCallBack).not_before == DAY


def test_closing_time_takes_the_call_backs_out_of_their_lines() -> None:
    ours = line()
    hours(ours, True, 2000.0, DAY, 0.0)
    anna = ours.talk(ANNA)
    ours.talk(MART)
    promise = request(ours, 100.0)
    hours(ours, False, DAY, None, 1000.0)
    ours.hang_up(anna)
    assert ours.send(m.AgentWentReady(ANNA)) and ours.all(m.RingAgent) == []
    hours(ours, True, None, None, DAY)
    assert ours.one(m.RingAgent).interaction == promise.interaction


def test_a_promise_is_not_lost_over_night() -> None:
    ours = line()
    hours(ours, True, 1000.0, DAY, 0.0)
    ours.talk(ANNA), ours.talk(MART)
    promise = request(ours, 10.0)
    hours(ours, False, DAY, None, 1000.0)
    ours.at(DAY - 100.0)
    assert promise.promise in ours.engine.floor.promises
    for talk in list(ours.engine.floor.attempts):
        ours.send(m.ConversationEnded(talk))
    hours(ours, True, None, None, DAY)
    assert ours.one(m.RingAgent).interaction == promise.interaction


def test_an_expiry_of_its_own_counts_from_the_promise() -> None:
    ours = line(call_back=CallBackRule(within_seconds=60.0, expires_seconds=7200.0))
    ours.talk(ANNA), ours.talk(MART)
    promise = request(ours, 10.0)
    ours.at(7209.0)
    assert promise.promise in ours.engine.floor.promises
    ours.at(7210.0)
    assert ours.one(m.PromiseChanged).state is PromiseState.BROKEN


def test_an_unknown_queue_has_no_hours() -> None:
    ours = line()
    ours.send(m.QueueHoursChanged("nowhere", True))  # type: ignore[arg-type]
    assert ours.last == []


def test_the_choice_offers_no_call_back_after_closing_time() -> None:
    ours = line(sticky=StickyRule(wait_at_most_seconds=9000.0))
    hours(ours, True, 500.0, DAY, 0.0)
    ours.talk(ANNA)
    ours.call(now=300.0, previous=ANNA, can_be_called_back=True)
    assert Choice.CALL_BACK not in ours.one(m.OfferChoice).choices


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["open", "close", "ask", "ready", "answer", "wait"]), st.integers(0, 3))))
def test_nobody_is_called_back_outside_of_hours(steps: list[tuple[str, int]]) -> None:
    ours = line(call_back=CallBackRule(within_seconds=60.0, retry_seconds=5.0, expires_seconds=9000.0))
    is_open = True
    for what, number in steps:
        if what in ("open", "close"):
            is_open = what == "open"
            ours.engine.handle(m.QueueHoursChanged(Q, is_open, ours.now + 500.0, ours.now + 900.0), ours.now)
            continue
        commands: list[m.Command] = []
        if what == "ask":
            ours.calls += 1
            asked = m.CallBackRequested(InteractionId(ours.calls), Q, "+3725", None, "en", True)
            commands = ours.engine.handle(asked, ours.now)
            for save in [each for each in commands if isinstance(each, m.SavePromise)]:
                commands = ours.engine.handle(m.PromiseSaved(save.promise, True), ours.now)
        elif what == "ready":
            commands = ours.engine.handle(m.AgentWentReady([ANNA, MART][number % 2]), ours.now)
        elif what == "answer":
            for attempt in list(ours.engine.floor.attempts):
                commands += ours.engine.handle(m.AgentAnswered(attempt), ours.now)
                commands += ours.engine.handle(m.CustomerNotReached(attempt), ours.now)
        else:
            ours.now += 10.0 * (number + 1)
            commands = ours.engine.tick(ours.now)
        rung = [each for each in commands if isinstance(each, m.RingAgent) and each.call_back]
        assert is_open or not rung


# ------------------------------------------------------------------ no trunk is up


def test_nobody_is_rung_for_a_customer_who_cannot_be_called() -> None:
    ours = line()
    anna = ours.talk(ANNA)
    ours.talk(MART)
    promise = request(ours, 100.0)
    ours.send(m.WayOutChanged(False))
    ours.hang_up(anna)
    assert ours.send(m.AgentWentReady(ANNA)) and ours.all(m.RingAgent) == []
    ours.send(m.WayOutChanged(False))
    ours.send(m.WayOutChanged(True))
    assert ours.one(m.RingAgent).interaction == promise.interaction
    ours.send(m.WayOutChanged(True))
    assert ours.all(m.RingAgent) == []


def test_closed_hours_and_no_trunk_both_have_to_be_over() -> None:
    ours = line()
    hours(ours, True, 2000.0, DAY, 0.0)
    anna = ours.talk(ANNA)
    ours.talk(MART)
    promise = request(ours, 100.0)
    ours.send(m.WayOutChanged(False))
    hours(ours, False, DAY, None, 1000.0)
    ours.hang_up(anna)
    ours.send(m.AgentWentReady(ANNA))
    hours(ours, True, None, None, 2000.0)
    assert ours.all(m.RingAgent) == []
    ours.send(m.WayOutChanged(True))
    assert ours.one(m.RingAgent).interaction == promise.interaction


def test_it_is_in_the_snapshot() -> None:
    ours = line()
    before = ours.engine.digest()
    ours.send(m.WayOutChanged(False))
    assert ours.engine.floor.no_way_out and ours.engine.digest() != before


def all_served(ours: Line, second: int) -> bool:
    """A second later: nobody is ready beside somebody to call back. The pause after a customer who did not answer is
    over by then, and the time for which an agent who did not answer is not offered the same customer."""
    ours.now += min(second, 1)
    ours.engine.tick(ours.now)
    ready = [shot for shot in ours.engine.agents() if shot.state is m.AgentState.READY]
    entries = [promise.entry for promise in ours.engine.floor.promises.values() if promise.entry is not None]
    return not ready or not [entry for entry in entries if entry.stage in (Stage.PAUSED, Stage.WAITING)]


@settings(max_examples=60, deadline=None)
@example([("ask", 0), ("wait", 1), ("wait", 1)])  # both did not answer: neither is offered him again at once
@given(st.lists(st.tuples(st.sampled_from(["up", "down", "ask", "ready", "answer", "wait"]), st.integers(0, 3))))
def test_nobody_is_called_back_while_no_trunk_is_up(steps: list[tuple[str, int]]) -> None:
    ours = line(call_back=CallBackRule(within_seconds=60.0, retry_seconds=5.0, expires_seconds=9000.0))
    engine, is_up = ours.engine, True
    for what, number in steps:
        commands: list[m.Command] = []
        if what in ("up", "down"):
            is_up = what == "up"
            commands = engine.handle(m.WayOutChanged(is_up), ours.now)
        elif what == "ask":
            ours.calls += 1
            asked = m.CallBackRequested(InteractionId(ours.calls), Q, "+3725", None, "en", True)
            for save in [each for each in engine.handle(asked, ours.now) if isinstance(each, m.SavePromise)]:
                commands += engine.handle(m.PromiseSaved(save.promise, True), ours.now)
        elif what == "ready":
            commands = engine.handle(m.AgentWentReady([ANNA, MART][number % 2]), ours.now)
        elif what == "answer":
            for attempt in list(engine.floor.attempts):
                commands += engine.handle(m.AgentAnswered(attempt), ours.now)
                commands += engine.handle(m.CustomerNotReached(attempt), ours.now)
        else:
            ours.now += 10.0 * (number + 1)
            commands = engine.tick(ours.now)
        assert is_up or not [each for each in commands if isinstance(each, m.RingAgent) and each.call_back]
    engine.handle(m.WayOutChanged(True), ours.now)
    for name in (ANNA, MART):
        engine.handle(m.AgentWentReady(name), ours.now)
    assert any(all_served(ours, second) for second in range(61)), "whoever can be called back, is within a minute"


# ------------------------------------------------------------------ lost callers


def test_who_is_lost_in_the_line_is_called_back_at_his_place() -> None:
    ours = line(call_back_lost=True)
    anna, _ = ours.talk(ANNA), ours.talk(MART)
    first = ours.call(now=1.0)
    ours.call(now=2.0)
    ours.send(m.CallerLeft(first, hung_up=False), 10.0)
    promise = ours.one(m.SavePromise)
    assert (promise.interaction, promise.agent) == (first, "")
    ours.send(m.PromiseSaved(promise.promise, True))
    assert ours.all(m.ConfirmCallBack) == [], "nobody is there to hear it"
    ours.hang_up(anna)
    ours.send(m.AgentWentReady(ANNA))
    assert ours.one(m.RingAgent).interaction == first


def test_who_is_lost_while_she_rings_is_called_back() -> None:
    ours = line(call_back_lost=True)
    number = ours.call()
    agent = ours.rung()
    ours.send(m.CallerLeft(number, hung_up=False))
    assert ours.state(agent) is m.AgentState.READY
    ours.send(m.PromiseSaved(ours.one(m.SavePromise).promise, True))
    assert ours.one(m.RingAgent).call_back


def test_who_hangs_up_himself_is_not() -> None:
    ours = line(call_back_lost=True)
    ours.talk(ANNA), ours.talk(MART)
    number = ours.call()
    ours.send(m.CallerLeft(number))
    assert ours.all(m.SavePromise) == []
