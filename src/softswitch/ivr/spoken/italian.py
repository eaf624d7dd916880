"""Italian: tens drop their vowel before uno and otto (ventuno, ventotto), tre takes an accent at the end of a
compound (ventitré). "un minuto", then "minuti". Times are read on the 24-hour clock, as after "le ore"."""

from __future__ import annotations

from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS, SpokenLanguage

_SMALL = (
    *("zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"),
    *(
        "dieci",
        "undici",
        "dodici",
        "tredici",
        "quattordici",
        "quindici",
        "sedici",
        "diciassette",
        "diciotto",
        "diciannove",
    ),
)
_TENS = ("", "", "venti", "trenta", "quaranta", "cinquanta", "sessanta", "settanta", "ottanta", "novanta")


def _number(n: int) -> str:
    if n < 20:
        return _SMALL[n]
    tens, units = divmod(n, 10)
    if units == 0:
        return _TENS[tens]
    if units in (1, 8):
        return _TENS[tens][:-1] + _SMALL[units]
    return _TENS[tens] + ("tré" if units == 3 else _SMALL[units])


ITALIAN = SpokenLanguage(
    language="it",
    numbers=tuple(_number(n) for n in range(NUMBERS)),
    minutes=tuple("un minuto" if n == 1 else f"{_number(n)} minuti" for n in range(LONGEST_MINUTES + 1)),
    hours=tuple("una" if hour == 1 else _number(hour) for hour in range(24)),
    minutes_past=tuple(f"e {_number(minute)}" if minute else "" for minute in range(60)),
    plus="più",
)
