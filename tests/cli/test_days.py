"""simulate and replay, as they are typed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from softswitch.cli.floor import FloorError
from softswitch.cli.plots import bar
from softswitch.cli.simulating import seconds_of


async def test_a_simulated_day_and_what_it_would_have_been(cli: Any, project: Path, tmp_path: Path) -> None:
    day = tmp_path / "day.journal"
    words = ("simulate", project / "configs" / "bank", "--calls", 120, "--pattern", "morning", "--talk", "4m")
    first = await cli(*words, "--journal", day, "--html", tmp_path / "day.html", "--json")
    assert (first.status, first.err) == (0, "")
    found = json.loads(first.out)
    assert sum(row["offered"] for row in found["hours"]) == found["figures"]["offered"] == 120
    again = await cli(*words, "--json")
    assert json.loads(again.out)["figures"] == found["figures"], "the same seed, the same day"
    shown = await cli(*words, COLUMNS="80")
    hours = shown.out.partition("\n\n")[0].splitlines()[1:]
    assert len(hours) == len(found["hours"]) and all(re.match("[0-9]{2}:00 ", line) for line in hours), "no line folds"
    assert "service level" in shown.out and "hung up while waiting / offered" in shown.out

    page = (tmp_path / "day.html").read_text(encoding="utf-8")
    assert page.count("<rect") > 8 and "prefers-color-scheme: dark" in page
    assert not re.search(r"<script|https?:|url[(]|@import", page), "nothing is fetched, nothing runs"

    seen = await cli("replay", day, "--agents", "+2", "--seeds", 4, "--json")
    assert (seen.status, seen.err) == (0, "")
    compared = json.loads(seen.out)
    (level,) = [row for row in compared["figures"] if row["name"] == "service_level_percent"]
    assert level["happened"] == pytest.approx(found["figures"]["service_level_percent"], abs=0.01)
    assert level["difference"]["mean"] > 0 and "4 of 4 seeds agree" in compared["sentence"]
    text = await cli("replay", day, "--config", project / "configs" / "bank", "--seeds", 2)
    assert text.status == 0 and "the same configuration" in text.out
    fewer = await cli("replay", day, "--agents", "-3", "--seeds", 2)
    assert "nobody would be left" in fewer.sentence()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("simulate", "nowhere", "--calls", "9"), "nowhere"),
        (("simulate", "BANK", "--calls", "9", "--pattern", "odd"), "there are even, morning, storm"),
        (("simulate", "BANK", "--calls", "9", "--talk", "long"), "write a time like"),
        (("replay", "nowhere"), "No such file"),
        (("replay", "BANK"), "holds no journal"),
    ],
)
async def test_what_cannot_be_done(cli: Any, project: Path, words: tuple[str, ...], says: str) -> None:
    bank = str(project / "configs" / "bank")
    assert says in (await cli(*(bank if word == "BANK" else word for word in words))).sentence()


def test_times_and_bars() -> None:
    assert seconds_of("3m", "--talk") == 180.0 and seconds_of(None, "--talk") is None
    with pytest.raises(FloorError):
        seconds_of("0s", "--talk")
    assert bar(1.0, 1.0, 4) == "████" and bar(0.5, 1.0, 3) == "█▌" and bar(0.0, 1.0, 3) == "" == bar(1.0, 0.0, 3)
