"""Estonian: the counted noun is in the partitive after every number but one itself ("üks minut", "kaks minutit",
"kakskümmend üks minutit"). Times are read on the 24-hour clock in the nominative, as after "kell"."""

from __future__ import annotations

from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS, SpokenLanguage

_UNITS = ("null", "üks", "kaks", "kolm", "neli", "viis", "kuus", "seitse", "kaheksa", "üheksa")


def _number(n: int) -> str:
    if n < 10:
        return _UNITS[n]
    if n == 10:
        return "kümme"
    if n < 20:
        return f"{_UNITS[n - 10]}teist"
    tens, units = divmod(n, 10)
    return f"{_UNITS[tens]}kümmend {_UNITS[units]}" if units else f"{_UNITS[tens]}kümmend"


def _past(minute: int) -> str:
    if minute == 0:
        return ""
    return f"null {_number(minute)}" if minute < 10 else _number(minute)


ESTONIAN = SpokenLanguage(
    language="et",
    numbers=tuple(_number(n) for n in range(NUMBERS)),
    minutes=tuple(f"{_number(n)} {'minut' if n == 1 else 'minutit'}" for n in range(LONGEST_MINUTES + 1)),
    hours=tuple(_number(hour) for hour in range(24)),
    minutes_past=tuple(_past(minute) for minute in range(60)),
    plus="pluss",
)
