"""The report of a run: what differs is shown, and the rest is played all the same."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from softswitch.demo.steps import Differs, Note, Report, Step, ensure, run_steps


class Stage:
    """What a run does to its scene."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.tidied = 0

    async def tidy_up(self) -> None:
        self.tidied += 1


async def good(stage: Stage) -> str:
    stage.notes.append(Note(1.0, "A", "hears [something]"))
    return "it was so"


async def differing(stage: Stage) -> str:
    ensure(False, "it was otherwise")
    return ""


async def broken(stage: Stage) -> str:
    raise KeyError("nobody")


async def run(*steps: Step[Stage]) -> tuple[Report, Stage]:
    stage = Stage()
    return await run_steps(steps, stage, stage.notes, stage.tidy_up, Console(file=io.StringIO())), stage


async def test_good_steps_make_a_good_report() -> None:
    report, stage = await run(Step("one", "so", good), Step("two", "so", good))
    assert report.ok
    assert stage.tidied == 0
    assert [step["seen"] for step in report.as_json()["steps"]] == ["it was so"] * 2


@pytest.mark.parametrize(
    ("act", "seen"), [(differing, "it was otherwise"), (broken, "KeyError: 'nobody'")], ids=["differs", "breaks"]
)
async def test_what_differs_is_told_and_the_rest_is_played(act: object, seen: str) -> None:
    report, stage = await run(Step("one", "so", act), Step("two", "so", good))  # type: ignore[arg-type]
    assert not report.ok
    assert [(result.seen, result.ok) for result in report.results] == [(seen, False), ("it was so", True)]
    assert stage.tidied == 1


async def test_without_a_vital_step_nothing_else_is_tried() -> None:
    report, stage = await run(Step("one", "so", differing, vital=True), Step("two", "so", good))
    assert [result.step for result in report.results] == ["one"]
    assert stage.tidied == 0
    assert not report.ok


def test_empty_run_is_not_a_good_one() -> None:
    assert not Report(0.0).ok


@pytest.mark.parametrize("width", [60, 200])
async def test_table_and_ladder_show_everything(width: int) -> None:
    report, _ = await run(Step("[bold]one", "so", good), Step("two", "so", differing))
    out = Console(file=io.StringIO(), width=width)
    out.print(report.table(), report.ladder(width))
    text = out.file.getvalue()  # type: ignore[attr-defined]
    for word in ("[bold]one", "otherwise", "[something]"):
        assert word in text


def test_ensure() -> None:
    ensure(1, "fine")
    with pytest.raises(Differs, match="bad"):
        ensure([], "bad")
