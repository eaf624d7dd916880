"""Certificates of those who sign PASSporTs (RFC 8226): the chain to a trust anchor, validity, and for which numbers.

Pure: bytes in, a verified key out; where the bytes come from and what time it is are handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from softswitch.sip.stir_passport import BadIdentity

E = TypeVar("E", bound=x509.ExtensionType)

MOST_BYTES = 32 * 1024
_MOST_CERTIFICATES = 6
TN_AUTH_LIST = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
_UNDERSTOOD = (
    x509.BasicConstraints.oid,
    x509.KeyUsage.oid,
    x509.ExtendedKeyUsage.oid,
    x509.CertificatePolicies.oid,
    TN_AUTH_LIST,
)


@dataclass(frozen=True, slots=True)
class TnRange:
    first: str
    count: int


@dataclass(frozen=True, slots=True)
class Authority:
    """For whom a certificate may sign (RFC 8226 9): a service provider for all its numbers, or listed numbers."""

    providers: tuple[str, ...] = ()
    ranges: tuple[TnRange, ...] = ()

    def covers(self, number: str) -> bool:
        if self.providers:
            return True
        return any(
            len(one.first) == len(number) and 0 <= int(number) - int(one.first) < one.count for one in self.ranges
        )


@dataclass(frozen=True, slots=True)
class Signer:
    """A key whose chain was verified. `until` is seconds since 1970: the earliest end of the chain."""

    key: EllipticCurvePublicKey
    authority: Authority
    since: float
    until: float
    name: str

    def check(self, signed: bytes, signature: bytes) -> None:
        """RFC 7518 3.4: an ES256 signature is R and S, 32 bytes each."""
        pair = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        try:
            self.key.verify(encode_dss_signature(*pair), signed, ECDSA(SHA256()))
        except InvalidSignature:
            raise BadIdentity(438, "the signature is wrong") from None


def anchors_of(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Trust anchors of the configuration; ValueError when it holds none."""
    return tuple(x509.load_pem_x509_certificates(pem))


def signer_of(pem: bytes, anchors: tuple[x509.Certificate, ...], wall: float) -> Signer:
    """The first certificate of a file, when its chain leads to an anchor. BadIdentity 437 or 436."""
    if len(pem) > MOST_BYTES:
        raise BadIdentity(436, "the certificate file is too big")
    try:
        chain = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise BadIdentity(436, "no certificate in the file") from None
    if len(chain) > _MOST_CERTIFICATES:
        raise BadIdentity(436, "too many certificates in the file")
    try:
        return _verified(chain, anchors, datetime.fromtimestamp(wall, UTC))
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise BadIdentity(437, f"a certificate that cannot be used: {type(error).__name__}") from None


def _verified(chain: list[x509.Certificate], anchors: tuple[x509.Certificate, ...], when: datetime) -> Signer:
    leaf = chain[0]
    key = leaf.public_key()
    # RFC 8225 8: ES256 is ECDSA on P-256 with SHA-256.
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise BadIdentity(437, "the key is not on P-256")
    _check_usage(leaf, signs_certificates=False)
    path = [leaf]
    candidates = [*anchors, *chain[1:]]
    while path[-1] not in anchors:
        issuer = next((one for one in candidates if one not in path and _issued(one, path[-1])), None)
        if issuer is None or len(path) > _MOST_CERTIFICATES:
            raise BadIdentity(437, "no chain to a trust anchor")
        _check_usage(issuer, signs_certificates=True, below=len(path) - 1)
        path.append(issuer)
    since = max(one.not_valid_before_utc for one in path)
    until = min(one.not_valid_after_utc for one in path)
    if not since <= when <= until:
        raise BadIdentity(437, "a certificate is expired or not yet valid")
    return Signer(key, _authority(leaf), since.timestamp(), until.timestamp(), leaf.subject.rfc4514_string()[:200])


def _issued(issuer: x509.Certificate, subject: x509.Certificate) -> bool:
    if issuer.subject != subject.issuer:
        return False
    try:
        subject.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _check_usage(certificate: x509.Certificate, signs_certificates: bool, below: int = 0) -> None:
    """RFC 5280 4.2.1.3, 4.2.1.9, and 4.2: "MUST reject the certificate if it encounters a critical extension it does
    not recognize"."""
    extensions = certificate.extensions
    for extension in extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise BadIdentity(437, "a critical extension that is not understood")
    usage = _value(extensions, x509.KeyUsage)
    if usage is not None and not (usage.key_cert_sign if signs_certificates else usage.digital_signature):
        raise BadIdentity(437, "a key that may not sign this")
    if not signs_certificates:
        return
    constraints = _value(extensions, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        raise BadIdentity(437, "an issuer that is no authority")
    if constraints.path_length is not None and below > constraints.path_length:
        raise BadIdentity(437, "the chain is longer than its authority allows")


def _value(extensions: x509.Extensions, kind: type[E]) -> E | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


# ------------------------------------------------------------------ TNAuthList


def _authority(leaf: x509.Certificate) -> Authority:
    try:
        found = leaf.extensions.get_extension_for_oid(TN_AUTH_LIST).value
    except x509.ExtensionNotFound:
        raise BadIdentity(437, "a certificate without TNAuthList") from None
    assert isinstance(found, x509.UnrecognizedExtension)
    return read_authority(found.value)


def read_authority(der: bytes) -> Authority:
    """RFC 8226 9: SEQUENCE OF CHOICE { spc [0], range [1], one [2] }, all tags explicit."""
    tag, body, rest = _tlv(der)
    if tag != 0x30 or rest or not body:
        raise BadIdentity(437, "malformed TNAuthList")
    providers: list[str] = []
    ranges: list[TnRange] = []
    while body:
        tag, entry, body = _tlv(body)
        inner, value, more = _tlv(entry)
        if more:
            raise BadIdentity(437, "malformed TNAuthList")
        if tag == 0xA0 and inner == 0x16:
            providers.append(value.decode("ascii", "replace")[:32])
        elif tag == 0xA2 and inner == 0x16:
            ranges.append(TnRange(_tn(value), 1))
        elif tag == 0xA1 and inner == 0x30:
            kind, start, tail = _tlv(value)
            number, count, end = _tlv(tail)
            if (kind, number, end) != (0x16, 0x02, b"") or not 0 < len(count) <= 8:
                raise BadIdentity(437, "malformed TNAuthList")
            ranges.append(TnRange(_tn(start), int.from_bytes(count, "big", signed=True)))
        else:
            raise BadIdentity(437, "malformed TNAuthList")
    return Authority(tuple(providers), tuple(ranges))


def _tn(value: bytes) -> str:
    text = value.decode("ascii", "replace")
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise BadIdentity(437, "malformed number in TNAuthList")
    return text


def _tlv(data: bytes) -> tuple[int, bytes, bytes]:
    """One DER element with a short or up to two-byte length: tag, content, what follows."""
    if len(data) < 2:
        raise BadIdentity(437, "malformed TNAuthList")
    length, at = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        if not 0 < size <= 2 or len(data) < 2 + size:
            raise BadIdentity(437, "malformed TNAuthList")
        length, at = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
    if len(data) < at + length:
        raise BadIdentity(437, "malformed TNAuthList")
    return data[0], data[at : at + length], data[at + length :]
