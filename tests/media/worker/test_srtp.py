"""Encrypted legs in a real media process, against the public class of libsrtp's Python package."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from pylibsrtp import Error
from tests.media.harness import Phone, SecurePhone, Worker

from softswitch.media import g711, rtp
from softswitch.media.dtmf import press
from softswitch.media.messages import Bridge, DigitReceived, MediaLegFailed, OpenMediaLeg, Play, PlaybackEnded, SetKeys
from softswitch.media.sdes import SUITES

Bridged = Callable[..., tuple[Phone, Phone]]
NewPhone = Callable[..., Phone]

CM = "AES_CM_128_HMAC_SHA1_80"
PLAIN = (0, 101)
SECURE = (0, 101, CM)


@pytest.mark.parametrize("suite", SUITES)
def test_audio_between_an_encrypted_and_a_plain_phone(bridged: Bridged, suite: str) -> None:
    a, b = bridged((0, 101, suite), (0, 101))
    for n in range(10):
        a.talk(bytes([n]) * 160)
        assert b.hear()[1] == bytes([n]) * 160
        b.talk(bytes([100 + n]) * 160)
        packet, payload = a.hear()
        assert payload == bytes([100 + n]) * 160
        assert packet.ssrc != b.ssrc, "an encrypted phone hears a stream of ours"


def test_two_encrypted_phones_have_keys_of_their_own(bridged: Bridged) -> None:
    a, b = bridged((0, 101, "AEAD_AES_256_GCM"), (8, 96, "AES_CM_128_HMAC_SHA1_32"))
    audio = bytes(range(160))
    a.talk(audio)
    assert b.hear()[1] == g711.ulaw_to_alaw(audio)
    b.talk(audio)
    assert a.hear()[1] == g711.alaw_to_ulaw(audio)


def test_prompts_and_keys(worker: Worker, bridged: Bridged) -> None:
    (worker.prompts / "secret.ulaw").write_bytes(bytes(range(250)) * 4)
    a, b = bridged(SECURE, PLAIN)
    worker.send(Play(a.leg, 1, ("secret",)))
    heard = [a.hear() for _ in range(7)]
    assert b"".join(payload for _, payload in heard).rstrip(b"\xff") == bytes(range(250)) * 4
    assert worker.expect(PlaybackEnded).finished
    a.press(press("7", timestamp=4000))
    assert worker.expect(DigitReceived) == DigitReceived(a.leg, "7", 100)
    assert b.hear()[0].payload_type == 101
    # after the prompt the other phone's audio goes on in the same stream
    last = heard[-1][0]
    b.talk(b"x" * 160)
    packet, payload = a.hear()
    assert (packet.sequence, packet.ssrc, payload) == ((last.sequence + 1) & 0xFFFF, last.ssrc, b"x" * 160)


def test_plain_altered_and_repeated_packets_are_never_heard(worker: Worker, bridged: Bridged) -> None:
    a, b = bridged(SECURE, PLAIN)
    a.talk(b"1" * 160)
    assert b.hear()[1] == b"1" * 160
    packet = rtp.build(0, a.sequence + 1, a.timestamp + 160, a.ssrc, b"2" * 160)
    locked = a.lock(packet)
    altered = bytearray(locked)
    altered[40] ^= 1
    for data in (packet, bytes(altered), locked[:-1], b"", bytes(12), os.urandom(200), b"\x80\xc8\x00\x06" + bytes(24)):
        a.sock.sendto(data, a.server)
    a.sock.sendto(locked, a.server)
    assert b.hear()[1] == b"2" * 160
    a.sock.sendto(locked, a.server)  # RFC 3711 3.3.2: a replayed packet is discarded
    a.sequence += 1
    a.talk(b"3" * 160)
    assert b.hear()[1] == b"3" * 160
    assert a.hang_up().packets_dropped == 8


def test_only_an_authentic_packet_shows_the_address(bridged: Bridged) -> None:
    a, b = bridged(SECURE, PLAIN)
    thief = Phone._socket()
    thief.sendto(rtp.build(0, 1, 160, 77, b"t" * 160), a.server)
    a.talk(b"a" * 160)
    assert b.hear()[1] == b"a" * 160
    for n in range(80):  # past the checks that follow the lock
        thief.sendto(a.lock(rtp.build(0, a.sequence + 1, 160, a.ssrc + 1, b"t" * 160)), a.server)
        a.talk(bytes([n]) * 160)
        assert b.hear()[1] == bytes([n]) * 160
        b.talk(b"for a" * 32)
        assert a.hear()[1] == b"for a" * 32
    thief.setblocking(False)
    with pytest.raises(BlockingIOError):
        thief.recv(2000)
    thief.close()


def test_the_counters_wrap_and_the_roll_over_counter_goes_on(worker: Worker, bridged: Bridged) -> None:
    a, b = bridged(SECURE, SECURE)
    assert isinstance(a, SecurePhone)
    for _ in range(2):
        a.sequence = 65_500
        for n in range(80):
            a.talk(bytes([n]) * 160)
            assert b.hear()[1] == bytes([n]) * 160
        # the same keys again, as a hold and a session refresh bring them: nothing begins anew
        worker.send(SetKeys(a.leg, a.suite, a.keys[1], a.keys[0]))
        a.remote(send=False)
        a.remote()
        for sequence in (20_000, 40_000):
            a.sequence = sequence
            a.talk(b"on the way round" * 10)
            assert b.hear()[1] == b"on the way round" * 10


def test_new_keys_begin_anew(bridged: Bridged) -> None:
    a, b = bridged(SECURE, PLAIN)
    assert isinstance(a, SecurePhone)
    a.talk(b"old" * 50)
    b.hear()
    late = a.lock(rtp.build(0, a.sequence + 1, a.timestamp + 160, a.ssrc, b"late" * 40))
    a.rekey(os.urandom(30), os.urandom(30))
    a.sock.sendto(late, a.server)
    a.talk(b"new" * 50)
    assert b.hear()[1] == b"new" * 50
    b.talk(b"hear" * 40)
    assert a.hear()[1] == b"hear" * 40
    assert a.hang_up().packets_dropped == 1


def test_a_phone_may_change_its_source_but_not_without_end(bridged: Bridged) -> None:
    a, b = bridged(SECURE, PLAIN)
    first = a.ssrc
    for n in range(140):
        a.ssrc = (first + n) & 0xFFFFFFFF
        a.talk(bytes([n]) * 160)
        if n < 128:
            assert b.hear()[1] == bytes([n]) * 160
    a.ssrc = first  # one that was known goes on
    a.talk(b"again" * 32)
    assert b.hear()[1] == b"again" * 32
    assert a.hang_up().packets_dropped == 12


def test_a_source_that_goes_back_is_heard_again_soon(bridged: Bridged) -> None:
    """Its numbers were used under this key already; they must not be used twice, nor silence the phone."""
    a, b = bridged(PLAIN, SECURE)
    a.sequence = 30_000
    a.talk(b"1" * 160)
    assert b.hear()[1] == b"1" * 160
    a.sequence = 25_000
    for _ in range(20):
        a.talk(b"lost" * 40)
    a.talk(b"2" * 160)
    # Our first number is random: near zero, 5 000 back is a number never used, and nothing need be lost.
    heard = next(payload for _, payload in iter(b.hear, None) if payload != b"lost" * 40)
    assert heard == b"2" * 160
    a.talk(b"3" * 160)
    assert b.hear()[1] == b"3" * 160


def test_a_leg_becomes_encrypted_in_the_middle_of_a_call(worker: Worker, bridged: Bridged) -> None:
    a, b = bridged()
    a.talk(b"plain" * 32)
    b.hear()
    b.talk(b"plain" * 32)
    a.hear()
    keys = os.urandom(30), os.urandom(30)
    worker.send(SetKeys(b.leg, CM, *keys))
    worker.settle()
    a.talk(b"secret" * 20)
    locked, _ = b.sock.recvfrom(2000)
    assert b"secret" not in locked
    b.talk(b"not any more" * 10)
    b.sock.close()
    assert b.worker is worker
    closed = b.hang_up()
    assert closed.packets_dropped == 1


@pytest.mark.parametrize(("suite", "size"), [("NULL_HMAC_SHA1_80", 30), (CM, 29), ("AEAD_AES_256_GCM", 30), ("", 0)])
def test_keys_that_do_not_fit_fail_the_leg_alone(worker: Worker, suite: str, size: int) -> None:
    phone = Phone(worker, open_leg=False)
    worker.send(OpenMediaLeg(phone.leg, worker.port()), SetKeys(phone.leg, suite, bytes(size), bytes(size)))
    assert worker.expect(MediaLegFailed, lambda event: event.leg == phone.leg).reason.startswith("SetKeys: ")
    phone.sock.close()


def test_a_bridge_before_the_keys_sends_nothing_in_clear(worker: Worker, phone: NewPhone) -> None:
    """Between the bridge and the keys of a leg nothing leaves: `SetRemote` comes after them."""
    a, b = phone(), SecurePhone(worker, CM)
    worker.send(Bridge(a.leg, b.leg))
    worker.settle()
    a.talk(b"1" * 160)
    data, _ = b.sock.recvfrom(2000)
    with pytest.raises(Error):
        b.tx.unprotect(data)
    assert b.unlock(data).endswith(b"1" * 160)
    b.hang_up()


def test_keys_are_shown_to_nobody() -> None:
    assert "key" not in repr(SetKeys(1, CM, b"key" * 10, b"key" * 10))


def test_a_flood_of_strangers_starves_nobody(bridged: Bridged) -> None:
    """Of each leg one packet is read in a round; what is more is dropped by the kernel."""
    a, b = bridged(SECURE, PLAIN)
    a.talk(b"lock" * 40)
    b.hear()
    stranger = Phone._socket("127.0.0.9")
    noise = rtp.build(0, 1, 160, 77, bytes(160))
    for n in range(30):
        for _ in range(100):
            stranger.sendto(noise, a.server)
        a.talk(bytes([n]) * 160)
        assert b.hear()[1] == bytes([n]) * 160
    stranger.close()
