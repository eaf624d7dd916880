"""The keys of the SIP edge: defence, sip, and logins of trunks."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.sip.messages import DefenceSettings

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


def test_overload(directory: Any) -> None:
    call = directory.load().call
    assert (call.overload.calls, call.overload.lines, call.overload.queue) == (None, 0, None)
    assert call.texts.overloaded.texts["en"].startswith("Very many people")
    call = directory.load(overload="{ calls: 150, speak_to: 10, call_back: sales }").call
    assert (call.overload.calls, call.overload.lines, call.overload.queue) == (150, 10, "sales")
    (problem,) = directory.check(overload="{ speak_to: 10, call_back: sails }")
    assert 'did you mean "sales"?' in problem
    (problem,) = directory.check(overload="{ call_back: sales }")
    assert "nobody is asked" in problem
