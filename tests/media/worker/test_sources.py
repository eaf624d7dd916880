"""Who is heard on a leg: the signalled host only, and after its first packet one address only."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.media.harness import Phone, Worker

from softswitch.media.dtmf import press
from softswitch.media.messages import DigitReceived
from softswitch.media.worker.leg import Source

Bridged = Callable[..., tuple[Phone, Phone]]


def test_a_phone_behind_another_port_is_learned(bridged: Bridged) -> None:
    a, b = bridged()
    a.move()
    b.talk(b"to the signalled port nobody listens on" * 4)
    a.talk(b"here I am" * 10)
    assert b.hear()[1] == b"here I am" * 10
    b.talk(b"found you" * 10)
    assert a.hear()[1] == b"found you" * 10


def test_another_host_is_never_heard(bridged: Bridged) -> None:
    a, b = bridged()
    signalled = a.sock
    a.sock = Phone._socket("127.0.0.9")
    a.talk(b"stranger" * 20)
    a.sock.close()
    a.sock = signalled
    a.talk(b"friend" * 20)
    assert b.hear()[1] == b"friend" * 20
    assert a.hang_up().packets_dropped == 1


def test_once_learned_the_address_is_locked(bridged: Bridged) -> None:
    a, b = bridged()
    a.talk(b"first" * 32)
    b.hear()
    thief = Phone._socket()
    for _ in range(5):
        a.talk(b"a" * 160)
        owner, a.sock = a.sock, thief
        a.talk(b"thief" * 32)
        a.sock = owner
        assert b.hear()[1] == b"a" * 160
    b.talk(b"for a" * 32)
    assert a.hear()[1] == b"for a" * 32
    thief.close()


def test_packets_that_waited_before_the_lock_are_checked_too(worker: Worker, bridged: Bridged) -> None:
    """Strangers whose packets are in the queue when the socket is connected."""
    a, b = bridged()
    thief = Phone._socket()
    owner = a.sock
    for n in range(8):
        a.sock = owner
        a.talk(bytes([n]) * 160)
        a.sock = thief
        a.talk(b"thief" * 32)
    a.sock = owner
    assert [b.hear()[1] for _ in range(8)] == [bytes([n]) * 160 for n in range(8)]
    assert a.hang_up().packets_in == 8
    thief.close()


def test_only_an_agreed_type_shows_the_address(bridged: Bridged) -> None:
    a, b = bridged()
    probe = Phone._socket()
    signalled, a.sock = a.sock, probe
    a.throw(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"x" * 12)  # STUN
    a.talk(b"x" * 160, payload_type=13)
    a.throw(b"\x80\xc8" + b"\0" * 26)  # RTCP sender report
    a.sock = signalled
    a.talk(b"right" * 32)
    assert b.hear()[1] == b"right" * 32
    probe.close()


def test_a_key_press_shows_the_address_too(worker: Worker, bridged: Bridged) -> None:
    a, b = bridged()
    a.move()
    a.press(press("4", 160))
    assert worker.expect(DigitReceived).digit == "4"
    b.hear()
    b.talk(b"found you" * 10)
    assert a.hear()[1] == b"found you" * 10


def test_a_new_remote_is_learned_anew(bridged: Bridged) -> None:
    a, b = bridged()
    a.talk(b"old" * 50)
    b.hear()
    old = a.sock
    a.sock = Phone._socket()
    a.remote()  # re-INVITE with the new port
    b.talk(b"to the new one" * 10)
    assert a.hear()[1] == b"to the new one" * 10
    new = a.sock
    a.move()  # the phone sends from yet another port, by NAT
    a.talk(b"new" * 50)
    assert b.hear()[1] == b"new" * 50
    moved, a.sock = a.sock, old
    a.talk(b"old one is out" * 10)
    a.sock = moved
    a.talk(b"still new" * 10)
    assert b.hear()[1] == b"still new" * 10
    for sock in (old, new):
        sock.close()


@pytest.mark.parametrize("suite", ["", "AES_CM_128_HMAC_SHA1_80"])
def test_who_moves_is_heard_from_where_he_was_until_he_knows_that_we_know(bridged: Bridged, suite: str) -> None:
    """RFC 3264 8.3.1: his packets come from the old port until he has our answer, and must not keep us there."""
    a, b = bridged((0, 101, suite))
    a.talk(b"old" * 50)
    b.hear()
    old, new = a.sock, Phone._socket()
    a.remote(port=new.getsockname()[1])
    for _ in range(3):
        a.talk(b"still old" * 10)
        assert b.hear()[1] == b"still old" * 10
    a.sock = new
    a.talk(b"new" * 50)
    assert b.hear()[1] == b"new" * 50
    b.talk(b"to the new one" * 10)
    assert a.hear()[1] == b"to the new one" * 10
    a.sock = old
    a.talk(b"too late" * 10)
    a.sock = new
    a.talk(b"new again" * 10)
    assert b.hear()[1] == b"new again" * 10
    old.close()


def test_who_describes_another_port_and_stays_where_he_is_is_found_there() -> None:
    source = Source()
    here = ("192.0.2.1", 6000)
    source.address = here
    source.leave(("192.0.2.1", 4000), 100.0)
    source.come(("192.0.2.1", 4002))
    assert source.is_late(here, 101.9)
    assert not source.is_late(("192.0.2.1", 6002), 101.9)
    assert not source.is_late(here, 102.0)
    # old-style hold and back
    source.come(("192.0.2.1", 4000))
    assert not source.is_late(here, 101.0)


def test_the_same_remote_again_keeps_the_lock(bridged: Bridged) -> None:
    a, b = bridged()
    signalled = a.port
    a.move()
    a.talk(b"learned" * 20)
    b.hear()
    a.remote(port=signalled)  # session refresh: nothing changed
    b.talk(b"still there" * 10)
    assert a.hear()[1] == b"still there" * 10


def test_old_style_hold_sends_nothing_and_comes_back(bridged: Bridged) -> None:
    a, b = bridged()
    a.talk(b"x" * 160)
    b.hear()
    a.remote(host="0.0.0.0")
    b.talk(b"unheard" * 20)
    a.remote()
    b.talk(b"heard" * 32)
    assert a.hear()[1] == b"heard" * 32


def test_no_listener_at_the_peer_is_no_failure(worker: Worker, bridged: Bridged) -> None:
    """ICMP "port unreachable" comes back on the leg's socket as an error of the next call."""
    a, b = bridged()
    b.talk(b"x" * 160)
    a.hear()
    address = a.sock.getsockname()
    a.sock.close()
    for _ in range(10):
        b.talk(b"nobody" * 20)
        worker.settle()
    a.sock = Phone._socket()
    a.sock.close()
    a.sock = Phone._socket()
    a.remote()
    a.talk(b"back" * 40)
    assert b.hear()[1] == b"back" * 40
    assert address != a.sock.getsockname()
