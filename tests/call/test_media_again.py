"""Calls whose media process has died: brought up again by a re-INVITE, or ended with the true cause."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from tests.call.house import ANNA, House, offer
from tests.call.test_encrypted_legs import BROWSER, wss_phone
from tests.call.test_readopted import kept

from softswitch.acd import messages as acd
from softswitch.call import records
from softswitch.call.live import CallRestored, CallsResumed
from softswitch.call.media_again import LEGS_AT_ONCE, STEP_SECONDS
from softswitch.ids import LegId
from softswitch.media import messages as media
from softswitch.media.sdp import parse
from softswitch.sip import messages as sip
from softswitch.sip.offer_messages import OfferDue


def talking(house: House) -> tuple[LegId, LegId]:
    """A caller and her."""
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.answer(invite)
    house.prompt_over(leg)
    return leg, invite.leg


def since(house: House, mark: int, *kinds: type) -> list[Any]:
    return [each for each in house.sent[mark:] if isinstance(each, kinds)]


def test_both_are_sent_to_at_once_and_bridged_and_asked_to_come_to_the_new_ports() -> None:
    house = House()
    house.offer_status = 0
    customer, agent = talking(house)
    before = {leg.id: leg.port for leg in house.calls.board.live_legs()}
    mark = len(house.sent)
    house.lose_media()
    assert since(house, mark, sip.Hangup, sip.SendOffer, media.OpenMediaLeg) == []
    house.new_media()
    opened = {each.leg: each.port for each in since(house, mark, media.OpenMediaLeg)}
    assert set(opened) == {customer, agent}
    orders = since(house, mark, media.OpenMediaLeg, media.SetRemote, media.Bridge, sip.SendOffer)
    for leg in (customer, agent):
        assert [type(each) for each in orders if each.leg == leg][:2] == [media.OpenMediaLeg, media.SetRemote]
        (sent,) = [each for each in orders if isinstance(each, sip.SendOffer) and each.leg == leg]
        assert parse(sent.sdp).media[0].port == opened[leg]
        assert opened[leg] not in before.values(), "where somebody else sends to still"
        assert parse(sent.sdp).origin.version == 2
    (bridge,) = [each for each in orders if isinstance(each, media.Bridge)]
    assert {bridge.leg, bridge.peer} == {customer, agent}
    assert orders.index(bridge) > max(orders.index(each) for each in orders if isinstance(each, media.OpenMediaLeg))
    # the customer has moved as well
    moved = offer().replace(b"m=audio 30000", b"m=audio 31000")
    house.post(sip.OfferAnswered(customer, 200, moved))
    assert house.of(media.SetRemote)[-1].port == 31000
    house.post(sip.OfferAnswered(agent, 200, offer()))
    assert house.of(media.SetRemote)[-1].leg == customer, "she is where she was"
    house.bye(customer)
    house.wait(20_000)
    assert agent in house.ended_legs
    house.assert_nothing_left()
    assert {each.packets_in for each in house.of(records.CallDetail)} == {50}


def test_who_waits_gets_his_music_back_and_her_phone_goes_on_to_ring() -> None:
    house = House()
    house.register(ANNA)
    leg = house.to_queue()
    (invite,) = house.ringing()
    house.prompt_over(leg)
    mark = len(house.sent)
    house.lose_media()
    house.new_media()
    assert [each.leg for each in since(house, mark, media.Play, media.PlayMusic)] == [leg]
    house.wait(10.0)
    assert since(house, mark, sip.Hangup) == []
    assert house.rung() == [ANNA]
    mark = len(house.sent)
    house.answer(invite)
    house.wait(0.2)
    assert house.state(ANNA) is acd.AgentState.TALKING
    assert [each.leg for each in since(house, mark, sip.SendOffer)] == [invite.leg]
    assert [{each.leg, each.peer} for each in since(house, mark, media.Bridge)] == [{leg, invite.leg}]


def test_a_menu_goes_on_with_the_same_prompt_and_keys_count() -> None:
    house = House()
    leg = house.call()
    playing = house.of(media.Play)[-1]
    mark = len(house.sent)
    house.lose_media()
    house.new_media()
    assert since(house, mark, media.Play) == [playing]
    house.post(media.PlaybackEnded(leg, playing.playback, True))
    house.press(leg, "1")
    assert house.session_of(leg).waiting.has_entered


def test_what_begins_or_ends_while_nobody_plays_it_is_right_afterwards() -> None:
    house = House()
    leg = house.call()
    house.lose_media()
    mark = len(house.sent)
    house.press(leg, "1")  # by SIP INFO, say: he leaves the menu, and hears the music of the line
    assert since(house, mark, media.Play, media.StopPlay) == []
    house.new_media()
    (play,) = since(house, mark, media.Play, media.PlayMusic)
    assert house.heard(leg)[-1] == house.names[play.prompts[-1]].text
    assert house.calls.board.find_leg(leg)[0].playback == play.playback  # type: ignore[index]


@pytest.mark.parametrize("status", [488, 403, 500, 603])
def test_who_does_not_want_it_is_hung_up_with_the_cause(status: int) -> None:
    house = House()
    customer, agent = talking(house)
    house.offer_status = status
    house.lose_media()
    house.new_media()
    assert {customer, agent} <= house.ended_legs
    reasons = {each.reason for each in house.of(sip.Hangup) if each.leg == customer}
    assert 'Q.850;cause=41;text="Media process lost"' in reasons
    causes = {each.leg: each.cause for each in house.of(records.CallDetail)}
    assert 41 in (causes[customer], causes[agent])
    assert house.state(ANNA) is acd.AgentState.WRAP_UP
    house.wait(20_000)
    house.assert_nothing_left()


@pytest.mark.parametrize("body", [None, b"nonsense", offer().replace(b"m=audio 30000", b"m=audio 0")])
def test_an_answer_without_a_stream_is_none(body: bytes | None) -> None:
    house = House()
    house.offer_status = 0
    leg = house.call()
    house.lose_media()
    house.new_media()
    house.post(sip.OfferAnswered(leg, 200, body))
    assert leg in house.ended_legs


@pytest.mark.parametrize("status", [408, 481])
def test_who_is_gone_is_gone(status: int) -> None:
    """The stack ends the dialog by itself, after it has told of the answer."""
    house = House()
    house.offer_status = 0
    customer, agent = talking(house)
    house.lose_media()
    house.new_media()
    house.post(sip.OfferAnswered(customer, status, None))
    house.post(sip.LegEnded(customer, sip.EndedBy.TIMEOUT, status))
    house.post(sip.OfferAnswered(agent, 200, offer()))
    house.wait(20_000)
    assert {customer, agent} <= house.ended_legs
    house.assert_nothing_left()


def test_an_offer_of_ours_that_was_under_way_is_waited_for() -> None:
    house = House()
    house.offer_status = 0
    leg = house.call()
    house.lose_media()
    house.new_media()
    for _ in range(2):
        sent = len(house.of(sip.SendOffer))
        house.post(sip.OfferAnswered(leg, 491, None))
        assert len(house.of(sip.SendOffer)) == sent + 1
    house.post(sip.OfferAnswered(leg, 200, offer()))
    assert leg not in house.ended_legs
    house.lose_media()
    house.new_media()
    for _ in range(3):
        house.post(sip.OfferAnswered(leg, 491, None))
    assert leg in house.ended_legs, "not for ever"


def test_bye_while_we_ask() -> None:
    house = House()
    house.offer_status = 0
    customer, agent = talking(house)
    house.lose_media()
    house.bye(customer)  # before his turn
    house.new_media()
    assert [each.leg for each in house.of(sip.SendOffer)] == []
    assert agent in house.ended_legs
    other = house.call()
    house.lose_media()
    house.new_media()
    house.bye(other)  # in the middle of it
    house.post(sip.OfferAnswered(other, 200, offer()))
    house.wait(20_000)
    house.assert_nothing_left()


def test_the_second_crash_waits_for_the_answer_about_the_first() -> None:
    house = House()
    house.offer_status = 0
    leg = house.call()
    house.lose_media()
    house.new_media()
    house.lose_media()
    mark = len(house.sent)
    house.new_media(20200, 20399)
    house.wait(1.0)
    assert since(house, mark, sip.SendOffer) == []
    house.post(sip.OfferAnswered(leg, 200, offer().replace(b"m=audio 30000", b"m=audio 31000")))
    assert since(house, mark, media.SetRemote) == [], "there is nobody to tell yet"
    house.wait(0.2)
    (sent,) = since(house, mark, sip.SendOffer)
    assert 20200 <= parse(sent.sdp).media[0].port < 20400
    (told,) = since(house, mark, media.SetRemote)
    assert told.port == 31000
    house.post(sip.OfferAnswered(leg, 200, offer()))
    assert leg not in house.ended_legs


def test_he_offers_himself_meanwhile() -> None:
    house = House()
    house.offer_status = 0
    leg = house.call()
    house.lose_media()
    house.post(sip.OfferReceived(leg, offer()))
    assert house.of(sip.AnswerOffer)[-1] == sip.AnswerOffer(leg, 491, None)
    house.new_media()
    assert [each.leg for each in house.of(sip.SendOffer)] == [leg]


def test_hundreds_have_their_turn_those_who_talk_first() -> None:
    house = House(ports=200)
    callers = [house.call(f"+372555{n:04}") for n in range(60)]
    talk = talking(house)
    house.offer_status = 0
    house.lose_media()
    house.post(media.AllLegsFound())
    house.post(media.PortsLeased(tuple(range(20000, 20400, 2))))
    mark = len(house.sent)
    house.wait(0.0)
    first = since(house, mark, sip.SendOffer)
    assert len(first) == LEGS_AT_ONCE
    assert {each.leg for each in first[:2]} == set(talk)
    house.wait(STEP_SECONDS * 3.5)
    assert len(since(house, mark, sip.SendOffer)) == len(callers) + 2


def test_too_few_ports_end_some_after_a_while() -> None:
    house = House()
    legs = [house.call(f"+372555{n:04}") for n in range(5)]
    house.lose_media()
    house.new_media(20000, 20005)
    house.wait(20.0)
    assert len(house.ended_legs & set(legs)) == 2
    house.wait(20_000)


def test_a_browser_gets_new_keys_a_new_way_and_the_new_certificate() -> None:
    house = House()
    numbers = count(1)
    house.calls.board.random_bytes = lambda size: next(numbers).to_bytes(size, "big")
    wss_phone(house)
    house.to_queue()
    (invite,) = house.ringing()
    house.post(sip.InviteAnswered(invite.leg, BROWSER))
    house.post(media.MediaSecured(invite.leg, "AES_CM_128_HMAC_SHA1_80"))
    house.offer_status = 0
    (before,) = [each for each in house.of(media.StartDtls) if each.leg == invite.leg]
    mark = len(house.sent)
    house.lose_media()
    house.post(media.DtlsOffered("sha-256 " + ":".join(["CD"] * 32)))
    house.new_media()
    (sent,) = [each for each in since(house, mark, sip.SendOffer) if each.leg == invite.leg]
    assert b"a=fingerprint:sha-256 CD:CD" in sent.sdp
    assert b"a=setup:actpass" in sent.sdp
    assert before.ufrag.encode() not in sent.sdp
    assert [each for each in since(house, mark, media.SetRemote) if each.leg == invite.leg] == []
    house.post(sip.OfferAnswered(invite.leg, 200, BROWSER))
    (start,) = [each for each in since(house, mark, media.StartDtls) if each.leg == invite.leg]
    assert (start.ufrag, start.password) != (before.ufrag, before.password)
    assert start.peer_ufrag == before.peer_ufrag


def test_a_survivor_keeps_what_is_known_and_the_rest_comes_up_again() -> None:
    """After a restart of the switch: its legs were made anew, and the media process tells which it has carried."""
    house = House()
    kept, lost = house.call(), house.call("+3725550002")
    ports = {leg.id: leg.port for leg in house.calls.board.live_legs()}
    stranger = 5
    found = [
        media.FoundLeg(leg, port, 0, 0, 9, 9, "127.0.0.2", 30000, True, True, 0)
        for leg, port in ((kept, ports[kept]), (stranger, 20100))
    ]
    mark = len(house.sent)
    house.post(media.LegsFound(tuple(found)))
    house.post(media.AllLegsFound(20000, 20199))
    house.wait(0.0)
    assert since(house, mark, media.AdoptLegs) == [media.AdoptLegs((kept,), 20000, 20199)]
    assert [each.leg for each in since(house, mark, sip.SendOffer)] == [lost]


def test_a_leg_whose_port_is_nobodys_any_more_is_brought_up_again() -> None:
    """The switch was started again with other ports."""
    house = House()
    leg = house.call()
    house.calls.board.ports = house.calls.board.ports.__class__(shares=((40000, 40099),))
    mark = len(house.sent)
    house.new_media(40000, 40099)
    assert [each.leg for each in since(house, mark, sip.SendOffer)] == [leg]
    (opened,) = since(house, mark, media.OpenMediaLeg)
    assert 40000 <= opened.port <= 40099


def test_an_offer_made_before_the_flow_begins_anew_is_answered() -> None:
    """Who was in the menu is taken up as one whose ACK has come: that says nothing of the offer that is under way."""
    before = House()
    leg = before.call()
    (call,) = kept(before)
    after = House()
    after.offer_status = 0
    after.post(CallRestored(call))
    after.new_media()
    assert [each.leg for each in after.of(sip.SendOffer)] == [leg]
    after.post(CallsResumed(frozenset()))
    after.post(sip.OfferAnswered(leg, 200, offer().replace(b"m=audio 30000", b"m=audio 31000")))
    assert after.of(media.SetRemote)[-1].port == 31000


def test_a_small_range_is_used_again_and_nobody_hears_a_stranger() -> None:
    """Two phones behind one address: what the one sends to its old port must not be taken for the other's."""
    house = House(ports=2)
    house.offer_status = 0
    one, other = house.call(), house.call("+3725550002")
    before = {leg.id: leg.port for leg in house.calls.board.live_legs()}
    house.lose_media()
    mark = len(house.sent)
    house.new_media(20000, 20003)
    house.wait(1.0)
    assert {each.leg: each.port for each in since(house, mark, media.OpenMediaLeg)} == before
    third = house.call("+3725550003")
    assert sip.Reject(third, 503, 5) in house.sent
    house.post(sip.OfferAnswered(one, 200, offer()))
    house.bye(other)
    house.wait(1.0)
    house.wait(20_000)
    house.bye(one)
    house.wait(20_000)
    house.assert_nothing_left()


