"""The rows of the media report that need more than bridged G.711: browsers' memory, transcoding, mixing, recording.

Each part drives a media process of its own on core 0 with real sockets, and takes the CPU time of that process alone.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import socket
import struct
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from math import pi, sin
from pathlib import Path
from random import Random
from typing import Any

from bench_media import Worker
from media_sheet import Report, Run
from secure_legs import SecurePhones
from softswitch.ids import LegId
from softswitch.media import rtp
from softswitch.media.codecs import G722, OPUS, PCMU, Codec
from softswitch.media.control import MediaMessage
from softswitch.media.messages import Bridge, OpenMediaLeg, SetRemote, SetUpRecording, StartDtls, StartRecording
from softswitch.media.mix_messages import JoinMix
from softswitch.media.worker.__main__ import furnish
from softswitch.media.worker.coding import encoder
from softswitch.media.worker.loop import FRAMES_SECONDS
from softswitch.media.worker.pool import PortPool
from softswitch.media.worker.prompts import PromptLibrary
from softswitch.media.worker.relay import Clock, Relay
from softswitch.media.worker.switchboard import Switchboard

COMMAND = [sys.executable]
WARM_SECONDS = 0.6
_TYPES = {PCMU: 0, G722: 9, OPUS: 111}


class Phones:
    """So many sockets, each with a leg of the worker, and 20 ms frames of its codec to send for ever."""

    def __init__(self, worker: Worker, codecs: list[Codec]) -> None:
        self.worker = worker
        self.codecs = codecs
        self.sockets: list[socket.socket] = []
        orders: list[MediaMessage] = []
        for number, codec in enumerate(codecs):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("127.0.0.1", 0))
            port = worker.port()
            sock.connect(("127.0.0.1", port))
            sock.setblocking(False)
            self.sockets.append(sock)
            here = sock.getsockname()[1]
            orders.append(OpenMediaLeg(LegId(number), port))
            orders.append(SetRemote(LegId(number), "127.0.0.1", here, _TYPES[codec], 101, codec=codec.name))
        worker.order(orders)
        self._frames = {codec: _speech(codec) for codec in dict.fromkeys(codecs)}
        self._sent = 0

    def talk(self, seconds: float) -> tuple[int, int]:
        """All of them, spread over each 20 ms; (sent, received)."""
        epoll = select.epoll()
        by_fd = {sock.fileno(): sock for sock in self.sockets}
        for fd in by_fd:
            epoll.register(fd, select.EPOLLIN)
        received, buffer = 0, bytearray(2048)
        slots = 20
        start, end = time.monotonic(), int(seconds * 1000 / 20) * slots
        for tick in range(end):
            number = self._sent + tick // slots
            for at in range(tick % slots, len(self.sockets), slots):
                codec = self.codecs[at]
                payload = self._frames[codec][number % len(self._frames[codec])]
                header = (0x80, _TYPES[codec], number & 0xFFFF, number * codec.step & 0xFFFFFFFF, at + 1)
                with contextlib.suppress(OSError):
                    self.sockets[at].send(struct.pack("!BBHII", *header) + payload)
            for fd, _ in epoll.poll(0, 512):
                with contextlib.suppress(OSError):
                    while True:
                        by_fd[fd].recv_into(buffer)
                        received += 1
            pause = start + (tick + 1) * 0.001 - time.monotonic()
            if pause > 0:
                time.sleep(pause)
        self._sent += end // slots
        epoll.close()
        return end // slots * len(self.sockets), received

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def _speech(codec: Codec) -> list[bytes]:
    """A second of something with a changing tone and loudness, so that no coder has it too easy."""
    made, coder = [], encoder(codec)
    size = codec.rate // 50
    for frame in range(50):
        loud = 3000 + 9000 * abs(sin(frame / 7))
        wave = (
            loud * sin(2 * pi * (200 + 40 * frame) * n / codec.rate) for n in range(frame * size, (frame + 1) * size)
        )
        made.append(coder.encode(array("h", map(int, wave)).tobytes()))
    return made


@contextlib.contextmanager
def phones(run: Run, codecs: list[Codec]) -> Iterator[Phones]:
    worker = Worker(run.folder, 22000, COMMAND)
    made = Phones(worker, codecs)
    try:
        yield made
    finally:
        made.close()
        worker.stop()


def _cost(made: Phones, seconds: float) -> tuple[float, int, int]:
    """(CPU seconds of the worker, sent, received)"""
    made.talk(WARM_SECONDS)  # sources are known, coders are warm
    before = made.worker.cpu_seconds()
    sent, received = made.talk(seconds)
    return made.worker.cpu_seconds() - before, sent, received


# ------------------------------------------------------------------ transcoding


def _bridged(run: Run, one: Codec, other: Codec, calls: int) -> tuple[float, float]:
    """µs of CPU per call and 20 ms, both directions; and how much of what was sent came out."""
    with phones(run, [one, other] * calls) as made:
        made.worker.order([Bridge(LegId(2 * call), LegId(2 * call + 1)) for call in range(calls)])
        seconds, sent, received = _cost(made, min(run.seconds, 4.0))
    return seconds * 1e6 / (sent / 2), received / sent


def transcoding(run: Run, report: Report) -> None:
    calls = 40
    figures: dict[str, Any] = {"relay": _bridged(run, PCMU, PCMU, calls)}
    report.add("PCMU ↔ PCMU, both ways, µs per 20 ms", f"{figures['relay'][0]:.1f}")
    for name, codec, target in (("Opus", OPUS, 60.0), ("G.722", G722, None)):
        cost, through = figures[name] = _bridged(run, PCMU, codec, calls)
        above = cost - figures["relay"][0]
        words = f"{above:.1f} (with the relay {cost:.1f})"
        if through <= 0.9:
            words += f", {through:.0%} came out"
        met = None if target is None else above <= target and through > 0.9
        report.add(f"{name} ↔ PCMU transcoded, both ways, µs per 20 ms", words, "≤ 60" if target else "", met)
    report.figures["transcoding"] = figures


# ------------------------------------------------------------------ mixing


class _WideRooms:
    """Rooms of three who speak in wide band, in one process and on a clock of its own; their packets come by hand."""

    def __init__(self, folder: str, rooms: int) -> None:
        clock = Clock(100.0)
        self.relay, self.clock = Relay(clock), clock
        pool = PortPool("127.0.0.1", 22000, 29999, 0.0)
        bits = Random(1).getrandbits
        self.board = Switchboard(select.epoll(), self.relay, pool, PromptLibrary(folder), 300.0, bits)
        furnish(self.board, self.relay)
        self.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sink.bind(("127.0.0.1", 0))
        here = self.sink.getsockname()[1]
        for leg in range(3 * rooms):
            (port, *_) = pool.leased or pool.refill(clock.now, 64)
            self.board.handle(OpenMediaLeg(LegId(leg), port))
            self.board.handle(SetRemote(LegId(leg), "127.0.0.1", here, 9, 101, codec="G722"))
        for leg in range(3 * rooms):
            first = leg - leg % 3
            others = tuple(LegId(one) for one in range(first, first + 3) if one != leg)
            self.board.handle(JoinMix(LegId(leg), leg // 3 + 1, others, (100, 100)))
            clock.now += 0.02 / 3 / rooms
            if leg % 3 == 2:
                self.board.send_due_frames(clock.now)
        self._frames, self._number = _speech(G722), 0

    def turn(self, seconds: float) -> list[float]:
        """20 ms: for how long, in s, packets of other calls waited for each round of frames."""
        waits: list[float] = []
        self._number = number = self._number + 1
        for leg in self.board.legs.values():
            header = struct.pack("!BBHII", 0x80, 9, number & 0xFFFF, number * 160 & 0xFFFFFFFF, leg.id + 1)
            packet = bytearray(header + self._frames[number % 50])
            for tap in leg.route.taps.heard:
                tap(packet, len(packet))
        for _ in range(10):
            self.clock.now += 0.002
            again = True
            while again:
                began = time.thread_time()  # what other programs do meanwhile is not the mixes' fault
                self.board.send_due_frames(self.clock.now, seconds)
                waits.append(time.thread_time() - began)
                again = bool(self.board.wheel.late)
        return waits

    def close(self) -> None:
        self.sink.close()
        for leg in list(self.board.legs.values()):
            self.board.close(leg)


def wide(run: Run, report: Report) -> None:
    """How long packets of relayed calls wait for the mixes beside them: in one go, and in rounds as the loop does."""
    for rooms in (60, 130, 200):
        made = _WideRooms(str(run.folder), rooms)
        for _ in range(25):
            made.turn(math.inf)
        began = time.process_time()
        ways = [sorted(wait for _ in range(50) for wait in made.turn(limit)) for limit in (math.inf, FRAMES_SECONDS)]
        share = (time.process_time() - began) / (2 * 50 * 0.02)
        made.close()
        whole, rounds = ([1000 * waits[int(len(waits) * part)] for part in (0.5, 0.99)] for waits in ways)
        report.figures[f"wide_{rooms}"] = {"whole_ms": whole, "rounds_ms": rounds, "core": share}
        words = f"{rounds[0]:.1f} / {rounds[1]:.1f} (in one go {whole[0]:.1f} / {whole[1]:.1f})"
        title = f"{rooms} mixes of three in wide band ({share:.0%} of a core): others wait for them, p50 / p99, ms"
        report.add(title, words, "≤ 2", rounds[1] <= 2)


class _Room:
    """Three phones and their legs in one process and on a clock of its own, so that only the work counts."""

    def __init__(self, folder: str) -> None:
        self.clock = Clock(100.0)
        self.relay = Relay(self.clock)
        pool = PortPool("127.0.0.1", 22000, 23000, 0.0)
        bits = Random(1).getrandbits
        self.board = Switchboard(select.epoll(), self.relay, pool, PromptLibrary(folder), 300.0, bits)
        furnish(self.board, self.relay)
        self.phones: list[socket.socket] = []
        for number, port in enumerate(pool.refill(100.0, 3)):
            phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            phone.bind(("127.0.0.1", 0))
            phone.connect(("127.0.0.1", port))
            phone.setblocking(False)
            self.phones.append(phone)
            self.board.handle(OpenMediaLeg(LegId(number), port))
            self.board.handle(SetRemote(LegId(number), "127.0.0.1", phone.getsockname()[1], 0, 101))
        self._frames, self._sent = _speech(PCMU), 0

    def mix(self) -> None:
        for leg in range(3):
            others = tuple(LegId(n) for n in range(3) if n != leg)
            self.board.handle(JoinMix(LegId(leg), 1, others, (100, 100)))

    def frames(self, count: int) -> float:
        """µs of CPU for a packet of one phone, everything included; with a mix what is sent to it as well."""
        buffer, began = bytearray(2048), time.process_time()
        ready = [(self.board.legs[LegId(n)].fd, select.EPOLLIN) for n in range(3)]
        for _ in range(count):
            number = self._sent = self._sent + 1
            self.clock.now += 0.02
            for at, phone in enumerate(self.phones):
                header = (0x80, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, at + 1)
                phone.send(struct.pack("!BBHII", *header) + self._frames[number % 50])
            self.relay.pump(ready)
            self.board.send_due_frames(self.clock.now)
            self.board.after_packets()
            for phone in self.phones:
                with contextlib.suppress(BlockingIOError):
                    phone.recv_into(buffer)
        return (time.process_time() - began) * 1e6 / count / 3

    def send_and_receive(self, count: int) -> float:
        """µs of one packet sent and received by the kernel, instead of the attempt to receive nothing."""
        sock, phone, packet = self.board.legs[LegId(0)].sock, self.phones[0], bytes(172)
        began = time.process_time()
        for _ in range(count):
            with contextlib.suppress(BlockingIOError):
                phone.recv_into(bytearray(2048))
        nothing, began = time.process_time() - began, time.process_time()
        for _ in range(count):
            sock.send(packet)
            phone.recv_into(bytearray(2048))
        return (time.process_time() - began - nothing) * 1e6 / count

    def close(self) -> None:
        for phone in self.phones:
            phone.close()


def mixing(run: Run, report: Report) -> None:
    """Rooms of three who hear each other: what a party costs for each of its frames, decoding and encoding included."""
    rooms = 30
    with phones(run, [PCMU] * (3 * rooms)) as made:
        plain, heard, _ = _cost(made, 1.0 if run.quick else 3.0)
        orders = []
        for leg in range(3 * rooms):
            first = leg - leg % 3
            others = tuple(LegId(one) for one in range(first, first + 3) if one != leg)
            orders.append(JoinMix(LegId(leg), leg // 3 + 1, others, (100, 100)))
        made.worker.order(orders)
        seconds, sent, received = _cost(made, 1.0 if run.quick else 3.0)
    whole, alone = seconds * 1e6 / sent, plain * 1e6 / heard
    room = _Room(str(run.folder))
    room.frames(500)
    without = min(room.frames(3000) for _ in range(3))
    room.mix()
    room.frames(500)
    mixed = min(room.frames(3000) for _ in range(3)) - without - min(room.send_and_receive(5000) for _ in range(3))
    room.close()
    figures = {"mix_us": mixed, "whole_us": whole, "received_alone_us": alone, "came_out": received / sent}
    report.figures["mixing"] = figures
    report.add("three in a mix, µs per party and frame", f"{mixed:.1f}", "≤ 3", mixed <= 3)
    report.add("the same in a media process at work, network included", f"{whole:.1f}")
    report.add("receiving the same packets alone", f"{alone:.1f}")


# ------------------------------------------------------------------ recording


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _writer_seconds(media: int) -> float:
    """CPU of the processes beside the media process."""
    found = (Path(f"/proc/{each}/schedstat").read_text().split()[0] for each in _children(media))
    return sum(map(int, found)) / 1e9


def recording(run: Run, report: Report) -> None:
    """Bridged calls, first without and then with the recording of all of them: both directions, sealed, on disk."""
    calls, seconds, warm = 100, min(run.seconds, 6.0), 1.5
    store, key = run.folder / "recordings", "2026:" + "5a" * 32
    with phones(run, [PCMU] * (2 * calls)) as made:
        media = made.worker.process.pid
        made.worker.order([Bridge(LegId(2 * call), LegId(2 * call + 1)) for call in range(calls)])
        made.worker.order([SetUpRecording(str(store), (key,), "2026", 0, "flac")])
        made.talk(warm)  # the writer comes up
        plain, relayed, _ = _cost(made, seconds)
        made.worker.order([StartRecording(LegId(2 * call), call + 1, call, "", "") for call in range(calls)])
        made.talk(warm)  # each has its file
        before = _writer_seconds(media)
        whole, recorded, _ = _cost(made, seconds)
        writer = (_writer_seconds(media) - before) * seconds / (seconds + WARM_SECONDS)
        reels = len(list((store / "live").glob("*.reel")))
        beside = _children(media)
        made.worker.process.kill()  # nobody is to make a hundred files now
        for each in beside:
            os.kill(each, signal.SIGKILL)
    without, with_it, writes = plain * 1e6 / relayed, whole * 1e6 / recorded, writer * 1e6 / recorded
    report.figures["recording"] = {"without_us": without, "with_us": with_it, "writer_us": writes, "reels": reels}
    more = with_it - without
    value = f"{with_it:.2f} - {without:.2f} = {more:.2f}"
    report.add(f"recording of {calls} calls, µs per packet above relaying it", value, "≤ 1.5", more <= 1.5)
    report.add("the writer beside it (sealing, disk), µs per packet", f"{writes:.2f}")


# ------------------------------------------------------------------ memory of browsers


def browsers(run: Run, report: Report) -> None:
    """Legs that come a few at a time and are heard; those after the first hundred, for the first bring libraries."""
    worker = Worker(run.folder, 22000, COMMAND)
    secure, sockets, sizes = SecurePhones("browser"), [], []
    for number in range(1, 301):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        port = worker.port()
        sock.connect(("127.0.0.1", port))
        sockets.append(sock)
        leg = LegId(number)
        orders = secure.orders(leg, "127.0.0.1", sock.getsockname()[1])
        assert isinstance(orders[0], StartDtls)
        worker.order([OpenMediaLeg(leg, port), *orders])
        lock = secure.connect(sock, port, worker.fingerprint)
        for packet in range(3):
            sock.send(lock(rtp.build(0, packet, packet * 160, number, bytes(160))))
        if number % 20 == 0:
            time.sleep(0.7)  # the media process looks around twice a second
        if number % 100 == 0:
            sizes.append(worker.rss_kb())
    worker.stop()
    for sock in sockets:
        sock.close()
    each = (sizes[-1] - sizes[0]) / 200
    report.figures["browsers"] = {"rss_kb": each, "sizes_kb": sizes}
    report.add("memory of a browser's leg, kB", f"{each:.0f}", "≤ 40", each <= 40)


PARTS: dict[str, Callable[[Run, Report], None]] = {
    "transcoding": transcoding,
    "mixing": mixing,
    "wide": wide,
    "recording": recording,
    "browsers": browsers,
}
