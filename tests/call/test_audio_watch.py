"""Silence of a leg: noted, mended once by an offer, told to the floor and the CDR, and the end of the call at last."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from tests.call.house import ANNA, PSTN, House, make_settings
from tests.call.house import offer as offered
from tests.call.test_encrypted_legs import BROWSER, wss_phone

from softswitch.call.audio_watch import AudioSilent
from softswitch.call.records import CallDetail
from softswitch.ids import LegId
from softswitch.media import messages as media
from softswitch.sip import messages as sip


def talking(**how: Any) -> tuple[House, LegId, LegId]:
    settings = make_settings()
    house = House(replace(settings, media=replace(settings.media, **how)))
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.answer(invite)
    house.wait(60)
    return house, leg, invite.leg


def test_silence_is_told_once_and_mended_once() -> None:
    house, leg, _ = talking()
    for seconds in (3.0, 6.0, 9.0):
        house.post(media.RtpSilent(leg, seconds))
    (told,) = house.of(AudioSilent)
    assert (told.leg, told.direction, told.party, told.seconds) == (leg, "in", PSTN, 3.0)
    (again,) = house.of(sip.SendOffer)
    assert again.leg == leg
    # he answers with his description, which is the same: his packets may come from another port of his
    before = len(house.of(media.SetRemote))
    house.post(sip.OfferAnswered(leg, 200, offered()))
    house.post(media.RtpHeard(leg, 12.5))
    assert [each.seconds for each in house.of(AudioSilent)] == [3.0, 0.0]
    last = house.of(media.SetRemote)[before:]
    assert [(each.leg, each.port == 0) for each in last] == [(leg, True), (leg, False)]
    # a second silence of the same leg is told, but nothing is offered any more
    house.post(media.RtpSilent(leg, 3.0))
    assert len(house.of(AudioSilent)) == 3
    assert len(house.of(sip.SendOffer)) == 1


def test_the_end_is_what_it_was() -> None:
    house, leg, hers = talking()
    house.post(media.RtpSilent(leg, 3.0))
    assert leg not in house.ended_legs
    house.wait(27)
    house.post(media.RtpSilent(leg, 30.0))
    assert {leg, hers} <= house.ended_legs
    (detail,) = [each for each in house.of(CallDetail) if each.leg == leg]
    assert (detail.codec, detail.silent_seconds) == ("PCMU", 30.0)


def test_a_refused_offer_changes_nothing() -> None:
    house, leg, _ = talking()
    house.post(media.RtpSilent(leg, 3.0))
    before = len(house.of(media.SetRemote))
    for status, sdp in ((488, None), (491, None), (200, b"v=0\r\nnonsense"), (200, None)):
        house.post(sip.OfferAnswered(leg, status, sdp))
    assert len(house.of(media.SetRemote)) == before
    assert leg not in house.ended_legs


def test_who_is_on_hold_or_has_not_answered_need_not_be_heard() -> None:
    house, leg, _ = talking()
    house.post(sip.OfferReceived(leg, offered().replace(b"a=sendrecv", b"a=sendonly")))
    house.post(media.RtpSilent(leg, 3.0))
    assert house.of(AudioSilent) == []
    house = House()
    house.register(ANNA)
    house.to_queue()
    (invite,) = house.ringing()
    house.post(sip.InviteProgressed(invite.leg, 183, offered()))
    house.post(media.RtpSilent(invite.leg, 45.0))
    assert house.of(AudioSilent) == []
    assert invite.leg not in house.ended_legs
    house.answer(invite)
    house.post(media.RtpSilent(invite.leg, 45.5))  # most of it while it rang
    assert house.of(AudioSilent) == []
    assert invite.leg not in house.ended_legs
    house.wait(3)
    house.post(media.RtpSilent(invite.leg, 48.5))
    (told,) = house.of(AudioSilent)
    assert (told.direction, told.party, told.seconds) == ("out", ANNA, 3.0)


def test_as_it_is_configured() -> None:
    house, leg, _ = talking(silence_mend=False)
    house.post(media.RtpSilent(leg, 3.0))
    assert len(house.of(AudioSilent)) == 1
    assert house.of(sip.SendOffer) == []
    house, leg, _ = talking(silence_alarm_seconds=0.0)
    house.post(media.RtpSilent(leg, 30.0))
    assert house.of(AudioSilent) == []
    assert leg in house.ended_legs


def test_nobody_is_there() -> None:
    house, leg, _ = talking()
    house.post(media.RtpSilent(LegId(5), 30.0))
    house.post(media.RtpHeard(LegId(5), 30.0))
    house.post(media.RtpHeard(leg, 3.0))  # of a silence that was not told
    assert house.of(AudioSilent) == []


def test_a_browser_that_refuses_is_answered_by_the_names_that_it_knows() -> None:
    house = House()
    numbers = count()
    house.calls.board.random_bytes = lambda size: next(numbers).to_bytes(size, "big")
    wss_phone(house)
    house.to_queue()
    (invite,) = house.ringing()
    house.post(sip.InviteAnswered(invite.leg, BROWSER))
    house.post(media.MediaSecured(invite.leg, "AEAD_AES_256_GCM"))
    house.wait(60)
    started = len(house.of(media.StartDtls))
    house.post(media.RtpSilent(invite.leg, 3.0))
    house.post(sip.OfferAnswered(invite.leg, 488, None))
    house.post(sip.OfferReceived(invite.leg, BROWSER.replace(b"setup:active", b"setup:actpass")))
    names = [
        next(line for line in described.splitlines() if line.startswith(b"a=ice-ufrag:"))
        for described in (invite.sdp, house.of(sip.SendOffer)[-1].sdp, house.of(sip.AnswerOffer)[-1].sdp or b"")
    ]
    assert names[0] == names[2] != names[1]
    assert len(house.of(media.StartDtls)) == started
