"""Opening hours as they are written."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from softswitch.call.hours import is_open
from softswitch.call.settings import Hours
from softswitch.config.calendars import public_holidays
from softswitch.config.problems import Place, Placed, Report

CLOSED = '{ "1": { queue: sales } }'


def hours(directory: Any, text: str) -> Hours:
    return directory.load(hours=f"{{ office: {text} }}").call.hours["office"]


def test_a_week(directory: Any) -> None:
    found = hours(directory, "{ open: { mon-thu: 09:00-17:30, fri: [09:00-12:00, 13:00-16:00] }, holidays: none }")
    assert found.weekly[:4] == (((540, 1050),),) * 4
    assert found.weekly[4:] == (((540, 720), (780, 960)), (), ())
    assert found.closed_dates == frozenset()


def test_hours_over_midnight_reach_into_the_next_day(directory: Any) -> None:
    found = hours(directory, "{ open: { sun: 22:00-06:00, mon: 12:00-24:00 }, holidays: none }")
    assert found.weekly[6] == ((1320, 1440),)
    assert found.weekly[0] == ((0, 360), (720, 1440))
    assert is_open(found, datetime(2026, 11, 22, 23, 0))
    assert is_open(found, datetime(2026, 11, 23, 5, 59))
    assert not is_open(found, datetime(2026, 11, 23, 6, 0))


def test_public_holidays_of_the_country_of_the_line() -> None:
    report = Report()
    found = public_holidays(Placed("EE", Place("x")), 2026, report)
    assert {"2026-02-24", "2026-12-24", "2040-02-24"} <= found
    assert report.problems == []


def test_holidays_special_days_and_closed_days(directory: Any) -> None:
    year = date.today().year
    found = hours(
        directory,
        f"{{ open: {{ mon-sun: 00:00-24:00 }}, closed: [{year}-03-03],"
        f" special: {{ {year}-12-24: 09:00-12:00, {year}-03-04: closed }} }}",
    )
    assert not is_open(found, datetime(year, 2, 24, 12, 0))
    assert not is_open(found, datetime(year, 3, 3, 12, 0))
    assert not is_open(found, datetime(year, 3, 4, 12, 0))
    assert is_open(found, datetime(year, 12, 24, 11, 0))
    assert is_open(found, datetime(year, 3, 5, 0, 0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ open: { mon: 9-17 } }", 'expected hours like 09:00-17:30, found "9-17"'),
        ("{ open: { mon: 09:00-25:00 } }", "09:00-25:00 is no time of the day; like 09:00-17:30"),
        ("{ open: { mon: 09:60-12:00 } }", "09:60-12:00 is no time of the day; like 09:00-17:30"),
        ("{ open: { mon: 09:00-09:00 } }", "09:00-09:00 is empty; all day is 00:00-24:00"),
        ("{ open: { mon: [09:00-12:00, 11:00-14:00] } }", "the hours overlap"),
        ("{ open: { mon-fri: 09:00-12:00, wed: 09:00-17:00 } }", "wed has hours already, by mon-fri"),
        ("{ open: { fri-mon: 09:00-12:00 } }", "fri-mon runs backwards; write it as two keys"),
        ("{ open: { monday: 09:00-12:00 } }", 'expected days like mon-fri or sat, found "monday"'),
        ("{ open: {}, closed: [24.12.2026] }", 'expected a date like 2027-12-24, found "24.12.2026"'),
        ("{ open: {}, closed: [2026-02-30] }", "2026-02-30 is no day of the calendar"),
        ("{ open: {}, special: { 2026-12-24: 22:00-02:00 } }", "hours of a special day end at 24:00; the rest belong"),
        ("{ open: {}, holidays: XX }", 'the public holidays of "XX" are not known; write holidays: none'),
        ("{ open: {}, holidays: EE-99 }", 'the public holidays of "EE-99" are not known; write holidays: none'),
        ("{ closed: [] }", "a calendar needs the key open"),
    ],
)
def test_mistakes(directory: Any, text: str, message: str) -> None:
    found = directory.check(hours=f"{{ office: {text} }}")
    assert len(found) == 1, found
    assert message in found[0]
    assert found[0].startswith("line.yaml:6:")
