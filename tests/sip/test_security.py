"""What faces the network, where no other file tests it; docs/security-checklist.md says where each requirement is."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sip.peer import (
    GATEWAY,
    OFFER,
    PHONE,
    REALM,
    REPLY,
    STRANGER,
    Peer,
    only,
    register,
    request,
    response,
    start,
    status,
    transmitted,
)

from softswitch.ids import AgentId, IdSource, LegId
from softswitch.sip.messages import (
    Answer,
    Flow,
    Hangup,
    InviteReceived,
    LegEnded,
    Reject,
    SecurityEvent,
    StartInvite,
    Transmit,
)
from softswitch.sip.stack import SipStack

METHODS = (
    "INVITE",
    "REGISTER",
    "OPTIONS",
    "SUBSCRIBE",
    "NOTIFY",
    "MESSAGE",
    "REFER",
    "PUBLISH",
    "INFO",
    "UPDATE",
    "BYE",
)
OURS = f"<sip:1001@{REALM}>"
HEADER_NAME = re.compile(r"^([A-Za-z0-9-]+):", re.MULTILINE)


def asked(method: str, number: int, call: str, extra: tuple[str, ...] = (), flow: Flow = PHONE) -> bytes:
    uri = f"sip:{REALM}" if method == "REGISTER" else f"sip:8000@{REALM}"
    data = request(method, number, call, flow=flow, uri=uri, sender=OURS, extra=extra)
    return data.replace(b"To: <sip:8000@", b"To: <sip:1001@") if method == "REGISTER" else data


def shape(reply: bytes) -> list[str]:
    """A response without what differs from one request to the next."""
    same = re.sub(r'(nonce="|tag=)[^";\s]+', r"\1", reply.decode())
    return [line for line in same.split("\r\n") if not line.startswith(("Call-ID", "Via", "CSeq", "From", "To"))]


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize("method", METHODS)
def test_a_stranger_gets_nothing_from_any_method(method: str) -> None:
    """No dialog, no state, nothing told to the call room: 14, 17."""
    side = Peer()
    data = request(
        method, 1, "x", flow=STRANGER, sender="<sip:eve@evil.example>", body=OFFER if method == "INVITE" else b""
    )
    out = side.packet(data, STRANGER)
    codes = [status(each) for each in transmitted(out)]
    assert all(code == 200 if method == "OPTIONS" else code >= 400 for code in codes)
    assert {type(each) for each in out} <= {Transmit, SecurityEvent}
    assert all(each.flow.remote == STRANGER.remote for each in out if isinstance(each, Transmit))
    counts = side.stack.counts()
    assert (counts["sessions"], counts["server_transactions"], counts["client_transactions"]) == (0, 0, 0)


@pytest.mark.parametrize("method", METHODS)
def test_unknown_users_and_wrong_passwords_look_alike_for_every_method(method: str) -> None:
    """15."""

    def refused(username: str, password: str) -> list[str]:
        side = Peer()
        first = side.sent(asked(method, 1, "a"), PHONE)[-1]
        proof = ()
        if status(first) == 401:
            challenge = first.replace(b"REGISTER", method.encode())
            proof = (side.proof(challenge, username=username, password=password, method=method),)
        return shape(side.sent(asked(method, 2, "b", proof), PHONE)[-1])

    known = refused("1001", "wrong")
    assert known == refused("nobody", "wrong")
    assert known[0].split(" ")[1] in ("200", "401", "403", "405", "481", "489"), known


def test_refer_from_nowhere_calls_nobody() -> None:
    """22: neither strangers nor agents nor trunks make the switch call somebody from outside of a call."""
    for flow, sender in ((STRANGER, "<sip:eve@evil.example>"), (PHONE, OURS), (GATEWAY, "<sip:1@gw.example>")):
        side = Peer()
        refer = request(
            "REFER", 1, "r", flow=flow, sender=sender, extra=("Refer-To: <sip:+882161234567@evil.example>",)
        )
        out = side.packet(refer, flow)
        assert status(transmitted(out)[0]) == 403
        assert only(out, SecurityEvent).kind == "refer_refused"
        assert not [each for each in transmitted(out) if start(each).startswith("INVITE")]


@pytest.mark.parametrize("code", [300, 301, 302, 305, 380])
def test_a_redirection_is_not_followed_by_the_sip_room(code: int) -> None:
    """22: the call ends; whether another number is dialled is for the rule book of the call room."""
    side = Peer()
    invite = side.dial()
    out = side.packet(response(code, invite, contact="sip:+882161234567@evil.example"), PHONE)
    assert [start(each).split(" ")[0] for each in transmitted(out)] == ["ACK"]
    assert only(out, LegEnded).status == code


@pytest.mark.parametrize(
    "extra",
    [
        ("Route: <sip:evil.example;lr>",),
        ("Route: <sip:203.0.113.66:5060;lr>", "Route: <sip:evil.example>"),
        ("Record-Route: <sip:203.0.113.66;lr>",),
    ],
)
def test_nothing_is_relayed_by_route_uri_or_maddr(extra: tuple[str, ...]) -> None:
    """23, 13: whatever a request names, the answers go back and nothing goes on."""
    for uri in (f"sip:8000@{REALM}", f"sip:8000@{REALM};maddr=203.0.113.66", "sip:8000@192.0.2.1;transport=tcp"):
        side = Peer()
        out = side.packet(request("INVITE", 1, "a", uri=uri, extra=extra, body=OFFER))
        out += side.do(Answer(only(out, InviteReceived).leg, REPLY))
        assert {each.flow.remote for each in out if isinstance(each, Transmit)} == {GATEWAY.remote}


def test_an_agent_cannot_call_elsewhere_by_any_spelling() -> None:
    """23."""
    for host in ("evil.example", "203.0.113.66", "[2001:db8::66]", f"{REALM}.evil.example", "192.0.2.10"):
        side = Peer()
        uri = f"sip:8000@{host}"
        first = side.sent(request("INVITE", 1, "a", flow=PHONE, uri=uri, sender=OURS), PHONE)[-1]
        proof = side.proof(first, method="INVITE", uri=uri)
        out = side.packet(
            request("INVITE", 2, "a", flow=PHONE, uri=uri, sender=OURS, extra=(proof,), body=OFFER), PHONE
        )
        assert status(transmitted(out)[-1]) in (401, 404)
        assert not [each for each in out if isinstance(each, InviteReceived)]


def test_what_an_agent_claims_to_be_is_dropped() -> None:
    """24: From, P-Asserted-Identity, P-Preferred-Identity, Remote-Party-ID, Identity and Date of her phone."""
    side = Peer()
    sender = f'"The Bank" <sip:1001@{REALM}>'
    claims = (
        "P-Asserted-Identity: <sip:+3726310000@bank.example>",
        "P-Preferred-Identity: <sip:+3726310000@bank.example>",
        'Remote-Party-ID: "Fraud desk" <sip:+3726310000@bank.example>;party=calling',
        'Identity: a.b.c;info=<https://evil.example/x>;alg=ES256;ppt="shaken"',
        "Date: Thu, 01 Jan 1970 00:00:00 GMT",
        "Diversion: <sip:+3726310000@bank.example>",
    )
    first = side.sent(request("INVITE", 1, "a", flow=PHONE, sender=sender, extra=claims), PHONE)[-1]
    proof = side.proof(first, method="INVITE", uri=f"sip:8000@{REALM}")
    out = side.packet(request("INVITE", 2, "a", flow=PHONE, sender=sender, extra=(*claims, proof), body=OFFER), PHONE)
    event = only(out, InviteReceived)
    assert (event.origin.agent, event.caller, event.caller_name) == (AgentId("anna"), "1001", "")
    assert event.identity is None


def test_a_caller_who_challenges_us_gets_no_credentials() -> None:
    """25: in a dialog that he opened, too."""
    side = Peer()
    leg, _ = side.talk()
    (bye,) = transmitted(side.do(Hangup(leg)))
    assert start(bye).startswith("BYE")
    challenge = ('Proxy-Authenticate: Digest realm="bank.example", nonce="n", qop="auth"',)
    out = side.packet(response(407, bye, extra=challenge))
    assert not [each for each in transmitted(out) if b"Authorization" in each]


# ------------------------------------------------------------------ what we tell


def everything_we_say() -> list[bytes]:
    """Messages of every kind that leaves: answers good and bad, challenges, calls out, BYE, CANCEL."""
    side = Peer()
    said: list[bytes] = []
    leg, _ = side.talk()
    side.save(side.register())
    side.packet(register(9, user="nobody"), PHONE)
    side.packet(request("OPTIONS", 1, "o"))
    side.packet(request("BREW", 1, "b"))
    side.packet(request("INVITE", 1, "s", flow=STRANGER), STRANGER)
    side.packet(b"INVITE sip:x SIP/3.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKv\r\n\r\n")
    side.do(Reject(side.ring("c2"), 503, 5))
    side.dial_and_talk()
    side.do(Hangup(LegId(900), "Q.850;cause=16"))
    side.do(Hangup(leg))
    side.dial(901)
    side.packet(response(180, side.dial(902)), PHONE)
    side.do(Hangup(LegId(902)))
    said.extend(transmitted(side.log))
    assert {start(each).split(" ")[0] for each in said} >= {"SIP/2.0", "INVITE", "ACK", "BYE", "CANCEL"}
    return said


def test_no_message_names_a_product_or_a_version() -> None:
    """26."""
    for data in everything_we_say():
        names = {name.lower() for name in HEADER_NAME.findall(data.partition(b"\r\n\r\n")[0].decode())}
        assert not names & {"server", "user-agent", "organization", "warning", "error-info", "call-info"}, start(data)


def test_nothing_of_one_side_is_told_to_the_other() -> None:
    """Topology hiding: a call out is written anew; of the caller's side only number and name are in it."""
    side = Peer()
    inner = "10.11.12.13"
    more = (
        f"X-Inner: {inner}",
        f"P-Charging-Vector: icid-value=1@{inner}",
        f"User-Agent: PBX@{inner}",
        f"Subject: {inner}",
    )
    call = request("INVITE", 1, f"c@{inner}", extra=more, body=OFFER, contact=f"sip:gw@{inner}")
    event = only(side.packet(call), InviteReceived)
    order = StartInvite(LegId(900), "sip:1001@198.51.100.7:40000", PHONE, event.caller, event.caller_name, REPLY)
    (out,) = transmitted(side.do(order))
    for secret in (inner, "192.0.2.10", "gw.example", "PBX"):
        assert secret not in out.decode()
    assert event.caller == "79123456789"


