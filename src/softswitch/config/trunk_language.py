"""The configuration language of carriers: what a trunk is known by and how it writes, and routes for calls out."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from softswitch.config.audio import CODEC_LIST
from softswitch.config.kinds import (
    Flag,
    Keys,
    Kind,
    ListOf,
    MapOf,
    Number,
    OneOf,
    Or,
    Schema,
    SchemaParts,
    Section,
    Word,
    key,
    section,
)
from softswitch.config.kinds import Text as AnyText
from softswitch.config.problems import Placed, Report
from softswitch.config.tree import Node, Scalar
from softswitch.config.values import HOST, ID, NOTHING, SECRET, HostPort, Secret, duration
from softswitch.sip.number_plan import INCOMING, OUTGOING, known_country

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?)*"


def _peer(text: Placed, match: re.Match[str]) -> HostPort:
    host, port = match[1].strip("[]"), match[2]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if match[1].startswith("[") or re.fullmatch(r"[0-9.]+", host):
            raise ValueError(f'"{host}" is no IP address') from None
    number = int(port) if port else 0  # 0: the usual one, or wherever the name leads (RFC 3263)
    if port and not 0 < number < 65536:
        raise ValueError(f"{port} is no port number")
    return HostPort(host, number)


PEER = Word(
    "an address with port like 192.0.2.10:5060, or a name like sip.carrier.example",
    rf"({_NAME}|\[[0-9A-Fa-f:.]{{2,45}}\])(?::([0-9]{{1,5}}))?",
    _peer,
    HostPort(),
)


def _source(text: Placed, _: re.Match[str]) -> str:
    """A network, or a name that the switch looks up again and again."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        if re.fullmatch(_NAME, text) and not re.fullmatch(r"[0-9.]+", text):
            return text.lower()
        raise ValueError(f"is no address or network: {error}") from None


SOURCE = Word("an address, a network like 192.0.2.0/24 or a name", r"[0-9A-Za-z:./-]{2,253}", _source, "")


def _country(text: Placed, _: re.Match[str]) -> Placed:
    if not known_country(text):
        raise ValueError(f'"{text}" is no country whose numbers are known')
    return text


_COUNTRY = Word("a country code like EE", r"[A-Z]{2}", _country, NOTHING)
_PREFIX = Word("digits like 0", r"[0-9]{0,8}", lambda text, _: text, NOTHING)


@section
class TrunkNumbersDoc(Section):
    """How a trunk writes telephone numbers. Without this they go through as they are."""

    country: Placed = key(_COUNTRY, "whose national numbers it means, like EE")
    incoming: Placed = key(
        OneOf(*INCOMING),
        "what it sends without + or 00: national numbers, international ones, or either",
        Placed("auto", NOTHING.place),
    )
    outgoing: Placed = key(
        OneOf(*OUTGOING),
        "how it wants them: e164 is +372…, digits 372…, international 00372…",
        Placed("e164", NOTHING.place),
    )
    national_prefix: Any = key(
        Or({"none": ""}, _PREFIX), "what stands before a national number; by default as the country has it", None
    )


@section
class TrunkLoginDoc(Section):
    """What a carrier without fixed addresses logs in with, for each call."""

    username: Placed = key(AnyText("a name"), "its name here")
    password: Secret = key(SECRET, "and the password")


@section
class TrunkRingingDoc(Section):
    """What callers hear before they are answered."""

    seconds: float = key(duration(1, 120), "how long", name="for")
    tone: Placed = key(
        OneOf("theirs", "ours"),
        "theirs: the exchange of the caller makes the ringing tone (180); ours: we send it (183)",
        Placed("theirs", NOTHING.place),
    )


@section
class TrunkKeys(Section):
    """What a trunk has beside its addresses."""

    certificate: tuple[Placed, ...] = key(
        ListOf(HOST), "names in its certificate: a TLS connection that proves one of them is this trunk", ()
    )
    login: TrunkLoginDoc | None = key(Keys(TrunkLoginDoc, "login"), "it logs in for each call", None)
    trusted: bool = key(
        Flag(), "it may assert who calls, and is told who calls even where that is to be kept private", True
    )
    numbers: TrunkNumbersDoc | None = key(Keys(TrunkNumbersDoc, "numbers"), "how it writes telephone numbers", None)
    forwarding: Placed = key(
        OneOf("none", "diversion", "history-info"),
        "how it is told that a call was forwarded",
        Placed("none", NOTHING.place),
    )
    calls_per_second: int = key(
        Or({"unlimited": 0}, Number(1, 10_000)),
        "new calls a second, each direction; more are refused with Retry-After, or go over the next trunk",
        0,
    )
    codecs: tuple[Placed, ...] = key(
        CODEC_LIST, "codecs, the preferred one first; by default those of `media`, PCMU and PCMA before others", ()
    )
    redirects: tuple[Placed, ...] = key(
        ListOf(ID),
        "trunks to which it may redirect a call (302); what it redirects elsewhere goes over the next one",
        (),
    )
    ringing: TrunkRingingDoc | None = key(
        Keys(TrunkRingingDoc, "ringing"), "its callers hear the ringing tone first; by default they are answered", None
    )


# ------------------------------------------------------------------ routes


class Shares(Kind[dict[Placed, int]]):
    """A trunk, or trunks that share the calls by weight."""

    def __init__(self) -> None:
        super().__init__({})
        self._several = MapOf(ID, Number(1, 1000), at_least=1)

    def read(self, node: Node, report: Report) -> dict[Placed, int]:
        if isinstance(node, Scalar):
            name = ID.read(node, report)
            return {name: 1} if name else {}
        return self._several.read(node, report)

    def schema(self, parts: SchemaParts) -> Schema:
        return {"anyOf": [ID.schema(parts), self._several.schema(parts)]}


_FINAL = ("486", "600", "603", "487")


def _failure(text: Placed, _: re.Match[str]) -> Placed:
    if text in _FINAL or text in ("6xx",):
        raise ValueError(f"{text} is the answer of the called person; another trunk would only ring him again")
    return text


FAILURE = Word(
    "timeout, unreachable or a status like 503 or 5xx",
    r"timeout|unreachable|[3-6][0-9][0-9]|[3-6]xx",
    _failure,
    NOTHING,
)
NEXT_ON = ("timeout", "unreachable", "408", "500", "502", "503", "504")


@section
class RouteDoc(Section):
    """A way out: trunks in the order in which they are tried."""

    trunks: tuple[dict[Placed, int], ...] = key(
        ListOf(Shares(), at_least=1), "trunks, the first one first; `{ north: 3, south: 1 }` share the calls 3 to 1"
    )
    next_on: tuple[Placed, ...] = key(
        ListOf(FAILURE), "failures after which the next trunk is tried; any other ends the attempt", NEXT_ON
    )
