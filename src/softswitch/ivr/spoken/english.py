"""English tables, with British "and": "two minutes", "two thirty p.m.", "one hundred and five euros and ten cents".

Noon and midnight have their own words. Years before 2000 and from 2010 on are said in pairs (Cambridge Dictionary,
About words: numbers, dates and times; "and" before tens and units: Huddleston and Pullum, The Cambridge Grammar, 19).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS, SpokenLanguage
from softswitch.ivr.spoken.values import Currency, Noun, SpokenValues, Words, noun

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    *("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth"),
    "nineteenth",
)
_TENTHS = {20: "twentieth", 30: "thirtieth"}


def _number(n: int) -> str:
    if n < 20:
        return _SMALL[n]
    tens, units = divmod(n, 10)
    return f"{_TENS[tens]}-{_SMALL[units]}" if units else _TENS[tens]


def _past(minute: int) -> str:
    if minute == 0:
        return ""
    return f"oh {_number(minute)}" if minute < 10 else _number(minute)


def _ordinal(day: int) -> str:
    if day < 20:
        return _ORDINALS[day - 1]
    return _TENTHS.get(day) or f"{_TENS[day // 10]}-{_ORDINALS[day % 10 - 1]}"


def _part_of_day(hour: int) -> str:
    if hour < 5 or hour >= 22:
        return "at night"
    return "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"


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


class EnglishValues(SpokenValues):
    table = ENGLISH
    minus = "minus"
    point = "point"
    link = "and"
    currencies: ClassVar[Mapping[str, Currency]] = {
        "EUR": Currency(noun("euro", "euros"), noun("cent", "cents")),
        "USD": Currency(noun("dollar", "dollars"), noun("cent", "cents")),
        "GBP": Currency(noun("pound", "pounds"), noun("penny", "pence")),
        "CZK": Currency(noun("koruna", "korunas"), noun("heller", "hellers")),
        "CNY": Currency(noun("yuan", "yuan"), noun("fen", "fen")),
    }
    second = noun("second", "seconds")
    minute = noun("minute", "minutes")
    hour = noun("hour", "hours")
    day = noun("day", "days")
    months = (
        *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
        *("November", "December"),
    )

    def cardinal(self, number: int) -> Words:
        if number == 0:
            return (_SMALL[0],)
        words: list[str] = []
        for size, name in _SCALES:
            count, number = divmod(number, size)
            if count:
                words += self._hundreds(count)
                words.append(f"{name} and" if 0 < number < 100 else name)
        return (*words, *self._hundreds(number))

    def _hundreds(self, number: int) -> Words:
        hundreds, rest = divmod(number, 100)
        low = (_number(rest),) if rest else ()
        if not hundreds:
            return low
        return (f"{_SMALL[hundreds]} hundred{' and' if rest else ''}", *low)

    def counted(self, number: int, what: Noun) -> Words:
        return (*self.cardinal(number), what.one if number == 1 else what.many)

    def year(self, year: int) -> Words:
        century, rest = divmod(year, 100)
        if century % 10 == 0 and rest < 10:
            return self.cardinal(year)
        if not rest:
            return (_number(century), "hundred")
        return (_number(century), f"oh {_SMALL[rest]}" if rest < 10 else _number(rest))

    def day_and_month(self, day: int, month: int) -> Words:
        return (f"the {_ordinal(day)} of", self.months[month - 1])

    def clock(self, hour: int, minute: int) -> Words:
        if (hour, minute) in ENGLISH.exact_times:
            return (ENGLISH.exact_times[hour, minute],)
        part = _part_of_day(hour)
        this, following = ENGLISH.hours[hour], ENGLISH.hours[(hour + 1) % 24]
        if minute == 0:
            return (this, "o'clock", part)
        if minute % 5:
            return (this, ENGLISH.minutes_past[minute], part)
        if minute <= 30:
            return ({15: "quarter past", 30: "half past"}.get(minute) or f"{_number(minute)} past", this, part)
        return ("quarter to" if minute == 45 else f"{_number(60 - minute)} to", following, part)
