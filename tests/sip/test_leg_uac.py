"""Outgoing legs: ringing, answer, forks, CANCEL and 200 crossing in every order, silence."""

from __future__ import annotations

import pytest
from tests.sip.peer import (
    LOCAL,
    OFFER,
    PHONE,
    REPLY,
    Peer,
    from_agent,
    header,
    only,
    response,
    start,
    status,
    transmitted,
)

from softswitch.ids import LegId
from softswitch.sip.messages import (
    EndedBy,
    Flow,
    Hangup,
    InviteAnswered,
    InviteProgressed,
    LegEnded,
    PacketReceived,
    StartInvite,
    StreamClosed,
    StreamReceived,
    Transmit,
    TransportFailed,
)

LEG = LegId(900)


def methods(out: list[object]) -> list[str]:
    return [start(data).partition(" ")[0] for data in transmitted(out)]


def test_the_invite() -> None:
    side = Peer()
    order = StartInvite(
        LEG, "sip:1001@198.51.100.7:40000", PHONE, "79123456789", 'B "o" b', OFFER, (("X-Queue", "q\r\nX: y"),)
    )
    sent = only(side.do(order), Transmit)
    assert sent.flow == PHONE
    assert start(sent.data) == "INVITE sip:1001@198.51.100.7:40000 SIP/2.0"
    assert header(sent.data, "From").startswith('"B \\"o\\" b" <sip:79123456789@bank.example>;tag=')
    assert header(sent.data, "P-Asserted-Identity") == '"B \\"o\\" b" <sip:79123456789@bank.example>'
    assert header(sent.data, "Contact") == "<sip:softswitch@192.0.2.1:5060>"
    assert header(sent.data, "X-Queue") == "qX: y"
    assert sent.data.endswith(OFFER)
    assert header(sent.data, "Supported") == "timer, 100rel, replaces, norefersub"
    assert not header(sent.data, "Require")


def test_progress_answer_ack() -> None:
    side = Peer()
    invite = side.dial()
    assert side.packet(response(100, invite), PHONE) == []
    assert side.packet(response(180, invite), PHONE) == [InviteProgressed(LEG, 180, None)]
    assert side.packet(response(183, invite, body=REPLY), PHONE) == [InviteProgressed(LEG, 183, REPLY)]
    out = side.packet(response(200, invite, body=REPLY), PHONE)
    assert only(out, InviteAnswered) == InviteAnswered(LEG, REPLY)
    ack = transmitted(out)[0]
    assert start(ack) == "ACK sip:1001@198.51.100.7:40000 SIP/2.0"
    assert header(ack, "CSeq") == "1 ACK"
    assert header(ack, "To").endswith(";tag=agent")
    assert header(ack, "Via") != header(invite, "Via")
    assert side.packet(response(200, invite, body=REPLY), PHONE) == [Transmit(PHONE, ack)]


def test_body_of_an_answer_that_is_no_session_description() -> None:
    side = Peer()
    invite = side.dial()
    odd = response(200, invite, body=b"<x/>").replace(b"application/sdp", b"text/xml")
    assert only(side.packet(odd, PHONE), InviteAnswered) == InviteAnswered(LEG, None)


def test_invite_is_repeated_until_somebody_speaks() -> None:
    side = Peer()
    invite = side.dial()
    begin = side.now
    times: list[float] = []
    while side.now < begin + 20:
        times += [round(side.now - begin, 1) for data in transmitted(side.wait(0.5)) if data == invite]
    assert times == [0.5, 1.5, 3.5, 7.5, 15.5]
    side.packet(response(100, invite), PHONE)
    assert side.wait(100.0) == []


def test_nobody_there() -> None:
    side = Peer()
    side.dial()
    assert only(side.wait(32.1), LegEnded) == LegEnded(LEG, EndedBy.TIMEOUT, 408)
    assert not any(side.stack.counts().values())


def test_unreachable() -> None:
    side = Peer()
    side.dial()
    assert side.do(TransportFailed(PHONE)) == [LegEnded(LEG, EndedBy.TRANSPORT, 503)]
    assert not any(side.stack.counts().values())


