"""Ways to phones: Path (RFC 3327), several flows of one phone (RFC 5626), phones that are long gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.sip.peer import (
    LOCAL,
    OFFER,
    PHONE,
    Peer,
    header,
    only,
    register,
    response,
    settings,
    start,
    status,
    transmitted,
)

from softswitch.ids import AgentId, LegId
from softswitch.sip.messages import (
    ContactBinding,
    Flow,
    LegEnded,
    PacketReceived,
    PhoneAnswering,
    RegistrationChanged,
    SaveContacts,
    StartInvite,
    StreamClosed,
    Transmit,
    TransportFailed,
    TrunkAnswering,
)

ANNA = AgentId("anna")
INSTANCE = "<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"
URI = "sip:1001@198.51.100.7:40000"
EDGE = "sip:edge@192.0.2.30:5070;lr;ob"
WS = Flow("ws", ("192.0.2.1", 8080), ("198.51.100.7", 50001), 21)
WS_TOO = Flow("ws", ("192.0.2.1", 8080), ("198.51.100.8", 50002), 22)
OUTBOUND = ("Supported: path, outbound",)


def contact(reg_id: int, uri: str = URI, instance: str = INSTANCE) -> str:
    return f'<{uri}>;+sip.instance="{instance}";reg-id={reg_id}'


def at(side: Peer, flow: Flow, number: int, **changes: Any) -> list[Any]:
    """REGISTER over this flow, with good credentials; saved."""
    challenge = transmitted(side.do(PacketReceived(flow, register(number, **changes))))[0]
    assert status(challenge) == 401, challenge
    out = side.do(PacketReceived(flow, register(number + 1, proof=side.proof(challenge), **changes)))
    if any(isinstance(each, SaveContacts) for each in out):
        return side.save(out)
    return out


def answer(out: list[Any]) -> bytes:
    return transmitted(out)[0]


# ------------------------------------------------------------------ Path


def test_a_path_is_kept_and_becomes_the_route_of_requests() -> None:
    side = Peer(settings(qualify_seconds=60.0))
    proxy = Flow("udp", LOCAL, ("192.0.2.30", 5070))
    lines = ("Supported: path", f"Path: <{EDGE}>, <sip:inner.example;lr>")
    out = at(side, proxy, 1, contact=f"<{URI}>", extra=lines)
    assert status(answer(out)) == 200
    assert header(answer(out), "Path") == f"<{EDGE}>, <sip:inner.example;lr>"
    (binding,) = side.stack.contacts(ANNA)
    assert (binding.path, binding.flow, binding.uri) == ((EDGE, "sip:inner.example;lr"), proxy, URI)
    order = StartInvite(LegId(1), binding.uri, binding.flow, "1", "", OFFER, path=binding.path)
    (sent,) = (each for each in side.do(order) if isinstance(each, Transmit))
    assert sent.flow == proxy
    assert start(sent.data) == f"INVITE {URI} SIP/2.0"
    routes = [line for line in sent.data.decode().split("\r\n") if line.startswith("Route:")]
    assert routes == [f"Route: <{EDGE}>", "Route: <sip:inner.example;lr>"]
    asked = [
        each for each in side.wait(61) if isinstance(each, Transmit) and each.data.startswith(f"OPTIONS {URI}".encode())
    ]
    assert asked
    assert asked[0].data.count(b"Route: ") == 2


def test_the_port_of_the_proxys_path_counts_where_it_sent_from_another() -> None:
    side = Peer()
    proxy = Flow("udp", LOCAL, ("192.0.2.30", 43210))
    at(side, proxy, 1, contact=f"<{URI}>", extra=(f"Path: <{EDGE}>",))
    assert side.stack.contacts(ANNA)[0].flow.remote == ("192.0.2.30", 5070)


@pytest.mark.parametrize(
    "path",
    [
        "<sip:192.0.2.30>",  # no loose route
        "<sip:192.0.2.30;lr?X=1>",
        "sip:[::1",
        "<tel:1>",
        ", ".join(["<sip:192.0.2.30;lr>"] * 6),
        f"<sip:{'a' * 600}@192.0.2.30;lr>",
        "<sip:é@192.0.2.30;lr>",
    ],
)
def test_a_path_that_cannot_be_used_is_refused(path: str) -> None:
    side = Peer()
    out = at(side, PHONE, 1, contact=f"<{URI}>", extra=(f"Path: {path}",))
    assert status(answer(out)) in (400, 416)
    assert side.stack.contacts(ANNA) == ()


def test_a_phone_that_does_not_know_path_is_not_told_of_it() -> None:
    out = at(Peer(), PHONE, 1, contact=f"<{URI}>", extra=(f"Path: <{EDGE}>",))
    assert (status(answer(out)), header(answer(out), "Path")) == (200, "")


def test_the_connection_of_a_proxy_closes_and_its_phones_stay() -> None:
    """Proxies close idle connections. Calls go to where its Path says that it listens."""
    tcp = Flow("tcp", LOCAL, ("192.0.2.30", 43210), 31)
    path = "sip:edge@192.0.2.30:5070;transport=tcp;lr"
    for uri, left in ((path, 1), ("sip:edge@192.0.2.31:5070;transport=tcp;lr", 0)):
        side = Peer(settings(local_flows=(Flow("udp", LOCAL, ("", 0)), Flow("tcp", LOCAL, ("", 0)))))
        side.stack._context.open_connections.add(31)
        at(side, tcp, 1, contact=f"<{URI}>", extra=(f"Path: <{uri}>",))
        assert side.stack.contacts(ANNA)[0].flow == tcp
        side.do(StreamClosed(tcp))
        found = side.stack.contacts(ANNA)
        assert [(each.flow.remote, each.flow.connection, each.path) for each in found] == [
            (("192.0.2.30", 5070), -1, (path,))
        ] * left


# ------------------------------------------------------------------ flows


def test_what_was_understood_is_confirmed() -> None:
    out = at(Peer(), PHONE, 1, contact=contact(1), extra=OUTBOUND)
    ok = answer(out)
    assert (header(ok, "Require"), header(ok, "Flow-Timer"), header(ok, "Supported")) == (
        "outbound",
        "120",
        "path, outbound",
    )
    assert header(ok, "Contact") == f'<{URI}>;expires=600;+sip.instance="{INSTANCE}";reg-id=1'


@pytest.mark.parametrize("lines", [(), ("Supported: timer",)])
def test_without_the_extension_it_is_a_plain_contact(lines: tuple[str, ...]) -> None:
    side = Peer()
    ok = answer(at(side, PHONE, 1, contact=contact(1), extra=lines))
    assert (status(ok), header(ok, "Require")) == (200, "")
    assert [(each.instance, each.reg_id) for each in side.stack.contacts(ANNA)] == [(INSTANCE, 0)]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [((), 439), (("Path: <sip:192.0.2.30;lr>",), 439), ((f"Path: <sip:a.example;lr>, <{EDGE}>",), 200)],
)
def test_every_hop_must_be_able_to_do_it(path: tuple[str, ...], wanted: int) -> None:
    via = ("Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKinner",)
    out = at(Peer(), PHONE, 1, contact=contact(1), extra=(*OUTBOUND, *path, *via))
    assert status(answer(out)) == wanted


def test_several_flows_are_one_phone() -> None:
    side = Peer()
    at(side, WS, 1, contact=contact(1), extra=OUTBOUND, call="one")
    out = at(side, WS_TOO, 1, contact=contact(2, "sip:1001@other.invalid;transport=ws"), extra=OUTBOUND, call="two")
    assert [each.reg_id for each in side.stack.contacts(ANNA)] == [1, 2]
    assert [each.reg_id for each in only(out, RegistrationChanged).contacts] == [2]
    # The same reg-id again over a new connection, with another URI and Call-ID: it replaces.
    again = replace(WS, connection=23, remote=("198.51.100.7", 50009))
    out = at(side, again, 1, contact=contact(1, "sip:new@x.invalid;transport=ws"), extra=OUTBOUND, call="three")
    assert [(each.reg_id, each.flow.connection) for each in side.stack.contacts(ANNA)] == [(2, 22), (1, 23)]
    assert [each.uri for each in only(out, RegistrationChanged).contacts] == ["sip:new@x.invalid;transport=ws"]
    # Another phone of hers is another phone.
    out = at(side, PHONE, 1, contact=contact(1, URI, "<urn:uuid:2>"), extra=OUTBOUND, call="four")
    assert len(only(out, RegistrationChanged).contacts) == 2
    # A connection that closes takes its own flow along; the other one is left.
    changed = only(side.do(StreamClosed(again)), RegistrationChanged)
    assert [each.reg_id for each in changed.contacts] == [2, 1]


def two_flows() -> tuple[Peer, ContactBinding]:
    side = Peer()
    at(side, WS, 1, contact=contact(1), extra=OUTBOUND, call="one")
    out = at(side, WS_TOO, 1, contact=contact(2), extra=OUTBOUND, call="two")
    (newest,) = only(out, RegistrationChanged).contacts
    return side, newest


def invited(side: Peer, binding: ContactBinding) -> Transmit:
    out = side.do(StartInvite(LegId(5), binding.uri, binding.flow, "1", "", OFFER))
    (sent,) = (each for each in out if isinstance(each, Transmit))
    return sent


@pytest.mark.parametrize("how", ["430", "closed", "failed", "silence"])
def test_when_a_flow_fails_the_next_one_is_used(how: str) -> None:
    side, newest = two_flows()
    first = invited(side, newest)
    assert first.flow == WS_TOO
    if how == "430":
        out = side.do(PacketReceived(WS_TOO, response(430, first.data)))
    elif how == "closed":
        out = side.do(StreamClosed(WS_TOO))
    elif how == "failed":
        out = side.do(TransportFailed(WS_TOO))
    else:
        out = side.wait(33)
    again = [each for each in out if isinstance(each, Transmit) and each.data.startswith(b"INVITE")]
    assert [each.flow for each in again] == [WS]
    assert not side.told(LegEnded)
    side.do(PacketReceived(WS, response(430, again[0].data)))
    assert [each.status for each in side.told(LegEnded)] == [430]


def test_who_rings_is_not_called_twice() -> None:
    side, newest = two_flows()
    first = invited(side, newest)
    side.do(PacketReceived(WS_TOO, response(180, first.data)))
    side.do(PacketReceived(WS_TOO, response(486, first.data)))
    assert [each.status for each in side.told(LegEnded)] == [486]


def test_one_reg_id_means_one_contact() -> None:
    both = f"{contact(1)}, {contact(2, 'sip:b@198.51.100.7:40000')}"
    assert status(answer(at(Peer(), PHONE, 1, contact=both, extra=OUTBOUND))) == 400


def test_over_udp_a_flow_is_the_source_address() -> None:
    """Whatever the contact says: the flow is what a NAT keeps open."""
    side = Peer()
    at(side, PHONE, 1, contact=contact(1, "sip:1001@198.51.100.7:5060"), extra=OUTBOUND)
    assert side.stack.contacts(ANNA)[0].flow == PHONE


@pytest.mark.parametrize(
    "spoilt",
    [
        '+sip.instance="x"',
        "+sip.instance",
        '+sip.instance="<a b>"',
        '+sip.instance="<a\\"b>"',
        "reg-id=1",
        'reg-id=1;+sip.instance="<a\\\\b>"',
    ],
)
def test_what_is_no_instance_is_left_out(spoilt: str) -> None:
    side = Peer()
    ok = answer(at(side, PHONE, 1, contact=f"<{URI}>;{spoilt}", extra=OUTBOUND))
    assert status(ok) == 200
    assert [(each.instance, each.reg_id) for each in side.stack.contacts(ANNA)] == [("", 0)]
    # RFC 5626 6: "outbound" is confirmed when it was done.
    assert (header(ok, "Require"), header(ok, "Flow-Timer")) == ("", "")


# ------------------------------------------------------------------ long gone


def test_a_phone_of_which_nothing_is_heard_for_a_quarter_of_an_hour_is_forgotten() -> None:
    side = Peer(settings(qualify_seconds=60.0, max_expires_seconds=36_000))
    at(side, PHONE, 1, contact=f"<{URI}>", expires="36000")
    side.wait(800)
    # It answers nothing, but registers again: it is there.
    at(side, PHONE, 3, contact=f"<{URI}>", expires="36000")
    side.wait(800)
    assert len(side.stack.contacts(ANNA)) == 1
    out = side.wait(200)
    saved = [each for each in out if isinstance(each, SaveContacts)]
    assert [each.contacts for each in saved] == [()], "once, however often it is asked"
    side.save([saved[0]])
    assert side.stack.contacts(ANNA) == ()
    assert side.told(RegistrationChanged)[-1].contacts == ()
    assert len(side.told(PhoneAnswering)) == 1
    down = [each for each in side.told(TrunkAnswering) if not each.answering]
    assert len(down) == 1, "a trunk that is down for long is told of once"


def test_another_phone_of_hers_says_nothing_of_the_one_that_is_gone() -> None:
    side = Peer(settings(qualify_seconds=60.0, max_expires_seconds=36_000))
    at(side, PHONE, 1, contact=f"<{URI}>", expires="36000")
    desk = Flow("udp", LOCAL, ("198.51.100.9", 5060))
    forgotten = []
    for turn in range(10):
        at(side, desk, 1 + 2 * turn, contact="<sip:desk@198.51.100.9:5060>", expires="36000", call="desk")
        out = side.wait(200)
        forgotten += [each for each in out if isinstance(each, SaveContacts)]
        desk_asked = [one for one in out if isinstance(one, Transmit) and one.flow == desk]
        for question in dict.fromkeys(one.data for one in desk_asked):
            side.do(PacketReceived(desk, response(200, question)))
    assert forgotten
    assert [each.uri for each in forgotten[0].contacts] == ["sip:desk@198.51.100.9:5060"]
