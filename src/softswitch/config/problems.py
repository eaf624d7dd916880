"""What is wrong in a configuration, and where: always all of it at once, never only the first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A spot in a file of the configuration directory; line and column count from 1 (line 0: no spot in particular)."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """`message` is one line of printable text, whatever stood in the file that it quotes."""

    place: Place
    message: str

    def __post_init__(self) -> None:
        if not self.message.isprintable():
            plain = "".join(one if one.isprintable() else "\ufffd" for one in self.message)
            object.__setattr__(self, "message", plain)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ConfigProblems(Exception):
    """The configuration cannot be used; `problems` is sorted by place and never empty."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        assert self.problems
        super().__init__("\n".join(map(str, self.problems)))


class Placed(str):
    """A text of the configuration that remembers where it stands."""

    __slots__ = ("place",)
    place: Place

    def __new__(cls, text: str, place: Place) -> Placed:
        self = super().__new__(cls, text)
        self.place = place
        return self


class Report:
    """Collects problems while the configuration is read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []  # the configuration works, and probably not as it should
        self.unread: list[str] = []  # files that could not be parsed at all

    def add(self, place: Place, message: str) -> None:
        self.problems.append(Problem(place, message))

    def warn(self, place: Place, message: str) -> None:
        self.warnings.append(Problem(place, message))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name that was probably meant; "" when none is near."""
    names = {name.lower(): name for name in sorted(map(str, known), reverse=True)}
    near = get_close_matches(word.lower(), list(names), n=1, cutoff=0.6)
    return names[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' - did you mean "queue"?' or, without a near word, nothing."""
    near = nearest(word, known)
    return f' - did you mean "{near}"?' if near else ""


def listing(known: Iterable[str], most: int = 12) -> str:
    """'a, b, c' for messages, cut when it is long."""
    names = list(map(str, known))
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
