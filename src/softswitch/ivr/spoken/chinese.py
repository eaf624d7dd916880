"""Chinese (Mandarin) tables: two of something counted is 两 (两分钟, 两点), in larger numbers it is 二 (十二).

Numbers go by 万 (10^4) and 亿 (10^8); zeros between two digits are one 零, within a group and between groups
(一万零五). Ten behind something higher is 一十 (二百一十). Two before 千, 万 and 亿 is 两 where the number begins
with it and 二 elsewhere (两千二百, 两万二千), before 百 always 二. In telephone numbers 1 is 幺. Years are read digit
by digit. After 吕叔湘, 现代汉语八百词 (二, 两) and GB/T 15835 on numerals.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date as Day
from typing import ClassVar

from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS, SpokenLanguage
from softswitch.ivr.spoken.values import Currency, Noun, SpokenValues, Words, noun

_UNITS = "零一二三四五六七八九"
_PLACES = ((1000, "千"), (100, "百"))


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


def _part_of_day(hour: int) -> str:
    if hour < 6:
        return "凌晨"
    if hour < 9:
        return "早上"
    return "上午" if hour < 12 else "中午" if hour == 12 else "下午" if hour < 18 else "晚上"


CHINESE = SpokenLanguage(
    language="zh",
    numbers=tuple(_number(n) for n in range(NUMBERS)),
    minutes=tuple(f"{_counted(n)}分钟" for n in range(LONGEST_MINUTES + 1)),
    hours=tuple(f"{_counted(hour)}点" for hour in range(24)),
    minutes_past=tuple(_past(minute) for minute in range(60)),
    plus="加",
    before_minutes=tuple(map(_counted, range(LONGEST_MINUTES + 1))),
)


def _group(number: int, first: bool) -> Words:
    """1 to 9999. `first`: the number begins here."""
    words: list[str] = []
    zero = False  # since the last digit that was said
    for size, name in _PLACES:
        digit, number = divmod(number, size)
        if digit:
            words += (_UNITS[0],) if zero else ()
            two = digit == 2 and first and not words and size == 1000
            words.append(("两" if two else _UNITS[digit]) + name)
        zero = not digit and bool(words)
    if number:
        if words and (zero or number < 10):
            words.append(_UNITS[0])
        begins = first and not words
        words.append(f"一{_number(number)}" if 10 <= number < 20 and not begins else _number(number))
    return tuple(words)


class ChineseValues(SpokenValues):
    table = CHINESE
    gap = ""
    comma = "，"
    minus = "负"
    point = "点"
    phone_one = "幺"
    currencies: ClassVar[Mapping[str, Currency]] = {
        "CNY": Currency(noun("元", "元"), noun("分", "分")),
        "EUR": Currency(noun("欧元", "欧元"), noun("欧分", "欧分")),
        "USD": Currency(noun("美元", "美元"), noun("美分", "美分")),
        "GBP": Currency(noun("英镑", "英镑"), noun("便士", "便士")),
        "CZK": Currency(noun("捷克克朗", "捷克克朗"), noun("赫勒", "赫勒")),
    }
    second = noun("秒", "秒")
    minute = noun("分钟", "分钟")
    hour = noun("小时", "小时")
    day = noun("天", "天")
    months = tuple(f"{_number(month)}月" for month in range(1, 13))

    def cardinal(self, number: int) -> Words:
        if number == 0:
            return (_UNITS[0],)
        words: list[str] = []
        gap = False  # zeros since the last digit that was said
        for size, name in ((10**8, "亿"), (10**4, "万"), (1, "")):
            count, number = divmod(number, size)
            if not count:
                gap = gap or bool(words)
                continue
            if words and (gap or count < 1000):
                words.append(_UNITS[0])
            if count == 2 and name and not words:
                words.append("两")
            else:
                words += _group(count, first=not words)
            if name:
                words.append(name)
            gap = False
        return tuple(words)

    def counted(self, number: int, what: Noun) -> Words:
        return (*(("两",) if number == 2 else self.cardinal(number)), what.one)

    def cents(self, cents: int, unit: Currency) -> Words:
        tenths, hundredths = divmod(cents, 10)
        if unit.major.one != "元" or not tenths:
            return super().cents(cents, unit)
        return ("两" if tenths == 2 else _UNITS[tenths], "角", *((_UNITS[hundredths], "分") if hundredths else ()))

    def whole_and_cents(self, whole: int, cents: int, unit: Currency) -> Words:
        if unit.major.one != "元":
            return super().whole_and_cents(whole, cents, unit)
        tenths, hundredths = divmod(cents, 10)
        tail = (_UNITS[tenths], "角") if tenths else (_UNITS[0],)
        return (*self.counted(whole, unit.major), *tail, *((_UNITS[hundredths], "分") if hundredths else ()))

    def year(self, year: int) -> Words:
        return (*(_UNITS[int(digit)] for digit in str(year)), "年")

    def date(self, day: Day) -> Words:  # the year comes first
        return (*self.year(day.year), *self.day_and_month(day.day, day.month))

    def day_and_month(self, day: int, month: int) -> Words:
        return (self.months[month - 1], f"{_number(day)}日")

    def clock(self, hour: int, minute: int) -> Words:
        this = CHINESE.hours[hour % 12 or 12] if hour else CHINESE.hours[0]
        past = {0: (), 15: ("一刻",), 30: ("半",), 45: ("三刻",)}.get(minute, (CHINESE.minutes_past[minute],))
        return (_part_of_day(hour), this, *past)
