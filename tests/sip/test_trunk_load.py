"""Channels and calls per second of trunks; trunks by certificate and by login."""

from __future__ import annotations

from dataclasses import replace
from hashlib import md5, sha256
from typing import Any

import pytest
from tests.sip.peer import (
    LOCAL,
    OFFER,
    PHONE,
    REALM,
    STRANGER,
    Peer,
    credentials,
    header,
    only,
    register,
    request,
    settings,
    status,
    transmitted,
)

from softswitch.ids import AgentId, LegId, TrunkId
from softswitch.sip.messages import (
    AccountSettings,
    EndedBy,
    Flow,
    Hangup,
    InviteReceived,
    LegEnded,
    PacketReceived,
    StartInvite,
    StreamReceived,
    TrunkSettings,
)
from softswitch.sip.trunk_load import TrunkLoad

PSTN = TrunkId("pstn")


def side(**changes: Any) -> Peer:
    plain = settings()
    return Peer(replace(plain, trunks=(replace(plain.trunks[0], **changes),)))


def come(peer: Peer, call: str) -> bytes:
    """The answer to one more caller."""
    return transmitted(peer.packet(request("INVITE", 1, call, body=OFFER)))[0]


def go(peer: Peer, leg: int) -> list[Any]:
    return peer.do(StartInvite(LegId(leg), "sip:+3725@pstn", None, "1", "", OFFER, trunk=PSTN))


def test_channels_count_both_directions() -> None:
    peer = side(max_calls=2)
    peer.ring("c1")
    assert transmitted(go(peer, 900))
    assert only(go(peer, 901), LegEnded) == LegEnded(LegId(901), EndedBy.TRANSPORT, 503, 34)
    refused = come(peer, "c2")
    assert (status(refused), header(refused, "Retry-After"), header(refused, "Reason")) == (503, "5", "Q.850;cause=34")
    peer.do(Hangup(LegId(900)))
    assert status(come(peer, "c3")) == 100


def test_calls_per_second() -> None:
    peer = side(calls_per_second=3.0)
    answers = [status(come(peer, f"c{number}")) for number in range(5)]
    assert answers == [100, 100, 100, 503, 503]
    assert header(come(peer, "more"), "Retry-After") == "1"
    assert transmitted(go(peer, 900))  # out has a bucket of its own
    for leg in (901, 902):
        assert transmitted(go(peer, leg))
    assert only(go(peer, 903), LegEnded).cause == 42
    peer.wait(1.0)
    assert [status(come(peer, f"d{number}")) for number in range(4)] == [100, 100, 100, 503]


@pytest.mark.parametrize("per_second", [0.5, 1.0, 7.0, 100.0])
def test_never_more_than_the_limit_in_any_second(per_second: float) -> None:
    load = TrunkLoad([TrunkSettings(PSTN, (), max_calls=10**6, calls_per_second=per_second)])
    admitted = [step / 50 for step in range(1, 2000) if load.admit(PSTN, step / 50) is None]
    for start in admitted:
        # A bucket that is full, and what flows in meanwhile.
        assert sum(start <= when < start + 1 for when in admitted) <= max(1.0, per_second) + per_second
    assert len(admitted) >= min(per_second, 50) * 40 * 0.9


# ------------------------------------------------------------------ who it is


def test_a_trunk_by_the_name_in_its_certificate() -> None:
    peer = side(names=("sbc.carrier.example",))
    proven = Flow("tls", LOCAL, ("203.0.113.9", 5061), 7, peer_names=("other.example", "SBC.carrier.example"))
    wrong = Flow("tls", LOCAL, ("203.0.113.9", 5061), 8, peer_names=("evil.example",))
    call = only(peer.do(StreamReceived(proven, request("INVITE", 1, "c1", body=OFFER, flow=proven))), InviteReceived)
    assert call.origin.trunk == PSTN
    refused = transmitted(peer.do(StreamReceived(wrong, request("INVITE", 1, "c2", body=OFFER, flow=wrong))))
    assert status(refused[0]) == 403
    # A datagram proves nothing, whatever it carries.
    claimed = replace(proven, transport="udp", connection=0)
    assert status(transmitted(peer.do(PacketReceived(claimed, request("INVITE", 1, "c3", body=OFFER))))[0]) == 403


def by_login() -> Peer:
    secret = f"carrier:{REALM}:word".encode()
    account = AccountSettings(AgentId(""), "carrier", "", md5(secret).hexdigest(), sha256(secret).hexdigest(), PSTN)
    plain = settings()
    return Peer(replace(plain, accounts=(*plain.accounts, account)))


def test_a_trunk_by_its_login() -> None:
    peer = by_login()
    invite = {"body": OFFER, "flow": STRANGER, "extra": ("P-Asserted-Identity: <sip:+3725@x>",)}
    challenge = peer.sent(request("INVITE", 1, "c1", **invite), STRANGER)[0]  # type: ignore[arg-type]
    assert status(challenge) == 401
    uri = f"sip:8000@{REALM}"
    for password, number in (("wrong", 2), ("word", 3)):
        proof = credentials(challenge, username="carrier", password=password, method="INVITE", uri=uri)
        extra = (*invite["extra"], proof)  # type: ignore[misc]
        out = peer.packet(request("INVITE", number, "c1", **{**invite, "extra": extra}), STRANGER)  # type: ignore[arg-type]
        if password == "wrong":
            assert status(transmitted(out)[0]) == 401
    call = only(out, InviteReceived)
    assert (call.origin.trunk, call.origin.agent, call.caller) == (PSTN, None, "+3725")


def test_a_trunk_does_not_register() -> None:
    peer = by_login()
    challenge = peer.sent(register(1, user="carrier"), PHONE)[0]
    proof = credentials(challenge, username="carrier", password="word")
    assert status(peer.sent(register(2, user="carrier", proof=proof), PHONE)[0]) == 403


@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE"])
def test_the_login_of_a_trunk_is_for_calls_alone(method: str) -> None:
    peer = by_login()
    uri = f"sip:1001@{REALM}"

    def one(number: int, *more: str) -> bytes:
        extra = ("Event: dialog", "Expires: 60", *more)
        return request(method, number, "m1", flow=STRANGER, uri=uri, extra=extra)

    challenge = peer.sent(one(1), STRANGER)[0]
    proof = credentials(challenge, username="carrier", password="word", method=method, uri=uri)
    assert status(peer.sent(one(2, proof), STRANGER)[0]) == 403
