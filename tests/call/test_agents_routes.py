"""Numbers outside that agents want, transfers as their own calls: over the trunks of the route, as call-backs are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, House, offer
from tests.call.test_routes import MATRIX, A, B, C, failed, trunk
from tests.call.test_transfers import OUTSIDE, allowing, bridged, own_call, refer, talking, told

from softswitch.call.settings import RouteSettings
from softswitch.ids import TrunkId
from softswitch.sip import messages as sip

PEER = sip.EndedBy.PEER


def routed(*steps: tuple[tuple[TrunkId, int], ...], through: TrunkId | None = None, **more: Any) -> House:
    plain = allowing(to=("extensions", "outside"), trunk=through)
    trunks = (*plain.sip.trunks, trunk(A), trunk(B), trunk(C))
    call = replace(plain.call, call_back_route=RouteSettings("out", steps, **more))
    return House(replace(plain, sip=replace(plain.sip, trunks=trunks), call=call))


def rung(house: House) -> list[TrunkId | None]:
    return [each.trunk for each in house.ringing()]


@pytest.mark.parametrize("how", ["transfer", "own call"])
@pytest.mark.parametrize(("by", "status", "cause", "default", "listed"), MATRIX)
def test_which_failures_go_on(
    how: str, by: sip.EndedBy, status: int, cause: int | None, default: bool, listed: bool
) -> None:
    del listed
    house = routed(((A, 1),), ((B, 1),))
    if how == "transfer":
        caller, hers = talking(house)
        assert refer(house, hers, OUTSIDE) == 202
    else:
        house.register(ANNA)
        hers = own_call(house, OUTSIDE)
    (first,) = house.ringing()
    assert (first.trunk, first.answer_within) == (A, 5.0)
    failed(house, first, by, status, cause)
    assert rung(house) == ([B] if default else [])
    if default:
        (second,) = house.ringing()
        assert (second.target, second.answer_within) == (f"sip:{OUTSIDE}@192.0.2.98:5060", 0.0)
        house.answer(second)
        other = caller if how == "transfer" else hers
        assert bridged(house) == {frozenset((other, second.leg))}
    elif how == "transfer":
        assert bridged(house) == {frozenset((caller, hers))}, "he is back with her"
    for leg in list(house.calls.board.live_legs()):
        house.bye(leg.id)
    house.wait(60)
    house.assert_nothing_left()
    assert not house.calls.board.dialling.ledger.busy


def test_all_trunks_fail_and_he_is_back_with_her() -> None:
    house = routed(((A, 1),), ((B, 1),))
    caller, hers = talking(house)
    refer(house, hers, OUTSIDE)
    failed(house, house.ringing()[0], PEER, 503)
    failed(house, house.ringing()[0], sip.EndedBy.TRANSPORT, 503, 34)
    assert told(house, hers) == [503], "once"
    assert bridged(house) == {frozenset((caller, hers))}


def test_trunks_that_are_down_are_left_out_and_tried_when_there_is_no_other() -> None:
    house = routed(((A, 1),), ((B, 1),))
    house.register(ANNA)
    house.post(sip.TrunkAnswering(A, False))
    leg = own_call(house, OUTSIDE)
    assert rung(house) == [B]
    house.bye(leg)
    house.post(sip.TrunkAnswering(B, False))
    own_call(house, OUTSIDE, leg=901)
    assert rung(house) == [A]


def test_a_trunk_of_their_own_is_the_only_one() -> None:
    house = routed(((A, 1),), ((B, 1),), through=C)
    house.register(ANNA)
    own_call(house, OUTSIDE)
    assert rung(house) == [C]
    failed(house, house.ringing()[0], PEER, 503)
    assert [each.status for each in house.of(sip.Reject)] == [503]
    house.assert_nothing_left()


def test_what_was_heard_of_the_first_trunk_is_over() -> None:
    house = routed(((A, 1),), ((B, 1),))
    caller, hers = talking(house)
    refer(house, hers, OUTSIDE)
    first = house.ringing()[0]
    house.post(sip.InviteProgressed(first.leg, 183, offer()))
    assert bridged(house) == {frozenset((caller, first.leg))}
    failed(house, first, PEER, 503)
    assert house.heard(caller)[-1] == "tone:ringback"
    assert bridged(house) == set()
    house.bye(caller)
    assert house.ringing() == []
    house.wait(60)
    house.assert_nothing_left()


def test_he_hangs_up_or_time_is_up_and_no_further_trunk_is_tried() -> None:
    house = routed(((A, 1),), ((B, 1),))
    caller, hers = talking(house)
    refer(house, hers, OUTSIDE)
    house.wait(31)
    assert (told(house, hers), rung(house)) == ([408], [])
    refer(house, hers, OUTSIDE)
    house.bye(caller)
    assert rung(house) == []
    house.wait(60)
    house.assert_nothing_left()


def test_an_update_while_the_trunk_rings_is_answered() -> None:
    house = routed(((A, 1),))
    house.register(ANNA)
    leg = own_call(house, OUTSIDE)
    house.post(sip.InviteProgressed(house.ringing()[0].leg, 183, offer()))
    house.post(sip.OfferReceived(leg, offer().replace(b"30000", b"30002")))
    assert [each.status for each in house.of(sip.AnswerOffer)] == [200], "else no later offer is taken"
    house.bye(leg)
    house.assert_nothing_left()


def test_an_answer_that_crosses_the_end_is_hung_up() -> None:
    house = routed(((A, 1),), ((B, 1),))
    house.register(ANNA)
    leg = own_call(house, OUTSIDE)
    (invite,) = house.ringing()
    house.ended_legs.add(invite.leg)  # its end is slow to come
    house.bye(leg)
    house.post(sip.InviteAnswered(invite.leg, offer()))
    assert [each.leg for each in house.of(sip.Hangup)] == [invite.leg] * 2
    assert rung(house) == [] and bridged(house) == set()
    house.post(sip.LegEnded(invite.leg, PEER, 503))
    assert rung(house) == [], "nor does the next trunk ring"
    house.assert_nothing_left()
