"""A browser's leg in a real media process: ICE lite, DTLS, SRTP; against aiortc, and against strangers."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import aioice
import pytest
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceParameters
from aiortc.rtp import RtcpByePacket, RtcpPacket, RtcpSrPacket
from tests.media.harness import Phone, Worker, free_range
from tests.media.worker.checks import CLIENT_HELLO, PASSWORD, UFRAG, check

from softswitch.ids import LegId
from softswitch.media import rtcp, rtp
from softswitch.media.messages import (
    Bridge,
    CloseMediaLeg,
    DtlsOffered,
    MediaLegClosed,
    MediaLegFailed,
    MediaSecured,
    OpenMediaLeg,
    SetRemote,
    StartDtls,
)

_ids = count(1_000_000)


@pytest.fixture(scope="module")
def dtls_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    first = free_range(200)
    worker = Worker(tmp_path_factory.mktemp("prompts"), first, first + 199, "--quarantine", "0.1", "--dtls")
    assert worker.said == "ready"
    worker.fingerprint = worker.expect(DtlsOffered).fingerprint  # type: ignore[attr-defined]
    yield worker
    assert worker.close() == 0


@pytest.fixture(autouse=True)
def on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


class Browser:
    """aiortc's ICE and DTLS, without its codecs."""

    def __init__(self, worker: Worker, *, active: bool = True) -> None:
        self.worker = worker
        self.active = active
        self.leg = LegId(next(_ids))
        self.server = ("127.0.0.1", worker.port())
        self.gatherer = RTCIceGatherer(iceServers=[])
        self.ice = RTCIceTransport(self.gatherer)
        self.dtls = RTCDtlsTransport(self.ice, [RTCCertificate.generateCertificate()])
        self.dtls._set_role("client" if active else "server")
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.sequence = random.getrandbits(15)
        self.dtls._handle_rtp_data = self._hear  # type: ignore[method-assign]
        self.dtls._handle_rtcp_data = self._hear_report  # type: ignore[method-assign]
        self.reports: asyncio.Queue[bytes] = asyncio.Queue()
        worker.send(OpenMediaLeg(self.leg, self.server[1]))

    async def _hear(self, data: bytes, arrival_time_ms: int) -> None:
        self.heard.put_nowait(data)

    async def _hear_report(self, data: bytes) -> None:
        self.reports.put_nowait(data)

    async def gather(self) -> None:
        await self.gatherer.gather()

    def describe(self, fingerprint: str = "", ufrag: str = UFRAG, password: str = PASSWORD) -> None:
        own = next(each for each in self.dtls.getLocalParameters().fingerprints if each.algorithm == "sha-256")
        theirs = fingerprint or f"sha-256 {own.value}"
        peer = self.gatherer.getLocalParameters().usernameFragment
        self.worker.send(StartDtls(self.leg, not self.active, theirs, ufrag, password, peer))
        self.worker.send(SetRemote(self.leg, "0.0.0.0", 0, 0, 126))
        self.worker.settle()

    async def connect(self) -> None:
        self.ice._connection.ice_controlling = True
        self.ice._connection.remote_is_lite = True
        host, port = self.server
        await self.ice.addRemoteCandidate(RTCIceCandidate(1, "1", host, port, 2130706431, "udp", "host"))
        await self.ice.addRemoteCandidate(None)
        async with asyncio.timeout(30):
            await self.ice.start(RTCIceParameters(usernameFragment=UFRAG, password=PASSWORD))
            algorithm, _, value = self.worker.fingerprint.partition(" ")  # type: ignore[attr-defined]
            await self.dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value)]))

    async def talk(self, payload: bytes, payload_type: int = 0) -> None:
        self.sequence += 1
        await self.dtls._send_rtp(rtp.build(payload_type, self.sequence, self.sequence * 160, 99, payload))

    async def hear(self) -> bytes:
        async with asyncio.timeout(30):
            return (await self.heard.get())[12:]

    async def close(self) -> MediaLegClosed:
        self.worker.send(CloseMediaLeg(self.leg))
        closed = self.worker.expect(MediaLegClosed, lambda event: event.leg == self.leg)
        await self.dtls.stop()
        await self.ice.stop()
        return closed


