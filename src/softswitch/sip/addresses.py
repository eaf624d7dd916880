"""Which addresses are trunks, and which names are us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from softswitch.ids import TrunkId
from softswitch.sip.locate import Service, ordered
from softswitch.sip.messages import Flow, SipSettings, TrunkSettings
from softswitch.sip.uri import ip_literal, parse_uri

MOST_WAYS = 16  # to one trunk, for one request
_MAX_CACHED = 4096


def is_network(text: str) -> bool:
    """An address or a network; else it is a name."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a name leads. `outgoing`: calls go there; else they come from there."""

    host: str
    services: tuple[Service, ...]
    outgoing: bool

    def addresses(self, named: str = "") -> Iterator[tuple[str, str]]:
        """Names of servers with their addresses; of one server, or all behind the name itself."""
        for service in self.services:
            for server in service.servers:
                if named in ("", server.name, self.host):
                    for address in server.addresses:
                        if may_be_sent_to(address):
                            yield server.name, address


def may_be_sent_to(address: str) -> bool:
    """Whatever a name service says: nothing goes to everybody."""
    parsed = ip_address(address)
    return not (parsed.is_unspecified or parsed.is_multicast or address == "255.255.255.255")


class Addresses:
    """Look-ups by address, cached and bounded. `resolved` says where names of trunks lead now (`sip.directory`)."""

    __slots__ = (
        "_below",
        "_by_id",
        "_cache",
        "_local_flows",
        "_names",
        "_networks",
        "_ours",
        "_resolved",
        "_trunks",
        "_whose",
    )

    def __init__(self, settings: SipSettings, below: Callable[[int], int] = lambda most: 0) -> None:
        self._below = below  # a random number from 0 to most - 1
        self._resolved: dict[tuple[TrunkId, str, bool], Resolved] = {}
        self._whose: dict[str, TrunkId] = {}  # addresses behind the names that calls come from
        self._networks: list[tuple[IPv4Network | IPv6Network, TrunkId]] = [
            (ip_network(text, strict=False), trunk.id)
            for trunk in settings.trunks
            for text in trunk.networks
            if is_network(text)
        ]
        # The most specific network wins.
        self._networks.sort(key=lambda entry: -entry[0].prefixlen)
        self._trunks = settings.trunks
        self._names = {name.lower(): trunk.id for trunk in settings.trunks for name in trunk.names}
        self._by_id = {trunk.id: trunk for trunk in settings.trunks}
        self._local_flows = settings.local_flows
        ours = [settings.realm, *settings.domains, *(flow.local[0] for flow in settings.local_flows)]
        self._ours = frozenset(ip_literal(name) or name.lower() for name in ours)
        self._cache: dict[str, TrunkId | None] = {}

    def trunk_of(self, address: str) -> TrunkId | None:
        """The trunk whose packets come from this address."""
        try:
            return self._cache[address]
        except KeyError:
            pass
        found: TrunkId | None = self._whose.get(address)
        if found is None and ip_literal(address) is not None:
            parsed = ip_address(address)
            for network, trunk in self._networks:
                if parsed.version == network.version and parsed in network:
                    found = trunk
                    break
        if len(self._cache) >= _MAX_CACHED:
            self._cache.clear()
        self._cache[address] = found
        return found

    def trunk_of_flow(self, flow: Flow) -> TrunkId | None:
        """By the address, or by a name that the certificate of a TLS connection proves."""
        found = self.trunk_of(flow.remote[0])
        if found is not None or flow.connection == 0 or not self._names:
            return found
        for name in flow.peer_names:
            trunk = self._names.get(name.lower())
            if trunk is not None:
                return trunk
        return None

    def trunk(self, trunk: TrunkId) -> TrunkSettings:
        return self._by_id[trunk]

    def find_trunk(self, trunk: TrunkId | None) -> TrunkSettings | None:
        """None: no trunk (any more)."""
        return None if trunk is None else self._by_id.get(trunk)

    # ---------------------------------------------------------------- names

    def resolved(self, trunk: TrunkId, found: Resolved) -> None:
        self._resolved[trunk, found.host, found.outgoing] = found
        self._whose = {
            address: key[0]
            for key, each in self._resolved.items()
            if not each.outgoing
            for _, address in each.addresses()
        }
        self._cache.clear()

    def behind_names(self) -> list[str]:
        """Every address that a name of a trunk leads to."""
        return [address for each in self._resolved.values() for _, address in each.addresses()]

    def trusted(self, host: str) -> str:
        """The address of a host that we may send in-dialog requests to although they did not come from it: an address
        of a trunk, or a name of one. Empty: we may not."""
        if ip_literal(host) is None:
            return next((address for each in self._resolved.values() for name, address in each.addresses(host)), "")
        named = any(host == address for each in self._resolved.values() for _, address in each.addresses())
        known = named or self.trunk_of(host) is not None or any(trunk.host == host for trunk in self._trunks)
        return host if known else ""

    def is_ours(self, host: str) -> bool:
        return host in self._ours or (ip_literal(host) or host) in self._ours

    def flow_to(self, target: str) -> Flow | None:
        """The first of `ways_to`."""
        return next(iter(self.ways_to(target)), None)

    def ways_to(self, target: str, trunk: TrunkId | None = None) -> list[Flow]:
        """Where a URI without a known flow is sent, the best way first: its IP literal, or the trunk that is given or
        whose id or host it names."""
        uri = parse_uri(target)
        host, port, transport = uri.host, uri.port, uri.parameter("transport")
        carrier = self.carrier_of(target, trunk)
        if carrier is not None:
            host, port, transport = carrier.host, port or carrier.port, transport or carrier.transport
        address = ip_literal(host)
        if address is None:
            return self._named_ways(carrier) if carrier is not None else []
        # RFC 3261 26.2.2: to a sips: URI leads TLS alone.
        kind = "tls" if uri.scheme == "sips" else (transport or "udp").lower()
        flow = self.flow_to_address(address, port or (5061 if kind == "tls" else 5060), kind)
        return [flow] if flow is not None else []

    def _named_ways(self, trunk: TrunkSettings) -> list[Flow]:
        """RFC 3263 4: the targets of its name, for one request; the shell connects where that is needed."""
        found = self._resolved.get((trunk.id, trunk.host.lower(), True))
        targets = ordered(found.services, self._below) if found is not None else []
        flows = [
            self.flow_to_address(each.address, each.port, each.transport)
            for each in targets[:MOST_WAYS]
            if may_be_sent_to(each.address)
        ]
        secure = [replace(flow, server_name=trunk.host) if flow and flow.server_name else flow for flow in flows]
        return [flow for flow in secure if flow is not None]

    def carrier_of(self, target: str, trunk: TrunkId | None = None) -> TrunkSettings | None:
        """The trunk that is given, or that a URI names by id or host."""
        if trunk is not None:
            return self._by_id.get(trunk)
        host = parse_uri(target).host
        for each in self._trunks:
            if host in (str(each.id).lower(), each.host.lower()):
                return each
        return None

    def trunk_behind(self, uri: str) -> TrunkId | None:
        """The trunk whose calls go to the host of this URI, or come from there."""
        if uri[:4].lower() not in ("sip:", "sips"):
            return None
        carrier = self.carrier_of(uri)
        return carrier.id if carrier is not None else self.trunk_of(parse_uri(uri).host)

    def flow_to_address(self, address: str, port: int, transport: str) -> Flow | None:
        """From our listening address of the same transport and family; for TCP and TLS the shell connects."""
        six = ":" in address
        for flow in self._local_flows:
            if flow.transport == transport and (":" in flow.local[0]) == six:
                if transport == "udp":
                    return Flow(transport, flow.local, (address, port))
                return Flow(transport, flow.local, (address, port), -1, (), address if transport == "tls" else "")
        return None
