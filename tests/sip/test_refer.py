"""REFER on the wire (RFC 3515, 3891, 4488): who may, what is said to the phone, and that a call never suffers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sip.peer import (
    OFFER,
    PHONE,
    REALM,
    STRANGER,
    Peer,
    credentials,
    from_agent,
    header,
    only,
    request,
    response,
    start,
    status,
    tag,
    transmitted,
)

from softswitch.ids import AgentId, LegId
from softswitch.sip.messages import (
    Answer,
    AnswerRefer,
    Hangup,
    InviteReceived,
    LegEnded,
    ReferProgressed,
    ReferReceived,
    SecurityEvent,
    StartInvite,
)

ANNA = AgentId("anna")
TO_1002 = f"Refer-To: <sip:1002@{REALM}>"


def agent_talks(side: Peer, leg: int = 900) -> bytes:
    """Anna's phone has answered a call of ours: the INVITE."""
    order = StartInvite(LegId(leg), "sip:1001@198.51.100.7:40000", PHONE, "79123456789", "Bob", OFFER, agent=ANNA)
    invite = transmitted(side.do(order))[0]
    side.packet(response(200, invite, body=OFFER), PHONE)
    return invite


def refer(side: Peer, invite: bytes, *extra: str, number: int = 1) -> list[Any]:
    return side.packet(from_agent("REFER", number, invite, extra=extra), PHONE)


def notifies(out: list[Any]) -> list[tuple[str, str]]:
    """What the phone is told, and in which state of the subscription."""
    sent = [data for data in transmitted(out) if start(data).startswith("NOTIFY")]
    return [
        (data.partition(b"\r\n\r\n")[2].decode().strip(), header(data, "Subscription-State").partition(";expires")[0])
        for data in sent
    ]


def accept(side: Peer, out: list[Any]) -> list[Any]:
    """Answer each NOTIFY with 200 until none is left; everything that was sent on the way."""
    said = list(out)
    todo = [data for data in transmitted(out) if start(data).startswith("NOTIFY")]
    while todo:
        more = side.packet(response(200, todo.pop(0), to_tag=""), PHONE)
        said += more
        todo += [data for data in transmitted(more) if start(data).startswith("NOTIFY")]
    return said


def test_blind_transfer_is_told_step_by_step() -> None:
    side = Peer()
    invite = agent_talks(side)
    out = refer(side, invite, TO_1002, "Referred-By: <sip:1001@bank.example>")
    asked = only(out, ReferReceived)
    assert (asked.leg, asked.number, asked.replaces) == (900, "1002", None)
    assert transmitted(out) == [], "nothing is said before it is decided"
    out = side.do(AnswerRefer(LegId(900), 202))
    assert status(transmitted(out)[0]) == 202
    assert notifies(out) == [("SIP/2.0 100 Trying", "active")]
    told = transmitted(out)[1]
    assert header(told, "Event") == "refer;id=1"
    assert header(told, "Content-Type") == "message/sipfrag;version=2.0"
    assert tag(header(told, "From")) == tag(header(invite, "From"))
    # One NOTIFY at a time: 180 waits, and is old when 200 is known.
    assert side.do(ReferProgressed(LegId(900), 180)) == []
    assert side.do(ReferProgressed(LegId(900), 200)) == []
    out = side.packet(response(200, told, to_tag=""), PHONE)
    assert notifies(out) == [("SIP/2.0 200 OK", "terminated;reason=noresource")]
    assert side.stack.counts()["sessions"] == 1, "the call is the phone's to end"


def test_last_word_comes_before_the_bye() -> None:
    side = Peer()
    refer(side, agent_talks(side), TO_1002)
    side.do(AnswerRefer(LegId(900), 202))
    side.do(ReferProgressed(LegId(900), 200))
    out = side.do(Hangup(LegId(900)))
    assert [start(data).split()[0] for data in transmitted(out)] == ["NOTIFY", "BYE"]
    assert notifies(out) == [("SIP/2.0 200 OK", "terminated;reason=noresource")]


@pytest.mark.parametrize("code", [403, 404, 603])
def test_refused_by_the_house(code: int) -> None:
    side = Peer()
    invite = agent_talks(side)
    refer(side, invite, TO_1002)
    out = side.do(AnswerRefer(LegId(900), code))
    assert [status(data) for data in transmitted(out)] == [code]
    only(refer(side, invite, TO_1002, number=2), ReferReceived)  # and may try again


