"""Who is heard: rates, bans and their decay, scanners, exemptions, bounded memory."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from tests.sip.peer import PHONE, STRANGER, Peer, header, register, settings, status

from softswitch.ids import TrunkId
from softswitch.sip import guard as guard_module
from softswitch.sip.guard import MAX_BANS, MAX_SOURCES, Guard, source_name
from softswitch.sip.messages import DefenceSettings, SecurityEvent, TrunkSettings

OPTIONS = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x\r\nUser-Agent: Phone 1\r\n\r\n"
BAD = "203.0.113.9"


def made(**changes: Any) -> Guard:
    trunks = (TrunkSettings(TrunkId("t"), ("192.0.2.10/32", "198.18.0.0/24"), host="192.0.2.99"),)
    return Guard(settings(trunks=trunks, defence=DefenceSettings(**changes)))


SCAN = OPTIONS.replace(b"Phone 1", b"sipcli")


def heard(guard: Guard, host: str, packets: int, now: float, data: bytes = OPTIONS, connected: bool = False) -> int:
    return sum(guard.admit(host, data, now, connected) for _ in range(packets))


def kinds(guard: Guard) -> list[str]:
    return [event.kind for event in guard.take_events()]


def test_a_source_has_its_burst_and_its_rate() -> None:
    guard = made(rate_per_second=10, burst=20)
    assert heard(guard, BAD, 100, 1000.0) == 20
    assert heard(guard, BAD, 100, 1001.0) == 10
    assert heard(guard, "203.0.113.10", 5, 1001.0) == 5, "others are not touched"
    assert kinds(guard) == ["rate_limited"], "said once"
    assert guard.dropped["rate"] == 170


def test_an_office_behind_one_address_is_slowed_but_never_banned_for_its_number() -> None:
    guard = made(rate_per_second=10, burst=20)
    guard.proven(BAD, 1000.0)
    assert heard(guard, BAD, 20_000, 1000.0) == 20
    assert guard.bans(1000.0) == ()
    assert heard(guard, BAD, 100, 1001.0) == 50


def test_a_long_flood_is_a_ban_that_ends_and_doubles() -> None:
    guard = made(ban_seconds=60, longest_ban_seconds=200)
    now = 1000.0
    lengths = []
    for _ in range(4):
        heard(guard, BAD, 3000, now, connected=True)
        (ban,) = guard.bans(now)
        assert ban.reason == "flood"
        lengths.append(ban.seconds)
        assert heard(guard, BAD, 10, now + ban.seconds - 1) == 0
        now += ban.seconds + 1
        assert heard(guard, BAD, 10, now) == 10
        assert guard.bans(now) == ()
    assert lengths == [60, 120, 200, 200]
    heard(guard, BAD, 3000, now + 1000, connected=True)
    assert guard.bans(now + 1000)[0].seconds == 60, "forgotten after a long peace"


@pytest.mark.parametrize("host", ["192.0.2.10", "198.18.0.77", "192.0.2.99", "127.0.0.1", "::1"])
def test_trunks_and_the_own_machine_are_never_limited(host: str) -> None:
    guard = made(rate_per_second=1, burst=1, strangers_per_second=1)
    scan = OPTIONS.replace(b"Phone 1", b"friendly-scanner")
    for _ in range(100):
        guard.failed(host, 1.0)
    assert heard(guard, host, 5000, 1.0, scan) == 5000
    assert guard.bans(1.0) == ()


@pytest.mark.parametrize(
    "line", [b"User-Agent: friendly-scanner", b"user-agent:  SIPVicious 0.3", b"Server: x sipcli/1"]
)
def test_scanners_are_banned_at_their_first_packet(line: bytes) -> None:
    guard = made()
    assert not guard.admit(BAD, OPTIONS.replace(b"User-Agent: Phone 1", line), 5.0, True)
    assert guard.bans(5.0)[0].reason == "scanner"
    assert kinds(guard) == ["banned"]
    assert not guard.admit(BAD, OPTIONS, 5.0)


def test_a_scanners_name_in_a_datagram_is_dropped_and_bans_nobody() -> None:
    """Its source may be forged: the customer who lives there is heard on."""
    guard = made()
    assert heard(guard, BAD, 300, 5.0, SCAN) == 0
    assert guard.bans(5.0) == ()
    assert guard.admit(BAD, OPTIONS, 5.0)
    assert kinds(guard) == ["scanner"], "said once"
    assert guard.dropped["scanner"] == 300


def test_a_scanner_that_has_answered_a_challenge_is_no_forger() -> None:
    guard = made()
    guard.failed(BAD, 5.0)
    assert not guard.admit(BAD, SCAN, 6.0)
    assert [ban.reason for ban in guard.bans(6.0)] == ["scanner"]
    guard.failed("203.0.113.10", 5.0)
    assert not guard.admit("203.0.113.10", SCAN, 5.0 + guard_module.REAL_SECONDS + 1)
    assert len(guard.bans(5.0)) == 1, "an answer of long ago proves nothing now"


def test_a_flood_of_datagrams_mutes_its_source_and_bans_nobody() -> None:
    guard = made(rate_per_second=10, burst=20)
    now, admitted = 1000.0, 0
    for _ in range(50_000):
        now += 0.001
        admitted += guard.admit(BAD, OPTIONS, now)
    assert admitted <= 20 + 15, "nothing of a long flood is heard, not even at the rate"
    assert guard.bans(now) == ()
    assert heard(guard, BAD, 5, now + 4.0) == 0
    assert heard(guard, BAD, 5, now + 7.0) == 5, "five seconds after the flood the address is as good as before"
    assert heard(guard, BAD, 50, now + 200.0) == 20


def test_the_name_of_a_scanner_elsewhere_means_nothing_and_more_names_can_be_given() -> None:
    guard = made(scanners=("Phone 1",))
    subject = OPTIONS.replace(b"User-Agent: Phone 1", b"Subject: sipcli\r\nUser-Agent: Phone 2")
    assert guard.admit(BAD, subject, 5.0, True)
    assert not guard.admit(BAD, OPTIONS, 5.0, True)


def test_wrong_logins_ban_the_source_and_are_forgotten_slowly() -> None:
    guard = made(failures=3, failure_decay_seconds=60)
    for now in (0.0, 60.0, 120.0, 180.0):
        guard.failed(BAD, now)
    assert guard.bans(180.0) == ()
    guard.failed(BAD, 181.0)
    guard.failed(BAD, 182.0)
    assert guard.bans(182.0)[0].reason == "login"


def test_a_proven_source_may_be_wrong_more_often() -> None:
    guard = made(failures=3)
    guard.proven(BAD, 0.0)
    for _ in range(14):
        guard.failed(BAD, 1.0)
    assert guard.bans(1.0) == ()
    guard.failed(BAD, 1.0)
    assert guard.bans(1.0)


def test_strangers_share_a_bucket_that_the_proven_do_not_need() -> None:
    guard = made(strangers_per_second=50)
    guard.proven("198.51.100.7", 1000.0)
    many = sum(guard.admit(f"10.{n >> 8 & 255}.{n & 255}.1", OPTIONS, 1000.0) for n in range(5000))
    assert many == 100
    assert heard(guard, "198.51.100.7", 300, 1000.0) == 300


def test_ipv6_counts_by_network() -> None:
    assert source_name("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"
    assert source_name("::ffff:192.0.2.1") == "192.0.2.1"
    guard = made(rate_per_second=10, burst=20)
    assert sum(guard.admit(f"2001:db8::{n:x}", OPTIONS, 1.0) for n in range(1, 100)) == 20
    heard(guard, "2001:db8::1", 2000, 1.0, connected=True)
    assert guard.free("2001:db8::77", 1.0)
    assert guard.admit("2001:db8::1", OPTIONS, 1.0)


def test_free() -> None:
    guard = made()
    guard.admit(BAD, SCAN, 5.0, True)
    assert guard.free(BAD, 6.0)
    assert not guard.free(BAD, 6.0)
    assert guard.admit(BAD, OPTIONS, 6.0)


def test_switched_off() -> None:
    guard = made(enabled=False, burst=1)
    guard.failed(BAD, 0.0)
    assert heard(guard, BAD, 1000, 0.0) == 1000


def test_memory_is_bounded_and_keeps_the_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_module, "MAX_SOURCES", 100)
    monkeypatch.setattr(guard_module, "MAX_BANS", 50)
    guard = made(failures=1)
    guard.proven("198.51.100.7", 0.0)
    for n in range(1000):
        host = f"10.0.{n >> 8}.{n & 255}"
        guard.admit(host, OPTIONS, 1.0)
        guard.failed(host, 1.0)
    assert len(guard) <= 150
    assert MAX_SOURCES == MAX_BANS == 10_000


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "f", "p", "s"]), st.floats(0, 400)), max_size=60))
@budget(max_examples=60, deadline=None)
def test_never_more_than_the_rate_and_every_ban_ends(steps: list[tuple[str, float]]) -> None:
    guard = made(rate_per_second=5, burst=10, ban_seconds=50, longest_ban_seconds=200, failures=2)
    now, passed, since = 0.0, 0, 0.0
    for what, wait in steps:
        now += wait
        if what == "f":
            guard.failed(BAD, now)
        elif what == "s":
            guard.admit(BAD, SCAN, now, now % 2 < 1)
        else:
            passed += heard(guard, BAD, 30, now)
        assert passed <= 10 + 5 * (now - since) + 1
        assert all(ban.until - now < 200.001 for ban in guard.bans(now))
    assert guard.admit(BAD, OPTIONS, now + 201)


# ------------------------------------------------------------------ with the stack


def test_guessing_passwords_bans_the_address_and_not_the_account() -> None:
    side = Peer(settings(defence=DefenceSettings(failures=4)))
    for number in range(1, 9, 2):
        challenge = side.sent(register(number), STRANGER)[0]
        wrong = side.proof(challenge, password=f"guess{number}")
        side.packet(register(number + 1, proof=wrong), STRANGER)
    banned = [event for event in side.told(SecurityEvent) if event.kind == "banned"]
    assert [event.source[0] for event in banned] == [STRANGER.remote[0]]
    side.save(side.register())  # from the phone's own address it works
    assert side.stack.guard.admit(PHONE.remote[0], OPTIONS, side.now)


def test_unknown_users_count_like_wrong_passwords() -> None:
    side = Peer(settings(defence=DefenceSettings(failures=4)))
    for number in range(1, 9, 2):
        challenge = side.sent(register(number, user=f"u{number}"), STRANGER)[0]
        side.packet(
            register(number + 1, user=f"u{number}", proof=side.proof(challenge, username=f"u{number}")), STRANGER
        )
    assert [ban.reason for ban in side.stack.guard.bans(side.now)] == ["login"]


def test_a_nonce_is_good_for_the_address_it_was_given_to() -> None:
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    stolen = side.sent(register(2, proof=side.proof(challenge)), STRANGER)[0]
    assert status(stolen) == 401
    assert "stale=true" in header(stolen, "WWW-Authenticate")


def test_who_forges_an_address_cannot_get_it_banned_for_wrong_logins() -> None:
    side = Peer(settings(defence=DefenceSettings(failures=4)))
    heard_elsewhere = side.sent(register(1), STRANGER)[0]
    for number in range(2, 40):
        side.packet(register(number, proof=side.proof(heard_elsewhere, password="wrong")), PHONE)
    assert not side.stack.guard.bans(side.now)


def test_malformed_datagrams_ban_nobody() -> None:
    side = Peer()
    for number in range(2000):
        side.packet(b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK%d\r\nCSeq: x\r\n\r\n" % number, PHONE)
    assert len([event for event in side.told(SecurityEvent) if event.kind == "malformed"]) == 2000
    assert not side.stack.guard.bans(side.now)
    assert side.stack.guard.admit(PHONE.remote[0], OPTIONS, side.now)


def test_random_floods_never_grow_it() -> None:
    chance = random.Random(7)
    guard = made()
    for step in range(30_000):
        host = f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"
        guard.admit(host, OPTIONS, step / 5000)
    assert len(guard) <= MAX_SOURCES
    assert guard.dropped["strangers"] > 20_000
