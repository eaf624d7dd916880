"""What every part of the SIP room shares: settings, the time of this event, timers, tokens and the command list."""

from __future__ import annotations

import hmac
from typing import NamedTuple, Protocol

from softswitch.ids import IdSource
from softswitch.sip.locate import Lookup
from softswitch.sip.messages import (
    AckReceived,
    CarriersLeft,
    CloseStream,
    Flow,
    InfoDigitReceived,
    InviteAnswered,
    InviteProgressed,
    InviteReceived,
    LegEnded,
    OfferAnswered,
    OfferReceived,
    PhoneAnswering,
    ReferReceived,
    RegistrationChanged,
    SaveContacts,
    SecurityEvent,
    SipSettings,
    Transmit,
    TrunkAnswering,
    WatchChanged,
)
from softswitch.sip.offer_messages import OfferDue
from softswitch.sip.stir_messages import FetchCertificate
from softswitch.sip.timers import Timers
from softswitch.sip.uri import host_port, ip_literal

Command = (
    Transmit
    | CloseStream
    | InviteReceived
    | AckReceived
    | InviteProgressed
    | InviteAnswered
    | OfferReceived
    | OfferAnswered
    | InfoDigitReceived
    | LegEnded
    | ReferReceived
    | SaveContacts
    | RegistrationChanged
    | PhoneAnswering
    | TrunkAnswering
    | WatchChanged
    | CarriersLeft
    | SecurityEvent
    | FetchCertificate
    | OfferDue
    | Lookup
)
_MAX_PLACES = 256


class RandomSource(Protocol):
    """The one thing we ask of a random source; `random.Random` and `random.SystemRandom` have it."""

    def getrandbits(self, k: int, /) -> int: ...


class Place(NamedTuple):
    """How we name ourselves on one local address."""

    contact: str  # complete Contact header line
    via: str  # Via header line up to the branch
    uri: str


class Context:
    """One per stack. `out` collects the commands of the event being handled; `open_connections` are the numbers of
    the TCP connections that live; `overloaded` is what the shell last said."""

    __slots__ = (
        "_places",
        "_random",
        "_secret",
        "ids",
        "now",
        "open_connections",
        "out",
        "overloaded",
        "settings",
        "timers",
    )

    def __init__(self, settings: SipSettings, ids: IdSource, random: RandomSource) -> None:
        self.settings = settings
        self.ids = ids
        self.now = 0.0
        self.out: list[Command] = []
        self.timers = Timers()
        self.open_connections: set[int] = set()
        self.overloaded = False
        self._random = random
        self._secret = random.getrandbits(256).to_bytes(32, "big")
        self._places: dict[tuple[str, tuple[str, int]], Place] = {}

    def send(self, flow: Flow, data: bytes) -> None:
        self.out.append(Transmit(flow, data))

    def token(self) -> str:
        """64 random bits: tags and branches."""
        return f"{self._random.getrandbits(64):016x}"

    def random_bits(self, bits: int) -> int:
        return self._random.getrandbits(bits)

    def stateless_tag(self, call_id: str, branch: str) -> str:
        """A To tag that is the same for every retransmission without remembering anything
        (RFC 3261 8.2.7: "To header tags MUST be generated for responses in a stateless manner")."""
        text = f"{call_id}\n{branch}".encode("utf-8", "surrogateescape")
        return hmac.digest(self._secret, text, "sha256")[:8].hex()

    def place(self, flow: Flow) -> Place:
        key = (flow.transport, flow.local)
        place = self._places.get(key)
        if place is None:
            if len(self._places) >= _MAX_PLACES:
                self._places.clear()
            place = self._places[key] = self._new_place(flow)
        return place

    def _new_place(self, flow: Flow) -> Place:
        host, port = flow.local
        listening = [known.local for known in self.settings.local_flows if known.transport == flow.transport]
        if flow.transport != "udp" and flow.local not in listening and listening:
            # A connection that we made: its own port takes no calls, the listening one does.
            port = listening[0][1]
        if host in ("0.0.0.0", "::", ""):
            # Bound to every address: say one that reaches us.
            known = [name for name in self.settings.domains if ip_literal(name) not in (None, "0.0.0.0", "::")]
            host = known[0] if known else self.settings.realm
        address = host_port(host, port)
        transport = flow.transport.upper()
        # RFC 7118 5.2: in a URI the transport is "ws", with TLS or without.
        named = "ws" if flow.transport == "wss" else flow.transport
        suffix = "" if flow.transport == "udp" else f";transport={named}"
        uri = f"sip:softswitch@{address}{suffix}"
        return Place(f"Contact: <{uri}>\r\n", f"Via: SIP/2.0/{transport} {address};rport;branch=z9hG4bK", uri)
