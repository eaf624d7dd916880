"""Czech: three classes of plural (jedna minuta, dvě minuty, pět minut). From 21 the units come first
(jednadvacet minut, dvaadvacet minut): such numbers always take the third class."""

from __future__ import annotations

from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS, SpokenLanguage

_SMALL = [
    "nula",
    "jedna",
    "dva",
    "tři",
    "čtyři",
    "pět",
    "šest",
    "sedm",
    "osm",
    "devět",
    "deset",
    "jedenáct",
    "dvanáct",
    "třináct",
    "čtrnáct",
    "patnáct",
    "šestnáct",
    "sedmnáct",
    "osmnáct",
    "devatenáct",
]
_TENS = ["", "", "dvacet", "třicet", "čtyřicet", "padesát", "šedesát", "sedmdesát", "osmdesát", "devadesát"]
_UNITS_FIRST = ["", "jedna", "dvaa", "třia", "čtyřia", "pěta", "šesta", "sedma", "osma", "devěta"]


def _number(n: int) -> str:
    if n < 20:
        return _SMALL[n]
    tens, units = divmod(n, 10)
    return f"{_TENS[tens]} {_SMALL[units]}" if units else _TENS[tens]


def _counted(n: int, one: str, few: str, many: str) -> str:
    """A number of something feminine."""
    if n == 1:
        return f"jedna {one}"
    if n == 2:
        return f"dvě {few}"
    if n in (3, 4):
        return f"{_SMALL[n]} {few}"
    tens, units = divmod(n, 10)
    words = _number(n) if n < 20 or not units else _UNITS_FIRST[units] + _TENS[tens]
    return f"{words} {many}"


_MINUTES = tuple(_counted(n, "minuta", "minuty", "minut") for n in range(LONGEST_MINUTES + 1))

CZECH = SpokenLanguage(
    language="cs",
    numbers=tuple(_number(n) for n in range(NUMBERS)),
    minutes=_MINUTES,
    hours=tuple(_counted(hour, "hodina", "hodiny", "hodin") for hour in range(24)),
    minutes_past=("", *_MINUTES[1:60]),
    plus="plus",
)
