"""RTP packets: the fixed header, what makes a packet acceptable, and arithmetic on wrapping counters (RFC 3550).

Nothing here raises on what the network sends: a packet that is not RTP parses to None.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER_BYTES = 12
FRAME_BYTES = 160  # 20 ms of G.711
FRAME_SECONDS = 0.020
CLOCK_RATE = 8000
MAX_PACKET_BYTES = 2048
PCMU = 0
PCMA = 8

_HEADER = struct.Struct("!BBHII")


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One parsed packet. `payload_start`/`payload_end` cut the payload out of the datagram."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload_start: int
    payload_end: int


def parse(data: bytes | bytearray | memoryview, length: int | None = None) -> RtpPacket | None:
    """The header of the first `length` bytes of `data`; None when they are no valid RTP packet."""
    size = len(data) if length is None else length
    if size < HEADER_BYTES or size > len(data):
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    # RFC 3550 A.1: "RTP version field must equal 2."
    if first >> 6 != 2:
        return None
    start = HEADER_BYTES + 4 * (first & 0x0F)
    # RFC 3550 5.3.1: one header extension may follow the CSRC list; its length counts 32-bit words
    if first & 0x10:
        if size < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = size
    # RFC 3550 5.1: "The last octet of the padding contains a count of how many padding octets should be ignored,
    # including itself."
    if first & 0x20:
        padding = data[size - 1]
        if padding == 0:
            return None
        end -= padding
    if start > end:
        return None
    return RtpPacket(second & 0x7F, second >> 7 == 1, sequence, timestamp, ssrc, start, end)


def build(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, *, marker: bool = False
) -> bytes:
    """A packet with the plain 12-byte header."""
    second = payload_type | 0x80 if marker else payload_type
    return _HEADER.pack(0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


def sequence_delta(newer: int, older: int) -> int:
    """How far `newer` is ahead of `older`, -32768..32767, over the wrap of the 16-bit counter."""
    return (newer - older + 0x8000 & 0xFFFF) - 0x8000


def timestamp_delta(newer: int, older: int) -> int:
    """How far `newer` is ahead of `older` over the wrap of the 32-bit counter."""
    return (newer - older + 0x80000000 & 0xFFFFFFFF) - 0x80000000
