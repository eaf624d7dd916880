"""A restart is no way round the caps of dialling: what was kept by one process counts in the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, House, make_settings
from tests.call.test_transfers import OUTSIDE, own_call

from softswitch.call.dial_settings import Caps, DialRule, DialSettings
from softswitch.call.leg import LegFacts
from softswitch.call.phone_number import NumberPlan
from softswitch.call.records import DialPast, DialRecord, DialRestored
from softswitch.ids import LegId
from softswitch.sip import messages as sip


def house(**caps: Any) -> House:
    base = make_settings()
    rule = DialRule(to=("mobile",), who="agents", agents=(ANNA,))
    book = DialSettings(NumberPlan("EE"), (rule,), account=Caps(**caps), prices=(("mobile", 0.5),))
    there = House(replace(base, call=replace(base.call, dialling=book)))
    there.register(ANNA)
    return there


def kept(there: House) -> dict[LegId, DialRecord]:
    return {each.leg: each for each in there.of(DialRecord)}


def past(calls: list[DialRecord]) -> DialPast:
    """As the store reads it (tests/store/test_dialled.py)."""
    over = [(each, each.ended_at - (each.answered_at or each.ended_at)) for each in calls if each.ended_at is not None]
    used = tuple((each.account, seconds, seconds / 60 * each.per_minute) for each, seconds in over)
    starts = tuple((each.account, each.began_at) for each in calls)
    return DialPast(used, starts, tuple(each for each in calls if each.ended_at is None))


def next_life(before: House, away: float = 2.0, going_on: frozenset[LegId] = frozenset(), **caps: Any) -> House:
    after = house(**caps)
    after.now = before.now + away
    for port, leg in enumerate(sorted(going_on)):
        facts = LegFacts("out", "trunk", "", OUTSIDE, before.now)
        after.calls.board.leg_goes_on(leg, 30_000 + 2 * port, facts)
    after.post(DialRestored(past(list(kept(before).values())), going_on))
    return after


def dial(there: House, leg: int, talk: float = 0.0, over: bool = True) -> bool:
    """Was it placed?"""
    own_call(there, OUTSIDE, leg=leg)
    found = there.ringing()
    if not found:
        return False
    if talk:
        there.answer(found[0])
        there.wait(talk)
    if over:
        there.bye(LegId(leg))
    return True


CAPS: list[dict[str, Any]] = [{"calls": 3, "per_seconds": 60.0}, {"minutes": 3.0}, {"spend": 1.5}]


@pytest.mark.parametrize("caps", CAPS, ids=str)
def test_a_crash_after_every_call_allows_no_more_than_none(caps: dict[str, Any]) -> None:
    """The same calls in one process, and in a new one each: the same number of them is placed."""
    steady, placed = house(**caps), 0
    while dial(steady, 900 + placed, 60.0 if "calls" not in caps else 1.0):
        placed += 1
        steady.wait(2.0)
    assert placed == 3
    there, in_all, records = house(**caps), 0, list[DialRecord]()
    for life in range(10):
        if not dial(there, 900 + life, 60.0 if "calls" not in caps else 1.0):
            break
        in_all += 1
        records += kept(there).values()
        before, there = there, house(**caps)
        there.now = before.now + 2.0
        there.post(DialRestored(past(records), frozenset()))
    assert in_all == placed


def test_a_call_that_a_crash_cut_off_counts_until_the_start_and_ends_there() -> None:
    before = house(minutes=2.0)
    assert dial(before, 900, talk=90.0, over=False)
    after = next_life(before, away=31.0, minutes=2.0)
    (record,) = kept(after).values()
    assert record.ended_at == after.calls.board.line.wall(after.now)
    assert not after.calls.board.dialling.ledger.busy
    assert not dial(after, 901)
    assert "minutes of this day are used up" in after.of(sip.SecurityEvent)[-1].detail


def test_a_call_that_goes_on_runs_and_counts_as_one_at_once() -> None:
    before = house(at_once=1)
    assert dial(before, 900, talk=30.0, over=False)
    leg = next(iter(kept(before)))
    after = next_life(before, going_on=frozenset((leg,)), at_once=1)
    assert kept(after) == {}
    ledger = after.calls.board.dialling.ledger
    assert ledger.accounts["agent anna"].used(after.now)[0] == pytest.approx(32.0 / 60)
    assert not dial(after, 901)
    ledger.ended(leg, after.now, 0)
    assert dial(after, 902)


def test_a_call_that_ended_while_the_database_was_read_does_not_run_for_ever() -> None:
    """Nobody would ever end it: the account could not dial again until the next start."""
    before = house(at_once=1)
    assert dial(before, 900, talk=30.0, over=False)
    (leg,) = kept(before)
    after = house(at_once=1)
    after.now = before.now + 2.0
    after.post(DialRestored(past(list(kept(before).values())), frozenset((leg,))))  # its leg is no more
    (record,) = kept(after).values()
    assert record.ended_at == after.calls.board.line.wall(after.now)
    assert dial(after, 901)


def test_nothing_is_kept_where_nothing_is_capped() -> None:
    there = house()
    assert dial(there, 900, talk=5.0)
    assert there.of(DialRecord) == []
    assert there.calls.board.dialling.looks_back is None


def test_each_call_is_written_when_it_begins_is_answered_and_ends() -> None:
    there = house(at_once=5)
    assert dial(there, 900, talk=10.0)
    wall = there.calls.board.line.wall
    first, second, third = there.of(DialRecord)
    assert (first.account, first.per_minute, first.answered_at, first.ended_at) == ("agent anna", 0.5, None, None)
    assert (second.answered_at, second.ended_at) == (wall(there.now - 10), None)
    assert third == replace(second, ended_at=wall(there.now))
