"""Keys that we press for a peer by INFO."""

from __future__ import annotations

from tests.sip.peer import PHONE, Peer, from_agent, header, response, start, status, transmitted

from softswitch.ids import LegId
from softswitch.sip.digit_messages import SendInfoKeys

LEG = LegId(900)


def infos(out: list[object]) -> list[bytes]:
    return [data for data in transmitted(out) if start(data).startswith("INFO ")]


def body(data: bytes) -> bytes:
    return data.partition(b"\r\n\r\n")[2]


def test_one_after_the_other() -> None:
    side = Peer()
    side.dial_and_talk()
    (first,) = infos(side.do(SendInfoKeys(LEG, "1#", 160)))
    assert start(first) == "INFO sip:1001@198.51.100.7:40000 SIP/2.0"
    assert header(first, "Content-Type") == "application/dtmf-relay"
    assert body(first) == b"Signal=1\r\nDuration=160\r\n"
    assert infos(side.do(SendInfoKeys(LEG, "5"))) == []  # waits for its turn
    assert infos(side.packet(response(100, first), PHONE)) == []
    (second,) = infos(side.packet(response(200, first), PHONE))
    assert body(second) == b"Signal=#\r\nDuration=160\r\n"
    assert int(header(second, "CSeq").split()[0]) == int(header(first, "CSeq").split()[0]) + 1
    (third,) = infos(side.packet(response(200, second), PHONE))
    assert body(third) == b"Signal=5\r\nDuration=100\r\n"
    assert infos(side.packet(response(200, third), PHONE)) == []
    assert len(infos(side.do(SendInfoKeys(LEG, "7")))) == 1


def test_a_peer_that_refuses_gets_no_more() -> None:
    side = Peer()
    side.dial_and_talk()
    (first,) = infos(side.do(SendInfoKeys(LEG, "123")))
    assert infos(side.packet(response(415, first), PHONE)) == []
    side.wait(60)
    assert len(infos(side.do(SendInfoKeys(LEG, "4")))) == 1


def test_silence_drops_the_rest() -> None:
    side = Peer()
    side.dial_and_talk()
    side.do(SendInfoKeys(LEG, "123"))
    out = side.wait(40)
    assert {body(data) for data in infos(out)} == {b"Signal=1\r\nDuration=100\r\n"}


def test_nothing_to_a_leg_that_is_not_up_or_over() -> None:
    side = Peer()
    invite = side.dial()
    assert infos(side.do(SendInfoKeys(LEG, "1"))) == []
    side.packet(response(200, invite), PHONE)
    (first,) = infos(side.do(SendInfoKeys(LEG, "12")))
    bye = from_agent("BYE", 2, invite)
    assert status(transmitted(side.packet(bye, PHONE))[0]) == 200
    assert infos(side.packet(response(200, first), PHONE)) == []
    assert infos(side.do(SendInfoKeys(LEG, "1"))) == []
