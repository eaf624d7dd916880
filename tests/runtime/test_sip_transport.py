"""The SIP sockets: datagrams and streams in both directions, failures told, everything given back."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from softswitch.call.errors import StartError
from softswitch.call.settings import ListenSettings
from softswitch.runtime.packet_mark import mark
from softswitch.runtime.sip_connections import SipStream
from softswitch.runtime.sip_transport import SipTransport
from softswitch.sip.messages import (
    CloseStream,
    Flow,
    LoadChanged,
    PacketReceived,
    StreamClosed,
    StreamReceived,
    Transmit,
    TransportFailed,
)

LOOPBACK = "127.0.0.1"


class Inbox:
    """What the shell posts; `get` waits for the next one of a kind."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Any] = asyncio.Queue()

    def post(self, event: Any) -> None:
        self._events.put_nowait(event)

    async def get(self, kind: type) -> Any:
        async with asyncio.timeout(30):
            while True:
                event = await self._events.get()
                if isinstance(event, kind):
                    return event


async def opened(*transports: str) -> tuple[SipTransport, Inbox, tuple[Flow, ...]]:
    inbox = Inbox()
    shell = SipTransport(asyncio.get_running_loop(), inbox.post)
    flows = await shell.listen(tuple(ListenSettings(transport, LOOPBACK, 0) for transport in transports))
    return shell, inbox, flows


@pytest.mark.parametrize("host", [LOOPBACK, "::1"])
async def test_what_leaves_is_marked_for_the_network(host: str) -> None:
    """Datagrams, connections that phones make, and those that we make."""
    level, option = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if ":" in host else (socket.IPPROTO_IP, socket.IP_TOS)
    inbox, loop = Inbox(), asyncio.get_running_loop()
    shell = SipTransport(loop, inbox.post, dscp=24)
    flows = await shell.listen((ListenSettings("udp", host, 0), ListenSettings("tcp", host, 0)))
    (udp,) = shell._udp.values()
    assert udp.socket.getsockopt(level, option) == 24 << 2
    _, writer = await asyncio.open_connection(host, flows[1].local[1])
    writer.write(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n")
    event = await inbox.get(StreamReceived)
    came = shell.connections._open[event.flow.connection]
    assert isinstance(came, SipStream) and came._transport is not None
    assert came._transport.get_extra_info("socket").getsockopt(level, option) == 24 << 2
    accepted = loop.create_future()
    server = await asyncio.start_server(lambda r, w: accepted.set_result(w), host, 0)
    shell.transmit(Transmit(Flow("tcp", flows[1].local, server.sockets[0].getsockname()[:2], -1), b"x"))
    (await accepted).close()
    (made,) = shell.connections._made.values()
    assert made._transport is not None
    assert made._transport.get_extra_info("socket").getsockopt(level, option) == 24 << 2
    writer.close()
    await shell.close()
    server.close()


def test_who_hung_up_before_his_line_was_marked_breaks_nothing() -> None:
    for family in (socket.AF_INET, socket.AF_INET6):
        end = socket.socket(family, socket.SOCK_STREAM)
        end.close()
        mark(end, 24)


async def test_a_datagram_comes_with_its_flow_and_the_answer_goes_back_the_same_way() -> None:
    shell, inbox, (local,) = await opened("udp")
    phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    phone.settimeout(20)
    phone.bind((LOOPBACK, 0))
    phone.sendto(b"OPTIONS", local.local)
    event = await inbox.get(PacketReceived)
    assert (event.data, event.flow.remote, event.flow.local) == (b"OPTIONS", phone.getsockname(), local.local)
    shell.transmit(Transmit(event.flow, b"200"))
    assert phone.recv(100) == b"200"
    assert (shell.sent, shell.received) == (1, 1)
    phone.close()
    await shell.close()


async def test_a_taken_port_is_one_sentence() -> None:
    shell, _, (local,) = await opened("udp")
    other = SipTransport(asyncio.get_running_loop(), lambda event: None)
    with pytest.raises(StartError, match=r"cannot listen on udp://127\.0\.0\.1"):
        await other.listen((ListenSettings("udp", LOOPBACK, local.local[1]),))
    await shell.close()


async def test_both_families_share_a_port() -> None:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    shell = SipTransport(asyncio.get_running_loop(), Inbox().post)
    (four,) = await shell.listen((ListenSettings("udp", "0.0.0.0", 0),))
    await shell.listen((ListenSettings("udp", "::", four.local[1]),))
    await shell.close()


async def test_a_stream_both_ways_and_its_end() -> None:
    shell, inbox, (local,) = await opened("tcp")
    reader, writer = await asyncio.open_connection(*local.local)
    writer.write(b"OPTI")
    event = await inbox.get(StreamReceived)
    assert event.flow.connection > 0
    shell.transmit(Transmit(event.flow, b"200"))
    assert await reader.readexactly(3) == b"200"
    shell.close_stream(CloseStream(event.flow))
    assert await reader.read() == b""
    assert (await inbox.get(StreamClosed)).flow == event.flow
    writer.close()
    await shell.close()


async def test_a_connection_is_made_when_there_is_none_and_messages_wait_for_it() -> None:
    shell, inbox, _ = await opened("udp")
    server = await asyncio.start_server(lambda r, w: None, LOOPBACK, 0)
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.put_nowait(await reader.readexactly(6))
        writer.close()

    server.close()
    server = await asyncio.start_server(serve, LOOPBACK, 0)
    flow = Flow("tcp", (LOOPBACK, 5060), server.sockets[0].getsockname(), -1)
    shell.transmit(Transmit(flow, b"one"))
    shell.transmit(Transmit(flow, b"two"))
    async with asyncio.timeout(30):
        assert await got.get() == b"onetwo"
    await inbox.get(StreamClosed)
    server.close()
    await shell.close()


async def test_a_refused_connection_is_told() -> None:
    shell, inbox, _ = await opened("udp")
    free = socket.socket()
    free.bind((LOOPBACK, 0))
    address = free.getsockname()
    free.close()
    flow = Flow("tcp", (LOOPBACK, 5060), address, -1)
    shell.transmit(Transmit(flow, b"x"))
    assert (await inbox.get(TransportFailed)).flow == flow
    await shell.close()


async def test_a_connection_that_is_gone_is_told_not_made_anew() -> None:
    shell, inbox, _ = await opened("udp")
    flow = Flow("tcp", (LOOPBACK, 5060), (LOOPBACK, 9), 77)
    shell.transmit(Transmit(flow, b"x"))
    assert (await inbox.get(TransportFailed)).flow == flow
    await shell.close()


async def test_falling_behind_is_noticed_and_recovery_too() -> None:
    """More datagrams than are worked off before phones send again."""
    shell, inbox, (local,) = await opened("udp")
    phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(1500):
        phone.sendto(b"x" * 500, local.local)
    assert (await inbox.get(LoadChanged)).overloaded is True
    assert (await inbox.get(LoadChanged)).overloaded is False
    phone.close()
    await shell.close()
