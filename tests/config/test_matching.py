"""Whom to ring: levels, preferences, relaxation, orders, and orders from other packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest
from tests.config.conftest import Directory

from softswitch.acd.messages import BreakRule, RelaxStep, ReliefRule
from softswitch.acd.strategy import NO_FIT, STRATEGIES, Fit, Search, Standing
from softswitch.config import strategies
from softswitch.ids import QueueId

ANNA = "name: Anna, extension: 1001, password: { env: PW }, skills: { cards: 2, loans: 3 }"


def test_everything_about_matching(directory: Directory) -> None:
    acd = directory.load(
        queues="{ sales: { skills: { cards: 3 }, prefer: { loans: 2 }, order: skill-closest, next_level: 20s, "
        'weight: 3, ring_at_once: all, relax: [{ after: 30s, skill: "-1" }, { after: 1m, skill: any }, '
        "{ after: 90s, add_queue: other }] }, other: { ring_at_once: 2, next_level: when_busy } }",
        agents=f"{{ anna: {{ {ANNA}, queues: {{ sales: 2, other: 1 }} }} }}",
    ).acd
    sales, other = acd.queues
    assert sales.prefers == (("loans", 2.0),)
    assert (sales.order, sales.weight, sales.ring_at_once, sales.tier_after_seconds) == ("skill-closest", 3.0, 0, 20.0)
    assert sales.relax == (
        RelaxStep(30.0, 1),
        RelaxStep(60.0, any_skill=True),
        RelaxStep(90.0, add_queue=QueueId("other")),
    )
    assert (other.order, other.weight, other.ring_at_once, other.tier_after_seconds) == ("longest-idle", 1.0, 2, None)
    (anna,) = acd.agents
    assert (anna.queues, anna.tiers) == (("sales", "other"), (("sales", 2),))


def test_a_plain_list_of_queues_is_the_first_level(directory: Directory) -> None:
    (anna,) = directory.load().acd.agents
    assert (anna.queues, anna.tiers) == (("sales",), ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queues": "{ sales: { order: longest_idle } }"}, 'did you mean "longest-idle"?'),
        ({"queues": "{ sales: { relax: [{ after: 5s }] } }"}, "line.yaml:4:28: this step relaxes nothing"),
        ({"queues": "{ sales: { relax: [{ skill: any }] } }"}, "relax needs the key after"),
        ({"queues": "{ sales: { relax: [{ after: 5s, skill: 2 }] } }"}, 'expected levels less, like "-1", or any'),
        (
            {"queues": "{ sales: { relax: [{ after: 5s, add_queue: salse }] } }"},
            'no queue is called "salse" - did you mean "sales"?',
        ),
        ({"queues": "{ sales: { relax: [{ after: 5s, add_queue: sales }] } }"}, "has its own agents already"),
        ({"queues": "{ sales: { prefer: { carts: 1 } } }"}, 'no agent has the skill "carts"'),
        ({"queues": "{ sales: { ring_at_once: none } }"}, "expected a whole number from 1 to 100"),
        ({"queues": "{ sales: { next_level: 20 } }"}, "expected a length of time"),
        ({"queues": "{ sales: { weight: 0 } }"}, "from 1 to 100"),
        ({"agents": f"{{ anna: {{ {ANNA}, queues: {{ sales: 0 }} }} }}"}, "from 1 to 9"),
        ({"agents": f"{{ anna: {{ {ANNA}, queues: {{ salse: 1 }} }} }}"}, 'did you mean "sales"?'),
        ({"agents": f"{{ anna: {{ {ANNA}, queues: sales }} }}"}, "expected a list"),
    ],
)
def test_mistakes(directory: Directory, change: dict[str, str], message: str) -> None:
    problems = directory.check(**change)
    assert len(problems) == 1 and message in problems[0], problems


def test_rest_of_agents(directory: Directory) -> None:
    acd = directory.load(
        breaks="{ lunch: { at_most: 30m, then: ready }, coffee: { at_most: 10m } }",
        relief="{ rest: 2m, after_calls: 8, after_talk: 20m }",
        queues="{ sales: { suspend_after: never, more_time: 20s } }",
    ).acd
    assert acd.breaks == (BreakRule("lunch", 1800.0, True), BreakRule("coffee", 600.0))
    assert acd.relief == ReliefRule(120.0, 8, 1200.0)
    assert (acd.queues[0].suspend_after_no_answers, acd.queues[0].more_time_seconds) == (0, 20.0)
    plain = directory.load().acd
    assert (plain.breaks, plain.relief, plain.queues[0].suspend_after_no_answers) == ((), None, None)


def test_a_rest_that_nothing_earns(directory: Directory) -> None:
    (problem,) = directory.check(relief="{ rest: 2m }")
    assert "needs the key after_calls or the key after_talk" in problem


# ------------------------------------------------------------------ orders from other packages


def busiest(standing: Standing, fit: Fit) -> float:
    return -standing.calls


def without_key(standing: Standing, fit: Fit) -> Any:
    return None


class NoFunction:
    def __call__(self, standing: Standing, fit: Fit) -> float:
        return 0.0


no_function = NoFunction()


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    here = __name__
    entries = {
        name: EntryPoint(name, value, strategies.GROUP)
        for name, value in {
            "shop-busiest": f"{here}:busiest",
            "shop-keyless": f"{here}:without_key",
            "shop-gone": f"{here}:nothing_of_this_name",
            "shop-object": f"{here}:no_function",
        }.items()
    }
    strategies.load.cache_clear()
    monkeypatch.setattr(strategies, "installed", lambda: entries)


@pytest.mark.usefixtures("offered")
def test_an_order_of_another_package_is_loaded_and_tried() -> None:
    found = strategies.strategies(["longest-idle", "shop-busiest"])
    assert found["shop-busiest"].order is busiest
    assert (found["shop-busiest"].search, found["shop-busiest"].by_fit) == (Search.SCAN, True)
    assert {name: found[name] for name in STRATEGIES} == dict(STRATEGIES)
    assert strategies.orders() == (*STRATEGIES, "shop-busiest", "shop-gone", "shop-keyless", "shop-object")
    assert found["shop-busiest"].order(Standing(1), NO_FIT) == 0


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shop-keyless", "gives no key for an agent"),
        ("shop-gone", "cannot be loaded"),
        ("shop-object", "is not a plain function"),
    ],
)
def test_an_order_that_cannot_be_used_is_told(name: str, message: str) -> None:
    with pytest.raises(strategies.StrategyError, match=message):
        strategies.load(name)
