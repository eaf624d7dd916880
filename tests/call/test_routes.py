"""Ways out: which trunk, which one next and after what, call-backs while no trunk is up; the bell before an answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from tests.call.house import ANNA, House, make_settings, offer
from tests.call.test_call_back import called_back, choosing, promise

from softswitch.acd import messages as acd
from softswitch.call.records import CallDetail
from softswitch.call.routes import Routes, had_no_room, matches, sent_away
from softswitch.call.settings import RouteSettings
from softswitch.ids import LegId, TrunkId
from softswitch.media import messages as media
from softswitch.sip import messages as sip
from softswitch.sip.number_plan import NumberPlan

A, B, C = TrunkId("a"), TrunkId("b"), TrunkId("c")
DEFAULT = RouteSettings("", ())
NUMBER = "+3725550001"


def trunk(name: TrunkId, **changes: Any) -> sip.TrunkSettings:
    return sip.TrunkSettings(name, (), f"192.0.2.{ord(name)}", **changes)


def house(*steps: tuple[tuple[TrunkId, int], ...], trunks: tuple[sip.TrunkSettings, ...] = (), **more: Any) -> House:
    plain = make_settings()
    pstn = plain.sip.trunks[0]
    route = RouteSettings("out", steps, **more)
    found = (pstn, *(trunks or (trunk(A), trunk(B), trunk(C))))
    return House(replace(plain, sip=replace(plain.sip, trunks=found), call=replace(plain.call, call_back_route=route)))


def failed(there: House, invite: sip.StartInvite, by: sip.EndedBy, status: int, cause: int | None = None) -> None:
    there.ended_legs.add(invite.leg)
    there.post(sip.LegEnded(invite.leg, by, status, cause))


def to_customer(there: House) -> sip.StartInvite:
    (found,) = [each for each in there.ringing() if each.trunk is not None]
    return found


# ------------------------------------------------------------------ failover by cause

PEER, SILENT, GONE = sip.EndedBy.PEER, sip.EndedBy.TIMEOUT, sip.EndedBy.TRANSPORT
MATRIX = [
    # by, status, Q.850, goes on by default, goes on with [404, 5xx]
    (PEER, 503, None, True, True),
    (PEER, 302, None, True, True),  # reached nobody
    (PEER, 380, None, True, True),
    (PEER, 500, None, True, True),
    (PEER, 502, 38, True, True),
    (PEER, 503, 17, False, False),  # busy, whatever the gateway calls it
    (PEER, 500, 1, False, True),  # no such number: 404
    (PEER, 404, None, False, True),
    (PEER, 404, 1, False, True),
    (PEER, 486, None, False, False),
    (PEER, 600, None, False, False),
    (PEER, 603, 21, False, False),
    (PEER, 480, 18, False, False),
    (PEER, 487, None, False, False),
    (PEER, 408, None, True, False),
    (PEER, 501, None, False, True),
    (PEER, 403, None, False, False),
    (SILENT, 408, None, True, False),
    (GONE, 503, None, True, False),
    (GONE, 503, 34, True, True),  # our own limits: the trunk was not asked
    (GONE, 503, 42, True, True),
    (sip.EndedBy.US, 487, None, False, False),
]


@pytest.mark.parametrize(("by", "status", "cause", "default", "listed"), MATRIX)
def test_what_goes_on_to_the_next_trunk(
    by: sip.EndedBy, status: int, cause: int | None, default: bool, listed: bool
) -> None:
    for next_on, expected in ((DEFAULT.next_on, default), (("404", "5xx"), listed)):
        there = house(((A, 1),), ((B, 1),), next_on=next_on)
        first = called_back(there)[1]
        assert first.trunk == A
        failed(there, first, by, status, cause)
        assert [each.trunk for each in there.ringing() if each.trunk] == ([B] if expected else [])
        ended = sip.LegEnded(LegId(1), by, status, cause)
        assert (matches(next_on, ended) or had_no_room(ended) or sent_away(ended)) == expected
        if not expected:
            assert promise(there).because in ("customer not reached", "not tried")


def test_the_last_trunk_answers_and_the_promise_is_kept() -> None:
    there = house(((A, 1),), ((B, 1),), ((C, 1),))
    first = called_back(there)[1]
    assert (first.answer_within, first.target) == (5.0, "sip:+3725550001@192.0.2.97:5060")
    failed(there, first, PEER, 503)
    second = to_customer(there)
    failed(there, second, SILENT, 408)
    third = to_customer(there)
    assert [first.trunk, second.trunk, third.trunk] == [A, B, C]
    assert third.answer_within == 0.0
    there.answer(third)
    assert promise(there).state is acd.PromiseState.KEPT
    details = {each.party: (each.status, each.cause) for each in there.of(CallDetail) if each.party in ("a", "b")}
    assert details == {"a": (503, 41), "b": (408, 102)}


MOVED, OURS = "+3725550077", "+3726001210"


def moved(there: House, invite: sip.StartInvite, to: str, trunk_id: TrunkId | None) -> None:
    there.ended_legs.add(invite.leg)
    there.post(sip.LegEnded(invite.leg, PEER, 302, moved_to=to, moved_trunk=trunk_id))


def test_a_trunk_that_redirects_is_followed_to_another_trunk_and_asked_for_that_number() -> None:
    there = house(((A, 1),), ((B, 1),))
    first = called_back(there)[1]
    moved(there, first, MOVED, C)
    second = to_customer(there)
    assert (second.trunk, second.target) == (C, f"sip:{MOVED}@192.0.2.99:5060")
    failed(there, second, PEER, 503)
    third = to_customer(there)
    assert (third.trunk, third.target) == (B, f"sip:{NUMBER}@192.0.2.98:5060"), "the route goes on where it was"
    there.answer(third)
    assert promise(there).state is acd.PromiseState.KEPT


def test_redirections_round_and_round_end() -> None:
    there = house(((A, 1),), ((B, 1),))
    invite, trunks = called_back(there)[1], []
    for to in (C, A, C, A, C):
        trunks.append(invite.trunk)
        moved(there, invite, MOVED, to)
        left = [each for each in there.ringing() if each.trunk is not None]
        if not left:
            break
        (invite,) = left
    assert trunks == [A, C, A, B]
    assert promise(there).because in ("customer not reached", "not tried")


@pytest.mark.parametrize(
    ("to", "trunk_id"),
    [("+3729001234", C), (OURS, C), ("112", C), ("", C), (MOVED, None), (MOVED, TrunkId("gone"))],
)
def test_a_redirection_that_is_not_followed_takes_the_next_trunk(to: str, trunk_id: TrunkId | None) -> None:
    """A premium number: the rule book is asked for where it leads. Our own numbers and those of emergencies pass all
    rules and caps, and are not where a customer is."""
    there = house(((A, 1),), ((B, 1),))
    book = there.calls.board.dialling.settings
    there.calls.board.dialling.settings = replace(book, plan=replace(book.plan, own_numbers=frozenset((OURS,))))
    moved(there, called_back(there)[1], to, trunk_id)
    assert (to_customer(there).trunk, to_customer(there).target) == (B, f"sip:{NUMBER}@192.0.2.98:5060")


def test_all_trunks_fail_and_nothing_is_left() -> None:
    there = house(((A, 1),), ((B, 1),))
    failed(there, called_back(there)[1], PEER, 503)
    failed(there, to_customer(there), PEER, 503)
    assert (promise(there).state, promise(there).attempts) == (acd.PromiseState.OPEN, 0)
    assert there.state(ANNA) is acd.AgentState.READY


def test_a_trunk_without_room_is_waited_for() -> None:
    there = house(((A, 1),), ((B, 1),))
    failed(there, called_back(there)[1], GONE, 503, 42)
    failed(there, to_customer(there), GONE, 503, 34)
    assert there.ringing() == [] and there.state(ANNA) is not acd.AgentState.READY
    there.wait(1.0)
    again = to_customer(there)
    assert again.trunk == A
    there.answer(again)
    assert promise(there).state is acd.PromiseState.KEPT


def test_but_not_for_ever() -> None:
    there = house(((A, 1),))
    invite = called_back(there)[1]
    for _ in range(100):
        failed(there, invite, GONE, 503, 42)
        there.wait(1.0)
        waiting = [each for each in there.ringing() if each.trunk]
        if not waiting:
            break
        (invite,) = waiting
    assert (promise(there).state, promise(there).attempts) == (acd.PromiseState.OPEN, 0)
    assert there.state(ANNA) is acd.AgentState.READY


def test_she_hangs_up_while_it_waits_for_room() -> None:
    there = house(((A, 1),))
    to_anna, invite = called_back(there)
    failed(there, invite, GONE, 503, 42)
    there.bye(to_anna.leg)
    there.wait(5)
    assert there.ringing() == [] or all(each.trunk is None for each in there.ringing())
    assert promise(there).attempts == 0


# ------------------------------------------------------------------ order


def routes(*steps: tuple[tuple[TrunkId, int], ...]) -> Routes:
    return house(*steps).calls.routes


def test_weights_are_kept_exactly() -> None:
    ways = routes(((A, 3), (B, 1)), ((C, 1),))
    firsts = [ways.plan()[0].id for _ in range(400)]
    assert Counter(firsts) == {A: 300, B: 100}
    assert firsts[:4] != [A, A, A, B]  # spread, not in blocks
    assert all([each.id for each in ways.plan()][-1] == C for _ in range(4))


@budget(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=3), st.sets(st.sampled_from([A, B, C]), max_size=3))
def test_every_plan_has_each_trunk_that_is_up_once(weights: list[int], down: set[TrunkId]) -> None:
    ways = routes(tuple(zip((A, B, C), weights, strict=False)))
    for name in sorted(down):
        ways.trunk_answering(sip.TrunkAnswering(name, False))
    expected = {name for name, _ in zip((A, B, C), weights, strict=False)} - down
    for _ in range(sum(weights)):
        plan = [each.id for each in ways.plan()]
        assert len(plan) == len(set(plan)) and set(plan) == expected
    assert ways.open == bool(expected)


# ------------------------------------------------------------------ trunks that are down


def test_call_backs_wait_for_a_trunk_and_use_up_nothing() -> None:
    there = house(((A, 1),), ((B, 1),))
    leg = choosing(there)
    there.press(leg, "3")
    there.prompt_over(leg)
    for name in (A, B):
        there.post(sip.TrunkAnswering(name, False))
    (talk,) = (each.leg for each in there.calls.sessions.values())
    there.bye(talk.id)
    there.wait(60)
    assert there.ringing() == [], "nobody is rung for a call that cannot be made"
    assert there.state(ANNA) is acd.AgentState.READY
    there.post(sip.TrunkAnswering(B, True))
    there.answer(there.ringing()[0])
    invite = to_customer(there)
    assert invite.trunk == B
    there.answer(invite)
    assert (promise(there).state, promise(there).attempts) == (acd.PromiseState.KEPT, 0)


def test_a_customer_who_did_not_answer_is_not_called_earlier_for_a_trunk_that_came_back() -> None:
    there = house(((A, 1),))
    there.refuse(called_back(there)[1], 486)
    for up in (False, True, False, True):
        there.post(sip.TrunkAnswering(A, up))
        there.wait(10)
    assert there.ringing() == []
    there.wait(30)
    assert len(there.ringing()) == 1


def test_the_pause_ends_while_no_trunk_is_up() -> None:
    there = house(((A, 1),))
    there.refuse(called_back(there)[1], 486)
    there.post(sip.TrunkAnswering(A, False))
    there.wait(200)
    assert there.ringing() == []
    there.post(sip.TrunkAnswering(A, True))
    assert len(there.ringing()) == 1


def test_a_promise_is_broken_when_no_trunk_comes_back() -> None:
    there = house(((A, 1),))
    leg = choosing(there)
    there.press(leg, "3")
    there.prompt_over(leg)
    there.post(sip.TrunkAnswering(A, False))
    (talk,) = (each.leg for each in there.calls.sessions.values())
    there.bye(talk.id)
    there.wait(100_000)
    assert (promise(there).state, promise(there).because) == (acd.PromiseState.BROKEN, "no trunk was up in time")
    assert not there.engine.floor.promises


# ------------------------------------------------------------------ numbers, codecs, privacy


def test_numbers_go_out_as_the_trunk_wants_them() -> None:
    there = house(((A, 1),), trunks=(trunk(A, numbers=NumberPlan("EE", outgoing="international"), codecs=("PCMA",)),))
    invite = called_back(there)[1]
    assert invite.target == "sip:003725550001@192.0.2.97:5060"
    assert invite.caller.startswith("00372")
    assert b"RTP/AVP 8 " in invite.sdp and b"PCMU" not in invite.sdp


def come(there: House, **changes: Any) -> LegId:
    values: dict[str, Any] = {"caller": NUMBER, "caller_name": "Bob", "sdp": offer(), **changes}
    leg = LegId(77)
    origin = sip.Origin(trunk=there.settings.sip.trunks[0].id)
    flow = sip.Flow("udp", ("127.0.0.1", 5060), ("127.0.0.2", 5060))
    there.post(sip.InviteReceived(leg, origin, "+3726310000", values.pop("caller"), flow=flow, **values))
    return leg


def test_a_private_caller_is_recognised_but_not_shown() -> None:
    there = House()
    there.register(ANNA)
    leg = come(there, private=True, forwarded=(sip.Forwarded("+3721", "no-answer"),))
    there.press(leg, "1")
    (ring,) = there.ringing()
    assert (ring.private, ring.forwarded) == (True, (sip.Forwarded("+3721", "no-answer"),))
    facts = there.session_of(leg).leg.facts
    assert (facts.caller, facts.shown_caller, facts.forwarded_from) == (NUMBER, "", "+3721")
    assert not there.session_of(leg).waiting.can_be_called_back


# ------------------------------------------------------------------ the bell


def with_bell(**changes: Any) -> House:
    plain = make_settings()
    trunks = (replace(plain.sip.trunks[0], ring_seconds=2.0, **changes), *plain.sip.trunks[1:])
    return House(replace(plain, sip=replace(plain.sip, trunks=trunks)))


@pytest.mark.parametrize(("early", "sdp", "status"), [(False, offer(), 180), (True, offer(), 183), (True, None, 180)])
def test_callers_hear_the_bell_first(early: bool, sdp: bytes | None, status: int) -> None:
    there = with_bell(early_media=early)
    leg = come(there, sdp=sdp)
    (told,) = there.of(sip.RespondProvisional)
    assert (told.leg, told.status, told.sdp is not None) == (leg, status, status == 183)
    assert ("tone:ringback" in there.heard(leg)) == (status == 183)
    there.wait(1.9)
    assert there.of(sip.Answer) == []
    there.wait(0.2)
    (answer,) = there.of(sip.Answer)
    assert status != 183 or answer.sdp == told.sdp
    assert bool(there.of(media.StopPlay)) == (status == 183)


def test_who_hangs_up_at_the_bell_is_not_answered() -> None:
    there = with_bell()
    leg = come(there)
    there.ended_legs.add(leg)
    there.post(sip.LegEnded(leg, PEER, 487))
    there.wait(10)
    assert there.of(sip.Answer) == []
    there.assert_nothing_left()
