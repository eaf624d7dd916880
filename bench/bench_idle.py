"""What a phone costs that only waits: memory of a registration and of an idle connection over TCP, TLS, WS and WSS.

    python bench/bench_idle.py [--connections 1000] [--phones 5000]

The listeners of the switch with its SIP stack run in a process of their own (uvloop, as in production). For each
transport so many phones at 127.0.0.2 and following connect, ask with one OPTIONS, and stay; what the process has grown
by is divided among them, and afterwards every descriptor has to be back. A registration is what its tables in the stack
take: binding, timer, probe, source. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import tracemalloc
from hashlib import md5
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
KINDS = ("tcp", "tls", "ws", "wss")
PER_HOST = 400  # phones at one address; the switch takes 500
PAGE = os.sysconf("SC_PAGE_SIZE")
OPTIONS = (
    "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{kind} 127.0.0.1:9;branch=z9hG4bK{number};rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)


# ------------------------------------------------------------------ the process that is measured


async def serve(directory: Path) -> None:
    from softswitch.app.chance import Chance
    from softswitch.call.settings import ListenSettings, TlsSettings, WebPhoneSettings
    from softswitch.ids import IdSource
    from softswitch.runtime.driver import Driver
    from softswitch.runtime.sip_transport import SipTransport
    from softswitch.sip import messages as sip
    from softswitch.sip.stack import SipStack
    from softswitch.web.sip_socket import WebPhones

    loop = asyncio.get_running_loop()
    driver = Driver(loop)
    transport = SipTransport(loop, driver.post, TlsSettings(str(directory / "s.pem"), str(directory / "s.key")))
    phones = WebPhones(transport, WebPhoneSettings())
    listens = tuple(ListenSettings(kind, "127.0.0.1", 0) for kind in KINDS)
    flows = (*await transport.listen(listens), *await phones.listen(listens))
    stack = SipStack(sip.SipSettings("127.0.0.1", ("127.0.0.1",), local_flows=flows), IdSource(), Chance())
    driver.add_core(stack, sip.PacketReceived, sip.StreamReceived, sip.StreamClosed, sip.TransportFailed)
    driver.add_effect(transport.transmit, sip.Transmit)
    driver.add_effect(transport.close_stream, sip.CloseStream)
    driver.add_effect(lambda event: None, sip.SecurityEvent)
    print(json.dumps({flow.transport: flow.local[1] for flow in flows}), flush=True)
    asked = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    while await asked.readline():
        facts = {**process_facts(), "open": len(transport.connections)}
        print(json.dumps(facts), flush=True)


def process_facts() -> dict[str, int]:
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    return {"rss": resident, "descriptors": len(os.listdir("/proc/self/fd"))}


def registrations(number: int) -> int:
    """Bytes of the stack's tables for each of so many registered phones."""
    import random

    from softswitch.ids import AgentId, IdSource
    from softswitch.sip.messages import AccountSettings, ContactBinding, ContactsRestored, Flow, SipSettings
    from softswitch.sip.stack import SipStack

    here = ("127.0.0.1", 5060)
    accounts = tuple(
        AccountSettings(AgentId(f"agent{n}"), f"agent{n}", f"{n}", md5(b"x").hexdigest(), "x" * 64)
        for n in range(number)
    )
    settings = SipSettings(
        "x", ("x",), accounts=accounts, qualify_seconds=60.0, local_flows=(Flow("udp", here, ("", 0)),)
    )
    stack = SipStack(settings, IdSource(), random.Random(1))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for n in range(number):
        remote = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", 5060 + n % 7)
        uri, call_id = f"sip:agent{n}@{remote[0]}:{remote[1]};ob", f"{n:032x}@phone"
        agent = f"Phone of a maker/1.2.{n}"
        binding = ContactBinding(
            AgentId(f"agent{n}"),
            uri,
            Flow("udp", here, remote),
            call_id,
            n,
            3600.0 + n,
            1.0,
            agent,
            (),
            f"<urn:uuid:{n}>",
            1,
        )
        stack.handle(ContactsRestored((binding,)), 1.0)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown // number


# ------------------------------------------------------------------ the phones


async def connect(kind: str, port: int, number: int, trust: ssl.SSLContext) -> Any:
    """An idle connection whose one question was answered."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1",
        port,
        local_addr=(f"127.0.0.{2 + number // PER_HOST}", 0),
        ssl=trust if kind in ("tls", "wss") else None,
        server_hostname="127.0.0.1" if kind in ("tls", "wss") else None,
    )
    data = OPTIONS.format(kind=kind.upper(), number=number).encode()
    if kind in ("ws", "wss"):
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET /sip HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
        writer.write(head.encode())
        await reader.readuntil(b"\r\n\r\n")
        data = b"\x81\xfe" + len(data).to_bytes(2, "big") + bytes(4) + data  # masked with zeros
    writer.write(data)
    await reader.readuntil(b"Content-Length: 0\r\n\r\n")
    return writer


class Server:
    def __init__(self, directory: Path) -> None:
        command = [sys.executable, __file__, "--serve", str(directory)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.ports: dict[str, int] = json.loads(self._process.stdout.readline())

    def facts(self) -> dict[str, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, int] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


async def idle(kind: str, number: int, directory: Path) -> dict[str, float]:
    trust = ssl.create_default_context(cafile=str(directory / "test-ca.pem"))
    server = Server(directory)
    port = server.ports[kind]
    for first in [await connect(kind, port, n, trust) for n in range(5)]:  # what is made once is no phone's
        first.close()
    await settle(server, 0)
    before = server.facts()
    began = time.perf_counter()
    writers = [await connect(kind, port, n, trust) for n in range(number)]
    took = time.perf_counter() - began
    after = server.facts()
    assert after["open"] == number, after
    for writer in writers:
        writer.close()
    await settle(server, 0)
    left = server.facts()["descriptors"] - before["descriptors"]
    server.close()
    grown = (after["rss"] - before["rss"]) / number / 1024
    return {"kb_each": round(grown, 1), "ms_to_connect": round(1000 * took / number, 2), "descriptors_left": left}


async def settle(server: Server, wanted: int) -> None:
    for _ in range(200):
        if server.facts()["open"] <= wanted:
            return
        await asyncio.sleep(0.05)
    raise SystemExit("connections are still open")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--phones", type=int, default=5000)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        import uvloop

        with contextlib.suppress(KeyboardInterrupt):
            uvloop.run(serve(Path(args.serve)))
        return
    from tests.certificates import Authority

    figures: dict[str, Any] = {"registration_bytes": registrations(args.phones)}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        certificate, key = Authority(directory).issue("s", "127.0.0.1")
        assert (certificate.name, key.name) == ("s.pem", "s.key")
        for kind in KINDS:
            figures[kind] = asyncio.run(idle(kind, args.connections, directory))
            print(f"{kind:4} {figures[kind]}", file=sys.stderr)
    print(json.dumps({"connections": args.connections, **figures}))


if __name__ == "__main__":
    main()
