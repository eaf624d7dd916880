"""The kinds of values of this configuration: lengths of time, ports, addresses, numbers, texts by language, secrets."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from softswitch.config.kinds import Keys, Kind, Schema, SchemaParts, Section, Text, Word, key, section, what_is
from softswitch.config.problems import Place, Placed, Report, did_you_mean
from softswitch.config.tree import Mapping, Node, Scalar

NOWHERE = Place("")
NOTHING = Placed("", NOWHERE)

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _keep(text: Placed, _: re.Match[str]) -> Placed:
    return text


def _seconds(text: str) -> float:
    return float(text[:-1]) * _UNITS[text[-1]]


def _written_seconds(seconds: float) -> str:
    unit, size = next((u, s) for u, s in reversed(_UNITS.items()) if (seconds % s == 0 and seconds >= s) or u == "s")
    return f"{seconds / size:g}{unit}"


def duration(low: float = 0.0, high: float = 400 * 86400.0) -> Word[float]:
    """`20s`, `1.5m`, `4h`, `30d`, in seconds."""

    def convert(text: Placed, _: re.Match[str]) -> float:
        value = _seconds(text)
        if not low <= value <= high:
            raise ValueError(f"{text} is out of bounds; from {low:g}s to {high:g}s is possible")
        return value

    return Word(
        "a length of time with its unit, like 20s, 5m, 4h or 30d",
        r"[0-9]{1,7}(?:\.[0-9]{1,3})?[smhd]",
        convert,
        low,
        _written_seconds,
    )


@dataclass(frozen=True, slots=True)
class Promise:
    """`80% in 20s`."""

    percent: float = 80.0
    seconds: float = 20.0

    def __str__(self) -> str:
        return f"{self.percent:g}% in {_written_seconds(self.seconds)}"


def _promise(text: Placed, match: re.Match[str]) -> Promise:
    percent = float(match[1])
    if not 0 < percent <= 100:
        raise ValueError(f"{match[1]}% is no part of all calls; from 1% to 100% is possible")
    return Promise(percent, _seconds(match[2]))


SERVICE_LEVEL = Word(
    "a service level like 80% in 20s",
    r"([0-9]{1,3}(?:\.[0-9])?)% in ([0-9]{1,5}(?:\.[0-9])?[smh])",
    _promise,
    Promise(),
)
EVERY = Word(
    "every and a length of time, like every 45s",
    r"every ([0-9]{1,5}[smh])",
    lambda _, match: _seconds(match[1]),
    45.0,
    lambda seconds: f"every {_written_seconds(seconds)}",
)
AFTER = Word(
    "after and a length of time, like after 60s",
    r"after ([0-9]{1,5}[smh])",
    lambda _, match: _seconds(match[1]),
    60.0,
    lambda seconds: f"after {_written_seconds(seconds)}",
)


SKILL_LESS = Word('levels less, like "-1", or any', r"-[1-4]|any", _keep, NOTHING)


def whole_range(low: int, high: int, example: str) -> Word[tuple[int, int]]:
    """`6..10` or just `4`."""

    def convert(text: Placed, match: re.Match[str]) -> tuple[int, int]:
        first, last = int(match[1]), int(match[2] or match[1])
        if not low <= first <= last <= high:
            raise ValueError(f"{text} is out of order or out of bounds; from {low} to {high} is possible")
        return first, last

    pattern = r"([1-9][0-9]{0,5}|0)(?:\.\.([1-9][0-9]{0,5}))?"
    return Word(f"a range like {example}", pattern, convert, (low, low), lambda ends: f"{ends[0]}..{ends[1]}")


PORTS = whole_range(1024, 65535, "20000..29999")

ID = Word("an id of small letters, digits and _", r"[a-z][a-z0-9_]{0,63}", _keep, NOTHING)
AGENT_ID = Word("an id of letters, digits and _ . -", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", _keep, NOTHING)
USERNAME = Word("a user name of letters, digits and _ . -", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", _keep, NOTHING)
EXTENSION = Word("an extension of 1 to 10 digits, like 1001", r"[0-9]{1,10}", _keep, NOTHING)
DIGITS = Word("one to four digits, like 2", r"[0-9]{1,4}", _keep, NOTHING)
DIALLED = Word('a number as it is dialled, like "+3726310000" or "1210"', r"\+?[0-9]{1,20}", _keep, NOTHING)
CODE = Word('a code that a phone can dial, like "*11"', r"[0-9*#]{1,10}", _keep, NOTHING)
MENU_KEY = Word('a key of the phone: 0 to 9, "*" or "#"', r"[0-9*#A-D]", _keep, NOTHING)
LANGUAGE = Word("a language code like en or et", r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})?", _keep, NOTHING)
COUNTRY = Word("a country code like EE", r"[A-Z]{2}(?:-[A-Z0-9]{1,6})?", _keep, NOTHING)
HOST = Word(
    "a host name or address",
    r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]{2,45}\]?",
    _keep,
    NOTHING,
)


def _timezone(text: Placed, _: re.Match[str]) -> Placed:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'"{text}" is no time zone{did_you_mean(text, available_timezones())}') from None
    return text


TIMEZONE = Word("a time zone like Europe/Tallinn", r"[A-Za-z0-9_+/-]{1,64}", _timezone, Placed("UTC", NOWHERE))


def _address(text: Placed, _: re.Match[str]) -> Placed:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f'"{text}" is no IP address') from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError(f"{text} is no address that a phone could send to; name the address of this machine")
    return text


ADDRESS = Word("an IP address", r"[0-9A-Fa-f:.]{2,45}", _address, Placed("127.0.0.1", NOWHERE))


def _network(text: Placed, _: re.Match[str]) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(f"is no address or network: {error}") from None


NETWORK = Word("an address or a network like 192.0.2.0/24", r"[0-9A-Fa-f:./]{2,49}", _network, "")


@dataclass(frozen=True, slots=True)
class HostPort:
    host: str = ""
    port: int = 5060

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.host else ""


_ORIGIN = r"(https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?)"
ORIGIN = Word(
    "the beginning of a page's address, like https://desk.example.com", _ORIGIN, lambda text, _: text.lower(), ""
)


def _host_port(text: Placed, match: re.Match[str]) -> HostPort:
    port = int(match[2])
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no port number")
    return HostPort(match[1].strip("[]"), port)


_HOST_PORT = r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5})"
HOST_PORT = Word("an address with port, like 192.0.2.10:5060", _HOST_PORT, _host_port, HostPort())


@dataclass(frozen=True, slots=True)
class Url:
    scheme: str = "udp"
    host: str = "0.0.0.0"
    port: int = 5060

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


SERVED = ("udp", "tcp", "tls", "ws", "wss")


def _listen(text: Placed, match: re.Match[str]) -> Url:
    if match[1] not in SERVED:
        hint = did_you_mean(match[1], SERVED) or f"; {', '.join(SERVED[:-1])} and {SERVED[-1]} are"
        raise ValueError(f'"{match[1]}" is not served{hint}')
    port = int(match[3])
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no port number")
    try:
        ipaddress.ip_address(match[2].strip("[]"))
    except ValueError:
        raise ValueError(f'"{match[2]}" is no IP address of this machine; 0.0.0.0 means all of them') from None
    return Url(match[1], match[2].strip("[]"), port)


LISTEN = Word("where to listen, like udp://0.0.0.0:5060", rf"([a-z]{{2,5}})://{_HOST_PORT}", _listen, Url())


def _api(text: Placed, match: re.Match[str]) -> Url:
    place = _host_port(text, match)
    if place.host != "localhost":
        try:
            loopback = ipaddress.ip_address(place.host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError(
                f"{place.host} can be reached from outside, and the API asks for no password; use 127.0.0.1"
            )
    return Url("http", place.host, place.port)


API = Word(
    "where the API listens, like http://127.0.0.1:8060", rf"http://{_HOST_PORT}", _api, Url("http", "127.0.0.1", 8060)
)

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


def _database(text: Placed, match: re.Match[str]) -> str:
    scheme = match[1]
    if scheme not in _DRIVERS:
        raise ValueError(f'"{scheme}" databases are not known{did_you_mean(scheme, _DRIVERS)}')
    if re.match(r"//[^/@]*:[^/@]*@", match[2]):
        raise ValueError("a password stands here in clear text; write the whole URL as { env: NAME }")
    return f"{_DRIVERS[scheme]}:{match[2]}"


def database_url(text: str) -> str:
    """The URL for the driver, from one that came from a secret or the command line (and may hold a password)."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.partition("+")[0] not in _DRIVERS:
        raise ValueError("is no database URL; like sqlite:///var/line.db or postgresql://host/name")
    return f"{_DRIVERS[scheme.partition('+')[0]]}:{rest}"


