"""The step `set`: what a flow notes of a call, and whose case it says it is."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.ivr.messages import SetStep

ASK = "  - collect: code\n    say: { en: Your code. }\n    digits: 4\n"
PIN = "  - collect: pin\n    say: { en: Your pin. }\n    digits: 4\n    secret: true\n"


def test_what_it_becomes_and_who_can_look_at_it(directory: Any) -> None:
    steps = (
        ASK
        + '  - set: { owner: "{code}", reason: "card {code}" }\n  - branch: reason\n    is: { x: { queue: sales } }\n'
    )
    rule = """{ sales: { rules: [ { when: "reason == 'card 1234'", head_start: 1s, name: x } ] } }"""
    settings = directory.load({"flows/main.yaml": f"flow: main\nsteps:\n{steps}"}, queues=rule)
    assert settings.call.flows["main"].steps[1] == SetStep("", {"reason": "card {code}"}, "{code}")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("  - set: { reason: '{cod}' }\n" + ASK, 'nothing is known as {cod} here - did you mean "code"?'),
        ("  - set: { reason: '{pin}' }\n" + PIN, "nothing is known as {pin} here"),
        ("  - set: { pin: '1' }\n" + PIN, '"pin" is a secret and cannot be set'),
        ("  - set: { language: et }\n", '"language" is known of every call already and cannot be set'),
        ("  - set: { caller: '1' }\n", '"caller" is known of every call already'),
        ("  - set: { owner: nobody }\n", 'no agent is called "nobody"'),
        ("  - set: {}\n", "there is no entry"),
        ("  - set: { reason: [a] }\n", "expected a value"),
        (f"  - set: {{ reason: {'x' * 201} }}\n", "a value has at most 200 characters"),
    ],
)
def test_mistakes_are_told_where_they_are(directory: Any, steps: str, said: str) -> None:
    problems = directory.flow(steps)
    assert any(said in problem for problem in problems), problems


def test_what_is_set_is_not_spoken(directory: Any) -> None:
    (problem,) = directory.flow("  - set: { reason: card }\n  - say: { en: 'You want {reason}.' }\n")
    assert "{reason}" in problem
