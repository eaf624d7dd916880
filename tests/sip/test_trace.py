"""The ring of messages, what is masked, and the file for Wireshark: read back here, and by tshark where it is."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

from softswitch.sip.messages import Flow
from softswitch.sip.pcapng import _checksum, pcapng
from softswitch.sip.trace import Trace, Traced, masked, messages_in

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.10", 5080))
SIX = Flow("tcp", ("2001:db8::1", 5060), ("2001:db8::9", 40000), 3)


def message(call: str, more: str = "", body: str = "") -> bytes:
    return (
        f"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5080;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
        f"From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: {call}\r\nCSeq: 1 OPTIONS\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def test_found_by_call_id_and_nothing_else() -> None:
    trace = Trace()
    trace.note(1.0, False, FLOW, message("one"))
    trace.note(2.0, True, FLOW, message("two", "Subject: one\r\n"))
    trace.note(3.0, True, SIX, message("one").replace(b"Call-ID:", b"i :"))
    assert [(entry.at, entry.outgoing, entry.flow) for entry in trace.of(["one"])] == [
        (1.0, False, FLOW),
        (3.0, True, SIX),
    ]
    assert len(trace.of(["one", "two"])) == 3
    assert trace.of(["on"]) == []


def test_bounded_in_time_and_bytes() -> None:
    trace = Trace(keep_seconds=60, keep_bytes=100_000)
    for second in range(100):
        trace.note(float(second), False, FLOW, message(str(second)))
    assert len(trace) == 61
    for _ in range(1000):
        trace.note(100.0, False, FLOW, b"x" * 800)
    assert len(trace) == 100
    trace.note(5000.0, False, FLOW, message("late"))
    assert len(trace) == 1


@pytest.mark.parametrize(
    ("data", "gone", "kept"),
    [
        (message("c", 'Authorization: Digest username="u", response="0a1b2c", cnonce="9f"\r\n'), b"0a1b2c", b'"u"'),
        (message("c", "Authorization: Digest response = 0a1b2c\r\n"), b"0a1b2c", b"Digest"),
        (message("c", body="a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRETkey+/=\r\n"), b"SECRETkey", b"AES_CM"),
        (message("c", body="a=crypto:1 X inline:one|2^31|1:4;inline:SECRETkey\r\n"), b"SECRETkey", b"|1:4;inline:"),
        (message("c", body="a=ice-ufrag:abcd\r\na=ice-pwd:SECRETword\r\n"), b"SECRETword", b"a=ice-ufrag:abcd"),
        (message("c", "Content-Type: application/dtmf-relay\r\n", "Signal=7\r\nDuration=160\r\n"), b"=7", b"160"),
        (message("c", "c: application/dtmf\r\n", "7"), b"\r\n\r\n7", b"OPTIONS"),
        (message("c", "To: <sip:+3725550001,,1937%23@b>\r\n"), b"1937", b"<sip:+3725550001,********@b>"),
        (message("c").replace(b"sip:a@b SIP", b"sip:112,1937@b SIP"), b"1937", b"OPTIONS sip:112,****@b SIP/2.0"),
        (message("c", "Route: <sip:p;lr>,<sip:1937@q;lr>\r\n"), b"nothing of it", b"<sip:p;lr>,<sip:1937@q;lr>"),
    ],
)
def test_secrets_are_masked_in_place(data: bytes, gone: bytes, kept: bytes) -> None:
    shown = masked(data)
    assert gone not in shown
    assert kept in shown
    assert len(shown) == len(data)


INFO = "INFO sip:a@b SIP/2.0\r\nCall-ID: {call}\r\nCSeq: 2 INFO\r\n{more}Content-Length: {size}\r\n\r\n{body}"


def info(call: str, more: str, body: str) -> bytes:
    return INFO.format(call=call, more=more, body=body, size=len(body)).encode()


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ("Content-Type:\r\n application/dtmf-relay\r\n", "Signal=7\r\n"),
        ("Content-Type: application/vnd.nortelnetworks.digits\r\n", "d= Digits=7\r\n"),
        ("Content-Type: text/plain\r\n", "7"),
        ("Content-Type: application/dtmf-relay\r\n", 'Signal="7"\r\nSignal=1\r\n'),
        ("Content-Type: application/dtmf-relay\r\n", "Signal=1 7\r\nDuration=160\r\n"),
        (
            "Content-Type: multipart/mixed;boundary=x\r\n",
            "--x\r\nContent-Type: application/dtmf\r\n\r\n7\r\n--x\r\n\r\nSignal=1\r\n--x--",
        ),
        ("", "7"),
    ],
)
def test_digits_of_an_info_are_masked_whatever_it_calls_them(more: str, body: str) -> None:
    assert b"7" not in masked(info("c", more, body))
    assert b"7" not in masked(info("c", more, body).replace(b"\r\n", b"\n"))


def test_one_read_of_a_connection_may_bring_several_messages() -> None:
    trace = Trace()
    digit = info("two", "Content-Type: application/dtmf-relay\r\n", "Signal=7\r\nDuration=160\r\n")
    begun = b"7\r\nDuration=160\r\n"  # the end of an INFO of the read before
    trace.note(1.0, False, SIX, begun + message("one") + digit + message("two"))
    assert [entry.data for entry in trace.of(["one"])] == [message("one")]
    assert [entry.data for entry in trace.of(["two"])] == [digit.replace(b"=7", b"=*"), message("two")]


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        kind, length = struct.unpack_from("<II", data)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, length - 4)[0] == length
        found.append((kind, data[8 : length - 4]))
        data = data[length:]
    return found


ENTRIES = [Traced(10.25, False, FLOW, message("c1")), Traced(11.5, True, SIX, message("c1"))]


def test_the_file() -> None:
    section, interface, first, second = blocks(pcapng(ENTRIES, 1_700_000_000.0))
    assert [section[0], interface[0], first[0], second[0]] == [0x0A0D0D0A, 1, 6, 6]
    assert struct.unpack_from("<IHH", section[1]) == (0x1A2B3C4D, 1, 0)
    assert struct.unpack_from("<H", interface[1])[0] == 101
    _, high, low, length, _ = struct.unpack_from("<IIIII", first[1])
    assert (high << 32 | low) == 1_700_000_010_250_000
    packet = first[1][20 : 20 + length]
    assert packet[12:20] == bytes([192, 0, 2, 10, 192, 0, 2, 1])
    assert struct.unpack_from("!HH", packet, 20) == (5080, 5060)
    assert _checksum(packet[:20]) == 0
    assert packet[28:] == message("c1")
    six = second[1][20:]
    assert six[0] >> 4 == 6
    assert struct.unpack_from("!HH", six, 40) == (5060, 40000)


@pytest.mark.parametrize("data", [b"A" * 65_000, b"\r\n\r\n" * 16_000, b"A B SIP/2.0\r\n\r\n" * 4000, b"AB " * 20_000])
def test_what_a_stranger_sends_over_tcp_is_taken_apart_at_once(data: bytes) -> None:
    """A mirror does this while calls are up."""
    began = time.thread_time()
    for piece in messages_in(Traced(1.0, False, SIX, data)):
        masked(piece)
    assert time.thread_time() - began < 0.5, "it took seconds"


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed (Debian: apt-get install tshark)")
def test_wireshark_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "call.pcapng"
    file.write_bytes(pcapng(ENTRIES, 1_700_000_000.0))
    fields = (
        "-T",
        "fields",
        "-e",
        "sip.Method",
        "-e",
        "sip.Call-ID",
        "-e",
        "udp.checksum.status",
        "-e",
        "_ws.malformed",
    )
    seen = subprocess.run(
        ["tshark", "-r", str(file), "-o", "udp.check_checksum:TRUE", *fields],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.rstrip() for line in seen.stdout.splitlines()] == ["OPTIONS\tc1\t1", "OPTIONS\tc1\t1"]
