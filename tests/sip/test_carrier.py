"""A carrier that challenges us: answered for its trunk and realm alone; our registration there."""

from __future__ import annotations

import re
from hashlib import md5, sha256
from typing import Any

import pytest
from tests.sip.peer import OFFER, PHONE, REPLY, Peer, header, only, response, settings, start, status, transmitted

from softswitch.ids import LegId, TrunkId
from softswitch.sip.messages import (
    CarriersLeft,
    Flow,
    InviteAnswered,
    LeaveCarriers,
    LegEnded,
    StartInvite,
    TrunkSettings,
)

CARRIER = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.10", 5080))
MD5 = 'WWW-Authenticate: Digest realm="carrier.example", nonce="n1", qop="auth,auth-int", opaque="o"'
SHA = 'WWW-Authenticate: Digest realm="carrier.example", nonce="n2", qop="auth", algorithm=SHA-256'


def side(**changes: Any) -> Peer:
    trunk = TrunkSettings(
        TrunkId("pstn"),
        ("192.0.2.10/32",),
        host="192.0.2.10",
        port=5080,
        username="bank",
        password="pass",
        realm="carrier.example",
        **changes,
    )
    return Peer(settings(trunks=(trunk,)))


def call(peer: Peer) -> bytes:
    return transmitted(peer.do(StartInvite(LegId(900), "sip:+3725550001@pstn", None, "1", "", OFFER)))[0]


def good(line: str, method: str, uri: str) -> bool:
    """Checked by the formula of RFC 7616 3.4.1, written out here."""
    found = dict(re.findall(r'(\w+)="?([^",]+)"?', line))
    hashed = sha256 if found["algorithm"] == "SHA-256" else md5
    ha1 = hashed(b"bank:carrier.example:pass").hexdigest()
    ha2 = hashed(f"{method}:{uri}".encode()).hexdigest()
    text = f"{ha1}:{found['nonce']}:{found['nc']}:{found['cnonce']}:auth:{ha2}"
    return found["response"] == hashed(text.encode()).hexdigest() and found["username"] == "bank"


@pytest.mark.parametrize(
    ("code", "lines", "name"),
    [
        (401, (MD5,), "Authorization"),
        (407, (SHA.replace("WWW", "Proxy"),), "Proxy-Authorization"),
        (401, (MD5, SHA), ""),
    ],
)
def test_a_call_with_a_challenge(code: int, lines: tuple[str, ...], name: str) -> None:
    peer = side()
    invite = call(peer)
    sent = peer.sent(response(code, invite, extra=lines), CARRIER)
    assert [start(data).partition(" ")[0] for data in sent] == ["ACK", "INVITE"]
    again = sent[1]
    line = header(again, name or "Authorization")
    assert good(line, "INVITE", start(again).split(" ")[1])
    assert ("SHA-256" in line) == (SHA in lines or "n2" in line)
    assert (header(again, "CSeq"), header(again, "Call-ID")) == ("2 INVITE", header(invite, "Call-ID"))
    assert again.endswith(OFFER)
    assert only(peer.packet(response(200, again, body=REPLY), CARRIER), InviteAnswered).sdp == REPLY


def test_opaque_comes_back() -> None:
    peer = side()
    assert 'opaque="o"' in header(peer.sent(response(401, call(peer), extra=(MD5,)), CARRIER)[1], "Authorization")


def test_wrong_password_is_not_tried_for_ever() -> None:
    peer = side()
    again = peer.sent(response(401, call(peer), extra=(MD5,)), CARRIER)[1]
    assert only(peer.packet(response(401, again, extra=(MD5,)), CARRIER), LegEnded).status == 401


def test_stale_is_answered_once_more() -> None:
    peer = side()
    again = peer.sent(response(401, call(peer), extra=(MD5,)), CARRIER)[1]
    third = peer.sent(response(401, again, extra=(MD5 + ", stale=true",)), CARRIER)[1]
    assert good(header(third, "Authorization"), "INVITE", start(third).split(" ")[1])
    assert only(peer.packet(response(401, third, extra=(MD5 + ", stale=true",)), CARRIER), LegEnded)


