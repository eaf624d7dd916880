"""Is a calendar open at this local time? Pure: the caller brings the clock and the time zone."""

from __future__ import annotations

from datetime import datetime

from softswitch.call.settings import Hours


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
