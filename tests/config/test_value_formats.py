"""Variables with a format in texts: what may be written, and what is said about mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.call.prompts import segments_needed
from softswitch.ivr.messages import Segment

SET = "  - set: { balance: '1234.50', when: '2027-03-21' }\n"


def test_what_is_set_or_collected_can_be_said_in_a_format(directory: Any) -> None:
    steps = SET + '  - say: { en: "You have {balance:money EUR} on {when:day}, {caller:phone}." }\n'
    settings = directory.load({"flows/main.yaml": f"flow: main\nsteps:\n{steps}"})
    needed = set(segments_needed(settings))
    for text in ("You have", "thousand", "two hundred and", "cents", "the thirty-first of", "December", "plus"):
        assert Segment("en", text) in needed, text
    assert Segment("", text="tone:pause") in needed
    assert Segment("en", "dollars") not in needed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{balance:mony EUR}", 'no format is called "mony" - did you mean "money"?'),
        ("{balance:money}", "money needs a currency, like money EUR"),
        ("{balance:money EUX}", 'no currency is called "EUX" - did you mean "EUR"?'),
        ("{balance:number 2}", 'the format number stands alone, without "2"'),
        ("{balnce:number}", 'nothing is known as "{balnce}" here - did you mean "balance"?'),
        ("{balance}", 'how is "{balance}" spoken? Write a format, like {balance:money EUR}'),
        ("{caller:money EUR}", "caller is spoken as digits or phone"),
        ("{balance:}", 'how is "{balance}" spoken?'),
    ],
)
def test_mistakes_are_told_where_they_are(directory: Any, text: str, said: str) -> None:
    problems = directory.flow(f'{SET}  - say: {{ en: "It is {text}." }}\n')
    assert any(said in problem and problem.startswith("flows/") and ":4:" in problem for problem in problems), problems


def test_a_queue_tells_how_long_he_has_waited(directory: Any) -> None:
    texts = '{ sales: { texts: { position: { en: "Number {position}, after {waiting}." } } } }'
    assert Segment("en", "minutes") in segments_needed(directory.load(queues=texts))
    wrong = texts.replace("{waiting}", "{waiting:money EUR}")
    assert any("waiting is spoken as duration" in problem for problem in directory.check(queues=wrong))
