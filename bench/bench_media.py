"""The media process alone: N bridged calls, RTP both ways, CPU of the process per relayed packet.

    python bench/bench_media.py --calls 400                                  our own generator
    python bench/bench_media.py --calls 100,400 --driver FOLDER              the standard one, and the C floor
    python bench/bench_media.py --calls 200 --secure                         one phone of each call encrypted

Every caller's leg has heard a prompt before the bridge, as in a real call, so that half of the packets take the
rewriting path. The worker runs on core 0, the generator on core 1. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from secure_legs import KINDS, Lock, SecurePhones  # noqa: E402
from softswitch.ids import LegId, PlaybackId  # noqa: E402
from softswitch.media import rtp  # noqa: E402
from softswitch.media.control import Decoder, MediaMessage, encode  # noqa: E402
from softswitch.media.messages import (  # noqa: E402
    Bridge,
    CloseMediaLeg,
    DtlsOffered,
    MediaLegClosed,
    OpenMediaLeg,
    Play,
    PlaybackEnded,
    PortsLeased,
    SetRemote,
)

HOSTS = ("127.0.0.2", "127.0.0.3")
SO_TIMESTAMPNS = 35
QUANTILES = (("p5", 0.05), ("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
SLOTS = 80
SLOT_SECONDS = rtp.FRAME_SECONDS / SLOTS


class Worker:
    """A media process on core 0, and the control connection to it."""

    def __init__(self, folder: Path, first_port: int, command: list[str]) -> None:
        path = folder / "control"
        (folder / "hello.ulaw").write_bytes(bytes(1600))
        self.process = subprocess.Popen(
            [
                *("taskset", "-c", "0", *command, "-m", "softswitch.media.worker", "--socket", str(path)),
                *("--host", "127.0.0.1", "--ports", f"{first_port}..{first_port + 7999}", "--prompts", str(folder)),
                "--dtls",
            ],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        if said != "ready":
            raise SystemExit(f"media process: {said}")
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.connect(str(path))
        self._decoder = Decoder()
        self._ports: list[int] = []
        self._ended = 0
        self._closed: list[MediaLegClosed] = []
        self.fingerprint = ""
        while not self._ports:  # only then it is quite there
            self._receive()

    def bridge_calls(
        self,
        calls: int,
        ports: list[tuple[int, int]],
        hosts: tuple[str, str],
        secure: SecurePhones | None = None,
    ) -> list[tuple[int, int]]:
        """Open `calls` bridged calls towards these ports; the local ports of both legs of each. `secure`: the second
        phone of each call is encrypted."""
        local = []
        for call in range(calls):
            pair = (self.port(), self.port())
            local.append(pair)
            legs = LegId(2 * call), LegId(2 * call + 1)
            for leg, port, host, remote in zip(legs, pair, hosts, ports[call], strict=True):
                orders: list[MediaMessage] = [SetRemote(leg, host, remote, 0, 101)]
                if secure is not None and leg == legs[1]:
                    orders = secure.orders(leg, host, remote)
                self._sock.sendall(encode([OpenMediaLeg(leg, port), *orders]))
            self._sock.sendall(encode([Play(legs[0], PlaybackId(call), ("hello",))]))
        while self._ended < calls:
            self._receive()
        self._sock.sendall(encode(Bridge(LegId(2 * call), LegId(2 * call + 1)) for call in range(calls)))
        return local

    def play_music(self, ports: list[int]) -> None:
        for n, port in enumerate(ports):
            leg = LegId(n)
            opened = OpenMediaLeg(leg, self.port()), SetRemote(leg, "127.0.0.1", port, 0, 101)
            self._sock.sendall(encode([*opened, Play(leg, PlaybackId(n), ("hello",), 0)]))

    def order(self, commands: Sequence[MediaMessage]) -> None:
        self._sock.sendall(encode(commands))

    def cpu_seconds(self) -> float:
        # nanoseconds on the core; utime and stime are sampled, and a process that wakes by the clock fools that
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e9

    def rss_kb(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024

    def counters(self, calls: int) -> dict[str, int]:
        """Close all legs; the sum of their counters."""
        self._sock.sendall(encode(CloseMediaLeg(LegId(leg)) for leg in range(2 * calls)))
        while len(self._closed) < 2 * calls:
            self._receive()
        names = ("packets_in", "packets_out", "packets_dropped")
        return {name: sum(getattr(closed, name) for closed in self._closed) for name in names}

    def stop(self) -> None:
        self._sock.close()
        self.process.wait(5)

    def port(self) -> int:
        while not self._ports:
            self._receive()
        return self._ports.pop(0)

    def _receive(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise SystemExit("the media process died")
        for event in self._decoder.feed(data):
            if isinstance(event, DtlsOffered):
                self.fingerprint = event.fingerprint
            elif isinstance(event, PortsLeased):
                self._ports += event.ports
            elif isinstance(event, PlaybackEnded):
                self._ended += 1
            elif isinstance(event, MediaLegClosed):
                self._closed.append(event)


def own_generator(
    sockets: list[socket.socket], targets: list[int], seconds: float, locks: dict[int, Lock], first: int = 0
) -> tuple[int, int]:
    """Send 50 packets/s on every socket in 250 us slots; (sent, received). `locks`: how some of them encrypt; `first`:
    the sequence number to begin with."""
    epoll = select.epoll()
    by_fd = {sock.fileno(): sock for sock in sockets}
    for sock, port in zip(sockets, targets, strict=True):
        sock.connect(("127.0.0.1", port))
        epoll.register(sock.fileno(), select.EPOLLIN)
    slots = [sockets[n::SLOTS] for n in range(SLOTS)]
    packet, buffer = bytearray(rtp.build(0, 0, 0, 1, bytes(160))), bytearray(2048)
    numbers = range(first, first + int(seconds / rtp.FRAME_SECONDS) + 2)
    ready = {fd: [lock(rtp.build(0, n, n * 160, 1, bytes(160))) for n in numbers] for fd, lock in locks.items()}
    sent = received = tick = 0
    start = time.monotonic()
    end = start + seconds
    while (now := time.monotonic()) < end + 0.1:
        while now < end and start + tick * SLOT_SECONDS <= now:
            packet[2:4] = (first + tick // SLOTS & 0xFFFF).to_bytes(2, "big")
            packet[4:8] = ((first + tick // SLOTS) * 160 & 0xFFFFFFFF).to_bytes(4, "big")
            for sock in slots[tick % SLOTS]:
                encrypted = ready.get(sock.fileno())
                sock.send(packet if encrypted is None else encrypted[tick // SLOTS])
                sent += 1
            tick += 1
        for fd, _ in epoll.poll(0, 512):
            by_fd[fd].recv_into(buffer)
            received += 1
        pause = start + tick * SLOT_SECONDS - time.monotonic()
        if pause > 0:
            time.sleep(min(pause, 0.001))
    return sent, received


def measure_own(calls: int, seconds: float, folder: Path, command: list[str], kind: str = "") -> dict[str, Any]:
    secure = SecurePhones(kind) if kind else None
    sockets = []
    for _ in range(2 * calls):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.bind(("127.0.0.1", 0))
        sockets.append(sock)
    ports = [sock.getsockname()[1] for sock in sockets]
    worker = Worker(folder, 22000, command)
    idle_rss = worker.rss_kb()
    pairs = list(zip(ports[::2], ports[1::2], strict=True))
    local = worker.bridge_calls(calls, pairs, ("127.0.0.1", "127.0.0.1"), secure)
    targets = [port for pair in local for port in pair]
    locks: dict[int, Lock] = {}
    if secure is not None:
        before = worker.cpu_seconds()
        for sock, port in zip(sockets[1::2], targets[1::2], strict=True):
            locks[sock.fileno()] = secure.connect(sock, port, worker.fingerprint)
        set_up_ms = (worker.cpu_seconds() - before) * 1000 / calls
    own_generator(sockets, targets, 0.5, locks)
    before = worker.cpu_seconds()
    sent, received = own_generator(sockets, targets, seconds, locks, 1000)
    figures = {
        "calls": calls,
        **({"encrypted": kind, "set_up_cpu_ms": round(set_up_ms, 2)} if secure is not None else {}),
        "us_per_packet": round((worker.cpu_seconds() - before) * 1e6 / sent, 2),
        "loss_pct": round(100 * (sent - received) / sent, 3),
        "rss_kb_per_call": round((worker.rss_kb() - idle_rss) / calls, 1),
    }
    worker.stop()
    for sock in sockets:
        sock.close()
    return figures


def measure_pacing(legs: int, seconds: float, folder: Path, command: list[str]) -> dict[str, Any]:
    """Music on `legs` legs: CPU per frame, and the time between frames by the kernel's receive time stamps."""
    sockets = []
    for _ in range(legs):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.bind(("127.0.0.1", 0))
        sockets.append(sock)
    worker = Worker(folder, 22000, command)
    worker.play_music([sock.getsockname()[1] for sock in sockets])
    epoll = select.epoll()
    by_fd = {sock.fileno(): sock for sock in sockets}
    for fd in by_fd:
        epoll.register(fd, select.EPOLLIN)
    last: dict[int, float] = {}
    gaps: list[float] = []
    before, start = 0.0, time.monotonic() + 0.5
    while (now := time.monotonic()) < start + seconds:
        if not before and now >= start:
            before = worker.cpu_seconds()
            gaps.clear()
        for fd, _ in epoll.poll(0.01):
            _, ancillary, _, _ = by_fd[fd].recvmsg(2048, 64)
            sec, nsec = struct.unpack("qq", ancillary[0][2])
            stamp = sec + nsec / 1e9
            if fd in last:
                gaps.append(stamp - last[fd])
            last[fd] = stamp
    spent = worker.cpu_seconds() - before
    worker.stop()
    gaps.sort()
    return {
        "legs": legs,
        "us_per_frame": round(spent * 1e6 / len(gaps), 2),
        "gap_ms": {name: round(gaps[int(len(gaps) * q)] * 1000, 2) for name, q in QUANTILES} | {"max": gaps[-1] * 1000},
    }


