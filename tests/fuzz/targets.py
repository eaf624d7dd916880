"""What is fuzzed: one function per target that takes any bytes and raises only when something is wrong with us.

A SIP input is a conversation: packets divided by `CUT`, fed to a stack that has a call in every state. So a defect
that needs two packets is one input too. To add a target: a function, a line in `TARGETS`, a folder in `corpus/`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from math import isfinite
from pathlib import Path

from tests.fuzz.test_sip_mutations import Line
from tests.sip.peer import GATEWAY, LOCAL, PHONE, STRANGER, Peer, register, status

from softswitch.media import dtmf, rtcp, rtp, sdp, stun
from softswitch.media.negotiation import NotAcceptable, accept, answer, make_offer
from softswitch.media.security import Encryption, LegSecurity
from softswitch.sip import stir_certificate, stir_passport
from softswitch.sip import stun as keepalive
from softswitch.sip.digest import parse_credentials
from softswitch.sip.errors import SipError
from softswitch.sip.messages import CloseStream, Flow, SecurityEvent, StreamClosed, StreamReceived

FOLDER = Path(__file__).parent
CORPUS, FOUND = FOLDER / "corpus", FOLDER / "found"
CUT = b"\n=====\n"
MOST_PACKETS = 8
CODECS = ("PCMA", "PCMU")
NAME, SECRET = "ours:theirs", "password-of-ours-22chars"
FINGERPRINT = ":".join(["AB"] * 32)


def sip(data: bytes) -> None:
    """Datagrams of a trunk, a phone and a stranger to a stack with a call in every state."""
    line = Line(1)
    for number, packet in enumerate(data.split(CUT)[:MOST_PACKETS]):
        line.react(line.side.packet(packet, (GATEWAY, PHONE, STRANGER)[number % 3]))
    line.react(line.side.wait(0.6))
    line.finish()


def stream(data: bytes) -> None:
    """Two connections of the trunk: at once, and in pieces of a length that the first byte says."""
    whole, pieces = Peer(), Peer()
    size = 1 + (data[0] if data else 0)
    first, second = (Flow("tcp", LOCAL, ("192.0.2.10", 4000 + n), n) for n in (1, 2))
    at_once = whole.do(StreamReceived(first, data))
    in_pieces = []
    for start in range(0, len(data), size):
        in_pieces += pieces.do(StreamReceived(second, data[start : start + size]))
        if any(isinstance(command, CloseStream) for command in in_pieces):
            break
    closed = [any(isinstance(command, CloseStream) for command in out) for out in (at_once, in_pieces)]
    assert closed[0] == closed[1], "the cut decides whether the connection stays"
    for side, flow in ((whole, first), (pieces, second)):
        side.do(StreamClosed(flow))
        side.wait(200)
        assert side.stack.counts()["streams"] == 0


def digest(data: bytes) -> None:
    """An Authorization line: never a login, never anything but a refusal."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        parse_credentials(text)
    except SipError as error:
        assert error.status == 400
    line = text.replace("\r", " ").replace("\n", " ")
    side = Peer()
    challenge = side.sent(register(1), PHONE)[0]
    # A nonce of ours, where the input wants one: so it gets as far as the proof.
    nonce = challenge.partition(b'nonce="')[2].partition(b'"')[0].decode()
    wire = register(2, proof="Authorization: x").replace(
        b"Authorization: x", f"Authorization: {line.replace('NONCE', nonce)}".encode("utf-8", "surrogateescape")
    )
    answers = [status(one) for one in side.sent(wire, PHONE)]
    assert answers in ([401], [400], []), answers
    assert not [event for event in side.told(SecurityEvent) if event.kind == "internal_error"]


