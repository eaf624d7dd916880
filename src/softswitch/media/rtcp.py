"""RTCP (RFC 3550 section 6): our reports out, the peer's reports in. Nothing that comes ends a call, a BYE least.

What the peer sends is looked at for two things: when he sent his last sender report, and what he says of our stream.
Everything else (feedback, BYE, APP, extended reports) is passed over; what is no RTCP is None.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 1500
_MAX_PACKETS: Final = 16  # in one compound
_HEADER = struct.Struct("!BBH")
_SENDER = struct.Struct("!IIIIII")
_BLOCK = struct.Struct("!IIIIII")
_SR, _RR, _SDES = 200, 201, 202
_SENDER_END: Final = 28
_CNAME: Final = b"switch"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a receiver says of one stream. Times are the middle 32 bits of NTP (1/65536 s)."""

    ssrc: int
    fraction_lost: int  # of 256
    lost: int
    highest: int
    jitter: int  # in units of the media clock
    last_report: int = 0
    since_report: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """What a sender says of its own stream."""

    ssrc: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Report:
    sent_at: int | None  # of his sender report, middle 32 bits
    heard: tuple[Heard, ...]
    packets: int = 0  # that he has sent by then, when it is a sender report
    of_stream: bool = True  # a sender or receiver report is in it; False: feedback alone (RFC 5506)


def ntp(seconds: float) -> int:
    """64 bits. RFC 3550 6.4.1: a system without wall clock may use another one, like its uptime."""
    return int(seconds * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def middle(stamp: int) -> int:
    return stamp >> 16 & 0xFFFFFFFF


def write(ssrc: int, now: float, sent: Sent | None, heard: Heard | None) -> bytes:
    """A compound of a sender or receiver report and our name (RFC 3550 6.1)."""
    blocks = b"" if heard is None else _write_block(heard)
    body = struct.pack("!I", ssrc)
    kind = _RR
    if sent is not None:
        stamp = ntp(now)
        body = _SENDER.pack(ssrc, stamp >> 32, stamp & 0xFFFFFFFF, sent.timestamp, sent.packets, sent.octets)
        kind = _SR
    name = struct.pack("!IBB", ssrc, 1, len(_CNAME)) + _CNAME
    name += bytes(4 - len(name) % 4)  # at least one zero ends the list
    return _packet(kind, heard is not None, body + blocks) + _packet(_SDES, True, name)


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def _write_block(heard: Heard) -> bytes:
    lost = min(max(heard.lost, -0x800000), 0x7FFFFF) & 0xFFFFFF
    return _BLOCK.pack(
        *(heard.ssrc, heard.fraction_lost << 24 | lost, heard.highest & 0xFFFFFFFF, heard.jitter & 0xFFFFFFFF),
        *(heard.last_report, heard.since_report),
    )


def read(data: bytes | bytearray | memoryview) -> Report | None:
    """A compound of the peer. RFC 3550 A.2: every packet of it is of version 2, and their lengths fill the datagram."""
    size = len(data)
    if not 8 <= size <= MAX_BYTES or size % 4:
        return None
    at = packets = 0
    sent_at: int | None = None
    sent = 0
    of_stream = False
    heard: list[Heard] = []
    while at < size:
        first, kind, words = _HEADER.unpack_from(data, at) if size - at >= 4 else (0, 0, 0)
        end = at + 4 + 4 * words
        packets += 1
        if first >> 6 != 2 or end > size or packets > _MAX_PACKETS:
            return None
        if kind in (_SR, _RR):
            of_stream = True
            start = at + (_SENDER_END if kind == _SR else 8)
            if start + 24 * (first & 0x1F) > end:
                return None
            if kind == _SR:
                _, high, low, _, sent, _ = _SENDER.unpack_from(data, at + 4)
                sent_at = (high & 0xFFFF) << 16 | low >> 16
            heard += (_read_block(data, start + 24 * n) for n in range(first & 0x1F))
        at = end
    return Report(sent_at, tuple(heard), sent, of_stream)


def _read_block(data: bytes | bytearray | memoryview, at: int) -> Heard:
    ssrc, losses, highest, jitter, last_report, since_report = _BLOCK.unpack_from(data, at)
    lost = losses & 0xFFFFFF
    return Heard(ssrc, losses >> 24, lost - (lost >> 23 << 24), highest, jitter, last_report, since_report)


def round_trip_seconds(heard: Heard, now: float) -> float | None:
    """RFC 3550 6.4.1: A - LSR - DLSR; None while he has not had a sender report of ours, or says nonsense."""
    if not heard.last_report:
        return None
    ticks = middle(ntp(now)) - heard.last_report - heard.since_report & 0xFFFFFFFF
    return ticks / 65536 if ticks < 60 * 65536 else None
