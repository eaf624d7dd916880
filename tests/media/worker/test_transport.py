"""How audio and its reports travel: IPv6, marks of packets, RTCP on a port of its own or on that of the audio."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator

import pytest
from tests.media.harness import TIMEOUT, Phone, Worker, free_range

from softswitch.ids import LegId
from softswitch.media import rtcp, rtp
from softswitch.media.messages import (
    Bridge,
    CloseMediaLeg,
    DigitReceived,
    MediaLegClosed,
    MediaLegFailed,
    OpenMediaLeg,
    SetRemote,
)
from softswitch.media.worker import report_desk
from softswitch.media.worker.pool import PortPool
from softswitch.media.worker.prompts import PromptLibrary
from softswitch.media.worker.relay import Clock, Relay
from softswitch.media.worker.report_desk import ReportDesk
from softswitch.media.worker.switchboard import Switchboard

ONE, OTHER = LegId(1), LegId(2)


def sockets(host: str = "127.0.0.1") -> tuple[socket.socket, socket.socket]:
    """A phone's two: audio, and its reports on the next port."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        audio, reports = socket.socket(kind, socket.SOCK_DGRAM), socket.socket(kind, socket.SOCK_DGRAM)
        audio.bind((host, 0))
        try:
            reports.bind((host, audio.getsockname()[1] + 1))
        except (OSError, OverflowError):
            audio.close()
            reports.close()
            continue
        for sock in (audio, reports):
            sock.settimeout(TIMEOUT)
        return audio, reports


# ------------------------------------------------------------------ a whole process


def test_packets_are_marked(start_worker: Callable[..., Worker]) -> None:
    first = free_range(100)
    worker = start_worker(first, first + 99, "--dscp", "46")
    one, other = Phone(worker), Phone(worker)
    worker.send(Bridge(one.leg, other.leg))
    worker.settle()
    other.sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    one.talk(b"a" * 160)
    _, ancillary, _, _ = other.sock.recvmsg(2048, 64)
    assert [(kind, data[0] >> 2) for _, kind, data in ancillary] == [(socket.IP_TOS, 46)]
    for phone in (one, other):
        phone.hang_up()


def six_leg(worker: Worker, leg: LegId, phone: socket.socket) -> int:
    port = worker.port()
    worker.send(OpenMediaLeg(leg, port, True), SetRemote(leg, "::1", phone.getsockname()[1], 0, 101))
    worker.settle()
    return port


def test_a_call_between_ipv6_and_ipv4(start_worker: Callable[..., Worker]) -> None:
    first = free_range(100)
    worker = start_worker(first, first + 99, "--host6", "::1", "--dscp", "46")
    phone, stranger = sockets("::1")
    four = Phone(worker)
    port = six_leg(worker, ONE, phone)
    worker.send(Bridge(ONE, four.leg))
    worker.settle()
    phone.sendto(rtp.build(0, 1, 160, 7, b"six" * 50), ("::1", port))
    assert four.hear()[1] == b"six" * 50
    # a stranger of the same network is not heard any more, and gets nothing
    stranger.sendto(rtp.build(0, 2, 320, 7, b"bad" * 50), ("::1", port))
    phone.sendto(rtp.build(0, 3, 480, 7, b"own" * 50), ("::1", port))
    assert four.hear()[1] == b"own" * 50
    phone.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    four.talk(b"f" * 160)
    data, ancillary, _, address = phone.recvmsg(2048, 64)
    assert (data[12:], address[:2]) == (b"f" * 160, ("::1", port))
    assert [int.from_bytes(each[2][:4], "little") >> 2 for each in ancillary] == [46]
    # the peer moves (re-INVITE): he is followed
    worker.send(SetRemote(ONE, "::1", stranger.getsockname()[1], 0, 101))
    worker.settle()
    stranger.sendto(rtp.build(0, 9, 480, 8, b"new" * 50), ("::1", port))
    assert four.hear()[1] == b"new" * 50
    worker.send(CloseMediaLeg(ONE))
    closed = worker.expect(MediaLegClosed, lambda event: event.leg == ONE)
    assert (closed.packets_in, closed.packets_out) == (3, 1)
    four.hang_up()


