"""SUBSCRIBE and NOTIFY (RFC 6665, 4235, 3842): who may watch whom, what is told and how often, and how it ends."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.sip.peer import (
    OFFER,
    PHONE,
    REALM,
    STRANGER,
    Peer,
    account,
    credentials,
    header,
    only,
    request,
    response,
    settings,
    start,
    status,
    tag,
    text,
    transmitted,
)

from softswitch.ids import AgentId, LegId
from softswitch.sip import subscriptions
from softswitch.sip.messages import (
    Answer,
    Flow,
    Hangup,
    InviteReceived,
    LampLit,
    LampSettings,
    StartInvite,
    StreamClosed,
    WatchChanged,
)

ANNA, MART, LI = AgentId("anna"), AgentId("mart"), AgentId("li")
NS = "{urn:ietf:params:xml:ns:dialog-info}"


def house(**lamps: Any) -> Peer:
    accounts = (account("anna", "1001", "secret"), account("mart", "1002", "other"), account("li", "1003", "third"))
    return Peer(settings(accounts=accounts, lamps=LampSettings(queues=("sales",), **lamps)))


def subscribe(
    number: int,
    *,
    package: str = "dialog",
    whom: str = "1002",
    who: str = "1001",
    call: str = "s",
    expires: str = "600",
    to_tag: str = "",
    proof: str = "",
    flow: Flow = PHONE,
    extra: tuple[str, ...] = (),
    domain: str = REALM,
) -> bytes:
    host, port = flow.remote
    lines = [
        f"SUBSCRIBE sip:{whom}@{domain} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{call}{number}{len(proof)};rport",
        "Max-Forwards: 70",
        f"From: <sip:{who}@{REALM}>;tag=w{call}",
        f"To: <sip:{whom}@{REALM}>{';tag=' + to_tag if to_tag else ''}",
        f"Call-ID: {call}",
        f"CSeq: {number} SUBSCRIBE",
        f"Contact: <sip:{who}@{host}:{port}>",
        f"Event: {package}",
        *([f"Expires: {expires}"] if expires else []),
        *([proof] if proof else []),
        *extra,
    ]
    return text(lines)


def watch(side: Peer, *, number: int = 1, **changes: Any) -> list[Any]:
    """With a login: what came after it."""
    challenge = side.sent(subscribe(number, **changes), PHONE)[0]
    if status(challenge) != 401:
        return [challenge]
    who = changes.get("who", "1001")
    word = {"1001": "secret", "1002": "other", "1003": "third"}[who]
    uri = f"sip:{changes.get('whom', '1002')}@{changes.get('domain', REALM)}"
    proof = credentials(challenge, username=who, password=word, method="SUBSCRIBE", uri=uri)
    return side.packet(subscribe(number + 1, proof=proof, **changes), PHONE)


def codes(out: list[Any]) -> list[int]:
    sent = [each if isinstance(each, bytes) else None for each in out if isinstance(each, bytes)] or transmitted(out)
    return [status(data) for data in sent if data is not None and status(data)]


def notified(out: list[Any]) -> list[bytes]:
    return [data for data in transmitted(out) if start(data).startswith("NOTIFY")]


def lamp(data: bytes) -> list[tuple[str, str]]:
    """State and direction of each dialog."""
    root = ElementTree.fromstring(data.partition(b"\r\n\r\n")[2])
    return [(each.findtext(f"{NS}state", ""), each.get("direction", "")) for each in root]


def version(data: bytes) -> int:
    return int(ElementTree.fromstring(data.partition(b"\r\n\r\n")[2]).get("version", "-1"))


def agree(side: Peer, data: bytes, code: int = 200) -> list[Any]:
    return side.packet(response(code, data, to_tag=""), PHONE)


def ring_mart(side: Peer, leg: int = 900) -> bytes:
    order = StartInvite(LegId(leg), "sip:1002@198.51.100.8:40000", PHONE, "79123456789", "Bob", OFFER, agent=MART)
    return next(data for data in transmitted(side.do(order)) if start(data).startswith("INVITE"))


# ------------------------------------------------------------------ dialog


def test_a_lamp_follows_a_call() -> None:
    side = house()
    out = watch(side)
    ok = transmitted(out)[0]
    assert (status(ok), header(ok, "Expires")) == (200, "600")
    (first,) = notified(out)
    assert (lamp(first), version(first)) == ([], 0)
    assert header(first, "Subscription-State") == "active;expires=600"
    assert header(first, "Event") == "dialog"
    assert header(first, "Content-Type") == "application/dialog-info+xml"
    assert (tag(header(first, "From")), tag(header(first, "To"))) == (tag(header(ok, "To")), "ws")
    agree(side, first)
    side.wait(5)
    invite = ring_mart(side)
    (ringing,) = [each.data for each in side.log if start(getattr(each, "data", b"")).startswith("NOTIFY")][1:]
    assert (lamp(ringing), version(ringing)) == ([("early", "recipient")], 1)
    assert b"79123456789" not in ringing, "without the caller's number"
    agree(side, ringing)
    side.wait(5)
    (talking,) = notified(side.packet(response(200, invite, body=OFFER), PHONE))
    assert (lamp(talking), version(talking)) == ([("confirmed", "recipient")], 2)
    agree(side, talking)
    side.wait(5)
    (dark,) = notified(side.do(Hangup(LegId(900))))
    assert (lamp(dark), version(dark)) == ([("terminated", "")], 3)


def test_a_call_of_hers_is_seen_too() -> None:
    side = house(numbers=True)
    agree(side, notified(watch(side))[0])
    side.wait(2)

    def invite(number: int, *more: str) -> bytes:
        return request("INVITE", number, "own", flow=PHONE, body=OFFER, sender=f"<sip:1002@{REALM}>", extra=more)

    challenge = side.sent(invite(1), PHONE)[0]
    proof = credentials(challenge, username="1002", password="other", method="INVITE", uri=f"sip:8000@{REALM}")
    out = side.packet(invite(2, proof), PHONE)
    (early,) = notified(out)
    assert lamp(early) == [("early", "initiator")]
    assert b"sip:8000@" in early, "numbers are shown where that is allowed"
    agree(side, early)
    side.wait(2)
    (talking,) = notified(side.do(Answer(only(out, InviteReceived).leg, OFFER)))
    assert lamp(talking) == [("confirmed", "initiator")]


def test_changes_are_told_once_a_second_and_one_at_a_time() -> None:
    side = house()
    (first,) = notified(watch(side))
    for leg in range(900, 910):
        ring_mart(side, leg)
        side.do(Hangup(LegId(leg)))
    ring_mart(side, 950)
    assert [data for data in notified(side.log) if data != first] == [], "the first is not answered yet"
    assert notified(agree(side, first)) == [], "nor is the second over"
    (second,) = notified(side.wait(1.1))
    assert (lamp(second), version(second)) == ([("early", "recipient")], 1)
    assert notified(side.wait(0.2)) == []


def test_a_phone_watches_itself_with_numbers() -> None:
    side = house(who="nobody")
    agree(side, notified(watch(side, whom="1002", who="1002"))[0])
    side.wait(2)
    ring_mart(side)
    assert b"79123456789" in notified(side.log)[-1]


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize(
    ("lamps", "changes", "code"),
    [
        ({}, {"whom": "1002"}, 200),
        ({"who": "nobody"}, {"whom": "1002"}, 404),
        ({"who": "nobody"}, {"whom": "1001"}, 200),
        ({"who": "team", "mates": {ANNA: (MART,)}}, {"whom": "1002"}, 200),
        ({"who": "team", "mates": {ANNA: (LI,)}}, {"whom": "1002"}, 404),
        ({}, {"whom": "7777"}, 404),
        ({}, {"whom": "sales"}, 200),
        ({"who": "nobody"}, {"whom": "sales"}, 404),
        ({}, {"whom": "1002", "domain": "evil.example"}, 404),
        ({}, {"package": "presence", "whom": "sales"}, 404),
        ({}, {"package": "reg"}, 489),
        ({}, {"package": "conference"}, 489),
        ({}, {"extra": ("Accept: text/plain",)}, 406),
        ({}, {"extra": ("Accept: text/plain, application/*",)}, 200),
        ({}, {"expires": "5"}, 423),
        ({}, {"expires": "soon"}, 400),
    ],
)
def test_who_may_watch_whom(lamps: dict[str, Any], changes: dict[str, Any], code: int) -> None:
    side = house(**lamps)
    out = watch(side, **changes)
    assert codes(out) == [code]
    assert side.stack.counts()["subscriptions"] == (code == 200)
    if code == 489:
        assert "dialog" in header(transmitted(out)[0], "Allow-Events")
    if code == 423:
        assert header(transmitted(out)[0], "Min-Expires") == "30"


def test_a_stranger_is_asked_who_he_is_and_nothing_is_remembered() -> None:
    side = house()
    for whom in ("1002", "7777"):
        (reply,) = side.sent(subscribe(1, whom=whom, call=f"x{whom}", flow=STRANGER), STRANGER)
        assert status(reply) == 401
    assert side.stack.counts()["subscriptions"] == side.stack.counts()["server_transactions"] == 0


def test_bounded_for_each_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_OF_ACCOUNT", 2)
    side = house()
    assert [codes(watch(side, call=f"c{at}", whom=f"100{at}"))[0] for at in (1, 2, 3)] == [200, 200, 503]
    assert codes(watch(side, call="d", who="1003"))[0] == 200


def test_bounded_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST", 2)
    side = house()
    assert [codes(watch(side, call=f"c{who}", who=who))[0] for who in ("1001", "1002", "1003")] == [200, 200, 503]


def test_what_a_phone_left_behind_makes_room_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched off and on again it asks anew for all of its keys, and those of before are never ended."""
    monkeypatch.setattr(subscriptions, "MOST_OF_ACCOUNT", 2)
    side = house()
    for start_up in range(4):
        for whom in ("1002", "1003"):
            assert codes(watch(side, call=f"{start_up}-{whom}", whom=whom))[0] == 200
    assert side.stack.counts()["subscriptions"] == 2
    assert codes(watch(side, call="x", whom="1001"))[0] == 503