def test_the_old_port_is_free_when_the_peer_has_left_it() -> None:
    house = House(ports=1)
    house.offer_status = 0
    leg = house.call()
    house.lose_media()
    house.new_media(20000, 20003)
    assert house.of(media.OpenMediaLeg)[-1].port == 20002
    assert len(house.stock) == 0
    house.post(sip.OfferAnswered(leg, 200, offer()))
    assert len(house.stock) == 1


def test_a_peer_who_takes_his_time_is_not_asked_once_more_because_he_is_silent() -> None:
    """The second offer would be refused by our own stack, and taken for his answer to the first."""
    house = House()
    house.offer_status = 0
    customer, _ = talking(house)
    house.lose_media()
    house.new_media()
    mark = len(house.sent)
    house.wait(4)
    house.post(media.RtpSilent(customer, 4.0))
    assert since(house, mark, sip.SendOffer, sip.Hangup) == []
    house.post(sip.OfferAnswered(customer, 200, offer()))
    assert customer not in house.ended_legs


def test_an_answer_to_an_offer_that_another_answer_has_used_up_is_asked_for_again() -> None:
    """He asked us for an offer; before his answer came with the ACK, the media process was lost."""
    house = House()
    house.offer_status = 0
    customer, _ = talking(house)
    house.post(sip.OfferReceived(customer, None))
    house.lose_media()
    house.new_media()
    mark = len(house.sent)
    house.post(sip.AckReceived(customer, offer()))
    house.post(sip.OfferAnswered(customer, 200, offer()))
    (again,) = since(house, mark, sip.SendOffer)
    assert again.leg == customer
    house.post(sip.OfferAnswered(customer, 200, offer().replace(b"m=audio 30000", b"m=audio 31000")))
    assert house.of(media.SetRemote)[-1].port == 31000
    assert customer not in house.ended_legs


