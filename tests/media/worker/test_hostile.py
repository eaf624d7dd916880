"""A million packets that are wrong in every way, from phones that went mad and from strangers, into a media process
with every kind of leg: nothing breaks, nobody else is heard or answered, nothing grows, and the calls go on."""

from __future__ import annotations

import logging
import os
import random
import resource
import select
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pylibsrtp import Policy, Session
from tests.media.harness import free_range

from softswitch.ids import LegId, PlaybackId
from softswitch.media import rtcp, rtp, stun
from softswitch.media.codecs import OPUS
from softswitch.media.messages import Bridge, MediaLegFailed, OpenMediaLeg, Play, SetKeys, SetRemote, StartDtls
from softswitch.media.mix_messages import JoinMix
from softswitch.media.worker.__main__ import furnish
from softswitch.media.worker.coding import encoder
from softswitch.media.worker.dtls import Association, Certificate
from softswitch.media.worker.pool import PortPool
from softswitch.media.worker.prompts import PromptLibrary
from softswitch.media.worker.relay import Clock, Relay
from softswitch.media.worker.switchboard import Switchboard

PACKETS = 1_000_000
SUITE = "AES_CM_128_HMAC_SHA1_80"
UFRAG, PASSWORD, THEIRS = "hall", "a-password-of-22-chars", "them"
G711, TRANSCODED, SECURE, NOISY, BROWSER, MIXED, ALSO_MIXED, PROMPTED = map(LegId, range(1, 9))


class House:
    """A switchboard with one leg of each kind, phones for them, and two strangers."""

    def __init__(self, prompts: Path) -> None:
        (prompts / "long.ulaw").write_bytes(bytes(range(256)) * 4000)
        self.clock = Clock(100.0)
        self.relay = Relay(self.clock)
        certificate = Certificate(datetime(2026, 1, 1, tzinfo=UTC))
        first = free_range(32)
        self.pool = PortPool("127.0.0.1", first, first + 31, 0.0)
        library = PromptLibrary(str(prompts))
        bits = random.Random(7).getrandbits
        self.board = Switchboard(select.epoll(), self.relay, self.pool, library, 3.0, bits, certificate)
        furnish(self.board, self.relay)
        self.key = os.urandom(30)
        self.given_up = 0
        self.phones: dict[LegId, socket.socket] = {}
        for leg, port in zip(range(1, 9), self.pool.refill(100.0, 8), strict=True):
            self._open(LegId(leg), port)
        self.strangers = [self._socket(host) for host in ("127.0.0.1", "127.0.0.9")]
        self.ports = {leg: self.board.legs[leg].port for leg in self.phones}
        self._begin(certificate)

    def _socket(self, host: str = "127.0.0.1") -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((host, 0))
        sock.setblocking(False)
        return sock

    def _open(self, leg: LegId, port: int) -> None:
        phone = self.phones[leg] = self._socket()
        here = phone.getsockname()[1]
        phone.connect(("127.0.0.1", port))
        self.board.handle(OpenMediaLeg(leg, port))
        remote = SetRemote(leg, "127.0.0.1", here, 0, 101, comfort_type=13)
        if leg == TRANSCODED:
            remote = SetRemote(leg, "127.0.0.1", here, 111, 101, codec="OPUS", dtmf_clock=48000)
        elif leg == NOISY:
            remote = SetRemote(leg, "127.0.0.1", here, 8, -1, comfort_type=13)
        elif leg == SECURE:
            self.board.handle(SetKeys(leg, SUITE, os.urandom(30), self.key))
        elif leg == BROWSER:
            ice = Certificate(datetime(2026, 1, 1, tzinfo=UTC)).fingerprint, UFRAG, PASSWORD, THEIRS
            self.board.handle(StartDtls(leg, False, *ice, 1e9))
            remote = SetRemote(leg, "0.0.0.0", 0, 0, 101)
        self.board.handle(remote)

    def _begin(self, certificate: Certificate) -> None:
        self.lock = Session(Policy(self.key, Policy.SSRC_ANY_OUTBOUND)).protect
        for leg in self.phones:
            self.send(leg, self.good(leg, 1))
        self.board.handle(Bridge(G711, TRANSCODED))
        self.board.handle(Bridge(SECURE, NOISY))
        self.board.handle(JoinMix(MIXED, 1, (ALSO_MIXED,), (100,)))
        self.board.handle(JoinMix(ALSO_MIXED, 1, (MIXED,), (100,)))
        self.board.handle(Play(PROMPTED, PlaybackId(1), ("long",), 0))
        self.hello = Association(certificate, True, certificate.fingerprint).begin()[0]

    def good(self, leg: LegId, number: int) -> bytes:
        if leg == BROWSER:
            return stun.check_request(f"{UFRAG}:{THEIRS}", PASSWORD, number.to_bytes(12, "big"), nominate=True)
        if leg == TRANSCODED:
            return rtp.build(111, number, number * 960, 2, encoder(OPUS).encode(bytes(640)))
        packet = rtp.build(8 if leg == NOISY else 0, number, number * 160, int(leg), bytes(range(160)))
        return bytes(self.lock(packet)) if leg == SECURE else packet

    def send(self, leg: LegId, data: bytes, stranger: int | None = None) -> None:
        if stranger is None:
            self.phones[leg].send(data)
        else:
            self.strangers[stranger].sendto(data, ("127.0.0.1", self.ports[leg]))
        self.relay.pump([(self.board.legs[leg].fd, select.EPOLLIN)])

    def round(self, seconds: float) -> None:
        self.clock.now += seconds
        self.board.send_due_frames(self.clock.now)
        self.board.after_packets()
        failed = [event for event in self.board.events if isinstance(event, MediaLegFailed)]
        self.board.events.clear()
        for event in failed:
            # who proved to be the browser, and then sends nonsense instead of a handshake, ends his own call
            assert event.leg == BROWSER and event.reason.startswith("DTLS: "), event
            self.phones.pop(BROWSER).close()
            self._open(BROWSER, *self.pool.refill(self.clock.now, 1))
            self.ports[BROWSER] = self.board.legs[BROWSER].port
            self.send(BROWSER, self.good(BROWSER, 1))
            self.given_up += 1

    def drain(self, leg: LegId) -> list[bytes]:
        return list(_waiting(self.phones[leg]))

    def close(self) -> None:
        for sock in (*self.phones.values(), *self.strangers):
            sock.close()
        for leg in list(self.board.legs.values()):
            leg.sock.close()


