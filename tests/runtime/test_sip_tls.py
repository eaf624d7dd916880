"""TLS of the SIP port: who may shake hands, whose certificate is believed, renewed certificates, what is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.certificates import Authority

from softswitch.call.errors import StartError
from softswitch.call.settings import ListenSettings, TlsSettings
from softswitch.runtime import sip_connections, tls
from softswitch.runtime.sip_transport import SipTransport
from softswitch.sip.messages import CloseStream, Flow, StreamClosed, StreamReceived, Transmit, TransportFailed

HOST = "127.0.0.1"


class Shell:
    """A TLS listener with what it posts."""

    def __init__(self, settings: TlsSettings) -> None:
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self.transport = SipTransport(asyncio.get_running_loop(), self._events.put_nowait, settings)
        self.port = 0

    async def get(self, kind: type) -> Any:
        async with asyncio.timeout(30):
            while True:
                event = await self._events.get()
                if isinstance(event, kind):
                    return event

    def to(self, port: int, name: str = "") -> Flow:
        return Flow("tls", (HOST, self.port), (HOST, port), -1, (), name)


@asynccontextmanager
async def shell(settings: TlsSettings) -> AsyncIterator[Shell]:
    made = Shell(settings)
    (flow,) = await made.transport.listen((ListenSettings("tls", HOST, 0),))
    made.port = flow.local[1]
    try:
        yield made
    finally:
        await made.transport.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def ours(authority: Authority) -> TlsSettings:
    certificate, key = authority.issue("switch", "sip.example.com", HOST)
    return TlsSettings(str(certificate), str(key), str(authority.certificate))


@pytest.fixture
def trust(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.certificate))


async def connect(port: int, trust: ssl.SSLContext, name: str = HOST) -> Any:
    return await asyncio.wait_for(asyncio.open_connection(HOST, port, ssl=trust, server_hostname=name), 20)


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def version(request: pytest.FixtureRequest) -> Iterator[ssl.TLSVersion]:
    yield request.param


async def test_bytes_both_ways_and_the_end(ours: TlsSettings, trust: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    trust.maximum_version = version
    async with shell(ours) as switch:
        reader, writer = await connect(switch.port, trust)
        writer.write(b"OPTIONS")
        event = await switch.get(StreamReceived)
        assert (event.data, event.flow.transport, event.flow.peer_names) == (b"OPTIONS", "tls", ())
        switch.transport.transmit(Transmit(event.flow, b"x" * 200_000))
        assert await reader.readexactly(200_000) == b"x" * 200_000
        writer.write(b"y" * 200_000)
        got = 0
        while got < 200_000:
            got += len((await switch.get(StreamReceived)).data)
        switch.transport.close_stream(CloseStream(event.flow))
        assert await reader.read() == b""  # a close_notify: no truncation
        await switch.get(StreamClosed)
        writer.close()


async def test_byte_by_byte_on_the_wire(ours: TlsSettings, trust: ssl.SSLContext) -> None:
    """TLS records cut anywhere by the network."""
    async with shell(ours) as switch:
        reader, writer = await asyncio.open_connection(HOST, switch.port)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = trust.wrap_bio(incoming, outgoing, server_hostname=HOST)

        async def flush() -> None:
            for byte in outgoing.read():
                writer.write(bytes((byte,)))
                await asyncio.sleep(0)

        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                await flush()
                incoming.write(await asyncio.wait_for(reader.read(65536), 20))
        client.write(b"OPTIONS sip:x")
        await flush()
        assert (await switch.get(StreamReceived)).data == b"OPTIONS sip:x"
        writer.close()


async def test_old_versions_and_plain_text_are_refused(ours: TlsSettings, trust: ssl.SSLContext) -> None:
    async with shell(ours) as switch:
        with pytest.warns(DeprecationWarning):
            trust.minimum_version, trust.maximum_version = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1
        trust.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError):
            await connect(switch.port, trust)
        reader, writer = await asyncio.open_connection(HOST, switch.port)
        writer.write(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 20)
        writer.close()
        house = switch.transport.connections.house
        assert (house.inside, house.handshakes, len(switch.transport.connections)) == (0, 0, 0)


async def test_a_handshake_has_its_time(ours: TlsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_SECONDS", 0.05)
    async with shell(ours) as switch:
        reader, writer = await asyncio.open_connection(HOST, switch.port)
        writer.write(b"\x16\x03\x01")
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()


async def test_handshakes_under_way_are_bounded(
    ours: TlsSettings, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_connections, "MAX_HANDSHAKES", 2)
    async with shell(ours) as switch:
        slow = [await asyncio.open_connection(HOST, switch.port) for _ in range(2)]
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await connect(switch.port, trust)
        for _, writer in slow:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        for _ in range(50):
            await asyncio.sleep(0)
        _, writer = await connect(switch.port, trust)
        writer.close()


async def test_silent_sockets_of_one_source_leave_handshakes_to_others(
    ours: TlsSettings, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_connections, "MAX_HANDSHAKES", 10)
    async with shell(ours) as switch:
        silent = [
            await asyncio.open_connection(HOST, switch.port, local_addr=("127.0.0.5", 0))
            for _ in range(sip_connections.MAX_HANDSHAKES + 2)
        ]
        _, writer = await connect(switch.port, trust)
        writer.close()
        for _, each in silent:
            each.close()


async def test_the_guard_is_asked_before_the_handshake(ours: TlsSettings, trust: ssl.SSLContext) -> None:
    async with shell(ours) as switch:
        switch.transport.admit = lambda host, data, connected: False
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await connect(switch.port, trust)
        assert switch.transport.connections.house.handshakes == 0


async def test_who_says_nothing_is_closed(
    ours: TlsSettings, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_connections, "SILENT_SECONDS", 0.05)
    async with shell(ours) as switch:
        reader, writer = await connect(switch.port, trust)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 20) == b""
        await switch.get(StreamClosed)
        writer.close()


# ------------------------------------------------------------------ certificates of phones and trunks


async def test_the_peers_verified_names_come_with_its_flow(
    authority: Authority, ours: TlsSettings, trust: ssl.SSLContext
) -> None:
    async with shell(replace(ours, phones="ask")) as switch:
        _, without = await connect(switch.port, trust)
        without.write(b"x")
        assert (await switch.get(StreamReceived)).flow.peer_names == ()
        trust.load_cert_chain(*authority.issue("trunk", "carrier.example", "sip:carrier.example"))
        _, writer = await connect(switch.port, trust)
        writer.write(b"x")
        assert (await switch.get(StreamReceived)).flow.peer_names == ("carrier.example",)
        trust.load_cert_chain(*authority.issue("plain", "a.example", "192.0.2.7"))
        _, other = await connect(switch.port, trust)
        other.write(b"x")
        assert (await switch.get(StreamReceived)).flow.peer_names == ("a.example", "192.0.2.7")
        for each in (without, writer, other):
            each.close()


async def test_a_strangers_certificate_is_refused(tmp_path: Path, ours: TlsSettings, trust: ssl.SSLContext) -> None:
    for asked in ("ask", "demand"):
        async with shell(replace(ours, phones=asked)) as switch:
            if asked == "ask":
                trust.load_cert_chain(*Authority(tmp_path, "Other CA").issue("other", "carrier.example"))
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                reader, writer = await connect(switch.port, trust)
                writer.write(b"x")
                assert await asyncio.wait_for(reader.read(), 20) == b""
            assert len(switch.transport.connections) == 0


# ------------------------------------------------------------------ out


@pytest.mark.parametrize(
    ("name", "unverified", "works"),
    [
        ("", (), True),  # the address is in the certificate
        ("sip.example.com", (), True),
        ("other.example.com", (), False),
        ("other.example.com", ("other.example.com",), True),
    ],
)
async def test_whom_we_connect_to_is_checked(
    ours: TlsSettings, name: str, unverified: tuple[str, ...], works: bool
) -> None:
    async with shell(ours) as carrier, shell(replace(ours, unverified=unverified)) as switch:
        switch.transport.transmit(Transmit(switch.to(carrier.port, name), b"one"))
        switch.transport.transmit(Transmit(switch.to(carrier.port, name), b"two"))
        if not works:
            assert (await switch.get(TransportFailed)).flow.remote == (HOST, carrier.port)
            assert len(switch.transport.connections) == 0
            return
        assert (await carrier.get(StreamReceived)).data == b"one"
        event = await carrier.get(StreamReceived)
        assert event.data == b"two"
        carrier.transport.transmit(Transmit(event.flow, b"answer"))
        answer = await switch.get(StreamReceived)
        assert (answer.data, answer.flow.server_name) == (b"answer", name or HOST)
        switch.transport.transmit(Transmit(switch.to(carrier.port, name), b"three"))  # the same connection again
        assert (await carrier.get(StreamReceived)).flow == event.flow
        # RFC 5923: a connection made for one name is not used for another that was not verified.
        switch.transport.transmit(Transmit(switch.to(carrier.port, "nobody.example"), b"x"))
        await switch.get(TransportFailed)


async def test_an_expired_or_foreign_certificate_is_not_accepted(
    tmp_path: Path, authority: Authority, ours: TlsSettings
) -> None:
    stranger = Authority(tmp_path, "Other CA").issue("switch", HOST)
    async with shell(ours) as switch:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for pair in (stranger, authority.issue("old", HOST, days=-1)):
            context.load_cert_chain(*pair)
            server = await asyncio.start_server(lambda r, w: None, HOST, 0, ssl=context)
            port = server.sockets[0].getsockname()[1]
            switch.transport.transmit(Transmit(switch.to(port), b"x"))
            await switch.get(TransportFailed)
            server.close()


async def test_nobody_there_and_nobody_who_speaks_tls(ours: TlsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_connections, "_CONNECT_SECONDS", 0.2)
    async with shell(ours) as switch:
        with socket.socket() as free:
            free.bind((HOST, 0))
            switch.transport.transmit(Transmit(switch.to(free.getsockname()[1]), b"x"))
            await switch.get(TransportFailed)
            free.listen()
            switch.transport.transmit(Transmit(switch.to(free.getsockname()[1]), b"x"))
            await switch.get(TransportFailed)


# ------------------------------------------------------------------ renewal


async def test_a_renewed_certificate_is_used_and_connections_stay(
    tmp_path: Path, authority: Authority, trust: ssl.SSLContext
) -> None:
    certificate, key = authority.issue("renewed", "one.example")
    async with shell(TlsSettings(str(certificate), str(key))) as switch:
        certificates = switch.transport.certificates
        before = certificates.expires_at
        _, first = await connect(switch.port, trust, "one.example")
        first.write(b"x")
        await switch.get(StreamReceived)
        authority.issue("renewed", "two.example", days=60)
        certificates.look()
        assert certificates.expires_at > before
        _, second = await connect(switch.port, trust, "two.example")
        first.write(b"still here")
        assert (await switch.get(StreamReceived)).data == b"still here"
        # Half a renewal, a key of another, an expired one, one of tomorrow: all stays as it is.
        for spoil in (
            lambda: certificate.write_bytes(certificate.read_bytes()[:100]),
            lambda: os.replace(authority.issue("third", "three.example")[0], certificate),
            lambda: authority.issue("renewed", "old.example", days=-1),
            lambda: authority.issue("renewed", "early.example", begins=1),
        ):
            spoil()
            assert certificates.reload() is False
            _, third = await connect(switch.port, trust, "two.example")
            third.close()
        for writer in (first, second):
            writer.close()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda s: replace(s, certificate="/nowhere.pem"), r"/nowhere\.pem cannot be read"),
        (lambda s: replace(s, key=s.certificate), "are no certificate with its key"),
        (lambda s: replace(s, authorities=s.key), "holds no certificates of authorities"),
    ],
)
async def test_what_cannot_be_used_is_said_in_one_sentence(ours: TlsSettings, spoil: Any, said: str) -> None:
    with pytest.raises(StartError, match=said):
        SipTransport(asyncio.get_running_loop(), lambda event: None, spoil(ours))


async def test_the_kernel_notices_who_is_gone_without_a_word(ours: TlsSettings, trust: ssl.SSLContext) -> None:
    async with shell(ours) as switch:
        _, writer = await connect(switch.port, trust)
        writer.write(b"x")
        flow = (await switch.get(StreamReceived)).flow
        end = switch.transport.connections._open[flow.connection]._transport.get_extra_info("socket")
        assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 32_000
        writer.close()


# ------------------------------------------------------------------ no descriptors left

OUT_OF_DESCRIPTORS = """
import asyncio, resource, socket, sys, time
import uvloop
from softswitch.call.settings import ListenSettings
from softswitch.runtime.sip_transport import SipTransport
from softswitch.sip.messages import StreamReceived, Transmit