def test_closed_connections_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_OF_ACCOUNT", 2)
    side = house()
    for connection in (7, 8, 9):
        socket = Flow("ws", PHONE.local, ("198.51.100.8", 50000 + connection), connection)
        for whom in ("1002", "1003"):
            call = f"{connection}-{whom}"
            challenge = side.sent(subscribe(1, call=call, whom=whom, flow=socket), socket)[0]
            uri = f"sip:{whom}@{REALM}"
            proof = credentials(challenge, username="1001", password="secret", method="SUBSCRIBE", uri=uri)
            out = side.packet(subscribe(2, call=call, whom=whom, flow=socket, proof=proof), socket)
            assert codes(out)[0] == 200
            side.packet(response(200, notified(out)[0], to_tag=""), socket)
        side.do(StreamClosed(socket))
    assert side.stack.counts()["subscriptions"] <= 2


# ------------------------------------------------------------------ its life


def test_it_ends_by_itself() -> None:
    side = house()
    agree(side, notified(watch(side, expires="60"))[0])
    last = notified(side.wait(61))[0]
    assert header(last, "Subscription-State") == "terminated;reason=timeout"
    assert side.stack.counts()["subscriptions"] == 0
    side.wait(100)
    assert side.stack.counts()["timers"] == 0


def test_refreshed_and_ended_by_the_phone() -> None:
    side = house()
    out = watch(side, expires="60")
    ours = tag(header(transmitted(out)[0], "To"))
    agree(side, notified(out)[0])
    side.wait(50)
    out = watch(side, number=3, to_tag=ours, expires="60")
    assert codes(out) == [200]
    (again,) = notified(out)
    assert version(again) == 1, "the whole state again"
    agree(side, again)
    side.wait(50)
    assert side.stack.counts()["subscriptions"] == 1
    out = watch(side, number=5, to_tag=ours, expires="0")
    assert header(notified(out)[0], "Subscription-State") == "terminated;reason=timeout"
    assert codes(watch(side, number=7, to_tag=ours)) == [481]


