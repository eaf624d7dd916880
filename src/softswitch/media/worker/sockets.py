"""UDP sockets for audio and its reports: bound to one address, small buffers, marked for the network (DSCP)."""

from __future__ import annotations

import socket

RECEIVE_BUFFER_BYTES = 16_384


def family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def bound(host: str, port: int, dscp: int = 0) -> socket.socket:
    """OSError when the port is taken."""
    kind = family(host)
    sock = socket.socket(kind, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if dscp and kind == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
        elif dscp:
            # RFC 2474 3: the six higher bits of what once was the type of service
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def plain(host: str) -> str:
    """An address as the kernel writes it, for comparing. ValueError when it is none."""
    kind = family(host)
    try:
        return socket.inet_ntop(kind, socket.inet_pton(kind, host))
    except OSError as error:
        raise ValueError(f"{host!r} is no IP address") from error
