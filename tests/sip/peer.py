"""The other side of the wire for the SIP tests: writes messages, drives a stack with a fake clock, reads answers."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from hashlib import md5, sha256
from typing import Any, TypeVar

from softswitch.ids import AgentId, IdSource, LegId, TrunkId
from softswitch.sip.messages import (
    AccountSettings,
    Answer,
    ContactsSaved,
    Flow,
    InviteReceived,
    PacketReceived,
    SaveContacts,
    SecurityEvent,
    SipSettings,
    StartInvite,
    Transmit,
    TrunkSettings,
)
from softswitch.sip.stack import SipStack

REALM = "bank.example"
LOCAL = ("192.0.2.1", 5060)
GATEWAY = Flow("udp", LOCAL, ("192.0.2.10", 5080))
PHONE = Flow("udp", LOCAL, ("198.51.100.7", 40000))
STRANGER = Flow("udp", LOCAL, ("203.0.113.9", 5060))
OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n"
REPLY = b"v=0\r\no=- 2 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n"

T = TypeVar("T")


def account(agent: str, username: str, password: str) -> AccountSettings:
    secret = f"{username}:{REALM}:{password}".encode()
    return AccountSettings(AgentId(agent), username, username, md5(secret).hexdigest(), sha256(secret).hexdigest())


def settings(**changes: Any) -> SipSettings:
    values: dict[str, Any] = {
        "realm": REALM,
        "domains": (REALM, "192.0.2.1"),
        "trunks": (TrunkSettings(TrunkId("pstn"), ("192.0.2.10/32", "192.0.2.11/32"), host="192.0.2.10", port=5080),),
        "accounts": (account("anna", "1001", "secret"), account("mart", "1002", "other")),
        "nonce_secret": b"n" * 32,
        "local_flows": (Flow("udp", LOCAL, ("", 0)), Flow("tcp", LOCAL, ("", 0))),
    }
    values.update(changes)
    return SipSettings(**values)


def text(lines: Iterable[str], body: bytes = b"", kind: str = "application/sdp") -> bytes:
    head = "\r\n".join(lines)
    content = f"Content-Type: {kind}\r\n" if body else ""
    return f"{head}\r\n{content}Content-Length: {len(body)}\r\n\r\n".encode() + body


def header(data: bytes, name: str) -> str:
    found = re.search(rf"^{name}:[ \t]*(.*?)\r$", data.decode("utf-8", "replace"), re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def start(data: bytes) -> str:
    return data.partition(b"\r\n")[0].decode("utf-8", "replace")


def status(data: bytes) -> int:
    words = start(data).split(" ")
    return int(words[1]) if words[0] == "SIP/2.0" else 0


def tag(value: str) -> str:
    found = re.search(r";tag=([^;\s]+)", value)
    return found[1] if found else ""


class Peer:
    """One stack and its clock."""

    def __init__(self, config: SipSettings | None = None, seed: int = 1) -> None:
        self.settings = config or settings()
        self.stack = SipStack(self.settings, IdSource(), random.Random(seed))
        self.now = 100.0
        self.log: list[Any] = []

    def do(self, event: Any) -> list[Any]:
        out: list[Any] = list(self.stack.handle(event, self.now))
        self._note(out)
        return out

    def packet(self, data: bytes, flow: Flow = GATEWAY) -> list[Any]:
        return self.do(PacketReceived(flow, data))

    def sent(self, data: bytes, flow: Flow = GATEWAY) -> list[bytes]:
        return transmitted(self.packet(data, flow))

    def wait(self, seconds: float) -> list[Any]:
        """Let time pass, deadline by deadline."""
        end = self.now + seconds
        out: list[Any] = []
        while (deadline := self.stack.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            out.extend(self.stack.tick(self.now))
        self.now = end
        self._note(out)
        return out

    def _note(self, out: list[Any]) -> None:
        self.log.extend(out)
        broken = [entry for entry in out if isinstance(entry, SecurityEvent) and entry.kind == "internal_error"]
        assert not broken, broken

    def told(self, kind: type[T]) -> list[T]:
        return [entry for entry in self.log if isinstance(entry, kind)]

    # ---------------------------------------------------------------- ready-made situations

    def ring(self, call: str = "c1", **changes: Any) -> LegId:
        """An incoming call that waits for an answer."""
        out = self.packet(request("INVITE", 1, call, **{"body": OFFER, **changes}))
        return only(out, InviteReceived).leg

    def talk(self, call: str = "c1") -> tuple[LegId, str]:
        """An incoming call that is answered and acknowledged: its leg and our tag."""
        leg = self.ring(call)
        ours = tag(header(transmitted(self.do(Answer(leg, REPLY)))[0], "To"))
        self.packet(request("ACK", 1, call, to_tag=ours, branch="ack" + call))
        return leg, ours

    def dial(self, leg: int = 900, flow: Flow | None = PHONE) -> bytes:
        """An outgoing call: the INVITE."""
        order = StartInvite(LegId(leg), "sip:1001@198.51.100.7:40000", flow, "79123456789", "Bob", OFFER)
        return transmitted(self.do(order))[0]

    def dial_and_talk(self, leg: int = 900) -> bytes:
        invite = self.dial(leg)
        self.packet(response(180, invite), PHONE)
        self.packet(response(200, invite, body=REPLY), PHONE)
        return invite

    def register(self, number: int = 1, **changes: Any) -> list[Any]:
        """REGISTER with good credentials; returns what came after them."""
        challenge = self.sent(register(number, **changes), PHONE)[0]
        return self.packet(register(number + 1, proof=self.proof(challenge), **changes), PHONE)

    def save(self, out: list[Any], ok: bool = True) -> list[Any]:
        return self.do(ContactsSaved(only(out, SaveContacts).token, ok))

    def proof(self, challenge: bytes, **changes: str) -> str:
        return credentials(challenge, **changes)


def only(out: list[Any], kind: type[T]) -> T:
    found = [entry for entry in out if isinstance(entry, kind)]
    assert len(found) == 1, out
    return found[0]


def transmitted(out: list[Any]) -> list[bytes]:
    return [entry.data for entry in out if isinstance(entry, Transmit)]


def request(
    method: str,
    number: int,
    call: str,
    *,
    to_tag: str = "",
    branch: str = "",
    flow: Flow = GATEWAY,
    uri: str = f"sip:8000@{REALM}",
    body: bytes = b"",
    kind: str = "application/sdp",
    extra: Iterable[str] = (),
    sender: str = "<sip:79123456789@gw.example>",
    contact: str = "",
) -> bytes:
    host, port = flow.remote
    branch = branch or f"{call}{method}{number}"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/{flow.transport.upper()} {host}:{port};branch=z9hG4bK{branch};rport",
        "Max-Forwards: 70",
        f"From: {sender};tag=f{call}",
        f"To: <sip:8000@{REALM}>{';tag=' + to_tag if to_tag else ''}",
        f"Call-ID: {call}@gw.example",
        f"CSeq: {number} {method}",
        f"Contact: <{contact or f'sip:gw@{host}:{port}'}>",
        *extra,
    ]
    return text(lines, body, kind)


def response(
    code: int, sent: bytes, *, body: bytes = b"", to_tag: str = "agent", extra: Iterable[str] = (), contact: str = ""
) -> bytes:
    to = header(sent, "To")
    if ";tag=" not in to and to_tag and code > 100:
        to += f";tag={to_tag}"
    lines = [
        f"SIP/2.0 {code} Whatever",
        f"Via: {header(sent, 'Via')}",
        f"From: {header(sent, 'From')}",
        f"To: {to}",
        f"Call-ID: {header(sent, 'Call-ID')}",
        f"CSeq: {header(sent, 'CSeq')}",
        f"Contact: <{contact or 'sip:1001@198.51.100.7:40000'}>",
        *extra,
    ]
    return text(lines, body)


def from_agent(method: str, number: int, invite: bytes, *, their_tag: str = "agent", **changes: Any) -> bytes:
    """A request of the called phone inside the dialog that our INVITE opened."""
    host, port = PHONE.remote
    lines = [
        f"{method} sip:softswitch@192.0.2.1:5060 SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{changes.get('branch', f'p{method}{number}')};rport",
        "Max-Forwards: 70",
        f"From: {header(invite, 'To')};tag={their_tag}",
        f"To: {header(invite, 'From')}",
        f"Call-ID: {header(invite, 'Call-ID')}",
        f"CSeq: {number} {method}",
        *changes.get("extra", ()),
    ]
    return text(lines, changes.get("body", b""), changes.get("kind", "application/sdp"))


def register(
    number: int,
    *,
    user: str = "1001",
    contact: str = "<sip:1001@198.51.100.7:40000>",
    expires: str = "600",
    proof: str = "",
    call: str = "reg",
    extra: Iterable[str] = (),
    uri: str = f"sip:{REALM}",
    transport: str = "UDP",
) -> bytes:
    lines = [
        f"REGISTER {uri} SIP/2.0",
        f"Via: SIP/2.0/{transport} 198.51.100.7:40000;branch=z9hG4bKr{call}{number}{len(proof)};rport",
        "Max-Forwards: 70",
        f"From: <sip:{user}@{REALM}>;tag=r",
        f"To: <sip:{user}@{REALM}>",
        f"Call-ID: {call}",
        f"CSeq: {number} REGISTER",
        *([f"Contact: {contact}"] if contact else []),
        *([f"Expires: {expires}"] if expires else []),
        *([proof] if proof else []),
        *extra,
    ]
    return text(lines)


def credentials(
    challenge: bytes,
    *,
    username: str = "1001",
    password: str = "secret",
    method: str = "REGISTER",
    uri: str = f"sip:{REALM}",
    algorithm: str = "MD5",
    qop: str = "auth",
    nc: str = "00000001",
    realm: str = REALM,
    nonce: str = "",
) -> str:
    found = re.search(rb'nonce="([^"]+)"', challenge)
    if not nonce:
        assert found is not None, challenge
        nonce = found[1].decode()
    hashed = md5 if algorithm == "MD5" else sha256
    ha1 = hashed(f"{username}:{realm}:{password}".encode()).hexdigest()
    ha2 = hashed(f"{method}:{uri}".encode()).hexdigest()
    middle = f"{nc}:abc:{qop}:" if qop else ""
    proof = hashed(f"{ha1}:{nonce}:{middle}{ha2}".encode()).hexdigest()
    more = f', qop={qop}, nc={nc}, cnonce="abc"' if qop else ""
    return (
        f'Authorization: Digest username="{username}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{proof}", algorithm={algorithm}{more}'
    )