@pytest.mark.parametrize(
    "line",
    [
        MD5.replace("carrier.example", "other.example"),
        MD5.replace("Digest", "Basic"),
        MD5.replace("auth,auth-int", "auth-int"),
        MD5 + ", algorithm=SHA-512-256",
        'WWW-Authenticate: Digest realm="carrier.example"',
        "WWW-Authenticate: Digest ,,,",
        "Subject: nothing",
    ],
)
def test_what_is_not_answered(line: str) -> None:
    peer = side()
    assert only(peer.packet(response(401, call(peer), extra=(line,)), CARRIER), LegEnded).status == 401


def test_a_phone_gets_no_answer() -> None:
    peer = side()
    out = peer.packet(response(401, peer.dial(), extra=(MD5,)), PHONE)
    assert only(out, LegEnded).status == 401
    assert len(transmitted(out)) == 1


# ------------------------------------------------------------------ registration


def registering() -> tuple[Peer, bytes]:
    peer = side(register=True)
    return peer, transmitted(peer.wait(1.0))[0]


def test_registration() -> None:
    peer, first = registering()
    assert start(first) == "REGISTER sip:192.0.2.10:5080 SIP/2.0"
    assert header(first, "To") == "<sip:bank@carrier.example>"
    assert header(first, "Contact") == "<sip:bank@192.0.2.1:5060>"
    again = peer.sent(response(401, first, extra=(SHA,)), CARRIER)[0]
    assert good(header(again, "Authorization"), "REGISTER", "sip:192.0.2.10:5080")
    assert not peer.stack.carriers["pstn"].registered
    peer.packet(response(200, again, contact="sip:bank@192.0.2.1:5060", extra=("Expires: 100",)), CARRIER)
    assert peer.stack.carriers["pstn"].registered
    assert [one for one in transmitted(peer.wait(79)) if one.startswith(b"REGISTER")] == []
    refresh = transmitted(peer.wait(2))[0]
    assert header(refresh, "Call-ID") == header(first, "Call-ID")
    assert int(header(refresh, "CSeq").split()[0]) == 3


def test_too_brief() -> None:
    peer, first = registering()
    again = peer.sent(response(423, first, extra=("Min-Expires: 1800",)), CARRIER)[0]
    assert header(again, "Expires") == "1800"
    assert peer.sent(response(423, again, extra=("Min-Expires: 5",)), CARRIER) == []


def test_refused_and_silent_carriers_are_asked_again_ever_more_rarely() -> None:
    peer, first = registering()
    peer.packet(response(403, first), CARRIER)
    assert (peer.stack.carriers["pstn"].status, peer.stack.carriers["pstn"].registered) == (403, False)
    assert transmitted(peer.wait(29)) == []
    assert status(transmitted(peer.wait(2))[0]) == 0
    branches = {header(one, "Via") for one in transmitted(peer.wait(3600))}
    assert 6 <= len(branches) <= 12
    assert peer.stack.carriers["pstn"].status == 408


def registered() -> tuple[Peer, bytes]:
    peer, sent = registering()
    peer.packet(response(200, sent, extra=("Expires: 600",)), CARRIER)
    return peer, sent


def test_taken_back_at_the_end() -> None:
    peer, first = registered()
    out = peer.do(LeaveCarriers())
    (last,) = transmitted(out)
    assert (header(last, "Expires"), header(last, "Call-ID")) == ("0", header(first, "Call-ID"))
    assert header(last, "Contact") == header(first, "Contact")
    (again,) = peer.sent(response(401, last, extra=(MD5,)), CARRIER)
    assert header(again, "Expires") == "0"
    assert good(header(again, "Authorization"), "REGISTER", start(again).split(" ")[1])
    only(peer.packet(response(200, again), CARRIER), CarriersLeft)
    assert not peer.stack.carriers["pstn"].registered
    assert transmitted(peer.wait(3600)) == []


@pytest.mark.parametrize("answer", [403, 423, 0])
def test_a_carrier_that_does_not_let_go(answer: int) -> None:
    peer, _ = registered()
    (last,) = transmitted(peer.do(LeaveCarriers()))
    out = peer.packet(response(answer, last, extra=("Min-Expires: 60",)), CARRIER) if answer else peer.wait(33)
    only(out, CarriersLeft)
    assert transmitted(peer.wait(3600)) == [], "and is left alone"


def test_without_carriers_there_is_nothing_to_take_back() -> None:
    only(Peer().do(LeaveCarriers()), CarriersLeft)
