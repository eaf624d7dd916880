"""Incoming legs: answer, refuse, cancel, lost ACK, hang-up at every moment."""

from __future__ import annotations

import pytest
from tests.sip.peer import GATEWAY, OFFER, REALM, REPLY, Peer, header, only, request, start, status, tag, transmitted

from softswitch.ids import TrunkId
from softswitch.sip.messages import (
    AckReceived,
    Answer,
    EndedBy,
    Flow,
    Hangup,
    InfoDigitReceived,
    InviteReceived,
    LegEnded,
    Origin,
    Reject,
    RespondProvisional,
    Transmit,
)


def test_invite_is_announced_with_who_and_what() -> None:
    side = Peer()
    out = side.packet(request("INVITE", 1, "c1", body=OFFER))
    assert status(transmitted(out)[0]) == 100
    call = only(out, InviteReceived)
    assert call.origin == Origin(trunk=TrunkId("pstn"))
    assert (call.dialled, call.caller, call.caller_name) == ("8000", "79123456789", "")
    assert call.sdp == OFFER
    assert call.flow == GATEWAY


def test_ringing_and_answer() -> None:
    side = Peer()
    leg = side.ring()
    ringing = transmitted(side.do(RespondProvisional(leg, 180)))[0]
    early = transmitted(side.do(RespondProvisional(leg, 183, REPLY)))[0]
    answer = transmitted(side.do(Answer(leg, REPLY)))[0]
    assert [start(data) for data in (ringing, early, answer)] == [
        "SIP/2.0 180 Ringing",
        "SIP/2.0 183 Session Progress",
        "SIP/2.0 200 OK",
    ]
    assert len({tag(header(data, "To")) for data in (ringing, early, answer)}) == 1
    assert early.endswith(REPLY)
    assert answer.endswith(REPLY)
    assert header(answer, "Contact") == "<sip:softswitch@192.0.2.1:5060>"
    assert "INVITE" in header(answer, "Allow")


def test_record_route_is_copied_in_order() -> None:
    side = Peer()
    routes = ("Record-Route: <sip:192.0.2.11;lr>, <sip:p2.example;lr>", "Record-Route: <sip:p3.example;lr>")
    leg = side.ring(extra=routes)
    answer = transmitted(side.do(Answer(leg, REPLY)))[0].decode()
    assert "Record-Route: <sip:192.0.2.11;lr>, <sip:p2.example;lr>\r\nRecord-Route: <sip:p3.example;lr>\r\n" in answer
    ours = tag(header(answer.encode(), "To"))
    side.packet(request("ACK", 1, "c1", to_tag=ours, branch="a"))
    bye = only(side.do(Hangup(leg)), Transmit)
    assert bye.flow.remote == ("192.0.2.11", 5060)
    lines = [line for line in bye.data.decode().split("\r\n") if line.startswith("Route:")]
    assert lines == ["Route: <sip:192.0.2.11;lr>", "Route: <sip:p2.example;lr>", "Route: <sip:p3.example;lr>"]


def test_strict_router_gets_the_request_uri() -> None:
    side = Peer()
    leg = side.ring(extra=("Record-Route: <sip:192.0.2.11>",))
    answer = transmitted(side.do(Answer(leg, REPLY)))[0]
    side.packet(request("ACK", 1, "c1", to_tag=tag(header(answer, "To")), branch="a"))
    bye = transmitted(side.do(Hangup(leg)))[0]
    assert start(bye) == "BYE sip:192.0.2.11 SIP/2.0"
    assert header(bye, "Route") == "<sip:gw@192.0.2.10:5080>"


def test_first_ack_only() -> None:
    side = Peer()
    leg = side.ring(body=b"")
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    ack = request("ACK", 1, "c1", to_tag=ours, branch="a", body=OFFER)
    assert side.packet(ack) == [AckReceived(leg, OFFER)]
    assert side.packet(ack) == []
    assert side.wait(40.0) == []


