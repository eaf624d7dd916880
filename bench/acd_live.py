"""How long from an agent being free to the INVITE that leaves for her phone, in a switch at work.

The whole switch with its media process, store and journal, on real sockets: callers of a gateway wait in the queue, and
phones that are UDP sockets are rung. One sample: an agent ends her break (the same call as `POST .../ready` makes), the
engine gives her the first caller, the INVITE goes out, and she takes a break again, which cancels it. The times are the
switch's own: before the event is posted, and after the socket took the packet. Beside the time that passed stands the
CPU time of this thread: on a machine with other work the first holds what others were given meanwhile.

    python bench/acd_live.py [--samples 400]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import socket
import time
from pathlib import Path
from typing import Any

import uvloop

from bank_of import FIRST_EXTENSION, Bank, write_bank
from softswitch.app.switch import Switch
from softswitch.call.records import StoredContact
from softswitch.config import load
from softswitch.ids import AgentId
from softswitch.media.negotiation import make_offer
from softswitch.sip import messages as sip
from softswitch.store.store import Store
from softswitch.web.views import AgentAction

AGENTS, CALLERS, WARM = 20, 5, 20
GATEWAY, PHONES = "127.0.0.2", "127.0.0.3"
STEP_SECONDS = 5.0


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])


class Phones(asyncio.DatagramProtocol):
    """All the agents' phones: they ring, and stop when they are cancelled."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.cancelled = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        lines = data.decode(errors="replace").split("\r\n")
        method = lines[0].partition(" ")[0]
        if method == "INVITE":
            self._answer(lines, "180 Ringing", "INVITE", source)
        elif method == "CANCEL":
            self._answer(lines, "200 OK", "CANCEL", source)
            self._answer(lines, "487 Request Terminated", "INVITE", source)
            self.cancelled.set()

    def _answer(self, lines: list[str], status: str, method: str, source: tuple[str, int]) -> None:
        head = [f"SIP/2.0 {status}"]
        for line in lines[1 : lines.index("")]:
            name = line.partition(":")[0].lower()
            if name in ("via", "from", "call-id"):
                head.append(line)
            elif name == "to":
                head.append(line if "tag=" in line else f"{line};tag=phone")
            elif name == "cseq":
                head.append(f"CSeq: {line.partition(':')[2].split()[0]} {method}")
        self.transport.sendto(("\r\n".join(head) + "\r\nContent-Length: 0\r\n\r\n").encode(), source)


class Sent:
    """When the last INVITE had gone to a phone."""

    def __init__(self) -> None:
        self.at = self.cpu = 0.0
        self.there = asyncio.Event()

    def seen(self, command: sip.Transmit) -> None:
        if command.flow.remote[0] == PHONES and command.data.startswith(b"INVITE"):
            self.at, self.cpu = time.perf_counter(), time.thread_time()
            self.there.set()


async def caller(gateway: socket.socket, address: tuple[str, int], number: int) -> None:
    """One call into the queue, up to its ACK; nobody hangs up."""
    loop, port = asyncio.get_running_loop(), gateway.getsockname()[1]
    via = f"SIP/2.0/UDP {GATEWAY}:{port};branch=z9hG4bK"
    sdp = make_offer(GATEWAY, 40_000 + 2 * number, 1, 1, ("PCMU",)).sdp

    def request(method: str, to_tag: str, body: bytes) -> bytes:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:8001@127.0.0.1 SIP/2.0\r\nVia: {via}{method}{number}\r\n"
            f"To: <sip:8001@127.0.0.1>{to_tag}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nCall-ID: live{number}\r\n"
            f"From: <sip:+372555{number}@{GATEWAY}>;tag=c{number}\r\nContact: <sip:gateway@{GATEWAY}:{port}>\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    gateway.sendto(request("INVITE", "", sdp), address)
    answer = ""
    while not (answer.startswith("SIP/2.0 200") and f"Call-ID: live{number}\r" in answer):
        answer = (await loop.sock_recv(gateway, 65_535)).decode()
    to = next(line for line in answer.split("\r\n") if line.lower().startswith("to:"))
    gateway.sendto(request("ACK", to.partition(">")[2], b""), address)


async def _remember(url: str, agents: list[AgentId], port: int) -> None:
    """The phones are registered."""
    store = Store(url)
    await store.open()
    for agent in agents:
        uri, local = f"sip:{agent}@{PHONES}:{port}", ("127.0.0.1", 5060)
        contact = StoredContact(agent, uri, "udp", local, (PHONES, port), "live", 1, time.time() + 3600, 1.0, "")
        await store.save_contacts(agent, (contact,))
    await store.close()


async def _measure(folder: Path, samples: int) -> list[tuple[float, float]]:
    sip_port = free_port()
    write_bank(folder, Bank(AGENTS, sip_port, free_port(), 30_000, 30_999))
    settings = load(folder)
    agents = [AgentId(f"a{FIRST_EXTENSION + number}") for number in range(AGENTS)]
    loop, phones, sent = asyncio.get_running_loop(), Phones(), Sent()
    await loop.create_datagram_endpoint(lambda: phones, local_addr=(PHONES, 0))
    await _remember(settings.database_url, agents, phones.transport.get_extra_info("sockname")[1])
    switch = await Switch.start(settings)
    gateway = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    gateway.bind((GATEWAY, 0))
    gateway.setblocking(False)
    try:
        switch._driver.add_effect(sent.seen, sip.Transmit)  # after the one that sends
        for agent in agents:
            switch.live.set_agent(agent, AgentAction.BREAK, "bench")
        for number in range(CALLERS):
            await asyncio.wait_for(caller(gateway, switch.addresses[0].local, number), STEP_SECONDS)
        gc.collect()
        return [await _sample(switch, agents[n % AGENTS], phones, sent) for n in range(WARM + samples)][WARM:]
    finally:
        gateway.close()
        await switch.stop()
        phones.transport.close()


async def _sample(switch: Switch, agent: AgentId, phones: Phones, sent: Sent) -> tuple[float, float]:
    """Milliseconds that passed, and those of them in which this thread had a core."""
    sent.there.clear()
    phones.cancelled.clear()
    began, cpu_began = time.perf_counter(), time.thread_time()
    switch.live.set_agent(agent, AgentAction.READY)
    await asyncio.wait_for(sent.there.wait(), STEP_SECONDS)
    took = ((sent.at - began) * 1000.0, (sent.cpu - cpu_began) * 1000.0)
    await asyncio.sleep(0.005)  # her phone says that it rings
    switch.live.set_agent(agent, AgentAction.BREAK, "bench")
    await asyncio.wait_for(phones.cancelled.wait(), STEP_SECONDS)
    return took


def measured(out: Path, samples: int) -> dict[str, Any]:
    found = uvloop.run(_measure(out / "live", samples))
    times, cpu = sorted(took for took, _ in found), sorted(took for _, took in found)
    return {
        "live_calls": len(times),
        "live_p50_ms": round(times[len(times) // 2], 3),
        "live_p99_ms": round(times[len(times) * 99 // 100], 3),
        "live_max_ms": round(times[-1], 3),
        "live_cpu_p99_ms": round(cpu[len(cpu) * 99 // 100], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "out")
    args = parser.parse_args()
    print(json.dumps({"bench": "acd-live", **measured(args.out, args.samples)}))


if __name__ == "__main__":
    main()
