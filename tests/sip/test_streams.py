"""TCP: framing at any cut, keep-alives, slow senders, bounds, calls over a connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sip.peer import LOCAL, OFFER, REPLY, Peer, header, only, request, settings, start, status, tag, transmitted

from softswitch.sip.errors import SipError
from softswitch.sip.framing import StreamFramer
from softswitch.sip.messages import (
    Answer,
    CloseStream,
    Flow,
    Hangup,
    InviteReceived,
    LegEnded,
    SecurityEvent,
    StreamClosed,
    StreamReceived,
    Transmit,
)

TCP = Flow("tcp", LOCAL, ("192.0.2.10", 44444), 9)
OPTIONS = request("OPTIONS", 1, "o", flow=TCP)
INVITE = request("INVITE", 1, "c1", flow=TCP, body=OFFER)


def frames(cuts: list[bytes]) -> list[tuple[str, bytes]]:
    framer = StreamFramer(TCP, 65535)
    found = []
    for cut in cuts:
        framer.feed(cut)
        while (message := framer.next_message()) is not None:
            found.append((message.call_id, message.body))
    assert not framer.partial
    return found


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_any_cut_gives_the_same_messages(sizes: list[int]) -> None:
    data = b"\r\n" + INVITE + OPTIONS + b"\r\n\r\n" + INVITE + INVITE
    cuts, position, turn = [], 0, 0
    while position < len(data):
        size = sizes[turn % len(sizes)]
        cuts.append(data[position : position + size])
        position, turn = position + size, turn + 1
    assert frames(cuts) == [
        ("c1@gw.example", OFFER),
        ("o@gw.example", b""),
        ("c1@gw.example", OFFER),
        ("c1@gw.example", OFFER),
    ]


def test_folded_and_compact_content_length() -> None:
    for name in (b"l:", b"Content-Length :", b"CONTENT-LENGTH:\r\n "):
        data = INVITE.replace(b"Content-Length:", name)
        assert frames([data, OPTIONS])[0] == ("c1@gw.example", OFFER)


def test_malformed_message_between_good_ones() -> None:
    framer = StreamFramer(TCP, 65535)
    framer.feed(OPTIONS + b"NONSENSE\r\nContent-Length: 3\r\n\r\nabc" + OPTIONS)
    assert framer.next_message() is not None
    with pytest.raises(SipError):
        framer.next_message()
    assert framer.next_message() is not None
    assert not framer.broken


def test_ping_gets_a_pong() -> None:
    side = Peer()
    assert side.do(StreamReceived(TCP, b"\r\n\r\n")) == [Transmit(TCP, b"\r\n")]
    assert side.do(StreamReceived(TCP, b"\r\n")) == []
    assert side.do(StreamReceived(TCP, b"\r\n")) == [Transmit(TCP, b"\r\n")]


def test_half_a_message_is_cut_off_after_30_seconds() -> None:
    side = Peer()
    side.do(StreamReceived(TCP, OPTIONS[:50]))
    side.wait(20)
    side.do(StreamReceived(TCP, OPTIONS[50:60]))
    out = side.wait(10.1)
    assert only(out, CloseStream) == CloseStream(TCP)
    assert only(out, SecurityEvent).kind == "slow_stream"
    assert side.do(StreamReceived(TCP, OPTIONS[60:])) == []
    side.do(StreamClosed(TCP))
    assert not any(side.stack.counts().values())


def test_quiet_connection_stays() -> None:
    side = Peer()
    side.do(StreamReceived(TCP, OPTIONS))
    side.do(StreamReceived(TCP, b"\r\n"))
    assert side.wait(1000) == []
    assert [status(data) for data in transmitted(side.do(StreamReceived(TCP, OPTIONS)))] == [200]


def test_too_long_is_513_and_closed() -> None:
    side = Peer(settings(max_message_bytes=2000))
    data = OPTIONS.replace(b"Content-Length: 0", b"Content-Length: 5000")
    out = side.do(StreamReceived(TCP, data))
    assert [status(entry) for entry in transmitted(out)] == [513]
    assert only(out, CloseStream) == CloseStream(TCP)


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.sip.streams.MAX_STREAMS", 1)
    side = Peer()
    side.do(StreamReceived(TCP, OPTIONS))
    other = Flow("tcp", LOCAL, ("192.0.2.10", 44445), 10)
    assert only(side.do(StreamReceived(other, OPTIONS)), CloseStream) == CloseStream(other)


def test_call_over_a_connection_that_closes() -> None:
    """BYE goes to the remote target over a new connection."""
    side = Peer()
    out = side.do(
        StreamReceived(TCP, request("INVITE", 1, "c1", flow=TCP, body=OFFER, contact="sip:gw@192.0.2.10:5066"))
    )
    leg = only(out, InviteReceived).leg
    answer = only(side.do(Answer(leg, REPLY)), Transmit)
    assert answer.flow == TCP
    assert header(answer.data, "Contact") == "<sip:softswitch@192.0.2.1:5060;transport=tcp>"
    ours = tag(header(answer.data, "To"))
    side.do(StreamReceived(TCP, request("ACK", 1, "c1", flow=TCP, to_tag=ours, branch="a")))
    side.do(StreamClosed(TCP))
    assert not side.told(LegEnded), "a call outlives its connection"
    bye = only(side.do(Hangup(leg)), Transmit)
    assert bye.flow == Flow("tcp", LOCAL, ("192.0.2.10", 5066), -1)
    assert start(bye.data).startswith("BYE ")


def test_peer_comes_back_on_a_new_connection() -> None:
    side = Peer()
    leg = only(side.do(StreamReceived(TCP, INVITE)), InviteReceived).leg
    ours = tag(header(only(side.do(Answer(leg, REPLY)), Transmit).data, "To"))
    side.do(StreamReceived(TCP, request("ACK", 1, "c1", flow=TCP, to_tag=ours, branch="a")))
    side.do(StreamClosed(TCP))
    again = Flow("tcp", LOCAL, ("192.0.2.10", 44999), 11)
    side.do(StreamReceived(again, request("UPDATE", 2, "c1", flow=again, to_tag=ours)))
    assert only(side.do(Hangup(leg)), Transmit).flow == again
