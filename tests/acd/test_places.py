"""Another place in the line: others go first and nobody starves; a supervisor moves somebody; nothing is said twice."""

from __future__ import annotations

from acd_line import ANNA, MART, Line, agent, queue
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.acd import messages as m
from softswitch.acd.explain import explain
from softswitch.acd.floor import Rejection
from softswitch.ids import InteractionId

RULE = m.LetFirstRule(after_seconds=30.0, gives_seconds=100.0, next_after_seconds=300.0)


def busy(rule: m.LetFirstRule | None = RULE, **changes: object) -> tuple[Line, m.Connect]:
    changes.setdefault("wrap_up_seconds", 0.0)
    changes.setdefault("max_wait_seconds", 6000.0)
    line = Line([ANNA], [queue(let_first=rule, **changes)])
    return line, line.talk(ANNA)


def asked(line: Line) -> list[InteractionId]:
    return [each.interaction for each in line.all(m.AnnounceWaiting) if each.may_let_others_first]


def standing(line: Line) -> list[InteractionId]:
    return [place[1] for place in line.engine.floor.queues[queue().id].line]


def test_asked_once_after_a_while_and_only_when_somebody_stands_behind() -> None:
    line, _ = busy()
    first = line.call(10.0)
    assert not line.all(m.AnnounceWaiting)[0].may_let_others_first
    line.at(80.0)
    assert asked(line) == []  # nobody would gain
    second = line.call(81.0)
    line.at(170.0)
    assert asked(line) == [first]
    line.at(900.0)
    assert asked(line) == []
    assert second not in asked(line)


def test_nobody_is_asked_whose_own_turn_would_come_later_than_what_he_is_promised() -> None:
    """Else a long line is overtaken by saying yes: next after 300 s, where one waits for 1800."""
    line, talk = busy(usual_talk_seconds=180.0)
    numbers = [line.call(10.0 + at) for at in range(10)]
    line.at(200.0)
    assert asked(line) == numbers[:1], "two in front take longer than 300 s"
    line.hang_up(talk, 210.0)
    talk = line.answer()
    line.at(400.0)
    assert asked(line) == numbers[1:2]


def test_nobody_is_asked_while_nobody_serves() -> None:
    line, _ = busy(overflow_when_nobody=False, wrap_up_seconds=0.0)
    line.send(m.AgentFreed(ANNA, "kadri", "stuck"), 5.0)
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 6.0)
    line.call(10.0)
    line.call(11.0)
    line.at(400.0)
    assert asked(line) == []


def test_without_the_rule_nobody_is_asked_and_the_order_is_not_obeyed() -> None:
    line, _ = busy(None)
    first = line.call(10.0)
    line.call(11.0)
    line.at(500.0)
    assert asked(line) == []
    assert line.send(m.CallerLetOthersFirst(first)) == []
    assert line.engine.rejected[Rejection.NOT_NOW] == 1


def test_those_who_came_a_little_later_go_first_and_nobody_else() -> None:
    line, talk = busy()
    first, second = line.call(10.0), line.call(50.0)
    line.send(m.CallerLetOthersFirst(first), 60.0)
    assert [each.note for each in line.all(m.CallerNoted)] == ["lets others go first, up to 100 s"]
    told = line.one(m.AnnounceWaiting)
    assert (told.position, told.because) == (2, "others first")
    third, late = line.call(100.0), line.call(111.0)
    assert standing(line) == [second, third, first, late]
    seen = explain(line.engine.floor, first)
    assert seen is not None and seen.next_at == 360.0 and "lets others go first" in seen.headline
    line.hang_up(talk, 120.0)
    assert line.one(m.RingAgent).interaction == second


def test_he_takes_his_place_back() -> None:
    line, talk = busy()
    first = line.call(10.0)
    line.call(11.0)
    line.send(m.CallerLetOthersFirst(first), 60.0)
    line.send(m.CallerLetOthersFirst(first, undo=True), 70.0)
    assert line.one(m.AnnounceWaiting).position == 1
    assert standing(line)[0] == first
    line.send(m.CallerLetOthersFirst(first, undo=True), 71.0)
    assert line.engine.rejected[Rejection.NOT_NOW] == 1
    line.hang_up(talk, 80.0)
    assert line.one(m.RingAgent).interaction == first


def test_after_the_time_told_he_is_the_very_next() -> None:
    line, talk = busy()
    first = line.call(10.0)
    for at in range(60):
        line.call(11.0 + at)
    line.send(m.CallerLetOthersFirst(first), 75.0)
    assert standing(line)[-1] == first
    line.at(374.9)
    assert standing(line)[-1] == first
    line.at(375.0)
    assert standing(line)[0] == first
    line.hang_up(talk, 376.0)
    assert line.one(m.RingAgent).interaction == first


