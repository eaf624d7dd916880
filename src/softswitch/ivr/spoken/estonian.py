"""Estonian tables: the counted noun is in the partitive singular after every number but one itself ("üks euro", "kaks
eurot", "kakskümmend üks eurot"), and so are miljon and miljard; tuhat and sada are not counted.

Times are read on the 24-hour clock in the nominative, as after "kell"; people also say "pool kolm" (2:30), "veerand
kolm" (2:15) and "kolmveerand kolm" (2:45). The day of a date is an ordinal in the nominative, of whose parts only the
last has that case ("kahekümne esimene märts"). After Eesti keele
käsiraamat (M. Erelt, T. Erelt, K. Ross), M 77-79 and SÜ 94.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS, SpokenLanguage
from softswitch.ivr.spoken.values import Currency, Noun, SpokenValues, Words, noun

_UNITS = ("null", "üks", "kaks", "kolm", "neli", "viis", "kuus", "seitse", "kaheksa", "üheksa")
_GENITIVE = ("", "ühe", "kahe", "kolme", "nelja", "viie", "kuue", "seitsme", "kaheksa", "üheksa")
_ORDINALS = ("", "esimene", "teine", "kolmas", "neljas", "viies", "kuues", "seitsmes", "kaheksas", "üheksas")


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


def _ordinal(day: int) -> str:
    if day < 10:
        return _ORDINALS[day]
    if day == 10:
        return "kümnes"
    tens, units = divmod(day, 10)
    if tens == 1:
        return f"{_GENITIVE[units]}teistkümnes"
    return f"{_GENITIVE[tens]}kümne {_ORDINALS[units]}" if units else f"{_GENITIVE[tens]}kümnes"


def _part_of_day(hour: int) -> str:
    if hour < 5 or hour >= 23:
        return "öösel"
    return "hommikul" if hour < 12 else "päeval" if hour < 18 else "õhtul"


ESTONIAN = SpokenLanguage(
    language="et",
    numbers=tuple(_number(n) for n in range(NUMBERS)),
    minutes=tuple(f"{_number(n)} {'minut' if n == 1 else 'minutit'}" for n in range(LONGEST_MINUTES + 1)),
    hours=tuple(_number(hour) for hour in range(24)),
    minutes_past=tuple(_past(minute) for minute in range(60)),
    plus="pluss",
)
_SCALES = ((10**9, noun("miljard", "miljardit")), (10**6, noun("miljon", "miljonit")))


class EstonianValues(SpokenValues):
    table = ESTONIAN
    minus = "miinus"
    point = "koma"
    link = "ja"
    currencies: ClassVar[Mapping[str, Currency]] = {
        "EUR": Currency(noun("euro", "eurot"), noun("sent", "senti")),
        "USD": Currency(noun("dollar", "dollarit"), noun("sent", "senti")),
        "GBP": Currency(noun("nael", "naela"), noun("penn", "penni")),
        "CZK": Currency(noun("Tšehhi kroon", "Tšehhi krooni"), noun("heller", "hellerit")),
        "CNY": Currency(noun("jüaan", "jüaani"), noun("fen", "feni")),
    }
    second = noun("sekund", "sekundit")
    minute = noun("minut", "minutit")
    hour = noun("tund", "tundi")
    day = noun("päev", "päeva")
    months = (
        *("jaanuar", "veebruar", "märts", "aprill", "mai", "juuni", "juuli", "august", "september", "oktoober"),
        *("november", "detsember"),
    )

    def cardinal(self, number: int) -> Words:
        if number == 0:
            return (_UNITS[0],)
        words: list[str] = []
        for size, name in _SCALES:
            count, number = divmod(number, size)
            if count:
                words += (*self._hundreds(count), name.one if count == 1 else name.many)
        thousands, number = divmod(number, 1000)
        if thousands:
            words += (*(self._hundreds(thousands) if thousands > 1 else ()), "tuhat")
        return (*words, *self._hundreds(number))

    def _hundreds(self, number: int) -> Words:
        hundreds, rest = divmod(number, 100)
        low = (_number(rest),) if rest else ()
        if not hundreds:
            return low
        return (f"{_UNITS[hundreds]}sada" if hundreds > 1 else "sada", *low)

    def counted(self, number: int, what: Noun) -> Words:
        return (*self.cardinal(number), what.one if number == 1 else what.many)

    def day_and_month(self, day: int, month: int) -> Words:
        return (_ordinal(day), self.months[month - 1])

    def clock(self, hour: int, minute: int) -> Words:
        part = _part_of_day(hour)
        this, following = _number(hour % 12 or 12), _number((hour + 1) % 12 or 12)
        quarter = {15: "veerand", 30: "pool", 45: "kolmveerand"}.get(minute)
        if quarter:
            return (quarter, following, part)
        return (this, ESTONIAN.minutes_past[minute], part) if minute else (this, part)
