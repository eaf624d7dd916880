"""callcenter.conf.xml to our configuration: what each setting becomes, that none is forgotten, and what is refused."""

from __future__ import annotations

import pytest
from tests.config.migration.harness import FREESWITCH, complaints, freeswitch, loaded, section

from softswitch.config import ConfigProblems
from softswitch.config.migration import Fate, Finding, Imported, at
from softswitch.config.migration.findings import HIDDEN
from softswitch.config.migration.freeswitch_settings import QUEUE, SETTINGS, STRATEGIES
from softswitch.config.migration.freeswitch_xml import MAX_BYTES, MAX_DEPTH, parse

TAKEN, DECIDE, NONE = Fate.TAKEN, Fate.DECIDE, Fate.NONE


@pytest.fixture(scope="module")
def support() -> Imported:
    return freeswitch(FREESWITCH)


def found(imported: Imported, setting: str, owner: str = "") -> list[Finding]:
    return [one for one in imported.findings if one.setting == setting and one.owner.startswith(owner)]


def text(params: str = "", agents: str = "", tiers: str = "", settings: str = "") -> str:
    return (
        f"<configuration><settings>{settings}</settings>\n<queues><queue name='sales'>{params}</queue></queues>\n"
        f"<agents>{agents}</agents>\n<tiers>{tiers}</tiers></configuration>"
    )


def param(name: str, value: str) -> str:
    return f'<param name="{name}" value="{value}"/>'


def one_agent(attributes: str) -> Imported:
    return freeswitch(text("", f"<agent name='anna' {attributes}/>", "<tier agent='anna' queue='sales'/>"))


def refused(data: str | bytes) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        freeswitch(data)
    return [one.removeprefix("callcenter.conf.xml:") for one in complaints(caught.value)]


# ------------------------------------------------------------------ the sample


def test_the_loader_takes_it(support: Imported) -> None:
    settings = loaded(support)
    first, second = settings.acd.queues
    assert (first.id, first.ring_seconds, first.wrap_up_seconds, first.max_wait_seconds) == ("support", 20, 20, 86400)
    assert (first.overflow_when_nobody, second.overflow_when_nobody) == (False, True)
    assert (second.id, second.ring_seconds, second.max_wait_seconds) == ("queue_700", 60, 300)
    assert [(one.id, one.queues) for one in settings.acd.agents] == [
        ("anna", ("support",)),
        ("mobile", ("queue_700",)),
        ("agent_1000", ("support", "queue_700")),  # in the second tier
    ]
    assert {one.agent: one.extension for one in settings.sip.accounts} == {
        "anna": "1001",
        "mobile": "1002",
        "agent_1000": "1000",
    }
    assert settings.acd.suspend_after_no_answers == 3
    assert list(settings.call.numbers) == ["700"]


def test_every_setting_has_a_finding(support: Imported) -> None:
    told = {(one.place, one.setting) for one in support.findings}
    for element in parse(FREESWITCH, "callcenter.conf.xml").walk():
        if element.name == "param":
            assert (element.place, element.get("name")) in told
        elif element.name == "agent":
            assert {(element.place, name) for name in element.attributes} <= told
        elif element.name == "tier":
            names = {"tier", *element.attributes} - {"agent", "queue"}
            assert {(element.place, name) for name in names} <= told
    assert all(one.note for one in support.findings)
    assert all(one.becomes or one.fate is not DECIDE for one in support.findings)


def test_no_secret_goes_anywhere(support: Imported) -> None:
    assert "not-to-be-seen" not in "".join(support.files.values()) + repr(support.findings)
    assert [one.value for one in found(support, "odbc-dsn")] == [HIDDEN]


# ------------------------------------------------------------------ one setting at a time


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_strategies(strategy: str) -> None:
    imported = freeswitch(text(param("strategy", strategy)))
    loaded(imported)
    (told,) = found(imported, "strategy")
    written = section(imported, "queues.yaml", "queues", "sales").get("order")
    assert written == STRATEGIES[strategy][0] if told.fate is TAKEN else written is None


@pytest.mark.parametrize("name", QUEUE)
def test_every_known_setting_is_told(name: str) -> None:
    (told,) = found(freeswitch(text(param(name, "something"))), name)
    assert (told.fate, told.note) == (QUEUE[name].fate, QUEUE[name].note)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_global_setting_is_told(name: str) -> None:
    (told,) = found(freeswitch(text(settings=param(name, "something"))), name)
    assert (told.fate, told.owner) == (SETTINGS[name].fate, "settings")


@pytest.mark.parametrize(
    ("params", "key", "value", "fate"),
    [
        ("", "max_wait", "1d", DECIDE),
        (param("max-wait-time", "600"), "max_wait", "10m", TAKEN),
        (param("max-wait-time", "999999"), "max_wait", "1d", DECIDE),
        ("", "nobody_there", "wait", TAKEN),
        (param("max-wait-time-with-no-agent", "5"), "nobody_there", "overflow", DECIDE),
    ],
)
def test_waits(params: str, key: str, value: str, fate: Fate) -> None:
    imported = freeswitch(text(params))
    loaded(imported)
    assert section(imported, "queues.yaml", "queues", "sales", key) == value
    assert [one.fate for one in imported.findings if one.becomes == f"queues.sales.{key}: {value}"] == [fate]


def test_of_two_the_last_counts() -> None:
    imported = freeswitch(text(param("max-wait-time", "5") + "\n" + param("max-wait-time", "7")))
    assert section(imported, "queues.yaml", "queues", "sales", "max_wait") == "7s"
    assert [one.note for one in found(imported, "max-wait-time") if one.value == "5"] == ["line 3 counts"]


