"""What a flow says of a notice that nobody has heard."""

from __future__ import annotations

import pytest
from tests.ivr.test_flow import RULES

from softswitch.ids import FlowId, IdSource
from softswitch.ivr.flow import FlowRun
from softswitch.ivr.messages import (
    Flow,
    FlowStarted,
    MenuStep,
    PlayPrompt,
    PromptEnded,
    RecordCall,
    Say,
    SayStep,
    Target,
    Unclear,
)

NOTICE = SayStep("record_notice", Say(texts={"en": "This call is recorded."}), interruptible=False)
MENU = MenuStep("main", Say(texts={"en": "Press 1."}), {"1": Target(queue="cards")}, Unclear())
MAIN = FlowId("main")


def recording(commands: list[object]) -> list[str]:
    return [each.action for each in commands if isinstance(each, RecordCall)]


@pytest.mark.parametrize(("finished", "told"), [(True, ["announced"]), (False, ["no notice"])])
def test_a_notice_whose_prompt_is_missing_was_not_heard(finished: bool, told: list[str]) -> None:
    run = FlowRun({MAIN: Flow(MAIN, (NOTICE, MENU))}, MAIN, IdSource(), RULES)
    began = run.handle(FlowStarted("en", {}), 100.0)
    assert recording([*began]) == ["notice ahead"]
    (playback,) = (each.playback for each in began if isinstance(each, PlayPrompt))
    assert recording([*run.handle(PromptEnded(playback, finished), 100.0)]) == told


def test_a_notice_of_whose_end_nobody_tells_was_not_heard() -> None:
    run = FlowRun({MAIN: Flow(MAIN, (NOTICE, MENU))}, MAIN, IdSource(), RULES)
    run.handle(FlowStarted("en", {}), 100.0)
    deadline = run.next_deadline()
    assert deadline is not None
    assert recording([*run.tick(deadline)]) == ["no notice"]
