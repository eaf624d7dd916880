"""Back to the same person as last time."""

from __future__ import annotations

from typing import Any

import pytest
from acd_line import ANNA, LI, MART, Line, agent, queue

from softswitch.acd import messages as m
from softswitch.acd.estimates import spread
from softswitch.acd.floor import Rejection
from softswitch.acd.messages import AgentState, Choice, Outcome, StickyRule
from softswitch.ids import InteractionId, SkillId

WAIT, COLLEAGUE, CALL_BACK = Choice.WAIT, Choice.COLLEAGUE, Choice.CALL_BACK


def choose(line: Line, number: InteractionId, choice: Choice, now: float | None = None) -> list[m.Command]:
    return line.send(m.ChoiceMade(number, choice), now)


def with_anna_talking(**rule: Any) -> tuple[Line, m.Connect]:
    """Anna talks since 0; Mart is ready."""
    line = Line([ANNA, MART], [queue(sticky=StickyRule(**rule), usual_talk_seconds=100.0, wrap_up_seconds=20.0)])
    return line, line.talk(ANNA)


def test_free_she_is_rung_at_once_though_others_idle_longer() -> None:
    line = Line([ANNA, MART, LI])
    line.call(10.0, previous=LI)
    assert line.one(m.RingAgent).sticky and line.rung() == LI
    line.answer(12.0)
    assert line.one(m.Connect).sticky
    assert line.ended().sticky == "direct"


def test_a_queue_without_the_rule_takes_no_notice() -> None:
    line = Line([ANNA, MART], [queue(sticky=None)])
    line.call(10.0, previous=MART)
    assert line.rung() == ANNA and not line.one(m.RingAgent).sticky


def test_busy_he_is_told_and_chooses_though_a_colleague_is_free() -> None:
    line, _ = with_anna_talking(wait_at_most_seconds=240.0, call_back_within_seconds=3600.0)
    number = line.call(40.0, previous=ANNA)
    # 100 s are usual, 40 are over (the line began at 1 s), wrap-up 20
    assert line.last == [m.OfferChoice(number, ANNA, 81.0, 3640.0, (WAIT, COLLEAGUE, CALL_BACK), *spread(81.0, 1))]


def test_in_wrap_up_the_estimate_is_its_rest() -> None:
    line, talk = with_anna_talking()
    line.hang_up(talk, 50.0)
    line.call(55.0, previous=ANNA)
    assert line.one(m.OfferChoice).wait_seconds == 15.0


def test_while_she_is_rung_for_another() -> None:
    line = Line([ANNA])
    line.call(10.0)
    line.call(11.0, previous=ANNA)
    assert line.one(m.OfferChoice).agent == ANNA


def test_waiting_is_offered_only_within_the_limit() -> None:
    line, _ = with_anna_talking(wait_at_most_seconds=60.0)
    line.call(5.0, previous=ANNA)
    assert line.one(m.OfferChoice).choices == (COLLEAGUE, CALL_BACK)


def test_others_in_her_line_count_into_the_estimate() -> None:
    line, _ = with_anna_talking(wait_at_most_seconds=220.0)
    first = line.call(1.0, previous=ANNA)
    choose(line, first, WAIT)
    line.call(1.0, previous=ANNA)
    assert line.one(m.OfferChoice).wait_seconds == 120.0 + 120.0
    assert WAIT not in line.one(m.OfferChoice).choices


def test_a_call_back_is_offered_only_when_it_can_be_kept() -> None:
    line, _ = with_anna_talking(call_back_within_seconds=60.0)
    line.call(5.0, previous=ANNA)
    assert line.one(m.OfferChoice).choices == (WAIT, COLLEAGUE)


def test_with_nothing_to_choose_there_is_no_menu() -> None:
    line, _ = with_anna_talking(wait_at_most_seconds=10.0, call_back_within_seconds=10.0)
    line.call(5.0, previous=ANNA)
    assert line.rung() == MART
    line.answer()
    assert line.ended().sticky == "gave_up: busy too long"


def test_only_what_the_rule_offers() -> None:
    line, _ = with_anna_talking(offer=(WAIT,))
    number = line.call(5.0, previous=ANNA)
    assert line.one(m.OfferChoice).choices == (WAIT,)
    choose(line, number, CALL_BACK)  # was not offered: a colleague
    assert line.rung() == MART


# ------------------------------------------------------------------ wait


def test_he_waits_in_her_own_line() -> None:
    line, talk = with_anna_talking()
    number = line.call(10.0, previous=ANNA)
    choose(line, number, WAIT, 15.0)
    assert line.last == [m.AnnounceWaiting(number, 1, 106.0, ANNA, "", spread(106.0, 1)[0], 235.0)]
    line.hang_up(talk, 30.0)
    line.at(50.0)
    ring = line.one(m.RingAgent)
    assert (ring.agent, ring.interaction, ring.sticky) == (ANNA, number, True)
    line.answer(52.0)
    assert line.ended().sticky == "waited"


