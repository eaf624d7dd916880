"""The section `dialling`: what it becomes, and mistakes told where they are."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from softswitch.call.dial_settings import Caps, DialRule, DialSettings, Night
from softswitch.call.phone_number import NumberPlan, OwnClass
from softswitch.cli.commands import app as commands
from softswitch.ids import AgentId, TrunkId

RULES = """{ classes: { near: { countries: [LV] }, ships: { prefixes: ["+870"] } },
  allow: [ { who: agents, to: [national, near] },
    { team: day, to: [ships], hours: office, through: pstn }, { from_trunk: pstn, never: [premium] } ],
  prices: { near: 0.5 }, account: { at_once: 2, calls: 10 in 1m }, house: { minutes: 90, spend: 12.5 },
  night: { outside: office, to: [national], account: { at_once: 1 } },
  emergency: ["110"], first_international: false }"""
MORE = {"hours": "{ office: { open: { mon-fri: 09:00-17:00 } } }", "teams": "{ day: { agents: [anna] } }"}


def test_without_the_section_only_call_backs_go_out(directory: Any) -> None:
    found = directory.load().call.dialling
    assert found == DialSettings(NumberPlan("EE", frozenset({"1001"}), frozenset({"+3726000000"})))
    assert [(rule.who, "premium" in rule.to) for rule in found.rules] == [("everyone", False), ("call_backs", False)]


def test_without_a_country_of_the_line_that_of_the_trunks_says_what_is_premium(directory: Any) -> None:
    bare = "{ name: Shop, languages: [en, et], timezone: Europe/Tallinn }"
    trunk = "from: [192.0.2.{0}], to: 192.0.2.{0}, numbers: {{ country: {1} }}"
    one, two, other = ("{ " + trunk.format(*each) + " }" for each in ((10, "EE"), (11, "EE"), (12, "LV")))
    assert directory.load(line=bare).call.dialling.plan.country == ""
    found = directory.load(line=bare, trunks=f"{{ a: {one}, b: {two} }}").call.dialling
    assert found.plan.country == "EE"
    assert directory.load(line=bare, trunks=f"{{ a: {one}, b: {other} }}").call.dialling.plan.country == ""


def test_everything_written(directory: Any) -> None:
    found = directory.load(dialling=RULES, **MORE).call.dialling
    assert found.plan.classes == (OwnClass("near", (), ("LV",)), OwnClass("ships", ("+870",), ()))
    assert found.plan.emergency == ("110",)
    assert found.rules[0].to == ("internal",)
    assert found.rules[1] == DialRule(("national", "near"), who="agents", place="line.yaml:7")
    assert found.rules[2] == DialRule(
        ("ships",), agents=(AgentId("anna"),), through=TrunkId("pstn"), hours="office", place="line.yaml:8"
    )
    assert found.rules[3] == DialRule(never=("premium",), trunk=TrunkId("pstn"), place="line.yaml:8")
    assert found.account == Caps(2, 10, 60.0, place="line.yaml:9")
    assert found.house == Caps(minutes=90, spend=12.5, place="line.yaml:9")
    assert found.night == Night("office", ("national",), Caps(1, place="line.yaml:10"), None, "line.yaml:10")
    assert (found.prices, found.tell_first_international, found.note_machines) == ((("near", 0.5),), False, True)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{ allow: [ { to: [natonal] } ] }", 'did you mean "national"?'),
        ("{ allow: [ { who: agents } ] }", "a rule says to or never"),
        ("{ allow: [ { who: agent, to: [mobile] } ] }", 'did you mean "agents"?'),
        ("{ allow: [ { agent: ana, to: [mobile] } ] }", 'did you mean "anna"?'),
        ("{ allow: [ { team: nigt, to: [mobile] } ] }", "no team is called"),
        ("{ allow: [ { through: pstm, to: [mobile] } ] }", 'did you mean "pstn"?'),
        ("{ allow: [ { hours: office, to: [mobile] } ] }", "no calendar is called"),
        ("{ prices: { premum: 1 } }", 'did you mean "premium"?'),
        ("{ prices: { premium: much } }", "an amount of money like 0.25"),
        ("{ classes: { premium: { countries: [LV] } } }", "is a class of the switch already"),
        ("{ classes: { x: {} } }", "a class has prefixes or countries"),
        ("{ classes: { x: { countries: [XX] } } }", 'no telephone numbers are known of "XX"'),
        ("{ country: XX }", 'no telephone numbers are known of "XX"'),
        ("{ account: { calls: 10 per minute } }", "calls in a while, like 10 in 1m"),
        ("{ account: { calls: 5000 in 1m } }", "at most 1000"),
        ("{ night: { to: [national] } }", "needs the key outside"),
        ('{ emergency: ["1001"] }', "nobody can have it"),
    ],
)
def test_mistakes_are_told_where_they_are(directory: Any, written: str, said: str) -> None:
    (problem,) = directory.check(dialling=written)
    assert said in problem
    assert problem.startswith("line.yaml:")


def test_nobody_can_have_an_emergency_number(directory: Any) -> None:
    agents = "{ anna: { name: Anna, extension: 112, password: { env: PW }, queues: [sales] } }"
    (problem,) = directory.check(agents=agents)
    assert "112 is an emergency number" in problem
    assert directory.check(numbers='{ "112": { queue: sales } }') == [], "the line itself may be who answers there"


def test_may_dial_asks_with_the_trunks_that_calls_take(directory: Any) -> None:
    trunks = "{ a: { from: [192.0.2.10], to: 192.0.2.10 }, b: { from: [192.0.2.11], to: 192.0.2.11 } }"
    rules = "{ allow: [ { through: b, to: [national] }, { through: a, to: [mobile] } ] }"
    more = {"trunks": trunks, "dialling": rules, "call_back": '{ route: both, show: "+3726000000" }'}

    def verdict(number: str, **change: str) -> str:
        path = directory.write(**{**more, **change}).path
        done: str = CliRunner().invoke(commands, ["may-dial", "anna", number, "--config", str(path)]).output
        return done.partition(":")[0]

    both = {"routes": "{ both: { trunks: [a, b] } }"}
    assert [verdict(number, **both) for number in ("6311111", "55512345", "9001234")] == ["allowed"] * 2 + ["refused"]
    only = {**both, "transfers": "{ to: [outside], through: a }"}
    assert [verdict(number, **only) for number in ("6311111", "55512345")] == ["refused", "allowed"]