@pytest.mark.parametrize("options", [(), ("--host6", "::1")])
def test_what_ipv6_cannot_have(start_worker: Callable[..., Worker], options: tuple[str, ...]) -> None:
    first = free_range(100)
    worker = start_worker(first, first + 99, *options)
    port = worker.port()
    taken = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    taken.bind(("::1", port))
    worker.send(OpenMediaLeg(ONE, port, True))
    assert "taken on IPv6" in worker.expect(MediaLegFailed).reason
    # an address of the other IP fails the leg before a packet is sent there
    worker.send(OpenMediaLeg(OTHER, worker.port()), SetRemote(OTHER, "::1", 4000, 0, 101))
    assert "of the other IP" in worker.expect(MediaLegFailed).reason
    taken.close()


def test_an_address_that_is_not_ours_keeps_it_from_starting(start_worker: Callable[..., Worker]) -> None:
    worker = start_worker(20000, 20010, "--host6", "2001:db8::1")
    assert worker.said.startswith("media address 2001:db8::1 cannot be used")


def test_numbers_differ_by_direction_and_by_leg(worker: Worker, phone: Callable[..., Phone]) -> None:
    """RFC 3264 5.1: he is sent to by his number, and sends by ours."""
    one, other = phone(), phone()
    one.payload_type, other.payload_type = 111, 97
    opus = {"codec": "OPUS", "dtmf_clock": 48000}
    worker.send(
        SetRemote(one.leg, "127.0.0.1", one.port, 96, 101, **opus, heard_type=111, heard_dtmf=110),  # type: ignore[arg-type]
        SetRemote(other.leg, "127.0.0.1", other.port, 97, 98, **opus),  # type: ignore[arg-type]
        Bridge(one.leg, other.leg),
    )
    worker.settle()
    one.talk(b"o" * 60)
    packet, payload = other.hear()
    assert (packet.payload_type, payload) == (97, b"o" * 60)
    other.talk(b"p" * 60)
    packet, payload = one.hear()
    assert (packet.payload_type, payload) == (96, b"p" * 60)
    one.talk(b"\x05\x80\x03\xc0", payload_type=110)
    assert other.hear()[0].payload_type == 98
    assert worker.expect(DigitReceived).digit == "5"
    one.talk(b"x" * 60, payload_type=97)  # a number that nobody agreed to
    one.talk(b"y" * 60)
    assert other.hear()[1] == b"y" * 60


# ------------------------------------------------------------------ reports, on a clock of our own


class Desk:
    """A switchboard with its report desk and one call; time goes by when the test says so."""

    def __init__(self, *, mux: bool = False, host: str = "127.0.0.1") -> None:
        self.clock = Clock(100.0)
        self.epoll = select.epoll()
        self.relay = Relay(self.clock)
        first = free_range(8)
        self.pool = PortPool("127.0.0.1", first, first + 7, 2.0, 0, "::1")
        bits = iter(range(1000, 2000))
        self.board = Switchboard(
            self.epoll, self.relay, self.pool, PromptLibrary("/nowhere"), 30.0, lambda _: next(bits)
        )
        self.desk = ReportDesk(self.board.legs, self.pool, self.clock)
        self.board.departments.join(self.desk)
        self.host, self.mux = host, mux
        self.audio, self.reports = sockets(host)
        self.port, self.other_port, *_ = self.pool.refill(100.0, 4)
        self.board.handle(OpenMediaLeg(ONE, self.port, ":" in host))
        self.remote()

    def remote(self, **more: bool) -> None:
        port = self.audio.getsockname()[1]
        rtcp_port = port if self.mux else port + 1
        self.board.handle(SetRemote(ONE, self.host, port, 0, 101, codec="PCMU", rtcp_port=rtcp_port, **more))

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        self.board.watch(self.clock.now)

    def talk(self, number: int) -> None:
        self.audio.sendto(rtp.build(0, number, 160 * number, 7, b"a" * 160), (self.host, self.port))
        self.relay.pump(self.epoll.poll(5))

    def say(self, data: bytes) -> None:
        """The phone's report."""
        sock, port = (self.audio, self.port) if self.mux else (self.reports, self.port + 1)
        sock.sendto(data, (self.host, port))
        if self.mux:
            self.relay.pump(self.epoll.poll(5))

    def heard(self) -> rtcp.Report:
        """Our report to the phone."""
        data, address = (self.audio if self.mux else self.reports).recvfrom(2048)
        assert address[:2] == (self.host, self.port if self.mux else self.port + 1)
        report = rtcp.read(data)
        assert report is not None
        return report

    def close(self) -> MediaLegClosed:
        self.board.handle(CloseMediaLeg(ONE))
        (closed,) = [event for event in self.board.events if isinstance(event, MediaLegClosed)]
        self.board.events.clear()
        return closed