def run_driver(driver: Path, pid: int, legs: Path, out: Path, seconds: float, name: str) -> dict[str, Any]:
    done = subprocess.run(
        [
            *(sys.executable, str(driver / "acdbench.py"), "--pid", str(pid), "--name", name, "--retries", "0"),
            *("--quiet-wait", "3", "--out", str(out), "raw", "--raw-file", str(legs), "--measure", str(seconds)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    print(done.stdout, file=sys.stderr, end="")
    run: dict[str, Any] = json.loads(out.read_text())["runs"][-1]
    stream = run["gen"]["rtp"]
    return {
        "us_per_packet": run["cpu_us_per_relayed_packet"],
        "loss_pct": stream["loss_pct"],
        "latency_us": stream["latency_us"],
        "crossed": stream["crossed"],
        "generator": {"sent": stream["all_tx"], "received": stream["all_rx"], "drops": run["server"]["udp_drops_gen"]},
        "receive_drops": run["server"]["udp_drops_server"],
        "foreign_pct_server_core": run["foreign_pct_server_core"],
    }


def write_legs(path: Path, pairs: list[tuple[int, int]], ports: list[tuple[int, int]]) -> None:
    lines = []
    for (a, b), (port_a, port_b) in zip(pairs, ports, strict=True):
        lines += [f"{HOSTS[0]} {port_a} 127.0.0.1 {a}", f"{HOSTS[1]} {port_b} 127.0.0.1 {b}"]
    path.write_text("\n".join(lines) + "\n")


def free_ports(calls: int, hosts: tuple[str, str] = HOSTS) -> list[tuple[int, int]]:
    """Ports for both phones of each call that nobody has on these addresses."""
    for _ in range(50):
        base = random.randrange(12000, 32000 - 4 * calls, 4)
        pairs = [(base + 4 * call, base + 4 * call + 2) for call in range(calls)]
        taken = []
        try:
            for pair in pairs:
                for host, port in zip(hosts, pair, strict=True):
                    taken.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                    taken[-1].bind((host, port))
        except OSError:
            continue
        finally:
            for sock in taken:
                sock.close()
        return pairs
    raise SystemExit("no free ports for the generator")


def measure_driver(calls: int, seconds: float, folder: Path, driver: Path, command: list[str]) -> dict[str, Any]:
    ports = free_ports(calls)
    worker = Worker(folder, 22000, command)
    pairs = worker.bridge_calls(calls, ports, HOSTS)
    write_legs(folder / "legs", pairs, ports)
    figures = run_driver(driver, worker.process.pid, folder / "legs", folder / "out.json", seconds, "media")
    figures |= worker.counters(calls)
    worker.stop()
    return {"calls": calls, **figures}


def measure_floor(calls: int, seconds: float, folder: Path, driver: Path) -> float | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = folder / "udprelay"
    subprocess.run([compiler, "-O2", "-w", "-o", str(program), str(driver / "udprelay.c")], check=True)
    ports = free_ports(calls)
    base = free_ports(calls, ("127.0.0.1", "127.0.0.1"))[0][0]
    write_legs(folder / "legs", [(base + 4 * call, base + 4 * call + 2) for call in range(calls)], ports)
    process = subprocess.Popen(["taskset", "-c", "0", str(program), str(base), str(calls)])
    try:
        figures = run_driver(driver, process.pid, folder / "legs", folder / "out.json", seconds, "floor")
        return float(figures["us_per_packet"])
    finally:
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", default="400")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--driver", type=Path, help="folder of acdbench.py, acdload.c and udprelay.c")
    parser.add_argument("--music", type=int, default=400, help="legs of the pacing test, 0: none")
    parser.add_argument("--secure", action="store_true", help="again with one phone of each call encrypted")
    parser.add_argument("--no-floor", action="store_true")
    parser.add_argument("--profile", help="write a cProfile of the worker to this file")
    options = parser.parse_args()
    command = [sys.executable] + (["-m", "cProfile", "-o", options.profile] if options.profile else [])
    counts = [int(count) for count in options.calls.split(",")]
    os.sched_setaffinity(0, {1 if (os.cpu_count() or 1) > 1 else 0})
    runs: list[dict[str, Any]] = []
    secured: list[dict[str, Any]] = []
    floor = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for calls in counts:
            if options.driver is not None:
                runs.append(measure_driver(calls, options.seconds, folder, options.driver, command))
            else:
                runs.append(measure_own(calls, options.seconds, folder, command))
        if options.secure:
            secured = [measure_own(counts[-1], options.seconds, folder, command, kind) for kind in KINDS]
        pacing = measure_pacing(options.music, options.seconds / 2, folder, command) if options.music else None
        if options.driver is not None and not options.no_floor:
            floor = measure_floor(counts[-1], options.seconds, folder, options.driver)
    figures = {"us_per_packet": runs[-1]["us_per_packet"], "floor_us_per_packet": floor, "pacing": pacing, "runs": runs}
    if secured:
        figures["secure"] = secured
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
