"""Czech tables: three classes of plural (jedna koruna, dvě koruny, pět korun), genders (jeden, jedna, jedno), cases.

A length of time is in the accusative, as in "počkat jednu minutu". The `time` of a promise is in the genitive, as after
"do", "od" and "kolem": "do čtrnácti hodin třiceti minut", "do půlnoci"; that of a value is in the nominative. From 21
the units of a counted number come first (jednadvacet minut): such numbers take the genitive plural whatever they end
in, as does one behind hundreds (sto jedna korun), while two to four keep their form there (sto dvě koruny). The day and
the month of a date are in the genitive (prvního března). After the Internetová jazyková příručka of the Czech Academy's
language institute, "Číslovky" and "Počítaný předmět po číslovkách", and Příruční mluvnice češtiny.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS, SpokenLanguage
from softswitch.ivr.spoken.values import Currency, Noun, SpokenValues, Words

_SMALL = (
    *("nula", "jedna", "dva", "tři", "čtyři", "pět", "šest", "sedm", "osm", "devět"),
    *("deset", "jedenáct", "dvanáct", "třináct", "čtrnáct", "patnáct", "šestnáct", "sedmnáct", "osmnáct", "devatenáct"),
)
_TENS = ("", "", "dvacet", "třicet", "čtyřicet", "padesát", "šedesát", "sedmdesát", "osmdesát", "devadesát")
_UNITS_FIRST = ("", "jedna", "dvaa", "třia", "čtyřia", "pěta", "šesta", "sedma", "osma", "devěta")
_GENITIVE = {0: "nula", 2: "dvou", 3: "tří", 4: "čtyř", 9: "devíti", 10: "deseti"}  # the others add an i
_HUNDREDS = (
    *("", "sto", "dvě stě", "tři sta", "čtyři sta", "pět set", "šest set", "sedm set", "osm set", "devět set"),
)
_ONE = {"m": "jeden", "f": "jedna", "n": "jedno", "accusative": "jednu"}
_TWO = {"m": "dva", "f": "dvě", "n": "dvě", "accusative": "dvě"}
_DAYS = (
    *("prvního", "druhého", "třetího", "čtvrtého", "pátého", "šestého", "sedmého", "osmého", "devátého", "desátého"),
    *("jedenáctého", "dvanáctého", "třináctého", "čtrnáctého", "patnáctého", "šestnáctého", "sedmnáctého"),
    *("osmnáctého", "devatenáctého", "dvacátého"),
)
_HALF_TO = (
    *("jedné", "druhé", "třetí", "čtvrté", "páté", "šesté", "sedmé", "osmé", "deváté", "desáté", "jedenácté"),
    "dvanácté",
)


def _number(n: int) -> str:
    if n < 20:
        return _SMALL[n]
    tens, units = divmod(n, 10)
    return f"{_TENS[tens]} {_SMALL[units]}" if units else _TENS[tens]


def _counting(n: int) -> str:
    """From 5 on: the numeral before a noun."""
    tens, units = divmod(n, 10)
    return _SMALL[n] if n < 20 else _UNITS_FIRST[units] + _TENS[tens]


def _before_minutes(n: int) -> str:
    return _ONE["accusative"] if n == 1 else _TWO["accusative"] if n == 2 else _counting(n)


def _length(n: int) -> str:
    return f"{_before_minutes(n)} {'minutu' if n == 1 else 'minuty' if n in (2, 3, 4) else 'minut'}"


def _until(n: int, one: str, many: str) -> str:
    if n == 1:
        return f"jedné {one}"
    return f"{_GENITIVE.get(n) or _counting(n) + 'i'} {many}"


def _day(day: int) -> str:
    if day <= 20:
        return _DAYS[day - 1]
    tens, units = divmod(day, 10)
    return ("dvacátého" if tens == 2 else "třicátého") + (f" {_DAYS[units - 1]}" if units else "")


def _part_of_day(hour: int) -> str:
    if hour < 4 or hour >= 22:
        return "v noci"
    return "ráno" if hour < 9 else "dopoledne" if hour < 12 else "odpoledne" if hour < 18 else "večer"


CZECH = SpokenLanguage(
    language="cs",
    numbers=tuple(_number(n) for n in range(NUMBERS)),
    minutes=tuple(_length(n) for n in range(LONGEST_MINUTES + 1)),
    hours=tuple(_until(hour, "hodiny", "hodin") for hour in range(24)),
    minutes_past=("", *(_until(minute, "minuty", "minut") for minute in range(1, 60))),
    plus="plus",
    exact_times={(0, 0): "půlnoci"},
    before_minutes=tuple(_before_minutes(n) for n in range(LONGEST_MINUTES + 1)),
)
_HOURS = Noun("f", "hodina", "hodiny", "hodin")
_MINUTES = Noun("f", "minuta", "minuty", "minut")
_WHOLE = Noun("f", "celá", "celé", "celých")
_SCALES = (
    (10**9, Noun("f", "miliarda", "miliardy", "miliard")),
    (10**6, Noun("m", "milion", "miliony", "milionů")),
    (10**3, Noun("m", "tisíc", "tisíce", "tisíc")),
)


class CzechValues(SpokenValues):
    table = CZECH
    minus = "minus"
    point = "celých"
    link = "a"
    currencies: ClassVar[Mapping[str, Currency]] = {
        "CZK": Currency(Noun("f", "koruna", "koruny", "korun"), Noun("m", "haléř", "haléře", "haléřů")),
        "EUR": Currency(Noun("n", "euro", "eura", "eur"), Noun("m", "cent", "centy", "centů")),
        "USD": Currency(Noun("m", "dolar", "dolary", "dolarů"), Noun("m", "cent", "centy", "centů")),
        "GBP": Currency(Noun("f", "libra", "libry", "liber"), Noun("f", "pence", "pence", "pencí")),
        "CNY": Currency(Noun("m", "jüan", "jüany", "jüanů"), Noun("m", "fen", "feny", "fenů")),
    }
    second = Noun("accusative", "sekundu", "sekundy", "sekund")
    minute = Noun("accusative", "minutu", "minuty", "minut")
    hour = Noun("accusative", "hodinu", "hodiny", "hodin")
    day = Noun("m", "den", "dny", "dní")
    months = (
        *("ledna", "února", "března", "dubna", "května", "června", "července", "srpna", "září", "října"),
        *("listopadu", "prosince"),
    )

    def cardinal(self, number: int) -> Words:
        higher, rest = self._higher(number)
        return (*higher, _number(rest)) if rest or not higher else higher

    def _higher(self, number: int) -> tuple[Words, int]:
        """Everything but tens and units, and those."""
        words: list[str] = []
        for size, name in _SCALES:
            count, number = divmod(number, size)
            if count == 1 and size == 1000:
                words.append(name.one)
            elif count:
                words += self.counted(count, name)
        hundreds, rest = divmod(number, 100)
        return ((*words, _HUNDREDS[hundreds]) if hundreds else tuple(words)), rest

    def counted(self, number: int, what: Noun) -> Words:
        higher, rest = self._higher(number)
        if not rest:
            return (*(higher or (_SMALL[0],)), what.many)
        if rest == 1:
            return (*higher, _SMALL[1], what.many) if higher else (_ONE[what.gender], what.one)
        if rest == 2:
            return (*higher, _TWO[what.gender], what.few)
        return (*higher, _counting(rest), what.few if rest < 5 else what.many)

    def whole_and_point(self, whole: int) -> Words:
        return self.counted(whole, _WHOLE)

    def year(self, year: int) -> Words:
        if year >= 2000 or year < 1100:
            return self.cardinal(year)
        hundreds, rest = divmod(year, 100)
        return (f"{_SMALL[hundreds]} set", *((_number(rest),) if rest else ()))

    def day_and_month(self, day: int, month: int) -> Words:
        return (_day(day), self.months[month - 1])

    def time(self, hour: int, minute: int) -> Words:
        return (*self.counted(hour, _HOURS), *(self.counted(minute, _MINUTES) if minute else ()))

    def clock(self, hour: int, minute: int) -> Words:
        part, following = _part_of_day(hour), (hour + 1) % 12 or 12
        if minute in (15, 45):
            quarter = "čtvrt na" if minute == 15 else "tři čtvrtě na"
            return (quarter, {1: "jednu", 2: "dvě"}.get(following) or _SMALL[following], part)
        if minute == 30:
            return ("půl", _HALF_TO[following - 1], part)
        return (*self.time(hour % 12 or 12, minute), part)