EVIL = '"\r\nX-Evil: 1\r\n\r\nv=0\x00\x1b[31m\u2028\\'


@settings(max_examples=150, deadline=None)
@given(
    name=st.text(max_size=60) | st.just(EVIL),
    number=st.text(max_size=40) | st.just(EVIL),
    reason=st.text(max_size=40) | st.just(EVIL),
)
def test_no_text_adds_a_header_line(name: str, number: str, reason: str) -> None:
    """Names, numbers, reasons and forwarded values are written into one line, whatever stands in them."""

    def names(data: bytes) -> list[str]:
        head, _, body = data.partition(b"\r\n\r\n")
        assert body in (b"", OFFER)
        assert re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", head) is None
        return [line.partition(":")[0] for line in head.decode("utf-8", "surrogateescape").split("\r\n")[1:]]

    def messages(name: str, number: str, reason: str) -> list[list[str]]:
        side = Peer()
        order = StartInvite(
            LegId(900), "sip:1001@198.51.100.7:40000", PHONE, number, name, OFFER, (("Call-Info", reason or "x"),)
        )
        (invite,) = transmitted(side.do(order))
        side.packet(response(180, invite), PHONE)
        cancel = transmitted(side.do(Hangup(LegId(900), reason or "x")))
        return [names(each) for each in (invite, *cancel)]

    assert messages(name, number, reason) == messages("Bob", "79123456789", "SIP;cause=200")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(("From", "To", "Call-ID", "Via", "Record-Route", "User-Agent")), st.text(max_size=30))
