"""DTLS-SRTP (RFC 5764): one handshake that gives the keys of one leg, by OpenSSL, in memory.

    feed, tick --bytes to send--> the peer        feed --done--> keys        anything wrong --> DtlsFailed

The peer is known by the fingerprint of his certificate, which came with the signalling (RFC 8122). After the handshake
OpenSSL's part, some 90 KB, stays only to answer what of its last flight was lost: until the peer was heard under the
new keys (`rest`), or for half a minute.
"""

from __future__ import annotations

import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

_DATAGRAM_BYTES: Final = 1200  # flights are cut into such pieces, between records
_REST_TICKS: Final = 60  # half a minute
_MAX_FED: Final = 100  # datagrams of one handshake
_RECORD_HEADER: Final = 13
_VALID_DAYS: Final = 365
_DTLS_1_2: Final = 0xFEFD
_LABEL: Final = b"EXTRACTOR-dtls_srtp"  # RFC 5764 4.2

# RFC 5764 4.1.2, RFC 7714 14.2: OpenSSL's name: ours, bytes of key and of salt; the most wanted first
_PROFILES: Final[dict[bytes, tuple[str, int, int]]] = {
    b"SRTP_AEAD_AES_256_GCM": ("AEAD_AES_256_GCM", 32, 12),
    b"SRTP_AEAD_AES_128_GCM": ("AEAD_AES_128_GCM", 16, 12),
    b"SRTP_AES128_CM_SHA1_80": ("AES_CM_128_HMAC_SHA1_80", 16, 14),
}
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}


class DtlsFailed(Exception):
    """There will be no keys; the message says why."""


def _fingerprint(certificate: x509.Certificate, name: str) -> str:
    return f"{name} {certificate.fingerprint(_HASHES[name]).hex(':').upper()}"


class Certificate:
    """Ours: self-signed, of this process and for all its legs."""

    __slots__ = ("_context", "fingerprint")

    def __init__(self, now: datetime.datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "media")])
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = _fingerprint(certificate, "sha-256")
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_min_proto_version(_DTLS_1_2)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        # RFC 5763 5: each side shows a certificate; it is not its chain that counts but its fingerprint
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES")
        context.set_tlsext_use_srtp(b":".join(_PROFILES))
        self._context = context

    def connection(self) -> SSL.Connection:
        return SSL.Connection(self._context, None)


class Association:
    """With one peer. `keys` is (suite, ours, theirs) once the handshake is done."""

    __slots__ = ("_connection", "_fed", "_ticks", "active", "fingerprint", "heard_before", "keys")

    def __init__(self, certificate: Certificate, active: bool, fingerprint: str) -> None:
        self.active = active
        self.fingerprint = fingerprint
        self.keys: tuple[str, bytes, bytes] | None = None
        self._fed = 0
        self._ticks = 0  # since there are keys
        self.heard_before = 0  # packets of the leg before there were these keys
        connection = certificate.connection()
        connection.set_ciphertext_mtu(_DATAGRAM_BYTES)
        if active:
            connection.set_connect_state()
        else:
            connection.set_accept_state()
        self._connection: SSL.Connection | None = connection

    def begin(self) -> list[bytes]:
        """The first flight of the client; nothing for a server."""
        connection = self._connection
        return self._shake(connection) if self.active and connection is not None else []

    def rest(self) -> None:
        """The peer has the keys as well: what is left of the handshake will not be needed. Idempotent."""
        assert self.keys is not None
        self._connection = None

    @property
    def rests(self) -> bool:
        return self._connection is None

    def feed(self, datagram: bytes) -> list[bytes]:
        """A datagram of the peer; what is sent to him for it. Raises DtlsFailed."""
        connection = self._connection
        if connection is None:
            return []
        self._fed += 1
        if self.keys is None:
            if self._fed > _MAX_FED:
                raise DtlsFailed("the handshake does not come to an end")
            connection.bio_write(datagram)
            return self._shake(connection)
        connection.bio_write(datagram)
        try:
            connection.recv(_DATAGRAM_BYTES)
        except SSL.Error:
            pass  # nothing for us, an alert, or the end: the call ends by its signalling
        return _flush(connection)

    def tick(self) -> list[bytes]:
        """Twice a second. What was lost is sent again, when it is time."""
        connection = self._connection
        if connection is None:
            return []
        if self.keys is not None:
            self._ticks += 1
            if self._ticks >= _REST_TICKS:
                self.rest()
                return []
        left = connection.DTLSv1_get_timeout()
        if left is None or left > 0:
            return []
        try:
            connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            if self.keys is None:
                raise DtlsFailed("the handshake got no answer") from error
        return _flush(connection)

    def _shake(self, connection: SSL.Connection) -> list[bytes]:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            return _flush(connection)
        except SSL.Error as error:
            raise DtlsFailed(f"handshake refused: {_words(error)}") from error
        self._finish(connection)
        return _flush(connection)

    def _finish(self, connection: SSL.Connection) -> None:
        certificate = connection.get_peer_certificate(as_cryptography=True)
        name = self.fingerprint.partition(" ")[0]
        if certificate is None or name not in _HASHES or _fingerprint(certificate, name) != self.fingerprint:
            # RFC 5763 5: "if the fingerprint does not match [...] the media session MUST be torn down"
            raise DtlsFailed("the certificate is not the one of the description (fingerprint)")
        chosen = _PROFILES.get(connection.get_selected_srtp_profile())
        if chosen is None:
            raise DtlsFailed("no common SRTP profile")
        suite, key_size, salt_size = chosen
        # RFC 5764 4.2: client key, server key, client salt, server salt
        material = connection.export_keying_material(_LABEL, 2 * (key_size + salt_size))
        keys = material[:key_size], material[key_size : 2 * key_size]
        salts = material[2 * key_size : 2 * key_size + salt_size], material[2 * key_size + salt_size :]
        client, server = (key + salt for key, salt in zip(keys, salts, strict=True))
        self.keys = (suite, client, server) if self.active else (suite, server, client)


def _flush(connection: SSL.Connection) -> list[bytes]:
    """What OpenSSL has to say, as datagrams that hold whole records."""
    data = b""
    while True:
        try:
            data += connection.bio_read(65_536)
        except SSL.Error:
            break
    datagrams: list[bytes] = []
    start = end = 0
    while end + _RECORD_HEADER <= len(data):
        following = end + _RECORD_HEADER + int.from_bytes(data[end + 11 : end + 13], "big")
        if end > start and following - start > _DATAGRAM_BYTES:
            datagrams.append(data[start:end])
            start = end
        end = following
    if end > start:
        datagrams.append(data[start:end])
    return datagrams


def _words(error: SSL.Error) -> str:
    """OpenSSL's own reason."""
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(str(reason[-1]) for reason in reasons if reason) or type(error).__name__
