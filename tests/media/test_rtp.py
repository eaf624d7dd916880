"""RTP headers: a table of good and bad packets, and that nothing raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.media import rtp

PLAIN = bytes.fromhex("800004d2000000a011223344")


@pytest.mark.parametrize(
    ("data", "start", "end"),
    [
        (PLAIN + b"x" * 160, 12, 172),
        (PLAIN, 12, 12),
        (b"\x82" + PLAIN[1:] + b"CCCCcccc" + b"x" * 20, 20, 40),  # two CSRCs
        (b"\x90" + PLAIN[1:] + bytes.fromhex("bede0001aabbccdd") + b"xx", 20, 22),  # extension of one word
        (b"\x90" + PLAIN[1:] + bytes.fromhex("bede0000") + b"xx", 16, 18),
        (b"\xa0" + PLAIN[1:] + b"xxx\x00\x00\x03", 12, 15),  # padding
        (b"\xb1" + PLAIN[1:] + b"CCCC" + bytes.fromhex("bede000100000000") + b"ab\x01", 24, 26),
    ],
)
def test_payload_is_cut_out(data: bytes, start: int, end: int) -> None:
    packet = rtp.parse(data)
    assert packet is not None
    assert (packet.payload_start, packet.payload_end) == (start, end)
    assert (packet.sequence, packet.timestamp, packet.ssrc) == (1234, 160, 0x11223344)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PLAIN[:11],
        b"\x00" + PLAIN[1:] + b"x" * 160,  # version 0: STUN looks like this
        b"\x40" + PLAIN[1:] + b"x" * 160,
        b"\xc0" + PLAIN[1:] + b"x" * 160,
        b"\x8f" + PLAIN[1:] + b"x" * 59,  # 15 CSRCs do not fit
        b"\x90" + PLAIN[1:] + b"\xbe\xde\x00",  # extension header cut
        b"\x90" + PLAIN[1:] + bytes.fromhex("bedeffff") + b"x" * 160,  # extension longer than the packet
        b"\xa0" + PLAIN[1:] + b"xxx\x00",  # padding count 0
        b"\xa0" + PLAIN[1:] + b"xxx\xff",  # padding longer than the payload
    ],
)
def test_malformed_packets_are_none(data: bytes) -> None:
    assert rtp.parse(data) is None


@given(st.binary(max_size=80), st.integers(0, 100))
def test_no_bytes_raise(data: bytes, length: int) -> None:
    packet = rtp.parse(data, length)
    if packet is not None:
        assert 12 <= packet.payload_start <= packet.payload_end <= length


@given(
    st.integers(0, 127),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=200),
    st.booleans(),
)
def test_what_is_built_parses(
    kind: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool
) -> None:
    data = rtp.build(kind, sequence, timestamp, ssrc, payload, marker=marker)
    packet = rtp.parse(bytearray(data) + b"rest of the buffer", len(data))
    assert packet == rtp.RtpPacket(kind, marker, sequence, timestamp, ssrc, 12, len(data))


@given(st.integers(0, 65535), st.integers(-32768, 32767))
def test_sequence_delta_over_the_wrap(start: int, step: int) -> None:
    assert rtp.sequence_delta((start + step) & 0xFFFF, start) == step


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
def test_timestamp_delta_over_the_wrap(start: int, step: int) -> None:
    assert rtp.timestamp_delta((start + step) & 0xFFFFFFFF, start) == step
