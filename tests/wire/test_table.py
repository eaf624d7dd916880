"""Our own byte table: one message each, and what goes back; as a datagram, and over TCP whole and byte by byte."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sip.peer import GATEWAY, LOCAL, Peer, header, start, status, transmitted

from softswitch.sip.messages import CloseStream, Flow, StreamReceived

TCP = Flow("tcp", LOCAL, ("192.0.2.10", 4000), 3)
SILENCE = 0
DEFAULTS = {
    "line": "OPTIONS sip:8000@bank.example SIP/2.0",
    "Via": "SIP/2.0/UDP 192.0.2.10:5080;branch=z9hG4bKa;rport",
    "Max-Forwards": "70",
    "From": "<sip:a@gw.example>;tag=1",
    "To": "<sip:8000@bank.example>",
    "Call-ID": "t1",
    "CSeq": "1 OPTIONS",
    "Content-Length": "0",
}


def message(*more: str, body: bytes = b"", **changes: str | None) -> bytes:
    values: dict[str, str | None] = {**DEFAULTS, **{name.replace("_", "-"): text for name, text in changes.items()}}
    line = values.pop("line")
    lines = [str(line), *(f"{name}: {text}" for name, text in values.items() if text is not None), *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + body


def of(method: str, **changes: str | None) -> bytes:
    return message(line=f"{method} sip:8000@bank.example SIP/2.0", **{"CSeq": f"1 {method}", **changes})


INVITE = {"line": "INVITE sip:8000@bank.example SIP/2.0", "CSeq": "1 INVITE", "Contact": "<sip:a@192.0.2.10:5080>"}

TABLE: dict[str, tuple[bytes, int]] = {
    "plain": (message(), 200),
    "compact names": (message("v: SIP/2.0/UDP 192.0.2.10:5080;branch=z9hG4bKc", "f: <sip:a@b>;tag=2", "t: <sip:c@d>",
                              "i: x", Via=None, From=None, To=None, Call_ID=None), 200),
    "odd case": (message("mAx-FORWARDS: 70", Max_Forwards=None), 200),
    "folded": (message("Subject: one\r\n two\r\n\tthree"), 200),
    "blank before colon": (message("Subject  : x"), 200),
    "blank lines in front": (b"\r\n\r\n" + message(), 200),
    "several vias in lines": (message("Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKz"), 200),
    "several vias in one line": (message(Via="SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKa,SIP/2.0/TCP h;branch=z9hG4"), 200),
    "ipv6 via": (message(Via="SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKa;rport"), 200),
    "lower case version": (message(line="OPTIONS sip:8000@bank.example sip/2.0"), 200),
    "utf-8 in a name": (message(From='"Jüri Õun" <sip:a@b>;tag=1'), 200),
    "bytes that are no utf-8": (message(From='"\udcff\udcfe" <sip:a@b>;tag=1'), 200),
    "no max-forwards": (message(Max_Forwards=None), 200),
    "no via": (message(Via=None), SILENCE),
    "no from": (message(From=None), 400),
    "no to": (message(To=None), 400),
    "no call-id": (message(Call_ID=None), 400),
    "no cseq": (message(CSeq=None), 400),
    "cseq of another method": (message(CSeq="1 INVITE"), 400),
    "cseq too large": (message(CSeq="2147483648 OPTIONS"), 400),
    "cseq negative": (message(CSeq="-1 OPTIONS"), 400),
    "cseq twice": (message("CSeq: 2 OPTIONS"), 400),
    "from twice": (message("f: <sip:x@y>;tag=4"), 400),
    "call-id twice": (message("i: other"), 400),
    "max-forwards text": (message(Max_Forwards="many"), 400),
    "max-forwards beyond 255": (message(Max_Forwards="256"), 400),
    "max-forwards zero": (message(Max_Forwards="0"), 483),
    "version 3": (message(line="OPTIONS sip:8000@bank.example SIP/3.0"), 505),
    "no version": (message(line="OPTIONS sip:8000@bank.example"), SILENCE),
    "unknown scheme": (message(line="OPTIONS mailto:x SIP/2.0"), 416),
    "sips": (message(line="OPTIONS sips:8000@bank.example SIP/2.0"), 416),
    "uri with headers": (message(line="OPTIONS sip:8000@bank.example?Subject=x SIP/2.0"), 400),
    "uri without host": (message(line="OPTIONS sip:8000@ SIP/2.0"), 400),
    "uri port out of range": (message(line="OPTIONS sip:8000@bank.example:70000 SIP/2.0"), 400),
    "header without colon": (message("Nonsense"), 400),
    "header with a blank name": (message("No Name: x"), 400),
    "requires": (message("Require: 100rel, gruu"), 420),
    "unknown method": (of("JUGGLE"), 501),
    "known method": (of("PUBLISH"), 405),
    "prack": (of("PRACK"), 481),
    "register of a stranger": (of("REGISTER"), 401),
    "bye outside a dialog": (of("BYE"), 481),
    "bye to a dialog that is not": (of("BYE", To="<sip:8000@bank.example>;tag=none"), 481),
    "invite to a dialog that is not": (message(**{**INVITE, "To": "<sip:8000@bank.example>;tag=none"}), 481),
    "cancel of nothing": (of("CANCEL"), 481),
    "ack of nothing": (of("ACK"), SILENCE),
    "broken ack": (of("ACK", CSeq="x"), SILENCE),
    "response to nothing": (message(line="SIP/2.0 200 OK"), SILENCE),
    "broken response": (message(line="SIP/2.0 200 OK", Via="nonsense"), SILENCE),
    "status 700": (message(line="SIP/2.0 700 OK"), SILENCE),
    "invite": (message(**INVITE), 100),
    "invite without contact": (message(**{**INVITE, "Contact": None}), 400),
    "invite to a tel uri": (message(**{**INVITE, "line": "INVITE tel:+372-631-0000 SIP/2.0"}), 100),
    "invite with text": (message("Content-Type: text/plain", body=b"hi", **{**INVITE, "Content-Length": "2"}), 415),
    "invite with compressed sdp": (message("Content-Type: application/sdp", "Content-Encoding: gzip", body=b"hi",
                                           **{**INVITE, "Content-Length": "2"}), 415),
    "quote that does not end": (message(To='"x <sip:8000@bank.example>'), 400),
    "via without branch": (message(Via="SIP/2.0/UDP 192.0.2.10:5080"), 200),
    "via without host": (message(Via="SIP/2.0/UDP ;branch=z9hG4bKa"), 400),
}  # fmt: skip

# What a datagram and a stream see differently.
DATAGRAMS: dict[str, tuple[bytes, int]] = {
    "http": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", SILENCE),
    "no content-length": (message(Content_Length=None), 200),
    "head that does not end": (message()[:-2], 400),
    "body longer than said": (message(body=b"more than nothing"), 200),
    "body shorter than said": (message(Content_Length="9"), 400),
    "content-length with sign": (message(Content_Length="+0"), 400),
    "content-length in hexadecimal": (message(Content_Length="0x0"), 400),
    "content-length list": (message(Content_Length="0, 0"), 400),
    "content-length twice": (message("l: 0"), 400),
    "lone line feed": (message(From="<sip:a@b>;tag=1\nX: y"), SILENCE),
    "lone carriage return": (message(From="<sip:a@b>;tag=1\rX: y"), SILENCE),
    "header line of 9000 bytes": (message("Subject: " + "x" * 9000), SILENCE),
    "201 headers": (message(*["X: y"] * 201), SILENCE),
    "nothing": (b"", SILENCE),
    "keep-alive": (b"\r\n\r\n", SILENCE),
    "zeros": (b"\0" * 50, SILENCE),
}
STREAMS: dict[str, bytes] = {
    "no content-length": message(Content_Length=None),
    "content-length with sign": message(Content_Length="+0"),
    "content-length in hexadecimal": message(Content_Length="0x0"),
    "content-length list": message(Content_Length="0, 0"),
    "content-length twice": message("l: 0"),
    "content-length beyond all bounds": message(Content_Length="999999"),
    "content-length with many digits": message(Content_Length="1" * 30),
    "a head without end": b"OPTIONS sip:x SIP/2.0\r\n" + b"X: y\r\n" * 10_000,
}


def codes(out: list[Any]) -> list[int]:
    return [status(data) for data in transmitted(out) if data != b"\r\n"]


@pytest.mark.parametrize("name", [*TABLE, *DATAGRAMS])
def test_datagram(name: str) -> None:
    data, expected = {**TABLE, **DATAGRAMS}[name]
    side = Peer()
    assert codes(side.packet(data))[:1] == ([expected] if expected else []), name
    assert codes(side.packet(message(Via="SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKping"))) == [200]


@pytest.mark.parametrize("name", TABLE)
def test_stream(name: str) -> None:
    data, expected = TABLE[name]
    whole, single = Peer(), Peer()
    ping = message(Via="SIP/2.0/TCP 192.0.2.10;branch=z9hG4bKping")
    at_once = codes(whole.do(StreamReceived(TCP, data + ping)))
    in_bytes = codes([entry for byte in data + ping for entry in single.do(StreamReceived(TCP, bytes([byte])))])
    assert at_once == in_bytes
    assert at_once == ([expected, 200] if expected else [200]), name


@pytest.mark.parametrize("name", STREAMS)
def test_stream_that_cannot_be_cut_is_closed_once(name: str) -> None:
    side = Peer()
    out = side.do(StreamReceived(TCP, STREAMS[name])) + side.do(StreamReceived(TCP, message()))
    assert [entry for entry in out if isinstance(entry, CloseStream)] == [CloseStream(TCP)]
    assert set(codes(out)) <= {400, 513}


def test_retransmitted_refusals_are_alike() -> None:
    """Without state, and yet with the same To tag (RFC 3261 8.2.7)."""
    side = Peer()
    data = of("JUGGLE")
    assert side.sent(data) == side.sent(data)
    assert "tag=" in header(side.sent(data)[0], "To")
    assert side.stack.counts()["server_transactions"] == 0


def test_refusals_say_what_is_allowed_and_what_is_not() -> None:
    side = Peer()
    assert "INVITE" in header(side.sent(of("PUBLISH"))[0], "Allow")
    assert header(side.sent(message("Require: gruu, 100rel", "Require: path"))[0], "Unsupported") == "gruu, path"
    reply = side.sent(message())[0]
    assert start(reply) == "SIP/2.0 200 OK"
    assert "application/sdp" in header(reply, "Accept")
    assert "REGISTER" in header(reply, "Allow")


def test_no_version_is_told() -> None:
    side = Peer()
    for data, _ in TABLE.values():
        for sent in side.sent(data, GATEWAY):
            assert not header(sent, "Server")
            assert not header(sent, "User-Agent")
