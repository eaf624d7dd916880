"""The mark of packets of signalling for the network (DSCP, RFC 2474)."""

from __future__ import annotations

import contextlib
import socket
from asyncio import trsock


def mark(end: socket.socket | trsock.TransportSocket | None, dscp: int) -> None:
    """All that leaves this socket from here on; 0: as the machine does."""
    if end is None or not dscp:
        return
    # RFC 2474 3: the six higher bits of what once was the type of service
    with contextlib.suppress(OSError):  # who hung up meanwhile
        if end.family == socket.AF_INET6:
            end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
        elif end.family == socket.AF_INET:
            end.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