def test_without_a_subscription() -> None:
    side = Peer()
    refer(side, agent_talks(side), TO_1002, "Refer-Sub: false", "Require: norefersub")
    out = side.do(AnswerRefer(LegId(900), 202))
    assert header(transmitted(out)[0], "Refer-Sub") == "false"
    assert notifies(out) == []
    assert side.do(ReferProgressed(LegId(900), 200)) == []


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((), 400),
        ((TO_1002, TO_1002), 400),
        (("Refer-To: <mailto:anna@bank.example>",), 416),
        (("Refer-To: <sip:1002@evil.example>",), 403),
        (("Refer-To: <sip:1002@bank.example;method=BYE>",), 603),
        (("Refer-To: <sip:1002@bank.example?Replaces=abc>",), 400),
        (("Refer-To: <sip:1002@bank.example?Replaces=a%3Bto-tag%3Db%3Bto-tag%3Dc%3Bfrom-tag%3Dd>",), 400),
    ],
)
def test_malformed_or_misdirected(lines: tuple[str, ...], code: int) -> None:
    side = Peer()
    out = refer(side, agent_talks(side), *lines)
    assert [status(data) for data in transmitted(out)] == [code]
    assert not [each for each in out if isinstance(each, ReferReceived)]
    assert side.stack.counts()["sessions"] == 1


def test_a_trunk_transfers_nobody() -> None:
    side = Peer()
    _, ours = side.talk()
    out = side.sent(request("REFER", 2, "c1", to_tag=ours, extra=(TO_1002,)))
    assert [status(data) for data in out] == [403]


@pytest.mark.parametrize("flow", [STRANGER, PHONE])
def test_outside_of_a_call_nobody_may(flow: Any) -> None:
    side = Peer()
    out = side.packet(request("REFER", 1, "x", flow=flow, extra=(TO_1002,)), flow)
    assert [status(data) for data in transmitted(out)] == [403]
    assert only(out, SecurityEvent).kind == "refer_refused"
    assert side.stack.counts()["server_transactions"] == 0, "nothing is remembered for it"


def test_second_refer_meanwhile() -> None:
    side = Peer()
    invite = agent_talks(side)
    refer(side, invite, TO_1002)
    out = refer(side, invite, TO_1002, number=2)
    assert [status(data) for data in transmitted(out)] == [491]


@pytest.mark.parametrize("code", [481, 500])
def test_refused_notify_ends_the_subscription_and_not_the_call(code: int) -> None:
    side = Peer()
    invite = agent_talks(side)
    refer(side, invite, TO_1002)
    told = transmitted(side.do(AnswerRefer(LegId(900), 202)))[1]
    side.packet(response(code, told, to_tag=""), PHONE)
    assert side.do(ReferProgressed(LegId(900), 200)) == []
    assert side.told(LegEnded) == []
    assert status(side.sent(from_agent("BYE", 2, invite), PHONE)[0]) == 200


def test_unanswered_notify_ends_the_subscription_and_not_the_call() -> None:
    side = Peer()
    refer(side, agent_talks(side), TO_1002)
    side.do(AnswerRefer(LegId(900), 202))
    side.wait(40)
    assert side.do(ReferProgressed(LegId(900), 200)) == []
    assert side.told(LegEnded) == []


def test_bye_before_the_decision_answers_the_refer() -> None:
    side = Peer()
    invite = agent_talks(side)
    refer(side, invite, TO_1002)
    out = side.packet(from_agent("BYE", 2, invite), PHONE)
    assert sorted(status(data) for data in transmitted(out)) == [200, 481]
    assert side.do(AnswerRefer(LegId(900), 202)) == []


def test_unsubscribed() -> None:
    side = Peer()
    invite = agent_talks(side)
    refer(side, invite, TO_1002)
    accept(side, side.do(AnswerRefer(LegId(900), 202)))
    out = side.packet(from_agent("SUBSCRIBE", 2, invite, extra=("Event: refer;id=1", "Expires: 0")), PHONE)
    assert status(transmitted(out)[0]) == 200
    assert [state for _, state in notifies(out)] == ["terminated;reason=timeout"]
    assert side.do(ReferProgressed(LegId(900), 200)) == []


def test_other_events_in_a_call() -> None:
    side = Peer()
    invite = agent_talks(side)
    out = side.sent(from_agent("SUBSCRIBE", 1, invite, extra=("Event: conference",)), PHONE)
    assert [status(data) for data in out] == [489]
    out = side.sent(from_agent("NOTIFY", 2, invite, extra=("Event: refer", "Subscription-State: active")), PHONE)
    assert [status(data) for data in out] == [489]
    assert side.told(LegEnded) == []


