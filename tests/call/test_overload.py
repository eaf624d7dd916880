"""The house is full: who is in feels nothing, the others get 503 or a voice with a next step, bounded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.call.house import ANNA, EVERYDAY, House, make_settings, text

from softswitch.acd.messages import CallBackRequested, ConfirmCallBack, PromiseSaved, SavePromise
from softswitch.call.records import InteractionClosed, InteractionOpened
from softswitch.call.settings import CallBackTexts, OverloadSettings
from softswitch.ids import LegId
from softswitch.media.messages import MediaSettings
from softswitch.sip.messages import Answer, Reject, SecurityEvent


def full_house(calls: int | None = 1, lines: int = 2, call_back: bool = True, ports: int = 100, **media: Any) -> House:
    """One caller is in, and waits."""
    settings = make_settings()
    texts = replace(
        settings.call.queue_texts[EVERYDAY],
        call_back_texts=CallBackTexts(call_back_offer=text("To be called back, press 1."), promised=text("By {time}.")),
    )
    call = replace(
        settings.call,
        overload=OverloadSettings(calls, lines, EVERYDAY if call_back else None),
        queue_texts={EVERYDAY: texts},
        texts=replace(settings.call.texts, overloaded=text("Very many."), call_again=text("Call again.")),
    )
    if media:
        settings = replace(settings, media=replace(MediaSettings(), **media))
    house = House(replace(settings, call=call), ports=ports)
    house.register(ANNA)
    return house


def statuses(house: House) -> list[int]:
    return [each.status for each in house.of(Reject)]


def finish(house: House, leg: LegId) -> None:
    """All prompts to their end."""
    for _ in range(6):
        house.prompt_over(leg)


def test_without_a_voice_it_is_503_with_retry_after_at_once() -> None:
    house = full_house(lines=0)
    inside = house.to_queue()
    house.call("+3725550002")
    (refused,) = house.of(Reject)
    assert (refused.status, refused.retry_after_seconds) == (503, 5)
    assert house.session_of(inside) is not None
    assert [event.kind for event in house.of(SecurityEvent)] == ["overload"]
    assert len(house.of(InteractionOpened)) == 1


def test_he_is_told_presses_1_and_is_called_back() -> None:
    house = full_house()
    inside = house.to_queue()
    leg = house.call("+3725550002")
    house.prompt_over(leg)
    assert house.heard(leg) == ["Very many.", "To be called back, press 1."]
    house.press(leg, "1")
    (wish,) = house.of(CallBackRequested)
    assert (wish.caller, wish.queue, wish.because, wish.fresh) == ("+3725550002", EVERYDAY, "all lines were busy", True)
    assert house.of(ConfirmCallBack)
    assert house.heard(leg)[2] == "By"
    finish(house, leg)
    assert leg in house.ended_legs
    assert house.session_of(inside) is not None
    assert not [each for each in house.of(InteractionClosed) if each.outcome == "overload"]


def test_who_presses_nothing_is_told_to_call_again_and_closed() -> None:
    house = full_house()
    house.to_queue()
    leg = house.call("+3725550002")
    for _ in range(3):
        finish(house, leg)
        house.wait(6)
    assert house.heard(leg)[-1] == "Call again."
    finish(house, leg)
    assert leg in house.ended_legs
    assert [each.outcome for each in house.of(InteractionClosed)] == ["overload"]


def test_where_nobody_can_be_called_back_there_still_is_a_next_step() -> None:
    for house, caller in ((full_house(call_back=False), "+3725550002"), (full_house(), "")):
        house.to_queue()
        leg = house.call(caller)
        finish(house, leg)
        assert house.heard(leg) == ["Very many.", "Call again."]
        assert leg in house.ended_legs


def test_only_so_many_are_spoken_to_and_the_lines_come_back() -> None:
    house = full_house(lines=2)
    house.to_queue()
    told = [house.call(f"+372555000{at}") for at in range(2, 4)]
    house.call("+3725550009")
    assert statuses(house) == [503]
    house.bye(told[0])
    again = house.call("+3725550008")
    assert house.heard(again)
    assert statuses(house) == [503]


def test_nobody_stays_for_ever() -> None:
    house = full_house()
    house.to_queue()
    leg = house.call("+3725550002")
    house.wait(120)  # no prompt ever ends, no key comes
    assert leg in house.ended_legs


def test_a_promise_that_cannot_be_stored_is_not_made() -> None:
    for answers in (False, True):
        house = full_house()
        house.to_queue()
        leg = house.call("+3725550002")
        house.store_answers = False
        house.prompt_over(leg)
        house.press(leg, "1")
        (promise,) = house.of(SavePromise)
        if answers:
            house.post(PromiseSaved(promise.promise, False))
        else:
            house.wait(5)
        finish(house, leg)
        assert house.heard(leg)[-1] == "Call again."
        assert leg in house.ended_legs


def test_the_reserved_lines_are_not_for_those_who_are_let_in() -> None:
    """Twelve ports: one for each caller, one for the agent of each, and two that are reserved."""
    for lines, expected in ((0, 6), (2, 5)):
        house = full_house(calls=None, lines=lines, ports=12, port_first=20000, port_last=20023)
        for at in range(12):
            house.call(f"+37255500{at:02}")
        inside = [session for session in house.calls.sessions.values() if session.leg.alive]
        assert len(inside) == expected
        assert len(house.of(Answer)) == expected + lines


def test_the_number_for_lost_cards_is_always_let_in() -> None:
    house = full_house()
    call = house.settings.call
    always = replace(call.overload, always=("+3726310000",))
    house = House(replace(house.settings, call=replace(call, overload=always)))
    inside = [house.call(f"+37255500{at:02}") for at in range(5)]
    assert all(house.session_of(leg) is not None for leg in inside)


def test_after_it_all_nothing_is_left() -> None:
    house = full_house()
    inside = house.to_queue()
    for at in range(2, 4):
        house.bye(house.call(f"+372555000{at}"))
    house.bye(inside)
    house.wait(1)
    house.assert_nothing_left()
    assert len(house.calls._admission) == 0
