"""Counting: the service level's ingredients, as FACTS defines them."""

from __future__ import annotations

import pytest

from softswitch.acd.messages import CallerEntered, InteractionEnded, Outcome, QueueSettings, RingEnd, RingEnded
from softswitch.app.tally import Tally
from softswitch.call.records import InteractionClosed
from softswitch.ids import AgentId, InteractionId, QueueId, RingAttemptId
from softswitch.sip.messages import Reject, SecurityEvent

BANK = QueueId("bank")


def ended(outcome: Outcome, waited: float) -> InteractionEnded:
    return InteractionEnded(InteractionId(1), BANK, outcome, None, 100.0, 100.0 + waited)


@pytest.mark.parametrize(
    ("message", "counted"),
    [
        (ended(Outcome.ANSWERED, 20.0), {"answered": 1, "answered_within": 1}),
        (ended(Outcome.ANSWERED, 20.1), {"answered": 1}),
        (ended(Outcome.ABANDONED, 4.9), {"abandoned": 1, "abandoned_short": 1}),
        (ended(Outcome.ABANDONED, 5.0), {"abandoned": 1}),
        (ended(Outcome.OVERFLOWED, 1.0), {"overflowed": 1}),
        (ended(Outcome.CALLED_BACK, 900.0), {"called_back": 1}),
        (ended(Outcome.CALL_BACK_FAILED, 900.0), {}),
        (CallerEntered(InteractionId(1), BANK, "", None, "en", None), {"offered": 1}),
    ],
)
def test_what_a_message_counts_for_its_queue(message: object, counted: dict[str, int]) -> None:
    tally = Tally((QueueSettings(BANK, "Bank", service_level_seconds=20.0),))
    tally.count(message)
    queue = tally.queues[BANK]
    seen = {name: getattr(queue, name) for name in queue.__slots__ if getattr(queue, name)}
    assert seen == counted


def test_totals_by_word() -> None:
    tally = Tally((QueueSettings(BANK, "Bank"),))
    tally.count(InteractionClosed(InteractionId(1), "menu", None, 0.0, 0.0, ""))
    tally.count(ended(Outcome.ANSWERED, 1.0))
    tally.count(RingEnded(RingAttemptId(1), InteractionId(1), BANK, AgentId("a"), 0.0, 1.0, RingEnd.NO_ANSWER))
    tally.count(Reject(1, 404))  # type: ignore[arg-type]
    tally.count(SecurityEvent("unknown_trunk", ("192.0.2.1", 5060)))
    assert dict(tally.outcomes) == {"menu": 1, "answered": 1}
    assert dict(tally.rings) == {"no_answer": 1}
    assert dict(tally.refused) == {404: 1}
    assert dict(tally.security) == {"unknown_trunk": 1}