def test_what_is_copied_into_an_answer_adds_no_line(where: str, value: str) -> None:
    side = Peer()
    clean = "".join(each for each in value if each not in "\r\n")
    data = request("OPTIONS", 1, "o").decode()
    line = {"From": f"<sip:a@b>;x={clean};tag=1", "To": f"<sip:a@b>;x={clean}", "Call-ID": clean or "c",
            "Via": f"SIP/2.0/UDP 192.0.2.10:5080;x={clean};branch=z9hG4bKq"}.get(where, clean)  # fmt: skip
    data = re.sub(rf"^{where}: .*?\r$", lambda _: f"{where}: {line}\r", data, flags=re.MULTILINE)
    for reply in side.sent(data.encode("utf-8", "surrogateescape")):
        head = reply.partition(b"\r\n\r\n")[0]
        assert re.search(rb"(?<!\r)\n|\r(?!\n)", head) is None
        assert len(HEADER_NAME.findall(head.decode("utf-8", "replace"))) <= 14


def test_secrets_are_in_no_event() -> None:
    """26: neither passwords nor digest responses reach the log."""
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    proof = side.proof(challenge, password="wrong-password")
    side.packet(register(2, proof=proof), PHONE)
    told: list[Any] = side.told(SecurityEvent)
    assert [event.kind for event in told] == ["auth_failed"]
    secret = re.search(r'response="([0-9a-f]+)"', proof)
    assert secret is not None
    assert secret[1] not in repr(told)
    assert "secret" not in repr(side.settings.accounts), "what is kept of a password is not shown either"


def test_each_refusal_is_one_event() -> None:
    """27."""
    for data, flow, kind in (
        (request("INVITE", 1, "a", flow=STRANGER, sender="<sip:eve@evil.example>"), STRANGER, "unknown_trunk"),
        (b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKv\r\nFrom\r\n\r\n", GATEWAY, "malformed"),
        (request("REFER", 1, "r"), GATEWAY, "refer_refused"),
    ):
        side = Peer()
        event = only(side.packet(data, flow), SecurityEvent)
        assert (event.kind, event.source) == (kind, flow.remote)


def test_a_jump_of_the_wall_clock_moves_no_timer() -> None:
    """38: the only clock that is read is monotonic; the wall clock is asked for the time of day alone."""
    wall = [1_800_000_000.0]
    steady, jumping = Peer(), Peer()
    jumping.stack = SipStack(jumping.settings, IdSource(), random.Random(1), lambda now: wall[0])
    said = []
    for side in (steady, jumping):
        side.save(side.register())
        side.ring()
        side.dial()
        wall[0] -= 10 * 86400.0
        side.wait(20)
        wall[0] += 400 * 86400.0
        said.append([entry for entry in side.wait(40) if isinstance(entry, Transmit)])
        assert side.stack.contacts(AgentId("anna"))
    assert said[0] == said[1]
