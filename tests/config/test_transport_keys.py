"""Where to listen, certificates, and phones in browsers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from softswitch.call.settings import ListenSettings, TlsSettings, WebPhoneSettings

TLS = "{ certificate: cert.pem, key: key.pem }"


@pytest.fixture
def files(directory: Any) -> Path:
    path: Path = directory.path
    (path / "cert.pem").write_text("x")
    return path


def test_defaults(directory: Any) -> None:
    settings = directory.load()
    assert (settings.tls, settings.web_phones) == (TlsSettings(), WebPhoneSettings())


def test_every_transport(directory: Any, files: Path) -> None:
    listen = '[udp://0.0.0.0:5060, "tls://[::1]:5061", ws://127.0.0.1:8080, wss://0.0.0.0:8443]'
    settings = directory.load(listen=listen, tls=TLS)
    assert [(each.transport, each.host) for each in settings.listen] == [
        ("udp", "0.0.0.0"),
        ("tls", "::1"),
        ("ws", "127.0.0.1"),
        ("wss", "0.0.0.0"),
    ]
    assert settings.listen[1] == ListenSettings("tls", "::1", 5061)
    assert settings.tls == TlsSettings(str(files / "cert.pem"), str(files / "key.pem"))
    assert "key.pem" not in repr(settings.tls)


def test_certificates_of_others(directory: Any, files: Path) -> None:
    trunks = "{ pstn: { from: [192.0.2.10], to: 192.0.2.10:5061, transport: tls, verify: false } }"
    tls = "{ certificate: cert.pem, key: key.pem, authorities: cert.pem, client_certificates: ask }"
    settings = directory.load(listen="[tls://0.0.0.0:5061]", trunks=trunks, tls=tls).tls
    assert (settings.authorities, settings.phones, settings.unverified) == (
        str(files / "cert.pem"),
        "ask",
        ("192.0.2.10",),
    )


def test_pages_and_proxies(directory: Any) -> None:
    written = "{ origins: [HTTPS://Desk.example.com:444], proxies: [127.0.0.1, 10.0.0.0/8] }"
    web = directory.load(web_phones=written.replace("HTTPS", "https")).web_phones
    assert web == WebPhoneSettings(("https://desk.example.com:444",), ("127.0.0.1/32", "10.0.0.0/8"))
    assert directory.load(web_phones="{ origins: any }").web_phones.origins is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"listen": "[tls://0.0.0.0:5061]"}, "tls needs a certificate; write a section tls:"),
        ({"listen": "[wss://0.0.0.0:5061]", "tls": "{ client_certificates: ask }"}, "wss needs the keys certificate"),
        ({"listen": "[tsl://0.0.0.0:5061]"}, 'did you mean "tls"?'),
        ({"listen": "[https://0.0.0.0:5061]"}, "udp, tcp, tls, ws and wss are"),
        (
            {"trunks": "{ pstn: { from: [192.0.2.10], to: 192.0.2.10:5061, transport: tls } }"},
            "come from a tls address",
        ),
        ({"tls": "{ certificate: cert.pem }"}, "certificate needs the key key as well"),
        ({"tls": "{ key: key.pem }"}, "key needs the key certificate as well"),
        ({"tls": "{ authorities: none.pem }"}, 'the file "none.pem" does not exist'),
        ({"tls": "{ client_certificates: demnad }"}, 'did you mean "demand"?'),
        ({"web_phones": "{ origins: [desk.example.com] }"}, "like https://desk.example.com"),
        ({"web_phones": "{ proxies: [nginx] }"}, "nginx"),
    ],
)
def test_mistakes_are_told_where_they_are(directory: Any, files: Path, change: dict[str, str], said: str) -> None:
    (problem,) = directory.check(**change)
    assert said in problem
    assert problem.startswith("line.yaml:")