DATABASE_WORD = Word(
    "a database like sqlite:///var/line.db or postgresql://host/name",
    r"([a-z]+):(//.+)",
    _database,
    "sqlite+aiosqlite:///var/line.db",
    quiet=True,
)


# ------------------------------------------------------------------ secrets


@section
class Secret(Section):
    """A secret is never written in a configuration file; it is named here and read at start."""

    env: Placed = key(
        Word("the name of an environment variable", r"[A-Za-z_][A-Za-z0-9_]*", _keep, NOTHING),
        "the environment variable that holds it",
        NOTHING,
    )
    file: Placed = key(Text("a path"), "the file that holds it, relative to this directory", NOTHING)

    @property
    def given(self) -> bool:
        return bool(self.env or self.file)


class SecretKind(Kind[Secret]):
    def __init__(self) -> None:
        self._keys = Keys(Secret, "a secret")
        super().__init__(self._keys.blank)

    def read(self, node: Node, report: Report) -> Secret:
        if isinstance(node, Scalar):
            report.add(node.place, "a secret is never written here; name it as { env: NAME } or { file: PATH }")
            return self.blank
        secret = self._keys.read(node, report)
        if bool(secret.env) and bool(secret.file):
            report.add(node.place, "a secret has one source: env or file, not both")
        elif isinstance(node, Mapping) and not secret.places and not node.items:
            report.add(node.place, "a secret needs the key env or the key file")
        return secret

    def schema(self, parts: SchemaParts) -> Schema:
        return self._keys.schema(parts)


