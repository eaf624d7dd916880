"""A carrier that signs calls: its own authority, certificates with TNAuthList, PASSporTs good and bad."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from softswitch.sip.stir_certificate import TN_AUTH_LIST

URL = "https://certs.example/a.pem"
WALL = 1_800_000_000.0
CALLER, CALLED = "+37255512345", "+3726310000"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def tlv(tag: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes((tag, len(content))) + content


def spc(code: str) -> bytes:
    return tlv(0xA0, tlv(0x16, code.encode()))


def one(number: str) -> bytes:
    return tlv(0xA2, tlv(0x16, number.encode()))


def numbers(first: str, count: int) -> bytes:
    return tlv(0xA1, tlv(0x30, tlv(0x16, first.encode()) + tlv(0x02, count.to_bytes(2, "big"))))


def auth_list(*entries: bytes) -> bytes:
    return tlv(0x30, b"".join(entries))


@dataclass(frozen=True)
class Party:
    """A key with its certificate and those above it."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        chain = (self.certificate, *self.above)
        return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)


def make(
    name: str,
    issuer: Party | None = None,
    *,
    ca: bool = False,
    tn: bytes | None = None,
    days: tuple[float, float] = (-1, 1),
    curve: ec.EllipticCurve | None = None,
    path_length: int | None = None,
    signs: bool = True,
    critical: str = "",
) -> Party:
    key = ec.generate_private_key(curve or ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.fromtimestamp(WALL, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
    )
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
         "decipher_only"), False,
    )  # fmt: skip
    builder = builder.add_extension(
        x509.KeyUsage(digital_signature=signs and not ca, key_cert_sign=signs and ca, crl_sign=ca, **usage),
        critical=True,
    )
    if tn is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(TN_AUTH_LIST, tn), critical=False)
    if critical:
        odd = x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\x00")
        builder = builder.add_extension(odd, critical=True)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    above = (issuer.certificate, *issuer.above) if issuer and issuer.above != () else ()
    if issuer and issuer.certificate.issuer != issuer.certificate.subject:
        above = (issuer.certificate, *issuer.above)
    return Party(key, certificate, above)


@cache
def root() -> Party:
    return make("root", ca=True, path_length=1, days=(-100, 100))


@cache
def middle() -> Party:
    return make("middle", root(), ca=True, path_length=0, days=(-100, 100))


@cache
def carrier() -> Party:
    return make("carrier", middle(), tn=auth_list(spc("1234")))


ROOT_PEM = root().pem


def sign(key: ec.EllipticCurvePrivateKey, text: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def identity(
    signer: Party | None = None,
    *,
    ppt: str = "shaken",
    header: dict[str, Any] | None = None,
    claims: dict[str, Any] | None = None,
    url: str = URL,
    info: str | None = None,
    tail: str | None = None,
    spoil: bool = False,
) -> str:
    """An Identity header value. Values of None take a claim away."""
    head: dict[str, Any] = {"alg": "ES256", "ppt": ppt, "typ": "passport", "x5u": url, **(header or {})}
    body: dict[str, Any] = {
        "attest": "A",
        "dest": {"tn": [CALLED[1:]]},
        "iat": int(WALL),
        "orig": {"tn": CALLER[1:]},
        "origid": "123e4567-e89b-12d3-a456-426655440000",
        **(claims or {}),
    }
    if ppt == "div":
        body.pop("attest")
        body.pop("origid")
    if not ppt:
        head.pop("ppt")
    parts = [
        b64(
            json.dumps({k: v for k, v in part.items() if v is not None}, separators=(",", ":"), sort_keys=True).encode()
        )
        for part in (head, body)
    ]
    signature = sign((signer or carrier()).key, ".".join(parts).encode())
    if spoil:
        signature = signature[:40] + bytes((signature[40] ^ 1,)) + signature[41:]
    end = (f';alg=ES256;ppt="{ppt}"' if ppt else ";alg=ES256") if tail is None else tail
    return f"{parts[0]}.{parts[1]}.{b64(signature)};info=<{info or url}>{end}"


def compact(signer: Party | None = None) -> str:
    """RFC 8224 4: header and claims are left out."""
    full = identity(signer, ppt="", claims={"attest": None, "origid": None})
    token, _, rest = full.partition(";")
    return f"..{token.split('.')[2]};{rest}"
