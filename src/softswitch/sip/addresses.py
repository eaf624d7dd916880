"""Which addresses are trunks, and which names are us."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from softswitch.ids import TrunkId
from softswitch.sip.messages import Flow, SipSettings, TrunkSettings
from softswitch.sip.uri import ip_literal, parse_uri

_MAX_CACHED = 4096


class Addresses:
    """Look-ups by address, cached and bounded."""

    __slots__ = ("_cache", "_local_flows", "_networks", "_ours", "_trunks")

    def __init__(self, settings: SipSettings) -> None:
        self._networks: list[tuple[IPv4Network | IPv6Network, TrunkId]] = [
            (ip_network(text, strict=False), trunk.id) for trunk in settings.trunks for text in trunk.networks
        ]
        # The most specific network wins.
        self._networks.sort(key=lambda entry: -entry[0].prefixlen)
        self._trunks = settings.trunks
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

    def trusted(self, address: str) -> bool:
        """An address we may send in-dialog requests to although they did not come from it."""
        return self.trunk_of(address) is not None or any(trunk.host == address for trunk in self._trunks)

    def is_ours(self, host: str) -> bool:
        return host in self._ours or (ip_literal(host) or host) in self._ours

    def flow_to(self, target: str) -> Flow | None:
        """Where a URI without a known flow is sent: its IP literal, or the trunk whose id or host it names."""
        uri = parse_uri(target)
        host, port, transport = uri.host, uri.port, uri.parameter("transport")
        for trunk in self._trunks:
            if host in (str(trunk.id).lower(), trunk.host.lower()):
                host, port, transport = trunk.host, port or trunk.port, transport or trunk.transport
                break
        address = ip_literal(host)
        if address is None:
            return None
        # RFC 3261 26.2.2: to a sips: URI leads TLS alone.
        kind = "tls" if uri.scheme == "sips" else (transport or "udp").lower()
        return self.flow_to_address(address, port or (5061 if kind == "tls" else 5060), kind)

    def carrier_of(self, target: str) -> TrunkSettings | None:
        """The trunk that a URI names by id or host, when it has a name of ours."""
        host = parse_uri(target).host
        for trunk in self._trunks:
            if trunk.username and host in (str(trunk.id).lower(), trunk.host.lower()):
                return trunk
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
