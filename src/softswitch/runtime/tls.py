"""TLS between a socket and a protocol (RFC 8446, RFC 5246), over the memory buffers of the `ssl` module.

    socket ─bytes─► TlsLayer: handshake ──done──► inner.connection_made(TlsTransport) ─► inner.data_received(plain)
                       └─ not within 10 s, wrong certificate, no TLS ─► `failed`, closed

Why not the TLS of the loop: that one keeps a buffer of 256 KB for each connection, and nobody looks at a socket before
its handshake. Here an idle connection costs what OpenSSL needs, and who may shake hands is asked first.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import Any, cast

HANDSHAKE_SECONDS = 10.0
_READ = 65536


class TlsLayer(asyncio.Protocol):
    """The protocol of the socket. `inner` sees plain bytes; `failed` is called once when there was no handshake."""

    def __init__(
        self,
        context: ssl.SSLContext,
        inner: asyncio.Protocol,
        *,
        server_name: str | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """`server_name`: we are the client, and this is who it must be; None: we are the server."""
        self.inner = inner
        self.transport = TlsTransport(self, context)
        self.shaken = False
        self._failed = failed
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name or None
        )
        self._client = server_name is not None
        self.socket: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    # ---------------------------------------------------------------- the socket's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.socket = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(HANDSHAKE_SECONDS, self._refuse, "no handshake in time")
        if self._client:
            self._shake()

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        if not self.shaken:
            self._shake()
        if self.shaken:
            self._read()

    def _shake(self) -> None:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.flush()
            return
        except (ssl.SSLError, ssl.CertificateError) as problem:
            self.flush()  # the alert that says why
            self._refuse(_reason(problem))
            return
        self._forget_deadline()
        self.flush()
        self.shaken = True
        self.inner.connection_made(self.transport)

    def _read(self) -> None:
        try:
            while plain := self.tls.read(_READ):
                self.inner.data_received(plain)
        except ssl.SSLWantReadError:
            self.flush()  # session tickets, key updates
            return
        except ssl.SSLError:
            pass  # the peer said goodbye, or its records are damaged
        self.close()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        if self.shaken:
            self.inner.pause_writing()

    def resume_writing(self) -> None:
        if self.shaken:
            self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        if self.shaken:
            self.inner.connection_lost(exc)
        else:
            self._tell("closed during the handshake")

    def _refuse(self, reason: str) -> None:
        self._forget_deadline()
        self._tell(reason)
        if self.socket is not None:
            self.socket.close()

    def _tell(self, reason: str) -> None:
        failed, self._failed = self._failed, None
        if failed is not None and not self.shaken:
            failed(reason)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # ---------------------------------------------------------------- the inner side

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not data or self.socket is None or self.socket.is_closing():
            return
        try:
            self.tls.write(data)
        except ssl.SSLError:
            self.socket.abort()
            return
        self.flush()

    def flush(self) -> None:
        if self._outgoing.pending and self.socket is not None and not self.socket.is_closing():
            self.socket.write(self._outgoing.read())

    def close(self) -> None:
        socket = self.socket
        if socket is None or socket.is_closing():
            return
        try:
            # RFC 8446 6.1: "Each party MUST send a close_notify alert before closing its write side of the
            # connection"; nobody waits for the peer's.
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self.flush()
        socket.close()

    def abort(self) -> None:
        if self.socket is not None:
            self.socket.abort()


class TlsTransport(asyncio.Transport):
    """What the inner protocol writes to."""

    def __init__(self, layer: TlsLayer, context: ssl.SSLContext) -> None:
        super().__init__()
        self._layer = layer
        self._context = context

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "sslcontext":
            return self._context
        if name == "ssl_object":
            return self._layer.tls
        if name == "peercert":
            return self._layer.tls.getpeercert()
        socket = self._layer.socket
        return default if socket is None else socket.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._layer.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self._layer.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self._layer.close()

    def abort(self) -> None:
        self._layer.abort()

    def is_closing(self) -> bool:
        socket = self._layer.socket
        return socket is None or socket.is_closing()

    def get_write_buffer_size(self) -> int:
        socket = self._layer.socket
        return 0 if socket is None else socket.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if self._layer.socket is not None:
            self._layer.socket.set_write_buffer_limits(high, low)

    def pause_reading(self) -> None:
        if self._layer.socket is not None:
            self._layer.socket.pause_reading()

    def resume_reading(self) -> None:
        if self._layer.socket is not None:
            self._layer.socket.resume_reading()

    def is_reading(self) -> bool:
        return self._layer.socket is not None and self._layer.socket.is_reading()

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._layer.inner

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._layer.inner = cast("asyncio.Protocol", protocol)


def peer_names(tls: ssl.SSLObject) -> tuple[str, ...]:
    """Whom a verified certificate names (RFC 5922 7.1): the hosts of sip: URIs, else DNS names and addresses, else
    the common name. Empty without a certificate, or with one that nobody verified."""
    certificate = tls.getpeercert()
    if not certificate:
        return ()
    alternative = cast("tuple[tuple[str, str], ...]", certificate.get("subjectAltName", ()))
    # RFC 5922 7.1: a URI of the scheme sip without a user names the domain; DNS names count when there is none such.
    domains = [
        value[4:].lower()
        for kind, value in alternative
        if kind == "URI" and value[:4].lower() == "sip:" and "@" not in value
    ]
    names = domains or [value.lower() for kind, value in alternative if kind in ("DNS", "IP Address")]
    if not names:
        subject = cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("subject", ()))
        names = [value.lower() for part in subject for key, value in part if key == "commonName"]
    return tuple(names)


def _reason(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {problem.verify_message}"
    if isinstance(problem, ssl.SSLError) and problem.reason:
        return problem.reason.lower().replace("_", " ")
    return str(problem)
