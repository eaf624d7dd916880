"""Mutated SIP with fixed seeds: nothing is raised, the last belt is never needed, the tables stay small, and the
stack still answers afterwards."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sip.peer import (
    GATEWAY,
    LOCAL,
    OFFER,
    PHONE,
    REPLY,
    STRANGER,
    Peer,
    from_agent,
    header,
    register,
    request,
    response,
    status,
    tag,
    transmitted,
)

from softswitch.ids import LegId
from softswitch.sip.messages import (
    Answer,
    AnswerOffer,
    AnswerRefer,
    CloseStream,
    Flow,
    Hangup,
    InviteReceived,
    LegEnded,
    OfferReceived,
    ReferProgressed,
    ReferReceived,
    StreamClosed,
    StreamReceived,
)

PIECES = (
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"\r\n ", b":", b";", b",", b"<", b">", b'"', b"\\", b"%",
    b"@", b"=", b"[", b"]", b"?", b"SIP/2.0", b"tag=", b"branch=z9hG4bK", b"\xff\xfe", b"\xc3\xa9", b"\xf0\x9f\x98\x80",
    b"99999999999999999999", b"-1", b"0", b"Via: ", b"To: x", b"Content-Length: 5\r\n", b"l: 1\r\n", b"*",
    b"Contact: *\r\n", b"Authorization: Digest ", b"Require: x\r\n", b"Record-Route: <sip:a;lr>\r\n", b"sip:", b"tel:1",
    b"%00", b"%0d%0a", b"INVITE", b"ACK", b"BYE", b"CANCEL", b"A" * 300,
)  # fmt: skip


def mutated(chance: random.Random, data: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6, 12))):
        position = chance.randrange(len(out) + 1)
        kind = chance.randrange(7)
        if kind == 0 and out:
            out[position % len(out)] = chance.randrange(256)
        elif kind == 1:
            del out[position : position + chance.choice((1, 1, 2, 5, 20))]
        elif kind == 2:
            out[position:position] = chance.choice(PIECES)
        elif kind == 3:
            end = position + chance.randrange(40)
            out[position:position] = out[position:end] * chance.choice((1, 2, 30))
        elif kind == 4:
            del out[position:]
        elif kind == 5:
            lines = bytes(out).split(b"\r\n")
            chance.shuffle(lines)
            out = bytearray(b"\r\n".join(lines))
        else:
            lines = bytes(out).split(b"\r\n")
            lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines))
            out = bytearray(b"\r\n".join(lines))
    return bytes(out)


class Line:
    """A stack with a call in every state, and messages that nearly fit it. `Peer` fails on an internal error."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.side = Peer(seed=seed)
        side = self.side
        side.save(side.register())
        ringing = side.ring("ringing")
        _, talking = side.talk("talking")
        holding, ours = side.talk("holding")
        side.packet(request("INVITE", 2, "holding", to_tag=ours, body=OFFER))
        side.do(AnswerOffer(holding, 200, REPLY))
        dialled = side.dial(900)
        side.packet(response(180, dialled), PHONE)
        answered = side.dial_and_talk(901)
        cancelled = side.dial(902)
        side.packet(response(100, cancelled), PHONE)
        side.do(Hangup(LegId(902)))
        challenge = side.sent(register(50), PHONE)[0]
        unanswered = side.ring("unanswered")
        answer = transmitted(side.do(Answer(unanswered, REPLY)))[0]
        assert ringing
        self.corpus = [
            request("INVITE", 1, "new", body=OFFER, extra=("Record-Route: <sip:192.0.2.11;lr>, <sip:x;lr>",)),
            request("INVITE", 1, "ringing", body=OFFER),
            request("CANCEL", 1, "ringing", branch="ringingINVITE1"),
            request("ACK", 1, "unanswered", to_tag=tag(header(answer, "To")), branch="ua"),
            request("OPTIONS", 1, "o", extra=("Accept: application/sdp",)),
            register(60, proof=side.proof(challenge), extra=("User-Agent: x",)),
            register(61, contact="*", expires="0"),
            *(request(method, 9, "talking", to_tag=talking) for method in ("BYE", "OPTIONS", "PRACK", "UPDATE")),
            request("INVITE", 9, "talking", to_tag=talking, body=OFFER),
            request("UPDATE", 10, "talking", to_tag=talking, body=OFFER),
            request("INFO", 11, "talking", to_tag=talking, body=b"Signal=5\r\n", kind="application/dtmf-relay"),
            request("ACK", 2, "holding", to_tag=ours, branch="ha"),
            *(response(code, dialled, body=REPLY) for code in (180, 200, 302, 401, 486)),
            response(200, answered, to_tag="other", body=REPLY, extra=("Record-Route: <sip:a;lr>",)),
            response(487, cancelled),
            request("REFER", 12, "talking", to_tag=talking, extra=("Refer-To: <sip:1002@bank.example>",)),
            from_agent("REFER", 1, answered, extra=("Refer-To: <sip:1002@bank.example>", "Referred-By: <sip:1001@x>")),
            from_agent("REFER", 1, answered, extra=("Refer-To: <sip:1@x?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>",)),
            from_agent("NOTIFY", 1, answered, extra=("Event: refer", "Subscription-State: active;expires=60")),
            from_agent("BYE", 1, answered),
            from_agent("INVITE", 1, answered, body=OFFER),
        ]

    def flow(self) -> Flow:
        return self.chance.choice((GATEWAY, GATEWAY, PHONE, STRANGER))

    def react(self, out: list[Any]) -> None:
        """As a call room would: everything gets an end."""
        for command in out:
            if isinstance(command, InviteReceived):
                self.side.do(self.chance.choice((Answer(command.leg, REPLY), Hangup(command.leg))))
            elif isinstance(command, ReferReceived):
                self.side.do(AnswerRefer(command.leg, self.chance.choice((202, 403))))
                self.side.do(ReferProgressed(command.leg, self.chance.choice((180, 200, 486))))
            elif isinstance(command, OfferReceived):
                self.side.do(AnswerOffer(command.leg, self.chance.choice((200, 488)), REPLY))

    def finish(self) -> None:
        side = self.side
        ping = side.sent(request("OPTIONS", 1, f"ping{self.chance.random()}"))
        assert [status(data) for data in ping] == [200]
        begun = {command.leg for command in side.told(InviteReceived)} | {LegId(n) for n in (900, 901, 902)}
        for leg in sorted(begun):
            side.do(Hangup(leg))
        side.wait(200)
        ended = [command.leg for command in side.told(LegEnded)]
        assert sorted(ended) == sorted(begun)
        counts = side.stack.counts()
        assert counts.pop("timers") <= 1, "only the registration may be left"
        assert not any(counts.values()), counts


