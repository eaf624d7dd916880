"""How many typed chats an agent takes, in people.yaml."""

from __future__ import annotations

from typing import Any

import pytest

ANNA = "{{ anna: {{ name: Anna, extension: 1001, password: {{ env: PW }}, queues: [sales], {} }} }}"


def test_a_capacity_beside_the_one_call(directory: Any) -> None:
    (anna,) = directory.load(agents=ANNA.format("chats: 3, chats_during_calls: true")).acd.agents
    assert (anna.chats, anna.chats_during_calls) == (3, True)
    (anna,) = directory.load().acd.agents
    assert (anna.chats, anna.chats_during_calls) == (0, False)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("chats: 21", "0 to 20"),
        ("chats: -1", "0 to 20"),
        ("chat: 3", 'did you mean "chats"'),
        ("chats: many", "a whole number"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(directory: Any, keys: str, told: str) -> None:
    (problem,) = directory.check(agents=ANNA.format(keys))
    assert told in problem and problem.startswith("line.yaml:5:"), problem
