"""Our certificate and whom we trust, read from files, and read again when they change; connections stay.

A renewed pair is tried as a whole before it replaces the old one: a certificate without its key, half a file or an
expired one is said in the log and changes nothing.
"""

from __future__ import annotations

import os
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog
from cryptography import x509

from softswitch.call.errors import StartError
from softswitch.call.settings import TlsSettings

log = structlog.get_logger()

_VERIFY = {"ignore": ssl.CERT_NONE, "ask": ssl.CERT_OPTIONAL, "demand": ssl.CERT_REQUIRED}


class CertificateError(Exception):
    """One sentence."""


class Certificates:
    """`server` is the context of new incoming connections, None without a certificate."""

    def __init__(self, settings: TlsSettings) -> None:
        """Raises StartError, one sentence, when the files cannot be used."""
        self._settings = settings
        self.expires_at = 0.0  # seconds since 1970; of our own certificate
        self.server: ssl.SSLContext | None = None
        self._clients: dict[bool, ssl.SSLContext] = {}
        self._seen = self._stamps()
        try:
            self._load()
        except CertificateError as problem:
            raise StartError(str(problem)) from None

    def client(self, host: str) -> ssl.SSLContext:
        """For a connection to this host; made when first needed, as the authorities of a system are many."""
        verified = host not in self._settings.unverified
        context = self._clients.get(verified)
        if context is None:
            context = self._clients[verified] = self._client(verified)
        return context

    def reload(self) -> bool:
        """Read the files again. False when they cannot be used: all stays as it was."""
        self._seen = self._stamps()
        try:
            self._load()
        except CertificateError as problem:
            log.error("certificate not replaced", reason=str(problem))
            return False
        log.info("certificate read", expires=datetime.fromtimestamp(self.expires_at, UTC).isoformat())
        return True

    def look(self) -> None:
        """Reload when a file changed."""
        if self._stamps() != self._seen:
            self.reload()

    def _stamps(self) -> tuple[tuple[str, int, int], ...]:
        settings = self._settings
        stamps = []
        for name in (settings.certificate, settings.key, settings.authorities):
            try:
                found = os.stat(name) if name else None
            except OSError:
                found = None
            if found is not None:
                stamps.append((name, found.st_mtime_ns, found.st_ino))
        return tuple(stamps)

    def _load(self) -> None:
        settings = self._settings
        server: ssl.SSLContext | None = None
        expires_at = 0.0
        if settings.certificate:
            server = _context(ssl.PROTOCOL_TLS_SERVER)
            _load_pair(server, settings.certificate, settings.key)
            expires_at = _expiry(settings.certificate)
            if settings.phones != "ignore":
                _load_authorities(server, settings.authorities)
                server.verify_mode = _VERIFY[settings.phones]
        if settings.authorities:
            _load_authorities(_context(ssl.PROTOCOL_TLS_CLIENT), settings.authorities)
        self.server, self.expires_at = server, expires_at
        self._clients.clear()

    def _client(self, verified: bool) -> ssl.SSLContext:
        settings = self._settings
        context = _context(ssl.PROTOCOL_TLS_CLIENT)
        if verified:
            _load_authorities(context, settings.authorities)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if settings.certificate:
            _load_pair(context, settings.certificate, settings.key)  # a trunk may ask for ours
        return context


def _context(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    # RFC 8996: TLS 1.0 and 1.1 must not be used any more.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    if protocol == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0  # phones stay connected; a session to come back to would cost memory
    return context


def _load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    for name in (certificate, key):
        if not os.access(name, os.R_OK):
            raise CertificateError(f"The file {name} cannot be read.")
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError, OSError) as problem:
        reason = getattr(problem, "reason", None) or str(problem)
        raise CertificateError(f"{certificate} and {key} are no certificate with its key: {reason}.") from None


def _no_password() -> str:
    raise ValueError("the key has a password; without one, readable by the switch alone, it can be used")


def _load_authorities(context: ssl.SSLContext, authorities: str) -> None:
    if not authorities:
        context.load_default_certs(
            ssl.Purpose.SERVER_AUTH if context.protocol == ssl.PROTOCOL_TLS_CLIENT else ssl.Purpose.CLIENT_AUTH
        )
        return
    try:
        context.load_verify_locations(authorities)
    except (ssl.SSLError, OSError) as problem:
        raise CertificateError(f"{authorities} holds no certificates of authorities: {problem}.") from None


def _expiry(certificate: str) -> float:
    try:
        first = x509.load_pem_x509_certificates(Path(certificate).read_bytes())[0]
    except (OSError, ValueError, IndexError) as problem:
        raise CertificateError(f"{certificate} holds no certificate: {problem}.") from None
    ends, now = first.not_valid_after_utc, datetime.fromtimestamp(time.time(), UTC)
    if first.not_valid_before_utc > now:
        begins = first.not_valid_before_utc
        raise CertificateError(f"The certificate {certificate} is not valid before {begins:%Y-%m-%d %H:%M} UTC.")
    if ends <= now:
        raise CertificateError(f"The certificate {certificate} expired on {ends:%Y-%m-%d}.")
    return ends.timestamp()