SECRET = SecretKind()


class DatabaseKind(Kind[Any]):
    """A URL without password, or the whole URL as a secret."""

    def __init__(self) -> None:
        super().__init__(DATABASE_WORD.blank)

    def read(self, node: Node, report: Report) -> Any:
        return SECRET.read(node, report) if isinstance(node, Mapping) else DATABASE_WORD.read(node, report)

    def schema(self, parts: SchemaParts) -> Schema:
        return {"anyOf": [DATABASE_WORD.schema(parts), SECRET.schema(parts)]}

    def write(self, value: Any) -> Any:
        scheme, _, rest = str(value).partition(":")
        return f"{scheme.partition('+')[0]}:{rest}"


def resolve_secret(secret: Secret, directory: Path, env: Any, report: Report) -> str:
    """The secret itself; "" and a problem when it is not there."""
    if secret.env:
        value: str = env.get(str(secret.env), "")
        if not value:
            report.add(secret.env.place, f"the environment variable {secret.env} is not set")
        return value
    if secret.file:
        path = directory / secret.file
        try:
            value = path.read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not UTF-8 text"
            report.add(secret.file.place, f"{path} cannot be read: {reason}")
            return ""
        if not value:
            report.add(secret.file.place, f"{path} is empty")
        return value
    return ""


# ------------------------------------------------------------------ texts by language


@dataclass(frozen=True, slots=True)
class SayDoc:
    """Texts and audio files by language. A text without language is in the line's first one (key "")."""

    place: Place
    texts: dict[Placed, Placed] = field(default_factory=dict)
    files: dict[Placed, Placed] = field(default_factory=dict)


@section
class AudioFile(Section):
    """An audio file (WAV, MP3, OGG) of the configuration directory instead of a text."""

    file: Placed = key(Text("a path"), "the audio file, relative to this directory")


class SayKind(Kind[SayDoc]):
    def __init__(self) -> None:
        self._file = Keys(AudioFile, "an audio file")
        super().__init__(SayDoc(NOWHERE))

    def read(self, node: Node, report: Report) -> SayDoc:
        say = SayDoc(node.place)
        if isinstance(node, Scalar):
            say.texts[Placed("", node.place)] = Text("a text, or texts by language").read(node, report)
        elif not isinstance(node, Mapping) or not node.items:
            report.add(node.place, f"expected texts by language like {{ en: ... }}, found {what_is(node)}")
        else:
            for key_node, value in node.items:
                language = LANGUAGE.read(key_node, report)
                if isinstance(value, Mapping):
                    say.files[language] = self._file.read(value, report).file
                else:
                    say.texts[language] = Text().read(value, report)
        return say

    def schema(self, parts: SchemaParts) -> Schema:
        one = {"anyOf": [{"type": "string"}, self._file.schema(parts)]}
        by_language = {"type": "object", "additionalProperties": one, "minProperties": 1}
        parts.defs["Say"] = {"title": "a text, or texts by language", "anyOf": [{"type": "string"}, by_language]}
        return {"$ref": "#/$defs/Say"}


SAY = SayKind()
