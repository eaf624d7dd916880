"""One media leg: its socket, who may send to it, what is sent to it, and the route its packets take."""

from __future__ import annotations

import socket
from collections.abc import Callable

from softswitch.ids import LegId
from softswitch.media.dtmf import DigitReceiver
from softswitch.media.messages import SetRemote
from softswitch.media.quality import Reception
from softswitch.media.worker.guard import Guard
from softswitch.media.worker.outgoing import Outgoing
from softswitch.media.worker.player import Player
from softswitch.media.worker.reports import Reports
from softswitch.media.worker.taps import Taps, around_send
from softswitch.media.worker.transcoder import Transcoder

# A socket that is connected to its peer may still hold datagrams that came before. At SO_RCVBUF 16 KB (32 KB in
# the kernel) with at least 576 bytes of book-keeping each, they are fewer than this.
CHECKS_AFTER_CONNECT = 64
FIRST_LOOK_SECONDS = 1.0
LEFT_SECONDS = 2.0  # for so long packets may come from where a peer was before: until he has our answer
NOWHERE = ("0.0.0.0", "::")


class Route:
    """What the relay does with a packet that arrives on a leg; all that the inner loop looks at."""

    __slots__ = (
        "count",
        "forwarded",
        "leg",
        "own",
        "payload_type",
        "receive",
        "send",
        "taps",
        "through",
        "transcoder",
    )

    def __init__(self, leg: Leg, receive: Callable[[bytearray], int]) -> None:
        self.leg = leg
        self.receive = receive  # into the shared buffer; the number of bytes, -1: dropped and counted
        self.payload_type = -1  # of plain audio packets; others go the slow way
        self.send: Callable[[bytearray | memoryview], int] | None = None  # None: heard, but not relayed
        self.own: Outgoing | None = None  # the peer's own stream, into which packets are moved
        self.through: Callable[[int], None] | None = None  # what else is done to the packet in the buffer
        self.transcoder: Transcoder | None = None  # to another codec: it is `send` then
        self.taps = Taps()
        self.count = 0  # audio and event packets accepted
        self.forwarded = 0  # `count` when `send` was last set: what came since went to the peer


class Tally:
    """Counters of a leg, what the silence watch remembers, and how well it is heard."""

    __slots__ = (
        "dropped",
        "look_at",
        "out",
        "quiet_since",
        "reception",
        "reports",
        "rests_at",
        "rtcp_from",
        "seen",
        "told",
    )

    def __init__(self, now: float) -> None:
        self.out = 0
        self.dropped = 0
        self.seen = 0
        self.quiet_since = now
        self.told = 0.0  # after so many seconds of silence it was said so
        self.rests_at = -1  # `Route.count` when comfort noise announced a pause
        self.rtcp_from = 0  # the port of the peer's reports, where it is not the one that he described
        self.reports: Reports | None = None  # of a leg that has them
        self.look_at = now + FIRST_LOOK_SECONDS
        self.reception = Reception()


class Source:
    """Who may send to a leg: the signalled host, and after its first valid packet exactly that address."""

    __slots__ = ("_left", "_left_until", "address", "checks", "host")

    def __init__(self) -> None:
        self.host = ""  # nobody
        self.address: tuple[str, int] | None = None  # locked to it
        self.checks = 0  # packets that still need a look at their address
        self._left: tuple[tuple[str, int], ...] = ()  # where he was: as described, and as locked
        self._left_until = 0.0

    def leave(self, described: tuple[str, int], now: float) -> None:
        """What he described so is no longer where he is to be."""
        if self.address is not None:
            self._left, self._left_until = (described, self.address), now + LEFT_SECONDS
            self.address = None

    def come(self, described: tuple[str, int]) -> None:
        """He is to be there; maybe he was before."""
        if any(each[:2] == described for each in self._left):
            self._left = ()

    def is_late(self, address: tuple[str, int], now: float) -> bool:
        """A packet from where he was before. RFC 3264 8.3.1: he sends from there until he has our answer; it is heard,
        but he is not locked to it."""
        return bool(self._left) and address == self._left[1] and now < self._left_until


class Leg:
    __slots__ = (
        "digits",
        "guard",
        "id",
        "outgoing",
        "peer",
        "player",
        "port",
        "remote",
        "route",
        "sock",
        "source",
        "tally",
    )

    def __init__(self, leg: LegId, port: int, sock: socket.socket, outgoing: Outgoing, now: float) -> None:
        self.id = leg
        self.port = port
        self.sock = sock
        self.guard: Guard | None = None  # of an encrypted leg
        self.remote: SetRemote | None = None
        self.source = Source()
        self.peer: Leg | None = None
        self.outgoing = outgoing
        self.player: Player | None = None
        self.digits = DigitReceiver()
        self.tally = Tally(now)
        self.route = Route(self, sock.recv_into)

    @property
    def fd(self) -> int:
        return self.sock.fileno()

    def sender(self) -> Callable[[bytearray | memoryview], int] | None:
        """How to send to the phone now; None while it must not be sent to."""
        remote = self.remote
        if remote is None or not remote.send:
            return None
        transmit = self._transmit(remote)
        if self.guard is not None and transmit is not None:
            transmit = self.guard.sender(transmit)
        return around_send(transmit, self.route.taps.sent) if transmit is not None else None

    def _transmit(self, remote: SetRemote) -> Callable[[bytearray | memoryview], int] | None:
        """How bytes leave to where the peer is."""
        if self.guard is not None and self.guard.finds_way:
            return self.guard.transmit()
        if remote.host in NOWHERE:
            return None
        if self.source.address is not None:
            return self.sock.send
        sendto, address = self.sock.sendto, (remote.host, remote.port)
        return lambda packet: sendto(packet, address)

    def settle(self) -> None:
        """Book what was relayed since the route was last set."""
        route = self.route
        if route.send is not None and self.peer is not None:
            self.peer.tally.out += route.count - route.forwarded
        route.forwarded = route.count
