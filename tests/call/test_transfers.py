"""Transfers by phone: blind and attended, who may, what everybody hears, and that no caller is ever dropped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, FLOW, LI, MART, House, make_settings, offer
from tests.call.test_call_back import called_back
from tests.call.test_ways_out import LOANS, line

from softswitch.acd import messages as acd
from softswitch.call import records
from softswitch.call.dial_settings import DialRule, DialSettings
from softswitch.call.orders import PassCaller
from softswitch.call.phone_number import NumberPlan
from softswitch.call.settings import QueueWays, Settings, TransferSettings
from softswitch.ids import AgentId, LegId
from softswitch.media import messages as media
from softswitch.sip import messages as sip

EXTENSION = {ANNA: "1000", MART: "1001", LI: "1002"}
OUTSIDE = "+37255501234"


def allowing(base: Settings | None = None, **changes: Any) -> Settings:
    base = base or make_settings()
    book = DialSettings(NumberPlan("EE"), (DialRule(to=("mobile",), who="agents", agents=(ANNA,)),))
    return replace(base, call=replace(base.call, transfers=TransferSettings(**changes), dialling=book))


def talking(house: House) -> tuple[LegId, LegId]:
    """Anna talks with a caller: his leg and hers."""
    house.register(ANNA)
    caller = house.to_queue()
    invite = house.ringing()[0]
    house.answer(invite)
    house.wait(20)
    assert house.state(ANNA) is acd.AgentState.TALKING
    return caller, invite.leg


def refer(house: House, leg: LegId, number: str, replaces: LegId | None = None) -> int:
    """The status of the answer."""
    before = len(house.of(sip.AnswerRefer))
    house.post(sip.ReferReceived(leg, number, replaces))
    (answer,) = house.of(sip.AnswerRefer)[before:]
    return int(answer.status)


def told(house: House, leg: LegId) -> list[int]:
    return [each.status for each in house.of(sip.ReferProgressed) if each.leg == leg]


def bridged(house: House) -> set[frozenset[LegId]]:
    """Who hears whom now."""
    pairs: set[frozenset[LegId]] = set()
    for each in house.sent:
        if isinstance(each, media.Bridge):
            pairs = {pair for pair in pairs if not pair & {each.leg, each.peer}}
            pairs.add(frozenset((each.leg, each.peer)))
        elif isinstance(each, media.Unbridge | media.CloseMediaLeg):
            pairs = {pair for pair in pairs if each.leg not in pair}
    return pairs


# ------------------------------------------------------------------ blind


def test_blind_to_a_colleague() -> None:
    house = House()
    caller, hers = talking(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "lunch"))
    assert refer(house, hers, EXTENSION[MART]) == 202
    assert bridged(house) == set()
    assert house.heard(caller)[-1] == "tone:ringback"
    (invite,) = house.ringing()
    assert (invite.agent, invite.caller) == (MART, "+3725550001")
    assert house.state(ANNA) is acd.AgentState.TALKING
    house.post(sip.InviteProgressed(invite.leg, 180, None))
    house.answer(invite)
    assert told(house, hers) == [180, 200]
    assert bridged(house) == {frozenset((caller, invite.leg))}
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    assert house.state(MART) is acd.AgentState.TALKING
    assert hers in house.ended_legs
    house.wait(30)
    house.bye(caller)
    assert house.state(MART) is acd.AgentState.WRAP_UP
    house.wait(15)
    assert house.state(MART) is acd.AgentState.BREAK, "her break goes on"
    first, second = house.of(records.TalkRecord)
    assert [(each.agent, each.seconds) for each in (first, second)] == [(ANNA, 20.0), (MART, 30.0)]
    assert first.interaction == second.interaction
    assert next(shot.calls for shot in house.engine.agents() if shot.id == MART) == 1
    details = house.of(records.CallDetail)
    assert {each.interaction for each in details} == {first.interaction}, "each leg is on record with his call"
    house.assert_nothing_left()


def test_she_hangs_up_at_once_and_the_transfer_goes_on() -> None:
    house = House()
    caller, hers = talking(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    refer(house, hers, EXTENSION[MART])
    house.bye(hers)
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    house.answer(house.ringing()[0])
    assert len(bridged(house)) == 1
    house.bye(caller)
    house.assert_nothing_left()


@pytest.mark.parametrize("status", [486, 480, 603])
def test_refused_he_is_back_with_her(status: int) -> None:
    house = House()
    caller, hers = talking(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    refer(house, hers, EXTENSION[MART])
    house.refuse(house.ringing()[0], status)
    assert told(house, hers) == [status]
    assert bridged(house) == {frozenset((caller, hers))}
    assert house.state(ANNA) is acd.AgentState.TALKING
    assert house.state(MART) is acd.AgentState.BREAK
    assert refer(house, hers, EXTENSION[MART]) == 202, "and she may try again"
    house.bye(caller)
    house.assert_nothing_left()


def test_no_answer_he_is_back_with_her() -> None:
    house = House(allowing(ring_seconds=12.0))
    caller, hers = talking(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    refer(house, hers, EXTENSION[MART])
    house.wait(11)
    assert bridged(house) == set()
    house.wait(2)
    assert told(house, hers) == [408]
    assert bridged(house) == {frozenset((caller, hers))}
    assert house.ringing() == []


def test_refused_and_she_is_gone_he_goes_to_the_front_of_his_queue() -> None:
    house = House()
    caller, hers = talking(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    refer(house, hers, EXTENSION[MART])
    house.bye(hers)
    waiting = house.to_queue("+3725550002")
    house.wait(5)
    house.refuse(house.ringing()[0])
    assert caller not in house.ended_legs
    entries = house.engine.floor.entries
    assert entries[house.interaction_of(caller)].place < entries[house.interaction_of(waiting)].place
    house.wait(10)  # her wrap-up is over
    assert house.rung() == [ANNA]
    house.answer(house.ringing()[0])
    assert caller in {leg for pair in bridged(house) for leg in pair}


@pytest.mark.parametrize("state", ["talking", "nowhere", "herself"])
def test_a_colleague_who_cannot_be_rung(state: str) -> None:
    house = House()
    caller, hers = talking(house)
    if state == "talking":
        house.register(MART)
        house.to_queue("+3725550002")
        house.answer(house.ringing()[0])
    to = ANNA if state == "herself" else MART
    assert refer(house, hers, EXTENSION[to]) == (403 if state == "herself" else 202)
    assert told(house, hers) == {"talking": [486], "nowhere": [480], "herself": []}[state]
    assert frozenset((caller, hers)) in bridged(house)


def test_he_hangs_up_while_it_rings() -> None:
    house = House()
    caller, hers = talking(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    refer(house, hers, EXTENSION[MART])
    house.bye(caller)
    assert house.ringing() == []
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    house.assert_nothing_left()


def test_to_a_department_is_to_pass_him_on() -> None:
    house = House(line(QueueWays()))
    caller, hers = talking(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    assert refer(house, hers, LOANS) == 202
    assert told(house, hers) == [200]
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    queued = house.of(records.InteractionQueued)[-1]
    assert (queued.queue, queued.because) == (LOANS, "passed on by anna")
    assert house.engine.floor.entries[house.interaction_of(caller)].facts.passes == 1


def test_to_a_number_of_the_line_is_its_flow() -> None:
    house = House()
    caller, hers = talking(house)
    assert refer(house, hers, "+3726310000") == 202
    assert house.heard(caller)[-2:] == ["Welcome.", "Press 1."] or "Welcome." in house.heard(caller)[-2:]
    assert house.state(ANNA) is acd.AgentState.WRAP_UP


def test_outside_through_the_trunk() -> None:
    house = House(allowing(to=("extensions", "outside")))
    caller, hers = talking(house)
    assert refer(house, hers, "00372 5550 1234") == 202
    (invite,) = house.ringing()
    assert invite.target == f"sip:{OUTSIDE}@127.0.0.2:5080"
    assert invite.caller == "+3726310000", "a number of ours, never the caller's"
    house.post(sip.InviteProgressed(invite.leg, 183, offer()))
    assert bridged(house) == {frozenset((caller, invite.leg))}, "he hears the network's own tones"
    house.answer(invite)
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    assert bridged(house) == {frozenset((caller, invite.leg))}
    house.bye(invite.leg)
    assert caller in house.ended_legs
    house.assert_nothing_left()


@pytest.mark.parametrize("answered", [True, False])
def test_a_customer_who_was_called_back(answered: bool) -> None:
    house = House()
    to_anna, to_customer = called_back(house)
    house.answer(to_customer)
    house.wait(10)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    assert refer(house, to_anna.leg, EXTENSION[MART]) == 202
    (invite,) = house.ringing()
    if answered:
        house.answer(invite)
        assert bridged(house) == {frozenset((to_customer.leg, invite.leg))}
        assert house.state(MART) is acd.AgentState.TALKING
    else:
        house.refuse(invite)
        assert bridged(house) == {frozenset((to_customer.leg, to_anna.leg))}
    house.bye(to_customer.leg)
    house.wait(60)
    house.assert_nothing_left()


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize(
    ("rules", "number", "code"),
    [
        ({}, OUTSIDE, 403),
        ({"to": ("extensions", "outside")}, OUTSIDE, 202),
        ({"to": ("extensions", "outside")}, "+3729001234", 403),  # the rule book allows mobile numbers only
        ({"to": ("outside",)}, "+4915112345678", 403),
        ({"agents": {ANNA: ("outside",)}}, OUTSIDE, 202),
        ({"agents": {MART: ("outside",)}}, OUTSIDE, 403),
        ({"to": ("departments",)}, EXTENSION[MART], 403),
        ({"agents": {ANNA: ("departments",)}}, EXTENSION[MART], 403),
        ({"agents": {MART: ("departments",)}}, EXTENSION[MART], 202),
        ({"to": ()}, "+3726310000", 403),
        ({}, "*11", 403),
        ({"to": ("outside",)}, "+37255501234;phone-context=x", 404),
        ({}, "nobody", 404),
        ({}, "", 404),
    ],
)
def test_who_may_where(rules: dict[str, Any], number: str, code: int) -> None:
    house = House(allowing(**rules))
    caller, hers = talking(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    assert refer(house, hers, number) == code
    if code != 202:
        assert bridged(house) == {frozenset((caller, hers))}, "everything stays as it was"
        assert house.ringing() == []


@pytest.mark.parametrize(("agent", "code"), [(ANNA, 0), (MART, 403)])
def test_numbers_outside_are_dialled_by_the_rule_book(agent: AgentId, code: int) -> None:
    house = House(allowing(to=()))
    house.register(agent)
    leg = own_call(house, OUTSIDE, agent)
    assert [each.status for each in house.of(sip.Reject)] == ([code] if code else [])
    if code:
        assert [each.kind for each in house.of(sip.SecurityEvent)] == ["dial_refused"]
        return
    (invite,) = house.ringing()
    house.post(sip.InviteProgressed(invite.leg, 183, offer()))
    assert house.of(sip.RespondProvisional)[-1].status == 183
    house.answer(invite)
    assert bridged(house) == {frozenset((leg, invite.leg))}
    assert house.calls.board.dialling.ledger.busy
    house.bye(leg)
    assert not house.calls.board.dialling.ledger.busy
    house.assert_nothing_left()


def test_only_from_a_talk() -> None:
    house = House()
    house.register(ANNA, MART)
    leg = own_call(house, "+3726310000")
    assert refer(house, leg, EXTENSION[MART]) == 603, "in a menu there is nobody to transfer"
    assert refer(house, LegId(77), EXTENSION[MART]) == 603, "a leg that is gone"
    house.bye(leg)


def test_a_second_transfer_meanwhile() -> None:
    house = House()
    caller, hers = talking(house)
    house.register(MART)
    house.post(acd.AgentWentOnBreak(MART, "x"))
    refer(house, hers, EXTENSION[MART])
    assert refer(house, hers, EXTENSION[LI]) == 603
    house.post(PassCaller(house.interaction_of(caller), "everyday"))  # type: ignore[arg-type]
    assert len(house.ringing()) == 1, "nor does a page pass him on meanwhile"


# ------------------------------------------------------------------ calls between agents


def own_call(house: House, dialled: str, agent: AgentId = ANNA, leg: int = 900, body: bytes | None = b"") -> LegId:
    sdp = offer() if body == b"" else body
    house.post(sip.InviteReceived(LegId(leg), sip.Origin(agent=agent), dialled, EXTENSION[agent], "", sdp, FLOW))
    return LegId(leg)


def test_an_agent_calls_a_colleague() -> None:
    house = House()
    house.register(ANNA, MART)
    leg = own_call(house, EXTENSION[MART])
    (invite,) = house.ringing()
    assert (invite.agent, invite.caller, invite.caller_name) == (MART, "1000", "Anna")
    assert house.of(sip.Answer) == []
    house.post(sip.InviteProgressed(invite.leg, 180, None))
    assert [(each.leg, each.status) for each in house.of(sip.RespondProvisional)] == [(leg, 180)]
    house.to_queue()
    assert house.rung() == [MART], "neither is offered a caller"
    house.answer(invite)
    assert bridged(house) >= {frozenset((leg, invite.leg))}
    house.bye(invite.leg)
    assert leg in house.ended_legs
    assert len(house.rung()) == 1, "and then one of them is"


@pytest.mark.parametrize("how", ["refused", "cancelled", "timeout", "no codec"])
def test_a_call_to_a_colleague_that_is_not_answered(how: str) -> None:
    house = House()
    house.register(ANNA, MART)
    body = b"v=0\r\n" if how == "no codec" else b""
    leg = own_call(house, EXTENSION[MART], body=body)
    if how == "refused":
        house.refuse(house.ringing()[0], 486)
    elif how == "cancelled":
        house.ended_legs.add(leg)
        house.post(sip.LegEnded(leg, sip.EndedBy.PEER, 487))
    else:
        house.wait(31)
    rejects = [each.status for each in house.of(sip.Reject)]
    assert rejects == {"refused": [486], "cancelled": [], "timeout": [408], "no codec": [488]}[how]
    assert house.state(ANNA) is house.state(MART) is acd.AgentState.READY
    house.assert_nothing_left()


@pytest.mark.parametrize(("number", "code"), [(EXTENSION[ANNA], 482), (OUTSIDE, 403), ("999x", 404)])
def test_calls_that_are_not_for_her(number: str, code: int) -> None:
    house = House()
    house.register(ANNA)
    own_call(house, number)
    assert [each.status for each in house.of(sip.Reject)] == [code]
    house.assert_nothing_left()


# ------------------------------------------------------------------ attended


def consulting(house: House, answered: bool = True) -> tuple[LegId, LegId, LegId, LegId]:
    """Anna has put her caller on hold and talks with Mart: caller, hers, her second call, Mart's leg."""
    caller, hers = talking(house)
    house.register(MART)
    house.post(sip.OfferReceived(hers, offer().replace(b"a=sendrecv", b"a=sendonly")))
    second = own_call(house, EXTENSION[MART])
    (invite,) = house.ringing()
    house.post(sip.InviteProgressed(invite.leg, 180, None))
    if answered:
        house.answer(invite)
        house.wait(5)
    return caller, hers, second, invite.leg


