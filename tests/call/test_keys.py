"""Keys of a leg: told by several ways, passed on in a conversation, pressed for a machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, House, make_settings, offer
from tests.call.test_transfers import OUTSIDE, allowing, own_call, refer
from tests.call.test_transfers import talking as transferable

from softswitch.call import records
from softswitch.call.keys import pressable
from softswitch.call.orders import PressKeys
from softswitch.ids import LegId
from softswitch.media import messages as media
from softswitch.sip import messages as sip
from softswitch.sip.digit_messages import SendInfoKeys


def without_events() -> bytes:
    """A phone that knows no telephone events."""
    lines = [each for each in offer().decode().splitlines() if "101" not in each or each.startswith("m=")]
    return "".join(f"{each.replace(' 101', '')}\r\n" for each in lines).encode()


def pressed(house: House, leg: LegId) -> list[Any]:
    return [each for each in house.sent if isinstance(each, media.SendDigits | SendInfoKeys) and each.leg == leg]


def listening(house: House, leg: LegId) -> list[bool]:
    return [each.on for each in house.of(media.ListenForKeys) if each.leg == leg]


def talking(customer: bytes = b"", agent: bytes = b"") -> tuple[House, LegId, LegId]:
    house = House()
    house.register(ANNA)
    leg = house.call(sdp=customer)
    house.press(leg, "1")
    (invite,) = house.ringing()
    house.post(sip.InviteAnswered(invite.leg, agent or offer()))
    return house, leg, invite.leg


def test_a_key_by_all_ways_is_one() -> None:
    house = House()
    house.register(ANNA)
    leg = house.call()
    house.post(sip.InfoDigitReceived(leg, "2"))
    house.post(media.DigitReceived(leg, "2", 100, "tone"))
    house.post(media.DigitReceived(leg, "2", 100))
    for key in "1234":
        house.post(media.DigitReceived(leg, key, 100, "tone"))
        house.post(sip.InfoDigitReceived(leg, key))
    house.wait(1.5)
    house.press(leg, "1")  # the customer id was complete, the next menu leads to the queue
    assert house.of(records.InteractionQueued)[-1].customer == "1234"


def test_tones_are_listened_for_where_no_events_were_agreed() -> None:
    house = House()
    assert listening(house, house.call()) == []
    leg = house.call(sdp=without_events())
    assert listening(house, leg) == [True]
    house.post(sip.OfferReceived(leg, offer()))
    assert listening(house, leg) == [True, False]


@pytest.mark.parametrize(("word", "with_events", "without"), [("always", [True], [True]), ("never", [], [])])
def test_or_as_the_configuration_says(word: str, with_events: list[bool], without: list[bool]) -> None:
    settings = make_settings()
    house = House(replace(settings, media=replace(settings.media, in_band_digits=word)))
    assert listening(house, house.call()) == with_events
    assert listening(house, house.call(sdp=without_events())) == without


def test_another_media_process_is_told_to_listen_too() -> None:
    house = House()
    leg = house.call(sdp=without_events())
    found = house.calls.board.find_leg(leg)
    assert found is not None
    found[0].move_audio(40000)
    house.post(media.PortsLeased(()))
    assert listening(house, leg) == [True, True]


def test_events_between_two_phones_that_have_them_are_the_media_process_s() -> None:
    house, leg, hers = talking()
    house.press(hers, "5")
    assert pressed(house, leg) == []


def test_events_to_a_phone_without_them_are_pressed_anew() -> None:
    house, leg, hers = talking(customer=without_events())
    house.press(hers, "55")
    assert pressed(house, leg) == [media.SendDigits(leg, "5"), media.SendDigits(leg, "5")]


def test_her_info_becomes_what_the_other_side_has() -> None:
    house, leg, hers = talking()
    house.post(sip.InfoDigitReceived(hers, "7"))
    assert pressed(house, leg) == [media.SendDigits(leg, "7")]


def test_by_info_to_a_phone_that_tells_its_own_so() -> None:
    house = House()
    house.register(ANNA)
    leg = house.call(sdp=without_events())
    house.post(sip.InfoDigitReceived(leg, "1"))
    (invite,) = house.ringing()
    house.answer(invite)
    house.press(invite.leg, "9")
    assert pressed(house, leg) == [SendInfoKeys(leg, "9")]


def test_a_key_told_twice_is_passed_on_once() -> None:
    house, leg, hers = talking(customer=without_events())
    house.press(hers, "4")
    house.post(sip.InfoDigitReceived(hers, "4"))
    assert pressed(house, leg) == [media.SendDigits(leg, "4")]


def test_tones_go_through_as_they_are() -> None:
    house, leg, hers = talking(agent=without_events())
    house.post(media.DigitReceived(hers, "3", 100, "tone"))
    assert pressed(house, leg) == []


def test_keys_ordered_from_outside() -> None:
    house, leg, _ = talking()
    (interaction,) = house.calls.sessions
    house.post(PressKeys(interaction, "1,2#"))
    assert pressed(house, leg) == [media.SendDigits(leg, "1,2#")]
    house.bye(leg)
    house.post(PressKeys(interaction, "1"))
    assert len(pressed(house, leg)) == 1


@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        ("1 23#", "123#"),
        ("a*d", "A*D"),
        ("1,,2", "1,,2"),
        ("", ""),
        ("12x", ""),
        ("1" * 65, ""),
        ("1\n2", ""),
        ("1", "1"),
    ],
)
def test_what_can_be_pressed(keys: str, sent: str) -> None:
    assert pressable(keys) == sent


# ------------------------------------------------------------------ behind a number


def test_keys_behind_a_number_are_pressed_once_it_has_answered() -> None:
    house = House(allowing(to=()))
    house.register(ANNA)
    own_call(house, f"{OUTSIDE},,123#")
    (invite,) = house.ringing()
    assert invite.target == f"sip:{OUTSIDE}@127.0.0.2:5080"
    house.post(sip.InviteProgressed(invite.leg, 183, offer()))
    assert house.of(media.SendDigits) == []
    house.answer(invite)
    assert house.of(media.SendDigits) == [media.SendDigits(invite.leg, ",,123#")]
    house.bye(invite.leg)
    house.assert_nothing_left()
    assert not any("123" in detail.dialled.removeprefix(OUTSIDE) for detail in house.of(records.CallDetail))


@pytest.mark.parametrize(
    ("dialled", "status"), [(f"{OUTSIDE},12x", 404), (f"{OUTSIDE},{'1' * 64}", 404), (",123", 404)]
)
def test_keys_that_cannot_be_pressed(dialled: str, status: int) -> None:
    house = House(allowing(to=()))
    house.register(ANNA)
    own_call(house, dialled)
    assert house.ringing() == []
    assert [each.status for each in house.of(sip.Reject)] == [status]


def test_a_key_held_down_for_long_that_is_told_by_info_at_once() -> None:
    house = House()
    house.register(ANNA)
    leg = house.call()
    house.press(leg, "2")
    for key in "1234":
        house.post(sip.InfoDigitReceived(leg, key))
        house.wait(2.5)
        house.post(media.DigitReceived(leg, key, 2500))
    house.wait(1.5)
    house.press(leg, "1")
    assert house.of(records.InteractionQueued)[-1].customer == "1234"


def test_keys_behind_a_number_that_a_caller_is_transferred_to() -> None:
    """She sends him into the menu of another company, and into the right branch of it."""
    house = House(allowing(to=("extensions", "outside")))
    caller, hers = transferable(house)
    assert refer(house, hers, f"{OUTSIDE},,12#") == 202
    (invite,) = house.ringing()
    assert invite.target == f"sip:{OUTSIDE}@127.0.0.2:5080"
    assert house.of(media.SendDigits) == []
    house.answer(invite)
    assert house.of(media.SendDigits) == [media.SendDigits(invite.leg, ",,12#")]
    house.bye(caller)
    house.wait(20)
    house.assert_nothing_left()
    assert {detail.dialled for detail in house.of(records.CallDetail) if detail.leg == invite.leg} == {OUTSIDE}


@pytest.mark.parametrize("number", [f"{OUTSIDE},12x", "1002,12", ",12"])
def test_keys_behind_what_takes_none(number: str) -> None:
    house = House(allowing(to=("extensions", "outside")))
    _, hers = transferable(house)
    assert refer(house, hers, number) == 404
    assert house.ringing() == []
