"""Encryption of one leg whose keys are agreed by DTLS; its peer is found by ICE (browsers), or is where its
description says.

    WAITING --check of the peer, with our name and password--> proven --USE-CANDIDATE--> his address
    WAITING --ClientHello from a proven address--> HANDSHAKE --keys--> SECURED
    WAITING --patience of the order--> failed  HANDSHAKE --15 s--> failed
    SECURED --30 s without a check--> failed (no consent)

We are a lite agent (RFC 8445 2.5): no checks of our own, an answer to each authentic one. What does not come from a
proven address is not looked at; DTLS and audio from strangers cannot even begin.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.media import stun
from softswitch.media.messages import SETUP_SECONDS, StartDtls
from softswitch.media.worker.dtls import Association, Certificate, DtlsFailed
from softswitch.media.worker.guard import Guard, Receive, Send, is_control
from softswitch.media.worker.reports import Reports

if TYPE_CHECKING:
    from softswitch.media.worker.leg import Leg
    from softswitch.media.worker.relay import Relay

log = logging.getLogger(__name__)

_NOTHING = 255  # RFC 7983 7: none of the protocols on a port begins with it
# RFC 7675 5.1: consent expires after 30 seconds. A lite agent asks for none; that the peer goes on checking us is what
# shows that he wants to hear us.
CONSENT_SECONDS = 30.0
_MAX_PROVEN = 16  # addresses of one peer

Address = tuple[str, int]


class DtlsGuard(Guard):
    """See the module docstring."""

    __slots__ = (
        "_address",
        "_association",
        "_certificate",
        "_checked_at",
        "_due",
        "_limit",
        "_order",
        "_proven",
        "_reports",
        "_unlock",
    )

    def __init__(self, leg: Leg, relay: Relay, certificate: Certificate, order: StartDtls) -> None:
        super().__init__(leg, relay)
        self._certificate = certificate
        self._order = order
        self._association: Association | None = None
        self._address: Address | None = None  # where the peer is
        self._proven: dict[Address, None] = {}
        self._checked_at = relay.now
        self._limit = order.patience  # seconds for the keys
        self._due = relay.now + order.patience
        self._unlock: Callable[[int], int] = _locked
        self._reports = leg.tally.reports = leg.tally.reports or Reports(leg, relay.now)
        self.start(order)

    def start(self, order: StartDtls) -> None:
        """Begin, or begin anew with another certificate; another ufrag alone is an ICE restart (RFC 8445 2.4)."""
        before, self._order = self._association, order
        self._checked_at = self.relay.now
        if before is None or (before.active, before.fingerprint) != (order.active, order.fingerprint):
            self._association = Association(self._certificate, order.active, order.fingerprint)
            self._limit = order.patience
            self._due = self.relay.now + order.patience
            self.inbound = self.outbound = None
            self._unlock = _locked

    @property
    def finds_way(self) -> bool:
        return True

    @property
    def _has_ice(self) -> bool:
        return bool(self._order.ufrag)

    # -------------------------------------------------------------- packets

    def receiver(self) -> Receive:
        return self._receive

    def _receive(self, buffer: bytearray) -> int:
        leg = self.leg
        size, address = leg.sock.recvfrom_into(buffer)
        # an empty datagram (a NAT is kept open so) leaves in the buffer what another leg got
        first = buffer[0] if size else _NOTHING
        # RFC 7983 7: 0-3 STUN, 20-63 DTLS, 128-191 RTP and RTCP
        if first >> 6 == 2:
            if not (address == self._address or self._is_proven(address)):
                pass
            elif is_control(buffer[1]):
                if self._reported(buffer, size):
                    return -1
            else:
                size = self._unlock(size)
                if size >= 0:
                    if address != self._address and not self._has_ice:
                        self._found(address)
                    return size
        elif first < 4 and size >= 20:
            if self._has_ice and self._checked(bytes(buffer[:size]), address):
                return -1
        elif (
            20 <= first < 64
            and self._is_proven(address)
            and self.relay.queue_handshake(self, bytes(buffer[:size]), address)
        ):
            return -1
        leg.tally.dropped += 1
        return -1

    def _reported(self, buffer: bytearray, size: int) -> bool:
        """A report of the peer's (RTCP, on the port of the audio)."""
        if self.inbound is None or not self._order.reports:
            return False
        size = self.inbound.control(size)
        return size > 0 and self._reports.heard(buffer[:size], self.relay.now)

    def _report(self, now: float, address: Address) -> None:
        """Our own, when it is time."""
        report = self._reports.due(now) if self._order.reports and self.outbound is not None else None
        if report is not None and self.outbound is not None:
            sealed = self.outbound.control(report)
            if sealed is not None:
                self._send([bytes(sealed)], address)

    def _is_proven(self, address: Address) -> bool:
        if self._has_ice:
            return address in self._proven
        return address[0] == self.leg.source.host

    def _checked(self, data: bytes, address: Address) -> bool:
        """A STUN message: answered when it is a check of our peer."""
        order = self._order
        check = stun.read_check(data, f"{order.ufrag}:{order.peer_ufrag}", order.password)
        if check is None:
            return False
        self.leg.sock.sendto(stun.answer(check, address, order.password), address)
        if check.unknown or check.controlled:
            return True
        self._checked_at = self.relay.now
        self._hurry()
        if address not in self._proven:
            if len(self._proven) >= _MAX_PROVEN:
                del self._proven[next(iter(self._proven))]
            self._proven[address] = None
        # RFC 8445 7.3.2: the controlling agent nominates
        if check.nominated and address != self._address:
            self._found(address)
        return True

    def _found(self, address: Address) -> None:
        """The peer is there, now."""
        began = self._address is None
        self._address = address
        self.relay.resend(self.leg)
        if began:
            self.begin()

    def _hurry(self) -> None:
        """The peer knows our description, for he speaks: from now on it must go quickly."""
        due = self.relay.now + SETUP_SECONDS
        if due < self._due:
            self._due, self._limit = due, SETUP_SECONDS

    # -------------------------------------------------------------- DTLS

    def begin(self) -> None:
        """The way is known: a DTLS client speaks first."""
        association, address = self._association, self._target()
        if association is not None and association.active and association.keys is None and address is not None:
            self._send(association.begin(), address)

    def shake(self, datagram: bytes, address: Address) -> str:
        """One datagram of the handshake. A reason when it has failed."""
        association = self._association
        assert association is not None
        before = association.keys
        self._hurry()
        try:
            replies = association.feed(datagram)
        except DtlsFailed as problem:
            return f"DTLS: {problem}"
        self._send(replies, address)
        if before is None and association.keys is not None:
            self._secured(association.keys, address)
        return ""

    def _secured(self, keys: tuple[str, bytes, bytes], address: Address) -> None:
        self.adopt(*keys)
        assert self.inbound is not None
        self._unlock = self.inbound.opener()
        self._checked_at = self.relay.now
        if self._association is not None:
            self._association.heard_before = self.leg.route.count
        if self._address is None:
            self._address = address
        self.relay.secured.append((self.leg, keys[0]))
        self.relay.resend(self.leg)

    def _send(self, datagrams: list[bytes], address: Address) -> None:
        for datagram in datagrams:
            try:
                self.leg.sock.sendto(datagram, address)
            except OSError:
                self.leg.tally.dropped += 1  # it comes again

    def tick(self, now: float) -> str:
        association = self._association
        assert association is not None
        if association.keys is None and now > self._due:
            if self._has_ice and self._address is None:
                return f"ICE: no address was proven within {self._limit:.0f} s"
            return f"DTLS: no keys within {self._limit:.0f} s"
        if self._has_ice and association.keys is not None and now - self._checked_at > CONSENT_SECONDS:
            return f"ICE: no check for {CONSENT_SECONDS:.0f} s, the browser is gone"
        if association.keys is not None and self.leg.route.count > association.heard_before:
            association.rest()  # he would not send with keys before he knows that we have them
        address = self._target()
        if address is not None:
            self._report(now, address)
            try:
                self._send(association.tick(), address)
            except DtlsFailed as problem:
                return f"DTLS: {problem}"
        return ""

    # -------------------------------------------------------------- sending

    def _target(self) -> Address | None:
        """Where to: proven, or at least described."""
        remote = self.leg.remote
        if self._address is not None or self._has_ice or remote is None:
            return self._address
        return remote.host, remote.port

    def transmit(self) -> Send | None:
        address, sendto = self._target(), self.leg.sock.sendto
        if address is None:
            return None
        return lambda packet: sendto(packet, address)


def _locked(size: int) -> int:
    """There are no keys yet."""
    return -1
