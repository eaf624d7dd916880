"""The stack as a whole: OPTIONS, silence, addresses we give, sizes, repeatability, the last belt."""

from __future__ import annotations

import random

from tests.sip.peer import GATEWAY, OFFER, REALM, Peer, header, request, settings, start, status

from softswitch.ids import IdSource
from softswitch.sip.messages import Flow, PacketReceived, SecurityEvent
from softswitch.sip.reception import Reception
from softswitch.sip.stack import SipStack


def test_options_inside_and_outside_a_dialog() -> None:
    side = Peer()
    outside = side.sent(request("OPTIONS", 1, "o"))[0]
    assert start(outside) == "SIP/2.0 200 OK"
    assert (
        header(outside, "Allow")
        == "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, PRACK, UPDATE, REFER, SUBSCRIBE, NOTIFY, MESSAGE, REGISTER"
    )
    assert header(outside, "Supported") == "timer, 100rel, replaces, norefersub"
    assert header(outside, "Accept").startswith("application/sdp")
    _, ours = side.talk()
    inside = side.sent(request("OPTIONS", 2, "c1", to_tag=ours))[0]
    assert status(inside) == 200
    assert header(inside, "To").endswith(ours)


def test_unsupported_methods_inside_a_dialog() -> None:
    side = Peer()
    _, ours = side.talk()
    for number, (method, code) in enumerate((("REFER", 403), ("PRACK", 481), ("JUGGLE", 501), ("REGISTER", 405))):
        assert status(side.sent(request(method, 2 + number, "c1", to_tag=ours))[0]) == code


def test_unknown_extension_inside_a_dialog() -> None:
    side = Peer()
    _, ours = side.talk()
    reply = side.sent(request("INVITE", 2, "c1", to_tag=ours, body=OFFER, extra=("Require: timer, gruu",)))[0]
    assert status(reply) == 420
    assert header(reply, "Unsupported") == "gruu"


def test_wildcard_listener_names_an_address_that_reaches_us() -> None:
    flow = Flow("udp", ("0.0.0.0", 5060), ("192.0.2.10", 5080))
    side = Peer(
        settings(domains=(REALM, "0.0.0.0", "192.0.2.1"), local_flows=(Flow("udp", ("0.0.0.0", 5060), ("", 0)),))
    )
    side.packet(request("INVITE", 1, "c1", body=OFFER), flow)
    assert side.stack._context.place(flow).contact == "Contact: <sip:softswitch@192.0.2.1:5060>\r\n"
    unnamed = Peer(settings(domains=()))
    assert unnamed.stack._context.place(flow).contact == f"Contact: <sip:softswitch@{REALM}:5060>\r\n"


def test_ipv6_addresses_are_written_in_brackets() -> None:
    flow = Flow("udp", ("2001:db8::1", 5060), ("2001:db8::2", 5060))
    place = Peer().stack._context.place(flow)
    assert place.contact == "Contact: <sip:softswitch@[2001:db8::1]:5060>\r\n"
    assert place.via.startswith("Via: SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z9hG4bK")


def test_many_local_addresses_are_bounded() -> None:
    context = Peer().stack._context
    for port in range(2000):
        context.place(Flow("tcp", ("192.0.2.1", port), ("192.0.2.10", 1), 1))
    assert len(context._places) <= 256


def test_events_are_reported() -> None:
    side = Peer()
    side.packet(b"nonsense\r\n\r\n")
    event = side.told(SecurityEvent)[0]
    assert (event.kind, event.source) == ("malformed", GATEWAY.remote)


def test_same_seed_same_bytes() -> None:
    def run() -> list[object]:
        side = Peer(seed=9)
        side.talk()
        side.dial_and_talk()
        return side.log

    assert run() == run()


def test_a_broken_invariant_costs_one_message() -> None:
    """The belt around one message: reported, and the next message is served."""
    stack = SipStack(settings(), IdSource(), random.Random(1))
    received = Reception.received

    def broken(self: Reception, message: object) -> None:
        raise AssertionError("an invariant")

    try:
        Reception.received = broken  # type: ignore[method-assign, assignment]
        out = stack.handle(PacketReceived(GATEWAY, request("OPTIONS", 1, "o")), 0.0)
    finally:
        Reception.received = received  # type: ignore[method-assign]
    assert [entry.kind for entry in out if isinstance(entry, SecurityEvent)] == ["internal_error"]
    assert len(stack.handle(PacketReceived(GATEWAY, request("OPTIONS", 1, "o")), 0.0)) == 1


def test_idle_stack_has_no_deadline() -> None:
    side = Peer()
    assert side.stack.next_deadline() is None
    assert side.stack.tick(5.0) == []
