"""Who may call, and who they are said to be."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sip.peer import (
    GATEWAY,
    LOCAL,
    OFFER,
    PHONE,
    REALM,
    STRANGER,
    Peer,
    header,
    only,
    request,
    settings,
    status,
    transmitted,
)

from softswitch.ids import AgentId, TrunkId
from softswitch.sip.messages import Flow, InviteReceived, LoadChanged, Origin, Reject, SecurityEvent, TrunkSettings


def codes(out: list[Any]) -> list[int]:
    return [status(data) for data in transmitted(out)]


def invite(number: int = 1, call: str = "c1", **changes: Any) -> bytes:
    return request("INVITE", number, call, body=OFFER, **changes)


def from_phone(number: int = 1, *extra: str, **changes: Any) -> bytes:
    values = {"flow": PHONE, "sender": f'"I am the boss" <sip:1001@{REALM}>', "extra": extra, **changes}
    return invite(number, f"p{number}", **values)


# ------------------------------------------------------------------ trunks


@pytest.mark.parametrize(
    ("extra", "sender", "number", "name"),
    [
        ((), '"Bob \\"B\\"" <sip:%2B3725551@gw.example>', "+3725551", 'Bob "B"'),
        (('P-Asserted-Identity: "Ann" <sip:+3721@gw>',), "<sip:anonymous@anonymous.invalid>", "+3721", "Ann"),
        (("P-Asserted-Identity: <tel:+3722>, <sip:+3723@x>",), "<sip:1@x>", "+3722", ""),
        (('Remote-Party-ID: "RPID" <sip:+3724@gw>;party=calling',), "<sip:1@x>", "+3724", "RPID"),
        (("P-Asserted-Identity: nonsense",), "<sip:77@x>", "77", ""),
        (("P-Asserted-Identity: <mailto:x@y>, <sip:+3725@x>",), "<sip:77@x>", "77", ""),
        ((), '"Anonymous" <sip:anonymous@anonymous.invalid>', "", ""),
        ((), '"a\x07b" <sip:1%0d%0a2@x>', "12", "ab"),
    ],
)
def test_caller_of_a_trunk(extra: tuple[str, ...], sender: str, number: str, name: str) -> None:
    call = only(Peer().packet(invite(sender=sender, extra=extra)), InviteReceived)
    assert (call.caller, call.caller_name) == (number, name)


def test_the_most_specific_network_is_the_trunk() -> None:
    trunks = (
        TrunkSettings(TrunkId("wide"), ("192.0.2.0/24", "2001:db8::/32")),
        TrunkSettings(TrunkId("one"), ("192.0.2.10",)),
    )
    side = Peer(settings(trunks=trunks))
    assert only(side.packet(invite()), InviteReceived).origin == Origin(trunk=TrunkId("one"))
    other = Flow("udp", LOCAL, ("192.0.2.77", 5060))
    assert only(side.packet(invite(call="c2", flow=other), other), InviteReceived).origin.trunk == "wide"
    six = Flow("udp", ("2001:db8:1::1", 5060), ("2001:db8::5", 5060))
    packet = invite(call="c3", flow=other).replace(b"192.0.2.77:5060", b"[2001:db8::5]:5060")
    out = side.packet(packet, six)
    assert only(out, InviteReceived).origin.trunk == "wide"
    assert "received=2001:db8::5;rport=5060" in header(transmitted(out)[0], "Via")


def test_trunk_has_its_own_limit() -> None:
    trunk = TrunkSettings(TrunkId("pstn"), ("192.0.2.10",), max_calls=2)
    side = Peer(settings(trunks=(trunk,)))
    leg = side.ring("a")
    side.ring("b")
    refusal = side.packet(invite(call="c"))
    assert codes(refusal) == [503]
    assert header(transmitted(refusal)[0], "Retry-After")
    assert only(refusal, SecurityEvent).kind == "overload"
    side.do(Reject(leg, 486))
    assert 100 in codes(side.packet(invite(call="d")))


# ------------------------------------------------------------------ strangers


def test_stranger() -> None:
    side = Peer()
    out = side.packet(invite(flow=STRANGER), STRANGER)
    assert codes(out) == [403]
    event = only(out, SecurityEvent)
    assert (event.kind, event.source) == ("unknown_trunk", STRANGER.remote)
    assert not any(side.stack.counts().values())


def test_stranger_with_our_name_is_challenged() -> None:
    side = Peer()
    out = side.packet(from_phone(flow=STRANGER), STRANGER)
    assert codes(out) == [401]
    assert not any(side.stack.counts().values())


def test_the_address_counts_and_not_what_from_says() -> None:
    side = Peer()
    packet = invite(flow=STRANGER, sender="<sip:1@192.0.2.10>")
    packet = packet.replace(b"203.0.113.9:5060;branch", b"192.0.2.10:5080;branch")
    assert codes(side.packet(packet, STRANGER)) == [403]


# ------------------------------------------------------------------ agents


def test_agent_calls() -> None:
    side = Peer()
    challenge = transmitted(side.packet(from_phone(1), PHONE))[0]
    assert status(challenge) == 401
    assert side.packet(request("ACK", 1, "p1", flow=PHONE, branch="p1INVITE1"), PHONE) == []
    claims = ("P-Asserted-Identity: <sip:+3721@x>", "Remote-Party-ID: <sip:+3722@x>")
    proof = side.proof(challenge, method="INVITE", uri=f"sip:8000@{REALM}")
    call = only(side.packet(from_phone(2, proof, *claims), PHONE), InviteReceived)
    assert call.origin == Origin(agent=AgentId("anna"))
    assert (call.caller, call.caller_name, call.dialled) == ("1001", "", "8000")


def test_agent_calls_another_domain() -> None:
    side = Peer()
    uri = "sip:8000@elsewhere.example"
    challenge = transmitted(side.packet(from_phone(1, uri=uri), PHONE))[0]
    proof = side.proof(challenge, method="INVITE", uri=uri)
    assert codes(side.packet(from_phone(2, proof, uri=uri), PHONE)) == [404]


def test_agent_cannot_use_the_credentials_of_a_register() -> None:
    side = Peer()
    challenge = transmitted(side.packet(from_phone(1), PHONE))[0]
    proof = side.proof(challenge, method="REGISTER", uri=f"sip:8000@{REALM}")
    assert codes(side.packet(from_phone(2, proof), PHONE)) == [401]


# ------------------------------------------------------------------ room


def test_too_many_sessions() -> None:
    side = Peer(settings(max_sessions=2))
    side.ring("a")
    side.ring("b")
    out = side.packet(invite(call="c"))
    assert codes(out) == [503]
    assert header(transmitted(out)[0], "Retry-After") == "5"


def test_too_many_transactions() -> None:
    side = Peer(settings(max_transactions=2))
    side.ring("a")
    side.ring("b")
    assert codes(side.packet(invite(call="c"))) == [503]


def test_overload_refuses_new_calls_and_serves_the_others() -> None:
    side = Peer()
    _, ours = side.talk("a")
    assert only(side.do(LoadChanged(True)), SecurityEvent).kind == "overload"
    assert side.do(LoadChanged(True)) == []
    out = side.packet(invite(call="b"))
    assert codes(out) == [503]
    assert header(transmitted(out)[0], "Retry-After")
    assert codes(side.packet(request("BYE", 2, "a", to_tag=ours), GATEWAY)) == [200]
    side.do(LoadChanged(False))
    assert 100 in codes(side.packet(invite(call="c")))
