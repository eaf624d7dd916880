"""Properties over any order of events: legs of both directions and transactions of both kinds."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sip.peer import (
    GATEWAY,
    OFFER,
    PHONE,
    REPLY,
    Peer,
    from_agent,
    header,
    request,
    response,
    start,
    status,
    tag,
    transmitted,
)

from softswitch.ids import LegId
from softswitch.sip.messages import (
    AckReceived,
    Answer,
    AnswerOffer,
    Hangup,
    InfoDigitReceived,
    InviteAnswered,
    InviteProgressed,
    LegEnded,
    OfferAnswered,
    OfferReceived,
    Reject,
    RespondProvisional,
    SendOffer,
    Transmit,
    TransportFailed,
)

WAITS = st.sampled_from([0.0, 0.3, 0.6, 3.0, 20.0, 33.0])
LEG_EVENTS = (AckReceived, InviteAnswered, InviteProgressed, OfferReceived, OfferAnswered, InfoDigitReceived, LegEnded)


class Call:
    """One leg, pushed from both sides in any order. CSeq of the peer counts up as a real one's does."""

    def __init__(self) -> None:
        self.side = Peer()
        self.number = 1
        self.sent: list[bytes] = []

    def do(self, event: Any) -> None:
        self.note(self.side.do(event))

    def packet(self, data: bytes, flow: Any) -> None:
        self.note(self.side.packet(data, flow))

    def note(self, out: list[Any]) -> None:
        self.sent += transmitted(out)

    def our_requests(self, method: str) -> list[bytes]:
        return [data for data in self.sent if start(data).startswith(method + " ")]

    def check(self, leg: LegId) -> None:
        """After the end, whatever is on the wire, the call room hears nothing more; nothing stays behind."""
        side = self.side
        side.do(Hangup(leg))
        side.wait(150.0)
        told = [entry for entry in side.log if isinstance(entry, LEG_EVENTS) and entry.leg == leg]
        assert [isinstance(entry, LegEnded) for entry in told].count(True) == 1
        assert isinstance(told[-1], LegEnded)
        assert len([entry for entry in told if isinstance(entry, InviteAnswered)]) <= 1
        assert not any(side.stack.counts().values()), side.stack.counts()


UAS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ring", "answer", "reject", "hangup", "offer", "accept", "refuse",
             "invite", "ack", "ack2", "cancel", "bye", "info", "reinvite", "update", "cancel2", "200", "491", "481"]
        ),
        WAITS,
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(UAS)
def test_incoming_leg(plan: list[tuple[str, float]]) -> None:
    call = Call()
    side = call.side
    leg = side.ring()
    ours = tag(header(transmitted([entry for entry in side.log if isinstance(entry, Transmit)])[0], "To"))
    number = 1

    def peer(method: str, branch: str = "", body: bytes = b"", at: int = 0) -> None:
        data = request(method, at or number, "c1", to_tag=ours, branch=branch, body=body)
        call.packet(data, GATEWAY)

    for action, wait in plan:
        orders = {
            "ring": RespondProvisional(leg, 180),
            "answer": Answer(leg, REPLY),
            "reject": Reject(leg, 486),
            "hangup": Hangup(leg),
            "offer": SendOffer(leg, REPLY),
            "accept": AnswerOffer(leg, 200, REPLY),
            "refuse": AnswerOffer(leg, 488, None),
        }
        if action in orders:
            call.do(orders[action])
        elif action == "invite" and side.now < 131:
            # Later no client repeats it (timer B), and nobody remembers it.
            call.packet(request("INVITE", 1, "c1", body=OFFER), GATEWAY)
        elif action == "invite":
            continue
        elif action == "ack":
            peer("ACK", branch="ack1", at=1)
        elif action == "ack2":
            peer("ACK", branch=f"ack{number}")
        elif action == "cancel":
            call.packet(request("CANCEL", 1, "c1", branch="c1INVITE1"), GATEWAY)
        elif action == "cancel2":
            peer("CANCEL", branch=f"c1INVITE{number}")
        elif action in ("200", "491", "481"):
            for sent in call.our_requests("INVITE")[-1:]:
                call.packet(response(int(action), sent, body=REPLY if action == "200" else b""), GATEWAY)
        else:
            number += 1
            method = {"reinvite": "INVITE"}.get(action, action.upper())
            peer(method, body=OFFER if method in ("INVITE", "UPDATE") else b"")
        call.note(side.wait(wait))
    call.check(leg)
    finals = [data for data in call.sent if status(data) >= 200 and header(data, "CSeq") == "1 INVITE"]
    assert len({status(data) for data in finals}) <= 1, "one INVITE, one final answer"