def test_a_refresh_and_changes_while_a_notify_is_out_are_one_notify_after_it() -> None:
    """RFC 4235 4.1: the versions have no gap and none comes twice, whatever crosses on the wire."""
    side = house()
    out = watch(side, expires="60")
    ours, (first,) = tag(header(transmitted(out)[0], "To")), notified(out)
    refreshed = watch(side, number=3, to_tag=ours, expires="600")
    assert (codes(refreshed), notified(refreshed)) == ([200], [])
    side.packet(response(180, ring_mart(side)), Flow("udp", PHONE.local, ("198.51.100.8", 40000)))
    late = [each for each in notified(side.wait(1.5)) if each != first]
    assert late == [], "one at a time"
    (second,) = notified(agree(side, first))
    assert (version(first), version(second)) == (0, 1)
    assert lamp(second) == [("early", "recipient")]
    assert header(second, "Subscription-State") == "active;expires=598"
    assert int(header(second, "CSeq").split(" ")[0]) == int(header(first, "CSeq").split(" ")[0]) + 1
    agree(side, first)
    assert notified(agree(side, second)) == [], "an answer that comes twice tells nothing"


def test_fetched_once() -> None:
    side = house()
    out = watch(side, expires="0")
    assert codes(out) == [200]
    assert header(notified(out)[0], "Subscription-State") == "terminated;reason=timeout"
    assert side.stack.counts()["subscriptions"] == 0


def test_what_the_queues_know_is_fetched_when_it_is_known() -> None:
    side = house()
    out = watch(side, package="presence", expires="0")
    assert (codes(out), notified(out)) == ([200], [])
    assert only(out, WatchChanged) == WatchChanged("presence", "mart", True)
    out = side.do(LampLit("presence", "mart", "ready", ""))
    (told,) = notified(out)
    assert header(told, "Subscription-State") == "terminated;reason=timeout"
    assert b"<basic>open</basic>" in told
    assert only(out, WatchChanged) == WatchChanged("presence", "mart", False)
    watch(side, package="presence", expires="0", call="t")
    assert b"<basic>closed</basic>" in notified(side.wait(0.3))[0], "or after a moment, whatever is known"
    assert side.stack.counts()["subscriptions"] == 0
    side.wait(100)
    assert side.stack.counts()["timers"] == 0


