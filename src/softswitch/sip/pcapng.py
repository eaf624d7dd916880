"""Traced messages as a pcapng file, the format of Wireshark (draft-ietf-opsawg-pcapng, link type 101: raw IP).

What was sent over TCP is written as UDP as well: only whole messages are known, not the segments they came in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import ip_address

from softswitch.sip.trace import Traced

_LINK_RAW_IP = 101
_UDP = 17
_MAX_UDP = 65_000


def pcapng(entries: Iterable[Traced], wall_offset: float) -> bytes:
    """`wall_offset` is added to the monotonic times: seconds since 1970."""
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    interface = struct.pack("<HHI", _LINK_RAW_IP, 0, 0)
    parts = [_block(0x0A0D0D0A, section), _block(1, interface)]
    for entry in entries:
        packet = _packet(entry)
        micros = int((entry.at + wall_offset) * 1_000_000)
        head = struct.pack("<IIIII", 0, micros >> 32, micros & 0xFFFFFFFF, len(packet), len(packet))
        parts.append(_block(6, head + packet + b"\0" * (-len(packet) % 4)))
    return b"".join(parts)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _packet(entry: Traced) -> bytes:
    """IP and UDP around the message, with right checksums."""
    data = entry.data[:_MAX_UDP]
    ends = (entry.flow.local, entry.flow.remote) if entry.outgoing else (entry.flow.remote, entry.flow.local)
    (source_host, source_port), (target_host, target_port) = ends
    source, target = ip_address(source_host.partition("%")[0]), ip_address(target_host.partition("%")[0])
    if source.version != target.version:  # bound to every address
        source = source if source.version == 6 else ip_address(f"::ffff:{source}")
        target = target if target.version == 6 else ip_address(f"::ffff:{target}")
    length = 8 + len(data)
    pseudo = source.packed + target.packed
    pseudo += struct.pack("!BBH", 0, _UDP, length) if source.version == 4 else struct.pack("!IHBB", length, 0, 0, _UDP)
    udp = struct.pack("!HHHH", source_port, target_port, length, 0)
    udp = udp[:6] + struct.pack("!H", _checksum(pseudo + udp + data) or 0xFFFF)
    if source.version == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, _UDP, 0) + source.packed + target.packed
        head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    else:
        head = struct.pack("!IHBB", 6 << 28, length, _UDP, 64) + source.packed + target.packed
    return head + udp + data


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
