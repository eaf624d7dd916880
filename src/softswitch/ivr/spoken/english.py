"""English: "two minutes", "two thirty p.m."; noon and midnight have their own words."""

from __future__ import annotations

from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS, SpokenLanguage

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def _number(n: int) -> str:
    if n < 20:
        return _SMALL[n]
    tens, units = divmod(n, 10)
    return f"{_TENS[tens]}-{_SMALL[units]}" if units else _TENS[tens]


def _past(minute: int) -> str:
    if minute == 0:
        return ""
    return f"oh {_number(minute)}" if minute < 10 else _number(minute)


ENGLISH = SpokenLanguage(
    language="en",
    numbers=tuple(_number(n) for n in range(NUMBERS)),
    minutes=tuple(f"{_number(n)} {'minute' if n == 1 else 'minutes'}" for n in range(LONGEST_MINUTES + 1)),
    hours=tuple(_number(hour % 12 or 12) for hour in range(24)),
    minutes_past=tuple(_past(minute) for minute in range(60)),
    plus="plus",
    day_parts=("a.m.",) * 12 + ("p.m.",) * 12,
    exact_times={(0, 0): "midnight", (12, 0): "noon"},
)