def session(data: bytes) -> None:
    """A session description as an offer and as an answer, to legs with and without encryption."""
    try:
        described = sdp.parse(data)
    except sdp.SdpError:
        described = None
    for policy in (None, *Encryption):
        security = None if policy is None else LegSecurity(policy, bytes, FINGERPRINT)
        try:
            answered = answer(data, "192.0.2.1", 4000, 1, 1, CODECS, security=security)
        except (NotAcceptable, sdp.SdpError):
            pass
        else:
            assert described is not None
            # RFC 3264 6: as many streams as the offer had, and what we write can be read.
            assert len(sdp.parse(answered.sdp).media) == len(described.media)
        security = None if policy is None else LegSecurity(policy, bytes, FINGERPRINT)
        offer = make_offer("192.0.2.1", 4000, 1, 1, CODECS, security=security)
        try:
            accept(data, offer, security)
        except (NotAcceptable, sdp.SdpError):
            pass


def audio(data: bytes) -> None:
    """RTP packets of one source, divided by `CUT`: what is parsed lies within the packet, keys are keys."""
    keys = dtmf.DigitReceiver()
    now = 0.0
    for packet in data.split(CUT):
        now += 0.02
        parsed = rtp.parse(packet)
        if parsed is None:
            continue
        assert 12 <= parsed.payload_start <= parsed.payload_end <= len(packet)
        assert parsed.payload_type < 128
        payload = packet[parsed.payload_start : parsed.payload_end]
        digit = keys.packet(parsed.timestamp, parsed.ssrc, payload, now) or keys.expire(now)
        assert digit is None or digit.digit in dtmf.EVENTS


def reports(data: bytes) -> None:
    """RTCP: what is read lies in its ranges, and can be written and read again."""
    report = rtcp.read(data)
    if report is None:
        return
    assert report.sent_at is None or 0 <= report.sent_at < 1 << 32
    for heard in report.heard:
        assert 0 <= heard.fraction_lost < 256
        assert -0x800000 <= heard.lost < 0x800000
        seconds = rtcp.round_trip_seconds(heard, 1000.0)
        assert seconds is None or seconds >= 0.0
        again = rtcp.read(rtcp.write(7, 1000.0, None, heard))
        assert again is not None
        assert again.heard == (heard,)


def checks(data: bytes) -> None:
    """STUN: a connectivity check as it came, and with its attributes sealed by us so that the proof lets it in."""
    assert stun.read_check(data, NAME, SECRET) is None, "a check without the password"
    for address in (("192.0.2.7", 5060), ("2001:db8::7", 5060)):
        reply = keepalive.binding_response(data, address)
        assert reply is None or len(reply) <= len(data) + 24
    attributes = data + bytes(-len(data) % 4)
    sealed = stun._sealed(0x0001, b"t" * 12, attributes, SECRET)
    check = stun.read_check(sealed, NAME, SECRET)
    if check is not None:
        assert check.transaction == b"t" * 12
        assert len(stun.answer(check, ("2001:db8::7", 5060), SECRET)) < 500


def identity(data: bytes) -> None:
    """STIR: the Identity header as it came; header and claims of a PASSporT; the numbers of a certificate."""
    first, _, second = data.partition(CUT)
    try:
        stir_certificate.read_authority(data)
    except stir_passport.BadIdentity:
        pass
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (first, second)]
    made = f"{parts[0]}.{parts[1]}.{86 * 'A'};info=<https://sti.example/c.pem>;alg=ES256;ppt=shaken"
    for text in (data.decode("utf-8", "surrogateescape"), made):
        try:
            for one in stir_passport.identities(text):
                passport = stir_passport.read_passport(
                    stir_passport.parse_identity(one), "+3725550001", "+3726310000", "Sat, 21 Nov 2026 20:00:00 GMT"
                )
                assert isfinite(passport.issued_at)
                assert passport.origin
        except stir_passport.BadIdentity:
            pass
    stir_passport.date_of(data[:200].decode("utf-8", "surrogateescape"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "sip": sip,
    "stream": stream,
    "digest": digest,
    "sdp": session,
    "rtp": audio,
    "rtcp": reports,
    "stun": checks,
    "stir": identity,
}


def seeds(target: str) -> list[bytes]:
    """What a search begins with: what is kept, and messages that fit the calls of this very stack."""
    return [path.read_bytes() for path in kept(target)] + (Line(1).corpus if target == "sip" else [])


def kept(target: str) -> list[Path]:
    """The corpus of a target and every case that was found once."""
    return sorted([*(CORPUS / target).glob("*"), *(FOUND / target).glob("*")])
