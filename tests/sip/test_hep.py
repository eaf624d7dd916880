"""HEPv3 packets, byte by byte as the specification writes them."""

from __future__ import annotations

import struct

from softswitch.sip.hep import MOST_BYTES, hep_packet
from softswitch.sip.messages import Flow
from softswitch.sip.trace import Traced

LOCAL, REMOTE = ("192.0.2.1", 5060), ("198.51.100.7", 40000)
UDP = Flow("udp", LOCAL, REMOTE)


def chunks(packet: bytes) -> list[tuple[int, int, bytes]]:
    """(vendor, type, content), by the lengths written in the packet."""
    assert packet[:4] == b"HEP3"
    assert struct.unpack("!H", packet[4:6])[0] == len(packet)
    found, at = [], 6
    while at < len(packet):
        vendor, kind, length = struct.unpack("!HHH", packet[at : at + 6])
        found.append((vendor, kind, packet[at + 6 : at + length]))
        at += length
    assert at == len(packet)
    return found


def test_a_packet_byte_by_byte() -> None:
    packet = hep_packet(Traced(1.0, False, UDP, b"OPTIONS"), 1_700_000_000.25, 2001, "key", b"a@b")
    expected = (
        "48455033" "007c"  # HEP3, 124 bytes
        "0000 0001 0007 02"  # IPv4
        "0000 0002 0007 11"  # UDP
        "0000 0003 000a c6336407"  # from 198.51.100.7
        "0000 0004 000a c0000201"  # to 192.0.2.1
        "0000 0007 0008 9c40"  # from port 40000
        "0000 0008 0008 13c4"  # to port 5060
        "0000 0009 000a 6553f100"  # seconds
        "0000 000a 000a 0003d090"  # microseconds
        "0000 000b 0007 01"  # SIP
        "0000 000c 000a 000007d1"  # agent 2001
        "0000 000e 0009 6b6579"  # key
        "0000 0011 0009 614062"  # correlation
        "0000 000f 000d 4f5054494f4e53"  # OPTIONS
    )  # fmt: skip
    assert packet.hex() == expected.replace(" ", "")


def test_our_own_messages_go_the_other_way() -> None:
    content = {kind: data for _, kind, data in chunks(hep_packet(Traced(0, True, UDP, b"x"), 0.0, 1))}
    assert (content[3], content[4]) == (bytes((192, 0, 2, 1)), bytes((198, 51, 100, 7)))
    assert (content[7], content[8]) == (b"\x13\xc4", b"\x9c\x40")
    assert not {14, 17} & content.keys(), "nothing is written that there is not"


def test_ipv6_and_connections() -> None:
    flow = Flow("tls", ("2001:db8::1", 5061), ("2001:db8::2", 5), 3)
    content = {kind: data for _, kind, data in chunks(hep_packet(Traced(0, False, flow, b"x"), 0.0, 1))}
    assert (content[1], content[2]) == (b"\x0a", b"\x06")
    assert content[5].hex() == "20010db8000000000000000000000002"
    assert content[6].hex() == "20010db8000000000000000000000001"
    mixed = Flow("udp", ("::", 5060), REMOTE)
    content = {kind: data for _, kind, data in chunks(hep_packet(Traced(0, False, mixed, b"x"), 0.0, 1))}
    assert content[5][10:] == b"\xff\xff" + bytes((198, 51, 100, 7))


def test_a_huge_message_is_cut() -> None:
    packet = hep_packet(Traced(0, False, UDP, b"x" * 70_000), 0.0, 1)
    assert {kind: data for _, kind, data in chunks(packet)}[15] == b"x" * MOST_BYTES
