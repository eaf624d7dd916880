"""Which addresses are trunks, and which names are us."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from softswitch.ids import TrunkId
from softswitch.sip.messages import Flow, SipSettings, TrunkSettings
from softswitch.sip.uri import ip_literal, parse_uri

_MAX_CACHED = 4096


class Addresses:
    """Look-ups by address, cached and bounded."""

    __slots__ = ("_by_id", "_cache", "_local_flows", "_names", "_networks", "_ours", "_trunks")

    def __init__(self, settings: SipSettings) -> None:
        self._networks: list[tuple[IPv4Network | IPv6Network, TrunkId]] = [
            (ip_network(text, strict=False), trunk.id) for trunk in settings.trunks for text in trunk.networks
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
        found: TrunkId | None = None
        if ip_literal(address) is not None:
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

    def trusted(self, address: str) -> bool:
        """An address we may send in-dialog requests to although they did not come from it."""
        return self.trunk_of(address) is not None or any(trunk.host == address for trunk in self._trunks)

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
            return []
        # RFC 3261 26.2.2: to a sips: URI leads TLS alone.
        kind = "tls" if uri.scheme == "sips" else (transport or "udp").lower()
        flow = self.flow_to_address(address, port or (5061 if kind == "tls" else 5060), kind)
        return [flow] if flow is not None else []

    def carrier_of(self, target: str, trunk: TrunkId | None = None) -> TrunkSettings | None:
        """The trunk that is given, or that a URI names by id or host."""
        if trunk is not None:
            return self._by_id.get(trunk)
        host = parse_uri(target).host
        for each in self._trunks:
            if host in (str(each.id).lower(), each.host.lower()):
                return each
        return None

    def flow_to_address(self, address: str, port: int, transport: str) -> Flow | None:
        """From our listening address of the same transport and family; for TCP and TLS the shell connects."""
        six = ":" in address
        for flow in self._local_flows:
            if flow.transport == transport and (":" in flow.local[0]) == six:
                if transport == "udp":
                    return Flow(transport, flow.local, (address, port))
                return Flow(transport, flow.local, (address, port), -1, (), address if transport == "tls" else "")
        return None
