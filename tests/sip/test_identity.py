"""Who calls, who forwarded the call, and what others are told of it (RFC 3323, 3325, 5806, 7044)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.sip.peer import GATEWAY, OFFER, PHONE, Peer, header, only, request, settings, transmitted

from softswitch.ids import LegId, TrunkId
from softswitch.sip.messages import Forwarded, InviteReceived, StartInvite
from softswitch.sip.number_plan import NumberPlan

PAI = "P-Asserted-Identity: <sip:+3725550001@gw.example>"
BOSS = (Forwarded("+3726310000", "no-answer"),)


def side(**changes: Any) -> Peer:
    plain = settings()
    return Peer(replace(plain, trunks=(replace(plain.trunks[0], **changes),)))


def arrived(peer: Peer, *extra: str, **changes: Any) -> InviteReceived:
    return only(peer.packet(request("INVITE", 1, "c1", body=OFFER, extra=extra, **changes)), InviteReceived)


# ------------------------------------------------------------------ in


def test_only_a_trusted_trunk_asserts_who_calls() -> None:
    assert arrived(side(), PAI).caller == "+3725550001"
    assert arrived(side(trusted=False), PAI).caller == "79123456789"  # From


@pytest.mark.parametrize("value", ["id", "user;id", "header; critical", "ID", "none, id"])
def test_privacy_keeps_the_number_inside(value: str) -> None:
    call = arrived(side(), PAI, f"Privacy: {value}", sender='"Anonymous" <sip:anonymous@anonymous.invalid>')
    assert (call.caller, call.private) == ("+3725550001", True)


@pytest.mark.parametrize("value", ["none", "", "critical", "history"])
def test_no_privacy(value: str) -> None:
    assert not arrived(side(), PAI, f"Privacy: {value}").private


def test_numbers_come_in_one_form_and_as_they_were() -> None:
    peer = side(numbers=NumberPlan("EE"))
    call = arrived(peer, "Diversion: <sip:6310000@gw>", sender="<sip:003725550001@gw>", uri="sip:6310001@bank.example")
    assert (call.caller, call.caller_as_sent) == ("+3725550001", "003725550001")
    assert (call.dialled, call.dialled_as_sent) == ("+3726310001", "6310001")
    assert call.forwarded == (Forwarded("+3726310000", "unknown"),)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (("Diversion: <sip:+3721@gw>;reason=no-answer;counter=1",), [("+3721", "no-answer")]),
        (
            ('Diversion: "B" <sip:+3722@gw>;reason=user-busy, <tel:+3721>;reason=unconditional',),
            [("+3722", "user-busy"), ("+3721", "unconditional")],
        ),
        (("Diversion: <sip:+3721@gw>;reason=no-answer;privacy=full",), [("", "no-answer")]),
        (
            (
                "History-Info: <sip:+3721@gw>;index=1, <sip:+3722@gw;cause=486>;index=1.1",
                "History-Info: <sip:8000@bank.example;cause=408>;index=1.1.1",
            ),
            [("+3722", "no-answer"), ("+3721", "user-busy")],
        ),
        (("History-Info: <sip:+3721@gw>;index=1, <sip:8000@bank.example>;index=1.1",), []),  # routed, not forwarded
        (
            ("History-Info: <sip:+3721@gw?Privacy=history>;index=1, <sip:8000@b;cause=302>;index=1.1",),
            [("", "unconditional")],
        ),
        (("Diversion: nonsense",), []),
        (("History-Info: <>;index=1",), []),
    ],
)
def test_forwarded_from(lines: tuple[str, ...], found: list[tuple[str, str]]) -> None:
    assert [(each.number, each.reason) for each in arrived(side(), *lines).forwarded] == found


def test_a_trunk_that_is_not_trusted_says_nothing_of_forwards() -> None:
    assert arrived(side(trusted=False), "Diversion: <sip:+3721@gw>").forwarded == ()


def test_so_many_forwards_are_enough() -> None:
    line = "Diversion: " + ", ".join(f"<sip:+372{number}@gw>" for number in range(50))
    assert len(arrived(side(), line).forwarded) == 8


# ------------------------------------------------------------------ out


def called(peer: Peer, **changes: Any) -> bytes:
    order = StartInvite(LegId(900), "sip:+3725@pstn", None, "+3721", "Bank", OFFER, **changes)
    return transmitted(peer.do(replace(order, trunk=TrunkId("pstn"))))[0]


@pytest.mark.parametrize("trusted", [True, False])
def test_a_private_caller_is_told_to_trusted_trunks_alone(trusted: bool) -> None:
    invite = called(side(trusted=trusted), private=True)
    assert header(invite, "From").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>;tag=')
    assert header(invite, "Privacy") == "id"
    assert (b"+3721" in invite) == trusted
    assert bool(header(invite, "P-Asserted-Identity")) == trusted


def test_an_open_caller() -> None:
    invite = called(side())
    assert header(invite, "P-Asserted-Identity") == '"Bank" <sip:+3721@bank.example>'
    assert not header(invite, "Privacy")
    assert not header(called(side(trusted=False)), "P-Asserted-Identity")


def test_a_phone_of_ours_does_not_see_a_private_caller() -> None:
    peer = side()
    order = StartInvite(LegId(900), "sip:1001@198.51.100.7:40000", PHONE, "+3721", "Bob", OFFER, private=True)
    invite = transmitted(peer.do(order))[0]
    assert b"+3721" not in invite
    assert b"Bob" not in invite


@pytest.mark.parametrize(
    ("style", "name", "lines"),
    [
        ("diversion", "Diversion", ["<sip:+3726310000@bank.example>;reason=no-answer;counter=1"]),
        (
            "history-info",
            "History-Info",
            ["<sip:+3726310000@bank.example>;index=1", "<sip:+3725@pstn;cause=408>;index=1.1"],
        ),
        ("", "Diversion", []),
    ],
)
def test_a_trunk_is_told_of_forwards_in_its_own_way(style: str, name: str, lines: list[str]) -> None:
    invite = called(side(forwarding=style), forwarded=BOSS).decode()
    assert [line.partition(": ")[2] for line in invite.split("\r\n") if line.startswith(name)] == lines


def test_what_we_write_of_forwards_we_can_read() -> None:
    several = (Forwarded("+3722", "user-busy"), Forwarded("+3721", "unconditional"), Forwarded("", "no-answer"))
    for style in ("diversion", "history-info"):
        invite = called(side(forwarding=style), forwarded=several).decode()
        lines = [line for line in invite.split("\r\n") if line.startswith(("Diversion", "History-Info"))]
        assert arrived(side(), *lines, flow=GATEWAY).forwarded == several[:2]
