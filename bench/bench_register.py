"""REGISTERs with digest that one core takes in, each answered only when its contact is committed.

    python bench/bench_register.py [--agents 1000] [--seconds 10] [--window 256]

Phones at 127.2.x.x (a socket each) are challenged once and then refresh with the nonce they have, `window` of them
under way at any time, so the switch is always busy. At the end it is killed with SIGKILL: every contact that it
acknowledged must be in the SQLite file with its CSeq (`lost` counts those that are not). Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import deque
from hashlib import md5
from pathlib import Path
from typing import Any

from bank_of import FIRST_EXTENSION, Bank, write_bank
from bench_flood import cpu_seconds
from switch_under_test import SwitchUnderTest, pinned

HERE = Path(__file__).resolve().parent
SWITCH = ("127.0.0.1", 5060)
PATIENCE = 2.0  # seconds without an answer: it counts as lost and is sent again
NONCE = re.compile(rb'nonce="([^"]+)"')
REALM = "127.0.0.1"


def hashed(text: str) -> str:
    return md5(text.encode()).hexdigest()


class Phone:
    """One account; sends the next REGISTER when the last one is answered."""

    def __init__(self, extension: int) -> None:
        number = extension - FIRST_EXTENSION
        self.extension = extension
        self.host = f"127.2.{number // 250}.{number % 250 + 1}"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.host, 5070))
        self.socket.connect(SWITCH)
        self.socket.setblocking(False)
        self.ha1 = hashed(f"{extension}:{REALM}:pw{extension}")
        self.ha2 = hashed(f"REGISTER:sip:{REALM}")
        self.nonce, self.uses, self.cseq, self.acknowledged = "", 0, 0, 0
        self.sent_at = 0.0

    def send(self) -> None:
        self.cseq += 1
        proof = ""
        if self.nonce:
            self.uses += 1
            count = f"{self.uses:08x}"
            response = hashed(f"{self.ha1}:{self.nonce}:{count}:abc:auth:{self.ha2}")
            proof = (
                f'Authorization: Digest username="{self.extension}",realm="{REALM}",nonce="{self.nonce}",'
                f'uri="sip:{REALM}",response="{response}",algorithm=MD5,qop=auth,nc={count},cnonce="abc"\r\n'
            )
        aor = f"<sip:{self.extension}@{REALM}>"
        message = (
            f"REGISTER sip:{REALM} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.host}:5070;branch=z9hG4bKr{self.extension}x{self.cseq};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {aor};tag=t{self.extension}\r\nTo: {aor}\r\n"
            f"Call-ID: r{self.extension}\r\nCSeq: {self.cseq} REGISTER\r\n"
            f"Contact: <sip:{self.extension}@{self.host}:5070>\r\nExpires: 3600\r\n{proof}Content-Length: 0\r\n\r\n"
        )
        self.sent_at = time.monotonic()
        self.socket.send(message.encode())

    def challenged(self, answer: bytes) -> None:
        offers = [line for line in answer.split(b"\r\n") if line.startswith(b"WWW-Authenticate") and b"MD5" in line]
        found = NONCE.search(offers[0])
        assert found is not None
        self.nonce, self.uses = found[1].decode(), 0


def load(args: argparse.Namespace) -> dict[str, Any]:
    """As a process of its own: what was answered, and which CSeq each account was told is stored."""
    phones = [Phone(FIRST_EXTENSION + n) for n in range(args.agents)]
    waiting = deque(phones)
    poll = select.epoll()
    by_fd = {phone.socket.fileno(): phone for phone in phones}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    under_way: dict[int, Phone] = {}
    stored = challenges = late = other = 0
    took: list[float] = []
    begin = time.monotonic()
    end = begin + args.seconds
    while (now := time.monotonic()) < end or (under_way and now < end + PATIENCE):
        while now < end and waiting and len(under_way) < args.window:
            phone = waiting.popleft()
            under_way[phone.socket.fileno()] = phone
            phone.send()
        for fd, _ in poll.poll(0.05):
            phone = by_fd[fd]
            answer = phone.socket.recv(65535)
            if answer.startswith(b"SIP/2.0 401"):
                challenges += 1
                phone.challenged(answer)
                phone.send()
                continue
            if f"CSeq: {phone.cseq} ".encode() not in answer:
                continue  # an answer to one that was given up
            if answer.startswith(b"SIP/2.0 200"):
                stored += 1
                phone.acknowledged = phone.cseq
                took.append(time.monotonic() - phone.sent_at)
            else:
                other += 1
            if under_way.pop(fd, None) is not None:
                waiting.append(phone)
        for fd, phone in list(under_way.items()) if now - begin > PATIENCE else ():
            if now - phone.sent_at > PATIENCE:
                late += 1
                del under_way[fd]
                waiting.append(phone)
    took.sort()
    return {
        "stored": stored,
        "challenges": challenges,
        "late": late,
        "refused": other,
        "p50_ms": round(1000 * took[len(took) // 2], 1) if took else None,
        "p99_ms": round(1000 * took[int(0.99 * (len(took) - 1))], 1) if took else None,
        "acknowledged": {phone.extension: phone.acknowledged for phone in phones},
    }


def not_in(database: Path, acknowledged: dict[str, int]) -> int:
    """How many accounts have an older CSeq in the file than their phone was told."""
    connection = sqlite3.connect(database)
    found = dict(connection.execute("SELECT agent, MAX(cseq) FROM contact GROUP BY agent").fetchall())
    connection.close()
    return sum(found.get(f"a{extension}", 0) < cseq for extension, cseq in acknowledged.items())


def measure(args: argparse.Namespace) -> dict[str, Any]:
    bank = args.out / "registered"
    write_bank(bank, Bank(agents=args.agents))
    with SwitchUnderTest(bank, 8060, args.core, args.out / "register.log") as switch:
        words = ["--load", "--agents", str(args.agents), "--seconds", str(args.seconds), "--window", str(args.window)]
        start = cpu_seconds(switch.pid)
        command = pinned(args.gen_core, [sys.executable, __file__, *words])
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        spent = cpu_seconds(switch.pid) - start
        os.kill(switch.pid, signal.SIGKILL)
    figures: dict[str, Any] = json.loads(done.stdout)
    answered = figures["stored"]
    return {
        "registers_per_second": round(answered / args.seconds),
        "cpu_us_per_register": round(1e6 * spent / answered, 1) if answered else None,
        "core_pct": round(100 * spent / args.seconds, 1),
        **{key: figures[key] for key in ("stored", "challenges", "late", "refused", "p50_ms", "p99_ms")},
        "lost": not_in(bank / "line.db", figures["acknowledged"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--window", type=int, default=256, help="REGISTERs under way at any time")
    parser.add_argument("--out", type=Path, default=HERE / "out")
    parser.add_argument("--core", type=int, default=0, help="of the switch")
    parser.add_argument("--gen-core", type=int, default=1, help="of the phones")
    parser.add_argument("--load", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.load:
        print(json.dumps(load(args)))
        return
    args.out.mkdir(parents=True, exist_ok=True)
    figures = measure(args)
    print(json.dumps(figures))
    raise SystemExit(figures["lost"] > 0 or figures["stored"] == 0)


if __name__ == "__main__":
    main()