def test_he_goes_before_the_general_pool_for_her() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=0.0)])
    talk = line.talk(ANNA)
    line.call(5.0)  # older, in the general pool
    his = line.call(10.0, previous=ANNA)
    choose(line, his, WAIT)
    line.hang_up(talk, 30.0)
    assert line.one(m.RingAgent).interaction == his


def test_he_never_waits_past_the_limit_told() -> None:
    line, _ = with_anna_talking(wait_at_most_seconds=130.0)
    line.talk(MART)
    number = line.call(10.0, previous=ANNA)
    choose(line, number, WAIT, 20.0)
    line.at(139.9)
    assert not [c for c in line.last if getattr(c, "because", "") == "wait limit"]
    line.at(140.0)  # counted from the moment the limit was told, not from the key he pressed
    told = [c for c in line.all(m.AnnounceWaiting) if c.because == "wait limit"]
    assert [t.agent for t in told] == [None]
    line.send(m.CallerLeft(number))
    assert line.ended().sticky == "gave_up: wait limit"


def test_at_the_limit_a_free_colleague_takes_him_at_once() -> None:
    line, _ = with_anna_talking(wait_at_most_seconds=130.0)
    number = line.call(10.0, previous=ANNA)
    choose(line, number, WAIT)
    line.at(140.0)
    assert line.rung() == MART


def test_the_comfort_message_never_tells_more_than_the_limit() -> None:
    line, _ = with_anna_talking(wait_at_most_seconds=130.0)
    number = line.call(10.0, previous=ANNA)
    choose(line, number, WAIT)
    line.at(100.0)  # 25 s of talk and 20 s of wrap-up are estimated, 40 s are left of the limit
    assert line.all(m.AnnounceWaiting)[-1].estimate_seconds == 40.0


def test_hanging_up_in_her_line() -> None:
    line, talk = with_anna_talking()
    number = line.call(10.0, previous=ANNA)
    choose(line, number, WAIT)
    line.send(m.CallerLeft(number), 20.0)
    assert line.ended().outcome is Outcome.ABANDONED
    line.hang_up(talk, 30.0)
    assert line.at(50.0)[-1] == m.AgentStateChanged(ANNA, AgentState.READY, "", 50.0)


# ------------------------------------------------------------------ while he chooses


def test_she_becomes_free_while_he_chooses_and_nobody_overtakes() -> None:
    line = Line([ANNA], [queue(wrap_up_seconds=0.0)])
    talk = line.talk(ANNA)
    line.call(5.0)
    chooser = line.call(10.0, previous=ANNA)
    line.hang_up(talk, 12.0)
    ring = line.one(m.RingAgent)
    assert (ring.interaction, ring.sticky) == (chooser, True)
    assert choose(line, chooser, COLLEAGUE) == []  # too late: she rings
    assert line.engine.rejected[Rejection.NOT_NOW] == 1


def test_no_clear_answer_is_a_colleague() -> None:
    line, _ = with_anna_talking()
    line.call(10.0, previous=ANNA)
    line.at(70.0)
    assert line.rung() == MART
    line.answer()
    assert line.ended().sticky == "colleague"


def test_hanging_up_while_choosing() -> None:
    line, _ = with_anna_talking()
    number = line.call(10.0, previous=ANNA)
    line.send(m.CallerLeft(number))
    assert line.ended().outcome is Outcome.ABANDONED


def test_a_choice_later_than_the_limit_is_a_colleague() -> None:
    line = Line(
        [ANNA, MART], [queue(sticky=StickyRule(wait_at_most_seconds=25.0), usual_talk_seconds=1.0, wrap_up_seconds=0.0)]
    )
    line.talk(ANNA)
    number = line.call(10.0, previous=ANNA)
    assert WAIT in line.one(m.OfferChoice).choices
    choose(line, number, WAIT, 36.0)
    assert line.rung() == MART


# ------------------------------------------------------------------ a colleague


def test_a_colleague_now() -> None:
    line, _ = with_anna_talking()
    number = line.call(10.0, previous=ANNA)
    choose(line, number, COLLEAGUE, 15.0)
    assert line.rung() == MART and not line.one(m.RingAgent).sticky


def test_she_may_also_get_him_when_she_is_free_first() -> None:
    line, talk = with_anna_talking()
    line.talk(MART)
    number = line.call(10.0, previous=ANNA)
    choose(line, number, COLLEAGUE, 15.0)
    assert line.one(m.AnnounceWaiting).agent is None
    line.hang_up(talk, 20.0)
    line.send(m.AgentWentReady(ANNA))
    assert line.rung() == ANNA
    line.answer()
    assert line.ended().sticky == "colleague"


