"""What became of each setting of the other switch, and the result of an import as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from softswitch.config.problems import Place

MAX_SHOWN = 120
HIDDEN = "(not shown)"  # instead of a secret


class Fate(Enum):
    TAKEN = "taken over"
    DECIDE = "to decide"
    NONE = "no equal"


@dataclass(frozen=True, slots=True)
class Finding:
    """`becomes`: the place in our files, or "" when there is none; `note`: what it means, for the people who decide."""

    place: Place
    owner: str  # queue sales, agent anna, general ...
    setting: str
    value: str
    fate: Fate
    becomes: str
    note: str


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the other switch, and the files beside it that it may include (names relative to its directory)."""

    name: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Imported:
    files: Mapping[str, str]  # names relative to the new directory
    findings: tuple[Finding, ...]

    def count(self, fate: Fate) -> int:
        return sum(finding.fate is fate for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Term:
    """What a setting without a key of its own becomes; `same`: values that mean what always happens here."""

    fate: Fate
    note: str
    becomes: str = ""
    same: frozenset[str] = frozenset()
    same_note: str = "the same here"


def at(place: Place) -> str:
    """`queues.conf:12`."""
    return f"{place.file}:{place.line}" if place.line else place.file


def shown(text: str) -> str:
    """A foreign text for one line of a report or comment: printable, and not too long."""
    plain = text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)
    return plain if len(plain) <= MAX_SHOWN else plain[: MAX_SHOWN - 3] + "..."


_SECRET = re.compile(r"secret|passw|cred|token|^register$|^auth_?key|^pin$|dsn")


def is_secret(name: str) -> bool:
    """May the value of a setting with this name be a secret, or hold one?"""
    return _SECRET.search(name) is not None


class Ledger:
    """Collects the findings, in the order of the files."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []

    def add(
        self, place: Place, owner: str, setting: str, value: str, fate: Fate, becomes: str = "", note: str = ""
    ) -> None:
        self._findings.append(Finding(place, shown(owner), shown(setting), shown(value), fate, becomes, note))

    def sorted(self) -> tuple[Finding, ...]:
        """By place; several findings of one place stay in their order."""
        return tuple(sorted(self._findings, key=lambda finding: finding.place))
