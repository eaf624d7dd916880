"""RTCP: our reports, those of others (aiortc is the oracle), and twenty thousand broken ones."""

from __future__ import annotations

import random

import pytest
from aiortc.rtp import RtcpByePacket, RtcpPacket, RtcpReceiverInfo, RtcpRrPacket, RtcpSenderInfo, RtcpSrPacket
from hypothesis import given
from hypothesis import strategies as st

from softswitch.media import rtcp
from softswitch.media.rtcp import Heard, Report, Sent

HEARD = Heard(7, 64, 1000, 70_000, 40, 0x11112222, 0x3333)
INFO = RtcpReceiverInfo(7, 64, 1000, 70_000, 40, 0x11112222, 0x3333)


@pytest.mark.parametrize("heard", [HEARD, None])
def test_aiortc_understands_our_reports(heard: Heard | None) -> None:
    report, name = RtcpPacket.parse(rtcp.write(9, 1000.5, Sent(9, 160, 50, 8000), heard))
    assert isinstance(report, RtcpSrPacket)
    assert (report.ssrc, report.sender_info.packet_count, report.sender_info.octet_count) == (9, 50, 8000)
    assert report.sender_info.ntp_timestamp == (1000 << 32) + (1 << 31)
    assert report.reports == ([INFO] if heard else [])
    assert name.chunks[0].ssrc == 9
    report, _ = RtcpPacket.parse(rtcp.write(9, 1000.5, None, heard))
    assert isinstance(report, RtcpRrPacket)


def test_we_understand_aiortc() -> None:
    sender = RtcpSenderInfo(0x0102030405060708, 160, 50, 8000)
    compound = bytes(RtcpSrPacket(5, sender, [INFO])) + bytes(RtcpByePacket([5]))
    assert rtcp.read(compound) == Report(0x03040506, (HEARD,), 50)
    assert rtcp.read(bytes(RtcpRrPacket(5, [INFO, INFO]))) == Report(None, (HEARD, HEARD))


@given(st.integers(-(2**23), 2**23 - 1), st.integers(0, 255))
def test_losses_there_and_back(lost: int, fraction: int) -> None:
    heard = Heard(7, fraction, lost, 1, 2)
    assert rtcp.read(rtcp.write(9, 5.0, None, heard)) == Report(None, (heard,))


def test_round_trip() -> None:
    then = rtcp.middle(rtcp.ntp(100.0))
    assert rtcp.round_trip_seconds(Heard(7, 0, 0, 0, 0, then, 65536), 101.25) == pytest.approx(0.25, abs=0.001)
    assert rtcp.round_trip_seconds(Heard(7, 0, 0, 0, 0), 101.25) is None
    assert rtcp.round_trip_seconds(Heard(7, 0, 0, 0, 0, then, 65536 * 50), 101.25) is None


def test_twenty_thousand_broken_reports() -> None:
    chance = random.Random(20_261)
    good = rtcp.write(9, 1000.5, Sent(9, 160, 50, 8000), HEARD) + bytes(RtcpByePacket([9]))
    for _ in range(20_000):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(data))
            what = chance.randrange(3)
            if what == 0:
                data[at] = chance.randrange(256)
            elif what == 1:
                del data[at : at + 4 * chance.randrange(1, 4)]
            else:
                data[at:at] = chance.randbytes(4 * chance.randrange(1, 4))
            if not data:
                break
        report = rtcp.read(data)
        assert report is None or len(report.heard) <= 31 * 16
