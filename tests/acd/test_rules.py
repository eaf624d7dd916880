"""Rules of waiting: what can be written, what is refused, and that nothing but comparisons can ever run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.acd.rules import FACTS, MAX_LENGTH, RuleError, compile_rule

KNOWN = {
    "language": "et",
    "segment": "gold",
    "calls_today": 3,
    "was_cut_off": False,
    "passes": 0,
    "hour": 14,
    "has_customer": True,
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("language == 'et' and calls_today >= 3", True),
        ("language == 'et' and calls_today > 3", False),
        ("was_cut_off or segment != 'gold'", False),
        ("not was_cut_off", True),
        ("language in ['en', 'et']", True),
        ("language not in ('en', 'et')", False),
        ("hour >= 9 and hour < 17", True),
        ("(passes == 0 or was_cut_off) and has_customer", True),
        ("has_customer == True", True),
        ("3 <= calls_today", True),
        ("True", True),
    ],
)
def test_what_can_be_written(text: str, holds: bool) -> None:
    assert compile_rule(text).holds(KNOWN) is holds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no expression"),
        ("language = 'et'", "is no expression"),
        ("calls_today", "neither true nor false"),
        ("calls_today and True", "calls_today is neither true nor false"),
        ("language == 3", "language is compared with a text in quotes"),
        ("calls_today >= '3'", "calls_today is compared with a whole number"),
        ("was_cut_off == 1", "was_cut_off is compared with True or False"),
        ("language < 'et'", "only numbers have an order"),
        ("language in 'et'", "after in stands a list"),
        ("language in [hour]", "language is compared with a text in quotes"),
        ("1 < hour < 3", "one comparison at a time"),
        ("hour is 3", "compare with"),
        ("hour + 1 == 3", "cannot stand in a rule"),
        ("f\"{'\u00a0'}\" == 'et'", "this cannot stand in a rule"),
        ("hour == 3.5", "cannot stand in a rule"),
        ("(lambda: True)()", "cannot stand in a rule"),
        ("language.upper() == 'ET'", "cannot stand in a rule"),
        ("__import__('os').system('x') == 0", "cannot stand in a rule"),
        ("[x for x in (1,)] == 1", "cannot stand in a rule"),
        ("9 ** 9 ** 9 == 1", "cannot stand in a rule"),
        ("not " * 50 + "True", "more than 80 parts"),
        ("a" * (MAX_LENGTH + 1), "longer than"),
        ("langage == 'et'", 'nothing is known as "langage"'),
    ],
)
def test_what_is_refused(text: str, told: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rule(text)
    assert told in str(caught.value)


words = st.sampled_from(
    [*FACTS, "and", "or", "not", "==", ">=", "in", "(", ")", "[", "]", "'et'", "3", "True", ",", "."]
)


@given(st.lists(words, max_size=12).map(" ".join) | st.text(max_size=60))
def test_any_text_is_a_condition_or_a_sentence(text: str) -> None:
    try:
        condition = compile_rule(text)
    except RuleError as error:
        assert str(error)
    else:
        assert condition.holds(KNOWN) in (True, False)
        assert condition.names <= FACTS.keys()
