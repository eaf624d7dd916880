"""Is a calendar open at this local time? Pure: the caller brings the clock and the time zone."""

from __future__ import annotations

from datetime import datetime, timedelta

from softswitch.call.settings import Hours

_MOST_DAYS = 400  # a calendar that does not change for longer than this never does


def is_open(hours: Hours, local: datetime) -> bool:
    """Special days come before closed days, and these before the week."""
    day = local.date().isoformat()
    minute = local.hour * 60 + local.minute
    spans = hours.special.get(day)
    if spans is None:
        if day in hours.closed_dates:
            return False
        spans = hours.weekly[local.weekday()]
    return any(begin <= minute < end for begin, end in spans)


def next_change(hours: Hours, local: datetime) -> datetime | None:
    """When the calendar opens (or closes, when it is open) next; None: never."""
    now_open = is_open(hours, local)
    for day in range(_MOST_DAYS):
        date = local.date() + timedelta(days=day)
        midnight = datetime.combine(date, datetime.min.time(), local.tzinfo)
        spans = hours.special.get(date.isoformat())
        if spans is None:
            spans = () if date.isoformat() in hours.closed_dates else hours.weekly[date.weekday()]
        minutes = sorted({0, *(minute for span in spans for minute in span if minute < 24 * 60)})
        for minute in minutes:
            at = midnight.replace(hour=minute // 60, minute=minute % 60)
            if at > local and is_open(hours, at) != now_open:
                return at
    return None
