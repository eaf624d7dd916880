"""Opening hours as the ACD hears of them, and as callers hear of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from tests.call.house import ANNA, EVERYDAY, House
from tests.call.test_ways_out import CALL_BACK, line

from softswitch.acd import messages as acd
from softswitch.call.hours import is_open, next_change
from softswitch.call.settings import Hours, QueueWays

OFFICE = Hours("office", (((9 * 60, 12 * 60), (13 * 60, 17 * 60)),) * 5 + ((), ()))
# The wall clock of the house: Sunday, 2001-09-09, 02:03:20 UTC.


def test_the_next_change_follows_the_week() -> None:
    friday = datetime(2027, 5, 14, 16, 30, tzinfo=UTC)
    assert next_change(OFFICE, friday) == datetime(2027, 5, 14, 17, 0, tzinfo=UTC)
    assert next_change(OFFICE, datetime(2027, 5, 14, 17, 0, tzinfo=UTC)) == datetime(2027, 5, 17, 9, 0, tzinfo=UTC)
    noon = datetime(2027, 5, 14, 12, 10, tzinfo=UTC)
    assert next_change(OFFICE, noon) == datetime(2027, 5, 14, 13, 0, tzinfo=UTC)


def test_a_holiday_is_skipped_and_a_night_is_no_change() -> None:
    closed = replace(OFFICE, closed_dates=frozenset({"2027-05-17"}))
    friday = datetime(2027, 5, 14, 18, 0, tzinfo=UTC)
    assert next_change(closed, friday) == datetime(2027, 5, 18, 9, 0, tzinfo=UTC)
    always = Hours("always", (((0, 24 * 60),),) * 7)
    assert next_change(always, friday) is None


@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)), st.integers(0, 47))
def test_nothing_changes_before_the_next_change(at: datetime, quarter: int) -> None:
    local = at.replace(tzinfo=ZoneInfo("Europe/Tallinn"))
    change = next_change(OFFICE, local)
    assert change is not None and change > local
    assert is_open(OFFICE, change) != is_open(OFFICE, local)
    between = local + (change - local) * (quarter / 48)
    assert is_open(OFFICE, between) == is_open(OFFICE, local)
    assert is_open(OFFICE, change - timedelta(minutes=1)) == is_open(OFFICE, local)


def closed_house() -> House:
    ways = QueueWays(hours="office", closed=CALL_BACK)
    return House(line(ways, {"office": OFFICE}, call_back=acd.CallBackRule(within_seconds=3600.0)))


def test_tomorrow_from_nine_is_promised_spoken_and_kept() -> None:
    house = closed_house()
    house.register(ANNA)
    leg = house.to_queue()
    assert house.heard(leg)[-1] == "We are closed."
    house.press(leg, "1")
    heard = house.heard(leg)
    assert "We call tomorrow from" in heard
    assert heard[heard.index("We call tomorrow from") + 1] == "nine"
    house.prompt_over(leg)
    assert leg in house.ended_legs
    assert house.rung() == []
    opening = datetime(2001, 9, 10, 9, 0, tzinfo=UTC).timestamp() - 1e9
    house.wait(opening - house.now - 1)
    assert house.rung() == [], "nobody is called in the night"
    house.wait(2)
    assert house.rung() == [ANNA]
    house.answer(house.ringing()[0])
    house.answer(house.ringing()[0])
    assert house.of(acd.PromiseChanged)[-1].state is acd.PromiseState.KEPT


def test_the_queue_opens_and_closes_by_itself() -> None:
    house = closed_house()
    seen = []
    for _ in range(4 * 24):
        seen.append(house.engine.floor.queues[EVERYDAY].is_open)
        house.wait(1800)
    changes = [after for before, after in pairwise(seen) if before != after]
    assert changes == [True, False, True, False], "Monday, with its break"