@pytest.mark.parametrize(
    ("contact", "extension", "username", "fate"),
    [
        ("user/1000@default", "1000", None, TAKEN),
        ("[leg_timeout=10]user/1000", "1000", None, TAKEN),
        ("{call_timeout=10}sofia/internal/1000%example.com", "1000", None, TAKEN),
        ("${sofia_contact(1000@default)}", "1000", None, TAKEN),
        ("${sofia_contact(*/1000@default)}", "1000", None, TAKEN),
        ("user/anna.tamm@default", "1001", "anna.tamm", DECIDE),
        ("sofia/gateway/pstn/3725550001", "1001", None, DECIDE),
        ("", "1001", None, DECIDE),
        ("nonsense", "1001", None, DECIDE),
    ],
)
def test_contacts(contact: str, extension: str, username: str | None, fate: Fate) -> None:
    imported = one_agent(f"contact='{contact}'")
    loaded(imported)
    agent = section(imported, "people.yaml", "agents", "anna")
    assert (agent["extension"], agent.get("username")) == (extension, username)
    assert [one.fate for one in found(imported, "contact")] == [fate]


@pytest.mark.parametrize(
    ("attributes", "after", "fate"),
    [
        ("max-no-answer='1'", 1, TAKEN),
        ("max-no-answer='3'", 3, TAKEN),
        ("max-no-answer='0'", 100, DECIDE),
        ("", 100, DECIDE),
        ("max-no-answer='500'", 100, DECIDE),
    ],
)
def test_no_answers(attributes: str, after: int, fate: Fate) -> None:
    imported = one_agent(attributes)
    assert loaded(imported).acd.suspend_after_no_answers == after
    assert [one.fate for one in found(imported, "max-no-answer", "all agents")] == [fate]


def test_agents_that_share_a_phone() -> None:
    agents = "".join(f"<agent name='{name}' contact='user/1001'/>" for name in ("a", "b"))
    tiers = "".join(f"<tier agent='{name}' queue='sales'/>" for name in ("a", "b"))
    assert {one.extension for one in loaded(freeswitch(text("", agents, tiers))).sip.accounts} == {"1001", "1002"}


def test_what_means_nothing_is_told() -> None:
    data = text(param("strateg", "random"), "<agent name='a' staus='x'/>", "<tier agent='a' queue='sales' x='1'/>")
    imported = freeswitch(data.replace("</configuration>", "<queus/></configuration>"))
    assert {one.setting: one.note for one in imported.findings if one.note.startswith("nothing")} == {
        "strateg": 'nothing that mod_callcenter knows - did you mean "strategy"?',
        "staus": 'nothing that mod_callcenter knows - did you mean "status"?',
        "x": "nothing that mod_callcenter knows",
        "<queus>": 'nothing that mod_callcenter knows - did you mean "queues"?',
    }


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        ("", ["1: is not XML: no element found"]),
        ("<a>\n<b></a>", ["2: is not XML: mismatched tag"]),
        ("<a>\n&x;</a>", ["2: is not XML: undefined entity"]),
        (b"<a>\n\xff</a>", ["2: is not XML: not well-formed (invalid token)"]),
        ("<?xml version='1.0' encoding='nonsense'?><a/>", ["1: is in an encoding that is not known; write UTF-8"]),
        (
            "\n<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
            ["2: a document type or an entity stands here; they are not read"],
        ),
        (
            "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
            ["1: a document type or an entity stands here; they are not read"],
        ),
        ("<a/>", ["1: this is no callcenter.conf.xml: no <queues>, <agents> or <tiers> in it"]),
        ("<a>\n<queues/></a>", ["1: there is no <queue> in <queues>"]),
        (text("<pram name='a' value='b'/>"), ['2: <pram> cannot stand in <queue> - did you mean "param"?']),
        (text("<param value='b'/>"), ["2: a <param> has no name"]),
        (text(param("max-wait-time", "soon")), ['2: max-wait-time has to be a whole number, found "soon"']),
        (
            text(param("strategy", "longest-idle")),
            ['2: "longest-idle" is no strategy of mod_callcenter - did you mean "longest-idle-agent"?'],
        ),
        (text("", "<agent/>"), ["3: an <agent> has no name"]),
        (text("", "<agent name='a'/>\n<agent name='a'/>"), ['4: the agent "a" stands here twice']),
        (text("", "<agent name='a' wrap-up-time='-1'/>"), ['3: wrap-up-time has to be a whole number, found "-1"']),
        (
            text("", "<agent name='anna'/>", "<tier agent='ana' queue='sales'/>"),
            ['4: no agent is called "ana" - did you mean "anna"?'],
        ),
        (
            text("", "<agent name='a'/>", "<tier agent='a' queue='sale'/>"),
            ['4: no queue is called "sale" - did you mean "sales"?'],
        ),
        (text("", "<agent name='a'/>", "<tier agent='a' queue='sales'/>" * 2), ["4: this tier stands here twice"]),
        (
            "<a><queues>\n<X-PRE-PROCESS cmd='include' data='q/*.xml'/></queues></a>",
            ["2: <X-PRE-PROCESS> is not run; write what it sets or includes into the file"],
        ),
    ],
)
def test_what_is_refused(data: str | bytes, problems: list[str]) -> None:
    assert refused(data) == problems


def test_too_deep_and_too_big() -> None:
    deep = "<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1)
    assert refused(deep) == ["1: is nested too deeply"]
    assert "bytes; at most" in refused(b" " * (MAX_BYTES + 1))[0]


def test_places_are_lines_of_the_file(support: Imported) -> None:
    (first,) = found(support, "moh-sound")
    assert at(first.place) == "callcenter.conf.xml:10"
