"""An agent who takes a caller over from a colleague: she talks, it counts, and then she does what she did before."""

from __future__ import annotations

import pytest
from tests.call.house import ANNA, EVERYDAY, MART, House

from softswitch.acd import messages as acd
from softswitch.acd.floor import Rejection
from softswitch.acd.history import _asked
from softswitch.ids import AgentId, InteractionId, QueueId, RingAttemptId

ATTEMPT = RingAttemptId(999_999)


def take(house: House, agent: AgentId = MART, attempt: RingAttemptId = ATTEMPT, queue: QueueId = EVERYDAY) -> None:
    house.post(acd.AgentTookOver(attempt, InteractionId(77), agent, queue, "en"))


@pytest.mark.parametrize("before", ["ready", "break", "outbound", "wrap-up", "own call", "logged out"])
def test_she_talks_and_then_goes_on(before: str) -> None:
    house = House()
    house.register(MART)
    if before == "break":
        house.post(acd.AgentWentOnBreak(MART, "lunch"))
    elif before == "outbound":
        house.post(acd.AgentWentOutbound(MART, "leads"))
    elif before == "own call":
        house.post(acd.OwnCallBegan(MART))
    elif before == "logged out":
        house.post(acd.AgentLoggedOut(MART))
    elif before == "wrap-up":
        leg = house.to_queue()
        house.answer(house.ringing()[0])
        house.wait(30)
        house.bye(leg)
        assert house.state(MART) is acd.AgentState.WRAP_UP
    calls = next(shot.calls for shot in house.engine.agents() if shot.id == MART)
    take(house)
    assert house.state(MART) is acd.AgentState.TALKING
    if before == "own call":
        house.post(acd.OwnCallEnded(MART))
        assert house.state(MART) is acd.AgentState.TALKING
    assert next(shot.calls for shot in house.engine.agents() if shot.id == MART) == calls + 1
    house.to_queue()
    assert house.rung() == [], "she is offered nobody"
    house.wait(60)
    house.post(acd.ConversationEnded(ATTEMPT))
    assert house.state(MART) is acd.AgentState.WRAP_UP
    house.wait(11)
    after = {"break": acd.AgentState.BREAK, "outbound": acd.AgentState.OUTBOUND, "logged out": acd.AgentState.OFFLINE}
    assert house.state(MART) is after.get(before, acd.AgentState.RINGING)
    if before == "break":
        assert next(shot.reason for shot in house.engine.agents() if shot.id == MART) == "lunch"


def test_not_while_she_is_busy_with_another() -> None:
    house = House()
    house.register(MART)
    house.to_queue()
    take(house)
    assert house.state(MART) is acd.AgentState.RINGING
    house.answer(house.ringing()[0])
    take(house)
    assert house.engine.rejected[Rejection.NOT_NOW] == 2
    house.post(acd.ConversationEnded(ATTEMPT))
    assert house.state(MART) is acd.AgentState.TALKING, "with whom she talks is not touched"


def test_unknown_names() -> None:
    house = House()
    take(house, AgentId("nobody"))
    take(house, ANNA, queue=QueueId("nowhere"))
    rejected = house.engine.rejected
    assert (rejected[Rejection.UNKNOWN_AGENT], rejected[Rejection.UNKNOWN_QUEUE]) == (1, 1)


def test_a_supervisor_frees_her() -> None:
    house = House()
    house.register(MART)
    take(house)
    house.post(acd.AgentFreed(MART, "kadri", "stuck"))
    assert house.of(acd.EndConversation) == [acd.EndConversation(ATTEMPT)]
    assert house.state(MART) is acd.AgentState.READY


def test_it_is_part_of_his_story() -> None:
    event = acd.AgentTookOver(ATTEMPT, InteractionId(77), MART, EVERYDAY)
    assert _asked(event) == "was handed over to mart by a colleague"