# ------------------------------------------------------------------ attended


def named(invite: bytes) -> str:
    """The dialog that this INVITE of ours opened, as the phone would name it."""
    return f"{header(invite, 'Call-ID')}%3Bto-tag%3D{tag(header(invite, 'From'))}%3Bfrom-tag%3Dagent"


def test_attended_names_another_leg_of_hers() -> None:
    side = Peer()
    first, second = agent_talks(side, 900), agent_talks(side, 901)
    out = refer(side, first, f"Refer-To: <sip:softswitch@192.0.2.1:5060?Replaces={named(second)}>")
    assert only(out, ReferReceived) == ReferReceived(LegId(900), "softswitch", LegId(901))


@pytest.mark.parametrize("whose", ["nobody", "a caller"])
def test_attended_with_a_dialog_that_is_not_hers(whose: str) -> None:
    side = Peer()
    invite = agent_talks(side)
    _, ours = side.talk()
    replaced = (
        "x%3Bto-tag%3Da%3Bfrom-tag%3Db" if whose == "nobody" else f"c1%40gw.example%3Bto-tag%3D{ours}%3Bfrom-tag%3Dfc1"
    )
    out = accept(side, refer(side, invite, f"Refer-To: <sip:1002@bank.example?Replaces={replaced}>"))
    assert status(transmitted(out)[0]) == 202
    assert notifies(out)[-1] == ("SIP/2.0 481 Call/Transaction Does Not Exist", "terminated;reason=noresource")
    assert side.told(ReferReceived) == []


def invite_replacing(side: Peer, replaced: str, user: str = "1001") -> list[Any]:
    """A phone's INVITE with Replaces, with its login."""

    def one(number: int, *more: str) -> bytes:
        return request(
            "INVITE", number, "move", flow=PHONE, body=OFFER, sender=f"<sip:{user}@{REALM}>", extra=(replaced, *more)
        )

    challenge = side.sent(one(1), PHONE)[0]
    word = {"1001": "secret", "1002": "other"}[user]
    proof = credentials(challenge, username=user, password=word, method="INVITE", uri=f"sip:8000@{REALM}")
    return side.packet(one(2, proof), PHONE)


def test_a_call_moves_to_another_phone_of_hers() -> None:
    side = Peer()
    dialog = named(agent_talks(side)).replace("%3B", ";").replace("%3D", "=")
    assert only(invite_replacing(side, f"Replaces: {dialog}"), InviteReceived).replaces == 900


def test_early_only_is_not_for_an_answered_call() -> None:
    side = Peer()
    dialog = named(agent_talks(side)).replace("%3B", ";").replace("%3D", "=")
    out = invite_replacing(side, f"Replaces: {dialog};early-only")
    assert [status(data) for data in transmitted(out)] == [486]


def test_nobody_takes_a_colleagues_call() -> None:
    side = Peer()
    dialog = named(agent_talks(side)).replace("%3B", ";").replace("%3D", "=")
    out = invite_replacing(side, f"Replaces: {dialog}", "1002")
    assert [status(data) for data in transmitted(out)] == [403]
    assert side.told(InviteReceived) == []


def test_nothing_to_replace() -> None:
    side = Peer()
    out = invite_replacing(side, "Replaces: none;to-tag=a;from-tag=b")
    assert [status(data) for data in transmitted(out)] == [481]


def test_a_trunk_replaces_nothing() -> None:
    side = Peer()
    out = side.sent(request("INVITE", 1, "t", body=OFFER, extra=("Replaces: none;to-tag=a;from-tag=b",)))
    assert [status(data) for data in out][-1] == 403


def test_answer_is_kept_when_the_refer_is_refused() -> None:
    """A refused transfer leaves everything as it was, also for an agent's own call to us."""
    side = Peer()
    out = invite_replacing(side, "Subject: a call of her own")
    leg = only(out, InviteReceived).leg
    ours = tag(header(transmitted(side.do(Answer(leg, OFFER)))[0], "To"))
    side.packet(request("ACK", 2, "move", to_tag=ours, flow=PHONE, branch="ackmove"), PHONE)
    out = side.packet(request("REFER", 3, "move", to_tag=ours, flow=PHONE, extra=(TO_1002,)), PHONE)
    assert only(out, ReferReceived).leg == leg
    assert status(transmitted(side.do(AnswerRefer(leg, 403)))[0]) == 403
    assert side.told(LegEnded) == []
