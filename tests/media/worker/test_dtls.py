"""The DTLS handshake by itself: roles, versions, who is who; and ten thousand broken datagrams."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from OpenSSL import SSL

from softswitch.media.worker.dtls import Association, Certificate, DtlsFailed

NOW = datetime(2026, 5, 1, tzinfo=UTC)
OURS, THEIRS = Certificate(NOW), Certificate(NOW)


def pair(theirs_says: str = "", ours_says: str = "") -> tuple[Association, Association]:
    """The client (they) and the server (we)."""
    client = Association(THEIRS, True, ours_says or OURS.fingerprint)
    return client, Association(OURS, False, theirs_says or THEIRS.fingerprint)


def shake(client: Association, server: Association) -> None:
    flight = client.begin()
    for one, other in [(server, client)] * 6:
        answer = [reply for datagram in flight for reply in one.feed(datagram)]
        flight = [reply for datagram in answer for reply in other.feed(datagram)]


def test_both_sides_have_the_same_keys() -> None:
    client, server = pair()
    shake(client, server)
    assert client.keys is not None
    assert server.keys is not None
    suite, ours, theirs = server.keys
    assert suite == "AEAD_AES_256_GCM"
    assert client.keys == (suite, theirs, ours)
    assert ours != theirs
    assert len(ours) == 44


def test_datagrams_hold_whole_records_and_fit_the_network() -> None:
    client, server = pair()
    (hello,) = client.begin()
    for datagram in server.feed(hello):
        assert len(datagram) <= 1200
        at = 0
        while at < len(datagram):
            at += 13 + int.from_bytes(datagram[at + 11 : at + 13], "big")
        assert at == len(datagram)


@pytest.mark.parametrize("side", ["client", "server"])
def test_another_certificate_than_described(side: str) -> None:
    wrong = "sha-256 " + ":".join(["AB"] * 32)
    client, server = pair(ours_says=wrong) if side == "client" else pair(theirs_says=wrong)
    with pytest.raises(DtlsFailed, match="fingerprint"):
        shake(client, server)


def test_a_peer_without_srtp_is_refused() -> None:
    connection = SSL.Connection(SSL.Context(SSL.DTLS_METHOD), None)  # nor with a certificate
    connection.set_connect_state()
    server = Association(OURS, False, THEIRS.fingerprint)
    with pytest.raises(DtlsFailed, match="handshake refused"):
        for _ in range(6):
            try:
                connection.do_handshake()
            except SSL.WantReadError:
                pass
            for datagram in server.feed(connection.bio_read(65_536)):
                connection.bio_write(datagram)


def test_nothing_is_sent_again_before_its_time() -> None:
    client, server = pair()
    client.begin()
    assert client.tick() == [], "not before its time"
    assert server.tick() == []


def test_what_is_left_of_a_handshake_is_let_go() -> None:
    """After half a minute, at two ticks a second, or when the peer was heard; the keys stay."""
    client, server = pair()
    (hello,) = client.begin()
    answer = server.feed(hello)
    last = [reply for datagram in answer for reply in client.feed(datagram)]
    for datagram in last:
        server.feed(datagram)
    keys = server.keys
    assert keys is not None
    for _ in range(59):
        assert server.tick() == []
    assert not server.rests
    server.tick()
    assert server.rests
    assert server.keys == keys
    assert [reply for datagram in last for reply in server.feed(datagram)] == []
    assert server.tick() == []


def test_a_handshake_without_end_is_ended() -> None:
    _, server = pair()
    with pytest.raises(DtlsFailed):
        for n in range(200):
            server.feed(b"\x16\xfe\xfd\0\0\0\0\0\0" + n.to_bytes(2, "big") + b"\0\x01x")


def test_ten_thousand_broken_datagrams() -> None:
    """Cut, changed, doubled and made up: each ends in keys, in DtlsFailed, or in waiting; never in anything else."""
    chance = random.Random(3_711)
    secured = failed = fed = 0
    while fed < 10_000:
        client, server = pair()
        try:
            flight = client.begin()
            for turn in range(10):
                receiver = client if turn % 2 else server
                replies: list[bytes] = []
                for datagram in flight:
                    for broken in _broken(datagram, chance):
                        fed += 1
                        replies += receiver.feed(broken)
                flight = replies
                for _ in range(chance.randrange(20)):
                    fed += 1
                    receiver.feed(bytes([chance.randrange(20, 64)]) + chance.randbytes(chance.randrange(80)))
            secured += server.keys is not None
        except DtlsFailed:
            failed += 1
    assert failed, "something broke"


def _broken(datagram: bytes, chance: random.Random) -> list[bytes]:
    what = chance.randrange(6)
    data = bytearray(datagram)
    if what == 0:
        return [datagram, datagram]
    if what == 1:
        del data[chance.randrange(len(data)) :]
    elif what == 2:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif what == 3:
        at = chance.randrange(len(data))
        data[at : at + 2] = b"\xff\xff"
    return [bytes(data)]