def on_hold(body: bytes) -> bytes:
    return body.replace(b"a=sendrecv", b"a=sendonly")


def test_who_resumes_while_his_audio_is_gone_is_heard_again() -> None:
    """His own offer gets 491, and he says by his answer to ours that he is back."""
    house = House()
    house.offer_status = 0
    customer, agent = talking(house)
    house.post(sip.OfferReceived(agent, on_hold(offer())))
    assert house.heard(customer)[-1].startswith("music")
    house.lose_media()
    house.post(sip.OfferReceived(agent, offer()))
    assert house.of(sip.AnswerOffer)[-1].status == 491
    house.new_media()
    mark = len(house.sent)
    house.post(sip.OfferAnswered(agent, 200, offer()))
    assert [each.leg for each in since(house, mark, media.StopPlay)] == [customer]
    assert [(each.leg, each.send) for each in since(house, mark, media.SetRemote)] == [(agent, True)]


def test_who_holds_by_his_answer_to_our_offer_is_on_hold() -> None:
    house = House()
    house.offer_status = 0
    customer, agent = talking(house)
    house.lose_media()
    house.new_media()
    house.post(sip.OfferAnswered(customer, 200, offer()))
    mark = len(house.sent)
    house.post(sip.OfferAnswered(agent, 200, on_hold(offer())))
    assert [each.leg for each in since(house, mark, media.Play, media.PlayMusic)] == [customer]
    house.post(sip.OfferReceived(agent, offer()))
    assert [each.leg for each in since(house, mark, media.StopPlay)] == [customer]


