"""Who is heard at all: decided for each packet before anything of it is parsed, from its source and a few bytes.

    packet ─► exempt (trunk, own machine) ───────────────────────────────────────► heard
           ─► banned ─► dropped
           ─► source's bucket empty ─► dropped; a stranger so often dropped ─► banned (datagrams: muted meanwhile)
           ─► scanner's name in a stranger's packet ─► banned (datagrams: dropped)
           ─► stranger, and the bucket of all strangers empty ─► dropped ────────► else heard

A source is proven for an hour by a good login. A wrong login adds to its source's score, which decays; past the
limit the source is banned, each time twice as long, forgotten after as long a peace. Accounts are never locked: who
knows the password gets in from any other address at any time. IPv6 sources count by their /64. All tables are
bounded; the oldest entry goes first.

Whoever sends a datagram writes its source himself. So a ban needs an address that is real: one with a TCP connection,
or one that has answered a challenge, right or wrong, within the last minutes. Other addresses are only not listened
to while packets come, and nobody gets a customer banned by writing in his name.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from softswitch.sip.messages import DefenceSettings, SecurityEvent, SipSettings
from softswitch.sip.scanners import SCANNERS

MAX_SOURCES = 10_000
MAX_BANS = 10_000
PROVEN_SECONDS = 3600.0
PROVEN_FACTOR = 5.0  # of rate, burst and failures
REAL_SECONDS = 600.0  # so long an address that answered a challenge is known to be no forged one
_DROPS_TO_BAN = 1000.0  # more packets than this above the rate, and the source is banned
_MUTE_SECONDS = 5.0  # an address that may be forged is heard again so long after a flood in its name
_HEAD_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Ban:
    """`until` is monotonic seconds."""

    source: str
    reason: str  # "login", "scanner", "flood"
    until: float
    seconds: float  # how long this ban is
    dropped: int


class _Source:
    """What is known of one source. `tokens` were left at `at`; `dropped` counts packets above the rate."""

    __slots__ = ("at", "dropped", "failed_at", "failures", "proven_until", "real_until", "reported", "scans", "tokens")

    def __init__(self, tokens: float, now: float) -> None:
        self.tokens = tokens
        self.at = now
        self.dropped = 0.0
        self.failures = 0.0
        self.failed_at = now
        self.proven_until = 0.0
        self.real_until = 0.0
        self.reported = False
        self.scans = False


class _Sentence:
    """A ban, present or past: the next one is longer."""

    __slots__ = ("dropped", "reason", "seconds", "until")

    def __init__(self) -> None:
        self.reason = ""
        self.seconds = 0.0
        self.until = 0.0
        self.dropped = 0


class Guard:
    """See the module. Events wait in `events` until somebody takes them."""

    __slots__ = (
        "_bans",
        "_exempt",
        "_named",
        "_networks",
        "_scanner",
        "_settings",
        "_sources",
        "_strangers",
        "_strangers_at",
        "dropped",
        "events",
    )

    def __init__(self, settings: SipSettings) -> None:
        defence: DefenceSettings = settings.defence
        self._settings = defence
        networks = [text for trunk in settings.trunks for text in (*trunk.networks, trunk.host) if _is_network(text)]
        parsed = [ip_network(text, strict=False) for text in (*networks, *defence.never_ban)]
        # Single addresses, by far the most, cost one look-up and no parsing.
        self._exempt = {str(net.network_address) for net in parsed if net.num_addresses == 1}
        self._named: list[str] = []
        self._networks = tuple(net for net in parsed if net.num_addresses > 1)
        names = sorted({*SCANNERS, *defence.scanners})
        pattern = "|".join(re.escape(name) for name in names)
        line = rf"\n(?:user-agent|server)[ \t]*:[^\r\n]*?(?:{pattern})"
        self._scanner = re.compile(line.encode(), re.IGNORECASE)
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._bans: OrderedDict[str, _Sentence] = OrderedDict()
        self._strangers = defence.strangers_per_second
        self._strangers_at = 0.0
        self.dropped = {"banned": 0, "rate": 0, "scanner": 0, "strangers": 0}
        self.events: list[SecurityEvent] = []

    # ---------------------------------------------------------------- each packet

    def admit(self, host: str, data: bytes, now: float, connected: bool = False) -> bool:
        """Shall this packet be looked at? `data` may be empty: a new connection. `connected`: it came over TCP."""
        if host in self._exempt or not self._settings.enabled:
            return True
        name = host if ":" not in host else source_name(host)
        if self._bans:
            sentence = self._bans.get(name)
            if sentence is not None and sentence.until > now:
                sentence.dropped += 1
                self.dropped["banned"] += 1
                return False
        source = self._sources.get(name)
        if source is None:
            if self._networks and self._in_networks(host):
                if len(self._exempt) < MAX_SOURCES:
                    self._exempt.add(host)  # the next time without parsing it
                return True
            source = self._new_source(name, now)
        if connected:
            source.real_until = now + REAL_SECONDS
        return self._within_rate(name, source, now) and self._no_scanner(name, source, data, now)

    def _within_rate(self, name: str, source: _Source, now: float) -> bool:
        settings = self._settings
        proven = source.proven_until > now
        factor = PROVEN_FACTOR if proven else 1.0
        passed = now - source.at
        rate = settings.rate_per_second * factor
        tokens = min(settings.burst * factor, source.tokens + passed * rate)
        source.at = now
        if tokens < 1.0:
            source.tokens = tokens
            self._above_rate(name, source, now)
            return False
        source.tokens = tokens - 1.0
        if source.dropped and passed > 1.0:
            source.dropped = max(0.0, source.dropped - passed * rate)
            source.reported = source.reported and source.dropped > 0
        return proven or self._stranger_fits(now)

    def _stranger_fits(self, now: float) -> bool:
        """All who never proved anything share one bucket, so that a flood from many addresses is bounded too."""
        rate = self._settings.strangers_per_second
        tokens = min(2.0 * rate, self._strangers + (now - self._strangers_at) * rate)
        self._strangers_at = now
        if tokens < 1.0:
            self._strangers = tokens
            self.dropped["strangers"] += 1
            return False
        self._strangers = tokens - 1.0
        return True

    def _above_rate(self, name: str, source: _Source, now: float) -> None:
        self.dropped["rate"] += 1
        source.dropped += 1
        if not source.reported:
            source.reported = True
            self.events.append(SecurityEvent("rate_limited", (name, 0), "", f"{self._settings.rate_per_second:g}/s"))
        if source.dropped > _DROPS_TO_BAN and source.proven_until <= now:
            # An office behind one address that comes back at once is no attacker.
            if source.real_until > now:
                source.dropped = 0.0
                self._ban(name, "flood", now)
            else:
                # Nothing of it is heard until the flood has paused.
                source.dropped = _DROPS_TO_BAN + 1.0
                source.tokens = max(source.tokens - 1.0, -_MUTE_SECONDS * self._settings.rate_per_second)

    def _no_scanner(self, name: str, source: _Source, data: bytes, now: float) -> bool:
        if source.proven_until > now or self._scanner.search(data, 0, _HEAD_BYTES) is None:
            return True
        if source.real_until > now:
            self._ban(name, "scanner", now)
            return False
        self.dropped["scanner"] += 1
        if not source.scans:
            source.scans = True
            self.events.append(SecurityEvent("scanner", (name, 0), "", "dropped, not banned: perhaps forged"))
        return False

    def _new_source(self, name: str, now: float) -> _Source:
        if len(self._sources) >= MAX_SOURCES:
            oldest, known = self._sources.popitem(last=False)
            if known.proven_until > now:  # a proven one has a second chance
                self._sources[oldest] = known
                self._sources.popitem(last=False)
        source = self._sources[name] = _Source(self._settings.burst, now)
        return source

    def named(self, addresses: list[str]) -> None:
        """Trunks by their names, as these lead now: heard like those by address."""
        self._exempt.difference_update(self._named)
        self._named = [address for address in addresses if address not in self._exempt]
        self._exempt.update(self._named)

    def _in_networks(self, host: str) -> bool:
        address = ip_address(host)
        return any(address.version == net.version and address in net for net in self._networks)

    def _is_exempt(self, host: str) -> bool:
        return host in self._exempt or not self._settings.enabled or bool(self._networks and self._in_networks(host))

    # ---------------------------------------------------------------- what became of it

    def proven(self, host: str, now: float) -> None:
        """A good login from there."""
        name = source_name(host)
        source = self._sources.get(name) or self._new_source(name, now)
        source.proven_until = now + PROVEN_SECONDS
        source.failures = 0.0
        self._sources.move_to_end(name)

    def is_proven(self, host: str, now: float) -> bool:
        source = self._sources.get(source_name(host))
        return source is not None and source.proven_until > now

    def is_known(self, host: str, now: float) -> bool:
        """No stranger."""
        return self._is_exempt(host) or self.is_proven(host, now)

    def failed(self, host: str, now: float) -> None:
        """A wrong login from there."""
        if self._is_exempt(host):
            return
        settings = self._settings
        name = source_name(host)
        source = self._sources.get(name) or self._new_source(name, now)
        decayed = source.failures - (now - source.failed_at) / settings.failure_decay_seconds
        source.real_until = now + REAL_SECONDS  # it answered a nonce that was sent there
        source.failures = max(0.0, decayed) + 1.0
        source.failed_at = now
        limit = settings.failures * (PROVEN_FACTOR if source.proven_until > now else 1.0)
        if source.failures > limit - 0.5:  # what a few seconds took away does not count
            source.failures = 0.0
            self._ban(name, "login", now)

    def _ban(self, name: str, reason: str, now: float) -> None:
        settings = self._settings
        sentence = self._bans.pop(name, None) or _Sentence()
        # Twice as long as the last time; forgotten when the peace since has been as long as the ban was.
        again = sentence.seconds > 0 and now - sentence.until < sentence.seconds
        sentence.seconds = min(settings.longest_ban_seconds, 2 * sentence.seconds if again else settings.ban_seconds)
        sentence.until = now + sentence.seconds
        sentence.reason = reason
        sentence.dropped = 0
        if len(self._bans) >= MAX_BANS:
            self._bans.popitem(last=False)
        self._bans[name] = sentence
        self.events.append(SecurityEvent("banned", (name, 0), "", f"{reason}, {sentence.seconds:g} s"))

    def take_events(self) -> list[SecurityEvent]:
        events, self.events = self.events, []
        return events

    # ---------------------------------------------------------------- for the operator

    def bans(self, now: float) -> tuple[Ban, ...]:
        return tuple(
            Ban(name, each.reason, each.until, each.seconds, each.dropped)
            for name, each in self._bans.items()
            if each.until > now
        )

    def free(self, host: str, now: float) -> bool:
        """Lift a ban and forget the record. False when there is none."""
        name = source_name(host.removesuffix("::/64") + "::" if host.endswith("::/64") else host)
        sentence = self._bans.pop(name, None)
        self._sources.pop(name, None)
        return sentence is not None and sentence.until > now

    def __len__(self) -> int:
        return len(self._sources) + len(self._bans)


def source_name(host: str) -> str:
    """An IPv4 address as it is; of an IPv6 address the /64, which is one customer."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address) >> 64 << 64, 64)))


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