@pytest.fixture
def open_desk() -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(**how: object) -> Desk:
        desks.append(Desk(**how))  # type: ignore[arg-type]
        return desks[-1]

    yield make
    for desk in desks:
        for leg in list(desk.board.legs):
            desk.board.handle(CloseMediaLeg(leg))
        desk.audio.close()
        desk.reports.close()
        desk.epoll.close()


@pytest.mark.parametrize(("mux", "host"), [(False, "127.0.0.1"), (True, "127.0.0.1"), (False, "::1")])
def test_reports_go_both_ways(open_desk: Callable[..., Desk], mux: bool, host: str) -> None:
    desk = open_desk(mux=mux, host=host)
    desk.wait(1.0)  # a look is taken at the next packets
    for number in (1, 2, 4, 5):  # one is lost
        desk.talk(number)
        desk.wait(0.02)
    desk.board.legs[ONE].tally.out = 250  # as if it had been played to
    desk.wait(2.5)
    ours = desk.heard()
    (block,) = ours.heard
    assert (block.ssrc, block.lost) == (7, 1)
    assert ours.packets == 250
    assert ours.sent_at is not None
    # he has had it for 2.44 s and says that he lost a quarter of what we sent
    desk.clock.now += 2.5
    his = rtcp.Heard(desk.board.legs[ONE].outgoing.ssrc, 64, 60, 250, 0, ours.sent_at, int(2.44 * 65536))
    desk.say(rtcp.write(7, 55.0, rtcp.Sent(7, 800, 5, 800), his))
    desk.wait(0.0)
    closed = desk.close()
    assert 1 < closed.round_trip_ms < 61  # less by the time that it lay in the kernel
    assert closed.peer_loss_percent == 25.0
    assert closed.loss_percent == 25.0
    assert closed.packets_dropped == 0


def test_when_a_report_came_is_what_the_kernel_says(open_desk: Callable[..., Desk]) -> None:
    """It is read seconds later; for the round trip it came when it came."""
    desk = open_desk()
    desk.wait(0.5)
    desk.wait(2.5)
    waiting = desk.desk._desks[ONE].sock
    assert waiting is not None
    desk.say(rtcp.write(7, 55.0, None, None))
    select.select([waiting], [], [], TIMEOUT)
    _, ancillary, _, _ = waiting.recvmsg(2048, 64)
    wall = report_desk._TIMESPEC.unpack(ancillary[0][2])
    assert report_desk._age(ancillary, wall[0] + wall[1] / 1e9 + 1.25) == pytest.approx(1.25, abs=0.001)
    assert report_desk._age(ancillary, 0.0) == 0.0
    assert report_desk._age([], 5.0) == 0.0


