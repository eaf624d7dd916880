"""CPU of the SIP room: `python bench/bench_sip.py` prints one JSON line.

parse_us     one INVITE: parse, and the headers a UAS needs (Via, From, To, Call-ID, CSeq, Contact, Max-Forwards, body)
options_us   OPTIONS in, 200 out
register_us  REGISTER with digest: challenge, credentials, save, 200 (two requests)
call_us      a whole call: incoming INVITE/100/180/200/ACK/BYE/200 and outgoing INVITE/100/180/200/ACK/BYE/200,
             its later timers included
Times are process CPU; the best of several rounds counts.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable
from hashlib import md5, sha256

from softswitch.ids import AgentId, IdSource, LegId, TrunkId
from softswitch.sip.message import Request
from softswitch.sip.messages import (
    AccountSettings,
    Answer,
    ContactsSaved,
    Flow,
    Hangup,
    InviteReceived,
    PacketReceived,
    RespondProvisional,
    SaveContacts,
    SipSettings,
    StartInvite,
    Transmit,
    TrunkSettings,
)
from softswitch.sip.parser import parse_datagram
from softswitch.sip.stack import SipStack

LOCAL = ("127.0.0.1", 5060)
GATEWAY = Flow("udp", LOCAL, ("127.0.0.2", 5080))
PHONE = Flow("udp", LOCAL, ("127.0.0.3", 5070))
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 8 101\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
)


def settings() -> SipSettings:
    def ha1(hashed: Callable[[bytes], object]) -> str:
        return hashed(b"1001:127.0.0.1:pw1001").hexdigest()  # type: ignore[attr-defined,no-any-return]

    return SipSettings(
        realm="127.0.0.1",
        domains=("127.0.0.1",),
        trunks=(TrunkSettings(TrunkId("pstn"), ("127.0.0.2/32",), max_calls=1_000_000),),
        accounts=(AccountSettings(AgentId("anna"), "1001", "1001", ha1(md5), ha1(sha256)),),
        nonce_secret=b"s" * 32,
        max_sessions=1_000_000,
        local_flows=(Flow("udp", LOCAL, ("", 0)),),
    )


def text(*lines: str, body: bytes = b"") -> bytes:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return ("\r\n".join(lines) + f"\r\n{kind}Content-Length: {len(body)}\r\n\r\n").encode() + body


def request(method: str, number: int, call: str, branch: str, to_tag: str = "", body: bytes = b"") -> bytes:
    return text(
        f"{method} sip:8000@127.0.0.1:5060 SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.2:5080;branch=z9hG4bK{branch};rport",
        "Max-Forwards: 70",
        "From: <sip:79123456789@127.0.0.2>;tag=f" + call,
        f"To: <sip:8000@127.0.0.1>{';tag=' + to_tag if to_tag else ''}",
        f"Call-ID: c{call}@127.0.0.2",
        f"CSeq: {number} {method}",
        "Contact: <sip:gw@127.0.0.2:5080>",
        "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, NOTIFY",
        body=body,
    )


def reply(status: str, sent: bytes, body: bytes = b"") -> bytes:
    lines = sent.decode().split("\r\n")
    kept = [line for line in lines if line.startswith(("Via:", "From:", "Call-ID:", "CSeq:"))]
    to = next(line for line in lines if line.startswith("To:"))
    if ";tag=" not in to:
        to += ";tag=agent"
    return text(f"SIP/2.0 {status}", *kept, to, "Contact: <sip:1001@127.0.0.3:5070>", body=body)


def parse_once(data: bytes) -> None:
    message = parse_datagram(data, GATEWAY)
    assert isinstance(message, Request)
    _ = message.via, message.from_, message.to, message.call_id, message.cseq, message.contact_uri()
    _ = message.headers["max-forwards"], message.body, message.key()


class Calls:
    """Drives whole calls; only the time inside the stack is counted."""

    def __init__(self) -> None:
        self.stack = SipStack(settings(), IdSource(), random.Random(1))
        self.now = 0.0
        self.spent = 0.0
        self.number = 0

    def do(self, event: object) -> list[object]:
        start = time.process_time()
        commands = self.stack.handle(event, self.now)  # type: ignore[arg-type]
        self.stack.next_deadline()
        self.spent += time.process_time() - start
        return list(commands)

    def call(self) -> None:
        self.number += 1
        call = str(self.number)
        self.now += 0.005
        start = time.process_time()
        self.stack.tick(self.now)
        self.spent += time.process_time() - start
        out = self.do(PacketReceived(GATEWAY, request("INVITE", 1, call, "i" + call, body=SDP)))
        leg = next(command.leg for command in out if isinstance(command, InviteReceived))
        self.do(RespondProvisional(leg, 180))
        answer = self.do(Answer(leg, SDP))[0]
        assert isinstance(answer, Transmit)
        found = re.search(rb"To: .*;tag=(\w+)", answer.data)
        assert found is not None
        tag = found[1].decode()
        self.do(PacketReceived(GATEWAY, request("ACK", 1, call, "a" + call, tag)))
        agent = LegId(10_000_000 + self.number)
        invite = self.do(StartInvite(agent, "sip:1001@127.0.0.3:5070", PHONE, "79123456789", "Caller", SDP))[0]
        assert isinstance(invite, Transmit)
        self.do(PacketReceived(PHONE, reply("100 Trying", invite.data)))
        self.do(PacketReceived(PHONE, reply("180 Ringing", invite.data)))
        self.do(PacketReceived(PHONE, reply("200 OK", invite.data, SDP)))
        self.do(PacketReceived(GATEWAY, request("BYE", 2, call, "b" + call, tag)))
        bye = self.do(Hangup(agent, "Q.850;cause=16"))
        sent = next(command for command in bye if isinstance(command, Transmit))
        self.do(PacketReceived(PHONE, reply("200 OK", sent.data)))


def register(rounds: int) -> float:
    stack = SipStack(settings(), IdSource(), random.Random(1))
    ha1 = md5(b"1001:127.0.0.1:pw1001").hexdigest()
    ha2 = md5(b"REGISTER:sip:127.0.0.1").hexdigest()
    spent = 0.0

    def do(event: object, now: float) -> list[object]:
        nonlocal spent
        start = time.process_time()
        commands = stack.handle(event, now)  # type: ignore[arg-type]
        spent += time.process_time() - start
        return list(commands)

    def packet(number: int, credentials: str) -> PacketReceived:
        lines = [
            "REGISTER sip:127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.3:5070;branch=z9hG4bKr{number};rport",
            "Max-Forwards: 70",
            "From: <sip:1001@127.0.0.1>;tag=r",
            "To: <sip:1001@127.0.0.1>",
            "Call-ID: r@127.0.0.3",
            f"CSeq: {number} REGISTER",
            "Contact: <sip:1001@127.0.0.3:5070>",
            "Expires: 600",
        ]
        return PacketReceived(PHONE, text(*lines, *([credentials] if credentials else [])))

    for number in range(rounds):
        now = number * 0.01
        challenge = do(packet(2 * number + 1, ""), now)[0]
        assert isinstance(challenge, Transmit)
        found = re.search(rb'nonce="([^"]+)"', challenge.data)
        assert found is not None
        nonce = found[1].decode()
        proof = md5(f"{ha1}:{nonce}:00000001:c:auth:{ha2}".encode()).hexdigest()
        credentials = (
            f'Authorization: Digest username="1001", realm="127.0.0.1", nonce="{nonce}", uri="sip:127.0.0.1", '
            f'response="{proof}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"'
        )
        save = do(packet(2 * number + 2, credentials), now)[0]
        assert isinstance(save, SaveContacts)
        do(ContactsSaved(save.token, True), now)
        stack.tick(now)
    return spent / rounds


def best(rounds: int, once: Callable[[], float]) -> float:
    return round(min(once() for _ in range(rounds)) * 1e6, 1)


def timed(times: int, work: Callable[[], object]) -> float:
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times


def calls(times: int) -> float:
    driver = Calls()
    for _ in range(times):
        driver.call()
    return driver.spent / times


def main() -> None:
    invite = request("INVITE", 1, "1", "x", body=SDP)
    stack = SipStack(settings(), IdSource(), random.Random(1))
    ping = PacketReceived(GATEWAY, request("OPTIONS", 1, "1", "o"))
    figures = {
        "parse_us": best(5, lambda: timed(5000, lambda: parse_once(invite))),
        "options_us": best(5, lambda: timed(5000, lambda: stack.handle(ping, 0.0))),
        "register_us": best(3, lambda: register(1000)),
        "call_us": best(3, lambda: calls(8000)),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
