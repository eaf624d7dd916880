"""The configuration that is being made: queues and people with ids of ours, before they are written as YAML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass, field

from softswitch.config.kinds import keys_of
from softswitch.config.language import QueueDoc
from softswitch.config.problems import Report
from softswitch.config.tree import Scalar
from softswitch.config.values import NOWHERE, duration

# What the language takes (checked against it by the tests).
RING_SECONDS = (3, 180)
WRAP_UP_SECONDS = (0, 3600)
MAX_WAIT_SECONDS = (1, 86400)
SUSPEND_AFTER = (1, 100)
SERVICE_LEVEL_SECONDS = (1, 86399)
EVERY_SECONDS = (1, 86399)
NO_LIMIT_SECONDS = 86400  # the longest `max_wait`
FIRST_EXTENSION = 1001
MAX_NAME = 100
MAX_ID = 48

_SECONDS = duration()


@dataclass(slots=True)
class QueueDraft:
    id: str
    name: str
    number: str = ""  # the digits the queue was called by, when it was called by digits
    order: str = ""  # "": the default
    service_level: int = 0  # seconds; 0: the default
    ring: int = 20
    wrap_up: int = 0
    max_wait: int = 600
    max_wait_note: str = ""
    wait_for_agents: bool = False
    say_position: int = 0  # seconds; 0: never


@dataclass(slots=True)
class AgentDraft:
    id: str
    name: str
    extension: str
    password_env: str
    username: str = ""
    queues: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    peer: str  # "Asterisk"
    sources: tuple[str, ...]
    queues: list[QueueDraft] = field(default_factory=list)
    agents: list[AgentDraft] = field(default_factory=list)
    suspend_after: int = 1


def seconds(value: int) -> str:
    """`90s`, `10m`."""
    return str(_SECONDS.write(float(value)))


def fitted(value: int, bounds: tuple[int, int]) -> int:
    return min(max(value, bounds[0]), bounds[1])


def takes_order(word: str) -> bool:
    """Does the configuration language take this order of ringing?"""
    report = Report()
    keys_of(QueueDoc)["order"].kind.read(Scalar(NOWHERE, word, False), report)
    return bool(word) and not report.problems


# ------------------------------------------------------------------ names


def _plain(text: str) -> str:
    """Small letters, digits and _; Müller and Šarūnas keep their letters without the marks."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", bare).strip("_")


YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})  # never bare words of a file


def new_id(text: str, prefix: str, taken: Container[str]) -> str:
    """An id that is not taken: `sales`, or `queue_600` for one that is only a number."""
    plain = _plain(text)[:MAX_ID].strip("_")
    usable = plain[:1].isalpha() and plain not in YAML_WORDS
    first = plain if usable else f"{prefix}_{plain}".rstrip("_")
    candidate, number = first, 2
    while candidate in taken:
        candidate, number = f"{first}_{number}", number + 1
    return candidate


def new_env(agent: str) -> str:
    """ANNA_PASSWORD. Ids are different, and so are these: an id holds neither capitals nor other marks."""
    return f"{agent.upper()}_PASSWORD"


def new_name(text: str, otherwise: str) -> str:
    """A name that can be shown and spoken: no control characters, no braces (they would be variables of a text)."""
    plain = "".join(one if one.isprintable() else " " for one in text).translate({ord("{"): "(", ord("}"): ")"})
    return " ".join(plain.split())[:MAX_NAME].strip() or otherwise


def digits_of(text: str) -> str:
    """The text when it can be an extension, else ""."""
    return text if re.fullmatch(r"[0-9]{1,10}", text) else ""


def free_extension(taken: Container[str]) -> str:
    number = FIRST_EXTENSION
    while str(number) in taken:
        number += 1
    return str(number)


def username_of(text: str) -> str:
    """The text when a phone can register by it here, else ""."""
    return text if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", text) else ""
