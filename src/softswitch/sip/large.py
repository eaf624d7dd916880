"""Requests that are too long for a datagram go over TCP (RFC 3261 section 18.1.1), and over UDP where TCP is refused.

longer than 1300 bytes ──► TCP ──answered──► the dialog goes on over UDP
                            └─refused, or no answer within 2 s──► the same over UDP; no TCP there for ten minutes
"""

from __future__ import annotations

from softswitch.sip.addresses import Addresses
from softswitch.sip.context import Context
from softswitch.sip.messages import Flow
from softswitch.sip.uri import ip_literal, parse_uri

LARGE_BYTES = 1300
PATIENCE_SECONDS = 2.0
REFUSED_SECONDS = 600.0  # to be refused costs nothing, so it is asked again soon
SILENT_SECONDS = 86_400.0
MAX_REMEMBERED = 1000


class LargeRequests:
    """Which way a request takes. `_refused`: until when an address is not tried over TCP again."""

    __slots__ = ("_addresses", "_context", "_refused")

    def __init__(self, context: Context, addresses: Addresses) -> None:
        self._context = context
        self._addresses = addresses
        self._refused: dict[tuple[str, int], float] = {}

    def over_tcp(self, flow: Flow, data: bytes) -> tuple[Flow, bytes] | None:
        """The same request for TCP; None: it stays with UDP."""
        # RFC 3261 18.1.1: "If a request is within 200 bytes of the path MTU, or if it is larger than 1300 bytes and the
        # path MTU is unknown, the request MUST be sent using an RFC 2914 congestion controlled transport protocol, such
        # as TCP."
        if len(data) <= LARGE_BYTES or flow.transport != "udp":
            return None
        context = self._context
        if self._refused.get(flow.remote, 0.0) > context.now:
            return None
        if _behind_nat(flow, data):
            return None
        wide = self._addresses.flow_to_address(*flow.remote, "tcp")
        if wide is None:
            return None
        # "If this causes a change in the transport protocol from the one indicated in the top Via, the value in the top
        # Via MUST be changed."
        return wide, data.replace(context.place(flow).via.encode(), context.place(wide).via.encode(), 1)

    def refused(self, flow: Flow, seconds: float) -> None:
        if len(self._refused) >= MAX_REMEMBERED:
            del self._refused[next(iter(self._refused))]
        self._refused[flow.remote] = self._context.now + seconds


def _behind_nat(flow: Flow, data: bytes) -> bool:
    """No connection could be made to there."""
    uri = data[: data.index(b"\r\n")].split(b" ")[1].decode("utf-8", "surrogateescape")
    return ip_literal(parse_uri(uri).host) not in (None, flow.remote[0])
