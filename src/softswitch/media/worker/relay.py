"""The inner loop: packets in, packets out.

Every leg has a `Route`. A plain audio packet (no padding, extension or CSRC) of the agreed payload type takes the
short way through `Relay.pump`: one read, two comparisons, one send. Everything else (events, odd headers, wrong
types, packets of strangers) goes through `Relay._slow`. One packet is read per leg and round; a flood on one leg
therefore costs no more than a call, the rest of it is dropped by the kernel.
"""

from __future__ import annotations

import ctypes
import logging
import os
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from softswitch.media import rtp
from softswitch.media.codecs import PCMA, PCMU, Codec
from softswitch.media.companding import ALAW_TO_ULAW, ULAW_TO_ALAW
from softswitch.media.dtmf import Digit, to_clock
from softswitch.media.messages import SetRemote
from softswitch.media.worker.coding import spoken
from softswitch.media.worker.leg import CHECKS_AFTER_CONNECT, Leg, Route
from softswitch.media.worker.outgoing import Mode
from softswitch.media.worker.sockets import plain
from softswitch.media.worker.srtp import pin
from softswitch.media.worker.taps import around_receive
from softswitch.media.worker.transcoder import Transcoder

if TYPE_CHECKING:
    from softswitch.media.worker.browser import DtlsGuard

log = logging.getLogger(__name__)

_libc = ctypes.CDLL(None, use_errno=True)
_G711 = frozenset((PCMU, PCMA))
_AF_UNSPEC = b"\0" * 16
MAX_HANDSHAKES = 512  # datagrams that wait


class Clock:
    """Monotonic seconds, as of the beginning of this round."""

    __slots__ = ("now",)

    def __init__(self, now: float) -> None:
        self.now = now


