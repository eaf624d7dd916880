"""Certificates over real sockets: a local HTTPS server, good and bad."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from softswitch.runtime.certificate_fetch import CertificateFetcher
from softswitch.sip.stir_certificate import MOST_BYTES
from softswitch.sip.stir_messages import CertificateFetched, FetchCertificate, StirSettings


def host_certificate(directory: Path) -> ssl.SSLContext:
    """A self-signed certificate of 127.0.0.1 and localhost; `ca.pem` is it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "certificates")])
    now = datetime.fromtimestamp(1_700_000_000, UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=36500))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "ca.pem", directory / "key.pem")
    return context


@dataclass
class Host:
    port: int
    asked: list[str] = field(default_factory=list)
    slow: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str, scheme: str = "https") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/{path}"


@pytest.fixture
async def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    served = Host(0)

    async def answer(request: web.Request) -> web.StreamResponse:
        served.asked.append(request.path)
        match request.path:
            case "/a.pem":
                return web.Response(body=b"PEM", headers={"Cache-Control": "public, max-age=120"})
            case "/big":
                return web.Response(body=b"x" * (MOST_BYTES + 1))
            case "/moved":
                raise web.HTTPFound("/a.pem")
            case "/away":
                raise web.HTTPFound("https://evil.example/a.pem")
            case "/loop":
                raise web.HTTPFound("/loop")
            case "/slow":
                served.slow.set()
                await asyncio.Event().wait()
        raise web.HTTPNotFound

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=host_certificate(tmp_path))
    await site.start()
    served.port = runner.addresses[0][1]
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    yield served
    await runner.cleanup()


async def fetched(host: Host, url: str, **more: Any) -> CertificateFetched:
    answers: asyncio.Queue[Any] = asyncio.Queue()
    settings = StirSettings(hosts=(f"127.0.0.1:{host.port}",), **more)
    fetcher = CertificateFetcher(settings, answers.put_nowait)
    fetcher.fetch(FetchCertificate(url))
    try:
        found = await asyncio.wait_for(answers.get(), 10)
    finally:
        await fetcher.close()
    assert isinstance(found, CertificateFetched)
    return found


async def test_a_certificate_with_the_time_it_may_be_kept(host: Host) -> None:
    assert await fetched(host, host.url("a.pem")) == CertificateFetched(host.url("a.pem"), b"PEM", "", 120.0)
    assert (await fetched(host, host.url("moved"))).pem == b"PEM"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("nothing", "status 404"),
        ("big", "too big"),
        ("away", "not listed"),
        ("loop", "too many redirects"),
    ],
)
async def test_what_is_not_taken(host: Host, path: str, problem: str) -> None:
    found = await fetched(host, host.url(path))
    assert found.pem is None
    assert problem in found.problem


async def test_a_slow_host_is_left(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.runtime.certificate_fetch._SECONDS", 0.2)
    assert (await fetched(host, host.url("slow"))).problem == "it took too long"


async def test_a_host_that_is_not_who_it_says(host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    host_certificate(tmp_path / "other")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other" / "ca.pem"))
    found = await fetched(host, host.url("a.pem"))
    assert found.pem is None
    assert host.asked == []


async def test_nothing_is_asked_of_a_host_that_is_not_listed(host: Host) -> None:
    found = await fetched(host, f"https://localhost:{host.port}/a.pem")
    assert (found.pem, host.asked) == (None, [])
    assert (await fetched(host, host.url("a.pem", "http"))).pem is None


async def test_closing_leaves_nothing_behind(host: Host) -> None:
    fetcher = CertificateFetcher(StirSettings(hosts=(f"127.0.0.1:{host.port}",)), lambda event: None)
    fetcher.fetch(FetchCertificate(host.url("slow")))
    async with asyncio.timeout(30):
        await host.slow.wait()
        await fetcher.close()
    assert not fetcher._tasks
