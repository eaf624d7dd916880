"""Who is first: `call_back: first`, `let_others_first`, departments by code; and what is told when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.acd import messages as acd
from softswitch.call.settings import LET_FIRST
from softswitch.config import check, load
from softswitch.ids import QueueId

from .test_queue_ways import LINE

SALES = QueueId("sales")


def problems(tmp_path: Path, queue: str, more: str = "") -> list[str]:
    (tmp_path / "line.yaml").write_text(LINE + queue + more, encoding="utf-8")
    return [str(each) for each in check(tmp_path)]


def test_the_customer_first(tmp_path: Path) -> None:
    assert problems(tmp_path, "    call_back: { first: customer, attempts: 2 }\n") == []
    settings = load(tmp_path, env={"P": "x"})
    rule = settings.acd.queues[0].call_back
    assert rule == acd.CallBackRule(attempts=2, customer_first=True, ask_customer=True)
    texts = settings.call.queue_texts[SALES].call_back_texts
    for language in ("en", "et", "zh", "it", "cs"):
        assert "1" in texts.ask_customer.texts[language]
        assert texts.customer_hold.texts[language] and texts.nobody_after_all.texts[language]


def test_without_the_question_it_is_not_rendered(tmp_path: Path) -> None:
    assert problems(tmp_path, "    sticky: { call_back: { first: customer, confirm: false } }\n") == []
    settings = load(tmp_path, env={"P": "x"})
    rule = settings.acd.queues[0].call_back
    assert rule is not None and (rule.customer_first, rule.ask_customer) == (True, False)
    texts = settings.call.queue_texts[SALES].call_back_texts
    assert (texts.ask_customer.texts, bool(texts.customer_hold.texts)) == ({}, True)


def test_agent_first_is_the_default_and_renders_none_of_it(tmp_path: Path) -> None:
    assert problems(tmp_path, "    call_back: { attempts: 2 }\n") == []
    settings = load(tmp_path, env={"P": "x"})
    rule = settings.acd.queues[0].call_back
    assert rule is not None and not rule.customer_first
    assert settings.call.queue_texts[SALES].call_back_texts.customer_hold.texts == {}


def test_let_others_first(tmp_path: Path) -> None:
    text = """
    while_waiting:
      let_others_first: { after: 20s, gives: 2m, next_after: 5m, key: "7", then: call_back, when: "passes == 0" }
"""
    assert problems(tmp_path, text) == []
    settings = load(tmp_path, env={"P": "x"})
    assert settings.acd.queues[0].let_first == acd.LetFirstRule(20.0, 120.0, 300.0)
    texts = settings.call.queue_texts[SALES]
    first = texts.ways.let_first
    assert first is not None and (first.key, first.next_after_seconds, first.call_back) == ("7", 300.0, True)
    assert first.when is not None and first.when.holds({"passes": 0})
    assert texts.ways.keys == {"7": LET_FIRST}
    assert "press 7" in texts.let_first.offer.texts["en"] and "call you back" in texts.let_first.offer.texts["en"]
    assert texts.call_back_texts.promised.texts["en"], "he is told when he is called back"


def test_a_queue_that_does_not_ask_renders_nothing_of_it(tmp_path: Path) -> None:
    assert problems(tmp_path, "    while_waiting: { say_wait: false }\n") == []
    texts = load(tmp_path, env={"P": "x"}).call.queue_texts[SALES]
    assert texts.let_first.offer.texts == texts.wait_between.texts == texts.wait_about.texts == {}


def test_the_wait_is_told_by_default_in_every_language(tmp_path: Path) -> None:
    assert problems(tmp_path, "    ring: 15s\n") == []
    texts = load(tmp_path, env={"P": "x"}).call.queue_texts[SALES]
    assert sorted(texts.wait_between.texts) == ["cs", "en", "et", "it", "zh"]
    assert all("{least}" in text and "{most}" in text for text in texts.wait_between.texts.values())


def test_departments_by_code(tmp_path: Path) -> None:
    more = '  loans: { code: "2" }\ncodes: { pass_on: "*30", more_time: off }\n'
    assert problems(tmp_path, '    code: "1"\n', more) == []
    call = load(tmp_path, env={"P": "x"}).call
    assert call.departments == {"1": "sales", "2": "loans"}
    assert (call.codes.pass_on, call.codes.pass_and_back, call.codes.more_time) == ("*30", "*16", "")


@pytest.mark.parametrize(
    ("queue", "more", "told"),
    [
        ("    call_back: { first: cusomer }\n", "", 'line.yaml:10:25: expected agent or customer, found "cusomer"'),
        (
            "    call_back: { confirm: true }\n",
            "",
            "only a customer who is called first is asked; it needs first: customer",
        ),
        (
            "    while_waiting: { let_others_first: { when: \"segmnt == 'gold'\" } }\n",
            "",
            'nothing is known as "segmnt" - did you mean "segment"?',
        ),
        ("    while_waiting: { let_others_first: { gives: 9m } }\n", "", "is shorter than `gives`"),
        (
            '    while_waiting: { keys: { "5": hang_up }, let_others_first: { after: 10s } }\n',
            "",
            "the key 5 leads elsewhere already",
        ),
        ('    code: "1"\n', '  loans: { code: "1" }\n', '1 is the code of the queue "sales" already'),
        (
            '    code: "1"\n',
            'codes: { pass_on: "*20" }\n',
            "line.yaml:11:19: *20 is the code for listen, too; give that another, or write listen: off",
        ),
        ("    while_waiting: { let_other_first: {} }\n", "", 'did you mean "let_others_first"?'),
    ],
)
def test_what_is_told(tmp_path: Path, queue: str, more: str, told: str) -> None:
    found = problems(tmp_path, queue, more)
    assert any(told in each for each in found), found
    assert all(each.startswith("line.yaml:") for each in found)
