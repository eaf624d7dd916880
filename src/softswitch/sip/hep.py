"""SIP messages as HEPv3 packets, for collectors such as HOMER (the HEP/EEP specification, revision 14).

    "HEP3" | total length | chunk ...        chunk: vendor (0) | type | length with these six bytes | content

All numbers are big-endian. Pure: messages in, datagrams out; what is written was masked before (`sip.trace`).
"""

from __future__ import annotations

import struct
from ipaddress import ip_address

from softswitch.sip.trace import Traced

MOST_BYTES = 60_000  # of one message: the packet has to fit into a datagram
_SIP = 1
_PROTOCOLS = {"udp": 17}  # everything else of ours is TCP below
_FAMILIES = {4: 2, 6: 10}


def hep_packet(entry: Traced, wall: float, agent: int, key: str = "", correlation: bytes = b"") -> bytes:
    """`wall`: when, in seconds since 1970. `agent` and `key` are what the collector knows us by."""
    flow = entry.flow
    ends = (flow.local, flow.remote) if entry.outgoing else (flow.remote, flow.local)
    source, target = (ip_address(host.partition("%")[0]) for host, _ in ends)
    if source.version != target.version:  # one of them is "every address"
        source, target = (one if one.version == 6 else ip_address(f"::ffff:{one}") for one in (source, target))
    version = source.version
    seconds = int(wall)
    chunks = [
        _chunk(1, struct.pack("!B", _FAMILIES[version])),
        _chunk(2, struct.pack("!B", _PROTOCOLS.get(flow.transport, 6))),
        _chunk(3 if version == 4 else 5, source.packed),
        _chunk(4 if version == 4 else 6, target.packed),
        _chunk(7, struct.pack("!H", ends[0][1])),
        _chunk(8, struct.pack("!H", ends[1][1])),
        _chunk(9, struct.pack("!I", seconds & 0xFFFFFFFF)),
        _chunk(10, struct.pack("!I", int((wall - seconds) * 1_000_000))),
        _chunk(11, struct.pack("!B", _SIP)),
        _chunk(12, struct.pack("!I", agent)),
    ]
    if key:
        chunks.append(_chunk(14, key.encode()))
    if correlation:
        chunks.append(_chunk(17, correlation[:255]))
    chunks.append(_chunk(15, entry.data[:MOST_BYTES]))
    body = b"".join(chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def _chunk(kind: int, content: bytes) -> bytes:
    return struct.pack("!HHH", 0, kind, 6 + len(content)) + content
