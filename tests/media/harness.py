"""A real media process, driven by hand, and phones made of one socket each."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TypeVar

from pylibsrtp import Policy, Session

from softswitch.demo.ports import Blocks
from softswitch.demo.ports import free_range as neighbours
from softswitch.ids import LegId
from softswitch.media import rtp
from softswitch.media.control import Decoder, MediaMessage, encode
from softswitch.media.dtmf import EventPacket
from softswitch.media.messages import (
    Claim,
    Claimed,
    CloseMediaLeg,
    Finish,
    MediaLegClosed,
    MediaLegFailed,
    OpenMediaLeg,
    PortsLeased,
    SetKeys,
    SetRemote,
    StopPlay,
)
from softswitch.media.sdes import SUITES

SOURCE = str(Path(__file__).parents[2] / "src")
TIMEOUT = 20.0
NOBODY = LegId(2**40)
T = TypeVar("T")


_BLOCKS = Blocks(20_000, 31_999, 100, most=12)  # test processes beside each other have ports of their own


def free_range(size: int) -> int:
    """The first of `size` ports that nobody has, starting with an even one; nor has anybody those on either side."""
    return neighbours(size + 4, blocks=_BLOCKS)[0] + 2


class Worker:
    """The switch's side of a media process of our own."""

    def __init__(self, directory: Path, first: int, last: int, *options: str) -> None:
        self.prompts = directory
        self.path = path = str(directory / "control")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "softswitch.media.worker", "--socket", path, "--host", "127.0.0.1"),
                *("--ports", f"{first}..{last}", "--prompts", str(directory), *options),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": SOURCE},
        )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline().strip()
        self.leased: list[int] = []
        self.queue: list[MediaMessage] = []
        self._sock = socket.socket(socket.AF_UNIX)
        if self.said == "ready":
            self.connect("f" if "--grace" in options else "")
            if not self.queue:
                self._fill()

    def connect(self, fingerprint: str = "") -> None:
        """`fingerprint`: with a claim."""
        self._decoder = Decoder()
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(TIMEOUT)
        self._sock.connect(self.path)
        if fingerprint:
            self.send(Claim(fingerprint))
            self.claimed = self.expect(Claimed).fits

    def cut(self) -> None:
        """The switch is killed."""
        self._sock.close()
        self.leased.clear()
        self.queue.clear()

    def send(self, *commands: MediaMessage) -> None:
        self._sock.sendall(encode(commands))

    def send_bytes(self, data: bytes) -> None:
        self._sock.sendall(data)

    def expect(self, kind: type[T], suitable: Callable[[T], bool] = lambda event: True) -> T:
        """The next event of this kind; those of other kinds stay in the queue."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            for n, event in enumerate(self.queue):
                if isinstance(event, kind) and suitable(event):
                    return self.queue.pop(n)  # type: ignore[return-value]
            assert time.monotonic() < deadline, f"no {kind.__name__} within {TIMEOUT} s, but {self.queue}"
            self._fill()

    def settle(self) -> None:
        """Return when everything sent until now has been obeyed."""
        self.send(StopPlay(NOBODY))
        self.expect(MediaLegFailed, lambda event: event.leg == NOBODY)

    def port(self) -> int:
        if not self.leased:
            self.expect(PortsLeased)
        return self.leased.pop(0)

    def close(self) -> int:
        with contextlib.suppress(OSError):
            self.send(Finish())
        self._sock.close()
        self.process.terminate()  # obeyed by one that is alone
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(TIMEOUT)

    def _fill(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise ConnectionError("the media process closed the connection")
        for event in self._decoder.feed(data):
            self.queue.append(event)
            if isinstance(event, PortsLeased):
                self.leased += event.ports


class Phone:
    """One leg of the worker and the peer behind it."""

    _ids = count(1)

    def __init__(self, worker: Worker, payload_type: int = 0, dtmf_type: int = 101, *, open_leg: bool = True) -> None:
        self.worker = worker
        self.leg = LegId(next(self._ids))
        self.payload_type = payload_type
        self.dtmf_type = dtmf_type
        self.sock = self._socket()
        self.ssrc = random.getrandbits(32)
        self.sequence = random.getrandbits(16)
        self.timestamp = random.getrandbits(32)
        self.server: tuple[str, int] = ("127.0.0.1", 0)
        if open_leg:
            self.server = ("127.0.0.1", worker.port())
            worker.send(OpenMediaLeg(self.leg, self.server[1]))
            self.remote()

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    def remote(self, *, send: bool = True, receive: bool = True, host: str = "127.0.0.1", port: int = 0) -> None:
        types = self.payload_type, self.dtmf_type
        self.worker.send(SetRemote(self.leg, host, port or self.port, *types, send, receive))
        self.worker.settle()

    def move(self, host: str = "127.0.0.1") -> None:
        """Go on from another socket."""
        self.sock.close()
        self.sock = self._socket(host)

    def talk(self, payload: bytes, *, payload_type: int | None = None, marker: bool = False) -> None:
        kind = self.payload_type if payload_type is None else payload_type
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + len(payload)) & 0xFFFFFFFF
        self.throw(rtp.build(kind, self.sequence, self.timestamp, self.ssrc, payload, marker=marker))

    def press(self, packets: list[EventPacket]) -> None:
        for packet in packets:
            self.sequence = (self.sequence + 1) & 0xFFFF
            data = (self.dtmf_type, self.sequence, packet.timestamp, self.ssrc, packet.payload)
            self.throw(rtp.build(*data, marker=packet.marker))

    def throw(self, data: bytes) -> None:
        self.sock.sendto(self.lock(data), self.server)

    def lock(self, packet: bytes) -> bytes:
        return packet

    def unlock(self, packet: bytes) -> bytes:
        return packet

    def hear(self) -> tuple[rtp.RtpPacket, bytes]:
        """The next packet, which must come from the leg's own port."""
        data, address = self.sock.recvfrom(4096)
        assert address == self.server
        data = self.unlock(data)
        packet = rtp.parse(data)
        assert packet is not None
        return packet, data[packet.payload_start : packet.payload_end]

    def hang_up(self) -> MediaLegClosed:
        self.worker.send(CloseMediaLeg(self.leg))
        closed = self.worker.expect(MediaLegClosed, lambda event: event.leg == self.leg)
        self.sock.close()
        return closed

    @staticmethod
    def _socket(host: str = "127.0.0.1") -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((host, 0))
        sock.settimeout(TIMEOUT)
        return sock


class SecurePhone(Phone):
    """A phone whose packets are encrypted, by the public class of libsrtp's Python package."""

    def __init__(self, worker: Worker, suite: str, payload_type: int = 0, dtmf_type: int = 101) -> None:
        super().__init__(worker, payload_type, dtmf_type, open_leg=False)
        self.suite = suite
        self.server = ("127.0.0.1", worker.port())
        worker.send(OpenMediaLeg(self.leg, self.server[1]))
        self.rekey(os.urandom(SUITES[suite]), os.urandom(SUITES[suite]))
        self.remote()

    def rekey(self, ours: bytes, theirs: bytes) -> None:
        """`ours` is the phone's key, `theirs` the switch's."""
        self.keys = ours, theirs
        profile = getattr(Policy, "SRTP_PROFILE_" + self.suite.replace("AES_CM_128_HMAC", "AES128_CM"))
        self.tx = Session(Policy(ours, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self.rx = Session(Policy(theirs, Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        self.worker.send(SetKeys(self.leg, self.suite, theirs, ours))
        self.worker.settle()

    def lock(self, packet: bytes) -> bytes:
        return self.tx.protect(packet)

    def unlock(self, packet: bytes) -> bytes:
        return self.rx.unprotect(packet)