async def main():
    loop = asyncio.get_running_loop()
    got = asyncio.Queue()
    shell = SipTransport(loop, got.put_nowait)
    (flow,) = await shell.listen((ListenSettings("tcp", "127.0.0.1", 0),))
    phone = socket.create_connection(flow.local)
    phone.sendall(b"OPTIONS")
    event = await got.get()
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    greedy = []
    try:
        while True:
            greedy.append(socket.create_connection(flow.local, timeout=1))
            greedy[-1].setblocking(False)
            await asyncio.sleep(0)
    except OSError:
        pass
    burnt = time.process_time()
    until = loop.time() + 0.5
    while loop.time() < until:
        try:
            await asyncio.wait_for(got.get(), until - loop.time())
        except TimeoutError:
            break
    burnt = time.process_time() - burnt
    shell.transmit(Transmit(event.flow, b"200"))
    await asyncio.sleep(0)
    phone.settimeout(20)
    assert phone.recv(3) == b"200", "who is connected is served"
    for one in greedy:
        one.close()
    socket.create_connection(flow.local, timeout=20).sendall(b"again")
    while (await asyncio.wait_for(got.get(), 20)).__class__ is not StreamReceived:
        pass
    print(burnt)

uvloop.run(main())
"""


def test_out_of_descriptors_it_refuses_and_does_not_spin() -> None:
    done = subprocess.run([sys.executable, "-c", OUT_OF_DESCRIPTORS], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout) < 0.25, "half a second without descriptors costs next to nothing"