# ------------------------------------------------------------------ she is not there


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (m.PhoneLost(ANNA), "offline"),
        (m.AgentLoggedOut(ANNA), "logged out"),
        (m.AgentWentOnBreak(ANNA, "lunch"), "break"),
    ],
)
def test_away_means_the_general_pool_and_the_record_says_why(event: m.Event, why: str) -> None:
    line = Line([ANNA, MART])
    line.send(event)
    line.call(10.0, previous=ANNA)
    assert line.rung() == MART
    line.answer()
    assert line.ended().sticky == f"gave_up: {why}"


def test_suspended_or_unknown_or_without_the_skills() -> None:
    cards = SkillId("cards")
    line = Line([ANNA, agent(MART, skills=((cards, 3),)), LI])
    line.call(10.0)
    line.at(30.0)  # Anna does not answer
    line.answer()
    line.call(31.0, previous=ANNA)
    line.answer()
    assert line.ended().sticky == "gave_up: suspended"
    line.call(40.0, previous=LI, skills=((cards, 1),))
    line.send(m.CallerLeft(InteractionId(3)))
    assert line.ended().sticky == "gave_up: skills no longer match"
    line.call(41.0, previous="somebody who left")
    line.send(m.CallerLeft(InteractionId(4)))
    assert line.ended().sticky == "gave_up: unknown agent"


@pytest.mark.parametrize("event", [m.AgentWentOnBreak(ANNA, "lunch"), m.AgentLoggedOut(ANNA)])
def test_busy_but_about_to_leave_is_not_offered(event: m.Event) -> None:
    line, _ = with_anna_talking()
    line.send(event, 5.0)
    line.call(10.0, previous=ANNA)
    assert line.rung() == MART


@pytest.mark.parametrize("chosen", [True, False])
@pytest.mark.parametrize("event", [m.AgentWentOnBreak(ANNA, "lunch"), m.AgentLoggedOut(ANNA)])
def test_her_line_goes_to_the_general_pool_when_she_is_about_to_leave(event: m.Event, chosen: bool) -> None:
    line, _ = with_anna_talking()
    line.talk(MART)
    number = line.call(10.0, previous=ANNA)
    if chosen:
        choose(line, number, WAIT, 15.0)
    line.send(event, 20.0)
    told = line.one(m.AnnounceWaiting)
    assert told.agent is None and told.because.startswith("gone: ")


def test_her_line_is_free_to_go_when_her_phone_has_gone_by_the_end_of_the_wrap_up() -> None:
    line, talk = with_anna_talking()
    number = line.call(10.0, previous=ANNA)
    choose(line, number, WAIT)
    line.send(m.PhoneLost(ANNA), 20.0)
    line.hang_up(talk, 30.0)
    line.at(50.0)
    assert line.state(ANNA) is AgentState.OFFLINE
    assert line.rung() == MART


@pytest.mark.parametrize(
    ("end", "why"),
    [("refuse", "refused"), ("unreachable", "phone not reachable"), ("silent", "no answer")],
)
def test_the_direct_ring_comes_to_nothing(end: str, why: str) -> None:
    line = Line([ANNA, MART])
    line.call(10.0, previous=MART)
    if end == "refuse":
        line.send(m.AgentRefused(line.ring()))
    elif end == "unreachable":
        line.send(m.AgentUnreachable(line.ring()))
    else:
        line.at(30.0)
    assert line.rung() == ANNA
    line.answer()
    assert line.ended().sticky == f"gave_up: {why}"


def test_talking_without_a_phone_left_she_will_not_be_ready_and_is_not_offered() -> None:
    line, _ = with_anna_talking()
    line.send(m.PhoneLost(ANNA), 5.0)
    line.call(10.0, previous=ANNA)
    line.answer()
    assert line.ended().sticky == "gave_up: offline"


def test_a_choice_of_somebody_unknown_is_counted() -> None:
    line, _ = with_anna_talking()
    assert choose(line, InteractionId(99), WAIT) == []
    assert line.engine.rejected[Rejection.UNKNOWN_INTERACTION] == 1


def test_whose_menu_ends_after_she_went_away_is_told_where_he_stands() -> None:
    line, _ = with_anna_talking()
    line.talk(MART)
    number = line.call(10.0, previous=ANNA)
    line.send(m.AgentWentOnBreak(ANNA, "lunch"), 12.0)
    choose(line, number, WAIT, 15.0)
    told = line.one(m.AnnounceWaiting)
    assert (told.agent, told.position, told.because) == (None, 1, "gone: break")
