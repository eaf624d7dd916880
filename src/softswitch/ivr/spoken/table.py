"""The shape of a language's table: plain words in fixed places, so that a closed list of prompts says everything.

A time of day is spoken as `hours[h]`, `minutes_past[m]`, `day_parts[h]` (empty entries are not spoken), unless
`exact_times` has an own word for that very minute ("noon").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NUMBERS = 100  # 0..99
LONGEST_MINUTES = 60


@dataclass(frozen=True, slots=True)
class SpokenLanguage:
    language: str
    numbers: tuple[str, ...]  # 0..99, as counted
    minutes: tuple[str, ...]  # 0..60 with the unit: "two minutes"; the entry 0 is never spoken
    hours: tuple[str, ...]  # 0..23
    minutes_past: tuple[str, ...]  # 0..59
    plus: str  # the sign before an international telephone number
    day_parts: tuple[str, ...] = ("",) * 24
    exact_times: Mapping[tuple[int, int], str] = field(default_factory=dict)
    # a word before a time, the first word of the time, and both together: "le", "una", "l'una"
    joined: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    before_minutes: tuple[str, ...] = ()  # 0..60 where they are not as `numbers`: "two" of "two to five minutes"

    def __post_init__(self) -> None:
        assert len(self.numbers) == NUMBERS, self.language
        assert len(self.minutes) == LONGEST_MINUTES + 1, self.language
        assert len(self.hours) == len(self.day_parts) == 24, self.language
        assert len(self.minutes_past) == 60, self.language
        assert len(self.before_minutes) in (0, LONGEST_MINUTES + 1), self.language

    def time_words(self, hour: int, minute: int) -> tuple[str, ...]:
        exact = self.exact_times.get((hour, minute))
        if exact is not None:
            return (exact,)
        return tuple(word for word in (self.hours[hour], self.minutes_past[minute], self.day_parts[hour]) if word)
