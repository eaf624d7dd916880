"""What a waiting caller is told: the range of his wait, nothing twice, and whether others may go first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.call.house import ANNA, EVERYDAY, House, make_settings, text

from softswitch.acd import messages as acd
from softswitch.acd.rules import compile_rule
from softswitch.call.comfort import wait_said
from softswitch.call.settings import LET_FIRST, CallBackTexts, LetFirst, LetFirstTexts, QueueWays, Settings
from softswitch.ids import LegId

TEXTS = replace(
    make_settings().call.queue_texts[EVERYDAY],
    wait_between=text("Between {least} to {most}."),
    wait_about=text("About {minutes}."),
)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (None, None, {}),
        (5.0, 20.0, {"minutes": "1"}),
        (5.0, 61.0, {"least": "1", "most": "2"}),
        (190.0, 290.0, {"least": "3", "most": "5"}),
        (185.0, 240.0, {"least": "3", "most": "4"}),
        (180.0, 180.0, {"minutes": "3"}),
        (1800.0, 5000.0, {"least": "30", "most": "60"}),
        (4000.0, 9000.0, {"minutes": "60"}),
    ],
)
def test_the_range_in_whole_minutes_outwards(low: float | None, high: float | None, said: dict[str, str]) -> None:
    found = wait_said(TEXTS, low, high)
    assert [dict(values) for _, values in found] == ([said] if said else [])


def line(call_back: bool = False, when: str = "", **queue: object) -> Settings:
    made = make_settings(let_first=acd.LetFirstRule(30.0, 100.0, 240.0), max_wait_seconds=3000.0, **queue)
    rule = compile_rule(when) if when else None
    texts = replace(
        TEXTS,
        let_first=LetFirstTexts(text("Let others first: 5."), text("Next in {minutes}."), text("Your place again.")),
        call_back_texts=CallBackTexts(promised=text("We call by {time}.")),
        ways=QueueWays(keys={"5": LET_FIRST}, let_first=LetFirst("5", 240.0, call_back, rule)),
    )
    return replace(made, call=replace(made.call, queue_texts={EVERYDAY: texts}))


def waiting(settings: Settings) -> tuple[House, LegId]:
    house = House(settings)
    house.register(ANNA)
    house.to_queue("+3725550009")
    house.answer(house.ringing()[0])
    leg = house.to_queue()
    house.to_queue("+3725550003")
    return house, leg


def test_he_hears_his_place_and_between_how_many_minutes() -> None:
    house, leg = waiting(line())
    told = house.of(acd.AnnounceWaiting)[0]
    assert 0.0 < told.low_seconds < 60.0 and 420.0 < told.high_seconds < 480.0
    said = ["Please wait.", "You are number", "one", "Between", "one", "to", "eight minutes"]
    assert house.heard(leg)[-7:] == said


def test_while_nothing_changes_the_music_plays_on() -> None:
    house, leg = waiting(make_settings(max_wait_seconds=3000.0))
    house.prompt_over(leg)
    before = len(house.heard(leg))
    house.wait(200)
    assert len(house.heard(leg)) == before


def test_he_lets_others_go_first_and_takes_it_back_by_the_same_key() -> None:
    house, leg = waiting(line())
    house.press(leg, "5")  # nobody has asked him yet
    assert "Next in" not in house.heard(leg)
    house.wait(60)
    assert house.heard(leg)[-1] == "Let others first: 5."
    house.press(leg, "5")
    assert house.heard(leg)[-2:] == ["Next in", "four minutes"]
    assert house.session_of(leg).waiting.notes[-1] == "lets others go first, up to 100 s"
    order = [place[1] for place in house.engine.floor.queues[EVERYDAY].line]
    assert order[-1] == house.interaction_of(leg)
    house.press(leg, "5")
    assert "Your place again." in house.heard(leg)
    assert house.engine.floor.queues[EVERYDAY].line[0][1] == house.interaction_of(leg)


def test_and_is_called_back_where_the_queue_returns_that() -> None:
    house, leg = waiting(line(call_back=True))
    house.wait(60)
    house.press(leg, "5")
    assert "We call by" in house.heard(leg)
    entry = house.engine.floor.entries[house.of(acd.SavePromise)[-1].interaction]
    assert house.engine.floor.queues[EVERYDAY].line[-1] == entry.place


def test_only_those_of_whom_the_rule_is_true_are_asked() -> None:
    house, leg = waiting(line(when="language == 'et'"))
    house.wait(200)
    assert "Let others first: 5." not in house.heard(leg)
    house.press(leg, "5")
    assert house.of(acd.CallerLetOthersFirst) == []
