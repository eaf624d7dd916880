"""Digest: the vectors of RFC 2617 and RFC 7616, and who gets in."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sip.peer import PHONE, REALM, Peer, header, only, register, status, transmitted

from softswitch.sip import digest
from softswitch.sip.digest import Nonces, digest_response, parse_credentials
from softswitch.sip.errors import SipError
from softswitch.sip.messages import SaveContacts, SecurityEvent

MUFASA = {
    "uri": "/dir/index.html",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "nc": "00000001",
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    "qop": "auth",
}


COMPLETE = f'Authorization: Digest realm="{REALM}", username="1001", nonce="x", uri="y", response="z"'


def code(out: list[Any]) -> int:
    replies = transmitted(out)
    return status(replies[0]) if replies else 0


def test_rfc_2617_section_3_5() -> None:
    ha1 = "939e7578ed9e3c518a452acee763bce9"  # Mufasa:testrealm@host.com:Circle Of Life
    values = {
        "uri": "/dir/index.html",
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "nc": "00000001",
        "cnonce": "0a4f113b",
        "qop": "auth",
    }
    assert digest_response("md5", ha1, "GET", values) == "6629fae49393a05397450978507c4ef1"


def test_rfc_7616_section_3_9_1() -> None:
    secret = b"Mufasa:http-auth@example.org:Circle of Life"
    assert digest_response("md5", digest.md5(secret).hexdigest(), "GET", MUFASA) == "8ca523f5e9506fed4657c9700eebdbec"
    sha = digest_response("sha-256", digest.sha256(secret).hexdigest(), "GET", MUFASA)
    assert sha == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


def test_rfc_2069_without_qop() -> None:
    """The example of RFC 2069 with the corrected response of its erratum."""
    ha1 = digest.md5(b"Mufasa:testrealm@host.com:CircleOfLife").hexdigest()
    values = {"uri": "/dir/index.html", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
    assert digest_response("md5", ha1, "GET", values) == "1949323746fe6a43ef61f9606e7febea"


def test_sha_256_is_offered_first() -> None:
    challenge = Peer().sent(register(1), PHONE)[0].decode()
    lines = [line for line in challenge.split("\r\n") if line.startswith("WWW-Authenticate: Digest ")]
    assert len(lines) == 2
    assert lines[0].endswith("algorithm=SHA-256")
    assert lines[1].endswith("algorithm=MD5")
    assert all(f'realm="{REALM}"' in line and 'qop="auth"' in line for line in lines)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("qop", ["auth", ""])
def test_gets_in(algorithm: str, qop: str) -> None:
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    only(side.packet(register(2, proof=side.proof(challenge, algorithm=algorithm, qop=qop)), PHONE), SaveContacts)


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "wrong"},
        {"username": "nobody"},
        {"username": ""},
        {"method": "INVITE"},
        {"uri": "sip:elsewhere.example"},
    ],
)
def test_does_not_get_in(changes: dict[str, str]) -> None:
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    out = side.packet(register(2, proof=side.proof(challenge, **changes)), PHONE)
    assert code(out) == 401
    event = only(out, SecurityEvent)
    assert (event.kind, event.source) == ("auth_failed", PHONE.remote)
    assert event.account == changes.get("username", "1001")
    assert "stale" not in transmitted(out)[0].decode()
    assert side.stack.counts()["server_transactions"] == 0


def test_secrets_are_not_told() -> None:
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    proof = side.proof(challenge, password="wrong")
    secret = proof.partition('response="')[2][:32]
    out = side.packet(register(2, proof=proof), PHONE)
    assert secret not in repr(out)


def test_unknown_user_and_wrong_password_look_and_cost_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    work: list[str] = []
    for name in ("md5", "sha256"):
        real = getattr(digest, name)
        monkeypatch.setattr(digest, name, lambda data, name=name, real=real: work.append(name) or real(data))
    real_digest = digest.hmac.digest
    monkeypatch.setattr(digest.hmac, "digest", lambda *args: work.append("hmac") or real_digest(*args))

    def refused(username: str, algorithm: str) -> tuple[list[str], list[int], list[str]]:
        side = Peer()
        challenge = side.sent(register(1), PHONE)[0]
        proof = side.proof(challenge, username=username, password="wrong", algorithm=algorithm)
        work.clear()
        reply = side.sent(register(2, proof=proof), PHONE)[0]
        lines = reply.decode().split("\r\n")
        return list(work), [len(line) for line in lines], [line.partition(":")[0] for line in lines]

    for algorithm in ("MD5", "SHA-256"):
        assert refused("1001", algorithm) == refused("9999", algorithm)


def test_replay_is_refused() -> None:
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    proof = side.proof(challenge)
    side.packet(register(2, proof=proof), PHONE)
    out = side.packet(register(3, proof=proof, call="replayed"), PHONE)
    assert code(out) == 401
    assert "stale=true" in header(transmitted(out)[0], "WWW-Authenticate")
    assert only(out, SecurityEvent).kind == "nonce_replayed"


def test_counting_up_reuses_a_nonce() -> None:
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    for number, nc in enumerate(("00000001", "00000002", "00000010", "0000000f", "00000011"), start=2):
        only(side.packet(register(number, proof=side.proof(challenge, nc=nc)), PHONE), SaveContacts)
    for number, nc in enumerate(("00000010", "0000000f", "00000002", "00000001"), start=20):
        assert code(side.packet(register(number, proof=side.proof(challenge, nc=nc)), PHONE)) == 401


def test_old_nonce_is_stale_only_with_the_right_password() -> None:
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    side.wait(301)
    reply = side.sent(register(2, proof=side.proof(challenge)), PHONE)[0]
    assert "stale=true" in header(reply, "WWW-Authenticate")
    reply = side.sent(register(3, proof=side.proof(challenge, password="wrong")), PHONE)[0]
    assert "stale" not in header(reply, "WWW-Authenticate")


@pytest.mark.parametrize("nonce", ["", "x", "0.0.0", "zz.zz.zz", "ff.aa.bb", "\x7f.é.é", "." * 50])
@pytest.mark.parametrize("password", ["secret", "wrong"])
def test_forged_nonce_is_stale_and_tells_nothing_of_the_password(nonce: str, password: str) -> None:
    side = Peer()
    proof = side.proof(b'nonce="made up"', nonce=nonce or "made up", password=password)
    reply = side.sent(register(2, proof=proof), PHONE)[0]
    assert status(reply) == 401
    assert "stale=true" in header(reply, "WWW-Authenticate")
    assert not side.told(SecurityEvent)


def test_nonce_of_an_earlier_start_is_stale() -> None:
    challenge = Peer(seed=1).sent(register(1), PHONE)[0]
    side = Peer(seed=2)
    reply = side.sent(register(2, proof=side.proof(challenge)), PHONE)[0]
    assert "stale=true" in header(reply, "WWW-Authenticate")


@pytest.mark.parametrize(
    "line",
    [
        'Authorization: Digest username="1001"',
        f'Authorization: Digest realm="{REALM}", username="1001", nonce="x", uri="sip:{REALM}"',
        f'Authorization: Digest realm="{REALM}", realm="{REALM}"',
        f'Authorization: Digest realm="{REALM}", username="unbalanced',
        f"{COMPLETE}, qop=auth-int, nc=00000001, cnonce=c",
        f"{COMPLETE}, qop=auth, nc=1, cnonce=c",
        f"{COMPLETE}, qop=auth, nc=0000000g, cnonce=c",
        f"{COMPLETE}, qop=auth, nc=00000001",
    ],
)
def test_broken_credentials_never_get_in(line: str) -> None:
    side = Peer()
    reply = side.sent(register(2, proof=line), PHONE)[0]
    assert status(reply) in (400, 401)


@pytest.mark.parametrize("line", ["Authorization: Basic dXNlcg==", "Authorization: Digest", "Authorization: NoOne x=y"])
def test_other_schemes_are_challenged(line: str) -> None:
    assert status(Peer().sent(register(2, proof=line), PHONE)[0]) == 401


def test_other_realm_and_unknown_algorithm_are_challenged() -> None:
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    assert status(side.sent(register(2, proof=side.proof(challenge, realm="other")), PHONE)[0]) == 401
    odd = side.proof(challenge).replace("algorithm=MD5", "algorithm=SHA-1")
    assert status(side.sent(register(3, proof=odd), PHONE)[0]) == 401
    assert not side.told(SecurityEvent)


def test_parse_credentials() -> None:
    assert parse_credentials('Digest a="b\\"c" , D = e,f="x,y"') == {"a": 'b"c', "d": "e", "f": "x,y"}
    assert parse_credentials("Basic abc") is None
    with pytest.raises(SipError):
        parse_credentials('Digest a="b')


def test_used_nonces_are_bounded_and_the_forgotten_stay_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "MAX_NONCES", 10)
    side = Peer()
    nonces = Nonces(side.stack._context)
    used = []
    for _ in range(30):
        side.wait(0.5)
        side.stack.tick(side.now)
        nonce = nonces.issue("198.51.100.7")
        assert nonces.given_to(nonce, "198.51.100.7") and nonces.young(nonce)
        assert nonces.use(nonce, 1)
        used.append(nonce)
    assert len(nonces) == 10
    assert not nonces.young(used[0])
    assert nonces.young(used[-1])
    assert not nonces.use(used[-1], 1)
