"""Trunks that have names: looked up ahead, kept fresh, and the next target when one fails (RFC 3263 4.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.sip.peer import LOCAL, OFFER, REPLY, Peer, header, only, request, response, settings, start, status, tag

from softswitch.ids import LegId, TrunkId
from softswitch.sip.locate import Lookup, LookupDone, Srv
from softswitch.sip.messages import (
    EndedBy,
    Flow,
    Hangup,
    InviteAnswered,
    InviteReceived,
    LegEnded,
    PacketReceived,
    StartInvite,
    Transmit,
    TransportFailed,
    TrunkAnswering,
    TrunkSettings,
)

PSTN, HOST = TrunkId("pstn"), "carrier.example"
ZONE: dict[tuple[str, str], tuple[Any, ...]] = {
    ("_sip._udp.carrier.example", "SRV"): (Srv(1, 0, 5070, "a.carrier.example"), Srv(2, 0, 5071, "b.carrier.example")),
    ("a.carrier.example", "A"): ("192.0.2.21",),
    ("b.carrier.example", "A"): ("192.0.2.22",),
}
FIRST, SECOND = ("192.0.2.21", 5070), ("192.0.2.22", 5071)


def side(zone: dict[tuple[str, str], tuple[Any, ...]] | None = None, **changes: Any) -> Peer:
    """A switch whose trunk has a name; the zone is looked up."""
    values: dict[str, Any] = {"networks": (), "host": HOST, "port": 0, **changes}
    networks = values.pop("networks")
    peer = Peer(settings(trunks=(TrunkSettings(PSTN, networks, **values),)))
    look_up(peer, ZONE if zone is None else zone)
    return peer


def look_up(peer: Peer, zone: dict[tuple[str, str], tuple[Any, ...]], failed: bool = False) -> list[Any]:
    """Time for look-ups, and their answers; what else was said meanwhile."""
    said = peer.wait(0.01)
    for _ in range(10):
        lookups = [each for each in said if isinstance(each, Lookup)]
        rest = [each for each in said if not isinstance(each, Lookup)]
        if not lookups:
            return said
        said = rest
        for lookup in lookups:
            records = () if failed else zone.get((lookup.name, lookup.kind), ())
            said += peer.do(LookupDone(lookup.name, lookup.kind, records, 60.0, failed))
    return said


def dial(peer: Peer, leg: int = 900, **changes: Any) -> list[Transmit]:
    target = f"sip:+3725550001@{HOST}"
    out = peer.do(StartInvite(LegId(leg), target, None, "1", "", OFFER, trunk=PSTN, **changes))
    return [each for each in out if isinstance(each, Transmit)]


def invites(out: list[Any]) -> list[Transmit]:
    return [each for each in out if isinstance(each, Transmit) and each.data.startswith(b"INVITE")]


def branch(data: bytes) -> str:
    return header(data, "Via").partition("branch=")[2]


# ------------------------------------------------------------------ looking up


def test_calls_go_where_the_name_leads() -> None:
    peer = side()
    (invite,) = dial(peer)
    assert invite.flow.remote == FIRST
    assert start(invite.data) == f"INVITE sip:+3725550001@{HOST} SIP/2.0"
    assert [flow.remote for flow in peer.stack.directory.targets(PSTN)] == [FIRST, SECOND]


def test_without_an_answer_there_is_no_way() -> None:
    peer = side({})
    assert only(peer.do(StartInvite(LegId(1), "sip:1@pstn", None, "1", "", OFFER, trunk=PSTN)), LegEnded).status == 503
    assert peer.stack.directory.problems == {PSTN: "carrier.example has no address"}


def test_a_name_that_leads_nowhere_is_told_whatever_the_other_one_does() -> None:
    peer = side(networks=("in.carrier.example",))
    zone = dict(ZONE)
    for second in range(400):
        if second == 200:
            zone["in.carrier.example", "A"] = ("192.0.2.30",)
        elif second < 200:
            assert peer.stack.directory.problems == {PSTN: "in.carrier.example has no address"}, second
        said = peer.wait(1.0)
        while said:
            each = said.pop()
            if isinstance(each, Lookup):
                records = zone.get((each.name, each.kind), ())
                said += peer.do(LookupDone(each.name, each.kind, records, 5.0))
    assert peer.stack.directory.problems == {}


def test_it_is_looked_up_again_before_it_is_old() -> None:
    peer = side()
    moved = {**ZONE, ("a.carrier.example", "A"): ("192.0.2.31",)}
    peer.wait(59)
    assert dial(peer)[0].flow.remote == FIRST
    peer.now += 1.0
    look_up(peer, moved)
    assert dial(peer, 901)[0].flow.remote == ("192.0.2.31", 5070)


def test_a_name_service_that_fails_takes_nothing_away_for_an_hour() -> None:
    peer = side()
    peer.now += 60
    for _ in range(8):
        look_up(peer, {}, failed=True)
        peer.now += 300
    assert dial(peer)[0].flow.remote == FIRST
    assert peer.stack.directory.problems == {PSTN: "carrier.example cannot be looked up"}
    peer.now += 3600
    look_up(peer, {}, failed=True)
    assert dial(peer, 901) == []
    peer.now += 300
    look_up(peer, ZONE)
    assert dial(peer, 902)[0].flow.remote == FIRST


def test_calls_from_where_a_name_leads_are_the_trunks() -> None:
    zone = {("sbc.carrier.example", "A"): ("192.0.2.40",)}
    peer = side(zone, networks=("sbc.carrier.example",), host="")
    flow = Flow("udp", LOCAL, ("192.0.2.40", 5060))
    call = only(peer.do(PacketReceived(flow, request("INVITE", 1, "c1", body=OFFER, flow=flow))), InviteReceived)
    assert call.origin.trunk == PSTN
    peer.now += 60
    look_up(peer, {("sbc.carrier.example", "A"): ("192.0.2.41",)})
    refused = peer.do(PacketReceived(flow, request("INVITE", 1, "c2", body=OFFER, flow=flow)))
    assert status(next(each.data for each in refused if isinstance(each, Transmit))) == 403
    assert peer.stack.guard.admit("192.0.2.41", b"x" * 10, peer.now)


def test_nothing_is_sent_to_everybody() -> None:
    zone = {**ZONE, ("a.carrier.example", "A"): ("255.255.255.255", "0.0.0.0", "224.0.0.1")}
    assert [flow.remote for flow in side(zone).stack.directory.targets(PSTN)] == [SECOND]


# ------------------------------------------------------------------ the next target


def after(peer: Peer, invite: Transmit, how: str) -> list[Any]:
    if how == "503":
        return peer.packet(response(503, invite.data), replace(invite.flow))
    if how == "unreachable":
        return peer.do(TransportFailed(invite.flow))
    return peer.wait(4.1)


@pytest.mark.parametrize("how", ["503", "unreachable", "silent"])
def test_the_next_target_gets_the_same_request_with_another_branch(how: str) -> None:
    peer = side()
    (invite,) = dial(peer)
    (again,) = invites([each for each in after(peer, invite, how) if getattr(each, "flow", None) != invite.flow])
    assert again.flow.remote == SECOND
    assert branch(again.data) != branch(invite.data)
    for name in ("From", "To", "Call-ID", "CSeq"):
        assert header(again.data, name) == header(invite.data, name)
    peer.packet(response(200, again.data, body=REPLY), again.flow)
    assert peer.told(InviteAnswered) and not peer.told(LegEnded)


@pytest.mark.parametrize("how", ["503", "unreachable", "silent"])
def test_when_all_have_failed_the_call_has(how: str) -> None:
    peer = side()
    (invite,) = dial(peer, answer_within=5.0)
    again = next(each for each in invites(after(peer, invite, how)) if each.flow.remote == SECOND)
    after(peer, again, how)
    peer.wait(5)
    (ended,) = peer.told(LegEnded)
    expected = {"503": (EndedBy.PEER, 503), "unreachable": (EndedBy.TRANSPORT, 503), "silent": (EndedBy.TIMEOUT, 408)}
    assert (ended.by, ended.status) == expected[how]
    peer.wait(64)
    assert peer.stack.counts()["client_transactions"] == 0
    assert peer.stack.load.calls(PSTN) == 0


def test_busy_is_busy() -> None:
    peer = side()
    (invite,) = dial(peer)
    assert invites(peer.packet(response(486, invite.data), invite.flow)) == []
    assert only(peer.log, LegEnded).status == 486


def test_a_target_that_wakes_up_too_late_is_cancelled() -> None:
    peer = side()
    (invite,) = dial(peer)
    again = next(each for each in invites(peer.wait(4.1)) if each.flow.remote == SECOND)
    out = peer.packet(response(180, invite.data), invite.flow)
    assert [start(each.data).split()[0] for each in out if isinstance(each, Transmit)] == ["CANCEL"]
    assert peer.packet(response(180, invite.data), invite.flow) == []
    peer.packet(response(200, again.data, body=REPLY), again.flow)
    assert len(peer.told(InviteAnswered)) == 1


def test_a_target_that_answers_too_late_is_hung_up() -> None:
    peer = side()
    (invite,) = dial(peer)
    again = next(each for each in invites(peer.wait(4.1)) if each.flow.remote == SECOND)
    peer.packet(response(200, again.data, body=REPLY, to_tag="b"), again.flow)
    late = response(200, invite.data, body=REPLY, to_tag="a")
    out = peer.packet(late, invite.flow)
    assert [start(each.data).split()[0] for each in out if isinstance(each, Transmit)] == ["ACK", "BYE"]
    out = peer.packet(late, invite.flow)
    assert [start(each.data).split()[0] for each in out if isinstance(each, Transmit)] == ["ACK"]
    assert len(peer.told(InviteAnswered)) == 1 and not peer.told(LegEnded)


def test_hanging_up_ends_the_search() -> None:
    peer = side()
    dial(peer)
    peer.do(Hangup(LegId(900)))
    assert [each for each in invites(peer.wait(64)) if each.flow.remote == SECOND] == []


def test_one_target_is_waited_for_as_always() -> None:
    peer = side({key: value for key, value in ZONE.items() if key[0] != "b.carrier.example"})
    dial(peer)
    peer.wait(31)
    assert not peer.told(LegEnded)
    peer.wait(2)
    assert only(peer.log, LegEnded).by is EndedBy.TIMEOUT


# ------------------------------------------------------------------ inside a dialog, probes, registrations


def test_a_record_route_with_a_name_of_the_trunk_is_followed() -> None:
    peer = side()
    (invite,) = dial(peer)
    routed = response(
        200,
        invite.data,
        body=REPLY,
        extra=("Record-Route: <sip:b.carrier.example:5075;lr>",),
        contact="sip:gw@10.1.1.1",
    )
    out = peer.packet(routed, invite.flow)
    (ack,) = [each for each in out if isinstance(each, Transmit)]
    assert ack.flow.remote == ("192.0.2.22", 5075)
    assert header(ack.data, "Route") == "<sip:b.carrier.example:5075;lr>"


def test_a_record_route_with_any_other_name_is_not() -> None:
    peer = side()
    (invite,) = dial(peer)
    routed = response(200, invite.data, body=REPLY, extra=("Record-Route: <sip:evil.example;lr>",))
    (ack,) = [each for each in peer.packet(routed, invite.flow) if isinstance(each, Transmit)]
    assert ack.flow.remote == FIRST
    assert not [each for each in peer.log if isinstance(each, Lookup) and "evil" in each.name]


def test_a_trunk_is_up_while_one_of_its_targets_answers() -> None:
    plain = settings(trunks=(TrunkSettings(PSTN, (), host=HOST, port=0),), qualify_seconds=30.0)
    peer = Peer(plain)
    look_up(peer, ZONE)
    asked: list[tuple[str, int]] = []
    for _ in range(400):
        for each in peer.wait(1.0):
            if isinstance(each, Lookup):
                peer.do(LookupDone(each.name, each.kind, ZONE.get((each.name, each.kind), ()), 60.0))
            elif isinstance(each, Transmit) and each.data.startswith(b"OPTIONS"):
                asked.append(each.flow.remote)
                if each.flow.remote == SECOND:
                    peer.packet(response(200, each.data), each.flow)
    assert FIRST in asked and SECOND in asked
    assert peer.told(TrunkAnswering) == []
    assert peer.stack.qualifier.trunk_answering(PSTN)


def test_a_registration_goes_to_the_next_target() -> None:
    peer = side(username="bank", password="pass", realm="r", register=True)
    sent = [each for each in peer.wait(0.6) if isinstance(each, Transmit)]
    assert [each.flow.remote for each in sent if each.data.startswith(b"REGISTER")] == [FIRST]
    out = peer.packet(response(503, sent[0].data), sent[0].flow)
    (again,) = [each for each in out if isinstance(each, Transmit)]
    assert again.flow.remote == SECOND
    peer.packet(response(200, again.data), again.flow)
    assert peer.stack.carriers["pstn"].registered
    assert tag(header(again.data, "From"))
