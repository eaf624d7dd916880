"""Ways out of a queue: what is read, and what is told when a caller would be left without a next step."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.call.settings import CALL_BACK
from softswitch.config import check, load
from softswitch.ids import QueueId
from softswitch.ivr.messages import Target

LINE = """
line: { name: Shop, languages: [en, et, zh, it, cs], timezone: Europe/Tallinn }
trunks: { pstn: { from: [127.0.0.2], to: "127.0.0.2:5080" } }
numbers: { "100": { queue: sales } }
hours: { office: { open: { mon-fri: 09:00-17:00 } } }
flows: { leave: { steps: [ { hang_up: true } ] } }
agents: { anna: { name: Anna, extension: 1001, password: { env: P }, queues: [sales] } }
queues:
  sales:
"""


def problems(tmp_path: Path, queue: str) -> list[str]:
    (tmp_path / "line.yaml").write_text(LINE + queue, encoding="utf-8")
    return [str(each) for each in check(tmp_path)]


def test_everything_at_once(tmp_path: Path) -> None:
    text = """
    hours: office
    closed: call_back
    most_waiting: 30
    full: { queue: sales }
    nobody_there: call_back
    overflow: leave
    call_back: { number: ask, allow: ["+372"] }
    while_waiting: { keys: { "5": call_back, "9": leave }, offer_call_back: after 90s }
"""
    assert problems(tmp_path, text) == []
    settings = load(tmp_path, env={"P": "x"})
    texts = settings.call.queue_texts[QueueId("sales")]
    ways = texts.ways
    assert ways.keys == {"5": CALL_BACK, "9": Target(flow="leave")}
    assert (ways.offer_call_back_seconds, ways.ask_number, ways.numbers) == (90.0, True, ("+372",))
    assert (ways.hours, ways.closed, ways.full, ways.nobody) == ("office", CALL_BACK, Target(queue="sales"), CALL_BACK)
    assert settings.acd.queues[0].most_waiting == 30
    for language in ("en", "et", "zh", "it", "cs"):
        assert "5" in texts.call_back_texts.offer_call_back.texts[language]
        assert texts.call_back_texts.promised_tomorrow.texts[language]
    assert texts.call_back_texts.full.texts == {}, "never said, so never rendered"


def test_a_queue_without_ways_needs_no_audio_for_them(tmp_path: Path) -> None:
    assert problems(tmp_path, "    ring: 15s\n") == []
    texts = load(tmp_path, env={"P": "x"}).call.queue_texts[QueueId("sales")].call_back_texts
    assert texts.promised.texts == {} and texts.offer_call_back.texts == {}


@pytest.mark.parametrize(
    ("queue", "told"),
    [
        ("hours: office", "10:12: outside of these hours a caller needs a next step"),
        ("hours: ofice\n    closed: call_back", 'no calendar is called "ofice" - did you mean "office"?'),
        ("closed: call_back", "10:13: without hours this queue is never closed"),
        ("most_waiting: 5", "10:19: when the line is full a caller needs a next step"),
        ("call_back: { number: ask }", "10:26: callers could make us dial any number"),
        ('while_waiting: { keys: { "1": leave }, offer_call_back: after 60s }', "the key 1 leads elsewhere"),
        ('while_waiting: { keys: { "1": leav } }', "leav"),
        ("while_waiting: { offer_call_back: 60s }", "expected after and a length of time, like after 60s"),
        ("call_back: { within: 2h }\n    sticky: { call_back: { within: 1h } }", "keep one of the two"),
        ("nobody_there: cal_back", 'did you mean "call_back"?'),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, queue: str, told: str) -> None:
    found = problems(tmp_path, f"    {queue}\n")
    assert len(found) == 1 and told in found[0], found


STICKY = """
    sticky:
      counts_as_previous: { talked_at_least: 10s, or: [named_banker] }
      her_line: { callers: 3, time: 15m, in_a_row: 4 }
"""
PEOPLE = """
agents:
  anna: { name: Anna, extension: 1001, password: { env: P }, queues: [sales], deputy: mart,
          away: { from: 2027-07-01, to: 2027-07-21 } }
  mart: { name: Mart, extension: 1002, password: { env: P }, queues: [sales] }
