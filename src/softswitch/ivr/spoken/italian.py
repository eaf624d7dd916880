"""Italian tables: tens drop their vowel before uno and otto (ventuno, ventotto), cento before otto and ottanta.

So centotto and duecentottanta, but centouno; tre takes an accent at the end of a compound (ventitré; but ventitremila).
Numbers below a million are one written word. "un minuto", then "minuti"; "un'ora", "una sterlina"; a whole number of
millions takes "di" (due milioni di euro). Times are read on the 24-hour clock; people also say "le due e mezza", "le
tre meno un quarto". The article before them is "le", but "l'una", and none before "mezzanotte" and "mezzogiorno";
behind "ore" midnight is "zero". The first day of a month is "primo", the others are cardinals. After L. Serianni,
Grammatica italiana, VI (numerali), and the Accademia della Crusca's advice on numbers in letters and on articles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS, SpokenLanguage
from softswitch.ivr.spoken.values import GLUE, Currency, Noun, SpokenValues, Words, noun

_SMALL = (
    *("zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"),
    *("dieci", "undici", "dodici", "tredici", "quattordici", "quindici", "sedici"),
    *("diciassette", "diciotto", "diciannove"),
)
_TENS = ("", "", "venti", "trenta", "quaranta", "cinquanta", "sessanta", "settanta", "ottanta", "novanta")
_MIDNIGHT, _NOON = "mezzanotte", "mezzogiorno"
_MILLIONS = ((10**9, "un miliardo", "miliardi"), (10**6, "un milione", "milioni"))


def _number(n: int) -> str:
    if n < 20:
        return _SMALL[n]
    tens, units = divmod(n, 10)
    if units == 0:
        return _TENS[tens]
    if units in (1, 8):
        return _TENS[tens][:-1] + _SMALL[units]
    return _TENS[tens] + ("tré" if units == 3 else _SMALL[units])


def _part_of_day(hour: int) -> str:
    if hour < 5:
        return "di notte"
    return "di mattina" if hour < 12 else "" if hour == 12 else "del pomeriggio" if hour < 18 else "di sera"


def _article(of_one: str, of_the_others: str) -> Mapping[str, str]:
    return {"una": f"{of_one}una", _MIDNIGHT: f"{of_the_others}{_MIDNIGHT}", _NOON: f"{of_the_others}{_NOON}"}


ITALIAN = SpokenLanguage(
    language="it",
    numbers=tuple(_number(n) for n in range(NUMBERS)),
    minutes=tuple("un minuto" if n == 1 else f"{_number(n)} minuti" for n in range(LONGEST_MINUTES + 1)),
    hours=(_MIDNIGHT, "una", *(_number(hour) for hour in range(2, 24))),
    minutes_past=tuple(f"e {_number(minute)}" if minute else "" for minute in range(60)),
    plus="più",
    exact_times={(12, 0): _NOON},
    joined={
        "le": _article("l'", ""),
        "alle": _article("all'", "a "),
        "dalle": _article("dall'", "da "),
        "delle": _article("dell'", "di "),
        "ore": {_MIDNIGHT: "ore zero", _NOON: "ore dodici"},
    },
)


def _below_thousand(number: int, ends: bool = True) -> list[str]:
    """`ends`: nothing follows, so that tre is accented."""
    hundreds, rest = divmod(number, 100)
    words = []
    if hundreds:
        name = (_SMALL[hundreds] if hundreds > 1 else "") + "cento"
        words.append(name[:-1] if rest == 8 or rest // 10 == 8 else name)
    if rest:
        last = _number(rest)
        if rest == 3 and hundreds:
            last = "tré"
        words.append(last if ends else last.replace("tré", "tre"))
    return words


def _glued(words: list[str]) -> Words:
    return (*(word + GLUE for word in words[:-1]), *words[-1:])


class ItalianValues(SpokenValues):
    table = ITALIAN
    minus = "meno"
    point = "virgola"
    link = "e"
    currencies: ClassVar[Mapping[str, Currency]] = {
        "EUR": Currency(noun("euro", "euro", "m"), noun("centesimo", "centesimi", "m")),
        "USD": Currency(noun("dollaro", "dollari", "m"), noun("centesimo", "centesimi", "m")),
        "GBP": Currency(noun("sterlina", "sterline", "f"), noun("penny", "pence", "m")),
        "CZK": Currency(noun("corona", "corone", "f"), noun("heller", "heller", "m")),
        "CNY": Currency(noun("yuan", "yuan", "s"), noun("fen", "fen", "m")),
    }
    second = noun("secondo", "secondi", "m")
    minute = noun("minuto", "minuti", "m")
    hour = noun("un'ora", "ore", "")
    day = noun("giorno", "giorni", "m")
    months = (
        *("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre"),
        *("novembre", "dicembre"),
    )

    def cardinal(self, number: int) -> Words:
        if number == 0:
            return (_SMALL[0],)
        words: list[str] = []
        for size, one, many in _MILLIONS:
            count, number = divmod(number, size)
            if count:
                words += (one,) if count == 1 else (*_glued(_below_thousand(count)), many)
        thousands, number = divmod(number, 1000)
        rest: list[str] = []
        if thousands:
            rest = ["mille"] if thousands == 1 else [*_below_thousand(thousands, ends=False), "mila"]
        rest += _below_thousand(number)
        if thousands and number == 3:
            rest[-1] = "tré"
        return (*words, *_glued(rest))

    def counted(self, number: int, what: Noun) -> Words:
        if number == 1:
            article = {"m": ("un",), "s": ("uno",), "f": ("una",)}.get(what.gender, ())
            return (*article, what.one)
        of = ("di",) if number and number % 10**6 == 0 else ()
        return (*self.cardinal(number), *of, what.many)

    def day_and_month(self, day: int, month: int) -> Words:
        return ("primo" if day == 1 else _number(day), self.months[month - 1])

    def clock(self, hour: int, minute: int) -> Words:
        this, following = (_hour12(each % 24) for each in (hour, hour + 1))
        if (hour, minute) in ITALIAN.exact_times:
            return (ITALIAN.exact_times[hour, minute],)
        if minute == 45 and hour in (11, 23):
            return (_NOON if hour == 11 else _MIDNIGHT, "meno un quarto")
        part = (_part_of_day(hour),) if _part_of_day(hour) and (this != _MIDNIGHT or minute == 45) else ()
        if minute == 45:
            return (following, "meno un quarto", *part)
        past = {0: (), 15: ("e un quarto",), 30: ("e mezza",)}.get(minute, (ITALIAN.minutes_past[minute],))
        return (this, *past, *part)


def _hour12(hour: int) -> str:
    return ITALIAN.hours[hour % 12 or hour]
