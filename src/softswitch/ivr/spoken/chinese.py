"""Chinese (Mandarin): two of something counted is 两 (两分钟, 两点), but 二 inside larger numbers (十二, 二十二点)."""

from __future__ import annotations

from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS, SpokenLanguage

_UNITS = "零一二三四五六七八九"


def _number(n: int) -> str:
    tens, units = divmod(n, 10)
    if tens == 0:
        return _UNITS[units]
    return ("" if tens == 1 else _UNITS[tens]) + "十" + (_UNITS[units] if units else "")


def _counted(n: int) -> str:
    return "两" if n == 2 else _number(n)


def _past(minute: int) -> str:
    if minute == 0:
        return "整"
    return f"零{_number(minute)}分" if minute < 10 else f"{_number(minute)}分"


CHINESE = SpokenLanguage(
    language="zh",
    numbers=tuple(_number(n) for n in range(NUMBERS)),
    minutes=tuple(f"{_counted(n)}分钟" for n in range(LONGEST_MINUTES + 1)),
    hours=tuple(f"{_counted(hour)}点" for hour in range(24)),
    minutes_past=tuple(_past(minute) for minute in range(60)),
    plus="加",
)
