"""Encryption of one leg whose keys came with the signalling (SDES).

    keys set -> SEARCHING --first authentic packet from the signalled host--> LOCKED (socket connected to it)

Decided once for a leg and not for each packet: a plain leg has no guard, and its way through the relay does not know
that there is one. What is sent to a guarded leg is always a stream of our own (`outgoing.Mode.OWN`), so that its
sequence numbers never go back under one key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.media import rtp
from softswitch.media.messages import SetKeys
from softswitch.media.worker.outgoing import Mode
from softswitch.media.worker.srtp import Inbound, Outbound

if TYPE_CHECKING:
    from softswitch.media.worker.leg import Leg
    from softswitch.media.worker.relay import Relay

_REFUSALS = 20  # packets in a second that the cipher refuses to send: the source went back with its counter
Receive = Callable[[bytearray], int]
Send = Callable[[bytearray | memoryview], int]


def is_control(second: int) -> bool:
    """RFC 5761 4: on a port of both, payload types 64-95 are those of RTCP packets."""
    return 64 <= second & 0x7F < 96


class Guard:
    """Keys of a leg, and how it receives and sends with them."""

    __slots__ = ("_refusals", "_refused_since", "inbound", "leg", "outbound", "relay")

    def __init__(self, leg: Leg, relay: Relay) -> None:
        self.leg = leg
        self.relay = relay
        self.inbound: Inbound | None = None
        self.outbound: Outbound | None = None
        self._refusals = 0
        self._refused_since = 0.0
        leg.outgoing.mode = Mode.OWN

    def set_keys(self, keys: SetKeys) -> None:
        """A direction whose key is the same goes on with its counters."""
        self.adopt(keys.suite, keys.ours, keys.theirs)

    def adopt(self, suite: str, ours: bytes, theirs: bytes) -> None:
        buffer, pinned = self.relay.workplace()
        if self.inbound is None or self.inbound.key != (suite, theirs):
            self.inbound = Inbound(suite, theirs, buffer, pinned)
        if self.outbound is None or self.outbound.key != (suite, ours):
            self.outbound = Outbound(suite, ours, rtp.MAX_PACKET_BYTES)

    @property
    def finds_way(self) -> bool:
        """The peer's address is found by ICE, and not in his description."""
        return False

    def transmit(self) -> Callable[[bytearray | memoryview], int] | None:
        """How bytes leave where ICE finds the way; None until it is found."""
        return None

    def tick(self, now: float) -> str:
        """Twice a second. A reason when the leg cannot go on."""
        return ""

    # -------------------------------------------------------------- packets

    def receiver(self) -> Receive:
        """How packets of this leg are read, from now on."""
        if self.inbound is None:
            return self._search
        if self.leg.source.address is None or self.leg.source.checks > 0:
            return self._search
        return self._locked()

    def _locked(self) -> Receive:
        """Of a socket that is connected to its peer and holds nothing of others any more."""
        assert self.inbound is not None
        recv_into, unlock, tally = self.leg.sock.recv_into, self.inbound.opener(), self.leg.tally

        def receive(buffer: bytearray) -> int:
            size: int = recv_into(buffer)
            if buffer[0] >> 6 == 2 and not 64 <= buffer[1] & 0x7F < 96:
                size = unlock(size)
                if size < 0:
                    tally.dropped += 1
                return size
            return self.odd(size)

        return receive

    def _search(self, buffer: bytearray) -> int:
        """Read a packet and look at where it comes from; only an authentic one shows the peer's address."""
        leg = self.leg
        source = leg.source
        size, address = leg.sock.recvfrom_into(buffer)
        if address != source.address and (source.address is not None or address[0] != source.host):
            leg.tally.dropped += 1
            return -1
        if source.address is not None:
            source.checks -= 1
            if source.checks <= 0:
                self.relay.rekey(leg)
        if self.inbound is None or buffer[0] >> 6 != 2 or is_control(buffer[1]):
            return self.odd(size)
        size = self.inbound.opener()(size)
        if size < 0:
            leg.tally.dropped += 1
        elif source.address is None and not source.is_late(address, self.relay.now):
            self.relay.lock(leg, address)
        return size

    def odd(self, size: int) -> int:
        """A packet that is no RTP: a report, or dropped."""
        tally, (buffer, _) = self.leg.tally, self.relay.workplace()
        if tally.reports is not None and size >= 8 and buffer[0] >> 6 == 2 and is_control(buffer[1]):
            data = self.open_control(bytes(buffer[:size]))
            if data is not None and tally.reports.heard(data, self.relay.now):
                return -1
        tally.dropped += 1
        return -1

    def open_control(self, data: bytes) -> bytes | None:
        """A report of the peer's, decrypted; None when it is not authentic."""
        buffer, _ = self.relay.workplace()
        if self.inbound is None or len(data) > len(buffer):
            return None
        buffer[: len(data)] = data
        size = self.inbound.control(len(data))
        return bytes(buffer[:size]) if size > 0 else None

    # -------------------------------------------------------------- sending

    def sender(self, transmit: Send) -> Send | None:
        if self.outbound is None:
            return None
        return self.outbound.sealer(transmit, self._refused)

    def _refused(self) -> None:
        """A number that was used before: a doubled packet, or a source that went back with its counter. The second
        must not make the leg dumb: the stream goes on with numbers that were never used."""
        leg, now = self.leg, self.relay.now
        leg.tally.dropped += 1
        if now - self._refused_since > 1.0:
            self._refused_since, self._refusals = now, 0
        self._refusals += 1
        if self._refusals >= _REFUSALS:
            self._refusals = 0
            leg.outgoing.skip(now)