def version(sdp: bytes) -> int:
    return parse(sdp).origin.version


def test_an_offer_that_has_waited_is_made_anew_with_a_higher_version() -> None:
    house = House()
    house.offer_status = 0
    customer, agent = talking(house)
    house.lose_media()
    house.new_media()
    (first,) = [each for each in house.of(sip.SendOffer) if each.leg == agent]
    house.post(sip.OfferReceived(agent, on_hold(offer())))  # in the pause of a glare (RFC 3261 14.1)
    answer = house.of(sip.AnswerOffer)[-1]
    assert answer.status == 200
    house.post(OfferDue(agent))
    *_, second = [each for each in house.of(sip.SendOffer) if each.leg == agent]
    assert version(first.sdp) < version(answer.sdp) < version(second.sdp)
    house.post(sip.OfferAnswered(agent, 200, on_hold(offer())))
    assert not house.of(sip.Hangup)
    house.bye(customer)
    house.wait(20_000)
    house.assert_nothing_left()


def test_an_offer_that_has_waited_until_the_next_crash_waits_for_audio() -> None:
    house = House()
    house.offer_status = 0
    _, agent = talking(house)
    house.lose_media()
    house.new_media()
    house.lose_media()
    mark = len(house.sent)
    house.post(OfferDue(agent))
    assert since(house, mark, sip.SendOffer) == []
    house.new_media()
    assert [each.leg for each in since(house, mark, sip.SendOffer)] == [agent]
    house.post(sip.OfferAnswered(agent, 200, offer()))
    assert not house.of(sip.Hangup)
