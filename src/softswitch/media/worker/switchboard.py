"""What the switch orders: legs, remotes, prompts and bridges of the media process, and what it is told about them."""

from __future__ import annotations

import logging
import select
from collections.abc import Callable
from math import inf
from time import monotonic

from softswitch.ids import LegId
from softswitch.media.control import MediaCommand, MediaEvent
from softswitch.media.messages import (
    Bridge,
    CloseMediaLeg,
    DigitReceived,
    DtlsOffered,
    MediaLegClosed,
    MediaLegFailed,
    MediaSecured,
    OpenMediaLeg,
    Play,
    PlaybackEnded,
    PortsLeased,
    SetKeys,
    SetRemote,
    SetUpCoders,
    SetUpRecording,
    StartDtls,
    StopPlay,
    Unbridge,
)
from softswitch.media.rtp import FRAME_BYTES, HEADER_BYTES
from softswitch.media.worker.browser import DtlsGuard
from softswitch.media.worker.coding import prepare, spoken
from softswitch.media.worker.department import Departments
from softswitch.media.worker.dtls import Certificate
from softswitch.media.worker.guard import Guard
from softswitch.media.worker.leg import NOWHERE, Leg
from softswitch.media.worker.listening import look_if_due
from softswitch.media.worker.outgoing import Mode, Outgoing
from softswitch.media.worker.player import Player, Wheel
from softswitch.media.worker.pool import LEASE_AT_ONCE, STOCK, PortPool
from softswitch.media.worker.prompts import PromptLibrary
from softswitch.media.worker.relay import Relay
from softswitch.media.worker.silence import SilenceWatch
from softswitch.media.worker.sockets import family, plain

log = logging.getLogger(__name__)

HANDSHAKES_AT_ONCE = 2  # in one round


def _check(leg: Leg, remote: SetRemote) -> None:
    """Raises for what later would raise in the middle of a packet, or ask the resolver."""
    if family(plain(remote.host)) != leg.sock.family and remote.host not in NOWHERE:
        raise ValueError(f"{remote.host!r} is of the other IP")
    if not 0 <= remote.port <= 65535:
        raise ValueError(f"port {remote.port}")
    if not 0 <= remote.payload_type <= 127 or not -1 <= remote.dtmf_type <= 127:
        raise ValueError(f"payload types {remote.payload_type}, {remote.dtmf_type}")
    spoken(remote)
    if remote.dtmf_clock < 1000:
        raise ValueError(f"clock of events {remote.dtmf_clock}")


