"""Calls of the process before: what is kept of them, written as the store writes it, brings each back as it was."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, EVERYDAY, FLOW, MART, House, make_settings, offer

from softswitch.acd import messages as acd
from softswitch.acd.messages import AgentState
from softswitch.call import records
from softswitch.call.board import NOBODY
from softswitch.call.live import ALONE, INTERNAL, MENU, TALK, WAITING, CallRestored, CallsResumed, LiveCall
from softswitch.call.live_calls import LiveCalls
from softswitch.call.orders import AskColleague, PassCaller
from softswitch.call.recording import RecordingOrder
from softswitch.call.recording_settings import RecordingPlan, RecordRule
from softswitch.call.session import Stage
from softswitch.ids import AgentId, InteractionId, LegId, QueueId, TrunkId
from softswitch.media import messages as media
from softswitch.media.ports import PortStock
from softswitch.sip import messages as sip
from softswitch.sip.session_timer import TimerFacts
from softswitch.sip.survivor import EstablishedLeg
from softswitch.store.live_calls import packed, unpacked

ON_HOLD = offer().replace(b"a=sendrecv", b"a=sendonly")


def dialog(leg: LegId, **changes: Any) -> EstablishedLeg:
    timer = TimerFacts(600, 90, 600, True, True, True)
    made = EstablishedLeg(
        leg, f"call{leg}", f"l{leg}", f"r{leg}", "<sip:us>", "<sip:\udce4him>", 4, 7, "sip:him@127.0.0.2", (), False,
        FLOW, False, None, TrunkId("pstn"), 1, True, timer, b"v=0",
    )  # fmt: skip
    return replace(made, **changes)


def kept(house: House) -> tuple[LiveCall, ...]:
    """What the store would hold of every call in the house, read back."""
    agents = {leg.id: AgentId(leg.facts.party) for leg in house.calls.board.live_legs() if leg.facts.party != "pstn"}
    live = LiveCalls(house.calls, lambda leg: None if leg in unanswered(house) else dialog(leg, agent=agents.get(leg)))
    keys: dict[int, list[LegId]] = {}
    for leg in house.calls.board.live_legs():
        key = live.key_of(leg.id)
        assert key is not None
        keys.setdefault(key, []).append(leg.id)
    calls = [live.look(key, legs, house.now) for key, legs in keys.items()]
    return tuple(unpacked(packed(call)) for call in calls if call is not None)


def unanswered(house: House) -> set[LegId]:
    """Legs of phones that still ring."""
    dialled = {each.leg for each in house.of(sip.StartInvite)}
    return {leg.id for leg in house.calls.board.live_legs() if leg.id in dialled and leg.facts.answered_at is None} - {
        talk.agent_leg.id for each in house.calls.sessions.values() if (talk := each.talk) is not None
    }


def next_life(
    before: House, away: float = 20.0, promised: frozenset[InteractionId] = frozenset(), **changes: Any
) -> House:
    """Another process: nothing but what was kept. Its clock runs on, as that of a machine does."""
    after = House(make_settings(**changes))
    after.now = before.now + away
    for call in kept(before):
        after.post(CallRestored(call))
    after.register(ANNA, MART)
    after.post(CallsResumed(promised))
    return after


def talking(house: House) -> tuple[LegId, LegId]:
    house.register(ANNA)
    caller = house.to_queue()
    (invite,) = house.ringing()
    house.answer(invite)
    assert house.session_of(caller).stage is Stage.TALKING
    return caller, invite.leg


# ------------------------------------------------------------------ a talk


@pytest.mark.parametrize("who", ["caller", "agent"])
def test_a_talk_goes_on_and_is_recorded_with_its_true_times(who: str) -> None:
    before = House()
    caller, agent = talking(before)
    began = before.now
    before.wait(30)
    (call,) = kept(before)
    assert call.kind == TALK
    after = next_life(before)
    assert after.state(ANNA) is AgentState.TALKING
    assert [(each.leg, each.peer) for each in after.of(media.Bridge)] == [(caller, agent)]
    assert not after.of(media.OpenMediaLeg), "the media process has them open"
    after.wait(10)
    gone, other = (caller, agent) if who == "caller" else (agent, caller)
    after.bye(gone)
    assert [each.leg for each in after.of(sip.Hangup)] == [other]
    assert after.state(ANNA) is AgentState.WRAP_UP
    (talk,) = after.of(records.TalkRecord)
    assert talk.seconds == pytest.approx(60.0)
    assert talk.began_at == pytest.approx(began + 1e9)
    assert (talk.agent, talk.queue, talk.caller) == (ANNA, EVERYDAY, "+3725550001")
    details = {each.leg: each for each in after.of(records.CallDetail)}
    assert set(details) == {caller, agent}
    assert all(each.restarted for each in details.values())
    assert details[caller].began_at == pytest.approx(began + 1e9)
    assert details[caller].answered_at is not None
    assert details[caller].ended_at - details[caller].began_at == pytest.approx(60.0)
    assert details[caller].interaction == call.key
    assert not after.calls.sessions
    assert not after.calls.board.live_legs()


def test_the_clock_of_the_machine_was_set_back_meanwhile() -> None:
    """Nobody has begun in the future."""
    before = House()
    caller, agent = talking(before)
    before.wait(30)
    (call,) = kept(before)
    after = House()
    after.now = before.now + 20.0
    after.post(CallRestored(replace(call, offset=call.offset + 3600.0)))
    after.register(ANNA)
    after.post(CallsResumed(frozenset()))
    after.wait(10)
    after.bye(caller)
    (talk,) = after.of(records.TalkRecord)
    assert talk.seconds == pytest.approx(40.0)
    details = {each.leg: each for each in after.of(records.CallDetail)}
    assert details[agent].ended_at - details[agent].began_at == pytest.approx(40.0)


def test_legs_that_go_on_are_counted_where_they_are() -> None:
    """New calls go where the fewest legs are."""
    before = House()
    talking(before)
    after = House()
    after.stock = after.calls.board.ports = PortStock(shares=((20000, 20099), (20100, 20199)))
    after.post(media.PortsLeased((20090, 20190)))
    for call in kept(before):
        after.post(CallRestored(call))
    assert after.stock.take() == 20190


def test_hold_and_resume_after_the_restart() -> None:
    before = House()
    caller, agent = talking(before)
    after = next_life(before)
    after.post(sip.OfferReceived(agent, ON_HOLD))
    assert after.heard(caller) == ["music:calm"]
    answer = after.of(sip.AnswerOffer)[-1]
    assert answer.status == 200
    assert b"recvonly" in answer.sdp
    after.post(sip.OfferReceived(agent, offer()))
    assert after.of(media.StopPlay)[-1].leg == caller


def test_who_heard_music_while_she_asked_a_colleague_hears_her_again() -> None:
    """The music of the process before goes on in the media process until somebody stops it."""
    before = House()
    caller, agent = talking(before)
    before.register(MART)
    before.post(acd.AgentWentOnBreak(MART, "lunch"))
    before.post(AskColleague(ANNA, "1001"))
    (invite,) = before.ringing()
    before.answer(invite)
    assert before.heard(caller)[-1] == "music:calm"
    after = next_life(before)
    sound = [each for each in after.sent if isinstance(each, media.StopPlay | media.Play | media.PlayMusic)]
    assert [(type(each), each.leg) for each in sound] == [(media.StopPlay, caller), (media.StopPlay, agent)]
    assert [(each.leg, each.peer) for each in after.of(media.Bridge)] == [(caller, agent)]
    assert invite.leg in after.ended_legs


def test_our_description_goes_on_with_a_higher_version() -> None:
    before = House()
    caller, _ = talking(before)
    said = before.of(sip.Answer)[0].sdp.splitlines()[1].split()
    after = next_life(before)
    after.post(sip.OfferReceived(caller, offer()))
    says = after.of(sip.AnswerOffer)[-1].sdp.splitlines()[1].split()
    assert says[1] == said[1]
    assert int(says[2]) > int(said[2])


def test_a_talk_can_be_passed_on_as_any_other() -> None:
    before = House()
    caller, agent = talking(before)
    after = next_life(before)
    interaction = after.interaction_of(caller)
    after.post(PassCaller(interaction, QueueId("everyday"), "please"))
    assert agent in after.ended_legs
    assert after.state(ANNA) is AgentState.WRAP_UP
    assert after.rung() == ["mart"], "not back to the one who has just given him away"
    after.answer(after.ringing()[0])
    assert after.session_of(caller).talk.agent == MART


def test_a_transfer_by_refer_is_served() -> None:
    before = House()
    _, agent = talking(before)
    after = next_life(before)
    after.post(sip.ReferReceived(agent, "not a number!"))
    assert [each.status for each in after.of(sip.AnswerRefer)] == [404]
    after.post(sip.ReferReceived(agent, "+3726310000"))
    assert after.of(sip.AnswerRefer)[-1].status in (202, 403)


def test_an_agent_who_is_no_longer_configured_talks_to_the_end() -> None:
    before = House()
    caller, agent = talking(before)
    (call,) = kept(before)
    assert call.talk is not None
    after = House()
    after.now = before.now
    after.post(CallRestored(replace(call, talk=replace(call.talk, agent="gone", queue=QueueId("gone too")))))
    after.post(CallsResumed())
    assert after.of(media.Bridge)
    after.bye(caller)
    assert agent in after.ended_legs


def test_of_two_legs_one_is_gone() -> None:
    """Her phone hung up in the last moment: he is not left in silence, and goes back to his line."""
    before = House()
    caller, agent = talking(before)
    (call,) = kept(before)
    live = LiveCalls(before.calls, lambda leg: dialog(leg) if leg == caller else None)
    alone = live.look(call.key, [caller, agent], before.now)
    assert alone is not None
    assert (alone.kind, [each.sip.leg for each in alone.legs]) == (WAITING, [caller])


def test_who_is_in_a_talk_besides_the_two_is_let_go() -> None:
    """A supervisor who listens, a colleague who is asked: the two go on with each other."""
    before = House()
    caller, agent = talking(before)
    (call,) = kept(before)
    third = LegId(4711)
    leg = before.calls.board.open_leg(third, replace(before.session_of(caller).leg.facts, direction="out"), NOBODY)
    assert leg is not None
    live = LiveCalls(before.calls, dialog)
    seen = live.look(call.key, [caller, agent, third], before.now)
    assert seen is not None
    assert [each.sip.leg for each in seen.others] == [third]
    after = House()
    after.now = before.now
    after.post(CallRestored(unpacked(packed(seen))))
    after.register(ANNA)
    after.post(CallsResumed())
    assert after.ended_legs == {third}
    assert [(each.leg, each.peer) for each in after.of(media.Bridge)] == [(caller, agent)]


def test_while_she_is_told_who_it_is_he_still_waits() -> None:
    before = House()
    caller, agent = talking(before)
    before.session_of(caller).talk._began_at = 0.0
    live = LiveCalls(before.calls, dialog)
    call = live.look(before.interaction_of(caller), [caller, agent], before.now)
    assert call is not None
    assert (call.kind, [each.sip.leg for each in call.others]) == (WAITING, [agent])


def recording_house(before: House | None = None) -> House:
    settings = make_settings()
    plan = RecordingPlan({EVERYDAY: RecordRule("always")})
    house = House(replace(settings, call=replace(settings.call, recording=plan)))
    if before is not None:
        house.now = before.now + 5
        for call in kept(before):
            house.post(CallRestored(call))
        house.register(ANNA)
        house.post(CallsResumed())
    return house


def test_its_recording_goes_on_as_one_recording() -> None:
    before = recording_house()
    caller, _ = talking(before)
    assert len(before.of(media.StartRecording)) == 1
    before.calls.board.recordings.obey(
        before.session_of(caller).leg, RecordingOrder(before.interaction_of(caller), "pause", "kadri", "card number")
    )
    after = recording_house(before)
    assert after.calls.board.recordings.state(caller) == "paused"
    assert not after.of(media.StartRecording)
    assert after.of(media.MarkRecording)[0] == media.MarkRecording(caller, "the switch was started again")


def test_its_recording_goes_on_in_another_file_when_the_media_process_was_lost() -> None:
    house = recording_house()
    caller, _ = talking(house)
    house.lose_media()
    assert len(house.of(media.StartRecording)) == 1
    house.new_media()
    first, second = house.of(media.StartRecording)
    assert second.leg == caller and second.recording != first.recording and second.interaction == first.interaction
    opened = max(n for n, each in enumerate(house.sent) if isinstance(each, media.OpenMediaLeg) and each.leg == caller)
    assert opened < house.sent.index(second)
    assert media.MarkRecording(caller, "goes on from", str(first.recording)) in house.sent


def test_who_refused_to_be_recorded_is_not_recorded() -> None:
    before = recording_house()
    caller, _ = talking(before)
    session = before.session_of(caller)
    before.calls.board.recordings.flow(session.leg, session.interaction, "stop")
    after = recording_house(before)
    assert after.calls.board.recordings.state(caller) == "refused"
    assert not after.of(media.StartRecording)


# ------------------------------------------------------------------ who waits


def test_who_waited_waits_at_his_place_with_all_his_time() -> None:
    before = House()
    talks, agent = talking(before)
    first = before.to_queue("+3725550011")
    before.wait(30)
    second = before.to_queue("+3725550012")
    before.wait(10)
    calls = kept(before)
    assert [call.kind for call in calls] == [TALK, WAITING, WAITING]
    after = House()
    after.now = before.now + 20
    for call in reversed(calls):
        after.post(CallRestored(call))
    after.register(ANNA)
    after.post(CallsResumed())
    assert not after.rung(), "she is talking"
    assert any("Please wait." in said for said in after.heard(first)), after.heard(first)
    assert "the switch was started again" in after.session_of(second).waiting.notes
    after.bye(talks)
    after.wait(11)
    (invite,) = after.ringing()
    after.answer(invite)
    assert after.session_of(first).talk is not None, "who came first is served first"
    assert after.session_of(second).stage is Stage.QUEUED
    (ended,) = [each for each in after.of(acd.InteractionEnded) if each.outcome is acd.Outcome.ANSWERED]
    after.bye(second)
    (left,) = [each for each in after.of(acd.InteractionEnded) if each.outcome is acd.Outcome.ABANDONED]
    assert agent in after.ended_legs
    assert ended.interaction < left.interaction


def test_who_was_promised_a_call_is_not_put_in_line_as_well() -> None:
    before = House()
    caller = before.to_queue()
    interaction = before.interaction_of(caller)
    after = next_life(before, promised=frozenset({interaction}))
    assert caller in after.ended_legs
    assert not after.rung()


def test_while_a_phone_rings_for_him_he_is_one_who_waits() -> None:
    before = House()
    before.register(ANNA)
    caller = before.to_queue()
    assert before.rung() == ["anna"]
    (call,) = kept(before)
    assert (call.kind, len(call.legs)) == (WAITING, 1)
    after = next_life(before)
    assert after.rung() == ["anna"], "she is rung anew"
    after.answer(after.ringing()[0])
    assert after.session_of(caller).talk is not None


# ------------------------------------------------------------------ menus, and the rest


def test_the_menu_begins_anew() -> None:
    before = House()
    caller = before.call()
    (call,) = kept(before)
    assert call.kind == MENU
    after = next_life(before)
    assert after.heard(caller) == ["Welcome."]
    after.prompt_over(caller)
    after.press(caller, "1")
    assert after.rung() == ["anna"]


def test_a_number_that_leads_nowhere_any_more_is_hung_up() -> None:
    before = House()
    before.call()
    (call,) = kept(before)
    leg = call.legs[0]
    after = House()
    moved = replace(leg, facts=replace(leg.facts, dialled="+3720000000"))
    after.post(CallRestored(replace(call, legs=(moved,))))
    after.post(CallsResumed())
    assert [(each.leg, "cause=41" in (each.reason or "")) for each in after.of(sip.Hangup)] == [(leg.sip.leg, True)]
    assert after.of(records.CallDetail)[0].restarted


def test_agents_who_talk_with_each_other_go_on() -> None:
    before = House()
    before.register(ANNA, MART)
    before.post(sip.InviteReceived(LegId(77), sip.Origin(agent=ANNA), "1001", "1000", "", offer(), FLOW))
    (invite,) = before.ringing()
    before.answer(invite)
    (call,) = kept(before)
    assert call.kind == INTERNAL
    after = next_life(before)
    assert [(each.leg, each.peer) for each in after.of(media.Bridge)] == [(77, invite.leg)]
    assert {after.state(ANNA), after.state(MART)} == {AgentState.SUSPENDED}
    after.bye(invite.leg)
    assert LegId(77) in after.ended_legs
    assert {after.state(ANNA), after.state(MART)} == {AgentState.READY}
    assert not after.calls.transfers.internal_calls


def test_a_feature_code_is_hung_up() -> None:
    before = House()
    before.register(ANNA)
    before.post(sip.InviteReceived(LegId(78), sip.Origin(agent=ANNA), "*14", "1000", "", offer(), FLOW))
    (call,) = kept(before)
    assert call.kind == ALONE
    after = next_life(before)
    assert LegId(78) in after.ended_legs


def test_a_session_with_keys_that_cannot_be_refreshed_as_it_was_gets_a_new_description() -> None:
    before = House()
    talking(before)
    (call,) = kept(before)
    timer = replace(dialog(LegId(1)).timer, peer_updates=False)
    legs = tuple(replace(each, sip=replace(each.sip, timer=timer, described=b"")) for each in call.legs)
    after = House()
    after.now = before.now
    after.post(CallRestored(replace(call, legs=legs)))
    after.post(CallsResumed())
    assert len(after.of(sip.SendOffer)) == 2


def test_keys_are_not_kept_and_an_encrypted_leg_stays_encrypted() -> None:
    theirs = bytes(range(30))
    line = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{b64encode(theirs).decode()}\r\n".encode()
    encrypted = offer().replace(b"RTP/AVP", b"RTP/SAVP") + line
    before = House()
    before.register(ANNA)
    caller = before.call(sdp=encrypted)
    before.press(caller, "1")
    assert [each.theirs for each in before.of(media.SetKeys)] == [theirs]
    (call,) = kept(before)
    assert theirs not in packed(call)
    assert b64encode(theirs) not in packed(call)
    after = next_life(before)
    after.post(sip.OfferReceived(caller, offer()))
    assert after.of(sip.AnswerOffer)[-1].status == 488, "it does not become plain"
    after.post(sip.OfferReceived(caller, encrypted))
    assert after.of(sip.AnswerOffer)[-1].status == 200
    assert [each.theirs for each in after.of(media.SetKeys)] == [theirs]


# ------------------------------------------------------------------ how it is written


@pytest.mark.parametrize("make", [talking, lambda house: house.call(), lambda house: house.to_queue()])
def test_what_is_written_is_read_back_to_the_letter(make: Callable[[House], Any]) -> None:
    house = House()
    make(house)
    live = LiveCalls(house.calls, dialog)
    for leg in house.calls.board.live_legs():
        key = live.key_of(leg.id)
        assert key is not None
        call = live.look(key, [leg.id], house.now)
        assert call is not None
        assert packed(unpacked(packed(call))) == packed(call)
        assert len(packed(call)) < 1500