def test_the_last_word_tells_the_present_state() -> None:
    side = house()
    watch(side, package="message-summary", whom="1001", expires="60")
    agree(side, notified(side.do(LampLit("message-summary", "anna", count=2)))[0])
    last = notified(side.wait(61))[0]
    assert header(last, "Subscription-State") == "terminated;reason=timeout"
    assert b"Voice-Message: 2/0" in last


def test_a_refresh_of_somebody_else() -> None:
    side = house()
    ours = tag(header(transmitted(watch(side))[0], "To"))
    assert codes(watch(side, number=3, to_tag=ours, who="1003")) == [403]


@pytest.mark.parametrize("how", ["481", "silence"])
def test_a_phone_that_is_gone_is_no_longer_told(how: str) -> None:
    side = house()
    (first,) = notified(watch(side))
    if how == "481":
        agree(side, first, 481)
    else:
        side.wait(33)
    assert side.stack.counts()["subscriptions"] == 0
    side.wait(40)
    assert side.stack.counts()["timers"] == 0


def test_forked_subscriptions_live_apart() -> None:
    side = house()
    one, two = watch(side, call="a"), watch(side, call="b")
    assert side.stack.counts()["subscriptions"] == 2
    agree(side, notified(one)[0])
    agree(side, notified(two)[0], 481)
    assert side.stack.counts()["subscriptions"] == 1


# ------------------------------------------------------------------ presence, message-summary, queues


def test_presence_is_asked_for_when_somebody_watches() -> None:
    side = house()
    out = watch(side, package="presence")
    assert only(out, WatchChanged) == WatchChanged("presence", "mart", True)
    assert notified(out) == [], "as soon as it is known"
    (first,) = notified(side.do(LampLit("presence", "mart", "break", "lunch")))
    assert b"<basic>open</basic>" in first and b"<rpid:away/>" in first and b"<note>break: lunch</note>" in first
    agree(side, first)
    side.wait(2)
    (second,) = notified(side.do(LampLit("presence", "mart", "offline", "")))
    assert b"<basic>closed</basic>" in second
    agree(side, second)
    assert side.do(LampLit("presence", "mart", "offline", "")) == [], "nothing has changed"
    assert side.do(LampLit("presence", "li", "ready", "")) == [], "nobody watches her"
    side.wait(2)
    out = side.wait(700)
    assert only(out, WatchChanged) == WatchChanged("presence", "mart", False)


def test_without_an_answer_the_phone_is_told_all_the_same() -> None:
    side = house()
    watch(side, package="presence")
    (first,) = notified(side.wait(0.3))
    assert b"<basic>closed</basic>" in first


def test_call_backs_to_make() -> None:
    side = house()
    watch(side, package="message-summary", whom="1001")
    (first,) = notified(side.do(LampLit("message-summary", "anna", count=2)))
    body = first.partition(b"\r\n\r\n")[2].decode()
    assert body == "Messages-Waiting: yes\r\nMessage-Account: sip:1001@bank.example\r\nVoice-Message: 2/0\r\n"
    agree(side, first)
    side.wait(2)
    (second,) = notified(side.do(LampLit("message-summary", "anna", count=0)))
    assert b"Messages-Waiting: no" in second


def test_who_waits_in_a_queue() -> None:
    side = house()
    out = watch(side, whom="sales")
    assert only(out, WatchChanged) == WatchChanged("queue", "sales", True)
    (first,) = notified(side.do(LampLit("queue", "sales", count=3)))
    assert lamp(first) == [("early", "recipient")]
    agree(side, first)
    side.wait(2)
    (dark,) = notified(side.do(LampLit("queue", "sales", count=0)))
    assert lamp(dark) == [("terminated", "")]


def test_what_is_told_is_escaped() -> None:
    side = house()
    watch(side, package="presence")
    (first,) = notified(side.do(LampLit("presence", "mart", "break", '<&"')))
    assert "break: &lt;&amp;&quot;" in first.decode()
    assert re.search(rb'entity="sip:1002@bank.example"', first)


def test_nothing_is_sent_for_what_nobody_watches() -> None:
    side = house()
    out = side.do(StartInvite(LegId(900), "sip:1002@198.51.100.8:40000", PHONE, "79", "", OFFER, agent=MART))
    assert [start(data).split()[0] for data in transmitted(out)] == ["INVITE"]