@pytest.mark.parametrize("active", [True, False])
async def test_a_browser_and_a_phone_hear_each_other(dtls_worker: Worker, active: bool) -> None:
    browser, phone = Browser(dtls_worker, active=active), Phone(dtls_worker)
    await browser.gather()
    browser.describe()
    dtls_worker.send(Bridge(browser.leg, phone.leg))
    await browser.connect()
    assert dtls_worker.expect(MediaSecured).leg == browser.leg
    for n in range(5):
        await browser.talk(bytes([n]) * 160)
        assert phone.hear()[1] == bytes([n]) * 160
        phone.talk(bytes([100 + n]) * 160)
        assert await browser.hear() == bytes([100 + n]) * 160
    # hold and resume by re-INVITE: the same words again; nothing begins anew
    browser.describe()
    phone.talk(b"again" * 32)
    assert await browser.hear() == b"again" * 32
    # whatever comes from elsewhere is not heard and not answered
    stranger = Phone._socket()
    for data in (b"\x80" * 172, bytes(20), b"\x16\xfe\xfd" + bytes(60), os.urandom(100)):
        stranger.sendto(data, browser.server)
    await browser.talk(b"friend" * 20)
    assert phone.hear()[1] == b"friend" * 20
    stranger.setblocking(False)
    with pytest.raises(BlockingIOError):
        stranger.recv(2000)
    stranger.close()
    assert (await browser.close()).packets_dropped == 4
    phone.hang_up()


async def test_reports_on_the_port_of_the_audio(dtls_worker: Worker) -> None:
    """A sender report of ours after a few seconds; the browser's own reports are no errors, and a BYE ends nothing."""
    browser, phone = Browser(dtls_worker), Phone(dtls_worker)
    await browser.gather()
    browser.describe()
    dtls_worker.send(Bridge(browser.leg, phone.leg))
    await browser.connect()
    phone.talk(b"x" * 160)
    await browser.hear()
    await browser.dtls._send_rtp(rtcp.write(99, 5.0, rtcp.Sent(99, 160, 1, 160), None))
    await browser.dtls._send_rtp(bytes(RtcpByePacket([99])))
    async with asyncio.timeout(30):
        report = RtcpPacket.parse(await browser.reports.get())[0]
    assert isinstance(report, RtcpSrPacket)
    assert report.sender_info.packet_count == 1
    await browser.talk(b"still here" * 16)
    assert phone.hear()[1] == b"still here" * 16
    assert (await browser.close()).packets_dropped == 0
    phone.hang_up()


async def test_the_wrong_certificate_ends_the_leg(dtls_worker: Worker) -> None:
    browser = Browser(dtls_worker)
    await browser.gather()
    browser.describe("sha-256 " + ":".join(["AB"] * 32))
    connecting = asyncio.create_task(browser.connect())
    wanted = (MediaLegFailed, lambda event: event.leg == browser.leg)
    failed = await asyncio.to_thread(dtls_worker.expect, *wanted)
    assert "fingerprint" in failed.reason
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    await browser.dtls.stop()
    await browser.ice.stop()


def test_without_a_certificate_the_leg_fails(worker: Worker) -> None:
    leg = LegId(next(_ids))
    worker.send(OpenMediaLeg(leg, worker.port()), StartDtls(leg, False, "sha-256 AB", UFRAG, PASSWORD, "them"))
    assert worker.expect(MediaLegFailed, lambda event: event.leg == leg).reason.startswith("StartDtls: ")


# ------------------------------------------------------------------ who is answered


