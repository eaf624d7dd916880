"""Values are changed where they stand; everything else of the text stays as it is."""

from __future__ import annotations

import pytest
import yaml

from softswitch.demo.edit import set_value

TEXT = """\
# people wait here
queues:
  everyday:
    ring: 20s      # then the call goes on
    sticky:
      counts: { talked: 2s, other: x }
      offer: [wait, colleague]
  fraud: { ring: 15s }
"""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("queues", "everyday", "ring"), "4s"),
        (("queues", "everyday", "sticky", "counts", "talked"), "5s"),
        (("queues", "everyday", "sticky", "offer"), "[wait]"),
        (("queues", "fraud", "ring"), "1s"),
    ],
)
def test_only_the_value_changes(path: tuple[str, ...], value: str) -> None:
    changed = set_value(TEXT, path, value)
    before, after = yaml.safe_load(TEXT), yaml.safe_load(changed)
    place = before
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = yaml.safe_load(value)
    assert after == before
    assert changed.count("\n") == TEXT.count("\n")
    assert "# then the call goes on" in changed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("queues", "everyday", "wrap_up"), "3s"),
        (("queues", "fraud", "wrap_up"), "3s"),
        (("queues", "everyday", "sticky", "call_back", "within"), "1h"),
    ],
)
def test_missing_keys_are_added(path: tuple[str, ...], value: str) -> None:
    after = yaml.safe_load(set_value(TEXT, path, value))
    for key in path:
        after = after[key]
    assert after == value


def test_what_cannot_be_set_says_so() -> None:
    with pytest.raises(ValueError, match="no section agents"):
        set_value(TEXT, ("agents", "anna"), "1")
    with pytest.raises(ValueError, match="is a block"):
        set_value(TEXT, ("queues", "everyday"), "1")
    with pytest.raises(ValueError, match="has no keys"):
        set_value(TEXT, ("queues", "fraud", "ring", "x"), "1")
