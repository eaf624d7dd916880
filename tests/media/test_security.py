"""Encryption in offer and answer: SDES (RFC 4568), DTLS (RFC 5763) and ICE lite (RFC 8445, RFC 8839)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.media import sdes
from softswitch.media.negotiation import Answered, NotAcceptable, Offer, RemoteMedia, accept, answer, make_offer
from softswitch.media.sdp import SdpError, parse
from softswitch.media.security import Dtls, Encryption, LegSecurity, Sdes

OURS = "sha-256 " + ":".join(["AB"] * 32)
PEER = "sha-256 " + ":".join(["0c"] * 32)
KEY = base64.b64encode(bytes(range(30))).decode()
CRYPTO = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
HOST = "203.0.113.5"


def keys() -> Iterator[bytes]:
    for n in count():
        yield hashlib.sha512(str(n).encode()).digest() * 2


class Leg:
    """As `call.leg` uses it."""

    def __init__(self, policy: Encryption = Encryption.NONE, fingerprint: str = OURS) -> None:
        made = keys()
        self.security = LegSecurity(policy, lambda size: next(made)[:size], fingerprint)
        self.remote: RemoteMedia | None = None

    def answer(self, *streams: str, session: tuple[str, ...] = (), host: str = "192.0.2.1") -> Answered:
        lines = ["v=0", "o=bob 77 3 IN IP4 192.0.2.1", "s=-", f"c=IN IP4 {host}", "t=0 0", *session, *streams]
        offer = "\r\n".join([*lines, ""]).encode()
        first = answer(offer, HOST, 20000, 5, 1, ("PCMU", "PCMA"), security=self.security)
        # the leg asks twice when its description has changed; that must not change it again
        done = answer(offer, HOST, 20000, 5, 1, ("PCMU", "PCMA"), security=self.security)
        assert done == first
        self._agree(done.remote)
        return done

    def offer(self) -> Offer:
        return make_offer(HOST, 20000, 5, 1, ("PCMU", "PCMA"), security=self.security)

    def accept(self, offer: Offer, *streams: str) -> RemoteMedia:
        lines = ["v=0", "o=bob 77 3 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", *streams]
        remote = accept("\r\n".join([*lines, ""]).encode(), offer, self.security)
        self._agree(remote)
        return remote

    def _agree(self, remote: RemoteMedia) -> None:
        self.remote = remote
        self.security.agree(remote.security, remote.protocol)


def lines_of(sdp: bytes, start: str) -> list[str]:
    return [line[len(start) :] for line in sdp.decode().split("\r\n") if line.startswith(start)]


# ------------------------------------------------------------------ a=crypto


@pytest.mark.parametrize(
    ("value", "usable"),
    [
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}", True),
        (f"1 aes_cm_128_hmac_sha1_32 INLINE:{KEY}", True),
        (f"999999999 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31", True),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} WSH=64 -x-new", True),
        (f"1 AEAD_AES_128_GCM inline:{base64.b64encode(bytes(28)).decode()}", True),
        (f"1 AEAD_AES_256_GCM inline:{base64.b64encode(bytes(44)).decode()}", True),
        (f"1 AEAD_AES_256_GCM inline:{base64.b64encode(bytes(44)).decode().rstrip('=')}", True),  # as some phones do
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31|1:4", False),  # an MKI
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNAUTHENTICATED_SRTP", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1", False),
        (f"1 AEAD_AES_256_GCM inline:{KEY}", False),  # too short
        (f"1 F8_128_HMAC_SHA1_80 inline:{KEY}", False),
        (f"x AES_CM_128_HMAC_SHA1_80 inline:{KEY}", False),
        (f"1234567890 AES_CM_128_HMAC_SHA1_80 inline:{KEY}", False),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:####", False),
        (f"1 AES_CM_128_HMAC_SHA1_80 prompt:{KEY}", False),
        ("1 AES_CM_128_HMAC_SHA1_80", False),
        ("", False),
    ],
)
def test_crypto_lines(value: str, usable: bool) -> None:
    assert (sdes.read(value) is not None) is usable


@given(st.text(max_size=200))
def test_any_crypto_line_is_read_or_not(value: str) -> None:
    found = sdes.read(value)
    assert found is None or found.suite in sdes.SUITES


def test_keys_are_not_in_what_is_shown() -> None:
    leg = Leg()
    done = leg.answer("m=audio 4000 RTP/SAVP 0", CRYPTO)
    assert KEY not in repr(done.remote)
    assert str(bytes(range(30))) not in repr(done.remote)
    assert "key=" not in repr(sdes.read(f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"))


# ------------------------------------------------------------------ answers


@pytest.mark.parametrize("protocol", ["RTP/SAVP", "RTP/SAVPF"])
@pytest.mark.parametrize("policy", list(Encryption))
def test_an_encrypted_offer_is_answered_encrypted_whatever_the_policy(policy: Encryption, protocol: str) -> None:
    leg = Leg(policy)
    done = leg.answer(f"m=audio 4000 {protocol} 8 101", "a=rtpmap:101 telephone-event/8000", "a=crypto:3 X y:z", CRYPTO)
    assert lines_of(done.sdp, "m=") == [f"audio 20000 {protocol} 8 101"]
    (line,) = lines_of(done.sdp, "a=crypto:")
    ours = sdes.read(line)
    assert ours is not None
    # RFC 4568 5.1.2: the tag and suite of the chosen line, but a key of our own
    assert (ours.tag, ours.suite) == (1, "AES_CM_128_HMAC_SHA1_80")
    assert done.remote.security == Sdes("AES_CM_128_HMAC_SHA1_80", ours.key, bytes(range(30)))
    assert ours.key != bytes(range(30))


@pytest.mark.parametrize(
    "stream",
    [
        ["m=audio 4000 RTP/SAVP 0"],
        ["m=audio 4000 RTP/SAVP 0", "a=crypto:1 NULL inline:abc"],
        ["m=audio 4000 RTP/SAVP 0", f"{CRYPTO}|2^20|1:4"],
        ["m=audio 4000 UDP/TLS/RTP/SAVPF 0"],
        ["m=audio 4000 UDP/TLS/RTP/SAVPF 0", "a=fingerprint:sha-1 " + ":".join(["AB"] * 20), "a=setup:actpass"],
        ["m=audio 4000 UDP/TLS/RTP/SAVPF 0", "a=fingerprint:sha-256 AB:CD", "a=setup:actpass"],
        ["m=audio 4000 UDP/TLS/RTP/SAVPF 0", f"a=fingerprint:{PEER}"],
        ["m=audio 4000 UDP/TLS/RTP/SAVPF 0", f"a=fingerprint:{PEER}", "a=setup:holdconn"],
        ["m=audio 4000 UDP/TLS/RTP/SAVPF 0", CRYPTO],
        ["m=audio 4000 RTP/XAVP 0", CRYPTO],
    ],
)
def test_what_cannot_be_encrypted_is_refused_and_never_plain(stream: list[str]) -> None:
    with pytest.raises(NotAcceptable):
        Leg().answer(*stream)


def test_without_a_certificate_there_is_no_dtls() -> None:
    with pytest.raises(NotAcceptable):
        Leg(fingerprint="").answer("m=audio 9 UDP/TLS/RTP/SAVPF 0", f"a=fingerprint:{PEER}", "a=setup:actpass")


@pytest.mark.parametrize(
    ("policy", "encrypted"),
    [
        (Encryption.NONE, False),
        (Encryption.OPTIONAL, True),
        (Encryption.REQUIRED, True),
        (Encryption.DTLS, True),
    ],
)
def test_keys_in_a_plain_stream_are_taken_by_who_wants_them(policy: Encryption, encrypted: bool) -> None:
    done = Leg(policy).answer("m=audio 4000 RTP/AVP 0", CRYPTO)
    assert isinstance(done.remote.security, Sdes) is encrypted
    assert bool(lines_of(done.sdp, "a=crypto:")) is encrypted
    assert lines_of(done.sdp, "m=") == ["audio 20000 RTP/AVP 0"]


@pytest.mark.parametrize("policy", [Encryption.REQUIRED, Encryption.DTLS])
def test_plain_offers_are_refused_where_encryption_is_required(policy: Encryption) -> None:
    with pytest.raises(NotAcceptable):
        Leg(policy).answer("m=audio 4000 RTP/AVP 0")


def test_of_two_streams_the_encrypted_one_is_taken() -> None:
    done = Leg().answer("m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/SAVP 0", CRYPTO)
    assert lines_of(done.sdp, "m=") == ["audio 0 RTP/AVP 0", "audio 20000 RTP/SAVP 0"]
    assert done.remote.port == 4002


def test_an_encrypted_leg_does_not_become_plain() -> None:
    leg = Leg()
    leg.answer("m=audio 4000 RTP/SAVP 0", CRYPTO)
    with pytest.raises(NotAcceptable):
        leg.answer("m=audio 4000 RTP/AVP 0")


def test_a_re_invite_with_the_same_key_changes_none_and_a_new_one_both() -> None:
    leg = Leg()
    first = leg.answer("m=audio 4000 RTP/SAVP 0", CRYPTO)
    held = leg.answer("m=audio 4000 RTP/SAVP 0", CRYPTO, "a=sendonly")
    assert held.remote.security == first.remote.security
    assert held.remote.on_hold
    other = base64.b64encode(bytes(30)).decode()
    changed = leg.answer("m=audio 4000 RTP/SAVP 0", f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{other}")
    before, after = first.remote.security, changed.remote.security
    assert isinstance(before, Sdes)
    assert isinstance(after, Sdes)
    assert after.theirs == bytes(30)
    assert after.ours != before.ours
    again = leg.offer()  # a late offer in the middle says what was agreed
    assert base64.b64encode(after.ours).decode() in again.sdp.decode()


# ------------------------------------------------------------------ offers


@pytest.mark.parametrize(
    ("policy", "protocol", "keys"),
    [
        (Encryption.NONE, "RTP/AVP", 0),
        (Encryption.OPTIONAL, "RTP/AVP", 4),
        (Encryption.REQUIRED, "RTP/SAVP", 4),
        (Encryption.DTLS, "UDP/TLS/RTP/SAVP", 0),
        (Encryption.BROWSER, "UDP/TLS/RTP/SAVPF", 0),
    ],
)
def test_offers_by_policy(policy: Encryption, protocol: str, keys: int) -> None:
    offer = Leg(policy).offer()
    assert lines_of(offer.sdp, "m=") == [f"audio 20000 {protocol} 0 8 101"]
    cryptos = [sdes.read(line) for line in lines_of(offer.sdp, "a=crypto:")]
    assert [line.tag for line in cryptos if line is not None] == list(range(1, keys + 1))
    assert len({line.key for line in cryptos if line is not None}) == keys
    assert ("a=fingerprint:" in offer.sdp.decode()) is (policy in (Encryption.DTLS, Encryption.BROWSER))
    assert ("a=ice-lite" in offer.sdp.decode()) is (policy is Encryption.BROWSER)
    parse(offer.sdp)


@pytest.mark.parametrize("policy", [Encryption.OPTIONAL, Encryption.REQUIRED])
def test_an_answer_with_a_key(policy: Encryption) -> None:
    leg = Leg(policy)
    offer = leg.offer()
    protocol = offer.words.protocol
    remote = leg.accept(offer, f"m=audio 4000 {protocol} 0", f"a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")
    ours = sdes.read(lines_of(offer.sdp, "a=crypto:")[2])
    assert ours is not None
    assert remote.security == Sdes("AES_CM_128_HMAC_SHA1_80", ours.key, bytes(range(30)))
    # the peer re-INVITEs with the same key: our key stays the one it knows
    assert leg.answer(f"m=audio 4000 {protocol} 0", CRYPTO).remote.security == remote.security


def test_a_plain_answer_to_optional_keys() -> None:
    leg = Leg(Encryption.OPTIONAL)
    assert leg.accept(leg.offer(), "m=audio 4000 RTP/AVP 0").security is None
    assert not lines_of(leg.offer().sdp, "a=crypto:"), "what was agreed is offered again"


@pytest.mark.parametrize(
    ("policy", "stream"),
    [
        (Encryption.REQUIRED, ["m=audio 4000 RTP/AVP 0"]),
        (Encryption.REQUIRED, ["m=audio 4000 RTP/SAVP 0"]),
        (Encryption.REQUIRED, ["m=audio 4000 RTP/SAVP 0", f"a=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"]),
        (Encryption.REQUIRED, ["m=audio 4000 RTP/SAVP 0", f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"]),
        (Encryption.OPTIONAL, ["m=audio 4000 RTP/AVP 0", "a=crypto:1 NULL inline:x"]),
        (Encryption.NONE, ["m=audio 4000 RTP/SAVP 0", CRYPTO]),
        (Encryption.DTLS, ["m=audio 4000 RTP/AVP 0"]),
        (Encryption.DTLS, ["m=audio 4000 UDP/TLS/RTP/SAVP 0", f"a=fingerprint:{PEER}", "a=setup:actpass"]),
        (Encryption.BROWSER, ["m=audio 4000 UDP/TLS/RTP/SAVPF 0", f"a=fingerprint:{PEER}", "a=setup:active"]),
        (Encryption.REQUIRED, ["m=audio 0 RTP/SAVP 0", CRYPTO]),
    ],
)
def test_answers_that_are_less_than_was_offered(policy: Encryption, stream: list[str]) -> None:
    leg = Leg(policy)
    with pytest.raises(NotAcceptable):
        leg.accept(leg.offer(), *stream)


# ------------------------------------------------------------------ browsers

BROWSER = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
    "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=ice-ufrag:Vu6x",
    "a=ice-pwd:2rWvbHvXzHGgdeXHGMeWbD8n",
    "a=ice-options:trickle",
    f"a=fingerprint:{PEER}",
    "a=setup:actpass",
    "a=mid:0",
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    "a=rtcp-fb:111 transport-cc",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:110 telephone-event/48000",
    "a=rtpmap:126 telephone-event/8000",
    "a=ssrc:3735928559 cname:x",
)
SESSION = ("a=group:BUNDLE 0 1", "a=msid-semantic: WMS *")


def test_the_answer_to_a_browser() -> None:
    leg = Leg()
    video = ("m=video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:1", "a=bundle-only")
    done = leg.answer(*BROWSER, *video, session=SESSION)
    text = done.sdp.decode()
    assert lines_of(done.sdp, "m=") == ["audio 20000 UDP/TLS/RTP/SAVPF 0 126", "video 0 UDP/TLS/RTP/SAVPF 96"]
    assert lines_of(done.sdp, "a=group:") == ["BUNDLE 0"]
    assert lines_of(done.sdp, "a=mid:") == ["0", "1"]
    assert lines_of(done.sdp, "a=setup:") == ["passive"]
    assert lines_of(done.sdp, "a=fingerprint:") == [OURS]
    assert lines_of(done.sdp, "a=candidate:") == ["1 1 udp 2130706431 203.0.113.5 20000 typ host"]
    assert "a=ice-lite\r\n" in text[: text.index("m=")]
    for line in ("a=rtcp-mux\r\n", "a=end-of-candidates\r\n"):
        assert line in text
    assert "extmap" not in text
    security = done.remote.security
    assert isinstance(security, Dtls)
    assert security.fingerprint == PEER.upper().replace("SHA", "sha")
    assert (security.active, security.peer_ufrag) == (False, "Vu6x")
    assert lines_of(done.sdp, "a=ice-ufrag:") == [security.ufrag]
    assert lines_of(done.sdp, "a=ice-pwd:") == [security.password]
    assert security.password not in repr(security)
    assert not done.remote.on_hold, "0.0.0.0 is no hold where ICE finds the way"
    assert (done.remote.payload_type, done.remote.dtmf_type) == (0, 126)


def test_a_re_invite_keeps_the_association_and_an_ice_restart_the_certificate() -> None:
    leg = Leg()
    first = leg.answer(*BROWSER, session=SESSION).remote.security
    held = leg.answer(*[line.replace("sendrecv", "sendonly") for line in BROWSER], session=SESSION)
    assert held.remote.security == first
    restarted = leg.answer(*[line.replace("Vu6x", "new/") for line in BROWSER], session=SESSION).remote.security
    assert isinstance(first, Dtls)
    assert isinstance(restarted, Dtls)
    assert restarted.peer_ufrag == "new/"
    # RFC 8839 4.4.1.1.1: both sides change
    assert restarted.ufrag != first.ufrag
    assert restarted.password != first.password
    assert restarted.fingerprint == first.fingerprint


def test_attributes_of_the_session_level_hold_for_the_stream() -> None:
    session = (*SESSION, f"a=fingerprint:{PEER}", "a=setup:active", "a=ice-ufrag:Vu6x", "a=ice-pwd:" + "p" * 22)
    done = Leg().answer("m=audio 9 UDP/TLS/RTP/SAVPF 0", session=session)
    assert isinstance(done.remote.security, Dtls)
    assert done.remote.security.peer_ufrag == "Vu6x"


@pytest.mark.parametrize("pwd", ["short", "p" * 257, "p" * 21 + "\xff", ""])
def test_bad_ice_is_no_ice(pwd: str) -> None:
    lines = [f"a=ice-pwd:{pwd}" if line.startswith("a=ice-pwd") else line for line in BROWSER]
    lines = [line for line in lines if not line.startswith("c=")]
    done = Leg().answer(*lines)
    assert isinstance(done.remote.security, Dtls)
    assert done.remote.security.ufrag == ""
    assert done.remote.host == "192.0.2.1"


@pytest.mark.parametrize(("setup", "active"), [("active", False), ("passive", True)])
def test_a_browser_answers_our_offer(setup: str, active: bool) -> None:
    leg = Leg(Encryption.BROWSER)
    offer = leg.offer()
    assert lines_of(offer.sdp, "a=setup:") == ["actpass"]
    assert lines_of(offer.sdp, "a=group:") == ["BUNDLE 0"]
    lines = [line.replace("actpass", setup) for line in BROWSER]
    remote = leg.accept(offer, *lines)
    assert isinstance(remote.security, Dtls)
    assert remote.security.active is active
    # his re-INVITE offers actpass: the association is not turned round
    again = leg.answer(*BROWSER, session=SESSION)
    assert again.remote.security == remote.security


@given(st.lists(st.sampled_from([*BROWSER, *SESSION, CRYPTO, "a=setup:passive", "a=ice-lite"]), max_size=12), st.data())
def test_any_mixture_is_answered_or_refused(lines: list[str], data: st.DataObject) -> None:
    leg = Leg(data.draw(st.sampled_from(list(Encryption))))
    for _ in range(2):
        head = data.draw(st.sampled_from(["RTP/AVP", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"]))
        try:
            done = leg.answer(f"m=audio 4000 {head} 0", *lines)
        except (NotAcceptable, SdpError):
            continue
        assert parse(done.sdp).media[0].protocol in (head, "UDP/TLS/RTP/SAVPF")
        if "SAVP" in head and parse(done.sdp).media[0].port:
            assert done.remote.security is not None


@pytest.mark.parametrize("bad", [("a=ice-ufrag:Vu6x", "a=ice-ufrag:x"), ("a=ice-options:trickle", "a=ice-lite")])
def test_a_stream_without_an_address_is_refused_where_ice_finds_none(bad: tuple[str, str]) -> None:
    lines = [line.replace(*bad) for line in BROWSER if not line.startswith("c=")]
    with pytest.raises(NotAcceptable):
        Leg().answer(*lines, host="192.0.2.1\r\nc=IN IP6 2001:db8::1")


def test_another_phone_that_answers_does_not_change_what_was_offered() -> None:
    """Two answers to one offer (a fork, or 183 and 200): our name and password of ICE are those of the offer."""
    leg = Leg(Encryption.BROWSER)
    offer = leg.offer()
    lines = [line.replace("actpass", "active") for line in BROWSER]
    leg.accept(offer, *lines)
    other = leg.accept(offer, *[line.replace("Vu6x", "fork") for line in lines]).security
    assert isinstance(other, Dtls)
    assert other.peer_ufrag == "fork"
    assert lines_of(offer.sdp, "a=ice-ufrag:") == [other.ufrag]
    assert lines_of(offer.sdp, "a=ice-pwd:") == [other.password]


def test_our_later_offer_speaks_as_the_peer_does() -> None:
    """The short name of the protocol from before RFC 5763, and the peer's name for the stream, stay."""
    leg = Leg()
    lines = [line.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF").replace("a=mid:0", "a=mid:voice") for line in BROWSER]
    first = leg.answer(*lines, session=("a=group:BUNDLE voice",))
    offer = leg.offer()
    assert lines_of(offer.sdp, "m=") == ["audio 20000 RTP/SAVPF 0 8 101"]
    assert lines_of(offer.sdp, "a=mid:") == ["voice"]
    assert lines_of(offer.sdp, "a=group:") == ["BUNDLE voice"]
    again = leg.accept(offer, *[line.replace("actpass", "active") for line in lines])
    assert again.security == first.remote.security


@pytest.mark.parametrize("mux", [True, False])
def test_reports_on_the_port_of_the_audio_where_the_peer_says_so(mux: bool) -> None:
    done = Leg().answer(*[line for line in BROWSER if mux or line != "a=rtcp-mux"])
    assert (b"a=rtcp-mux\r\n" in done.sdp) is mux
    assert isinstance(done.remote.security, Dtls)
    assert done.remote.security.mux is mux


def test_keys_of_before_dtls_are_never_used_again() -> None:
    """RFC 3711 9.1: with new counters an old key would make the same keystream twice."""
    leg = Leg()
    stream = ("m=audio 4000 RTP/SAVP 0", CRYPTO)
    before = leg.answer(*stream).remote.security
    leg.answer(*BROWSER)
    after = leg.answer(*stream).remote.security
    assert isinstance(before, Sdes)
    assert isinstance(after, Sdes)
    assert after.ours != before.ours


def test_a_refused_ice_restart_leaves_the_names_that_were_agreed_on() -> None:
    """Else the answer to her next re-INVITE would have names that she never agreed to, and that nobody listens for."""
    leg = Leg()
    first = leg.answer(*BROWSER, session=SESSION)
    leg.security.restart_ice()
    assert lines_of(leg.offer().sdp, "a=ice-ufrag:") != lines_of(first.sdp, "a=ice-ufrag:")
    leg.security.keep_ice()
    held = leg.answer(*[line.replace("sendrecv", "sendonly") for line in BROWSER], session=SESSION)
    assert held.remote.security == first.remote.security