@pytest.fixture
def leg(dtls_worker: Worker) -> Iterator[tuple[LegId, socket.socket]]:
    made = LegId(next(_ids))
    port = dtls_worker.port()
    print_ = "sha-256 " + ":".join(["AB"] * 32)
    dtls_worker.send(
        OpenMediaLeg(made, port),
        StartDtls(made, False, print_, UFRAG, PASSWORD, "them"),
        SetRemote(made, "0.0.0.0", 0, 0, 126),
    )
    dtls_worker.settle()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.connect(("127.0.0.1", port))
    sock.settimeout(20)
    yield made, sock
    sock.close()
    dtls_worker.send(CloseMediaLeg(made))
    dtls_worker.settle()
    dtls_worker.queue.clear()


def test_only_who_knows_the_password_is_answered(dtls_worker: Worker, leg: tuple[LegId, socket.socket]) -> None:
    sock = leg[1]
    wrong = [check(password="another-password-of-22"), check("them:ours"), check(f"{UFRAG}:other"), check(f"{UFRAG}:")]
    wrong += [check()[:-1], check() + bytes(4), check()[:20], bytes(20), bytes(4), CLIENT_HELLO, b"\x80\0" + bytes(40)]
    for data in wrong:
        sock.send(data)
    sock.send(check())
    answer = sock.recv(2000)
    assert answer[:2] == b"\x01\x01"
    dtls_worker.send(CloseMediaLeg(leg[0]))
    closed = dtls_worker.expect(MediaLegClosed, lambda event: event.leg == leg[0])
    assert closed.packets_dropped == len(wrong)


def test_dtls_is_heard_from_proven_addresses_only(dtls_worker: Worker, leg: tuple[LegId, socket.socket]) -> None:
    """The race of the ClientHello: a stranger who is quicker than the browser gets nothing, and spoils nothing."""
    made, sock = leg
    stranger = Phone._socket()
    for _ in range(3):
        stranger.sendto(CLIENT_HELLO, sock.getpeername())
    sock.send(check())
    assert sock.recv(2000)[:2] == b"\x01\x01"
    stranger.sendto(CLIENT_HELLO, sock.getpeername())
    dtls_worker.send(CloseMediaLeg(made))
    closed = dtls_worker.expect(MediaLegClosed, lambda event: event.leg == made)
    assert closed.packets_dropped == 4
    stranger.close()


def test_a_peer_that_believes_that_we_control_is_told_otherwise(leg: tuple[LegId, socket.socket]) -> None:
    leg[1].send(check(controlled=True))
    answer = leg[1].recv(2000)
    assert answer[:2] == b"\x01\x11"
    assert b"Role Conflict" in answer


def test_nonsense_of_a_proven_peer_ends_no_other_call(dtls_worker: Worker, leg: tuple[LegId, socket.socket]) -> None:
    made, sock = leg
    sock.send(check())
    sock.recv(2000)
    for _ in range(150):
        sock.send(b"\x16\xfe\xfd" + os.urandom(40))
    failed = [event for event in dtls_worker.queue if isinstance(event, MediaLegFailed) and event.leg == made]
    assert not failed or "DTLS" in failed[0].reason
    dtls_worker.settle()
    assert dtls_worker.process.poll() is None


def test_the_worker_without_browsers_has_no_certificate(tmp_path: Path) -> None:
    first = free_range(4)
    worker = Worker(tmp_path, first, first + 3)
    assert not [event for event in worker.queue if isinstance(event, DtlsOffered)]
    worker.close()


def test_an_ice_restart_takes_the_new_password_and_keeps_the_rest(
    dtls_worker: Worker, leg: tuple[LegId, socket.socket]
) -> None:
    made, sock = leg
    sock.send(check())
    assert sock.recv(2000)[:2] == b"\x01\x01"
    print_ = "sha-256 " + ":".join(["AB"] * 32)
    dtls_worker.send(StartDtls(made, False, print_, "new1", "another-password-of-22", "them"))
    dtls_worker.settle()
    sock.send(check())
    sock.send(check("new1:them", "another-password-of-22"))
    answer = sock.recv(2000)
    assert answer[:2] == b"\x01\x01"
    dtls_worker.send(CloseMediaLeg(made))
    closed = dtls_worker.expect(MediaLegClosed, lambda event: event.leg == made)
    assert closed.packets_dropped == 1, "the old password is answered no more"