def test_a_short_call_costs_no_second_socket(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    desk.wait(0.5)
    desk.wait(2.0)
    assert desk.desk._sockets == 0
    desk.close()
    assert not desk.desk._desks
    late = open_desk()
    late.wait(0.5)
    late.wait(2.5)
    assert late.desk._sockets == 1
    late.close()
    assert late.desk._sockets == 0
    late.reports.close()
    again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    again.bind(("127.0.0.1", late.port + 1))  # it is free again
    again.close()


def test_sockets_for_reports_are_bounded_and_a_taken_port_is_no_fault(
    open_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_desk, "MOST_SOCKETS", 0)
    desk = open_desk()
    desk.wait(0.5)
    desk.wait(2.5)
    assert desk.desk._sockets == 0
    monkeypatch.undo()
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", desk.port + 1))
    desk.wait(2.5)
    assert desk.desk._sockets == 0
    assert desk.close().packets_dropped == 0
    taken.close()


@pytest.mark.parametrize("mux", [False, True])
def test_strangers_and_nonsense(open_desk: Callable[..., Desk], mux: bool) -> None:
    desk = open_desk(mux=mux)
    desk.talk(1)
    desk.wait(0.5)
    desk.wait(2.5)
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.0.0.2", 0))
    block = rtcp.Heard(desk.board.legs[ONE].outgoing.ssrc, 255, 99, 1, 0)
    for _ in range(100):  # a flood is read four at a time, and drops in the kernel
        stranger.sendto(rtcp.write(7, 55.0, None, block), ("127.0.0.1", desk.port + (not mux)))
    if mux:
        for _ in range(100):
            desk.relay.pump(desk.epoll.poll(0))
    desk.say(b"\x80\xc8\x00\x01nonsense")
    for _ in range(30):
        desk.wait(2.5)
    closed = desk.close()
    assert closed.peer_loss_percent == 0.0
    stranger.close()


def test_reports_follow_a_phone_that_moves(open_desk: Callable[..., Desk]) -> None:
    """Where his came from before is no port of his any more."""
    desk = open_desk()
    desk.wait(0.5)
    desk.wait(2.5)
    assert desk.heard() is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nat:
        nat.bind(("127.0.0.1", 0))
        nat.settimeout(TIMEOUT)
        nat.sendto(rtcp.write(7, 55.0, None, None), ("127.0.0.1", desk.port + 1))
        desk.wait(2.5)
        desk.wait(2.5)
        assert rtcp.read(nat.recvfrom(2048)[0]) is not None
        desk.audio.close()
        desk.reports.close()
        desk.audio, desk.reports = sockets(desk.host)
        desk.remote()
        desk.wait(2.5)
        desk.wait(2.5)
        assert desk.heard() is not None


def test_a_leg_that_hears_another_as_he_is_reports_of_him(open_desk: Callable[..., Desk]) -> None:
    """Packets of the other side go through untouched, with his SSRC: that is the stream that is reported."""
    desk = open_desk()
    other, _ = sockets()
    desk.board.handle(OpenMediaLeg(OTHER, desk.other_port))
    desk.board.handle(SetRemote(OTHER, "127.0.0.1", other.getsockname()[1], 0, 101))
    desk.board.handle(Bridge(ONE, OTHER))
    desk.wait(1.0)
    for number in range(1, 4):
        other.sendto(rtp.build(0, number, 160 * number, 4711, b"b" * 160), ("127.0.0.1", desk.other_port))
        desk.relay.pump(desk.epoll.poll(5))
    desk.wait(2.5)
    data, _ = desk.reports.recvfrom(2048)
    assert int.from_bytes(data[4:8], "big") == 4711
    assert desk.audio.recv(2048)[8:12] == (4711).to_bytes(4, "big")
    other.close()


def test_a_phone_that_says_it_pauses_is_not_silent(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    desk.talk(1)
    desk.wait(0.5)
    desk.wait(2.5)
    for _ in range(2):
        desk.say(rtcp.write(7, 55.0, rtcp.Sent(7, 160, 1, 160), None))
        desk.wait(2.5)
    reports = desk.board.legs[ONE].tally.reports
    assert reports is not None
    assert reports.rests(desk.clock.now)
    desk.say(rtcp.write(7, 60.0, rtcp.Sent(7, 1600, 10, 1600), None))  # he does send, and it does not come
    desk.wait(2.5)
    assert not reports.rests(desk.clock.now)