@pytest.mark.parametrize("turned", [False, True])
def test_attended_joins_the_two(turned: bool) -> None:
    house = House()
    caller, hers, second, marts = consulting(house)
    on, replaced = (second, hers) if turned else (hers, second)
    assert refer(house, on, "softswitch", replaced) == 202
    assert told(house, on) == [200]
    assert bridged(house) == {frozenset((caller, marts))}
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    assert house.state(MART) is acd.AgentState.TALKING
    assert {hers, second} <= house.ended_legs
    house.wait(60)
    house.bye(marts)
    assert caller in house.ended_legs
    assert house.state(MART) is acd.AgentState.WRAP_UP
    assert [each.agent for each in house.of(records.TalkRecord)] == [ANNA, MART]
    house.wait(60)
    house.assert_nothing_left()


def test_attended_while_it_still_rings() -> None:
    house = House()
    caller, hers, second, marts = consulting(house, answered=False)
    assert refer(house, hers, "softswitch", second) == 202
    assert second in house.ended_legs and marts not in house.ended_legs
    house.post(sip.InviteAnswered(marts, offer()))
    assert told(house, hers) == [200]
    assert bridged(house) == {frozenset((caller, marts))}
    assert house.state(MART) is acd.AgentState.TALKING


def test_attended_while_it_still_rings_and_nobody_answers() -> None:
    house = House()
    caller, hers, second, marts = consulting(house, answered=False)
    refer(house, hers, "softswitch", second)
    house.ended_legs.add(marts)
    house.post(sip.LegEnded(marts, sip.EndedBy.PEER, 486))
    assert told(house, hers) == [486]
    assert bridged(house) == {frozenset((caller, hers))}


