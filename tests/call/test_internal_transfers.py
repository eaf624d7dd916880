"""Transfers out of a call between agents, or between an agent and a number outside: by the same rules as of callers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, FLOW, LI, MART, House, offer
from tests.call.test_readopted import kept, next_life
from tests.call.test_transfers import EXTENSION, OUTSIDE, allowing, bridged, own_call, refer, told

from softswitch.acd import messages as acd
from softswitch.call import records
from softswitch.call.live import INTERNAL
from softswitch.ids import AgentId, LegId, TrunkId
from softswitch.media import messages as media
from softswitch.sip import messages as sip

LINE = "+3726310000"


def between(house: House, caller: AgentId = ANNA, called: AgentId = MART) -> tuple[LegId, LegId]:
    """They talk: the leg of the phone that called, and that of the other."""
    house.register(ANNA, MART, LI)
    near = own_call(house, EXTENSION[called], caller)
    (invite,) = house.ringing()
    house.answer(invite)
    house.wait(5)
    return near, invite.leg


def ready(house: House) -> None:
    assert {house.state(agent) for agent in (ANNA, MART, LI)} == {acd.AgentState.READY}


@pytest.mark.parametrize("by", ["who called", "who was called"])
def test_blind_to_a_colleague(by: str) -> None:
    house = House()
    near, far = between(house)
    hers, kept = (near, far) if by == "who called" else (far, near)
    whose = MART if by == "who called" else ANNA
    assert refer(house, hers, EXTENSION[LI]) == 202
    assert bridged(house) == set()
    assert house.heard(kept)[-1] == "tone:ringback"
    (invite,) = house.ringing()
    assert (invite.agent, invite.caller, invite.caller_name) == (LI, EXTENSION[whose], whose.title())
    house.post(sip.InviteProgressed(invite.leg, 180, None))
    assert bridged(house) == set()
    house.answer(invite)
    assert told(house, hers) == [180, 200]
    assert bridged(house) == {frozenset((kept, invite.leg))}
    assert hers in house.ended_legs and kept not in house.ended_legs
    house.to_queue()
    offered = [ANNA if by == "who called" else MART]
    assert house.rung() == offered, "the one who has transferred is free, the other two are not"
    house.bye(house.of(sip.InviteReceived)[-1].leg)
    house.bye(invite.leg)
    assert kept in house.ended_legs
    house.wait(30)
    ready(house)
    house.assert_nothing_left()


@pytest.mark.parametrize("how", ["refused", "no answer", "nowhere"])
def test_nobody_takes_it_and_they_are_together_again(how: str) -> None:
    house = House()
    near, far = between(house)
    if how == "nowhere":
        house.post(sip.RegistrationChanged(LI, ()))
    assert refer(house, near, EXTENSION[LI]) == 202
    if how == "refused":
        house.refuse(house.ringing()[0], 486)
    house.wait(31)
    assert told(house, near) == [{"refused": 486, "no answer": 408, "nowhere": 480}[how]]
    assert bridged(house) == {frozenset((near, far))}
    assert refer(house, near, EXTENSION[LI]) == 202, "and she may try again"
    house.bye(far)
    assert house.ringing() == []
    assert near in house.ended_legs
    house.assert_nothing_left()


def test_she_hangs_up_at_once_and_it_goes_on() -> None:
    house = House()
    near, far = between(house)
    refer(house, near, EXTENSION[LI])
    house.bye(near)
    (invite,) = house.ringing()
    house.answer(invite)
    assert bridged(house) == {frozenset((far, invite.leg))}
    house.bye(far)
    house.assert_nothing_left()


def test_she_hangs_up_and_nobody_takes_it() -> None:
    house = House()
    near, far = between(house)
    refer(house, near, EXTENSION[LI])
    house.bye(near)
    house.refuse(house.ringing()[0])
    assert far in house.ended_legs, "he belongs to nobody"
    house.wait(1)
    ready(house)
    house.assert_nothing_left()


def test_from_hand_to_hand() -> None:
    house = House()
    near, far = between(house)
    refer(house, near, EXTENSION[LI])
    third = house.ringing()[0]
    house.answer(third)
    assert refer(house, far, EXTENSION[ANNA]) == 202, "Mart goes, and Li talks with Anna"
    back = house.ringing()[0]
    assert (back.agent, back.caller) == (ANNA, EXTENSION[LI])
    house.answer(back)
    assert bridged(house) == {frozenset((third.leg, back.leg))}
    assert far in house.ended_legs
    house.bye(back.leg)
    house.wait(1)
    ready(house)
    house.assert_nothing_left()


def test_a_second_transfer_meanwhile_and_of_the_other() -> None:
    house = House()
    near, far = between(house)
    refer(house, near, EXTENSION[LI])
    assert refer(house, near, LINE) == 603
    assert refer(house, far, LINE) == 603
    house.post(sip.InviteReceived(LegId(977), sip.Origin(agent=ANNA), "x", "1000", "", offer(), FLOW, replaces=near))
    house.bye(far)
    house.wait(1)
    house.assert_nothing_left()


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize(
    ("rules", "number", "code"),
    [
        ({}, OUTSIDE, 403),
        ({"to": ("extensions", "outside")}, OUTSIDE, 202),
        ({"to": ("extensions", "outside")}, "+3729001234", 403),  # the rule book allows mobile numbers only
        ({"agents": {MART: ("outside",)}}, OUTSIDE, 403),
        ({"to": ("departments",)}, EXTENSION[LI], 403),
        ({"to": ("extensions",)}, LINE, 403),
        ({}, EXTENSION[ANNA], 403),
        ({}, "*11", 403),
        ({}, "nobody", 404),
    ],
)
def test_who_may_where(rules: dict[str, Any], number: str, code: int) -> None:
    house = House(allowing(**rules))
    near, far = between(house)
    assert refer(house, near, number) == code
    if code != 202:
        assert bridged(house) == {frozenset((near, far))}, "everything stays as it was"
        assert house.ringing() == []


def test_a_colleague_is_sent_outside_on_the_account_of_who_sends_him() -> None:
    house = House(allowing(to=("outside",)))
    near, far = between(house)
    assert refer(house, near, OUTSIDE) == 202
    (invite,) = house.ringing()
    assert (invite.trunk, invite.caller) == ("pstn", LINE)
    assert list(house.calls.board.dialling.ledger.accounts) == ["agent anna", "house"]
    house.post(sip.InviteProgressed(invite.leg, 183, offer()))
    assert bridged(house) == {frozenset((far, invite.leg))}
    house.answer(invite)
    assert bridged(house) == {frozenset((far, invite.leg))}
    assert house.calls.board.dialling.ledger.busy
    house.bye(invite.leg)
    assert far in house.ended_legs
    assert not house.calls.board.dialling.ledger.busy
    house.assert_nothing_left()


@pytest.mark.parametrize("last", ["+3729001234", "112"])  # premium: refused; an emergency, where none was dialled
def test_a_trunk_redirects_what_an_agent_dials(last: str) -> None:
    base = allowing()
    pstn = base.sip.trunks[0]
    reserve = replace(pstn, id=TrunkId("reserve"), host="127.0.0.9")
    house = House(replace(base, sip=replace(base.sip, trunks=(replace(pstn, redirects=(reserve.id,)), reserve))))
    house.register(ANNA)
    near = own_call(house, OUTSIDE)
    (invite,) = house.ringing()
    house.ended_legs.add(invite.leg)
    moved = sip.LegEnded(invite.leg, sip.EndedBy.PEER, 302, moved_to="+37255509999", moved_trunk=reserve.id)
    house.post(moved)
    (second,) = house.ringing()
    assert (second.trunk, second.target) == ("reserve", "sip:+37255509999@127.0.0.9:5080")
    house.ended_legs.add(second.leg)
    house.post(replace(moved, leg=second.leg, moved_to=last))
    assert [each.status for each in house.of(sip.Reject)] == [480]
    assert [each.kind for each in house.of(sip.SecurityEvent)] == ["dial_refused"][: last != "112"]
    assert near in house.ended_legs
    house.assert_nothing_left()


def outside(house: House) -> tuple[LegId, LegId]:
    """Anna has called a number outside."""
    house.register(ANNA, MART, LI)
    near = own_call(house, OUTSIDE)
    (invite,) = house.ringing()
    house.answer(invite)
    return near, invite.leg


def test_somebody_outside_is_given_to_a_colleague_and_on() -> None:
    house = House(allowing())
    near, far = outside(house)
    assert refer(house, near, EXTENSION[MART]) == 202
    invite = house.ringing()[0]
    assert (invite.agent, invite.caller) == (MART, OUTSIDE)
    house.answer(invite)
    assert bridged(house) == {frozenset((far, invite.leg))}
    (call,) = house.calls.transfers.internal_calls
    assert call.agents == (MART,)
    assert refer(house, invite.leg, EXTENSION[LI]) == 202
    last = house.ringing()[0]
    assert (last.agent, last.caller) == (LI, OUTSIDE)
    house.answer(last)
    assert bridged(house) == {frozenset((far, last.leg))}
    house.bye(last.leg)
    assert far in house.ended_legs
    house.wait(1)
    ready(house)
    house.assert_nothing_left()


# ------------------------------------------------------------------ departments


@pytest.mark.parametrize("number", ["everyday", LINE])
def test_a_colleague_is_given_to_a_department(number: str) -> None:
    house = House()
    near, far = between(house)
    house.post(acd.AgentWentOnBreak(LI, "x"))
    assert refer(house, near, number) == 202
    assert told(house, near) == [200]
    assert near in house.ended_legs and far not in house.ended_legs
    opened = house.of(records.InteractionOpened)[-1]
    assert (opened.caller, opened.dialled, opened.trunk) == (EXTENSION[MART], number, None)
    if number == LINE:
        assert "Welcome." in house.heard(far)
        house.press(far, "1")
    (invite,) = house.ringing()
    assert (invite.agent, invite.caller, invite.caller_name) == (ANNA, EXTENSION[MART], "Mart")
    house.answer(invite)
    assert bridged(house) == {frozenset((far, invite.leg))}
    assert house.state(ANNA) is acd.AgentState.TALKING
    house.bye(far)
    house.wait(60)
    house.assert_nothing_left()


def test_somebody_outside_is_given_to_a_department() -> None:
    house = House(allowing())
    near, far = outside(house)
    assert refer(house, near, "everyday") == 202
    assert len(house.ringing()) == 1
    assert house.ringing()[0].caller == OUTSIDE
    house.bye(far)
    house.wait(60)
    house.assert_nothing_left()


# ------------------------------------------------------------------ attended


def consulting(house: House, answered: bool = True) -> tuple[LegId, LegId, LegId, LegId]:
    """Anna talks with Mart, holds him, and calls Li: her leg, Mart's, her second leg, Li's."""
    near, far = between(house)
    house.post(sip.OfferReceived(near, offer().replace(b"a=sendrecv", b"a=sendonly")))
    second = own_call(house, EXTENSION[LI], leg=901)
    (invite,) = house.ringing()
    if answered:
        house.answer(invite)
        house.wait(5)
    return near, far, second, invite.leg


@pytest.mark.parametrize("turned", [False, True])
def test_attended_joins_the_two(turned: bool) -> None:
    house = House()
    near, far, second, third = consulting(house)
    on, replaced = (second, near) if turned else (near, second)
    assert refer(house, on, "softswitch", replaced) == 202
    assert told(house, on) == [200]
    assert bridged(house) == {frozenset((far, third))}
    assert {near, second} <= house.ended_legs
    house.to_queue()
    assert house.rung() == [ANNA]
    house.bye(house.of(sip.InviteReceived)[-1].leg)
    house.bye(third)
    assert far in house.ended_legs
    house.wait(60)
    ready(house)
    house.assert_nothing_left()


@pytest.mark.parametrize("answered", [True, False])
def test_attended_while_it_still_rings(answered: bool) -> None:
    house = House()
    near, far, second, third = consulting(house, answered=False)
    assert refer(house, near, "softswitch", second) == 202
    assert second in house.ended_legs
    if answered:
        house.post(sip.InviteAnswered(third, offer()))
        assert told(house, near) == [200]
        assert bridged(house) == {frozenset((far, third))}
    else:
        house.ended_legs.add(third)
        house.post(sip.LegEnded(third, sip.EndedBy.PEER, 486))
        assert told(house, near) == [486]
        assert bridged(house) == {frozenset((near, far))}
    house.bye(far)
    house.wait(1)
    ready(house)
    house.assert_nothing_left()


def test_attended_needs_the_same_permission() -> None:
    house = House(allowing(to=("departments",)))
    near, far, second, third = consulting(house)
    assert refer(house, near, "softswitch", second) == 403
    assert {near, far, second, third}.isdisjoint(house.ended_legs)
    assert refer(house, second, "softswitch", second) == 603, "the same call twice"


@pytest.mark.parametrize("answered", [True, False])
def test_attended_to_a_department(answered: bool) -> None:
    house = House()
    near, far = between(house)
    second = own_call(house, LINE, leg=901)
    if not answered:
        house.post(acd.AgentWentOnBreak(LI, "x"))
    house.press(second, "1")
    if answered:
        house.answer(house.ringing()[0])
    assert refer(house, near, "softswitch", second) == 202
    assert told(house, near) == [200]
    assert {near, second} <= house.ended_legs
    if not answered:
        house.wait(1)
        assert house.rung() == [ANNA], "he stands in the line"
        house.answer(house.ringing()[0])
    (pair,) = bridged(house)
    assert far in pair
    house.wait(20)
    house.bye(far)
    house.wait(60)
    if answered:
        ready(house)
    house.assert_nothing_left()


def test_somebody_outside_who_was_given_to_a_colleague_goes_on_with_her() -> None:
    before = House(allowing())
    before.register(ANNA, MART)
    near = own_call(before, OUTSIDE)
    far = before.ringing()[0]
    before.answer(far)
    assert refer(before, near, "1001") == 202
    (invite,) = before.ringing()
    before.answer(invite)
    (call,) = kept(before)
    assert call.kind == INTERNAL
    after = next_life(before)
    assert {frozenset((each.leg, each.peer)) for each in after.of(media.Bridge)} == {frozenset((far.leg, invite.leg))}
    assert after.calls.board.own_calls(MART) == [invite.leg], "and nobody else is on a call of her own"
    assert after.calls.board.own_calls(AgentId("pstn")) == []
    after.bye(far.leg)
    assert invite.leg in after.ended_legs
    assert not after.calls.transfers.internal_calls