def test_answer_is_repeated_until_the_ack() -> None:
    side = Peer()
    leg = side.ring()
    answer = transmitted(side.do(Answer(leg, REPLY)))[0]
    begin = side.now
    times = []
    while side.now < begin + 16:
        times += [round(side.now - begin, 1) for data in transmitted(side.wait(0.5)) if data == answer]
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5]


def test_lost_ack_ends_in_bye() -> None:
    side = Peer()
    leg = side.ring()
    side.do(Answer(leg, REPLY))
    out = side.wait(31.9)
    assert not [entry for entry in out if isinstance(entry, LegEnded)]
    out = side.wait(0.2)
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.TIMEOUT, 408)
    assert start(transmitted(out)[-1]).startswith("BYE ")


def test_retransmitted_invite_is_absorbed_also_after_the_answer() -> None:
    side = Peer()
    invite = request("INVITE", 1, "c1", body=OFFER)
    leg = only(side.packet(invite), InviteReceived).leg
    assert [status(data) for data in side.sent(invite)] == [100]
    side.do(RespondProvisional(leg, 180))
    assert [status(data) for data in side.sent(invite)] == [180]
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    assert side.packet(invite) == []
    side.packet(request("ACK", 1, "c1", to_tag=ours, branch="a"))
    side.packet(request("BYE", 2, "c1", to_tag=ours))
    side.wait(31.0)
    assert side.packet(invite) == [], "a late duplicate must not make a second call"


def test_duplicate_of_a_call_that_goes_on() -> None:
    """However late: the transaction is gone, the call is not."""
    side = Peer()
    side.talk()
    side.wait(100.0)
    assert [status(data) for data in side.sent(request("INVITE", 1, "c1", body=OFFER))] == [482]


def test_merged_invite() -> None:
    side = Peer()
    side.ring()
    assert [status(data) for data in side.sent(request("INVITE", 1, "c1", branch="other", body=OFFER))] == [482]


@pytest.mark.parametrize("code", [404, 486, 503])
def test_reject_is_repeated_until_the_ack(code: int) -> None:
    side = Peer()
    leg = side.ring()
    out = side.do(Reject(leg, code, retry_after_seconds=7, cause=34))
    refusal = transmitted(out)[0]
    assert status(refusal) == code
    assert header(refusal, "Retry-After") == "7"
    assert header(refusal, "Reason") == "Q.850;cause=34"
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.US, code)
    assert transmitted(side.wait(0.5)) == [refusal]
    ack = request("ACK", 1, "c1", to_tag=tag(header(refusal, "To")), branch="c1INVITE1")
    assert side.packet(ack) == []
    assert side.wait(40.0) == []
    assert not any(side.stack.counts().values())


def test_reject_without_ack_ends_after_64_t1() -> None:
    side = Peer()
    side.do(Reject(side.ring(), 486))
    repeats = side.wait(32.5)
    assert len(transmitted(repeats)) == 10
    assert not any(side.stack.counts().values())


def test_cancel_while_ringing() -> None:
    side = Peer()
    leg = side.ring()
    reason = ("Reason: Q.850;cause=16",)
    out = side.packet(request("CANCEL", 1, "c1", branch="c1INVITE1", extra=reason))
    assert [status(data) for data in transmitted(out)] == [200, 487]
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.PEER, 487, 16)
    assert side.do(Answer(leg, REPLY)) == []
    assert side.do(Hangup(leg)) == []


def test_cancel_after_the_answer_changes_nothing() -> None:
    side = Peer()
    leg = side.ring()
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    out = side.packet(request("CANCEL", 1, "c1", branch="c1INVITE1"))
    assert [status(data) for data in transmitted(out)] == [200]
    assert side.packet(request("ACK", 1, "c1", to_tag=ours, branch="a")) == [AckReceived(leg, None)]


def test_cancel_from_another_sender_finds_nothing() -> None:
    """The transaction is branch and sent-by (RFC 3261 17.2.3)."""
    side = Peer()
    side.ring()
    other = Flow("udp", GATEWAY.local, ("192.0.2.11", 5080))
    out = side.packet(request("CANCEL", 1, "c1", branch="c1INVITE1", flow=other), other)
    assert [status(data) for data in transmitted(out)] == [481]