@pytest.mark.parametrize("seed", range(8))
def test_mutated_datagrams(seed: int) -> None:
    line = Line(seed)
    for _ in range(500):
        line.react(line.side.packet(mutated(line.chance, line.chance.choice(line.corpus)), line.flow()))
        if line.chance.random() < 0.02:
            line.react(line.side.wait(line.chance.choice((0.5, 4.0, 33.0))))
    line.finish()


@pytest.mark.parametrize("seed", range(100, 104))
def test_mutated_streams(seed: int) -> None:
    line = Line(seed)
    chance = line.chance
    number = 1
    for _ in range(200):
        number += 1
        flow = Flow("tcp", LOCAL, ("192.0.2.10", 10_000 + number), number)
        data = b"".join(chance.choice(line.corpus) for _ in range(3))
        data = mutated(chance, data)
        while data:
            size = chance.choice((1, 3, 100, 1000, 5000))
            out = line.side.do(StreamReceived(flow, data[:size]))
            line.react(out)
            data = data[size:]
            if any(isinstance(command, CloseStream) for command in out):
                break
        line.side.do(StreamClosed(flow))
    line.finish()


@pytest.mark.parametrize("seed", range(200, 202))
def test_noise(seed: int) -> None:
    line = Line(seed)
    for _ in range(500):
        line.side.packet(line.chance.randbytes(line.chance.choice((1, 10, 100, 1400))), line.flow())
    line.finish()


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    side = Peer()
    side.packet(data)
    side.do(StreamReceived(Flow("tcp", LOCAL, ("192.0.2.10", 1), 1), data))


@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
def test_any_pieces(data: bytes) -> None:
    for method in (b"INVITE", b"REGISTER", b"BYE"):
        Peer().packet(
            method + b" sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\n" + data + b"\r\n\r\n", GATEWAY
        )
