"""A browser's leg on a clock of our own: what has its time, what comes too late, and reports."""

from __future__ import annotations

import contextlib
import random
import select
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pylibsrtp import Policy, Session
from tests.media.harness import free_range
from tests.media.worker.checks import CLIENT_HELLO, PASSWORD, UFRAG, check

from softswitch.ids import LegId
from softswitch.media import rtcp, rtp
from softswitch.media.messages import (
    SETUP_SECONDS,
    CloseMediaLeg,
    MediaLegClosed,
    MediaLegFailed,
    MediaSecured,
    OpenMediaLeg,
    SetRemote,
    StartDtls,
)
from softswitch.media.worker.browser import DtlsGuard
from softswitch.media.worker.dtls import Association, Certificate
from softswitch.media.worker.pool import PortPool
from softswitch.media.worker.prompts import PromptLibrary
from softswitch.media.worker.relay import Clock, Relay
from softswitch.media.worker.report_desk import ReportDesk
from softswitch.media.worker.switchboard import Switchboard


class Hall:
    """A switchboard with one browser's leg, on a clock of our own."""

    def __init__(self, certificate: Certificate, patience: float = SETUP_SECONDS, *, reports: bool = True) -> None:
        self.clock = Clock(100.0)
        self.epoll = select.epoll()
        self.relay = Relay(self.clock)
        first = free_range(4)
        pool = PortPool("127.0.0.1", first, first + 3, 2.0)
        self.board = Switchboard(
            *(
                self.epoll,
                self.relay,
                pool,
                PromptLibrary("/nowhere"),
                300.0,
                random.getrandbits,
                certificate,
            )
        )
        (self.port, *_) = pool.refill(100.0, 2)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.connect(("127.0.0.1", self.port))
        self.sock.settimeout(20)
        self.board.handle(OpenMediaLeg(LegId(1), self.port))
        ice = UFRAG, PASSWORD, "them"
        self.board.handle(StartDtls(LegId(1), False, certificate.fingerprint, *ice, patience, reports))
        self.board.handle(SetRemote(LegId(1), "0.0.0.0", 0, 0, 126))

    def pump(self) -> None:
        self.relay.pump(self.epoll.poll(5))
        self.board.after_packets()

    def wait(self, seconds: float) -> str:
        """Time goes by; why the leg failed, if it did."""
        self.clock.now += seconds
        self.board.watch(self.clock.now)
        return next((event.reason for event in self.board.events if isinstance(event, MediaLegFailed)), "")

    def close(self) -> None:
        self.sock.close()
        for each in list(self.board.legs.values()):
            each.sock.close()
        self.epoll.close()

    def shake(self, certificate: Certificate) -> Association:
        """A browser with this certificate."""
        self.sock.send(check())
        self.pump()
        self.sock.recv(2000)
        association = Association(certificate, True, certificate.fingerprint)
        flight = association.begin()
        while association.keys is None:
            for datagram in flight:
                self.sock.send(datagram)
                self.pump()
            flight = association.feed(self.sock.recv(2000))
        return association


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def hall(certificate: Certificate) -> Iterator[Hall]:
    one = Hall(certificate)
    yield one
    one.close()


@pytest.fixture
def ringing(certificate: Certificate) -> Iterator[Hall]:
    """A browser that called: it knows our side of ICE when somebody has answered."""
    one = Hall(certificate, 300.0)
    yield one
    one.close()


def test_a_browser_that_never_comes_is_given_up(hall: Hall) -> None:
    assert hall.wait(14) == ""
    assert hall.wait(2) == "ICE: no address was proven within 15 s"


def test_a_browser_that_does_not_shake_hands_is_given_up(hall: Hall) -> None:
    hall.sock.send(check())
    hall.pump()
    assert hall.wait(16) == "DTLS: no keys within 15 s"


def test_a_browser_that_is_gone_is_noticed_and_one_that_checks_is_not(hall: Hall, certificate: Certificate) -> None:
    hall.shake(certificate)
    assert MediaSecured(LegId(1), "AEAD_AES_256_GCM") in hall.board.events
    for _ in range(4):
        assert hall.wait(20) == ""
        hall.sock.send(check())
        hall.pump()
    assert hall.wait(29) == ""
    assert hall.wait(2) == "ICE: no check for 30 s, the browser is gone"


def test_a_browser_that_is_heard_needs_no_handshake_any_more(hall: Hall, certificate: Certificate) -> None:
    keys = hall.shake(certificate).keys
    assert keys is not None
    guard = hall.board.legs[LegId(1)].guard
    assert isinstance(guard, DtlsGuard)
    association = guard._association
    assert association is not None
    hall.wait(0.5)
    assert not association.rests, "our last flight may have been lost"
    lock = Session(Policy(keys[1], Policy.SSRC_ANY_OUTBOUND, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_256_GCM))
    hall.sock.send(lock.protect(rtp.build(0, 1, 160, 7, bytes(160))))
    hall.pump()
    hall.wait(0.5)
    assert association.rests
    hall.sock.send(lock.protect(rtp.build(0, 2, 320, 7, bytes(160))))
    hall.pump()
    assert hall.board.legs[LegId(1)].route.count == 2