def test_peer_hangs_up() -> None:
    side = Peer()
    leg, ours = side.talk()
    bye = request("BYE", 2, "c1", to_tag=ours, extra=('Reason: Q.850 ;text="x";cause=31',))
    out = side.packet(bye)
    assert [status(data) for data in transmitted(out)] == [200]
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.PEER, 200, 31)
    assert [status(data) for data in side.sent(bye)] == [200], "a repeated BYE is answered again"
    assert [status(data) for data in side.sent(request("INFO", 3, "c1", to_tag=ours))] == [481]


def test_bye_before_the_answer() -> None:
    side = Peer()
    leg = side.ring()
    ours = tag(header(transmitted(side.do(RespondProvisional(leg, 180)))[0], "To"))
    out = side.packet(request("BYE", 2, "c1", to_tag=ours))
    assert sorted(status(data) for data in transmitted(out)) == [200, 487]
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.PEER, 487)


def test_bye_that_overtakes_the_ack() -> None:
    side = Peer()
    leg = side.ring()
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    out = side.packet(request("BYE", 2, "c1", to_tag=ours))
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.PEER, 200)
    assert side.packet(request("ACK", 1, "c1", to_tag=ours, branch="a")) == []
    assert transmitted(side.wait(40.0)) == []


def test_we_hang_up() -> None:
    side = Peer()
    leg, _ = side.talk()
    out = side.do(Hangup(leg, 'SIP;cause=200;text="Call completed\r\nelsewhere"'))
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.US, 200)
    bye = transmitted(out)[0]
    assert start(bye) == "BYE sip:gw@192.0.2.10:5080 SIP/2.0"
    assert header(bye, "Reason") == 'SIP;cause=200;text="Call completed  elsewhere"'
    assert header(bye, "From") == f"<sip:8000@{REALM}>;tag={tag(header(bye, 'From'))}"
    assert side.do(Hangup(leg)) == []
    assert len(transmitted(side.wait(40.0))) == 10


def test_hang_up_before_the_ack_waits_for_it() -> None:
    """RFC 3261 15: no BYE before the ACK."""
    side = Peer()
    leg = side.ring()
    answer = transmitted(side.do(Answer(leg, REPLY)))[0]
    out = side.do(Hangup(leg, "Q.850;cause=16"))
    assert out == [LegEnded(leg, EndedBy.US, 200)]
    assert transmitted(side.wait(0.5)) == [answer]
    sent = side.sent(request("ACK", 1, "c1", to_tag=tag(header(answer, "To")), branch="a"))
    assert [start(data)[:4] for data in sent] == ["BYE "]
    assert not side.told(AckReceived)


def test_hang_up_and_the_ack_never_comes() -> None:
    side = Peer()
    leg = side.ring()
    side.do(Answer(leg, REPLY))
    side.do(Hangup(leg))
    assert any(start(data).startswith("BYE ") for data in transmitted(side.wait(33.0)))
    side.wait(40.0)
    assert not any(side.stack.counts().values())


def test_hang_up_while_ringing_is_480() -> None:
    side = Peer()
    leg = side.ring()
    out = side.do(Hangup(leg))
    assert status(transmitted(out)[0]) == 480
    assert only(out, LegEnded) == LegEnded(leg, EndedBy.US, 480)


def test_lower_cseq_is_500() -> None:
    side = Peer()
    _, ours = side.talk()
    assert status(side.sent(request("INFO", 5, "c1", to_tag=ours))[0]) == 200
    assert status(side.sent(request("INFO", 4, "c1", to_tag=ours))[0]) == 500


def test_dialog_is_both_tags_and_call_id() -> None:
    side = Peer()
    leg, ours = side.talk()
    stranger = request("BYE", 2, "c1", to_tag=ours).replace(b";tag=fc1", b";tag=other")
    assert status(side.sent(stranger)[0]) == 481
    assert status(side.sent(request("BYE", 2, "c2", to_tag=ours))[0]) == 481
    assert not [entry for entry in side.told(LegEnded) if entry.leg == leg]


