"""From hand to hand and back: for a question, out of a call-back, by a supervisor, by feature code."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.call.house import ANNA, EVERYDAY, FLOW, MART, House, make_settings, offer, text
from tests.call.test_call_back import called_back
from tests.call.test_pass_on import served
from tests.call.test_ways_out import LOANS

from softswitch.acd import messages as acd
from softswitch.call import records
from softswitch.call.orders import MoveCaller, PassCaller, SetOwner
from softswitch.call.settings import LineTexts
from softswitch.ids import LegId
from softswitch.ivr.messages import SetStep
from softswitch.media import messages as media
from softswitch.sip import messages as sip

WORDS = {"passed_on": "Passed on.", "passed_and_back": "He comes back.", "now_outbound": "Outbound.",
         "more_time": "More time.", "not_possible": "Not possible."}  # fmt: skip


def at_loans(house: House, leg: LegId, come_back: bool) -> None:
    """Anna has passed him on, and Mart of the loans talks with him."""
    house.register(MART)
    house.post(PassCaller(house.interaction_of(leg), LOANS, "a question", come_back))
    house.answer(next(each for each in house.ringing() if each.target.startswith("sip:mart")))


def test_for_a_question_and_back_to_her_when_the_colleague_hangs_up() -> None:
    house, leg = served()
    at_loans(house, leg, come_back=True)
    house.wait(60)  # she has written her notes and is ready
    assert house.state(ANNA) is acd.AgentState.READY
    mart = next(each for each in house.calls.board.live_legs() if each.facts.party == MART)
    house.bye(mart.id)
    assert leg not in house.ended_legs
    assert house.of(media.Unbridge)[-1].leg == leg
    assert house.state(MART) is acd.AgentState.WRAP_UP
    (to_anna,) = house.ringing()
    assert to_anna.target.startswith("sip:anna")
    assert house.of(acd.RingAgent)[-1].sticky
    house.answer(to_anna)
    queued = house.of(records.InteractionQueued)[-1]
    assert (queued.queue, queued.previous_agent) == (EVERYDAY, ANNA)
    assert queued.because == "back to anna after a question to mart"
    house.bye(leg)
    house.wait(60)
    house.assert_nothing_left()


def test_she_is_busy_when_he_comes_back_and_he_can_wait_for_her() -> None:
    house, leg = served()
    at_loans(house, leg, come_back=True)
    house.wait(60)
    house.to_queue("+3725550077")
    house.answer(next(each for each in house.ringing() if each.target.startswith("sip:anna")))
    mart = next(each for each in house.calls.board.live_legs() if each.facts.party == MART)
    house.bye(mart.id)
    offered = house.of(acd.OfferChoice)[-1]
    assert (offered.agent, acd.Choice.WAIT in offered.choices) == (ANNA, True)


def test_he_hangs_up_himself_and_nobody_is_rung() -> None:
    house, leg = served()
    at_loans(house, leg, come_back=True)
    house.bye(leg)
    assert house.ringing() == []
    house.wait(60)
    house.assert_nothing_left()


def test_passed_back_by_the_colleague_he_is_hers_although_another_had_him_before() -> None:
    house, leg = served()
    at_loans(house, leg, come_back=False)
    house.wait(60)
    house.post(PassCaller(house.interaction_of(leg), EVERYDAY, "done"))
    (to_anna,) = house.ringing()
    assert to_anna.target.startswith("sip:anna")
    assert house.of(records.InteractionQueued)[-1].previous_agent == ANNA


def test_without_being_asked_for_he_is_not_brought_back() -> None:
    house, leg = served()
    at_loans(house, leg, come_back=False)
    mart = next(each for each in house.calls.board.live_legs() if each.facts.party == MART)
    house.bye(mart.id)
    assert leg in house.ended_legs


def test_a_customer_who_was_called_back_is_passed_on_too() -> None:
    house = House()
    _, to_customer = called_back(house)
    house.answer(to_customer)
    house.register(MART)
    (interaction,) = house.calls.call_backs
    house.post(PassCaller(interaction, EVERYDAY, "a second opinion"))
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    assert to_customer.leg not in house.ended_legs
    (to_mart,) = house.ringing()
    assert to_mart.target.startswith("sip:mart")
    house.answer(to_mart)
    assert house.of(media.Bridge)[-1] == media.Bridge(to_customer.leg, to_mart.leg)
    assert [each.caller for each in house.of(records.TalkRecord)][-1] == "+3725550001"
    house.bye(to_customer.leg)
    house.wait(60)
    house.assert_nothing_left()


def test_a_call_back_that_nobody_talks_in_cannot_be_passed_on() -> None:
    house = House()
    called_back(house)
    (interaction,) = house.calls.call_backs
    house.post(PassCaller(interaction, EVERYDAY))
    assert list(house.calls.call_backs) == [interaction]


def test_a_supervisor_moves_a_waiting_caller_with_his_wait() -> None:
    house, _ = served()
    leg = house.to_queue("+3725550055")
    house.wait(40)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    house.post(MoveCaller(house.interaction_of(leg), LOANS, "kadri"))
    entry = house.engine.floor.entries[house.interaction_of(leg)]
    assert (entry.pool.queue.settings.id, entry.place[0]) == (LOANS, house.now - 40.0)
    assert house.session_of(leg).waiting.notes[-1] == "moved to loans by kadri"
    assert house.of(records.InteractionQueued)[-1].because == "moved by kadri"


def test_the_owner_of_his_case_comes_first_where_the_queue_says_so() -> None:
    for ticket_owner, expected in ((True, "mart"), (False, "anna")):
        rule = acd.StickyRule(talked_at_least_seconds=5.0, ticket_owner=ticket_owner, named_banker=True)
        house = House(make_settings(sticky=rule))
        house.register(ANNA)
        before = house.to_queue()
        house.answer(house.ringing()[0])
        house.wait(30)
        house.bye(before)
        house.wait(20)
        house.register(MART)
        leg = house.call()
        house.post(SetOwner(house.interaction_of(leg), MART))
        house.press(leg, "1")
        assert house.rung() == [expected]


@pytest.mark.parametrize(("said", "expected"), [("1001", "mart"), ("mart", "mart"), ("4711", "anna"), ("", "anna")])
def test_a_flow_says_whose_case_it_is(said: str, expected: str) -> None:
    """By id or by extension; it comes before who talked with him last. What is no agent changes nothing."""
    settings = make_settings(sticky=acd.StickyRule(talked_at_least_seconds=5.0, ticket_owner=True))
    flows = dict(settings.call.flows)
    (name, flow), *_ = flows.items()
    flows[name] = replace(flow, steps=(SetStep("", {"reason": "x"}, said), *flow.steps))
    house = House(replace(settings, call=replace(settings.call, flows=flows)))
    house.register(ANNA)
    before = house.to_queue()
    house.answer(house.ringing()[0])
    house.wait(30)
    house.bye(before)
    house.wait(20)
    house.register(MART)
    house.press(house.call(), "1")
    assert house.rung() == [expected]
    assert house.of(records.InteractionQueued)[-1].entered == {"reason": "x"}


def test_what_is_said_of_a_call_comes_before_what_the_store_says() -> None:
    rule = acd.StickyRule(talked_at_least_seconds=5.0, ticket_owner=True)
    house = House(make_settings(sticky=rule))
    house.register(ANNA)
    house.register(MART)
    leg = house.call()
    interaction = house.interaction_of(leg)
    house.post(SetOwner(interaction, MART))
    memory = house.session_of(leg).waiting
    memory.previous_agent_found(records.PreviousAgentFound(interaction, None, None, owner=ANNA))
    house.press(leg, "1")
    assert house.rung() == ["mart"]


def dial(house: House, code: str, leg: int = 900) -> LegId:
    origin = sip.Origin(agent=ANNA)
    house.post(sip.InviteReceived(LegId(leg), origin, code, "1000", "", offer(), FLOW))
    return LegId(leg)


def coded(house: House) -> House:
    """The same house with the texts of the codes, and the loans as department 2."""
    call = house.settings.call
    texts: LineTexts = replace(call.texts, **{name: text(said) for name, said in WORDS.items()})
    return House(replace(house.settings, call=replace(call, texts=texts, departments={"2": LOANS})))


def with_caller() -> tuple[House, LegId]:
    house = coded(served()[0])
    house.register(ANNA)
    leg = house.to_queue()
    house.answer(house.ringing()[0])
    return house, leg


@pytest.mark.parametrize(("code", "said", "returns"), [("*152", "Passed on.", False), ("*162", "He comes back.", True)])
def test_she_passes_her_caller_on_by_phone(code: str, said: str, returns: bool) -> None:
    house, leg = with_caller()
    house.register(MART)
    feature = dial(house, code)
    assert house.heard(feature) == [said]
    assert house.rung() == ["mart"]
    assert house.session_of(leg).waiting.returns is returns
    house.prompt_over(feature)
    assert feature in house.ended_legs


def test_there_is_nobody_to_pass_on_and_she_is_told() -> None:
    house, leg = with_caller()
    house.bye(leg)
    feature = dial(house, "*152")
    assert house.heard(feature) == ["Not possible."]


def test_a_code_of_no_department_is_no_number() -> None:
    house, _ = with_caller()
    dial(house, "*159")
    assert house.of(sip.Reject)[-1].status == 404


def test_more_time_for_notes_as_often_as_the_queue_allows() -> None:
    house, leg = with_caller()
    house.bye(leg)
    for number in range(4):
        feature = dial(house, "*18", 900 + number)
        assert house.heard(feature) == ["More time." if number < 3 else "Not possible."]
        house.prompt_over(feature)
    house.wait(99)
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    house.wait(2)
    assert house.state(ANNA) is acd.AgentState.READY


def test_outbound_by_phone() -> None:
    house, leg = with_caller()
    house.bye(leg)
    house.wait(20)
    feature = dial(house, "*17")
    assert house.heard(feature) == ["Outbound."]
    house.prompt_over(feature)
    assert house.state(ANNA) is acd.AgentState.OUTBOUND