def test_rung_at_that_moment_and_not_answered_he_is_the_very_next_after_it() -> None:
    line, talk = busy(ring_seconds=50.0, suspend_after_no_answers=0)
    first, second = line.call(10.0), line.call(11.0)
    line.send(m.CallerLetOthersFirst(first), 75.0)
    line.send(m.CallerLeft(second), 80.0)
    line.hang_up(talk, 360.0)
    assert line.one(m.RingAgent).interaction == first
    older = line.call(361.0, waited_seconds=1000.0)
    line.at(410.0)
    assert line.one(m.RingAgent).interaction == older
    line.at(425.0)
    assert standing(line)[0] == first


def test_who_is_called_back_instead_keeps_the_place_he_took() -> None:
    line, _ = busy()
    first, second = line.call(10.0), line.call(11.0)
    line.send(m.CallerLetOthersFirst(first), 75.0)
    line.send(m.CallBackRequested(first, queue().id, "+1", None, "en"), 75.0)
    line.send(m.PromiseSaved(line.one(m.SavePromise).promise, True))
    assert standing(line) == [second, first]
    line.at(400.0)
    assert standing(line) == [second, first]


@given(
    others=st.lists(st.floats(0.0, 400.0), max_size=12),
    gives=st.sampled_from([10.0, 100.0, 1000.0]),
    next_after=st.sampled_from([60.0, 300.0]),
)
@settings(max_examples=40, deadline=None)
def test_nobody_starves_however_many_come_and_however_far_he_goes_back(
    others: list[float], gives: float, next_after: float
) -> None:
    """He is overtaken only by those who came within the time he gave, and not at all after the time he was told."""
    line, talk = busy(m.LetFirstRule(0.0, gives, next_after))
    first = line.call(1.0)
    line.call(2.0)
    line.send(m.CallerLetOthersFirst(first), 50.0)
    came = {first: 1.0}
    for at in sorted(others):
        came[line.call(max(line.now, 50.0 + at))] = max(line.now, 50.0 + at)
    while first in line.engine.floor.entries and line.now < 2000.0:
        line.hang_up(talk, line.now + 20.0)
        ring = line.one(m.RingAgent)
        if ring.interaction != first:
            assert line.now < 50.0 + next_after
            assert came.get(ring.interaction, 2.0) <= 1.0 + gives
        talk = line.answer()
    assert first not in line.engine.floor.entries


def test_a_supervisor_makes_somebody_the_next() -> None:
    line, talk = busy()
    first, second, third = line.call(10.0), line.call(11.0), line.call(12.0)
    line.send(m.CallerMovedToFront(third, "kadri"), 20.0)
    assert standing(line) == [third, first, second]
    assert line.one(m.CallerNoted).note == "moved to the front by kadri"
    line.send(m.CallerMovedToFront(second, "kadri"), 21.0)
    assert standing(line) == [second, third, first]
    line.hang_up(talk, 30.0)
    assert line.one(m.RingAgent).interaction == second
    line.send(m.CallerMovedToFront(second, "kadri"))
    line.send(m.CallerMovedToFront(InteractionId(4711), "kadri"))
    assert line.engine.rejected[Rejection.NOT_NOW] == line.engine.rejected[Rejection.UNKNOWN_INTERACTION] == 1


def test_in_the_line_of_one_agent_too() -> None:
    rule = m.StickyRule(wait_at_most_seconds=900.0)
    line = Line([agent(ANNA), agent(MART)], [queue(wrap_up_seconds=0.0, sticky=rule)])
    talk = line.talk(ANNA)
    line.talk(MART)
    first, second = line.call(10.0, previous=ANNA), line.call(11.0, previous=ANNA)
    for number in (first, second):
        line.send(m.ChoiceMade(number, m.Choice.WAIT), 12.0)
    line.send(m.CallerMovedToFront(second, "kadri"), 13.0)
    line.hang_up(talk, 14.0)
    assert line.one(m.RingAgent).interaction == second


def test_a_caller_is_not_told_again_what_he_knows() -> None:
    """His place and the range of minutes: while both stay, the music plays on."""
    line, _ = busy(None, usual_talk_seconds=600.0)
    line.call(10.0)
    second = line.call(11.0)
    line.at(300.0)
    assert line.last == []
    line.send(m.CallerLeft(InteractionId(second - 1)), 301.0)
    line.at(400.0)
    (told,) = line.all(m.AnnounceWaiting)
    assert (told.interaction, told.position) == (second, 1)
