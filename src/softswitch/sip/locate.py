"""Where to send (RFC 3263 section 4, RFC 2782): the rules alone. What is not known yet is returned as look-ups.

    name ─┬─ an address ───────────────────────────────► that address
          ├─ transport and port given ─► A, AAAA
          ├─ transport given ──► SRV ──► A, AAAA          (no SRV: A, AAAA at the usual port)
          └─ nothing given ──► NAPTR ──► SRV ──► A, AAAA  (no NAPTR: SRV of each transport that we speak)

`locate` walks this tree over the answers that there are. It is asked again with each new one, until nothing is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from softswitch.sip.uri import ip_literal

MOST_SERVICES: Final = 8
MOST_SERVERS: Final = 16
MOST_ADDRESSES: Final = 8  # of one server
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*")
_SERVICES: Final = {"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"}
_PREFIX: Final = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
_ORDER: Final = ("udp", "tcp", "tls")


@dataclass(frozen=True, slots=True)
class Lookup:
    """Ask the name service; answered by `LookupDone`, always."""

    name: str
    kind: str  # "NAPTR", "SRV", "A", "AAAA"


class Naptr(NamedTuple):
    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class LookupDone:
    """`records` are `Naptr`, `Srv` or addresses; empty: there are none, or (`failed`) nobody could tell."""

    name: str
    kind: str
    records: tuple[Naptr, ...] | tuple[Srv, ...] | tuple[str, ...]
    ttl: float
    failed: bool = False


class Question(NamedTuple):
    """A target as it is written. `transport` and `port` are empty and 0 where nothing is said; `transports` are those
    that we speak, `families` "A" and "AAAA"."""

    host: str
    port: int
    transport: str
    transports: tuple[str, ...]
    families: tuple[str, ...]


class Server(NamedTuple):
    priority: int
    weight: int
    port: int
    name: str
    addresses: tuple[str, ...]


class Service(NamedTuple):
    """What one transport leads to."""

    transport: str
    servers: tuple[Server, ...]


class Target(NamedTuple):
    transport: str
    address: str
    port: int


class Located(NamedTuple):
    services: tuple[Service, ...]
    missing: tuple[Lookup, ...]
    ttl: float
    failed: bool  # something could not be looked up


Answers = Mapping[tuple[str, str], LookupDone]


def locate(question: Question, answers: Answers) -> Located:
    """As far as it is known. With anything missing the services are not complete."""
    walk = _Walk(question, answers)
    services = walk.services()
    return Located(
        tuple(service for service in services if service.servers), tuple(walk.missing), walk.ttl, walk.failed
    )


class _Walk:
    def __init__(self, question: Question, answers: Answers) -> None:
        self._question = question
        self._answers = answers
        self.missing: list[Lookup] = []
        self.ttl = 86_400.0
        self.failed = False

    def services(self) -> list[Service]:
        question = self._question
        host, port = question.host, question.port
        if ip_literal(host) is not None:
            transport = question.transport or "udp"
            return [Service(transport, (Server(0, 0, port or usual_port(transport), host, (host,)),))]
        # RFC 3263 4.1: "if no transport protocol is specified [...] but a port is provided", it is UDP for sip.
        if question.transport or port:
            transport = question.transport or "udp"
            if transport not in question.transports:
                return []
            return [self._service(transport, "" if port else _PREFIX[transport] + host)]
        return self._by_naptr() or self._by_srv()

    def _by_naptr(self) -> list[Service]:
        records = [each for each in self._ask(self._question.host, "NAPTR") if isinstance(each, Naptr)]
        found: list[Service] = []
        # RFC 3263 4.1: records with services that we do not speak are discarded; the rest goes by order, preference.
        for record in sorted(records, key=lambda each: (each.order, each.preference))[: 4 * MOST_SERVICES]:
            transport = _SERVICES.get(record.service.lower(), "")
            if record.flags.lower() == "s" and transport in self._question.transports and len(found) < MOST_SERVICES:
                found.append(self._service(transport, record.replacement.lower().rstrip("."), strict=True))
        return found

    def _by_srv(self) -> list[Service]:
        """RFC 3263 4.1: without NAPTR records, "the client constructs SRV queries for those transport protocols it
        supports"."""
        if self.missing:
            return []
        host = self._question.host
        spoken = [transport for transport in _ORDER if transport in self._question.transports]
        found = [self._service(transport, _PREFIX[transport] + host, strict=True) for transport in spoken]
        if self.missing or any(service.servers for service in found):
            return found
        return [self._service(spoken[0], "")] if spoken else []

    def _service(self, transport: str, srv: str, strict: bool = False) -> Service:
        """`srv`: the name of SRV records; empty: the host itself. `strict`: without records there is no service."""
        host, port = self._question.host, self._question.port
        records = [each for each in self._ask(srv, "SRV") if isinstance(each, Srv)] if srv else []
        if srv and (strict or records or self.missing):
            # RFC 2782: "A Target of "." means that the service is decidedly not available at this domain."
            named = [each for each in records if each.target.rstrip(".") and each.port][:MOST_SERVERS]
            servers = [
                Server(each.priority, each.weight, each.port, name, self._addresses(name))
                for each in named
                for name in (each.target.lower().rstrip("."),)
            ]
        else:
            # RFC 3263 4.2: "If no SRV records were found, the client performs an A or AAAA record lookup".
            servers = [Server(0, 0, port or usual_port(transport), host, self._addresses(host))]
        return Service(transport, tuple(server for server in servers if server.addresses))

    def _addresses(self, name: str) -> tuple[str, ...]:
        if ip_literal(name) is not None:
            return (name,)
        found = [one for family in self._question.families for one in self._ask(name, family) if isinstance(one, str)]
        return tuple(found[:MOST_ADDRESSES])

    def _ask(self, name: str, kind: str) -> tuple[Naptr | Srv | str, ...]:
        if not _NAME.fullmatch(name):
            return ()
        answer = self._answers.get((name, kind))
        if answer is None:
            lookup = Lookup(name, kind)
            if lookup not in self.missing:
                self.missing.append(lookup)
            return ()
        self.ttl = min(self.ttl, answer.ttl)
        self.failed = self.failed or answer.failed
        return answer.records


def usual_port(transport: str) -> int:
    return 5061 if transport == "tls" else 5060


def ordered(services: tuple[Service, ...], below: Callable[[int], int]) -> list[Target]:
    """Every target once, in the order in which they are tried by one request. `below(n)`: a random number from 0 to
    n - 1."""
    found: list[Target] = []
    for service in services:
        for server in by_weight(service.servers, below):
            found += [Target(service.transport, address, server.port) for address in server.addresses]
    return list(dict.fromkeys(found))


def by_weight(servers: tuple[Server, ...], below: Callable[[int], int]) -> list[Server]:
    """RFC 2782: by priority; among equals at random, "proportional to its weight", those of weight 0 at the beginning
    of the list and so with a very small chance."""
    found: list[Server] = []
    left = sorted(servers, key=lambda server: (server.priority, server.weight != 0))
    while left:
        equals = [server for server in left if server.priority == left[0].priority]
        total = sum(server.weight for server in equals)
        if not total:  # none says anything of shares: in any order, and not always the same one first
            equals = [equals[below(len(equals))]]
        drawn = below(total + 1)
        running = 0
        for server in equals:
            running += server.weight
            if running >= drawn:
                break
        found.append(server)
        left.remove(server)
    return found