def _waiting(sock: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield sock.recv(4096)
        except (BlockingIOError, ConnectionRefusedError):
            return


def corpus(house: House) -> list[bytes]:
    """Whole packets of every kind that a port may see."""
    event = [rtp.build(101, n, 800, 5, bytes([5, 0x80 if n > 6 else 10, 0, n * 20])) for n in range(4, 9)]
    odd = [b"\xb1" + rtp.build(0, 1, 1, 1, bytes(40))[1:] + b"\4", b"\x90" + rtp.build(0, 1, 1, 1, b"\0\0\0\1" * 9)[1:]]
    reports = [rtcp.write(7, 1e9 + n, None, None) for n in range(2)]
    noise = [rtp.build(13, n, 160 * n, 6, bytes([40 + n])) for n in range(3)]
    audio = [house.good(leg, 2) for leg in house.phones]
    return [*event, *odd, *reports, *noise, *audio, house.hello, b"", b"\0", b"\x80" * 12, bytes(1500)]


def mutated(chance: random.Random, packet: bytes, other: bytes) -> bytes:
    kind = chance.randrange(6)
    data = bytearray(packet)
    if kind == 0 and data:
        for _ in range(chance.randrange(1, 5)):
            data[chance.randrange(min(len(data), 20))] = chance.getrandbits(8)
    elif kind == 1:
        del data[chance.randrange(len(data) + 1) :]
    elif kind == 2:
        data += chance.randbytes(chance.randrange(400))
    elif kind == 3:
        data[chance.randrange(len(data) + 1) :] = other[chance.randrange(len(other) + 1) :]
    elif kind == 4 and len(data) > 8:
        data[2:8] = chance.randbytes(6)  # numbers and times that jump
    return bytes(data)


def test_a_million_hostile_packets(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(3550)
    house = House(tmp_path)
    legs = list(house.phones)
    packets = corpus(house)
    # a stranger knows no password of ours, and has heard no check that has one
    guess = stun.check_request(f"{UFRAG}:{THEIRS}", "another-password-of-22", bytes(12), nominate=True)
    unknowing = [packet for packet in packets if packet[4:8] != b"\x21\x12\xa4\x42"] + [guess]
    sizes = []
    with caplog.at_level(logging.ERROR):
        for count in range(PACKETS):
            leg = legs[count % len(legs)]
            stranger = chance.randrange(2) if count % 5 == 0 else None
            known = packets if stranger is None else unknowing
            house.send(leg, mutated(chance, chance.choice(known), chance.choice(known)), stranger)
            if count % 64 == 0:
                house.round(0.005)
            if count % 4096 == 0:
                # what an authentic check keeps alive; the silence of mad phones is told, not ended
                house.send(BROWSER, house.good(BROWSER, count))
                house.board.watch(house.clock.now)
                for phone in legs:
                    house.drain(phone)
            if count in (PACKETS * 3 // 10, PACKETS - 1):
                sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert not [record for record in caplog.records if record.exc_info], caplog.text
    assert sorted(house.board.legs) == legs, "every call goes on"
    for stranger in house.strangers:
        assert not list(_waiting(stranger)), "nobody else is answered"
    assert sizes[1] - sizes[0] < 12_000, "kB; nothing grows"
    # and within a second they are heard
    for one, other in ((G711, TRANSCODED), (SECURE, NOISY), (NOISY, SECURE)):
        house.drain(other)
        base = house.board.legs[one].route.count
        for number in range(60_000, 60_050):
            house.send(one, house.good(one, number))
            house.round(0.02)
        assert house.board.legs[one].route.count > base
        assert house.drain(other), (one, other)
    house.close()
