"""Which calls are recorded, and what is marked in them: by the queue, by the flow, by order, through transfers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from softswitch.call.leg import CallLeg
from softswitch.call.recording import RecordingOrder, Recordings
from softswitch.call.recording_settings import RecordingPlan, RecordRule
from softswitch.ids import IdSource, InteractionId, LegId, QueueId
from softswitch.media.messages import MarkRecording, MaskRecording, PauseRecording, StartRecording, StopRecording

CALL = InteractionId(42)
CARDS, LOANS, SECRET, DEMAND = (QueueId(name) for name in ("cards", "loans", "secret", "demand"))
RULES = {CARDS: RecordRule("always"), LOANS: RecordRule("always"), DEMAND: RecordRule("on_demand")}
PLAN = RecordingPlan(RULES)


class Line:
    """Recordings of one leg; `told` is what the media process was told."""

    def __init__(self, plan: RecordingPlan | None = PLAN) -> None:
        self.told: list[Any] = []
        self.of = Recordings(plan, IdSource(1), self.told.append)
        facts = SimpleNamespace(customer="+3725550001", dialled="+3726310000", interaction=CALL)
        self.leg = cast(CallLeg, SimpleNamespace(id=LegId(5), alive=True, facts=facts, has_media=True))

    def talk(self, queue: QueueId, agent: str = "anna") -> None:
        self.of.talk_began(self.leg, CALL, queue, agent)

    def order(self, do: str) -> None:
        self.of.obey(self.leg, RecordingOrder(CALL, do, "kadri", "because"))

    def refusal(self, do: str) -> str | None:
        return self.of.refusal(self.leg.id, RecordingOrder(CALL, do, "kadri", "because"))

    @property
    def state(self) -> str:
        return self.of.state(self.leg.id)

    def take(self) -> list[Any]:
        taken = list(self.told)
        self.told.clear()
        return taken


def said(command: Any) -> tuple[Any, ...]:
    match command:
        case StartRecording():
            return ("start", command.by)
        case StopRecording():
            return ("stop", command.by)
        case PauseRecording():
            return ("pause", command.on, command.by)
        case MaskRecording():
            return ("mask", command.on, command.reason)
        case MarkRecording():
            return (command.mark, command.detail)
    raise AssertionError(command)


@pytest.fixture
def line() -> Line:
    return Line()


def test_a_queue_that_always_records_begins_with_the_talk(line: Line) -> None:
    line.talk(CARDS)
    told = line.take()
    assert [said(each) for each in told] == [
        ("start", "the queue"),
        ("not announced", ""),
        ("queue", "cards"),
        ("agent", "anna"),
    ]
    assert told[0].interaction == CALL and told[0].caller == "+3725550001" and told[0].recording > 0
    assert line.state == "recording"


def test_another_department_is_the_same_recording(line: Line) -> None:
    line.talk(CARDS)
    line.of.mark(line.leg, "passed on", "loans")
    line.take()
    line.talk(LOANS, "mart")
    assert [said(each) for each in line.take()] == [("queue", "loans"), ("agent", "mart")]


def test_a_queue_that_never_records_is_silence_in_the_recording_of_another(line: Line) -> None:
    line.talk(CARDS)
    line.take()
    line.talk(SECRET, "mart")
    assert said(line.take()[-1]) == ("pause", True, "the queue")
    assert line.state == "paused"
    line.talk(LOANS)
    assert said(line.take()[-1]) == ("pause", False, "the queue")


def test_a_queue_that_records_on_demand_begins_by_order(line: Line) -> None:
    line.talk(DEMAND)
    assert line.take() == [] and line.state == ""
    assert line.refusal("start") is None
    line.order("start")
    assert said(line.take()[0]) == ("start", "kadri")


def test_a_queue_that_never_records_is_not_recorded_by_order_either(line: Line) -> None:
    line.talk(SECRET)
    assert line.refusal("start") == 'He talks with the queue "secret", which is never recorded.'
    line.order("start")  # also when it was asked for a moment before
    assert line.take() == [] and line.state == ""
    line.talk(DEMAND)
    assert line.refusal("start") is None
    line.talk(SECRET)
    line.talk(CARDS)
    assert line.state == "recording"
    line.talk(SECRET)
    assert line.refusal("resume") == 'He talks with the queue "secret", which is never recorded.'
    assert line.refusal("stop") is None


def test_never_outlives_the_process(line: Line) -> None:
    line.talk(SECRET)
    known = line.of.known(line.leg.id)
    assert known is not None
    after = Line()
    after.of.goes_on(after.leg, known, False)
    assert after.refusal("start") == 'He talks with the queue "secret", which is never recorded.'


def test_a_share_of_the_calls_is_the_same_calls_whenever_it_is_asked() -> None:
    rule = RecordRule("always", 20.0)
    taken = [number for number in range(10_000) if rule.takes(InteractionId(number))]
    assert 1800 < len(taken) < 2200
    assert taken == [number for number in range(10_000) if rule.takes(InteractionId(number))]
    assert not any(RecordRule("on_demand").takes(InteractionId(number)) for number in range(100))


def test_who_refused_is_recorded_by_nobody(line: Line) -> None:
    line.of.flow(line.leg, CALL, "announced")
    line.of.flow(line.leg, CALL, "start")
    assert [said(each) for each in line.take()] == [("start", "the flow"), ("announced", "")]
    line.of.flow(line.leg, CALL, "stop")
    assert [said(each) for each in line.take()] == [("stop", "the flow")]
    line.talk(CARDS)
    line.order("start")
    assert line.take() == [] and line.state == "refused"
    refusal = line.of.refusal(line.leg.id, RecordingOrder(CALL, "start", "kadri", "x"))
    assert refusal == "The caller refused to be recorded."


def test_a_secret_masks_and_does_not_take_back_the_mask_of_a_person(line: Line) -> None:
    line.talk(CARDS)
    line.take()
    line.order("mask")
    line.of.flow(line.leg, CALL, "secret")
    line.of.flow(line.leg, CALL, "public")
    assert line.state == "masked"
    line.order("unmask")
    assert [said(each)[:2] for each in line.take()] == [("mask", True), ("mask", False)]


def test_a_recording_that_begins_in_a_mask_is_masked(line: Line) -> None:
    line.of.flow(line.leg, CALL, "secret")
    line.of.flow(line.leg, CALL, "start")
    assert said(line.take()[-1])[:2] == ("mask", True)


def test_a_pause_by_a_person_and_one_by_the_queue_are_both_over_before_it_goes_on(line: Line) -> None:
    line.talk(CARDS)
    line.order("pause")
    line.take()
    line.talk(SECRET)
    line.order("resume")
    assert not [each for each in line.take() if isinstance(each, PauseRecording) and not each.on]
    line.talk(LOANS)
    assert said(line.take()[-1]) == ("pause", False, "the queue")


def test_orders_that_cannot_be_obeyed_say_why(line: Line) -> None:
    def refusal(do: str) -> str | None:
        return line.of.refusal(line.leg.id, RecordingOrder(CALL, do, "kadri", "x"))

    assert refusal("pause") == "This call is not recorded."
    line.talk(CARDS)
    assert refusal("start") == "This call is recorded already."
    assert refusal("pause") is None
    silent = Line(None)
    assert "no section recording" in (silent.of.refusal(LegId(5), RecordingOrder(CALL, "start", "k", "x")) or "")
    silent.talk(CARDS)
    silent.of.flow(silent.leg, CALL, "start")
    assert silent.take() == []


def test_what_is_shown_of_a_call_that_goes_on(line: Line) -> None:
    shown = [line.of.shown(None), line.of.shown(line.leg)]
    line.talk(CARDS)
    for order in ("pause", "resume", "mask", "unmask", "stop"):
        shown.append(line.of.shown(line.leg))
        line.order(order)
    line.of.flow(line.leg, CALL, "stop")  # he refuses
    shown.append(line.of.shown(line.leg))
    assert shown == ["off", "off", "on", "paused", "on", "paused", "on", "off"]


def test_a_leg_that_ended_is_forgotten(line: Line) -> None:
    line.talk(CARDS)
    line.of.ended(line.leg.id)
    assert line.state == "" and not line.of._legs


def test_a_secret_is_masked_also_in_a_recording_that_began_before_a_restart(line: Line) -> None:
    line.of.flow(line.leg, CALL, "secret")
    line.of.flow(line.leg, CALL, "public")
    assert [said(each)[:2] for each in line.take()] == [("mask", True), ("mask", False)]


def test_when_the_audio_begins_anew_the_rest_is_a_recording_of_its_own_and_as_silent(line: Line) -> None:
    line.of.flow(line.leg, CALL, "announced")
    line.talk(CARDS)
    line.order("pause")
    line.order("mask")
    first = line.take()[0]
    line.of.moved(line.leg)
    told = line.take()
    assert told[0].recording not in (0, first.recording) and told[0].interaction == CALL
    assert [said(each) for each in told] == [
        ("start", "the switch"),
        ("goes on from", str(first.recording)),
        ("announced", ""),
        ("queue", "cards"),
        ("agent", "anna"),
        ("pause", True, "the switch"),
        ("mask", True, "as before"),
    ]
    assert line.state == "masked"


def test_the_rest_is_of_the_same_call_also_on_a_leg_that_knows_of_none(line: Line) -> None:
    line.leg.facts.interaction = None  # of who is called back
    line.talk(CARDS)
    line.of.moved(line.leg)
    starts = [each.interaction for each in line.take() if isinstance(each, StartRecording)]
    assert starts == [CALL, CALL]


def test_who_is_not_recorded_is_not_when_the_audio_begins_anew(line: Line) -> None:
    line.of.moved(line.leg)
    line.talk(DEMAND)
    line.of.flow(line.leg, CALL, "stop")
    line.of.moved(line.leg)
    assert line.take() == []


def test_the_mask_of_a_secret_outlasts_the_sound_of_its_last_key(line: Line) -> None:
    line.of.flow(line.leg, CALL, "start")
    line.of.flow(line.leg, CALL, "secret")
    line.of.flow(line.leg, CALL, "public")
    on, off = (each for each in line.take() if isinstance(each, MaskRecording))
    assert on.lingers == 0.0 and off.lingers >= 0.3
    line.order("mask")
    line.order("unmask")
    assert line.take()[-1].lingers == 0.0


def test_a_mask_of_a_secret_reaches_back_to_the_first_key_that_was_typed_ahead(line: Line) -> None:
    line.of.flow(line.leg, CALL, "start")
    line.of.flow(line.leg, CALL, "secret", 3.0)
    line.of.flow(line.leg, CALL, "public")
    on, off = (each for each in line.take() if isinstance(each, MaskRecording))
    assert on.since >= 3.3 and off.since == 0.0
    line.of.flow(line.leg, CALL, "secret")
    assert line.take()[-1].since >= 0.3  # the beginning of a tone that is known for a key a moment later
    line.of.flow(line.leg, CALL, "public")
    line.order("mask")
    assert line.take()[-1].since == 0.0


def test_what_is_to_begin_waits_for_the_notice(line: Line) -> None:
    line.of.flow(line.leg, CALL, "notice ahead")
    assert line.refusal("start") is None
    line.order("start")
    line.of.flow(line.leg, CALL, "start")
    assert line.take() == [] and line.state == "" and line.of.shown(line.leg) == "waits"
    assert line.refusal("start") == "It waits already, until he has heard the notice that his flow has for him."
    line.of.flow(line.leg, CALL, "announced")
    assert line.of.shown(line.leg) == "on"
    assert [said(each) for each in line.take()] == [("start", "the flow"), ("announced", "")]


def test_what_waits_for_a_notice_that_nobody_tells_him_begins_with_the_talk_at_the_latest(line: Line) -> None:
    line.of.flow(line.leg, CALL, "notice ahead")
    line.order("start")
    line.talk(DEMAND)
    assert [said(each) for each in line.take()][:2] == [("start", "kadri"), ("not announced", "")]


def test_what_waits_for_a_notice_can_be_taken_back_and_begins_when_there_is_none_after_all(line: Line) -> None:
    line.of.flow(line.leg, CALL, "notice ahead")
    line.order("start")
    assert line.refusal("stop") is None
    line.order("stop")
    line.of.flow(line.leg, CALL, "no notice")
    assert line.take() == []
    line.of.flow(line.leg, CALL, "notice ahead")
    line.order("start")
    line.of.flow(line.leg, CALL, "no notice")
    assert [said(each) for each in line.take()] == [("start", "kadri"), ("not announced", "")]
    refused = Line()
    refused.of.flow(refused.leg, CALL, "notice ahead")
    refused.of.flow(refused.leg, CALL, "start")
    refused.of.flow(refused.leg, CALL, "stop")
    refused.of.flow(refused.leg, CALL, "announced")
    assert refused.take() == []


def test_a_secret_that_a_restart_cut_short_masks_no_longer(line: Line) -> None:
    """Nobody keys it in any more: his flow begins anew."""
    line.of.flow(line.leg, CALL, "start")
    line.of.flow(line.leg, CALL, "secret")
    known = line.of.known(line.leg.id)
    assert known is not None
    after = Line()
    after.of.goes_on(after.leg, known, True, menu=True)
    assert [said(each) for each in after.take()] == [
        ("the switch was started again", ""),
        ("mask", False, "the switch was started again"),
    ]
    assert after.state == "recording"
