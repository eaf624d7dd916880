"""Views for the outside, and the digest."""

from __future__ import annotations

from acd_line import ANNA, MART, Line, queue

from softswitch.acd import messages as m
from softswitch.acd.journal import replay
from softswitch.acd.messages import AgentState, Choice
from softswitch.ids import IdSource


def busy_line() -> Line:
    line = Line([ANNA, MART], [queue(wrap_up_seconds=20.0, usual_talk_seconds=100.0)])
    line.talk(ANNA)
    line.talk(MART)
    line.call(10.0)
    waits = line.call(11.0, previous=ANNA)
    line.send(m.ChoiceMade(waits, Choice.WAIT))
    promised = line.call(12.0, previous=MART)
    line.send(m.ChoiceMade(promised, Choice.CALL_BACK))
    line.send(m.PromiseSaved(line.one(m.SavePromise).promise, True))
    line.call(13.0, previous=MART)
    return line


def test_agents() -> None:
    anna, mart = busy_line().engine.agents()
    assert (anna.state, anna.calls, anna.personal_line, anna.call_backs) == (AgentState.TALKING, 1, 1, 0)
    assert (mart.personal_line, mart.call_backs, mart.registered, mart.interaction) == (1, 1, True, 2)


def test_queues() -> None:
    (seen,) = busy_line().engine.queues(20.0)
    assert (seen.waiting, seen.choosing, seen.ringing, seen.call_backs) == (2, 1, 0, 1)
    assert (seen.agents_logged_in, seen.agents_ready, seen.agents_talking) == (2, 0, 2)
    assert seen.longest_wait_seconds == 10.0
    assert seen.estimate_seconds == 2 * 120.0 / 2


def test_queues_when_somebody_or_nobody_is_there() -> None:
    line = Line([ANNA])
    assert line.engine.queues(0.0)[0].estimate_seconds == 0.0
    line.send(m.AgentWentOnBreak(ANNA))
    assert line.engine.queues(0.0)[0].estimate_seconds is None


def test_waiting() -> None:
    general, hers, promised, choosing = busy_line().engine.waiting()
    assert (general.stage, general.position, general.agent) == ("waiting", 1, None)
    assert (hers.stage, hers.position, hers.agent, hers.sticky) == ("personal", 1, ANNA, "waited")
    assert (promised.stage, promised.agent, promised.due_at) == ("call-back", MART, 12.0 + 3600.0)
    assert (choosing.stage, choosing.position, choosing.agent) == ("choosing", 1, MART)


def test_digest_is_that_of_the_state_and_nothing_else() -> None:
    one, two = busy_line(), busy_line()
    assert one.engine.digest() == two.engine.digest()
    assert replay(one.settings, IdSource(1000), one.driven.lines).digest() == one.engine.digest()
    two.send(m.AgentWentOnBreak(ANNA, "lunch"))  # takes effect only later, but will
    assert one.engine.digest() != two.engine.digest()