@pytest.mark.parametrize(
    ("kind", "body", "digit"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"Signal= #\r\n", "#"),
        ("application/dtmf-relay", b"Duration=100\r\nSignal=10", "*"),
        ("application/dtmf-relay", b"signal=d\n", "D"),
        ("application/dtmf", b"7", "7"),
        ("application/dtmf", b"7\r\n\0", "7"),
        ("application/dtmf", b"Signal=7\r\n", "7"),
        ("Application/DTMF-Relay;charset=utf-8", b" Signal = 5 \n Duration = 160", "5"),
        ("application/dtmf-relay", b"Signal=13\r\nDuration=100\r\n", "B"),
        ("application/dtmf-relay", b"Signal=star\r\n", "*"),
        ("application/dtmf-relay", b"Duration=250\r\nSignal=*\r\n", "*"),
        ("application/vnd.nortelnetworks.digits", b"p=Digit-Collection\r\ny=Digits\r\ns=success\r\nd=5\r\n", "5"),
    ],
)
def test_digit_by_info(kind: str, body: bytes, digit: str) -> None:
    side = Peer()
    leg, ours = side.talk()
    info = request("INFO", 2, "c1", to_tag=ours, body=body, kind=kind)
    out = side.packet(info)
    assert only(out, InfoDigitReceived) == InfoDigitReceived(leg, digit)
    assert status(transmitted(out)[0]) == 200
    assert not [entry for entry in side.packet(info) if isinstance(entry, InfoDigitReceived)], "repeated on the wire"


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [("text/plain", b"5", 415), ("application/dtmf-relay", b"Signal=12345", 400), ("application/dtmf", b"55", 400)],
)
def test_info_that_is_no_digit(kind: str, body: bytes, code: int) -> None:
    side = Peer()
    _, ours = side.talk()
    out = side.packet(request("INFO", 2, "c1", to_tag=ours, body=body, kind=kind))
    assert [status(data) for data in transmitted(out)] == [code]
    assert not side.told(InfoDigitReceived)


@pytest.mark.parametrize("body", [b"Signal=16\r\n", b"Signal=!\r\nDuration=160\r\n", b"Signal=flash"])
def test_a_hook_flash_is_taken_and_is_no_digit(body: bytes) -> None:
    side = Peer()
    _, ours = side.talk()
    out = side.packet(request("INFO", 2, "c1", to_tag=ours, body=body, kind="application/dtmf-relay"))
    assert [status(data) for data in transmitted(out)] == [200]
    assert not side.told(InfoDigitReceived)


def test_a_package_that_we_never_asked_for() -> None:
    side = Peer()
    _, ours = side.talk()
    more = ["Info-Package: nortel-foo", "Content-Disposition: Info-Package"]
    info = request("INFO", 2, "c1", to_tag=ours, body=b"Signal=5", kind="application/dtmf-relay", extra=more)
    (answer,) = transmitted(side.packet(info))
    assert status(answer) == 469
    assert header(answer, "Recv-Info") == ""
    assert not side.told(InfoDigitReceived)


def test_contact_elsewhere_is_not_followed() -> None:
    """In-dialog requests go to the peer or a trunk, never to a third address a message names."""
    side = Peer()
    leg = side.ring(contact="sip:gw@198.51.100.99:5060")
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    side.packet(request("ACK", 1, "c1", to_tag=ours, branch="a"))
    assert only(side.do(Hangup(leg)), Transmit).flow == GATEWAY


def test_contact_at_another_trunk_address_is_followed() -> None:
    side = Peer()
    leg = side.ring(contact="sip:gw@192.0.2.11:5090")
    ours = tag(header(transmitted(side.do(Answer(leg, REPLY)))[0], "To"))
    side.packet(request("ACK", 1, "c1", to_tag=ours, branch="a"))
    assert only(side.do(Hangup(leg)), Transmit).flow.remote == ("192.0.2.11", 5090)


def test_orders_for_unknown_legs_are_nothing() -> None:
    side = Peer()
    leg = side.ring()
    side.do(Reject(leg, 486))
    for order in (Answer(leg, REPLY), Reject(leg, 500), RespondProvisional(leg, 180), Hangup(leg)):
        assert side.do(order) == []
