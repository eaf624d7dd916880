"""The switch was started again with another configuration: whose agent, queue or number is no longer there goes on, or
ends in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.call.house import ANNA, EVERYDAY, House, make_settings
from tests.call.test_readopted import kept, talking

from softswitch.acd.messages import AgentState
from softswitch.call import records
from softswitch.call.live import CallRestored, CallsResumed
from softswitch.call.session import Stage
from softswitch.call.settings import Settings
from softswitch.call.unconfigured import missing
from softswitch.ids import QueueId
from softswitch.media import messages as media
from softswitch.sip import messages as sip

OTHER = QueueId("other")


def without_agent(settings: Settings) -> Settings:
    acd, call = settings.acd, settings.call
    agents = tuple(agent for agent in acd.agents if agent.id != ANNA)
    voices = {agent: voice for agent, voice in call.agents.items() if agent != ANNA}
    return replace(settings, acd=replace(acd, agents=agents), call=replace(call, agents=voices))


def without_queue(settings: Settings) -> Settings:
    """There is another one in its place, to which the menu leads."""
    acd, call = settings.acd, settings.call
    agents = tuple(replace(agent, queues=(OTHER,)) for agent in acd.agents)
    queues = tuple(replace(queue, id=OTHER) for queue in acd.queues)
    texts = {OTHER: call.queue_texts[EVERYDAY]}
    return replace(settings, acd=replace(acd, agents=agents, queues=queues), call=replace(call, queue_texts=texts))


def without_number(settings: Settings) -> Settings:
    return replace(settings, call=replace(settings.call, numbers={}))


def changed_life(before: House, settings: Settings) -> House:
    calls = kept(before)
    after = House(settings)
    after.now = before.now + 20.0
    for call in calls:
        after.post(CallRestored(call))
    after.register(*(agent.id for agent in settings.acd.agents))
    after.post(CallsResumed(frozenset(), frozenset(call.key for call in calls)))
    return after


@pytest.mark.parametrize("change", [without_agent, without_queue, without_number])
@pytest.mark.parametrize("who", ["caller", "agent"])
def test_a_talk_goes_on_whatever_is_gone_and_is_written(change: Any, who: str) -> None:
    before = House()
    caller, agent = talking(before)
    began = before.now
    before.wait(30)
    after = changed_life(before, change(make_settings()))
    assert [(each.leg, each.peer) for each in after.of(media.Bridge)] == [(caller, agent)]
    if change is without_queue:
        assert after.state(ANNA) is not AgentState.READY, "nobody rings her meanwhile"
    after.wait(10)
    after.bye(caller if who == "caller" else agent)
    after.wait(20_000)
    (talk,) = after.of(records.TalkRecord)
    assert (talk.agent, talk.queue, talk.caller) == (ANNA, EVERYDAY, "+3725550001")
    assert talk.seconds == pytest.approx(60.0)
    assert talk.began_at == pytest.approx(began + 1e9)
    assert {each.leg for each in after.of(records.CallDetail)} == {caller, agent}
    if change is without_queue:
        assert after.state(ANNA) is AgentState.READY
    assert after.calls.board.live_legs() == ()
    assert not after.calls.sessions


def test_who_waits_in_a_queue_that_is_gone_comes_to_the_menu_of_his_number() -> None:
    before = House()
    before.register(ANNA)
    caller = before.to_queue()
    before.wait(30)
    after = changed_life(before, without_queue(make_settings()))
    session = after.session_of(caller)
    assert session.stage is Stage.MENU
    assert after.heard(caller)[0] == "Welcome."
    assert not after.of(records.InteractionLost)
    after.bye(caller)
    (closed,) = after.of(records.InteractionClosed)
    assert closed.interaction == session.interaction
    after.wait(20_000)
    assert not after.calls.sessions


def test_who_waits_and_neither_queue_nor_number_is_there_any_more_is_hung_up() -> None:
    before = House()
    before.register(ANNA)
    caller = before.to_queue()
    before.wait(30)
    (call,) = kept(before)
    after = changed_life(before, without_number(without_queue(make_settings())))
    assert [each.leg for each in after.of(sip.Hangup)] == [caller]
    (lost,) = after.of(records.InteractionLost)
    assert (lost.interaction, lost.outcome) == (call.key, records.LOST)
    assert lost.waited_seconds == pytest.approx(50.0)
    assert after.calls.board.live_legs() == ()


def test_who_waits_goes_on_when_only_his_number_is_gone() -> None:
    before = House()
    before.register(ANNA)
    caller = before.to_queue()
    after = changed_life(before, without_number(make_settings()))
    assert after.session_of(caller).stage is Stage.QUEUED
    (invite,) = after.ringing()
    after.answer(invite)
    assert after.session_of(caller).stage is Stage.TALKING


def test_a_menu_whose_number_is_gone_ends_and_is_closed() -> None:
    before = House()
    caller = before.call()
    (call,) = kept(before)
    after = changed_life(before, without_number(make_settings()))
    assert [each.leg for each in after.of(sip.Hangup)] == [caller]
    assert [each.interaction for each in after.of(records.InteractionLost)] == [call.key]


def test_what_is_missing_is_named() -> None:
    before = House()
    talking(before)
    before.to_queue("+3725550002")
    settings = without_number(without_queue(without_agent(make_settings())))
    calls = kept(before)
    assert missing(calls, before.settings) == {}
    assert missing(calls, replace(settings, sip=replace(settings.sip, trunks=()))) == {
        "agents": (ANNA,),
        "queues": (EVERYDAY,),
        "numbers": ("+3726310000",),
        "trunks": ("pstn",),
    }
