"""How a variable of a text is spoken: {balance:money EUR}, {waiting:duration}, {number:phone}, {when:date}.

| format       | value                 | spoken (en)                                       |
|--------------|-----------------------|---------------------------------------------------|
| number       | "1234.5"              | one thousand two hundred and thirty-four point five |
| money EUR    | "1234.50"             | ... euros and fifty cents                         |
| date, day    | "2027-03-21"          | the twenty-first of March (twenty twenty-seven)   |
| time, clock  | "14:30"               | two thirty p.m.; half past two in the afternoon   |
| duration     | "125" seconds         | two minutes and five seconds                      |
| digits,phone | "+3725551234"         | digit by digit; in groups                         |
| text         | anything              | as it is written                                  |

A name may be followed by no format: then the variable is spoken as `ivr.speech` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as Day
from difflib import get_close_matches
from functools import lru_cache

from softswitch.ivr.spoken import VALUES
from softswitch.ivr.spoken.values import (
    COVERING,
    Currency,
    SpokenValues,
    Words,
    date_of,
    number_of,
    seconds_of,
    time_of,
)

NUMBER, MONEY, DATE, DAY, TIME, CLOCK = "number", "money", "date", "day", "time", "clock"
DURATION, DIGITS, PHONE, TEXT = "duration", "digits", "phone", "text"
FORMATS = (NUMBER, MONEY, DATE, DAY, TIME, CLOCK, DURATION, DIGITS, PHONE, TEXT)
CURRENCIES = ("EUR", "CZK", "USD", "GBP", "CNY")
_LEAP_YEAR = 2028
_YEARS = range(1000, 3000)


@dataclass(frozen=True, slots=True)
class Format:
    kind: str
    currency: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.currency}".strip()


def split_variable(written: str) -> tuple[str, str]:
    """ "balance:money EUR" -> name and format. A colon of the name (a time that is written out) stays with it."""
    name, colon, form = written.rpartition(":")
    return (name.strip(), form.strip()) if colon else (form.strip(), "")


@lru_cache(maxsize=1024)
def format_of(written: str) -> Format | None:
    """None: there is no such format."""
    words = written.split()
    if len(words) == 2 and words[0] == MONEY and words[1] in CURRENCIES:
        return Format(MONEY, words[1])
    return Format(words[0]) if len(words) == 1 and words[0] in FORMATS and words[0] != MONEY else None


def problem_of(written: str) -> str:
    """What is wrong with a format, as the end of a sentence; "" when nothing is."""
    if format_of(written) is not None:
        return ""
    words = written.split()
    kind = words[0] if words else ""
    if kind == MONEY:
        if len(words) < 2:
            return "money needs a currency, like money EUR"
        return f'no currency is called "{words[1]}"{_meant(words[1].upper(), CURRENCIES)}'
    if kind in FORMATS:
        return f'the format {kind} stands alone, without "{" ".join(words[1:])}"'
    return f'no format is called "{kind}"{_meant(kind, FORMATS)}'


def _meant(word: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f' - did you mean "{near[0]}"?' if near else f"; known: {', '.join(known)}"


def values_in(language: str) -> SpokenValues | None:
    """Who speaks values in this language; zh-TW is zh here."""
    return VALUES.get(language) or VALUES.get(language.partition("-")[0])


def words_of(form: Format, values: SpokenValues, value: str) -> Words:
    """The words of a value; none when it cannot be spoken in this format."""
    kind = form.kind
    if kind in (NUMBER, MONEY):
        number = number_of(value)
        if number is None:
            return ()
        return values.number(number) if kind == NUMBER else values.money(number, form.currency)
    if kind in (DATE, DAY):
        day = date_of(value)
        if day is None:
            return ()
        return values.date(day) if kind == DATE else values.day_and_month(day.day, day.month)
    if kind in (TIME, CLOCK):
        time = time_of(value)
        if time is None:
            return ()
        return values.time(*time) if kind == TIME else values.clock(*time)
    if kind == DURATION:
        seconds = seconds_of(value)
        return () if seconds is None else values.duration(seconds)
    return values.phone(value) if kind == PHONE else values.digits(value) if kind == DIGITS else ()


@lru_cache(maxsize=256)
def vocabulary_of(form: Format, language: str) -> Words:
    """Every word that values of this format can become, each once; none for `text`."""
    values = values_in(language)
    if values is None or form.kind == TEXT:
        return ()
    found: dict[str, None] = {}
    for words in _covering(form, values):
        found.update(dict.fromkeys(words))
    return tuple(found)


def _covering(form: Format, values: SpokenValues) -> list[Words]:
    """Values in which every word of a format occurs."""
    kind, digits = form.kind, values.digits("0123456789")
    if kind == NUMBER:
        return [
            (values.minus,),
            digits,
            *map(values.cardinal, COVERING),
            *map(values.whole_and_point, COVERING),
        ]
    if kind == MONEY:
        unit: Currency = values.currencies[form.currency]
        return [
            (values.minus,),
            *(values.counted(number, unit.major) for number in (*COVERING, 10**6, 10**9)),
            *(values.cents(number, unit) for number in range(1, 100)),
            *(values.whole_and_cents(1, number, unit) for number in range(1, 100)),
        ]
    if kind in (DATE, DAY):
        days = [Day.fromordinal(Day(_LEAP_YEAR, 1, 1).toordinal() + number) for number in range(366)]
        told = [values.day_and_month(day.day, day.month) for day in days]
        return told if kind == DAY else [*told, *map(values.year, _YEARS)]
    if kind in (TIME, CLOCK):
        tell = values.time if kind == TIME else values.clock
        return [tell(hour, minute) for hour in range(24) for minute in range(60)]
    if kind == DURATION:
        return [
            values.duration(61),
            *(values.duration(number) for number in range(60)),
            *(values.duration(60 * number) for number in range(1, 60)),
            *(values.duration(3600 * number) for number in range(1, 24)),
            *(values.duration(86400 * number) for number in range(1, 100)),
        ]
    return [digits, values.digits("+"), *([values.phone("1234567")] if kind == PHONE else [])]
