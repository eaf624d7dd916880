"""The demo's PSTN gateway: on the path of every dialog, in its own name, without keeping state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from softswitch.demo.gateway import HOST, Gateway, Message
from softswitch.demo.phones import Rack
from softswitch.demo.ports import free_port

REQUEST = (
    "{method} sip:8000@127.0.0.2:{gateway} SIP/2.0\r\n"
    "v: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKabc;rport\r\n"
    "Max-Forwards: {hops}\r\nFrom: <sip:liar@example.com>;tag=1\r\nTo: <sip:8000@127.0.0.2>{tag}\r\n"
    "Call-ID: x\r\nCSeq: 1 {method}\r\n{more}Content-Length: 0\r\n\r\n"
)


class Peer(asyncio.DatagramProtocol):
    """A bare SIP socket."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[Message] = asyncio.Queue()
        self.address = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.address = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = Message.parse(data)
        assert message is not None
        self.came.put_nowait(message)

    async def next(self) -> Message:
        return await asyncio.wait_for(self.came.get(), 20.0)


async def peer() -> Peer:
    _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Peer, local_addr=("127.0.0.1", 0))
    return protocol


@pytest.fixture
async def scene() -> AsyncIterator[tuple[Gateway, Peer, Peer]]:
    switch, phone = await peer(), await peer()
    async with Gateway(switch.address, {"7900": phone.address}) as gateway:
        await gateway.start(free_port(HOST))
        yield gateway, switch, phone
    for each in (switch, phone):
        each.transport.close()


def request(
    gateway: Gateway, sender: Peer, method: str = "INVITE", hops: int = 70, tag: str = "", more: str = ""
) -> bytes:
    text = REQUEST.format(method=method, gateway=gateway.port, port=sender.address[1], hops=hops, tag=tag, more=more)
    return text.encode()


async def test_call_goes_to_the_switch_in_the_gateways_name(scene: tuple[Gateway, Peer, Peer]) -> None:
    gateway, switch, phone = scene
    phone.transport.sendto(request(gateway, phone), (HOST, gateway.port))
    came = await switch.next()
    assert came.first == f"INVITE sip:8000@127.0.0.1:{switch.address[1]} SIP/2.0"
    assert came.value("via").startswith(f"SIP/2.0/UDP {HOST}:{gateway.port};branch=z9hG4bK")
    assert came.value("record-route") == f"<sip:{HOST}:{gateway.port};lr>"
    assert came.value("p-asserted-identity") == f"<sip:7900@{HOST}>"
    assert came.value("max-forwards") == "69"

    came.first = "SIP/2.0 200 OK"
    switch.transport.sendto(came.render(), (HOST, gateway.port))
    answer = await phone.next()
    assert answer.first == "SIP/2.0 200 OK"
    assert [name for name, _ in answer.fields].count("Via") + [name for name, _ in answer.fields].count("v") == 1


async def test_ack_and_cancel_have_the_branch_of_their_invite(scene: tuple[Gateway, Peer, Peer]) -> None:
    gateway, switch, phone = scene
    branches = set()
    for method in ("INVITE", "CANCEL", "ACK", "INVITE"):
        phone.transport.sendto(request(gateway, phone, method), (HOST, gateway.port))
        branches.add((await switch.next()).value("via"))
    assert len(branches) == 1


async def test_requests_inside_a_dialog_follow_route_and_target(scene: tuple[Gateway, Peer, Peer]) -> None:
    gateway, switch, phone = scene
    bye = request(gateway, phone, "BYE", tag=";tag=2", more=f"Route: <sip:{HOST}:{gateway.port};lr>\r\n")
    target = f"sip:switch@127.0.0.1:{switch.address[1]}".encode()
    phone.transport.sendto(bye.replace(f"sip:8000@127.0.0.2:{gateway.port}".encode(), target, 1), (HOST, gateway.port))
    came = await switch.next()
    assert came.first == f"BYE {target.decode()} SIP/2.0"
    assert came.value("route") == ""


async def test_switch_reaches_the_phone_of_the_number_and_404_for_others(scene: tuple[Gateway, Peer, Peer]) -> None:
    gateway, switch, phone = scene
    out = request(gateway, switch).replace(b"sip:8000@127.0.0.2:", b"sip:7900@127.0.0.2:", 1)
    switch.transport.sendto(out, (HOST, gateway.port))
    came = await phone.next()
    assert came.first == f"INVITE sip:7900@127.0.0.1:{phone.address[1]} SIP/2.0"
    assert came.value("p-asserted-identity") == ""
    switch.transport.sendto(request(gateway, switch), (HOST, gateway.port))
    assert (await switch.next()).first == "SIP/2.0 404 Not Found"


async def test_hops_end_and_nonsense_is_ignored(scene: tuple[Gateway, Peer, Peer]) -> None:
    gateway, _, phone = scene
    phone.transport.sendto(b"\r\n\r\n", (HOST, gateway.port))
    phone.transport.sendto(b"INVITE\r\nno colon\r\n\r\n", (HOST, gateway.port))
    phone.transport.sendto(request(gateway, phone, hops=0), (HOST, gateway.port))
    assert (await phone.next()).first == "SIP/2.0 483 Too Many Hops"


@pytest.mark.interop
async def test_real_phones_talk_through_it(tmp_path: Path) -> None:
    called_port, caller_port = free_port(), free_port()
    async with (
        Rack(tmp_path) as rack,
        Gateway(("127.0.0.1", called_port), {"7900": ("127.0.0.1", caller_port)}) as gateway,
    ):
        await gateway.start(free_port(HOST))
        called, caller = await rack.phone("called", port=called_port), await rack.phone("caller", port=caller_port)
        await called.order("account", user="8000", domain=f"127.0.0.1:{called_port}")
        await caller.order("account", user="7900", domain=f"{HOST}:{gateway.port}")
        await called.answering("at_once")
        await called.tone(440)
        await caller.dial(f"sip:8000@{HOST}:{gateway.port}")
        talking = await caller.expect("talking", after=0, seconds=20)
        await caller.hears_tone(440, after=0, since=talking.at, seconds=20)
        await called.hang_up()
        await caller.expect("ended", after=0, seconds=20)

        # And the other way: the "switch" calls a subscriber of the public network.
        await caller.answering("at_once")
        mark = called.mark()
        await called.dial(f"sip:7900@{HOST}:{gateway.port}")
        await called.expect("talking", after=mark, seconds=20)
        mark = called.mark()
        await caller.hang_up()
        await called.expect("ended", after=mark, seconds=20)
