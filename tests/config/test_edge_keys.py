"""The keys of the SIP edge: defence, sip, and logins of trunks."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.call.settings import RouteSettings
from softswitch.ids import TrunkId
from softswitch.sip.messages import DefenceSettings
from softswitch.sip.number_plan import NumberPlan

CARRIER = "{ pstn: { from: [192.0.2.10], to: 192.0.2.10:5060, username: bank, password: { env: PW }, %s } }"


def test_defaults(directory: Any) -> None:
    sip = directory.load().sip
    assert sip.defence == DefenceSettings()
    assert (sip.session_expires_seconds, sip.qualify_seconds) == (600, 60.0)
    with_section = directory.load(sip="{ max_calls: 5 }").sip
    assert (with_section.defence, with_section.qualify_seconds) == (DefenceSettings(), 60.0)


def test_defence(directory: Any) -> None:
    keys = "{ rate: 7, burst: 9, strangers: 8, failures: 3, forget: 2m, ban: 1m, longest_ban: 2h, scanners: [x] }"
    defence = directory.load(defence=keys).sip.defence
    assert (defence.rate_per_second, defence.burst, defence.strangers_per_second, defence.failures) == (7, 9, 8, 3)
    assert (defence.failure_decay_seconds, defence.ban_seconds, defence.longest_ban_seconds) == (120, 60, 7200)
    assert defence.scanners == ("x",)
    assert not directory.load(defence="off").sip.defence.enabled
    assert directory.load(defence="{ never_ban: [10.0.0.0/8] }").sip.defence.never_ban == ("10.0.0.0/8",)


def test_sip(directory: Any) -> None:
    sip = directory.load(sip="{ qualify: off, session_timer: 30m }").sip
    assert (sip.qualify_seconds, sip.session_expires_seconds) == (0.0, 1800)
    assert directory.load(sip="{ qualify: 30s }").sip.qualify_seconds == 30.0


def test_a_carrier(directory: Any) -> None:
    (trunk,) = directory.load(trunks=CARRIER % "realm: c.example, register: true, require: [timer]").sip.trunks
    assert (trunk.username, trunk.realm, trunk.register, trunk.demands) == ("bank", "c.example", True, ("timer",))
    assert trunk.password
    assert trunk.password not in repr(trunk)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"defence": "{ ban: 2h, longest_ban: 1h }"}, "longer than longest_ban"),
        ({"defence": "{ never_ban: [everywhere] }"}, "everywhere"),
        ({"sip": "{ session_timer: 30s }"}, "30s"),
        ({"trunks": CARRIER % "max_calls: 2"}, "needs the keys to, password and realm"),
        ({"trunks": "{ pstn: { from: [192.0.2.10], register: true } }"}, "needs the key username"),
        ({"trunks": CARRIER % "realm: c, require: [gruu]"}, "gruu"),
    ],
)
def test_mistakes_are_told_where_they_are(directory: Any, change: dict[str, str], said: str) -> None:
    (problem,) = directory.check(**change)
    assert said in problem
    assert problem.startswith("line.yaml:")


def test_the_mirror(directory: Any) -> None:
    assert directory.load().mirror is None
    found = directory.load(mirror="{ to: 192.0.2.9:9060, id: 7, password: { env: PW } }").mirror
    assert (found.host, found.port, found.agent, found.key) == ("192.0.2.9", 9060, 7, "secret")
    assert "secret" not in repr(found)
    (problem,) = directory.check(mirror="{ too: 192.0.2.9:9060 }")
    assert 'did you mean "to"?' in problem


def test_what_survives(directory: Any) -> None:
    assert directory.load().survive.calls
    assert not directory.load(survive="{ calls: false }").survive.calls
    (problem,) = directory.check(survive="{ call: false }")
    assert 'did you mean "calls"?' in problem
    (problem,) = directory.check(survive="{ calls: no }")
    assert "expected true or false" in problem


def test_overload(directory: Any) -> None:
    call = directory.load().call
    assert (call.overload.calls, call.overload.lines, call.overload.queue) == (None, 0, None)
    assert call.texts.overloaded.texts["en"].startswith("Very many people")
    call = directory.load(overload="{ calls: 150, speak_to: 10, call_back: sales }").call
    assert (call.overload.calls, call.overload.lines, call.overload.queue) == (150, 10, "sales")
    (problem,) = directory.check(overload="{ speak_to: 10, call_back: sails }")
    assert 'did you mean "sales"?' in problem
    assert directory.load(overload="{ always: ['+3726000000'] }").call.overload.always == ("+3726000000",)
    (problem,) = directory.check(overload="{ always: ['+3726000001'] }")
    assert 'did you mean "+3726000000"?' in problem
    (problem,) = directory.check(overload="{ call_back: sales }")
    assert "nobody is asked" in problem


def test_a_trunk_with_everything(directory: Any) -> None:
    keys = (
        "{ pstn: { from: [192.0.2.0/28, SBC.carrier.example], to: sip.carrier.example, certificate: [c.example],"
        " login: { username: carrier, password: { env: PW } }, trusted: false, forwarding: history-info,"
        " numbers: { country: EE, incoming: national, outgoing: international, national_prefix: none },"
        " calls_per_second: 5, codecs: [PCMA], ringing: { for: 3s, tone: ours } } }"
    )
    sip = directory.load(trunks=keys).sip
    (trunk,) = sip.trunks
    assert trunk.networks == ("192.0.2.0/28", "sbc.carrier.example")
    assert (trunk.host, trunk.port, trunk.names) == ("sip.carrier.example", 0, ("c.example",))
    assert trunk.numbers == NumberPlan("EE", "national", "international", "")
    assert (trunk.trusted, trunk.forwarding, trunk.calls_per_second, trunk.codecs) == (
        False,
        "history-info",
        5.0,
        ("PCMA",),
    )
    assert (trunk.ring_seconds, trunk.early_media) == (3.0, True)
    (account,) = [each for each in sip.accounts if each.trunk is not None]
    assert (account.trunk, account.username) == ("pstn", "carrier")


@pytest.mark.parametrize(
    ("to", "host", "port"),
    [
        ("192.0.2.10", "192.0.2.10", 5060),
        ('"192.0.2.10:5080"', "192.0.2.10", 5080),
        ('"[2001:db8::1]"', "2001:db8::1", 5060),
        ("sip.carrier.example", "sip.carrier.example", 0),
        ('"sip.carrier.example:5070"', "sip.carrier.example", 5070),
    ],
)
def test_where_a_trunk_is(directory: Any, to: str, host: str, port: int) -> None:
    (trunk,) = directory.load(trunks=f"{{ pstn: {{ to: {to} }} }}").sip.trunks
    assert (trunk.host, trunk.port) == (host, port)


TRUNKS = "{ a: { to: a.example }, b: { to: b.example }, in_only: { from: [192.0.2.1] } }"


def test_routes(directory: Any) -> None:
    ways = "{ out: { trunks: [a, { b: 3 }], next_on: [timeout, 404, 5xx] } }"
    call = directory.load(trunks=TRUNKS, routes=ways, call_back="{ route: out }").call
    assert call.call_back_route == RouteSettings(
        "out", (((TrunkId("a"), 1),), ((TrunkId("b"), 3),)), ("timeout", "404", "5xx")
    )
    assert directory.load(trunks=TRUNKS, call_back="{ trunk: b }").call.call_back_route is None


@pytest.mark.parametrize(("written", "mark"), [("AF31", 26), ("34", 34), ("off", 0)])
def test_how_signalling_is_marked(directory: Any, written: str, mark: int) -> None:
    assert directory.load(sip=f"{{ dscp: {written} }}").sip_dscp == mark
    assert directory.load().sip_dscp == directory.load(sip="{ max_contacts: 3 }").sip_dscp == 24
    (problem,) = directory.check(sip="{ dscp: AF44 }")
    assert 'did you mean "AF4' in str(problem)


def test_where_a_trunk_may_redirect_to(directory: Any) -> None:
    keys = "{ a: { to: a.example, redirects: [b] }, b: { to: b.example } }"
    assert [each.redirects for each in directory.load(trunks=keys).sip.trunks] == [(TrunkId("b"),), ()]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trunks": "{ pstn: { max_calls: 3 } }"}, "needs the key from, certificate, login or to"),
        ({"trunks": "{ pstn: { to: 192.0.2.300 } }"}, '"192.0.2.300" is no IP address'),
        ({"trunks": "{ pstn: { to: a.example, numbers: { country: XX } } }"}, '"XX" is no country'),
        ({"trunks": "{ pstn: { to: a.example, numbers: { country: EE, outgoing: e146 } } }"}, 'did you mean "e164"'),
        ({"trunks": "{ pstn: { to: a.example, forwarding: divert } }"}, "divert"),
        (
            {"trunks": '{ p: { login: { username: "1001", password: { env: PW } } } }'},
            'the user name 1001 is taken by "anna"',
        ),
        ({"trunks": TRUNKS, "routes": "{ out: { trunks: [a], next_on: [486] } }"}, "would only ring him again"),
        ({"trunks": TRUNKS, "routes": "{ out: { trunks: [c] } }"}, 'no trunk is called "c"'),
        (
            {"trunks": TRUNKS, "routes": "{ out: { trunks: [in_only] } }"},
            'no call goes out through the trunk "in_only"',
        ),
        ({"trunks": TRUNKS, "routes": "{ out: { trunks: [a, { a: 2 }] } }"}, 'the trunk "a" is in this route already'),
        ({"trunks": "{ a: { to: a.example, redirects: [b] } }"}, 'no trunk is called "b"'),
        (
            {"trunks": "{ a: { to: a.example, redirects: [b] }, b: { from: [192.0.2.1] } }"},
            'no call goes out through the trunk "b"',
        ),
        ({"trunks": TRUNKS, "call_back": "{ route: out }"}, "there is no route at all"),
        (
            {"trunks": TRUNKS, "routes": "{ out: { trunks: [a] } }", "call_back": "{ route: out, trunk: a }"},
            "either a trunk or a route",
        ),
    ],
)
def test_mistakes_with_carriers(directory: Any, change: dict[str, str], said: str) -> None:
    (problem,) = directory.check(**change)
    assert said in problem
    assert problem.startswith("line.yaml:")