@pytest.mark.parametrize("code", [302, 401, 407, 486, 500, 603])
def test_refused(code: int) -> None:
    """A 3xx is not followed and a challenge is never answered."""
    side = Peer()
    invite = side.dial()
    refusal = response(code, invite, extra=("Reason: Q.850;cause=17", "Contact: <sip:x@203.0.113.66>"))
    out = side.packet(refusal, PHONE)
    assert only(out, LegEnded) == LegEnded(LEG, EndedBy.PEER, code, 17)
    ack = transmitted(out)[0]
    assert start(ack) == start(invite).replace("INVITE", "ACK")
    assert header(ack, "Via") == header(invite, "Via")
    assert header(ack, "To") == header(refusal, "To")
    assert methods(out) == ["ACK"]
    assert side.packet(refusal, PHONE) == [Transmit(PHONE, ack)]
    side.wait(40.0)
    assert not any(side.stack.counts().values())


def test_hang_up_while_ringing() -> None:
    side = Peer()
    invite = side.dial()
    side.packet(response(180, invite), PHONE)
    out = side.do(Hangup(LEG, 'SIP;cause=200;text="Call completed elsewhere"'))
    assert only(out, LegEnded) == LegEnded(LEG, EndedBy.US, 487)
    cancel = transmitted(out)[0]
    assert start(cancel) == start(invite).replace("INVITE", "CANCEL")
    assert header(cancel, "Via") == header(invite, "Via")
    assert header(cancel, "CSeq") == "1 CANCEL"
    assert header(cancel, "Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert b"Content-Type" not in cancel
    assert side.packet(response(200, cancel), PHONE) == []
    assert methods(side.packet(response(487, invite), PHONE)) == ["ACK"]
    side.wait(40.0)
    assert not any(side.stack.counts().values())
    assert len(side.told(LegEnded)) == 1


def test_hang_up_before_any_response_cancels_with_the_first_one() -> None:
    side = Peer()
    invite = side.dial()
    assert side.do(Hangup(LEG)) == [LegEnded(LEG, EndedBy.US, 487)]
    assert methods(side.packet(response(100, invite), PHONE)) == ["CANCEL"]
    assert side.packet(response(180, invite), PHONE) == [], "one CANCEL is enough"
    side.packet(response(487, invite), PHONE)
    assert not side.told(InviteProgressed)


def test_answer_crosses_the_cancel() -> None:
    side = Peer()
    invite = side.dial()
    side.packet(response(180, invite), PHONE)
    side.do(Hangup(LEG))
    out = side.packet(response(200, invite, body=REPLY), PHONE)
    assert methods(out) == ["ACK", "BYE"]
    assert header(transmitted(out)[1], "CSeq") == "2 BYE"
    assert methods(side.packet(response(200, invite, body=REPLY), PHONE)) == ["ACK"]
    assert not side.told(InviteAnswered)
    assert len(side.told(LegEnded)) == 1


def test_answer_comes_although_nothing_provisional_did() -> None:
    side = Peer()
    invite = side.dial()
    side.do(Hangup(LEG))
    assert methods(side.packet(response(200, invite, body=REPLY), PHONE)) == ["ACK", "BYE"]


def test_cancelled_and_no_final_response() -> None:
    side = Peer()
    invite = side.dial()
    side.packet(response(180, invite), PHONE)
    side.do(Hangup(LEG))
    side.wait(33.0)
    assert not any(side.stack.counts().values())


def test_forks() -> None:
    side = Peer()
    invite = side.dial()
    side.packet(response(180, invite, to_tag="one"), PHONE)
    side.packet(response(180, invite, to_tag="two"), PHONE)
    side.packet(response(200, invite, to_tag="two", body=REPLY), PHONE)
    out = side.packet(response(200, invite, to_tag="one", body=REPLY, contact="sip:1001@198.51.100.7:41000"), PHONE)
    assert methods(out) == ["ACK", "BYE"]
    assert all(header(data, "To").endswith(";tag=one") for data in transmitted(out))
    assert start(transmitted(out)[1]) == "BYE sip:1001@198.51.100.7:41000 SIP/2.0"
    assert methods(side.packet(response(200, invite, to_tag="one"), PHONE)) == ["ACK"]
    assert len(side.told(InviteAnswered)) == 1
    assert methods(side.do(Hangup(LEG))) == ["BYE"]


def test_forks_without_end_are_bounded() -> None:
    side = Peer()
    invite = side.dial()
    sent = [side.sent(response(200, invite, to_tag=f"fork{number}"), PHONE) for number in range(50)]
    assert sum(len(entry) for entry in sent) < 20


def test_bye_that_overtakes_the_answer() -> None:
    side = Peer()
    invite = side.dial()
    side.packet(response(180, invite), PHONE)
    out = side.packet(from_agent("BYE", 1, invite), PHONE)
    assert only(out, LegEnded) == LegEnded(LEG, EndedBy.PEER, 200)
    assert [status(data) for data in transmitted(out)] == [200, 0]
    assert methods(side.packet(response(200, invite, body=REPLY), PHONE)) == ["ACK", "BYE"]
    assert not side.told(InviteAnswered)


def test_peer_hangs_up() -> None:
    side = Peer()
    invite = side.dial_and_talk()
    out = side.packet(from_agent("BYE", 1, invite), PHONE)
    assert only(out, LegEnded) == LegEnded(LEG, EndedBy.PEER, 200)
    assert [status(data) for data in side.sent(from_agent("BYE", 2, invite), PHONE)] == [481]


def test_we_hang_up_and_the_bye_is_answered() -> None:
    side = Peer()
    side.dial_and_talk()
    bye = only(side.do(Hangup(LEG)), Transmit)
    assert bye.flow == PHONE
    side.packet(response(481, bye.data), PHONE)
    side.wait(40.0)
    assert not any(side.stack.counts().values())


def test_registered_contact_keeps_its_flow() -> None:
    """Behind a NAT the Contact of the 2xx is a private address: requests stay on the flow."""
    side = Peer()
    invite = side.dial()
    out = side.packet(response(200, invite, body=REPLY, contact="sip:1001@10.0.0.5:5060"), PHONE)
    ack = only(out, Transmit)
    assert ack.flow == PHONE
    assert start(ack.data) == "ACK sip:1001@10.0.0.5:5060 SIP/2.0"


@pytest.mark.parametrize("target", ["sip:+372123@pstn", "sip:+372123@192.0.2.10:5080"])
def test_to_a_trunk(target: str) -> None:
    side = Peer()
    sent = only(side.do(StartInvite(LEG, target, None, "1001", "", OFFER)), Transmit)
    assert sent.flow == Flow("udp", LOCAL, ("192.0.2.10", 5080))


@pytest.mark.parametrize("target", ["sip:1@elsewhere.example", "nonsense", "sip:1@192.0.2.10;transport=ws"])
def test_nowhere_to_send(target: str) -> None:
    side = Peer()
    assert side.do(StartInvite(LEG, target, None, "1", "", OFFER)) == [LegEnded(LEG, EndedBy.TRANSPORT, 503)]


def test_over_a_connection_that_is_made_for_it() -> None:
    side = Peer()
    target = "sip:1001@198.51.100.7:5060;transport=tcp"
    sent = only(side.do(StartInvite(LEG, target, None, "1", "", OFFER)), Transmit)
    assert sent.flow == Flow("tcp", LOCAL, ("198.51.100.7", 5060), -1)
    assert header(sent.data, "Contact") == "<sip:softswitch@192.0.2.1:5060;transport=tcp>"
    made = Flow("tcp", ("192.0.2.1", 33333), ("198.51.100.7", 5060), 12)
    side.do(StreamReceived(made, response(180, sent.data)))
    out = side.do(StreamReceived(made, response(200, sent.data, body=REPLY, contact=target)))
    assert only(out, Transmit).flow == made
    assert only(side.do(Hangup(LEG)), Transmit).flow == made


def test_connection_refused() -> None:
    side = Peer()
    target = "sip:1001@198.51.100.7:5060;transport=tcp"
    sent = only(side.do(StartInvite(LEG, target, None, "1", "", OFFER)), Transmit)
    assert side.do(TransportFailed(sent.flow)) == [LegEnded(LEG, EndedBy.TRANSPORT, 503)]


def test_connection_is_made_and_closed_without_an_answer() -> None:
    side = Peer()
    side.do(StartInvite(LEG, "sip:1001@198.51.100.7:5060;transport=tcp", None, "1", "", OFFER))
    made = Flow("tcp", ("192.0.2.1", 33333), ("198.51.100.7", 5060), 12)
    assert side.do(StreamClosed(made)) == [LegEnded(LEG, EndedBy.TRANSPORT, 503)]


def test_stray_and_foreign_responses_are_silence() -> None:
    side = Peer()
    invite = side.dial()
    two_vias = response(200, invite, extra=("Via: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKx",))
    assert side.do(PacketReceived(PHONE, two_vias)) == []
    assert side.packet(response(200, invite).replace(b"z9hG4bK", b"z9hG4bKx"), PHONE) == []
    assert side.packet(response(200, invite).replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"), PHONE) == []
    assert not side.told(InviteAnswered)
