"""5 000 hostile packets a second beside calls of the trunk: what the switch spends on them, and whether calls succeed.

    python bench/bench_flood.py [--rate 5000] [--seconds 5] [--sources 1] [--kind register]

Floods come from 127.1.x.x (the trunk is 127.0.0.2): REGISTERs without a login, OPTIONS, a scanner, garbage, or all
mixed. Prints one JSON line: CPU seconds of the whole process tree during the flood less those of the same calls
without it, calls that were answered, set-up times.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bank_of import Bank, write_bank
from switch_under_test import SwitchUnderTest, process_tree

HERE = Path(__file__).resolve().parent
SWITCH = ("127.0.0.1", 5060)
TICKS = os.sysconf("SC_CLK_TCK")
KINDS = ("register", "options", "scanner", "garbage", "mixed")


def cpu_seconds(root: int) -> float:
    total = 0
    for pid in process_tree(root):
        try:
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(words[11]) + int(words[12])
    return total / TICKS


def hostile(kind: str, number: int, host: str) -> bytes:
    if kind == "garbage":
        return random.Random(number).randbytes(300)
    method = "REGISTER" if kind == "register" else "OPTIONS"
    agent = "friendly-scanner" if kind == "scanner" else "Phone"
    return (
        f"{method} sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{number};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:{number}@127.0.0.1>;tag={number}\r\nTo: <sip:{number}@127.0.0.1>\r\n"
        f"Call-ID: {number}@{host}\r\nCSeq: 1 {method}\r\nContact: <sip:{number}@{host}>\r\nUser-Agent: {agent}\r\n"
        "Expires: 300\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def flood(kind: str, rate: int, seconds: float, sources: int, port: int) -> None:
    """As a process of its own: packets in portions of 10 ms."""
    hosts = [f"127.1.{n >> 8}.{n & 255}" for n in range(1, sources + 1)]
    sockets = []
    for host in hosts:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((host, 0))
        sockets.append(one)
    kinds = KINDS[:4] if kind == "mixed" else (kind,)
    packets = [hostile(kinds[n % len(kinds)], n, hosts[n % sources]) for n in range(max(2000, sources))]
    begin, sent = time.monotonic(), 0
    while (passed := time.monotonic() - begin) < seconds:
        while sent < rate * passed:
            sockets[sent % sources].sendto(packets[sent % len(packets)], (SWITCH[0], port))
            sent += 1
        time.sleep(0.01)
    print(sent)


SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"


def one_call(trunk: socket.socket, number: int) -> float | None:
    """Milliseconds to the 200, None when there is none within two seconds. The call is ended at once."""
    port = trunk.getsockname()[1]

    def message(method: str, seq: int, to: str, branch: str, body: bytes = b"") -> bytes:
        head = (
            f"{method} sip:8001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:{port};branch=z9hG4bK{branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:+3725{number:06}@127.0.0.2>;tag=c{number}\r\nTo: {to}\r\n"
            f"Call-ID: flood{number}\r\nCSeq: {seq} {method}\r\nContact: <sip:gw@127.0.0.2:{port}>\r\n"
            f"{'Content-Type: application/sdp' + chr(13) + chr(10) if body else ''}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    begin = time.monotonic()
    invite = message("INVITE", 1, "<sip:8001@127.0.0.1>", f"i{number}", SDP)
    trunk.sendto(invite, SWITCH)
    again = begin + 0.5
    while time.monotonic() < begin + 2.0:
        try:
            answer = trunk.recv(65535).decode()
        except TimeoutError:
            if time.monotonic() > again:
                trunk.sendto(invite, SWITCH)
                again += 1.0
            continue
        if answer.startswith("SIP/2.0 200") and f"flood{number}\r\n" in answer and "INVITE" in answer:
            took = (time.monotonic() - begin) * 1000
            to = next(line for line in answer.split("\r\n") if line.startswith("To: "))[4:]
            trunk.sendto(message("ACK", 1, to, f"a{number}"), SWITCH)
            trunk.sendto(message("BYE", 2, to, f"b{number}"), SWITCH)
            return took
    return None


def calls(seconds: float, per_second: float, first: int) -> list[float | None]:
    trunk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    trunk.bind(("127.0.0.2", 0))
    trunk.settimeout(0.1)
    begin = time.monotonic()
    found: list[float | None] = []
    while time.monotonic() - begin < seconds:
        found.append(one_call(trunk, first + len(found)))
        time.sleep(max(0.0, begin + len(found) / per_second - time.monotonic()))
    trunk.close()
    return found


def summary(times: list[float | None]) -> dict[str, Any]:
    good = sorted(one for one in times if one is not None)
    p95 = round(good[int(0.95 * (len(good) - 1))], 1) if good else None
    return {"calls": len(times), "answered": len(good), "setup_p95_ms": p95}


def measure(args: argparse.Namespace, pid: int) -> dict[str, Any]:
    start = cpu_seconds(pid)
    quiet = calls(args.seconds, args.calls, 0)
    baseline = cpu_seconds(pid) - start
    words = ["--flood", "--kind", args.kind, "--rate", str(args.rate), "--sources", str(args.sources)]
    command = [sys.executable, __file__, *words, "--seconds", str(args.seconds)]
    start = cpu_seconds(pid)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as attacker:
        hit = calls(args.seconds, args.calls, 100_000)
        sent = int(attacker.communicate()[0] or 0)
    spent = cpu_seconds(pid) - start
    return {
        "kind": args.kind,
        "sources": args.sources,
        "sent_per_second": round(sent / args.seconds),
        "cpu_seconds": round(spent, 2),
        "cpu_seconds_without": round(baseline, 2),
        "cpu_seconds_of_the_flood": round(spent - baseline, 2),
        "quiet": summary(quiet),
        "under_flood": summary(hit),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--sources", type=int, default=1)
    parser.add_argument("--calls", type=float, default=10.0, help="legitimate calls a second")
    parser.add_argument("--kind", choices=KINDS, default="register")
    parser.add_argument("--out", type=Path, default=HERE / "out")
    parser.add_argument("--core", type=int, default=0, help="of the switch")
    parser.add_argument("--port", type=int, default=SWITCH[1], help=argparse.SUPPRESS)
    parser.add_argument("--flood", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.flood:
        flood(args.kind, args.rate, args.seconds, args.sources, args.port)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    write_bank(args.out / "flooded", Bank(agents=5))
    with (args.out / "flooded" / "line.yaml").open("a") as line:
        line.write("defence: { never_ban: [127.0.0.1] }   # the attackers have loopback addresses too\n")
    with SwitchUnderTest(args.out / "flooded", 8060, args.core, args.out / "flood.log") as switch:
        print(json.dumps(measure(args, switch.pid)))


if __name__ == "__main__":
    main()
