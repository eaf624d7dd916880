"""Opening hours: the week, closed days, special days, and their edges."""

from __future__ import annotations

from datetime import datetime

import pytest

from softswitch.call.hours import is_open
from softswitch.call.settings import Hours

OFFICE = ((9 * 60, 12 * 60), (13 * 60, 17 * 60 + 30))
HOURS = Hours(
    id="office",
    weekly=(OFFICE, OFFICE, OFFICE, OFFICE, (*OFFICE, (22 * 60, 24 * 60)), ((0, 6 * 60),), ()),
    closed_dates=frozenset({"2026-12-24", "2026-12-25"}),
    special={"2026-12-24": ((10 * 60, 12 * 60),), "2026-11-23": ()},
)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-11-24 08:59", False),
        ("2026-11-24 09:00", True),
        ("2026-11-24 11:59", True),
        ("2026-11-24 12:00", False),
        ("2026-11-24 13:00", True),
        ("2026-11-24 17:29", True),
        ("2026-11-24 17:30", False),
        ("2026-11-27 23:59", True),
        ("2026-11-28 00:00", True),
        ("2026-11-28 06:00", False),
        ("2026-11-29 10:00", False),
        ("2026-12-25 10:00", False),  # a holiday on a Friday
        ("2026-12-24 10:00", True),  # special hours on a holiday
        ("2026-12-24 09:30", False),
        ("2026-11-23 10:00", False),  # a Monday, closed by special
    ],
)
def test_is_open(when: str, expected: bool) -> None:
    assert is_open(HOURS, datetime.fromisoformat(when)) is expected
