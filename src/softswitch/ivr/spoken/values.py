"""How a value becomes words: numbers, money, dates, times of day, lengths of time and digits.

A language says how it counts (`cardinal`, `counted`) and names its nouns; everything else is put together here. The
words of a value are a tuple of prompts from a closed list (`vocabulary`), so that each can be rendered beforehand;
joined they are the text that a speech engine speaks in one go (`text_of`). A word that ends in `GLUE` is written
together with the next one, as Italian numbers are. `PAUSE` stands between the groups of a telephone number.

Limits: whole numbers below 10^12, money with two decimals (half a cent is rounded up), years 1000 to 2999, lengths of
time below 100 days.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as Day
from decimal import ROUND_HALF_UP, Decimal
from typing import ClassVar

from softswitch.ivr.spoken.table import SpokenLanguage

Words = tuple[str, ...]

GLUE = "\u2060"
PAUSE = ","
LIMIT = 10**12
LONGEST_SECONDS = 100 * 86400
MOST_DECIMALS = 6
_DECIMAL = re.compile(r"[+-]?[0-9]{1,15}(?:[.,][0-9]{1,9})?\Z")
_DATE = re.compile(r"([12][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::[0-5][0-9])?\Z")
_SECONDS = re.compile(r"([0-9]{1,9})(?:\.[0-9]+)?\Z")
_NOT_TOLD = frozenset("0123456789+")
_FROM_ABROAD = 10  # digits: 00, a calling code and a number behind it
# E.164: calling codes of one and of two digits; all others have three.
_ONE_DIGIT = frozenset("17")
_TWO_DIGITS = frozenset(
    (
        *("20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49"),
        *("51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84"),
        *("86", "90", "91", "92", "93", "94", "95", "98"),
    )
)


@dataclass(frozen=True, slots=True)
class Noun:
    """What is counted: its gender ("m", "f", "n", or "" where it does not matter), and its forms after one, after a few
    (Czech: two to four) and after many."""

    gender: str
    one: str
    few: str
    many: str


@dataclass(frozen=True, slots=True)
class Currency:
    """The unit, and the hundredth of it."""

    major: Noun
    minor: Noun


def noun(one: str, many: str, gender: str = "") -> Noun:
    return Noun(gender, one, many, many)


def number_of(text: str) -> Decimal | None:
    """ "1234.50", "1234,5", "-7"; None: no number, or one that is too large."""
    text = text.strip()
    if not _DECIMAL.match(text):
        return None
    value = Decimal(text.replace(",", "."))
    return value if abs(value) < LIMIT else None


def date_of(text: str) -> Day | None:
    match = _DATE.match(text.strip()[:10])
    try:
        return Day(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


def time_of(text: str) -> tuple[int, int] | None:
    match = _TIME.match(text.strip())
    return (int(match[1]), int(match[2])) if match else None


def seconds_of(text: str) -> int | None:
    match = _SECONDS.match(text.strip())
    return int(match[1]) if match and int(match[1]) < LONGEST_SECONDS else None


def phone_groups(number: str) -> list[str]:
    """As people say telephone numbers: the calling code, then threes and fours. Separators that are written count, and
    00 before so many digits that it stands for a plus sign."""
    written = [group for group in re.split(r"[^0-9+]+", number.strip()) if group]
    if len(written) > 1 and all(len(group) <= 5 for group in written):
        return written
    digits = "".join(written)
    groups: list[str] = []
    abroad, digits = digits.startswith("+"), digits.replace("+", "")
    from_here = not abroad and digits.startswith("00") and len(digits) >= _FROM_ABROAD
    if from_here:
        groups.append("00")
        digits = digits[2:]
    if abroad or from_here:
        size = 1 if digits[:1] in _ONE_DIGIT else 2 if digits[:2] in _TWO_DIGITS else 3
        groups.append(("+" if abroad else "") + digits[:size])
        digits = digits[size:]
    while digits:
        left = len(digits)
        size = left if left <= 4 else 4 if left == 8 else 3
        groups.append(digits[:size])
        digits = digits[size:]
    return groups


class SpokenValues:
    """One language. Subclasses hold its words and say how it counts."""

    table: SpokenLanguage
    gap = " "
    comma = ", "
    minus: str
    point: str
    link: str = ""  # before the last part: "euros and fifty cents"
    currencies: ClassVar[Mapping[str, Currency]]
    second: Noun
    minute: Noun
    hour: Noun
    day: Noun
    months: Words
    phone_one: str = ""  # another word for 1 in telephone numbers

    # -------------------------------------------------------------- what a language says itself

    def cardinal(self, number: int) -> Words:
        """0 <= number < 10^12, as counted."""
        raise NotImplementedError

    def counted(self, number: int, what: Noun) -> Words:
        """So many of something."""
        raise NotImplementedError

    def year(self, year: int) -> Words:
        return self.cardinal(year)

    def day_and_month(self, day: int, month: int) -> Words:
        raise NotImplementedError

    def clock(self, hour: int, minute: int) -> Words:
        """As people say it: "half past two in the afternoon"."""
        raise NotImplementedError

    # -------------------------------------------------------------- put together

    def text_of(self, words: Words) -> str:
        text = ""
        for word in words:
            if word == PAUSE:
                text = text.removesuffix(self.gap) + self.comma
            elif word.endswith(GLUE):
                text += word[: -len(GLUE)]
            else:
                text += word + self.gap
        return text.strip()

    def number(self, value: Decimal) -> Words:
        whole, _, decimals = format(abs(value), "f").partition(".")
        decimals = decimals[:MOST_DECIMALS].rstrip("0")
        signed = (self.minus,) if value < 0 and (decimals or int(whole)) else ()
        if not decimals:
            return (*signed, *self.cardinal(int(whole)))
        return (*signed, *self.whole_and_point(int(whole)), *(self.table.numbers[int(digit)] for digit in decimals))

    def whole_and_point(self, whole: int) -> Words:
        return (*self.cardinal(whole), self.point)

    def money(self, value: Decimal, currency: str) -> Words:
        cents = int((abs(value) * 100).quantize(Decimal(1), ROUND_HALF_UP))
        signed = (self.minus,) if value < 0 and cents else ()
        whole, rest = divmod(cents, 100)
        unit = self.currencies[currency]
        if not rest:
            return (*signed, *self.counted(whole, unit.major))
        if not whole:
            return (*signed, *self.cents(rest, unit))
        return (*signed, *self.whole_and_cents(whole, rest, unit))

    def cents(self, cents: int, unit: Currency) -> Words:
        return self.counted(cents, unit.minor)

    def whole_and_cents(self, whole: int, cents: int, unit: Currency) -> Words:
        link = (self.link,) if self.link else ()
        return (*self.counted(whole, unit.major), *link, *self.counted(cents, unit.minor))

    def date(self, day: Day) -> Words:
        return (*self.day_and_month(day.day, day.month), *self.year(day.year))

    def time(self, hour: int, minute: int) -> Words:
        return self.table.time_words(hour, minute)

    def duration(self, seconds: int) -> Words:
        """From the largest unit down; nothing is told that is zero."""
        minutes, rest = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        parts = ((days, self.day), (hours, self.hour), (minutes, self.minute), (rest, self.second))
        told = [self.counted(count, unit) for count, unit in parts if count] or [self.counted(0, self.second)]
        link = (self.link,) if self.link and len(told) > 1 else ()
        return (*(word for part in told[:-1] for word in part), *link, *told[-1])

    def digits(self, text: str) -> Words:
        numbers = self.table.numbers
        return tuple(self.table.plus if char == "+" else numbers[int(char)] for char in text if char in _NOT_TOLD)

    def phone(self, text: str) -> Words:
        words: list[str] = []
        for group in phone_groups(text):
            if words:
                words.append(PAUSE)
            words += self.digits(group)
        one = self.table.numbers[1]
        return tuple(self.phone_one if self.phone_one and word == one else word for word in words)


# Numbers in which every word that a language counts with occurs: all below a thousand, so many thousands, millions and
# so on, and all of them behind one thousand, ten thousand and so on.
COVERING = tuple(
    dict.fromkeys(
        (
            *range(1000),
            *(scale * count for scale in (10**3, 10**6, 10**9) for count in range(1, 1000)),
            *(scale + rest for scale in (10**3, 10**4, 10**6, 10**8, 10**9) for rest in range(1000)),
            *(10**4 * count for count in range(1, 1000)),
            *(2 * 10**4 + 1000 * count for count in range(1, 10)),
            *(2 * 10**8 + 10**7 * count for count in range(1, 10)),
        )
    )
)
