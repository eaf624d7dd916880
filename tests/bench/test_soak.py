"""What a soak run calls wrong, and what `make bench` reads from its programs."""

from __future__ import annotations

import os

from run import last_object, rows
from soak import verdict
from switch_under_test import left_behind, process_tree


def one_round(rss_kb: int = 100_000, descriptors: int = 50, ok: int = 100) -> dict[str, int]:
    return {"started": 100, "ok": ok, "rss_kb": rss_kb, "descriptors": descriptors}


def test_a_steady_switch_is_well() -> None:
    assert verdict([one_round(80_000), one_round(), one_round(104_000), one_round(103_000, 52)]) == []


def test_growth_leaks_and_failed_calls_are_named() -> None:
    wrong = verdict([one_round(), one_round(), one_round(120_000, 90, ok=97)])
    assert [word.split()[0] for word in wrong] == ["memory", "descriptors", "3"]


def test_a_process_tree_is_measured() -> None:
    assert os.getpid() in process_tree(os.getpid())
    assert left_behind(os.getpid())["rss_kb"] > 1000


def test_the_last_object_of_an_output_is_its_result() -> None:
    assert last_object('warming up\n{"first": 1}\n{"last": {"us": 41.234, "n": 1200}}\ndone\n') == {
        "last": {"us": 41.234, "n": 1200}
    }
    assert last_object("no figures\n{broken\n") is None


def test_nested_figures_become_rows() -> None:
    assert rows({"parse": {"us": 41.234, "n": 1200}, "name": "x", "rate": 51234.6}) == [
        ("parse.us", "41.23"),
        ("parse.n", "1,200"),
        ("name", "x"),
        ("rate", "51,235"),
    ]
