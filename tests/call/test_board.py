"""The register of legs and their CDR lines: every leg has one, whatever happens to its audio."""

from __future__ import annotations

from tests.call.house import ANNA, House

from softswitch.call import records
from softswitch.media import messages as media


def test_the_media_process_is_lost_and_every_leg_has_its_cdr_line() -> None:
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    house.answer(house.ringing()[0])
    house.media_answers = False  # nobody is there to count packets
    house.post(media.MediaLost())
    house.wait(15.0)
    details = house.of(records.CallDetail)
    assert [each.direction for each in details] == ["in", "out"]
    assert details[0].leg == leg
    assert [(each.ended_by, each.cause) for each in details] == [("us", 41), ("us", 41)]
    assert house.calls.board.idle


def test_a_leg_that_ends_before_the_loss_is_written_with_it() -> None:
    house = House()
    leg = house.call()
    house.media_answers = False
    house.bye(leg)
    assert house.of(records.CallDetail) == []
    house.post(media.MediaLost())
    assert [each.leg for each in house.of(records.CallDetail)] == [leg]


def test_a_leg_that_the_media_process_could_not_open_has_its_cdr_line() -> None:
    house = House()
    leg = house.call()
    house.media_answers = False  # it knows of no such leg
    house.post(media.MediaLegFailed(leg, "port 20000 is not leased"))
    assert leg in house.ended_legs
    assert [each.leg for each in house.of(records.CallDetail)] == [leg]
    assert house.calls.board.idle
