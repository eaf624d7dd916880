"""Opening hours: how they are written, and what they mean in minutes of the day."""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from datetime import date
from itertools import pairwise
from typing import Any

from softswitch.call.settings import Hours
from softswitch.config.kinds import Kind, ListOf, MapOf, Or, Schema, SchemaParts, Section, Word, key, section
from softswitch.config.problems import Placed, Report
from softswitch.config.tree import Node
from softswitch.config.tree import Sequence as ListNode
from softswitch.config.values import COUNTRY, NOTHING

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
HOLIDAY_YEARS = 20  # public holidays are worked out for so many years at each start

Span = tuple[int, int]  # minutes of the day; an end beyond 24:00 reaches into the next day


def _span(text: Placed, match: re.Match[str]) -> Span:
    numbers = [int(part) for part in match.groups()]
    first, last = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if numbers[1] > 59 or numbers[3] > 59 or first >= DAY_MINUTES or last > DAY_MINUTES:
        raise ValueError(f"{text} is no time of the day; like 09:00-17:30")
    if first == last:
        raise ValueError(f"{text} is empty; all day is 00:00-24:00")
    return (first, last) if last > first else (first, last + DAY_MINUTES)


SPAN = Word("hours like 09:00-17:30", r"([0-2]?[0-9]):([0-9]{2})\s*-\s*([0-2]?[0-9]):([0-9]{2})", _span, (0, 0))


def _days(text: Placed, match: re.Match[str]) -> Placed:
    if match[2] and DAYS.index(match[2]) < DAYS.index(match[1]):
        raise ValueError(f"{text} runs backwards; write it as two keys")
    return text


DAY_RANGE = Word("days like mon-fri or sat", rf"({'|'.join(DAYS)})(?:-({'|'.join(DAYS)}))?", _days, NOTHING)


def _date(text: Placed, _: re.Match[str]) -> Placed:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is no day of the calendar") from None
    return text


DATE = Word("a date like 2027-12-24", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", _date, NOTHING)


class SpansKind(Kind[tuple[Span, ...]]):
    """`09:00-17:30`, or a list of them."""

    def __init__(self) -> None:
        super().__init__(())
        self._list = ListOf(SPAN, at_least=1)

    def read(self, node: Node, report: Report) -> tuple[Span, ...]:
        spans = self._list.read(node, report) if isinstance(node, ListNode) else (SPAN.read(node, report),)
        ordered = sorted(spans)
        for (_, end), (begin, _) in pairwise(ordered):
            if begin < end:
                report.add(node.place, "the hours overlap")
                break
        return tuple(ordered)

    def schema(self, parts: SchemaParts) -> Schema:
        return {"anyOf": [SPAN.schema(parts), self._list.schema(parts)]}


SPANS = SpansKind()
_HOLIDAYS = Or({"none": "none"}, COUNTRY)


@section
class CalendarDoc(Section):
    """When somebody is there, in the line's time zone."""

    open: dict[Placed, tuple[Span, ...]] = key(MapOf(DAY_RANGE, SPANS), "hours by day: mon-fri: 09:00-17:30")
    holidays: str = key(
        _HOLIDAYS,
        "closed on the public holidays of this country; none: they do not count. By default the line's country",
        "",
    )
    closed: tuple[Placed, ...] = key(ListOf(DATE), "more days without service", ())
    special: dict[Placed, tuple[Span, ...]] = key(
        MapOf(DATE, Or({"closed": ()}, SPANS)),
        "other hours on one day (also on a holiday): 2027-12-24: 09:00-12:00",
        {},
    )


def build_hours(name: str, doc: CalendarDoc, country: Placed, first_year: int, report: Report) -> Hours:
    """The calendar as data. Hours over midnight belong half to the next day."""
    weekly: list[list[Span]] = [[] for _ in DAYS]
    taken: dict[int, Placed] = {}
    for days, spans in doc.open.items():
        first, _, last = days.partition("-")
        for index in range(DAYS.index(first), DAYS.index(last or first) + 1):
            if index in taken:
                report.add(days.place, f"{DAYS[index]} has hours already, by {taken[index]}")
                continue
            taken[index] = days
            for begin, end in spans:
                weekly[index].append((begin, min(end, DAY_MINUTES)))
                if end > DAY_MINUTES:
                    weekly[(index + 1) % 7].append((0, end - DAY_MINUTES))
    closed = {str(day) for day in doc.closed}
    if doc.holidays != "none":
        closed |= public_holidays(
            Placed(doc.holidays, doc.at("holidays")) if doc.holidays else country, first_year, report
        )
    for day, spans in doc.special.items():
        if any(end > DAY_MINUTES for _, end in spans):
            report.add(day.place, "hours of a special day end at 24:00; the rest belongs to the next date")
    special = {
        str(day): tuple((begin, min(end, DAY_MINUTES)) for begin, end in spans) for day, spans in doc.special.items()
    }
    return Hours(
        id=name,
        weekly=tuple(tuple(sorted(spans)) for spans in weekly),
        closed_dates=frozenset(closed),
        special=special,
    )


def public_holidays(country: Placed, first_year: int, report: Report) -> set[str]:
    if not country:
        return set()
    import holidays  # takes a while, and a line without calendars does not need it

    code, _, region = country.partition("-")
    try:
        found: AnyMapping[Any, Any] = holidays.country_holidays(
            code, subdiv=region or None, years=range(first_year, first_year + HOLIDAY_YEARS)
        )
    except NotImplementedError:
        report.add(country.place, f'the public holidays of "{country}" are not known; write holidays: none')
        return set()
    return {day.isoformat() for day in found}
