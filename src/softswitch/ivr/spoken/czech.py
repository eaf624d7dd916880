"""Czech: three classes of plural (dvě minuty, pět minut), and cases.

A length of time is in the accusative, as in "počkat jednu minutu". A time of day is in the genitive, as after "do",
"od" and "kolem": "do čtrnácti hodin třiceti minut". From 21 the units of a counted number come first (jednadvacet
minut): such numbers take the same form of the noun whatever they end in.
"""

from __future__ import annotations

from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS, SpokenLanguage

_SMALL = (
    *("nula", "jedna", "dva", "tři", "čtyři", "pět", "šest", "sedm", "osm", "devět"),
    *("deset", "jedenáct", "dvanáct", "třináct", "čtrnáct", "patnáct", "šestnáct", "sedmnáct", "osmnáct", "devatenáct"),
)
_TENS = ("", "", "dvacet", "třicet", "čtyřicet", "padesát", "šedesát", "sedmdesát", "osmdesát", "devadesát")
_UNITS_FIRST = ("", "jedna", "dvaa", "třia", "čtyřia", "pěta", "šesta", "sedma", "osma", "devěta")
_GENITIVE = {0: "nula", 2: "dvou", 3: "tří", 4: "čtyř", 9: "devíti", 10: "deseti"}  # the others add an i


def _number(n: int) -> str:
    if n < 20:
        return _SMALL[n]
    tens, units = divmod(n, 10)
    return f"{_TENS[tens]} {_SMALL[units]}" if units else _TENS[tens]


def _counting(n: int) -> str:
    """From 5 on: the numeral before a noun."""
    tens, units = divmod(n, 10)
    return _SMALL[n] if n < 20 else _UNITS_FIRST[units] + _TENS[tens]


def _length(n: int) -> str:
    if n == 1:
        return "jednu minutu"
    if n == 2:
        return "dvě minuty"
    return f"{_counting(n)} {'minuty' if n in (3, 4) else 'minut'}"


def _until(n: int, one: str, many: str) -> str:
    if n == 1:
        return f"jedné {one}"
    return f"{_GENITIVE.get(n) or _counting(n) + 'i'} {many}"


CZECH = SpokenLanguage(
    language="cs",
    numbers=tuple(_number(n) for n in range(NUMBERS)),
    minutes=tuple(_length(n) for n in range(LONGEST_MINUTES + 1)),
    hours=tuple(_until(hour, "hodiny", "hodin") for hour in range(24)),
    minutes_past=("", *(_until(minute, "minuty", "minut") for minute in range(1, 60))),
    plus="plus",
)