def test_a_browser_that_calls_has_time_until_somebody_answers(ringing: Hall) -> None:
    assert ringing.wait(250) == ""
    ringing.sock.send(check())
    ringing.pump()
    assert ringing.sock.recv(2000)[:2] == b"\x01\x01"
    assert ringing.wait(14) == ""
    assert ringing.wait(2) == "DTLS: no keys within 15 s", "now it knows, and must go on"


def test_a_browser_that_called_and_never_comes_is_given_up(ringing: Hall) -> None:
    assert ringing.wait(299) == ""
    assert ringing.wait(2) == "ICE: no address was proven within 300 s"


def test_an_empty_datagram_is_not_what_another_leg_got_before(hall: Hall, certificate: Certificate) -> None:
    """Phones and NATs are kept awake by empty datagrams; the buffer of all legs still holds the packet before."""
    hall.sock.send(check())
    hall.pump()
    hall.sock.recv(2000)
    for before in (CLIENT_HELLO[:13], b"\x80\0" + bytes(170), b"\x80\xc8" + bytes(26), check()):
        for leg_is_secured in (False, True):
            if leg_is_secured and hall.board.legs[LegId(1)].guard.inbound is None:  # type: ignore[union-attr]
                hall.shake(certificate)
            workplace, _ = hall.relay.workplace()
            workplace[: len(before)] = before
            hall.sock.send(b"")
            hall.pump()
            assert LegId(1) in hall.board.legs, before[:2]
    assert hall.board.legs[LegId(1)].tally.dropped == 8


@pytest.mark.parametrize("reports", [True, False])
def test_reports_go_where_their_port_was_agreed_on(certificate: Certificate, reports: bool) -> None:
    """RFC 5761 5.1.1: a peer that did not say rtcp-mux gets none on the port of the audio."""
    hall = Hall(certificate, reports=reports)
    hall.shake(certificate)
    hall.sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:  # what is left of the handshake
            assert 20 <= hall.sock.recv(2000)[0] < 64
    hall.clock.now += 6.0
    hall.sock.settimeout(20)
    assert hall.wait(0.0) == ""
    if reports:
        assert hall.sock.recv(2000)[1] in (200, 201)
    else:
        hall.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            hall.sock.recv(2000)
    hall.close()


@pytest.mark.parametrize("mux_told", [True, False])
def test_what_a_browser_reports_of_our_audio_is_in_the_end(certificate: Certificate, mux_told: bool) -> None:
    """Loss and round trip, though reports of browsers do not come by the desk of those of phones."""
    hall = Hall(certificate)
    desk = ReportDesk(hall.board.legs, hall.board._pool, hall.clock)
    hall.board.departments.join(desk)
    remote = SetRemote(LegId(1), "0.0.0.0", 0, 0, 126, rtcp_port=9 if mux_told else 0)
    hall.board.handle(remote)
    keys = hall.shake(certificate).keys
    assert keys is not None
    seal, unseal = (
        Session(Policy(key, kind, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_256_GCM))
        for key, kind in ((keys[1], Policy.SSRC_ANY_OUTBOUND), (keys[2], Policy.SSRC_ANY_INBOUND))
    )
    leg = hall.board.legs[LegId(1)]
    hall.wait(0.5)
    # he hears 50 packets
    send = leg.sender()
    assert send is not None
    packet = bytearray(rtp.build(0, 0, 0, 0, bytes(160)))
    for _ in range(50):
        leg.outgoing.frame(packet, 0)
        send(packet)
        leg.tally.out += 1
    hall.wait(5.0)
    ours = None
    while ours is None:
        data = hall.sock.recv(2000)
        if data[0] >> 6 == 2 and data[1] == 200:
            ours = rtcp.read(unseal.unprotect_rtcp(data))
    assert ours.packets == 50
    hall.clock.now += 2.5
    his = rtcp.Heard(leg.outgoing.ssrc, 64, 12, 50, 0, ours.sent_at or 0, int(2.44 * 65536))
    hall.sock.send(seal.protect_rtcp(rtcp.write(7, 55.0, None, his)))
    hall.pump()
    hall.board.handle(CloseMediaLeg(LegId(1)))
    (closed,) = (event for event in hall.board.events if isinstance(event, MediaLegClosed))
    assert closed.peer_loss_percent == 25.0
    assert 59 < closed.round_trip_ms < 61
    hall.close()


def test_a_browser_that_says_it_sends_nothing_is_not_silent(hall: Hall, certificate: Certificate) -> None:
    """As a phone that does: its receiver reports are the word for it."""
    keys = hall.shake(certificate).keys
    assert keys is not None
    seal = Session(Policy(keys[1], Policy.SSRC_ANY_OUTBOUND, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_256_GCM))
    reports = hall.board.legs[LegId(1)].tally.reports
    assert reports is not None
    hall.sock.send(seal.protect_rtcp(rtcp.write(7, 55.0, None, None)))
    hall.pump()
    assert reports.rests(hall.clock.now)
    hall.sock.send(seal.protect_rtcp(rtcp.write(7, 55.0, rtcp.Sent(7, 0, 50, 8000), None)))
    hall.pump()
    assert not reports.rests(hall.clock.now)
    # RFC 5506: feedback alone says nothing of what is sent
    hall.sock.send(seal.protect_rtcp(b"\x81\xcd\x00\x02" + bytes(8)))
    hall.pump()
    assert not reports.rests(hall.clock.now)