class Relay:
    __slots__ = (
        "_buffer",
        "_pinned",
        "_routes",
        "_views",
        "clock",
        "digits",
        "failed",
        "handshakes",
        "pressed",
        "secured",
    )

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._buffer = bytearray(rtp.MAX_PACKET_BYTES)
        self._pinned = pin(self._buffer)
        view = memoryview(self._buffer)
        self._views = [view[:size] for size in range(rtp.MAX_PACKET_BYTES + 1)]
        self._routes: list[Route | None] = [None] * 1024  # by descriptor
        self.digits: list[tuple[Leg, Digit]] = []  # complete since the last round
        self.pressed: dict[Leg, None] = {}  # legs on which a key is down
        self.failed: list[Leg] = []  # a packet broke an invariant: to be closed
        self.handshakes: deque[tuple[DtlsGuard, bytes, tuple[str, int]]] = deque()  # dear: a few in a round
        self.secured: list[tuple[Leg, str]] = []  # legs whose keys are agreed, since the last round

    @property
    def now(self) -> float:
        return self.clock.now

    def workplace(self) -> tuple[bytearray, object]:
        """The buffer that every packet is read into, and the same for libsrtp."""
        return self._buffer, self._pinned

    # -------------------------------------------------------------- legs

    def attach(self, leg: Leg) -> None:
        if leg.fd >= len(self._routes):
            self._routes.extend([None] * (leg.fd + 1024 - len(self._routes)))
        self._routes[leg.fd] = leg.route
        leg.route.receive = self._receiver(leg)

    def _receiver(self, leg: Leg) -> Callable[[bytearray], int]:
        receive: Callable[[bytearray], int]
        if leg.guard is not None:
            receive = leg.guard.receiver()
        elif leg.source.address is not None and leg.source.checks <= 0:
            receive = leg.sock.recv_into
        else:
            receive = partial(self._receive_checked, leg)
        return around_receive(receive, leg.route.taps.heard)

    def rekey(self, leg: Leg) -> None:
        """The guard of this leg is new or has new keys, its source is sure, or its taps have changed."""
        leg.route.receive = self._receiver(leg)

    def detach(self, leg: Leg) -> None:
        self._routes[leg.fd] = None
        self.pressed.pop(leg, None)
        # the route and its leg know each other: cut the ring
        leg.route.receive = leg.sock.recv_into
        leg.route.send = leg.route.own = leg.route.through = leg.route.transcoder = None
        leg.route.taps.clear()
        leg.guard = None

    def expect(self, leg: Leg, remote: SetRemote) -> None:
        """Listen to the address of `remote` and forget whom we listened to before."""
        source, before = leg.source, leg.remote
        leg.remote = remote
        if before is not None and (before.host, before.port) == (remote.host, remote.port):
            return
        source.host = plain(remote.host)
        leg.tally.rtcp_from = 0
        if source.address is not None:
            # connect(2): a datagram socket dissolves its association by connecting to AF_UNSPEC
            if _libc.connect(leg.fd, _AF_UNSPEC, len(_AF_UNSPEC)) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            assert before is not None, "who is locked has been described"
            source.leave((before.host, before.port), self.clock.now)
        source.come((remote.host, remote.port))
        leg.route.receive = self._receiver(leg)

    def rewire(self, leg: Leg) -> None:
        """Work out the route of this leg's packets anew, after anything changed on it or on its peer."""
        leg.settle()
        route, remote, peer = leg.route, leg.remote, leg.peer
        route.payload_type = remote.comes_as if remote is not None and remote.receive else -1
        route.send = route.own = route.through = None
        if peer is None:
            route.transcoder = None
        if route.payload_type < 0 or peer is None or peer.player is not None or peer.remote is None:
            return
        route.send = peer.sender()
        outgoing = peer.outgoing
        theirs, ours = spoken(remote), spoken(peer.remote)
        if theirs is not ours and not {theirs, ours} <= _G711:
            self._transcode(route, peer, (theirs, ours), peer.remote.payload_type)
            return
        if route.transcoder is not None:
            route.transcoder = None
            outgoing.interrupt(self.clock.now)
        same_type = peer.remote.payload_type == route.payload_type
        if outgoing.mode is Mode.UNUSED and same_type:  # never on a guarded leg: its mode is OWN from the first
            outgoing.mode, outgoing.native_peer = Mode.NATIVE, leg.id
            route.through = partial(self._mark_first, route)
        elif outgoing.mode is Mode.NATIVE and outgoing.native_peer == leg.id and same_type:
            pass
        else:
            outgoing.mode = Mode.OWN
            route.own = outgoing
            if theirs is not ours:
                table = ULAW_TO_ALAW if ours is PCMA else ALAW_TO_ULAW
                route.through = partial(self._translate, table, peer.remote.payload_type)
            elif not same_type:
                route.through = partial(self._renumber, peer.remote.payload_type)

    def _transcode(self, route: Route, peer: Leg, pair: tuple[Codec, Codec], payload_type: int) -> None:
        """The two have no codec in common."""
        if route.send is None:
            return
        peer.outgoing.mode = Mode.OWN
        transcoder = route.transcoder
        if transcoder is None or not transcoder.serves(peer.outgoing, pair):
            transcoder = route.transcoder = Transcoder(route, peer.outgoing, pair, self.clock)
        transcoder.lead(route.send, payload_type)
        route.send = transcoder

    # -------------------------------------------------------------- packets

    def pump(self, ready: list[tuple[int, int]]) -> list[int]:
        """One packet of every ready leg. Returns the descriptors that are no legs."""
        routes, buffer, views, now = self._routes, self._buffer, self._views, self.clock.now
        others: list[int] = []
        for fd, _ in ready:
            route = routes[fd]
            if route is None:
                others.append(fd)
                continue
            try:
                # locals on purpose: calling an attribute that is no method costs twice as much
                receive = route.receive
                size = receive(buffer)
                if size > 12 and buffer[0] == 0x80 and buffer[1] & 0x7F == route.payload_type:
                    route.count += 1
                    send = route.send
                    if send is not None:
                        own = route.own
                        if own is not None:
                            own.move(buffer, now)
                        through = route.through
                        if through is not None:
                            through(size)
                        send(views[size])
                elif size >= 0:
                    self._slow(route, size)
            except OSError:
                # ICMP "port unreachable" of an earlier packet, or a full send buffer: this packet is lost
                route.leg.tally.dropped += 1
            except Exception:
                log.exception("leg %d: packet broke an invariant", route.leg.id)
                self.failed.append(route.leg)
        return others

    def expire_digits(self, now: float) -> None:
        """Report keys whose end packets were all lost."""
        for leg in list(self.pressed):
            digit = leg.digits.expire(now)
            if digit is not None:
                self.digits.append((leg, digit))
            if not leg.digits.pressed:
                del self.pressed[leg]

    def _slow(self, route: Route, size: int) -> None:
        leg = route.leg
        remote = leg.remote
        if leg.tally.reports is not None and 64 <= self._buffer[1] & 0x7F < 96 and size >= 8:
            # RFC 5761 4: a report on the port of the audio
            if not leg.tally.reports.heard(self._views[size], self.clock.now):
                leg.tally.dropped += 1
            return
        packet = rtp.parse(self._buffer, size)
        if packet is None or remote is None or packet.payload_start == packet.payload_end:
            leg.tally.dropped += 1
            return
        if packet.payload_type in (remote.digits_come_as, remote.dtmf_type):
            if remote.receive:
                self._event(route, packet, self._plain(packet))
        elif packet.payload_type != remote.comes_as:
            if packet.payload_type == remote.comfort_type:
                self._comfort(route, self._plain(packet))
            else:
                leg.tally.dropped += 1
        elif remote.receive:
            size = self._plain(packet)
            route.count += 1
            if route.send is not None:
                if route.own is not None:
                    route.own.move(self._buffer, self.clock.now)
                if route.through is not None:
                    route.through(size)
                route.send(self._views[size])

    def _plain(self, packet: rtp.RtpPacket) -> int:
        """Cut CSRCs, extension and padding from the packet in the buffer; its new size."""
        buffer = self._buffer
        length = packet.payload_end - packet.payload_start
        if packet.payload_start != rtp.HEADER_BYTES:
            buffer[rtp.HEADER_BYTES : rtp.HEADER_BYTES + length] = buffer[packet.payload_start : packet.payload_end]
        buffer[0] = 0x80
        return rtp.HEADER_BYTES + length

    def _event(self, route: Route, packet: rtp.RtpPacket, size: int) -> None:
        """A telephone event: reported, and relayed with the peer's payload type."""
        leg, peer = route.leg, route.leg.peer
        payload = self._views[size][rtp.HEADER_BYTES :]
        digit = leg.digits.packet(packet.timestamp, packet.ssrc, payload, self.clock.now)
        route.count += 1
        if digit is not None:
            self.digits.append((leg, digit))
        if leg.digits.pressed:
            self.pressed[leg] = None
        else:
            self.pressed.pop(leg, None)
        if route.send is None or peer is None or peer.remote is None or peer.remote.dtmf_type < 0:
            route.forwarded += 1
            return
        theirs, ours = leg.digits.clock, peer.remote.dtmf_clock
        if theirs != ours and len(payload) >= 4:
            to_clock(payload, theirs, ours)
        self._beside(route, peer.remote.dtmf_type, size)

    def _comfort(self, route: Route, size: int) -> None:
        """RFC 3389 4: the sender is silent and says how his silence sounds."""
        leg, peer = route.leg, route.leg.peer
        if leg.remote is None or not leg.remote.receive:
            return
        route.count += 1
        leg.tally.rests_at = route.count  # what comes next may take its time
        if route.send is None or peer is None or peer.remote is None:
            return
        if peer.remote.comfort_type < 0:
            # he hears a pause, as after any talk spurt
            route.forwarded += 1
            if route.own is not None:
                route.own.withhold()
            return
        self._beside(route, peer.remote.comfort_type, size)

    def _beside(self, route: Route, payload_type: int, size: int) -> None:
        """What is no audio, with the peer's number for it, at its time in his stream."""
        buffer = self._buffer
        assert route.send is not None
        if route.transcoder is not None:
            route.transcoder.beside(self._views[size], payload_type)
            return
        if route.own is not None:
            route.own.move(buffer, self.clock.now)
        buffer[1] = buffer[1] & 0x80 | payload_type
        route.send(self._views[size])

    # -------------------------------------------------------------- rewriting

    def _mark_first(self, route: Route, size: int) -> None:
        """The first packet of a native relay begins a talk spurt."""
        self._buffer[1] |= 0x80
        route.through = None

    def _renumber(self, payload_type: int, size: int) -> None:
        """The peer has another number for the same codec."""
        self._buffer[1] = self._buffer[1] & 0x80 | payload_type

    def _translate(self, table: bytes, payload_type: int, size: int) -> None:
        """To the other law, in place."""
        buffer = self._buffer
        buffer[1] = buffer[1] & 0x80 | payload_type
        buffer[rtp.HEADER_BYTES : size] = buffer[rtp.HEADER_BYTES : size].translate(table)

    # -------------------------------------------------------------- sources

    def _receive_checked(self, leg: Leg, buffer: bytearray) -> int:
        """Read a packet and look at where it comes from, until the kernel does that for us."""
        size, address = leg.sock.recvfrom_into(buffer)
        source = leg.source
        if source.address is None:
            if address[0] != source.host or not self._latches(leg, size):
                leg.tally.dropped += 1
                return -1
            if not source.is_late(address, self.clock.now):
                self.lock(leg, address)
            return int(size)
        source.checks -= 1
        if source.checks <= 0:
            self.rekey(leg)
        if address != source.address:
            leg.tally.dropped += 1
            return -1
        return int(size)

    def lock(self, leg: Leg, address: tuple[str, int]) -> None:
        """From now on this leg hears this address only, and speaks to it."""
        leg.sock.connect(address)
        leg.source.address = address
        leg.source.checks = CHECKS_AFTER_CONNECT
        self.resend(leg)

    def queue_handshake(self, guard: DtlsGuard, datagram: bytes, address: tuple[str, int]) -> bool:
        """A datagram of DTLS; False when there are too many of them (it will come again)."""
        if len(self.handshakes) >= MAX_HANDSHAKES:
            return False
        self.handshakes.append((guard, datagram, address))
        return True

    def resend(self, leg: Leg) -> None:
        """What is sent to this leg leaves another way from now on."""
        if leg.peer is not None:
            self.rewire(leg.peer)
        if leg.player is not None:
            leg.player.send = leg.sender()
        for told in leg.route.taps.way:
            told()

    def _latches(self, leg: Leg, size: int) -> bool:
        """Only a well-formed packet of an agreed type shows the address of the peer."""
        remote = leg.remote
        packet = rtp.parse(self._buffer, size)
        return (
            packet is not None
            and remote is not None
            and packet.payload_start < packet.payload_end
            and packet.payload_type in (remote.comes_as, remote.digits_come_as, remote.dtmf_type, remote.comfort_type)
        )