class Switchboard:
    """All legs. `events` collects what the switch is to be told."""

    __slots__ = (
        "_certificate",
        "_epoll",
        "_packet",
        "_pool",
        "_random_bits",
        "_relay",
        "_silence",
        "departments",
        "events",
        "legs",
        "prompts",
        "wheel",
    )

    def __init__(
        self,
        epoll: select.epoll,
        relay: Relay,
        pool: PortPool,
        prompts: PromptLibrary,
        silence_seconds: float,
        random_bits: Callable[[int], int],
        certificate: Certificate | None = None,
        alarm_seconds: float = 0.0,
    ) -> None:
        self._epoll = epoll
        self._relay = relay
        self._pool = pool
        self.prompts = prompts
        self._silence = SilenceWatch(alarm_seconds, silence_seconds)
        self._random_bits = random_bits
        self._certificate = certificate
        self._packet = bytearray(HEADER_BYTES + FRAME_BYTES)
        self.departments = Departments()
        self.legs: dict[LegId, Leg] = {}
        self.wheel = Wheel(relay.clock.now)
        self.events: list[MediaEvent] = []

    @property
    def short_of_ports(self) -> bool:
        return self._pool.short

    # -------------------------------------------------------------- orders

    def handle(self, command: MediaCommand | SetUpRecording | SetUpCoders) -> None:
        """Obey one command. A command that cannot be obeyed fails its leg and nothing else."""
        match command:
            case OpenMediaLeg():
                self._open(command)
                return
            case CloseMediaLeg():
                leg = self.legs.get(command.leg)
                if leg is not None:
                    self._close(leg)
                return
            case SetUpRecording():
                self._of_the_house(command)
                return
            case SetUpCoders():
                prepare(command.codecs)
                return
        leg = self.legs.get(command.leg)
        if leg is None:
            self.events.append(MediaLegFailed(command.leg, f"{type(command).__name__} for an unknown leg"))
            return
        try:
            order = self.departments.order(type(command))
            if order is not None:
                order(leg, command)
            else:
                self._handle(leg, command)
        except (OSError, ValueError) as error:
            self.fail(leg, f"{type(command).__name__}: {error}")
        except Exception:
            log.exception("leg %d: %s broke an invariant", leg.id, type(command).__name__)
            self.fail(leg, "internal error")

    def _of_the_house(self, command: SetUpRecording) -> None:
        """A command about no leg."""
        order = self.departments.house_order(type(command))
        try:
            if order is not None:
                order(command)
        except Exception:
            log.exception("%s broke an invariant", type(command).__name__)

    def _handle(self, leg: Leg, command: MediaCommand) -> None:
        match command:
            case SetRemote():
                self._set_remote(leg, command)
            case SetKeys():
                self._guard(leg).set_keys(command)
                self._guarded(leg)
            case StartDtls():
                self._start_dtls(leg, command)
            case Play():
                self._play(leg, command)
            case StopPlay():
                if leg.player is not None:
                    self._end_play(leg, finished=False)
            case Bridge():
                self._bridge(leg, command.peer)
            case Unbridge():
                self.unbridge(leg)

    def _open(self, command: OpenMediaLeg) -> None:
        if command.leg in self.legs:
            self.events.append(MediaLegFailed(command.leg, "leg is open already"))
            return
        sock = self._pool.open(command.port, ip6=command.ip6)
        if sock is None:
            self.events.append(MediaLegFailed(command.leg, f"port {command.port} is not leased, or taken on IPv6"))
            return
        bits = self._random_bits
        # RFC 3550 5.1: SSRC random; the initial sequence number and timestamp SHOULD be random
        outgoing = Outgoing(bits(32), bits(16), bits(32))
        leg = Leg(command.leg, command.port, sock, outgoing, self._relay.now)
        self.legs[leg.id] = leg
        self._relay.attach(leg)
        self._epoll.register(leg.fd, select.EPOLLIN)

    def _close(self, leg: Leg) -> None:
        self.departments.closing(leg)
        if leg.player is not None:
            self._end_play(leg, finished=False)
        self.unbridge(leg)
        leg.settle()
        del self.legs[leg.id]
        self._epoll.unregister(leg.fd)
        self._relay.detach(leg)
        self._pool.release(leg.port, leg.sock, self._relay.now)
        tally, heard = leg.tally, leg.tally.reception.quality()
        counts = leg.route.count, tally.out, tally.dropped
        told = tally.reception.round_trip_ms, tally.reports.peer_loss_percent if tally.reports is not None else 0.0
        figures = heard.loss_percent, heard.jitter_ms, heard.mos, round(told[0], 1), told[1]
        self.events.append(MediaLegClosed(leg.id, *counts, *figures))

    def fail(self, leg: Leg, reason: str) -> None:
        """The leg cannot be served any more: it is told so, and closed."""
        if self.legs.get(leg.id) is leg:
            self.events.append(MediaLegFailed(leg.id, reason))
            self._close(leg)

    def _set_remote(self, leg: Leg, remote: SetRemote) -> None:
        _check(leg, remote)
        before = leg.remote
        codec = spoken(remote)
        if leg.player is not None and spoken(before) is not codec:
            leg.player.playlist = leg.player.playlist.in_codec(codec)
        leg.outgoing.step, leg.tally.reception.codec = codec.step, codec
        self._relay.expect(leg, remote)
        leg.digits.clock = remote.dtmf_clock
        if not leg.tally.told:  # a new description does not end a silence, audio does
            leg.tally.quiet_since = self._relay.now
        leg.tally.rests_at = -1
        self._relay.resend(leg)
        self._rewire(leg)
        if isinstance(leg.guard, DtlsGuard):
            leg.guard.begin()

    def _guard(self, leg: Leg) -> Guard:
        if type(leg.guard) is not Guard:
            leg.guard = Guard(leg, self._relay)
        return leg.guard

    def _start_dtls(self, leg: Leg, order: StartDtls) -> None:
        if self._certificate is None:
            raise ValueError("this media process has no certificate")
        if isinstance(leg.guard, DtlsGuard):
            leg.guard.start(order)
        else:
            leg.guard = DtlsGuard(leg, self._relay, self._certificate, order)
        self._guarded(leg)

    def _guarded(self, leg: Leg) -> None:
        self._relay.rekey(leg)
        self._relay.resend(leg)

    def _rewire(self, leg: Leg) -> None:
        self._relay.rewire(leg)
        if leg.peer is not None:
            self._relay.rewire(leg.peer)

    # -------------------------------------------------------------- bridges

    def _bridge(self, leg: Leg, peer_id: LegId) -> None:
        peer = self.legs.get(peer_id)
        if peer is None or peer is leg:
            self.events.append(MediaLegFailed(peer_id, "Bridge with an unknown leg"))
            return
        if leg.peer is peer:
            return
        self.unbridge(leg)
        self.unbridge(peer)
        leg.peer, peer.peer = peer, leg
        self._rewire(leg)

    def unbridge(self, leg: Leg) -> None:
        peer = leg.peer
        if peer is None:
            return
        for one in (leg, peer):
            one.settle()
            one.outgoing.interrupt(self._relay.now)
        leg.peer = peer.peer = None
        self._relay.rewire(leg)
        self._relay.rewire(peer)

    # -------------------------------------------------------------- prompts

    def _play(self, leg: Leg, command: Play) -> None:
        if leg.player is not None:
            self._end_play(leg, finished=False)
        playlist = self.prompts.playlist(command.prompts, command.loops, spoken(leg.remote))
        if playlist is None:
            self.events.append(PlaybackEnded(leg.id, command.playback, False))
            return
        self.perform(leg, Player(leg.id, command.playback, playlist))

    def perform(self, leg: Leg, player: Player) -> None:
        """From now on this leg hears this player alone."""
        if leg.player is not None:
            self._end_play(leg, finished=False)
        outgoing = leg.outgoing
        outgoing.mode = Mode.OWN
        if leg.peer is not None:
            outgoing.interrupt(self._relay.now)
        player.send = leg.sender()
        leg.player = player
        self.wheel.add(player)
        self._rewire(leg)

    def _end_play(self, leg: Leg, *, finished: bool) -> None:
        player = leg.player
        assert player is not None
        self.wheel.remove(player)
        leg.player = None
        leg.outgoing.interrupt(self._relay.now)
        self.events.append(PlaybackEnded(leg.id, player.playback, finished))
        self._rewire(leg)

    def send_due_frames(self, now: float, seconds: float = inf) -> None:
        """Send every frame that is due by now; what does not fit into so many seconds, next time."""
        packet, wheel, late = self._packet, self.wheel, self.wheel.late
        until = monotonic() + seconds
        while players := wheel.due(now):
            for player in players:
                if player.slot < 0:
                    continue
                if not isinstance(player, Player):
                    late[player] = None
                    continue
                leg = self.legs[player.leg]
                remote = leg.remote
                if remote is None:
                    continue
                frame = player.playlist.next_frame()
                if frame is None:
                    self._end_play(leg, finished=True)
                    continue
                outgoing = leg.outgoing
                second = remote.payload_type
                if not player.started:
                    player.started = True
                    outgoing.begin(now)
                    second |= 0x80
                outgoing.frame(packet, second)
                send = player.send
                if send is None:
                    continue
                packet[HEADER_BYTES:] = frame
                try:
                    send(packet)
                    leg.tally.out += 1
                except OSError:
                    # ICMP "port unreachable" of an earlier packet, or a full send buffer: this frame is lost
                    leg.tally.dropped += 1
            if monotonic() >= until:
                break
        while late:
            turn = next(iter(late))
            del late[turn]
            assert turn.take is not None
            turn.take(now)
            if monotonic() >= until:
                break

    # -------------------------------------------------------------- rounds

    def after_packets(self) -> None:
        """Report what the relay found in the last round."""
        relay = self._relay
        if relay.digits:
            for leg, digit in relay.digits:
                self.events.append(DigitReceived(leg.id, digit.digit, digit.duration_ms))
            relay.digits.clear()
        if relay.failed:
            for leg in relay.failed:
                self.fail(leg, "internal error")
            relay.failed.clear()
        if relay.handshakes:
            self._shake_hands()

    def _shake_hands(self) -> None:
        """A few datagrams of DTLS: each costs as much as hundreds of audio packets."""
        relay = self._relay
        for _ in range(min(len(relay.handshakes), HANDSHAKES_AT_ONCE)):
            guard, datagram, address = relay.handshakes.popleft()
            if self.legs.get(guard.leg.id) is guard.leg and guard.leg.guard is guard:
                try:
                    reason = guard.shake(datagram, address)
                except Exception:
                    log.exception("leg %d: a handshake broke an invariant", guard.leg.id)
                    reason = "internal error"
                if reason:
                    self._lose(guard.leg, reason)
        for leg, suite in relay.secured:
            self.events.append(MediaSecured(leg.id, suite))
        relay.secured.clear()

    def _lose(self, leg: Leg, reason: str) -> None:
        log.warning("leg %d: %s", leg.id, reason)
        self.fail(leg, reason)

    def refill(self, now: float, *, first: bool = False) -> None:
        """Lease more ports to the switch. The first lease is reported even when it is empty."""
        if first and self._certificate is not None:
            self.events.append(DtlsOffered(self._certificate.fingerprint))
        ports = self._pool.refill(now, STOCK if first else LEASE_AT_ONCE)
        if ports or first:
            self.events.append(PortsLeased(ports))

    def own_certificate(self, first: int, last: int) -> list[MediaEvent]:
        return [DtlsOffered(self._certificate.fingerprint, first, last)] if self._certificate is not None else []

    def lease_again(self, now: float) -> PortsLeased:
        """Everything that can be used, for a switch that knows of nothing."""
        self._pool.refill(now, STOCK)
        return PortsLeased(self._pool.leased)

    def close(self, leg: Leg) -> None:
        """Without an order of the switch."""
        self._close(leg)

    def watch(self, now: float) -> None:
        """Look for legs that should hear something and do not."""
        lost: list[tuple[Leg, str]] = []
        for leg in self.legs.values():
            if leg.guard is not None and (reason := leg.guard.tick(now)):
                lost.append((leg, reason))
            look_if_due(leg, self._relay.clock)
            told = self._silence.look(leg, now)
            if told is not None:
                self.events.append(told)
        self.departments.tick(now)
        for leg, reason in lost:
            self._lose(leg, reason)
