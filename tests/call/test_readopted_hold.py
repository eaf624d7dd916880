"""Hold of a call that another process goes on with: as it was kept, or as it changed in the last moment."""

from __future__ import annotations

import pytest
from tests.call.house import ANNA, House, offer
from tests.call.test_readopted import ON_HOLD, kept, next_life, talking

from softswitch.call.live import CallRestored, CallsResumed
from softswitch.media import messages as media
from softswitch.media.sdp import parse
from softswitch.sip import messages as sip


def test_who_was_on_hold_hears_music_again() -> None:
    before = House()
    caller, agent = talking(before)
    before.post(sip.OfferReceived(agent, ON_HOLD))
    after = next_life(before)
    assert after.heard(caller) == ["music:calm"]


def test_who_held_in_the_last_moment_is_heard_when_he_resumes() -> None:
    """The media process knows of the hold, and what was kept does not."""
    before = House()
    caller, _ = talking(before)
    after = next_life(before)
    after.post(sip.OfferReceived(caller, offer()))
    assert [(each.leg, each.send) for each in after.of(media.SetRemote)] == [(caller, True)]


@pytest.mark.parametrize("holds", [True, False])
def test_who_held_or_resumed_in_the_last_moment_is_asked_what_holds(holds: bool) -> None:
    """The media process knows of it, and what was kept does not."""
    before = House()
    caller, agent = talking(before)
    last, old = (ON_HOLD, offer()) if holds else (offer(), ON_HOLD)
    before.post(sip.OfferReceived(agent, old))
    old_calls = kept(before)
    before.post(sip.OfferReceived(agent, last))
    told = {each.leg: each for each in before.of(media.SetRemote)}
    said = before.of(sip.AnswerOffer)[-1].sdp
    after = House()
    after.offer_status = 0
    for call in old_calls:
        after.post(CallRestored(call))
    found = [
        media.FoundLeg(leg.id, leg.port, 0, 0, 9, 9, to.host, to.port, to.send, to.receive, to.payload_type)
        for leg in after.calls.board.live_legs()
        for to in (told[leg.id],)
    ]
    after.post(media.LegsFound(tuple(found)))
    after.post(media.AllLegsFound(20000, 20199))
    after.register(ANNA)
    after.post(CallsResumed())
    (asked,) = after.of(sip.SendOffer)
    assert asked.leg == agent, "the caller is carried as he is known"
    assert parse(asked.sdp).origin.version > parse(said).origin.version
    after.post(sip.OfferAnswered(agent, 200, last))
    music = [each for each in after.sent if isinstance(each, media.StopPlay | media.Play | media.PlayMusic)]
    assert isinstance([each for each in music if each.leg == caller][-1], media.StopPlay) is not holds
    assert [(each.leg, each.send) for each in after.of(media.SetRemote)] == [(agent, not holds)]
