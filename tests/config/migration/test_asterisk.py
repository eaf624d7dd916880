"""queues.conf with its neighbours to our configuration: what each setting becomes, and that none is forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from tests.config.migration.harness import ASTERISK, asterisk, complaints, loaded, section

from softswitch.config import ConfigProblems
from softswitch.config.migration import Fate, Finding, Imported, Source, at
from softswitch.config.migration.asterisk_settings import QUEUE
from softswitch.config.migration.asterisk_syntax import parse
from softswitch.config.migration.findings import HIDDEN
from softswitch.config.problems import Report

TAKEN, DECIDE, NONE = Fate.TAKEN, Fate.DECIDE, Fate.NONE
NO_QUEUE = "queues.conf:1: there is no queue: a [context] that is neither [general] nor a template (!)"
PEOPLE = ("pjsip.conf", "agents.conf")


@pytest.fixture(scope="module")
def bank() -> Imported:
    return asterisk(ASTERISK, PEOPLE)


def found(imported: Imported, setting: str, owner: str = "") -> list[Finding]:
    return [one for one in imported.findings if one.setting == setting and one.owner.startswith(owner)]


def one_queue(lines: str, **more: str) -> Imported:
    return asterisk({"queues.conf": f"[sales]\n{lines}\n", **more}, list(more))


def refused(text: str, **more: str) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        asterisk({"queues.conf": text, **more}, list(more))
    return complaints(caught.value)


# ------------------------------------------------------------------ the sample


def test_the_loader_takes_it(bank: Imported) -> None:
    settings = loaded(bank)
    queues = {str(queue.id): queue for queue in settings.acd.queues}
    assert list(queues) == ["everyday", "cards_fraud", "queue_600"]
    everyday, fraud, digits = queues.values()
    assert (everyday.ring_seconds, everyday.wrap_up_seconds, everyday.service_level_seconds) == (15, 30, 20)
    assert (everyday.overflow_when_nobody, everyday.say_position_every_seconds, everyday.sticky) == (True, 90, None)
    assert (fraud.name, fraud.wrap_up_seconds) == ("cards-fraud", 45)
    assert (digits.ring_seconds, digits.overflow_when_nobody) == (180, False)
    assert {str(one.id): tuple(map(str, one.queues)) for one in settings.acd.agents} == {
        "anna_tamm": ("everyday", "cards_fraud"),
        "mart_kask": ("everyday", "queue_600"),
        "li_wei": ("everyday",),
        "li_wei_cards": ("cards_fraud",),
        "night_desk": ("queue_600",),
    }
    assert {one.username: one.extension for one in settings.sip.accounts} == {
        "anna": "1001",
        "1002": "1002",
        "1003": "1003",
        "liwei": "1004",
        "1005": "1005",
    }
    assert list(settings.call.numbers) == ["600"]


def test_every_setting_has_a_finding(bank: Imported) -> None:
    places = {one.place for one in bank.findings}
    for name in ("queues.conf", "queuerules.conf", *PEOPLE):
        for context in parse(Source(name, ASTERISK), Report()):
            if not context.template:
                for one in context.variables:
                    assert one.place in places, at(one.place)
    assert all(one.note for one in bank.findings)
    assert all(one.becomes or one.fate is not DECIDE for one in bank.findings)


def test_the_page_names_every_finding(bank: Imported) -> None:
    rows = [line for line in bank.files["IMPORTED.md"].splitlines() if line.startswith(("| que", "| pjs", "| age"))]
    assert len(rows) == len(bank.findings)
    for line in rows:
        assert line.replace("\\|", "").count("|") == 6, line


def test_no_secret_goes_anywhere(bank: Imported) -> None:
    everything = "".join(bank.files.values()) + repr(bank.findings)
    assert "not-to-be-seen" not in everything
    assert {one.value for one in found(bank, "password") if one.value} == {HIDDEN}


def test_who_is_who(bank: Imported) -> None:
    members = {(one.owner, one.becomes): one.fate for one in found(bank, "member")}
    assert members == {
        ("agent anna_tamm", "agents.anna_tamm.queues: everyday"): TAKEN,
        ("agent anna_tamm", "agents.anna_tamm.queues: cards_fraud"): TAKEN,
        ("agent mart_kask", "agents.mart_kask.queues: everyday"): TAKEN,
        ("agent mart_kask", "agents.mart_kask.queues: queue_600"): TAKEN,
        ("agent li_wei", "agents.li_wei.queues: everyday"): TAKEN,
        ("agent li_wei_cards", "agents.li_wei_cards.queues: cards_fraud"): DECIDE,  # 1003 is Li's already
        ("agent night_desk", "agents.night_desk.queues: queue_600"): DECIDE,  # no SIP phone
    }
    assert {one.place.file for one in found(bank, "type", "phone reception")} == {"pjsip.conf"}


# ------------------------------------------------------------------ one setting at a time


@pytest.mark.parametrize(
    ("lines", "path", "value", "fate"),
    [
        ("", ("ring",), "15s", TAKEN),
        ("timeout = 40", ("ring",), "40s", TAKEN),
        ("timeout = 180", ("ring",), "3m", TAKEN),
        ("timeout = 2", ("ring",), "3s", DECIDE),
        ("timeout = 0", ("ring",), "3m", DECIDE),
        ("timeout = 600", ("ring",), "3m", DECIDE),
        ("timeout = -1", ("ring",), "3m", DECIDE),
        ("timeout = 20\ntimeout = 25", ("ring",), "25s", TAKEN),
        ("", ("wrap_up",), "0s", TAKEN),
        ("wrapuptime = 90", ("wrap_up",), "90s", TAKEN),
        ("wrapuptime = 7200", ("wrap_up",), "1h", DECIDE),
        ("wrapuptime = -5", ("wrap_up",), "0s", TAKEN),
        ("servicelevel = 60", ("service_level",), "80% in 1m", TAKEN),
        ("servicelevel = 999999999", ("service_level",), "80% in 86399s", TAKEN),
        ("", ("while_waiting", "say_position"), "never", TAKEN),
        ("announce-frequency = 30", ("while_waiting", "say_position"), "every 30s", TAKEN),
        ("announce-frequency = -3", ("while_waiting", "say_position"), "never", TAKEN),
        ("announce-frequency = 30\nannounce-position = no", ("while_waiting", "say_position"), "never", TAKEN),
        ("", ("nobody_there",), "wait", TAKEN),
        ("joinempty = yes\nleavewhenempty = no", ("nobody_there",), "wait", TAKEN),
        ("joinempty = no\nleavewhenempty = yes", ("nobody_there",), "overflow", DECIDE),
        ("joinempty = strict\nleavewhenempty = loose", ("nobody_there",), "overflow", DECIDE),
        ("joinempty = invalid\nleavewhenempty = unavailable, unknown", ("nobody_there",), "overflow", TAKEN),
        ("joinempty = invalid", ("nobody_there",), "overflow", DECIDE),
        ("strategy = LeastRecent", ("order",), "longest-idle", TAKEN),
    ],
)
def test_times_and_emptiness(lines: str, path: tuple[str, ...], value: str, fate: Fate) -> None:
    imported = one_queue(lines)
    loaded(imported)
    assert section(imported, "queues.yaml", "queues", "sales", *path) == value
    fates = {one.fate for one in imported.findings if one.becomes == f"queues.sales.{'.'.join(path)}: {value}"}
    assert fates >= {fate}


@pytest.mark.parametrize("name", QUEUE)
def test_every_known_setting_is_told(name: str) -> None:
    numeric = {"retry", "weight", "maxlen", "autopausedelay", "memberdelay", "penaltymemberslimit"}
    (told,) = found(one_queue(f"{name} = {'7' if name in numeric else 'something'}"), name)
    assert told.fate is QUEUE[name].fate
    assert told.note == QUEUE[name].note


@pytest.mark.parametrize(
    ("line", "fate"),
    [
        ("weight = 0", TAKEN),
        ("maxlen = 0", TAKEN),
        ("ringinuse = no", TAKEN),
        ("ringinuse = yes", NONE),
        ("autofill = no", NONE),
        ("autofill = TRUE", TAKEN),
        ("music = calm", DECIDE),
        ("musiconhold = calm", DECIDE),
        ("queue-thankyou =", TAKEN),
        ("timeoutpriority = conf", TAKEN),
        ("timeoutpriority = app", NONE),
        ("strategi = linear", NONE),
    ],
)
def test_what_is_the_same_here(line: str, fate: Fate) -> None:
    (told,) = found(one_queue(line), line.partition(" ")[0])
    assert told.fate is fate


def test_a_default_that_differs_is_told() -> None:
    names = ("ringinuse", "autofill", "announce-holdtime")

    def told(text: str) -> list[str]:
        findings = asterisk({"queues.conf": text}).findings
        return [one.setting for one in findings if one.setting in names and one.note.startswith("Asterisk's default; ")]

    assert told("[a]") == ["ringinuse", "autofill"]
    assert told("[general]\nautofill = yes\n[a]\nannounce-frequency = 30") == ["ringinuse", "announce-holdtime"]
    assert told("[a]\nringinuse = no\nautofill = yes\nannounce-holdtime = no") == []


def test_an_unknown_setting_is_told_with_a_guess() -> None:
    (told,) = found(one_queue("strategi = linear"), "strategi")
    assert told.note == 'nothing that app_queue knows - did you mean "strategy"?'


def test_of_two_the_last_counts() -> None:
    imported = one_queue("timeout = 20\nmusic = a\nmusicclass = b\ntimeout = 25")
    notes = {at(one.place): one.note for one in imported.findings if "counts, as in" in one.note}
    assert notes == {
        "queues.conf:2": "queues.conf:5 counts, as in Asterisk",
        "queues.conf:3": "queues.conf:4 counts, as in Asterisk",
    }


@pytest.mark.parametrize(
    ("text", "after", "fate"),
    [
        ("[a]\nautopause = all\n[b]\nautopause = yes", 1, TAKEN),
        ("[a]\nautopause = no\n[b]", 100, DECIDE),
        ("[a]\nautopause = yes\n[b]", 1, DECIDE),
    ],
)
def test_autopause_is_one_rule(text: str, after: int, fate: Fate) -> None:
    imported = asterisk({"queues.conf": text})
    assert loaded(imported).acd.suspend_after_no_answers == after
    assert [one.fate for one in found(imported, "autopause", "all queues")] == [fate]


@pytest.mark.parametrize("strategy", ["ringall", "wrandom", "random", "linear", "rrmemory", "fewestcalls"])
def test_an_order_we_lack_is_for_people_to_decide(strategy: str) -> None:
    imported = one_queue(f"strategy = {strategy}")
    loaded(imported)
    (told,) = found(imported, "strategy")
    written = section(imported, "queues.yaml", "queues", "sales").get("order")
    assert (told.fate is TAKEN) == (written is not None)


# ------------------------------------------------------------------ people


def person(lines: str, **more: str) -> dict[str, Any]:
    imported = one_queue(lines, **more)
    loaded(imported)
    found: dict[str, Any] = section(imported, "people.yaml", "agents")
    return found


@pytest.mark.parametrize(
    ("member", "agent", "extension"),
    [
        ("PJSIP/1001", "agent_1001", "1001"),
        ("PJSIP/1001,0,Anna Tamm", "anna_tamm", "1001"),
        ("SIP/anna", "anna", "1001"),
        ("Local/2001@agents/n,5,Anna,PJSIP/2001,no,10,1", "anna", "2001"),
        ("Agent/2001", "agent_2001", "2001"),
        ("DAHDI/2,0,Bob", "bob", "1001"),
        ("PJSIP/12345678901,0,Bob", "bob", "1001"),
        ("PJSIP/1001,0,客服", "agent", "1001"),
        ("PJSIP/1001,0,{x}: \u2028 y", "x_y", "1001"),
    ],
)
def test_members(member: str, agent: str, extension: str) -> None:
    people = person(f"member => {member}")
    assert {name: one["extension"] for name, one in people.items()} == {agent: extension}


def test_one_phone_is_one_person() -> None:
    imported = one_queue("member => PJSIP/1001,0,Anna\nmember => SIP/1001,0,Anna Tamm\nmember => Agent/1001")
    assert list(section(imported, "people.yaml", "agents")) == ["anna"]
    assert [one.value for one in found(imported, "membername")] == ["Anna Tamm"]


def test_a_number_of_the_line_is_no_extension() -> None:
    imported = asterisk({"queues.conf": "[1001]\nmember => PJSIP/1001\n[2]\nmember => PJSIP/1002"})
    assert list(loaded(imported).call.numbers) == ["1001", "2"]
    assert {one.extension for one in loaded(imported).sip.accounts} == {"1003", "1002"}


def test_agents_of_old() -> None:
    people = person("member => Agent/1001", agents="[agents]\nautologoff = 15\nagent => 1001,4321,Mark Spencer\n")
    assert people["mark_spencer"]["name"] == "Mark Spencer"


def test_phones_of_sip_conf() -> None:
    text = "[general]\nregister => me:hidden-word@192.0.2.1\n[anna]\ntype=friend\nhost=dynamic\nsecret=hidden-word\n"
    imported = one_queue("member => SIP/anna", sip=text + 'callerid="Anna Tamm" <2001>\n')
    assert section(imported, "people.yaml", "agents", "anna_tamm") == {
        "name": "Anna Tamm",
        "extension": "2001",
        "username": "anna",
        "password": {"env": "ANNA_TAMM_PASSWORD"},
        "queues": ["sales"],
    }
    assert "hidden-word" not in "".join(imported.files.values()) + repr(imported.findings)


def test_two_persons_with_one_user_name() -> None:
    sip = "[a]\ntype=friend\nusername=same\n[b]\ntype=friend\nusername=same\n"
    people = person("member => SIP/a\nmember => SIP/b", sip=sip)
    assert [one.get("username") for one in people.values()] == ["same", None]


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["queues.conf:1: there is no queue: a [context] that is neither [general] nor a template (!)"]),
        (
            "[general]\n[t](!)",
            ["queues.conf:1: there is no queue: a [context] that is neither [general] nor a template (!)"],
        ),
        ("[a]\ntimeout = soon", ['queues.conf:2: timeout has to be a whole number, found "soon"']),
        (
            "[a]\nretry = 5s\nweight =",
            [
                'queues.conf:2: retry has to be a whole number, found "5s"',
                'queues.conf:3: weight has to be a whole number, found ""',
            ],
        ),
        ("[a]\nstrategy = ringal", ['queues.conf:2: "ringal" is no strategy of Asterisk - did you mean "ringall"?']),
        ("[a]\njoinempty = pausd", ['queues.conf:2: "pausd" is nothing that joinempty knows - did you mean "paused"?']),
        ("[a]\nautopause = maybe", ['queues.conf:2: autopause is yes, no or all, found "maybe"']),
        ("[a]\nmember => 1001", ['queues.conf:2: a member is like PJSIP/1001, found "1001"']),
        ("[a]\nmember => SIP/1,high", ['queues.conf:2: the penalty of a member is a whole number, found "high"']),
        ("[a]\nwrapuptime = ٣", ['queues.conf:2: wrapuptime has to be a whole number, found "٣"']),
    ],
)
def test_a_wrong_value_has_its_line(text: str, problems: list[str]) -> None:
    assert refused(text) == problems


def test_a_wrong_file_beside_it() -> None:
    assert refused("[a]", agents="[1001\n") == ["agents:1: a [ is never closed"]
    assert refused("[a]", agents="[agents]\nagent => ,x\n") == [
        "agents:2: an agent has a number: agent => 1001,password,Name"
    ]


def test_a_second_queue_of_the_same_name_is_told() -> None:
    imported = asterisk({"queues.conf": "[a]\ntimeout = 20\n[a]\ntimeout = 30\n"})
    assert section(imported, "queues.yaml", "queues", "a", "ring") == "20s"
    assert [(at(one.place), one.fate, one.note) for one in imported.findings if one.place.line == 4] == [
        ("queues.conf:4", NONE, "Asterisk reads only the [a] of line 1")
    ]


def test_a_template_nobody_uses_is_told() -> None:
    (told,) = found(asterisk({"queues.conf": "[t](!)\nweight = 1\n[a]\n"}), "weight")
    assert (told.owner, told.fate) == ("template t", NONE)


def test_sections_of_the_line_are_told_where_they_belong() -> None:
    text = "[t]\ntype=transport\n[r]\ntype=registration\npassword=hidden-word\n[g]\ntype=global\n[x]\ntype=aor\n"
    imported = one_queue("", pjsip=text)
    assert {(one.owner, one.becomes, one.fate) for one in imported.findings if one.place.file == "pjsip"} == {
        ("[t]", "listen", DECIDE),
        ("[r]", "trunks", DECIDE),
        ("[g]", "", NONE),
        ("[x]", "", NONE),
    }
    assert "hidden-word" not in "".join(imported.files.values()) + repr(imported.findings)