"""


def with_people(tmp_path: Path, people: str = PEOPLE, customers: str = "") -> list[str]:
    text = LINE.replace(
        "agents: { anna: { name: Anna, extension: 1001, password: { env: P }, queues: [sales] } }\n", ""
    )
    (tmp_path / "line.yaml").write_text(text + STICKY, encoding="utf-8")
    (tmp_path / "people.yaml").write_text(people + customers, encoding="utf-8")
    return [str(each) for each in check(tmp_path)]


def test_deputies_absences_and_bankers(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("customer,segment,banker\n0123,gold,anna\n77,,\n", encoding="utf-8")
    assert with_people(tmp_path, customers="customers: customers.csv\n") == []
    settings = load(tmp_path, env={"P": "x"})
    anna = settings.acd.agents[0]
    assert anna.deputy == "mart"
    (away,) = settings.call.absences
    assert (away.agent, away.first, away.last) == ("anna", "2027-07-01", "2027-07-21")
    assert {key: (each.banker, each.segment) for key, each in settings.call.customers.items()} == {
        "0123": ("anna", "gold"),
        "77": (None, ""),
    }
    rule = settings.acd.queues[0].sticky
    assert rule is not None and rule.named_banker and rule.talked_at_least_seconds == 10.0
    assert (rule.line_callers, rule.line_seconds, rule.line_in_a_row) == (3, 900.0, 4)
    assert settings.call.queue_texts[QueueId("sales")].away.texts["cs"]


def test_customers_can_stand_in_yaml(tmp_path: Path) -> None:
    assert with_people(tmp_path, customers='customers: { "0123": { banker: mart } }\n') == []
    (customer,) = load(tmp_path, env={"P": "x"}).call.customers.items()
    assert customer[0] == "0123" and customer[1].banker == "mart"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("customer,banker\n1,ana\n", 'customers.csv:2:1: no agent is called "ana" - did you mean "anna"?'),
        ("customer,bankr\n", 'there is no column "bankr" - did you mean "banker"?'),
        ("customer\n1\n1\n", "customers.csv:3:1: the customer 1 stands here twice"),
        ("banker\nanna\n", "one of them is customer"),
        ("", "one of them is customer"),
    ],
)
def test_what_is_wrong_with_customers_is_told(tmp_path: Path, rows: str, told: str) -> None:
    (tmp_path / "customers.csv").write_text(rows, encoding="utf-8")
    found = with_people(tmp_path, customers="customers: customers.csv\n")
    assert len(found) == 1 and told in found[0], found


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("deputy: mart", "deputy: marta", 'no agent is called "marta" - did you mean "mart"?'),
        ("deputy: mart", "deputy: anna", "nobody is her own deputy"),
        ("to: 2027-07-21", "to: 2027-06-21", "ends before it begins"),
        ("to: 2027-07-21", "to: 2027-07-32", "2027-07-32 is no day of the calendar"),
    ],
)
def test_what_is_wrong_with_people_is_told(tmp_path: Path, before: str, after: str, told: str) -> None:
    found = with_people(tmp_path, PEOPLE.replace(before, after))
    assert len(found) == 1 and told in found[0], found


def test_a_customers_file_that_is_not_there(tmp_path: Path) -> None:
    (found,) = with_people(tmp_path, customers="customers: nobody.csv\n")
    assert "cannot be read" in found


def test_rules_are_compiled_at_load(tmp_path: Path) -> None:
    rules = """    rules:
      - { when: "calls_today >= 3 and language == 'et'", head_start: 2m, name: tried before }
"""
    assert problems(tmp_path, rules) == []
    (rule,) = load(tmp_path, env={"P": "x"}).call.queue_texts[QueueId("sales")].ways.rules
    assert (rule.name, rule.head_start_seconds) == ("tried before", 120.0)


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("langage == 'et'", 'line.yaml:10:22: nothing is known as "langage" - did you mean "language"?'),
        ("calls_today >= 'x'", "calls_today is compared with a whole number"),
        ("import os", "is no expression"),
    ],
)
def test_a_wrong_rule_is_told_with_its_place(tmp_path: Path, when: str, told: str) -> None:
    found = problems(tmp_path, f'    rules: [ {{ when: "{when}", head_start: 1m }} ]\n')
    assert len(found) == 1 and told in found[0], found