def test_attended_to_an_agent_of_another_department() -> None:
    house = House()
    caller, hers = talking(house)
    house.register(MART)
    second = own_call(house, "+3726310000")
    house.press(second, "1")
    (invite,) = house.ringing()
    house.answer(invite)
    house.wait(5)
    assert refer(house, hers, "softswitch", second) == 202
    assert bridged(house) == {frozenset((caller, invite.leg))}
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    assert house.state(MART) is acd.AgentState.TALKING
    house.wait(5)
    house.bye(caller)
    assert house.state(MART) is acd.AgentState.WRAP_UP
    house.wait(60)
    house.assert_nothing_left()


def test_attended_while_she_waits_in_the_line_of_a_department() -> None:
    house = House()
    caller, hers = talking(house)
    second = own_call(house, "+3726310000")
    house.press(second, "1")
    assert refer(house, hers, "softswitch", second) == 202
    assert second in house.ended_legs
    assert caller not in house.ended_legs
    assert house.engine.floor.entries[house.interaction_of(caller)].facts.passes == 1


def test_attended_needs_the_same_permission() -> None:
    house = House(allowing(to=("departments",)))
    caller, hers, second, _ = consulting(house)
    assert refer(house, hers, "softswitch", second) == 403
    assert second not in house.ended_legs
    house.bye(second)
    house.bye(caller)
    house.wait(60)
    house.assert_nothing_left()


def test_she_takes_her_call_to_another_phone() -> None:
    house = House()
    caller, hers = talking(house)
    house.post(sip.InviteReceived(LegId(901), sip.Origin(agent=ANNA), "x", "1000", "", offer(), FLOW, replaces=hers))
    assert hers in house.ended_legs
    assert bridged(house) == {frozenset((caller, LegId(901)))}
    assert house.state(ANNA) is acd.AgentState.TALKING
    house.bye(LegId(901))
    assert caller in house.ended_legs
    house.wait(30)
    house.assert_nothing_left()