UAC = st.lists(
    st.tuples(
        st.sampled_from(
            ["hangup", "offer", "accept", "100", "180", "183", "200", "200 fork", "486", "487", "bye", "reinvite",
             "info",
             "cancel ok", "unreachable", "re 200", "re 491", "re 481"]
        ),
        WAITS,
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(UAC)
def test_outgoing_leg(plan: list[tuple[str, float]]) -> None:
    call = Call()
    side = call.side
    leg = LegId(900)
    invite = side.dial(900)
    number = 0
    for action, wait in plan:
        if action in ("hangup", "offer", "accept"):
            orders = {"hangup": Hangup(leg), "offer": SendOffer(leg, OFFER), "accept": AnswerOffer(leg, 200, REPLY)}
            call.do(orders[action])
        elif action == "200 fork":
            call.packet(response(200, invite, to_tag="fork", body=REPLY), PHONE)
        elif action == "cancel ok":
            for sent in call.our_requests("CANCEL")[-1:]:
                call.packet(response(200, sent), PHONE)
        elif action.startswith("re "):
            for sent in [data for data in call.our_requests("INVITE") if header(data, "CSeq") != "1 INVITE"][-1:]:
                call.packet(response(int(action[3:]), sent, body=REPLY if action == "re 200" else b""), PHONE)
        elif action == "unreachable":
            call.do(TransportFailed(PHONE))
        elif action.isdigit():
            call.packet(response(int(action), invite, body=REPLY if action == "200" else b""), PHONE)
        else:
            number += 1
            method = {"reinvite": "INVITE"}.get(action, action.upper())
            body = OFFER if method == "INVITE" else b""
            call.packet(from_agent(method, number, invite, body=body), PHONE)
        call.note(side.wait(wait))
    call.check(leg)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["INVITE", "ACK", "CANCEL", "wait", "answer", "reject", "ring"]), max_size=20))
def test_server_transaction_answers_every_copy_alike(plan: list[str]) -> None:
    """The same INVITE again never makes a second call, and never gets another final answer."""
    side = Peer()
    leg = side.ring()
    finals: set[bytes] = set()
    for action in plan:
        if action in ("INVITE", "ACK", "CANCEL"):
            out = side.packet(request(action, 1, "c1", branch="c1INVITE1", body=OFFER if action == "INVITE" else b""))
        elif action == "wait":
            out = side.wait(0.7)
        else:
            orders = {"answer": Answer(leg, REPLY), "reject": Reject(leg, 486), "ring": RespondProvisional(leg, 180)}
            out = side.do(orders[action])
        for data in transmitted(out):
            if status(data) >= 200 and header(data, "CSeq") == "1 INVITE":
                finals.add(data)
    assert len(finals) <= 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([100, 180, 200, 200, 404, 487]), max_size=12), st.sampled_from(["INVITE", "BYE"]))
def test_client_transaction_reports_one_end(codes: list[int], kind: str) -> None:
    side = Peer()
    if kind == "INVITE":
        sent, flow = side.dial(), PHONE
    else:
        leg, _ = side.talk()
        sent, flow = transmitted(side.do(Hangup(leg)))[0], GATEWAY
    for code in codes:
        side.packet(response(code, sent), flow)
    assert len(side.told(InviteAnswered)) + len(side.told(LegEnded)) <= 2
    assert len(side.told(LegEnded)) <= 1
    side.do(Hangup(LegId(900)))
    side.wait(150)
    assert not any(side.stack.counts().values())
