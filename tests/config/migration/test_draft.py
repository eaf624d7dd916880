"""Ids, names and bounds of a draft are those of the configuration language."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from softswitch.config.kinds import Kind, keys_of
from softswitch.config.language import OffersDoc, QueueDoc, WaitingDoc
from softswitch.config.migration import draft
from softswitch.config.migration.draft import new_env, new_id, new_name, seconds, takes_order
from softswitch.config.migration.findings import is_secret
from softswitch.config.migration.written import text
from softswitch.config.problems import Report
from softswitch.config.tree import Scalar
from softswitch.config.values import AGENT_ID, ID, NOWHERE, SERVICE_LEVEL


def takes(kind: Kind[object], word: str) -> bool:
    report = Report()
    kind.read(Scalar(NOWHERE, word, False), report)
    return not report.problems


@pytest.mark.parametrize(
    ("key", "bounds"),
    [("ring", draft.RING_SECONDS), ("wrap_up", draft.WRAP_UP_SECONDS), ("max_wait", draft.MAX_WAIT_SECONDS)],
)
def test_bounds_of_times(key: str, bounds: tuple[int, int]) -> None:
    kind = keys_of(QueueDoc)[key].kind
    assert takes(kind, seconds(bounds[0])) and takes(kind, seconds(bounds[1]))
    assert not takes(kind, f"{bounds[1] + 1}s")
    assert bounds[0] == 0 or not takes(kind, f"{bounds[0] - 1}s")


def test_bounds_of_the_others() -> None:
    assert draft.MAX_WAIT_SECONDS[1] == draft.NO_LIMIT_SECONDS
    for value in draft.SUSPEND_AFTER:
        assert takes(keys_of(OffersDoc)["suspend_after"].kind, str(value))
    assert not takes(keys_of(OffersDoc)["suspend_after"].kind, str(draft.SUSPEND_AFTER[1] + 1))
    for value in draft.EVERY_SECONDS:
        assert takes(keys_of(WaitingDoc)["say_position"].kind, f"every {seconds(value)}")
    for value in draft.SERVICE_LEVEL_SECONDS:
        assert takes(SERVICE_LEVEL, f"80% in {seconds(value)}")


def test_orders_are_those_of_the_language() -> None:
    assert takes_order("longest-idle")
    assert not takes_order("")
    assert not takes_order("whoever")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("sales", "sales"),
        ("Sales Team", "sales_team"),
        ("cards-fraud", "cards_fraud"),
        ("Müük & Ost", "muuk_ost"),
        ("600", "queue_600"),
        ("客服", "queue"),
        ("", "queue"),
        ("__x__", "x"),
        ("x" * 100, "x" * 48),
    ],
)
def test_ids(written: str, expected: str) -> None:
    assert new_id(written, "queue", ()) == expected
    assert new_id(written, "queue", {expected}) == f"{expected}_2"
    assert new_id(written, "queue", {expected, f"{expected}_2"}) == f"{expected}_3"


@given(st.text(max_size=200), st.lists(st.text(max_size=20), max_size=3))
def test_whatever_the_name_the_id_is_one(name: str, others: list[str]) -> None:
    taken: set[str] = set()
    for one in (*others, name, name):
        found = new_id(one, "agent", taken)
        assert takes(ID, found) and takes(AGENT_ID, found) and found not in taken
        taken.add(found)
    assert len({new_env(one) for one in taken}) == len(taken)


@given(st.text(max_size=200))
def test_any_text_survives_yaml(value: str) -> None:
    name = new_name(value, "nobody")
    assert name == name.strip() != "" and name.isprintable() and not {"{", "}"} & set(name)
    assert yaml.safe_load(f"name: {text(name)}") == {"name": name}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_quoted_text_is_the_text(value: str) -> None:
    assert yaml.load(f"a: {text(value)}", yaml.BaseLoader) == {"a": value}


@pytest.mark.parametrize("name", ["password", "secret", "md5secret", "md5_cred", "register", "odbc-dsn", "auth_key"])
def test_secret_names(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["auth", "registertimeout", "strategy", "context", "pinned"])
def test_names_of_no_secrets(name: str) -> None:
    assert not is_secret(name)
