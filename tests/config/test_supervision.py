"""Who may be in whose talks, as it is written."""

from __future__ import annotations

from typing import Any

import pytest

_ROWS = ", ".join(
    f"{name}: {{ name: {name.title()}, extension: {at}, password: {{ env: PW }}, queues: [sales] }}"
    for at, name in enumerate(("anna", "mart", "kadri", "li"), 1001)
)
AGENTS = f"{{ {_ROWS} }}"
TEAMS = "{ day: { agents: [anna, mart, kadri], supervisor: kadri } }"


def supervised(directory: Any, **sections: str) -> dict[str, set[str]]:
    call = directory.load(agents=AGENTS, **sections).call
    return {str(who): set(map(str, whom)) for who, whom in call.supervised.items()}


def test_the_supervisor_of_a_team(directory: Any) -> None:
    assert supervised(directory, teams=TEAMS) == {"kadri": {"anna", "mart"}}
    assert supervised(directory) == {}


def test_others_as_well_or_instead(directory: Any) -> None:
    section = "{ also: { li: everybody, anna: [mart] } }"
    found = supervised(directory, teams=TEAMS, supervision=section)
    assert found == {"kadri": {"anna", "mart"}, "li": {"anna", "mart", "kadri"}, "anna": {"mart"}}
    assert supervised(directory, teams=TEAMS, supervision="{ teams: false }") == {}


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("{ also: { lee: everybody } }", 'no agent is called "lee"; known: anna, mart, kadri, li'),
        ("{ also: { li: [anna, marta] } }", 'no agent is called "marta" - did you mean "mart"?'),
        ("{ also: { li: all } }", "expected a list"),
        ("{ team: false }", 'did you mean "teams"?'),
    ],
)
def test_mistakes(directory: Any, section: str, problem: str) -> None:
    found = directory.check(agents=AGENTS, supervision=section)
    assert any(problem in str(each) for each in found), found


def test_codes(directory: Any) -> None:
    codes = directory.load(codes='{ listen: "*30", barge: off }').call.codes
    assert (codes.listen, codes.whisper, codes.barge) == ("*30", "*21", "")
    assert any("is the code for listen already" in str(each) for each in directory.check(codes='{ whisper: "*20" }'))


def test_what_an_agent_is_told(directory: Any) -> None:
    queues = '{ sales: { name: Card desk, tell_agent: "{queue}, {caller}, waited {waiting}", tell_agent_at_most: 5s } }'
    (texts,) = directory.load(queues=queues).call.queue_texts.values()
    assert texts.tell_agent.texts == {"en": "Card desk, {caller}, waited {waiting}"}
    assert texts.tell_agent_seconds == 5.0
    (texts,) = directory.load().call.queue_texts.values()
    assert texts.tell_agent.texts == {}
    found = directory.check(queues='{ sales: { tell_agent: "{agent}", tell_agent_at_most: 60s } }')
    assert any('nothing is known as "{agent}" here' in each for each in found)
    assert any("tell_agent_at_most" in each or "30s" in each for each in found)
