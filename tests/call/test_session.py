"""A caller's session where things cross: choices overtaken, hang-ups in between, queues one after another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.call.house import ANNA, EVERYDAY, MART, House, make_settings

from softswitch.acd import messages as acd
from softswitch.acd.floor import Rejection
from softswitch.call import records
from softswitch.call.recording_settings import RecordingPlan
from softswitch.call.session import Stage
from softswitch.call.settings import Settings
from softswitch.ids import CustomerId, LegId, QueueId
from softswitch.ivr.messages import RecordStep, SayStep, Target
from softswitch.media import messages as media

TWO, THREE = "+3725550002", "+3725550003"


def talk(house: House, caller: str = "+3725550001") -> LegId:
    """Somebody talks to the agent whose phone rings."""
    leg = house.to_queue(caller)
    house.answer(house.ringing()[0])
    return leg


def choosing(house: House) -> LegId:
    """A caller has talked to Anna, who talks to somebody else now: he is asked what he wants."""
    house.register(ANNA)
    before = talk(house)
    house.wait(30)
    house.bye(before)
    house.wait(11)
    talk(house, TWO)
    return house.to_queue()


def test_she_goes_while_he_chooses_and_he_is_told() -> None:
    house = House()
    leg = choosing(house)
    house.register(MART)
    talk(house, THREE)
    house.post(acd.AgentLoggedOut(ANNA))
    assert house.heard(leg)[-1] == "Sorry, a colleague."
    house.prompt_over(leg)
    assert house.heard(leg)[-1] == "music:calm"
    house.press(leg, "1")  # there is no choice any more
    assert house.engine.rejected[Rejection.NOT_NOW] == 0


def test_she_goes_while_he_chooses_and_a_colleague_is_rung() -> None:
    house = House()
    leg = choosing(house)
    house.register(MART)
    house.post(acd.AgentLoggedOut(ANNA))
    assert house.rung() == [MART]
    assert house.heard(leg)[-1] == "tone:ringback"


def test_a_caller_who_hangs_up_while_the_store_is_asked_is_closed() -> None:
    house = House()
    house.register(ANNA)
    house.store_answers = False
    leg = house.to_queue()
    interaction = house.interaction_of(leg)
    house.bye(leg)
    (closed,) = house.of(records.InteractionClosed)
    assert (closed.interaction, closed.outcome) == (interaction, "menu")
    house.wait(1)
    house.assert_nothing_left()


def test_music_that_cannot_be_played_is_not_tried_for_ever() -> None:
    house = House(make_settings(overflow_when_nobody=False))
    leg = house.to_queue()
    house.prompt_over(leg)
    assert house.heard(leg)[-1] == "music:calm"
    plays = len(house.of(media.Play))
    (found, _) = house.calls.board.find_leg(leg)  # type: ignore[misc]
    house.post(media.PlaybackEnded(leg, found.playback, False))  # the worker has no such prompt
    assert len(house.of(media.Play)) == plays


def two_queues() -> Settings:
    """The menu leads to a queue without a memory, whose callers go on to the one with it."""
    settings = make_settings()
    (everyday,) = settings.acd.queues
    front = replace(everyday, id=QueueId("front"), sticky=None)
    texts = settings.call.queue_texts[EVERYDAY]
    call = replace(
        settings.call,
        queue_texts={**settings.call.queue_texts, front.id: replace(texts, after_overflow=Target(queue=EVERYDAY))},
    )
    steps = call.flows[settings.call.numbers["+3726310000"].flow].steps
    menu = replace(steps[1], keys={"1": Target(queue=EVERYDAY), "4": Target(queue="front")})  # type: ignore[call-arg]
    (flow,) = call.flows.values()
    call = replace(call, flows={flow.id: replace(flow, steps=(steps[0], menu, *steps[2:]))})
    return replace(settings, acd=replace(settings.acd, queues=(everyday, front)), call=call)


def test_who_it_was_last_time_is_remembered_through_a_queue_without_a_memory() -> None:
    house = House(two_queues())
    house.register(ANNA)
    before = talk(house)
    house.wait(30)
    house.bye(before)
    house.register(MART)
    house.wait(100)
    leg = house.call()
    house.press(leg, "4")  # nobody works in that queue: on to everyday
    assert [each.queue for each in house.of(records.InteractionQueued)[-2:]] == ["front", EVERYDAY]
    assert [each.previous_agent for each in house.of(records.InteractionQueued)[-2:]] == [None, ANNA]
    assert house.rung() == [ANNA]


def test_only_a_caller_who_hangs_up_has_abandoned() -> None:
    house = House()
    house.register(ANNA)
    talk(house)
    hangs_up, is_hung_up = house.to_queue(TWO), house.to_queue(THREE)
    house.bye(hangs_up)
    house.post(media.MediaLost())
    house.wait(15.0)
    outcomes = {each.interaction: each.outcome for each in house.of(acd.InteractionEnded)}
    assert list(outcomes.values()) == [acd.Outcome.ANSWERED, acd.Outcome.ABANDONED, acd.Outcome.OVERFLOWED]
    assert is_hung_up in house.ended_legs


def test_the_answer_about_his_number_alone_does_not_end_the_question_about_the_customer() -> None:
    house = House()
    house.register(ANNA, MART)
    house.post(acd.AgentWentOnBreak(ANNA, "x"))
    house.store_answers = False
    leg = house.call()
    house.press(leg, "212341")
    number = house.interaction_of(leg)
    assert house.session_of(leg).stage is Stage.LOOKUP
    house.post(records.PreviousAgentFound(number, None, None))  # asked ahead, while the greeting was played
    assert house.session_of(leg).stage is Stage.LOOKUP
    house.post(acd.AgentWentReady(ANNA))
    house.post(records.PreviousAgentFound(number, MART, CustomerId("1234")))
    assert house.rung() == [MART]


@pytest.mark.parametrize(("finished", "mark"), [(True, "announced"), (False, "not announced")])
def test_a_recording_does_not_say_announced_when_the_notice_could_not_be_played(finished: bool, mark: str) -> None:
    settings = make_settings()
    (flow,) = settings.call.flows.values()
    hello, *others = flow.steps
    assert isinstance(hello, SayStep)
    steps = (RecordStep("", "start"), replace(hello, name="record_notice", interruptible=False), *others)
    call = replace(settings.call, flows={flow.id: replace(flow, steps=steps)}, recording=RecordingPlan({}))
    house = House(replace(settings, call=call))
    leg = house.call()
    (found, _) = house.calls.board.find_leg(leg)  # type: ignore[misc]
    assert not house.of(media.StartRecording)
    house.post(media.PlaybackEnded(leg, found.playback, finished))
    assert house.of(media.StartRecording) and [each.mark for each in house.of(media.MarkRecording)] == [mark]
